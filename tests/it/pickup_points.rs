//! Pick-up points and lockers as destinations: who brings parcels there, what couriers are told, and where there are some.

use aisle::delivery::carrier::{
    AddressFinding, AddressQuestion, BookOutcome, Booking, Carrier, RejectionReason,
};
use aisle::delivery::{PickupPoint, PointKind};
use aisle::identity::Role;
use aisle::ids::CheckoutId;
use aisle::sandbox::{dhl, gls, uber, ups};
use serde_json::{Value, json};

use crate::contract;
use crate::credits::{apply, store_with};
use crate::support::catalog::{MILK, WINE};
use crate::support::courier::and;
use crate::support::courier::german_booking;
use crate::support::delivery::{Depot, STORE};
use crate::support::start_of_time;
use crate::support::trip::Shop;
use crate::{dhl_adapter, gls_adapter, uber_adapter, ups_adapter};

fn point(carrier: &str, kind: PointKind, id: &str, customer_number: Option<&str>) -> PickupPoint {
    PickupPoint {
        carrier: carrier.to_owned(),
        kind,
        id: id.to_owned(),
        name: None,
        customer_number: customer_number.map(str::to_owned),
    }
}

fn to_point(point: PickupPoint) -> Booking {
    let mut booking = german_booking(4_200);
    booking.recipient.pickup_point = Some(point);
    booking
}

/// What keeps a courier from a booking.
async fn refusal(courier: &dyn Carrier, booking: &Booking) -> (RejectionReason, String) {
    match courier.book(booking).await {
        BookOutcome::Rejected(rejection) => (rejection.reason, rejection.messages[0].property.clone()),
        other => panic!("{other:?}"),
    }
}

async fn book(courier: &dyn Carrier, booking: &Booking) {
    let outcome = courier.book(booking).await;
    assert!(matches!(outcome, BookOutcome::Confirmed(_)), "{outcome:?}");
}

#[tokio::test]
async fn dhl_brings_parcels_to_packstationen_and_post_offices_by_number_and_postnummer() {
    let settings = dhl::Settings { clock_stands_at: Some(start_of_time()), ..dhl::Settings::local() };
    let sandbox = dhl::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let dhl = dhl_adapter::adapter(&settings, sandbox.url());
    let mut locker = to_point(point("dhl", PointKind::Locker, "145", Some("12345678")));
    // A Packstation has no street.
    locker.recipient.street = String::new();
    locker.recipient.house_number = Some(String::new());
    locker.notify_email = Some("maria@example.com".to_owned());
    book(&dhl, &locker).await;
    book(&dhl, &to_point(point("dhl", PointKind::Shop, "518", Some("12345678")))).await;
    let bodies: Vec<Value> = sandbox
        .exchanges()
        .iter()
        .filter(|each| each.method == "POST" && each.path.contains("/orders"))
        .map(|each| serde_json::from_slice(&each.request_body).expect("JSON"))
        .collect();
    let consignee = json!({"name": "Mária Müller", "lockerID": 145, "postNumber": "12345678", "postalCode": "10115",
        "city": "Berlin", "country": "DEU"});
    assert_eq!(bodies[0]["shipments"][0]["consignee"], consignee);
    assert_eq!(bodies[1]["shipments"][0]["consignee"]["retailID"], 518);
    for (wrong, property) in [
        (point("dhl", PointKind::Locker, "99", Some("12345678")), "recipient.pickup_point.id"),
        (point("dhl", PointKind::Locker, "+45", Some("12345678")), "recipient.pickup_point.id"),
        (point("dhl", PointKind::Shop, "400", Some("12345678")), "recipient.pickup_point.id"),
        (point("dhl", PointKind::Locker, "145", None), "recipient.pickup_point.customer_number"),
        (point("dhl", PointKind::Shop, "518", Some("12345")), "recipient.pickup_point.customer_number"),
    ] {
        assert_eq!(refusal(&dhl, &to_point(wrong)).await, (RejectionReason::Data, property.to_owned()));
    }
    let other = to_point(point("gls", PointKind::Shop, "2760188645", None));
    assert_eq!(refusal(&dhl, &other).await.0, RejectionReason::NotServed);
    let aged = Booking { age_min: Some(18), ..locker };
    assert_eq!(refusal(&dhl, &aged).await, (RejectionReason::NotServed, "age_min".to_owned()));
    contract::dhl::assert_kept(&sandbox);
}

#[tokio::test]
async fn gls_brings_parcels_to_its_shops_and_refuses_one_that_it_has_not() {
    let settings = gls::Settings { clock_stands_at: Some(start_of_time()), ..gls::Settings::local() };
    let sandbox = gls::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let gls = gls_adapter::adapter(&settings, sandbox.url(), &settings.contacts[0]);
    book(&gls, &to_point(point("gls", PointKind::Shop, "2760101156", None))).await;
    let exchanges = sandbox.exchanges();
    let booked = exchanges.iter().find(|each| each.operation == "shipments.create").expect("a booking");
    let booked: Value = serde_json::from_slice(&booked.request_body).expect("JSON");
    let service =
        json!([{"ShopDelivery": {"ServiceName": "service_shopdelivery", "ParcelShopID": "2760101156"}}]);
    assert_eq!(booked["Shipment"]["Service"], service);
    let unknown = to_point(point("gls", PointKind::Shop, "2760000000", None));
    assert_eq!(refusal(&gls, &unknown).await.0, RejectionReason::Data);
    let locker = to_point(point("gls", PointKind::Locker, "2760101156", None));
    assert_eq!(refusal(&gls, &locker).await.1, "recipient.pickup_point.kind");
    let other = to_point(point("dhl", PointKind::Shop, "518", Some("12345678")));
    assert_eq!(refusal(&gls, &other).await.0, RejectionReason::NotServed);
    contract::gls::assert_kept(&sandbox);
}

#[tokio::test]
async fn ups_holds_parcels_at_its_access_points_and_refuses_one_that_it_has_not() {
    let settings = ups::Settings { clock_stands_at: Some(start_of_time()), ..ups::Settings::local() };
    let sandbox = ups::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let ups = ups_adapter::adapter("DE", &settings, sandbox.url());
    book(&ups, &to_point(point("ups", PointKind::Shop, "U20000002", None))).await;
    let held: Vec<Option<String>> =
        sandbox.books().shipments.iter().map(|shipment| shipment.access_point.clone()).collect();
    assert_eq!(held, [Some("U20000002".to_owned())]);
    let unknown = to_point(point("ups", PointKind::Shop, "U29999999", None));
    assert_eq!(refusal(&ups, &unknown).await, (RejectionReason::Data, "121501".to_owned()));
    let short = to_point(point("ups", PointKind::Shop, "U2", None));
    assert_eq!(refusal(&ups, &short).await.1, "recipient.pickup_point.id");
    let other = to_point(point("gls", PointKind::Shop, "2760188645", None));
    assert_eq!(refusal(&ups, &other).await.0, RejectionReason::NotServed);
    contract::ups::assert_kept(&sandbox);
}

#[tokio::test]
async fn uber_rides_to_doors_only_and_says_of_an_address_whether_anybody_rides_there() {
    let settings = uber_adapter::settings();
    let sandbox = uber::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let uber = uber_adapter::adapter(&settings, sandbox.url());
    let mut booking = uber_adapter::booking();
    booking.recipient.pickup_point = Some(point("ups", PointKind::Shop, "U10000001", None));
    assert_eq!(
        refusal(&uber, &booking).await,
        (RejectionReason::NotServed, "recipient.pickup_point".to_owned())
    );
    let ask = async |postal_code: &str| {
        let mut recipient = uber_adapter::booking().recipient;
        recipient.postal_code = postal_code.to_owned();
        let sender = uber_adapter::booking().sender;
        let question = AddressQuestion { sender, recipient, asked_at: start_of_time() };
        uber.check_address(&question).await.expect("an answer").expect("a verdict").finding
    };
    let same = uber_adapter::booking().recipient.postal_code;
    assert_eq!(ask(&same).await, AddressFinding::Known);
    assert_eq!(ask("94110").await, AddressFinding::NotServed);
    contract::uber::assert_kept(&sandbox);
}

/// A shop with GLS beside DHL.
async fn shop() -> (Shop, gls::Sandbox) {
    let settings = gls::Settings { clock_stands_at: Some(start_of_time()), ..gls::Settings::local() };
    let courier = gls::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(courier.url()), &[("AISLE_DELIVERY_QUOTE_MS", "10000")]);
    let shop = Shop::open_with(&variables).await;
    let wine = json!({"kind": "product", "sku": "wine", "name": "Riesling", "tax_class": "standard",
        "deliverable": true, "weight_grams": 1300, "age_min": 18});
    let store = store_with(&json!({"delivery": {"amount": 499, "tax_class": "standard"}}));
    apply(&shop, &[store, wine]).await;
    (shop, courier)
}

/// A Packstation in Berlin.
fn packstation() -> Value {
    json!({"name": "Mária Müller", "street": "", "house_number": "", "postal_code": "10115", "city": "Berlin",
        "country": "DE",
        "pickup_point": {"carrier": "dhl", "kind": "locker", "id": "145", "customer_number": "12345678"}})
}

#[tokio::test]
async fn a_shopper_finds_points_chooses_one_and_only_its_courier_brings_the_goods_there() {
    let (shop, courier) = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let near = "/v1/delivery/pickup-points?country=DE&postal_code=10115&city=Berlin";
    let found = shopper.get(near).await.expect(200);
    let couriers = json!([
        {"carrier": "dhl", "kinds": ["locker", "shop"], "search": "not_offered"},
        {"carrier": "gls", "kinds": ["shop"], "search": "answered"},
    ]);
    assert_eq!(found.json["couriers"], couriers);
    let first = &found.json["points"][0];
    assert_eq!(
        (&first["id"], &first["street"], &first["house_number"]),
        (&json!("2760101156"), &json!("Invalidenstr."), &json!("30"))
    );
    assert!(first["opening_hours"].as_str().is_some_and(|hours| hours.starts_with("MON 08:00-18:30")));
    let only = shopper.get(&format!("{near}&carrier=dhl")).await.expect(200);
    assert_eq!(only.json["points"], json!([]));
    shopper.get("/v1/delivery/pickup-points?country=DE&postal_code=1").await.problem(422, "address_invalid");
    // Who else offers.
    let cart = shopper.fill(&[MILK]).await;
    let options = format!("/v1/carts/{cart}/delivery-options?country=DE&postal_code=10115&city=Berlin");
    let locker = "&pickup_carrier=dhl&pickup_kind=locker&pickup_id=145";
    let found = shopper.get(&format!("{options}{locker}")).await.expect(200);
    assert_eq!(found.text("/options/0/carrier"), "dhl");
    assert_eq!(found.json["left_out"], json!([{"carrier": "gls", "reason": "pickup_point_not_served"}]));
    shopper.get(&format!("{options}&pickup_carrier=dhl")).await.problem(422, "address_invalid");
    // The option holds for the point that was asked about.
    let place = async |recipient: &Value| {
        let version = shopper.cart(cart).await.number("/version");
        let mut body = shopper.placement(cart, version, &[1]);
        body["deliver"]["option"] = found.json["options"][0]["id"].clone();
        body["deliver"]["recipient"] = recipient.clone();
        let checkout: CheckoutId = shop.test.app.ids.next();
        (checkout, shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await)
    };
    let mut other = packstation();
    other["pickup_point"]["id"] = json!("146");
    place(&other).await.1.problem(409, "delivery_option_over");
    other["pickup_point"]["customer_number"] = json!("1");
    let refused = place(&other).await.1.problem(422, "address_invalid");
    assert_eq!(refused.text("/errors/0/pointer"), "/deliver/recipient/pickup_point/customer_number");
    let (checkout, placed) = place(&packstation()).await;
    let total = serde_json::from_value(placed.expect(201).json["quote"]["total"].clone()).expect("money");
    shopper.pay(checkout, total).await;
    shop.until(async || shop.dhl.books().shipments.len() == 1).await;
    let order = shopper.checkout(checkout).await.text("/order").to_owned();
    let order = shopper.get(&format!("/v1/orders/{order}")).await.expect(200);
    let shipment = shopper.get(&format!("/v1/shipments/{}", order.text("/shipment"))).await.expect(200);
    assert_eq!(shipment.json["recipient"]["pickup_point"], packstation()["pickup_point"]);
    contract::dhl::assert_kept(&shop.dhl);
    contract::gls::assert_kept(&courier);
}

#[tokio::test]
async fn goods_that_are_sold_from_an_age_on_go_to_no_point_where_nobody_looks() {
    let (shop, _courier) = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, WINE]).await;
    let place = "country=DE&postal_code=10115&city=Berlin&pickup_carrier=dhl&pickup_kind=shop&pickup_id=518";
    let found = shopper.get(&format!("/v1/carts/{cart}/delivery-options?{place}")).await.expect(200);
    assert!(
        found.json["lines"]
            .as_array()
            .expect("lines")
            .contains(&json!({"line": 2, "carrier": "dhl", "reason": "age_check"}))
    );
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1, 2]);
    body["deliver"]["recipient"] = packstation();
    let checkout: CheckoutId = shop.test.app.ids.next();
    let path = format!("/v1/checkouts/{checkout}");
    shopper.put(&path, &body).await.problem(422, "goods_not_deliverable");
    body["deliver"]["lines"] = json!([1]);
    shopper.put(&path, &body).await.expect(201);
}

#[tokio::test]
async fn staff_send_a_parcel_to_a_point_of_its_own_courier_only() {
    let depot = Depot::new().await;
    let shopper = depot.test.shopper().await;
    let shipment = depot.request(&shopper, &[4_200]).await;
    depot.test.run_jobs().await;
    let supervisor = depot.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/recipient");
    let mut other = packstation();
    other["pickup_point"] = json!({"carrier": "gls", "kind": "shop", "id": "2760101156"});
    other["street"] = json!("Invalidenstr.");
    let refused =
        depot.test.put(&path, &other).bearer(&supervisor).send().await.problem(422, "address_invalid");
    assert_eq!(refused.text("/errors/0/pointer"), "/pickup_point/carrier");
    depot.test.put(&path, &packstation()).bearer(&supervisor).send().await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(depot.see(shipment, &supervisor).await.text("/state"), "booked");
    let live: Vec<String> = depot.live().into_iter().map(|each| each.consignee_name).collect();
    assert_eq!(live.len(), 1);
}
