//! `DELETE /shipments/v2409/void/cancel/{shipment}`: takes packages back until they are scanned or the period is over.
//!
//! A package that was voided before answers as one that is voided now, so the call can be repeated.

use serde_json::{Value, json};

use super::call::{Call, Outcome, Refusal, Reply, success};
use super::state::State;
use super::travel;

/// Most tracking numbers of one call.
const NUMBERS_MAX: usize = 20;

pub fn void(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2409")?;
    let now = state.now();
    let too_late = || Refusal::new(400, "190102", "No shipment found within the allowed void period");
    let shipment = state.books.shipments.iter().find(|one| one.id == call.id(1)).ok_or_else(too_late)?;
    let asked = numbers(call)?;
    if asked.iter().any(|number| shipment.package(number).is_none()) {
        return Err(Refusal::new(400, "190100", "A tracking number does not belong to the shipment"));
    }
    let ends_at = shipment.booked_at + chrono::Duration::days(state.settings.void_days);
    let chosen = shipment
        .packages
        .iter()
        .filter(|package| asked.is_empty() || asked.contains(&package.tracking_number));
    let outcomes: Vec<(String, bool, bool)> = chosen
        .map(|package| {
            let before = package.voided_at.is_some();
            let voidable = !package.is_scanned() && now <= ends_at;
            (package.tracking_number.clone(), before || voidable, before)
        })
        .collect();
    if outcomes.iter().all(|(_, voided, _)| !voided) {
        return Err(too_late());
    }
    for (number, _, _) in outcomes.iter().filter(|(_, voided, before)| *voided && !*before) {
        take_back(state, number);
    }
    let all = outcomes.iter().all(|(_, voided, _)| *voided);
    let (code, text) = if all { ("1", "Voided") } else { ("2", "Partial") };
    let results: Vec<Value> = outcomes
        .iter()
        .map(|(number, voided, before)| {
            let status = match (voided, before) {
                (true, true) => json!({"Code": "1", "Description": "Already Voided"}),
                (true, false) => json!({"Code": "1", "Description": "Voided"}),
                (false, _) => json!({"Code": "0", "Description": "Not Voided"}),
            };
            json!({"TrackingNumber": number, "Status": status})
        })
        .collect();
    Ok(Reply::json(&json!({"VoidShipmentResponse": {
        "Response": success(&Value::Null, &[]),
        "SummaryResult": {"Status": {"Code": code, "Description": text}},
        "PackageLevelResults": results,
    }})))
}

/// The tracking numbers of the query: separated by commas, with or without the brackets of UPS's example.
fn numbers(call: &Call) -> Result<Vec<String>, Refusal> {
    let query = call.query("trackingnumber").unwrap_or_default();
    let numbers: Vec<String> = query
        .split(',')
        .map(|part| part.chars().filter(char::is_ascii_alphanumeric).collect())
        .filter(|part: &String| !part.is_empty())
        .collect();
    if numbers.len() > NUMBERS_MAX {
        return Err(Refusal::new(400, "190101", "At most 20 tracking numbers can be voided at once"));
    }
    Ok(numbers)
}

fn take_back(state: &mut State, number: &str) {
    let now = state.now();
    let all = state.books.shipments.iter_mut().flat_map(|shipment| &mut shipment.packages);
    for package in all.filter(|package| package.tracking_number == number) {
        package.voided_at = Some(now);
    }
    travel::add(state, number, "007", now, false);
}
