//! `/sandbox/...`: the controls that GLS does not have, beside those that every sandbox has. Events, oddities, tokens.

use serde_json::json;

use super::{
    ControlError,
    books::{Oddities, State},
    page,
};
use crate::sandbox::host::{Call, Reply, parsed, text};

pub fn answer(state: &mut State, call: &Call) -> Option<Reply> {
    let path: Vec<&str> = call.path().trim_matches('/').split('/').collect();
    Some(match (call.method.as_str(), path.as_slice()) {
        ("GET", [""]) => {
            Reply::file(200, "text/html; charset=utf-8", page::render(state, call.now).into_string())
        }
        ("POST", ["sandbox", "parcels", number, "events"]) => event(state, call, number),
        ("GET", ["sandbox", "oddities"]) => Reply::json(200, &json!(state.oddities)),
        ("PUT", ["sandbox", "oddities"]) => match parsed::<Oddities>(&call.body) {
            Ok(oddities) => {
                state.oddities = oddities;
                Reply::json(200, &json!(oddities))
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

fn event(state: &mut State, call: &Call, number: &str) -> Reply {
    let code = match call.form("code").map_or_else(|| text(&call.body, "code"), Ok) {
        Ok(code) => code,
        Err(refusal) => return refusal,
    };
    match state.record(number, &code, call.now) {
        Ok(_) if call.is_form() => Reply::to_the_page(),
        Ok(status) => Reply::json(200, &json!({ "status": status })),
        Err(failure) => {
            let status = match failure {
                ControlError::UnknownParcel => 404,
                ControlError::UnknownCode => 400,
                ControlError::EndOfTravel => 409,
                ControlError::Storage(_) => 500,
            };
            Reply::json(status, &json!({ "error": failure.to_string() }))
        }
    }
}
