//! `POST …/delivery_quotes`: a price for fifteen minutes, to be used once.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::{
    address::{self, Address},
    books::{Quote, State},
    errors::refusal,
    request::{phone, read_body},
    view::time,
    windows::Windows,
};
use crate::sandbox::host::{Call, Fields, Reply, Report};

/// How long a quote is good.
const GOOD_FOR: Duration = Duration::minutes(15);
/// From the booking to the courier at the store, and to the door.
pub const PICKUP_MINUTES: i64 = 10;
pub const DROPOFF_MINUTES: i64 = 35;

pub fn create(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body: Value = read_body(call)?;
    let report = Report::default();
    let read = Fields::root(&body, &report).map(|fields| read(&fields, call.now));
    let wrongs = report.into_list();
    let Some((pickup, dropoff, windows, external_store_id)) = read.filter(|_| wrongs.is_empty()) else {
        return Err(refusal("invalid_params"));
    };
    windows.check(call.now)?;
    address::reach(&pickup, &dropoff)?;
    courier_is_there(state)?;
    let quote = Quote {
        id: state.next_id("dqt_"),
        fee: address::fee(&pickup, &dropoff),
        currency: pickup.currency().to_owned(),
        pickup,
        dropoff,
        external_store_id,
        created: call.now,
        expires: call.now + GOOD_FOR,
        used_by: None,
    };
    let eta = windows.pickup_ready.max(call.now) + Duration::minutes(DROPOFF_MINUTES);
    let answer = json!({
        "kind": "delivery_quote",
        "id": quote.id,
        "created": time(quote.created),
        "expires": time(quote.expires),
        "fee": quote.fee,
        "currency": quote.currency.to_lowercase(),
        "currency_type": quote.currency,
        "dropoff_eta": time(eta),
        "duration": DROPOFF_MINUTES,
        "pickup_duration": PICKUP_MINUTES,
        "dropoff_deadline": time(windows.dropoff_deadline),
    });
    state.quotes.retain(|_, quote| quote.used_by.is_some() || quote.expires + Duration::days(1) > call.now);
    state.quotes.insert(quote.id.clone(), quote);
    Ok(Reply::json(200, &answer))
}

fn read(fields: &Fields<'_>, now: DateTime<Utc>) -> (Address, Address, Windows, Option<String>) {
    for name in ["pickup_phone_number", "dropoff_phone_number"] {
        phone(fields, name);
    }
    for name in ["pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"] {
        fields.decimal(name);
    }
    fields.integer("manifest_total_value");
    (
        Address::read(fields, "pickup_address"),
        Address::read(fields, "dropoff_address"),
        Windows::read(fields, now),
        fields.text("external_store_id", 200).map(str::to_owned),
    )
}

/// Whether a courier is to be had at all, and for this customer.
pub fn courier_is_there(state: &mut State) -> Result<(), Reply> {
    let oddities = &mut state.oddities;
    if oddities.suspended {
        return Err(refusal("customer_suspended"));
    }
    if oddities.blocked {
        return Err(refusal("customer_blocked"));
    }
    if oddities.couriers_busy > 0 {
        oddities.couriers_busy -= 1;
        return Err(refusal("couriers_busy"));
    }
    if oddities.limited_couriers > 0 {
        oddities.limited_couriers -= 1;
        return Err(refusal("address_undeliverable_limited_couriers"));
    }
    Ok(())
}
