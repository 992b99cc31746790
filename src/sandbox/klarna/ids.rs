//! Ids and times in Klarna's own forms.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Builder;

/// Letters and digits that are not mistaken for each other.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// Sessions, authorizations, tokens, orders, captures, refunds and correlations: UUIDs of version 4.
pub fn uuid() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).expect("the system has a random source");
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

/// The short reference of an order that people say on the telephone.
pub fn klarna_reference() -> String {
    format!("K{}", letters(7))
}

/// The reference of a payout, as it stands on a bank statement.
pub fn payment_reference() -> String {
    letters(8)
}

/// The dispute behind a reversal.
pub fn dispute_reference() -> String {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).expect("the system has a random source");
    let number = u64::from_be_bytes(bytes) % 1_000_000_000_000_000;
    format!("krn:klarna:eu1:dispute:goods_not_received:{number:015}")
}

/// What an app gives to Klarna's own library: a JSON web token by its form, signed by nobody.
pub fn client_token(session_id: &str, base_url: &str) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(json!({"alg": "RS256", "typ": "JWT"}));
    let claims = part(json!({"session_id": session_id, "base_url": base_url, "design": "klarna"}));
    let mut signature = [0; 64];
    rand::fill(&mut signature).expect("the system has a random source");
    format!("{head}.{claims}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// ISO 8601 with milliseconds, as the specifications' samples write times.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn letters(length: usize) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("the system has a random source");
    bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect()
}
