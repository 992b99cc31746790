//! Tracking: by the number of a package, by the number of a shipment, by a reference of the shipper's.
//!
//! Activities come newest first. A well-formed number that UPS has nothing of is answered with 200 and a warning in the
//! place of the package; any other, and a reference that nothing bears, with 404.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::books::{Activity, Package, Shipment};
use super::call::{Call, Outcome, Refusal, Reply};
use super::places::Address;
use super::state::State;
use super::statuses::{self, Stage};
use super::tariff;

/// References are looked for so many days back, unless the caller says otherwise.
const REFERENCE_DAYS: i64 = 14;
/// UPS forgets a package after so many days.
const KEPT_DAYS: i64 = 120;
/// Most packages of one answer.
const PACKAGES_MAX: usize = 50;

pub fn details(state: &mut State, call: &Call) -> Outcome {
    let number = call.id(0);
    check_length(number)?;
    let found = state.books.package(number).filter(|(shipment, _)| is_kept(shipment, state.now()));
    match found {
        Some((shipment, package)) => Ok(answer(&[shipment_view(shipment, number, &[package])])),
        None if number.len() == 18 && number.starts_with("1Z") => Ok(answer(&[json!({
            "inquiryNumber": number,
            "warnings": [{"code": "TW0001", "message": "Tracking Information Not Found"}],
        })])),
        None => Err(not_found()),
    }
}

pub fn of_shipment(state: &mut State, call: &Call) -> Outcome {
    let number = call.id(0);
    check_length(number)?;
    let count = |name: &str, usual: usize| match call.query(name).map(|text| text.parse::<usize>()) {
        None => Ok(usual),
        Some(Ok(count)) => Ok(count),
        Some(Err(_)) => Err(Refusal::new(400, "TV1003", &format!("Invalid {name}"))),
    };
    let (offset, count) = (count("offset", 0)?, count("count", PACKAGES_MAX)?.min(PACKAGES_MAX));
    let (shipment, _) = state.books.package(number).ok_or_else(not_found)?;
    let packages: Vec<&Package> = shipment.packages.iter().skip(offset).take(count).collect();
    Ok(answer(&[shipment_view(shipment, number, &packages)]))
}

pub fn by_reference(state: &mut State, call: &Call) -> Outcome {
    let reference = call.id(0);
    if !(1..=35).contains(&reference.chars().count()) {
        return Err(Refusal::new(400, "TV1001", "Invalid reference number"));
    }
    if call.query("shipperNum").is_some_and(|number| number != state.settings.account_number) {
        return Err(not_found());
    }
    if call.query("refNumType").is_some_and(|kind| !["SmallPackage", "fgv"].contains(&kind.as_str())) {
        return Err(Refusal::new(400, "TV1004", "Invalid reference number type"));
    }
    let now = state.now();
    let date = |name: &str, usual: NaiveDate| match call.query(name) {
        None => Ok(usual),
        Some(text) => NaiveDate::parse_from_str(&text, "%Y%m%d")
            .map_err(|_| Refusal::new(400, "TV1005", &format!("Invalid {name}"))),
    };
    let from = date("fromPickUpDate", (now - chrono::Duration::days(REFERENCE_DAYS)).date_naive())?;
    // A label whose parcel waits for tomorrow's collection counts too.
    let to = date("toPickUpDate", (now + chrono::Duration::days(REFERENCE_DAYS)).date_naive())?;
    let fits = |shipment: &&Shipment| {
        shipment.has_reference(reference)
            && (from..=to).contains(&shipment.ship_date)
            && state.is_recoverable(shipment)
            && call.query("destZip").is_none_or(|zip| zip == shipment.to.postal_code)
            && call.query("destCountry").is_none_or(|country| country == shipment.to.country)
    };
    let found: Vec<Value> = state
        .books
        .shipments
        .iter()
        .filter(fits)
        .map(|shipment| {
            let all = shipment.references.iter().any(|own| own == reference);
            let bearing = |package: &&Package| all || package.references.iter().any(|own| own == reference);
            shipment_view(shipment, reference, &shipment.packages.iter().filter(bearing).collect::<Vec<_>>())
        })
        .collect();
    if found.is_empty() { Err(not_found()) } else { Ok(answer(&found)) }
}

fn not_found() -> Refusal {
    Refusal::new(404, "TW0001", "Tracking Information Not Found")
}

fn check_length(number: &str) -> Result<(), Refusal> {
    let plain = number.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if (7..=34).contains(&number.len()) && plain {
        return Ok(());
    }
    Err(Refusal::new(400, "TV1002", "Invalid inquiry number"))
}

fn is_kept(shipment: &Shipment, now: DateTime<Utc>) -> bool {
    now < shipment.booked_at + chrono::Duration::days(KEPT_DAYS)
}

fn answer(shipments: &[Value]) -> Reply {
    Reply::json(&json!({"trackResponse": {"shipment": shipments}}))
}

fn shipment_view(shipment: &Shipment, inquiry: &str, packages: &[&Package]) -> Value {
    let packages: Vec<Value> = packages.iter().map(|package| package_view(shipment, package)).collect();
    json!({"inquiryNumber": inquiry, "package": packages, "userRelation": ["SHIPPER"]})
}

fn package_view(shipment: &Shipment, package: &Package) -> Value {
    let activities = package.newest_first();
    let current = activities.first().map(|newest| status(newest)).unwrap_or_default();
    let of_shipment = shipment.references.iter().map(|number| json!({"type": "SHIPMENT", "number": number}));
    let of_package = package.references.iter().map(|number| json!({"type": "PACKAGE", "number": number}));
    let references: Vec<Value> = of_shipment.chain(of_package).collect();
    let delivered = activities.iter().find(|one| statuses::stage(&one.status_code) == Stage::Delivered);
    let mut view = json!({
        "trackingNumber": package.tracking_number,
        "deliveryDate": [{"type": "SDD", "date": shipment.delivery_date.format("%Y%m%d").to_string()}],
        "activity": activities.iter().map(|activity| activity_view(activity)).collect::<Vec<_>>(),
        "currentStatus": current,
        "packageAddress": [address_view("ORIGIN", &shipment.from), address_view("DESTINATION", &shipment.to)],
        "weight": {"unitOfMeasurement": package.weight_unit.trim_end_matches('S'), "weight": package.weight},
        "service": {
            "code": format!("{:0>3}", shipment.service),
            "levelCode": format!("{:0>3}", shipment.service),
            "description": tariff::name_of(&shipment.service),
        },
        "referenceNumber": references,
        "packageCount": shipment.packages.len(),
    });
    if let Some(delivered) = delivered {
        let local = local(delivered);
        view["deliveryDate"] = json!([{"type": "DEL", "date": local.format("%Y%m%d").to_string()}]);
        view["deliveryTime"] = json!({"type": "DEL", "endTime": local.format("%H%M%S").to_string()});
        view["deliveryInformation"] = json!({"location": "Front Door", "receivedBy": "SHOPPER"});
    }
    if let Some(point) = shipment.access_point.as_ref().filter(|_| package.stage() == Stage::AtPickupPoint) {
        let until = shipment.delivery_date + chrono::Days::new(7);
        view["accessPointInformation"] = json!({"pickupByDate": until.format("%Y%m%d").to_string()});
        view["alternateTrackingNumber"] = json!([{"number": point, "type": "ACCESS_POINT"}]);
    }
    view
}

/// The activity's own time at its own place.
pub fn local(activity: &Activity) -> DateTime<chrono_tz::Tz> {
    let place =
        Address { country: activity.country.clone(), state: activity.state.clone(), ..Address::default() };
    activity.at.with_timezone(&place.zone())
}

fn status(activity: &Activity) -> Value {
    let known = statuses::find(&activity.status_code);
    json!({
        "type": known.map_or("I", |known| known.kind),
        "code": known.map_or("XX", |known| known.code),
        "description": known.map_or("", |known| known.description),
        "statusCode": activity.status_code,
    })
}

fn activity_view(activity: &Activity) -> Value {
    let local = local(activity);
    json!({
        "date": local.format("%Y%m%d").to_string(),
        "time": local.format("%H%M%S").to_string(),
        "gmtDate": activity.at.format("%Y%m%d").to_string(),
        "gmtTime": activity.at.format("%H:%M:%S").to_string(),
        "gmtOffset": local.format("%:z").to_string(),
        "location": {"address": {
            "city": activity.city,
            "stateProvince": activity.state,
            "countryCode": activity.country,
            "country": activity.country,
            "postalCode": activity.postal_code,
        }},
        "status": status(activity),
        "logicalScan": matches!(activity.status_code.as_str(), "003" | "007"),
    })
}

fn address_view(kind: &str, address: &Address) -> Value {
    json!({"type": kind, "address": {
        "city": address.city,
        "stateProvince": address.state,
        "postalCode": address.postal_code,
        "countryCode": address.country,
        "country": address.country,
    }})
}
