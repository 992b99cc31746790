//! Our books held against a provider's: what is on one side alone, and what differs. Pure.
//!
//! A movement of ours and a line of the provider belong together when the line has the provider's name of what our operation
//! made, or carries our operation's own name. Each belongs to one other at most: a second line of the same debit is a debit
//! that nobody asked for.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::OperationState;
use crate::clock::Moment;
use crate::ids::{OperationId, PaymentId};
use crate::money::Money;
use crate::payments::statement::{LineKind, StatementLine, UnreadLine};
use crate::text_enum;

text_enum! {
    /// What does not agree.
    pub enum FindingKind {
        /// The provider debited something that our books lack.
        UnknownDebit = "unknown_debit",
        /// The provider gave something back that our books lack, such as a refund made on its own pages.
        UnknownRefund = "unknown_refund",
        /// The provider did what an operation of ours asked for, and ours is not settled so.
        NotSettled = "not_settled",
        /// Our books have a debit that the provider's lack.
        MissingDebit = "missing_debit",
        /// Our books have a refund that the provider's lack.
        MissingRefund = "missing_refund",
        /// Both sides have it, with another amount or currency.
        AmountDiffers = "amount_differs",
        /// A debit was taken back without us: a reversal or a chargeback.
        TakenBack = "taken_back",
        /// What was taken back came again, and the debt of it is not settled by that: it was paid, or written off, or more is
        /// owed.
        CameAgain = "came_again",
        /// Money is held back while a dispute is open.
        Disputed = "disputed",
        /// A kind of line that nobody has told us the meaning of.
        Unclassified = "unclassified",
        /// A line that can't be read.
        Unread = "unread",
    }
}

impl FindingKind {
    /// Whether money is at stake that nobody decided about: look at it first.
    pub const fn is_alarm(self) -> bool {
        match self {
            Self::UnknownDebit
            | Self::NotSettled
            | Self::MissingDebit
            | Self::AmountDiffers
            | Self::TakenBack
            | Self::CameAgain => true,
            Self::UnknownRefund
            | Self::MissingRefund
            | Self::Disputed
            | Self::Unclassified
            | Self::Unread => false,
        }
    }

    /// What to do about it.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::UnknownDebit => {
                "Find out at the provider what it was for. A shopper who was debited without an order is given it back there; \
                 a debit that belongs to an order of ours is settled under the parked operations."
            }
            Self::UnknownRefund => {
                "Somebody gave it back at the provider. Find out who and why, and refund no second time for the same reason."
            }
            Self::NotSettled => {
                "Settle the operation by the provider's object: under the parked operations, or wait for its next look."
            }
            Self::MissingDebit => {
                "Look the capture up at the provider by its name. If it is not there, the order was not paid: open a case with \
                 the provider before goods are charged again."
            }
            Self::MissingRefund => {
                "Look the refund up at the provider by its name. If it is not there, the shopper still waits for the money."
            }
            Self::AmountDiffers => {
                "Compare both at the provider. What was debited too much is given back; what is missing is the provider's to \
                 explain."
            }
            Self::TakenBack => {
                "Where it was a debit of ours it is in the ledger, and owed by the shopper as far as it was not given back \
                 before. Answer the case at the provider if it can still be answered."
            }
            Self::CameAgain => {
                "Look at the debt of it. A shopper who paid it meanwhile is given that payment back; what is still being paid \
                 is looked at again when that ends."
            }
            Self::Disputed => {
                "Answer the dispute at the provider before its due date, with receipt and proof of delivery."
            }
            Self::Unclassified => "Find out what the provider means by it, and note it.",
            Self::Unread => "Read the line on the provider's pages, and note what it is.",
        }
    }
}

text_enum! {
    /// How sure a difference is.
    pub enum Certainty {
        /// It is so.
        Sure = "sure",
        /// It is so unless the provider's books are late or incomplete.
        Likely = "likely",
        /// It may be a matter of when and where was looked.
        Unsure = "unsure",
    }
}

text_enum! {
    /// How far a comparison is.
    pub enum ReconciliationState {
        /// The provider is being asked.
        Running = "running",
        /// Both sides were compared.
        Done = "done",
        /// The provider could not be asked: nothing was compared.
        Failed = "failed",
    }
}

text_enum! {
    /// What became of a difference.
    pub enum DifferenceState {
        /// Somebody has to look.
        Open = "open",
        /// Staff said why it is as it is.
        Explained = "explained",
        /// A later comparison of the same time did not find it any more.
        Gone = "gone",
    }
}

text_enum! {
    /// What moved.
    pub enum MovementKind {
        /// A shopper was debited.
        Debit = "debit",
        /// A shopper got money back.
        Refund = "refund",
    }
}

/// A debit or a refund in our books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// The operation that did it.
    pub operation: OperationId,
    /// What it did.
    pub kind: MovementKind,
    /// Of which payment.
    pub payment: PaymentId,
    /// What people call the purchase.
    pub reference: String,
    /// The provider's capture or refund.
    pub object: Option<String>,
    /// How much.
    pub amount: Money,
    /// When it may first have happened.
    pub sent_at: Moment,
    /// When we learned of it.
    pub at: Moment,
    /// Whether a line of it was found in the provider's books before.
    pub in_books: bool,
}

/// An operation of ours that is not in the books as done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undone {
    /// Which operation.
    pub operation: OperationId,
    /// How far it is.
    pub state: OperationState,
    /// Of which payment.
    pub payment: PaymentId,
    /// What people call the purchase.
    pub reference: String,
    /// How much it asked for.
    pub amount: Money,
}

/// A line of the provider, as far as people need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FoundLine {
    /// The provider's name of the line.
    pub id: String,
    /// What the provider calls it.
    pub kind: String,
    /// The provider's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The provider's capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capture: Option<String>,
    /// The provider's refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// The payout that it was settled with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<String>,
}

/// Something that does not agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What does not agree.
    pub kind: FindingKind,
    /// How sure it is.
    pub certainty: Certainty,
    /// What tells it from all others at the provider, whenever it is found again.
    pub subject: String,
    /// When it happened.
    pub at: Moment,
    /// The provider's line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<FoundLine>,
    /// Our operation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// Our payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<PaymentId>,
    /// What people call the purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What our books say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ours: Option<Money>,
    /// What the provider's books say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Money>,
    /// What is known beyond that, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What is compared.
#[derive(Clone, Copy, Debug)]
pub struct Compare<'a> {
    /// The span: from its begin …
    pub from: Moment,
    /// … up to and without its end.
    pub to: Moment,
    /// What we did later than this the provider need not know yet.
    pub whole_until: Moment,
    /// From when on the provider's lines were read: earlier than the span, because we may learn of things late.
    pub read_from: Moment,
    /// The provider's lines.
    pub lines: &'a [StatementLine],
    /// Lines that can't be read.
    pub unread: &'a [UnreadLine],
    /// Our movements: all of the span, and those of any time that a line names.
    pub ours: &'a [Movement],
    /// Operations that a line names and that are not done.
    pub undone: &'a [Undone],
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Lines of debits and refunds in the span.
    pub lines: usize,
    /// Movements of ours in the span.
    pub movements: usize,
    /// How many of both belong together.
    pub matched: usize,
    /// What does not agree.
    pub findings: Vec<Finding>,
    /// Operations of ours that a line was found for, whenever that was.
    pub in_books: Vec<OperationId>,
}

impl From<&StatementLine> for FoundLine {
    fn from(line: &StatementLine) -> Self {
        Self {
            id: line.id.clone(),
            kind: word(&line.kind).to_owned(),
            order: line.order.clone(),
            capture: line.capture.clone(),
            refund: line.refund.clone(),
            payout: line.payout.clone(),
        }
    }
}

/// What a line is called.
pub fn word(kind: &LineKind) -> &str {
    match kind {
        LineKind::Captured => "captured",
        LineKind::Refunded => "refunded",
        LineKind::Fee => "fee",
        LineKind::FeeRefunded => "fee_refunded",
        LineKind::Reversed => "reversed",
        LineKind::Chargeback => "chargeback",
        LineKind::DisputeHeld => "dispute_held",
        LineKind::DisputeReleased => "dispute_released",
        LineKind::Payout => "payout",
        LineKind::Other(word) => word,
    }
}

/// A finding about a line that has none of ours.
pub fn about_line(kind: FindingKind, certainty: Certainty, line: &StatementLine) -> Finding {
    Finding {
        kind,
        certainty,
        subject: format!("{kind}:{}:{}", word(&line.kind), line.id),
        at: line.at,
        line: Some(line.into()),
        operation: line.operation,
        payment: None,
        reference: line.reference.clone(),
        ours: None,
        theirs: Some(line.gross),
        detail: None,
    }
}

fn movement_of(line: &StatementLine) -> Option<(MovementKind, Option<&str>)> {
    match line.kind {
        LineKind::Captured => Some((MovementKind::Debit, line.capture.as_deref())),
        LineKind::Refunded => Some((MovementKind::Refund, line.refund.as_deref())),
        _ => None,
    }
}

/// Holds both sides against each other. What an adapter names is believed to be the provider's, never that it is ours.
pub fn compare(compare: &Compare<'_>) -> Compared {
    let mut sides = Sides::of(compare);
    let in_span = |at: Moment| compare.from <= at && at < compare.to;
    let mut compared = Compared::default();
    for line in compare.lines {
        let Some((kind, object)) = movement_of(line) else {
            if in_span(line.at) && matches!(line.kind, LineKind::Other(_)) {
                compared.findings.push(about_line(FindingKind::Unclassified, Certainty::Sure, line));
            }
            continue;
        };
        compared.lines += usize::from(in_span(line.at));
        match sides.take(kind, object, line.operation) {
            Some(ours) => {
                compared.matched += usize::from(in_span(line.at));
                compared.findings.extend(difference(ours, line));
            }
            None if in_span(line.at) => compared.findings.push(without_ours(kind, line, &sides)),
            None => {}
        }
    }
    for ours in compare.ours.iter().filter(|ours| in_span(ours.at)) {
        compared.movements += 1;
        let is_there = ours.in_books || sides.taken.contains(&ours.operation);
        if !is_there && ours.at < compare.whole_until {
            compared.findings.push(without_line(ours, compare.read_from));
        }
    }
    compared.findings.extend(compare.unread.iter().map(|line| unreadable(line, compare.from)));
    compared.in_books.extend(sides.taken);
    compared
}

/// Our side, by the names that a line may have.
struct Sides<'a> {
    by_object: HashMap<(MovementKind, &'a str), &'a Movement>,
    by_operation: HashMap<(MovementKind, OperationId), &'a Movement>,
    undone: HashMap<OperationId, &'a Undone>,
    taken: HashSet<OperationId>,
}

impl<'a> Sides<'a> {
    fn of(compare: &Compare<'a>) -> Self {
        let named = |ours: &'a Movement| Some(((ours.kind, ours.object.as_deref()?), ours));
        Self {
            by_object: compare.ours.iter().filter_map(named).collect(),
            by_operation: compare.ours.iter().map(|ours| ((ours.kind, ours.operation), ours)).collect(),
            undone: compare.undone.iter().map(|undone| (undone.operation, undone)).collect(),
            taken: HashSet::new(),
        }
    }

    /// The movement that a line belongs to, once.
    fn take(
        &mut self,
        kind: MovementKind,
        object: Option<&str>,
        operation: Option<OperationId>,
    ) -> Option<&'a Movement> {
        let by_object = object.and_then(|object| self.by_object.get(&(kind, object)));
        let by_operation = || operation.and_then(|operation| self.by_operation.get(&(kind, operation)));
        // Our own name counts only where the provider's does not contradict it: one name may stand on two debits.
        let found = by_object.or_else(|| {
            by_operation()
                .filter(|ours| ours.object.is_none() || object.is_none() || ours.object.as_deref() == object)
        })?;
        self.taken.insert(found.operation).then_some(*found)
    }
}

fn difference(ours: &Movement, line: &StatementLine) -> Option<Finding> {
    let theirs = match ours.kind {
        MovementKind::Debit => line.gross,
        MovementKind::Refund => line.gross.times(-1).unwrap_or(line.gross),
    };
    (theirs != ours.amount).then(|| Finding {
        operation: Some(ours.operation),
        payment: Some(ours.payment),
        reference: Some(ours.reference.clone()),
        ours: Some(ours.amount),
        theirs: Some(theirs),
        ..about_line(FindingKind::AmountDiffers, Certainty::Sure, line)
    })
}

fn without_ours(kind: MovementKind, line: &StatementLine, sides: &Sides<'_>) -> Finding {
    if let Some(undone) = line.operation.and_then(|operation| sides.undone.get(&operation)) {
        return Finding {
            payment: Some(undone.payment),
            reference: Some(undone.reference.clone()),
            ours: Some(undone.amount),
            detail: Some(format!("our operation is {}", undone.state)),
            ..about_line(FindingKind::NotSettled, Certainty::Sure, line)
        };
    }
    let kind = match kind {
        MovementKind::Debit => FindingKind::UnknownDebit,
        MovementKind::Refund => FindingKind::UnknownRefund,
    };
    about_line(kind, Certainty::Sure, line)
}

fn without_line(ours: &Movement, read_from: Moment) -> Finding {
    let kind = match ours.kind {
        MovementKind::Debit => FindingKind::MissingDebit,
        MovementKind::Refund => FindingKind::MissingRefund,
    };
    // It may have happened at the provider long before we learned of it, and stand in its books there.
    let certainty = if ours.sent_at < read_from { Certainty::Unsure } else { Certainty::Likely };
    Finding {
        kind,
        certainty,
        subject: format!("{kind}:{}", ours.operation),
        at: ours.at,
        line: None,
        operation: Some(ours.operation),
        payment: Some(ours.payment),
        reference: Some(ours.reference.clone()),
        ours: Some(ours.amount),
        theirs: None,
        detail: ours.object.as_ref().map(|object| format!("the provider's name of it is {object}")),
    }
}

fn unreadable(line: &UnreadLine, at: Moment) -> Finding {
    Finding {
        kind: FindingKind::Unread,
        certainty: Certainty::Sure,
        subject: format!("{}:{}", FindingKind::Unread, line.id),
        at,
        line: None,
        operation: None,
        payment: None,
        reference: None,
        ours: None,
        theirs: None,
        detail: Some(format!("{}: {}", line.id, line.detail)),
    }
}
