//! What the sandbox remembers: quotes, deliveries, webhooks, tokens, counts.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{address::Address, webhooks::Controls, windows::Windows};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub quotes: BTreeMap<String, Quote>,
    pub deliveries: BTreeMap<String, Delivery>,
    /// In the order of their making; the oldest that were settled go first.
    pub notifications: Vec<Notification>,
    pub controls: Controls,
    pub oddities: Oddities,
    /// Access tokens and when they end.
    pub tokens: BTreeMap<String, DateTime<Utc>>,
    /// How many ids were given.
    pub ids: u64,
    pub delivery_count: u64,
    /// The ten minutes that are counted, and their calls.
    pub counted_since: Option<DateTime<Utc>>,
    pub counted: u64,
}

/// How answers are odd, on order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oddities {
    /// So many of the next quotes and deliveries find no courier: 503 `couriers_busy`, and nothing is booked.
    pub couriers_busy: u32,
    /// So many of the next quotes and deliveries are out of the area because couriers are few.
    pub limited_couriers: u32,
    /// The customer owes money: 402.
    pub suspended: bool,
    /// The customer may not order: 403.
    pub blocked: bool,
}

/// The sandbox's own books, for tests and people.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    pub quotes: Vec<Quote>,
    /// In the order of booking, ways back among them.
    pub deliveries: Vec<Delivery>,
    pub notifications: Vec<Notification>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub id: String,
    pub pickup: Address,
    pub dropoff: Address,
    /// Minor units.
    pub fee: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    pub external_store_id: Option<String>,
    pub created: DateTime<Utc>,
    pub expires: DateTime<Utc>,
    /// The delivery that used it.
    pub used_by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    /// The courier is on the way to the store.
    Pickup,
    PickupComplete,
    Dropoff,
    Delivered,
    Canceled,
    Returned,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its place in the order of booking.
    pub place: u64,
    /// `del_…`, of a way back `ret_…`.
    pub id: String,
    pub uuid: String,
    pub quote_id: Option<String>,
    pub status: Status,
    pub manifest_reference: Option<String>,
    pub external_id: Option<String>,
    pub idempotency_key: Option<String>,
    /// Minor units, the tip included.
    pub fee: i64,
    pub tip: i64,
    /// ISO 4217, upper case.
    pub currency: String,
    pub pickup: Address,
    pub dropoff: Address,
    pub windows: Windows,
    pub min_age: Option<i64>,
    /// What shall be done with what can't be handed over.
    pub undeliverable_action: String,
    /// The body that made it, as changed since.
    pub request: Value,
    pub pincode: Option<String>,
    pub undeliverable_reason: Option<String>,
    pub cancelation_reason: Option<String>,
    pub related: Option<Related>,
    /// When each status began, the first being its making.
    pub history: Vec<(Status, DateTime<Utc>)>,
    /// What a robot courier will do, and when.
    pub plan: Vec<(Status, DateTime<Utc>)>,
    pub courier_told_at: Option<DateTime<Utc>>,
}

/// The other half of a delivery that comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Related {
    pub id: String,
    /// `return` or `original`: what the other one is.
    pub relationship: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// `evt_…`.
    pub id: String,
    pub kind: String,
    pub delivery_id: String,
    /// The exact text that is signed.
    pub body: String,
    pub made_at: DateTime<Utc>,
    /// None when it is settled.
    pub due: Option<DateTime<Utc>>,
    pub attempts: u32,
    /// The last answer; none when there was none.
    pub answered: Option<u16>,
    pub accepted: bool,
    /// How many more times it is sent although it was accepted.
    pub duplicates: u32,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Pickup => "pickup",
            Self::PickupComplete => "pickup_complete",
            Self::Dropoff => "dropoff",
            Self::Delivered => "delivered",
            Self::Canceled => "canceled",
            Self::Returned => "returned",
        }
    }

    pub fn is_end(self) -> bool {
        matches!(self, Self::Delivered | Self::Canceled | Self::Returned)
    }

    /// The parcel is still in the store.
    pub fn is_before_pickup(self) -> bool {
        matches!(self, Self::Pending | Self::Pickup)
    }

    /// The next status of a smooth delivery.
    pub fn next(self) -> Option<Self> {
        match self {
            Self::Pending => Some(Self::Pickup),
            Self::Pickup => Some(Self::PickupComplete),
            Self::PickupComplete => Some(Self::Dropoff),
            Self::Dropoff => Some(Self::Delivered),
            Self::Delivered | Self::Canceled | Self::Returned => None,
        }
    }
}

impl Delivery {
    pub fn created(&self) -> DateTime<Utc> {
        self.history.first().map_or(DateTime::UNIX_EPOCH, |(_, at)| *at)
    }

    pub fn updated(&self) -> DateTime<Utc> {
        self.history.last().map_or(DateTime::UNIX_EPOCH, |(_, at)| *at)
    }

    /// When it came to this status.
    pub fn since(&self, status: Status) -> Option<DateTime<Utc>> {
        self.history.iter().find(|(one, _)| *one == status).map(|(_, at)| *at)
    }

    pub fn is_way_back(&self) -> bool {
        self.id.starts_with("ret_")
    }
}

impl Books {
    /// The deliveries of this reference that neither were cancelled nor are a way back.
    pub fn live_with_reference(&self, reference: &str) -> Vec<&Delivery> {
        let bears = |one: &&Delivery| one.manifest_reference.as_deref() == Some(reference);
        let lives = |one: &&Delivery| one.status != Status::Canceled && !one.is_way_back();
        self.deliveries.iter().filter(bears).filter(lives).collect()
    }
}

impl State {
    pub fn books(&self) -> Books {
        let mut deliveries: Vec<Delivery> = self.deliveries.values().cloned().collect();
        deliveries.sort_by_key(|delivery| delivery.place);
        let mut quotes: Vec<Quote> = self.quotes.values().cloned().collect();
        quotes.sort_by_key(|quote| quote.created);
        Books { quotes, deliveries, notifications: self.notifications.clone() }
    }

    /// An id that is new, with 22 characters after its prefix.
    pub fn next_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        let digest = crate::sandbox::digest::sha256_hex(format!("{prefix}{}", self.ids).as_bytes());
        format!("{prefix}{}", digest.get(..22).unwrap_or_default())
    }
}
