//! `POST /rating/v2409/{option}`: what a shipment costs, by one service (`Rate`) or by all of them (`Shop`), with the days
//! that it takes when they are asked for.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::call::{Call, Outcome, Refusal, Reply, success, text};
use super::places::{self, Address};
use super::service_bodies;
use super::ship_checks::measures;
use super::state::State;
use super::tariff::{self, Measures, Price, Service};

pub fn rate(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2409")?;
    let (shops, timed) = match call.id(1).to_ascii_lowercase().as_str() {
        "rate" => (false, false),
        "shop" => (true, false),
        "ratetimeintransit" => (false, true),
        "shoptimeintransit" => (true, true),
        _ => return Err(Refusal::new(400, "110601", "Missing or invalid request option")),
    };
    let timed = timed || call.query("additionalinfo").is_some_and(|info| info == "timeintransit");
    let body = call.object(service_bodies::RATE)?;
    let request = &body["RateRequest"];
    let shipment = &request["Shipment"];
    let account = text(shipment, "/Shipper/ShipperNumber");
    if !account.is_empty() && account != state.settings.account_number {
        return Err(Refusal::new(400, "111580", "Missing or invalid shipper number"));
    }
    let (from, to) = lane(shipment)?;
    if timed && !shipment["DeliveryTimeInformation"].is_object() {
        return Err(Refusal::new(400, "111549", "Missing or invalid delivery time information"));
    }
    let mut packages = Vec::new();
    for package in shipment["Package"].as_array().into_iter().flatten() {
        let signature = text(package, "/PackageServiceOptions/DeliveryConfirmation/DCISType");
        packages.push(measures(package, &from, signature == "3")?);
    }
    let services = chosen(shops, text(shipment, "/Service/Code"), &from, &to)?;
    let pickup = timed.then(|| pickup_date(shipment, &from, state.now()));
    let wants_negotiated = shipment.pointer("/ShipmentRatingOptions/NegotiatedRatesIndicator").is_some();
    let negotiated = wants_negotiated && !account.is_empty() && state.settings.negotiated;
    let adult = text(shipment, "/ShipmentServiceOptions/DeliveryConfirmation/DCISType") == "2";
    let rated: Vec<Value> = services
        .into_iter()
        .map(|service| {
            let mut price = service.price(&from, &to, &packages);
            price.add_signature(adult);
            let mut rated = rated_shipment(service, &price, &packages, negotiated);
            if let Some(pickup) = pickup {
                rated["TimeInTransit"] = time_in_transit(service, &from, &to, pickup);
            }
            rated
        })
        .collect();
    let note = ("110971", "Your invoice may vary from the displayed reference rates");
    Ok(Reply::json(&json!({"RateResponse": {"Response": success(request, &[note]), "RatedShipment": rated}})))
}

/// Where it goes from and to; both have to exist.
fn lane(shipment: &Value) -> Result<(Address, Address), Refusal> {
    let origin = if shipment["ShipFrom"].is_object() { &shipment["ShipFrom"] } else { &shipment["Shipper"] };
    let (from, to) = (Address::of(origin), Address::of(&shipment["ShipTo"]));
    for (code, party, address) in [("111285", "ShipFrom", &from), ("111286", "ShipTo", &to)] {
        if let Some(complaint) = places::complaint(address) {
            return Err(Refusal::new(400, code, &format!("{party}: {complaint}")));
        }
    }
    Ok((from, to))
}

fn chosen(shops: bool, code: &str, from: &Address, to: &Address) -> Result<Vec<&'static Service>, Refusal> {
    if shops {
        return Ok(tariff::services(from, to));
    }
    match tariff::service_between(code, from, to) {
        Some(service) => Ok(vec![service]),
        None if code.is_empty() => Err(Refusal::new(400, "111100", "A service is required for Rate")),
        None => {
            let message = "The requested service is unavailable between the selected locations.";
            Err(Refusal::new(400, "111210", message))
        }
    }
}

fn pickup_date(shipment: &Value, from: &Address, now: DateTime<Utc>) -> NaiveDate {
    let named = text(shipment, "/DeliveryTimeInformation/Pickup/Date");
    let date = NaiveDate::parse_from_str(named, "%Y%m%d").unwrap_or_else(|_| from.today(now));
    tariff::working_day(date.max(from.today(now)))
}

fn rated_shipment(service: &Service, price: &Price, packages: &[Measures], negotiated: bool) -> Value {
    let unit = json!({"Code": price.unit.code(), "Description": price.unit.description()});
    let each: Vec<Value> = packages
        .iter()
        .map(|package| json!({"Weight": package.weight.to_string(), "TransportationCharges": price.money(0)}))
        .collect();
    let mut rated = json!({
        "Service": {"Code": service.code, "Description": service.name},
        "RatedShipmentAlert": [{
            "Code": "110971",
            "Description": "Your invoice may vary from the displayed reference rates",
        }],
        "RatingMethod": "01",
        "BillableWeightCalculationMethod": "02",
        "BillingWeight": {"UnitOfMeasurement": unit, "Weight": price.billing_weight.to_string()},
        "BaseServiceCharge": price.money(price.base),
        "TransportationCharges": price.money(price.transportation),
        "ItemizedCharges": price.itemized(),
        "ServiceOptionsCharges": price.money(price.options),
        "TotalCharges": price.money(price.total()),
        "RatedPackage": each,
    });
    if negotiated {
        rated["NegotiatedRateCharges"] = json!({"TotalCharge": price.money(price.negotiated())});
    }
    rated
}

fn time_in_transit(service: &Service, from: &Address, to: &Address, pickup: NaiveDate) -> Value {
    let days = service.days(from, to);
    let arrival = tariff::days_later(pickup, days);
    json!({
        "PickupDate": pickup.format("%Y%m%d").to_string(),
        "PackageBillType": "03",
        "ServiceSummary": {
            "Service": {"Description": service.name},
            "EstimatedArrival": {
                "Arrival": {"Date": arrival.format("%Y%m%d").to_string(), "Time": format!("{}00", service.commit)},
                "BusinessDaysInTransit": days.to_string(),
                "Pickup": {"Date": pickup.format("%Y%m%d").to_string(), "Time": "173000"},
                "DayOfWeek": arrival.format("%a").to_string().to_uppercase(),
                "CustomerCenterCutoff": "160000",
                "TotalTransitDays": (arrival - pickup).num_days().to_string(),
            },
        },
    })
}
