//! What Klarna answers, as far as we read it. Every field may be missing and every status may be new: a message is never
//! refused for what we don't know.

use chrono::{DateTime, Duration, Utc};
use reqwest::StatusCode;
use serde::Deserialize;

use super::client::Answer;
use crate::ids::OperationId;
use crate::money::{Currency, Money};
use crate::payments::model::HoldWindow;

/// A session of Klarna Payments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Session {
    pub session_id: String,
}

/// A session of the hosted payment page, as it is begun and as it is read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Page {
    pub session_id: String,
    pub redirect_url: String,
    pub status: String,
    pub authorization_token: Option<String>,
}

/// A customer token that was made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TokenMade {
    pub token_id: String,
}

/// A customer token.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Token {
    pub status: String,
    pub card: Option<Masked>,
    pub direct_debit: Option<Masked>,
}

/// A card or a bank account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Masked {
    pub brand: Option<String>,
    pub masked_number: String,
}

/// An order that was placed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Placed {
    pub order_id: String,
    pub fraud_status: String,
}

/// An order (Order Management).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Order {
    #[serde(rename = "order_id")]
    pub id: String,
    pub status: String,
    pub fraud_status: String,
    pub merchant_reference2: Option<String>,
    pub purchase_currency: String,
    #[serde(rename = "order_amount")]
    pub amount: i64,
    #[serde(rename = "original_order_amount")]
    pub original_amount: Option<i64>,
    pub remaining_authorized_amount: i64,
    pub expires_at: Option<DateTime<Utc>>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
}

/// An order's end is moved this long before it comes: Klarna moves none that is over.
const RENEW_BEFORE: Duration = Duration::days(4);

impl Order {
    /// How long the hold that it is lasts.
    pub fn window(&self) -> Option<HoldWindow> {
        let ends_at = self.expires_at?;
        Some(HoldWindow { honoured_until: ends_at, ends_at, renew_at: Some(ends_at - RENEW_BEFORE) })
    }
}

/// A capture of an order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Capture {
    #[serde(rename = "capture_id")]
    pub id: String,
    #[serde(rename = "captured_amount")]
    pub amount: i64,
    pub reference: Option<String>,
    pub shipping_info: Vec<Parcel>,
}

/// A parcel of a capture.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Parcel {
    pub tracking_number: Option<String>,
}

/// A refund of an order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refund {
    #[serde(rename = "refund_id")]
    pub id: String,
    #[serde(rename = "refunded_amount")]
    pub amount: i64,
    pub reference: Option<String>,
}

impl Order {
    /// An amount of the order; nothing when its currency can't be read.
    pub fn money(&self, minor: i64) -> Option<Money> {
        let currency: Currency = self.purchase_currency.to_ascii_uppercase().parse().ok()?;
        Some(Money::new(minor, currency))
    }

    /// The capture that carries this name of ours.
    pub fn capture_named(&self, name: &str) -> Option<&Capture> {
        self.captures.iter().find(|capture| capture.reference.as_deref() == Some(name))
    }

    /// Whether a capture has this parcel.
    pub fn has_parcel(&self, capture: &str, tracking_number: &str) -> bool {
        let mut parcels =
            self.captures.iter().filter(|each| each.id == capture).flat_map(|each| &each.shipping_info);
        parcels.any(|parcel| parcel.tracking_number.as_deref() == Some(tracking_number))
    }

    /// Whether somebody captured without us: all captures of ours are named after their operation.
    pub fn has_foreign_capture(&self) -> bool {
        let is_ours = |capture: &Capture| {
            capture.reference.as_deref().is_some_and(|name| name.parse::<OperationId>().is_ok())
        };
        self.captures.iter().any(|capture| !is_ours(capture))
    }

    /// The refund that carries this name of ours.
    pub fn refund_named(&self, name: &str) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.reference.as_deref() == Some(name))
    }

    /// Whether nothing of it can be captured any more, because it ended.
    pub fn is_over(&self) -> bool {
        matches!(self.status.as_str(), "CANCELLED" | "EXPIRED")
    }
}

/// An error.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    pub correlation_id: String,
    pub error_code: String,
    pub fraud_status: Option<String>,
    /// Of a token order that may be confirmed by the shopper; younger than Klarna's file.
    pub step_up_id: Option<String>,
}

impl Refusal {
    /// The error of an answer; the header names the correlation where the body does not.
    pub fn of(answer: &Answer) -> Self {
        let mut refusal: Self = serde_json::from_slice(&answer.body).unwrap_or_default();
        if refusal.correlation_id.is_empty() {
            let header = answer.header("Klarna-Correlation-Id").unwrap_or_default();
            header.clone_into(&mut refusal.correlation_id);
        }
        refusal
    }

    /// Whether Klarna itself answered.
    pub fn is_klarnas(&self) -> bool {
        !self.error_code.is_empty() || !self.correlation_id.is_empty()
    }

    /// What went wrong, with what Klarna finds it by.
    pub fn describe(&self, status: StatusCode) -> String {
        format!("Klarna answered {} {} ({})", status.as_u16(), self.error_code, self.correlation_id)
    }
}
