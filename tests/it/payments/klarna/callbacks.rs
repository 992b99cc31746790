//! Callbacks: unsigned, guarded by a secret in the address, a hint where to look and no more.

use aisle::payments::PaymentState;
use aisle::sandbox::klarna::{Controls, Planned};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::klarna_shop::KlarnaShop;

/// The addresses that Klarna was given in requests of this operation, as paths.
fn addresses(shop: &KlarnaShop, operation: &str, name: &str) -> Vec<String> {
    let exchanges = shop.sandbox.exchanges();
    let of_operation = exchanges.iter().filter(|one| one.operation == operation);
    let address = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let address = body["merchant_urls"][name].as_str().expect("an address").to_owned();
        address.strip_prefix(shop.test.url()).expect("our own address").to_owned()
    };
    of_operation.map(|one| address(&one.request_body)).collect()
}

#[tokio::test]
async fn klarnas_callbacks_bring_links_and_confirmations_to_their_end_at_once() {
    let shop = KlarnaShop::open().await;
    // No time passes in this test: only callbacks make us look.
    let actor = shop.test.shopper().await;
    let payer = crate::support::klarna_shop::Payer { shop: &shop, actor, method: shop.test.app.ids.next() };
    let page = payer.begin_link(&json!({"provider": "klarna"})).await;
    assert!(shop.sandbox.approve(&page, "cleo+step-up@example.com"));
    assert!(shop.sandbox.deliver_callbacks().await > 0);
    shop.test.run_jobs().await;
    assert_eq!(payer.read_method().await.text("/state"), "active");
    let payment = payer.pay(1000, 1000).await;
    let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.approve(&asked.action_url.expect("an address"), "cleo+step-up@example.com"));
    shop.sandbox.set_callback_controls(Controls {
        hold: true,
        duplicate_next: 9,
        reverse: true,
        ..Controls::default()
    });
    shop.test.advance(chrono::Duration::seconds(5));
    assert!(shop.sandbox.deliver_callbacks().await > 0);
    for _ in 0..3 {
        shop.test.run_jobs().await;
        shop.sandbox.deliver_callbacks().await;
    }
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
    // Late ones, long after everything is over, change nothing.
    shop.sandbox.deliver_callbacks().await;
    shop.test.run_jobs().await;
    assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (1000, 1));
}

#[tokio::test]
async fn a_forged_callback_is_refused_and_a_true_one_believes_nothing_that_it_says() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("dora@example.com").await;
    shop.sandbox.plan_charges(&shop.token(), Planned::PendAccept { minutes: 99 }, 2);
    let payment = payer.pay(1000, 1000).await;
    let other = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    let given = addresses(&shop, "tokens.order", "push");
    let of = |payment: aisle::ids::PaymentId| {
        given.iter().find(|path| path.contains(&payment.to_string())).expect("an address").clone()
    };
    let (right, of_other) = (of(payment), of(other));
    let secret = right.rsplit('/').next().expect("a secret");
    let link = addresses(&shop, "hpp.create", "status_update");
    let lie = json!({"order_id": shop.token(), "event_type": "FRAUD_RISK_ACCEPTED"});
    for forged in [
        format!("/v1/payments/{payment}/callback/{}", of_other.rsplit('/').next().expect("a secret")),
        format!("/v1/payments/{payment}/callback/{}", link[0].rsplit('/').next().expect("a secret")),
        format!("/v1/payments/{payment}/callback/{secret}A"),
        format!("/v1/payments/{payment}/callback/{}", &secret[1..]),
        format!("/v1/payments/{}/callback/{secret}", payer.method),
        format!("/v1/payment-methods/{}/callback/{secret}", payer.method),
    ] {
        shop.test.post(&forged, &lie).send().await.problem(404, "callback_unknown");
    }
    let before = shop.calls("orders.get");
    shop.test.run_jobs().await;
    assert_eq!(shop.calls("orders.get"), before, "nobody was asked");
    // With the right secret Klarna is asked, and says otherwise.
    shop.test.post(&right, &lie).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(shop.calls("orders.get"), before + 1);
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    // Whatever is sent is not read.
    shop.test.advance(chrono::Duration::seconds(5));
    let call = shop.test.call(Method::POST, &right).body("application/json", "no JSON at all");
    call.send().await.expect(200);
}

#[tokio::test]
async fn a_flood_of_hints_has_klarna_asked_now_and_then_and_the_last_one_is_not_lost() {
    let shop = KlarnaShop::open().await;
    let payer = shop.payer("dora@example.com").await;
    shop.sandbox.plan_charges(&shop.token(), Planned::PendAccept { minutes: 99 }, 1);
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::minutes(30));
    shop.test.run_jobs().await;
    // Our own looks are ten minutes apart by now; those that hints ask for two seconds.
    let right = addresses(&shop, "tokens.order", "push").remove(0);
    let before = shop.calls("orders.get");
    for _ in 0..20 {
        for _ in 0..5 {
            shop.test.call(Method::POST, &right).send().await.expect(200);
        }
        shop.test.run_jobs().await;
        shop.test.advance(chrono::Duration::seconds(1));
    }
    let asked = shop.calls("orders.get") - before;
    assert!((9..=10).contains(&asked), "{asked} reads in twenty seconds");
    assert!(shop.sandbox.decide_review(&shop.order().id, true));
    shop.test.call(Method::POST, &right).send().await.expect(200);
    shop.test.advance(chrono::Duration::seconds(5));
    shop.test.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Captured);
    shop.check_exchanges();
}
