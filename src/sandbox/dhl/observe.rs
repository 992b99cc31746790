//! What stands before every partner route: the planned faults and the record of each exchange.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, Method},
    middleware::Next,
    response::Response,
};
use serde::{Deserialize, Serialize};

use super::{
    Shared,
    connection::Connection,
    reply::{answer, problem},
};

/// The record keeps the newest exchanges only, so a long demo does not grow without end.
pub const EXCHANGES_MAX: usize = 2_000;

/// The largest request that DHL's limits allow (thirty shipments with customs) stays well below.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// One request and what left as its answer. A status of 0 means that no byte left.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub method: String,
    /// With the query.
    pub path: String,
    pub request_headers: Vec<(String, String)>,
    pub request_body: Vec<u8>,
    pub status: u16,
    pub response_headers: Vec<(String, String)>,
    pub response_body: Vec<u8>,
}

/// A planned failure of an operation, used up by `times` calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// `token`, `orders.create`, `orders.get`, `orders.delete`, `manifests.create`, `manifests.get`, `labels.get`,
    /// `returns.create`, `returns.locations`, `pickups.create`, `pickups.list`, `pickups.cancel`,
    /// `tracking.get`, `tracking.xml`, `push.subscribe`, `push.activate`, `push.list`, `push.get` or `push.delete`.
    pub operation: String,
    #[serde(flatten)]
    pub kind: FaultKind,
    #[serde(default = "once")]
    pub times: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Answers with this status; nothing was done.
    ErrorBefore { status: u16 },
    /// Answers with this status although the work was done.
    ErrorAfter { status: u16 },
    /// The connection breaks; nothing was done.
    NoAnswerBefore,
    /// The connection breaks after the work was done.
    NoAnswerAfter,
    /// The work is done at once and answered after this time.
    DelayMs { delay_ms: u64 },
    /// The first shipment of an order is refused inside an answer of 200 or 207.
    ItemError,
    /// The order is booked and the answer has no label.
    LabelMissing,
    /// The work is done and the answer can't be read.
    Garbled,
}

fn once() -> u32 {
    1
}

/// Takes the first fault planned for this operation.
pub fn take_fault(faults: &mut VecDeque<Fault>, operation: &str) -> Option<FaultKind> {
    let place = faults.iter().position(|fault| fault.operation == operation)?;
    let fault = &mut faults[place];
    fault.times = fault.times.saturating_sub(1);
    let kind = fault.kind.clone();
    if fault.times == 0 {
        faults.remove(place);
    }
    Some(kind)
}

pub async fn observe(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    request: Request,
    next: Next,
) -> Response {
    let operation = operation(request.method(), request.uri().path());
    let fault = shared.begin_call(operation);
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return problem(400, "The body could not be read");
    };
    let mut exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        request_headers: header_list(&parts.headers),
        request_body: body.to_vec(),
        status: 0,
        response_headers: Vec::new(),
        response_body: Vec::new(),
    };
    if let Some(kind) = &fault {
        parts.extensions.insert(kind.clone());
    }
    let response = match fault {
        Some(FaultKind::ErrorBefore { status }) => problem(status, "Planned fault, nothing was done"),
        Some(FaultKind::NoAnswerBefore) => {
            connection.cut();
            problem(500, "")
        }
        other => {
            let response = next.run(Request::from_parts(parts, Body::from(body))).await;
            disturb(other, response, &connection).await
        }
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_else(|_| Bytes::new());
    if !connection.is_cut() {
        exchange.status = parts.status.as_u16();
        exchange.response_headers = header_list(&parts.headers);
        exchange.response_body = body.to_vec();
    }
    shared.keep(exchange);
    Response::from_parts(parts, Body::from(body))
}

async fn disturb(fault: Option<FaultKind>, response: Response, connection: &Connection) -> Response {
    match fault {
        Some(FaultKind::ErrorAfter { status }) => problem(status, "Planned fault, the work was done"),
        Some(FaultKind::NoAnswerAfter) => {
            connection.cut();
            response
        }
        Some(FaultKind::DelayMs { delay_ms }) => {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            response
        }
        Some(FaultKind::Garbled) => answer(response.status().as_u16(), "application/json", "{\"items\":[{"),
        _ => response,
    }
}

fn header_list(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn operation(method: &Method, path: &str) -> &'static str {
    let action = path.rsplit('/').next().unwrap_or_default();
    if path.starts_with("/tracking/push/") {
        return match (method.as_str(), action) {
            ("GET", "subscriptions") => "push.list",
            ("POST", "subscription") => "push.subscribe",
            ("POST", _) => "push.activate",
            ("DELETE", _) => "push.delete",
            _ => "push.get",
        };
    }
    match (method.as_str(), action) {
        ("POST", "orders") if path.contains("/pickup/") => "pickups.create",
        ("GET", "orders") if path.contains("/pickup/") => "pickups.list",
        ("DELETE", "orders") if path.contains("/pickup/") => "pickups.cancel",
        ("POST", "orders") if path.contains("/returns/") => "returns.create",
        ("GET", "locations") if path.contains("/returns/") => "returns.locations",
        ("POST", "token") => "token",
        ("POST", "orders") => "orders.create",
        ("GET", "orders") => "orders.get",
        ("DELETE", "orders") => "orders.delete",
        ("POST", "manifests") => "manifests.create",
        ("GET", "manifests") => "manifests.get",
        ("GET", "labels") => "labels.get",
        ("GET", "shipments") if path.starts_with("/parcel/") => "tracking.xml",
        ("GET", "shipments") => "tracking.get",
        _ => "other",
    }
}
