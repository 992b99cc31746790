//! Who calls: sign-in, tokens, roles and keys, seen from outside.

use aisle::identity::{Role, Scope};
use serde_json::json;

use crate::support::TestApp;

#[tokio::test]
async fn the_same_device_is_the_same_shopper() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let again = test.sign_in(&shopper.device).await.expect(200);
    assert_eq!(again.text("/shopper"), shopper.id);
    assert_eq!(again.headers["cache-control"], "no-store");
    assert_ne!(test.shopper().await.id, shopper.id);
}

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
