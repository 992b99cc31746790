//! What UPS asks for and promises: one call that changes nothing, `Ratetimeintransit` of the service that bookings take.
//!
//! Optional charges are often absent, and are read leniently: without a total there is no quote.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::UpsSettings;
use super::wire::{dimensions, service, weight};
use crate::delivery::carrier::{Address, LiveQuote, QuoteParcel, QuoteRequest};
use crate::delivery::carriers::regions::state_of;
use crate::money::{Currency, Money, Rounding, round};

/// The question, or nothing where UPS does not bring parcels there.
pub fn question(request: &QuoteRequest, settings: &UpsSettings) -> Option<Value> {
    let american = [&request.sender, &request.recipient].iter().all(|place| place.country == "US");
    let mut shipper = party(&request.sender)?;
    shipper["ShipperNumber"] = json!(settings.account_number);
    let package = |parcel: &QuoteParcel| {
        let mut weight = weight(parcel.weight_grams, american).ok()?;
        // Unlike shipping, rating wants units described.
        weight["UnitOfMeasurement"]["Description"] = json!(if american { "Pounds" } else { "Kilograms" });
        let packaging = json!({"Code": "02", "Description": "Package"});
        let mut package = json!({"PackagingType": packaging, "PackageWeight": weight});
        if let Some(sides) = parcel.dimensions_mm {
            let mut sides = dimensions(sides, american);
            sides["UnitOfMeasurement"]["Description"] =
                json!(if american { "Inches" } else { "Centimetres" });
            package["Dimensions"] = sides;
        }
        if request.age_min.is_some() {
            package["PackageServiceOptions"] = json!({"DeliveryConfirmation": {"DCISType": "3"}});
        }
        Some(package)
    };
    let packages: Vec<Value> = request.parcels.iter().map(package).collect::<Option<_>>()?;
    let pickup = json!({"Date": request.leaves_on.format("%Y%m%d").to_string()});
    Some(json!({"RateRequest": {
        "Request": {},
        "Shipment": {
            "Shipper": shipper,
            "ShipTo": party(&request.recipient)?,
            "Service": {"Code": service(american), "Description": "UPS"},
            "ShipmentRatingOptions": {"NegotiatedRatesIndicator": ""},
            "DeliveryTimeInformation": {"PackageBillType": "03", "Pickup": pickup},
            "Package": packages,
        },
    }}))
}

/// A price depends on places; who lives there is not told.
fn party(address: &Address) -> Option<Value> {
    // UPS's file wants a line; a price does not depend on it, so that a shopper who has not said the street need not.
    let line = if address.street.is_empty() { &address.postal_code } else { &address.street };
    let mut place =
        json!({"AddressLine": [line], "PostalCode": address.postal_code, "CountryCode": address.country});
    if !address.city.is_empty() {
        place["City"] = json!(address.city);
    }
    if address.country == "US" {
        place["StateProvinceCode"] = json!(state_of(&address.postal_code)?);
    }
    Some(json!({"Address": place}))
}

/// The answer.
pub fn quote(body: &[u8]) -> Option<LiveQuote> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let rated = match &body["RateResponse"]["RatedShipment"] {
        Value::Array(all) => all.first()?,
        one => one,
    };
    // The account's own price, where it has one.
    let total = rated.pointer("/NegotiatedRateCharges/TotalCharge").or_else(|| rated.get("TotalCharges"))?;
    let summary = &rated["TimeInTransit"]["ServiceSummary"];
    let arrives = summary["EstimatedArrival"]["Arrival"]["Date"].as_str().and_then(whole_day);
    let service =
        summary["Service"]["Description"].as_str().or_else(|| rated["Service"]["Description"].as_str());
    Some(LiveQuote {
        service: service.unwrap_or("UPS").to_owned(),
        price: money(total)?,
        leaves_by: None,
        arrives,
        underway_minutes: None,
        valid_until: None,
        quote: None,
    })
}

fn money(charge: &Value) -> Option<Money> {
    let currency: Currency = charge["CurrencyCode"].as_str()?.parse().ok()?;
    let value: Decimal = charge["MonetaryValue"].as_str()?.parse().ok()?;
    let minor = value * Decimal::from(10_i64.checked_pow(currency.digits())?);
    round(minor, currency, Rounding::HalfAwayFromZero).ok()
}

/// UPS says hours of the recipient's clock without its zone: the day is what can be promised.
fn whole_day(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let day = NaiveDate::parse_from_str(text, "%Y%m%d").ok()?;
    Some((day.and_time(NaiveTime::MIN).and_utc(), day.and_hms_opt(23, 59, 59)?.and_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_own_price_counts_and_an_answer_without_one_is_no_quote() {
        let charge = |value: &str| json!({"CurrencyCode": "USD", "MonetaryValue": value});
        let rated = json!({"RateResponse": {"RatedShipment": {
            "TotalCharges": charge("12.40"),
            "NegotiatedRateCharges": {"TotalCharge": charge("9.87")},
            "TimeInTransit": {"ServiceSummary": {
                "Service": {"Description": "UPS Ground"},
                "EstimatedArrival": {"Arrival": {"Date": "20261203", "Time": "230000"}},
            }},
        }}});
        let found = quote(rated.to_string().as_bytes()).expect("a quote");
        assert_eq!((found.service.as_str(), found.price.minor()), ("UPS Ground", 987));
        assert_eq!(
            found.arrives.map(|(from, _)| from.to_rfc3339()),
            Some("2026-12-03T00:00:00+00:00".to_owned())
        );
        let bare = json!({"RateResponse": {"RatedShipment": [{"TotalCharges": charge("12.40")}]}});
        let found = quote(bare.to_string().as_bytes()).expect("a quote");
        assert_eq!((found.price.minor(), found.arrives), (1240, None));
        assert_eq!(quote(br#"{"RateResponse": {"RatedShipment": [{}]}}"#), None);
        assert_eq!(quote(b"no JSON"), None);
    }
}
