//! Checkouts and orders when something is away, closed, too large or refused: what the shopper and staff are told, and that no
//! money and no cart is left behind.

use aisle::identity::Role;
use aisle::ids::{CheckoutId, OrderId, RefundId};
use aisle::money::{Currency, Money};
use aisle::sandbox::paypal::{Controls, Fault, Rule};
use chrono::Duration;
use serde_json::{Value, json};

use crate::payments::unsent::ClosedPort;
use crate::support::catalog::{BREAD, MILK, PAN, STORE};
use crate::support::trip::Shop;

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// Closes the store.
async fn close(shop: &Shop) {
    let report = shop.test.apply_rows(&[json!({"kind": "store", "store": STORE, "deleted": true})]).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
}

#[tokio::test]
async fn a_provider_that_was_never_reached_lets_the_trip_out_at_once_when_the_shopper_gives_up() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let port = ClosedPort::new();
    let away = shop.test.another_with(&shop.variables_with("AISLE_PAYPAL_URL", &port.url)).await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, _) = shopper.place(cart, &[]).await;
    shopper.pay(checkout, eur(129)).await.expect(202);
    away.run_jobs().await;
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    shopper.scan(cart, &[MILK]).await.expect(200);
    away.run_jobs().await;
    shop.test.advance(Duration::minutes(10));
    shop.test.run_jobs().await;
    assert!(shop.paypal.books().orders.is_empty(), "nothing was ever sent");
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn a_total_that_the_provider_can_not_be_told_is_refused_at_the_quote() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let mut rows = vec![
        json!({"kind": "tax_rate", "country": "HU", "tax_class": "reduced", "valid_from": "2009-07-01", "rate": "18"}),
        json!({"kind": "price_list", "price_list": "hu", "name": "Hungary", "currency": "HUF"}),
        json!({"kind": "store", "store": "0100", "name": "Budapest", "country": "HU", "currency": "HUF",
            "time_zone": "Europe/Budapest", "price_lists": ["hu"],
            "address": {"street": "Fő utca", "house_number": "1", "postal_code": "1011", "city": "Budapest"}}),
    ];
    // 99.50 forint: PayPal takes whole ones only.
    for (sku, amount) in [("milk", 9_950), ("bread", 10_000)] {
        rows.push(
            json!({"kind": "price", "price_list": "hu", "sku": sku, "amount": amount, "currency": "HUF"}),
        );
    }
    let report = shop.test.apply_rows(&rows).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
    let check_in = async |code: &str| {
        let cart = shop.test.app.ids.next();
        shopper.put(&format!("/v1/carts/{cart}"), &json!({"store": "0100"})).await.expect(201);
        shopper.scan(cart, &[code]).await.expect(200);
        cart
    };
    let odd = check_in(MILK).await;
    let (_, refused) = shopper.place(odd, &[]).await;
    refused.problem(422, "amount_not_payable");
    // The refusal left the cart open: two of them make a whole amount.
    shopper.scan(odd, &[MILK]).await.expect(200);
    assert_eq!(shopper.buy(odd, &[]).await.text("/state"), "paid");
    let even = check_in(BREAD).await;
    assert_eq!(shopper.buy(even, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn a_store_that_closes_after_the_quote_lets_the_trip_out_and_debits_nothing() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let (checkout, placed) = shopper.place(cart, &[2]).await;
    let total = placed.expect(201).json["quote"]["total"]["amount"].as_i64().expect("a total");
    close(&shop).await;
    shopper.pay(checkout, eur(total)).await.problem(409, "store_closed");
    let read = shopper.checkout(checkout).await;
    assert_eq!((read.text("/state"), read.text("/reason")), ("cancelled", "the store is closed"));
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
    let (_, again) = shopper.place(cart, &[]).await;
    again.problem(409, "store_closed");
    shopper.pay(checkout, eur(total)).await.problem(409, "checkout_state");
    shop.test.run_jobs().await;
    assert!(shop.paypal.books().orders.is_empty());
}

#[tokio::test]
async fn a_store_that_closes_while_its_goods_are_paid_for_still_sends_them() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let (checkout, placed) = shopper.place(cart, &[2]).await;
    let total = placed.expect(201).json["quote"]["total"]["amount"].as_i64().expect("a total");
    shopper.pay(checkout, eur(total)).await.expect(202);
    close(&shop).await;
    shop.test.run_jobs().await;
    let order: OrderId = shopper.checkout(checkout).await.text("/order").parse().expect("an order");
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 249);
    shop.until(async || shop.dhl.books().shipments.len() == 1).await;
}

#[tokio::test]
async fn goods_for_more_parcels_than_a_shipment_may_have_are_refused_and_leave_the_cart_open() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let anvil = "4012345678901";
    let rows = [
        json!({"kind": "product", "sku": "anvil", "name": "Anvil", "brand": "Sample", "tax_class": "standard",
            "weight_grams": 30_000, "deliverable": true, "age_min": null, "content": null}),
        json!({"kind": "code", "code": anvil, "sku": "anvil", "internal": false}),
        json!({"kind": "price", "price_list": "de", "sku": "anvil", "amount": 100, "currency": "EUR"}),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    let codes = vec![anvil; aisle::delivery::PARCELS_MAX];
    let cart = shopper.fill(&codes).await;
    shopper.scan(cart, &[anvil]).await.expect(200);
    let (_, refused) = shopper.place(cart, &[1]).await;
    refused.problem(422, "delivery_too_large");
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
    let (_, taken_along) = shopper.place(cart, &[]).await;
    taken_along.expect(201);
}

#[tokio::test]
async fn goods_handed_over_after_the_hold_ended_are_trouble_and_not_stopped() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.until(async || shop.dhl.books().shipments.len() == 1).await;
    shop.test.run_jobs().await;
    // PayPal lets go of a hold after 29 days.
    shop.paypal.set_webhook_controls(Controls::default());
    shop.paypal.advance_seconds(30 * 24 * 3600);
    shop.paypal.deliver_webhooks().await;
    shop.test.run_jobs().await;
    shopper.sign_in_again().await;
    shopper.hand_over(order).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert!(read.text("/trouble").contains("can't be captured"), "{}", read.json);
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (249, "placed"));
}

#[tokio::test]
async fn a_capture_that_fails_is_seen_at_the_exit() {
    let shop = Shop::open().await;
    let shopper = shop.payer("finn+latedecline@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert!(read.text("/trouble").starts_with("capture failed"), "{}", read.json);
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.problem(409, "order_not_paid");
}

#[tokio::test]
async fn a_refund_of_which_a_part_is_refused_has_failed_and_the_other_part_counts() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    shopper.hand_over(order).await;
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 4747);
    // Two captures, so two refunds: one of them is refused.
    shop.paypal.add_fault(Rule::new("captures.refund", Fault::ErrorBefore { status: 403 }, 1));
    let refund: RefundId = shop.test.app.ids.next();
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    let put = |path: String, body: Value| {
        let supervisor = supervisor.clone();
        let test = &shop.test;
        async move { test.put(&path, &body).bearer(&supervisor).send().await }
    };
    put(path, json!({"reason": "damaged"})).await.expect(202);
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    let refunded = read.number("/refunded/amount");
    assert!(refunded == 249 || refunded == 4498, "one part: {refunded}");
    assert_eq!((read.text("/refunds/0/state"), read.text("/refunds/0/failure")), ("failed", "refused"));
    // What was refused can be asked for again, and no more than that.
    let left = 4747 - refunded;
    let second = |id: RefundId, minor: i64| {
        put(format!("/v1/orders/{order}/refunds/{id}"), json!({"amount": eur(minor), "reason": "again"}))
    };
    second(shop.test.app.ids.next(), left + 1).await.problem(422, "refund_too_large");
    second(shop.test.app.ids.next(), left).await.expect(202);
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/refunded/amount"), 4747);
}

#[tokio::test]
async fn an_instance_with_a_stale_cart_quotes_what_the_other_one_scanned() {
    let shop = Shop::open().await;
    let other = shop.test.another().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let path = format!("/v1/carts/{cart}");
    // The other instance keeps the cart as it is now.
    let stale = other.get(&path).bearer(&shopper.actor.token).send().await.expect(200).number("/version");
    shopper.scan(cart, &[BREAD]).await.expect(200);
    let version = shopper.cart(cart).await.number("/version");
    let place = async |version: i64| {
        let checkout: CheckoutId = shop.test.app.ids.next();
        let body = shopper.placement(cart, version, &[]);
        let path = format!("/v1/checkouts/{checkout}");
        other.put(&path, &body).bearer(&shopper.actor.token).send().await
    };
    place(stale).await.problem(412, "cart_changed");
    let placed = place(version).await.expect(201);
    assert_eq!(placed.number("/quote/total/amount"), 129 + 249);
    shopper.scan(cart, &[MILK]).await.problem(409, "cart_locked");
}
