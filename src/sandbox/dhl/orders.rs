//! `/orders` and `/labels`: book, fetch the label again, delete.
//!
//! Each shipment of a request stands alone: the answer has one item per shipment in request order, and an item may be an
//! error while its neighbours are booked. A single shipment is answered with 200 or 400; several with 207, or 400 when
//! none of them succeeded.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Uri, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    PROFILE, Shared,
    auth::authorize_shipping,
    events::{Event, Stage},
    fields::Message,
    label::{label_pdf, label_zpl},
    observe::FaultKind,
    order::{Order, Rules, read_order},
    reply::{Query, answer, bad_request, json_answer, problem, problem_answer, status},
    state::{Shipment, State as Memory},
};
use crate::sandbox::digest::sha256_hex;

/// Most shipments of one request, in every operation.
pub const SHIPMENTS_PER_REQUEST_MAX: usize = 30;

const PRINT_FORMATS: &[&str] = &[
    "A4",
    "910-300-600",
    "910-300-610",
    "910-300-700",
    "910-300-700-oz",
    "910-300-710",
    "910-300-300",
    "910-300-300-oz",
    "910-300-400",
    "910-300-410",
    "100x70mm",
];

/// How the caller wants documents, from the query.
struct Wanted {
    by_url: bool,
    zpl: bool,
    print_format: &'static str,
}

impl Wanted {
    fn read(query: &Query) -> Result<Self, Response> {
        query.choice("retourePrintFormat", PRINT_FORMATS, "A4")?;
        query.choice("combine", &["true", "false"], "true")?;
        Ok(Self {
            by_url: query.choice("includeDocs", &["include", "URL"], "include")? == "URL",
            zpl: query.choice("docFormat", &["PDF", "ZPL2"], "PDF")? == "ZPL2",
            print_format: query.choice("printFormat", PRINT_FORMATS, "910-300-400")?,
        })
    }
}

pub async fn version() -> Response {
    json_answer(
        200,
        &json!({
            "amp": { "name": "pp-parcel-shipping-native", "env": "sandbox", "version": "v2.1.13", "rev": "1" },
            "backend": { "env": "sandbox", "version": "v2.1.0" },
        }),
    )
}

pub async fn create(
    State(shared): State<Arc<Shared>>,
    fault: Option<Extension<FaultKind>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = fault.map(|Extension(kind)| kind);
    try_create(&shared, fault.as_ref(), &uri, &headers, &body).unwrap_or_else(|refusal| refusal)
}

fn try_create(
    shared: &Shared,
    fault: Option<&FaultKind>,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Response> {
    authorize_shipping(shared, headers)?;
    let query = Query::of(uri);
    let wanted = Wanted::read(&query)?;
    let dry_run = query.flag("validate")?;
    let must_encode = query.flag("mustEncode")?;
    let shipments = read_request(headers, body)?;
    let items = shared.change(|memory, now| {
        let rules = Rules { now, billing_number: &shared.settings.billing_number, must_encode };
        let mut items = Vec::with_capacity(shipments.len());
        for (index, shipment) in shipments.iter().enumerate() {
            if index == 0 && fault == Some(&FaultKind::ItemError) {
                items.push(error_item(None, &[Message::error("shipment", "Planned fault")]));
                continue;
            }
            items.push(match read_order(shipment, &rules) {
                (Some(_), messages) if dry_run => json!({
                    "sstatus": status(200, "OK", "The shipment is valid."),
                    "validationMessages": messages,
                }),
                (Some(order), messages) => {
                    let shipment = book(memory, now, order, &shared.settings.api_secret);
                    booked_item(shared, &shipment, &wanted, &messages, fault)
                }
                (None, messages) => error_item(None, &messages),
            });
        }
        items
    })?;
    Ok(answer_items(&items, fault == Some(&FaultKind::ItemError)))
}

/// The shipments of a well-formed request: JSON, the known profile, one to thirty of them.
fn read_request(headers: &HeaderMap, body: &Bytes) -> Result<Vec<Value>, Response> {
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json {
        return Err(bad_request("The content type must be application/json"));
    }
    let Ok(mut request) = serde_json::from_slice::<Value>(body) else {
        return Err(bad_request("The body is not valid JSON"));
    };
    if request.get("profile").and_then(Value::as_str) != Some(PROFILE) {
        return Err(bad_request("profile is missing or not known"));
    }
    match request.get_mut("shipments").map(Value::take) {
        Some(Value::Array(shipments)) if (1..=SHIPMENTS_PER_REQUEST_MAX).contains(&shipments.len()) => {
            Ok(shipments)
        }
        _ => Err(bad_request("shipments must hold 1 to 30 elements")),
    }
}

/// Takes an order on.
pub fn book(memory: &mut Memory, now: DateTime<Utc>, order: Order, secret: &str) -> Shipment {
    let number = memory.next_number();
    let routing_code = format!("40327{}+99000943000020", order.consignee.postal_code.replace(' ', ""));
    let mut shipment = Shipment {
        label_token: sha256_hex(format!("label:{number}:{secret}").as_bytes()),
        number,
        routing_code: routing_code.chars().take(35).collect(),
        ship_date: order.ship_date,
        order,
        label_sha256: String::new(),
        booked_at: now,
        cancelled_at: None,
        closed_at: None,
        events: Event::of_stage(Stage::Announced, now).into_iter().collect(),
        told_events: 0,
    };
    shipment.label_sha256 = sha256_hex(&label_pdf(&shipment));
    memory.shipments.insert(shipment.number.clone(), shipment.clone());
    shipment
}

fn booked_item(
    shared: &Shared,
    shipment: &Shipment,
    wanted: &Wanted,
    messages: &[Message],
    fault: Option<&FaultKind>,
) -> Value {
    let mut item = document_item(shared, shipment, wanted);
    item["validationMessages"] = json!(messages);
    if fault == Some(&FaultKind::LabelMissing)
        && let Some(members) = item.as_object_mut()
    {
        members.remove("label");
    }
    item
}

/// A shipment with its label.
fn document_item(shared: &Shared, shipment: &Shipment, wanted: &Wanted) -> Value {
    let format = if wanted.zpl { "ZPL2" } else { "PDF" };
    let print_format = match wanted.print_format {
        "910-300-600" | "910-300-610" => "910-300-600/610",
        "910-300-400" | "910-300-410" => "910-300-400/410",
        "910-300-700-oz" => "910-300-700-oZ/oz",
        other => other,
    };
    let mut label = json!({ "fileFormat": format, "printFormat": print_format });
    if wanted.by_url {
        let prefix = if wanted.zpl { "z" } else { "p" };
        let token = &shipment.label_token;
        label["url"] = json!(format!("{}/parcel/de/shipping/v2/labels?token={prefix}{token}", shared.url));
    } else if wanted.zpl {
        label["zpl2"] = json!(label_zpl(shipment));
    } else {
        label["b64"] = json!(STANDARD.encode(label_pdf(shipment)));
    }
    let mut item = json!({
        "shipmentNo": shipment.number,
        "routingCode": shipment.routing_code,
        "sstatus": status(200, "OK", "The service call ran successfully."),
        "label": label,
    });
    if let Some(reference) = &shipment.order.reference {
        item["shipmentRefNo"] = json!(reference);
    }
    item
}

fn error_item(number: Option<&str>, messages: &[Message]) -> Value {
    let mut item = json!({
        "sstatus": status(400, "Bad Request", "The shipment could not be processed."),
        "validationMessages": messages,
    });
    if let Some(number) = number {
        item["shipmentNo"] = json!(number);
    }
    item
}

/// Chooses the HTTP status from the items; `always_success` keeps a lone error inside a 200.
fn answer_items(items: &[Value], always_success: bool) -> Response {
    let failed = items.iter().filter(|item| item["sstatus"]["statusCode"] != 200).count();
    let several = items.len() > 1;
    if failed == items.len() && !always_success {
        let detail = format!("{failed} of {} shipments had errors.", items.len());
        return problem_answer(
            400,
            &json!({ "status": status(400, "Bad Request", &detail), "items": items }),
        );
    }
    let (code, title) = if several { (207, "Multi-Status") } else { (200, "OK") };
    let detail = match failed {
        0 => "The service call ran successfully.".to_owned(),
        failed => format!("{failed} of {} shipments had errors.", items.len()),
    };
    json_answer(code, &json!({ "status": status(code, title, &detail), "items": items }))
}

pub async fn fetch(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_fetch(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_fetch(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_shipping(shared, headers)?;
    let query = Query::of(uri);
    let wanted = Wanted::read(&query)?;
    let numbers = read_numbers(&query)?;
    let items: Vec<Value> = shared.read(|memory, _| {
        let item = |number: &&str| match memory.shipments.get(*number) {
            Some(shipment) if shipment.cancelled_at.is_some() || shipment.order.is_return() => {
                unknown_item(number)
            }
            Some(shipment) if shipment.closed_at.is_some() => {
                error_item(Some(number), &[Message::error("shipment", "The shipment is already closed")])
            }
            Some(shipment) => document_item(shared, shipment, &wanted),
            None => unknown_item(number),
        };
        numbers.iter().map(item).collect()
    });
    if let [item] = items.as_slice()
        && item["sstatus"]["statusCode"] == 404
    {
        return Err(problem(404, "The shipment was not found"));
    }
    Ok(answer_items(&items, false))
}

fn unknown_item(number: &str) -> Value {
    json!({ "shipmentNo": number, "sstatus": status(404, "Not Found", "The shipment was not found.") })
}

pub async fn delete(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_delete(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_delete(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_shipping(shared, headers)?;
    let query = Query::of(uri);
    if query.one("profile") != Some(PROFILE) {
        return Err(bad_request("profile is missing or not known"));
    }
    let numbers = read_numbers(&query)?;
    let items: Vec<Value> = shared.change(|memory, now| {
        let item = |number: &&str| match memory.shipments.get_mut(*number).filter(is_shipping) {
            Some(shipment) if shipment.cancelled_at.is_none() && shipment.closed_at.is_none() => {
                shipment.cancelled_at = Some(now);
                json!({ "shipmentNo": number, "sstatus": status(200, "OK", "The shipment was deleted.") })
            }
            Some(shipment) if shipment.cancelled_at.is_none() => {
                error_item(Some(number), &[Message::error("shipment", "The shipment is already closed")])
            }
            _ => error_item(Some(number), &[Message::error("shipment", "Unknown shipment number")]),
        };
        numbers.iter().map(item).collect()
    })?;
    Ok(answer_items(&items, false))
}

fn is_shipping(shipment: &&mut Shipment) -> bool {
    !shipment.order.is_return()
}

fn read_numbers(query: &Query) -> Result<Vec<&str>, Response> {
    let numbers = query.all("shipment");
    let well_formed = numbers.iter().all(|number| (1..=50).contains(&number.len()));
    if !(1..=SHIPMENTS_PER_REQUEST_MAX).contains(&numbers.len()) || !well_formed {
        return Err(bad_request("1 to 30 shipment numbers are required"));
    }
    Ok(numbers)
}

/// `GET /labels`: whoever has the address may read the label, so the address is personal data.
pub async fn label(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let query = Query::of(&uri);
    let token = query.one("token").unwrap_or_default();
    let (zpl, token) = match (token.strip_prefix('z'), token.strip_prefix('p')) {
        (Some(token), _) => (true, token),
        (_, Some(token)) => (false, token),
        _ => return problem(404, "The document was not found"),
    };
    let shipment = shared.read(|memory, _| {
        let mut shipments = memory.shipments.values();
        shipments.find(|shipment| shipment.label_token == token && shipment.cancelled_at.is_none()).cloned()
    });
    match shipment {
        Some(shipment) if zpl => answer(200, "application/zpl", label_zpl(&shipment)),
        Some(shipment) => answer(200, "application/pdf", label_pdf(&shipment)),
        None => problem(404, "The document was not found"),
    }
}
