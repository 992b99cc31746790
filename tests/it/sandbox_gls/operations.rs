//! Every operation of GLS's three files, once and with success, each way held against its file.

use reqwest::Method;
use serde_json::json;

use super::{MEDIA_TYPE, Shipper, answer, booking, labels, shipment};
use crate::contract::NOT_CHECKED;
use crate::contract::gls::specifications;

#[tokio::test]
async fn no_operation_of_the_three_files_is_missing() {
    let shipper = Shipper::new().await;
    parcels(&shipper).await;
    shops(&shipper).await;
    for path in [
        "/simple/trackids/QAS_0000005,QAS_0000012?showLinks=true&showEvents=true",
        "/simple/references/REF_0000001?showEvents=false",
        "/deliveryinfo/parcelid/QAS_0000007?originaldestinationpostalcode=00000",
        "/events/codes",
    ] {
        shipper.track(path).await.expect(200);
    }
    let served = shipper.sandbox.exchanges();
    assert!(served.iter().all(|one| one.status == 200), "{served:#?}");
    shipper.end().await;
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
    eprintln!("GLS: {seen} of {all} operations");
}

/// A parcel from its dry run to the proof of its delivery, and what is done with others.
async fn parcels(shipper: &Shipper) {
    let dry =
        shipper.post("/shipments/validate", &json!({ "Shipment": shipment("AISLE-1") })).await.expect(200);
    assert_eq!(dry.json["success"], true);
    let journey = json!({
        "Source": { "CountryCode": "DE", "ZIPCode": "53113" }, "Destination": { "CountryCode": "DE", "ZIPCode": "10115" },
        "ContactID": "276a45fkqM",
    });
    let allowed = shipper.post("/shipments/allowedservices", &journey).await.expect(200);
    assert!(allowed.json["AllowedServices"].as_array().unwrap().len() > 10);

    let (first, _) = shipper.book("AISLE-1").await;
    let reprint = json!({ "TrackID": first, "PrintingOptions": labels("ZEBRA", "ZPL_200") });
    let printed = shipper.post("/shipments/reprintparcel", &reprint).await.expect(200);
    let track_id = printed.text("/CreatedShipment/ParcelData/0/TrackID").to_owned();
    let heavier = json!({ "TrackID": track_id, "Weight": 4.35 });
    let updated = shipper.post("/shipments/updateparcelweight", &heavier).await.expect(200);
    assert_eq!(updated.json["UpdatedWeight"], 4.35);
    let (cancelled, _) = shipper.book("AISLE-2").await;
    assert_eq!(shipper.cancel(&cancelled).await.expect(200).text("/result"), "CANCELLED");
    let window = json!({ "DateFrom": "2026-11-23T00:00:00Z", "DateTo": "2026-11-24T00:00:00Z" });
    let found = shipper.post("/tracking/parcels", &window).await.expect(200);
    assert_eq!(found.json["UnitItems"].as_array().unwrap().len(), 1);

    let closed = shipper.ask(Method::POST, "/shipments/endofday?date=2026-11-23").await.expect(200);
    assert_eq!(closed.text("/Shipments/0/ShipmentUnit/0/TrackID"), track_id);
    let pickup = json!({
        "ContactID": "276a45fkqM", "PreferredPickUpDate": "2026-11-28T00:00:00Z", "NumberOfParcels": 3, "Product": "PARCEL",
    });
    let ordered = shipper.post("/sporadiccollection", &pickup).await.expect(200);
    assert!(ordered.text("/EstimatedPickUpDate").starts_with("2026-11-30"), "a Monday");

    for _ in 0..5 {
        shipper.sandbox.record_event(&track_id, "advance").unwrap();
    }
    let details = shipper.post("/tracking/parceldetails", &json!({ "TrackID": track_id })).await.expect(200);
    assert_eq!(details.text("/UnitDetail/History/0/StatusCode"), "DELIVD.NORMAL");
    assert_eq!(details.json["UnitDetail"]["Weight"], 4.35);
    let proof = shipper.post("/tracking/parcelpod", &json!({ "TrackID": track_id })).await.expect(200);
    assert_eq!(proof.text("/Poditem/TrackID"), track_id);
}

async fn shops(shipper: &Shipper) {
    let by_address =
        json!({ "CountryCode": "DE", "ZIPCode": "10115", "City": "Berlin", "MaxNumberOfShops": "2" });
    let near = shipper.post("/parcelshop/address", &by_address).await.expect(200);
    assert_eq!(near.json["ParcelShop"].as_array().unwrap().len(), 2);
    let id = near.text("/ParcelShop/0/ParcelShopID").to_owned();
    assert_eq!(near.text("/ParcelShop/0/Address/City"), "Berlin");
    let around = json!({ "Latitude": "50.735", "Longitude": "7.102", "Distance": "5" });
    let bonn = shipper.post("/parcelshop/distance", &around).await.expect(200);
    assert_eq!(bonn.json["ParcelShop"].as_array().unwrap().len(), 2);
    for path in
        ["/parcelshop/country/AT".to_owned(), format!("/parcelshop/{id}"), format!("/parcelshop/GLS_DE/{id}")]
    {
        shipper.ask(Method::GET, &path).await.expect(200);
    }
}

#[tokio::test]
async fn what_no_file_knows_is_not_there() {
    let shipper = Shipper::new().await;
    shipper.ask(Method::GET, "/shipments").await.expect(404);
    shipper.track("/simple/nothing").await.expect(404);
    let other = shipper.shipit("/shipments", &booking("AISLE-1")).header("content-type", "application/json");
    // Two content types: the first one counts.
    answer(other).await.expect(200);
    let plain =
        shipper.request(Method::POST, "/shipit-farm/v1/backend/rs/shipments").bearer_auth(&shipper.token);
    let plain = plain.json(&booking("AISLE-2"));
    answer(plain.try_clone().unwrap()).await.expect(406);
    answer(plain.header("accept", MEDIA_TYPE)).await.expect(415);
    assert_eq!(shipper.sandbox.books().parcels.len(), 1);
    shipper.end().await;
}
