//! What shoppers are promised and told: prices and promotions that change on the way, what one more would save, and past carts
//! that come to the same cents.

use aisle::ids::CartId;
use chrono::TimeZone;
use serde_json::{Value, json};

use crate::promotions::{apply, half, promotion, quoted, three_for_two, total};
use crate::support::catalog::{BREAD, COFFEE, MILK, SOAP, STORE, price};
use crate::support::trip::Shop;

fn store_that_promises(promise: &str) -> Value {
    let stores = crate::support::catalog::rows();
    let mut row =
        stores.into_iter().find(|row| row["kind"] == "store" && row["store"] == STORE).expect("the store");
    row["price_promise"] = json!(promise);
    row
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
async fn a_promotion_that_ends_between_scan_and_lock_holds_as_the_store_promises() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    // Tests begin at 10:00 in Bonn; the promotion ends a quarter past, an hour of the other one too.
    for (promise, expected) in [("locked", 64 + 124), ("better", 64 + 124), ("current", 129 + 249)] {
        let now = shop.test.app.clock.now();
        let local = chrono_tz::Europe::Berlin.from_utc_datetime(&now.naive_utc());
        let (from, to) = (
            local.format("%H:%M").to_string(),
            (local + chrono::Duration::minutes(15)).format("%H:%M").to_string(),
        );
        let hours = json!({"hours": [{"days": [1], "from": from, "to": to}]});
        apply(
            &shop,
            &[
                store_that_promises(promise),
                half("P1", "milk", &json!({"valid_to": now + chrono::Duration::minutes(15)})),
                half("P2", "bread", &hours),
            ],
        )
        .await;
        let cart = shopper.fill(&[MILK, BREAD]).await;
        assert_eq!(total(&shopper.cart(cart).await), 64 + 124, "{promise}");
        shop.test.advance(chrono::Duration::minutes(16));
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
    shop.test.advance(chrono::Duration::days(400));
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
