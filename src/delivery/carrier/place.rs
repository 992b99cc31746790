//! What a courier knows of places.

use chrono::{DateTime, Utc};

use super::{Address, Booking, CallError, FieldMessage, LabelFormat, Reference, Rejection, RejectionReason};

/// The weight of a parcel that is asked about and never sent.
const TRIAL_GRAMS: i64 = 1_000;

/// Whether a recipient lives where it is said.
#[derive(Clone, Debug)]
pub struct AddressQuestion {
    /// The store: some couriers know places only as the end of a way.
    pub sender: Address,
    /// The recipient; the name may be missing.
    pub recipient: Address,
    /// Now.
    pub asked_at: DateTime<Utc>,
}

crate::text_enum! {
    /// What a courier says of an address.
    pub enum AddressFinding {
        /// It knows the address.
        Known = "known",
        /// It knows something like it, and says what.
        Unsure = "unsure",
        /// There is no such address.
        Unknown = "unknown",
        /// It may be there, and the courier does not go there.
        NotServed = "not_served",
    }
}

/// What a courier says of an address, in its own words beside ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressVerdict {
    /// What it comes to.
    pub finding: AddressFinding,
    /// The courier's own words.
    pub messages: Vec<FieldMessage>,
    /// What it has instead, the likeliest first.
    pub suggestions: Vec<Suggestion>,
}

/// An address as a courier writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// Street and house number in one line.
    pub street_line: String,
    /// The town.
    pub city: String,
    /// As the country writes it.
    pub postal_code: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl AddressVerdict {
    /// A finding without more to say.
    pub fn of(finding: AddressFinding, messages: Vec<FieldMessage>) -> Self {
        Self { finding, messages, suggestions: Vec::new() }
    }
}

impl AddressQuestion {
    /// A parcel to this address, for couriers that check addresses of parcels only.
    pub fn trial(&self) -> Result<Booking, CallError> {
        let mut recipient = self.recipient.clone();
        if recipient.name.trim().is_empty() {
            // Somebody has to be named; who it is does not matter to a place.
            recipient.name.clone_from(&self.sender.name);
        }
        let reference =
            Reference::new("ADDRESS-CHECK").map_err(|error| CallError::Refused(error.to_string()))?;
        Ok(Booking {
            reference,
            asked_at: self.asked_at,
            ship_date: None,
            sender: self.sender.clone(),
            recipient,
            notify_email: None,
            weight_grams: TRIAL_GRAMS,
            dimensions_mm: None,
            age_min: None,
            recipient_only: false,
            is_return: false,
            label_format: LabelFormat::Pdf,
            shipper: None,
        })
    }
}

/// A refusal before the call: that a courier does not go there is an answer, anything else is none.
impl TryFrom<Rejection> for AddressVerdict {
    type Error = CallError;

    fn try_from(rejection: Rejection) -> Result<Self, CallError> {
        if rejection.reason == RejectionReason::NotServed {
            return Ok(Self::of(AddressFinding::NotServed, rejection.messages));
        }
        let words: Vec<String> = rejection.messages.into_iter().map(|message| message.text).collect();
        Err(CallError::Refused(words.join("; ")))
    }
}
