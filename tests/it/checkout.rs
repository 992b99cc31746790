//! Checkouts: what is quoted is what is paid, once, and every way out leads back to an open cart or on to an order.

use aisle::identity::Role;
use aisle::ids::{CheckoutId, OrderId, RefundId};
use aisle::money::{Currency, Money};
use aisle::sandbox::paypal::{Controls, Fault, Rule};
use chrono::Duration;
use serde_json::json;

use crate::support::catalog::{BREAD, COFFEE, MILK, PAN, STORE, WINE};
use crate::support::trip::Shop;

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

#[tokio::test]
async fn goods_taken_along_are_captured_at_once_and_open_the_gate_once() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE, MILK]).await;
    let paid = shopper.buy(cart, &[]).await;
    assert_eq!(paid.text("/state"), "paid");
    let order: OrderId = paid.text("/order").parse().expect("an order");
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (957, "completed"));
    let books = shop.paypal.books();
    assert_eq!((books.captures.len(), books.authorizations.len()), (1, 0));
    let pass = shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await;
    let pass = pass.json["pass"].as_str().expect("a pass").to_owned();
    let gate = shop.test.gate(STORE).await;
    let open =
        || shop.test.post("/v1/exit-passes/redeem", &json!({"pass": pass, "store": STORE})).bearer(&gate);
    open().send().await.expect(200);
    open().send().await.problem(409, "pass_used");
    assert_eq!(shopper.cart(cart).await.text("/state"), "closed");
    shopper.scan(cart, &[MILK]).await.problem(409, "cart_closed");
}

#[tokio::test]
async fn goods_delivered_are_authorised_then_captured_at_hand_over() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!(read.number("/quote/total/amount"), 249 + 3999 + 499);
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (249, "placed"));
    let shipment = read.text("/shipment").to_owned();
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/hand-over");
    let hand_over = || shop.test.post(&path, &json!({})).bearer(&staff);
    hand_over().send().await.expect(200);
    hand_over().send().await.expect(200);
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (4747, "completed"));
    let captured: Vec<String> =
        shop.paypal.books().captures.values().map(|capture| capture.amount.value().clone()).collect();
    assert_eq!(captured.len(), 2, "{captured:?}");
    // PayPal knows the parcel.
    let parcels = || {
        let orders = shop.paypal.books().orders.into_values();
        orders.flat_map(|order| order.trackers).collect::<Vec<_>>()
    };
    shop.until(async || parcels().len() == 1).await;
    assert_eq!(parcels()[0].tracking_number, shop.dhl.books().shipments[0].number);
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = shop.test.get(&receipt).send().await.expect(200);
    let page = String::from_utf8(page.bytes).expect("text");
    for text in ["Rye bread 500 g", "Frying pan 28 cm", "47.47", "19 %", "7 %"] {
        assert!(page.contains(text), "{text} in {page}");
    }
    shop.test.get(&receipt.replace("key=e", "key=f")).send().await.problem(404, "order_unknown");
}

#[tokio::test]
async fn a_cart_that_is_being_paid_for_takes_no_scan_and_a_second_checkout_waits() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    let placed = placed.expect(201);
    assert_eq!((placed.text("/state"), placed.text("/waits_for")), ("quoted", "shopper"));
    shopper.scan(cart, &[MILK]).await.problem(409, "cart_locked");
    let (_, second) = shopper.place(cart, &[]).await;
    second.problem(409, "cart_locked");
    let body = shopper.placement(cart, 2, &[]);
    shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await.expect(200);
    let other = shopper.placement(cart, 3, &[]);
    shopper.put(&format!("/v1/checkouts/{checkout}"), &other).await.problem(422, "id_reused");
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
    shopper.scan(cart, &[MILK]).await.expect(200);
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn a_stale_version_an_empty_cart_and_a_foreign_account_are_refused() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let empty = shopper.check_in().await;
    let (_, refused) = shopper.place(empty, &[]).await;
    refused.problem(422, "cart_empty");
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let path = |id: CheckoutId| format!("/v1/checkouts/{id}");
    let stale = shopper.placement(cart, 1, &[]);
    shopper.put(&path(shop.test.app.ids.next()), &stale).await.problem(412, "cart_changed");
    let (_, refused) = shopper.place(cart, &[2]).await;
    refused.problem(422, "line_not_deliverable");
    let (_, refused) = shopper.place(cart, &[9]).await;
    refused.problem(422, "line_unknown");
    let mut nothing = shopper.placement(cart, 2, &[1]);
    nothing["deliver"]["lines"] = json!([]);
    let problem = shopper.put(&path(shop.test.app.ids.next()), &nothing).await.problem(422, "delivery_empty");
    assert_eq!(problem.text("/errors/0/pointer"), "/deliver/lines");
    let stranger = shop.payer("ben@example.com").await;
    let mut foreign = shopper.placement(cart, 2, &[]);
    foreign["payment_method"] = json!(stranger.method);
    shopper.put(&path(shop.test.app.ids.next()), &foreign).await.problem(422, "payment_method_unusable");
    let mut wrong = shopper.placement(cart, 2, &[1]);
    wrong["deliver"]["recipient"]["postal_code"] = json!("123");
    let problem = shopper.put(&path(shop.test.app.ids.next()), &wrong).await.problem(422, "address_invalid");
    assert_eq!(problem.text("/errors/0/pointer"), "/deliver/recipient/postal_code");
    // None of the refusals left the cart locked.
    shopper.scan(cart, &[MILK]).await.expect(200);
}

#[tokio::test]
async fn only_the_quoted_total_can_be_agreed_to_and_paying_twice_debits_once() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, _) = shopper.place(cart, &[]).await;
    shopper.pay(checkout, eur(1)).await.problem(422, "total_differs");
    shopper
        .pay(checkout, Money::new(129, "USD".parse().expect("dollars")))
        .await
        .problem(422, "total_differs");
    let (one, two) = tokio::join!(shopper.pay(checkout, eur(129)), shopper.pay(checkout, eur(129)));
    assert!([one, two].iter().all(|answer| answer.status.as_u16() == 202));
    shop.test.run_jobs().await;
    shopper.pay(checkout, eur(129)).await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shop.paypal.books().captures.len(), 1);
}

#[tokio::test]
async fn a_declined_debit_opens_the_cart_again() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna+declined@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let declined = shopper.buy(cart, &[]).await;
    assert_eq!(declined.text("/state"), "declined");
    assert!(declined.json["reason"].is_string());
    shopper.scan(cart, &[BREAD]).await.expect(200);
    assert!(shop.paypal.books().captures.is_empty());
    let orders = shopper.get("/v1/orders").await.expect(200);
    assert_eq!(orders.json["items"], json!([]));
}

#[tokio::test]
async fn an_action_that_the_provider_asks_for_is_handed_to_the_shopper_and_then_paid() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna+action@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let waiting = shopper.buy(cart, &[]).await;
    assert_eq!((waiting.text("/state"), waiting.text("/waits_for")), ("action_required", "shopper"));
    assert!(shop.paypal.approve(waiting.text("/action_url"), "anna@example.com"));
    let checkout: CheckoutId = waiting.text("/id").parse().expect("an id");
    shop.paypal.set_webhook_controls(Controls::default());
    shop.paypal.deliver_webhooks().await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    assert_eq!(shop.paypal.books().captures.len(), 1);
}

#[tokio::test]
async fn a_time_out_after_success_is_found_out_and_debits_once() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    shop.paypal.add_fault(Rule::new("orders.create", Fault::NoAnswerAfter { hold: false }, 1));
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
    assert_eq!(shop.paypal.books().captures.len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_down_until_the_deadline_leaves_an_open_cart_and_no_debit() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    shop.paypal.add_fault(Rule::new("orders.create", Fault::NoAnswerAfter { hold: false }, 1));
    shop.paypal.add_fault(Rule::new("orders.create", Fault::ErrorBefore { status: 503 }, 1000));
    let (checkout, _) = shopper.place(cart, &[]).await;
    shopper.pay(checkout, eur(129)).await.expect(202);
    shop.test.run_jobs().await;
    shop.test.advance(Duration::minutes(16));
    shopper.sign_in_again().await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "cancelled").await;
    shopper.scan(cart, &[MILK]).await.expect(200);
    // The provider comes back: what it had debited in silence is found and given back.
    shop.paypal.clear_faults();
    shop.test.advance(Duration::minutes(30));
    shopper.sign_in_again().await;
    shop.until(async || shop.paypal.books().refunds.len() == 1).await;
    let orders = shopper.get("/v1/orders").await.expect(200);
    assert_eq!(orders.json["items"], json!([]));
}

#[tokio::test]
async fn a_quote_that_nobody_agrees_to_gives_itself_up() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, _) = shopper.place(cart, &[]).await;
    shop.test.advance(Duration::minutes(16));
    shopper.sign_in_again().await;
    shopper.pay(checkout, eur(129)).await.problem(409, "checkout_state");
    shop.test.run_jobs().await;
    assert_eq!(shopper.checkout(checkout).await.text("/state"), "cancelled");
    shopper.scan(cart, &[MILK]).await.expect(200);
}

#[tokio::test]
async fn staff_look_at_large_totals_and_age_limits_first() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[PAN, PAN, PAN, PAN, PAN, PAN, PAN, PAN, WINE]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    assert_eq!(placed.expect(201).json["holds"], json!(["amount_limit", "age"]));
    shopper.pay(checkout, eur(8 * 3999 + 599)).await.expect(200);
    assert_eq!(shopper.checkout(checkout).await.text("/state"), "held");
    shop.test.run_jobs().await;
    assert!(shop.paypal.books().captures.is_empty());
    let elsewhere = shop.test.staff(Role::Clerk, &["0002"]).await;
    let clerk = shop.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/checkouts/{checkout}/release");
    shop.test.post(&path, &json!({})).bearer(&elsewhere).send().await.problem(404, "checkout_unknown");
    shopper.post(&path, &json!({})).await.expect(403);
    let held =
        shop.test.get(&format!("/v1/stores/{STORE}/checkouts/held")).bearer(&clerk).send().await.expect(200);
    assert_eq!(held.json.as_array().map(Vec::len), Some(1));
    shop.test.post(&path, &json!({})).bearer(&clerk).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shopper.checkout(checkout).await.text("/state"), "paid");
}

#[tokio::test]
async fn refunds_in_part_and_in_full_never_exceed_what_was_captured() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[COFFEE]).await;
    let order = shopper.order(cart, &[]).await;
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let clerk = shop.test.staff(Role::Clerk, &[STORE]).await;
    let refund = |id: RefundId, token: &str, amount: Option<i64>| {
        let mut body = json!({"reason": "damaged"});
        if let Some(amount) = amount {
            body["amount"] = json!(eur(amount));
        }
        shop.test.put(&format!("/v1/orders/{order}/refunds/{id}"), &body).bearer(token)
    };
    let [first, second, third]: [RefundId; 3] = std::array::from_fn(|_| shop.test.app.ids.next());
    refund(first, &clerk, Some(100)).send().await.problem(404, "order_unknown");
    refund(first, &supervisor, Some(100)).send().await.expect(202);
    refund(first, &supervisor, Some(100)).send().await.expect(200);
    refund(first, &supervisor, Some(101)).send().await.problem(422, "id_reused");
    // Two refunds of 60 % at once: one wins.
    let (one, two) = tokio::join!(
        refund(second, &supervisor, Some(420)).send(),
        refund(third, &supervisor, Some(420)).send()
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 422]);
    shop.test.run_jobs().await;
    refund(shop.test.app.ids.next(), &supervisor, None).send().await.expect(202);
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!(read.number("/refunded/amount"), 699);
    assert!(read.json["refunds"].as_array().expect("refunds").iter().all(|refund| refund["state"] == "done"));
    refund(shop.test.app.ids.next(), &supervisor, None).send().await.problem(422, "refund_too_large");
    assert_eq!(shop.paypal.books().refunds.len(), 3);
}

#[tokio::test]
async fn a_cancelled_order_gives_everything_back_and_calls_the_parcel_off() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let cancel = || shop.test.post(&format!("/v1/orders/{order}/cancel"), &json!({})).bearer(&supervisor);
    cancel().send().await.expect(200);
    cancel().send().await.expect(200);
    shop.until(async || shopper.read_order(order).await.number("/refunded/amount") == 249).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.text("/state"), read.number("/captured/amount")), ("cancelled", 249));
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(409);
    let books = shop.paypal.books();
    assert!(
        books.authorizations.values().all(|hold| format!("{:?}", hold.status) != "Created"),
        "nothing is held any more"
    );
    assert!(shop.dhl.books().shipments.iter().all(|shipment| shipment.cancelled_at.is_some()));
}

#[tokio::test]
async fn another_shoppers_checkout_and_order_are_not_to_be_seen() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let paid = shopper.buy(cart, &[]).await;
    let (checkout, order) = (paid.text("/id"), paid.text("/order"));
    let stranger = shop.shopper().await;
    stranger.get(&format!("/v1/checkouts/{checkout}")).await.problem(404, "checkout_unknown");
    stranger
        .post(&format!("/v1/checkouts/{checkout}/pay"), &json!({"total": eur(129)}))
        .await
        .problem(404, "checkout_unknown");
    stranger
        .post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({}))
        .await
        .problem(404, "checkout_unknown");
    stranger.get(&format!("/v1/orders/{order}")).await.problem(404, "order_unknown");
    stranger.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.problem(404, "order_unknown");
}
