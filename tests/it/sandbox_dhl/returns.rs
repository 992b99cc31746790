//! Returns: a label and its code, and nothing that could be done with them afterwards.

use aisle::sandbox::dhl::Stage;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Caller, answer};
use crate::contract::NOT_CHECKED;
use crate::contract::dhl::{assert_kept, specifications};
use crate::support::Answer;

const RETURNS: &str = "/parcel/de/shipping/returns/v1";

async fn call(caller: &Caller, method: Method, path: &str, body: Option<&Value>) -> Answer {
    let request = caller
        .request(method, &format!("{RETURNS}{path}"))
        .header("dhl-api-key", &caller.settings.api_key)
        .basic_auth(&caller.settings.username, Some(&caller.settings.password));
    answer(match body {
        Some(body) => request.json(body),
        None => request,
    })
    .await
}

async fn order(caller: &Caller, query: &str, body: &Value) -> Answer {
    call(caller, Method::POST, &format!("/orders{query}"), Some(body)).await
}

fn goods(reference: &str) -> Value {
    json!({
        "receiverId": "deu",
        "customerReference": reference,
        "shipper": {
            "name1": "Mária Müller", "addressStreet": "Invalidenstr.", "addressHouse": "117", "postalCode": "10115",
            "city": "Berlin",
        },
        "itemWeight": { "uom": "kg", "value": 1.2 },
    })
}

fn file(answer: &Answer, pointer: &str) -> Vec<u8> {
    STANDARD.decode(answer.text(pointer)).expect("base64")
}

#[tokio::test]
async fn no_operation_of_the_returns_file_is_missing() {
    let caller = Caller::new().await;
    answer(caller.request(Method::GET, &format!("{RETURNS}/"))).await.expect(200);
    let all = call(&caller, Method::GET, "/locations", None).await.expect(200);
    assert_eq!(all.json.as_array().map(Vec::len), Some(2));
    let query =
        "/locations?countryCode=deu&postalCode=53113&billingNumber=33333333330701&receiverId=deu&maxResult=1";
    let found = call(&caller, Method::GET, query, None).await.expect(200);
    assert_eq!(found.text("/0/receiverAddress/city"), "Bonn");
    let none = call(&caller, Method::GET, "/locations?postalCode=10115", None).await.expect(200);
    assert_eq!(none.json, json!([]));
    let both = order(&caller, "", &goods("ORDER-0001")).await.expect(201);
    assert!(file(&both, "/label/b64").starts_with(b"%PDF"));
    assert!(file(&both, "/qrLabel/b64").starts_with(b"\x89PNG"));
    let code = order(&caller, "?labelType=QR_LABEL", &goods("ORDER-0002")).await.expect(201);
    assert_eq!(code.json["label"], json!({}));
    let label = order(&caller, "?labelType=SHIPMENT_LABEL", &goods("ORDER-0003")).await.expect(201);
    assert!(label.json.get("qrLabel").is_none());
    let booked = caller.sandbox.books().shipments;
    assert!(booked.len() == 3 && booked.iter().all(|each| each.is_return && each.weight_grams == 1_200));
    assert_kept(&caller.sandbox);
    let Some(files) = specifications() else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    let coverage = files.coverage("pp-parcel-returns").expect("a file");
    assert_eq!((coverage.seen.len(), coverage.operations), (3, 3), "an operation was left out");
}

#[tokio::test]
async fn what_is_wrong_with_an_order_of_a_label_is_said() {
    let caller = Caller::new().await;
    let wrong = |pointer: &str, value: Value| {
        let mut goods = goods("ORDER-0001");
        *goods.pointer_mut(pointer).expect("a member") = value;
        goods
    };
    let orders = [
        (wrong("/receiverId", json!("nld")), "receiverId is not known"),
        (wrong("/shipper/addressHouse", Value::Null), "shipper.addressHouse is required"),
        (wrong("/shipper", Value::Null), "shipper is required"),
        (wrong("/itemWeight/value", json!(31.6)), "itemWeight.value must be above zero and at most 31.5 kg"),
    ];
    for (body, detail) in orders {
        assert_eq!(order(&caller, "", &body).await.expect(400).text("/detail"), detail);
    }
    order(&caller, "?labelType=ZPL", &goods("ORDER-0001")).await.expect(400);
    let path = format!("{RETURNS}/orders");
    answer(caller.request(Method::POST, &path).json(&goods("ORDER-0001"))).await.expect(401);
    let user = &caller.settings;
    let text = caller
        .request(Method::POST, &path)
        .header("dhl-api-key", &user.api_key)
        .basic_auth(&user.username, Some(&user.password))
        .header("content-type", "text/plain")
        .body("goods");
    answer(text).await.expect(422);
    assert!(caller.sandbox.books().shipments.is_empty());
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn the_shipping_service_knows_nothing_of_a_return_and_tracking_does() {
    let caller = Caller::new().await;
    let booked = order(&caller, "", &goods("ORDER-0001")).await.expect(201);
    let number = booked.text("/shipmentNo").to_owned();
    caller.shipping(Method::GET, &format!("/orders?shipment={number}"), None).await.expect(404);
    let path = format!("/orders?profile=STANDARD_GRUPPENPROFIL&shipment={number}");
    caller.shipping(Method::DELETE, &path, None).await.expect(400);
    let closed = caller.close(&[&number]).await;
    assert_eq!(closed.json["items"][0]["sstatus"]["status"], 400);
    caller.sandbox.advance(&number).expect("the parcel moves");
    assert_eq!(caller.track(&number).await.expect(200).text("/shipments/0/id"), number);
    assert!(caller.ask_xml("piece-customer-reference=\"ORDER-0001\"").await.contains(&number));
    assert_eq!(caller.sandbox.books().shipments[0].stage, Stage::PickedUp);
    assert_kept(&caller.sandbox);
}
