//! A shop that is paid through the PayPal sandbox: both sides on loopback, jobs and webhooks only when the test says so.

use aisle::db::Tx;
use aisle::ids::{CheckoutId, MethodId, PaymentId, RefundId, ShopperId};
use aisle::money::{Currency, Money};
use aisle::payments::{self, Payment, PaymentLine, PaymentLineKind, PaymentState, Start};
use aisle::sandbox::paypal::{Controls, Sandbox, Settings, WebhookTarget};
use serde_json::json;

use super::TestApp;
use super::identity::ShopperActor;
use crate::contract::files::assert_kept;
use crate::contract::paypal::specifications;

/// The id of our subscription at the sandbox.
pub const WEBHOOK_ID: &str = "1AB23456CD789012E";
/// Euros in cents.
pub fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// The proof of an event, by header, and its body.
pub type Signed = (Vec<(String, String)>, String);

/// A service and its PayPal.
pub struct PaidShop {
    pub test: TestApp,
    pub sandbox: Sandbox,
    variables: Vec<(&'static str, String)>,
}

/// A running sandbox and the variables that make a service use it.
pub async fn sandbox() -> (Sandbox, Vec<(&'static str, String)>) {
    let settings = Settings {
        bind: "127.0.0.1:0".parse().expect("an address"),
        client_id: "shop".to_owned(),
        client_secret: "secret".to_owned(),
        webhook: None,
        state_file: None,
    };
    let sandbox = Sandbox::start(settings).await.expect("a sandbox");
    let host = sandbox.url().trim_start_matches("http://").to_owned();
    let variables = vec![
        ("AISLE_PAYPAL_URL", sandbox.url()),
        ("AISLE_PAYPAL_CLIENT_ID", "shop".to_owned()),
        ("AISLE_PAYPAL_CLIENT_SECRET", "secret".to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ID", WEBHOOK_ID.to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ROOTS", sandbox.root_certificate_pem()),
        ("AISLE_PAYPAL_CERT_HOSTS", host),
        ("AISLE_APP_LINKS", "aisle://app".to_owned()),
    ];
    (sandbox, variables)
}

impl PaidShop {
    pub async fn open() -> Self {
        let (sandbox, variables) = sandbox().await;
        Self::over(sandbox, variables).await
    }

    async fn over(sandbox: Sandbox, variables: Vec<(&'static str, String)>) -> Self {
        let pairs: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let test = TestApp::with(&pairs).await;
        sandbox.set_time(test.app.clock.now());
        sandbox.set_webhook_controls(Controls { hold: true, ..Controls::default() });
        let url = format!("{}/v1/webhooks/payments/paypal", test.url());
        sandbox.set_webhook(WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
        Self { test, sandbox, variables }
    }

    /// As [`PaidShop::open`], with one variable more.
    pub async fn open_with(name: &'static str, value: &str) -> Self {
        let (sandbox, mut variables) = sandbox().await;
        variables.push((name, value.to_owned()));
        Self::over(sandbox, variables).await
    }

    /// A debit at the same PayPal account that is not ours: its capture.
    pub async fn charge_elsewhere(&self, minor: i64) -> String {
        let client = super::client();
        let url = self.sandbox.url();
        let token = client
            .post(format!("{url}/v1/oauth2/token"))
            .basic_auth("shop", Some("secret"))
            .form(&[("grant_type", "client_credentials")]);
        let token: serde_json::Value = token.send().await.expect("a token").json().await.expect("a token");
        let vault_id = self.sandbox.books().payment_tokens.keys().next().expect("a saved account").clone();
        let value = format!("{}.{:02}", minor / 100, minor % 100);
        let order = client
            .post(format!("{url}/v2/checkout/orders"))
            .bearer_auth(token["access_token"].as_str().expect("a token"))
            .header("PayPal-Request-Id", "elsewhere")
            .header("Prefer", "return=representation")
            .json(&json!({
                "intent": "CAPTURE",
                "purchase_units": [{"amount": {"currency_code": "EUR", "value": value}, "invoice_id": "theirs"}],
                "payment_source": {"paypal": {"vault_id": vault_id}},
            }));
        let order: serde_json::Value = order.send().await.expect("an order").json().await.expect("an order");
        order["purchase_units"][0]["payments"]["captures"][0]["id"].as_str().expect("a capture").to_owned()
    }

    /// The variables of the service, one of them changed.
    pub fn variables_with<'a>(&'a self, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let others = self.variables.iter().filter(|(each, _)| *each != name);
        others.map(|(each, text)| (*each, text.as_str())).chain([(name, value)]).collect()
    }

    /// Gives back part of the one capture as the merchant does on PayPal's pages: without a name of ours.
    pub async fn refund_by_hand(&self, minor: i64) -> String {
        let client = super::client();
        let url = self.sandbox.url();
        let token = client
            .post(format!("{url}/v1/oauth2/token"))
            .basic_auth("shop", Some("secret"))
            .form(&[("grant_type", "client_credentials")]);
        let token: serde_json::Value = token.send().await.expect("a token").json().await.expect("a token");
        let capture = self.sandbox.books().captures.keys().next().expect("a capture").clone();
        let amount = json!({"currency_code": "EUR", "value": format!("{}.{:02}", minor / 100, minor % 100)});
        let refund = client
            .post(format!("{url}/v2/payments/captures/{capture}/refund"))
            .bearer_auth(token["access_token"].as_str().expect("a token"))
            .header("PayPal-Request-Id", "by hand")
            .json(&json!({"amount": amount}));
        let refund: serde_json::Value =
            refund.send().await.expect("a refund").json().await.expect("a refund");
        refund["id"].as_str().expect("an id").to_owned()
    }

    /// A shopper with a linked account of this payer.
    pub async fn payer(&self, email: &str) -> Payer<'_> {
        let actor = self.test.shopper().await;
        let method: MethodId = self.test.app.ids.next();
        let path = format!("/v1/payment-methods/{method}");
        let body = json!({"provider": "paypal", "return_url": "aisle://app/linked"});
        self.test.put(&path, &body).bearer(&actor.token).send().await.expect(202);
        self.test.run_jobs().await;
        let linking = self.test.get(&path).bearer(&actor.token).send().await.expect(200);
        assert!(self.sandbox.approve(linking.text("/approve_url"), email));
        self.test.post(&format!("{path}/confirm"), &json!({})).bearer(&actor.token).send().await.expect(202);
        self.test.run_jobs().await;
        let linked = self.test.get(&path).bearer(&actor.token).send().await.expect(200);
        assert_eq!(linked.text("/state"), "active");
        Payer { shop: self, actor, method }
    }

    /// Lets time pass, here and at PayPal.
    pub fn pass(&self, time: chrono::Duration) {
        self.test.advance(time);
        self.sandbox.advance_seconds(time.num_seconds());
    }

    /// Works jobs off, a second apart, until the payment is as far as meant.
    pub async fn until(&self, payment: PaymentId, is_far: impl Fn(&Payment) -> bool) -> Payment {
        self.test.until_payment(payment, is_far).await
    }

    /// Works jobs off until the payment is in this state.
    pub async fn until_state(&self, payment: PaymentId, state: PaymentState) -> Payment {
        self.until(payment, |found| found.state == state).await
    }

    pub async fn read(&self, payment: PaymentId) -> Payment {
        self.test.read_payment(payment).await
    }

    /// Gives a payment up.
    pub async fn cancel(&self, payment: PaymentId) {
        self.test.cancel(payment).await;
    }

    pub async fn capture(
        &self,
        payment: PaymentId,
        sequence: i64,
        amount: Money,
        last: bool,
    ) -> Result<(), payments::Error> {
        self.test.capture(payment, sequence, amount, last).await
    }

    pub async fn refund(
        &self,
        payment: PaymentId,
        refund: RefundId,
        amount: Money,
    ) -> Result<(), payments::Error> {
        self.test.refund(payment, refund, amount).await
    }

    /// The ledger's entries of a payment: kind and minor units, sorted.
    pub async fn facts(&self, payment: PaymentId) -> Vec<(String, i64)> {
        self.test.facts_of(payment).await
    }

    /// What PayPal's own books say was debited and not given back, in cents.
    pub fn debited(&self) -> i64 {
        use aisle::sandbox::paypal::{CaptureStatus, RefundStatus};
        let books = self.sandbox.books();
        let is_money = |status| !matches!(status, CaptureStatus::Declined | CaptureStatus::Pending);
        let captured: i64 = books
            .captures
            .values()
            .filter(|capture| is_money(capture.status))
            .map(|one| one.amount.minor)
            .sum();
        let refunded: i64 = books
            .refunds
            .values()
            .filter(|refund| refund.status == RefundStatus::Completed)
            .map(|one| one.amount.minor)
            .sum();
        captured - refunded
    }

    /// What PayPal still holds for us, in holds that were not let go of.
    pub fn open_holds(&self) -> usize {
        use aisle::sandbox::paypal::AuthorizationStatus::{Created, PartiallyCaptured};
        let books = self.sandbox.books();
        books.authorizations.values().filter(|one| matches!(one.status, Created | PartiallyCaptured)).count()
    }

    /// Holds every answered exchange against PayPal's own specifications, and every key against its repeats.
    pub fn check_exchanges(&self) {
        let exchanges = self.sandbox.exchanges();
        for exchange in exchanges.iter().filter(|exchange| exchange.method == "POST") {
            let has_key = exchange
                .request_headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("paypal-request-id"));
            assert!(has_key || exchange.target.contains("oauth2"), "{} without a key", exchange.target);
        }
        assert_kept(specifications(), exchanges);
    }
}

/// A shopper who can be debited.
pub struct Payer<'a> {
    pub shop: &'a PaidShop,
    pub actor: ShopperActor,
    pub method: MethodId,
}

impl Payer<'_> {
    /// Asks to be paid by this shopper; jobs have yet to run.
    pub async fn pay(&self, total: i64, due_now: i64) -> PaymentId {
        self.try_pay(total, due_now).await.expect("a payment is started")
    }

    pub async fn try_pay(&self, total: i64, due_now: i64) -> Result<PaymentId, payments::Error> {
        let mut tx = self.shop.test.app.db.begin().await?;
        let payment = self.begin(&mut tx, total, due_now).await?;
        tx.commit().await?;
        Ok(payment)
    }

    /// Begins a payment in a transaction that is still open.
    pub async fn begin(&self, tx: &mut Tx, total: i64, due_now: i64) -> Result<PaymentId, payments::Error> {
        let app = &self.shop.test.app;
        let payment: PaymentId = app.ids.next();
        let checkout: CheckoutId = app.ids.next();
        let shopper: ShopperId = self.actor.id.parse().expect("an id");
        let start = Start {
            payment,
            checkout,
            debt: None,
            shopper,
            method: self.method,
            total: eur(total),
            due_now: eur(due_now),
            lines: vec![
                PaymentLine::new(PaymentLineKind::Goods, "Milk 1 l", 1, eur(total + 30))
                    .with_discount(eur(10))
                    .expect("fits"),
                PaymentLine::new(PaymentLineKind::GiftCard, "Deposit voucher", 1, eur(-20)),
            ],
            reference: "A-17".to_owned(),
            country: Some("DE".to_owned()),
            return_url: "aisle://app/paid".to_owned(),
            device_session: None,
        };
        payments::start(app, tx, app.clock.now(), start).await?;
        Ok(payment)
    }
}

impl PaidShop {
    /// The headers with which the sandbox delivers an event, as a receiver that records them sees them; with the body.
    pub async fn signed(&self, body: &str) -> Signed {
        use std::sync::{Arc, Mutex};
        let seen: Arc<Mutex<Vec<Signed>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let record = seen.clone();
        let receive = move |headers: axum::http::HeaderMap, body: String| async move {
            let headers = headers
                .iter()
                .filter(|(name, _)| name.as_str().starts_with("paypal-"))
                .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
                .collect();
            record.lock().expect("a lock").push((headers, body));
        };
        let router = axum::Router::new().route("/", axum::routing::post(receive));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        self.sandbox.set_webhook(WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
        self.sandbox.deliver_webhooks().await;
        let all = seen.lock().expect("a lock").clone();
        all.into_iter().find(|(_, seen)| seen == body).expect("the event was delivered")
    }
}
