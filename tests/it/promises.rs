//! What shoppers are promised and told: prices and promotions that change on the way, what one more would save, and past carts
//! that come to the same cents.

use aisle::clock::Moment;
use aisle::ids::{CartId, CheckoutId};
use chrono::{Duration, TimeZone};
use serde_json::{Value, json};

use crate::promotions::{apply, half, promotion, quoted, three_for_two, total};
use crate::support::catalog::{BREAD, COFFEE, MILK, SOAP, STORE, price};
use crate::support::trip::{Shop, Shopper};

fn store_that_promises(promise: &str) -> Value {
    crate::weighed::store_with(&json!({"price_promise": promise}))
}

/// A price of its own kind for milk, from a time on and until another.
fn timed(kind: &str, amount: i64, from: Moment, to: Moment) -> Value {
    json!({
        "kind": "price", "price_list": "de", "sku": "milk", "amount": amount, "currency": "EUR", "price_kind": kind,
        "valid_from": from, "valid_to": to,
    })
}

/// What staff are told of the prices that changed.
async fn differences(shop: &Shop) -> Vec<Value> {
    let staff = shop.test.staff(aisle::identity::Role::Clerk, &[STORE]).await;
    let path = format!("/v1/stores/{STORE}/price-differences");
    let seen = shop.test.get(&path).bearer(&staff).send().await.expect(200);
    seen.json["differences"].as_array().expect("differences").clone()
}

async fn cancel(shopper: &Shopper<'_>, checkout: CheckoutId) {
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
}

#[tokio::test]
async fn a_price_that_changes_on_the_way_counts_as_the_store_promises_and_staff_see_it() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    // Milk from 1.29 to 1.09, bread from 2.49 to 2.79.
    for (promise, expected) in [("locked", 129 + 249), ("better", 109 + 249), ("current", 109 + 279)] {
        apply(&shop, &[store_that_promises(promise), price("de", "milk", 129), price("de", "bread", 249)])
            .await;
        let cart = shopper.fill(&[MILK, BREAD]).await;
        assert_eq!(total(&shopper.cart(cart).await), 378);
        apply(&shop, &[price("de", "milk", 109), price("de", "bread", 279)]).await;
        assert_eq!(total(&shopper.cart(cart).await), expected, "{promise}: while walking");
        assert_eq!(quoted(&shopper.place(cart, &[]).await.1.expect(201)), expected, "{promise}: the quote");
    }
    let staff = shop.test.staff(aisle::identity::Role::Clerk, &[STORE]).await;
    let path = format!("/v1/stores/{STORE}/price-differences");
    let seen = shop.test.get(&path).bearer(&staff).send().await.expect(200);
    let seen = seen.json["differences"].as_array().expect("differences").clone();
    assert_eq!(seen.len(), 6, "two lines of three checkouts");
    let milk: Vec<_> =
        seen.iter().filter(|each| each["sku"] == "milk").map(|each| each["charged"].as_i64()).collect();
    let mut milk: Vec<i64> = milk.into_iter().flatten().collect();
    milk.sort_unstable();
    assert_eq!(milk, [109, 109, 129]);
    let others = shop.test.staff(aisle::identity::Role::Clerk, &["0002"]).await;
    shop.test.get(&path).bearer(&others).send().await.problem(403, "role_missing");
}

#[tokio::test]
async fn a_price_that_changed_is_noted_once_however_often_the_cart_is_locked() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    apply(&shop, &[price("de", "milk", 139)]).await;
    for _ in 0..3 {
        let (checkout, placed) = shopper.place(cart, &[]).await;
        placed.expect(201);
        cancel(&shopper, checkout).await;
    }
    assert_eq!(differences(&shop).await.len(), 1);
    apply(&shop, &[price("de", "milk", 149)]).await;
    shopper.place(cart, &[]).await.1.expect(201);
    assert_eq!(differences(&shop).await.len(), 2, "another price is another difference");
}

#[tokio::test]
async fn the_unit_price_that_is_shown_is_the_one_that_counts() {
    let shop = crate::weighed::shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let gouda = crate::weighed::label(crate::weighed::GOUDA, 385);
    // Gouda from 12.99 to 10.99 EUR a kilogram, milk from 1.29 to 1.49.
    for (promise, milk, per_kilogram, amount) in
        [("locked", 129, 1299, 500), ("better", 129, 1099, 423), ("current", 149, 1099, 423)]
    {
        let before = [price("de", "milk", 129), price("de", "gouda", 1299)];
        apply(&shop, &[&[store_that_promises(promise)], &before[..]].concat()).await;
        let cart = shopper.fill(&[MILK, &gouda]).await;
        apply(&shop, &[price("de", "milk", 149), price("de", "gouda", 1099)]).await;
        let units = |answer: &Value| {
            let of = |line: usize, what: &str| answer["lines"][line][what]["amount"].as_i64();
            (of(0, "unit_price"), of(1, "unit_price"), of(1, "amount"))
        };
        let expected = (Some(milk), Some(per_kilogram), Some(amount));
        assert_eq!(units(&shopper.cart(cart).await.json), expected, "{promise}: while walking");
        let (checkout, placed) = shopper.place(cart, &[]).await;
        assert_eq!(units(&placed.expect(201).json["quote"]), expected, "{promise}: the quote");
        apply(&shop, &[price("de", "gouda", 1399)]).await;
        assert_eq!(units(&shopper.cart(cart).await.json), expected, "{promise}: what was agreed on");
        cancel(&shopper, checkout).await;
    }
}

#[tokio::test]
async fn a_price_that_begins_or_ends_at_its_time_counts_as_the_store_promises() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let minutes = Duration::minutes;
    // Milk is 0.99 instead of 1.29 until a quarter past, or from then on; no delivery comes in between.
    for (promise, ended, begun) in [("locked", 99, 129), ("better", 99, 99), ("current", 129, 99)] {
        for (is_ending, expected) in [(true, ended), (false, begun)] {
            let now = shop.test.app.clock.now();
            let (from, to) = if is_ending {
                (now - minutes(60), now + minutes(15))
            } else {
                (now + minutes(15), now + minutes(60))
            };
            apply(&shop, &[store_that_promises(promise), timed("promotion", 99, from, to)]).await;
            let cart = shopper.fill(&[MILK]).await;
            assert_eq!(total(&shopper.cart(cart).await), if is_ending { 99 } else { 129 }, "{promise}");
            shop.test.advance(minutes(16));
            shopper.sign_in_again().await;
            assert_eq!(total(&shopper.cart(cart).await), expected, "{promise} {is_ending}: while walking");
            let (checkout, placed) = shopper.place(cart, &[]).await;
            assert_eq!(quoted(&placed.expect(201)), expected, "{promise} {is_ending}: the quote");
            cancel(&shopper, checkout).await;
            shop.test.advance(minutes(60));
            shopper.sign_in_again().await;
        }
    }
    let seen = differences(&shop).await;
    assert_eq!(seen.len(), 6, "each is counted");
    assert!(seen.iter().all(|each| each["cause"] == "timed"), "and none is a fault of master data: {seen:?}");
}

#[tokio::test]
async fn what_was_seen_holds_for_a_trip_and_not_for_a_cart_that_was_left_open() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let deposit = json!({"kind": "product", "sku": "deposit", "name": "Deposit", "tax_class": "standard", "sale": "deposit"});
    let coffee = json!({"kind": "product", "sku": "coffee", "name": "Coffee", "tax_class": "reduced", "deposit": "deposit"});
    for (till, trip) in
        [(json!({}), Duration::hours(4)), (json!({"price_promise_minutes": 30}), Duration::minutes(30))]
    {
        let end = shop.test.app.clock.now() + Duration::minutes(5);
        let rows = [
            crate::weighed::store_with(&json!({"price_promise": "locked", "till": till})),
            deposit.clone(),
            coffee.clone(),
            price("de", "deposit", 15),
            price("de", "milk", 129),
            price("de", "bread", 249),
            half("P1", "bread", &json!({"valid_to": end})),
        ];
        apply(&shop, &rows).await;
        let cart = shopper.fill(&[MILK, BREAD, COFFEE]).await;
        let then = 129 + 124 + 699 + 15;
        assert_eq!(total(&shopper.cart(cart).await), then);
        shop.test.advance(trip - Duration::minutes(1));
        shopper.sign_in_again().await;
        apply(&shop, &[price("de", "milk", 149), price("de", "bread", 259), price("de", "deposit", 25)])
            .await;
        assert_eq!(total(&shopper.cart(cart).await), then, "a minute before the end of the trip");
        shop.test.advance(Duration::minutes(1));
        shopper.sign_in_again().await;
        let now = 149 + 259 + 699 + 25;
        assert_eq!(total(&shopper.cart(cart).await), now, "at its end");
        let (checkout, placed) = shopper.place(cart, &[]).await;
        assert_eq!(quoted(&placed.expect(201)), now);
        cancel(&shopper, checkout).await;
    }
    let refused = crate::weighed::store_with(&json!({"till": {"price_promise_minutes": 10_000}}));
    let report = shop.test.apply_rows(&[refused]).await;
    assert_eq!(report.refusals[0].reason.as_str(), "till_rules");
}

#[tokio::test]
async fn a_line_without_a_price_any_more_is_paid_as_promised_and_blocked_after_that() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let gone = json!({"kind": "price", "price_list": "de", "sku": "milk", "amount": 129, "currency": "EUR", "deleted": true});
    apply(&shop, &[gone]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    assert_eq!(quoted(&placed.expect(201)), 378, "within the trip what was seen holds");
    cancel(&shopper, checkout).await;
    shop.test.advance(Duration::hours(5));
    shopper.sign_in_again().await;
    let read = shopper.cart(cart).await;
    assert_eq!(read.json["lines"][0]["blocked"]["reason"], "price_missing");
    assert_eq!(read.json["lines"][1]["blocked"], Value::Null);
    shopper.place(cart, &[]).await.1.problem(409, "lines_blocked");
    let path = format!("/v1/carts/{cart}/lines/1");
    shop.test.call(reqwest::Method::DELETE, &path).bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(quoted(&shopper.place(cart, &[]).await.1.expect(201)), 249);
}

#[tokio::test]
async fn that_somebody_became_a_member_is_no_difference_and_another_price_of_members_is() {
    let shop = Shop::open().await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let now = shop.test.app.clock.now();
    let (before, after) = (now - Duration::days(1), now + Duration::days(1));
    let member =
        |is_member: bool| json!({"kind": "customer", "customer": anna.actor.id, "is_member": is_member});
    let quote = async |shopper: &Shopper<'_>, cart: CartId| {
        let (checkout, placed) = shopper.place(cart, &[]).await;
        cancel(shopper, checkout).await;
        quoted(&placed.expect(201))
    };
    // A price for members comes up, and she becomes one on the way.
    let cart = anna.fill(&[MILK]).await;
    apply(&shop, &[timed("member", 99, before, after), member(true)]).await;
    assert_eq!(quote(&anna, cart).await, 129, "what was seen holds: there was none for members");
    let cart = anna.fill(&[MILK]).await;
    assert_eq!(quote(&anna, cart).await, 99);
    // She leaves the club on the way.
    let cart = anna.fill(&[MILK]).await;
    apply(&shop, &[member(false)]).await;
    assert_eq!(quote(&anna, cart).await, 129);
    assert_eq!(differences(&shop).await, Vec::<Value>::new());
    // What members pay changes: that concerns her, and not him.
    apply(&shop, &[member(true)]).await;
    let (hers, his) = (anna.fill(&[MILK]).await, bert.fill(&[MILK]).await);
    apply(&shop, &[timed("member", 109, before, after)]).await;
    assert_eq!((quote(&anna, hers).await, quote(&bert, his).await), (99, 129));
    let seen = differences(&shop).await;
    assert_eq!(seen.len(), 1, "{seen:?}");
    let told = |what: &str| seen[0][what].clone();
    assert_eq!([told("locked"), told("current"), told("charged")], [json!(99), json!(109), json!(99)]);
    assert_eq!((told("is_for_members"), told("cause")), (json!(true), json!("changed")));
}

#[tokio::test]
async fn a_promotion_that_ends_between_scan_and_lock_holds_as_the_store_promises() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    // Tests begin at 10:00 in Bonn; the promotion ends a quarter past, an hour of the other one too.
    for (promise, expected) in [("locked", 64 + 124), ("better", 64 + 124), ("current", 129 + 249)] {
        let now = shop.test.app.clock.now();
        let local = chrono_tz::Europe::Berlin.from_utc_datetime(&now.naive_utc());
        let (from, to) =
            (local.format("%H:%M").to_string(), (local + Duration::minutes(15)).format("%H:%M").to_string());
        let hours = json!({"hours": [{"days": [1], "from": from, "to": to}]});
        apply(
            &shop,
            &[
                store_that_promises(promise),
                half("P1", "milk", &json!({"valid_to": now + Duration::minutes(15)})),
                half("P2", "bread", &hours),
            ],
        )
        .await;
        let cart = shopper.fill(&[MILK, BREAD]).await;
        assert_eq!(total(&shopper.cart(cart).await), 64 + 124, "{promise}");
        shop.test.advance(Duration::minutes(16));
        shopper.sign_in_again().await;
        assert_eq!(total(&shopper.cart(cart).await), expected, "{promise}: while walking");
        assert_eq!(quoted(&shopper.place(cart, &[]).await.1.expect(201)), expected, "{promise}: the quote");
        let late = shopper.fill(&[MILK, BREAD]).await;
        assert_eq!(total(&shopper.cart(late).await), 378, "{promise}: what is scanned after the end");
    }
}

#[tokio::test]
async fn a_scan_tells_what_one_more_would_save() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    apply(&shop, &[three_for_two()]).await;
    let cart = shopper.check_in().await;
    let scan = async |offers: &str| {
        let events = json!({"events": [crate::support::trip::scanned(shop.test.app.ids.next(), MILK)]});
        shopper.post(&format!("/v1/carts/{cart}/scans{offers}"), &events).await.expect(200)
    };
    assert_eq!(scan("").await.json["offers"], Value::Null);
    let near = scan("?offers=near").await;
    assert_eq!((near.number("/offers/0/missing_pieces"), near.number("/offers/0/saves/amount")), (1, 129));
    assert_eq!(scan("?offers=near").await.number("/saved/amount"), 129);
}

#[tokio::test]
async fn staff_price_a_past_cart_again_and_get_the_same_cents() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let above =
        json!({"type": "basket", "from_amount": 1000, "reward": {"type": "percent_off", "percent": "10"}});
    apply(&shop, &[three_for_two(), promotion("P2", &above, &json!({"budget": {"uses": 1}}))]).await;
    let cart = shopper.fill(&[MILK, MILK, MILK, COFFEE, SOAP]).await;
    let order = shopper.order(cart, &[2]).await;
    let quote = quoted(&shopper.read_order(order).await);
    // The catalogue goes on: other prices, no promotions, another rate.
    apply(
        &shop,
        &[
            price("de", "milk", 149),
            json!({"kind": "promotion", "promotion": "P1", "deleted": true}),
            json!({"kind": "promotion", "promotion": "P2", "deleted": true}),
            json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": "2026-11-23", "rate": "5"}),
        ],
    )
    .await;
    shop.test.advance(Duration::days(400));
    let staff = shop.test.staff(aisle::identity::Role::Clerk, &[STORE]).await;
    let path = format!("/v1/carts/{cart}/replay");
    let replay = shop.test.get(&path).bearer(&staff).send().await.expect(200);
    let first = &replay.json["quotes"][0];
    assert_eq!((&first["is_same"], &first["replayed"]["total"]["amount"]), (&json!(true), &json!(quote)));
    assert_eq!(first["replayed"], first["quoted"]);
    assert_eq!(first["promotions"].as_array().map(Vec::len), Some(2));
    let others = shop.test.staff(aisle::identity::Role::Clerk, &["0002"]).await;
    shop.test.get(&path).bearer(&others).send().await.problem(403, "role_missing");
    let nobodys: CartId = shop.test.app.ids.next();
    shop.test
        .get(&format!("/v1/carts/{nobodys}/replay"))
        .bearer(&staff)
        .send()
        .await
        .problem(404, "cart_unknown");
}
