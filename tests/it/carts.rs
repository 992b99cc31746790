//! Carts: what was scanned is in the cart, once, whoever sent it and however often.

use aisle::ids::{CartId, EventId};
use serde_json::json;

use crate::support::catalog::{BREAD, COFFEE, MILK, STORE, STORE_WITH_OWN_PRICES, UNKNOWN};
use crate::support::trip::{Shop, scanned};

#[tokio::test]
async fn a_trip_begins_once_however_often_it_is_asked_for() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let path = format!("/v1/carts/{}", shopper.check_in().await);
    shopper.put(&path, &json!({"store": STORE})).await.expect(200);
    shopper.put(&path, &json!({"store": STORE_WITH_OWN_PRICES})).await.problem(409, "cart_id_taken");
    shopper.put(&path, &json!({"store": "nowhere"})).await.problem(404, "store_unknown");
    let stranger = shop.shopper().await;
    stranger.put(&path, &json!({"store": STORE})).await.problem(409, "cart_id_taken");
    stranger.get(&path).await.problem(404, "cart_unknown");
    stranger
        .post(&format!("{path}/scans"), &json!({"events": [scanned(shop.test.app.ids.next(), MILK)]}))
        .await
        .problem(404, "cart_unknown");
    shop.test.put(&path, &json!({"store": STORE})).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_batch_sent_twice_counts_once_and_totals_hold_vat_by_rate() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let ids: [EventId; 3] = std::array::from_fn(|_| shop.test.app.ids.next());
    let body = json!({"events": [scanned(ids[0], MILK), scanned(ids[1], COFFEE), scanned(ids[2], MILK)]});
    let path = format!("/v1/carts/{cart}/scans");
    let first = shopper.post(&path, &body).await.expect(200);
    assert_eq!(first.number("/total/amount"), 129 + 699 + 129);
    let again = shopper.post(&path, &body).await.expect(200);
    assert!(
        again.json["results"].as_array().expect("results").iter().all(|each| each["outcome"] == "repeated")
    );
    assert_eq!(again.number("/version"), first.number("/version"));
    let read = shopper.cart(cart).await;
    assert_eq!(read.number("/lines/0/quantity/amount"), 2);
    // 957 × 7 ÷ 107 = 62.607…
    assert_eq!(
        read.json["taxes"][0],
        json!({"rate": "7", "gross": {"amount": 957, "currency": "EUR"}, "net": {"amount": 894, "currency": "EUR"}, "tax": {"amount": 63, "currency": "EUR"}})
    );
    let tag = read.headers["etag"].to_str().expect("a tag").to_owned();
    let known = shop
        .test
        .get(&format!("/v1/carts/{cart}"))
        .bearer(&shopper.actor.token)
        .header("if-none-match", &tag);
    known.send().await.expect(304);
}

#[tokio::test]
async fn a_cart_that_was_changed_too_often_says_so_and_can_be_paid_and_let_go() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let path = format!("/v1/carts/{cart}/scans");
    for _ in 0..10 {
        let changes: Vec<_> = (0..500)
            .map(|number| {
                let id: EventId = shop.test.app.ids.next();
                json!({"type": "set_quantity", "id": id, "line": 1, "quantity": {"amount": 3 + number % 2, "unit": "piece"}})
            })
            .collect();
        shopper.post(&path, &json!({"events": changes})).await.expect(200);
    }
    let refused = shopper.scan(cart, &[BREAD]).await.expect(200);
    assert_eq!(refused.text("/results/0/reason"), "cart_full");
    let line = format!("/v1/carts/{cart}/lines/1");
    let pieces = |amount: i64| json!({"quantity": {"amount": amount, "unit": "piece"}});
    shopper.put(&line, &pieces(5)).await.problem(422, "cart_full");
    let consumption = format!("/v1/carts/{cart}/consumption");
    shopper.put(&consumption, &json!({"eat_in": true})).await.problem(422, "cart_full");
    shopper.put(&line, &pieces(1)).await.expect(200);
    let path = format!("/v1/carts/{cart}/lines/2");
    shop.test.call(reqwest::Method::DELETE, &path).bearer(&shopper.actor.token).send().await.expect(200);
    let (checkout, placed) = shopper.place(cart, &[]).await;
    assert_eq!(placed.expect(201).number("/quote/total/amount"), 129);
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn unknown_malformed_and_wrong_check_digit_are_three_refusals_and_leave_the_rest() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let answer = shopper.scan(cart, &[UNKNOWN, "40063813339x1", "4006381333932", BREAD]).await.expect(200);
    let reasons: Vec<_> = (0..4).map(|index| answer.json["results"][index]["reason"].as_str()).collect();
    assert_eq!(reasons, [Some("code_unknown"), Some("code_malformed"), Some("code_check_digit"), None]);
    assert_eq!(answer.number("/total/amount"), 249);
}

#[tokio::test]
async fn two_phones_on_one_cart_lose_nothing() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let scans =
        (0..24).map(|index| shopper.scan(cart, if index % 2 == 0 { &[MILK, BREAD] } else { &[MILK] }));
    for answer in futures_util::future::join_all(scans).await {
        answer.expect(200);
    }
    let read = shopper.cart(cart).await;
    let total: i64 = 24 * 129 + 12 * 249;
    assert_eq!(read.number("/total/amount"), total);
    assert_eq!(read.number("/version"), 25);
}

#[tokio::test]
async fn two_instances_on_one_cart_lose_nothing() {
    let shop = Shop::open().await;
    let other = shop.test.another().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    for round in 0..6 {
        let events = json!({"events": [scanned(shop.test.app.ids.next(), MILK)]});
        let path = format!("/v1/carts/{cart}/scans");
        let app = if round % 2 == 0 { &shop.test } else { &other };
        app.post(&path, &events).bearer(&shopper.actor.token).send().await.expect(200);
    }
    assert_eq!(shopper.cart(cart).await.number("/lines/0/quantity/amount"), 6);
    let seen = other.get(&format!("/v1/carts/{cart}")).bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(seen.number("/version"), 7);
}

#[tokio::test]
async fn a_change_onto_a_stale_version_is_refused_and_the_cart_stays_right() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let line = format!("/v1/carts/{cart}/lines/1");
    let set = |tag: &'static str, amount: i64| {
        let body = json!({"quantity": {"amount": amount, "unit": "piece"}});
        shop.test.put(&line, &body).bearer(&shopper.actor.token).header("if-match", tag)
    };
    set("\"2\"", 5).send().await.expect(200);
    set("\"2\"", 7).send().await.problem(412, "cart_changed");
    set("\"two\"", 7).send().await.problem(400, "invalid_if_match");
    assert_eq!(shopper.cart(cart).await.number("/lines/0/quantity/amount"), 5);
    let remove = shop.test.call(reqwest::Method::DELETE, &line).bearer(&shopper.actor.token);
    remove.send().await.expect(200);
    let gone = shop.test.call(reqwest::Method::DELETE, &line).bearer(&shopper.actor.token);
    gone.send().await.problem(404, "line_unknown");
    assert_eq!(shopper.cart(cart).await.number("/total/amount"), 249);
}

#[tokio::test]
async fn nonsense_in_a_batch_is_refused_with_a_pointer() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let path = format!("/v1/carts/{cart}/scans");
    shopper.post(&path, &json!({"events": []})).await.problem(422, "batch_size");
    let id: EventId = shop.test.app.ids.next();
    for quantity in [json!(0), json!(-1), json!(1.5), json!("2"), json!("1e309")] {
        let body = json!({"events": [{"type": "scan", "id": id, "code": MILK, "quantity": {"amount": quantity, "unit": "piece"}}]});
        shopper.post(&path, &body).await.problem(400, "invalid_value");
    }
    let priced = json!({"events": [{"type": "scan", "id": id, "code": MILK, "price": 1}]});
    shopper.post(&path, &priced).await.problem(400, "invalid_value");
    let many = json!({"events": [{"type": "scan", "id": id, "code": MILK, "quantity": {"amount": 1000, "unit": "piece"}}]});
    let answer = shopper.post(&path, &many).await.expect(200);
    assert_eq!(answer.text("/results/0/reason"), "quantity_out_of_range");
    let nobody: CartId = shop.test.app.ids.next();
    shopper.get(&format!("/v1/carts/{nobody}")).await.problem(404, "cart_unknown");
}
