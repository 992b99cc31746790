//! What is booked at a courier, and what becomes of it.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{CallError, Label, LabelFormat, PickupPoint};

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
    /// The courier's pick-up point that it is the address of, when the recipient fetches the parcel there.
    pub pickup_point: Option<PickupPoint>,
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
    /// Goods that come back: the sender is the shopper and hands the parcel in, the recipient is the store, and the retailer
    /// pays as for any other parcel.
    pub is_return: bool,
    /// The form of the label.
    pub label_format: LabelFormat,
    /// By what the courier knows the store, where that is another shipper than its account's own.
    pub shipper: Option<String>,
}

/// What became of something that a courier was asked to take on: a parcel, or the order of a driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<C> {
    /// The courier has it.
    Confirmed(C),
    /// The courier surely does not have it and would not take it as it is.
    Rejected(Rejection),
    /// The courier surely never saw it: it may be sent again, or given to another courier.
    NotSent {
        /// For whoever looks at it.
        detail: String,
    },
    /// The courier may have it. Look for it by its reference before anything else.
    Unknown {
        /// For whoever looks at it.
        detail: String,
    },
}

/// What became of a booking.
pub type BookOutcome = Outcome<Confirmation>;

/// Of a call that failed: only what surely never reached the courier, or was turned away at its door, is known not to have been
/// taken on.
impl<C> From<CallError> for Outcome<C> {
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
    /// A picture (PNG) of a code that the courier's shops print the label from, where it gives one.
    pub qr_label: Option<Box<[u8]>>,
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

impl Rejection {
    /// What the courier said, for people.
    pub fn in_words(&self) -> String {
        let words: Vec<String> = self
            .messages
            .iter()
            .map(|message| format!("{} {}", message.property, message.text).trim().to_owned())
            .collect();
        let why = match self.reason {
            RejectionReason::NotServed => "the courier does not offer this",
            RejectionReason::Data | RejectionReason::Unauthorised => "the courier refused it",
        };
        if words.is_empty() { why.to_owned() } else { format!("{why}: {}", words.join("; ")) }
    }
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

/// What became of a cancellation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CancelOutcome {
    /// The courier no longer has the booking.
    Cancelled,
    /// The courier took the cancellation and decides later: it is asked what became of it, and nothing is sent again.
    Pending,
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
