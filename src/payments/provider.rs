//! The trait that every payment provider fills: verbs, with our own small questions and answers.
//!
//! An adapter knows neither database nor router nor the other adapters. Each of its calls has a deadline; whatever it
//! can't tell for sure is [`Outcome::Unknown`]. Asked twice with the same key, a provider must do the thing once.

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{Duration, NaiveDate};
use secrecy::SecretString;

use super::evidence::{AnswerOutcome, DisputeAnswer};
use super::model::{Dispute, HoldWindow, OperationKind, Outcome, PaymentLine, Receipt};
use super::statement::{Statement, StatementError, StatementTerms};
use super::store::events::Hint;
use crate::clock::Moment;
use crate::ids::{CheckoutId, OperationId};
use crate::money::{Currency, Money};

/// A payment provider.
#[async_trait]
pub trait Provider: std::fmt::Debug + Send + Sync {
    /// How long the provider remembers the keys of charges, holds and their completion.
    fn order_key_lifetime(&self) -> Duration;

    /// How long the provider remembers the keys of captures and refunds.
    fn payment_key_lifetime(&self) -> Duration;

    /// Whether an amount can be told to the provider exactly.
    fn can_express(&self, amount: Money) -> bool;

    /// Whether [`Intent::Capture`] is understood: one call debits. Otherwise the total is always held first, and an operation of
    /// its own captures it, so that each operation stays one thing that happened or did not.
    fn debits_in_one_call(&self) -> bool {
        true
    }

    /// Until when the shopper pays what was bought at this time, where the provider debits no account of theirs.
    fn due_on(&self, _bought_at: Moment) -> Option<NaiveDate> {
        None
    }

    /// Begins to link an account.
    async fn begin_link(&self, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun>;

    /// Whether the shopper approved.
    async fn read_link(&self, setup_token: &SecretString) -> LinkOutcome<LinkProgress>;

    /// Turns an approved link into one that can be debited.
    async fn finish_link(&self, key: &str, setup_token: &SecretString) -> LinkOutcome<Linked>;

    /// Whether a link can still be debited.
    async fn is_linked(&self, token: &SecretString) -> LinkOutcome<bool>;

    /// Ends a link; one that ended before is ended.
    async fn unlink(&self, key: &str, token: &SecretString) -> LinkOutcome<()>;

    /// Debits or holds an amount on a linked account.
    async fn charge(&self, charge: &ChargeRequest<'_>) -> Outcome;

    /// What became of an order.
    async fn read_order(&self, order: &OrderRequest<'_>) -> Outcome;

    /// Debits or holds what the shopper confirmed.
    async fn complete(&self, complete: &CompleteRequest<'_>) -> Outcome;

    /// Debits part of what is held.
    async fn capture(&self, capture: &CaptureRequest<'_>) -> Outcome;

    /// What became of a capture.
    async fn read_capture(&self, object: &str) -> Outcome;

    /// Looks a capture up by our own name of it, once its key may be forgotten: [`Outcome::Absent`] when it never happened.
    /// Nothing when the provider's books can't be searched so.
    async fn find_capture(&self, _capture: &CaptureRequest<'_>) -> Option<Outcome> {
        None
    }

    /// Has what is held and not captured held for longer. The receipt names the hold from now on, which may be another,
    /// and how long it lasts. [`DeclineReason::AuthorisationGone`](super::DeclineReason::AuthorisationGone) says that there
    /// is nothing left to renew.
    async fn renew(&self, renewal: &RenewRequest<'_>) -> Outcome;

    /// How long a hold lasts, for providers that don't say it when they hold; nothing when it lasts as long as it is needed. The
    /// text says why it can't be told now.
    async fn hold_window(&self, _authorisation: &str) -> Result<Option<HoldWindow>, String> {
        Ok(None)
    }

    /// Lets go of what is held and not captured; what was let go of before is let go of.
    async fn void(&self, void: &VoidRequest<'_>) -> Outcome;

    /// Whether a hold ended at the provider without being captured in full; nothing when that can't be told now.
    async fn is_voided(&self, authorisation: &str) -> Option<bool>;

    /// Gives back part of a capture.
    async fn refund(&self, refund: &RefundRequest<'_>) -> Outcome;

    /// What became of a refund.
    async fn read_refund(&self, object: &str) -> Outcome;

    /// As [`Provider::find_capture`], of a refund.
    async fn find_refund(&self, _refund: &RefundRequest<'_>) -> Option<Outcome> {
        None
    }

    /// Reads back what people say that an operation made.
    async fn prove(&self, evidence: &Evidence<'_>) -> Proof;

    /// Whether what was debited is still ours.
    async fn read_debit(&self, _capture: &str) -> Debit {
        Debit::Stands
    }

    /// How a dispute stands; nothing when the provider does not know it. An error says why it can't be read now.
    async fn read_dispute(&self, _dispute: &str) -> Result<Option<Dispute>, String> {
        Ok(None)
    }

    /// Answers a dispute. There are no keys: whoever repeats it looks first.
    async fn answer_dispute(&self, _answer: &DisputeAnswer<'_>) -> AnswerOutcome {
        AnswerOutcome::Refused("disputes are answered on the provider's own pages".to_owned())
    }

    /// Whether the provider wants to know of parcels.
    fn wants_parcels(&self) -> bool {
        false
    }

    /// Tells of a parcel that what was captured is sent in. There are no keys: whoever repeats it says so.
    async fn tell_parcel(&self, _parcel: &ParcelNotice<'_>) -> AnswerOutcome {
        AnswerOutcome::Refused("the provider takes no parcels".to_owned())
    }

    /// Whether an account can be linked with its first purchase: [`ChargeRequest::token`] may be nothing then.
    fn links_with_purchase(&self) -> bool {
        false
    }

    /// The link that an order made with its purchase; nothing while the provider has yet to make it.
    async fn linked_with(&self, _order: &str) -> LinkOutcome<Option<Linked>> {
        Err(LinkError::Refused("the provider links no account with a purchase".to_owned()))
    }

    /// Whether the provider keeps a list of the events that it told.
    fn lists_events(&self) -> bool {
        false
    }

    /// Where the events of a span say to look, whether they arrived or not. An error says why they can't be read now.
    async fn list_events(&self, _from: Moment, _to: Moment) -> Result<Vec<Hint>, String> {
        Ok(Vec::new())
    }

    /// Proves that an event came from the provider, over the bytes as they came, and says where to look. A provider that signs
    /// nothing calls the addresses that it was given instead ([`LinkRequest::callback_url`]).
    async fn verify_event(
        &self,
        _headers: &HeaderMap,
        _body: &[u8],
        _now: Moment,
    ) -> Result<Hint, EventError> {
        Err(EventError::Forged("this provider signs nothing"))
    }

    /// How the provider's books can be read; nothing when [`Provider::statement`] is [`StatementError::NotOffered`].
    fn statement_terms(&self) -> Option<StatementTerms> {
        None
    }

    /// What the provider's books say of a span, from `from` up to and without `to`, all pages of it; no longer than the terms
    /// allow. It reads and changes nothing.
    async fn statement(&self, _from: Moment, _to: Moment) -> Result<Statement, StatementError> {
        Err(StatementError::NotOffered)
    }
}

/// Whether what was debited is still ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Debit {
    /// It is, as far as the provider says.
    Stands,
    /// It was taken back without us: so much of it.
    Reversed(Money),
    /// It can't be read now.
    Unknown(String),
}

/// Whether to debit or to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Debit.
    Capture,
    /// Hold.
    Authorise,
}

/// Where and in which language a shopper buys; the provider's settings say what is left open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Market<'a> {
    /// The country, by two letters (ISO 3166-1).
    pub country: Option<&'a str>,
    /// The shopper's language and region (BCP 47), such as `de-AT`.
    pub locale: Option<&'a str>,
}

/// A wish to link an account.
#[derive(Clone, Copy, Debug)]
pub struct LinkRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Where the shopper buys.
    pub market: Market<'a>,
    /// What the shopper pays in, where it was said.
    pub currency: Option<Currency>,
    /// Where the shopper comes back to, approved or not.
    pub return_url: &'a str,
    /// Where the provider may hint that something happened; it holds a secret.
    pub callback_url: &'a str,
}

/// A link that was begun.
#[derive(Clone, Debug)]
pub enum LinkBegun {
    /// It waits for the shopper's approval.
    Asked {
        /// The provider's name of the link until it is finished.
        setup_token: SecretString,
        /// Where the shopper approves.
        approve_url: String,
    },
    /// Nobody has to approve: it can be debited.
    Linked(Linked),
}

/// How far the shopper is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkProgress {
    /// Not approved yet.
    Waiting,
    /// Approved.
    Approved,
    /// It can't be approved any more.
    Gone,
}

/// A finished link.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The provider's name of the link.
    pub token: SecretString,
    /// The provider's name of the customer.
    pub customer: Option<String>,
    /// What the shopper recognises the account by, masked.
    pub label: Option<String>,
}

/// Why a link could not be worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// The provider refused for good.
    Refused(String),
    /// Ask again, with the same key.
    Unknown(String),
}

/// What came of working on a link.
pub type LinkOutcome<T> = Result<T, LinkError>;

/// A wish to debit or hold an amount.
#[derive(Clone, Copy, Debug)]
pub struct ChargeRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Our name of the attempt in the provider's books.
    pub operation: OperationId,
    /// What is paid for.
    pub checkout: CheckoutId,
    /// Debit or hold.
    pub intent: Intent,
    /// How much.
    pub amount: Money,
    /// What it is for; adds up to the amount.
    pub lines: &'a [PaymentLine],
    /// What people call the purchase.
    pub reference: &'a str,
    /// The linked account; nothing where it is to be linked with this purchase ([`Provider::links_with_purchase`]).
    pub token: Option<&'a SecretString>,
    /// The session of the shopper's device at the provider, when the app gave it.
    pub device_session: Option<&'a str>,
    /// Where the shopper buys.
    pub market: Market<'a>,
    /// Where the shopper comes back to after confirming.
    pub return_url: &'a str,
    /// Where the provider may hint that something happened; it holds a secret.
    pub callback_url: &'a str,
    /// Whether the shopper is there and asked for it: not when a hold that is gone is made good for later.
    pub is_shopper_present: bool,
}

/// A question about an order.
#[derive(Clone, Copy, Debug)]
pub struct OrderRequest<'a> {
    /// The provider's order.
    pub order: &'a str,
    /// Debit or hold.
    pub intent: Intent,
    /// Where the shopper was sent to confirm, while that is waited for.
    pub action_url: Option<&'a str>,
}

/// A wish to debit or hold what the shopper confirmed.
#[derive(Clone, Copy, Debug)]
pub struct CompleteRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Our name of the attempt in the provider's books.
    pub operation: OperationId,
    /// Whether an earlier call of this operation may have left.
    pub is_repeat: bool,
    /// The provider's order.
    pub order: &'a str,
    /// Debit or hold.
    pub intent: Intent,
    /// How much.
    pub amount: Money,
    /// What it is for; adds up to the amount.
    pub lines: &'a [PaymentLine],
    /// What people call the purchase.
    pub reference: &'a str,
    /// Where the shopper buys.
    pub market: Market<'a>,
    /// Where the shopper comes back to after confirming.
    pub return_url: &'a str,
    /// Where the provider may hint that something happened; it holds a secret.
    pub callback_url: &'a str,
}

/// A wish to debit part of what is held.
#[derive(Clone, Copy, Debug)]
pub struct CaptureRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Our name of the attempt in the provider's books.
    pub operation: OperationId,
    /// What people call the purchase.
    pub reference: &'a str,
    /// The provider's order, to look the capture up in.
    pub order: Option<&'a str>,
    /// The provider's hold.
    pub authorisation: &'a str,
    /// How much.
    pub amount: Money,
    /// What is held and not captured, this amount included.
    pub held: Money,
    /// Whether no other capture will follow: what is left of the hold is let go of then.
    pub is_last: bool,
    /// What it is for; adds up to the amount, or is nothing where that is not known.
    pub lines: &'a [PaymentLine],
    /// Where the shopper buys.
    pub market: Market<'a>,
}

/// A wish to have a hold last longer.
#[derive(Clone, Copy, Debug)]
pub struct RenewRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Our name of the attempt in the provider's books.
    pub operation: OperationId,
    /// The provider's order.
    pub order: Option<&'a str>,
    /// The provider's hold as it was first taken.
    pub first: &'a str,
    /// The provider's hold that is current.
    pub authorisation: &'a str,
    /// What is held and not captured.
    pub amount: Money,
}

/// A wish to let go of what is held and not captured.
#[derive(Clone, Copy, Debug)]
pub struct VoidRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// The provider's order.
    pub order: Option<&'a str>,
    /// The provider's hold as it was first taken.
    pub first: &'a str,
    /// The provider's hold that is current.
    pub authorisation: &'a str,
    /// What is held and not captured.
    pub amount: Money,
}

/// A wish to give back part of a capture.
#[derive(Clone, Copy, Debug)]
pub struct RefundRequest<'a> {
    /// What a repeat is told by.
    pub key: &'a str,
    /// Our name of the attempt in the provider's books.
    pub operation: OperationId,
    /// What people call the purchase.
    pub reference: &'a str,
    /// The provider's order, to look the refund up in.
    pub order: Option<&'a str>,
    /// The provider's capture.
    pub capture: &'a str,
    /// How much.
    pub amount: Money,
    /// What it is for; adds up to the amount, or is nothing where that is not known.
    pub lines: &'a [PaymentLine],
    /// Where the shopper bought.
    pub market: Market<'a>,
}

/// A parcel that something captured is sent in.
#[derive(Clone, Copy, Debug)]
pub struct ParcelNotice<'a> {
    /// The provider's order.
    pub order: &'a str,
    /// The provider's capture.
    pub capture: &'a str,
    /// The courier.
    pub carrier: &'a str,
    /// Its number of the parcel.
    pub tracking_number: &'a str,
    /// Whether it may have been told before.
    pub is_repeat: bool,
}

/// What people say that an operation made.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What the operation asked for.
    pub kind: OperationKind,
    /// Of what makes or completes an order: debit or hold.
    pub intent: Intent,
    /// The provider's name of the object: of what was debited, held or given back.
    pub object: &'a str,
    /// Our names that it may carry in the provider's books.
    pub names: &'a [OperationId],
    /// What people call the purchase.
    pub reference: &'a str,
    /// Of a refund: the provider's capture.
    pub capture: Option<&'a str>,
    /// The provider's hold.
    pub authorisation: Option<&'a str>,
    /// How much was asked for.
    pub amount: Money,
}

/// What the provider says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It is ours and it is money; whether the amount fits is for the caller to look at.
    Proven(Receipt),
    /// It proves nothing.
    Refuted(&'static str),
    /// It can't be read now.
    Silent(String),
}

/// Why an event is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It does not prove where it came from.
    #[error("the event is not signed by the provider: {0}")]
    Forged(&'static str),
    /// The proof can't be checked now; the provider will send it again.
    #[error("the event can't be checked now: {0}")]
    Unavailable(&'static str),
}
