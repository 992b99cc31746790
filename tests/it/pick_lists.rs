//! What is to be picked in a store, in the order of its aisles, and by whom.

use aisle::identity::Role;
use aisle::ids::OrderId;
use chrono::Duration;
use reqwest::Method;
use serde_json::{Value, json};

use crate::credits::apply;
use crate::picked::hand_over;
use crate::support::Answer;
use crate::support::catalog::{BREAD, COFFEE, GUM, MILK, PAN, SOAP, STORE, STORE_WITH_OWN_PRICES};
use crate::support::trip::Shop;

async fn list(shop: &Shop, staff: &str, query: &str) -> Answer {
    let path = format!("/v1/stores/{STORE}/pick-list{query}");
    shop.test.get(&path).bearer(staff).send().await
}

fn of_items<'a>(list: &'a Answer, field: &str) -> Vec<&'a Value> {
    list.json["items"].as_array().expect("items").iter().map(|item| &item[field]).collect()
}

fn location(sku: &str, aisle: &str, bay: &str) -> Value {
    json!({"kind": "location", "store": STORE, "sku": sku, "aisle": aisle, "bay": bay})
}

#[tokio::test]
async fn the_goods_of_all_orders_come_in_the_order_of_the_aisles_and_the_cold_ones_last() {
    let shop = Shop::open().await;
    let rows = [
        location("pan", "2", "1"),
        location("soap", "10", "3"),
        location("coffee", "10", "2"),
        location("milk", "1", "1"),
        json!({"kind": "stock", "store": STORE, "sku": "coffee", "amount": 7}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.payer("anna@example.com").await;
    let first = shopper.order(shopper.fill(&[SOAP, GUM, MILK]).await, &[1, 2, 3]).await;
    let second = shopper.order(shopper.fill(&[BREAD, PAN, COFFEE]).await, &[2, 3]).await;
    // What is kept cold by the time it is picked, its place in the order knows.
    apply(
        &shop,
        &[json!({"kind": "product", "sku": "milk", "name": "Whole milk 1 l", "tax_class": "reduced", "deliverable": true,
            "temperature": "chilled", "weight_grams": 1_050})],
    )
    .await;
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    let all = list(&shop, &staff, "").await.expect(200);
    assert_eq!(of_items(&all, "sku"), ["pan", "coffee", "soap", "gum", "milk"]);
    assert_eq!(all.json["items"][1]["location"], json!({"aisle": "10", "bay": "2"}));
    assert_eq!(
        (&all.json["items"][1]["stock"], &all.json["items"][3]["location"]),
        (&json!(7), &Value::Null)
    );
    assert_eq!(all.json["orders"].as_array().expect("orders").len(), 2);
    // Bread goes along with the shopper: nobody picks it.
    let one = list(&shop, &staff, &format!("?orders={second}")).await.expect(200);
    assert_eq!(of_items(&one, "sku"), ["pan", "coffee"]);
    list(&shop, &staff, "?orders=all").await.problem(400, "invalid_query");
    let elsewhere = shop.test.staff(Role::Clerk, &[STORE_WITH_OWN_PRICES]).await;
    list(&shop, &elsewhere, "").await.expect(403);
    say(&shop, &staff, first, &json!({"lines": [], "is_finished": false})).await.expect(200);
    assert_eq!(list(&shop, &staff, "").await.expect(200).json["orders"].as_array().expect("orders").len(), 2);
    say(&shop, &staff, first, &json!({"lines": []})).await.expect(200);
    let left = list(&shop, &staff, "").await.expect(200);
    assert_eq!(left.json["orders"][0]["order"], json!(second));
    // What went out unsaid was picked.
    hand_over(&shopper, second).await;
    assert_eq!(list(&shop, &staff, "").await.expect(200).json, json!({"orders": [], "items": []}));
}

async fn say(shop: &Shop, staff: &str, order: OrderId, body: &Value) -> Answer {
    shop.test.put(&format!("/v1/orders/{order}/picked"), body).bearer(staff).send().await
}

#[tokio::test]
async fn a_list_says_what_the_shopper_wants_instead_and_what_there_is() {
    let shop = Shop::open().await;
    let coffee = json!({"kind": "product", "sku": "coffee", "name": "Coffee, ground 500 g", "tax_class": "reduced",
        "deliverable": true, "weight_grams": 520, "alternatives": ["gum", "soap"]});
    apply(&shop, &[coffee]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[COFFEE, PAN]).await;
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1, 2]);
    body["deliver"]["missing_lines"] = json!([{"line": 1, "if_missing": "ask", "instead": "soap"}]);
    let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
    let placed = shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await.expect(201);
    let total = placed.json["quote"]["total"].clone();
    shopper.pay(checkout, serde_json::from_value(total).expect("money")).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    let list = list(&shop, &staff, "").await.expect(200);
    let coffee = list.json["items"].as_array().expect("items").iter().find(|item| item["sku"] == "coffee");
    let coffee = coffee.expect("coffee");
    let skus: Vec<&Value> =
        coffee["alternatives"].as_array().expect("alternatives").iter().map(|each| &each["sku"]).collect();
    assert_eq!((skus, &coffee["if_missing"]), (vec![&json!("soap"), &json!("gum")], &json!("ask")));
    assert_eq!(coffee["alternatives"][0]["price"]["amount"], 199);
}

#[tokio::test]
async fn an_order_is_picked_by_one_at_a_time() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let order = shopper.order(shopper.fill(&[COFFEE]).await, &[1]).await;
    let path = format!("/v1/orders/{order}/picker");
    let anna = shop.test.staff(Role::Clerk, &[STORE]).await;
    let ben = shop.test.staff(Role::Clerk, &[STORE]).await;
    let elsewhere = shop.test.staff(Role::Clerk, &[STORE_WITH_OWN_PRICES]).await;
    let begin = async |staff: &str| shop.test.put(&path, &json!({})).bearer(staff).send().await;
    let leave = async |staff: &str| shop.test.call(Method::DELETE, &path).bearer(staff).send().await;
    begin(&elsewhere).await.problem(404, "order_unknown");
    let picker = begin(&anna).await.expect(200);
    begin(&anna).await.expect(200);
    begin(&ben).await.problem(409, "picker_other");
    say(&shop, &ben, order, &json!({"lines": []})).await.problem(409, "picker_other");
    leave(&ben).await.problem(409, "picker_other");
    let shown = list(&shop, &ben, "").await.expect(200);
    assert_eq!(shown.json["orders"][0]["picker"]["staff"], picker.json["staff"]);
    // What went out now would count as picked as it was ordered.
    shop.test.run_jobs().await;
    let shipment = shopper.read_order(order).await.text("/shipment").to_owned();
    let path_out = format!("/v1/shipments/{shipment}/hand-over");
    shop.test.post(&path_out, &json!({})).bearer(&ben).send().await.problem(409, "order_being_picked");
    leave(&anna).await.expect(204);
    begin(&ben).await.expect(200);
    // Who does not go on for an hour has put it down.
    shop.test.advance(Duration::minutes(60));
    shopper.sign_in_again().await;
    let anna = shop.test.staff(Role::Clerk, &[STORE]).await;
    begin(&anna).await.expect(200);
    say(&shop, &anna, order, &json!({"lines": []})).await.expect(200);
    hand_over(&shopper, order).await;
    let anna = shop.test.staff(Role::Clerk, &[STORE]).await;
    begin(&anna).await.problem(409, "order_state");
}
