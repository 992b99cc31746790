//! Webhooks: signed over the raw body, and about a delivery whose status changed.
//!
//! They come doubled, late and out of order, and a copy can be sent again by anybody who has seen one: so nothing that they
//! say is believed but that something happened to a delivery, and Uber is asked what it was.

use aws_lc_rs::hmac;
use axum::http::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use crate::delivery::carrier::{NoticeError, Reference};

/// Today's name, and the one before Uber bought Postmates.
const SIGNATURES: [&str; 2] = ["x-uber-signature", "x-postmates-signature"];
/// The only kind that changes how far a parcel has come; the others tell where the courier is, and of refunds.
const STATUS: &str = "event.delivery_status";

/// The booking that a webhook is about; none when nothing happened to it.
pub fn read(key: &SecretString, headers: &HeaderMap, body: &[u8]) -> Result<Option<Reference>, NoticeError> {
    let given = SIGNATURES.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let signature = given.and_then(from_hex).ok_or(NoticeError::Forged("it has no signature"))?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.expose_secret().as_bytes());
    hmac::verify(&key, body, &signature).map_err(|_| NoticeError::Forged("its signature is wrong"))?;
    let notice: Value = serde_json::from_slice(body).unwrap_or_default();
    Ok((notice["kind"] == STATUS).then(|| booking_of(&notice["data"])).flatten())
}

/// The reference that the delivery bears, or the one that it brings back.
fn booking_of(delivery: &Value) -> Option<Reference> {
    let names = [&delivery["external_id"], &delivery["manifest"]["reference"]];
    names.into_iter().find_map(|name| Reference::new(name.as_str()?).ok())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|one| one.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use serde_json::json;

    use super::*;
    use crate::hash::hex;

    const KEY: &str = "a key";

    fn read_signed(name: &'static str, key: &str, notice: &Value) -> Result<Option<Reference>, NoticeError> {
        let body = notice.to_string();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), body.as_bytes());
        let signature = hex(tag.as_ref()).to_ascii_uppercase();
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(&signature).unwrap());
        read(&SecretString::from(KEY), &headers, body.as_bytes())
    }

    fn changed() -> Value {
        json!({"kind": "event.delivery_status", "delivery_id": "del_1", "data": {"external_id": "AISLE-7F3K2A-01"}})
    }

    #[test]
    fn a_signed_change_of_status_names_our_booking() {
        let ours = Reference::new("AISLE-7F3K2A-01").unwrap();
        for name in SIGNATURES {
            assert_eq!(read_signed(name, KEY, &changed()), Ok(Some(ours.clone())));
        }
        let mut older = changed();
        older["data"] = json!({"manifest": {"reference": "AISLE-7F3K2A-01"}});
        assert_eq!(read_signed(SIGNATURES[0], KEY, &older), Ok(Some(ours)));
        let mut moved = changed();
        moved["kind"] = json!("event.courier_update");
        assert_eq!(read_signed(SIGNATURES[0], KEY, &moved), Ok(None));
        let stranger = json!({"kind": "event.delivery_status", "data": {"external_id": "somebody's"}});
        assert_eq!(read_signed(SIGNATURES[0], KEY, &stranger), Ok(None));
    }

    #[test]
    fn what_is_not_signed_with_our_key_is_forged() {
        assert!(read_signed(SIGNATURES[0], "another key", &changed()).is_err());
        assert!(read_signed("x-signature", KEY, &changed()).is_err());
        let mut headers = HeaderMap::new();
        for signature in ["", "0", "zz", "00"] {
            headers.insert(SIGNATURES[0], HeaderValue::from_static(signature));
            assert!(read(&SecretString::from(KEY), &headers, b"{}").is_err(), "{signature}");
        }
    }
}
