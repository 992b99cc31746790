//! The entity tag of a cart is that of what the cart shows: another one whenever anything of it changes, the same one else.

use aisle::ids::CartId;
use serde_json::{Value, json};

use crate::credits::{TEMPLATE, shop_with, show, slip, store_with};
use crate::promotions::{apply, half};
use crate::support::catalog::{MILK, price};
use crate::support::trip::{Shop, Shopper};

/// Whether a reader who has `known` is told that it is still so; with what the cart shows now.
async fn read(shopper: &Shopper<'_>, cart: CartId, known: &str) -> (bool, String, Value) {
    let path = format!("/v1/carts/{cart}");
    let get = shopper.shop.test.get(&path).bearer(&shopper.actor.token).header("if-none-match", known);
    let is_known = get.send().await.status == 304;
    let now = shopper.cart(cart).await;
    (is_known, now.headers["etag"].to_str().expect("a tag").to_owned(), now.json)
}

/// Reads a cart after something happened: what it shows and its tag must have changed together, or neither.
async fn follow(shopper: &Shopper<'_>, cart: CartId, seen: &mut (String, Value), changes: bool, what: &str) {
    let (is_known, tag, shown) = read(shopper, cart, &seen.0).await;
    assert_eq!(shown != seen.1, changes, "{what}: {shown}");
    assert_eq!((is_known, tag != seen.0), (!changes, changes), "{what}: {tag}");
    *seen = (tag, shown);
}

async fn first(shopper: &Shopper<'_>, cart: CartId) -> (String, Value) {
    let (_, tag, shown) = read(shopper, cart, "\"0\"").await;
    (tag, shown)
}

#[tokio::test]
async fn a_price_of_now_changes_the_tag_and_a_locked_price_does_not() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    for (promise, changes) in [("current", true), ("locked", false)] {
        let mut store = store_with(&json!({}));
        store["price_promise"] = json!(promise);
        apply(&shop, &[store, price("de", "milk", 129)]).await;
        let cart = shopper.fill(&[MILK]).await;
        let mut seen = first(&shopper, cart).await;
        apply(&shop, &[price("de", "milk", 139)]).await;
        follow(&shopper, cart, &mut seen, changes, promise).await;
        apply(&shop, &[price("de", "bread", 259)]).await;
        follow(&shopper, cart, &mut seen, false, "another product").await;
    }
}

#[tokio::test]
async fn a_promotion_that_begins_or_ends_by_the_clock_changes_the_tag() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let mut store = store_with(&json!({}));
    store["price_promise"] = json!("current");
    let now = shop.test.app.clock.now();
    let at = |minutes: i64| (now + chrono::Duration::minutes(minutes)).to_rfc3339();
    let mut offer = half("P1", "milk", &json!({}));
    (offer["valid_from"], offer["valid_to"]) = (json!(at(2)), json!(at(4)));
    apply(&shop, &[store, offer]).await;
    let cart = shopper.fill(&[MILK]).await;
    let mut seen = first(&shopper, cart).await;
    let minute = chrono::Duration::minutes(1);
    for (changes, what) in [(false, "before"), (true, "it begins"), (false, "it holds"), (true, "it ends")] {
        shop.test.advance(minute);
        follow(&shopper, cart, &mut seen, changes, what).await;
    }
}

#[tokio::test]
async fn blocked_lines_credits_and_taxes_change_the_tag() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let mut seen = first(&shopper, cart).await;
    show(&shopper, cart, &slip(1, 100)).await.expect(200);
    follow(&shopper, cart, &mut seen, true, "a voucher").await;
    let rate = json!({"kind": "tax_rate", "country": "DE", "tax_class": "reduced", "valid_from": "2026-01-01", "rate": "5"});
    apply(&shop, &[rate]).await;
    follow(&shopper, cart, &mut seen, true, "another rate of tax").await;
    let recall =
        json!({"kind": "recall", "recall": "R-7", "sku": "milk", "lots": null, "notice": "Bring it back."});
    apply(&shop, &[recall]).await;
    follow(&shopper, cart, &mut seen, true, "a recall").await;
    apply(&shop, &[json!({"kind": "recall", "recall": "R-7", "sku": "milk", "deleted": true})]).await;
    follow(&shopper, cart, &mut seen, true, "taken back").await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    follow(&shopper, cart, &mut seen, true, "locked").await;
    apply(&shop, &[price("de", "milk", 119)]).await;
    follow(&shopper, cart, &mut seen, false, "what was agreed on stays").await;
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    follow(&shopper, cart, &mut seen, true, "open again").await;
}
