//! `POST /shipments/v2409/ship`: books, whatever `RequestOption` says. There is no key and no duplicate check.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::books::{Package, Shipment};
use super::call::{Call, Outcome, Reply, success};
use super::label::{html, label};
use super::ship_checks::{self, Order};
use super::state::State;
use super::tariff::{Measures, Price, days_later};
use super::{bodies, travel};
use crate::sandbox::digest::sha256_hex;

pub fn create(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v2409")?;
    let body = call.object(bodies::SHIP)?;
    let request = &body["ShipmentRequest"];
    let city_too = call.query("additionaladdressvalidation").is_some_and(|value| value == "city");
    let order = ship_checks::order(request, &state.settings, state.now(), city_too)?;
    let measures: Vec<Measures> = order.packages.iter().map(|package| package.measures.clone()).collect();
    let mut price = order.service.price(&order.from, &order.to, &measures);
    price.add_signature(order.adult_signature);
    let negotiated = order.wants_negotiated && state.settings.negotiated;
    let mut alerts = Vec::new();
    if order.wants_negotiated && !negotiated {
        alerts.push((
            "120900",
            "User Id and Shipper Number combination is not qualified to receive negotiated rates",
        ));
    }
    let electronic = order.return_service.as_deref() == Some("8");
    let shipment = book(state, order, &price);
    let results = results(&shipment, &price, negotiated, electronic, &state.url);
    Ok(Reply::json(&json!({
        "ShipmentResponse": {"Response": success(request, &alerts), "ShipmentResults": results},
    })))
}

fn book(state: &mut State, order: Order, price: &Price) -> Shipment {
    let now = state.now();
    let delivery_date = days_later(order.ship_date, order.service.days(&order.from, &order.to));
    let announced = travel::activity(now, "003", &order.from);
    let packages = order.packages.iter().map(|parcel| Package {
        tracking_number: state.next_number(order.service.code),
        references: parcel.references.clone(),
        weight: parcel.weight.clone(),
        weight_unit: parcel.measures.unit.code().to_owned(),
        adult_signature: parcel.measures.adult_signature,
        label_sha256: String::new(),
        voided_at: None,
        activities: vec![announced.clone()],
        is_led: false,
    });
    let packages: Vec<Package> = packages.collect();
    let mut shipment = Shipment {
        id: packages.first().map(|package| package.tracking_number.clone()).unwrap_or_default(),
        service: order.service.code.to_owned(),
        shipper_name: order.shipper_name,
        from: order.from,
        to: order.to,
        references: order.references,
        adult_signature: order.adult_signature,
        access_point: order.access_point,
        is_return: order.return_service.is_some(),
        packages,
        label_format: order.label_format.to_owned(),
        currency: price.currency.to_owned(),
        total_charges: price.total(),
        booked_at: now,
        ship_date: order.ship_date,
        delivery_date,
    };
    let sums: Vec<String> = shipment
        .packages
        .iter()
        .map(|package| sha256_hex(&label(&shipment, package, &shipment.label_format).unwrap_or_default()))
        .collect();
    for (package, sum) in shipment.packages.iter_mut().zip(sums) {
        package.label_sha256 = sum;
    }
    state.books.shipments.push(shipment.clone());
    let announcements: Vec<String> =
        shipment.packages.iter().map(|package| package.tracking_number.clone()).collect();
    for number in announcements {
        super::alerts::note(state, &number, &announced);
    }
    shipment
}

fn results(shipment: &Shipment, price: &Price, negotiated: bool, electronic: bool, url: &str) -> Value {
    let packages: Vec<Value> = shipment
        .packages
        .iter()
        .map(|package| package_result(shipment, package, price, electronic))
        .collect();
    let mut results = json!({
        "Disclaimer": [{
            "Code": "01",
            "Description": "Taxes are included in the shipping cost and apply to the transportation charges but \
                            additional duties/taxes may apply and are not reflected in the total amount due.",
        }],
        "ShipmentCharges": {
            "BaseServiceCharge": price.money(price.base),
            "TransportationCharges": price.money(price.transportation),
            "ItemizedCharges": price.itemized(),
            "ServiceOptionsCharges": price.money(price.options),
            "TotalCharges": price.money(price.total()),
        },
        "RatingMethod": "01",
        "BillableWeightCalculationMethod": "02",
        "BillingWeight": {
            "UnitOfMeasurement": {"Code": price.unit.code(), "Description": price.unit.description()},
            "Weight": price.billing_weight.to_string(),
        },
        "ShipmentIdentificationNumber": shipment.id,
        "PackageResults": packages,
    });
    if negotiated {
        results["NegotiatedRateCharges"] = json!({"TotalCharge": price.money(price.negotiated())});
    }
    if electronic {
        results["LabelURL"] = json!(format!("{url}/sandbox/labels/{}.gif", shipment.id));
    }
    results
}

fn package_result(shipment: &Shipment, package: &Package, price: &Price, electronic: bool) -> Value {
    let mut result = json!({
        "TrackingNumber": package.tracking_number,
        "BaseServiceCharge": price.money(price.base / i64::try_from(shipment.packages.len()).unwrap_or(1)),
        "ServiceOptionsCharges": price.money(0),
    });
    if !electronic {
        let format = &shipment.label_format;
        let image = label(shipment, package, format).unwrap_or_default();
        result["ShippingLabel"] = json!({
            "ImageFormat": {"Code": format, "Description": format},
            "GraphicImage": STANDARD.encode(image),
        });
        if format == "GIF" {
            result["ShippingLabel"]["HTMLImage"] = json!(STANDARD.encode(html(&package.tracking_number)));
        }
    }
    result
}
