//! Goods in the place of others that are not there: what the shopper wants, what they are asked, and what it costs them.

use aisle::identity::Role;
use aisle::ids::OrderId;
use chrono::Duration;
use serde_json::{Value, json};

use crate::credits::{apply, store_with};
use crate::exchange::{Receiver, Subscriber};
use crate::picked::hand_over;
use crate::support::Answer;
use crate::support::catalog::{BREAD, COFFEE, MILK, PAN, STORE, price};
use crate::support::trip::{Shop, Shopper};

/// A shop that also sells an oat drink (19 %, 149 cents), a dear one in a bottle with deposit, a beer and ice cream, and in which
/// delivery costs 499 cents and a shopper has ten minutes to answer.
async fn shop() -> Shop {
    let shop = Shop::open_with(&[("AISLE_EXCHANGE_ALLOW_INTERNAL", "true")]).await;
    let product = |sku: &str, more: &Value| {
        let mut row = json!({"kind": "product", "sku": sku, "name": format!("Product {sku}"), "tax_class": "standard",
            "deliverable": true, "weight_grams": 1_000});
        let fields = more.as_object().expect("fields").clone();
        row.as_object_mut().expect("a row").extend(fields);
        row
    };
    let rows = [
        store_with(&json!({"delivery": {"amount": 499, "tax_class": "standard", "answer_minutes": 10}})),
        product("deposit-8", &json!({"sale": "deposit"})),
        product("oats", &json!({})),
        product("oats-dear", &json!({"deposit": "deposit-8"})),
        product("beer", &json!({"age_min": 16, "age_reason": "alcohol"})),
        product("ice", &json!({"temperature": "frozen"})),
        product("cake", &json!({"deliverable": false})),
        product("apples", &json!({"sale": "weighed", "priced_per": {"amount": 1_000, "unit": "gram"}})),
        price("de", "deposit-8", 8),
        price("de", "oats", 149),
        price("de", "oats-dear", 499),
        price("de", "beer", 99),
        price("de", "ice", 99),
        price("de", "cake", 99),
        price("de", "apples", 299),
    ];
    apply(&shop, &rows).await;
    shop
}

/// Buys these, delivered, with these wishes for what is missing.
async fn order(shopper: &Shopper<'_>, codes: &[&str], delivered: &[i64], wishes: &Value) -> OrderId {
    let (checkout, placed) = place(shopper, codes, delivered, wishes).await;
    let total = placed.expect(201).json["quote"]["total"].clone();
    shopper.pay(checkout, serde_json::from_value(total).expect("money")).await;
    shopper.shop.until(async || shopper.checkout(checkout).await.text("/state") != "paying").await;
    shopper.checkout(checkout).await.text("/order").parse().expect("an order")
}

async fn place(
    shopper: &Shopper<'_>,
    codes: &[&str],
    delivered: &[i64],
    wishes: &Value,
) -> (aisle::ids::CheckoutId, Answer) {
    let cart = shopper.fill(codes).await;
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, delivered);
    for (name, value) in wishes.as_object().expect("wishes") {
        body["deliver"][name] = value.clone();
    }
    let checkout = shopper.shop.test.app.ids.next();
    (checkout, shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await)
}

async fn pick(shop: &Shop, order: OrderId, body: &Value) -> Answer {
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    shop.test.put(&format!("/v1/orders/{order}/picked"), body).bearer(&staff).send().await
}

/// So much of a line was there, and so many pieces of this product were taken for the rest.
fn instead(line: i64, there: i64, sku: &str, pieces: i64) -> Value {
    let mut pick =
        json!({"line": line, "substitute": {"sku": sku, "quantity": {"amount": pieces, "unit": "piece"}}});
    if there > 0 {
        pick["quantity"] = json!({"amount": there, "unit": "piece"});
    }
    json!({"lines": [pick]})
}

async fn answer(shopper: &Shopper<'_>, order: OrderId, line: i64, sku: &str, accept: bool) -> Answer {
    let body = json!({"sku": sku, "accept": accept});
    shopper.post(&format!("/v1/orders/{order}/substitutes/{line}"), &body).await
}

async fn due(shopper: &Shopper<'_>, order: OrderId) -> i64 {
    shopper.read_order(order).await.number("/due/amount")
}

fn consent(answer: &Answer) -> String {
    answer.text("/picked/0/substitute/consent").to_owned()
}

#[tokio::test]
async fn something_like_it_goes_out_where_the_shopper_said_so_and_is_taxed_as_what_it_is() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let wishes = json!({"if_missing": "replace"});
    let order = order(&shopper, &[BREAD, MILK, MILK, COFFEE], &[2, 3], &wishes).await;
    // Two milk, coffee, the courier, bread.
    assert_eq!(due(&shopper, order).await, 258 + 699 + 499 + 249);
    // One milk was there; an oat drink costs more than the other would, so it costs as much: 1.29.
    let picked = pick(&shop, order, &instead(2, 1, "oats", 1)).await.expect(200);
    assert_eq!((consent(&picked), picked.number("/due/amount")), ("given".to_owned(), 258 + 699 + 499 + 249));
    assert_eq!(picked.number("/picked/0/substitute/amount/amount"), 129);
    assert_eq!(picked.number("/picked/0/substitute/unit_price/amount"), 149);
    // 7 % on bread 2.49, milk 1.29 and coffee 6.99; 19 % on the oat drink 1.29 and the courier 4.99.
    let gross = |rate: &str| -> i64 {
        let taxes = picked.json["taxes"].as_array().expect("taxes");
        let tax = taxes.iter().find(|tax| tax["rate"] == rate).expect("the rate");
        tax["gross"]["amount"].as_i64().expect("cents")
    };
    assert_eq!((gross("7"), gross("19")), (249 + 129 + 699, 129 + 499));
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (258 + 699 + 499 + 249, "completed"));
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = String::from_utf8(shop.test.get(&receipt).send().await.expect(200).bytes).expect("text");
    assert!(page.contains("Sent instead") && page.contains("Product oats"), "{page}");
    // Said again it is too late.
    pick(&shop, order, &json!({"lines": []})).await.problem(409, "order_state");
}

#[tokio::test]
async fn something_cheaper_costs_what_its_shelf_says() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "replace"})).await;
    let picked = pick(&shop, order, &instead(1, 0, "oats", 2)).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 298 + 3999 + 499);
    // With its deposit, and never above 6.99 in all.
    let picked = pick(&shop, order, &instead(1, 0, "oats-dear", 2)).await.expect(200);
    assert_eq!(picked.number("/picked/0/substitute/deposit/amount/amount"), 16);
    assert_eq!(picked.number("/picked/0/substitute/amount/amount"), 699 - 16);
    assert_eq!(picked.number("/due/amount"), 699 + 3999 + 499);
    hand_over(&shopper, order).await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 699 + 3999 + 499);
}

#[tokio::test]
async fn goods_by_weight_go_in_the_place_of_others_at_their_weight() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "replace"})).await;
    let apples = |unit: &str, amount: i64| json!({"lines": [{"line": 1, "substitute": {"sku": "apples", "quantity": {"amount": amount, "unit": unit}}}]});
    pick(&shop, order, &apples("piece", 3)).await.problem(409, "substitute_unfit");
    // 0.850 × 2.99 = 2.54.
    let picked = pick(&shop, order, &apples("gram", 850)).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 254 + 3999 + 499);
}

#[tokio::test]
async fn who_wants_nothing_instead_gets_nothing_instead() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let wishes = json!({"if_missing": "replace", "missing_lines": [{"line": 1, "if_missing": "leave_out"}]});
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &wishes).await;
    let refused = pick(&shop, order, &instead(1, 0, "oats", 1)).await;
    let refused = refused.problem(409, "substitute_unwanted");
    assert_eq!(refused.text("/errors/0/pointer"), "/lines/0/substitute");
    let picked = pick(&shop, order, &json!({"lines": [{"line": 1}]})).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 3999 + 499);
}

#[tokio::test]
async fn what_may_not_be_sent_is_refused_with_its_reason() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "replace"})).await;
    for sku in ["coffee", "beer", "ice", "cake", "cheese", "nothing-such"] {
        pick(&shop, order, &instead(1, 0, sku, 1)).await.problem(409, "substitute_unfit");
    }
    // All of it was there.
    pick(&shop, order, &instead(1, 1, "oats", 1)).await.problem(409, "substitute_unfit");
    apply(&shop, &[json!({"kind": "recall", "recall": "R1", "sku": "oats", "notice": "Glass in it."})]).await;
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.problem(409, "substitute_unfit");
    assert_eq!(due(&shopper, order).await, 699 + 3999 + 499);
}

#[tokio::test]
async fn who_wants_to_be_asked_is_asked_and_pays_for_it_only_after_a_yes() {
    let shop = shop().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let subscriber = Subscriber::new(&shop.test).await;
    let receiver = Receiver::new().await;
    subscriber.subscribe(&receiver, &["order.substitute_asked"]).await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "ask"})).await;
    let asked = pick(&shop, order, &instead(1, 0, "oats", 2)).await.expect(200);
    assert_eq!((consent(&asked), asked.number("/due/amount")), ("asked".to_owned(), 3999 + 499));
    // The same again asks nobody again.
    let again = pick(&shop, order, &instead(1, 0, "oats", 2)).await.expect(200);
    assert_eq!(again.json["picked"], asked.json["picked"]);
    shop.test.run_jobs().await;
    let told = receiver.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].json()["data"]["picked"][0]["substitute"]["sku"], "oats");
    answer(&shopper, order, 2, "oats", true).await.problem(409, "substitute_not_asked");
    answer(&shopper, order, 1, "oats-dear", true).await.problem(409, "substitute_changed");
    let stranger = shop.shopper().await;
    answer(&stranger, order, 1, "oats", true).await.problem(404, "order_unknown");
    let accepted = answer(&shopper, order, 1, "oats", true).await.expect(200);
    assert_eq!(
        (consent(&accepted), accepted.number("/due/amount")),
        ("accepted".to_owned(), 298 + 3999 + 499)
    );
    // It has to be fetched now.
    assert!(accepted.json.get("picked_at").is_none());
    answer(&shopper, order, 1, "oats", true).await.expect(200);
    answer(&shopper, order, 1, "oats", false).await.problem(409, "substitute_answered");
    // Fetched.
    let fetched = pick(&shop, order, &instead(1, 0, "oats", 2)).await.expect(200);
    assert_eq!(fetched.json["picked"][0]["substitute"]["is_picked"], true);
    shop.test.advance(Duration::minutes(11));
    shopper.sign_in_again().await;
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), consent(&read)), (298 + 3999 + 499, "accepted".to_owned()));
}

#[tokio::test]
async fn a_no_and_no_answer_in_time_leave_the_line_out() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "ask"})).await;
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.expect(200);
    let declined = answer(&shopper, order, 1, "oats", false).await.expect(200);
    assert_eq!((consent(&declined), declined.number("/due/amount")), ("declined".to_owned(), 3999 + 499));
    // Not asked twice about the same; about something else they are.
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.problem(409, "substitute_declined");
    pick(&shop, order, &instead(1, 0, "oats-dear", 1)).await.expect(200);
    shop.test.advance(Duration::minutes(10) + Duration::seconds(1));
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((consent(&read), read.number("/due/amount")), ("lapsed".to_owned(), 3999 + 499));
    answer(&shopper, order, 1, "oats-dear", true).await.problem(409, "substitute_late");
    hand_over(&shopper, order).await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 3999 + 499);
}

#[tokio::test]
async fn goods_that_go_out_before_the_answer_go_without_what_was_asked_about() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "ask"})).await;
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.expect(200);
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((consent(&read), read.number("/captured/amount")), ("lapsed".to_owned(), 3999 + 499));
    answer(&shopper, order, 1, "oats", true).await.problem(409, "substitute_late");
}

#[tokio::test]
async fn a_yes_that_nobody_fetched_before_the_goods_went_out_costs_nothing() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "ask"})).await;
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.expect(200);
    answer(&shopper, order, 1, "oats", true).await.expect(200);
    assert_eq!(due(&shopper, order).await, 149 + 3999 + 499);
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((consent(&read), read.number("/captured/amount")), ("lapsed".to_owned(), 3999 + 499));
}

#[tokio::test]
async fn a_question_that_is_asked_again_ends_at_its_own_time_and_a_no_is_not_forgotten() {
    let shop = shop().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, PAN], &[1, 2], &json!({"if_missing": "ask"})).await;
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.expect(200);
    shop.test.advance(Duration::minutes(5));
    pick(&shop, order, &json!({"lines": [{"line": 1}]})).await.expect(200);
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.expect(200);
    shop.test.advance(Duration::minutes(6));
    shop.test.run_jobs().await;
    shopper.sign_in_again().await;
    assert_eq!(consent(&shopper.read_order(order).await), "asked");
    shop.test.advance(Duration::minutes(5));
    shop.test.run_jobs().await;
    assert_eq!(consent(&shopper.read_order(order).await), "lapsed");
    pick(&shop, order, &json!({"lines": [{"line": 1}]})).await.expect(200);
    pick(&shop, order, &instead(1, 0, "oats", 1)).await.problem(409, "substitute_declined");
}

#[tokio::test]
async fn a_delivery_of_which_nothing_is_left_after_the_answer_ends_and_costs_nothing() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[BREAD, COFFEE], &[2], &json!({"if_missing": "ask"})).await;
    let asked = pick(&shop, order, &instead(2, 0, "oats", 1)).await.expect(200);
    // While it may still come, the courier may have to come.
    assert_eq!(asked.number("/due/amount"), 249 + 499);
    let declined = answer(&shopper, order, 2, "oats", false).await.expect(200);
    assert_eq!(declined.number("/due/amount"), 249);
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (249, "completed"));
    let path = format!("/v1/shipments/{}", read.text("/shipment"));
    assert_eq!(shopper.get(&path).await.expect(200).text("/state"), "cancelled");
}

async fn refund(shop: &Shop, order: OrderId, lines: &Value) -> Answer {
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let refund: aisle::ids::RefundId = shop.test.app.ids.next();
    let body = json!({"reason": "sour", "lines": lines});
    shop.test.put(&format!("/v1/orders/{order}/refunds/{refund}"), &body).bearer(&supervisor).send().await
}

#[tokio::test]
async fn goods_and_what_went_out_in_their_place_come_back_each_at_its_own_price() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = order(&shopper, &[COFFEE, COFFEE, PAN], &[1, 2], &json!({"if_missing": "replace"})).await;
    // One coffee for 6.99 at 7 %, two oat drinks for 1.49 each at 19 %.
    pick(&shop, order, &instead(1, 1, "oats", 2)).await.expect(200);
    hand_over(&shopper, order).await;
    let oats = json!([{"line": 1, "is_substitute": true, "pieces": 1}]);
    let back = refund(&shop, order, &oats).await.expect(202);
    assert_eq!((&back.json["lines"], back.number("/amount/amount")), (&oats, 149));
    assert_eq!((back.text("/taxes/0/rate"), back.json["taxes"].as_array().map(Vec::len)), ("19", Some(1)));
    // Its own goods are not counted among them.
    let back = refund(&shop, order, &json!([{"line": 1}])).await.expect(202);
    assert_eq!((back.number("/lines/0/pieces"), back.number("/amount/amount")), (1, 699));
    assert_eq!((back.text("/taxes/0/rate"), back.json["taxes"].as_array().map(Vec::len)), ("7", Some(1)));
    let both = json!([{"line": 1, "is_substitute": true}, {"line": 2, "is_substitute": true}]);
    let none = refund(&shop, order, &both).await;
    assert_eq!(none.problem(422, "refund_lines").text("/errors/0/pointer"), "/lines/1");
    let rest = json!([{"line": 1, "is_substitute": true}]);
    assert_eq!(refund(&shop, order, &rest).await.expect(202).number("/amount/amount"), 149);
    refund(&shop, order, &rest).await.problem(422, "refund_lines");
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/refunded/amount"), 699 + 298);
}

#[tokio::test]
async fn wishes_are_about_lines_that_are_delivered_and_products_that_are_known() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let wish = |line: i64, sku: &str| json!({"missing_lines": [{"line": line, "if_missing": "replace", "instead": sku}]});
    let (_, placed) = place(&shopper, &[BREAD, COFFEE], &[2], &wish(1, "oats")).await;
    placed.problem(422, "line_unknown");
    let (_, placed) = place(&shopper, &[BREAD, COFFEE], &[2], &wish(2, "no-such")).await;
    placed.problem(422, "substitute_unknown");
    let (_, placed) = place(&shopper, &[BREAD, COFFEE], &[2], &wish(2, "oats")).await;
    let placed = placed.expect(201);
    assert_eq!(placed.text("/quote/lines/1/instead"), "oats");
    assert_eq!(placed.text("/quote/lines/1/if_missing"), "replace");
}
