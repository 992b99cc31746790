//! What the sandbox keeps: sessions, authorizations, tokens, orders, money and callbacks, as plain records.
//!
//! Amounts are whole minor units. Nothing is deleted. [`Books`] is what `GET /sandbox/books` answers and what tests
//! compare with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::Reply;
use super::shoppers::{Planned, Shopper};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Books {
    pub sessions: BTreeMap<String, PaymentSession>,
    pub authorizations: BTreeMap<String, Authorization>,
    pub hosted_sessions: BTreeMap<String, HostedSession>,
    pub customer_tokens: BTreeMap<String, CustomerToken>,
    pub orders: BTreeMap<String, Order>,
    /// In the order they happened.
    pub transactions: Vec<Transaction>,
    /// In the order they were made.
    pub payouts: Vec<Payout>,
    /// In the order they happened.
    pub callbacks: Vec<Callback>,
    /// Every `Klarna-Idempotency-Key` seen.
    pub requests: BTreeMap<String, KeyedRequest>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    Buy,
    Tokenize,
    BuyAndTokenize,
}

/// A session of Klarna Payments.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentSession {
    pub id: String,
    pub client_token: String,
    pub intent: Intent,
    /// As it was sent, updates applied.
    pub request: Value,
    /// An order was placed.
    pub complete: bool,
    /// The latest authorization the shopper gave in it.
    pub authorization_token: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// What the shopper agreed to in a session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authorization {
    pub token: String,
    pub session_id: String,
    pub intent: Intent,
    /// The session's request as it was when the shopper agreed.
    pub request: Value,
    pub shopper: Shopper,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub released_at: Option<DateTime<Utc>>,
    /// What the first attempt to place an order came to; every later one comes to the same.
    pub placed: Option<Reply>,
    pub order_id: Option<String>,
    pub customer_token: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HostedStatus {
    Waiting,
    Back,
    InProgress,
    Completed,
    Cancelled,
    Failed,
    Disabled,
    Error,
    /// Its time was over. The specification doesn't list it; the callbacks do.
    Timeout,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlaceOrderMode {
    PlaceOrder,
    CaptureOrder,
    None,
}

/// A session of the hosted payment page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostedSession {
    pub id: String,
    pub session_id: String,
    pub status: HostedStatus,
    pub place_order_mode: PlaceOrderMode,
    /// `merchant_urls` as they were sent.
    pub merchant_urls: Value,
    pub authorization_token: Option<String>,
    pub order_id: Option<String>,
    pub updated_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// To whom its link was sent, oldest first.
    pub distributed: Vec<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TokenStatus {
    Active,
    Suspended,
    Cancelled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CustomerToken {
    pub id: String,
    pub status: TokenStatus,
    pub shopper: Shopper,
    pub country: String,
    pub currency: String,
    pub locale: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    /// When an asked-for cancellation takes effect.
    pub cancelled_from: Option<DateTime<Utc>>,
    /// What the next charges come to, first one first.
    pub planned: Vec<Planned>,
    /// The id a charge was refused with, until the shopper has come.
    pub step_up_id: Option<String>,
    /// The shopper came for a step-up and approved.
    pub repaired: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    Authorized,
    PartCaptured,
    Captured,
    Cancelled,
    Expired,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FraudStatus {
    Accepted,
    Pending,
    Rejected,
}

/// How and when a pending order is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FraudDecision {
    pub at: DateTime<Utc>,
    pub accepted: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub klarna_reference: String,
    pub status: OrderStatus,
    pub fraud_status: FraudStatus,
    pub fraud_decision: Option<FraudDecision>,
    /// When it was rejected; some hours later it is cancelled.
    pub rejected_at: Option<DateTime<Utc>>,
    pub shopper: Shopper,
    pub session_id: Option<String>,
    pub customer_token: Option<String>,
    pub order_amount: i64,
    pub original_order_amount: i64,
    pub currency: String,
    pub country: String,
    pub merchant_reference1: Option<String>,
    pub merchant_reference2: Option<String>,
    /// Everything else as it was sent: lines, addresses, locale, addresses of callbacks.
    pub request: Value,
    pub auto_capture: bool,
    pub acknowledged: bool,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub captures: Vec<Capture>,
    pub refunds: Vec<Refund>,
    pub chargebacks: Vec<Chargeback>,
    pub shipping_info: Vec<Value>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Capture {
    pub id: String,
    pub klarna_reference: String,
    pub amount: i64,
    pub refunded_amount: i64,
    pub reference: Option<String>,
    pub description: Option<String>,
    pub lines: Vec<Value>,
    pub shipping_info: Vec<Value>,
    pub captured_at: DateTime<Utc>,
    /// When the shopper has to pay.
    pub due_at: DateTime<Utc>,
    /// How often its message was sent to the shopper again.
    pub sent_again: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    pub reference: Option<String>,
    pub description: Option<String>,
    pub lines: Vec<Value>,
    pub refunded_at: DateTime<Utc>,
}

/// What a shopper took back by a dispute.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chargeback {
    pub reference: String,
    pub amount: i64,
    pub at: DateTime<Utc>,
    /// The shop won it back.
    pub won_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TransactionType {
    Sale,
    Fee,
    Return,
    Reversal,
    ReversalMerchantProtection,
    Charge,
    Credit,
}

/// A line of a settlement. Amounts are positive; the type says which way they go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Transaction {
    #[serde(rename = "type")]
    pub kind: TransactionType,
    pub detailed_type: String,
    pub amount: i64,
    pub currency: String,
    pub order_id: String,
    pub capture_id: Option<String>,
    pub refund_id: Option<String>,
    pub reversal_reference: Option<String>,
    pub at: DateTime<Utc>,
    /// The payout it was settled in.
    pub payment_reference: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payout {
    pub payment_reference: String,
    pub at: DateTime<Utc>,
    pub currency: String,
    pub totals: Totals,
}

/// The sums of a payout; all positive but for the names' sake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub sale: i64,
    pub fee: i64,
    pub returned: i64,
    pub reversal: i64,
    pub charge: i64,
    pub credit: i64,
    /// Older debt that this payout paid back.
    pub repay: i64,
    /// New debt, when more was taken than sold.
    pub deposit: i64,
    pub opening_debt: i64,
    pub closing_debt: i64,
    /// What went to the bank.
    pub settlement: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackKind {
    /// `merchant_urls.authorization` of a session.
    Authorization,
    /// `status_update` of a hosted page.
    StatusUpdate,
    /// `merchant_urls.notification` of a pending order.
    Fraud,
    /// `merchant_urls.push` of an order.
    Push,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryStatus {
    /// Waits for its first or next attempt.
    Pending,
    Delivered,
    /// Thrown away by a control, as a lost callback would be.
    Dropped,
    /// Given up after the last attempt.
    Failed,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Callback {
    pub id: String,
    pub kind: CallbackKind,
    /// The session, hosted session or order it tells of.
    pub about: String,
    pub url: String,
    /// The exact body; empty for a push.
    pub body: String,
    pub created_at: DateTime<Utc>,
    pub status: DeliveryStatus,
    pub attempts: u32,
    /// HTTP status of the last attempt; none when nobody answered in time.
    pub last_status: Option<u16>,
    /// By the sandbox's own clock.
    pub next_attempt_at: DateTime<Utc>,
    /// How many more times it is sent after it was delivered.
    pub duplicates: u32,
}

/// A `Klarna-Idempotency-Key` and what its first request came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyedRequest {
    pub operation: String,
    pub path: String,
    /// SHA-256 of the first body, base64.
    pub body_digest: String,
    /// How often a request with this key arrived, refused ones included.
    pub count: u32,
    pub first_at: DateTime<Utc>,
    /// What a repetition is answered with.
    pub outcome: Option<Reply>,
}

/// What a merchant reference stands for, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    pub orders: usize,
    /// What could still be captured.
    pub authorized: i64,
    pub captured: i64,
    pub refunded: i64,
    /// Taken back by disputes that the shop hasn't won.
    pub charged_back: i64,
}

impl Order {
    pub fn captured(&self) -> i64 {
        self.captures.iter().map(|capture| capture.amount).sum()
    }

    pub fn refunded(&self) -> i64 {
        self.refunds.iter().map(|refund| refund.amount).sum()
    }

    /// What may still be captured.
    pub fn remaining(&self) -> i64 {
        match self.status {
            OrderStatus::Authorized | OrderStatus::PartCaptured => self.order_amount - self.captured(),
            _ => 0,
        }
    }

    pub fn charged_back(&self) -> i64 {
        let lost = self.chargebacks.iter().filter(|chargeback| chargeback.won_at.is_none());
        lost.map(|chargeback| chargeback.amount).sum()
    }
}

impl Books {
    /// What all orders of a `merchant_reference1` come to.
    pub fn amounts(&self, merchant_reference1: &str) -> Amounts {
        let of_it = |order: &&Order| order.merchant_reference1.as_deref() == Some(merchant_reference1);
        self.orders.values().filter(of_it).fold(Amounts::default(), Amounts::and)
    }

    /// The same for every `merchant_reference1`; orders without one are under the empty name.
    pub fn amounts_by_reference(&self) -> BTreeMap<String, Amounts> {
        let mut all: BTreeMap<String, Amounts> = BTreeMap::new();
        for order in self.orders.values() {
            let amounts = all.entry(order.merchant_reference1.clone().unwrap_or_default()).or_default();
            *amounts = amounts.and(order);
        }
        all
    }
}

impl Amounts {
    fn and(self, order: &Order) -> Amounts {
        Amounts {
            orders: self.orders + 1,
            authorized: self.authorized + order.remaining(),
            captured: self.captured + order.captured(),
            refunded: self.refunded + order.refunded(),
            charged_back: self.charged_back + order.charged_back(),
        }
    }
}
