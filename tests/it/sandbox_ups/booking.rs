//! Booking: what is answered, what the books hold, what labels are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Shipper, german_shipment, package, shipment};

const RESULTS: &str = "/ShipmentResponse/ShipmentResults";

fn label(body: &Value, pointer: &str) -> Vec<u8> {
    let text = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    STANDARD.decode(text).expect("base64")
}

#[tokio::test]
async fn a_parcel_is_booked_with_a_checked_number_a_label_and_charges_as_texts() {
    let shipper = Shipper::new().await;
    let said = shipper.ship(&shipment("AISLE-0001")).await;
    assert_eq!(said.status, 200, "{said:?}");
    let number = said.text(&format!("{RESULTS}/ShipmentIdentificationNumber"));
    assert!(number.starts_with("1ZA1B2C303") && number.len() == 18, "{number}");
    assert_eq!(said.text("/ShipmentResponse/Response/TransactionReference/CustomerContext"), "AISLE-0001");
    assert_eq!(said.text(&format!("{RESULTS}/ShipmentCharges/TotalCharges/CurrencyCode")), "USD");
    assert!(said.text(&format!("{RESULTS}/ShipmentCharges/TotalCharges/MonetaryValue")).contains('.'));
    assert_eq!(said.text(&format!("{RESULTS}/BillingWeight/Weight")), "12");
    let zpl = String::from_utf8(label(
        &said.body,
        &format!("{RESULTS}/PackageResults/0/ShippingLabel/GraphicImage"),
    ));
    let zpl = zpl.expect("ZPL is text");
    assert!(zpl.starts_with("^XA") && zpl.ends_with("^XZ"));
    assert!(zpl.contains(number) && zpl.contains("AISLE-0001"), "{zpl}");
    let books = shipper.sandbox.books();
    assert_eq!(books.live_with_reference("AISLE-0001").len(), 1);
    assert_eq!(books.shipments[0].id, number);
    shipper.end().await;
}

#[tokio::test]
async fn the_same_request_twice_is_two_shipments_and_validate_books_too() {
    let shipper = Shipper::new().await;
    let first = shipper.book("AISLE-0001").await;
    let mut again = shipment("AISLE-0001");
    again["ShipmentRequest"]["Request"]["RequestOption"] = json!("validate");
    let second = shipper.ship(&again).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_ne!(second.text(&format!("{RESULTS}/ShipmentIdentificationNumber")), first);
    assert_eq!(shipper.sandbox.books().live_with_reference("AISLE-0001").len(), 2);
    shipper.end().await;
}

#[tokio::test]
async fn several_packages_are_one_shipment_with_the_first_number_as_its_own() {
    let shipper = Shipper::new().await;
    let mut body = shipment("AISLE-0001");
    body["ShipmentRequest"]["Shipment"]["Package"] = json!([package("9.3", "A-1"), package("5", "A-2")]);
    let said = shipper.ship(&body).await;
    let number =
        |place: usize| said.text(&format!("{RESULTS}/PackageResults/{place}/TrackingNumber")).to_owned();
    assert_eq!(said.text(&format!("{RESULTS}/ShipmentIdentificationNumber")), number(0));
    assert_ne!(number(0), number(1));
    assert_eq!(shipper.sandbox.books().shipments.len(), 1);
    shipper.end().await;
}

#[tokio::test]
async fn labels_come_in_the_form_that_was_asked_for_and_pdf_only_by_recovery() {
    let shipper = Shipper::new().await;
    for (format, start) in [("GIF", "GIF87a"), ("ZPL", "^XA"), ("EPL", "N\n"), ("SPL", "\u{1b}@")] {
        let mut body = shipment(&format!("AISLE-{format}"));
        body["ShipmentRequest"]["LabelSpecification"]["LabelImageFormat"]["Code"] = json!(format);
        let said = shipper.ship(&body).await;
        assert_eq!(said.status, 200, "{said:?}");
        let image = label(&said.body, &format!("{RESULTS}/PackageResults/0/ShippingLabel/GraphicImage"));
        assert!(image.starts_with(start.as_bytes()), "{format}");
    }
    let mut body = shipment("AISLE-PDF");
    body["ShipmentRequest"]["LabelSpecification"]["LabelImageFormat"]["Code"] = json!("PDF");
    let refused = shipper.ship(&body).await;
    assert_eq!((refused.status, refused.code()), (400, "120602"));
    let found = shipper.recover("AISLE-GIF").await;
    let pdf = label(&found.body, "/LabelRecoveryResponse/LabelResults/0/LabelImage/GraphicImage");
    assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));
    shipper.end().await;
}

#[tokio::test]
async fn an_adult_signature_stands_on_the_package_at_home_and_on_the_shipment_in_europe() {
    let shipper = Shipper::new().await;
    let mut american = shipment("AISLE-US");
    let options = json!({"DeliveryConfirmation": {"DCISType": "3"}});
    american["ShipmentRequest"]["Shipment"]["Package"][0]["PackageServiceOptions"] = options.clone();
    assert_eq!(shipper.ship(&american).await.status, 200);
    let mut german = german_shipment("AISLE-DE");
    german["ShipmentRequest"]["Shipment"]["ShipmentServiceOptions"] =
        json!({"DeliveryConfirmation": {"DCISType": "2"}});
    let said = shipper.ship(&german).await;
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.text(&format!("{RESULTS}/ShipmentCharges/ServiceOptionsCharges/MonetaryValue")), "7.65");
    let books = shipper.sandbox.books();
    assert!(books.shipments[0].packages[0].adult_signature && books.shipments[1].adult_signature);
    german["ShipmentRequest"]["Shipment"]["Package"][0]["PackageServiceOptions"] = options;
    assert_eq!(shipper.ship(&german).await.code(), "121027");
    shipper.end().await;
}

#[tokio::test]
async fn a_parcel_can_wait_in_a_shop_and_can_come_back() {
    let shipper = Shipper::new().await;
    let mut held = german_shipment("AISLE-SHOP");
    let shipment = &mut held["ShipmentRequest"]["Shipment"];
    shipment["Service"]["Code"] = json!("70");
    shipment["ShipmentIndicationType"] = json!([{"Code": "01"}]);
    shipment["AlternateDeliveryAddress"] = json!({
        "Name": "Späti", "AttentionName": "A. Shopper", "UPSAccessPointID": "U20000002",
        "Address": shipment["ShipTo"]["Address"],
    });
    assert_eq!(shipper.ship(&held).await.status, 200);
    assert_eq!(shipper.sandbox.books().shipments[0].access_point.as_deref(), Some("U20000002"));
    let mut back = german_shipment("AISLE-BACK");
    let shipment = &mut back["ShipmentRequest"]["Shipment"];
    shipment["ReturnService"] = json!({"Code": "9"});
    assert_eq!(shipper.ship(&back).await.code(), "120931");
    back["ShipmentRequest"]["Shipment"]["Package"][0]["Description"] = json!("Groceries");
    assert_eq!(shipper.ship(&back).await.status, 200);
    back["ShipmentRequest"]["Shipment"]["ReturnService"] = json!({"Code": "8"});
    let electronic = shipper.ship(&back).await;
    assert!(electronic.body.pointer(&format!("{RESULTS}/PackageResults/0/ShippingLabel")).is_none());
    assert!(electronic.text(&format!("{RESULTS}/LabelURL")).starts_with(shipper.sandbox.url()));
    shipper.end().await;
}

#[tokio::test]
async fn negotiated_rates_are_shown_to_who_has_them() {
    let shipper = Shipper::new().await;
    let mut body = shipment("AISLE-0001");
    body["ShipmentRequest"]["Shipment"]["ShipmentRatingOptions"] = json!({"NegotiatedRatesIndicator": ""});
    let said = shipper.ship(&body).await;
    assert!(!said.text(&format!("{RESULTS}/NegotiatedRateCharges/TotalCharge/MonetaryValue")).is_empty());
    shipper.end().await;
    let plain = aisle::sandbox::ups::Settings { negotiated: false, ..super::standing_still() };
    let shipper = Shipper::with(plain).await;
    let said = shipper.ship(&body).await;
    assert_eq!(said.text("/ShipmentResponse/Response/Alert/0/Code"), "120900");
    shipper.end().await;
}
