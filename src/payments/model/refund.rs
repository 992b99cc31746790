//! How refunds count: which captures they take from, and when one is told as done or refused.

use super::{Books, Change, DeclineReason, Fact, FactKind, News, Operation, OperationKind, OperationState};
use crate::ids::OperationId;

impl Books {
    /// The operations that debited, with what is left of each after the refunds that `counts` lets count.
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
            .map(|each| (each, each.amount.minor().saturating_sub(given_back(each.id))))
            .collect()
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
