//! The assessment: what a system delivers of what the process needs, what it costs when it does not, and nothing secret.

use std::path::Path;

use aisle::exchange::assess::{Arguments, assess, command};
use serde_json::{Value, json};

use super::peer::{Fault, Peer};
use super::pulls::FILE;
use crate::support::TestApp;

struct Office {
    peer: Peer,
    test: TestApp,
    files: tempfile::TempDir,
}

impl Office {
    /// A back office with twenty products, of which every third has no name.
    async fn open() -> Self {
        let peer = Peer::start().await;
        for id in 1..=20 {
            peer.write(id, Some("1.25"), 0);
            if id % 3 == 0 {
                peer.put(id, "name", json!(""), 0);
            }
        }
        let files = tempfile::tempdir().expect("a folder");
        std::fs::write(files.path().join("peer.toml"), FILE.replace("URL", &peer.url)).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let test = TestApp::with(&[("AISLE_CONNECTIONS", folder.as_str()), ("PEER_KEY", "the-key")]).await;
        Self { peer, test, files }
    }

    async fn assess(&self) -> Value {
        let arguments = Arguments { out: self.files.path().to_owned(), records: 1_000, sample: None };
        let assessment = assess(&self.test.app, &arguments).await.expect("an assessment");
        serde_json::to_value(&assessment).expect("JSON")
    }
}

fn field<'a>(assessment: &'a Value, kind: &str, name: &str) -> &'a Value {
    let fields = assessment["data"].as_array().expect("fields");
    fields.iter().find(|field| field["kind"] == kind && field["name"] == name).expect("a field")
}

fn gaps(assessment: &Value) -> Vec<String> {
    let gaps = assessment["gaps"].as_array().expect("gaps").iter();
    gaps.map(|gap| {
        format!("{} {}", gap["severity"].as_str().unwrap_or(""), gap["what"].as_str().unwrap_or(""))
    })
    .collect()
}

fn step<'a>(assessment: &'a Value, name: &str) -> &'a Value {
    let steps = assessment["process"].as_array().expect("steps");
    &steps.iter().find(|step| step["name"] == name).expect("a step")["state"]
}

#[tokio::test]
async fn each_field_says_where_it_comes_from_how_complete_it_is_and_what_its_gaps_break() {
    let office = Office::open().await;
    let report = office.assess().await;
    let name = field(&report, "product", "name");
    assert_eq!((&name["rows"], &name["present"], &name["valid"]), (&json!(20), &json!(14), &json!(14)));
    assert_eq!(name["sources"][0], json!({ "system": "peer", "stream": "products", "from": "name" }));
    assert_eq!(name["samples"][0], "Product 1");
    let amount = field(&report, "price", "amount");
    assert_eq!(amount["sources"][0]["from"], "price : money");
    let gaps = gaps(&report);
    assert!(gaps.contains(&"stops product.name is missing in 6 of 20 rows".to_owned()), "{gaps:#?}");
    assert!(gaps.contains(&"wrong no system delivers product.age_min".to_owned()), "{gaps:#?}");
    assert!(gaps.contains(&"hinders sales go into nobody's books".to_owned()), "{gaps:#?}");
    assert_eq!(step(&report, "Scan"), "blocked");
    assert_eq!(step(&report, "Check in"), "ready", "the file gives the store");
    let channel = &report["channels"][0];
    assert_eq!(
        (&channel["records"], &channel["decimals"], &channel["page"]),
        (&json!(20), &json!(2), &json!(7))
    );
    assert!(channel["timing"]["calls"].as_i64() >= Some(3), "{channel}");
    assert!(report["roadmap"].as_array().is_some_and(|next| !next.is_empty()));
    let refused = report["refused"].as_array().expect("rows kept aside");
    assert!(refused.iter().any(|rows| rows["kind"] == "product" && rows["rows"] == 6), "{refused:#?}");
    // Nothing was changed by looking.
    let products = aisle::catalog::delivered_since(
        &office.test.app.db,
        "connection:peer",
        "products",
        chrono::DateTime::UNIX_EPOCH,
    );
    assert_eq!(products.await.expect("read").received, 0);
}

#[tokio::test]
async fn a_system_that_is_down_or_lost_a_field_is_a_finding_and_no_end() {
    let office = Office::open().await;
    office.peer.fail([Fault::Html]);
    let report = office.assess().await;
    let gaps_found = gaps(&report);
    assert!(gaps_found[0].starts_with("stops"), "{gaps_found:#?}");
    assert!(gaps_found.iter().any(|gap| gap.contains("peer products can't be read")), "{gaps_found:#?}");
    office.peer.heal();
    office.peer.lose_field("price");
    let report = office.assess().await;
    assert!(
        gaps(&report)
            .iter()
            .any(|gap| gap.contains("can't be read: the system's schema changed: product has no price"))
    );
}

/// The report's two files.
fn written(folder: &Path) -> (String, Value) {
    let html = std::fs::read_to_string(folder.join("assessment.html")).expect("a page");
    let json = std::fs::read(folder.join("assessment.json")).expect("JSON");
    (html, serde_json::from_slice(&json).expect("JSON"))
}

#[tokio::test]
async fn saved_files_answer_before_any_system_is_connected_and_the_page_holds_nothing_secret() {
    let files = tempfile::tempdir().expect("a folder");
    let folder = |name: &str| {
        let folder = files.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    };
    let (connections, sample, out) = (folder("connections"), folder("sample"), folder("out"));
    std::fs::write(connections.join("peer.toml"), FILE.replace("URL", "http://127.0.0.1:9"))
        .expect("written");
    let records = [
        json!({ "id": 1, "code": "P1", "name": "<b>Bread</b>", "active": true, "currency": "EUR", "price": 2.49, "codes": [{ "code": "4001110000017" }] }),
        json!({ "id": 2, "code": "P2", "name": "Milk", "active": true, "currency": "EUR", "price": 1.2945, "codes": [] }),
    ];
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    std::fs::write(sample.join("peer.products.ndjson"), lines.join("\n")).expect("written");
    std::fs::write(sample.join("crm.ndjson"), r#"{"kind":"customer","customer":"c1","segments":["family"]}"#)
        .expect("written");
    std::fs::write(sample.join("till.csv"), "a;b\n1;2\n").expect("written");
    let settings = [
        ("AISLE_CONNECTIONS", connections.to_str().expect("text")),
        ("PEER_KEY", "a-key-that-nobody-may-see"),
    ];
    let test = TestApp::with(&settings).await;
    let arguments = Arguments { out: out.clone(), records: 10, sample: Some(sample) };
    let told = command(&test.app, &arguments).await.expect("an assessment");
    assert!(told.contains("assessment.html"), "{told}");
    let (html, report) = written(&out);
    assert_eq!(field(&report, "product", "name")["present"], 2);
    assert_eq!(field(&report, "customer", "segments")["samples"][0], "[\"family\"]");
    assert_eq!(report["channels"][0]["decimals"], 4);
    let reasons: Vec<&Value> =
        report["refused"].as_array().expect("rows").iter().map(|rows| &rows["reason"]).collect();
    assert!(!reasons.is_empty(), "1.2945 EUR is no price");
    assert!(gaps(&report).iter().any(|gap| gap.contains("till.csv") && gap.contains("CONNECTION.STREAM")));
    assert!(
        html.contains("&lt;b&gt;Bread&lt;/b&gt;") && !html.contains("<b>Bread"),
        "what systems send is no markup"
    );
    assert!(!html.contains("that-nobody-may-see") && !report.to_string().contains("that-nobody-may-see"));
    assert!(!html.contains("http://") || !html.contains("src="), "the page needs nothing beside it");
}
