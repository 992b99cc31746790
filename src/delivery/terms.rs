//! What a store says of its deliveries, as its rules stand now.

use chrono::{Duration, NaiveDate, NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::carrier::{Capabilities, Carrier, LabelFormat};
use super::model::Direction;
use super::offers;
use super::store::Shipment;
use crate::app::App;
use crate::catalog::{Carton, DeliveryTerms, HandOver, Store};
use crate::clock::Moment;
use crate::ids::StoreId;

/// What is handed over after the hour of closing is declared together with what follows within this time.
const LATE_PAUSE: Duration = Duration::minutes(15);

/// A driver is given this time at least.
const WINDOW_MIN: Duration = Duration::hours(1);
/// A driver is ordered so long ahead at most.
const ORDERED_AHEAD_MAX: Duration = Duration::days(14);

/// What the label of a shipment is printed from: by the store's printers, or by the shopper's own where goods come back.
pub(super) fn label_format(app: &App, shipment: &Shipment) -> LabelFormat {
    if shipment.direction == Direction::Return {
        return LabelFormat::Pdf;
    }
    of(app, &shipment.store, |_, terms| terms.map_or(LabelFormat::USUAL, |terms| terms.labels))
}

/// What the store packs into.
pub(super) fn cartons(app: &App, store: &StoreId) -> Vec<Carton> {
    of(app, store, |_, terms| offers::cartons(terms))
}

/// How many days after their arrival goods may be sent back.
pub(super) fn returns_days(app: &App, store: &StoreId) -> i64 {
    of(app, store, |_, terms| terms.map_or(DeliveryTerms::USUAL_RETURNS_DAYS, |terms| terms.returns_days))
}

/// Whether a courier's driver comes to the store only when ordered.
pub(super) fn orders_pickup(app: &App, store: &StoreId, carrier: &str) -> bool {
    of(app, store, |_, terms| {
        terms.is_some_and(|terms| terms.order_pickup.iter().any(|ordered| ordered == carrier))
    })
}

/// By what a courier knows the store, where that is another shipper than the account's own.
pub(super) fn shipper(app: &App, store: &StoreId, carrier: &str) -> Option<String> {
    of(app, store, |_, terms| terms.and_then(|terms| terms.shipper(carrier)).map(str::to_owned))
}

/// A moment by the store's clock.
pub(super) fn local(app: &App, store: &StoreId, moment: Moment) -> NaiveDateTime {
    of(app, store, |zone, _| moment.with_timezone(&zone).naive_local())
}

/// The store's day, and when what is handed over now is declared at its courier.
pub(super) fn closing(app: &App, store: &StoreId, now: Moment) -> (NaiveDate, Moment) {
    of(app, store, |zone, terms| {
        let day = now.with_timezone(&zone).date_naive();
        let hour = terms.map_or_else(|| HandOver::default().usual_close(), DeliveryTerms::closes_at);
        let due = moment(zone, day.and_time(hour));
        (day, if due > now { due } else { now + LATE_PAUSE })
    })
}

/// The next day on which goods go out, or this one, with the moments between which a driver finds them; nothing for a day
/// that is over or too far away.
pub(super) fn hand_over(
    app: &App,
    store: &StoreId,
    now: Moment,
    day: Option<NaiveDate>,
) -> Option<(NaiveDate, (Moment, Moment))> {
    of(app, store, |zone, terms| {
        let usual = HandOver::default();
        let goes_out = terms.map_or(&usual, |terms| &terms.hand_over);
        let local = now.with_timezone(&zone).naive_local();
        let day = day.unwrap_or_else(|| goes_out.next(local).date());
        let closes = terms.map_or_else(|| usual.usual_close(), DeliveryTerms::closes_at);
        let ready_at = moment(zone, day.and_time(goes_out.by));
        let until = moment(zone, day.and_time(closes)).max(ready_at + WINDOW_MIN);
        (now < until && day <= local.date() + ORDERED_AHEAD_MAX).then_some((day, (ready_at, until)))
    })
}

/// Whether a courier that comes at once would find the store closed, were it asked now.
pub(super) fn finds_closed(
    able: &Capabilities,
    terms: Option<&DeliveryTerms>,
    zone: Tz,
    now: Moment,
) -> bool {
    let collects_at = (now + able.preparation).with_timezone(&zone).naive_local();
    able.is_local && terms.is_some_and(|terms| !terms.is_open(collects_at))
}

/// The same of a courier by its name, by the store's rules as they stand now; of one that is not configured nobody can say so.
pub fn is_closed_for(app: &App, store: &StoreId, carrier: &str, now: Moment) -> bool {
    let able = app.carriers.find(carrier).map(Carrier::capabilities);
    able.is_some_and(|able| of(app, store, |zone, terms| finds_closed(&able, terms, zone, now)))
}

/// Reads the store's clock and terms; those of nobody where the catalogue does not know it.
fn of<T>(app: &App, store: &StoreId, read: impl FnOnce(Tz, Option<&DeliveryTerms>) -> T) -> T {
    let catalog = app.catalog.view();
    let store = catalog.store(store);
    read(store.map_or(Tz::UTC, Store::zone), store.and_then(|store| store.till.delivery.as_deref()))
}

/// A time of a place; where its clock is put forward over it, an hour later.
pub(super) fn moment(zone: Tz, local: NaiveDateTime) -> Moment {
    let found = zone.from_local_datetime(&local).earliest();
    let found = found.or_else(|| zone.from_local_datetime(&(local + Duration::hours(1))).earliest());
    found.map_or_else(|| local.and_utc(), |time| time.to_utc())
}
