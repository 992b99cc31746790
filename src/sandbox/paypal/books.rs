//! What the sandbox keeps: every token, order, payment and event, as plain records.
//!
//! Amounts are whole minor units. Nothing is deleted: a deleted payment token stays with its `deleted_at`, so that the
//! books show afterwards what happened. [`Books`] is what `GET /sandbox/books` answers and what tests compare with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::amounts::Amount;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Books {
    pub setup_tokens: BTreeMap<String, SetupToken>,
    pub payment_tokens: BTreeMap<String, PaymentToken>,
    pub orders: BTreeMap<String, Order>,
    pub authorizations: BTreeMap<String, Authorization>,
    pub captures: BTreeMap<String, Capture>,
    pub refunds: BTreeMap<String, Refund>,
    #[serde(default)]
    pub disputes: BTreeMap<String, Dispute>,
    /// What went to the shop's bank.
    #[serde(default)]
    pub payouts: Vec<Payout>,
    /// In the order they happened.
    pub events: Vec<Event>,
    /// Every `PayPal-Request-Id` seen, under `operation key`.
    pub requests: BTreeMap<String, KeyedRequest>,
}

/// The shopper as PayPal knows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    pub email: String,
    /// Follows from the e-mail address.
    pub account_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SetupStatus {
    PayerActionRequired,
    Approved,
    /// A payment token was made of it.
    Tokenized,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetupToken {
    pub id: String,
    pub status: SetupStatus,
    /// `customer` as it is answered.
    pub customer: Value,
    pub paypal: Value,
    pub payer: Option<Payer>,
    pub create_time: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentToken {
    pub id: String,
    pub customer: Value,
    pub paypal: Value,
    pub payer: Payer,
    pub create_time: DateTime<Utc>,
    pub deleted_at: Option<DateTime<Utc>>,
    /// The order that it was saved with.
    #[serde(default)]
    pub order_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Intent {
    Capture,
    Authorize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    Created,
    Approved,
    Voided,
    Completed,
    PayerActionRequired,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub intent: Intent,
    pub status: OrderStatus,
    pub units: Vec<Unit>,
    pub payer: Option<Payer>,
    /// Whether the request named a wallet: then the payer is sent to `payer-action`, otherwise to `approve`.
    pub wallet_named: bool,
    pub return_url: Option<String>,
    pub cancel_url: Option<String>,
    /// The wish to save the wallet with this purchase.
    #[serde(default)]
    pub saving: Option<Saving>,
    /// The parcels that it was told of.
    #[serde(default)]
    pub trackers: Vec<Tracker>,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// The wish to save a wallet with a purchase, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// `customer` as it is answered.
    pub customer: Value,
    /// The instruction as it was sent.
    pub instruction: Value,
    /// The payment token, once it is made.
    pub token: Option<String>,
}

/// A parcel of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracker {
    pub capture_id: String,
    pub tracking_number: String,
    /// As it was sent.
    pub request: Value,
    pub create_time: DateTime<Utc>,
}

/// One purchase unit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Unit {
    pub amount: Amount,
    pub invoice_id: Option<String>,
    pub custom_id: Option<String>,
    /// As it was sent.
    pub request: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthorizationStatus {
    Created,
    PartiallyCaptured,
    Captured,
    Voided,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authorization {
    pub id: String,
    pub order_id: String,
    pub unit: usize,
    /// The authorization this one renews.
    pub parent_id: Option<String>,
    pub status: AuthorizationStatus,
    pub expired: bool,
    pub amount: Amount,
    pub payer: Payer,
    pub expiration_time: DateTime<Utc>,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CaptureStatus {
    Completed,
    Declined,
    PartiallyRefunded,
    Pending,
    Refunded,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capture {
    pub id: String,
    pub order_id: String,
    pub unit: usize,
    pub authorization_id: Option<String>,
    pub status: CaptureStatus,
    pub amount: Amount,
    pub final_capture: bool,
    /// When it was taken back.
    #[serde(default)]
    pub reversal: Option<Reversal>,
    /// When a review let it pass; none when there was no review.
    #[serde(default)]
    pub passed_at: Option<DateTime<Utc>>,
    pub invoice_id: Option<String>,
    pub custom_id: Option<String>,
    pub payer: Payer,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// A capture that was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reversal {
    /// The id of the movement.
    pub id: String,
    /// What was not refunded before.
    pub minor: i64,
    /// Whether the payer's claim was the cause.
    pub is_chargeback: bool,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DisputeStatus {
    WaitingForSellerResponse,
    UnderReview,
    Resolved,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dispute {
    pub id: String,
    pub capture_id: String,
    pub reason: String,
    pub stage: String,
    pub status: DisputeStatus,
    pub amount: Amount,
    /// Once it is over.
    pub outcome: Option<String>,
    pub respond_by: DateTime<Utc>,
    /// What the shop sent, as it was sent.
    pub evidences: Vec<Value>,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

/// Money that went to the shop's bank.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payout {
    pub id: String,
    pub amount: Amount,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundStatus {
    Pending,
    Completed,
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub capture_id: String,
    pub status: RefundStatus,
    pub amount: Amount,
    pub invoice_id: Option<String>,
    pub custom_id: Option<String>,
    pub note_to_payer: Option<String>,
    pub create_time: DateTime<Utc>,
    pub update_time: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// Waits for its first or next attempt.
    Pending,
    Delivered,
    /// Thrown away by a control, as a lost webhook would be.
    Dropped,
    /// Given up after the last attempt, or nobody was subscribed.
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub event_type: String,
    /// The object it tells of.
    pub resource_id: String,
    pub create_time: DateTime<Utc>,
    /// The exact bytes that are sent, the same at every attempt.
    pub body: String,
    pub delivery: Delivery,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    pub status: DeliveryStatus,
    pub attempts: u32,
    /// HTTP status of the last attempt; none when nobody answered.
    pub last_status: Option<u16>,
    /// Real time, not the sandbox's own clock.
    pub next_attempt_at: DateTime<Utc>,
    /// How many more times the event is sent after it was delivered.
    pub duplicates: u32,
}

/// A `PayPal-Request-Id` and what its first request came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyedRequest {
    pub operation: String,
    pub key: String,
    /// How often a request with this key arrived, refused ones included.
    pub count: u32,
    pub first_at: DateTime<Utc>,
    pub outcome: Option<Outcome>,
}

/// What a repeated request is answered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The object, in the state it has by then.
    Made(Object),
    /// A refusal of the business kind, word for word.
    Refused { status: u16, body: Value },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Object {
    SetupToken(String),
    PaymentToken(String),
    Order(String),
    Authorization(String),
    Capture(String),
    Refund(String),
    Dispute(String),
}

impl Capture {
    /// When it became money.
    pub fn completed_at(&self) -> DateTime<Utc> {
        self.passed_at.unwrap_or(self.create_time)
    }
}

impl Dispute {
    /// The id of a movement of money that is held for it: no real one, but the same each time.
    pub fn hold_id(&self, letter: &str) -> String {
        let plain: String = self.id.chars().filter(char::is_ascii_alphanumeric).collect();
        let end = plain.len().saturating_sub(16);
        format!("{letter}{}", &plain[end..])
    }
}

impl Books {
    /// Sum of what was captured of an authorization and its renewals, in minor units. Declined captures don't count.
    pub fn captured_minor(&self, authorization: &Authorization) -> i64 {
        let root = authorization.parent_id.as_ref().unwrap_or(&authorization.id);
        self.captures
            .values()
            .filter(|capture| capture.status != CaptureStatus::Declined || capture.reversal.is_some())
            .filter(|capture| {
                let of = capture.authorization_id.as_ref().and_then(|id| self.authorizations.get(id));
                of.is_some_and(|of| of.id == *root || of.parent_id.as_ref() == Some(root))
            })
            .map(|capture| capture.amount.minor)
            .sum()
    }

    /// What an authorization and its renewals are for in all, in minor units: what the first one was for.
    pub fn authorized_minor(&self, authorization: &Authorization) -> i64 {
        let root = authorization.parent_id.as_ref().and_then(|id| self.authorizations.get(id));
        root.unwrap_or(authorization).amount.minor
    }

    /// The open dispute of a capture.
    pub fn open_dispute(&self, capture_id: &str) -> Option<&Dispute> {
        self.disputes.values().find(|one| one.capture_id == capture_id && one.outcome.is_none())
    }

    /// Sum of what was or is being refunded of a capture, in minor units.
    pub fn refunded_minor(&self, capture_id: &str) -> i64 {
        self.refunds
            .values()
            .filter(|refund| refund.capture_id == capture_id && refund.status != RefundStatus::Failed)
            .map(|refund| refund.amount.minor)
            .sum()
    }
}
