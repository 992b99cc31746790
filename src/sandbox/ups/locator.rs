//! `POST /locations/v3/search/availabilities/{option}`: UPS Access Points near an address (option 64) and all places where
//! parcels can be left (option 1). The table stands in for UPS's own.

use serde_json::{Value, json};

use super::call::{Call, Outcome, Refusal, Reply, text};
use super::places;
use super::service_bodies;
use super::state::State;

/// Shops: Access Point, name, street, city, state, postal code, country, latitude, longitude.
const SHOPS: &[[&str; 9]] = &[
    ["U10000001", "CORNER DELI", "212 LARK ST", "ALBANY", "NY", "12210", "US", "42.65560000", "-73.76450000"],
    [
        "U10000002",
        "HUDSON HARDWARE",
        "80 STATE ST",
        "ALBANY",
        "NY",
        "12207",
        "US",
        "42.65140000",
        "-73.75220000",
    ],
    [
        "U10000003",
        "CANAL MARKET",
        "300 CANAL ST",
        "NEW YORK",
        "NY",
        "10013",
        "US",
        "40.71870000",
        "-74.00220000",
    ],
    [
        "U10000004",
        "VALENCIA BOOKS",
        "901 VALENCIA ST",
        "SAN FRANCISCO",
        "CA",
        "94110",
        "US",
        "37.75880000",
        "-122.42110000",
    ],
    ["U20000001", "KIOSK AM MARKT", "MARKT 12", "BONN", "NW", "53111", "DE", "50.73550000", "7.10160000"],
    [
        "U20000002",
        "SPÄTI INVALIDENSTR",
        "INVALIDENSTR 98",
        "BERLIN",
        "BE",
        "10115",
        "DE",
        "52.53060000",
        "13.38480000",
    ],
    ["U20000003", "BLUMEN KÖLN", "AACHENER STR 5", "KÖLN", "NW", "50674", "DE", "50.93710000", "6.93840000"],
];

/// Shops listed when the caller names no limit.
const LISTED: usize = 10;

pub fn is_access_point(id: &str) -> bool {
    SHOPS.iter().any(|shop| shop[0] == id)
}

pub fn search(_state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v3")?;
    if !["1", "64"].contains(&call.id(1)) {
        return Err(Refusal::new(400, "350101", "Only request options 1 and 64 are available"));
    }
    let body = call.object(service_bodies::LOCATOR)?;
    let request = &body["LocatorRequest"];
    let origin = &request["OriginAddress"]["AddressKeyFormat"];
    let country = text(origin, "/CountryCode");
    if places::country_name(country).is_none() {
        return Err(Refusal::new(400, "350102", "Missing or invalid country code"));
    }
    let criteria = &request["LocationSearchCriteria"];
    let wanted = text(criteria, "/AccessPointSearch/PublicAccessPointID");
    let limit = text(criteria, "/MaximumListSize").parse().unwrap_or(LISTED);
    let code = text(origin, "/PostcodePrimaryLow");
    let mut found: Vec<&[&str; 9]> = SHOPS
        .iter()
        .filter(|shop| shop[6] == country && (wanted.is_empty() || wanted == shop[0]))
        .filter(|shop| !wanted.is_empty() || miles(shop, code) <= MILES_MAX)
        .collect();
    found.sort_by_key(|shop| miles(shop, code));
    let locations: Vec<Value> = found.into_iter().take(limit).map(|shop| location(shop, code)).collect();
    let mut results = json!({"Disclaimer": "Hours may differ on holidays."});
    if !locations.is_empty() {
        results["DropLocation"] = json!(locations);
    }
    let mut response = json!({"ResponseStatusCode": "1", "ResponseStatusDescription": "Success"});
    let context = text(request, "/Request/TransactionReference/CustomerContext");
    if !context.is_empty() {
        response["TransactionReference"] = json!({"CustomerContext": context});
    }
    Ok(Reply::json(&json!({"LocatorResponse": {"Response": response, "SearchResults": results}})))
}

/// Shops further away are not listed.
const MILES_MAX: u32 = 60;

/// How far a shop is from a postal code: one mile with the same, more with each digit less in common.
fn miles(shop: &[&str; 9], code: &str) -> u32 {
    let common = shop[5].bytes().zip(code.bytes()).take_while(|(a, b)| a == b).count();
    match common {
        5.. => 1,
        4 => 2,
        3 => 4,
        2 => 25,
        _ => 500,
    }
}

fn location(shop: &[&str; 9], code: &str) -> Value {
    let [id, name, street, city, state, postal_code, country, latitude, longitude] = *shop;
    let days: Vec<Value> = (1..=7)
        .map(|day| match day {
            1 => json!({"Day": "1", "ClosedIndicator": ""}),
            day => json!({"Day": day.to_string(), "OpenHours": "0800", "CloseHours": "2000"}),
        })
        .collect();
    json!({
        "LocationID": id.trim_start_matches('U'),
        "OriginOrDestination": "02",
        "IVR": {"PhraseID": "0"},
        "Geocode": {"Latitude": latitude, "Longitude": longitude},
        "AddressKeyFormat": {
            "ConsigneeName": name,
            "AddressLine": street,
            "PoliticalDivision2": city,
            "PoliticalDivision1": state,
            "PostcodePrimaryLow": postal_code,
            "CountryCode": country,
        },
        "PhoneNumber": ["5185550100"],
        "LocationAttribute": [{
            "OptionType": {"Code": "01", "Description": "Location"},
            "OptionCode": [{"Code": "018", "Description": "UPS Access Point"}],
        }],
        "Distance": {
            "Value": format!("{}.0", miles(shop, code)),
            "UnitOfMeasurement": {"Code": "MI", "Description": "MILES"},
        },
        "Timezone": if country == "US" { "America/New_York" } else { "Europe/Berlin" },
        "StandardHoursOfOperation": "Mon-Sat: 8:00am-8:00pm; Sun: Closed",
        "OperatingHours": {"StandardHours": [{"HoursType": "10", "DayOfWeek": days}]},
        "AccessPointInformation": {
            "PublicAccessPointID": id,
            "AccessPointStatus": {"Code": "01", "Description": "Active-available"},
        },
    })
}
