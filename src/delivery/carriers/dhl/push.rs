//! Unified push: DHL tells by itself what happens to the parcels of an account.
//!
//! The service has no published file; this follows DHL's guide and what integrators report. A subscription begins with a
//! message that bears a secret, and stands once DHL has the secret back. Messages are not signed: they bear the token that
//! the subscription was asked for with, and say that something happened to parcels. DHL is asked what it was.

use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use super::DhlPush;
use crate::delivery::carrier::{CallError, Notice, NoticeError, Subject, Validation};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::secrets::prove;
use crate::hash::sha256_hex;

/// Where the token stands, as the subscription asks.
const TOKEN: &str = "x-aisle-token";
/// All that there are.
const EVENTS: [&str; 5] = ["Pre-Transit", "Transit", "Delivered", "Failure", "Unknown"];
/// Parcels of one message that are looked at: DHL sends one or a few.
const PARCELS_MAX: usize = 100;
/// Names of subscriptions and secrets are short.
const TEXT_LENGTH_MAX: usize = 200;

/// Another account or token is another subscription.
pub fn mark(push: &DhlPush) -> String {
    sha256_hex(format!("{}|{}", push.account, push.token.expose_secret()).as_bytes())
}

/// Asks to be told of all parcels of the account.
pub fn subscription(address: &str, push: &DhlPush) -> Value {
    let token = push.token.expose_secret();
    json!({
        "hook": {
            "uri": address,
            "authentication": { "type": "ApiKeyAuthentication", "header": TOKEN, "token": token },
        },
        "format": "Default",
        "type": "Account",
        "service": "parcel-de",
        "events": EVENTS,
        "accountID": push.account,
    })
}

/// The subscriptions of an account that send to this address, by DHL's names.
pub fn standing(reply: Reply, address: &str) -> Result<Vec<String>, CallError> {
    if reply.status == 404 {
        return Ok(Vec::new());
    }
    let listed: Value = serde_json::from_slice(&reply.expect_success()?.body)
        .map_err(|_| CallError::NoAnswer("the list of subscriptions can't be read".to_owned()))?;
    let listed = listed.as_array().or_else(|| listed["subscriptions"].as_array());
    let ours = |one: &&Value| one["hook"]["uri"] == address;
    Ok(listed.into_iter().flatten().filter(ours).filter_map(name_of).collect())
}

/// By itself, or as the end of the subscription's address. Only what can stand in a path is a name.
fn name_of(subscription: &Value) -> Option<String> {
    let whole = subscription["id"].as_str().or_else(|| subscription["self"].as_str())?;
    let name = whole.trim_end_matches('/').rsplit('/').next()?;
    let is_name = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_' | '.');
    let is_usable = (1..=TEXT_LENGTH_MAX).contains(&name.len()) && name.chars().all(is_name);
    (is_usable && name.chars().any(char::is_alphanumeric)).then(|| name.to_owned())
}

/// What a message is about.
pub fn read(token: &SecretString, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
    prove(headers, TOKEN, token)?;
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    if message["scope"] == "subscription.validate" {
        let secret = message["secret"].as_str().filter(|secret| is_sendable(secret));
        if let Some((subscription, secret)) = name_of(&message).zip(secret) {
            return Ok(Notice::Validation(Validation { subscription, secret: SecretString::from(secret) }));
        }
    }
    let told = message["shipments"].as_array().map(Vec::as_slice).unwrap_or_default();
    let numbers = told.iter().take(PARCELS_MAX).filter_map(|one| one["id"].as_str());
    Ok(Notice::Happened(numbers.map(|number| Subject::Parcel(number.to_owned())).collect()))
}

/// It goes back in a header.
fn is_sendable(secret: &str) -> bool {
    (1..=TEXT_LENGTH_MAX).contains(&secret.len()) && secret.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(body: &Value) -> Result<Notice, NoticeError> {
        let mut headers = HeaderMap::new();
        headers.insert(TOKEN, HeaderValue::from_static("a token"));
        read(&SecretString::from("a token"), &headers, body.to_string().as_bytes())
    }

    #[test]
    fn a_subscription_begins_with_a_secret_that_goes_back() {
        let begin = |address: &str, secret: &str| {
            told(&json!({ "scope": "subscription.validate", "self": address, "secret": secret }))
        };
        let Ok(Notice::Validation(found)) =
            begin("https://api-eu.dhl.com/tracking/push/v1/subscription/a-1", "s3")
        else {
            panic!("no validation")
        };
        assert_eq!((found.subscription.as_str(), found.secret.expose_secret()), ("a-1", "s3"));
        for (address, secret) in
            [("https://a/..", "s3"), ("https://a/b?c", "s3"), ("", "s3"), ("https://a/b", "s 3\n")]
        {
            assert!(
                matches!(begin(address, secret), Ok(Notice::Happened(about)) if about.is_empty()),
                "{address}"
            );
        }
    }

    #[test]
    fn a_message_names_parcels_once_it_is_proven() {
        let body =
            json!({ "scope": "subscription.push", "shipments": [{ "id": "0034" }, {}, { "id": "0035" }] });
        let Ok(Notice::Happened(about)) = told(&body) else { panic!("nothing happened") };
        assert_eq!(about, ["0034", "0035"].map(|number| Subject::Parcel(number.to_owned())));
        assert!(read(&SecretString::from("a token"), &HeaderMap::new(), b"{}").is_err());
    }

    #[test]
    fn only_what_sends_to_us_is_ours() {
        let listed = json!([
            { "id": "1", "hook": { "uri": "https://ours" } },
            { "self": "https://api/subscription/2", "hook": { "uri": "https://ours" } },
            { "id": "3", "hook": { "uri": "https://theirs" } },
        ]);
        let reply = |status: u16, body: &Value| Reply {
            status,
            headers: HeaderMap::new(),
            body: body.to_string().into_bytes(),
        };
        assert_eq!(standing(reply(200, &listed), "https://ours"), Ok(vec!["1".to_owned(), "2".to_owned()]));
        assert_eq!(standing(reply(404, &json!({})), "https://ours"), Ok(Vec::new()));
        assert!(standing(reply(503, &json!({})), "https://ours").is_err());
    }
}
