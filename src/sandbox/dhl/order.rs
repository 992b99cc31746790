//! One shipment of an order request: read strictly, with a validation message for everything that is wrong.
//!
//! Lengths, patterns and enumerations are those of the shipping specification 2.1; the product limits are DHL's published
//! conditions. Where next: `orders.rs` books what passes here.

use chrono::{DateTime, Days, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    countries::{is_country, needs_customs},
    fields::{Fields, Message},
    german_time::german,
};

/// The schema's upper limit for any parcel.
const WEIGHT_GRAMS_MAX: i64 = 31_500;
/// A Kleinpaket weighs at most one kilogram.
const SMALL_PARCEL_WEIGHT_GRAMS_MAX: i64 = 1_000;
/// A Warenpost International weighs at most two kilograms.
const WARENPOST_WEIGHT_GRAMS_MAX: i64 = 2_000;
/// Longest, middle and shortest side of a V01PAK without the bulky goods service.
const PARCEL_SIDES_MM_MAX: [i64; 3] = [1_200, 600, 600];
/// Longest, middle and shortest side of a Kleinpaket.
const SMALL_PARCEL_SIDES_MM_MAX: [i64; 3] = [353, 250, 50];
/// "Up to a few days in the future", says the specification.
const SHIP_DATE_DAYS_AHEAD_MAX: u64 = 7;
/// The customer number that DHL publishes for its test system: only there does participation 01 exclude services.
const PUBLISHED_TEST_CUSTOMER: &str = "3333333333";

/// What the books call the product of a return: DHL Retoure has these digits in its billing numbers.
pub const RETURN: &str = "07";

/// What was ordered, as far as labels, books and tracking need it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub product: String,
    pub billing_number: String,
    pub reference: Option<String>,
    pub shipper: Party,
    pub consignee: Party,
    pub weight_grams: i64,
    pub ship_date: NaiveDate,
    pub services: Vec<String>,
}

impl Order {
    /// Goods that come back: the shipping service knows nothing of it.
    pub fn is_return(&self) -> bool {
        self.product == RETURN
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Party {
    pub names: Vec<String>,
    pub street: String,
    pub postal_code: String,
    pub city: String,
    pub country: String,
}

/// What the check of one shipment depends on besides the shipment.
pub struct Rules<'a> {
    pub now: DateTime<Utc>,
    /// The contract's billing number: its first ten digits are the customer.
    pub billing_number: &'a str,
    /// Refuse a German address that can't be route-coded.
    pub must_encode: bool,
}

/// Reads one shipment. An order comes back only when no message is an error.
pub fn read_order(shipment: &Value, rules: &Rules<'_>) -> (Option<Order>, Vec<Message>) {
    let mut out = Vec::new();
    let Value::Object(object) = shipment else {
        return (None, vec![Message::error("shipment", "must be an object")]);
    };
    let mut fields = Fields::root(object);
    let reference = fields.text("refNo", false, 8, 35, &mut out);
    fields.text("costCenter", false, 0, 50, &mut out);
    fields.accept(&["creationSoftware", "customs"]);
    let product = read_product(&mut fields, rules, &mut out);
    let billing_number = read_billing_number(&mut fields, &product, rules, &mut out);
    let ship_date = read_ship_date(&mut fields, rules.now, &mut out);
    let shipper = fields.object("shipper", true, &mut out).map(|party| read_shipper(party, &mut out));
    let consignee = fields.object("consignee", true, &mut out).map(|party| read_consignee(party, &mut out));
    let services = fields.object("services", false, &mut out).map(|names| read_services(names, &mut out));
    let services = services.unwrap_or_default();
    let bulky = services.iter().any(|name| name == "bulkyGoods");
    let details = fields.object("details", true, &mut out);
    let weight_grams = details.and_then(|details| read_details(details, &product, bulky, &mut out));
    if let Some(consignee) = &consignee {
        check_destination(&product, consignee, fields.has("customs"), &mut out);
        check_routing(consignee, rules.must_encode, &mut out);
    }
    check_participation(&billing_number, &services, &mut out);
    fields.finish(&mut out);
    if out.iter().any(Message::is_error) {
        return (None, out);
    }
    let order = shipper.zip(consignee).zip(weight_grams).map(|((shipper, consignee), weight_grams)| Order {
        product,
        billing_number,
        reference,
        shipper,
        consignee,
        weight_grams,
        ship_date,
        services,
    });
    (order, out)
}

/// Two digits of the billing number name the product.
fn product_digits(product: &str) -> Option<&'static str> {
    match product {
        "V01PAK" => Some("01"),
        "V53WPAK" => Some("53"),
        "V54EPAK" => Some("54"),
        "V62WP" | "V62KP" => Some("62"),
        "V66WPI" => Some("66"),
        _ => None,
    }
}

fn read_product(fields: &mut Fields<'_>, rules: &Rules<'_>, out: &mut Vec<Message>) -> String {
    let Some(product) = fields.text("product", true, 1, 10, out) else { return String::new() };
    if product_digits(&product).is_none() {
        out.push(Message::error("product", "is not one of the known products"));
    }
    let switched_off = NaiveDate::from_ymd_opt(2026, 6, 1).unwrap_or_default();
    if product == "V62WP" && german(rules.now).date_naive() >= switched_off {
        out.push(Message::error("product", "V62WP is no longer available, please use V62KP"));
    }
    product
}

fn read_billing_number(
    fields: &mut Fields<'_>,
    product: &str,
    rules: &Rules<'_>,
    out: &mut Vec<Message>,
) -> String {
    let Some(number) = fields.text("billingNumber", true, 14, 14, out) else { return String::new() };
    let word = |part: &[u8]| part.iter().all(u8::is_ascii_alphanumeric);
    let bytes = number.as_bytes();
    if bytes.len() != 14 || !word(bytes) || !bytes[10..12].iter().all(u8::is_ascii_digit) {
        out.push(Message::error("billingNumber", "must match the pattern \\w{10}\\d{2}\\w{2}"));
        return number;
    }
    if product_digits(product).is_some_and(|digits| digits != &number[10..12]) {
        out.push(Message::error("billingNumber", "does not belong to the product"));
    }
    if rules.billing_number.get(..10) != Some(&number[..10]) {
        out.push(Message::error("billingNumber", "is not permitted for this user"));
    }
    number
}

fn read_ship_date(fields: &mut Fields<'_>, now: DateTime<Utc>, out: &mut Vec<Message>) -> NaiveDate {
    let today = german(now).date_naive();
    let Some(text) = fields.text("shipDate", false, 10, 10, out) else { return today };
    match NaiveDate::parse_from_str(&text, "%Y-%m-%d") {
        Ok(date) if date < today => out.push(Message::error("shipDate", "must not be in the past")),
        Ok(date) if date > today + Days::new(SHIP_DATE_DAYS_AHEAD_MAX) => {
            out.push(Message::error("shipDate", "is too far in the future"));
        }
        Ok(date) => return date,
        Err(_) => out.push(Message::error("shipDate", "must be a date like 2026-01-31")),
    }
    today
}

fn read_shipper(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    if fields.has("shipperRef") {
        let name = fields.text("shipperRef", true, 0, 50, out).unwrap_or_default();
        fields.finish(out);
        return Party { names: vec![name], country: "DEU".to_owned(), ..Party::default() };
    }
    // The specification's own examples send a telephone number that its schema does not list.
    fields.accept(&["phone"]);
    read_contact(fields, out)
}

fn read_consignee(fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    if fields.has("lockerID") {
        read_locker(fields, out)
    } else if fields.has("retailID") {
        read_post_office(fields, out)
    } else if fields.has("poBoxID") {
        read_po_box(fields, out)
    } else {
        read_contact(fields, out)
    }
}

fn read_contact(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    let names = read_names(&mut fields, out);
    let street = fields.text("addressStreet", true, 1, 50, out).unwrap_or_default();
    let house = fields.text("addressHouse", false, 1, 10, out).unwrap_or_default();
    fields.text("dispatchingInformation", false, 1, 35, out);
    fields.text("additionalAddressInformation1", false, 1, 60, out);
    fields.text("additionalAddressInformation2", false, 1, 60, out);
    fields.text("state", false, 1, 20, out);
    fields.text("contactName", false, 3, 80, out);
    fields.text("phone", false, 1, 20, out);
    fields.text("email", false, 3, 80, out);
    let city = fields.text("city", true, 1, 40, out).unwrap_or_default();
    let country = read_country(&mut fields, true, out);
    // Ireland is the one country of the specification whose addresses do without.
    let postal_code = read_postal_code(&mut fields, country != "IRL", out);
    fields.finish(out);
    Party { names, street: format!("{street} {house}").trim().to_owned(), postal_code, city, country }
}

pub fn read_names(fields: &mut Fields<'_>, out: &mut Vec<Message>) -> Vec<String> {
    [("name1", true), ("name2", false), ("name3", false)]
        .into_iter()
        .filter_map(|(name, required)| fields.text(name, required, 1, 50, out))
        .collect()
}

fn read_locker(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    let name = fields.text("name", true, 1, 50, out).unwrap_or_default();
    let locker = read_range(&mut fields, "lockerID", 100, 999, out);
    let post_number = read_post_number(&mut fields, true, out);
    let city = fields.text("city", true, 1, 40, out).unwrap_or_default();
    let country = read_country(&mut fields, false, out);
    let postal_code = read_postal_code(&mut fields, true, out);
    fields.finish(out);
    Party {
        names: vec![name, post_number],
        street: format!("Packstation {locker}"),
        postal_code,
        city,
        country,
    }
}

fn read_post_office(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    let name = fields.text("name", true, 1, 50, out).unwrap_or_default();
    let office = read_range(&mut fields, "retailID", 401, 999, out);
    let email = fields.text("email", false, 3, 80, out);
    let post_number = read_post_number(&mut fields, email.is_none(), out);
    let city = fields.text("city", true, 1, 80, out).unwrap_or_default();
    let country = read_country(&mut fields, false, out);
    let postal_code = read_postal_code(&mut fields, true, out);
    fields.finish(out);
    Party {
        names: vec![name, post_number],
        street: format!("Postfiliale {office}"),
        postal_code,
        city,
        country,
    }
}

fn read_po_box(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    let names = read_names(&mut fields, out);
    let number = fields.integer("poBoxID", true, out).unwrap_or_default();
    fields.text("email", false, 3, 80, out);
    let city = fields.text("city", true, 1, 80, out).unwrap_or_default();
    let country = read_country(&mut fields, false, out);
    let postal_code = read_postal_code(&mut fields, true, out);
    fields.finish(out);
    Party { names, street: format!("Postfach {number}"), postal_code, city, country }
}

fn read_range(
    fields: &mut Fields<'_>,
    name: &'static str,
    least: i64,
    most: i64,
    out: &mut Vec<Message>,
) -> i64 {
    let value = fields.integer(name, true, out).unwrap_or(least);
    if !(least..=most).contains(&value) {
        out.push(Message::error(fields.path(name), format!("must be between {least} and {most}")));
    }
    value
}

fn read_post_number(fields: &mut Fields<'_>, required: bool, out: &mut Vec<Message>) -> String {
    let number = fields.text("postNumber", required, 6, 10, out).unwrap_or_default();
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        out.push(Message::error(fields.path("postNumber"), "must consist of digits"));
    }
    number
}

fn read_country(fields: &mut Fields<'_>, required: bool, out: &mut Vec<Message>) -> String {
    let Some(country) = fields.text("country", required, 0, usize::MAX, out) else { return "DEU".to_owned() };
    if !is_country(&country) {
        out.push(Message::error(fields.path("country"), "must be a code of ISO 3166-1 alpha-3"));
    }
    country
}

/// `^[0-9A-Za-z]+([ -]?[0-9A-Za-z]+)*$`: letters and digits in groups parted by one blank or hyphen.
pub fn read_postal_code(fields: &mut Fields<'_>, required: bool, out: &mut Vec<Message>) -> String {
    let Some(code) = fields.text("postalCode", required, 3, 10, out) else { return String::new() };
    let group = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !code.split([' ', '-']).all(group) {
        out.push(Message::error(fields.path("postalCode"), "has characters that are not allowed"));
    }
    code
}

fn read_details(mut fields: Fields<'_>, product: &str, bulky: bool, out: &mut Vec<Message>) -> Option<i64> {
    let weight = fields.object("weight", true, out).and_then(|weight| read_weight(weight, product, out));
    if let Some(dimensions) = fields.object("dim", false, out) {
        read_dimensions(dimensions, product, bulky, out);
    }
    fields.finish(out);
    weight
}

fn read_weight(mut fields: Fields<'_>, product: &str, out: &mut Vec<Message>) -> Option<i64> {
    let unit = fields.text("uom", true, 1, 2, out);
    let value: Option<Decimal> = fields.number("value", out).and_then(|text| text.parse().ok());
    let property = fields.path("value");
    fields.finish(out);
    let grams = match unit?.as_str() {
        "g" => value?,
        "kg" => value?.checked_mul(Decimal::ONE_THOUSAND)?,
        _ => {
            out.push(Message::error(property, "the unit must be g or kg"));
            return None;
        }
    };
    let limit = match product {
        "V62KP" | "V62WP" => SMALL_PARCEL_WEIGHT_GRAMS_MAX,
        "V66WPI" => WARENPOST_WEIGHT_GRAMS_MAX,
        _ => WEIGHT_GRAMS_MAX,
    };
    if grams <= Decimal::ZERO {
        out.push(Message::error(property, "The weight must be above zero"));
    } else if grams > Decimal::from(limit) {
        out.push(Message::error(property, "The weight is too high"));
    }
    i64::try_from(grams.ceil()).ok()
}

fn read_dimensions(mut fields: Fields<'_>, product: &str, bulky: bool, out: &mut Vec<Message>) {
    let unit = fields.text("uom", true, 1, 2, out);
    let sides = ["length", "width", "height"].map(|name| fields.integer(name, true, out));
    let property = fields.path("length");
    fields.finish(out);
    let factor = match unit.as_deref() {
        Some("mm") => 1,
        Some("cm") => 10,
        Some(_) => return out.push(Message::error(property, "the unit must be mm or cm")),
        None => return,
    };
    let [Some(length), Some(width), Some(height)] = sides else { return };
    let mut sides_mm = [length, width, height].map(|side| side.saturating_mul(factor));
    sides_mm.sort_unstable_by(|left, right| right.cmp(left));
    if sides_mm.iter().any(|side| *side < 1) {
        return out.push(Message::error(property, "every side must be above zero"));
    }
    let limits = match product {
        "V62KP" | "V62WP" => SMALL_PARCEL_SIDES_MM_MAX,
        "V01PAK" if !bulky => PARCEL_SIDES_MM_MAX,
        _ => return,
    };
    if sides_mm.iter().zip(limits).any(|(side, limit)| *side > limit) {
        out.push(Message::error(property, "The parcel is too large for the product"));
    }
}

/// The names of the services that were ordered, with their values where they change the delivery.
fn read_services(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Vec<String> {
    let mut services = Vec::new();
    if let Some(age) = fields.text("visualCheckOfAge", false, 3, 3, out) {
        if !matches!(age.as_str(), "A16" | "A18") {
            out.push(Message::error(fields.path("visualCheckOfAge"), "must be A16 or A18"));
        }
        services.push(format!("visualCheckOfAge {age}"));
    }
    let flags = [
        "namedPersonOnly",
        "signedForByRecipient",
        "noNeighbourDelivery",
        "bulkyGoods",
        "premium",
        "closestDropPoint",
        "goGreenPlus",
        "postalDeliveryDutyPaid",
    ];
    for name in flags {
        if fields.boolean(name, out) == Some(true) {
            services.push(name.to_owned());
        }
    }
    for name in ["preferredNeighbour", "preferredLocation", "preferredDay", "parcelOutletRouting"] {
        if fields.text(name, false, 0, 100, out).is_some() {
            services.push(name.to_owned());
        }
    }
    if let Some(mut check) = fields.object("identCheck", false, out) {
        check.text("firstName", true, 1, 35, out);
        check.text("lastName", true, 1, 35, out);
        let born = check.text("dateOfBirth", false, 10, 10, out);
        let age = check.text("minimumAge", false, 3, 3, out);
        if born.is_none() && age.is_none() {
            out.push(Message::error(
                check.path("minimumAge"),
                "a date of birth or a minimum age is required",
            ));
        }
        check.finish(out);
        services.push("identCheck".to_owned());
    }
    fields.accept(&["additionalInsurance", "cashOnDelivery", "dhlRetoure"]);
    fields.accept(&["endorsement", "individualSenderRequirement"]);
    fields.finish(out);
    services
}

fn check_destination(product: &str, consignee: &Party, has_customs: bool, out: &mut Vec<Message>) {
    let domestic = consignee.country == "DEU";
    match product {
        "V01PAK" | "V62KP" | "V62WP" if !domestic => {
            out.push(Message::error("consignee.country", "the product is for Germany only"));
        }
        "V53WPAK" | "V54EPAK" | "V66WPI" if domestic => {
            out.push(Message::error("consignee.country", "the product is not for Germany"));
        }
        "V53WPAK" | "V66WPI" if needs_customs(&consignee.country) && !has_customs => {
            out.push(Message::error("customs", "is required for this destination"));
        }
        _ => {}
    }
}

/// A German address can be route-coded when it has five digits, a place, and a house number.
fn check_routing(consignee: &Party, must_encode: bool, out: &mut Vec<Message>) {
    if consignee.country != "DEU" {
        return;
    }
    let code = consignee.postal_code.as_bytes();
    let real_code = code.len() == 5 && code.iter().all(u8::is_ascii_digit) && !code.starts_with(b"00");
    let has_house = consignee.street.bytes().any(|byte| byte.is_ascii_digit());
    if real_code && has_house {
        return;
    }
    let text = "The address could not be route-coded";
    let message = if must_encode { Message::error } else { Message::warning };
    out.push(message("consignee".to_owned(), text.to_owned()));
}

/// DHL's published test contract has two participations of V01PAK: 02 with services and 01 without.
fn check_participation(billing_number: &str, services: &[String], out: &mut Vec<Message>) {
    let without_services = billing_number == format!("{PUBLISHED_TEST_CUSTOMER}0101");
    if without_services && !services.is_empty() {
        out.push(Message::error("services", "are not permitted for this billing number"));
    }
}
