//! Sessions of the hosted payment page: made for a session of payments, read, disabled, sent to the shopper.
//!
//! Anybody's address may stand before the path of `payment_session_url`; what counts is the session it names. FAILED,
//! BACK and ERROR aren't final: the page can be opened again. With `place_order_mode` NONE, as without any, the shop
//! gets the authorization token and places the order itself.

use serde_json::{Value, json};

use super::books::{HostedSession, HostedStatus, PlaceOrderMode};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::sessions::{self, refuse};
use super::state::State;
use super::{bodies, callbacks, ids};
use crate::sandbox::fields::mistakes;

const PAYMENT_SESSIONS: &str = "/payments/v1/sessions/";

pub fn create(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::HOSTED_SESSION))?;
    let address = body["payment_session_url"].as_str().unwrap_or_default();
    let path = url::Url::parse(address).map(|url| url.path().to_owned()).unwrap_or_default();
    let Some(session_id) = path.strip_prefix(PAYMENT_SESSIONS) else {
        return Err(Refusal::bad_values(&["payment_session_url is no session of payments".to_owned()]));
    };
    let session = sessions::find(state, session_id)?;
    if session.complete {
        return Err(Refusal::bad_values(&["payment_session_url is of a complete session".to_owned()]));
    }
    let place_order_mode = match body["options"]["place_order_mode"].as_str() {
        Some("PLACE_ORDER") => PlaceOrderMode::PlaceOrder,
        Some("CAPTURE_ORDER") => PlaceOrderMode::CaptureOrder,
        _ => PlaceOrderMode::None,
    };
    let id = ids::uuid();
    let hosted = HostedSession {
        id: id.clone(),
        session_id: session_id.to_owned(),
        status: HostedStatus::Waiting,
        place_order_mode,
        merchant_urls: body["merchant_urls"].clone(),
        authorization_token: None,
        order_id: None,
        updated_at: state.now(),
        expires_at: session.expires_at,
        distributed: Vec::new(),
    };
    let own = format!("{}/hpp/v1/sessions/{id}", state.url);
    let page = format!("{}/hpp/payments/{id}", state.pages_url());
    let answer = json!({
        "session_id": id,
        "session_url": own,
        "redirect_url": page,
        "qr_code_url": format!("{page}/qr"),
        "distribution_url": format!("{own}/distribution"),
        "expires_at": ids::time(hosted.expires_at),
    });
    state.books.hosted_sessions.insert(id, hosted);
    Ok(Reply::json(201, &answer))
}

pub fn read(state: &State, call: &Call) -> Outcome {
    Ok(Reply::json(200, &view(state, find(state, call)?)))
}

pub fn disable(state: &mut State, call: &Call) -> Outcome {
    if find(state, call)?.status == HostedStatus::Completed {
        return Err(Refusal::new(400, "BAD_REQUEST", "The session is completed"));
    }
    callbacks::set_hosted_status(state, call.id(0), HostedStatus::Disabled);
    Ok(Reply::nothing(204))
}

pub fn distribute(state: &mut State, call: &Call) -> Outcome {
    let status = find(state, call)?.status;
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::DISTRIBUTION))?;
    let needed: &[&str] = match body["method"].as_str() {
        Some("sms") => &["phone", "phone_country"],
        Some("email") => &["email"],
        _ => &["access_id"],
    };
    let missing = needed.iter().filter(|name| body["contact_information"][**name].is_null());
    let missing: Vec<String> =
        missing.map(|name| format!("contact_information.{name} is required")).collect();
    refuse(&missing)?;
    if !is_open(status) {
        return Err(Refusal::new(400, "BAD_REQUEST", "The session is over"));
    }
    if let Some(session) = state.books.hosted_sessions.get_mut(call.id(0)) {
        session.distributed.push(body);
    }
    Ok(Reply::nothing(204))
}

/// Whether the page can still be used.
pub fn is_open(status: HostedStatus) -> bool {
    use HostedStatus::{Back, Error, Failed, InProgress, Waiting};
    matches!(status, Waiting | InProgress | Back | Failed | Error)
}

/// A session as it is read and told of.
pub fn view(state: &State, session: &HostedSession) -> Value {
    let mut answer = json!({
        "session_id": session.id,
        "status": session.status,
        "updated_at": ids::time(session.updated_at),
        "expires_at": ids::time(session.expires_at),
    });
    if let Some(token) = &session.authorization_token {
        answer["authorization_token"] = json!(token);
    }
    if let Some(order) = session.order_id.as_ref().and_then(|id| state.books.orders.get(id)) {
        answer["order_id"] = json!(order.id);
        answer["klarna_reference"] = json!(order.klarna_reference);
    }
    answer
}

fn find<'a>(state: &'a State, call: &Call) -> Result<&'a HostedSession, Refusal> {
    let found = state.books.hosted_sessions.get(call.id(0));
    let alive = found.filter(|session| session.expires_at > state.now());
    alive.ok_or_else(|| Refusal::not_found("NOT_FOUND", "Session", call.id(0)))
}
