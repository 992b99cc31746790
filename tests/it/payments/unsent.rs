//! Calls that surely never left: they are sent another time, or never; and nothing else is taken for one of them.

use aisle::db::Run;
use aisle::ids::PaymentId;
use aisle::payments::PaymentState;
use aisle::sandbox::paypal::{Fault, Rule};

use super::LOST;
use crate::support::TestApp;
use crate::support::payments::{PaidShop, eur};

/// A port that refuses every connection and that nobody else gets.
pub struct ClosedPort {
    _held: std::net::TcpListener,
    pub url: String,
}

impl ClosedPort {
    pub fn new() -> Self {
        // An address of the loopback network that nobody listens on, with a port that is held on another one.
        let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = held.local_addr().expect("an address").port();
        Self { _held: held, url: format!("http://127.99.0.1:{port}") }
    }
}

/// The same service, where PayPal can't be reached.
async fn cut_off(shop: &PaidShop) -> (TestApp, ClosedPort) {
    let port = ClosedPort::new();
    let variables = shop.variables_with("AISLE_PAYPAL_URL", &port.url);
    (shop.test.another_with(&variables).await, port)
}

async fn states(shop: &PaidShop, payment: PaymentId) -> Vec<(String, String, bool)> {
    shop.test
        .app
        .db
        .sql(
            "SELECT kind, state, sent_at IS NOT NULL FROM payment_operations
             WHERE payment = $1
             ORDER BY created_at, id",
        )
        .bind(payment)
        .fetch_all()
        .await
        .expect("operations")
}

fn state(kind: &str, state: &str, was_sent: bool) -> (String, String, bool) {
    (kind.to_owned(), state.to_owned(), was_sent)
}

#[tokio::test]
async fn a_charge_that_finds_no_connection_is_intended_again_and_sent_later() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let (other, _port) = cut_off(&shop).await;
    let payment = payer.pay(1000, 400).await;
    for _ in 0..3 {
        assert!(other.run_jobs().await > 0);
        assert_eq!(states(&shop, payment).await, [state("authorise", "intended", false)]);
        shop.test.advance(chrono::Duration::seconds(40));
    }
    shop.until(payment, |found| found.captured == eur(400)).await;
    assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (400, 1));
}

#[tokio::test]
async fn a_charge_that_never_left_is_abandoned_for_good_when_its_payment_is_given_up() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let (other, _port) = cut_off(&shop).await;
    let payment = payer.pay(1000, 1000).await;
    other.run_jobs().await;
    shop.cancel(payment).await;
    other.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Cancelled, "though PayPal is still away");
    assert_eq!(states(&shop, payment).await, [state("charge", "abandoned", false)]);
    shop.test.advance(chrono::Duration::minutes(5));
    shop.test.run_jobs().await;
    assert!(shop.sandbox.books().orders.is_empty(), "nothing is sent any more");
}

#[tokio::test]
async fn a_charge_that_may_have_left_before_stays_unknown_however_the_next_call_fails() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let (other, _port) = cut_off(&shop).await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.test.advance(chrono::Duration::seconds(5));
    assert!(other.run_jobs().await > 0);
    assert_eq!(states(&shop, payment).await, [state("charge", "sent", true)]);
    shop.cancel(payment).await;
    other.run_jobs().await;
    assert_eq!(shop.read(payment).await.state, PaymentState::Pending);
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert_eq!((shop.sandbox.books().captures.len(), shop.debited()), (1, 0));
}

#[tokio::test]
async fn a_charge_for_which_paypal_gives_no_token_or_that_it_does_not_know_was_not_sent() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    // A service that just started has no token yet.
    for rules in [
        vec![Rule::new("oauth.token", Fault::ErrorBefore { status: 503 }, 1)],
        vec![Rule::new("oauth.token", LOST, 1)],
        vec![Rule::new("orders.create", Fault::ErrorBefore { status: 401 }, 2)],
    ] {
        let other = shop.test.another().await;
        for rule in rules {
            shop.sandbox.add_fault(rule);
        }
        let payment = payer.pay(1000, 1000).await;
        other.run_jobs().await;
        assert_eq!(states(&shop, payment).await, [state("charge", "intended", false)]);
        shop.cancel(payment).await;
        other.run_jobs().await;
        assert_eq!(shop.read(payment).await.state, PaymentState::Cancelled);
    }
    assert!(shop.sandbox.books().orders.is_empty());
}

#[tokio::test]
async fn a_connection_that_breaks_half_way_is_unknown() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    for fault in [Fault::NoAnswerBefore { hold: false }, LOST] {
        shop.sandbox.add_fault(Rule::new("orders.create", fault, 1));
        let payment = payer.pay(1000, 1000).await;
        shop.test.run_jobs().await;
        assert_eq!(states(&shop, payment).await, [state("charge", "sent", true)], "{fault:?}");
        shop.until_state(payment, PaymentState::Captured).await;
    }
    assert_eq!(shop.debited(), 2000);
}
