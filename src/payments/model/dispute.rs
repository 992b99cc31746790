//! Disputes of debits: what they mean for a payment. Pure.
//!
//! A dispute moves no money by itself. While it is open we give nothing back of that debit, because the provider may; when it is
//! lost the debit is reversed, once, whoever tells first: the dispute, an event, or the provider's books (`reversal.rs`).

use super::{Books, Change, News};
use crate::clock::Moment;
use crate::ids::OperationId;
use crate::money::Money;
use crate::text_enum;

/// Staff are told this long before a dispute must be answered.
const DUE_SOON: chrono::Duration = chrono::Duration::days(2);
/// An open dispute is read this often, whatever events tell.
const READ_EVERY: chrono::Duration = chrono::Duration::hours(12);

text_enum! {
    /// How far a dispute has gone.
    pub enum DisputeStage {
        /// Shopper and retailer talk to each other.
        Inquiry = "inquiry",
        /// It is claimed at the provider or at the payer's bank.
        Chargeback = "chargeback",
        /// The claim is renewed after a first decision.
        PreArbitration = "pre_arbitration",
        /// The last instance decides.
        Arbitration = "arbitration",
    }
}

text_enum! {
    /// Whom a dispute waits for.
    pub enum DisputeState {
        /// For nobody that the provider names.
        Open = "open",
        /// For us: answer in time, or it is lost.
        AwaitsUs = "awaits_us",
        /// For the payer.
        AwaitsPayer = "awaits_payer",
        /// For the provider's decision.
        UnderReview = "under_review",
        /// For nobody: decided for us, or withdrawn.
        Won = "won",
        /// For nobody: the payer has the money.
        Lost = "lost",
        /// For nobody, and the provider does not say how.
        Ended = "ended",
    }
}

impl DisputeState {
    /// Whether nothing will happen any more.
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Won | Self::Lost | Self::Ended)
    }
}

text_enum! {
    /// Why a payer disputes.
    pub enum DisputeReason {
        /// The goods did not arrive.
        NotReceived = "not_received",
        /// The goods are not what was described.
        NotAsDescribed = "not_as_described",
        /// The payer says that it was not them.
        Unauthorised = "unauthorised",
        /// Debited twice.
        Duplicate = "duplicate",
        /// Another amount than agreed.
        WrongAmount = "wrong_amount",
        /// A refund is missing.
        RefundMissing = "refund_missing",
        /// Paid in another way.
        PaidOtherwise = "paid_otherwise",
        /// Anything else.
        Other = "other",
    }
}

text_enum! {
    /// What we may do about a dispute.
    pub enum DisputeAction {
        /// Send what proves our side.
        ProvideEvidence = "provide_evidence",
        /// Give in: the payer gets the money back.
        AcceptClaim = "accept_claim",
        /// Something that is done on the provider's own pages.
        OnProvidersPages = "on_providers_pages",
    }
}

/// A dispute as the provider shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispute {
    /// The provider's name of it.
    pub name: String,
    /// The provider's name of the debit.
    pub capture: Option<String>,
    /// How far it has gone.
    pub stage: DisputeStage,
    /// Whom it waits for.
    pub state: DisputeState,
    /// Why.
    pub reason: DisputeReason,
    /// How much is disputed.
    pub amount: Money,
    /// What the payer got back, once it is lost, when the provider says so.
    pub given_back: Option<Money>,
    /// Until when we must answer.
    pub respond_by: Option<Moment>,
    /// What we may do now.
    pub actions: Vec<DisputeAction>,
    /// When it was opened, when the provider says so.
    pub opened_at: Option<Moment>,
}

impl Dispute {
    /// Whether we must answer soon.
    pub fn is_due_soon(&self, now: Moment) -> bool {
        self.state == DisputeState::AwaitsUs && self.respond_by.is_some_and(|by| now >= by - DUE_SOON)
    }

    /// When to read it next.
    pub fn look_at(&self, now: Moment) -> Option<Moment> {
        if self.state.is_over() {
            return None;
        }
        let usual = now + READ_EVERY;
        let soon = self.respond_by.map(|by| by - DUE_SOON).filter(|soon| *soon > now);
        Some(soon.map_or(usual, |soon| soon.min(usual)))
    }

    /// How much is gone, when it is lost.
    pub fn lost(&self) -> Option<Money> {
        (self.state == DisputeState::Lost).then(|| self.given_back.unwrap_or(self.amount))
    }
}

impl Books {
    /// Takes in how a dispute of a debit stands, and how it stood before; nothing when it was not known. What is gone when it
    /// is lost is taken in apart ([`Books::reverse`]).
    pub fn dispute(
        &self,
        operation: OperationId,
        dispute: &Dispute,
        before: Option<DisputeState>,
        now: Moment,
    ) -> Change {
        let is_lost = dispute.state == DisputeState::Lost;
        let mut change = self.unchanged();
        let Some(debit) = self.operations.iter().find(|each| each.id == operation) else { return change };
        let is_open = !dispute.state.is_over();
        if debit.is_disputed != is_open {
            let mut debit = debit.clone();
            debit.is_disputed = is_open;
            change.operation = Some(debit);
        }
        let (payment, checkout) = (self.payment.id, self.payment.checkout);
        let was_open = before.is_some_and(|before| !before.is_over());
        if is_open && !was_open {
            let (amount, respond_by) = (dispute.amount, dispute.respond_by);
            change.news.push(News::Disputed { payment, checkout, amount, respond_by });
        } else if let Some(respond_by) = dispute.respond_by.filter(|_| dispute.is_due_soon(now)) {
            change.news.push(News::DisputeDue { payment, checkout, respond_by });
        }
        if was_open && !is_open && !is_lost {
            change.news.push(News::DisputeEnded { payment, checkout, amount: dispute.amount });
        }
        change
    }
}
