//! The import of product files: every row is accounted for, twice is harmless, and a kill loses nothing.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use aisle::catalog::import::{Arguments, Error, Summary, import};
use aisle::catalog::{Kind, Reason};
use aisle::db::Place;
use aisle::env::Env;
use aisle::identity::Scope;
use clap::Parser;

use crate::support::TestApp;
use crate::support::catalog::STORE;
use crate::support::trip::Shop;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: Arguments,
}

/// The variable that names the test's database.
fn database(test: &TestApp) -> (&'static str, String) {
    match &test.app.config.database.place {
        Place::SqliteFile(file) => ("AISLE_DATABASE_FILE", file.display().to_string()),
        Place::PostgresUrl(url) => ("DATABASE_URL", url.clone()),
    }
}

async fn run(test: &TestApp, file: &Path, arguments: &[&str]) -> Result<Summary, Error> {
    let name = file.display().to_string();
    let line = Line::try_parse_from(["import", &name].iter().chain(arguments)).expect("arguments");
    let summary = import(&line.arguments, &Env::from_pairs([database(test)])).await;
    test.app.catalog.refresh(&test.app.db).await.expect("visible");
    summary
}

fn file(written: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(written).expect("written");
    file
}

fn find(test: &TestApp, code: &str) -> Option<(String, String, i64)> {
    let found =
        test.app.catalog.view().find(&STORE.parse().expect("a store"), code, test.app.clock.now()).ok()?;
    Some((found.sku.to_string(), found.name.clone(), found.price.amount.minor()))
}

const MAP: &str = "--map=code=EAN,name=Bezeichnung,brand=Marke,content=Menge+Einheit";

#[tokio::test]
async fn every_row_of_a_file_is_applied_unchanged_or_refused_with_a_reason() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let written = "\u{feff}EAN;Bezeichnung;Marke;Menge;Einheit\r\n\
        4006381333931;\"Stift; rot\";Marke;1;Stück\r\n\
        36000291452;A zero was lost;;;\r\n\
        4006381333932;Wrong check digit;;;\r\n\
        7,6223E+12;Digits lost;;;\r\n\
        2000000000008;Of another chain;;;\r\n\
        9520000001001; ;;;\r\n\
        04006381333931;The same again;;;\r\n\
        ;No code;;;\r\n\
        5 449000;Blank inside;;;\r\n";
    let file = file(written.as_bytes());
    let arguments = [MAP, "--prices=seeded:7", "--store", STORE];
    let summary = run(&test, file.path(), &arguments).await.expect("imported");
    assert_eq!(
        (summary.received, summary.applied(), summary.unchanged(), summary.quarantined()),
        (9, 2, 0, 7),
        "{summary}"
    );
    let reasons: Vec<(Reason, u64)> =
        summary.reasons.iter().map(|(reason, refused)| (*reason, refused.count)).collect();
    let expected = [
        Reason::NameMissing,
        Reason::CodeEmpty,
        Reason::CodeCharset,
        Reason::CodeCheckDigit,
        Reason::CodeRestricted,
        Reason::CodeDigitsLost,
        Reason::CodeDuplicate,
    ];
    assert_eq!(reasons, expected.map(|reason| (reason, 1)), "{summary}");
    assert_eq!((summary.repaired, summary.repaired_examples[0]), (1, 3));
    assert_eq!(summary.reasons[&Reason::CodeDuplicate].examples[0].0, 8);
    let (sku, name, price) = find(&test, "4006381333931").expect("found");
    assert_eq!((sku.as_str(), name.as_str()), ("04006381333931", "Stift; rot"));
    assert!((49..=1999).contains(&price));
    assert!(summary.to_string().contains("made up, not real"));
    let again = run(&test, file.path(), &arguments).await.expect("imported again");
    assert_eq!((again.applied(), again.unchanged(), again.quarantined()), (0, 2, 7), "{again}");
    let revision = test.app.catalog.view().revision();
    let rows_differently_cut =
        run(&test, file.path(), &[MAP, "--prices=seeded:7", "--batch-rows=1"]).await.expect("imported");
    assert_eq!((rows_differently_cut.applied(), rows_differently_cut.unchanged()), (0, 2));
    assert_eq!(test.app.catalog.view().revision(), revision);
}

#[tokio::test]
async fn an_import_over_http_does_as_one_to_the_database() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let file = file(b"EAN\tBezeichnung\tMarke\tMenge\tEinheit\n4006381333931\tK\xe4se\t\t\t\n2000000000008\tInternal\t\t\t\n");
    let arguments = [
        MAP,
        "--internal-codes",
        "--deliverable",
        "--prices=seeded:7",
        "--store",
        STORE,
        "--server",
        test.url(),
        "--key",
        &key,
    ];
    let summary = run(&test, file.path(), &arguments).await.expect("imported");
    assert_eq!((summary.applied(), summary.windows_1252), (2, 1), "{summary}");
    assert_eq!(find(&test, "4006381333931").map(|found| found.1), Some("Käse".to_owned()));
    assert!(find(&test, "2000000000008").is_some());
    let refused =
        run(&test, file.path(), &[MAP, "--server", test.url(), "--key", "no-key"]).await.expect_err("no key");
    assert!(refused.to_string().contains("unauthenticated"), "{refused}");
}

#[tokio::test]
async fn the_server_judges_every_row_of_a_table_and_keeps_what_is_wrong() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let written = "EAN;Bezeichnung;Marke;Menge;Einheit\n\
        4006381333931;Pen;;;\n\
        4006381333932;\"Wrong\ncheck digit\";;;\n\
        4006381333931;The same again;;;\n\
        36000291452;A zero was lost;;;\n";
    let file = file(written.as_bytes());
    let arguments = [MAP, "--server", test.url(), "--key", &key, "--batch-rows=1"];
    let summary = run(&test, file.path(), &arguments).await.expect("imported");
    assert_eq!((summary.received, summary.applied(), summary.quarantined()), (4, 2, 2), "{summary}");
    assert_eq!(summary.reasons[&Reason::CodeDuplicate].examples[0].0, 5, "by the line of the file");
    assert!(summary.reasons[&Reason::CodeDuplicate].examples[0].2.contains("line 2"), "{summary}");
    let quality =
        aisle::catalog::quality::report(&test.app.db, test.app.clock.now(), 1, None).await.expect("a report");
    let source =
        quality.sources.iter().find(|each| each.source.starts_with("partner:")).expect("the partner");
    assert_eq!((source.received, source.quarantined), (4, 2), "the server counts as the client does");
    assert_eq!(quality.open, 2);
    let rules: Vec<&str> = quality.rules.iter().map(|rule| rule.rule.as_str()).collect();
    for rule in ["code.check", "code.duplicate", "code.length"] {
        assert!(rules.contains(&rule), "{rule}: {rules:?}");
    }
}

#[tokio::test]
async fn a_table_in_another_code_page_is_read_as_it_says() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let table =
        |name: &str| format!("EAN\tBezeichnung\tMarke\tMenge\tEinheit\n4006381333931\t{name}\t\t\t\n");
    let utf16: Vec<u8> =
        std::iter::once(0xfeff).chain(table("Käse 🧀").encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin: Vec<u8> = table("Käse €")
        .chars()
        .map(|each| if each == '€' { 0x80 } else { u8::try_from(u32::from(each)).expect("a byte") })
        .collect();
    for (bytes, encoding, name) in [(&utf16, "auto", "Käse 🧀"), (&latin, "windows-1252", "Käse €")] {
        let file = file(bytes);
        for mode in ["--mode=delta", "--mode=full"] {
            let kinds = "--kinds=code";
            let encoding = format!("--encoding={encoding}");
            let arguments =
                [MAP, &encoding, mode, kinds, "--prices=seeded:7", "--confirmed", "--store", STORE];
            let arguments = if mode == "--mode=full" {
                vec![MAP, &encoding, mode, kinds, "--confirmed"]
            } else {
                arguments.to_vec()
            };
            let summary = run(&test, file.path(), &arguments).await.expect("imported");
            assert_eq!(
                (summary.received, summary.quarantined(), summary.windows_1252),
                (1, 0, 0),
                "{summary}"
            );
            assert_eq!(find(&test, "4006381333931").map(|found| found.1), Some(name.to_owned()), "{mode}");
        }
    }
    let wrong = file(b"EAN,Bezeichnung\n");
    let refused = run(&test, wrong.path(), &["--map=code=EAN,name=Bezeichnung", "--encoding=utf-16"]).await;
    assert!(refused.expect_err("no mark").to_string().contains("no mark"));
}

#[tokio::test]
async fn the_key_of_a_server_need_not_stand_in_the_list_of_processes() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let key = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    let table = file(b"EAN,Bezeichnung\n4006381333931,Pen\n");
    let held = file(format!("{key}\n").as_bytes());
    let name = table.path().display().to_string();
    let line = ["import", &name, "--map=code=EAN,name=Bezeichnung", "--server", test.url()];
    let arguments = Line::try_parse_from(line).expect("arguments").arguments;
    let path = held.path().display().to_string();
    for variable in [("AISLE_IMPORT_KEY", &key), ("AISLE_IMPORT_KEY_FILE", &path)] {
        import(&arguments, &Env::from_pairs([(variable.0, variable.1.as_str())])).await.expect("imported");
    }
    let none = import(&arguments, &Env::from_pairs([("A", "b")])).await.expect_err("no key");
    assert!(none.to_string().contains("AISLE_IMPORT_KEY"));
}

#[tokio::test]
async fn what_the_target_refuses_is_reported_by_the_line_of_the_file() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let file = file(b"EAN,Bezeichnung,Marke,Menge,Einheit\n,No code,,,\n4006381333931,Pen,,,\n");
    let summary = run(&test, file.path(), &[MAP, "--tax-class=luxury"]).await.expect("imported");
    assert_eq!((summary.received, summary.applied(), summary.quarantined()), (2, 0, 2));
    assert_eq!(summary.reasons[&Reason::TaxClassUnknown].examples[0].0, 3);
    assert_eq!(summary.refused_for(Reason::TaxClassUnknown), 1);
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_when_it_is_run_again() {
    const ROWS: u64 = 3000;
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let mut written = b"EAN,Bezeichnung,Marke,Menge,Einheit\n".to_vec();
    for number in 0..ROWS {
        let body = 400_638_100_000 + number;
        let digits: Vec<u64> = body.to_string().bytes().map(|byte| u64::from(byte - b'0')).collect();
        let sum: u64 = digits
            .iter()
            .enumerate()
            .map(|(place, digit)| if place % 2 == 0 { *digit } else { 3 * digit })
            .sum();
        let check = (10 - sum % 10) % 10;
        writeln!(written, "{body}{check},Product {number},,,").expect("text grows");
    }
    let file = file(&written);
    let (variable, value) = database(&test);
    let mut child = Command::new(env!("CARGO_BIN_EXE_aisle"))
        .args(["import", &file.path().display().to_string(), MAP, "--batch-rows=100", "--prices=seeded:7"])
        .env(variable, value)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let told = BufReader::new(child.stderr.take().expect("its errors")).lines().nth(2);
    assert!(told.expect("a third line").expect("text").contains("300 rows"));
    child.kill().expect("killed");
    child.wait().expect("gone");
    test.app.catalog.refresh(&test.app.db).await.expect("read");
    let summary =
        run(&test, file.path(), &[MAP, "--prices=seeded:7", "--store", STORE]).await.expect("imported");
    assert_eq!(summary.applied() + summary.unchanged(), ROWS, "{summary}");
    assert!(summary.unchanged() >= 300, "{summary}");
    assert_eq!(summary.delivered[&Kind::Price].quarantined, 0);
    assert_eq!(find(&test, "4006381000000").map(|found| found.1), Some("Product 0".to_owned()));
}

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

const OPEN_FOOD_FACTS: &str =
    "--map=code=code,name=product_name_{lc}|product_name_en|product_name_*,brand=brands,content=quantity";
const CROATIAN: &str = "--map=code=barcode,name=name,brand=brand,content=quantity+unit";

/// File, mapping, rows, applied, zeros put back, and how many rows were refused for each reason, as the files' own
/// description counts them. Eight digits that are no EAN-8 but a UPC-E count as codes here and as wrong there.
type Real = (&'static str, &'static str, u64, u64, u64, &'static [(Reason, u64)]);

const REAL: [Real; 6] = [
    (
        "hr-products.csv",
        CROATIAN,
        29_684,
        29_644,
        115,
        &[(Reason::CodeLength, 34), (Reason::CodeCheckDigit, 1), (Reason::CodeRestricted, 5)],
    ),
    (
        "off-jumbo-nl.tsv",
        OPEN_FOOD_FACTS,
        1309,
        1145,
        1,
        &[
            (Reason::NameMissing, 105),
            (Reason::CodeLength, 9),
            (Reason::CodeCheckDigit, 2),
            (Reason::CodeRestricted, 48),
        ],
    ),
    (
        "off-ferrero.tsv",
        OPEN_FOOD_FACTS,
        773,
        552,
        1,
        &[
            (Reason::NameMissing, 25),
            (Reason::CodeLength, 19),
            (Reason::CodeCheckDigit, 20),
            (Reason::CodeRestricted, 149),
            (Reason::CodeCoupon, 2),
            (Reason::CodeDuplicate, 6),
        ],
    ),
    (
        "off-petfood.tsv",
        OPEN_FOOD_FACTS,
        1098,
        943,
        0,
        &[
            (Reason::NameMissing, 108),
            (Reason::CodeLength, 1),
            (Reason::CodeCheckDigit, 4),
            (Reason::CodeRestricted, 40),
            (Reason::CodeCoupon, 2),
        ],
    ),
    (
        "off-sweets-it.tsv",
        OPEN_FOOD_FACTS,
        936,
        901,
        0,
        &[
            (Reason::NameMissing, 9),
            (Reason::CodeLength, 1),
            (Reason::CodeCheckDigit, 8),
            (Reason::CodeRestricted, 16),
            (Reason::CodeCoupon, 1),
        ],
    ),
    (
        "off-excel-damaged.csv",
        OPEN_FOOD_FACTS,
        397,
        6,
        0,
        &[
            (Reason::NameMissing, 1),
            (Reason::CodeEmpty, 1),
            (Reason::CodeCheckDigit, 1),
            (Reason::CodeRestricted, 21),
            (Reason::CodeDigitsLost, 367),
        ],
    ),
];

#[tokio::test]
async fn the_real_files_are_imported_with_the_defects_that_are_known() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    for (name, map, received, applied, repaired, reasons) in REAL {
        let Some(file) = real(name) else { continue };
        let summary = run(&test, &file, &[map, "--prices=seeded:7", "--store", STORE, "--confirmed"])
            .await
            .expect("imported");
        let refused: Vec<(Reason, u64)> =
            summary.reasons.iter().map(|(reason, refused)| (*reason, refused.count)).collect();
        assert_eq!(refused, reasons, "{name}: {summary}");
        assert_eq!(
            (summary.received, summary.applied(), summary.repaired),
            (received, applied, repaired),
            "{name}"
        );
        assert_eq!(
            summary.received,
            summary.applied() + summary.unchanged() + summary.quarantined(),
            "{name}"
        );
    }
    if real("hr-products.csv").is_some() {
        assert!(find(&test, "9008700124195").is_some());
    }
}

/// The codes of a real file as they stand in it, from some row on.
fn codes(file: &Path, delimiter: u8, column: &str, from: usize, count: usize) -> Vec<String> {
    let mut rows = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .quoting(false)
        .from_path(file)
        .expect("a file");
    let place =
        rows.headers().expect("headings").iter().position(|name| name == column).expect("a column of codes");
    let cells =
        rows.records().skip(from).filter_map(|row| Some(row.ok()?.get(place)?.trim_matches('"').to_owned()));
    cells.filter(|code| code.len() == 13).take(count).collect()
}

#[tokio::test]
async fn trips_over_the_real_codes_end_with_a_receipt() {
    let shop = Shop::open().await;
    for (name, map, delimiter, column) in
        [("hr-products.csv", CROATIAN, b',', "barcode"), ("off-jumbo-nl.tsv", OPEN_FOOD_FACTS, b'\t', "code")]
    {
        let Some(file) = real(name) else { continue };
        let arguments = [map, "--prices=seeded:7", "--store", STORE, "--deliverable", "--confirmed"];
        run(&shop.test, &file, &arguments).await.expect("imported");
        for trip in 0..3 {
            let shopper = shop.payer("anna@example.com").await;
            let cart = shopper.check_in().await;
            let codes = codes(&file, delimiter, column, 40 + trip * 50, 6);
            let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
            let scanned = shopper.scan(cart, &codes).await.expect(200);
            let lines = scanned.json["lines"].as_array().expect("lines").len();
            assert!(lines >= 3, "{name}, trip {trip}: {}", scanned.json);
            let order = shopper.order(cart, if trip == 0 { &[1] } else { &[] }).await;
            shop.test.run_jobs().await;
            let read = shopper.read_order(order).await;
            assert_eq!(read.json["captured"], read.json["quote"]["due_now"], "{name}, trip {trip}");
        }
    }
}
