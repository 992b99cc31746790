//! `/manifests`: the closing of a day's shipments. Closed shipments can't be deleted and their labels no longer fetched.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    PROFILE, Shared,
    auth::authorize_shipping,
    german_time::german,
    label::manifest_pdf,
    orders::SHIPMENTS_PER_REQUEST_MAX,
    reply::{Query, answer, bad_request, json_answer, problem, status},
    state::Shipment,
};
use crate::sandbox::digest::sha256_hex;

/// Which shipments a request wants closed.
enum Selection {
    All,
    Billing(String),
    Numbers(Vec<String>),
}

pub async fn close(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    try_close(&shared, &uri, &headers, &body).unwrap_or_else(|refusal| refusal)
}

fn try_close(shared: &Shared, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Result<Response, Response> {
    authorize_shipping(shared, headers)?;
    let selection = read_selection(&Query::of(uri), body)?;
    let items = shared.change(|memory, now| {
        let numbers: Vec<String> = match selection {
            Selection::Numbers(numbers) => numbers,
            Selection::All => open(memory.shipments.values(), None),
            Selection::Billing(number) => open(memory.shipments.values(), Some(&number)),
        };
        let mut items: Vec<Value> = Vec::with_capacity(numbers.len());
        for number in numbers {
            let sstatus = match memory.shipments.get_mut(&number) {
                Some(shipment) if shipment.cancelled_at.is_none() && !shipment.order.is_return() => {
                    let was_closed = shipment.closed_at.is_some();
                    shipment.closed_at.get_or_insert(now);
                    if was_closed {
                        status(200, "Warning", "The shipment was already closed.")
                    } else {
                        status(200, "OK", "The shipment was closed.")
                    }
                }
                _ => status(400, "Bad Request", "Unknown shipment number."),
            };
            items.push(json!({ "shipmentNo": number, "sstatus": sstatus }));
        }
        memory.settle(now, shared.settings.auto_progress);
        items
    })?;
    let failed = items.iter().filter(|item| item["sstatus"]["statusCode"] != 200).count();
    let detail = format!("{} of {} shipments were closed.", items.len() - failed, items.len());
    Ok(json_answer(207, &json!({ "status": status(207, "Multi-Status", &detail), "items": items })))
}

fn open<'a>(shipments: impl Iterator<Item = &'a Shipment>, billing_number: Option<&str>) -> Vec<String> {
    shipments
        .filter(|shipment| shipment.closed_at.is_none() && shipment.cancelled_at.is_none())
        .filter(|shipment| !shipment.order.is_return())
        .filter(|shipment| billing_number.is_none_or(|number| shipment.order.billing_number == number))
        .map(|shipment| shipment.number.clone())
        .collect()
}

fn read_selection(query: &Query, body: &Bytes) -> Result<Selection, Response> {
    let Ok(request) = serde_json::from_slice::<Value>(body) else {
        return Err(bad_request("The body is not valid JSON"));
    };
    if request.get("profile").and_then(Value::as_str) != Some(PROFILE) {
        return Err(bad_request("profile is missing or not known"));
    }
    if query.flag("all")? {
        return Ok(Selection::All);
    }
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    match (request.get("shipmentNumbers"), request.get("billingNumber")) {
        (None, Some(number)) => {
            text(number).map(Selection::Billing).ok_or_else(|| bad_request("billingNumber must be a string"))
        }
        (Some(Value::Array(numbers)), None) if (1..=SHIPMENTS_PER_REQUEST_MAX).contains(&numbers.len()) => {
            numbers
                .iter()
                .map(text)
                .collect::<Option<Vec<_>>>()
                .map(Selection::Numbers)
                .ok_or_else(|| bad_request("shipmentNumbers must be strings"))
        }
        (Some(_), Some(_)) => Err(bad_request("Send shipmentNumbers or billingNumber, not both")),
        _ => Err(bad_request("shipmentNumbers must hold 1 to 30 elements")),
    }
}

pub async fn fetch(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_fetch(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_fetch(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_shipping(shared, headers)?;
    let query = Query::of(uri);
    let by_url = query.choice("includeDocs", &["include", "URL"], "include")? == "URL";
    let date = match query.one("date").map(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d")) {
        Some(Ok(date)) => Some(date),
        Some(Err(_)) => return Err(bad_request("date must look like 2026-01-31")),
        None => None,
    };
    let (date, shipments) = closed_on(shared, date, query.one("billingNumber"));
    if shipments.is_empty() {
        return Err(problem(404, "There is no manifest for this date"));
    }
    let mut document = json!({ "fileFormat": "PDF", "printFormat": "A4" });
    if by_url {
        let token = document_token(shared, date);
        document["url"] = json!(format!(
            "{}/parcel/de/shipping/v2/manifest-documents?date={date}&token={token}",
            shared.url
        ));
    } else {
        let references: Vec<&Shipment> = shipments.iter().collect();
        document["b64"] = json!(STANDARD.encode(manifest_pdf(&date.to_string(), &references)));
    }
    let mut billing_numbers: Vec<&str> =
        shipments.iter().map(|shipment| shipment.order.billing_number.as_str()).collect();
    billing_numbers.sort_unstable();
    billing_numbers.dedup();
    let sheet = |number: &str| {
        billing_numbers.iter().position(|known| *known == number).map_or(1, |place| place + 1).to_string()
    };
    let items: Vec<Value> = shipments
        .iter()
        .map(|shipment| {
            let sheet_no = sheet(&shipment.order.billing_number);
            json!({ "shipmentNo": shipment.number, "sheetNo": sheet_no, "sstatus": status(200, "OK", "") })
        })
        .collect();
    let sheets: Vec<Value> = billing_numbers
        .iter()
        .map(|number| json!({ "billingNumber": number, "sheetNo": sheet(number) }))
        .collect();
    let body = json!({
        "status": status(200, "OK", "The service call ran successfully."),
        "manifestDate": date.to_string(),
        "manifest": [document],
        "sheetNo": sheets,
        "items": items,
    });
    Ok(json_answer(200, &body))
}

/// Serves a manifest that was asked for by address.
pub async fn document(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let query = Query::of(&uri);
    let date = query.one("date").and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    let Some(date) = date.filter(|date| query.one("token") == Some(&document_token(&shared, *date))) else {
        return problem(404, "The document was not found");
    };
    let (_, shipments) = closed_on(&shared, Some(date), None);
    let references: Vec<&Shipment> = shipments.iter().collect();
    answer(200, "application/pdf", manifest_pdf(&date.to_string(), &references))
}

fn closed_on(
    shared: &Shared,
    date: Option<NaiveDate>,
    billing_number: Option<&str>,
) -> (NaiveDate, Vec<Shipment>) {
    shared.read(|memory, now| {
        let date = date.unwrap_or_else(|| german(now).date_naive());
        let shipments = memory
            .shipments
            .values()
            .filter(|shipment| shipment.closed_at.is_some_and(|at| german(at).date_naive() == date))
            .filter(|shipment| !shipment.order.is_return())
            .filter(|shipment| billing_number.is_none_or(|number| shipment.order.billing_number == number))
            .cloned()
            .collect();
        (date, shipments)
    })
}

fn document_token(shared: &Shared, date: NaiveDate) -> String {
    sha256_hex(format!("manifest:{date}:{}", shared.settings.api_secret).as_bytes())
}
