//! `/sandbox/...`: the controls that every partner of this server has. Books, clock, faults.
//!
//! They take JSON, or the form of a button on the page and then lead back to the page.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Call, Partner, Reply, Shared};
use crate::sandbox::faults::Rule;

pub fn answer<P: Partner>(shared: &Shared<P>, call: &Call) -> Reply {
    let path: Vec<&str> = call.path().trim_matches('/').split('/').collect();
    let answered = match (call.method.as_str(), path.as_slice()) {
        ("GET", ["sandbox", "books"]) => {
            let state = shared.state();
            let mut books = shared.partner.books(&state.own, call.now);
            books["now"] = json!(call.now);
            books["calls"] = json!(state.calls);
            Ok(Reply::json(200, &books))
        }
        ("POST", ["sandbox", "clock"]) => return clock(shared, call),
        ("GET", ["sandbox", "faults"]) => Ok(Reply::json(200, &json!({ "faults": shared.state().faults }))),
        ("POST", ["sandbox", "faults"]) => match parsed::<Rule>(&call.body) {
            Ok(rule) => shared.change(|kept, _| kept.faults.push(rule)).map(|()| Reply::nothing(201)),
            Err(refusal) => return refusal,
        },
        ("DELETE", ["sandbox", "faults"]) => {
            shared.change(|kept, _| kept.faults.clear()).map(|()| Reply::json(200, &json!({ "faults": [] })))
        }
        _ => shared
            .change(|kept, _| shared.partner.control(&mut kept.own, call))
            .map(|reply| reply.unwrap_or_else(|| refusal(404, "nothing at this address"))),
    };
    answered.unwrap_or_else(|_| refusal(500, "the state could not be saved"))
}

fn clock<P: Partner>(shared: &Shared<P>, call: &Call) -> Reply {
    let given = |name: &str| {
        let pressed = call.form(name).and_then(|text| text.parse::<i64>().ok());
        pressed.or_else(|| number(&call.body, name).ok())
    };
    let (advance, speed) = (given("advance_seconds"), given("speed"));
    if advance.is_none() && speed.is_none() {
        return refusal(400, "advance_seconds or speed has to be a whole number");
    }
    let changed = shared.change(|kept, _| {
        if let Some(speed) = speed {
            kept.clock.run_at(speed);
        }
        kept.clock.advance(advance.unwrap_or_default());
        json!({ "now": kept.clock.now(), "speed": kept.clock.speed() })
    });
    match changed {
        Ok(_) if call.is_form() => Reply::to_the_page(),
        Ok(clock) => Reply::json(200, &clock),
        Err(_) => refusal(500, "the state could not be saved"),
    }
}

/// A JSON body as what it has to be.
///
/// # Errors
/// A refusal that says what is wrong with it.
pub fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(body).map_err(|error| refusal(400, &error.to_string()))
}

/// A text of a JSON object.
///
/// # Errors
/// A refusal when there is none of that name.
pub fn text(body: &[u8], name: &str) -> Result<String, Reply> {
    let value: Value = parsed(body)?;
    value[name].as_str().map(str::to_owned).ok_or_else(|| refusal(400, &format!("{name} has to be a text")))
}

/// A whole number of a JSON object.
///
/// # Errors
/// A refusal when there is none of that name.
fn number(body: &[u8], name: &str) -> Result<i64, Reply> {
    let value: Value = parsed(body)?;
    value[name].as_i64().ok_or_else(|| refusal(400, &format!("{name} has to be a whole number")))
}

fn refusal(status: u16, detail: &str) -> Reply {
    Reply::json(status, &json!({ "error": detail }))
}
