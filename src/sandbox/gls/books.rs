//! What the sandbox remembers: parcels, collections, tokens, counts; and what time alone changes.
//!
//! Our choices, because GLS says nothing: a cancellation of a parcel that was already transmitted (by the end of its day)
//! takes ten minutes, of another none; a parcel that is delivered or cancelled is `FINAL` after thirty days.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ControlError,
    events::{self, Event, SHORTCUTS, Status, TRAVEL},
};

/// GLS ends the day of a parcel by itself four days after its label was made.
const AUTO_CLOSE: chrono::Duration = chrono::Duration::days(4);
/// How long a cancellation is pending.
pub const CANCELLATION_PENDING: chrono::Duration = chrono::Duration::minutes(10);
/// When the history of a parcel whose travel ended is closed.
const HISTORY_CLOSED_AFTER: chrono::Duration = chrono::Duration::days(30);

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    /// By TrackID.
    pub parcels: BTreeMap<String, Parcel>,
    pub collections: Vec<Collection>,
    /// Access tokens and when they end.
    pub tokens: BTreeMap<String, DateTime<Utc>>,
    pub oddities: Oddities,
    pub token_count: u64,
    pub parcel_count: u64,
    pub shipment_count: u64,
    /// The day that is counted, and its calls.
    pub quota_day: Option<NaiveDate>,
    pub tokens_today: u64,
    pub tracking_today: u64,
}

/// How answers are odd, on order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Oddities {
    /// Tracking shows an event only so long after it happened.
    pub late_seconds: i64,
    /// Tracking shows each event twice.
    pub doubled: bool,
    /// Tracking shows events in another order than their own.
    pub shuffled: bool,
    /// So many of the next bookings and reprints have no label in their answer.
    pub labels_missing: u32,
    /// So many of the next bookings and reprints have a label that is no base64.
    pub labels_unreadable: u32,
    /// `PrintData[].Data` is a list, as the file has it, and not a text, as the documentation has it.
    pub label_lists: bool,
    /// So many of the next cancellations are pending whatever the parcel's day.
    pub cancellations_pending: u32,
}

/// The sandbox's own books, for tests and people.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// In the order of booking.
    pub parcels: Vec<Parcel>,
    pub collections: Vec<Collection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Its place in the order of booking.
    pub place: u64,
    /// Cancels and reprints.
    pub track_id: String,
    /// Shown to customers.
    pub parcel_number: String,
    /// The same for all parcels of one booking.
    pub shipment: u64,
    pub references: Vec<String>,
    pub unit_references: Vec<String>,
    pub contact_id: String,
    pub product: String,
    pub services: Vec<String>,
    pub parcel_shop: Option<String>,
    pub consignee: Party,
    /// Who gets it when the consignee hands it in: a shop return.
    #[serde(default)]
    pub returns_to: Option<Party>,
    pub weight_grams: i64,
    pub shipping_date: NaiveDate,
    /// `Shipment` as it was sent.
    pub request: Value,
    pub label_sha256: String,
    pub booked_at: DateTime<Utc>,
    /// When its day was ended, and its data transmitted.
    pub closed_at: Option<DateTime<Utc>>,
    pub cancellation: Option<Cancellation>,
    /// The TrackID of its reprint.
    pub replaced_by: Option<String>,
    /// Oldest first.
    pub events: Vec<Event>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub names: Vec<String>,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    /// Alpha-2.
    pub country: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Cancellation {
    Pending { until: DateTime<Utc> },
    Done { at: DateTime<Utc> },
}

/// A pickup that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    pub contact_id: String,
    pub product: String,
    pub parcels: Option<i64>,
    pub estimated: NaiveDate,
    pub ordered_at: DateTime<Utc>,
}

impl Books {
    /// The parcels that were not cancelled and bear this reference.
    pub fn live_with_reference(&self, reference: &str) -> Vec<&Parcel> {
        let bears = |parcel: &&Parcel| parcel.references.iter().any(|one| one == reference);
        self.parcels.iter().filter(|parcel| !parcel.is_cancelled()).filter(bears).collect()
    }
}

impl Parcel {
    pub fn is_cancelled(&self) -> bool {
        matches!(self.cancellation, Some(Cancellation::Done { .. }))
    }

    /// Where it ends.
    pub fn destination(&self) -> &Party {
        self.returns_to.as_ref().unwrap_or(&self.consignee)
    }

    /// What its label is for.
    pub fn kind(&self) -> &str {
        if self.returns_to.is_some() { "SHOP RETURN" } else { &self.product }
    }

    /// What the last event says, whatever time tracking shows it.
    pub fn status(&self) -> Status {
        self.events.last().map_or(Status::PreAdvice, |event| event.status)
    }

    /// A scanner saw it.
    pub fn is_scanned(&self) -> bool {
        self.events
            .iter()
            .any(|event| !event.status.is_before_the_first_scan() && event.status != Status::Canceled)
    }

    /// Adds an event; it is never earlier than the one before.
    pub fn record(&mut self, code: &str, at: DateTime<Utc>) -> Result<Status, ControlError> {
        let kind = events::find(code).ok_or(ControlError::UnknownCode)?;
        let at = self.events.last().map_or(at, |last| at.max(last.at));
        let place = if kind.status.is_before_the_first_scan() { None } else { Some(self.destination()) };
        let country = || place.map_or_else(|| "DE".to_owned(), |party| party.country.clone());
        self.events.push(Event {
            code: kind.code.to_owned(),
            status: kind.status,
            at,
            city: place.map(|party| party.city.clone()).unwrap_or_default(),
            postal_code: place.map(|party| party.postal_code.clone()).unwrap_or_default(),
            country: country(),
        });
        Ok(kind.status)
    }

    pub fn cancel(&mut self, at: DateTime<Utc>) {
        self.cancellation = Some(Cancellation::Done { at });
        // The code is in the list.
        let _ = self.record("CANCEL.NORMAL", at);
    }

    /// The code that `advance` leads to; none at the end of its travel.
    fn next_code(&self) -> Option<&'static str> {
        let last = self.events.last().map_or("", |event| event.code.as_str());
        if last == "RETURN.NORMAL" {
            return Some("RETURN.DELIVERED");
        }
        match self.status() {
            Status::Delivered | Status::Canceled | Status::Final => None,
            Status::DeliveredPs => Some("DELIVD.DEL_BY_PSAPP"),
            Status::NotDelivered | Status::InWarehouse => Some("OUTDEL.NORMAL"),
            Status::InDelivery if self.parcel_shop.is_some() => Some("DELIVD.PARCELSHOP"),
            _ => {
                let done = TRAVEL.iter().rposition(|code| *code == last);
                TRAVEL.get(done.map_or(0, |place| place + 1)).copied()
            }
        }
    }
}

impl State {
    pub fn books(&self) -> Books {
        let mut parcels: Vec<Parcel> = self.parcels.values().cloned().collect();
        parcels.sort_by_key(|parcel| parcel.place);
        Books { parcels, collections: self.collections.clone() }
    }

    /// By TrackID or parcel number.
    pub fn find(&self, number: &str) -> Option<&Parcel> {
        let by_number = || self.parcels.values().find(|parcel| parcel.parcel_number == number);
        self.parcels.get(number).or_else(by_number)
    }

    /// Adds the event of a code or shortcut to a parcel.
    pub fn record(&mut self, number: &str, code: &str, now: DateTime<Utc>) -> Result<Status, ControlError> {
        let track_id = self.find(number).ok_or(ControlError::UnknownParcel)?.track_id.clone();
        let parcel = self.parcels.get_mut(&track_id).ok_or(ControlError::UnknownParcel)?;
        if code == "advance" {
            let next = parcel.next_code().ok_or(ControlError::EndOfTravel)?;
            return parcel.record(next, now);
        }
        let shortcut = SHORTCUTS.iter().find(|(word, _)| *word == code).map(|(_, codes)| *codes);
        for code in shortcut.unwrap_or(&[code]) {
            parcel.record(code, now)?;
        }
        Ok(parcel.status())
    }

    /// Days end by themselves, cancellations take effect, parcels move on, histories are closed.
    pub fn pass_time(&mut self, now: DateTime<Utc>, moves_every: Option<Duration>) {
        for parcel in self.parcels.values_mut() {
            if let Some(Cancellation::Pending { until }) = parcel.cancellation
                && until <= now
            {
                // A scan in the meantime was faster.
                if parcel.is_scanned() { parcel.cancellation = None } else { parcel.cancel(until) }
            }
            let closing = parcel.booked_at + AUTO_CLOSE;
            if parcel.closed_at.is_none() && !parcel.is_cancelled() && closing <= now {
                parcel.closed_at = Some(closing);
            }
            if let Some(step) = moves_every {
                move_on(parcel, chrono::Duration::from_std(step).unwrap_or_default(), now);
            }
            let ended = matches!(parcel.status(), Status::Delivered | Status::Canceled);
            let last = parcel.events.last().map(|event| event.at + HISTORY_CLOSED_AFTER);
            if let Some(at) = last.filter(|at| ended && *at <= now) {
                let _ = parcel.record("CLOSED.NORMAL", at);
            }
        }
    }
}

/// Brings a parcel to every stage that is due: one `step` after the end of its day, and one after each event since.
fn move_on(parcel: &mut Parcel, step: chrono::Duration, now: DateTime<Utc>) {
    while let (Some(closed_at), Some(next)) = (parcel.closed_at, parcel.next_code()) {
        let last = parcel.events.last().map_or(closed_at, |event| event.at.max(closed_at));
        let waits = matches!(parcel.status(), Status::DeliveredPs) || parcel.cancellation.is_some();
        if waits || last + step > now || step <= chrono::Duration::zero() {
            return;
        }
        if parcel.record(next, last + step).is_err() {
            return;
        }
    }
}
