//! The real files, delivered row by row as they stand, break each rule as often as their own description counts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::TestApp;

/// The real files, when they are at hand; none of them is part of the project.
fn real(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["../shared/data", "../../shared/data"].map(|place| folder.join(place).join(name));
    let found = places.into_iter().find(|place| place.exists());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not at hand in ../shared/data");
    }
    found
}

/// The codes, names and brands of a file as a batch: a product of its own number for each row, and its code.
fn batch(file: &Path, delimiter: u8, columns: [&str; 3]) -> String {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_path(file).expect("a file");
    let headings = reader.headers().expect("headings").clone();
    let [code, name, brand] =
        columns.map(|column| headings.iter().position(|each| each == column).expect("a column"));
    let mut text = String::new();
    for (number, record) in reader.records().enumerate() {
        let record = record.expect("a record");
        let cell = |place: usize| record.get(place).unwrap_or_default().trim_matches('"').to_owned();
        // What is asked here is codes and brands: a name that is missing would hide them.
        let name =
            Some(cell(name)).filter(|name| name.chars().filter(|each| each.is_alphabetic()).count() > 1);
        let name = name.unwrap_or_else(|| "Without a name".to_owned());
        let brand = Some(cell(brand)).filter(|brand| !brand.trim().is_empty());
        let sku = format!("row-{number}");
        for row in [
            json!({"kind": "product", "sku": sku, "name": name, "brand": brand, "tax_class": "reduced"}),
            json!({"kind": "code", "code": cell(code), "sku": sku}),
        ] {
            text.push_str(&row.to_string());
            text.push('\n');
        }
    }
    text
}

#[tokio::test]
async fn the_rows_of_the_croatian_file_break_each_rule_as_often_as_its_description_says() {
    let Some(file) = real("hr-products.csv") else { return };
    let test = TestApp::new().await;
    test.apply_rows(&[json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced"})]).await;
    let rows = batch(&file, b',', ["barcode", "name", "brand"]);
    let report = test.apply_text(test.app.ids.next(), rows).await.expect("applied");
    assert_eq!(report.received, 2 * 29_684);
    assert_eq!(report.received, report.applied + report.unchanged + report.quarantined);
    let quality =
        aisle::catalog::quality::report(&test.app.db, test.app.clock.now(), 1, None).await.expect("a report");
    let counts: BTreeMap<String, i64> =
        quality.rules.iter().map(|rule| (format!("{} {}", rule.rule, rule.level), rule.count)).collect();
    let of = |rule: &str| counts.get(rule).copied().unwrap_or_default();
    // 35 check digits are wrong, of these one with an allowed length; five of the 120 without their zeros are of eight
    // digits that begin with 0, and so the chain's own.
    for (rule, count) in [
        ("code.length quarantine", 34),
        ("code.check quarantine", 1),
        ("code.length warn", 115),
        ("code.restricted quarantine", 5),
        ("code.case warn", 18),
        ("brand.missing info", 43),
    ] {
        assert_eq!(of(rule), count, "{rule}: {counts:?}");
    }
    assert_eq!(quality.quarantined, report.quarantined);
}

#[tokio::test]
async fn the_rows_of_the_ferrero_file_break_each_rule_as_often_as_its_description_says() {
    let Some(file) = real("off-ferrero.tsv") else { return };
    let test = TestApp::new().await;
    test.apply_rows(&[json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced"})]).await;
    let rows = batch(&file, b'\t', ["code", "product_name_en", "brands"]);
    let report = test.apply_text(test.app.ids.next(), rows).await.expect("applied");
    assert_eq!(report.received, 2 * 773);
    let quality =
        aisle::catalog::quality::report(&test.app.db, test.app.clock.now(), 1, None).await.expect("a report");
    let counts: BTreeMap<String, i64> =
        quality.rules.iter().map(|rule| (format!("{} {}", rule.rule, rule.level), rule.count)).collect();
    let of = |rule: &str| counts.get(rule).copied().unwrap_or_default();
    // Two of the nineteen codes of a wrong length are messages of GS1.
    for (rule, count) in [
        ("code.length quarantine", 17),
        ("code.gs1string quarantine", 2),
        ("code.check quarantine", 20),
        ("code.restricted quarantine", 149),
        ("code.coupon quarantine", 2),
    ] {
        assert_eq!(of(rule), count, "{rule}: {counts:?}");
    }
}
