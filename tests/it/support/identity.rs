//! Callers for tests: shoppers with a device, staff with roles, partners with keys.

use aisle::identity::device::DeviceKey;
use aisle::identity::{Grant, Role, Scope, StaffInput, create_partner_key, create_staff};
use aisle::ids::StoreId;
use secrecy::ExposeSecret;

use super::{Answer, TestApp};

/// A master key for tests: 32 zero bytes.
pub const MASTER_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// Every test account's password.
pub const PASSWORD: &str = "correct horse battery";

/// A shopper who is signed in on a device of their own.
pub struct ShopperActor {
    /// The shopper, as the API names it.
    pub id: String,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh: String,
    /// The device's key.
    pub device: DeviceKey,
}

impl TestApp {
    /// A new shopper, signed in over HTTP.
    pub async fn shopper(&self) -> ShopperActor {
        let device = DeviceKey::generate(&self.app.random);
        let tokens = self.sign_in(&device).await.expect(200);
        let [id, token, refresh] =
            ["/shopper", "/access_token", "/refresh_token"].map(|name| tokens.text(name).to_owned());
        ShopperActor { id, token, refresh, device }
    }

    /// Signs a device in as a guest.
    pub async fn sign_in(&self, device: &DeviceKey) -> Answer {
        self.post("/v1/auth/guest", &device.sign_in(self.app.identity.issuer(), self.app.clock.now()))
            .send()
            .await
    }

    /// The access token of a new staff member with this role in these stores (`*` for all).
    pub async fn staff(&self, role: Role, stores: &[&str]) -> String {
        let login = self.account(role, stores).await;
        self.sign_in_staff(&login, PASSWORD).await.expect(200).text("/access_token").to_owned()
    }

    /// The login of a new staff account with this role in these stores; its password is [`PASSWORD`].
    pub async fn account(&self, role: Role, stores: &[&str]) -> String {
        let login = format!("{role}-{:016x}", u64::from_le_bytes(self.app.random.bytes()));
        let grants =
            stores.iter().map(|store| Grant { store: store.parse().expect("stores"), role }).collect();
        let input =
            StaffInput { login: login.clone(), password: Some(PASSWORD.into()), active: true, grants };
        create_staff(&self.app, input).await.expect("an account");
        login
    }

    /// Signs staff in over HTTP.
    pub async fn sign_in_staff(&self, login: &str, password: &str) -> Answer {
        self.post("/v1/auth/staff", &serde_json::json!({ "login": login, "password": password })).send().await
    }

    /// The key of a new partner with these scopes, for all stores.
    pub async fn partner(&self, scopes: &[Scope]) -> String {
        self.partner_of(scopes, None).await
    }

    /// The key of a new partner with these scopes, for one store: a gate.
    pub async fn gate(&self, store: &str) -> String {
        self.partner_of(&[Scope::ExitVerify], Some(store.parse().expect("a store"))).await
    }

    /// The key of a new partner with these scopes, for one store or all.
    pub async fn partner_of(&self, scopes: &[Scope], store: Option<StoreId>) -> String {
        let (_, key) =
            create_partner_key(&self.app, "a partner", scopes, store).await.expect("a partner with a key");
        key.expose_secret().to_owned()
    }
}
