//! `/sandbox/...`: the controls that Uber does not have, beside those that every sandbox has.

use serde_json::json;

use super::{
    ControlError,
    books::{Oddities, State},
    courier, page,
    webhooks::Controls,
};
use crate::sandbox::host::{Call, Reply, parsed, text};

pub fn answer(state: &mut State, call: &Call) -> Option<Reply> {
    let path: Vec<&str> = call.path().trim_matches('/').split('/').collect();
    Some(match (call.method.as_str(), path.as_slice()) {
        ("GET", [""]) => {
            Reply::file(200, "text/html; charset=utf-8", page::render(state, call.now).into_string())
        }
        ("POST", ["sandbox", "deliveries", id, "events"]) => event(state, call, id),
        ("PUT", ["sandbox", "oddities"]) => match parsed::<Oddities>(&call.body) {
            Ok(oddities) => {
                state.oddities = oddities;
                Reply::json(200, &json!(oddities))
            }
            Err(refusal) => refusal,
        },
        ("POST", ["sandbox", "webhooks"]) => match parsed::<Controls>(&call.body) {
            Ok(controls) => {
                state.controls = controls;
                Reply::json(200, &json!(state.controls))
            }
            Err(refusal) => refusal,
        },
        ("DELETE", ["sandbox", "tokens"]) => {
            state.tokens.clear();
            Reply::json(200, &json!({}))
        }
        _ => return None,
    })
}

fn event(state: &mut State, call: &Call, id: &str) -> Reply {
    let word = match call.form("event").map_or_else(|| text(&call.body, "event"), Ok) {
        Ok(word) => word,
        Err(refusal) => return refusal,
    };
    match courier::happen(state, id, &word, call.now) {
        Ok(_) if call.is_form() => Reply::to_the_page(),
        Ok(status) => Reply::json(200, &json!({ "status": status })),
        Err(failure) => {
            let status = match failure {
                ControlError::UnknownDelivery => 404,
                ControlError::UnknownWord => 400,
                ControlError::NotNow => 409,
                ControlError::Storage(_) => 500,
            };
            Reply::json(status, &json!({ "error": failure.to_string() }))
        }
    }
}
