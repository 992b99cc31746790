//! What a store says of its deliveries, as its rules stand now.

use chrono::{Duration, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::carrier::LabelFormat;
use super::model::Direction;
use super::store::Shipment;
use crate::app::App;
use crate::catalog::{DeliveryTerms, HandOver, Store};
use crate::clock::Moment;
use crate::ids::StoreId;

/// What is handed over after the hour of closing is declared together with what follows within this time.
const LATE_PAUSE: Duration = Duration::minutes(15);

/// What the label of a shipment is printed from: by the store's printers, or by the shopper's own where goods come back.
pub(super) fn label_format(app: &App, shipment: &Shipment) -> LabelFormat {
    if shipment.direction == Direction::Return {
        return LabelFormat::Pdf;
    }
    let catalog = app.catalog.view();
    let terms = catalog.store(&shipment.store).and_then(|store| store.till.delivery.as_deref());
    terms.map_or(LabelFormat::USUAL, |terms| terms.labels)
}

/// How many days after their arrival goods may be sent back.
pub(super) fn returns_days(app: &App, store: &StoreId) -> i64 {
    let catalog = app.catalog.view();
    let terms = catalog.store(store).and_then(|store| store.till.delivery.as_deref());
    terms.map_or(DeliveryTerms::USUAL_RETURNS_DAYS, |terms| terms.returns_days)
}

/// The store's day, and when what is handed over now is declared at its courier.
pub(super) fn closing(app: &App, store: &StoreId, now: Moment) -> (NaiveDate, Moment) {
    let catalog = app.catalog.view();
    let store = catalog.store(store);
    let zone = store.map_or(Tz::UTC, Store::zone);
    let day = now.with_timezone(&zone).date_naive();
    let terms = store.and_then(|store| store.till.delivery.as_deref());
    let hour = terms.map_or_else(|| HandOver::default().usual_close(), DeliveryTerms::closes_at);
    let due = moment(zone, day.and_time(hour));
    (day, if due > now { due } else { now + LATE_PAUSE })
}

/// A time of a place; where its clock is put forward over it, an hour later.
pub(super) fn moment(zone: Tz, local: NaiveDateTime) -> Moment {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
    found.map_or_else(|| local.and_utc(), |time| time.to_utc())
}
