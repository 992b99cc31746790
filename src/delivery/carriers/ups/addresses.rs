//! Addresses as UPS checks them, street by street: in the United States only.

use serde_json::{Value, json};

use super::wire::list;
use crate::delivery::carrier::{
    Address, AddressFinding, AddressVerdict, CallError, FieldMessage, Suggestion,
};
use crate::delivery::carriers::addresses::{named, street_line};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::regions::state_of;

/// The option that checks and does not classify.
pub const PATH: &str = "/addressvalidation/v2/1";

/// The question.
pub fn question(address: &Address) -> Value {
    let mut lines = vec![street_line(address)];
    lines.extend(named(address.line_2.as_deref()).map(str::to_owned));
    let code: String = address.postal_code.chars().filter(char::is_ascii_digit).collect();
    let mut form = json!({
        "AddressLine": lines,
        "PoliticalDivision2": address.city,
        "PostcodePrimaryLow": code.get(..5).unwrap_or(&code),
        "CountryCode": address.country,
    });
    if let Some(state) = state_of(&code) {
        form["PoliticalDivision1"] = json!(state);
    }
    json!({"XAVRequest": {"AddressKeyFormat": form}})
}

/// Reads the answer: one indicator, and the addresses that UPS has.
pub fn verdict(reply: Reply) -> Result<AddressVerdict, CallError> {
    let body: Value = reply.expect_success()?.json()?;
    let answer = &body["XAVResponse"];
    let has = |indicator: &str| answer.get(indicator).is_some();
    let finding = match () {
        () if has("ValidAddressIndicator") => AddressFinding::Known,
        () if has("AmbiguousAddressIndicator") => AddressFinding::Unsure,
        () if has("NoCandidatesIndicator") => AddressFinding::Unknown,
        () => return Err(CallError::NoAnswer("the answer has no indicator".to_owned())),
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let suggestion = |candidate: &Value| {
        let form = &candidate["AddressKeyFormat"];
        let lines = form["AddressLine"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let lone = form["AddressLine"].as_str();
        Suggestion {
            street_line: lines.chain(lone).collect::<Vec<_>>().join(", "),
            city: text(&form["PoliticalDivision2"]),
            postal_code: text(&form["PostcodePrimaryLow"]),
            country: text(&form["CountryCode"]),
        }
    };
    let alert =
        |alert: &Value| FieldMessage { property: text(&alert["Code"]), text: text(&alert["Description"]) };
    Ok(AddressVerdict {
        finding,
        messages: list(&answer["Response"]["Alert"]).map(alert).collect(),
        suggestions: list(&answer["Candidate"]).map(suggestion).collect(),
    })
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::*;

    fn reply(answer: &Value) -> Reply {
        let body = json!({ "XAVResponse": answer }).to_string().into_bytes();
        Reply { status: 200, headers: HeaderMap::new(), body }
    }

    #[test]
    fn a_lone_candidate_and_a_list_are_read_alike_and_no_indicator_is_no_answer() {
        let form = json!({"AddressKeyFormat": {"AddressLine": "1 MAIN ST", "PoliticalDivision2": "ALBANY",
            "PostcodePrimaryLow": "12207", "CountryCode": "US"}});
        for candidates in [form.clone(), json!([form])] {
            let found = verdict(reply(&json!({"AmbiguousAddressIndicator": "", "Candidate": candidates})));
            let found = found.expect("a verdict");
            assert_eq!((found.finding, found.suggestions.len()), (AddressFinding::Unsure, 1));
            assert_eq!(found.suggestions[0].street_line, "1 MAIN ST");
        }
        let none = verdict(reply(&json!({"NoCandidatesIndicator": ""}))).expect("a verdict");
        assert_eq!((none.finding, none.suggestions.len()), (AddressFinding::Unknown, 0));
        assert!(verdict(reply(&json!({}))).is_err());
    }
}
