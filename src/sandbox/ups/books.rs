//! The sandbox's own books: what was booked, so that a test can prove "exactly one live package".

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::places::Address;
use super::statuses::{self, Stage};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Books {
    /// In the order of booking.
    pub shipments: Vec<Shipment>,
    pub pickups: Vec<Pickup>,
    /// By tracking number.
    pub subscriptions: BTreeMap<String, Subscription>,
    /// Whether all packages of the account are pushed.
    pub account_subscribed: bool,
    /// Oldest first.
    pub pushes: Vec<Push>,
    /// Calls by operation, answered or not.
    pub calls: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Shipment {
    /// The tracking number of its first package.
    pub id: String,
    /// The service's code, such as `03`.
    pub service: String,
    pub shipper_name: String,
    pub from: Address,
    pub to: Address,
    /// Of the shipment; those of packages stand there.
    pub references: Vec<String>,
    pub adult_signature: bool,
    /// The shop where it is held for the recipient.
    pub access_point: Option<String>,
    pub is_return: bool,
    pub packages: Vec<Package>,
    /// `GIF`, `ZPL`, `EPL` or `SPL`, as it was asked for.
    pub label_format: String,
    pub currency: String,
    /// In cents.
    pub total_charges: i64,
    pub booked_at: DateTime<Utc>,
    /// The day on which UPS collects it, in the sender's own time.
    pub ship_date: NaiveDate,
    pub delivery_date: NaiveDate,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Package {
    pub tracking_number: String,
    pub references: Vec<String>,
    /// As it was sent, such as `9.3`.
    pub weight: String,
    /// `LBS` or `KGS`.
    pub weight_unit: String,
    pub adult_signature: bool,
    /// Of the label as it was given at booking.
    pub label_sha256: String,
    pub voided_at: Option<DateTime<Utc>>,
    /// In the order in which UPS learnt of them, which is not always the order in which they happened.
    pub activities: Vec<Activity>,
    /// Somebody told it what to do, so it does not follow the timetable.
    pub is_led: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    pub at: DateTime<Utc>,
    /// UPS's numeric status, three digits.
    pub status_code: String,
    pub city: String,
    pub state: String,
    pub country: String,
    pub postal_code: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pickup {
    pub prn: String,
    /// `yyyyMMdd`, `HHmm` and `HHmm`, in the place's own time.
    pub date: String,
    pub ready: String,
    pub close: String,
    pub contact: String,
    pub reference: String,
    pub pieces: u32,
    /// The place as it was sent.
    #[serde(default)]
    pub place: String,
    pub booked_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Subscription {
    /// `standard` or `enhanced`.
    pub kind: String,
    /// The types of activities that are pushed; empty is all of them.
    pub preferences: Vec<String>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Push {
    pub id: u64,
    pub tracking_number: String,
    pub body: String,
    pub status: PushStatus,
    pub attempts: u32,
    /// What the service answered last.
    pub last_status: Option<u16>,
    pub next_attempt_at: DateTime<Utc>,
    /// How many more times it is sent after it was accepted.
    pub duplicates: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PushStatus {
    Pending,
    Delivered,
    /// Every attempt failed.
    Failed,
    /// Lost on purpose.
    Dropped,
}

impl Books {
    pub fn package(&self, number: &str) -> Option<(&Shipment, &Package)> {
        self.shipments.iter().find_map(|shipment| Some((shipment, shipment.package(number)?)))
    }

    /// Shipments with this reference of which a package is neither void nor cancelled.
    pub fn live_with_reference(&self, reference: &str) -> Vec<&Shipment> {
        self.shipments.iter().filter(|one| one.has_reference(reference) && one.is_live()).collect()
    }
}

impl Shipment {
    pub fn package(&self, number: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.tracking_number == number)
    }

    /// Whether the shipment or one of its packages bears this reference.
    pub fn has_reference(&self, reference: &str) -> bool {
        let of_packages = self.packages.iter().flat_map(|package| &package.references);
        self.references.iter().chain(of_packages).any(|own| own == reference)
    }

    pub fn is_live(&self) -> bool {
        self.packages.iter().any(|package| package.voided_at.is_none())
    }
}

impl Package {
    /// What happened, newest first; of two at one time the one that was learnt of later comes first.
    pub fn newest_first(&self) -> Vec<&Activity> {
        let mut activities: Vec<&Activity> = self.activities.iter().rev().collect();
        activities.sort_by_key(|activity| std::cmp::Reverse(activity.at));
        activities
    }

    pub fn stage(&self) -> Stage {
        self.newest_first()
            .first()
            .map_or(Stage::Announced, |activity| statuses::stage(&activity.status_code))
    }

    /// UPS has had it in its hands.
    pub fn is_scanned(&self) -> bool {
        let before = [Stage::Announced, Stage::Cancelled];
        self.activities.iter().any(|one| !before.contains(&statuses::stage(&one.status_code)))
    }
}
