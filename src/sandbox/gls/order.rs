//! A `Shipment`, read strictly: what GLS's servers refuse is refused, what its rules object to is an [`Issue`].
//!
//! Lengths and forbidden characters are those of GLS's documentation. Our choices, because it leaves them open: a parcel
//! weighs at most 40 kg within Germany and 31.5 kg elsewhere; a shipping date isn't in the past.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::Value;

use super::{
    books::Party,
    refusals::{first, shipit},
    services::{self, Chosen},
};
use crate::sandbox::host::{Fields, Reply, Report, What};

/// Units of one shipment.
const UNITS_MAX: usize = 150;
/// Characters of an ordinary text.
pub const TEXT_MAX: usize = 40;
const FORBIDDEN: &str = "\\\"{},;()|\n\r";
/// A parcel has to weigh more.
const WEIGHT_GRAMS_ABOVE: i64 = 100;
const WEIGHT_GRAMS_MAX_DE: i64 = 40_000;
const WEIGHT_GRAMS_MAX: i64 = 31_500;

/// Countries that this contract serves.
const COUNTRIES: [&str; 31] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GR", "HR", "HU", "IE",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];
/// Countries whose addresses do without a postcode.
const WITHOUT_POSTCODE: [&str; 1] = ["IE"];

/// What the rules object to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub rule: &'static str,
    pub location: String,
    pub parameters: Vec<String>,
}

impl Issue {
    pub fn new(rule: &'static str, location: &str, parameters: &[&str]) -> Self {
        Self {
            rule,
            location: location.to_owned(),
            parameters: parameters.iter().map(ToString::to_string).collect(),
        }
    }
}

#[derive(Debug)]
pub struct Order {
    pub references: Vec<String>,
    pub shipping_date: NaiveDate,
    pub product: String,
    pub contact_id: String,
    pub consignee: Party,
    /// Who gets a shop return.
    pub returns_to: Option<Party>,
    pub services: Vec<String>,
    pub parcel_shop: Option<String>,
    pub units: Vec<Unit>,
    /// As it was sent.
    pub request: Value,
}

#[derive(Debug)]
pub struct Unit {
    pub references: Vec<String>,
    pub weight_grams: i64,
}

/// Reads `Shipment` of a body. Other members are the caller's: it reads them from `root` first.
pub fn read(
    root: &Fields<'_>,
    report: &Report,
    contacts: &[String],
    now: DateTime<Utc>,
) -> Option<(Order, Chosen)> {
    let shipment = root.need("Shipment", root.object("Shipment"))?;
    let references = lines(&shipment, "ShipmentReference", 10);
    let shipping_date = shipping_date(&shipment, now);
    shipment.text("IncotermCode", 2);
    shipment.text("Identifier", TEXT_MAX);
    needed_line(&shipment, "Middleware", TEXT_MAX);
    let products = ["PARCEL", "EXPRESS", "FREIGHT", "PHARMA", "PHARMAPLUS"];
    let product = shipment.need("Product", shipment.word("Product", &products)).unwrap_or_default();
    shipment.boolean("ExpressAltDeliveryAllowed");
    shipment.known(&["Carrier"]);
    let returns = shipment.object("Return").and_then(|fields| fields.object("Address"));
    let mut returns_to = returns.map(|address| read_address(&address));
    let consignee = shipment.need("Consignee", shipment.object("Consignee")).map(|fields| {
        line(&fields, "ConsigneeID", TEXT_MAX);
        line(&fields, "CostCenter", 80);
        fields.word("Category", &["BUSINESS", "PRIVATE"]);
        fields.need("Address", fields.object("Address")).map(|address| read_address(&address))
    });
    let contact_id = shipment.need("Shipper", shipment.object("Shipper")).map(|fields| {
        fields.known(&["FralphaCustomerReference", "Address"]);
        if let Some(address) = fields.object("AlternativeShipperAddress") {
            let shipper = read_address(&address);
            returns_to.get_or_insert(shipper);
        }
        fields.needed_text("ContactID", 20)
    });
    let mut chosen = services::read(&shipment);
    let units = read_units(&shipment, &mut chosen);
    let request = root.get("Shipment").cloned().unwrap_or_default();
    drop(shipment);
    if !report.is_empty() {
        return None;
    }
    let contact_id = contact_id.filter(|id| contacts.contains(id)).unwrap_or_default();
    let is_return = chosen.names.iter().any(|name| name == "service_shopreturn");
    let order = Order {
        references,
        shipping_date,
        product: product.to_owned(),
        contact_id,
        consignee: consignee.flatten()?,
        // Without an address of its own it is the contact's, which this sandbox knows by its name alone.
        returns_to: is_return.then(|| returns_to.unwrap_or_default()),
        services: chosen.names.clone(),
        parcel_shop: chosen.parcel_shop.clone(),
        units,
        request,
    };
    Some((order, chosen))
}

/// The order, unless the request is refused whatever its rules say.
pub fn accepted(read: Option<(Order, Chosen)>, report: Report) -> Result<Order, Reply> {
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let (order, chosen) =
        read.ok_or_else(|| shipit("INVALID_FIELD_VALUE", "The shipment can't be read", &[]))?;
    if order.contact_id.is_empty() {
        return Err(shipit(
            "ACCESS_TO_SHIPPER_DENIED",
            "The contact is not yours",
            &["Shipment.Shipper.ContactID"],
        ));
    }
    match chosen.unknown {
        Some(name) => Err(shipit("INVALID_SERVICE_SELECTION", "The service is not available", &[&name])),
        None => Ok(order),
    }
}

/// What the rules object to; an order with issues is not booked.
pub fn issues(order: &Order, shop_exists: impl FnOnce(&str) -> bool) -> Vec<Issue> {
    let at = "Shipment.Consignee.Address";
    let mut issues = Vec::new();
    let (country, postcode) = (order.consignee.country.as_str(), order.consignee.postal_code.as_str());
    if !COUNTRIES.contains(&country) {
        issues.push(Issue::new("SHIPMENT_VALID_ROUTING", &format!("{at}.CountryCode"), &[country]));
    } else if postcode.is_empty() && !WITHOUT_POSTCODE.contains(&country) {
        issues.push(Issue::new("ADDRESS_ZIPCODE_MANDATORY", &format!("{at}.ZIPCode"), &[]));
    } else if !is_routable(country, postcode) {
        issues.push(Issue::new("SHIPMENT_VALID_ROUTING", &format!("{at}.ZIPCode"), &[postcode]));
    }
    let weight_max = if country == "DE" { WEIGHT_GRAMS_MAX_DE } else { WEIGHT_GRAMS_MAX };
    for (index, unit) in order.units.iter().enumerate().filter(|(_, unit)| unit.weight_grams > weight_max) {
        let location = format!("Shipment.ShipmentUnit[{index}].Weight");
        issues.push(Issue::new("COMMON_WEIGHT", &location, &[&unit.weight_grams.to_string()]));
    }
    if let Some(shop) = &order.parcel_shop
        && !shop_exists(shop)
    {
        issues.push(Issue::new("COMMON_PARCELSHOP", "Shipment.Service", &[shop]));
    }
    issues.extend(services::issues(&order.product, country, &order.services));
    issues
}

/// Whether a parcel finds its way there. `00` is no region of Germany.
pub fn is_routable(country: &str, postcode: &str) -> bool {
    let digits = postcode.bytes().all(|byte| byte.is_ascii_digit());
    match country {
        "DE" => postcode.len() == 5 && digits && !postcode.starts_with("00"),
        "AT" | "BE" | "CH" | "DK" | "LU" => postcode.len() == 4 && digits,
        country => COUNTRIES.contains(&country),
    }
}

/// An alpha-2 code that this contract serves.
pub fn is_served(country: &str) -> bool {
    COUNTRIES.contains(&country)
}

/// A text without the characters that GLS forbids.
pub fn line(fields: &Fields<'_>, name: &'static str, longest: usize) -> Option<String> {
    let text = fields.text(name, longest)?;
    if text.contains(|character| FORBIDDEN.contains(character)) {
        fields.wrong(name, What::Value("The value has a forbidden character".to_owned()));
    }
    Some(text.to_owned())
}

fn needed_line(fields: &Fields<'_>, name: &'static str, longest: usize) -> String {
    let text = line(fields, name, longest);
    fields.need(name, text).unwrap_or_default()
}

fn lines(fields: &Fields<'_>, name: &'static str, most: usize) -> Vec<String> {
    let texts = fields.texts(name, most, TEXT_MAX);
    if texts.iter().any(|text| text.contains(|character| FORBIDDEN.contains(character))) {
        fields.wrong(name, What::Value("The value has a forbidden character".to_owned()));
    }
    texts
}

pub fn read_address(fields: &Fields<'_>) -> Party {
    let names = [
        Some(needed_line(fields, "Name1", TEXT_MAX)),
        line(fields, "Name2", TEXT_MAX),
        line(fields, "Name3", TEXT_MAX),
    ];
    let street = needed_line(fields, "Street", TEXT_MAX);
    let number = line(fields, "StreetNumber", TEXT_MAX).unwrap_or_default();
    for name in ["Province", "ContactPerson", "FixedLinePhonenumber", "MobilePhoneNumber"] {
        line(fields, name, TEXT_MAX);
    }
    if fields.text("eMail", 80).is_some_and(|address| !address.contains('@')) {
        fields.wrong("eMail", What::Value("The value is no e-mail address".to_owned()));
    }
    let country = needed_line(fields, "CountryCode", 2);
    if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        fields.wrong("CountryCode", What::Value("The value is no country".to_owned()));
    }
    Party {
        names: names.into_iter().flatten().collect(),
        street: format!("{street} {number}").trim().to_owned(),
        postal_code: line(fields, "ZIPCode", 10).unwrap_or_default(),
        city: needed_line(fields, "City", TEXT_MAX),
        country,
    }
}

fn shipping_date(fields: &Fields<'_>, now: DateTime<Utc>) -> NaiveDate {
    let today = now.date_naive();
    let Some(text) = fields.text("ShippingDate", 10) else { return today };
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) if date >= today => date,
        Ok(_) => {
            fields.wrong("ShippingDate", What::Value("The date is in the past".to_owned()));
            today
        }
        Err(_) => {
            fields.wrong("ShippingDate", What::Kind("a date"));
            today
        }
    }
}

fn read_units(shipment: &Fields<'_>, chosen: &mut Chosen) -> Vec<Unit> {
    let units = shipment.objects("ShipmentUnit", UNITS_MAX);
    if units.is_empty() {
        shipment.wrong("ShipmentUnit", What::Missing);
    }
    units
        .iter()
        .map(|unit| {
            for name in ["Note1", "Note2"] {
                line(unit, name, 50);
            }
            unit.known(&[
                "PartnerParcelNumber",
                "TrackID",
                "Injected",
                "ParcelNumber",
                "Volume",
                "FralphaParcelReference",
            ]);
            services::read_of_unit(unit, chosen);
            let weight = unit.need("Weight", unit.decimal("Weight")).unwrap_or_default();
            let weight_grams = read_weight(unit, weight);
            Unit { references: lines(unit, "ShipmentUnitReference", 10), weight_grams }
        })
        .collect()
}

/// Kilograms with two decimals, above a tenth, as grams.
pub fn read_weight(fields: &Fields<'_>, kilograms: Decimal) -> i64 {
    if kilograms.normalize().scale() > 2 {
        fields.wrong("Weight", What::TooLong(2));
    }
    let grams = (kilograms * Decimal::from(1_000)).to_i64().unwrap_or(i64::MAX);
    if grams <= WEIGHT_GRAMS_ABOVE {
        fields.wrong("Weight", What::Value("The weight has to be above 0.10".to_owned()));
    }
    grams
}
