//! What is booked, refused, cancelled and printed again.

use aisle::sandbox::gls::{Oddities, Status};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Shipper, answer, booking, labels, refused, shipment};

#[tokio::test]
async fn a_parcel_is_booked_with_a_real_label() {
    let shipper = Shipper::new().await;
    let booked = shipper.post("/shipments", &booking("AISLE-1")).await.expect(200);
    let label = STANDARD.decode(booked.text("/CreatedShipment/PrintData/0/Data")).unwrap();
    let text = String::from_utf8(label).unwrap();
    assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
    let track_id = booked.text("/CreatedShipment/ParcelData/0/TrackID");
    for part in [track_id, "AISLE-1", "4.20 kg", "M\\341ria M\\374ller", "/MediaBox [0 0 283.46 425.2]"] {
        assert!(text.contains(part), "{part}");
    }
    let mut zebra = booking("AISLE-2");
    zebra["PrintingOptions"] = labels("ZEBRA", "ZPL_300");
    let booked = shipper.post("/shipments", &zebra).await.expect(200);
    let zpl = String::from_utf8(STANDARD.decode(booked.text("/CreatedShipment/PrintData/0/Data")).unwrap())
        .unwrap();
    assert!(zpl.starts_with("^XA") && zpl.ends_with("^XZ") && zpl.contains("^PW1200"), "{zpl}");
    shipper.end().await;
}

#[tokio::test]
async fn the_same_reference_twice_is_two_parcels_and_neither_can_be_looked_up() {
    let shipper = Shipper::new().await;
    let by_reference = json!({ "ShipmentReference": "AISLE-1" });
    let none = shipper.post("/tracking/parceldetails", &by_reference).await;
    assert_eq!(refused(&none, "INVALID_SHIPMENT_ID"), ["AISLE-1"]);
    let (first, number) = shipper.book("AISLE-1").await;
    let one = shipper.post("/tracking/parceldetails", &by_reference).await.expect(200);
    assert_eq!(one.text("/UnitDetail/TrackID"), first);
    assert!(!one.json.to_string().contains(&number), "the details have no parcel number");
    let (second, _) = shipper.book("AISLE-1").await;
    assert_ne!(first, second);
    let two = shipper.post("/tracking/parceldetails", &by_reference).await;
    refused(&two, "MORE_THAN_ONE_RESULT");
    shipper.cancel(&second).await.expect(200);
    let one = shipper.post("/tracking/parceldetails", &by_reference).await.expect(200);
    assert_eq!(one.text("/UnitDetail/TrackID"), first, "what was cancelled is deleted");
    assert_eq!(shipper.sandbox.books().live_with_reference("AISLE-1").len(), 1);
    shipper.end().await;
}

#[tokio::test]
async fn a_refusal_has_an_empty_body_and_says_why_in_headers() {
    let shipper = Shipper::new().await;
    let service = |name: &str| json!([{ "Service": { "ServiceName": name } }]);
    let wrong: [(&str, Value, &str, &str); 16] = [
        ("/Middleware", Value::Null, "MANDATORY_PARAMETER_NOT_SET", "Shipment.Middleware"),
        (
            "/Consignee/Address/Name1",
            json!("  "),
            "MANDATORY_PARAMETER_NOT_SET",
            "Shipment.Consignee.Address.Name1",
        ),
        ("/ShipmentUnit", json!([]), "MANDATORY_PARAMETER_NOT_SET", "Shipment.ShipmentUnit"),
        (
            "/Consignee/Address/City",
            json!("x".repeat(41)),
            "NUMBER_EXCEEDS_LENGTH",
            "Shipment.Consignee.Address.City",
        ),
        ("/ShipmentUnit/0/Weight", json!(4.205), "NUMBER_EXCEEDS_LENGTH", "Shipment.ShipmentUnit[0].Weight"),
        ("/ShipmentUnit/0/Weight", json!(0.1), "INVALID_FIELD_VALUE", "Shipment.ShipmentUnit[0].Weight"),
        ("/ShipmentUnit/0/Weight", json!(40.01), "INVALID_FIELD_VALUE", "Shipment.ShipmentUnit[0].Weight"),
        (
            "/Consignee/Address/Name1",
            json!("A (B)"),
            "INVALID_FIELD_VALUE",
            "Shipment.Consignee.Address.Name1",
        ),
        (
            "/Consignee/Address/eMail",
            json!("maria"),
            "INVALID_FIELD_VALUE",
            "Shipment.Consignee.Address.eMail",
        ),
        (
            "/Consignee/Address/CountryCode",
            json!("de"),
            "INVALID_FIELD_VALUE",
            "Shipment.Consignee.Address.CountryCode",
        ),
        (
            "/Consignee/Address/CountryCode",
            json!("US"),
            "INVALID_FIELD_VALUE",
            "Shipment.Consignee.Address.CountryCode",
        ),
        (
            "/Consignee/Address/ZIPCode",
            json!("00999"),
            "INVALID_FIELD_VALUE",
            "Shipment.Consignee.Address.ZIPCode",
        ),
        ("/Product", json!("PALLET"), "INVALID_FIELD_VALUE", "Shipment.Product"),
        ("/ShippingDate", json!("2026-11-22"), "INVALID_FIELD_VALUE", "Shipment.ShippingDate"),
        ("/Shipper/ContactID", json!("276other"), "ACCESS_TO_SHIPPER_DENIED", "Shipment.Shipper.ContactID"),
        ("/Service", service("service_FlexDelivery"), "INVALID_SERVICE_SELECTION", "service_FlexDelivery"),
    ];
    for (pointer, value, error, arg) in wrong {
        let mut body = booking("AISLE-1");
        let shipment = &mut body["Shipment"];
        match shipment.pointer_mut(pointer) {
            Some(place) => *place = value.clone(),
            None => shipment[&pointer[1..]] = value.clone(),
        }
        let args = refused(&shipper.post("/shipments", &body).await, error);
        assert_eq!(args.first().map(String::as_str), Some(arg), "{pointer} {value}");
    }
    assert!(shipper.sandbox.books().parcels.is_empty());
    shipper.end().await;
}

#[tokio::test]
async fn a_body_that_cannot_be_read_is_answered_with_a_text() {
    let shipper = Shipper::new().await;
    let mut misspelt = booking("AISLE-1");
    misspelt["Shipment"]["Consignee"]["Address"]["Zipcode"] = json!("53113");
    let mut dated = booking("AISLE-1");
    dated["Shipment"]["ShippingDate"] = json!("soon");
    let mut quoted = booking("AISLE-1");
    quoted["Shipment"]["ShipmentUnit"][0]["Weight"] = json!("4.2");
    let texts = [misspelt.to_string(), dated.to_string(), quoted.to_string(), "{\"Shipment\":".to_owned()];
    for (text, says) in texts.into_iter().zip(["Zipcode", "ShippingDate", "Weight", "no JSON"]) {
        let request = shipper.shipit("/shipments", &Value::Null).body(text);
        let refused = answer(request).await.expect(400);
        assert_eq!(refused.headers["content-type"], "text/plain");
        assert!(!refused.headers.contains_key("error"));
        let text = String::from_utf8(refused.bytes).unwrap();
        assert!(text.contains(says), "{text}");
    }
    assert!(shipper.sandbox.books().parcels.is_empty());
    shipper.end().await;
}

#[tokio::test]
async fn a_dry_run_lists_what_the_rules_object_to_and_books_nothing() {
    let shipper = Shipper::new().await;
    let mut odd = shipment("AISLE-1");
    odd["Consignee"]["Address"]["CountryCode"] = json!("FR");
    odd["Consignee"]["Address"].as_object_mut().unwrap().remove("ZIPCode");
    odd["Service"] = json!([
        { "Service": { "ServiceName": "service_0900" } },
        { "Deposit": { "ServiceName": "service_deposit", "PlaceOfDeposit": "Garage" } },
        { "Service": { "ServiceName": "service_addresseeonly" } },
    ]);
    let dry = shipper.post("/shipments/validate", &json!({ "Shipment": odd })).await.expect(200);
    assert_eq!(dry.json["success"], false);
    let rules: Vec<&str> = dry.json["validationResult"]["Issues"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one["Rule"].as_str())
        .collect();
    let expected = [
        "ADDRESS_ZIPCODE_MANDATORY",
        "ARTICLE_COMBINATIONS",
        "ARTICLES_DESTINATION_EXCLUSIONS",
        "ARTICLES_DESTINATION_EXCLUSIONS",
        "ARTICLE_COMBINATIONS",
    ];
    assert_eq!(rules, expected);
    let refusal = shipper
        .post("/shipments", &json!({ "Shipment": odd, "PrintingOptions": labels("PDF", "NONE") }))
        .await;
    assert_eq!(refused(&refusal, "INVALID_FIELD_VALUE"), ["Shipment.Consignee.Address.ZIPCode"]);
    assert!(shipper.sandbox.books().parcels.is_empty());
    shipper.end().await;
}

#[tokio::test]
async fn a_second_cancellation_is_an_error_and_a_scanned_parcel_is_too_late() {
    let shipper = Shipper::new().await;
    let (first, number) = shipper.book("AISLE-1").await;
    assert_eq!(shipper.cancel(&first).await.expect(200).text("/result"), "CANCELLED");
    let again = shipper.cancel(&first).await.expect(500);
    assert_eq!(again.bytes, b"");
    let tracked = shipper.track(&format!("/simple/trackids/{number}")).await.expect(200);
    assert_eq!(tracked.text("/parcels/0/status"), "CANCELED");
    let (second, _) = shipper.book("AISLE-2").await;
    assert_eq!(shipper.sandbox.record_event(&second, "advance").unwrap(), Status::InTransit);
    for _ in 0..2 {
        assert_eq!(shipper.cancel(&second).await.expect(200).text("/result"), "SCANNED");
    }
    refused(&shipper.cancel("ZX999999").await, "INVALID_SHIPMENT_ID");
    shipper.end().await;
}

#[tokio::test]
async fn a_cancellation_after_the_end_of_the_day_is_pending_for_a_while_and_a_scan_is_faster() {
    let shipper = Shipper::new().await;
    let (first, number) = shipper.book("AISLE-1").await;
    let (second, _) = shipper.book("AISLE-2").await;
    shipper.ask(Method::POST, "/shipments/endofday").await.expect(200);
    for id in [&first, &second] {
        assert_eq!(shipper.cancel(id).await.expect(200).text("/result"), "CANCELLATION_PENDING");
    }
    shipper.cancel(&first).await.expect(500);
    shipper.sandbox.record_event(&second, "advance").unwrap();
    let status = || async {
        let tracked = shipper.track(&format!("/simple/trackids/{number}")).await.expect(200);
        tracked.text("/parcels/0/status").to_owned()
    };
    shipper.sandbox.advance_seconds(599).unwrap();
    assert_eq!(status().await, "PREADVICE");
    shipper.sandbox.advance_seconds(1).unwrap();
    assert_eq!(status().await, "CANCELED");
    let books = shipper.sandbox.books();
    assert!(books.parcels[0].is_cancelled() && !books.parcels[1].is_cancelled());
    assert_eq!(shipper.cancel(&second).await.expect(200).text("/result"), "SCANNED");
    shipper.end().await;
}

#[tokio::test]
async fn a_reprint_is_a_new_parcel_and_the_old_one_is_gone() {
    let shipper = Shipper::new().await;
    let (first, number) = shipper.book("AISLE-1").await;
    let reprint = json!({ "ShipmentReference": "AISLE-1", "PrintingOptions": labels("PDF", "NONE") });
    let printed = shipper.post("/shipments/reprintparcel", &reprint).await.expect(200);
    let new = printed.text("/CreatedShipment/ParcelData/0/TrackID").to_owned();
    assert_ne!(new, first);
    assert_ne!(printed.text("/CreatedShipment/ParcelData/0/ParcelNumber"), number);
    let books = shipper.sandbox.books();
    assert_eq!(books.parcels[0].replaced_by, Some(new));
    assert_eq!(books.live_with_reference("AISLE-1").len(), 1);
    shipper.cancel(&first).await.expect(500);
    shipper.end().await;
}

#[tokio::test]
async fn a_shipment_of_several_units_has_a_parcel_and_a_label_for_each() {
    let shipper = Shipper::new().await;
    let mut body = booking("AISLE-1");
    let unit = |place: u32| json!({ "ShipmentUnitReference": [format!("AISLE-1-{place}")], "Weight": 5 });
    body["Shipment"]["ShipmentUnit"] = (1..=3).map(unit).collect();
    body["Shipment"]["Service"] =
        json!([{ "ShopDelivery": { "ServiceName": "service_shopdelivery", "ParcelShopID": "2760188645" } }]);
    let booked = shipper.post("/shipments", &body).await.expect(200);
    assert_eq!(booked.json["CreatedShipment"]["ParcelData"].as_array().unwrap().len(), 3);
    assert_eq!(booked.json["CreatedShipment"]["PrintData"].as_array().unwrap().len(), 3);
    let closed = shipper.ask(Method::POST, "/shipments/endofday").await.expect(200);
    assert_eq!(closed.json["Shipments"][0]["ShipmentUnit"].as_array().unwrap().len(), 3);
    let again = shipper.ask(Method::POST, "/shipments/endofday").await.expect(200);
    assert_eq!(again.json["Shipments"], json!([]));
    body["Shipment"]["ShipmentUnit"] = (0..151).map(unit).collect();
    refused(&shipper.post("/shipments", &body).await, "NUMBER_EXCEEDS_LENGTH");
    body["Shipment"]["ShipmentUnit"] = json!([unit(1)]);
    body["Shipment"]["Service"][0]["ShopDelivery"]["ParcelShopID"] = json!("1");
    refused(&shipper.post("/shipments", &body).await, "INVALID_FIELD_VALUE");
    shipper.end().await;
}

#[tokio::test]
async fn a_label_can_be_missing_unreadable_or_a_list() {
    let shipper = Shipper::new().await;
    let odd = Oddities { labels_missing: 1, ..Oddities::default() };
    shipper.sandbox.set_oddities(odd).unwrap();
    let booked = shipper.post("/shipments", &booking("AISLE-1")).await.expect(200);
    assert!(booked.json["CreatedShipment"]["PrintData"].is_null());
    let odd = Oddities { labels_unreadable: 1, label_lists: true, ..Oddities::default() };
    shipper.sandbox.set_oddities(odd).unwrap();
    let booked = shipper.post("/shipments", &booking("AISLE-2")).await.expect(200);
    assert!(STANDARD.decode(booked.text("/CreatedShipment/PrintData/0/Data/0")).is_err());
    let booked = shipper.post("/shipments", &booking("AISLE-3")).await.expect(200);
    assert!(
        STANDARD.decode(booked.text("/CreatedShipment/PrintData/0/Data/0")).unwrap().starts_with(b"%PDF")
    );
    let mut silent = booking("AISLE-4");
    silent["ReturnOptions"] = json!({ "ReturnPrintData": false });
    let booked = shipper.post("/shipments", &silent).await.expect(200);
    assert!(booked.json["CreatedShipment"]["PrintData"].is_null());
    assert_eq!(shipper.sandbox.books().parcels.len(), 4);
    shipper.end().await;
}

#[tokio::test]
async fn a_shop_return_goes_from_the_consignee_to_the_address_of_the_return() {
    let shipper = Shipper::new().await;
    let mut body = booking("AISLE-1");
    let returns = json!([{ "ShopReturn": { "ServiceName": "service_shopreturn", "NumberOfLabels": 1 } }]);
    body["Shipment"]["Service"] = returns;
    body["Shipment"]["Return"] = json!({ "Address": {
        "Name1": "Markt Hamburg", "Street": "Domstr.", "StreetNumber": "1", "City": "Hamburg", "ZIPCode": "20095",
        "CountryCode": "DE",
    } });
    let booked = shipper.post("/shipments", &body).await.expect(200);
    assert_eq!(booked.json["CreatedShipment"]["PrintData"].as_array().map(Vec::len), Some(1));
    let label = STANDARD.decode(booked.text("/CreatedShipment/PrintData/0/Data")).unwrap();
    let label = String::from_utf8_lossy(&label).into_owned();
    for part in ["GLS SHOP RETURN", "From: M", "Markt Hamburg", "DE 20095 Hamburg"] {
        assert!(label.contains(part), "{part}");
    }
    assert_eq!(booked.text("/CreatedShipment/ParcelData/0/RoutingInfo/FinalLocationCode"), "DE200");
    let track_id = booked.text("/CreatedShipment/ParcelData/0/TrackID");
    for _ in 0..5 {
        shipper.sandbox.record_event(track_id, "advance").expect("moved on");
    }
    let books = shipper.sandbox.books();
    assert_eq!(books.parcels[0].events.last().map(|event| event.city.as_str()), Some("Hamburg"));
    shipper.end().await;
}
