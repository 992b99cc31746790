//! Every operation of UPS's nine files that parcels need, once and with success, each way held against its file.

use aisle::sandbox::ups::{AlertCredentials, AlertTarget};
use serde_json::json;

use super::services::{address, near, pickup, transit};
use super::{Shipper, rate};
use crate::contract::NOT_CHECKED;
use crate::contract::ups::specifications;

/// What the sandbox leaves out, and why.
const LEFT_OUT: [(&str, &str); 1] =
    [("POST /pickup/{version}/servicecenterlocations", "service centres are for pallets of freight")];

#[tokio::test]
async fn no_operation_that_parcels_need_is_missing() {
    let shipper = Shipper::new().await;
    // A push to nobody is sent all the same.
    shipper.sandbox.set_webhook(Some(AlertTarget {
        url: format!("{}/nobody", shipper.sandbox.url()),
        credentials: AlertCredentials::ApiKey("key".to_owned()),
    }));
    shipping_and_tracking(&shipper).await;
    shipper.post("/rating/v2409/Rate", &rate()).await;
    shipper.post("/shipments/v1/transittimes", &transit("2026-11-27", 10)).await;
    shipper.post("/addressvalidation/v2/1", &address("20 W 34th St", "New York", "NY", "10001")).await;
    shipper.post("/locations/v3/search/availabilities/64", &near("US", "Albany", "12207")).await;
    pickups(&shipper).await;
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
        (seen, all) = (seen + coverage.seen.len(), all + coverage.operations);
    }
    eprintln!("{seen} of {all} operations; left out: {LEFT_OUT:?}");
    assert_eq!(seen + LEFT_OUT.len(), all, "an operation was left out");
}

async fn shipping_and_tracking(shipper: &Shipper) {
    let number = shipper.book("AISLE-0001").await;
    shipper.recover("AISLE-0001").await;
    let numbers = json!({"locale": "en_US", "countryCode": "US", "trackingNumberList": [number]});
    shipper.post("/track/v2/subscription/standard/package", &numbers).await;
    let account = super::account();
    let body = json!({"locale": "en_US", "countryCode": "US", "shipperAccountNumber": account});
    let path = "/track/v2/subscription/standard/account";
    shipper.post(path, &body).await;
    shipper.delete(&format!("{path}?shipper_account_number={account}")).await;
    shipper.get("/track/v1/reference/details/AISLE-0001").await;
    shipper.get(&format!("/track/v1/shipment/details/{number}")).await;
    shipper.void(&number).await;
    shipper.track(&number).await;
    shipper.sandbox.deliver_alerts().await;
}

async fn pickups(shipper: &Shipper) {
    let said = shipper.post("/pickupcreation/v2409/pickup", &pickup("20261124", "0900", "1700")).await;
    let prn = said.text("/PickupCreationResponse/PRN").to_owned();
    let place = json!({
        "City": "Albany", "StateProvince": "NY", "PostalCode": "12207", "CountryCode": "US", "ResidentialIndicator": "N",
    });
    let rate = json!({"PickupRateRequest": {
        "Request": {}, "PickupAddress": place, "AlternateAddressIndicator": "N", "ServiceDateOption": "01",
    }});
    shipper.post("/shipments/v2409/pickup/oncall", &rate).await;
    shipper.get("/pickup/v2409/countries/US").await;
    for (method, path, name, value) in [
        (reqwest::Method::GET, "/shipments/v2409/pickup/oncall", "AccountNumber", super::account()),
        (reqwest::Method::DELETE, "/shipments/v2409/pickup/02", "Prn", prn),
    ] {
        let request = shipper.client.request(method, format!("{}/api{path}", shipper.sandbox.url()));
        super::said(request.bearer_auth(&shipper.token).header(name, value)).await.expect("an answer");
    }
}
