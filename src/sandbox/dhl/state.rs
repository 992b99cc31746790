//! What the sandbox remembers: shipments, tokens, clock and counts, and the file that they survive in.
//!
//! Bookings are not idempotent, on purpose: DHL keeps no duplicate check, so the same reference sent twice is two parcels.
//! Nothing here knows HTTP.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{
    events::{Event, Stage},
    german_time::{german, german_hour},
    order::Order,
    pickups::Pickup,
    push::Pushes,
};

/// DHL closes what was not closed at a fixed hour of the ship date; 18:00 is the specification's example.
pub const AUTO_CLOSE_HOUR: u32 = 18;

/// An access token lives this long (the specification's example value).
pub const TOKEN_LIFETIME_SECONDS: i64 = 1_799;

/// A carrier's number has twenty digits: `00`, the company prefix, a running number and a check digit.
const NUMBER_PREFIX: &str = "340434";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub offset_seconds: i64,
    pub booked_count: u64,
    pub token_count: u64,
    pub shipments: BTreeMap<String, Shipment>,
    pub tokens: BTreeMap<String, DateTime<Utc>>,
    pub calls: BTreeMap<String, u64>,
    /// In the order in which they were ordered.
    #[serde(default)]
    pub pickups: Vec<Pickup>,
    #[serde(default)]
    pub pickup_count: u64,
    #[serde(default)]
    pub pushes: Pushes,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shipment {
    pub number: String,
    pub order: Order,
    pub routing_code: String,
    pub label_sha256: String,
    pub label_token: String,
    pub ship_date: NaiveDate,
    pub booked_at: DateTime<Utc>,
    pub cancelled_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    /// Oldest first.
    pub events: Vec<Event>,
    /// So many of them were told to whoever subscribed, or are older than the subscription.
    #[serde(default)]
    pub told_events: usize,
}

impl Shipment {
    /// The events that still count, oldest first: a `STORN` takes back the one before it.
    pub fn standing_events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|event| !event.retracted && event.ice != "STORN")
    }

    pub fn stage(&self) -> Stage {
        if self.cancelled_at.is_some() {
            return Stage::Cancelled;
        }
        match self.standing_events().next_back().map_or(Stage::Announced, Event::stage) {
            Stage::Delivered if self.is_returning() => Stage::Returned,
            stage => stage,
        }
    }

    /// The parcel travels back to its sender: a delivery is then a return.
    pub fn is_returning(&self) -> bool {
        self.standing_events().any(Event::starts_return)
    }

    /// Tracking learns of a parcel some minutes after its booking, or at once when it is scanned.
    pub fn is_known_to_tracking(&self, now: DateTime<Utc>, known_after: Duration) -> bool {
        let delay = chrono::Duration::from_std(known_after).unwrap_or_default();
        self.cancelled_at.is_none() && (self.events.len() > 1 || now >= self.booked_at + delay)
    }

    /// Adds an event at this time; a `STORN` also takes back the newest standing event, except the announcement.
    pub fn record(&mut self, mut event: Event) {
        if let Some(last) = self.events.last() {
            event.at = event.at.max(last.at);
        }
        if event.ice == "STORN" {
            let taken_back = self
                .events
                .iter_mut()
                .skip(1)
                .rev()
                .find(|standing| !standing.retracted && standing.ice != "STORN");
            if let Some(standing) = taken_back {
                standing.retracted = true;
            }
        }
        self.events.push(event);
    }
}

impl State {
    /// The next shipment number: `00`, then a serial shipping container code with its modulo-10 check digit.
    pub fn next_number(&mut self) -> String {
        self.booked_count += 1;
        let body = format!("{NUMBER_PREFIX}{:011}", self.booked_count);
        let sum: u32 = body
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, digit)| u32::from(digit - b'0') * if place % 2 == 0 { 3 } else { 1 })
            .sum();
        format!("00{body}{}", (10 - sum % 10) % 10)
    }

    /// A subscription has no history.
    pub fn pass_over_history(&mut self) {
        for shipment in self.shipments.values_mut() {
            shipment.told_events = shipment.events.len();
        }
    }

    /// Brings every shipment up to the time: the daily closing, and the demo's automatic progress.
    pub fn settle(&mut self, now: DateTime<Utc>, auto_progress: Option<Duration>) {
        for shipment in self.shipments.values_mut().filter(|shipment| shipment.cancelled_at.is_none()) {
            if shipment.closed_at.is_none() {
                let closing = closing_time(shipment.ship_date, shipment.booked_at);
                if closing <= now {
                    shipment.closed_at = Some(closing);
                }
            }
            let (Some(closed_at), Some(step)) = (shipment.closed_at, auto_progress) else { continue };
            progress(shipment, closed_at, step, now);
        }
    }
}

/// The first closing hour on or after the ship date that lies after the booking.
fn closing_time(ship_date: NaiveDate, booked_at: DateTime<Utc>) -> DateTime<Utc> {
    let closing = german_hour(ship_date, AUTO_CLOSE_HOUR);
    if closing > booked_at {
        return closing;
    }
    german_hour(german(booked_at).date_naive() + chrono::Days::new(1), AUTO_CLOSE_HOUR)
}

fn progress(shipment: &mut Shipment, closed_at: DateTime<Utc>, step: Duration, now: DateTime<Utc>) {
    let step = chrono::Duration::from_std(step).unwrap_or_default();
    let mut due = closed_at + step;
    for stage in [Stage::PickedUp, Stage::InTransit, Stage::OutForDelivery, Stage::Delivered] {
        if due > now {
            return;
        }
        if shipment.stage() < stage
            && let Some(event) = Event::of_stage(stage, due)
        {
            shipment.record(event);
        }
        due += step;
    }
}
