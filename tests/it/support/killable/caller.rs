//! Somebody who calls a service that may be dead: signs in again when a token has run out, and asks again when there was no
//! answer.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aisle::clock::Clock;
use aisle::identity::device::DeviceKey;
use aisle::random::Random;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, PUBLIC_URL, Shop};

/// A service that does not answer for so long is not coming back.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(25);

/// A caller with credentials.
pub struct Caller<'a> {
    shop: &'a Shop,
    credentials: Credentials,
    token: Mutex<String>,
}

enum Credentials {
    Device(Box<DeviceKey>),
    Login { login: &'static str, password: &'static str },
}

impl<'a> Caller<'a> {
    pub(super) async fn shopper(shop: &'a Shop) -> Self {
        let device = Box::new(DeviceKey::generate(&Random::System));
        Self::signed_in(shop, Credentials::Device(device)).await
    }

    pub(super) async fn staff(shop: &'a Shop, login: &'static str, password: &'static str) -> Self {
        Self::signed_in(shop, Credentials::Login { login, password }).await
    }

    async fn signed_in(shop: &'a Shop, credentials: Credentials) -> Self {
        let caller = Self { shop, credentials, token: Mutex::default() };
        caller.patiently(async || caller.sign_in().await).await;
        caller
    }

    /// A call; nothing when the connection broke.
    pub async fn call(&self, method: Method, path: &str, body: &Value) -> Option<Answer> {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let answer = self.shop.request(&token, method.clone(), path, body).await?;
        if answer.0 != 401 {
            return Some(answer);
        }
        self.sign_in().await?;
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.shop.request(&token, method, path, body).await
    }

    /// A call that must be answered at once, with this status.
    pub async fn must(&self, method: Method, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.call(method, path, body).await;
        let Some((got, body)) = answer else { panic!("{path}: no answer\n{}", self.shop.log()) };
        assert_eq!(got, status, "{path}: {body}\n{}", self.shop.log());
        body
    }

    /// A call that is made again, just as it was, until there is an answer: what an app does that got none.
    pub async fn insist(&self, method: Method, path: &str, body: &Value) -> Answer {
        let call = async || match self.call(method.clone(), path, body).await {
            // Past its limits, or its database is: the answer says to come again.
            Some((503 | 429, _)) | None => None,
            Some(answer) => Some(answer),
        };
        self.patiently(call).await
    }

    /// Links an account of this payer at PayPal; insists.
    pub async fn link(&self, email: &str) -> Uuid {
        self.link_at("paypal", email).await
    }

    /// Links an account of this payer at a provider; insists.
    pub async fn link_at(&self, provider: &str, email: &str) -> Uuid {
        let method: Uuid = self.shop.ids.next();
        let path = format!("/v1/payment-methods/{method}");
        let asked = json!({"provider": provider});
        self.patiently(async || {
            let (_, linking) = self.insist(Method::PUT, &path, &asked).await;
            let page = linking["approve_url"].as_str()?;
            self.shop.approve(page, email).then_some(())
        })
        .await;
        self.patiently(async || {
            let (_, linked) = self.insist(Method::POST, &format!("{path}/confirm"), &Value::Null).await;
            (linked["state"] == "active").then_some(())
        })
        .await;
        method
    }

    async fn sign_in(&self) -> Option<()> {
        let (path, body) = match &self.credentials {
            Credentials::Device(device) => {
                ("/v1/auth/guest", device.sign_in(PUBLIC_URL, Clock::System.now()))
            }
            Credentials::Login { login, password } => {
                ("/v1/auth/staff", json!({"login": login, "password": password}))
            }
        };
        let (_, tokens) = self.shop.request("", Method::POST, path, &body).await?;
        let token = tokens["access_token"].as_str()?;
        token.clone_into(&mut self.token.lock().unwrap_or_else(PoisonError::into_inner));
        Some(())
    }

    async fn patiently<T>(&self, mut work: impl AsyncFnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        let mut ticks = tokio::time::interval(PAUSE);
        loop {
            if let Some(done) = work().await {
                return done;
            }
            assert!(Instant::now() < end, "the service does not answer\n{}", self.shop.log());
            ticks.tick().await;
        }
    }
}
