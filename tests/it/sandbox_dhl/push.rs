//! Subscriptions: who is told of what happens.

use reqwest::Method;
use serde_json::json;

use super::{Caller, answer};

#[tokio::test]
async fn who_subscribes_is_told_of_what_happens_once_the_secret_came_back() {
    let caller = Caller::new().await;
    let number = caller.book("ORDER-0001").await;
    let subscription = |account: &str, uri: &str| {
        json!({
            "hook": { "uri": uri }, "format": "Default", "type": "Account", "service": "parcel-de",
            "events": ["Transit", "Delivered"], "accountID": account,
        })
    };
    let push = "/tracking/push/v1/subscription";
    let call = |method: Method, path: &str| {
        caller.request(method, path).header("dhl-api-key", &caller.settings.api_key)
    };
    answer(caller.request(Method::POST, push).json(&subscription("3333333333", "http://127.0.0.1:1")))
        .await
        .expect(401);
    for (name, value) in [("type", "All"), ("service", "express"), ("format", "XML"), ("accountID", "")] {
        let mut wrong = subscription("3333333333", "http://127.0.0.1:1");
        wrong[name] = json!(value);
        answer(call(Method::POST, push).json(&wrong)).await.expect(400);
    }
    let mine = subscription("3333333333", "http://127.0.0.1:1");
    let made = answer(call(Method::POST, push).json(&mine)).await.expect(201);
    let path = format!("{push}/{}", made.text("/id"));
    caller.sandbox.advance(&number).expect("the parcel moves");
    answer(call(Method::POST, &path).header("dhl-api-hook-secret", "guessed")).await.expect(401);
    let secret = caller.sandbox.books().pushes.subscriptions[0].secret.clone();
    answer(call(Method::POST, &path).header("dhl-api-hook-secret", &secret)).await.expect(204);
    caller.sandbox.advance(&number).expect("the parcel moves");
    let messages = caller.sandbox.books().pushes.messages;
    let scopes: Vec<&str> = messages.iter().map(|message| message.scope.as_str()).collect();
    assert_eq!(scopes, ["subscription.validate", "subscription.push"], "without what happened before");
    assert_eq!(answer(call(Method::GET, &path)).await.expect(200).text("/status"), "active");
    answer(call(Method::DELETE, &path)).await.expect(204);
    answer(call(Method::DELETE, &path)).await.expect(404);
    let all = answer(call(Method::GET, "/tracking/push/v1/subscriptions")).await.expect(200);
    assert_eq!(all.json, json!([]));
    caller.sandbox.advance(&number).expect("the parcel moves");
    assert_eq!(caller.sandbox.books().pushes.messages.len(), 2);
}
