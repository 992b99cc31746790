//! What UPS holds against a shipment whose fields are all in their place: places, services, measures, references,
//! signatures, labels. A shipment that passes comes back as what the books keep of it.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Settings;
use super::call::{Refusal, text};
use super::locator;
use super::places::{self, Address};
use super::tariff::{self, Measures, Service, Unit};

/// What was ordered.
pub struct Order {
    pub service: &'static Service,
    pub shipper_name: String,
    pub from: Address,
    pub to: Address,
    pub references: Vec<String>,
    pub adult_signature: bool,
    pub access_point: Option<String>,
    /// The code of the return service, such as `9`.
    pub return_service: Option<String>,
    pub packages: Vec<Parcel>,
    pub label_format: &'static str,
    pub ship_date: NaiveDate,
    pub wants_negotiated: bool,
}

pub struct Parcel {
    pub references: Vec<String>,
    pub weight: String,
    pub measures: Measures,
}

const PACKAGINGS: &[&str] = &["01", "02", "03", "04", "21", "24", "25", "30", "2a", "2b", "2c"];
const RETURN_SERVICES: &[&str] = &["8", "9"];
/// Longest side and length plus girth, in inches and in centimetres.
const SIDES_MAX: [(i64, i64); 2] = [(108, 165), (270, 330)];
/// Heaviest package in pounds and in kilograms.
const WEIGHT_MAX: [i64; 2] = [150, 70];
/// A shipment can be announced so many days ahead.
const SHIP_DATE_DAYS_AHEAD_MAX: i64 = 7;

type Check<T> = Result<T, Refusal>;

fn refuse<T>(code: &str, message: &str) -> Check<T> {
    Err(Refusal::new(400, code, message))
}

/// Reads a shipment of a request whose fields were held against their table.
pub fn order(request: &Value, settings: &Settings, now: DateTime<Utc>, city_too: bool) -> Check<Order> {
    let shipment = &request["Shipment"];
    check_payer(shipment, &settings.account_number)?;
    let shipper = Address::of(&shipment["Shipper"]);
    let from =
        if shipment["ShipFrom"].is_object() { Address::of(&shipment["ShipFrom"]) } else { shipper.clone() };
    let to = Address::of(&shipment["ShipTo"]);
    check_place("120800", "Shipper", &shipper, false)?;
    check_place("120801", "ShipFrom", &from, false)?;
    let validates = text(request, "/Request/RequestOption") == "validate";
    check_place("120802", "ShipTo", &to, validates || city_too)?;
    let service = service(text(shipment, "/Service/Code"), &from, &to)?;
    check_abroad(shipment, &from, &to)?;
    let domestic = is_american(&from) && is_american(&to);
    let access_point = access_point(shipment, service)?;
    let return_service = return_service(shipment)?;
    let packages = shipment["Package"].as_array().into_iter().flatten();
    let mut parcels = Vec::new();
    for package in packages {
        parcels.push(parcel(package, domestic, &from)?);
    }
    if parcels.iter().any(|parcel| parcel.measures.unit != parcels[0].measures.unit) {
        return refuse("120507", "All packages must be measured in the same system");
    }
    let references = references(&shipment["ReferenceNumber"]);
    if !references.is_empty() && american_lane(&from, &to) {
        return refuse("120541", "Reference numbers are allowed at the package level only");
    }
    let signature = text(shipment, "/ShipmentServiceOptions/DeliveryConfirmation/DCISType");
    if !signature.is_empty() && domestic {
        return refuse("121027", "Delivery confirmation is allowed at the package level only");
    }
    if signature == "2" && return_service.is_some() {
        return refuse("121027", "Adult signature is valid for forward shipments only");
    }
    Ok(Order {
        service,
        shipper_name: shipper.name.clone(),
        references,
        adult_signature: signature == "2",
        access_point,
        packages: parcels,
        label_format: label_format(&request["LabelSpecification"], return_service.as_deref())?,
        return_service,
        ship_date: ship_date(text(shipment, "/ShipmentDate"), &from, now)?,
        wants_negotiated: shipment.pointer("/ShipmentRatingOptions/NegotiatedRatesIndicator").is_some(),
        from,
        to,
    })
}

fn check_payer(shipment: &Value, account: &str) -> Check<()> {
    if text(shipment, "/Shipper/ShipperNumber") != account {
        return refuse("120100", "Missing or invalid shipper number");
    }
    let charges = shipment.pointer("/PaymentInformation/ShipmentCharge").and_then(Value::as_array);
    let transportation = charges.into_iter().flatten().find(|charge| charge["Type"] == "01");
    let Some(charge) = transportation else {
        return refuse("120300", "Missing or invalid payment information for transportation charges");
    };
    let payers = ["BillShipper", "BillReceiver", "BillThirdParty", "ConsigneeBilledIndicator"];
    if payers.iter().filter(|payer| !charge[**payer].is_null()).count() != 1 {
        return refuse("120301", "Exactly one payer must be named for transportation charges");
    }
    let billed = text(charge, "/BillShipper/AccountNumber");
    if charge["BillShipper"].is_object() && charge["BillShipper"]["CreditCard"].is_null() && billed != account
    {
        return refuse("120302", "Missing or invalid account number of the bill shipper");
    }
    Ok(())
}

fn check_place(code: &str, party: &str, address: &Address, city_too: bool) -> Check<()> {
    if let Some(complaint) = places::complaint(address) {
        return refuse(code, &format!("Address Validation Error on {party} address: {complaint}"));
    }
    let known = places::city_of(&address.postal_code).filter(|_| address.country == "US");
    if city_too && known.is_some_and(|(city, _)| !city.eq_ignore_ascii_case(&address.city)) {
        return refuse(
            code,
            &format!("Address Validation Error on {party} address: The city does not match"),
        );
    }
    Ok(())
}

fn service(code: &str, from: &Address, to: &Address) -> Check<&'static Service> {
    if let Some(service) = tariff::service_between(code, from, to) {
        return Ok(service);
    }
    if tariff::is_service(code) {
        return refuse("111210", "The requested service is unavailable between the selected locations.");
    }
    refuse("111100", "The requested service is invalid from the selected origin.")
}

/// Between countries UPS wants to know whom to call and what is inside; within the European Union UPS Standard does not
/// care for the goods.
fn check_abroad(shipment: &Value, from: &Address, to: &Address) -> Check<()> {
    if from.country == to.country {
        return Ok(());
    }
    if text(shipment, "/ShipTo/AttentionName").is_empty() {
        return refuse("120217", "Missing or invalid ship to attention name");
    }
    if text(shipment, "/ShipTo/Phone/Number").is_empty() {
        return refuse("120213", "Missing or invalid ship to phone number");
    }
    let union = places::is_in_union(&from.country) && places::is_in_union(&to.country);
    let goods_matter = !union || text(shipment, "/Service/Code") != "11";
    if goods_matter && text(shipment, "/Description").is_empty() {
        return refuse("120011", "Missing or invalid description of goods");
    }
    Ok(())
}

fn is_american(address: &Address) -> bool {
    ["US", "PR", "CA"].contains(&address.country.as_str())
}

/// Where references stand on packages: from the United States to the United States, and likewise Puerto Rico.
fn american_lane(from: &Address, to: &Address) -> bool {
    from.country == to.country && ["US", "PR"].contains(&from.country.as_str())
}

fn access_point(shipment: &Value, service: &Service) -> Check<Option<String>> {
    let types = shipment["ShipmentIndicationType"].as_array().into_iter().flatten();
    let held = types.into_iter().any(|one| ["01", "02"].contains(&text(one, "/Code")));
    let point = text(shipment, "/AlternateDeliveryAddress/UPSAccessPointID");
    match (held, point) {
        (false, _) if service.code == "70" => {
            refuse("121500", "UPS Access Point Economy needs a shipment indication type of 01")
        }
        (false, _) => Ok(None),
        (true, point) if locator::is_access_point(point) => Ok(Some(point.to_owned())),
        (true, _) => {
            refuse("121501", "Missing or invalid UPS Access Point in the alternate delivery address")
        }
    }
}

fn return_service(shipment: &Value) -> Check<Option<String>> {
    let code = text(shipment, "/ReturnService/Code");
    match code {
        "" if shipment["ReturnService"].is_object() => refuse("120930", "Missing or invalid return service"),
        "" => Ok(None),
        code if RETURN_SERVICES.contains(&code) => {
            let packages = shipment["Package"].as_array().into_iter().flatten();
            if packages.into_iter().any(|package| text(package, "/Description").is_empty()) {
                return refuse("120931", "A package of a return shipment needs a description of its goods");
            }
            Ok(Some(code.to_owned()))
        }
        _ => refuse("120930", "Missing or invalid return service"),
    }
}

fn references(list: &Value) -> Vec<String> {
    let values = list.as_array().into_iter().flatten();
    values.map(|reference| text(reference, "/Value").to_owned()).collect()
}

fn parcel(package: &Value, domestic: bool, from: &Address) -> Check<Parcel> {
    if !PACKAGINGS.contains(&text(package, "/Packaging/Code")) {
        return refuse("120502", "Missing or invalid packaging type");
    }
    let own = references(&package["ReferenceNumber"]);
    if !own.is_empty() && !["US", "PR"].contains(&from.country.as_str()) {
        return refuse("120541", "Reference numbers are allowed at the shipment level only");
    }
    let signature = text(package, "/PackageServiceOptions/DeliveryConfirmation/DCISType");
    match signature {
        "" => {}
        "1" => return refuse("120910", "The delivery confirmation type is not supported"),
        _ if !domestic => {
            return refuse("121027", "Delivery confirmation is allowed at the shipment level only");
        }
        _ => {}
    }
    let measures = measures(package, from, signature == "3")?;
    Ok(Parcel { references: own, weight: text(package, "/PackageWeight/Weight").to_owned(), measures })
}

/// Weight and sides in one system, within UPS's limits.
pub fn measures(package: &Value, from: &Address, adult_signature: bool) -> Check<Measures> {
    let number = |pointer: &str| text(package, pointer).parse::<Decimal>().ok();
    let unit = match text(package, "/PackageWeight/UnitOfMeasurement/Code") {
        "LBS" => Unit::Pounds,
        "KGS" => Unit::Kilograms,
        _ => return refuse("120504", "Missing or invalid package weight unit of measurement"),
    };
    if unit == Unit::Pounds && !is_american(from) {
        return refuse(
            "111057",
            "This measurement system is not valid for the selected country or territory.",
        );
    }
    let metric = usize::from(unit == Unit::Kilograms);
    let weight = number("/PackageWeight/Weight").unwrap_or_default();
    if weight <= Decimal::ZERO {
        return refuse("111030", "Packages must weigh more than zero");
    }
    if weight > Decimal::from(WEIGHT_MAX[metric]) {
        return refuse("111035", "The maximum per package weight for the selected service is exceeded");
    }
    let sides = ["/Dimensions/Length", "/Dimensions/Width", "/Dimensions/Height"].map(number);
    let sides = match sides {
        [Some(length), Some(width), Some(height)] => Some([length, width, height]),
        _ => None,
    };
    if let Some(mut sides) = sides {
        let expected = if metric == 1 { "CM" } else { "IN" };
        if text(package, "/Dimensions/UnitOfMeasurement/Code") != expected {
            return refuse("111057", "Weight and dimensions must be in the same measurement system");
        }
        sides.sort();
        let [shortest, middle, longest] = sides;
        let (side_max, total_max) = SIDES_MAX[metric];
        if shortest <= Decimal::ZERO {
            return refuse("120512", "Missing or invalid package dimensions");
        }
        if longest > Decimal::from(side_max) {
            return refuse("111055", "Package exceeds the maximum length constraint");
        }
        if longest + (middle + shortest) * Decimal::TWO > Decimal::from(total_max) {
            return refuse(
                "111056",
                "Package exceeds the maximum size total constraint of length plus girth",
            );
        }
    }
    Ok(Measures { weight, unit, sides, adult_signature })
}

fn label_format(specification: &Value, return_service: Option<&str>) -> Check<&'static str> {
    let asked = text(specification, "/LabelImageFormat/Code");
    match ["GIF", "ZPL", "EPL", "SPL"].into_iter().find(|known| *known == asked) {
        Some(format) => Ok(format),
        None if specification.is_null() && return_service == Some("8") => Ok("GIF"),
        None => refuse("120602", "Missing or invalid label image format: GIF, ZPL, EPL or SPL"),
    }
}

/// The day of collection: the one that was named, or the next working day on or after today.
fn ship_date(named: &str, from: &Address, now: DateTime<Utc>) -> Check<NaiveDate> {
    let today = from.today(now);
    if named.is_empty() {
        return Ok(tariff::working_day(today));
    }
    let date = NaiveDate::parse_from_str(named, "%Y%m%d").unwrap_or(today);
    let last = today + chrono::Duration::days(SHIP_DATE_DAYS_AHEAD_MAX);
    if date < today || date > last {
        return refuse("120020", "Missing or invalid shipment date");
    }
    Ok(tariff::working_day(date))
}
