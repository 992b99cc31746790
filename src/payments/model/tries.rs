//! What the books say of earlier tries: of refunds that were refused, and of their other parts.

use super::{Books, DeclineReason, Operation, OperationKind, OperationState};
use crate::ids::{OperationId, RefundId};
use crate::money::Money;

/// Refunds that are tried, one after the other, for one capture of a payment that was given up. Each is an operation of
/// its own an hour apart, so this covers more than a day of missing funds; the last one is parked for people.
const REFUND_TRIES_MAX: usize = 30;

impl Books {
    /// How often a capture could not be given back since people looked at it last.
    pub(super) fn refund_tries(&self, capture: OperationId) -> usize {
        let is_refund =
            |each: &&Operation| each.kind == OperationKind::Refund && each.target == Some(capture);
        let refunds = self.operations.iter().rev().filter(is_refund);
        refunds
            .take_while(|each| each.reason != Some(DeclineReason::DidNotHappen))
            .filter(|each| each.state == OperationState::Failed)
            .count()
    }

    /// What people have to look at when an operation was refused and nothing else would be done about it: money of a
    /// payment that was given up that does not go back, and a hold that does not end.
    pub(super) fn trouble_of(&self, operation: &Operation, reason: DeclineReason) -> Option<String> {
        if reason == DeclineReason::DidNotHappen {
            return None;
        }
        match operation.kind {
            OperationKind::Void if reason != DeclineReason::AuthorisationGone => {
                Some(format!("the hold can't be let go of: {reason}"))
            }
            OperationKind::Refund if self.payment.is_given_up => {
                let tries =
                    operation.target.map_or(0, |capture| self.refund_tries(capture)).saturating_add(1);
                let is_over = tries >= REFUND_TRIES_MAX;
                is_over.then(|| {
                    format!("the payment was given up and can't be given back after {tries} tries: {reason}")
                })
            }
            _ => None,
        }
    }

    /// Why another part of this refund was refused, if one was.
    pub(super) fn refund_failure(&self, operation: &Operation, refund: RefundId) -> Option<DeclineReason> {
        let mut others =
            self.operations.iter().filter(|each| each.refund == Some(refund) && each.id != operation.id);
        others.find(|each| each.state == OperationState::Failed).and_then(|each| each.reason)
    }

    /// The whole amount of a refund when this operation is the last of its parts to be done.
    pub(super) fn refund_complete_with(&self, operation: &Operation, refund: RefundId) -> Option<Money> {
        let mut amount = operation.amount;
        for each in
            self.operations.iter().filter(|each| each.refund == Some(refund) && each.id != operation.id)
        {
            if each.state != OperationState::Done {
                return None;
            }
            amount = amount.plus(each.amount).ok()?;
        }
        Some(amount)
    }
}
