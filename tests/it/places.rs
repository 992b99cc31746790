//! Places as couriers know them: addresses that are checked before anything is ordered.

use aisle::delivery::carrier::{AddressFinding, AddressQuestion, Carrier};
use aisle::sandbox::gls;
use aisle::sandbox::ups::{Sandbox, Settings};
use serde_json::{Value, json};

use crate::contract;
use crate::credits::{apply, store_with};
use crate::support::catalog::{MILK, STORE};
use crate::support::courier::and;
use crate::support::courier::german_booking;
use crate::support::trip::{Shop, Shopper};
use crate::support::{Answer, start_of_time};

/// A shop with GLS beside DHL.
async fn shop() -> (Shop, gls::Sandbox) {
    let settings = gls::Settings { clock_stands_at: Some(start_of_time()), ..gls::Settings::local() };
    let courier = gls::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(courier.url()), &[("AISLE_DELIVERY_QUOTE_MS", "10000")]);
    let shop = Shop::open_with(&variables).await;
    apply(&shop, &[store_with(&json!({"delivery": {"amount": 499, "tax_class": "standard"}}))]).await;
    (shop, courier)
}

fn address(postal_code: &str) -> Value {
    json!({"name": "Mária Müller", "street": "Invalidenstr.", "house_number": "117a", "postal_code": postal_code,
        "city": "Berlin", "country": "DE"})
}

async fn check(shopper: &Shopper<'_>, address: &Value) -> Answer {
    shopper.post("/v1/delivery/address-checks", &json!({"store": STORE, "address": address})).await
}

fn findings(answer: &Answer) -> Vec<(&str, Option<&str>)> {
    let couriers = answer.json["couriers"].as_array().expect("couriers");
    couriers
        .iter()
        .map(|one| (one["carrier"].as_str().expect("a courier"), one["finding"].as_str()))
        .collect()
}

#[tokio::test]
async fn an_address_is_checked_by_the_rules_of_its_country_and_by_each_courier() {
    let (shop, courier) = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let seen = check(&shopper, &address("10115")).await.expect(200);
    assert_eq!(seen.json["faults"], json!([]));
    assert_eq!(findings(&seen), [("dhl", Some("known")), ("gls", Some("known"))]);
    // No German postal code begins with 00.
    let seen = check(&shopper, &address("00115")).await.expect(200);
    assert_eq!(findings(&seen), [("dhl", Some("unknown")), ("gls", Some("unknown"))]);
    assert_eq!(seen.json["couriers"][0]["messages"], json!(["The address could not be route-coded"]));
    // What is wrong anyhow is asked of nobody.
    let seen = check(&shopper, &address("1011")).await.expect(200);
    assert_eq!((seen.text("/faults/0/pointer"), findings(&seen)), ("/postal_code", Vec::new()));
    // Austria is DHL's to bring only with another contract, and not to check.
    let mut vienna = address("1030");
    vienna["country"] = json!("AT");
    assert_eq!(findings(&check(&shopper, &vienna).await.expect(200)), [("gls", Some("known"))]);
    let elsewhere = json!({"store": "nowhere", "address": address("10115")});
    shopper.post("/v1/delivery/address-checks", &elsewhere).await.problem(404, "store_unknown");
    assert!(shop.dhl.books().shipments.is_empty(), "nothing is booked");
    contract::dhl::assert_kept(&shop.dhl);
    contract::gls::assert_kept(&courier);
}

#[tokio::test]
async fn a_courier_that_says_nothing_has_no_finding_and_a_shopper_asks_so_often_a_minute() {
    let (shop, courier) = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    drop(courier);
    shop.dhl.plan_fault("orders.create", aisle::sandbox::dhl::FaultKind::ErrorBefore { status: 503 }, 1);
    let seen = check(&shopper, &address("10115")).await.expect(200);
    assert_eq!(findings(&seen), [("dhl", None), ("gls", None)]);
    for _ in 1..30 {
        check(&shopper, &address("1011")).await.expect(200);
    }
    check(&shopper, &address("1011")).await.problem(429, "too_many_questions");
    shop.payer("ben@example.com").await;
}

#[tokio::test]
async fn couriers_that_know_no_such_address_make_no_offer_and_say_why() {
    let (shop, _courier) = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let ask = async |code: &str, more: &str| {
        let place = format!("country=DE&postal_code={code}&city=Berlin{more}");
        shopper.get(&format!("/v1/carts/{cart}/delivery-options?{place}")).await.expect(200)
    };
    let street = "&street=Invalidenstr.&house_number=117a";
    let found = ask("00115", street).await;
    assert_eq!(found.json["options"], json!([]));
    let reasons = json!([
        {"carrier": "dhl", "reason": "address_unknown"}, {"carrier": "gls", "reason": "address_unknown"},
    ]);
    assert_eq!(found.json["left_out"], reasons);
    assert_eq!(found.text("/addresses/0/finding"), "unknown");
    // Without a street nobody is asked of one, and a good one has nothing against it.
    for (code, more) in [("00115", ""), ("10115", street)] {
        let found = ask(code, more).await;
        assert_eq!(found.json["options"].as_array().map(Vec::len), Some(2), "{code}");
        assert!(found.json.get("addresses").is_none());
    }
}

#[tokio::test]
async fn staff_correct_an_address_as_they_know_it_and_see_what_the_courier_says() {
    use crate::support::delivery::{Depot, STORE};
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    let supervisor = depot.test.staff(aisle::identity::Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    for (code, finding) in [("00115", "unknown"), ("10117", "known")] {
        let seen = depot.test.put(&path, &address(code)).bearer(&supervisor).send().await.expect(200);
        assert_eq!((seen.text("/address/finding"), seen.text("/recipient/postal_code")), (finding, code));
    }
    depot.test.run_jobs().await;
    assert_eq!(depot.see(shipment, &supervisor).await.text("/state"), "booked");
}

#[tokio::test]
async fn ups_knows_american_streets_and_has_others_instead() {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let ups = crate::ups_adapter::adapter("US", &settings, sandbox.url());
    let place = |street: &str, city: &str, code: &str| {
        let mut address = german_booking(1).sender;
        address.street = street.to_owned();
        address.house_number = Some("20".to_owned());
        (address.city, address.postal_code, address.country) =
            (city.to_owned(), code.to_owned(), "US".to_owned());
        AddressQuestion { sender: address.clone(), recipient: address, asked_at: start_of_time() }
    };
    let ask = async |question: AddressQuestion| ups.check_address(&question).await.expect("an answer");
    let known = ask(place("State St", "Albany", "12207")).await.expect("a verdict");
    assert_eq!(
        (known.finding, known.suggestions[0].street_line.as_str()),
        (AddressFinding::Known, "20 STATE ST")
    );
    let unsure = ask(place("State St", "New York", "12207")).await.expect("a verdict");
    assert_eq!((unsure.finding, unsure.suggestions.len()), (AddressFinding::Unsure, 2));
    let unknown = ask(place("Nowhere Rd", "Albany", "12207")).await.expect("a verdict");
    assert_eq!(unknown.finding, AddressFinding::Unknown);
    assert_eq!(ups.capabilities().checks_addresses, ["US"]);
    assert_eq!(
        ask(AddressQuestion { recipient: german_booking(1).recipient, ..place("A", "Albany", "12207") })
            .await,
        None
    );
    // The test system knows two states.
    let refused = ups.check_address(&place("Main St", "Boston", "02108")).await;
    assert!(refused.is_err(), "{refused:?}");
    contract::ups::assert_kept(&sandbox);
}
