//! What a delivery would cost, before anything is booked.

use chrono::{DateTime, NaiveDate, Utc};

use super::Address;
use crate::money::{Currency, Money};

/// What a courier is to bring, before anything is booked.
#[derive(Clone, Debug)]
pub struct QuoteRequest {
    /// The store.
    pub sender: Address,
    /// Where to: name and street may be missing as long as the shopper has not said them.
    pub recipient: Address,
    /// The parcels.
    pub parcels: Vec<QuoteParcel>,
    /// What the store sells in.
    pub currency: Currency,
    /// When it is asked: a courier that comes at once is timed from here.
    pub asked_at: DateTime<Utc>,
    /// The day, by the store's clock, on which the goods go out to couriers that collect once a day.
    pub leaves_on: NaiveDate,
    /// The recipient must be at least this old, and the courier checks it.
    pub age_min: Option<i64>,
}

/// A parcel before it is booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuoteParcel {
    /// With its carton; rounded up.
    pub weight_grams: i64,
    /// Length, width and height: all or none.
    pub dimensions_mm: Option<[i64; 3]>,
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
    /// How many minutes the goods are underway, from the store's door to the recipient's, where it says so.
    pub underway_minutes: Option<i64>,
    /// Until when it holds, where it does not hold on.
    pub valid_until: Option<DateTime<Utc>>,
    /// The courier's name of it, where a booking can name it.
    pub quote: Option<String>,
}
