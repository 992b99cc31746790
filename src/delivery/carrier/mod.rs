//! The trait of every courier, and the requests and answers that it speaks in.
//!
//! The types are ours, small and total: an adapter maps them to and from its partner's wire and nothing of that wire shows
//! here. What a courier can't do is declared in [`Capabilities`], never faked. The one rule above all others: an outcome
//! that is not known for certain is [`BookOutcome::Unknown`], and an unknown booking is looked for by its reference before
//! anything else is tried. `booking.rs` has what is booked and what becomes of it, `label.rs` what is stuck on it, `pickup.rs`
//! who comes for it, `quote.rs` what it would cost, `returns.rs` how goods come back, `size.rs` how large it may be, `place.rs` what a courier knows of places,
//! `point.rs` where it keeps parcels for their recipients, `tracking.rs` what happens to it, `push.rs` how the courier tells so
//! by itself. Where next: `carriers/` has the adapters, of which `dhl` was the first.

mod booking;
mod label;
mod pickup;
mod place;
mod point;
mod push;
mod quote;
mod returns;
mod size;
mod tracking;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{DateTime, NaiveDate, Utc};

pub use booking::{
    Address, BookOutcome, BookedParcel, Booking, CancelOutcome, ClosedShipment, Confirmation, FieldMessage,
    NotAReference, Outcome, Reference, Rejection, RejectionReason,
};
pub use label::{Label, LabelFormat};
pub use pickup::{PickupConfirmation, PickupOutcome, PickupRequest, Pickups};
pub use place::{AddressFinding, AddressQuestion, AddressVerdict, Suggestion};
pub use point::{
    CUSTOMER_NUMBER, FoundPoint, PickupPoint, PointAbilities, PointFault, PointKind, PointQuestion, STREET,
};
pub use push::{Notice, Pushes, Subject, Subscribed, Validation};
pub use quote::{LiveQuote, QuoteParcel, QuoteRequest};
pub use returns::Returns;
pub use size::{SizeLimits, descending};
pub use tracking::{ParcelStatus, Tracking, TrackingEvent};

/// A courier that takes parcels from a store to a home.
#[async_trait]
pub trait Carrier: fmt::Debug + Send + Sync {
    /// What this courier can do.
    fn capabilities(&self) -> Capabilities;

    /// Where anybody can see how far a parcel has come.
    fn tracking_url(&self, tracking_number: &str) -> String;

    /// What the courier asks for now and promises, where it says so itself; nothing where only a table does. It books nothing
    /// and changes nothing.
    async fn quote(&self, _request: &QuoteRequest) -> Result<Option<LiveQuote>, CallError> {
        Ok(None)
    }

    /// Whether a recipient's address is there; nothing where the courier offers no such check. It books nothing.
    async fn check_address(&self, _question: &AddressQuestion) -> Result<Option<AddressVerdict>, CallError> {
        Ok(None)
    }

    /// Why a pick-up point can't be used, of those of this courier; the pointer is into the address.
    fn pickup_fault(&self, _point: &PickupPoint, _address: &Address) -> Option<PointFault> {
        Some(("/pickup_point/carrier", "this courier goes to doors only"))
    }

    /// The pick-up points near an address, the nearest first, where the courier has a search for them.
    async fn pickup_points(&self, _near: &PointQuestion) -> Result<Vec<FoundPoint>, CallError> {
        Ok(Vec::new())
    }

    /// Books one parcel. Never repeated by the adapter once the request may have reached the courier.
    async fn book(&self, booking: &Booking) -> BookOutcome;

    /// Every parcel that the courier holds under our reference and that was booked about this day. An empty list may mean
    /// that the courier does not know it yet.
    async fn find_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError>;

    /// The label again; `None` when the courier does not give it any more, or never gives one.
    async fn fetch_label(
        &self,
        carrier_shipment_id: &str,
        format: LabelFormat,
    ) -> Result<Option<Label>, CallError>;

    /// Makes the label of a parcel anew: the parcel has another number then, under the same reference, and the old one is
    /// taken back. Never repeated by the adapter once the request may have reached the courier.
    async fn reissue_label(&self, _carrier_shipment_id: &str, _format: LabelFormat) -> BookOutcome {
        BookOutcome::Rejected(Rejection { reason: RejectionReason::NotServed, messages: Vec::new() })
    }

    /// Takes a booking back. `is_repeat` says that a cancellation was sent before whose answer was lost: "no such
    /// shipment" then means that it worked.
    async fn cancel(&self, carrier_shipment_id: &str, is_repeat: bool) -> Result<CancelOutcome, CallError>;

    /// What became of a cancellation that was [`CancelOutcome::Pending`]; it is asked for only, and nothing is sent again.
    async fn cancellation(&self, _carrier_shipment_id: &str) -> Result<CancelOutcome, CallError> {
        Err(CallError::Refused("the courier leaves no cancellation open".to_owned()))
    }

    /// What happened to a parcel; `None` when the courier does not know it, which shortly after a booking means "not yet".
    async fn track(
        &self,
        parcel: &BookedParcel,
        recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError>;

    /// Declares these parcels handed over: from now on they can't be cancelled. Closing twice does no harm.
    async fn close_day(&self, carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError>;

    /// What the courier prints of the day on which parcels were closed at this moment (PDF); `None` when there is nothing
    /// (yet).
    async fn fetch_manifest(&self, _closed_at: DateTime<Utc>) -> Result<Option<Vec<u8>>, CallError> {
        Ok(None)
    }

    /// Orders a driver. Never repeated by the adapter once the order may have reached the courier.
    async fn book_pickup(&self, _request: &PickupRequest) -> PickupOutcome {
        PickupOutcome::Rejected(Rejection { reason: RejectionReason::NotServed, messages: Vec::new() })
    }

    /// The order that the courier holds under the reference of this request; `None` when it surely has none.
    async fn find_pickup(&self, _request: &PickupRequest) -> Result<Option<PickupConfirmation>, CallError> {
        Err(CallError::Refused("the courier can't be asked for orders of a driver".to_owned()))
    }

    /// Takes an order of a driver back. `is_repeat` as for [`Carrier::cancel`].
    async fn cancel_pickup(
        &self,
        _carrier_pickup_id: &str,
        _is_repeat: bool,
    ) -> Result<CancelOutcome, CallError> {
        Err(CallError::Refused("the courier takes no order of a driver back".to_owned()))
    }

    /// Whether and how the courier tells by itself what happens; nothing where it does not, or where we have nothing to
    /// prove its messages with.
    fn pushes(&self) -> Option<Pushes> {
        None
    }

    /// Has the courier tell of these parcels, at most 100. Answers those that it took. Asked twice does no harm: each time
    /// it tells on for the time that [`Subscribed::Parcels`] says.
    async fn subscribe_parcels(&self, _tracking_numbers: &[String]) -> Result<Vec<String>, CallError> {
        Err(CallError::Refused("parcels are not subscribed to".to_owned()))
    }

    /// Has the courier tell this address of all our parcels, unless it does so already; with `anew` what stands is ended
    /// first.
    async fn subscribe_account(&self, _address: &str, _anew: bool) -> Result<(), CallError> {
        Err(CallError::Refused("accounts are not subscribed to".to_owned()))
    }

    /// Gives the courier the secret back that a subscription begins with.
    async fn confirm_subscription(&self, _validation: &Validation) -> Result<(), CallError> {
        Err(CallError::Refused("subscriptions are not confirmed".to_owned()))
    }

    /// What a message of the courier is about, once it is proven to be the courier's. What it says is not believed: the
    /// courier is asked.
    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
        let _ = (headers, body);
        Err(NoticeError::NotOffered)
    }
}

/// What a courier can do; checked before a shopper is offered a delivery.
#[expect(clippy::struct_excessive_bools, reason = "each is an ability of its own, not a state")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// The courier's key in our records.
    pub name: &'static str,
    /// Sending a booking twice gives one parcel.
    pub is_booking_idempotent: bool,
    /// An unknown booking can be looked for by our reference.
    pub finds_by_reference: bool,
    /// Parcels bear a label of the courier. Without one a parcel is ready to go as soon as it is booked.
    pub gives_labels: bool,
    /// A label can be fetched again before the day is closed.
    pub refetches_labels: bool,
    /// A label can be had again as another parcel alone.
    pub reissues_labels: bool,
    /// How its days are closed, where parcels must be declared handed over.
    pub closing: Option<Closing>,
    /// What can be done with orders of a driver, where one can be ordered.
    pub pickups: Option<Pickups>,
    /// Carries chilled goods.
    pub carries_chilled: bool,
    /// Rides in the surroundings of a store only, and at once: whether there is a courier is known no earlier than at the
    /// booking.
    pub is_local: bool,
    /// How long a store picks and packs before a courier that comes at once is there; nought for all others.
    pub preparation: chrono::Duration,
    /// Takes nothing to a recipient who has no phone.
    pub calls_recipients: bool,
    /// Asked at least this often how far a parcel has come; without it as often as the retailer wants.
    pub follow_every: Option<Duration>,
    /// How it brings goods back from shoppers, where it does.
    pub returns: Option<Returns>,
    /// The ages that can be checked at the door.
    pub age_checks: &'static [i64],
    /// The heaviest parcel.
    pub weight_grams_max: i64,
    /// The largest parcel.
    pub size: SizeLimits,
    /// What it does at pick-up points.
    pub pickup: PointAbilities,
    /// The countries whose addresses it can check, ISO 3166-1 alpha-2.
    pub checks_addresses: Vec<&'static str>,
    /// The countries of recipients, ISO 3166-1 alpha-2.
    pub countries: Vec<&'static str>,
}

/// How a courier's days are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// So long after a closing was due the courier has surely closed by itself what it was not told of.
    pub by_itself_after: chrono::Duration,
    /// It prints a document of what was closed.
    pub gives_manifest: bool,
}

/// Why a question to the courier has no answer. A booking has [`BookOutcome`] instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The courier never saw the call.
    #[error("the courier could not be reached: {0}")]
    NotSent(String),
    /// No answer in time, a failure on the courier's side, or an answer that can't be read. What the call was to do may
    /// have been done.
    #[error("the courier's answer is missing or unusable: {0}")]
    NoAnswer(String),
    /// Too many calls: wait.
    #[error("the courier asks to slow down")]
    Throttled,
    /// Our account is not accepted, also with a fresh token.
    #[error("the courier does not accept our account")]
    Unauthorised,
    /// The courier understood and refused.
    #[error("the courier refused: {0}")]
    Refused(String),
}

/// Why a message is not a courier's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeError {
    /// The courier sends no messages that it signs, or we have no key to check them with.
    #[error("the courier signs no messages")]
    NotOffered,
    /// It is not proven to be the courier's.
    #[error("not proven to be the courier's: {0}")]
    Forged(&'static str),
}

impl CallError {
    /// The same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::NoAnswer(_) | Self::Throttled)
    }

    /// What the call was to do was surely not done: it never arrived, or was turned away at the door.
    pub fn left_no_trace(&self) -> bool {
        matches!(self, Self::NotSent(_) | Self::Throttled | Self::Unauthorised)
    }
}
