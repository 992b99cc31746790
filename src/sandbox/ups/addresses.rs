//! `POST /addressvalidation/v2/{option}`: whether an address exists, and whether people live there. For the United States
//! and Puerto Rico only, and on the test system for New York and California only.
//!
//! | address | answer |
//! | --- | --- |
//! | known city, postal code of that city, house number | valid, with the address as UPS writes it |
//! | known city or postal code, but the two don't fit, or no house number | ambiguous, with candidates |
//! | neither, or a street called Nowhere | no candidates |
//!
//! Suites, floors and companies (`LLC`, `INC`) are commercial, all else is residential.

use serde_json::{Value, json};

use super::call::{Call, Outcome, Refusal, Reply, success, text};
use super::places;
use super::service_bodies;
use super::state::State;

/// The states of the test system.
const STATES: &[&str] = &["NY", "CA"];
/// Candidates that are listed when the caller names no limit, and at most.
const CANDIDATES: (usize, usize) = (15, 50);

pub fn validate(_state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2")?;
    let (checks, classifies) = match call.id(1) {
        "1" => (true, false),
        "2" => (false, true),
        "3" => (true, true),
        _ => return Err(Refusal::new(400, "264002", "The request option must be 1, 2 or 3")),
    };
    let limit = match call.query("maximumcandidatelistsize").map(|text| text.parse::<usize>()) {
        None => CANDIDATES.0,
        Some(Ok(limit)) if limit <= CANDIDATES.1 => limit,
        Some(_) => {
            return Err(Refusal::new(400, "264008", "The maximum candidate list size must be 0 to 50"));
        }
    };
    let body = call.object(service_bodies::ADDRESS_CHECK)?;
    let given = &body["XAVRequest"]["AddressKeyFormat"];
    if !["US", "PR"].contains(&text(given, "/CountryCode")) {
        return Err(Refusal::new(400, "264027", "The country is not supported"));
    }
    if text(given, "/AddressLine/0").is_empty() {
        return Err(Refusal::new(400, "264030", "Missing address line"));
    }
    let state = text(given, "/PoliticalDivision1");
    let by_code = places::state_of(text(given, "/PostcodePrimaryLow"));
    if !STATES.contains(&state) && !by_code.is_some_and(|state| STATES.contains(&state)) {
        let message = "The state is not supported in the Customer Integration Environment.";
        return Err(Refusal::new(400, "264030", message));
    }
    let (verdict, candidates) = verdict(given);
    let class = classification(given);
    let mut answer = json!({"Response": success(&Value::Null, &[])});
    answer[verdict] = json!("");
    if classifies {
        answer["AddressClassification"] =
            if verdict == NONE { json!({"Code": "0", "Description": "Unclassified"}) } else { class.clone() };
    }
    if checks && !candidates.is_empty() {
        let listed = candidates.into_iter().take(limit).map(|address| {
            let mut candidate = json!({"AddressKeyFormat": address});
            if classifies {
                candidate["AddressClassification"] = class.clone();
            }
            candidate
        });
        answer["Candidate"] = listed.collect();
    }
    Ok(Reply::json(&json!({"XAVResponse": answer})))
}

const VALID: &str = "ValidAddressIndicator";
const AMBIGUOUS: &str = "AmbiguousAddressIndicator";
const NONE: &str = "NoCandidatesIndicator";

fn verdict(given: &Value) -> (&'static str, Vec<Value>) {
    let street = text(given, "/AddressLine/0").to_uppercase();
    if street.contains("NOWHERE") {
        return (NONE, Vec::new());
    }
    let code = text(given, "/PostcodePrimaryLow");
    let city = text(given, "/PoliticalDivision2");
    let by_code = places::city_of(code);
    let by_name = places::city_named(city);
    let has_number = street.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    match (by_code, by_name) {
        (Some((known, state)), Some(_)) if known.eq_ignore_ascii_case(city) && has_number => {
            (VALID, vec![written(given, known, state, code)])
        }
        (None, None) => (NONE, Vec::new()),
        (by_code, by_name) => {
            let from_code = by_code.map(|(known, state)| written(given, known, state, code));
            let from_name = by_name.map(|(state, code)| written(given, &city.to_uppercase(), state, &code));
            let mut candidates: Vec<Value> = from_code.into_iter().chain(from_name).collect();
            candidates.dedup();
            (AMBIGUOUS, candidates)
        }
    }
}

/// The address as UPS writes it: capitals, and the last line whole.
fn written(given: &Value, city: &str, state: &str, code: &str) -> Value {
    let lines = given["AddressLine"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let lines: Vec<String> = lines.map(str::to_uppercase).collect();
    let (five, four) = (code.get(..5).unwrap_or(code), code.get(5..).unwrap_or_default());
    let four = if four.is_empty() { "0001" } else { four.trim_start_matches('-') };
    json!({
        "AddressLine": lines,
        "PoliticalDivision2": city,
        "PoliticalDivision1": state,
        "PostcodePrimaryLow": five,
        "PostcodeExtendedLow": four,
        "Region": format!("{city} {state} {five}-{four}"),
        "CountryCode": text(given, "/CountryCode"),
    })
}

fn classification(given: &Value) -> Value {
    let lines = given["AddressLine"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let whole: String =
        lines.chain([text(given, "/ConsigneeName")]).collect::<Vec<_>>().join(" ").to_uppercase();
    let commercial = ["STE", "SUITE", "FLOOR", "FL", "LLC", "INC", "CORP"];
    let words = |text: &str| {
        text.split(|one: char| !one.is_ascii_alphanumeric()).any(|word| commercial.contains(&word))
    };
    if words(&whole) {
        json!({"Code": "1", "Description": "Commercial"})
    } else {
        json!({"Code": "2", "Description": "Residential"})
    }
}
