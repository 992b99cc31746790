//! What a provider's own books say: the lines that our books are held against (`reconcile/`).
//!
//! A line is money that moved, or that the provider holds back, at the provider's account of ours. Signs are ours: what comes to
//! the account is above zero, what goes out of it below. An adapter leaves nothing out because it does not know it: a kind that
//! it does not know is [`LineKind::Other`] with the provider's own word, and a line that it can't read is named in
//! [`Statement::unread`]. What is still pending, or was denied, moved no money and is no line.

use chrono::Duration;

use crate::clock::Moment;
use crate::ids::OperationId;
use crate::money::Money;

/// How a provider's books can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatementTerms {
    /// The longest span of one question; whoever asks cuts longer ones.
    pub span_max: Duration,
    /// What happened stands in the books this much later at most: nothing younger is missing yet.
    pub late_by: Duration,
    /// How far back the books go.
    pub kept_for: Duration,
    /// Whether fees are told, in the lines or as lines of their own.
    pub tells_fees: bool,
    /// Whether what the provider pays out to our bank is told.
    pub tells_payouts: bool,
}

/// What the books say of a span: from its begin, up to and without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The lines, in any order.
    pub lines: Vec<StatementLine>,
    /// Lines that were there and can't be read: each is a difference that people look at.
    pub unread: Vec<UnreadLine>,
    /// Up to when the provider says that its books are whole; nothing when it does not say, and
    /// [`StatementTerms::late_by`] counts alone.
    pub whole_until: Option<Moment>,
}

/// A line of a provider's books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementLine {
    /// The provider's name of the line. With the kind it is unique at the provider; where the provider's own names are not
    /// (PayPal's transaction ids), the adapter adds what makes them so.
    pub id: String,
    /// What it is.
    pub kind: LineKind,
    /// The provider's order that it belongs to.
    pub order: Option<String>,
    /// The provider's capture that it is, or that it takes from.
    pub capture: Option<String>,
    /// The provider's refund that it is.
    pub refund: Option<String>,
    /// Our operation, when the line carries its name.
    pub operation: Option<OperationId>,
    /// What people call the purchase, as far as the line has it: shown, never matched by alone.
    pub reference: Option<String>,
    /// How much, before the fee: above zero when it comes to us.
    pub gross: Money,
    /// What the provider keeps of it, above zero; below zero when it gives a fee back; nothing when the line does not say or
    /// fees are lines of their own.
    pub fee: Option<Money>,
    /// Since when it stands in the provider's books: when it happened, or, where it shows up with the payout that it is settled
    /// in, when that was.
    pub at: Moment,
    /// The payout that it was settled with, or that it is.
    pub payout: Option<String>,
}

impl StatementLine {
    /// The provider's name of what it is about: its refund, or its capture.
    pub fn object(&self) -> Option<&str> {
        self.refund.as_deref().or(self.capture.as_deref())
    }
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LineKind {
    /// A shopper was debited.
    Captured,
    /// A shopper got money back.
    Refunded,
    /// The provider's price, as a line of its own.
    Fee,
    /// A fee that came back.
    FeeRefunded,
    /// A debit that was undone, by the shopper's bank or the provider, without us.
    Reversed,
    /// A dispute that was lost: the shopper has the money.
    Chargeback,
    /// Held back while a dispute is open.
    DisputeHeld,
    /// A hold of a dispute that ended: ours again.
    DisputeReleased,
    /// Paid out to our bank.
    Payout,
    /// Anything else, in the provider's own word.
    Other(String),
}

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadLine {
    /// The provider's name of the line, as far as it can be made out.
    pub id: String,
    /// What can't be read in it, for people; without names, tokens and bodies.
    pub detail: String,
}

/// Why there is no statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The adapter can't read the provider's books.
    #[error("the provider's books are not offered")]
    NotOffered,
    /// The provider refuses: a permission or a contract is missing. Asking again does not help.
    #[error("the provider refuses to show its books: {0}")]
    Refused(String),
    /// The span has more lines than one answer can have: ask for shorter ones.
    #[error("the span has more lines than one answer can have")]
    TooMuch,
    /// Not now: asking again may help.
    #[error("the provider's books can't be read now: {0}")]
    Unavailable(String),
}
