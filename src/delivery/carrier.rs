//! The trait of every courier, and the requests and answers that it speaks in.
//!
//! The types are ours, small and total: an adapter maps them to and from its partner's wire and nothing of that wire shows
//! here. What a courier can't do is declared in [`Capabilities`], never faked. The one rule above all others: an outcome
//! that is not known for certain is [`BookOutcome::Unknown`], and an unknown booking is looked for by its reference before
//! anything else is tried. Where next: `carriers/` has the adapters, of which `dhl` was the first.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

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

    /// Takes a booking back. `is_repeat` says that a cancellation was sent before whose answer was lost: "no such
    /// shipment" then means that it worked.
    async fn cancel(&self, carrier_shipment_id: &str, is_repeat: bool) -> Result<CancelOutcome, CallError>;

    /// What happened to a parcel; `None` when the courier does not know it, which shortly after a booking means "not yet".
    async fn track(
        &self,
        parcel: &BookedParcel,
        recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError>;

    /// Declares these parcels handed over: from now on they can't be cancelled. Closing twice does no harm.
    async fn close_day(&self, carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError>;

    /// The booking that a message of the courier is about, by our reference, once the message is proven to be the
    /// courier's; `None` when it says nothing about how far a parcel has come. What it says is not believed: the courier is
    /// asked. Most couriers sign no messages.
    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Option<Reference>, NoticeError> {
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
    /// Parcels must be declared handed over at the end of a day.
    pub closes_days: bool,
    /// Carries chilled goods.
    pub carries_chilled: bool,
    /// Rides in the surroundings of a store only, and at once: whether there is a courier is known no earlier than at the
    /// booking.
    pub is_local: bool,
    /// Takes nothing to a recipient who has no phone.
    pub calls_recipients: bool,
    /// Asked at least this often how far a parcel has come; without it as often as the retailer wants.
    pub follow_every: Option<Duration>,
    /// The ages that can be checked at the door.
    pub age_checks: &'static [i64],
    /// The heaviest parcel.
    pub weight_grams_max: i64,
    /// The countries of recipients, ISO 3166-1 alpha-2.
    pub countries: Vec<&'static str>,
}

/// What a courier is to bring, before anything is booked.
#[derive(Clone, Debug)]
pub struct QuoteRequest {
    /// The store.
    pub sender: Address,
    /// Where to: name and street may be missing as long as the shopper has not said them.
    pub recipient: Address,
    /// The weights in grams of the parcels, cartons included.
    pub parcels: Vec<i64>,
    /// What the store sells in.
    pub currency: Currency,
    /// When the goods can be collected at the earliest.
    pub ready_at: DateTime<Utc>,
    /// The recipient must be at least this old, and the courier checks it.
    pub age_min: Option<i64>,
}

/// What a courier asks for, for all parcels together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveQuote {
    /// What the courier calls its service.
    pub service: String,
    /// What it costs us, taxes included where the courier says them.
    pub price: Money,
    /// By when it collects, where it says so.
    pub leaves_by: Option<DateTime<Utc>>,
    /// When it arrives, at the earliest and at the latest, where it says so.
    pub arrives: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Until when it holds, where it does not hold on.
    pub valid_until: Option<DateTime<Utc>>,
    /// The courier's name of it, where a booking can name it.
    pub quote: Option<String>,
}

/// Our name of one booking attempt: 8 to 35 of `A-Z`, `0-9` and `-`, which every courier accepts. A new attempt takes a new
/// reference; a resent one keeps its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Reference(String);

/// A text that is no [`Reference`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reference has 8 to 35 characters of A-Z, 0-9 and -")]
pub struct NotAReference;

impl Reference {
    /// Reads a reference.
    pub fn new(text: impl Into<String>) -> Result<Self, NotAReference> {
        let text = text.into();
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
        if (8..=35).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text))
        } else {
            Err(NotAReference)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a parcel starts or ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// The person or the store.
    pub name: String,
    /// The company, when the person receives it there.
    pub company: Option<String>,
    /// Without the house number.
    pub street: String,
    /// With its letter: `12a`.
    pub house_number: Option<String>,
    /// Floor, building, back yard.
    pub line_2: Option<String>,
    /// As the country writes it.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// In international form (ITU E.164), for the couriers that need it to go abroad.
    pub phone: Option<String>,
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Address").field("country", &self.country).finish_non_exhaustive()
    }
}

/// One parcel to book.
#[derive(Clone, Debug)]
pub struct Booking {
    /// Our name of this attempt.
    pub reference: Reference,
    /// When it is asked for: a courier that comes at once is timed from here.
    pub asked_at: DateTime<Utc>,
    /// The day of hand-over; without it the courier's today.
    pub ship_date: Option<NaiveDate>,
    /// The store.
    pub sender: Address,
    /// The shopper.
    pub recipient: Address,
    /// Where the courier may send its own notices; only with the shopper's consent.
    pub notify_email: Option<String>,
    /// Rounded up.
    pub weight_grams: i64,
    /// Length, width and height: all or none.
    pub dimensions_mm: Option<[i64; 3]>,
    /// The recipient must be at least this old, and the courier checks it.
    pub age_min: Option<i64>,
    /// Nobody else may take the parcel.
    pub recipient_only: bool,
    /// The form of the label.
    pub label_format: LabelFormat,
}

/// What became of a booking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookOutcome {
    /// The courier has it.
    Confirmed(Confirmation),
    /// The courier surely does not have it and would not take it as it is.
    Rejected(Rejection),
    /// The courier surely never saw it: it may be sent again, or given to another courier.
    NotSent {
        /// For the log of the attempt.
        detail: String,
    },
    /// The courier may have it. Look for it by its reference before anything else.
    Unknown {
        /// For the log of the attempt.
        detail: String,
    },
}

/// A booking whose call failed: only one that surely never reached the courier, or was turned away at its door, is known
/// not to have been made.
impl From<CallError> for BookOutcome {
    fn from(error: CallError) -> Self {
        match error {
            CallError::NotSent(detail) => Self::NotSent { detail },
            CallError::Unauthorised => {
                Self::Rejected(Rejection { reason: RejectionReason::Unauthorised, messages: Vec::new() })
            }
            other => Self::Unknown { detail: other.to_string() },
        }
    }
}

/// A booking that the courier has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    /// The courier's name of the shipment: labels, cancelling, closing.
    pub carrier_shipment_id: String,
    /// The number that the shopper follows.
    pub tracking_number: String,
    /// Missing or unreadable labels leave the booking valid: fetch it again.
    pub label: Option<Label>,
    /// What the courier had to say although it took the parcel.
    pub warnings: Vec<FieldMessage>,
}

/// A booking that the courier refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// What to do about it.
    pub reason: RejectionReason,
    /// The courier's own words, field by field where it names them.
    pub messages: Vec<FieldMessage>,
}

/// What to do about a refused booking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionReason {
    /// Address, weight or service are wrong: correct them.
    Data,
    /// This courier does not offer it: try another.
    NotServed,
    /// Our account is not accepted: alert staff.
    Unauthorised,
}

/// What the courier said about one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldMessage {
    /// The courier's name of the field; empty when it speaks of the whole.
    pub property: String,
    /// In the courier's words.
    pub text: String,
}

/// A parcel that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedParcel {
    /// The courier's name of the shipment.
    pub carrier_shipment_id: String,
    /// The number that the shopper follows.
    pub tracking_number: String,
}

crate::text_enum! {
    /// The forms of a label.
    pub enum LabelFormat {
        /// For any printer.
        Pdf = "pdf",
        /// For label printers.
        Zpl = "zpl",
    }
}

impl LabelFormat {
    /// The media type to serve it with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Zpl => "application/zpl",
        }
    }
}

/// What is printed and stuck on the parcel.
#[derive(Clone, PartialEq, Eq)]
pub struct Label {
    /// What `bytes` are.
    pub format: LabelFormat,
    /// The document.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Label {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Label({:?}, {} bytes)", self.format, self.bytes.len())
    }
}

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The courier no longer has the booking.
    Cancelled,
    /// The courier keeps it, or never knew it: the booking stays as it was.
    Refused {
        /// In the courier's words.
        detail: String,
    },
}

/// One parcel of a closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedShipment {
    /// The courier's name of the shipment.
    pub carrier_shipment_id: String,
    /// Closed now or before; otherwise why not, in the courier's words.
    pub result: Result<(), String>,
}

/// A parcel's travel as the courier tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Oldest first. The whole travel, each time: events are told apart by their `dedupe_key`, and the newest telling of
    /// an event counts, for it may since have been taken back or turned out to be part of a return.
    pub events: Vec<TrackingEvent>,
}

/// One thing that happened to a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingEvent {
    /// The same event has the same key in every answer.
    pub dedupe_key: String,
    /// With the offset of the place, where the courier tells it.
    pub occurred_at: DateTime<FixedOffset>,
    /// The courier's own code.
    pub raw_code: String,
    /// What it means; `None` when the code is new to us and says nothing about the state.
    pub status: Option<ParcelStatus>,
    /// Where, in the courier's words.
    pub place: Option<String>,
    /// In the courier's words.
    pub description: Option<String>,
    /// The courier took the event back: it never happened.
    pub is_retracted: bool,
}

crate::text_enum! {
    /// How far a parcel has come. The first seven follow each other on a smooth travel.
    pub enum ParcelStatus {
        /// Booked; the courier has not seen it.
        Announced = "announced",
        /// The courier has it.
        PickedUp = "picked_up",
        /// On its way.
        InTransit = "in_transit",
        /// In the van.
        OutForDelivery = "out_for_delivery",
        /// Nobody there, wrong address, failed age check.
        FailedAttempt = "failed_attempt",
        /// Waits in a shop or locker.
        AtPickupPoint = "at_pickup_point",
        /// With the recipient or a neighbour.
        Delivered = "delivered",
        /// On its way back to the store.
        Returning = "returning",
        /// Back at the store.
        Returned = "returned",
        /// Nobody knows where it is.
        Lost = "lost",
        /// Damaged, misrouted, not collected: a person looks.
        Exception = "exception",
        /// Taken back before hand-over.
        Cancelled = "cancelled",
    }
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
}
