//! What a payment is and how it may change: pure rules, no database, no clock, no provider.
//!
//! Invariants: refunded ≤ captured ≤ authorised ≤ total, whatever a provider answers and in whatever order it is heard;
//! an operation that ended stays as it ended, so that the same news counts once; an answer that does not fit what was
//! asked for parks the operation instead of being believed.
//!
//! [`Books::apply`] in `apply.rs` is the one place where an outcome changes a payment; `plan.rs` has what the rooms above
//! may ask for; `outcome.rs` what a provider may answer; `line.rs` what it is told of the purchase; `confirm.rs` what waits;
//! `hold.rs` how long a hold lasts, and what is done about its end; `refund.rs` how refunds count; `dispute.rs` what payers
//! dispute; `reversal.rs` what is taken back; `debt.rs` what is owed when goods left without money; `accounts.rs` what each fact
//! moves in the ledger; `reconcile.rs` what does not agree with a provider's books.

mod accounts;
mod apply;
mod confirm;
mod debt;
mod dispute;
mod hold;
mod line;
mod outcome;
mod plan;
mod reconcile;
mod refund;
mod reversal;

#[cfg(test)]
mod tests;

use uuid::Uuid;

use crate::clock::Moment;
use crate::ids::{CheckoutId, DebtId, MethodId, OperationId, PaymentId, RefundId, ShopperId};
use crate::money::{Currency, Money};
use crate::text_enum;

pub use accounts::{Account, FactKind, Imbalance, Moved};
pub use apply::Change;
pub use debt::{DebtEvent, DebtKind, DebtState, pause_before_try};
pub use dispute::{Dispute, DisputeAction, DisputeReason, DisputeStage, DisputeState};
pub use hold::{Effect, HoldWindow};
pub use line::{LineTax, PaymentLine, PaymentLineKind};
pub use outcome::{DeclineReason, Outcome, Receipt, Remedy};
pub use plan::{PlanError, Planned};
pub use reconcile::{
    Certainty, Compare, Compared, DifferenceState, Finding, FindingKind, FoundLine, Movement, MovementKind,
    ReconciliationState, Undone, about_line, compare,
};
pub use reversal::{Heard, Reversal, Teller, come_again, gone, hear};

text_enum! {
    /// A payment provider.
    pub enum ProviderName {
        /// PayPal.
        PayPal = "paypal",
        /// Klarna.
        Klarna = "klarna",
        /// The retailer's own invoice, which the shopper pays later.
        Invoice = "invoice",
    }
}

text_enum! {
    /// How far a linked account is.
    pub enum MethodState {
        /// The shopper has yet to approve the link at the provider.
        Linking = "linking",
        /// It can be debited.
        Active = "active",
        /// The shopper or the provider took the permission back: link again.
        Revoked = "revoked",
        /// The link was not approved in time, or refused.
        Failed = "failed",
        /// The shopper removed it here.
        Unlinked = "unlinked",
    }
}

text_enum! {
    /// How far a payment is.
    pub enum PaymentState {
        /// The provider has yet to say, or we have yet to find out what it said.
        Pending = "pending",
        /// The shopper has to confirm at the provider.
        ActionRequired = "action_required",
        /// The total is held; part of it may be captured.
        Authorised = "authorised",
        /// All that ever will be is captured.
        Captured = "captured",
        /// The provider refused. Nothing was debited.
        Declined = "declined",
        /// Given up; whatever was debited or held went back.
        Cancelled = "cancelled",
    }
}

text_enum! {
    /// What an operation asks of the provider.
    pub enum OperationKind {
        /// Debit the total.
        Charge = "charge",
        /// Hold the total; later ones hold anew what a hold that is gone was for.
        Authorise = "authorise",
        /// Finish a charge or a hold that the shopper had to confirm.
        Complete = "complete",
        /// Debit part of what is held.
        Capture = "capture",
        /// Let go of what is held and not captured.
        Void = "void",
        /// Give back what was captured.
        Refund = "refund",
        /// Have what is held and not captured held for longer.
        Renew = "renew",
    }
}

text_enum! {
    /// How far an operation is.
    pub enum OperationState {
        /// Written down; surely no byte has left, or what left was surely not taken in.
        Intended = "intended",
        /// A byte may have left; the outcome is unknown until the provider says.
        Sent = "sent",
        /// The provider knows it and has yet to decide: not money.
        Pending = "pending",
        /// The shopper has to confirm at the provider.
        Waiting = "waiting",
        /// It can't be found out without people, or the answer did not fit the question.
        Parked = "parked",
        /// It happened.
        Done = "done",
        /// The shopper confirmed; an operation of its own completes it.
        PassedOn = "passed_on",
        /// It did not happen and never will.
        Failed = "failed",
        /// Given up before it could happen.
        Abandoned = "abandoned",
    }
}

impl OperationKind {
    /// Whether it is not done any more, unless it may have left, once its payment is given up: all that would hold or debit.
    pub const fn is_dropped_when_given_up(self) -> bool {
        !matches!(self, Self::Refund | Self::Void)
    }
}

impl OperationState {
    /// Whether nothing can change it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::PassedOn | Self::Failed | Self::Abandoned)
    }
}

text_enum! {
    /// What people found out about an operation.
    pub enum Verdict {
        /// It happened: the provider's object proves it.
        Happened = "happened",
        /// It did not happen, and never will.
        DidNotHappen = "did_not_happen",
    }
}

/// The payment of one checkout.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that stays, not a state")]
pub struct Payment {
    /// Which payment.
    pub id: PaymentId,
    /// What it pays for.
    pub checkout: CheckoutId,
    /// Of which debt that came of it, when it pays no more than that.
    pub debt: Option<DebtId>,
    /// Whether it was begun by rule, without the shopper.
    pub is_by_rule: bool,
    /// Who pays.
    pub shopper: ShopperId,
    /// Which account is debited.
    pub method: MethodId,
    /// At which provider.
    pub provider: ProviderName,
    /// The currency of every amount here.
    pub currency: Currency,
    /// What the checkout costs.
    pub total: Money,
    /// What is debited at once; the rest at hand-over.
    pub due_now: Money,
    /// What was held or debited for us, once: the total or nothing.
    pub authorised: Money,
    /// What was debited.
    pub captured: Money,
    /// What was given back.
    pub refunded: Money,
    /// How far it is.
    pub state: PaymentState,
    /// Whether nothing more can be captured.
    pub is_closed: bool,
    /// Whether the checkout was given up: whatever was debited or held goes back.
    pub is_given_up: bool,
    /// Where the shopper confirms, while [`PaymentState::ActionRequired`].
    pub action_url: Option<String>,
    /// Why it was declined.
    pub decline_reason: Option<DeclineReason>,
    /// Whether the same account may be debited all the same another time, when it was declined.
    pub may_retry: bool,
    /// The provider's order.
    pub provider_order: Option<String>,
    /// The provider's hold that is current: a renewal may have replaced the first one.
    pub provider_authorisation: Option<String>,
    /// How long that hold lasts, by the provider's words.
    pub hold: Option<HoldWindow>,
    /// When to look at the hold next; nothing when there is nothing to look at.
    pub hold_look_at: Option<Moment>,
    /// What people call the purchase.
    pub reference: String,
    /// Where it is bought: the country, by two letters (ISO 3166-1); payments from before it was told have none.
    pub country: Option<String>,
    /// Where the page after a confirmation leads back to; may be empty.
    pub return_url: String,
    /// Whether the account is linked with this purchase.
    pub links_method: bool,
    /// The session of the shopper's device at the provider, when the app gave it.
    pub device_session: Option<String>,
    /// When it was asked for.
    pub created_at: Moment,
}

impl Payment {
    /// Whether the whole total is debited at once.
    pub fn is_due_at_once(&self) -> bool {
        self.due_now == self.total
    }
}

/// One call that moves money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Which operation: the source of its key and of its name in the provider's books.
    pub id: OperationId,
    /// Of which payment.
    pub payment: PaymentId,
    /// What it asks for.
    pub kind: OperationKind,
    /// Which of its kind.
    pub sequence: i64,
    /// How much.
    pub amount: Money,
    /// Of a capture: whether no other will follow.
    pub is_last: bool,
    /// Of a refund: whose it is; nothing when the payment is being given up.
    pub refund: Option<RefundId>,
    /// Of a refund: the operation that captured. Of a hold that is taken again: the capture that found the old one gone, if
    /// one did. Of its completion: that hold.
    pub target: Option<OperationId>,
    /// What the provider tells a repeat by.
    pub key: String,
    /// How far it is.
    pub state: OperationState,
    /// The provider's name of what it made.
    pub object: Option<String>,
    /// Why it failed.
    pub reason: Option<DeclineReason>,
    /// Of a debit: what was taken back of it without us.
    pub reversed: Money,
    /// Of a debit: whether it is disputed, so that nothing of it is given back by us.
    pub is_disputed: bool,
    /// Why it is parked, for people.
    pub trouble: Option<String>,
    /// When it was written down.
    pub created_at: Moment,
    /// When the first byte may have left; nothing while surely none did.
    pub sent_at: Option<Moment>,
    /// Since when the provider or the shopper has had to do something.
    pub waits_since: Option<Moment>,
}

/// A payment with all its operations: what decisions are made over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Books {
    /// The payment.
    pub payment: Payment,
    /// Its operations, oldest first.
    pub operations: Vec<Operation>,
}

/// An entry for the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What caused it.
    pub operation: OperationId,
    /// What happened.
    pub kind: FactKind,
    /// How much.
    pub amount: Money,
}

/// What the room above is told, inside the transaction that learns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The shopper has to confirm at the provider.
    ActionRequired {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// Where to confirm.
        url: String,
    },
    /// Nothing was debited and nothing will be.
    Declined {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// Why.
        reason: DeclineReason,
        /// Whether the same account may be debited another time.
        may_retry: bool,
    },
    /// The total is held or debited: told once. Where everything is due at once it is told when it is debited.
    Authorised {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
    },
    /// An amount was debited.
    Captured {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// How much this time.
        amount: Money,
        /// How much so far.
        captured_total: Money,
    },
    /// An amount could not be debited.
    CaptureFailed {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// What was refused.
        operation: OperationId,
        /// How much was asked for.
        amount: Money,
        /// Why.
        reason: DeclineReason,
    },
    /// A refund arrived in full.
    Refunded {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// Which refund.
        refund: RefundId,
        /// How much.
        amount: Money,
    },
    /// A refund, or a part of it, was refused; told again when another part arrives all the same.
    RefundFailed {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// Which refund.
        refund: RefundId,
        /// Why.
        reason: DeclineReason,
    },
    /// A debt of the purchase was paid, or written off.
    DebtSettled {
        /// The payment that had failed.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
    },
    /// The payment was given up and whatever was debited or held went back, or a hold ended unused.
    Cancelled {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
    },
    /// What is held will not be for much longer, and the goods still wait for their hand-over.
    HoldEnds {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// When.
        at: Moment,
    },
    /// A hold ran out and could not be taken again: nothing pays for the goods that still wait for their hand-over.
    HoldLost {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// How much was held.
        amount: Money,
        /// Why it could not be taken again.
        reason: DeclineReason,
    },
    /// Money that was debited is gone again without our doing: the provider, a bank or the payer took it back. The goods
    /// may be gone.
    Reversed {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// What it is known by: a debt of it has this cause.
        cause: Uuid,
        /// How much, of what we had not given back before.
        amount: Money,
    },
    /// The payer disputes a debit: somebody has to answer. Told once for each dispute.
    Disputed {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// How much is disputed.
        amount: Money,
        /// Until when it must be answered, when the provider says.
        respond_by: Option<Moment>,
    },
    /// A dispute must be answered soon, and is not yet.
    DisputeDue {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// Until when.
        respond_by: Moment,
    },
    /// A dispute ended without money going back. One that is lost is told as [`News::Reversed`].
    DisputeEnded {
        /// Of which payment.
        payment: PaymentId,
        /// Of which checkout.
        checkout: CheckoutId,
        /// How much was disputed.
        amount: Money,
    },
}
