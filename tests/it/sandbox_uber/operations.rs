//! Every operation of the login's and the deliveries' files, once and with success, each way held against its file.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::json;

use super::{Shop, answer, delivery, quote};
use crate::contract::NOT_CHECKED;
use crate::contract::uber::specifications;

#[tokio::test]
async fn no_operation_of_the_two_files_is_missing() {
    let shop = Shop::new().await;
    let quoted = shop.post("/delivery_quotes", &quote()).await.expect(200);
    assert_eq!((quoted.number("/fee"), quoted.text("/currency_type")), (799, "USD"));
    assert_eq!(quoted.text("/expires"), "2026-11-23T09:15:00.000Z");
    let mut body = delivery("AISLE-1");
    body["quote_id"] = json!(quoted.text("/id"));
    body["tip"] = json!(100);
    body["dropoff_verification"] = json!({ "picture": true, "pincode": { "enabled": true } });
    let booked = shop.deliver(&body).await.expect(200);
    let id = booked.text("/id").to_owned();
    assert_eq!((booked.text("/status"), booked.number("/fee")), ("pending", 899));
    assert_eq!(booked.text("/dropoff/verification_requirements/pincode/value").len(), 4);
    let path = format!("/deliveries/{id}");
    let changed = shop.post(&path, &json!({ "dropoff_notes": "Ring twice" })).await.expect(200);
    assert_eq!(changed.text("/dropoff/notes"), "Ring twice");
    shop.ride(&id, 4);
    let got = shop.get(&path).await.expect(200);
    assert_eq!((got.text("/status"), got.text("/dropoff/status")), ("delivered", "completed"));
    let proof = json!({ "waypoint": "dropoff", "type": "picture" });
    let proof = shop.post(&format!("{path}/proof-of-delivery"), &proof).await.expect(200);
    assert!(STANDARD.decode(proof.text("/document")).unwrap().starts_with(b"\x89PNG"));
    let other = shop.book("AISLE-2").await;
    assert_eq!(shop.cancel(&other).await.expect(200).text("/status"), "canceled");
    let listed = shop.get("/deliveries?filter=delivered&limit=5").await.expect(200);
    assert_eq!(listed.text("/data/0/manifest/reference"), "AISLE-1");
    shop.end().await;
    let Some(files) = specifications() else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    let (mut seen, mut all) = (0, 0);
    for (file, coverage) in files.coverage() {
        eprintln!("{file}: {coverage}");
        assert_eq!(coverage.seen.len(), coverage.operations, "{file}: an operation was left out");
        (seen, all) = (seen + coverage.seen.len(), all + coverage.operations);
    }
    eprintln!("Uber Direct: {seen} of {all} operations");
}

#[tokio::test]
async fn what_no_file_knows_is_not_there() {
    let shop = Shop::new().await;
    shop.get("/stores").await.expect(404);
    let other = shop.request(Method::GET, "/v1/customers/cus_other/deliveries").bearer_auth(&shop.token);
    assert_eq!(answer(other).await.expect(404).text("/code"), "customer_not_found");
    assert_eq!(shop.get("/deliveries/del_nothing").await.expect(404).text("/code"), "delivery_not_found");
    shop.end().await;
}
