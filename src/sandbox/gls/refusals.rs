//! How the three services refuse. ShipIT has no error bodies: what is wrong is in the headers `error`, `message` and
//! `args`; only a body that can't be read is answered with a text.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::sandbox::host::{Call, Reply, What, Wrong};

/// ShipIT's own media type, for requests and answers.
pub const MEDIA_TYPE: &str = "application/glsVersion1+json";

/// A 400 with an empty body.
pub fn shipit(error: &str, message: &str, args: &[&str]) -> Reply {
    let args: String = json!(args).to_string().chars().map(ascii).collect();
    let message: String =
        message.chars().map(|character| if character.is_ascii() { character } else { '?' }).collect();
    Reply::nothing(400)
        .with_header("error", error)
        .with_header("message", &message)
        .with_header("args", &args)
}

/// What was found wrong with a request, as ShipIT reports it: it stops at the first mistake, and mistakes of reading
/// (no such field, another kind of value) come before the mistakes of sense.
pub fn first(mut wrongs: Vec<Wrong>) -> Option<Reply> {
    wrongs.sort_by_key(|wrong| match wrong.what {
        What::Unknown | What::Kind(_) => 0,
        What::Missing => 1,
        _ => 2,
    });
    let wrong = wrongs.into_iter().next()?;
    let path = wrong.path.as_str();
    Some(match wrong.what {
        What::Unknown => unreadable(&format!("Unrecognized field \"{path}\", not marked as ignorable")),
        What::Kind(kind) => unreadable(&format!("Cannot deserialize \"{path}\": it has to be {kind}")),
        What::Missing => shipit("MANDATORY_PARAMETER_NOT_SET", "A mandatory parameter is not set", &[path]),
        What::TooLong(most) => {
            shipit("NUMBER_EXCEEDS_LENGTH", "The value exceeds the length", &[path, &most.to_string()])
        }
        What::Value(reason) => shipit("INVALID_FIELD_VALUE", &reason, &[path]),
    })
}

/// A body that can't be read: the one refusal of ShipIT that has a body, and that is a text.
pub fn unreadable(text: &str) -> Reply {
    Reply::file(400, "text/plain", text)
}

/// What the gateway in front of ShipIT and Track And Trace says.
pub fn gateway(status: u16, text: &str, code: &str) -> Reply {
    Reply::json(status, &json!({ "fault": { "faultstring": text, "detail": { "errorcode": code } } }))
}

/// What the authentication service says.
pub fn fault(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({ "errors": [{ "message": message, "type": status.to_string() }] }))
}

/// Track And Trace's own refusal.
pub fn problem(call: &Call, status: u16, title: &str, detail: &str) -> Reply {
    let instance = call.path().trim_start_matches("/track-and-trace-v1");
    let body: Value = json!({
        "type": "about:blank", "title": title, "status": status, "detail": detail, "instance": instance,
    });
    Reply::json(status, &body)
}

/// A header holds ASCII: other characters become JSON's own escapes.
fn ascii(character: char) -> String {
    if character.is_ascii() {
        return character.to_string();
    }
    let (mut units, mut escaped) = ([0; 2], String::new());
    for unit in character.encode_utf16(&mut units) {
        // Writing to a text can't fail.
        let _ = write!(escaped, "\\u{unit:04x}");
    }
    escaped
}
