//! A whole shop: the service over a small catalogue, with PayPal's and DHL's sandboxes beside it.

use aisle::identity::Role;
use aisle::ids::{CartId, CheckoutId, EventId, MethodId, OrderId};
use aisle::money::Money;
use aisle::sandbox::dhl::{Sandbox as Dhl, Settings as DhlSettings};
use aisle::sandbox::paypal::{Controls, Sandbox as PayPal, WebhookTarget};
use serde_json::{Value, json};

use super::catalog::STORE;
use super::identity::ShopperActor;
use super::payments::{WEBHOOK_ID, sandbox};
use super::{Answer, TestApp, start_of_time};

/// Rounds of jobs, a second apart, after which something counts as stuck.
const ROUNDS_MAX: usize = 60;

/// A shop with its partners.
pub struct Shop {
    pub test: TestApp,
    pub paypal: PayPal,
    pub dhl: Dhl,
    variables: Vec<(&'static str, String)>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with::<&str>(&[]).await
    }

    /// A shop whose service has these settings besides.
    pub async fn open_with<V: AsRef<str>>(settings: &[(&'static str, V)]) -> Self {
        let more = settings.iter().map(|(name, value)| (*name, value.as_ref().to_owned()));
        let (paypal, mut variables) = sandbox().await;
        let settings = DhlSettings { clock_stands_at: Some(start_of_time()), ..DhlSettings::local() };
        let dhl = Dhl::start(settings.clone()).await.expect("a sandbox");
        variables.extend(settings.for_service(dhl.url()));
        variables.extend(more);
        let pairs: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let test = TestApp::with(&pairs).await;
        paypal.set_webhook_controls(Controls { hold: true, ..Controls::default() });
        let url = format!("{}/v1/webhooks/payments/paypal", test.url());
        paypal.set_webhook(WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
        test.seed_catalog().await;
        Self { test, paypal, dhl, variables }
    }

    /// The variables of the service, one of them changed.
    pub fn variables_with<'a>(&'a self, name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        let others = self.variables.iter().filter(|(each, _)| *each != name);
        others.map(|(each, text)| (*each, text.as_str())).chain([(name, value)]).collect()
    }

    /// A shopper who is signed in, without an account to debit.
    pub async fn shopper(&self) -> Shopper<'_> {
        let actor = self.test.shopper().await;
        Shopper { shop: self, actor, method: self.test.app.ids.next() }
    }

    /// A shopper whose account at PayPal has this e-mail address.
    pub async fn payer(&self, email: &str) -> Shopper<'_> {
        let mut shopper = self.shopper().await;
        shopper.method = shopper.link(email).await;
        shopper
    }

    /// Works jobs off, a second apart, until `done`.
    pub async fn until(&self, mut done: impl AsyncFnMut() -> bool) {
        for _ in 0..ROUNDS_MAX {
            self.test.run_jobs().await;
            if done().await {
                return;
            }
            self.test.advance(chrono::Duration::seconds(1));
        }
        panic!("still not done after {ROUNDS_MAX} rounds");
    }
}

/// Somebody who shops.
pub struct Shopper<'a> {
    pub shop: &'a Shop,
    pub actor: ShopperActor,
    pub method: MethodId,
}

impl Shopper<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.shop.test.get(path).bearer(&self.actor.token).send().await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.shop.test.put(path, body).bearer(&self.actor.token).send().await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.shop.test.post(path, body).bearer(&self.actor.token).send().await
    }

    /// Links an account at PayPal that has this e-mail address.
    pub async fn link(&self, email: &str) -> MethodId {
        let method: MethodId = self.shop.test.app.ids.next();
        let path = format!("/v1/payment-methods/{method}");
        let body = json!({"provider": "paypal", "return_url": "aisle://app/linked"});
        self.put(&path, &body).await.expect(202);
        self.shop.test.run_jobs().await;
        let linking = self.get(&path).await.expect(200);
        assert!(self.shop.paypal.approve(linking.text("/approve_url"), email));
        self.post(&format!("{path}/confirm"), &json!({})).await.expect(202);
        self.shop.test.run_jobs().await;
        assert_eq!(self.get(&path).await.expect(200).text("/state"), "active");
        method
    }

    /// Signs in again on the same phone, after the access token has run out.
    pub async fn sign_in_again(&mut self) {
        let tokens = self.shop.test.sign_in(&self.actor.device).await.expect(200);
        tokens.text("/access_token").clone_into(&mut self.actor.token);
    }

    /// Begins a trip in the store.
    pub async fn check_in(&self) -> CartId {
        let cart: CartId = self.shop.test.app.ids.next();
        self.put(&format!("/v1/carts/{cart}"), &json!({"store": STORE})).await.expect(201);
        cart
    }

    /// Staff hand the parcel of an order to the courier.
    pub async fn hand_over(&self, order: OrderId) {
        let shipment = self.read_order(order).await.text("/shipment").to_owned();
        let staff = self.shop.test.staff(Role::Clerk, &[STORE]).await;
        let path = format!("/v1/shipments/{shipment}/hand-over");
        self.shop.test.post(&path, &json!({})).bearer(&staff).send().await.expect(200);
    }

    /// Scans these codes in one batch.
    pub async fn scan(&self, cart: CartId, codes: &[&str]) -> Answer {
        let events: Vec<Value> =
            codes.iter().map(|code| scanned(self.shop.test.app.ids.next(), code)).collect();
        self.post(&format!("/v1/carts/{cart}/scans"), &json!({"events": events})).await
    }

    /// The cart as it is now.
    pub async fn cart(&self, cart: CartId) -> Answer {
        self.get(&format!("/v1/carts/{cart}")).await.expect(200)
    }

    /// Checks in and scans these codes.
    pub async fn fill(&self, codes: &[&str]) -> CartId {
        let cart = self.check_in().await;
        let answer = self.scan(cart, codes).await.expect(200);
        assert!(
            answer.json["results"]
                .as_array()
                .expect("results")
                .iter()
                .all(|each| each["outcome"] == "applied")
        );
        cart
    }

    /// A quote for the cart as it is, with these lines delivered.
    pub async fn place(&self, cart: CartId, delivered: &[i64]) -> (CheckoutId, Answer) {
        let version = self.cart(cart).await.number("/version");
        let checkout: CheckoutId = self.shop.test.app.ids.next();
        let body = self.placement(cart, version, delivered);
        (checkout, self.put(&format!("/v1/checkouts/{checkout}"), &body).await)
    }

    pub fn placement(&self, cart: CartId, version: i64, delivered: &[i64]) -> Value {
        let mut body = json!({"cart": cart, "cart_version": version, "payment_method": self.method});
        if !delivered.is_empty() {
            body["deliver"] = json!({"lines": delivered, "recipient": recipient()});
        }
        body
    }

    /// The yes to the quote.
    pub async fn pay(&self, checkout: CheckoutId, total: Money) -> Answer {
        self.post(&format!("/v1/checkouts/{checkout}/pay"), &json!({"total": total})).await
    }

    pub async fn checkout(&self, checkout: CheckoutId) -> Answer {
        self.get(&format!("/v1/checkouts/{checkout}")).await.expect(200)
    }

    /// Places, says yes and works jobs off until the checkout is no longer being paid.
    pub async fn buy(&self, cart: CartId, delivered: &[i64]) -> Answer {
        let (checkout, placed) = self.place(cart, delivered).await;
        let total = placed.expect(201).json["quote"]["total"].clone();
        self.pay(checkout, serde_json::from_value(total).expect("money")).await;
        self.shop.until(async || self.checkout(checkout).await.text("/state") != "paying").await;
        self.checkout(checkout).await
    }

    /// Buys and answers the order.
    pub async fn order(&self, cart: CartId, delivered: &[i64]) -> OrderId {
        self.buy(cart, delivered).await.text("/order").parse().expect("an order")
    }

    pub async fn read_order(&self, order: OrderId) -> Answer {
        self.get(&format!("/v1/orders/{order}")).await.expect(200)
    }
}

/// A scan as the app sends it.
pub fn scanned(id: EventId, code: &str) -> Value {
    json!({"type": "scan", "id": id, "code": code})
}

/// Where deliveries go.
pub fn recipient() -> Value {
    json!({"name": "Mária Müller", "street": "Friedrichstraße", "house_number": "10", "postal_code": "10117",
        "city": "Berlin", "country": "DE"})
}
