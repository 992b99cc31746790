//! Track Alert: UPS tells by itself what happens to a package that was subscribed to.
//!
//! A subscription lives fourteen days and has no history. Messages have no signature and no id, only the key that UPS's
//! portal was given for them: they say that something happened to a package, and UPS is asked what it was.

use std::time::Duration;

use axum::http::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::delivery::carrier::{CallError, NoticeError};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::secrets::prove;

/// How long UPS tells of a package after a subscription.
pub const LIVES: Duration = Duration::from_hours(14 * 24);
/// Where the key stands.
const KEY: &str = "x-api-key";
/// UPS's refusal of a list without any number that it takes.
const NONE_TAKEN: &str = "VSS301";
/// A tracking number has 18 characters, and the longest of UPS's 28.
const NUMBER_LENGTH_MAX: usize = 34;

/// Asks to be told of these packages.
pub fn subscription(tracking_numbers: &[String], country: &str) -> Value {
    json!({ "locale": "en_US", "countryCode": country, "trackingNumberList": tracking_numbers })
}

/// The numbers that UPS took.
pub fn subscribed(reply: Reply) -> Result<Vec<String>, CallError> {
    let body: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    if reply.status == 400 && body["response"]["errors"][0]["code"] == NONE_TAKEN {
        return Ok(Vec::new());
    }
    reply.expect_success()?;
    let taken = body["validTrackingNumbers"]
        .as_array()
        .ok_or_else(|| CallError::NoAnswer("the answer can't be read".to_owned()))?;
    Ok(taken.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The package that a message is about; none when it names none.
pub fn read(key: &SecretString, headers: &HeaderMap, body: &[u8]) -> Result<Option<String>, NoticeError> {
    prove(headers, KEY, key)?;
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let number = message["trackingNumber"].as_str().map(str::trim);
    Ok(number.filter(|number| (1..=NUMBER_LENGTH_MAX).contains(&number.len())).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_message_names_its_package_once_it_is_proven() {
        let key = SecretString::from("a key of ours");
        let mut headers = HeaderMap::new();
        let body =
            br#"{"trackingNumber": "1Z204W4R0308071865", "activityStatus": {"descriptionCode": "021"}}"#;
        assert!(read(&key, &headers, body).is_err());
        headers.insert(KEY, HeaderValue::from_static("a key of ours"));
        assert_eq!(read(&key, &headers, body), Ok(Some("1Z204W4R0308071865".to_owned())));
        for nothing in [&b"{}"[..], b"<xml/>", br#"{"trackingNumber": ""}"#] {
            assert_eq!(read(&key, &headers, nothing), Ok(None));
        }
    }

    #[test]
    fn what_ups_does_not_take_is_left_out() {
        let reply = |status: u16, body: &str| Reply {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
        };
        let partly = r#"{"validTrackingNumbers": ["1Z1"], "invalidTrackingNumbers": ["1Z2"]}"#;
        assert_eq!(subscribed(reply(200, partly)), Ok(vec!["1Z1".to_owned()]));
        let none = r#"{"invalidTrackingNumbers": ["1Z2"], "response": {"errors": [{"code": "VSS301"}]}}"#;
        assert_eq!(subscribed(reply(400, none)), Ok(Vec::new()));
        assert!(matches!(subscribed(reply(400, "{}")), Err(CallError::Refused(_))));
        assert!(matches!(subscribed(reply(200, "{}")), Err(CallError::NoAnswer(_))));
        assert!(matches!(subscribed(reply(503, "")), Err(CallError::NoAnswer(_))));
    }
}
