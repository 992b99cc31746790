//! What a pickup order must be: read as a whole, with everything that is wrong with it.

use chrono::{NaiveDate, NaiveTime};
use serde_json::{Map, Value, json};

/// What parcels travel in that a usual van takes …
const USUAL: [&str; 1] = ["PAKET"];
/// … and what it does not.
const LARGE: [&str; 4] = ["ROLLBEHAELTER", "WECHSELBEHAELTER", "PALETTEN", "SPERRGUT"];
/// The product, in a billing number, of single parcels that are collected.
const SINGLE: &str = "08";

/// An order that can be carried out.
#[derive(Clone, Debug)]
pub struct Order {
    /// `None` for the next day that there is.
    pub day: Option<NaiveDate>,
    pub kind: &'static str,
    pub billing_number: String,
    pub postal_code: String,
    pub references: Vec<String>,
    pub parcels: usize,
}

impl Order {
    /// What belongs to the contract's own parcels costs nothing.
    pub fn is_free(&self) -> bool {
        self.kind == "BDA"
    }
}

/// One thing that is wrong.
pub fn complaint(code: u16, title: &str, instance: &str, detail: &str) -> Value {
    json!({ "errorCode": code, "title": title, "instance": instance, "detail": detail })
}

/// Reads an order of this customer (the first ten digits of their billing numbers), or says all that is wrong with it.
pub fn read_order(request: &Map<String, Value>, customer: &str) -> Result<Order, Vec<Value>> {
    let mut wrong = Vec::new();
    let request = Value::Object(request.clone());
    let billing_number = billing_number(&request, customer, &mut wrong);
    let postal_code = place(&request["pickupLocation"], &mut wrong);
    hours(&request["businessHours"], &mut wrong);
    contacts(&request["contactPerson"], &mut wrong);
    let day = day(&request["pickupDetails"], &mut wrong);
    let shipments = request["shipmentDetails"]["shipments"].as_array().cloned().unwrap_or_default();
    if shipments.is_empty() {
        wrong.push(missing("shipmentDetails.shipments"));
    }
    let mut references = Vec::new();
    let mut is_large = false;
    for (place, shipment) in shipments.iter().enumerate() {
        let at = |name: &str| format!("shipmentDetails.shipments[{place}].{name}");
        let kind = shipment["transportationType"].as_str().unwrap_or_default();
        if !USUAL.contains(&kind) && !LARGE.contains(&kind) {
            wrong.push(complaint(422, "Unknown transportation type", &at("transportationType"), kind));
        }
        is_large |= LARGE.contains(&kind);
        let size = shipment["size"].as_str();
        if size.is_none() && billing_number.is_none() {
            wrong.push(missing(&at("size")));
        }
        if size.is_some_and(|size| !["S", "M", "L"].contains(&size)) {
            wrong.push(complaint(422, "Unknown size", &at("size"), size.unwrap_or_default()));
        }
        if let Some(reference) =
            short(&shipment["customerReference"], &at("customerReference"), 20, &mut wrong)
        {
            references.push(reference);
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let is_single = billing_number.as_deref().and_then(|number| number.get(10..12)) == Some(SINGLE);
    let kind = match (is_large, is_single) {
        (true, _) => "EMA",
        (false, true) => "EZA",
        (false, false) => "BDA",
    };
    let billing_number = billing_number.unwrap_or_else(|| format!("{customer}0101"));
    Ok(Order { day, kind, billing_number, postal_code, references, parcels: shipments.len() })
}

fn missing(instance: &str) -> Value {
    complaint(421, "A mandatory field is missing", instance, "")
}

fn billing_number(request: &Value, customer: &str, wrong: &mut Vec<Value>) -> Option<String> {
    let instance = "customerDetails.billingNumber";
    if request["customerDetails"].is_null() {
        return None;
    }
    let number = request["customerDetails"]["billingNumber"].as_str().unwrap_or_default();
    if number.len() != 14 || !number.starts_with(customer) {
        wrong.push(complaint(456, "Unknown billingnumber", instance, number));
    }
    Some(number.to_owned())
}

/// The postal code of the place, empty where it is named by its number.
fn place(location: &Value, wrong: &mut Vec<Value>) -> String {
    match location["type"].as_str() {
        Some("Id") => {
            let id = location["asId"].as_str().unwrap_or_default();
            let digits = id.strip_prefix("AS").unwrap_or_default();
            if digits.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                wrong.push(complaint(422, "Unknown pickup location", "pickupLocation.asId", id));
            }
            String::new()
        }
        Some("Address") => {
            let address = &location["pickupAddress"];
            let at = |name: &str| format!("pickupLocation.pickupAddress.{name}");
            for (name, longest) in
                [("name1", 50), ("addressStreet", 70), ("addressHouse", 10), ("postalCode", 7), ("city", 35)]
            {
                if short(&address[name], &at(name), longest, wrong).is_none() {
                    wrong.push(missing(&at(name)));
                }
            }
            short(&address["name2"], &at("name2"), 50, wrong);
            short(&address["state"], &at("state"), 35, wrong);
            if address["country"].as_str().is_some_and(|country| country != "DE") {
                wrong.push(complaint(422, "No pickup in this country", &at("country"), ""));
            }
            let code = address["postalCode"].as_str().unwrap_or_default();
            if !code.is_empty() && (code.len() != 5 || !code.bytes().all(|byte| byte.is_ascii_digit())) {
                wrong.push(complaint(422, "Unknown postal code", &at("postalCode"), code));
            }
            code.to_owned()
        }
        _ => {
            wrong.push(missing("pickupLocation.type"));
            String::new()
        }
    }
}

fn hours(hours: &Value, wrong: &mut Vec<Value>) {
    let listed = hours.as_array().map(Vec::as_slice).unwrap_or_default();
    if listed.len() > 3 {
        wrong.push(complaint(422, "At most three time frames", "businessHours", ""));
    }
    for (place, frame) in listed.iter().enumerate() {
        let time =
            |name: &str| NaiveTime::parse_from_str(frame[name].as_str().unwrap_or_default(), "%H:%M").ok();
        let (from, until) = (time("timeFrom"), time("timeUntil"));
        if from.is_none() || until.is_none() || from >= until {
            wrong.push(complaint(
                422,
                "The time frame can't be read",
                &format!("businessHours[{place}]"),
                "",
            ));
        }
    }
}

fn contacts(contacts: &Value, wrong: &mut Vec<Value>) {
    let listed = contacts.as_array().map(Vec::as_slice).unwrap_or_default();
    if listed.len() > 2 {
        wrong.push(complaint(422, "At most two persons", "contactPerson", ""));
    }
    for (place, person) in listed.iter().enumerate() {
        for (name, longest) in [("name", 50), ("phone", 50), ("email", 250)] {
            short(&person[name], &format!("contactPerson[{place}].{name}"), longest, wrong);
        }
    }
}

fn day(details: &Value, wrong: &mut Vec<Value>) -> Option<NaiveDate> {
    let date = &details["pickupDate"];
    let instance = "pickupDetails.pickupDate";
    short(&details["comment"], "pickupDetails.comment", 100, wrong);
    let weight = &details["totalWeight"];
    if !weight.is_null()
        && (!weight["value"].is_number() || !["g", "kg"].map(|uom| json!(uom)).contains(&weight["uom"]))
    {
        wrong.push(complaint(422, "The weight can't be read", "pickupDetails.totalWeight", ""));
    }
    match date["type"].as_str() {
        Some("ASAP") => None,
        Some("Date") => {
            let text = date["value"].as_str().unwrap_or_default();
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
            if day.is_none() {
                wrong.push(complaint(422, "The date can't be read", instance, text));
            }
            day
        }
        _ => {
            wrong.push(missing(instance));
            None
        }
    }
}

/// A text that is there and not empty; one that is too long, or no text, is wrong.
fn short(value: &Value, instance: &str, longest: usize, wrong: &mut Vec<Value>) -> Option<String> {
    let text = value.as_str();
    if (!value.is_null() && text.is_none()) || text.is_some_and(|text| text.chars().count() > longest) {
        wrong.push(complaint(422, "The field is too long or no text", instance, ""));
    }
    text.filter(|text| !text.is_empty()).map(str::to_owned)
}
