//! Deliveries by a courier that comes at once: what is offered, when, and an order that is taken back while it is on its way.

use aisle::identity::Role;
use aisle::ids::{CartId, CheckoutId, OrderId};
use aisle::sandbox::uber::{self, Fault, Rule};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::uber::assert_kept;
use crate::credits::{apply, store_with};
use crate::delivery_options::carriers;
use crate::support::catalog::{COFFEE, MILK, STORE};
use crate::support::courier::{Courier, and};
use crate::support::trip::{Shop, Shopper};
use crate::support::{Answer, start_of_time};

/// A shop with DHL and Uber, whose store lets chilled goods be underway for so long, and whose coffee is chilled and milk is not.
async fn shop_of_cold_coffee(chilled_minutes: &Value, temperature: &str) -> (Shop, uber::Sandbox) {
    let settings = uber::Settings { clock_stands_at: Some(start_of_time()), ..uber::Settings::local() };
    let courier = uber::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(courier.url()), &[("AISLE_DELIVERY_QUOTE_MS", "10000")]);
    let shop = Shop::open_with(&variables).await;
    let coffee = json!({"kind": "product", "sku": "coffee", "name": "Iced coffee", "tax_class": "reduced",
        "deliverable": true, "weight_grams": 500, "temperature": temperature});
    apply(&shop, &[coffee]).await;
    bear(&shop, chilled_minutes).await;
    (shop, courier)
}

/// The store says from now on how long chilled goods may be underway.
async fn bear(shop: &Shop, chilled_minutes: &Value) {
    let mut terms = json!({"amount": 499, "tax_class": "standard"});
    if !chilled_minutes.is_null() {
        terms["chilled_minutes"] = chilled_minutes.clone();
    }
    apply(shop, &[store_with(&json!({"delivery": terms}))]).await;
}

async fn options_nearby(shopper: &Shopper<'_>, cart: CartId) -> Answer {
    let place = "country=DE&postal_code=53111&city=Bonn&street=Sternstr.&house_number=7";
    shopper.get(&format!("/v1/carts/{cart}/delivery-options?{place}")).await.expect(200)
}

/// Takes an option to an address nearby.
async fn take_nearby(shopper: &Shopper<'_>, cart: CartId, option: &Value) -> (CheckoutId, Answer) {
    take_at(shopper, cart, option, "7").await
}

/// Takes an option to this house of the street.
async fn take_at(
    shopper: &Shopper<'_>,
    cart: CartId,
    option: &Value,
    house_number: &str,
) -> (CheckoutId, Answer) {
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1, 2]);
    body["deliver"] = json!({"lines": [1, 2], "option": option, "recipient": {
        "name": "Mária Müller", "street": "Sternstr.", "house_number": house_number, "postal_code": "53111", "city": "Bonn",
        "country": "DE", "phone": "+4922854321",
    }});
    let checkout: CheckoutId = shopper.shop.test.app.ids.next();
    (checkout, shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await)
}

#[tokio::test]
async fn chilled_goods_go_with_a_courier_that_is_quick_enough_by_the_stores_rule() {
    let (shop, courier) = shop_of_cold_coffee(&json!(25), "chilled").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options_nearby(&shopper, cart).await;
    assert_eq!(carriers(&found), ["uber"], "{}", found.json);
    assert_eq!(found.number("/options/0/underway_minutes"), 25);
    assert_eq!(found.json["lines"], json!([{"line": 2, "carrier": "dhl", "reason": "cold_chain"}]));
    // Without the choice nobody says that it is quick.
    let unchosen = take_nearby(&shopper, cart, &Value::Null).await.1;
    unchosen.problem(422, "goods_not_deliverable");
    let (checkout, placed) = take_nearby(&shopper, cart, &found.json["options"][0]["id"]).await;
    let total = placed.expect(201).json["quote"]["total"].clone();
    shopper.pay(checkout, serde_json::from_value(total).expect("money")).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    shop.test.run_jobs().await;
    assert_eq!((courier.books().deliveries.len(), shop.dhl.books().shipments.len()), (1, 0));
    assert_kept(&courier);
}

#[tokio::test]
async fn chilled_goods_that_would_be_underway_for_too_long_are_refused_by_line() {
    for (minutes, temperature, reason) in [
        (json!(24), "chilled", "too_long_underway"),
        (Value::Null, "chilled", "cold_chain"),
        (json!(240), "frozen", "cold_chain"),
    ] {
        let (shop, _courier) = shop_of_cold_coffee(&minutes, temperature).await;
        let shopper = shop.payer("anna@example.com").await;
        let cart = shopper.fill(&[MILK, COFFEE]).await;
        let found = options_nearby(&shopper, cart).await;
        assert_eq!(carriers(&found), [""; 0], "{minutes} {temperature}");
        assert_eq!(
            found.json["lines"],
            json!([
                {"line": 2, "carrier": "dhl", "reason": "cold_chain"},
                {"line": 2, "carrier": "uber", "reason": reason},
            ])
        );
        let left_out = json!([{"carrier": "dhl", "reason": "lines"}, {"carrier": "uber", "reason": "lines"}]);
        assert_eq!(found.json["left_out"], left_out);
    }
}

#[tokio::test]
async fn an_option_for_chilled_goods_is_over_when_the_store_lets_them_be_underway_for_less() {
    let (shop, _courier) = shop_of_cold_coffee(&json!(30), "chilled").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options_nearby(&shopper, cart).await;
    bear(&shop, &json!(20)).await;
    let placed = take_nearby(&shopper, cart, &found.json["options"][0]["id"]).await.1;
    placed.problem(409, "delivery_option_over");
}

/// Couriers can collect at the store between these times from now on, on any day but Sunday.
async fn open(shop: &Shop, from: &str, to: &str) {
    let terms = json!({"amount": 499, "tax_class": "standard",
        "hand_over": {"by": from, "on": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]},
        "open": [{"days": [1, 2, 3, 4, 5, 6], "from": from, "to": to}]});
    apply(shop, &[store_with(&json!({"delivery": terms}))]).await;
}

#[tokio::test]
async fn a_courier_that_comes_at_once_is_offered_while_it_finds_the_store_open() {
    let (shop, courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    // It is ten by the store's clock, and goods are ready after half an hour.
    open(&shop, "10:35", "20:00").await;
    let found = options_nearby(&shopper, cart).await;
    assert_eq!(carriers(&found), ["dhl"], "who collects at the hand-over is offered at any time");
    assert_eq!(found.json["left_out"], json!([{"carrier": "uber", "reason": "store_closed"}]));
    shop.test.advance(Duration::minutes(4));
    assert_eq!(
        options_nearby(&shopper, cart).await.json,
        found.json,
        "still closed, and still the same answer"
    );
    shop.test.advance(Duration::minutes(1));
    let found = options_nearby(&shopper, cart).await;
    assert_eq!((carriers(&found).len(), &found.json["left_out"]), (2, &json!([])));
    let at = carriers(&found).iter().position(|carrier| *carrier == "uber").expect("Uber offers");
    assert_eq!(found.text(&format!("/options/{at}/leaves_by")), "2026-11-23T09:35:00Z");
    assert_kept(&courier);
}

#[tokio::test]
async fn an_option_is_over_when_its_courier_would_find_the_store_closed() {
    let (shop, _courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    open(&shop, "08:00", "10:35").await;
    let found = options_nearby(&shopper, cart).await;
    let at = carriers(&found).iter().position(|carrier| *carrier == "uber").expect("Uber offers");
    shop.test.advance(Duration::minutes(5));
    let placed = take_nearby(&shopper, cart, &found.json["options"][at]["id"]).await.1;
    placed.problem(409, "delivery_option_over");
    // Whoever asks again is told why.
    let found = options_nearby(&shopper, cart).await;
    assert_eq!(carriers(&found), ["dhl"]);
    assert_eq!(found.json["left_out"], json!([{"carrier": "uber", "reason": "store_closed"}]));
    take_nearby(&shopper, cart, &found.json["options"][0]["id"]).await.1.expect(201);
}

#[tokio::test]
async fn a_courier_that_rides_near_the_store_says_what_it_costs_once_it_knows_the_street() {
    let settings = uber::Settings { clock_stands_at: Some(start_of_time()), ..uber::Settings::local() };
    let courier = uber::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(courier.url()), &[("AISLE_DELIVERY_QUOTE_MS", "10000")]);
    let shop = Shop::open_with(&variables).await;
    let terms = json!({"amount": 499, "tax_class": "standard", "prefer": "fastest",
        "tariffs": [{"carrier": "dhl", "amount": 490, "days": [1, 2]}, {"carrier": "uber"}]});
    apply(&shop, &[store_with(&json!({"delivery": terms}))]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let ask = async |query: &str| {
        let place = "country=DE&postal_code=53111&city=Bonn";
        shopper.get(&format!("/v1/carts/{cart}/delivery-options?{place}{query}")).await.expect(200)
    };
    let found = ask("").await;
    assert_eq!(found.json["left_out"], json!([{"carrier": "uber", "reason": "address_needed"}]));
    let found = ask("&street=Sternstr.&house_number=7").await;
    assert_eq!(carriers(&found), ["uber", "dhl"], "within the hour, before tomorrow: {}", found.json);
    assert!(found.json["options"][0]["is_live"] == true && found.number("/options/0/price/amount") > 0);
    // It calls at the door.
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1]);
    body["deliver"]["option"] = found.json["options"][0]["id"].clone();
    body["deliver"]["recipient"] = json!({"name": "Mária Müller", "street": "Sternstr.", "house_number": "7",
        "postal_code": "53111", "city": "Bonn", "country": "DE"});
    let checkout: CheckoutId = shop.test.app.ids.next();
    let refused =
        shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await.problem(422, "address_invalid");
    assert_eq!(refused.text("/errors/0/pointer"), "/deliver/recipient/phone");
    assert_kept(&courier);
}

#[tokio::test]
async fn what_a_courier_said_for_one_door_holds_for_no_other() {
    let (shop, _courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options_nearby(&shopper, cart).await;
    for (at, carrier) in carriers(&found).into_iter().enumerate() {
        let elsewhere = take_at(&shopper, cart, &found.json["options"][at]["id"], "211").await.1;
        match carrier {
            "uber" => elsewhere.problem(409, "delivery_option_over"),
            // A parcel costs the same to the whole town.
            _ => elsewhere.expect(201),
        };
    }
}

/// An order of coffee and milk that Uber was booked for.
async fn ridden(shop: &Shop, shopper: &Shopper<'_>) -> OrderId {
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options_nearby(shopper, cart).await;
    let at = carriers(&found).iter().position(|carrier| *carrier == "uber").expect("Uber offers");
    let (checkout, placed) = take_nearby(shopper, cart, &found.json["options"][at]["id"]).await;
    let total = placed.expect(201).json["quote"]["total"].clone();
    shopper.pay(checkout, serde_json::from_value(total).expect("money")).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    shop.test.run_jobs().await;
    shopper.checkout(checkout).await.text("/order").parse().expect("an order")
}

async fn cancel(shop: &Shop, order: OrderId) -> Answer {
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    shop.test.post(&format!("/v1/orders/{order}/cancel"), &Value::Null).bearer(&supervisor).send().await
}

#[tokio::test]
async fn an_order_whose_courier_turns_back_is_taken_back_and_nobody_rides() {
    let (shop, courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let mut shopper = shop.payer("anna@example.com").await;
    let order = ridden(&shop, &shopper).await;
    assert_eq!(courier.live().len(), 1);
    // Nothing is taken back as long as nobody knows whether it still comes.
    courier
        .add_fault(Rule::new("deliveries.cancel", Fault::NoAnswerAfter { hold: false }, 1))
        .expect("planned");
    cancel(&shop, order).await.problem(503, "courier_unreachable");
    assert_eq!(shopper.read_order(order).await.text("/state"), "placed");
    assert_eq!(cancel(&shop, order).await.expect(200).text("/state"), "cancelled");
    cancel(&shop, order).await.expect(200);
    for _ in 0..3 {
        shop.test.advance(Duration::minutes(5));
        courier.pass(300);
        shop.test.run_jobs().await;
    }
    assert_eq!((courier.live().len(), courier.books().deliveries.len()), (0, 1));
    shopper.sign_in_again().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.text("/state"), read.number("/captured/amount")), ("cancelled", 0));
    assert_kept(&courier);
}

#[tokio::test]
async fn an_order_whose_courier_has_the_goods_is_not_given_back_but_brought_and_paid() {
    let (shop, courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let shopper = shop.payer("anna@example.com").await;
    let order = ridden(&shop, &shopper).await;
    let id = courier.books().deliveries[0].id.clone();
    // Nobody was told yet that it has them.
    for _ in 0..2 {
        courier.happen(&id, "advance").expect("the courier rides");
    }
    cancel(&shop, order).await.problem(409, "courier_keeps");
    // It was asked at once.
    shop.test.run_jobs().await;
    let total = shopper.read_order(order).await;
    assert_eq!(
        (total.text("/state"), total.number("/captured/amount") > 0),
        ("completed", true),
        "{}",
        total.json
    );
    cancel(&shop, order).await.problem(409, "shipment_state");
    assert_kept(&courier);
}

#[tokio::test]
async fn an_order_that_stays_after_its_courier_was_recalled_is_brought_by_another_ride() {
    let (shop, courier) = shop_of_cold_coffee(&Value::Null, "ambient").await;
    let shopper = shop.payer("anna@example.com").await;
    let order = ridden(&shop, &shopper).await;
    let shipment = shopper.read_order(order).await.text("/shipment").parse().expect("a shipment");
    // As when the process dies before the order was taken back.
    aisle::delivery::recall(&shop.test.app, shipment).await.expect("recalled");
    assert!(courier.live().is_empty());
    shop.test.advance(Duration::minutes(5));
    courier.pass(300);
    shop.test.run_jobs().await;
    assert_eq!(courier.live().len() + shop.dhl.books().shipments.len(), 1, "one brings it");
    assert_eq!(shopper.read_order(order).await.text("/state"), "placed");
}
