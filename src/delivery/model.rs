//! The rules of shipments, of booking attempts, and of what a parcel's events add up to. Pure functions.
//!
//! Invariants: a shipment is handed over once and then never booked or cancelled; an attempt that may have reached the
//! courier is left only by the courier's word ([`AttemptState::Sent`] and [`AttemptState::Unknown`] are not left by hope);
//! a parcel's status is computed from the whole set of its events, so that late, doubled, retracted and disordered events
//! all come out right.

use chrono::Duration;

use super::carrier::ParcelStatus;
use crate::clock::Moment;

crate::text_enum! {
    /// How far a shipment has come. What staff must look at stands beside it, as its trouble.
    pub enum ShipmentState {
        /// Asked for; some parcel has no booking yet.
        Requested = "requested",
        /// Every parcel is booked and has its number: it can be labelled and handed over.
        Booked = "booked",
        /// The courier has it.
        HandedOver = "handed_over",
        /// Every parcel was delivered.
        Delivered = "delivered",
        /// Every parcel has arrived somewhere, and some came back to the store.
        Returned = "returned",
        /// Every parcel's travel has ended, and the courier lost some.
        Failed = "failed",
        /// Taken back before it was handed over.
        Cancelled = "cancelled",
    }
}

crate::text_enum! {
    /// Which way a shipment goes.
    pub enum Direction {
        /// From the store to the shopper.
        Outbound = "outbound",
        /// Back to the store, with goods that arrived before.
        Return = "return",
    }
}

crate::text_enum! {
    /// What is known of one try to book one parcel, or to order a driver.
    pub enum AttemptState {
        /// Written down; the courier has not been called, or surely never saw the call.
        Intent = "intent",
        /// The call was about to be made.
        Sent = "sent",
        /// The courier has the parcel.
        Confirmed = "confirmed",
        /// The courier refused it.
        Rejected = "rejected",
        /// The courier may have it: it is being looked for by its reference.
        Unknown = "unknown",
        /// Looked for and not found. A label that turns up later all the same is cancelled.
        Abandoned = "abandoned",
        /// The courier has it and shall take it back.
        CancelPending = "cancel_pending",
        /// Taken back, or given up before the courier was called.
        Cancelled = "cancelled",
    }
}

/// What happens to a shipment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShipmentEvent {
    /// Every parcel has a booking.
    AllBooked,
    /// A booking is taken back, to be made anew.
    BookingWithdrawn,
    /// Staff gave it to the courier, or the courier scanned it.
    HandedOver,
    /// It shall not go.
    Cancelled,
    /// What the parcels' events add up to.
    Travelled(Travel),
}

/// What the parcels of a shipment add up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Travel {
    /// Some parcel is still on its way.
    Underway,
    /// All arrived.
    Delivered,
    /// All ended, some back at the store.
    Returned,
    /// All ended, some lost.
    Failed,
}

/// What happens to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptEvent {
    /// The call is about to be made.
    Sent,
    /// Its label is to be made anew, with another number: the call is about to be made.
    Reissued,
    /// The courier surely never saw the call.
    NotSent,
    /// The courier may have seen the call.
    Lost,
    /// The courier has it: by its answer, or found by its reference.
    Confirmed,
    /// The courier refused it.
    Rejected,
    /// The search ended without a find.
    NotFound,
    /// It shall not be used.
    Withdrawn,
    /// The courier took it back, as it was asked to or by itself.
    TakenBack,
    /// The courier keeps it.
    Kept,
}

/// The state does not allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the state does not allow it")]
pub struct NotAllowed;

impl ShipmentState {
    /// The state after an event.
    pub fn apply(self, event: ShipmentEvent) -> Result<Self, NotAllowed> {
        use ShipmentEvent::{
            AllBooked, BookingWithdrawn, Cancelled as Cancel, HandedOver as HandOver, Travelled,
        };
        use ShipmentState::{Booked, Cancelled, Delivered, Failed, HandedOver, Requested, Returned};
        match (self, event) {
            (Requested | Booked, AllBooked) => Ok(Booked),
            (Requested | Booked, BookingWithdrawn) => Ok(Requested),
            (Booked | HandedOver, HandOver) => Ok(HandedOver),
            (Delivered | Returned | Failed, HandOver) => Ok(self),
            (Requested | Booked | Cancelled, Cancel) => Ok(Cancelled),
            (HandedOver | Delivered | Returned | Failed, Travelled(travel)) => Ok(match travel {
                Travel::Underway => HandedOver,
                Travel::Delivered => Delivered,
                Travel::Returned => Returned,
                Travel::Failed => Failed,
            }),
            _ => Err(NotAllowed),
        }
    }

    /// Still without the courier.
    pub fn is_before_hand_over(self) -> bool {
        matches!(self, Self::Requested | Self::Booked)
    }
}

impl AttemptState {
    /// The state after an event.
    pub fn apply(self, event: AttemptEvent) -> Result<Self, NotAllowed> {
        use AttemptEvent as Event;
        match (self, event) {
            (Self::Intent, Event::Sent) | (Self::Confirmed, Event::Reissued) => Ok(Self::Sent),
            (Self::Sent, Event::NotSent) => Ok(Self::Intent),
            (Self::Sent | Self::Unknown, Event::Lost) => Ok(Self::Unknown),
            (Self::Sent | Self::Unknown, Event::Confirmed) | (Self::CancelPending, Event::Kept) => {
                Ok(Self::Confirmed)
            }
            (Self::Sent, Event::Rejected) => Ok(Self::Rejected),
            (Self::Unknown, Event::NotFound) => Ok(Self::Abandoned),
            (Self::Confirmed | Self::CancelPending, Event::Withdrawn) => Ok(Self::CancelPending),
            (Self::Intent, Event::Withdrawn) | (Self::Confirmed | Self::CancelPending, Event::TakenBack) => {
                Ok(Self::Cancelled)
            }
            _ => Err(NotAllowed),
        }
    }

    /// The attempt that a parcel has now, beside which there may be no other.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Intent | Self::Sent | Self::Unknown | Self::Confirmed | Self::CancelPending)
    }
}

/// What a parcel's events add up to. The statuses of those that were not retracted, oldest first; nothing without any.
pub fn status_of(standing: impl IntoIterator<Item = ParcelStatus>) -> Option<ParcelStatus> {
    use ParcelStatus::{Announced, Delivered, Returned, Returning};
    standing.into_iter().fold(None, |status, next| match (status, next) {
        // A delivery is left by a retraction or a proven return only.
        (Some(Delivered), Returning | Returned) => Some(next),
        (Some(Delivered), _) => Some(Delivered),
        (Some(Returned), _) => Some(Returned),
        // Data may arrive after the parcel.
        (Some(already), Announced) => Some(already),
        (_, next) => Some(next),
    })
}

/// Whether the courier must have seen the parcel to say this.
pub fn proves_hand_over(status: ParcelStatus) -> bool {
    use ParcelStatus as Status;
    match status {
        Status::PickedUp
        | Status::InTransit
        | Status::OutForDelivery
        | Status::FailedAttempt
        | Status::AtPickupPoint
        | Status::Delivered
        | Status::Returning
        | Status::Returned => true,
        // Couriers also call a parcel an exception or lost that was announced and never given to them.
        Status::Announced | Status::Exception | Status::Lost | Status::Cancelled => false,
    }
}

/// What the parcels of one shipment add up to.
pub fn travel_of(statuses: &[ParcelStatus]) -> Travel {
    use ParcelStatus::{Cancelled, Delivered, Lost, Returned};
    if !statuses.iter().all(|status| matches!(status, Delivered | Returned | Lost | Cancelled)) {
        Travel::Underway
    } else if statuses.iter().any(|status| matches!(status, Lost | Cancelled)) {
        Travel::Failed
    } else if statuses.contains(&Returned) {
        Travel::Returned
    } else {
        Travel::Delivered
    }
}

/// Pause before the next look for an unknown booking, by the looks so far. DHL's tracking learns of a booking after ten to
/// thirty minutes.
pub fn pause_before_look(looks: i64) -> Duration {
    Duration::minutes(match looks {
        ..=0 => 1,
        1 => 4,
        2 => 5,
        _ => 10,
    })
}

/// A booking that was not found after this time and this many looks was not made, as far as anybody can tell.
pub fn is_search_over(lost_at: Moment, now: Moment, looks: i64) -> bool {
    const SEARCH: Duration = Duration::minutes(30);
    const LOOKS_MIN: i64 = 3;
    now - lost_at >= SEARCH && looks >= LOOKS_MIN
}

/// Pause before a courier that could not be reached is called again, by the calls so far.
pub fn pause_before_call(calls: i64) -> Duration {
    match calls {
        ..=1 => Duration::seconds(30),
        2 => Duration::minutes(1),
        3 => Duration::minutes(2),
        4 => Duration::minutes(5),
        _ => Duration::minutes(15),
    }
}

/// Pause after an asking before a message that anybody can make up who has seen one gives rise to the next, by how many such
/// askings in a row brought nothing: such messages must not use up what a courier lets us ask.
pub fn pause_before_hinted(idle: i64, interval: Duration) -> Duration {
    const DOUBLINGS_MAX: i64 = 20;
    Duration::minutes(1_i64 << idle.clamp(0, DOUBLINGS_MAX)).min(interval)
}

/// Pause before a shipment is asked after again of which its courier tells by itself: only so that silence is noticed.
pub fn pause_of_safety_net(pause: Duration) -> Duration {
    (pause * 4).min(Duration::days(1))
}

/// Pause before a shipment is asked after again: most parcels arrive within two days, and quotas are by the day.
pub fn pause_before_tracking(interval: Duration, age: Duration) -> Duration {
    const DAY: Duration = Duration::days(1);
    let factor = match age.num_days() {
        ..=2 => 1,
        3..=13 => 4,
        _ => 12,
    };
    (interval * factor).min(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParcelStatus::{
        Announced, Delivered, FailedAttempt, InTransit, Lost, OutForDelivery, Returned, Returning,
    };

    #[test]
    fn a_shipment_goes_forward_and_is_cancelled_before_hand_over_only() {
        use ShipmentEvent as Event;
        use ShipmentState as State;
        let steps = [
            (Event::AllBooked, State::Booked),
            (Event::BookingWithdrawn, State::Requested),
            (Event::AllBooked, State::Booked),
            (Event::HandedOver, State::HandedOver),
            (Event::HandedOver, State::HandedOver),
            (Event::Travelled(Travel::Delivered), State::Delivered),
            (Event::Travelled(Travel::Underway), State::HandedOver),
            (Event::Travelled(Travel::Returned), State::Returned),
        ];
        let end = steps.iter().fold(State::Requested, |state, (event, expected)| {
            let next = state.apply(*event).unwrap();
            assert_eq!(next, *expected);
            next
        });
        assert_eq!(end.apply(Event::Cancelled), Err(NotAllowed));
        assert_eq!(State::Requested.apply(Event::HandedOver), Err(NotAllowed));
        assert_eq!(State::HandedOver.apply(Event::Cancelled), Err(NotAllowed));
        assert_eq!(State::Booked.apply(Event::Travelled(Travel::Delivered)), Err(NotAllowed));
        for event in [Event::AllBooked, Event::BookingWithdrawn, Event::HandedOver] {
            assert_eq!(State::Cancelled.apply(event), Err(NotAllowed));
        }
    }

    #[test]
    fn an_attempt_that_may_have_arrived_is_never_sent_again() {
        for state in AttemptState::ALL {
            let sent = state.apply(AttemptEvent::Sent);
            assert_eq!(sent.is_ok(), *state == AttemptState::Intent, "{state}");
        }
        assert_eq!(AttemptState::Unknown.apply(AttemptEvent::NotSent), Err(NotAllowed));
        assert_eq!(AttemptState::Unknown.apply(AttemptEvent::Withdrawn), Err(NotAllowed));
    }

    #[test]
    fn a_status_follows_from_the_whole_set_of_events() {
        let status = |events: &[ParcelStatus]| status_of(events.iter().copied());
        assert_eq!(status(&[]), None);
        assert_eq!(status(&[InTransit, Announced]), Some(InTransit));
        assert_eq!(status(&[OutForDelivery, Delivered, InTransit]), Some(Delivered));
        assert_eq!(status(&[FailedAttempt, OutForDelivery]), Some(OutForDelivery));
        assert_eq!(status(&[Delivered, Returning, Returned, InTransit]), Some(Returned));
        assert_eq!(status(&[Lost, InTransit]), Some(InTransit));
    }

    #[test]
    fn a_shipment_has_arrived_when_all_its_parcels_have() {
        assert_eq!(travel_of(&[Delivered, InTransit]), Travel::Underway);
        assert_eq!(travel_of(&[Delivered, Lost, OutForDelivery]), Travel::Underway);
        assert_eq!(travel_of(&[Delivered, Delivered]), Travel::Delivered);
        assert_eq!(travel_of(&[Delivered, Returned]), Travel::Returned);
        assert_eq!(travel_of(&[Returned, Lost]), Travel::Failed);
    }

    #[test]
    fn messages_that_bring_nothing_are_followed_ever_more_seldom() {
        let interval = Duration::hours(2);
        let pauses = [0, 1, 2, 6, 7, i64::MAX].map(|idle| pause_before_hinted(idle, interval).num_minutes());
        assert_eq!(pauses, [1, 2, 4, 64, 120, 120]);
        assert_eq!(pause_of_safety_net(interval), Duration::hours(8));
        assert_eq!(pause_of_safety_net(Duration::days(1)), Duration::days(1));
    }

    #[test]
    fn pauses_grow_and_the_search_lasts_half_an_hour() {
        let start = chrono::DateTime::UNIX_EPOCH;
        assert!(!is_search_over(start, start + Duration::minutes(29), 9));
        assert!(!is_search_over(start, start + Duration::hours(9), 2));
        assert!(is_search_over(start, start + Duration::minutes(30), 3));
        let interval = Duration::hours(2);
        assert_eq!(pause_before_tracking(interval, Duration::days(1)), interval);
        assert_eq!(pause_before_tracking(interval, Duration::days(30)), Duration::days(1));
    }
}
