//! Ids and times in PayPal's own forms.

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};

/// Letters and digits of transaction ids.
const UPPER: &[u8; 32] = b"ABCDEFGHJKLMNPRSTUVWXY0123456789";
/// Letters and digits of account ids: `^[2-9A-HJ-NP-Z]{13}$`.
const ACCOUNT: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// Orders, authorizations, captures, refunds: 17 capitals and digits.
pub fn transaction_id() -> String {
    random(UPPER, 17)
}

/// Setup tokens: 17 capitals and digits.
pub fn setup_token_id() -> String {
    random(UPPER, 17)
}

/// Payment tokens: the vault id.
pub fn payment_token_id() -> String {
    random(LOWER, 12)
}

/// Vault customers: at most 22 characters.
pub fn customer_id() -> String {
    random(UPPER, 10)
}

/// Webhook events: `WH-` and two parts.
pub fn event_id() -> String {
    format!("WH-{}-{}", random(UPPER, 17), random(UPPER, 17))
}

/// Disputes: `PP-D-` and digits.
pub fn dispute_id() -> String {
    format!("PP-D-{}", random(b"01234567890123456789012345678901", 12))
}

/// One delivery attempt of an event.
pub fn transmission_id() -> String {
    let text = random(b"0123456789abcdef0123456789abcdef", 32);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

pub fn debug_id() -> String {
    random(b"0123456789abcdef0123456789abcdef", 13)
}

pub fn bearer_token() -> String {
    let mut bytes = [0; 48];
    rand::fill(&mut bytes).expect("the system has a random source");
    format!("A21AA{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The same e-mail address is the same PayPal account, over restarts too.
pub fn account_id(email: &str) -> String {
    let digest = digest::digest(&digest::SHA256, email.to_ascii_lowercase().as_bytes());
    spell(ACCOUNT, &digest.as_ref()[..13])
}

pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn random(alphabet: &[u8; 32], length: usize) -> String {
    let mut bytes = vec![0; length];
    rand::fill(&mut bytes).expect("the system has a random source");
    spell(alphabet, &bytes)
}

fn spell(alphabet: &[u8; 32], bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(alphabet[usize::from(byte % 32)])).collect()
}
