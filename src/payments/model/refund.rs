//! How refunds count: which captures they take from, when one is told as done, and what becomes of refused ones.

use super::{Books, Change, DeclineReason, Fact, FactKind, News, Operation, OperationKind, OperationState};
use crate::ids::{OperationId, RefundId};
use crate::money::Money;

/// Refunds that are tried, one after the other, for one capture of a payment that was given up. Each is an operation of
/// its own an hour apart, so this covers more than a day of missing funds; the last one is parked for people.
const REFUND_TRIES_MAX: usize = 30;

impl Books {
    /// The operations that debited, with what is left of each after the refunds that `counts` lets count, and after what was
    /// taken back.
    pub(super) fn captures(&self, counts: impl Fn(OperationState) -> bool) -> Vec<(&Operation, i64)> {
        let given_back = |capture: OperationId| -> i64 {
            let refunds = self.operations.iter().filter(|each| each.kind == OperationKind::Refund);
            refunds
                .filter(|each| each.target == Some(capture) && counts(each.state))
                .map(|each| each.amount.minor())
                .fold(0, i64::saturating_add)
        };
        self.operations
            .iter()
            .filter(|each| each.state == OperationState::Done && self.effect(each).is_debit())
            .map(|each| {
                let gone = given_back(each.id).saturating_add(each.reversed.minor());
                (each, each.amount.minor().saturating_sub(gone).max(0))
            })
            .collect()
    }

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
    fn refund_failure(&self, operation: &Operation, refund: RefundId) -> Option<DeclineReason> {
        let mut others =
            self.operations.iter().filter(|each| each.refund == Some(refund) && each.id != operation.id);
        others.find(|each| each.state == OperationState::Failed).and_then(|each| each.reason)
    }

    /// The whole amount of a refund when this operation is the last of its parts to be done.
    fn refund_complete_with(&self, operation: &Operation, refund: RefundId) -> Option<Money> {
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

impl Change {
    pub(super) fn refunded(&mut self, books: &Books, operation: &Operation) -> bool {
        let payment = &mut self.payment;
        let Ok(refunded) = payment.refunded.plus(operation.amount) else { return false };
        if refunded.minor() > payment.captured.minor() {
            return false;
        }
        payment.refunded = refunded;
        self.facts.push(Fact { operation: operation.id, kind: FactKind::Refunded, amount: operation.amount });
        if let Some(refund) = operation.refund {
            let (payment, checkout) = (payment.id, payment.checkout);
            if let Some(reason) = books.refund_failure(operation, refund) {
                // Told again, because a part arrived all the same.
                self.news.push(News::RefundFailed { payment, checkout, refund, reason });
            } else if let Some(amount) = books.refund_complete_with(operation, refund) {
                self.news.push(News::Refunded { payment, checkout, refund, amount });
            }
        }
        true
    }

    /// A refund that was refused is told once, however many of its parts are.
    pub(super) fn refund_refused(&mut self, books: &Books, operation: &Operation, reason: DeclineReason) {
        let Some(refund) = operation.refund else { return };
        if books.refund_failure(operation, refund).is_none() {
            let (payment, checkout) = (self.payment.id, self.payment.checkout);
            self.news.push(News::RefundFailed { payment, checkout, refund, reason });
        }
    }
}
