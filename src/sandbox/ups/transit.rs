//! `POST /shipments/v1/transittimes`: which services there are between two places, and when they arrive.

use chrono::{Duration, NaiveDate};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::{Call, Outcome, Refusal, Reply, text};
use super::places::{self, Address};
use super::service_bodies;
use super::state::State;
use super::tariff::{self, Service};

/// How far back and ahead the ship date may lie, in days.
const SHIP_DATE_DAYS: (i64, i64) = (-35, 60);

pub fn times(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v1")?;
    let body = call.object(service_bodies::TRANSIT)?;
    let (from, to) = (end(&body, "origin"), end(&body, "destination"));
    let today = from.today(state.now());
    let named = text(&body, "/shipDate").parse::<NaiveDate>().unwrap_or(today);
    if named < today + Duration::days(SHIP_DATE_DAYS.0) || named > today + Duration::days(SHIP_DATE_DAYS.1) {
        return Err(Refusal::new(
            400,
            "270033",
            "The ship date must be within 35 days back and 60 days ahead",
        ));
    }
    check_weight(&body)?;
    let wrong: Vec<&str> = [("origin", &from), ("destination", &to)]
        .into_iter()
        .filter(|(_, address)| places::complaint(address).is_some())
        .map(|(end, _)| if end == "origin" { "originPostalCode" } else { "destinationPostalCode" })
        .collect();
    if !wrong.is_empty() {
        return Ok(Reply::json(&json!({"validationList": {
            "invalidFieldList": wrong, "destinationAmbiguous": false, "originAmbiguous": false,
        }})));
    }
    let ship_date = tariff::working_day(named);
    let services: Vec<Value> = tariff::services(&from, &to)
        .into_iter()
        .map(|service| service_times(service, &from, &to, ship_date))
        .collect();
    Ok(Reply::json(&json!({
        "validationList": {"destinationAmbiguous": false, "originAmbiguous": false},
        "emsResponse": summary(&body, &from, &to, ship_date, &services),
    })))
}

fn end(body: &Value, end: &str) -> Address {
    let part = |name: &str| text(body, &format!("/{end}{name}")).to_owned();
    let (postal_code, mut state) = (part("PostalCode"), part("StateProvince"));
    let mut country = part("CountryCode");
    if country.is_empty() {
        text(body, "/originCountryCode").clone_into(&mut country);
    }
    // Unlike shipping, this service takes a place by its postal code alone.
    if state.is_empty() && country == "US" {
        places::state_of(&postal_code).unwrap_or_default().clone_into(&mut state);
    }
    Address { city: part("CityName"), state, postal_code, country, ..Address::default() }
}

fn check_weight(body: &Value) -> Result<(), Refusal> {
    if body["weight"].is_null() {
        return Ok(());
    }
    let weight: Decimal = body["weight"].to_string().parse().unwrap_or_default();
    let heaviest = match text(body, "/weightUnitOfMeasure") {
        "LBS" => Decimal::from(150),
        "KGS" => Decimal::from(70),
        _ => return Err(Refusal::new(400, "270046", "Missing or invalid weight unit of measure")),
    };
    if weight > Decimal::ZERO && weight <= heaviest {
        return Ok(());
    }
    Err(Refusal::new(400, "270045", "The weight must be more than zero and at most 150 LBS or 70 KGS"))
}

fn service_times(service: &Service, from: &Address, to: &Address, ship_date: NaiveDate) -> Value {
    let days = service.days(from, to);
    let arrival = tariff::days_later(ship_date, days);
    let clock = |time: &str| format!("{}:{}:00", &time[..2], &time[2..]);
    let total = (arrival - ship_date).num_days();
    json!({
        "serviceLevel": service.level,
        "serviceLevelDescription": service.name,
        "shipDate": ship_date.to_string(),
        "deliveryDate": arrival.to_string(),
        "commitTime": clock(service.commit),
        "deliveryTime": clock(service.commit),
        "deliveryDayOfWeek": arrival.format("%a").to_string().to_uppercase(),
        "nextDayPickupIndicator": "0",
        "saturdayPickupIndicator": "0",
        "guaranteeIndicator": "0",
        "totalTransitDays": total,
        "businessTransitDays": days,
        "restDaysCount": total - i64::from(days),
        "holidayCount": 0,
        "delayCount": 0,
        "pickupDate": ship_date.to_string(),
        "pickupTime": "17:30:00",
        "cstccutoffTime": "16:00:00",
    })
}

fn summary(body: &Value, from: &Address, to: &Address, ship_date: NaiveDate, services: &[Value]) -> Value {
    let or = |pointer: &str, usual: &str| match text(body, pointer) {
        "" => usual.to_owned(),
        named => named.to_owned(),
    };
    let name = |address: &Address| places::country_name(&address.country).unwrap_or_default();
    let mut summary = json!({
        "shipDate": ship_date.to_string(),
        "shipTime": or("/shipTime", "17:00:00"),
        "serviceLevel": "A",
        "billType": or("/billType", "03"),
        "residentialIndicator": or("/residentialIndicator", "02"),
        "destinationCountryName": name(to),
        "destinationCountryCode": to.country,
        "originCountryName": name(from),
        "originCountryCode": from.country,
        "guaranteeSuspended": true,
        "numberOfServices": services.len(),
        "services": services,
    });
    for (field, value) in
        [("originPostalCode", &from.postal_code), ("destinationPostalCode", &to.postal_code)]
    {
        if !value.is_empty() {
            summary[field] = json!(value);
        }
    }
    summary
}
