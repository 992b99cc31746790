//! On-call pickups: what one costs, booking one, what is pending, taking one back.

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Value, json};

use super::books::Pickup;
use super::call::{Call, Outcome, Refusal, Reply, success, text};
use super::places::{self, Address};
use super::service_bodies;
use super::state::{State, check_digit};
use super::tariff::amount;

/// A pickup costs so much; on a Saturday more, but UPS takes none here at weekends.
const CHARGE_CENTS: i64 = 825;
const VERSION: &str = "v2409";
/// The driver needs so many minutes between ready and close.
const LEAD_MINUTES: i64 = 60;
/// A pickup can be ordered so many days ahead.
const DAYS_AHEAD_MAX: i64 = 14;

pub fn create(state: &mut State, call: &Call) -> Outcome {
    call.expect_version(VERSION)?;
    let body = call.object(service_bodies::PICKUP)?;
    let request = &body["PickupCreationRequest"];
    let place = place(&request["PickupAddress"])?;
    check_account(
        state,
        text(request, "/Shipper/Account/AccountNumber"),
        text(request, "/PaymentMethod") == "01",
    )?;
    check_date(state, &request["PickupDateInfo"], &place)?;
    let answer = |prn: &str| created(request, prn, &place);
    let at = request["PickupAddress"].to_string();
    let day = text(request, "/PickupDateInfo/PickupDate");
    let same = |pickup: &&Pickup| pickup.cancelled_at.is_none() && pickup.place == at && pickup.date == day;
    if let Some(pickup) = state.books.pickups.iter().find(same) {
        return Ok(answer(&pickup.prn));
    }
    let now = state.now();
    state.numbered += 1;
    let body = format!("29{:07}E", state.numbered % 10_000_000);
    let prn = format!("{body}{}", check_digit(&body));
    let pieces = request["PickupPiece"].as_array().into_iter().flatten();
    let named = |pointer: &str| text(request, pointer).to_owned();
    state.books.pickups.push(Pickup {
        prn: prn.clone(),
        date: named("/PickupDateInfo/PickupDate"),
        ready: named("/PickupDateInfo/ReadyTime"),
        close: named("/PickupDateInfo/CloseTime"),
        contact: named("/PickupAddress/ContactName"),
        reference: named("/ReferenceNumber"),
        pieces: pieces.filter_map(|piece| text(piece, "/Quantity").parse::<u32>().ok()).sum(),
        place: at,
        booked_at: now,
        cancelled_at: None,
    });
    Ok(answer(&prn))
}

/// One that was ordered for the same place and day before is answered with its number.
fn created(request: &Value, prn: &str, place: &Address) -> Reply {
    let mut answer = json!({"Response": success(request, &[]), "PRN": prn});
    if text(request, "/RatePickupIndicator") == "Y" {
        answer["RateStatus"] = json!({"Code": "01", "Description": "Rate available"});
        answer["RateResult"] = rate_result(place);
    } else {
        answer["RateStatus"] = json!({"Code": "04", "Description": "Rate not requested"});
    }
    Reply::json(&json!({"PickupCreationResponse": answer}))
}

pub fn rate(state: &mut State, call: &Call) -> Outcome {
    call.expect_version(VERSION)?;
    kind(call.id(1))?;
    let body = call.object(service_bodies::PICKUP_RATE)?;
    let request = &body["PickupRateRequest"];
    let place = place(&request["PickupAddress"])?;
    check_account(state, text(request, "/ShipperAccount/AccountNumber"), false)?;
    if text(request, "/ServiceDateOption") == "03" {
        check_date(state, &request["PickupDateInfo"], &place)?;
    }
    let answer = json!({"Response": success(request, &[]), "RateResult": rate_result(&place)});
    Ok(Reply::json(&json!({"PickupRateResponse": answer})))
}

pub fn pending(state: &mut State, call: &Call) -> Outcome {
    call.expect_version(VERSION)?;
    kind(call.id(1))?;
    check_account(state, call.header("AccountNumber").unwrap_or_default(), true)?;
    let today = state.now().format("%Y%m%d").to_string();
    let open = |pickup: &&Pickup| pickup.cancelled_at.is_none() && pickup.date >= today;
    let pending: Vec<Value> = state
        .books
        .pickups
        .iter()
        .filter(open)
        .map(|pickup| {
            let mut status = json!({
                "PickupType": "01",
                "ServiceDate": pickup.date,
                "PRN": pickup.prn,
                "OnCallStatusCode": "002",
                "PickupStatusMessage": "Dispatched to driver",
                "ContactName": pickup.contact,
            });
            if !pickup.reference.is_empty() {
                status["ReferenceNumber"] = json!(pickup.reference);
            }
            status
        })
        .collect();
    if pending.is_empty() {
        return Err(Refusal::new(400, "9510116", "No pending pickups for this account"));
    }
    let answer = json!({"Response": success(&Value::Null, &[]), "PendingStatus": pending});
    Ok(Reply::json(&json!({"PickupPendingStatusResponse": answer})))
}

/// By the pickup's own number (`02`), or the account's latest (`01`).
pub fn cancel(state: &mut State, call: &Call) -> Outcome {
    call.expect_version(VERSION)?;
    let now = state.now();
    let mut open = state.books.pickups.iter_mut().filter(|pickup| pickup.cancelled_at.is_none());
    let found = match call.id(1) {
        "01" => open.next_back(),
        "02" => open.find(|pickup| call.header("Prn") == Some(&pickup.prn)),
        _ => return Err(Refusal::new(400, "9500500", "CancelBy must be 01 or 02")),
    };
    let pickup =
        found.ok_or_else(|| Refusal::new(400, "9510118", "Pickup was not found or already cancelled"))?;
    pickup.cancelled_at = Some(now);
    let answer = json!({"Response": success(&Value::Null, &[]), "PickupType": "01"});
    Ok(Reply::json(&json!({"PickupCancelResponse": answer})))
}

/// `GET /pickup/v2409/countries/{country}`: the states of a country.
pub fn divisions(_state: &mut State, call: &Call) -> Outcome {
    call.expect_version(VERSION)?;
    let states = match call.id(1) {
        "US" => places::states(),
        country if places::country_name(country).is_some() => Vec::new(),
        _ => return Err(Refusal::new(400, "9500521", "Missing or invalid country code")),
    };
    let mut answer = json!({"Response": success(&Value::Null, &[])});
    if !states.is_empty() {
        answer["PoliticalDivision1"] = json!(states);
    }
    Ok(Reply::json(&json!({"PickupGetPoliticalDivision1ListResponse": answer})))
}

fn kind(kind: &str) -> Result<(), Refusal> {
    if ["oncall", "smart", "both"].contains(&kind) {
        return Ok(());
    }
    Err(Refusal::new(400, "9500501", "The pickup type must be oncall, smart or both"))
}

fn place(address: &Value) -> Result<Address, Refusal> {
    let part = |name: &str| text(address, &format!("/{name}")).to_owned();
    let place = Address {
        city: part("City"),
        state: part("StateProvince"),
        postal_code: part("PostalCode"),
        country: part("CountryCode"),
        ..Address::default()
    };
    match places::complaint(&place) {
        None => Ok(place),
        Some(complaint) => Err(Refusal::new(400, "9510113", &format!("Pickup address: {complaint}"))),
    }
}

fn check_account(state: &State, account: &str, required: bool) -> Result<(), Refusal> {
    if (account.is_empty() && !required) || account == state.settings.account_number {
        return Ok(());
    }
    Err(Refusal::new(400, "9500511", "Missing or invalid account number"))
}

fn check_date(state: &State, date: &Value, place: &Address) -> Result<(), Refusal> {
    let refuse = |code: &str, message: &str| Err(Refusal::new(400, code, message));
    let time = |name: &str| NaiveTime::parse_from_str(text(date, name), "%H%M").unwrap_or_default();
    let (ready, close) = (time("/ReadyTime"), time("/CloseTime"));
    let now = state.now();
    let today = place.today(now);
    let Ok(day) = NaiveDate::parse_from_str(text(date, "/PickupDate"), "%Y%m%d") else {
        return refuse("9500513", "Missing or invalid pickup date");
    };
    if day < today || day > today + chrono::Duration::days(DAYS_AHEAD_MAX) {
        return refuse("9510101", "The pickup date must be today or within 14 days");
    }
    if super::tariff::working_day(day) != day {
        return refuse("9510102", "There is no pickup on weekends");
    }
    let ready = place.moment(day, ready).max(now);
    if place.moment(day, close) - ready < chrono::Duration::minutes(LEAD_MINUTES) {
        return refuse("9510105", "The close time must be at least one hour after the ready time");
    }
    Ok(())
}

fn rate_result(place: &Address) -> Value {
    let currency = if ["US", "PR"].contains(&place.country.as_str()) { "USD" } else { "EUR" };
    json!({
        "RateType": "SD",
        "CurrencyCode": currency,
        "ChargeDetail": [
            {"ChargeCode": "B", "ChargeDescription": "BASE CHARGE", "ChargeAmount": amount(CHARGE_CENTS)},
        ],
        "GrandTotalOfAllCharge": amount(CHARGE_CENTS),
    })
}
