//! A shop that is paid through the Klarna sandbox: both sides on loopback, jobs and callbacks only when the test says so.

use aisle::ids::{CheckoutId, MethodId, PaymentId, ShopperId};
use aisle::payments::{self, LineTax, Payment, PaymentLine, PaymentLineKind, PaymentState, Start};
use aisle::sandbox::klarna::{Order, OrderStatus, Sandbox};
use serde_json::{Value, json};

use super::identity::ShopperActor;
use super::klarna::{API_KEY, PASSWORD, USERNAME, sandbox};
use super::payments::eur;
use super::{Answer, TestApp};
use crate::contract::klarna::assert_kept;

/// A service and its Klarna.
pub struct KlarnaShop {
    pub test: TestApp,
    pub sandbox: Sandbox,
}

/// The variables that make a service use this Klarna.
pub fn variables(sandbox: &Sandbox) -> Vec<(&'static str, String)> {
    vec![
        ("AISLE_KLARNA_URL", sandbox.url()),
        ("AISLE_KLARNA_USERNAME", USERNAME.to_owned()),
        ("AISLE_KLARNA_PASSWORD", PASSWORD.to_owned()),
        ("AISLE_KLARNA_COUNTRY", "DE".to_owned()),
        ("AISLE_KLARNA_CURRENCY", "EUR".to_owned()),
        ("AISLE_KLARNA_SESSION_LIMIT", "100000".to_owned()),
        ("AISLE_KLARNA_CALL_LIMIT", "100000".to_owned()),
        ("AISLE_APP_LINKS", "aisle://app".to_owned()),
    ]
}

/// The variables with some changed; an empty value leaves one out.
pub fn changed<'a>(
    variables: &'a [(&'static str, String)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let others = variables.iter().filter(|(name, _)| !changes.iter().any(|(other, _)| other == name));
    let pairs = others.map(|(name, value)| (*name, value.as_str())).chain(changes.iter().copied());
    pairs.filter(|(_, value)| !value.is_empty()).collect()
}

/// The other kind of credentials.
pub const BY_KEY: [(&str, &str); 3] =
    [("AISLE_KLARNA_API_KEY", API_KEY), ("AISLE_KLARNA_USERNAME", ""), ("AISLE_KLARNA_PASSWORD", "")];

impl KlarnaShop {
    pub async fn open() -> Self {
        Self::open_with(&[]).await
    }

    pub async fn open_with(changes: &[(&str, &str)]) -> Self {
        let sandbox = sandbox().await;
        let variables = variables(&sandbox);
        let test = TestApp::with(&changed(&variables, changes)).await;
        Self { test, sandbox }
    }

    /// Moves both clocks on.
    pub fn advance(&self, by: chrono::Duration) {
        self.test.advance(by);
        self.sandbox.advance_seconds(by.num_seconds());
    }

    /// A shopper with a linked account of this e-mail address.
    pub async fn payer(&self, email: &str) -> Payer<'_> {
        let actor = self.test.shopper().await;
        let payer = Payer { shop: self, actor, method: self.test.app.ids.next() };
        let page = payer.begin_link(&json!({"provider": "klarna"})).await;
        assert!(self.sandbox.approve(&page, email));
        payer.confirm().await;
        assert_eq!(payer.read_method().await.text("/state"), "active");
        payer
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

    /// Cancels an order as the merchant does in Klarna's portal.
    pub async fn cancel_by_hand(&self, order: &str) {
        assert_eq!(self.by_hand(order, "cancel", &Value::Null).await, 204);
    }

    /// Captures part of Klarna's only order as the merchant does in Klarna's portal.
    pub async fn capture_by_hand(&self, amount: i64) {
        let order = self.order().id;
        let body = serde_json::json!({"captured_amount": amount});
        assert_eq!(self.by_hand(&order, "captures", &body).await, 201);
    }

    async fn by_hand(&self, order: &str, verb: &str, body: &Value) -> u16 {
        let url = format!("{}/ordermanagement/v1/orders/{order}/{verb}", self.sandbox.url());
        let call =
            super::client().post(url).basic_auth(USERNAME, Some(PASSWORD)).header("user-agent", "portal");
        let call = call.header("klarna-idempotency-key", format!("{verb} by hand"));
        let call = if body.is_null() { call } else { call.json(body) };
        call.send().await.expect("an answer").status().as_u16()
    }

    /// Klarna's only order.
    pub fn order(&self) -> Order {
        let books = self.sandbox.books();
        assert_eq!(books.orders.len(), 1, "one order");
        books.orders.into_values().next().expect("an order")
    }

    /// What Klarna captured from its shoppers and did not give back.
    pub fn debited(&self) -> i64 {
        let sums = |order: &Order| {
            let captured: i64 = order.captures.iter().map(|capture| capture.amount).sum();
            captured - order.refunds.iter().map(|refund| refund.amount).sum::<i64>()
        };
        self.sandbox.books().orders.values().map(sums).sum()
    }

    /// Orders of which something can still be captured.
    pub fn open_holds(&self) -> usize {
        let is_open =
            |order: &&Order| matches!(order.status, OrderStatus::Authorized | OrderStatus::PartCaptured);
        self.sandbox.books().orders.values().filter(is_open).count()
    }

    /// The id of the only customer token.
    pub fn token(&self) -> String {
        let books = self.sandbox.books();
        assert_eq!(books.customer_tokens.len(), 1, "one token");
        books.customer_tokens.keys().next().expect("a token").clone()
    }

    /// How often Klarna was asked for this operation.
    pub fn calls(&self, operation: &str) -> usize {
        self.sandbox.exchanges().iter().filter(|one| one.operation == operation).count()
    }

    /// Holds every exchange against Klarna's own specifications, and that whatever takes a key has one, that we say who we are,
    /// and that what moves money carries a name of ours.
    pub fn check_exchanges(&self) {
        for exchange in self.sandbox.exchanges() {
            let has = |name: &str| {
                exchange.request_headers.iter().any(|(header, _)| header.eq_ignore_ascii_case(name))
            };
            assert!(has("user-agent"), "{}", exchange.target);
            let takes_key = exchange.method != "GET"
                && (exchange.target.starts_with("/ordermanagement/") || exchange.operation == "tokens.order");
            assert!(has("klarna-idempotency-key") || !takes_key, "{} without a key", exchange.target);
            let body: Value = serde_json::from_slice(&exchange.request_body).unwrap_or_default();
            let name = match exchange.operation {
                "captures.create" | "refunds.create" => &body["reference"],
                "tokens.order" | "authorizations.order" => &body["merchant_reference2"],
                _ => continue,
            };
            let is_ours = name.as_str().is_some_and(|name| name.parse::<uuid::Uuid>().is_ok());
            assert!(is_ours, "{} without a name of ours", exchange.target);
        }
        assert_kept(&self.sandbox);
    }
}

/// A shopper with an account at Klarna.
pub struct Payer<'a> {
    pub shop: &'a KlarnaShop,
    pub actor: ShopperActor,
    pub method: MethodId,
}

impl Payer<'_> {
    pub fn path(&self) -> String {
        format!("/v1/payment-methods/{}", self.method)
    }

    /// Begins a link; answers the address of Klarna's page.
    pub async fn begin_link(&self, body: &Value) -> String {
        let test = &self.shop.test;
        test.put(&self.path(), body).bearer(&self.actor.token).send().await.expect(202);
        test.run_jobs().await;
        self.read_method().await.text("/approve_url").to_owned()
    }

    /// The app says that the shopper came back.
    pub async fn confirm(&self) {
        let test = &self.shop.test;
        // Klarna is not asked twice within two seconds.
        test.advance(chrono::Duration::seconds(2));
        test.post(&format!("{}/confirm", self.path()), &json!({})).bearer(&self.actor.token).send().await;
        test.run_jobs().await;
    }

    pub async fn read_method(&self) -> Answer {
        self.shop.test.get(&self.path()).bearer(&self.actor.token).send().await.expect(200)
    }

    /// Signs in again on the same phone, after the access token has run out.
    pub async fn sign_in_again(&mut self) {
        let tokens = self.shop.test.sign_in(&self.actor.device).await.expect(200);
        tokens.text("/access_token").clone_into(&mut self.actor.token);
    }

    /// Asks to be paid by this shopper; jobs have yet to run.
    pub async fn pay(&self, total: i64, due_now: i64) -> PaymentId {
        self.try_pay(total, due_now).await.expect("a payment is started")
    }

    pub async fn try_pay(&self, total: i64, due_now: i64) -> Result<PaymentId, payments::Error> {
        let rate = "19".parse().expect("a rate");
        let goods = PaymentLine::new(PaymentLineKind::Goods, "Milk 1 l", 1, eur(total + 50))
            .with_discount(eur(20))
            .expect("fits");
        let amount = goods.amount;
        let tax = amount.minor() * 19 / 119;
        let goods = goods.with_tax(Some(LineTax { rate, amount: eur(tax) }));
        let voucher = PaymentLine::new(PaymentLineKind::GiftCard, "Deposit voucher", 1, eur(-30));
        self.pay_for(vec![goods, voucher], total, due_now).await
    }

    /// As [`Payer::try_pay`], for these lines.
    pub async fn pay_for(
        &self,
        lines: Vec<PaymentLine>,
        total: i64,
        due_now: i64,
    ) -> Result<PaymentId, payments::Error> {
        let app = &self.shop.test.app;
        let payment: PaymentId = app.ids.next();
        let checkout: CheckoutId = app.ids.next();
        let shopper: ShopperId = self.actor.id.parse().expect("an id");
        let start = Start {
            debt: None,
            payment,
            checkout,
            shopper,
            method: self.method,
            total: eur(total),
            due_now: eur(due_now),
            lines,
            reference: "A-17".to_owned(),
            country: Some("DE".to_owned()),
            return_url: "aisle://app/paid".to_owned(),
            device_session: None,
        };
        let mut tx = app.db.begin().await?;
        payments::start(app, &mut tx, app.clock.now(), start).await?;
        tx.commit().await?;
        Ok(payment)
    }
}
