//! Klarna's pages: a payment session with a hosted page, on which the shopper approves a link or confirms a purchase.
//!
//! Neither session binds anybody to anything, so that one whose answer was lost is simply begun again. Where the shopper comes
//! back to proves nothing, nor does a callback: the page is read.

use serde_json::{Value, json};

use super::client::{Client, Lost};
use super::wire;
use crate::payments::providers::call::Answer;

/// Where the shopper comes back to, and where Klarna may hint that something happened.
#[derive(Clone, Copy, Debug)]
pub struct Ways<'a> {
    pub return_url: &'a str,
    pub callback_url: &'a str,
}

/// A page that was begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Klarna's name of the page.
    pub page: String,
    /// Where the shopper goes.
    pub url: String,
}

/// How far the shopper is on a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not done yet; a failure or a step back on the page is not the end of it.
    Waiting,
    /// Approved, with what an order is placed by, or a customer token made, within an hour.
    Approved(String),
    /// It can't be approved any more.
    Over,
}

/// Why there is no page.
#[derive(Debug)]
pub enum Failed {
    Refused(Answer),
    Lost(Lost),
}

impl From<Lost> for Failed {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// Begins a session of Klarna Payments with this content, and its page.
pub async fn begin(client: &Client, session: &Value, ways: Ways<'_>) -> Result<Begun, Failed> {
    let answer = client.begin("create session", "/payments/v1/sessions", session).await?;
    if !answer.status.is_success() {
        return Err(Failed::Refused(answer));
    }
    let made: wire::Session = answer.read()?;
    if made.session_id.is_empty() {
        return Err(Lost::Unknown("a session without an id".to_owned()).into());
    }
    let Ways { return_url, callback_url } = ways;
    let page = json!({
        "payment_session_url": client.address(&format!("/payments/v1/sessions/{}", made.session_id)),
        "merchant_urls": {
            "success": return_url,
            "cancel": return_url,
            "back": return_url,
            "failure": return_url,
            "error": return_url,
            "status_update": callback_url,
        },
        // The order is ours to place, once, with a key of our own.
        "options": {"place_order_mode": "NONE"},
    });
    let answer = client.begin("create page", "/hpp/v1/sessions", &page).await?;
    if !answer.status.is_success() {
        return Err(Failed::Refused(answer));
    }
    let made: wire::Page = answer.read()?;
    if made.session_id.is_empty() || made.redirect_url.is_empty() {
        return Err(Lost::Unknown("a page without an id or an address".to_owned()).into());
    }
    Ok(Begun { page: made.session_id, url: made.redirect_url })
}

/// How far the shopper is.
pub async fn read(client: &Client, page: &str) -> Result<Progress, Lost> {
    let answer = client.get("read page", &format!("/hpp/v1/sessions/{page}")).await?;
    match answer.status.as_u16() {
        200 => Ok(progress(&answer.read()?)),
        404 if wire::Refusal::of(&answer).is_klarnas() => Ok(Progress::Over),
        _ => Err(Lost::Unknown(wire::Refusal::of(&answer).describe(answer.status))),
    }
}

fn progress(page: &wire::Page) -> Progress {
    let token = page.authorization_token.as_ref().filter(|token| !token.is_empty());
    match (page.status.as_str(), token) {
        ("COMPLETED", Some(token)) => Progress::Approved(token.clone()),
        // Completed without a token: an order was placed there, which we never ask for.
        ("CANCELLED" | "DISABLED" | "TIMEOUT" | "COMPLETED", _) => Progress::Over,
        // WAITING, IN_PROGRESS, MANUAL_ID_CHECK; BACK, FAILED and ERROR, after which the shopper may begin again; and whatever
        // Klarna invents next.
        _ => Progress::Waiting,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_completed_page_with_a_token_is_approved() {
        let read = |text: &str| progress(&serde_json::from_str(text).expect("parses"));
        assert_eq!(
            read(r#"{"status":"COMPLETED","authorization_token":"t"}"#),
            Progress::Approved("t".to_owned())
        );
        assert_eq!(read(r#"{"status":"COMPLETED"}"#), Progress::Over);
        for waiting in ["WAITING", "IN_PROGRESS", "BACK", "FAILED", "ERROR", "MANUAL_ID_CHECK", "NEW"] {
            assert_eq!(
                read(&format!(r#"{{"status":"{waiting}","authorization_token":"t"}}"#)),
                Progress::Waiting,
                "{waiting}"
            );
        }
        for over in ["CANCELLED", "DISABLED", "TIMEOUT"] {
            assert_eq!(read(&format!(r#"{{"status":"{over}"}}"#)), Progress::Over, "{over}");
        }
    }
}
