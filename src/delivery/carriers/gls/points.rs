//! GLS's parcel shops: which there are, and parcels to one.

use serde_json::{Value, json};

use super::wire::{parsed, understood};
use crate::delivery::carrier::{
    CallError, FoundPoint, PickupPoint, PointFault, PointKind, PointQuestion, Rejection, STREET,
};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::rejections::fitting_point;

/// Most shops of one answer; numbers of this request are texts.
const SHOPS_MAX: &str = "10";

/// What is wrong with a shop.
pub fn fault(point: &PickupPoint, street: &str) -> Option<PointFault> {
    let is_id =
        (1..=20).contains(&point.id.len()) && point.id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match () {
        () if point.kind != PointKind::Shop => Some(("/pickup_point/kind", "GLS has shops")),
        () if !is_id => Some(("/pickup_point/id", "is no number of a parcel shop")),
        () if street.trim().is_empty() => Some((STREET, "is the shop's, as the search says it")),
        () => None,
    }
}

/// The service that brings a parcel to a shop.
pub fn service(point: &PickupPoint, street: &str) -> Result<Value, Rejection> {
    fitting_point(point, "gls", fault(point, street))?;
    Ok(json!({"ShopDelivery": {"ServiceName": "service_shopdelivery", "ParcelShopID": point.id}}))
}

/// Asks for the shops near an address.
pub fn question(near: &PointQuestion) -> Value {
    let mut question = json!({
        "CountryCode": near.country, "ZIPCode": near.postal_code, "MaxNumberOfShops": SHOPS_MAX,
    });
    for (name, text) in [("City", &near.city), ("Street", &near.street_line)] {
        if !text.trim().is_empty() {
            question[name] = json!(text);
        }
    }
    question
}

/// The shops of an answer. One without a name or a town can't be shown.
pub fn shops(reply: Reply) -> Result<Vec<FoundPoint>, CallError> {
    let answer = parsed(&understood(reply)?);
    if !answer.is_object() {
        return Err(CallError::NoAnswer("the answer can't be read".to_owned()));
    }
    let listed = answer["ParcelShop"].as_array().into_iter().flatten();
    Ok(listed.filter_map(shop).collect())
}

fn shop(shop: &Value) -> Option<FoundPoint> {
    let address = &shop["Address"];
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    // The documentation spells it ZIPCode, the file Zipcode.
    let postal_code = text(&address["ZIPCode"]).or_else(|| text(&address["Zipcode"]));
    let days: Vec<String> = shop["WorkingDay"].as_array().into_iter().flatten().filter_map(day).collect();
    Some(FoundPoint {
        kind: PointKind::Shop,
        id: text(&shop["ParcelShopID"])?,
        name: text(&address["Name1"])?,
        street: text(&address["Street"])?,
        house_number: text(&address["StreetNumber"]),
        postal_code: postal_code?,
        city: text(&address["City"])?,
        country: text(&address["CountryCode"])?,
        metres: shop["AirlineDistance"].as_str().and_then(metres),
        opening_hours: (!days.is_empty()).then(|| days.join("; ")),
    })
}

/// Kilometres with three decimals.
fn metres(text: &str) -> Option<i64> {
    let kilometres: rust_decimal::Decimal = text.parse().ok()?;
    i64::try_from((kilometres * rust_decimal::Decimal::ONE_THOUSAND).trunc()).ok()
}

/// `MON 08:00-18:30`: of the moments only the hour by the shop's clock means anything.
fn day(day: &Value) -> Option<String> {
    let name = day["DayOfWeek"].as_str()?;
    let hours = day["OpeningHours"]["OpeningHours"].as_array()?;
    let span = |span: &Value| {
        Some(format!("{}-{}", span["From"].as_str()?.get(11..16)?, span["To"].as_str()?.get(11..16)?))
    };
    let spans: Vec<String> = hours.iter().filter_map(span).collect();
    (!spans.is_empty()).then(|| format!("{name} {}", spans.join(" ")))
}
