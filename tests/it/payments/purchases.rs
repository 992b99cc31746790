//! Accounts that are linked with their first purchase, and what is told of a purchase besides its amount.

use aisle::ids::{MethodId, PaymentId};
use aisle::payments::{self, MethodState, PaymentState};
use aisle::sandbox::paypal::{Fault, Rule, Tracker};
use chrono::Duration;
use serde_json::json;

use super::LOST;
use crate::support::payments::{PaidShop, Payer, eur};

impl PaidShop {
    /// A shopper whose account is to be linked with the first purchase.
    async fn newcomer(&self) -> Payer<'_> {
        let actor = self.test.shopper().await;
        let method: MethodId = self.test.app.ids.next();
        let path = format!("/v1/payment-methods/{method}");
        let body = json!({"provider": "paypal", "return_url": "aisle://app/linked", "with_purchase": true});
        self.test.put(&path, &body).bearer(&actor.token).send().await.expect(200);
        let same = self.test.put(&path, &body).bearer(&actor.token).send().await.expect(200);
        assert_eq!((same.text("/state"), &same.json["with_purchase"]), ("linking", &json!(true)));
        let body = json!({"provider": "paypal", "return_url": "aisle://app/linked"});
        let other = self.test.put(&path, &body).bearer(&actor.token).send().await;
        other.problem(409, "payment_method_taken");
        Payer { shop: self, actor, method }
    }

    /// The parcels that PayPal knows.
    fn parcels(&self) -> Vec<Tracker> {
        self.sandbox.books().orders.into_values().flat_map(|order| order.trackers).collect()
    }
}

impl Payer<'_> {
    async fn state(&self) -> MethodState {
        let shopper = self.actor.id.parse().expect("an id");
        let found = payments::find_method(&self.shop.test.app.db, shopper, self.method).await.expect("read");
        found.expect("a method").state
    }

    /// Buys something and approves it, and the link with it, at PayPal.
    async fn approve(&self, email: &str, total: i64, due_now: i64) -> PaymentId {
        let payment = self.pay(total, due_now).await;
        let asked = self.shop.until_state(payment, PaymentState::ActionRequired).await;
        assert!(self.shop.sandbox.approve(&asked.action_url.expect("a url"), email));
        let page = format!("/v1/payments/{payment}/return");
        self.shop.test.get(&page).send().await.expect(200);
        self.shop.until(payment, |found| found.captured == eur(due_now)).await;
        payment
    }
}

#[tokio::test]
async fn an_account_is_linked_with_its_first_purchase_and_debited_by_itself_afterwards() {
    for due_now in [1000, 400] {
        let shop = PaidShop::open().await;
        let payer = shop.newcomer().await;
        shop.test.run_jobs().await;
        assert!(shop.sandbox.books().setup_tokens.is_empty(), "nothing is linked before the purchase");
        shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
        payer.approve("anna@example.com", 1000, due_now).await;
        shop.test.run_jobs().await;
        assert_eq!(payer.state().await, MethodState::Active);
        let path = format!("/v1/payment-methods/{}", payer.method);
        let linked = shop.test.get(&path).bearer(&payer.actor.token).send().await.expect(200);
        assert_eq!(linked.text("/label"), "a***@example.com");

        let again = payer.pay(500, 500).await;
        shop.until_state(again, PaymentState::Captured).await;
        assert_eq!((shop.debited(), shop.sandbox.books().orders.len()), (due_now + 500, 2));
        shop.test.call(reqwest::Method::DELETE, &path).bearer(&payer.actor.token).send().await.expect(204);
        for _ in 0..3 {
            shop.test.run_jobs().await;
            shop.pass(Duration::seconds(6));
        }
        let books = shop.sandbox.books();
        assert_eq!(books.payment_tokens.len(), 1);
        assert!(books.payment_tokens.values().all(|token| token.deleted_at.is_some()));
        shop.check_exchanges();
    }
}

#[tokio::test]
async fn a_link_that_paypal_makes_later_is_taken_when_its_event_comes() {
    let shop = PaidShop::open().await;
    let payer = shop.newcomer().await;
    payer.approve("anna+savelater@example.com", 1000, 1000).await;
    shop.test.run_jobs().await;
    assert_eq!(payer.state().await, MethodState::Linking);
    let order = shop.sandbox.books().orders.keys().next().expect("an order").clone();
    assert!(shop.sandbox.save_with_purchase(&order));
    assert!(!shop.sandbox.save_with_purchase(&order), "saved once");
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
    assert_eq!(payer.state().await, MethodState::Active);
    let again = payer.pay(500, 500).await;
    shop.until_state(again, PaymentState::Captured).await;
    shop.check_exchanges();
}

#[tokio::test]
async fn a_link_that_no_event_tells_of_is_looked_for() {
    let shop = PaidShop::open().await;
    let payer = shop.newcomer().await;
    payer.approve("anna+savelater@example.com", 1000, 1000).await;
    let order = shop.sandbox.books().orders.keys().next().expect("an order").clone();
    assert!(shop.sandbox.save_with_purchase(&order));
    shop.pass(Duration::minutes(20));
    shop.test.run_jobs().await;
    assert_eq!(payer.state().await, MethodState::Active);
}

#[tokio::test]
async fn an_account_without_a_purchase_is_no_link_after_a_day() {
    let shop = PaidShop::open().await;
    let payer = shop.newcomer().await;
    shop.pass(Duration::hours(25));
    shop.test.run_jobs().await;
    assert_eq!(payer.state().await, MethodState::Failed);
    assert!(matches!(payer.try_pay(1000, 1000).await, Err(payments::Error::MethodInactive)));
}

#[tokio::test]
async fn a_first_purchase_that_is_refused_may_be_tried_again() {
    let shop = PaidShop::open().await;
    let payer = shop.newcomer().await;
    let refused = payer.pay(1000, 1000).await;
    let asked = shop.until_state(refused, PaymentState::ActionRequired).await;
    assert!(shop.sandbox.approve(&asked.action_url.expect("a url"), "ben+declined@example.com"));
    shop.test.get(&format!("/v1/payments/{refused}/return")).send().await.expect(200);
    shop.until_state(refused, PaymentState::Declined).await;
    assert_eq!(payer.state().await, MethodState::Linking);
    payer.approve("ben@example.com", 1000, 1000).await;
    shop.test.run_jobs().await;
    assert_eq!((payer.state().await, shop.debited()), (MethodState::Active, 1000));
}

#[tokio::test]
async fn a_provider_that_links_nothing_with_a_purchase_says_so() {
    let shop = PaidShop::open_with("AISLE_INVOICE_LIMITS", "EUR:2000").await;
    let actor = shop.test.shopper().await;
    let method: MethodId = shop.test.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    let body = json!({"provider": "invoice", "with_purchase": true});
    let refused = shop.test.put(&path, &body).bearer(&actor.token).send().await;
    refused.problem(422, "with_purchase_refused");
}

async fn ship(shop: &PaidShop, payment: PaymentId, number: &str) {
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("begun");
    payments::shipped(&mut tx, &app.ids, app.clock.now(), payment, ("dhl", number)).await.expect("written");
    tx.commit().await.expect("committed");
    shop.test.run_jobs().await;
}

#[tokio::test]
async fn a_parcel_is_told_once_when_what_is_in_it_is_paid() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 400).await;
    shop.until(payment, |found| found.captured == eur(400)).await;
    for fault in [LOST, Fault::ErrorAfter { status: 500 }, Fault::ErrorBefore { status: 503 }] {
        shop.sandbox.add_fault(Rule::new("orders.track", fault, 1));
    }
    for number in ["00340434161094000017", "00340434161094000024", "00340434161094000017"] {
        ship(&shop, payment, number).await;
    }
    assert!(shop.parcels().is_empty(), "what is in them is not paid yet");
    shop.capture(payment, 1, eur(600), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    for _ in 0..8 {
        shop.pass(Duration::minutes(1));
        shop.test.run_jobs().await;
    }
    let told = shop.parcels();
    assert_eq!(told.len(), 2, "{told:?}");
    let captures = shop.sandbox.books().captures;
    for parcel in told {
        assert_eq!(captures[&parcel.capture_id].amount.minor, 600);
        assert_eq!(
            (&parcel.request["carrier"], &parcel.request["status"]),
            (&json!("DE_DHL"), &json!("SHIPPED"))
        );
    }
    shop.check_exchanges();
}

#[tokio::test]
async fn no_parcel_is_told_of_what_was_given_up() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    ship(&shop, payment, "00340434161094000017").await;
    shop.cancel(payment).await;
    shop.until_state(payment, PaymentState::Cancelled).await;
    shop.pass(Duration::hours(2));
    shop.test.run_jobs().await;
    assert!(shop.parcels().is_empty());
    assert!(!shop.sandbox.exchanges().iter().any(|exchange| exchange.target.ends_with("/track")));
}
