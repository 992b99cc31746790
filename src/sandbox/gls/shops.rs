//! `/rs/parcelshop`: a few parcel shops, made up.

use serde_json::{Value, json};

use super::{
    order::{is_served, line},
    refusals::{first, shipit},
    routes::answer_in_utf8,
    shipments::body,
};
use crate::sandbox::host::{Call, Fields, Reply, Report, What};

struct Shop {
    id: &'static str,
    name: &'static str,
    street: &'static str,
    number: &'static str,
    postcode: &'static str,
    city: &'static str,
    country: &'static str,
    /// Ten-thousandths of a degree, north and east.
    position: (i64, i64),
}

/// Whose shops they are.
const PARTNER: &str = "GLS_DE";
/// A degree of latitude, in metres; one of longitude is as wide at the equator, and about 5/8 of that in Germany.
const DEGREE_METRES: i64 = 111_195;

const SHOPS: [Shop; 4] = [
    Shop {
        id: "2760188645",
        name: "Kiosk am Markt",
        street: "Markt",
        number: "12",
        postcode: "53111",
        city: "Bonn",
        country: "DE",
        position: (507_351, 71_023),
    },
    Shop {
        id: "2760188646",
        name: "Blumen Weber",
        street: "Sternstr.",
        number: "40",
        postcode: "53111",
        city: "Bonn",
        country: "DE",
        position: (507_360, 70_990),
    },
    Shop {
        id: "2760101156",
        name: "Spätkauf Mitte",
        street: "Invalidenstr.",
        number: "30",
        postcode: "10115",
        city: "Berlin",
        country: "DE",
        position: (525_303, 133_846),
    },
    Shop {
        id: "0400012345",
        name: "Trafik Huber",
        street: "Landstraßer Hauptstr.",
        number: "5",
        postcode: "1030",
        city: "Wien",
        country: "AT",
        position: (482_036, 163_861),
    },
];

pub fn exists(id: &str) -> bool {
    SHOPS.iter().any(|shop| shop.id == id)
}

/// The partner that a shop belongs to.
pub fn partner_of(id: &str) -> Option<&'static str> {
    exists(id).then_some(PARTNER)
}

/// Country and postcode of a `Location`.
pub fn place(location: &Fields<'_>) -> (String, String) {
    (location.needed_text("CountryCode", 2), location.text("ZIPCode", 10).unwrap_or_default().to_owned())
}

/// `GET /rs/parcelshop/{id}` and `/rs/parcelshop/{partnerId}/{id}`.
pub fn one(call: &Call) -> Result<Reply, Reply> {
    let (partner, id) = match call.ids.as_slice() {
        [partner, id] => (partner.as_str(), id.as_str()),
        _ => (PARTNER, call.id(0)),
    };
    let shop = SHOPS.iter().find(|shop| shop.id == id && partner == PARTNER);
    shop.map(|shop| answer_in_utf8(&view(shop, None)))
        .ok_or_else(|| shipit("INVALID_FIELD_VALUE", "There is no such parcel shop", &[id]))
}

/// `GET /rs/parcelshop/country/{countryCode}`.
pub fn of_country(call: &Call) -> Result<Reply, Reply> {
    if !is_served(call.id(0)) {
        return Err(shipit("INVALID_FIELD_VALUE", "The country is not served", &[call.id(0)]));
    }
    Ok(list(SHOPS.iter().filter(|shop| shop.country == call.id(0)).map(|shop| (shop, None)).collect()))
}

/// `POST /rs/parcelshop/address`: those of the town first, then those of the country.
pub fn near_address(call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (mut wanted, mut most) = ((String::new(), String::new(), String::new()), usize::MAX);
    if let Some(root) = Fields::root(&body, &report) {
        let (country, postcode) = place(&root);
        let city = line(&root, "City", 40).unwrap_or_default();
        for name in ["Street", "StreetNumber", "Province"] {
            line(&root, name, 40);
        }
        count(&root, "Distance");
        most = count(&root, "MaxNumberOfShops").unwrap_or(most);
        wanted = (country, postcode, city);
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let (country, postcode, city) = wanted;
    let mut shops: Vec<&Shop> = SHOPS.iter().filter(|shop| shop.country == country).collect();
    shops.sort_by_key(|shop| shop.postcode != postcode && !shop.city.eq_ignore_ascii_case(&city));
    Ok(list(shops.into_iter().take(most).map(|shop| (shop, None)).collect()))
}

/// `POST /rs/parcelshop/distance`: kilometres around a position, the nearest first.
pub fn near_position(call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (mut position, mut within, mut most) = ((0, 0), 0, usize::MAX);
    if let Some(root) = Fields::root(&body, &report) {
        position = (degrees(&root, "Latitude"), degrees(&root, "Longitude"));
        within = root.need("Distance", count(&root, "Distance")).unwrap_or_default();
        most = count(&root, "MaxNumberOfShops").unwrap_or(most);
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let within = i64::try_from(within).unwrap_or(i64::MAX).saturating_mul(1_000);
    let mut near: Vec<(&Shop, Option<i64>)> = SHOPS
        .iter()
        .map(|shop| (shop, metres(position, shop.position)))
        .filter(|(_, metres)| *metres <= within)
        .map(|(shop, metres)| (shop, Some(metres)))
        .collect();
    near.sort_by_key(|(_, metres)| *metres);
    near.truncate(most);
    Ok(list(near))
}

/// As the crow flies over flat land, by the longer side plus half the shorter: close enough to sort by.
fn metres(from: (i64, i64), to: (i64, i64)) -> i64 {
    let north = (from.0 - to.0).abs().saturating_mul(DEGREE_METRES) / 10_000;
    let east = (from.1 - to.1).abs().saturating_mul(DEGREE_METRES) / 10_000 * 5 / 8;
    north.max(east) + north.min(east) / 2
}

/// Degrees as ten-thousandths; the numbers of these requests are texts.
fn degrees(root: &Fields<'_>, name: &'static str) -> i64 {
    use rust_decimal::prelude::ToPrimitive;
    let text = root.needed_text(name, 20);
    let value = text.parse::<rust_decimal::Decimal>().ok();
    let value = value.and_then(|degrees| (degrees * rust_decimal::Decimal::from(10_000)).to_i64());
    if value.is_none() && !text.is_empty() {
        root.wrong(name, What::Value("The value is no position".to_owned()));
    }
    value.unwrap_or_default()
}

fn count(root: &Fields<'_>, name: &'static str) -> Option<usize> {
    let text = root.text(name, 10)?;
    let count = text.parse().ok();
    if count.is_none() {
        root.wrong(name, What::Value("The value is no number".to_owned()));
    }
    count
}

fn list(shops: Vec<(&Shop, Option<i64>)>) -> Reply {
    let views: Vec<Value> = shops.into_iter().map(|(shop, metres)| view(shop, metres)).collect();
    answer_in_utf8(&json!({ "ParcelShop": views }))
}

fn view(shop: &Shop, metres: Option<i64>) -> Value {
    let hours = json!({ "OpeningHours": [{ "From": "1970-01-01T08:00:00+01:00", "To": "1970-01-01T18:30:00+01:00" }] });
    let days = ["MON", "TUE", "WED", "THU", "FRI", "SAT"];
    let working: Vec<Value> =
        days.iter().map(|day| json!({ "DayOfWeek": day, "OpeningHours": hours })).collect();
    let mut view = json!({
        "ParcelShopID": shop.id,
        "Address": {
            "Name1": shop.name, "Street": shop.street, "StreetNumber": shop.number, "ZIPCode": shop.postcode,
            "City": shop.city, "CountryCode": shop.country,
        },
        "WorkingDay": working,
    });
    if let Some(metres) = metres {
        view["AirlineDistance"] = json!(format!("{}.{:03}", metres / 1_000, metres % 1_000));
    }
    view
}
