//! What UPS refuses: wrong fields by name, wrong places, measures, services, credentials.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shipper, german_shipment, package, shipment};

/// A shipment with one thing changed.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = shipment("AISLE-0001");
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
    let parent = body.pointer_mut(&format!("/ShipmentRequest{parent}")).expect("a parent");
    parent[name] = value;
    body
}

#[tokio::test]
async fn a_wrong_field_is_named_and_nothing_is_booked() {
    let shipper = Shipper::new().await;
    for (body, path) in [
        (with("/Shipment/Package/0/PackageWeight/Weight", json!(9.3)), "PackageWeight.Weight"),
        (with("/Shipment/Package", package("9.3", "r")), "ShipmentRequest.Shipment.Package "),
        (with("/Shipment/PaymentInformation/ShipmentCharge", json!({})), "ShipmentCharge"),
        (with("/Shipment/ShipTo/Name", json!("x".repeat(36))), "ShipTo.Name"),
        (with("/Shipment/ShipTo/Address/AddressLine", json!(["1", "2", "3", "4"])), "AddressLine"),
        (with("/Shipment/ShipTo/Nmae", json!("x")), "ShipTo.Nmae is not a field"),
        (with("/Request/RequestOption", json!("dry")), "RequestOption"),
        (with("/LabelSpecification/LabelStockSize/Height", json!("5")), "LabelStockSize.Height"),
    ] {
        let said = shipper.ship(&body).await;
        assert_eq!((said.status, said.code()), (400, "10002"), "{path}: {said:?}");
        assert!(said.message().contains(path), "{path}: {}", said.message());
        assert_eq!(said.headers["APIErrorCode"], "10002");
    }
    assert!(shipper.sandbox.books().shipments.is_empty());
    shipper.end().await;
}

#[tokio::test]
async fn what_the_fields_allow_and_the_rules_forbid_has_a_code_of_its_own() {
    let shipper = Shipper::new().await;
    let wide = json!({"UnitOfMeasurement": {"Code": "IN"}, "Length": "60", "Width": "30", "Height": "30"});
    let heavy = |weight: &str| with("/Shipment/Package/0/PackageWeight/Weight", json!(weight));
    for (body, code) in [
        (with("/Shipment/Shipper/ShipperNumber", json!("ZZZZZZ")), "120100"),
        (with("/Shipment/ShipTo/Address/PostalCode", json!("94110")), "120802"),
        (with("/Shipment/ShipTo/Address/CountryCode", json!("XX")), "120802"),
        (with("/Shipment/Service/Code", json!("11")), "111210"),
        (with("/Shipment/Service/Code", json!("99")), "111100"),
        (heavy("0"), "111030"),
        (heavy("150.1"), "111035"),
        (with("/Shipment/Package/0/Dimensions/Length", json!("109")), "111055"),
        (with("/Shipment/Package/0/Dimensions", wide), "111056"),
        (with("/Shipment/Package/0/Dimensions/UnitOfMeasurement/Code", json!("CM")), "111057"),
        (with("/Shipment/Package/0/Packaging/Code", json!("99")), "120502"),
        (with("/Shipment/ReferenceNumber", json!([{"Value": "r"}])), "120541"),
        (
            with("/Shipment/ShipmentServiceOptions", json!({"DeliveryConfirmation": {"DCISType": "2"}})),
            "121027",
        ),
        (
            with(
                "/Shipment/Package/0/PackageServiceOptions",
                json!({"DeliveryConfirmation": {"DCISType": "1"}}),
            ),
            "120910",
        ),
        (with("/Shipment/ShipmentIndicationType", json!([{"Code": "01"}])), "121501"),
        (with("/Shipment/ShipmentDate", json!("20261101")), "120020"),
        (with("/Shipment/PaymentInformation/ShipmentCharge/0/Type", json!("02")), "120300"),
    ] {
        let said = shipper.ship(&body).await;
        assert_eq!((said.status, said.code()), (400, code), "{said:?}");
    }
    let mut german = german_shipment("AISLE-DE");
    german["ShipmentRequest"]["Shipment"]["Package"] = json!([package("9.3", "r")]);
    assert_eq!(shipper.ship(&german).await.code(), "120541", "references of packages are for America");
    german["ShipmentRequest"]["Shipment"]["Package"][0]["ReferenceNumber"].take();
    let fields = german["ShipmentRequest"]["Shipment"]["Package"][0].as_object_mut().expect("an object");
    fields.remove("ReferenceNumber");
    assert_eq!(shipper.ship(&german).await.code(), "111057", "Germany weighs in kilograms");
    assert!(shipper.sandbox.books().shipments.is_empty());
    shipper.end().await;
}

#[tokio::test]
async fn abroad_ups_wants_to_know_whom_to_call_and_what_is_inside() {
    let shipper = Shipper::new().await;
    let mut body = german_shipment("AISLE-AT");
    let shipment = &mut body["ShipmentRequest"]["Shipment"];
    shipment["ShipTo"]["Address"]["CountryCode"] = json!("CH");
    shipment["Service"]["Code"] = json!("65");
    let fields = shipment["ShipTo"].as_object_mut().expect("an object");
    fields.remove("Phone");
    for (code, name, value) in [
        ("120217", "AttentionName", json!("A. Shopper")),
        ("120213", "Phone", json!({"Number": "+41440000000"})),
    ] {
        assert_eq!(shipper.ship(&body).await.code(), code);
        body["ShipmentRequest"]["Shipment"]["ShipTo"][name] = value;
    }
    assert_eq!(shipper.ship(&body).await.code(), "120011");
    body["ShipmentRequest"]["Shipment"]["Description"] = json!("Groceries");
    assert_eq!(shipper.ship(&body).await.status, 200);
    shipper.end().await;
}

#[tokio::test]
async fn the_city_is_checked_only_when_it_is_asked_for() {
    let shipper = Shipper::new().await;
    let mut body = with("/Shipment/ShipTo/Address/City", json!("Gotham"));
    assert_eq!(shipper.ship(&body).await.status, 200);
    let asked = shipper.post("/shipments/v2409/ship?additionaladdressvalidation=city", &body).await;
    assert_eq!(asked.code(), "120802");
    body["ShipmentRequest"]["Request"]["RequestOption"] = json!("validate");
    assert_eq!(shipper.ship(&body).await.code(), "120802");
    shipper.end().await;
}

#[tokio::test]
async fn a_call_without_a_token_a_transaction_or_the_right_version_is_refused() {
    let mut shipper = Shipper::new().await;
    let wrong = shipper.ask_for_token("somebody", "else").await;
    assert_eq!((wrong.status, wrong.code()), (401, "10401"));
    let old = shipper.post("/shipments/v1/ship", &shipment("r")).await;
    assert_eq!(old.status, 404);
    let nameless = shipper
        .client
        .get(format!("{}/api/track/v1/details/1ZA1B2C30300000010", shipper.sandbox.url()))
        .bearer_auth(&shipper.token);
    assert_eq!(super::said(nameless).await.unwrap().status, 400);
    "revoked".clone_into(&mut shipper.token);
    let refused = shipper.ship(&shipment("r")).await;
    assert_eq!((refused.status, refused.code()), (401, "250002"));
    let unknown = shipper.send(Method::GET, "/nothing/v1", None).await.unwrap();
    assert_eq!(unknown.status, 401);
    shipper.end().await;
}
