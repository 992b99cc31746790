//! UPS's Access Points: which there are, and parcels that are held at one for pick-up.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::wire::{list, party};
use crate::delivery::carrier::{
    Address, CallError, FoundPoint, PickupPoint, PointFault, PointKind, PointQuestion, Rejection, STREET,
};
use crate::delivery::carriers::addresses::named;
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::regions::state_of;
use crate::delivery::carriers::rejections::{fitting, fitting_point};

/// The option that looks for Access Points.
pub const PATH: &str = "/locations/v3/search/availabilities/64";
/// Length of a number of an Access Point.
const ID_LENGTH: usize = 9;
/// Held at an Access Point from the start, not only when nobody was at home (02).
const HELD_FOR_PICKUP: &str = "01";

/// What is wrong with a point.
pub fn fault(point: &PickupPoint, street: &str) -> Option<PointFault> {
    let is_id = point.id.len() == ID_LENGTH && point.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match () {
        () if !is_id => Some(("/pickup_point/id", "an Access Point has a number of 9 letters and digits")),
        () if street.trim().is_empty() => Some((STREET, "is the point's, as the search says it")),
        () => None,
    }
}

/// Says in a shipment that it is held at a point.
pub fn hold(shipment: &mut Value, recipient: &Address, point: &PickupPoint) -> Result<(), Rejection> {
    fitting_point(point, "ups", fault(point, &recipient.street))?;
    let place = party("recipient", recipient)?["Address"].take();
    let name = named(point.name.as_deref()).unwrap_or("UPS Access Point");
    shipment["ShipmentIndicationType"] = json!([{"Code": HELD_FOR_PICKUP}]);
    shipment["AlternateDeliveryAddress"] = json!({
        "Name": fitting("recipient.pickup_point.name", name, 35)?,
        "AttentionName": fitting("recipient.name", &recipient.name, 35)?,
        "UPSAccessPointID": point.id,
        "Address": place,
    });
    Ok(())
}

/// Asks for the points near an address.
pub fn question(near: &PointQuestion) -> Value {
    // UPS's file wants all of an address; what was not said is looked for around the postal code.
    let said = |text: &str| if text.trim().is_empty() { near.postal_code.clone() } else { text.to_owned() };
    let region = if near.country == "US" { state_of(&near.postal_code) } else { None };
    let form = json!({
        "AddressLine": said(&near.street_line),
        "PoliticalDivision2": said(&near.city),
        "PoliticalDivision1": region.unwrap_or(&near.country),
        "PostcodePrimaryLow": near.postal_code,
        "CountryCode": near.country,
    });
    json!({"LocatorRequest": {
        "Request": {"RequestAction": "Locator"},
        "OriginAddress": {"AddressKeyFormat": form},
        "Translate": {"Locale": "en_US"},
        "UnitOfMeasurement": {"Code": "KM"},
        "LocationSearchCriteria": {
            "MaximumListSize": "10",
            "SearchRadius": "30",
            "AccessPointSearch": {"AccessPointStatus": "01"},
        },
    }})
}

/// The points of an answer.
pub fn points(reply: Reply) -> Result<Vec<FoundPoint>, CallError> {
    let body: Value = reply.expect_success()?.json()?;
    let results = &body["LocatorResponse"]["SearchResults"];
    Ok(list(&results["DropLocation"]).filter_map(point).collect())
}

fn point(location: &Value) -> Option<FoundPoint> {
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let form = &location["AddressKeyFormat"];
    Some(FoundPoint {
        // Lockers are told by their names alone.
        kind: PointKind::Shop,
        id: text(&location["AccessPointInformation"]["PublicAccessPointID"])?,
        name: text(&form["ConsigneeName"])?,
        street: text(&form["AddressLine"])?,
        house_number: None,
        postal_code: text(&form["PostcodePrimaryLow"])?,
        city: text(&form["PoliticalDivision2"])?,
        country: text(&form["CountryCode"])?,
        metres: metres(&location["Distance"]),
        opening_hours: text(&location["StandardHoursOfOperation"]),
    })
}

fn metres(distance: &Value) -> Option<i64> {
    let value: Decimal = distance["Value"].as_str()?.parse().ok()?;
    let metres = match distance["UnitOfMeasurement"]["Code"].as_str()? {
        "KM" => 1_000,
        // A mile has 1,609.344 m.
        "MI" => 1_609,
        _ => return None,
    };
    i64::try_from((value * Decimal::from(metres)).trunc()).ok()
}
