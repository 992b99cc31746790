//! Unified tracking: `GET /track/shipments`. Events come newest first; a parcel that was just booked is not known yet.
//!
//! Addresses are shown in full only to a caller who names the recipient's postal code.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, Uri},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    Shared,
    auth::authorize_tracking,
    events::Event,
    german_time::german,
    order::Party,
    reply::{Query, json_answer, problem, problem_answer},
    state::Shipment,
};
use crate::sandbox::digest::sha256_hex;

pub const SERVICES: &[&str] = &[
    "dgf",
    "dsc",
    "ecommerce",
    "ecommerce-apac",
    "ecommerce-europe",
    "ecommerce-ppl",
    "ecommerce-iberia",
    "express",
    "freight",
    "parcel-de",
    "parcel-nl",
    "parcel-pl",
    "parcel-uk",
    "post-de",
    "post-international",
    "sameday",
    "svb",
];

pub async fn shipments(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let mut response = try_shipments(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal);
    let correlation = sha256_hex(uri.to_string().as_bytes());
    if let Ok(value) = HeaderValue::from_str(&correlation) {
        response.headers_mut().insert("correlation-id", value);
    }
    response
}

fn try_shipments(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_tracking(&shared.settings, headers)?;
    let query = Query::of(uri);
    let Some(number) = query.one("trackingNumber").filter(|number| !number.is_empty()) else {
        return Err(problem(400, "trackingNumber is required"));
    };
    let service = query.choice("service", SERVICES, "parcel-de")?;
    let found = shared.read(|memory, now| {
        let known_after = shared.settings.known_after;
        let known = |shipment: &&Shipment| shipment.is_known_to_tracking(now, known_after);
        memory.shipments.get(number).filter(known).cloned()
    });
    let Some(shipment) = found.filter(|_| service == "parcel-de") else {
        let body = json!({
            "title": "No result found",
            "detail": format!("No shipment with given tracking number found."),
            "status": 404,
        });
        return Err(problem_answer(404, &body));
    };
    let in_full = query.one("recipientPostalCode") == Some(&shipment.order.consignee.postal_code);
    let page = format!("{}{uri}", shared.url);
    Ok(json_answer(
        200,
        &json!({ "url": page, "firstUrl": page, "lastUrl": page, "shipments": [shipment_view(&shipment, in_full)] }),
    ))
}

pub fn shipment_view(shipment: &Shipment, in_full: bool) -> Value {
    let order = &shipment.order;
    let events: Vec<Value> = shipment.events.iter().rev().map(event_view).collect();
    let newest = shipment.standing_events().next_back().map(event_view);
    let mut view = json!({
        "id": shipment.number,
        "service": "parcel-de",
        "origin": { "address": place(&order.shipper, false) },
        "destination": { "address": place(&order.consignee, in_full) },
        "status": newest,
        "returnFlag": shipment.is_returning(),
        "details": {
            "product": { "productName": "DHL PAKET" },
            "totalNumberOfPieces": 1,
        },
        "events": events,
    });
    if in_full && let Some(reference) = &order.reference {
        view["details"]["references"] = json!([{ "number": reference, "type": "customer-reference" }]);
    }
    view
}

fn event_view(event: &Event) -> Value {
    json!({
        "timestamp": german(event.at).to_rfc3339_opts(chrono::SecondsFormat::Secs, false),
        "statusCode": event.status_code(),
        "status": event.standard,
        "statusDetailed": event.code(),
        "description": event.description(),
        "remark": event.description(),
        "location": { "address": { "addressLocality": event.place } },
    })
}

/// Countries of this service are alpha-2, unlike those of the shipping service.
fn place(party: &Party, in_full: bool) -> Value {
    let mut address = json!({});
    if let Some(code) = alpha_2(&party.country) {
        address["countryCode"] = json!(code);
    }
    if in_full {
        address["postalCode"] = json!(party.postal_code);
        address["addressLocality"] = json!(party.city);
    }
    address
}

fn alpha_2(country: &str) -> Option<&'static str> {
    match country {
        "DEU" => Some("DE"),
        "AUT" => Some("AT"),
        "BEL" => Some("BE"),
        "CHE" => Some("CH"),
        "DNK" => Some("DK"),
        "ESP" => Some("ES"),
        "FRA" => Some("FR"),
        "GBR" => Some("GB"),
        "ITA" => Some("IT"),
        "LUX" => Some("LU"),
        "NLD" => Some("NL"),
        "POL" => Some("PL"),
        _ => None,
    }
}
