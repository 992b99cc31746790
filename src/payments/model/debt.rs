//! Debts: what a shopper owes for goods that left, because the money did not come or was taken back. Pure.
//!
//! | state | waits for | its owner | the way out when nothing happens |
//! | --- | --- | --- | --- |
//! | `open` | a payment | shopper; at first tries by rule too | none: a debt does not lapse by itself |
//! | `being_paid` | the provider's answer | worker | as any payment's: it ends, and the debt is `paid` or `open` again |
//! | `paid` | nothing | | |
//! | `withdrawn` | nothing: the goods came back | | |
//! | `written_off` | nothing | | |

use chrono::Duration;

use super::DeclineReason;
use crate::text_enum;

text_enum! {
    /// How a debt came about.
    pub enum DebtKind {
        /// What was due could not be debited.
        CaptureRefused = "capture_refused",
        /// What was debited was taken back.
        Reversed = "reversed",
    }
}

text_enum! {
    /// How far a debt is.
    pub enum DebtState {
        /// Nothing pays it yet.
        Open = "open",
        /// A payment of it is on its way.
        BeingPaid = "being_paid",
        /// Paid.
        Paid = "paid",
        /// No longer owed: the goods came back.
        Withdrawn = "withdrawn",
        /// Given up.
        WrittenOff = "written_off",
    }
}

/// What moves a debt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DebtEvent {
    /// A payment of it begins.
    Begun,
    /// That payment ended without money.
    Failed,
    /// That payment debited.
    Paid,
    /// The goods came back, and nothing that was begun can pay it any more.
    Withdrawn,
    /// Staff give it up.
    WrittenOff,
}

impl DebtState {
    /// The state that an event leads to; nothing when it makes no sense there.
    pub fn apply(self, event: DebtEvent) -> Option<Self> {
        match (self, event) {
            (Self::Open, DebtEvent::Begun) => Some(Self::BeingPaid),
            (Self::BeingPaid, DebtEvent::Failed) => Some(Self::Open),
            (Self::BeingPaid, DebtEvent::Paid) => Some(Self::Paid),
            (Self::Open | Self::BeingPaid, DebtEvent::Withdrawn) => Some(Self::Withdrawn),
            (Self::Open, DebtEvent::WrittenOff) => Some(Self::WrittenOff),
            (Self::Open, DebtEvent::Failed | DebtEvent::Paid)
            | (Self::BeingPaid, DebtEvent::Begun | DebtEvent::WrittenOff)
            | (Self::Paid | Self::Withdrawn | Self::WrittenOff, _) => None,
        }
    }

    /// Whether it makes good for money that did not come: the purchase waits for nothing more then.
    pub const fn makes_good(self) -> bool {
        matches!(self, Self::Paid | Self::WrittenOff)
    }
}

/// When a debt is tried again by rule, without the shopper: an hour after it came about, a day after that, three days after
/// that. What was held for the purchase is let go of by then, so each try is a debit of its own on the same account.
const TRIES: [Duration; 3] = [Duration::hours(1), Duration::days(1), Duration::days(3)];

/// How long to wait before the next try by rule, after so many; nothing when it is left to the shopper. Only what may pass by
/// itself is tried: too little money, a limit, a hold that ran out. Nobody debits again by rule what was taken back.
pub fn pause_before_try(kind: DebtKind, reason: Option<DeclineReason>, tries: i64) -> Option<Duration> {
    let may_pass = matches!(
        reason,
        Some(DeclineReason::Declined | DeclineReason::LimitExceeded | DeclineReason::AuthorisationGone)
    );
    if kind != DebtKind::CaptureRefused || !may_pass {
        return None;
    }
    usize::try_from(tries).ok().and_then(|tries| TRIES.get(tries)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [DebtEvent; 5] =
        [DebtEvent::Begun, DebtEvent::Failed, DebtEvent::Paid, DebtEvent::Withdrawn, DebtEvent::WrittenOff];

    #[test]
    fn a_debt_that_ended_stays_so() {
        for state in [DebtState::Paid, DebtState::Withdrawn, DebtState::WrittenOff] {
            assert!(EVENTS.iter().all(|event| state.apply(*event).is_none()));
        }
    }

    #[test]
    fn a_debt_is_never_paid_twice_at_once_nor_given_up_while_it_is_paid() {
        assert_eq!(DebtState::BeingPaid.apply(DebtEvent::Begun), None);
        assert_eq!(DebtState::BeingPaid.apply(DebtEvent::WrittenOff), None);
        for state in DebtState::ALL {
            let paid = state.apply(DebtEvent::Paid) == Some(DebtState::Paid);
            assert_eq!(paid, *state == DebtState::BeingPaid);
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_by_rule_and_only_so_often() {
        let tries =
            |kind, reason| (0..10).filter(|tries| pause_before_try(kind, reason, *tries).is_some()).count();
        assert_eq!(tries(DebtKind::CaptureRefused, Some(DeclineReason::Declined)), 3);
        assert_eq!(tries(DebtKind::CaptureRefused, Some(DeclineReason::AuthorisationGone)), 3);
        for reason in [Some(DeclineReason::LinkRevoked), Some(DeclineReason::Refused), None] {
            assert_eq!(tries(DebtKind::CaptureRefused, reason), 0, "{reason:?}");
        }
        assert_eq!(tries(DebtKind::Reversed, Some(DeclineReason::Declined)), 0);
    }
}
