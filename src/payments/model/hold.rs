//! How long a hold lasts, and what is done about its end while the goods wait for their hand-over.
//!
//! A hold is honoured for some time, then only perhaps, and ends for good some time later; a renewal replaces it under a new
//! name, and what is told of the old name from then on means nothing. One that ran out is taken again on the linked
//! account, by an operation with a key of its own; so is one that a capture found gone, and the capture then follows.

use super::apply::OWN_CAPTURE;
use super::{
    Books, Change, DeclineReason, MethodState, News, Operation, OperationKind, OperationState, PaymentState,
    Planned, Receipt,
};
use crate::clock::Moment;
use crate::money::Money;

/// Staff are told this long before a hold ends for good: time to hand the goods over.
const ENDS_SOON: chrono::Duration = chrono::Duration::days(2);
/// A renewal that was refused is asked for again after this time: the account may have been filled meanwhile.
const RENEW_AGAIN: chrono::Duration = chrono::Duration::days(1);
/// How long a hold lasts is asked after this time, where the provider did not say it with the hold.
const ASK_AFTER: chrono::Duration = chrono::Duration::days(1);
/// A hold whose end is being found out is looked at again after this time.
const LOOK_AGAIN: chrono::Duration = chrono::Duration::hours(1);
/// Holds that are taken again for one payment: about three months at PayPal. Goods that nobody has handed over by then never
/// will be.
const AGAIN_MAX: i64 = 3;

/// How long a hold lasts, by the provider's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldWindow {
    /// Until when the provider honours it for sure.
    pub honoured_until: Moment,
    /// When it ends for good.
    pub ends_at: Moment,
    /// From when on it is to be renewed; nothing when it can't be.
    pub renew_at: Option<Moment>,
}

/// What an operation does to the payment when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The total is debited.
    Charge,
    /// The total is held.
    Hold,
    /// What a hold that is gone was for is held anew.
    HoldAgain,
    /// Part of what is held is debited.
    Capture,
    /// What is held is let go of.
    Void,
    /// What was debited is given back.
    Refund,
    /// What is held is held for longer.
    Renew,
}

/// What a look at a hold led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCheck {
    /// What is to be written.
    pub change: Change,
    /// Whether it must be over by now: the provider is to be asked.
    pub is_over: bool,
}

impl Effect {
    /// Whether money is debited by it.
    pub const fn is_debit(self) -> bool {
        matches!(self, Self::Charge | Self::Capture)
    }

    /// Whether the shopper is not there when it is done.
    pub const fn is_again(self) -> bool {
        matches!(self, Self::HoldAgain)
    }
}

impl HoldWindow {
    /// When to look at the hold next.
    fn look_after(&self, now: Option<Moment>) -> Option<Moment> {
        let moments = [self.renew_at, Some(self.ends_at - ENDS_SOON), Some(self.ends_at)];
        moments.into_iter().flatten().filter(|at| now.is_none_or(|now| *at > now)).min()
    }
}

impl Books {
    /// What an operation does to the payment when it happens. A completion does what the operation would have done that the
    /// shopper confirmed.
    pub fn effect(&self, operation: &Operation) -> Effect {
        match operation.kind {
            OperationKind::Charge => Effect::Charge,
            OperationKind::Authorise if operation.sequence == 0 => Effect::Hold,
            OperationKind::Authorise => Effect::HoldAgain,
            OperationKind::Complete if operation.target.is_some() => Effect::HoldAgain,
            OperationKind::Complete if self.is_charge() => Effect::Charge,
            OperationKind::Complete => Effect::Hold,
            OperationKind::Capture => Effect::Capture,
            OperationKind::Void => Effect::Void,
            OperationKind::Refund => Effect::Refund,
            OperationKind::Renew => Effect::Renew,
        }
    }

    /// The provider's order that an operation makes or completes.
    pub fn order_of<'a>(&'a self, operation: &'a Operation) -> Option<&'a str> {
        if !self.effect(operation).is_again() {
            return self.payment.provider_order.as_deref();
        }
        match operation.kind {
            OperationKind::Complete => self.target_of(operation).and_then(|each| each.object.as_deref()),
            _ => operation.object.as_deref(),
        }
    }

    /// The provider's name of the hold as it was first taken, whatever renewed it since.
    pub fn first_hold(&self) -> Option<&str> {
        let holds = self.operations.iter().rev().filter(|each| each.state == OperationState::Done);
        let mut holds = holds.filter(|each| matches!(self.effect(each), Effect::Hold | Effect::HoldAgain));
        holds.find_map(|each| each.object.as_deref()).or(self.payment.provider_authorisation.as_deref())
    }

    /// Whether an operation is about to replace the hold.
    pub(super) fn is_changing_hold(&self, operation: &Operation) -> bool {
        let is_open = !operation.state.is_final() && operation.state != OperationState::Parked;
        is_open && matches!(self.effect(operation), Effect::Renew | Effect::HoldAgain)
    }

    fn target_of(&self, operation: &Operation) -> Option<&Operation> {
        self.operations.iter().find(|each| Some(each.id) == operation.target)
    }

    /// Whether goods may still wait for what is held.
    fn is_hold_wanted(&self) -> bool {
        let payment = &self.payment;
        payment.state == PaymentState::Authorised
            && !payment.is_closed
            && !payment.is_given_up
            && payment.held().is_positive()
            && !self.any_living(|each| {
                each.kind == OperationKind::Void || (each.kind == OperationKind::Capture && each.is_last)
            })
    }

    /// Looks at the hold: has it renewed when it is time, and tells when it ends soon.
    pub fn check_hold(&self, now: Moment) -> HoldCheck {
        let mut change = self.unchanged();
        change.payment.hold_look_at = None;
        let wanted = self.payment.hold.filter(|_| self.is_hold_wanted());
        let Some(window) = wanted else { return HoldCheck { change, is_over: false } };
        let is_over = now >= window.ends_at;
        if is_over || self.operations.iter().any(|each| self.is_changing_hold(each)) {
            change.payment.hold_look_at = Some(now + LOOK_AGAIN);
            return HoldCheck { change, is_over };
        }
        let mut next = window.look_after(Some(now));
        if window.renew_at.is_some_and(|at| at <= now) && !self.has_open_capture() {
            let sequence = self.next_sequence(OperationKind::Renew);
            change.planned.push(Planned::new(OperationKind::Renew, sequence, self.payment.held()));
            next = next.into_iter().chain([now + RENEW_AGAIN]).min();
        }
        if now >= window.ends_at - ENDS_SOON {
            let (payment, checkout) = (self.payment.id, self.payment.checkout);
            change.news.push(News::HoldEnds { payment, checkout, at: window.ends_at });
        }
        change.payment.hold_look_at = next;
        HoldCheck { change, is_over }
    }

    /// Takes in how long the hold lasts, where its making did not say.
    pub fn note_window(&self, window: Option<HoldWindow>) -> Change {
        let mut change = self.unchanged();
        change.payment.hold = window;
        change.payment.hold_look_at = window.and_then(|window| window.look_after(None));
        change
    }

    /// What follows from the provider's word that the hold is over. One that ran out is taken again; one that somebody let go
    /// of before its time is over here too, by an operation that finds it gone.
    pub fn hold_is_over(&self, now: Moment) -> Change {
        let mut change = self.unchanged();
        if !self.is_hold_wanted() {
            return change;
        }
        change.payment.hold_look_at = Some(now + LOOK_AGAIN);
        if self.has_open_capture() || self.operations.iter().any(|each| self.is_changing_hold(each)) {
            // What is held depends on how that ends.
            return change;
        }
        let ran_out = self.payment.hold.is_some_and(|window| now >= window.ends_at);
        if ran_out && let Some(planned) = self.plan_hold_again(None) {
            change.planned.push(planned);
        } else {
            change.planned.push(self.plan_void());
        }
        change
    }

    /// What takes the hold again, for the capture that found it gone if one did; nothing when it was done often enough.
    fn plan_hold_again(&self, capture: Option<&Operation>) -> Option<Planned> {
        let sequence = self.next_sequence(OperationKind::Authorise);
        let amount = self.payment.held();
        let target = capture.map(|capture| capture.id);
        let planned = Planned { target, ..Planned::new(OperationKind::Authorise, sequence, amount) };
        (sequence <= AGAIN_MAX && amount.is_positive()).then_some(planned)
    }

    /// The capture that a hold is taken again for, by the operation that takes it or completes it.
    fn capture_of<'a>(&'a self, operation: &'a Operation) -> Option<&'a Operation> {
        let hold = match operation.kind {
            OperationKind::Complete => self.target_of(operation)?,
            _ => operation,
        };
        self.target_of(hold)
    }

    /// A number below those that callers give, and below all that were given.
    fn own_capture_sequence(&self) -> i64 {
        let captures = self.operations.iter().filter(|each| each.kind == OperationKind::Capture);
        captures.map(|each| each.sequence).min().unwrap_or(0).min(OWN_CAPTURE).saturating_sub(1)
    }
}

impl Change {
    /// Notes a new hold, and when to look at it.
    pub(super) fn note_hold(&mut self, receipt: &Receipt) {
        self.payment.provider_authorisation = Some(receipt.object.clone());
        self.payment.hold = receipt.window;
        self.payment.hold_look_at = match receipt.window {
            Some(window) => window.look_after(None),
            // Most holds are used up by then: how long one lasts is asked only of those that are not.
            None => Some(self.payment.created_at + ASK_AFTER),
        };
    }

    pub(super) fn renewed(&mut self, receipt: &Receipt) -> bool {
        self.note_hold(receipt);
        true
    }

    /// The old hold ended and another took its place: what is held in all stays as it was. A capture that found the old one
    /// gone follows under a name of its own.
    pub(super) fn held_again(&mut self, books: &Books, operation: &Operation, receipt: &Receipt) -> bool {
        if operation.amount != self.payment.held() {
            return false;
        }
        self.note_hold(receipt);
        self.payment.action_url = None;
        self.payment.provider_order = receipt.order.clone().or_else(|| self.payment.provider_order.clone());
        if let Some(capture) = books.capture_of(operation).filter(|_| !self.payment.is_given_up) {
            let sequence = books.own_capture_sequence();
            self.planned.push(Planned::capture(sequence, capture.amount, capture.is_last));
        }
        true
    }

    pub(super) fn hold_again_refused(&mut self, books: &Books, operation: &Operation, reason: DeclineReason) {
        let (payment, checkout, amount) = (self.payment.id, self.payment.checkout, operation.amount);
        self.payment.action_url = None;
        self.payment.is_closed = true;
        if reason == DeclineReason::LinkRevoked {
            self.method = Some(MethodState::Revoked);
        }
        match books.capture_of(operation) {
            // The goods are gone already.
            Some(capture) => {
                let (operation, amount) = (capture.id, capture.amount);
                self.news.push(News::CaptureFailed { payment, checkout, operation, amount, reason });
            }
            None => self.news.push(News::HoldLost { payment, checkout, amount, reason }),
        }
    }

    /// A capture was refused. When only the hold is gone, it is taken again, and the capture follows.
    pub(super) fn capture_refused(&mut self, books: &Books, operation: &Operation, reason: DeclineReason) {
        let is_again = reason == DeclineReason::AuthorisationGone && !self.payment.is_given_up;
        if is_again && let Some(planned) = books.plan_hold_again(Some(operation)) {
            self.planned.push(planned);
            return;
        }
        let (payment, checkout) = (self.payment.id, self.payment.checkout);
        self.news.push(News::CaptureFailed {
            payment,
            checkout,
            operation: operation.id,
            amount: operation.amount,
            reason,
        });
    }

    /// A renewal was refused. A hold that is gone is taken again; else it stands as it is, and is looked at again later.
    pub(super) fn renewal_refused(&mut self, books: &Books, reason: DeclineReason) {
        let is_wanted = !self.payment.is_given_up && !self.payment.is_closed;
        if reason == DeclineReason::AuthorisationGone && is_wanted {
            self.planned.extend(books.plan_hold_again(None));
        }
    }
}

impl super::Payment {
    /// What is held and not captured.
    pub fn held(&self) -> Money {
        let rest = self.authorised.minor().saturating_sub(self.captured.minor());
        Money::new(if self.is_closed { 0 } else { rest.max(0) }, self.currency)
    }
}
