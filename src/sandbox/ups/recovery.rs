//! `POST /labels/v1/recovery`: the label again, by tracking number or by the shipper's own reference. It is the way to
//! find out whether a booking whose answer was lost was made.
//!
//! A reference that several shipments bear is answered with their numbers and no label.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::bodies;
use super::books::{Package, Shipment};
use super::call::{Call, Outcome, Refusal, Reply, success, text};
use super::label::{html, label};
use super::state::State;

pub fn recover(state: &mut State, call: &Call) -> Outcome {
    call.expect_version("v1")?;
    let body = call.object(bodies::RECOVERY)?;
    let request = &body["LabelRecoveryRequest"];
    if request["Translate"].is_object() && !request["Locale"].is_null() {
        return Err(Refusal::new(400, "300010", "Either Translate or Locale can be present"));
    }
    let format = match text(request, "/LabelSpecification/LabelImageFormat/Code") {
        "" => "GIF",
        format => format,
    };
    let number = text(request, "/TrackingNumber");
    if !number.is_empty() {
        let found = state.books.package(number).filter(|(_, package)| package.voided_at.is_none());
        let (shipment, package) = found.ok_or_else(not_found)?;
        return Ok(answer(request, shipment, &[package], format));
    }
    let reference = text(request, "/ReferenceValues/ReferenceNumber/Value");
    if reference.is_empty() {
        return Err(Refusal::new(400, "300020", "A tracking number or a reference number is required"));
    }
    if text(request, "/ReferenceValues/ShipperNumber") != state.settings.account_number {
        return Err(Refusal::new(400, "300021", "Missing or invalid shipper number"));
    }
    let found: Vec<&Shipment> = state.books.live_with_reference(reference);
    let found: Vec<&Shipment> = found.into_iter().filter(|shipment| state.is_recoverable(shipment)).collect();
    match found.as_slice() {
        [] => Err(not_found()),
        [shipment] => {
            let live = shipment.packages.iter().filter(|package| package.voided_at.is_none());
            Ok(answer(request, shipment, &live.collect::<Vec<_>>(), format))
        }
        several => Ok(candidates(request, several)),
    }
}

fn not_found() -> Refusal {
    Refusal::new(400, "300022", "No label was found for the given tracking number or reference number")
}

fn answer(request: &Value, shipment: &Shipment, packages: &[&Package], format: &str) -> Reply {
    let results: Vec<Value> = packages
        .iter()
        .map(|package| {
            let image = label(shipment, package, format).unwrap_or_default();
            let mut result = json!({
                "TrackingNumber": package.tracking_number,
                "LabelImage": {"LabelImageFormat": {"Code": format}, "GraphicImage": STANDARD.encode(image)},
            });
            if format == "GIF" {
                result["LabelImage"]["HTMLImage"] = json!(STANDARD.encode(html(&package.tracking_number)));
            }
            result
        })
        .collect();
    Reply::json(&json!({"LabelRecoveryResponse": {
        "Response": success(request, &[]),
        "ShipmentIdentificationNumber": shipment.id,
        "LabelResults": results,
    }}))
}

fn candidates(request: &Value, shipments: &[&Shipment]) -> Reply {
    let candidates: Vec<Value> = shipments
        .iter()
        .map(|shipment| {
            let day = shipment.ship_date.format("%Y%m%d").to_string();
            json!({
                "TrackingNumber": shipment.id,
                "DestinationPostalCode": shipment.to.postal_code,
                "DestinationCountryCode": shipment.to.country,
                "PickupDateRange": {"BeginDate": day, "EndDate": day},
            })
        })
        .collect();
    Reply::json(&json!({"LabelRecoveryResponse": {
        "Response": success(request, &[]),
        "LabelResults": [],
        "TrackingCandidate": candidates,
    }}))
}
