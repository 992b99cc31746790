//! Who calls: sign-in, tokens, roles and keys, seen from outside.

mod accounts;
mod oidc;
mod sessions;
mod tokens;

use aisle::identity::{Role, Scope};
use serde_json::{Value, json};

use crate::support::TestApp;

/// A route that shows who is known: 403 to a known shopper, 401 to nobody.
const STAFF_ROUTE: &str = "/v1/staff/00000000-0000-0000-0000-000000000001";

#[tokio::test]
async fn callers_are_told_apart() {
    let test = TestApp::new().await;
    let path = format!("/v1/partners/{}", uuid::Uuid::from_u128(1));
    let body = json!({ "name": "ERP", "active": true });
    let shopper = test.shopper().await;
    let partner = test.partner(&[Scope::CatalogWrite]).await;
    let clerk = test.staff(Role::Clerk, &["*"]).await;
    let admin = test.staff(Role::Admin, &["*"]).await;
    let nobody = test.put(&path, &body).send().await.problem(401, "unauthenticated");
    assert_eq!(nobody.headers["www-authenticate"], "Bearer");
    test.put(&path, &body).bearer(&shopper.token).send().await.problem(403, "other_caller");
    test.put(&path, &body).bearer(&partner).send().await.problem(403, "other_caller");
    test.put(&path, &body).bearer(&clerk).send().await.problem(403, "role_missing");
    test.put(&path, &body).bearer(&admin).send().await.expect(201);
    test.put(&path, &body).bearer(&admin).send().await.expect(200);
}

/// The second part of a token, read.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(1).expect("a second part");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
