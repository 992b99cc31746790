//! How long a hold lasts, and what is done about its end while the goods wait for their hand-over.
//!
//! A hold is honoured for some time, then only perhaps, and ends for good some time later; a renewal replaces it under a new
//! name, and what is told of the old name from then on means nothing. One that ran out is taken again on the linked
//! account, by an operation with a key of its own. A capture that finds its hold gone is debited anew in the same way.

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
    /// What a hold that is gone was for is debited anew.
    ChargeAgain,
    /// What a hold that ran out was for is held anew.
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
        matches!(self, Self::Charge | Self::ChargeAgain | Self::Capture)
    }

    /// Whether the shopper is not there when it is done.
    pub const fn is_again(self) -> bool {
        matches!(self, Self::ChargeAgain | Self::HoldAgain)
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
        let completed = || self.operations.iter().find(|each| Some(each.id) == operation.target);
        match operation.kind {
            OperationKind::Charge if operation.sequence == 0 => Effect::Charge,
            OperationKind::Charge => Effect::ChargeAgain,
            OperationKind::Authorise if operation.sequence == 0 => Effect::Hold,
            OperationKind::Authorise => Effect::HoldAgain,
            OperationKind::Complete => match completed().map(|each| each.kind) {
                Some(OperationKind::Charge) => Effect::ChargeAgain,
                Some(_) => Effect::HoldAgain,
                None if self.is_charge() => Effect::Charge,
                None => Effect::Hold,
            },
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
            OperationKind::Complete => {
                let completed = self.operations.iter().find(|each| Some(each.id) == operation.target);
                completed.and_then(|each| each.object.as_deref())
            }
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

    /// Whether an operation may yet debit what the hold is for.
    pub(super) fn is_debiting_hold(&self, operation: &Operation) -> bool {
        !operation.state.is_final() && matches!(self.effect(operation), Effect::Capture | Effect::ChargeAgain)
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
        if window.renew_at.is_some_and(|at| at <= now) && !self.has_open_debit() {
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

    /// What follows from the provider's word that the hold is over. One that ran out is taken again; one that somebody let go
    /// of before its time is over here too, by an operation that finds it gone.
    pub fn hold_is_over(&self, now: Moment) -> Change {
        let mut change = self.unchanged();
        let is_open = |each: &Operation| self.is_changing_hold(each) || self.is_debiting_hold(each);
        if !self.is_hold_wanted() {
            return change;
        }
        change.payment.hold_look_at = Some(now + LOOK_AGAIN);
        if self.operations.iter().any(is_open) {
            // What is held depends on how that ends.
            return change;
        }
        let ran_out = self.payment.hold.is_some_and(|window| now >= window.ends_at);
        if ran_out && let Some(planned) = self.plan_hold_again() {
            change.planned.push(planned);
        } else {
            change.planned.push(self.plan_void());
        }
        change
    }

    fn plan_hold_again(&self) -> Option<Planned> {
        let sequence = self.next_sequence(OperationKind::Authorise);
        let planned = Planned::new(OperationKind::Authorise, sequence, self.payment.held());
        (sequence <= AGAIN_MAX).then_some(planned)
    }

    /// What debits anew the amount of a capture whose hold is gone.
    fn plan_charge_again(&self, capture: &Operation) -> Planned {
        // The first operation of a payment that is held is no charge: its number is left free, so that later ones are told
        // from it.
        let sequence = self.next_sequence(OperationKind::Charge).max(1);
        Planned { is_last: capture.is_last, ..Planned::new(OperationKind::Charge, sequence, capture.amount) }
    }
}

impl Change {
    /// Notes a new hold, and when to look at it.
    pub(super) fn note_hold(&mut self, receipt: &Receipt) {
        self.payment.provider_authorisation = Some(receipt.object.clone());
        self.payment.hold = receipt.window;
        self.payment.hold_look_at = receipt.window.and_then(|window| window.look_after(None));
    }

    pub(super) fn renewed(&mut self, receipt: &Receipt) -> bool {
        self.note_hold(receipt);
        true
    }

    /// The old hold ended and another took its place: what is held in all stays as it was.
    pub(super) fn held_again(&mut self, operation: &Operation, receipt: &Receipt) -> bool {
        if operation.amount != self.payment.held() {
            return false;
        }
        self.note_hold(receipt);
        self.payment.action_url = None;
        self.payment.provider_order = receipt.order.clone().or_else(|| self.payment.provider_order.clone());
        true
    }

    /// What was refused to be held or debited anew.
    pub(super) fn again_refused(&mut self, operation: &Operation, effect: Effect, reason: DeclineReason) {
        let (payment, checkout) = (self.payment.id, self.payment.checkout);
        let amount = operation.amount;
        self.payment.action_url = None;
        if reason == DeclineReason::LinkRevoked {
            self.method = Some(MethodState::Revoked);
        }
        if effect == Effect::ChargeAgain {
            self.news.push(News::CaptureFailed {
                payment,
                checkout,
                operation: operation.id,
                amount,
                reason,
            });
            return;
        }
        self.payment.is_closed = true;
        self.news.push(News::HoldLost { payment, checkout, amount, reason });
    }

    /// A capture was refused: its amount is debited anew when only the hold is gone.
    pub(super) fn capture_refused(&mut self, books: &Books, operation: &Operation, reason: DeclineReason) {
        if reason == DeclineReason::AuthorisationGone && !self.payment.is_given_up {
            self.planned.push(books.plan_charge_again(operation));
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
            self.planned.extend(books.plan_hold_again());
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
