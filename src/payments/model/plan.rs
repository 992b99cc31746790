//! What the rooms above may ask of a payment, decided over its books.

use super::{Books, Operation, OperationKind, OperationState, PaymentState};
use crate::ids::{OperationId, RefundId};
use crate::money::Money;

/// An operation that is to be written down and done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What to ask for.
    pub kind: OperationKind,
    /// Which of its kind.
    pub sequence: i64,
    /// How much.
    pub amount: Money,
    /// Of a capture: whether no other will follow.
    pub is_last: bool,
    /// Of a refund: whose it is.
    pub refund: Option<RefundId>,
    /// Of a refund: the operation that captured; of a hold that is taken again: the capture that found the old one gone; of
    /// its completion: that hold.
    pub target: Option<OperationId>,
    /// Whether it follows one that failed and had better wait a while.
    pub is_later: bool,
}

/// Why a payment can't do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The payment is not in a state that allows it.
    #[error("the payment is not in a state that allows it")]
    State,
    /// The amount is not positive, of another currency, or more than there is.
    #[error("the amount is not covered by the payment")]
    Amount,
    /// What is left to give back is disputed: the provider decides.
    #[error("the debit is disputed")]
    Disputed,
    /// The same name was used before for something else.
    #[error("the sequence or refund was used before for another amount")]
    Used,
}

impl Planned {
    pub(super) const fn new(kind: OperationKind, sequence: i64, amount: Money) -> Self {
        Self { kind, sequence, amount, is_last: false, refund: None, target: None, is_later: false }
    }

    /// The first operation of a payment.
    pub(crate) const fn first(kind: OperationKind, total: Money) -> Self {
        Self::new(kind, 0, total)
    }

    pub(super) const fn capture(sequence: i64, amount: Money, is_last: bool) -> Self {
        Self { is_last, ..Self::new(OperationKind::Capture, sequence, amount) }
    }

    pub(super) const fn complete(sequence: i64, amount: Money, target: Option<OperationId>) -> Self {
        Self { target, ..Self::new(OperationKind::Complete, sequence, amount) }
    }

    pub(super) const fn refund(
        sequence: i64,
        amount: Money,
        refund: Option<RefundId>,
        target: OperationId,
    ) -> Self {
        Self { refund, target: Some(target), ..Self::new(OperationKind::Refund, sequence, amount) }
    }

    pub(super) const fn later(self) -> Self {
        Self { is_later: true, ..self }
    }
}

impl Books {
    /// A capture of part of the hold; nothing to do when the same one was asked for before.
    pub fn plan_capture(
        &self,
        sequence: i64,
        amount: Money,
        is_last: bool,
    ) -> Result<Option<Planned>, PlanError> {
        let known = |each: &&Operation| each.kind == OperationKind::Capture && each.sequence == sequence;
        if let Some(known) = self.operations.iter().find(known) {
            let is_same = known.amount == amount && known.is_last == is_last;
            return if is_same { Ok(None) } else { Err(PlanError::Used) };
        }
        let payment = &self.payment;
        if sequence < 0
            || payment.state != PaymentState::Authorised
            || payment.is_closed
            || payment.is_given_up
        {
            return Err(PlanError::State);
        }
        if self.any_living(|each| {
            each.kind == OperationKind::Void || (each.kind == OperationKind::Capture && each.is_last)
        }) {
            return Err(PlanError::State);
        }
        let open = self.open_sum(|each| each.kind == OperationKind::Capture);
        let free = payment.authorised.minor().saturating_sub(payment.captured.minor()).saturating_sub(open);
        self.check_amount(amount, free)?;
        Ok(Some(Planned::capture(sequence, amount, is_last)))
    }

    /// A release of what is held and not captured; nothing to do when nothing is held or it was asked for before.
    pub fn plan_release(&self) -> Result<Option<Planned>, PlanError> {
        let payment = &self.payment;
        match payment.state {
            PaymentState::Authorised if !payment.is_closed => {
                let asked = self.any_living(|each| each.kind == OperationKind::Void);
                Ok((!asked).then(|| self.plan_void()))
            }
            PaymentState::Authorised
            | PaymentState::Captured
            | PaymentState::Cancelled
            | PaymentState::Declined => Ok(None),
            PaymentState::Pending | PaymentState::ActionRequired => Err(PlanError::State),
        }
    }

    pub(super) fn plan_void(&self) -> Planned {
        Planned::new(OperationKind::Void, self.next_sequence(OperationKind::Void), self.payment.held())
    }

    /// A refund, taken from the captures oldest first; nothing to do when the same one was asked for before.
    pub fn plan_refund(&self, refund: RefundId, amount: Money) -> Result<Vec<Planned>, PlanError> {
        let known: Vec<&Operation> =
            self.operations.iter().filter(|each| each.refund == Some(refund)).collect();
        if !known.is_empty() {
            let asked = known.iter().map(|each| each.amount.minor()).fold(0, i64::saturating_add);
            return if asked == amount.minor() { Ok(Vec::new()) } else { Err(PlanError::Used) };
        }
        if self.payment.is_given_up {
            return Err(PlanError::State);
        }
        // A refund that failed frees its amount again; one that is open or parked does not.
        let captures =
            self.captures(|state| !matches!(state, OperationState::Failed | OperationState::Abandoned));
        let sum = |captures: &[(&Operation, i64)]| {
            captures.iter().map(|(_, rest)| *rest).fold(0, i64::saturating_add)
        };
        self.check_amount(amount, sum(&captures))?;
        let captures: Vec<_> = captures.into_iter().filter(|(capture, _)| !capture.is_disputed).collect();
        self.check_amount(amount, sum(&captures)).map_err(|_| PlanError::Disputed)?;
        // In one call where one capture suffices: what the refund is for is then told with it.
        let whole = captures.iter().position(|(_, rest)| *rest >= amount.minor());
        let captures = whole.map_or(captures.as_slice(), |at| &captures[at..=at]);
        let mut open = amount.minor();
        let mut sequence = self.next_sequence(OperationKind::Refund);
        let mut planned = Vec::new();
        for (capture, rest) in captures.iter().copied() {
            let part = rest.min(open);
            if part > 0 {
                let part = Money::new(part, self.payment.currency);
                planned.push(Planned::refund(sequence, part, Some(refund), capture.id));
                sequence = sequence.saturating_add(1);
                open = open.saturating_sub(part.minor());
            }
        }
        Ok(planned)
    }

    /// The operations that can be given up at once: no byte of them left, or only the shopper could go on.
    pub fn abandonable(&self) -> Vec<OperationId> {
        let stops = |each: &&Operation| match each.state {
            OperationState::Intended => each.kind.is_dropped_when_given_up(),
            OperationState::Waiting => true,
            _ => false,
        };
        self.operations.iter().filter(stops).map(|each| each.id).collect()
    }

    /// Whether a capture is still open: a release has to wait for it.
    pub fn has_open_capture(&self) -> bool {
        self.operations.iter().any(|each| each.kind == OperationKind::Capture && !each.state.is_final())
    }

    /// Whether an operation has to wait for others: a void for all captures, and the last capture, which ends the hold, for
    /// the others; both, and every other capture, for a hold that is being renewed or taken again.
    pub fn waits_for_others(&self, operation: &Operation) -> bool {
        let is_void = operation.kind == OperationKind::Void;
        let captures = is_void || (operation.kind == OperationKind::Capture && operation.is_last);
        let holds = is_void || operation.kind == OperationKind::Capture;
        let is_open = |each: &Operation| {
            (captures && each.kind == OperationKind::Capture && !each.state.is_final())
                || (holds && self.is_changing_hold(each))
        };
        self.operations.iter().any(|each| each.id != operation.id && is_open(each))
    }

    pub(super) fn any_living(&self, is_meant: impl Fn(&Operation) -> bool) -> bool {
        let is_dead = |state| matches!(state, OperationState::Failed | OperationState::Abandoned);
        self.operations.iter().any(|each| is_meant(each) && !is_dead(each.state))
    }

    fn open_sum(&self, is_meant: impl Fn(&Operation) -> bool) -> i64 {
        let open = self.operations.iter().filter(|each| is_meant(each) && !each.state.is_final());
        open.map(|each| each.amount.minor()).fold(0, i64::saturating_add)
    }

    fn check_amount(&self, amount: Money, free: i64) -> Result<(), PlanError> {
        let fits =
            amount.currency() == self.payment.currency && amount.is_positive() && amount.minor() <= free;
        if fits { Ok(()) } else { Err(PlanError::Amount) }
    }
}
