//! What something costs, when it arrives, whether an address exists, who collects it, where it can wait.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shipper, rate};

fn cents(value: &Value) -> i64 {
    let text = value["MonetaryValue"].as_str().expect("an amount");
    text.replace('.', "").parse().expect("digits")
}

#[tokio::test]
async fn shop_has_every_service_between_two_places_with_price_and_day() {
    let shipper = Shipper::new().await;
    let one = shipper.post("/rating/v2409/Rate", &rate()).await;
    let rated = &one.body["RateResponse"]["RatedShipment"];
    assert_eq!(rated.as_array().map(Vec::len), Some(1), "{one:?}");
    assert!(rated[0]["TimeInTransit"].is_null());
    let all = shipper.post("/rating/v2409/Shoptimeintransit", &rate()).await;
    let all = all.body["RateResponse"]["RatedShipment"].as_array().expect("services").clone();
    let codes: Vec<&str> = all.iter().filter_map(|one| one["Service"]["Code"].as_str()).collect();
    assert_eq!(codes, ["14", "01", "13", "59", "02", "12", "03"]);
    let ground = &all[6];
    assert_eq!(ground["TotalCharges"], rated[0]["TotalCharges"]);
    let arrival = &ground["TimeInTransit"]["ServiceSummary"]["EstimatedArrival"]["Arrival"];
    assert_eq!(arrival["Date"], "20261124");
    assert!(cents(&all[0]["TotalCharges"]) > cents(&ground["TotalCharges"]));
    let parts = [&ground["TransportationCharges"], &ground["ServiceOptionsCharges"]];
    assert_eq!(parts.into_iter().map(cents).sum::<i64>(), cents(&ground["TotalCharges"]));
    shipper.end().await;
}

#[tokio::test]
async fn a_price_grows_with_signature_residence_and_weight_and_booking_costs_what_was_quoted() {
    let shipper = Shipper::new().await;
    let total = |said: &super::Said| cents(&said.body["RateResponse"]["RatedShipment"][0]["TotalCharges"]);
    let plain = shipper.post("/rating/v2409/Rate", &rate()).await;
    let mut dear = rate();
    let shipment = &mut dear["RateRequest"]["Shipment"];
    shipment["Package"][0]["PackageServiceOptions"] = json!({"DeliveryConfirmation": {"DCISType": "3"}});
    shipment["ShipTo"]["Address"]["ResidentialAddressIndicator"] = json!("");
    let dear = shipper.post("/rating/v2409/Rate", &dear).await;
    assert_eq!(total(&dear) - total(&plain), 765 + 595);
    let booked = shipper.ship(&super::shipment("AISLE-0001")).await;
    let charges = &booked.body["ShipmentResponse"]["ShipmentResults"]["ShipmentCharges"];
    assert_eq!(cents(&charges["TotalCharges"]), total(&plain));
    shipper.end().await;
}

#[tokio::test]
async fn prices_that_can_not_be_said_are_refused() {
    let shipper = Shipper::new().await;
    let mut nowhere = rate();
    nowhere["RateRequest"]["Shipment"]["ShipTo"]["Address"]["PostalCode"] = json!("94110");
    assert_eq!(shipper.post("/rating/v2409/Rate", &nowhere).await.code(), "111286");
    let mut wrong = rate();
    wrong["RateRequest"]["Shipment"]["Service"]["Code"] = json!("11");
    assert_eq!(shipper.post("/rating/v2409/Rate", &wrong).await.code(), "111210");
    assert_eq!(shipper.post("/rating/v2409/Guess", &rate()).await.code(), "110601");
    let mut timeless = rate();
    let fields = timeless["RateRequest"]["Shipment"].as_object_mut().expect("an object");
    fields.remove("DeliveryTimeInformation");
    assert_eq!(shipper.post("/rating/v2409/Shoptimeintransit", &timeless).await.code(), "111549");
    shipper.end().await;
}

pub fn transit(date: &str, pounds: i64) -> Value {
    json!({
        "originCountryCode": "US", "originPostalCode": "12207", "originCityName": "Albany",
        "destinationCountryCode": "US", "destinationPostalCode": "94110", "destinationStateProvince": "CA",
        "shipDate": date, "weight": pounds, "weightUnitOfMeasure": "LBS", "billType": "03", "numberOfPackages": 2,
    })
}

#[tokio::test]
async fn transit_times_know_working_days_and_their_limits() {
    let shipper = Shipper::new().await;
    let path = "/shipments/v1/transittimes";
    let said = shipper.post(path, &transit("2026-11-27", 10)).await;
    assert_eq!(said.body["emsResponse"]["numberOfServices"], 7, "{said:?}");
    let next_day = &said.body["emsResponse"]["services"][1];
    assert_eq!((&next_day["serviceLevel"], &next_day["deliveryDate"]), (&json!("1DA"), &json!("2026-11-30")));
    assert_eq!((&next_day["businessTransitDays"], &next_day["totalTransitDays"]), (&json!(1), &json!(3)));
    for (date, pounds, code) in
        [("2026-10-01", 10, "270033"), ("2027-02-01", 10, "270033"), ("2026-11-27", 151, "270045")]
    {
        let refused = shipper.post(path, &transit(date, pounds)).await;
        assert_eq!(
            (refused.status, refused.text("/errors/0/code")),
            (400, code),
            "the errors stand at the top here"
        );
    }
    let mut wrong = transit("2026-11-27", 10);
    wrong["destinationStateProvince"] = json!("NY");
    let said = shipper.post(path, &wrong).await;
    assert_eq!(said.body["validationList"]["invalidFieldList"], json!(["destinationPostalCode"]));
    shipper.end().await;
}

pub fn address(street: &str, city: &str, state: &str, code: &str) -> Value {
    json!({"XAVRequest": {"AddressKeyFormat": {
        "AddressLine": [street], "PoliticalDivision2": city, "PoliticalDivision1": state,
        "PostcodePrimaryLow": code, "CountryCode": "US",
    }}})
}

#[tokio::test]
async fn addresses_are_valid_ambiguous_or_unknown_and_of_homes_or_offices() {
    let shipper = Shipper::new().await;
    let path = "/addressvalidation/v2/3";
    for (body, verdict, class) in [
        (address("20 W 34th St", "New York", "NY", "10001"), "ValidAddressIndicator", "2"),
        (address("20 W 34th St Suite 5", "New York", "NY", "10001"), "ValidAddressIndicator", "1"),
        (address("W 34th St", "New York", "NY", "10001"), "AmbiguousAddressIndicator", "2"),
        (address("20 W 34th St", "Albany", "NY", "10001"), "AmbiguousAddressIndicator", "2"),
        (address("20 Main St", "Gotham", "NY", "13601"), "NoCandidatesIndicator", "0"),
        (address("1 Nowhere Rd", "New York", "NY", "10001"), "NoCandidatesIndicator", "0"),
    ] {
        let said = shipper.post(path, &body).await;
        let answer = &said.body["XAVResponse"];
        assert_eq!(answer[verdict], json!(""), "{body}: {said:?}");
        assert_eq!(answer["AddressClassification"]["Code"], class, "{body}");
    }
    let mixed = shipper.post(path, &address("20 W 34th St", "Albany", "NY", "10001")).await;
    assert_eq!(mixed.body["XAVResponse"]["Candidate"].as_array().map(Vec::len), Some(2));
    let texan = shipper.post(path, &address("1 Main St", "Austin", "TX", "73301")).await;
    assert!(texan.message().contains("Customer Integration Environment"));
    let mut german = address("Invalidenstr. 117", "Berlin", "BE", "10115");
    german["XAVRequest"]["AddressKeyFormat"]["CountryCode"] = json!("DE");
    assert_eq!(shipper.post(path, &german).await.status, 400);
    shipper.end().await;
}

pub fn pickup(date: &str, ready: &str, close: &str) -> Value {
    json!({"PickupCreationRequest": {
        "Request": {"TransactionReference": {"CustomerContext": "pickup"}},
        "RatePickupIndicator": "Y",
        "Shipper": {"Account": {"AccountNumber": super::account(), "AccountCountryCode": "US"}},
        "PickupDateInfo": {"CloseTime": close, "ReadyTime": ready, "PickupDate": date},
        "PickupAddress": {
            "CompanyName": "Store 12", "ContactName": "Goods out", "AddressLine": ["100 Main St"], "City": "Albany",
            "StateProvince": "NY", "PostalCode": "12207", "CountryCode": "US", "ResidentialIndicator": "N",
            "Phone": {"Number": "5185550100"},
        },
        "AlternateAddressIndicator": "N",
        "PickupPiece": [
            {"ServiceCode": "003", "Quantity": "12", "DestinationCountryCode": "US", "ContainerCode": "01"},
        ],
        "PaymentMethod": "01",
        "ReferenceNumber": "STORE12-20261123",
    }})
}

#[tokio::test]
async fn a_pickup_is_booked_listed_and_taken_back_once() {
    let shipper = Shipper::new().await;
    let said = shipper.post("/pickupcreation/v2409/pickup", &pickup("20261123", "1400", "1700")).await;
    let prn = said.text("/PickupCreationResponse/PRN").to_owned();
    assert_eq!((said.status, prn.len()), (200, 11), "{said:?}");
    // The same place and day again is the same order.
    let again = shipper.post("/pickupcreation/v2409/pickup", &pickup("20261123", "1400", "1700")).await;
    assert_eq!(again.text("/PickupCreationResponse/PRN"), prn);
    let call = |method: Method, path: &str, name: &'static str, value: String| {
        let request = shipper.client.request(method, format!("{}/api{path}", shipper.sandbox.url()));
        super::said(request.bearer_auth(&shipper.token).header(name, value))
    };
    let pending = "/shipments/v2409/pickup/oncall";
    let listed = call(Method::GET, pending, "AccountNumber", super::account()).await.unwrap();
    assert_eq!(listed.text("/PickupPendingStatusResponse/PendingStatus/0/PRN"), prn);
    let cancel = "/shipments/v2409/pickup/02";
    assert_eq!(call(Method::DELETE, cancel, "Prn", prn.clone()).await.unwrap().status, 200);
    assert_eq!(call(Method::DELETE, cancel, "Prn", prn).await.unwrap().code(), "9510118");
    assert_eq!(
        call(Method::GET, pending, "AccountNumber", super::account()).await.unwrap().code(),
        "9510116"
    );
    shipper.end().await;
}

#[tokio::test]
async fn a_pickup_needs_a_working_day_and_time_for_the_driver() {
    let shipper = Shipper::new().await;
    for (date, ready, close, code) in [
        ("20261122", "0900", "1700", "9510101"),
        ("20261128", "0900", "1700", "9510102"),
        ("20261220", "0900", "1700", "9510101"),
        ("20261124", "1630", "1700", "9510105"),
        ("20261123", "0600", "0930", "9510105"),
    ] {
        let said = shipper.post("/pickupcreation/v2409/pickup", &pickup(date, ready, close)).await;
        assert_eq!((said.status, said.code()), (400, code), "{date} {ready}");
    }
    assert!(shipper.sandbox.books().pickups.is_empty());
    shipper.end().await;
}

pub fn near(country: &str, city: &str, code: &str) -> Value {
    json!({"LocatorRequest": {
        "Request": {"RequestAction": "Locator", "TransactionReference": {"CustomerContext": "shops"}},
        "OriginAddress": {"AddressKeyFormat": {
            "AddressLine": "1 Main St", "PoliticalDivision2": city, "PoliticalDivision1": "NY",
            "PostcodePrimaryLow": code, "CountryCode": country,
        }},
        "Translate": {"Locale": "en_US"},
        "UnitOfMeasurement": {"Code": "MI"},
        "LocationSearchCriteria": {"MaximumListSize": "5", "AccessPointSearch": {"AccessPointStatus": "01"}},
    }})
}

#[tokio::test]
async fn shops_are_listed_the_nearest_first() {
    let shipper = Shipper::new().await;
    let path = "/locations/v3/search/availabilities/64";
    let said = shipper.post(path, &near("US", "Albany", "12207")).await;
    let shops =
        said.body["LocatorResponse"]["SearchResults"]["DropLocation"].as_array().expect("shops").clone();
    let ids: Vec<&Value> =
        shops.iter().map(|shop| &shop["AccessPointInformation"]["PublicAccessPointID"]).collect();
    assert_eq!(ids, ["U10000002", "U10000001"]);
    let none = shipper.post(path, &near("FR", "Paris", "75001")).await;
    assert!(none.body["LocatorResponse"]["SearchResults"]["DropLocation"].is_null());
    shipper.end().await;
}
