//! How packages move: told one step at a time, or by their service's timetable as the clock runs.

use chrono::{DateTime, Duration, NaiveTime, Utc};

use super::books::{Activity, Package, Shipment};
use super::places::Address;
use super::state::State;
use super::statuses::{self, Stage};
use super::{ControlError, alerts};

/// What happened at a place.
pub fn activity(at: DateTime<Utc>, status_code: &str, place: &Address) -> Activity {
    Activity {
        at,
        status_code: status_code.to_owned(),
        city: place.city.clone(),
        state: place.state.clone(),
        country: place.country.clone(),
        postal_code: place.postal_code.clone(),
    }
}

/// Where an activity of this status happens.
fn place<'a>(shipment: &'a Shipment, status_code: &str) -> &'a Address {
    match statuses::stage(status_code) {
        Stage::Announced | Stage::Cancelled | Stage::PickedUp | Stage::Returned => &shipment.from,
        _ => &shipment.to,
    }
}

/// Adds an activity by a status code or a shortcut; answers with the stage that the package reached.
pub fn record(state: &mut State, number: &str, code: &str, seconds_ago: i64) -> Result<Stage, ControlError> {
    let now = state.now();
    let (_, package) = state.books.package(number).ok_or(ControlError::UnknownPackage)?;
    let codes: Vec<&str> = match code {
        "advance" => vec![package.stage().next_status().ok_or(ControlError::EndOfTravel)?],
        "return_started" => vec!["035"],
        "return_to_sender" => vec!["035", "034"],
        "age_check_failed" => vec!["061"],
        "refused" => vec!["064"],
        "at_access_point" => vec!["040"],
        "lost" => vec!["149"],
        code => vec![statuses::find(code).ok_or(ControlError::UnknownCode)?.number],
    };
    let at = now - Duration::seconds(seconds_ago.max(0));
    for code in codes {
        add(state, number, code, at, true);
    }
    state.books.package(number).map(|(_, package)| package.stage()).ok_or(ControlError::UnknownPackage)
}

/// Notes what happened, and pushes it to whoever subscribed.
pub fn add(state: &mut State, number: &str, code: &str, at: DateTime<Utc>, is_led: bool) {
    let Some((shipment, _)) = state.books.package(number) else { return };
    let new = activity(at, code, place(shipment, code));
    let all = state.books.shipments.iter_mut().flat_map(|shipment| &mut shipment.packages);
    for package in all.filter(|package| package.tracking_number == number) {
        package.activities.push(new.clone());
        package.is_led |= is_led;
    }
    alerts::note(state, number, &new);
}

/// What the timetable has for a package, in order.
fn timetable(shipment: &Shipment) -> [(&'static str, DateTime<Utc>); 5] {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
    let collected = shipment.from.moment(shipment.ship_date, time(17, 30)).max(shipment.booked_at);
    let at_destination =
        |hour, minute| shipment.to.moment(shipment.delivery_date, time(hour, minute)).max(collected);
    [
        ("038", collected),
        ("005", collected + Duration::hours(4)),
        ("010", at_destination(4, 30)),
        ("021", at_destination(8, 15)),
        (if shipment.access_point.is_some() { "040" } else { "011" }, at_destination(12, 30)),
    ]
}

/// Adds what became due for each package that nobody leads.
pub fn follow_timetables(state: &mut State, now: DateTime<Utc>) {
    let done = |package: &Package, code: &str| package.activities.iter().any(|one| one.status_code == code);
    let mut due = Vec::new();
    for shipment in &state.books.shipments {
        let on_its_way = |package: &&Package| {
            !package.is_led && package.voided_at.is_none() && package.stage() != Stage::Delivered
        };
        for package in shipment.packages.iter().filter(on_its_way) {
            let steps =
                timetable(shipment).into_iter().filter(|(code, at)| *at <= now && !done(package, code));
            due.extend(steps.map(|(code, at)| (package.tracking_number.clone(), code, at)));
        }
    }
    for (number, code, at) in due {
        add(state, &number, code, at, false);
    }
}
