//! What waits for the shopper's confirmation, or for the provider's decision. A hold that is taken again may ask for one
//! too: its order is its own until it happened, and the purchase stays as it is meanwhile.

use super::{Books, Change, News, Operation, OperationKind, OperationState, PaymentState, Planned};

impl Change {
    pub(super) fn ask_shopper(&mut self, books: &Books, operation: &mut Operation, order: &str, url: &str) {
        if !is_order(operation.kind) {
            return;
        }
        let is_again = books.effect(operation).is_again();
        let payment = &mut self.payment;
        operation.object = Some(order.to_owned());
        if !is_again {
            payment.provider_order = Some(order.to_owned());
        }
        if payment.is_given_up {
            operation.state = OperationState::Abandoned;
            return;
        }
        operation.state = OperationState::Waiting;
        let mut is_new = payment.action_url.as_deref() != Some(url);
        if !is_again {
            is_new |= payment.state != PaymentState::ActionRequired;
            payment.state = PaymentState::ActionRequired;
        }
        payment.action_url = Some(url.to_owned());
        if is_new {
            let (payment, checkout) = (payment.id, payment.checkout);
            self.news.push(News::ActionRequired { payment, checkout, url: url.to_owned() });
        }
    }

    pub(super) fn complete(&mut self, books: &Books, operation: &mut Operation, order: &str) {
        if !is_order(operation.kind) {
            return;
        }
        let is_again = books.effect(operation).is_again();
        operation.object = Some(order.to_owned());
        if !is_again {
            self.payment.provider_order = Some(order.to_owned());
        }
        if self.payment.is_given_up {
            operation.state = OperationState::Abandoned;
            return;
        }
        operation.state = OperationState::PassedOn;
        operation.waits_since = None;
        self.payment.action_url = None;
        if !is_again {
            self.payment.state = PaymentState::Pending;
        }
        let is_completion = operation.kind == OperationKind::Complete;
        let again = if is_completion { operation.target } else { Some(operation.id) };
        let sequence = books.next_sequence(OperationKind::Complete);
        self.planned.push(Planned::complete(sequence, operation.amount, again.filter(|_| is_again)));
    }

    pub(super) fn hold_open(
        &mut self,
        books: &Books,
        operation: &mut Operation,
        order: Option<&String>,
        object: Option<&String>,
    ) {
        operation.state = OperationState::Pending;
        if books.effect(operation).is_again() {
            // Looked at through its own order, which is not the payment's, or not yet.
            operation.object = order.or(operation.object.as_ref()).cloned();
            return;
        }
        operation.object = object.or(operation.object.as_ref()).cloned();
        if let Some(order) = order {
            self.payment.provider_order = Some(order.clone());
        }
        if is_order(operation.kind) {
            self.payment.state = PaymentState::Pending;
            self.payment.action_url = None;
        }
    }
}

/// Whether the operation makes or completes the provider's order.
fn is_order(kind: OperationKind) -> bool {
    matches!(kind, OperationKind::Charge | OperationKind::Authorise | OperationKind::Complete)
}
