//! How an outcome changes a payment: one total function over all operations, states and answers.

use super::{
    Books, DeclineReason, Effect, Fact, FactKind, MethodState, News, Operation, OperationKind,
    OperationState, Outcome, Payment, PaymentState, Planned, Receipt,
};
use crate::ids::OperationId;
use crate::money::Money;

/// The sequence of the capture that we ask for ourselves after a hold; callers' sequences are zero and above.
pub(super) const OWN_CAPTURE: i64 = -1;

/// What is to be written after an outcome, all in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The payment afterwards.
    pub payment: Payment,
    /// The operation afterwards; nothing when the outcome changes nothing.
    pub operation: Option<Operation>,
    /// Operations to be done next.
    pub planned: Vec<Planned>,
    /// Entries for the ledger.
    pub facts: Vec<Fact>,
    /// What the room above is told.
    pub news: Vec<News>,
    /// What becomes of the linked account.
    pub method: Option<MethodState>,
}

impl Books {
    /// Takes in what came of an operation. Total: an outcome that was taken in before, or that has no meaning for the
    /// operation any more, changes nothing.
    pub fn apply(&self, operation: OperationId, outcome: &Outcome) -> Change {
        let mut change = self.unchanged();
        let Some(found) = self.operations.iter().find(|each| each.id == operation) else { return change };
        if found.state.is_final() {
            return change;
        }
        let mut operation = found.clone();
        match outcome {
            Outcome::Approved(receipt) => change.approve(self, &mut operation, receipt),
            Outcome::Declined { reason, may_retry } => {
                change.decline(self, &mut operation, *reason, *may_retry);
            }
            Outcome::Refused { .. } => change.decline(self, &mut operation, DeclineReason::Refused, false),
            Outcome::ActionRequired { order, url } => change.ask_shopper(self, &mut operation, order, url),
            Outcome::Confirmed { order } => change.complete(self, &mut operation, order),
            Outcome::Pending { order, object } => {
                change.hold_open(self, &mut operation, order.as_ref(), object.as_ref());
            }
            Outcome::NotSent { .. } | Outcome::Absent => change.take_back(&mut operation),
            Outcome::Lost { detail } => {
                operation.waits_since = None;
                park(&mut operation, (*detail).to_owned());
            }
            Outcome::Unknown { .. } => {}
        }
        if operation != *found {
            change.operation = Some(operation);
        }
        change.close(self);
        change.wind_down(self);
        change.end_hold(self, found.id);
        if change.payment.is_given_up {
            // Nobody waits for the purchase any more: an order must not come of money that is on its way back.
            change.news.retain(|news| {
                matches!(
                    news,
                    News::Declined { .. }
                        | News::Cancelled { .. }
                        | News::Refunded { .. }
                        | News::RefundFailed { .. }
                )
            });
        }
        change
    }

    /// What is left to do for a payment that was given up, when nothing new was heard.
    pub fn wind_down(&self) -> Change {
        let mut change = self.unchanged();
        change.wind_down(self);
        change
    }

    pub(super) fn unchanged(&self) -> Change {
        Change {
            payment: self.payment.clone(),
            operation: None,
            planned: Vec::new(),
            facts: Vec::new(),
            news: Vec::new(),
            method: None,
        }
    }

    /// The same books with one operation changed.
    fn with(&self, changed: Option<&Operation>) -> Self {
        let mut books = self.clone();
        for each in &mut books.operations {
            if let Some(changed) = changed.filter(|changed| changed.id == each.id) {
                each.clone_from(changed);
            }
        }
        books
    }

    /// The next free sequence of a kind.
    pub(super) fn next_sequence(&self, kind: OperationKind) -> i64 {
        let last = self.operations.iter().filter(|each| each.kind == kind).map(|each| each.sequence).max();
        last.map_or(0, |last| last.saturating_add(1).max(0))
    }

    /// Whether the total is debited by one call: the payment began with a charge.
    pub fn is_charge(&self) -> bool {
        self.operations.iter().any(|each| each.kind == OperationKind::Charge && each.sequence == 0)
    }
}

impl Change {
    fn approve(&mut self, books: &Books, operation: &mut Operation, receipt: &Receipt) {
        let fits = match operation.kind {
            // What a void lets go of follows from our own books.
            OperationKind::Void => true,
            _ => receipt.amount == operation.amount,
        };
        let happened = fits
            && match books.effect(operation) {
                Effect::Charge => self.charged(operation, receipt),
                Effect::Hold => self.authorised(operation, receipt),
                Effect::HoldAgain => self.held_again(books, operation, receipt),
                Effect::Capture => self.captured(operation),
                Effect::Void => {
                    self.payment.is_closed = true;
                    true
                }
                Effect::Refund => self.refunded(books, operation),
                Effect::Renew => self.renewed(receipt),
            };
        operation.object = Some(receipt.object.clone());
        operation.waits_since = None;
        if happened {
            operation.state = OperationState::Done;
            operation.trouble = None;
        } else {
            park(
                operation,
                format!("the provider's answer ({}) does not fit what was asked for", receipt.amount),
            );
        }
    }

    /// Surely nothing left: it can be sent another time, or never, when nobody wants it any more.
    fn take_back(&mut self, operation: &mut Operation) {
        if operation.state != OperationState::Sent {
            return;
        }
        operation.sent_at = None;
        operation.state = if self.payment.is_given_up && operation.kind.is_dropped_when_given_up() {
            OperationState::Abandoned
        } else {
            OperationState::Intended
        };
    }

    fn charged(&mut self, operation: &Operation, receipt: &Receipt) -> bool {
        if !self.authorise_total(operation, receipt) {
            return false;
        }
        self.tell_authorised();
        self.payment.captured = self.payment.total;
        self.payment.state = PaymentState::Captured;
        self.payment.is_closed = true;
        self.facts.push(Fact { operation: operation.id, kind: FactKind::Captured, amount: operation.amount });
        self.tell_captured(operation.amount);
        true
    }

    fn authorised(&mut self, operation: &Operation, receipt: &Receipt) -> bool {
        if !self.authorise_total(operation, receipt) {
            return false;
        }
        self.note_hold(receipt);
        let is_due_at_once = self.payment.is_due_at_once();
        if !is_due_at_once {
            self.tell_authorised();
        }
        if self.payment.due_now.is_positive() && !self.payment.is_given_up {
            self.planned.push(Planned::capture(OWN_CAPTURE, self.payment.due_now, is_due_at_once));
        }
        true
    }

    /// Takes in that the total is held or debited; refuses what was taken in before.
    fn authorise_total(&mut self, operation: &Operation, receipt: &Receipt) -> bool {
        let payment = &mut self.payment;
        if payment.authorised.is_positive() || operation.amount != payment.total {
            return false;
        }
        payment.authorised = payment.total;
        payment.state = PaymentState::Authorised;
        payment.action_url = None;
        payment.provider_order = receipt.order.clone().or_else(|| payment.provider_order.clone());
        self.facts.push(Fact {
            operation: operation.id,
            kind: FactKind::Authorised,
            amount: operation.amount,
        });
        true
    }

    fn tell_authorised(&mut self) {
        let (payment, checkout) = (self.payment.id, self.payment.checkout);
        self.news.push(News::Authorised { payment, checkout });
    }

    fn captured(&mut self, operation: &Operation) -> bool {
        let payment = &mut self.payment;
        let Ok(captured) = payment.captured.plus(operation.amount) else { return false };
        if captured.minor() > payment.authorised.minor() {
            return false;
        }
        payment.captured = captured;
        if operation.is_last || captured == payment.authorised {
            payment.is_closed = true;
        }
        self.facts.push(Fact { operation: operation.id, kind: FactKind::Captured, amount: operation.amount });
        if self.is_own_charge(operation) {
            self.tell_authorised();
        }
        self.tell_captured(operation.amount);
        true
    }

    /// Whether this capture is the second half of a charge that its provider can't do in one call. A shopper who pays for
    /// everything at once has not paid before it.
    fn is_own_charge(&self, operation: &Operation) -> bool {
        operation.kind == OperationKind::Capture
            && operation.sequence == OWN_CAPTURE
            && self.payment.is_due_at_once()
    }

    fn decline(&mut self, books: &Books, operation: &mut Operation, reason: DeclineReason, may_retry: bool) {
        operation.reason = Some(reason);
        operation.waits_since = None;
        if let Some(trouble) = books.trouble_of(operation, reason) {
            park(operation, trouble);
            return;
        }
        operation.state = OperationState::Failed;
        operation.trouble = None;
        let is_own_charge = self.is_own_charge(operation);
        let payment = &mut self.payment;
        match books.effect(operation) {
            Effect::HoldAgain => self.hold_again_refused(books, operation, reason),
            Effect::Charge | Effect::Hold => {
                payment.action_url = None;
                if reason == DeclineReason::LinkRevoked {
                    self.method = Some(MethodState::Revoked);
                }
                if !payment.is_given_up {
                    payment.state = PaymentState::Declined;
                }
                self.tell_declined(reason, may_retry);
            }
            // Nothing was debited, and the hold goes back.
            Effect::Capture if is_own_charge => {
                self.tell_declined(reason, may_retry);
                self.payment.is_given_up = true;
            }
            Effect::Capture => self.capture_refused(books, operation, reason),
            Effect::Renew => self.renewal_refused(books, reason),
            // Nothing is held any more, or people found that it can't be let go of: there is nothing left to ask for.
            Effect::Void => payment.is_closed = true,
            Effect::Refund => self.refund_refused(books, operation, reason),
        }
    }

    fn tell_declined(&mut self, reason: DeclineReason, may_retry: bool) {
        let payment = &mut self.payment;
        payment.decline_reason = Some(reason);
        payment.may_retry = may_retry;
        if !payment.is_given_up {
            let (payment, checkout) = (payment.id, payment.checkout);
            self.news.push(News::Declined { payment, checkout, reason, may_retry });
        }
    }

    /// A payment of which nothing more can be captured is over as soon as no capture is open any more.
    fn close(&mut self, books: &Books) {
        let payment = &mut self.payment;
        if payment.state != PaymentState::Authorised || !payment.is_closed || payment.is_given_up {
            return;
        }
        if books.with(self.operation.as_ref()).has_open_capture() {
            return;
        }
        if payment.captured.is_positive() {
            payment.state = PaymentState::Captured;
        } else {
            payment.state = PaymentState::Cancelled;
            self.news.push(News::Cancelled { payment: payment.id, checkout: payment.checkout });
        }
    }

    /// What is left of a hold ends as soon as nothing of it can be captured any more, whatever ended it: a void, the last
    /// capture, the provider.
    fn end_hold(&mut self, books: &Books, operation: OperationId) {
        let after = books.with(self.operation.as_ref());
        let ends = self.payment.is_closed && !after.has_open_capture();
        let had_ended = books.payment.is_closed && !books.has_open_capture();
        let left = self.payment.authorised.minor().saturating_sub(self.payment.captured.minor());
        if ends && !had_ended && left > 0 {
            let amount = Money::new(left, self.payment.currency);
            self.facts.push(Fact { operation, kind: FactKind::Voided, amount });
        }
    }

    /// Once a payment is given up and nothing is open any more, everything debited goes back and every hold ends; then it
    /// is cancelled.
    fn wind_down(&mut self, books: &Books) {
        let settled = matches!(self.payment.state, PaymentState::Cancelled | PaymentState::Declined);
        if !self.payment.is_given_up || settled {
            return;
        }
        let books = books.with(self.operation.as_ref());
        if books.operations.iter().any(|each| !each.state.is_final()) {
            return;
        }
        let mut is_over = true;
        let mut sequence = books.next_sequence(OperationKind::Refund);
        for (capture, rest) in books.captures(|state| state == OperationState::Done) {
            if rest <= 0 {
                continue;
            }
            is_over = false;
            if capture.is_disputed {
                // The provider may give it back: it is looked at again when the dispute is over.
                continue;
            }
            let amount = Money::new(rest, self.payment.currency);
            let refund = Planned::refund(sequence, amount, None, capture.id);
            self.planned.push(if books.refund_tries(capture.id) == 0 { refund } else { refund.later() });
            sequence = sequence.saturating_add(1);
        }
        let held = self.payment.authorised.minor() > self.payment.captured.minor() && !self.payment.is_closed;
        if held {
            is_over = false;
            self.planned.push(books.plan_void());
        }
        if is_over {
            self.payment.state = PaymentState::Cancelled;
            self.payment.is_closed = true;
            self.payment.action_url = None;
            self.news.push(News::Cancelled { payment: self.payment.id, checkout: self.payment.checkout });
        }
    }

    fn tell_captured(&mut self, amount: Money) {
        self.news.push(News::Captured {
            payment: self.payment.id,
            checkout: self.payment.checkout,
            amount,
            captured_total: self.payment.captured,
        });
    }
}

/// Leaves an operation to people.
fn park(operation: &mut Operation, trouble: String) {
    operation.state = OperationState::Parked;
    operation.trouble = Some(trouble);
}
