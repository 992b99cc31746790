//! Promotions from their delivery to the debit: refused when they contradict themselves, shown with their causes, one number
//! in cart, quote, order, receipt and debit; limits and coupons that nobody has twice.

use aisle::ids::{CartId, CheckoutId, OrderId};
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{BREAD, COFFEE, MILK, SOAP, STORE, price};
use crate::support::trip::{Shop, Shopper};

/// A promotion that holds around the time of the tests, with some members changed.
pub fn promotion(id: &str, terms: &Value, more: &Value) -> Value {
    let mut row = json!({
        "kind": "promotion", "promotion": id, "name": format!("Offer {id}"), "currency": "EUR",
        "valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z", "terms": terms,
    });
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

pub fn on(sku: &str) -> Value {
    json!({"goods": {"skus": [sku]}})
}

pub fn three_for_two() -> Value {
    promotion("P1", &json!({"type": "take_pay", "take": 3, "pay": 2}), &on("milk"))
}

pub fn half(id: &str, sku: &str, more: &Value) -> Value {
    let mut members = on(sku);
    members.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    promotion(id, &json!({"type": "percent_off", "percent": "50"}), &members)
}

pub async fn apply(shop: &Shop, rows: &[Value]) {
    let report = shop.test.apply_rows(rows).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
}

pub fn total(answer: &Answer) -> i64 {
    answer.number("/total/amount")
}

pub fn quoted(answer: &Answer) -> i64 {
    answer.number("/quote/total/amount")
}

#[tokio::test]
async fn a_promotion_that_can_not_be_right_is_refused_with_its_reason() {
    let shop = Shop::open().await;
    let percent = json!({"type": "percent_off", "percent": "10"});
    let amount = json!({"type": "amount_off", "amount": 10});
    let rows = [
        promotion("P1", &percent, &json!({"valid_to": "2026-10-01T00:00:00Z"})),
        promotion("P2", &json!({"type": "take_pay", "take": 2, "pay": 3}), &on("milk")),
        promotion("P3", &amount, &json!({"currency": null})),
        promotion("P4", &amount, &json!({"currency": "CHF", "stores": [STORE]})),
        promotion("P5", &amount, &json!({"stores": ["9999"]})),
        promotion("P6", &json!({"type": "percent_off", "percent": "120"}), &on("milk")),
        promotion("P7", &amount, &json!({"hours": [{"days": [1], "from": "7:00", "to": "8:00"}]})),
        promotion("P8", &percent, &json!({"goods": {"skus": ["milk"], "except": ["milk"]}})),
        json!({"kind": "coupon", "coupon": "C1", "promotion": "P9"}),
        promotion("P9", &percent, &on("milk")),
    ];
    let report = shop.test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "promotion_window",
            "promotion_terms",
            "promotion_currency",
            "currency_differs",
            "store_unknown",
            "field_invalid",
            "promotion_hours",
            "promotion_goods",
            "promotion_unknown",
        ]
    );
    assert_eq!((report.quarantined, report.applied), (9, 1));
    let again = shop.test.apply_rows(&rows[9..]).await;
    assert_eq!((again.applied, again.unchanged), (0, 1), "the same again changes nothing");
}

#[tokio::test]
async fn one_number_stands_in_cart_quote_order_receipt_and_debit() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let above =
        json!({"type": "basket", "from_amount": 1000, "reward": {"type": "amount_off", "amount": 100}});
    let rows = [
        three_for_two(),
        promotion("P2", &above, &json!({})),
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        price("de", "deposit-25", 25),
        json!({"kind": "product", "sku": "soap", "name": "Dish soap 500 ml", "tax_class": "standard", "deposit": "deposit-25"}),
    ];
    apply(&shop, &rows).await;
    let cart = shopper.fill(&[MILK, MILK, MILK, COFFEE, SOAP, SOAP]).await;
    let read = shopper.cart(cart).await;
    // Milk 3 × 1.29 for 2.58, coffee 6.99, soap 2 × 1.99: 13.55 less 1.00, and two deposits of 0.25.
    assert_eq!(total(&read), 258 + 699 + 398 - 100 + 50);
    assert_eq!(read.number("/saved/amount"), 129 + 100);
    let discounts = read.json["discounts"].as_array().expect("discounts");
    let names: Vec<_> = discounts.iter().map(|each| (&each["promotion"], &each["trigger"])).collect();
    assert_eq!(names, [(&json!("P1"), &json!("goods")), (&json!("P2"), &json!("goods"))]);
    assert_eq!(
        discounts[0]["lines"],
        json!([{"line": 1, "pieces": 3, "amount": {"amount": 129, "currency": "EUR"}}])
    );
    assert_eq!(read.json["lines"][2]["deposit"]["amount"]["amount"], 50);
    let shared: i64 = discounts[1]["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|each| each["amount"]["amount"].as_i64().expect("cents"))
        .sum();
    assert_eq!(shared, 100);
    let (_, placed) = shopper.place(cart, &[2]).await;
    let placed = placed.expect(201);
    assert_eq!(quoted(&placed), 1305 + 499);
    let due: i64 = placed.number("/quote/due_now/amount");
    let taxed: i64 = placed.json["quote"]["taxes"]
        .as_array()
        .expect("taxes")
        .iter()
        .map(|tax| tax["gross"]["amount"].as_i64().expect("cents"))
        .sum();
    assert_eq!(taxed, 1305 + 499);
    let checkout: CheckoutId = placed.text("/id").parse().expect("an id");
    shopper
        .pay(checkout, serde_json::from_value(placed.json["quote"]["total"].clone()).expect("money"))
        .await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    let order: OrderId = shopper.checkout(checkout).await.text("/order").parse().expect("an order");
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((quoted(&read), read.number("/captured/amount")), (1305 + 499, due));
    let unit = shop.paypal.books().orders.values().next().expect("an order").units[0].amount.clone();
    let breakdown = serde_json::to_value(unit).expect("an amount");
    assert_eq!(breakdown["minor"], 1804, "{breakdown}");
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = String::from_utf8(shop.test.get(&receipt).send().await.expect(200).bytes).expect("text");
    for text in ["Offer P1", "Offer P2", "Deposit", "18.04", "1.29"] {
        assert!(page.contains(text), "{text} in {page}");
    }
}

#[tokio::test]
async fn what_was_agreed_on_stays_when_a_promotion_ends() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    apply(&shop, &[half("P1", "milk", &json!({}))]).await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let tag = |answer: &Answer| answer.headers["etag"].clone();
    let open = shopper.cart(cart).await;
    assert_eq!(total(&open), 129 - 65 + 249);
    let (checkout, placed) = shopper.place(cart, &[]).await;
    let placed = placed.expect(201);
    apply(&shop, &[json!({"kind": "promotion", "promotion": "P1", "deleted": true})]).await;
    assert_eq!(total(&shopper.cart(cart).await), 313, "the locked cart shows what the quote says");
    shopper
        .pay(checkout, serde_json::from_value(placed.json["quote"]["total"].clone()).expect("money"))
        .await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    assert_eq!(total(&shopper.cart(cart).await), 313, "and so does the closed one");
    let next = shopper.fill(&[MILK, BREAD]).await;
    let plain = shopper.cart(next).await;
    assert_eq!(total(&plain), 378);
    apply(&shop, &[half("P2", "milk", &json!({}))]).await;
    assert_ne!(tag(&plain), tag(&shopper.cart(next).await), "a discount changes the entity tag");
}

#[tokio::test]
async fn goods_that_are_in_the_cart_have_the_promotions_that_are_delivered_later_and_no_others() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    apply(&shop, &[half("P2", "milk", &json!({})), half("P3", "bread", &json!({}))]).await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    assert_eq!(total(&shopper.cart(cart).await), 64 + 124);
    // The first of all promotions is another one now, and the last one is on other goods.
    let free = promotion("P1", &json!({"type": "percent_off", "percent": "100"}), &on("soap"));
    apply(&shop, &[free, half("P3", "coffee", &json!({}))]).await;
    assert_eq!(total(&shopper.cart(cart).await), 64 + 249);
    assert_eq!(total(&shopper.scan(cart, &[COFFEE]).await), 64 + 249 + 349);
    assert_eq!(total(&shopper.scan(cart, &[SOAP]).await), 64 + 249 + 349);
}

#[tokio::test]
async fn an_offer_that_nearly_applies_is_told_on_request() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    apply(&shop, &[three_for_two()]).await;
    let cart = shopper.fill(&[MILK, MILK]).await;
    assert_eq!(shopper.cart(cart).await.json["offers"], Value::Null);
    let near = shopper.get(&format!("/v1/carts/{cart}?offers=near")).await.expect(200);
    assert_eq!(
        near.json["offers"],
        json!([{
            "promotion": "P1", "name": "Offer P1", "missing_pieces": 1, "line": 1,
            "saves": {"amount": 129, "currency": "EUR"},
        }])
    );
    shopper.get(&format!("/v1/carts/{cart}?offers=all")).await.expect(400);
}

#[tokio::test]
async fn a_budget_is_never_overdrawn_and_is_free_again_after_a_cancelled_checkout() {
    let shop = Shop::open().await;
    apply(&shop, &[half("P1", "milk", &json!({"budget": {"uses": 2}}))]).await;
    let mut shoppers = Vec::new();
    for name in ["anna", "bert", "carl", "dora"] {
        let shopper = shop.payer(&format!("{name}@example.com")).await;
        let cart = shopper.fill(&[MILK]).await;
        assert_eq!(total(&shopper.cart(cart).await), 64, "there is still some for whoever looks");
        shoppers.push((shopper, cart));
    }
    let asked = shoppers.iter().map(|(shopper, cart)| shopper.place(*cart, &[]));
    let placed: Vec<(CheckoutId, i64)> = futures_util::future::join_all(asked)
        .await
        .into_iter()
        .map(|(checkout, answer)| (checkout, quoted(&answer.expect(201))))
        .collect();
    let mut totals: Vec<i64> = placed.iter().map(|(_, total)| *total).collect();
    totals.sort_unstable();
    assert_eq!(totals, [64, 64, 129, 129]);
    let place = |wanted: i64| placed.iter().position(|(_, total)| *total == wanted).expect("one");
    let (with, without) = (place(64), place(129));
    for at in [with, without] {
        let path = format!("/v1/checkouts/{}/cancel", placed[at].0);
        shoppers[at].0.post(&path, &json!({})).await.expect(200);
    }
    let (shopper, cart) = &shoppers[without];
    assert_eq!(
        quoted(&shopper.place(*cart, &[]).await.1.expect(201)),
        64,
        "what was freed is there for the next"
    );
    let (shopper, cart) = &shoppers[with];
    assert_eq!(quoted(&shopper.place(*cart, &[]).await.1.expect(201)), 129);
}

#[tokio::test]
async fn one_shopper_has_a_promotion_only_so_often() {
    let shop = Shop::open().await;
    apply(&shop, &[half("P1", "milk", &json!({"shopper_max": 3}))]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, MILK]).await;
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
    let cart = shopper.fill(&[MILK, MILK]).await;
    assert_eq!(total(&shopper.cart(cart).await), 64 + 129, "one of three is left");
    let other = shop.payer("bert@example.com").await;
    let others = other.fill(&[MILK, MILK]).await;
    assert_eq!(total(&other.cart(others).await), 128);
}

#[tokio::test]
async fn extra_points_are_counted_by_their_limits_and_told_with_their_lines() {
    let shop = Shop::open().await;
    let points = |id: &str, more: &Value| {
        let mut members = on("milk");
        members.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        promotion(id, &json!({"type": "extra_points", "points": 20}), &members)
    };
    let member =
        |shopper: &Shopper<'_>| json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true});
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let other = shop.payer("carl@example.com").await;
    let rows = [
        crate::weighed::store_with(&json!({"till": {"points": {"per": 100, "points": 1, "worth": 1}}})),
        member(&anna),
        member(&bert),
        points("P1", &json!({"shopper_max": 3})),
        points("P2", &json!({"budget": {"uses": 3}})),
        points("P3", &json!({"needs_coupon": true, "basket_max": 1})),
        json!({"kind": "coupon", "coupon": "ONE", "promotion": "P3"}),
    ];
    apply(&shop, &rows).await;
    let earned = |answer: &Answer| answer.json["points_earned"].as_i64().unwrap_or_default();
    let strangers = other.fill(&[MILK, MILK]).await;
    assert_eq!(earned(&other.cart(strangers).await), 0, "who is no member earns none");
    let cart = anna.fill(&[MILK, MILK]).await;
    let shown = show(&anna, cart, "ONE").await.expect(200);
    // 2.58 are 2 points; 2 × 20 of P1, 2 × 20 of P2, 20 of P3's coupon.
    assert_eq!(earned(&shown), 2 + 40 + 40 + 20);
    let told = &shown.json["extra_points"][0];
    assert_eq!((&told["promotion"], &told["times"], &told["points"]), (&json!("P1"), &json!(2), &json!(40)));
    assert_eq!(told["lines"], json!([{"line": 1, "pieces": 2, "points": 40}]));
    assert_eq!(anna.buy(cart, &[]).await.text("/state"), "paid");
    let next = anna.fill(&[MILK, MILK]).await;
    show(&anna, next, "ONE").await.problem(409, "coupon_used");
    assert_eq!(
        earned(&anna.cart(next).await),
        2 + 20 + 20,
        "one is left of three a shopper, one of three for all"
    );
    let others = bert.fill(&[MILK, MILK]).await;
    assert_eq!(earned(&bert.cart(others).await), 2 + 40 + 20, "his own three, and the last one for all");
    let (checkout, placed) = bert.place(others, &[]).await;
    assert_eq!(placed.expect(201).number("/quote/points"), 62);
    assert_eq!(earned(&anna.cart(next).await), 2 + 20, "he has the last one");
    bert.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    assert_eq!(earned(&anna.cart(next).await), 2 + 20 + 20, "and gives it back");
}

pub async fn show(shopper: &Shopper<'_>, cart: CartId, code: &str) -> Answer {
    shopper.post(&format!("/v1/carts/{cart}/coupons"), &json!({"code": code})).await
}

#[tokio::test]
async fn a_coupon_is_reserved_at_the_lock_used_at_the_payment_and_freed_by_a_cancel() {
    let shop = Shop::open().await;
    let needs = json!({"needs_coupon": true, "basket_max": 1});
    apply(
        &shop,
        &[half("P1", "milk", &needs), json!({"kind": "coupon", "coupon": "ONE", "promotion": "P1"})],
    )
    .await;
    let shopper = shop.payer("anna@example.com").await;
    let other = shop.payer("bert@example.com").await;
    let (cart, others) = (shopper.fill(&[MILK, MILK]).await, other.fill(&[MILK]).await);
    assert_eq!(total(&shopper.cart(cart).await), 258, "no coupon, no discount");
    let shown = show(&shopper, cart, "ONE").await.expect(200);
    assert_eq!((total(&shown), &shown.json["coupons"]), (64 + 129, &json!(["ONE"])));
    assert_eq!(shown.json["discounts"][0]["trigger"], "coupon");
    show(&shopper, cart, "ONE").await.expect(200);
    show(&shopper, cart, "TWO").await.problem(404, "coupon_unknown");
    show(&other, others, "ONE").await.expect(200);
    let (checkout, placed) = shopper.place(cart, &[]).await;
    assert_eq!(quoted(&placed.expect(201)), 193);
    let (_, late) = other.place(others, &[]).await;
    late.problem(409, "coupon_used");
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    let (theirs, placed) = other.place(others, &[]).await;
    let placed = placed.expect(201);
    assert_eq!(quoted(&placed), 64);
    other.pay(theirs, serde_json::from_value(placed.json["quote"]["total"].clone()).expect("money")).await;
    shop.until(async || other.checkout(theirs).await.text("/state") == "paid").await;
    let (_, late) = shopper.place(cart, &[]).await;
    late.problem(409, "coupon_used");
    let path = format!("/v1/carts/{cart}/coupons/ONE");
    let away =
        shop.test.call(reqwest::Method::DELETE, &path).bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(total(&away), 258);
    assert_eq!(quoted(&shopper.place(cart, &[]).await.1.expect(201)), 258);
    let next = shopper.fill(&[MILK]).await;
    show(&shopper, next, "ONE").await.problem(409, "coupon_used");
}

#[tokio::test]
async fn coupons_are_personal_of_a_campaign_or_of_gs1() {
    let shop = Shop::open().await;
    let anna = shop.payer("anna@example.com").await;
    let bert = shop.payer("bert@example.com").await;
    let needs = json!({"needs_coupon": true});
    let rows = [
        half("P1", "milk", &needs),
        half("P2", "bread", &needs),
        json!({"kind": "coupon", "coupon": "MINE", "promotion": "P1", "shopper": anna.actor.id}),
        json!({"kind": "coupon", "coupon": "9812345678902", "promotion": "P2", "uses_max": 1000}),
    ];
    apply(&shop, &rows).await;
    let (hers, his) = (anna.fill(&[MILK, BREAD]).await, bert.fill(&[MILK, BREAD]).await);
    assert_eq!(total(&show(&anna, hers, "MINE").await.expect(200)), 64 + 249);
    show(&bert, his, "MINE").await.problem(404, "coupon_unknown");
    for (shopper, cart, saved) in [(&anna, hers, 65 + 125), (&bert, his, 125)] {
        let shown = show(shopper, cart, "9812345678902").await.expect(200);
        assert_eq!(shown.number("/saved/amount"), saved);
        shopper.place(cart, &[]).await.1.expect(201);
    }
}

#[tokio::test]
async fn where_tax_comes_on_top_all_of_it_is_quoted_and_debited() {
    let shop = Shop::open().await;
    let rows = [
        json!({"kind": "tax_rate", "country": "US", "tax_class": "reduced", "valid_from": "2020-01-01", "rate": "8.875"}),
        json!({"kind": "tax_rate", "country": "US", "tax_class": "standard", "valid_from": "2020-01-01", "rate": "8.875"}),
        json!({"kind": "price_list", "price_list": "us", "name": "New York", "currency": "USD"}),
        json!({"kind": "price", "price_list": "us", "sku": "milk", "amount": 399, "currency": "USD"}),
        json!({
            "kind": "store", "store": "us-1", "name": "Broadway", "country": "US", "currency": "USD",
            "time_zone": "America/New_York", "price_lists": ["us"],
            "address": {"street": "Broadway", "house_number": "1", "postal_code": "10004", "city": "New York"},
        }),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart: CartId = shop.test.app.ids.next();
    shopper.put(&format!("/v1/carts/{cart}"), &json!({"store": "us-1"})).await.expect(201);
    shopper.scan(cart, &[MILK, MILK]).await.expect(200);
    let read = shopper.cart(cart).await;
    // 7.98 × 0.08875 = 0.708.
    assert_eq!((total(&read), read.json["lines"][0]["amount"]["amount"].as_i64()), (798 + 71, Some(798)));
    let order = shopper.order(cart, &[]).await;
    shop.test.run_jobs().await;
    let order = shopper.read_order(order).await;
    assert_eq!((quoted(&order), order.number("/captured/amount")), (869, 869));
}

#[tokio::test]
async fn members_and_segments_have_what_is_for_them() {
    let shop = Shop::open().await;
    let anna = shop.payer("anna@example.com").await;
    let bert = shop.payer("bert@example.com").await;
    let rows = [
        json!({
            "kind": "price", "price_list": "de", "sku": "milk", "amount": 99, "currency": "EUR", "price_kind": "member",
            "valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z",
        }),
        half("P1", "bread", &json!({"segments": ["family"]})),
        json!({"kind": "customer", "customer": anna.actor.id, "is_member": true, "segments": ["family", "student"]}),
    ];
    apply(&shop, &rows).await;
    let (hers, his) = (anna.fill(&[MILK, MILK, BREAD]).await, bert.fill(&[MILK, MILK, BREAD]).await);
    let read = anna.cart(hers).await;
    assert_eq!(total(&read), 198 + 124);
    let discounts = read.json["discounts"].as_array().expect("discounts");
    let told: Vec<_> = discounts
        .iter()
        .map(|each| (&each["trigger"], &each["segment"], &each["amount"]["amount"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("membership"), &Value::Null, &json!(60)),
            (&json!("segment"), &json!("family"), &json!(125))
        ]
    );
    assert_eq!(total(&bert.cart(his).await), 258 + 249);
    let order = anna.order(hers, &[]).await;
    assert_eq!(quoted(&anna.read_order(order).await), 322);
    apply(&shop, &[json!({"kind": "customer", "customer": anna.actor.id, "deleted": true})]).await;
    let next = anna.fill(&[MILK]).await;
    assert_eq!(total(&anna.cart(next).await), 129);
}

#[tokio::test]
async fn goods_are_taxed_at_the_rate_of_the_day_of_the_sale() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    assert_eq!(shopper.cart(cart).await.json["taxes"][0]["rate"], "7");
    let rate = |from: &str, rate: &str| json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": from, "rate": rate});
    apply(&shop, &[rate("2026-11-24", "6"), rate("2026-11-23", "5")]).await;
    let order = shopper.order(cart, &[]).await;
    let order = shopper.read_order(order).await;
    // 1.29 × 5 ÷ 105 = 0.061.
    assert_eq!((quoted(&order), order.number("/quote/taxes/0/tax/amount")), (129, 6));
    assert_eq!(order.text("/quote/lines/0/tax_rate"), "5");
}
