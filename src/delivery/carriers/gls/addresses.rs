//! Addresses as GLS checks them: a shipment that is validated and not made. What its rules object to of the address, or that no
//! parcel finds its way there, is about the address; other rules are not.

use serde_json::Value;

use super::wire::{parsed, understood};
use crate::delivery::carrier::{AddressFinding, AddressVerdict, CallError, FieldMessage};
use crate::delivery::carriers::call::Reply;

/// Reads the issues of a validation. The documentation has the members in lower case, the file not.
pub fn verdict(reply: Reply) -> Result<AddressVerdict, CallError> {
    let answer = parsed(&understood(reply)?);
    let result = answer.get("validationResult").or_else(|| answer.get("ValidationResult"));
    let result = result.ok_or_else(|| CallError::NoAnswer("the answer can't be read".to_owned()))?;
    let issues: Vec<&Value> = result["Issues"].as_array().into_iter().flatten().collect();
    let rule = |issue: &Value| issue["Rule"].as_str().unwrap_or_default().to_owned();
    let is_of_address = |issue: &&&Value| {
        let rule = rule(issue);
        rule.starts_with("ADDRESS") || rule == "SHIPMENT_VALID_ROUTING"
    };
    let finding = match () {
        () if issues.iter().any(|issue| is_of_address(&issue)) => AddressFinding::Unknown,
        () if issues.iter().any(|issue| rule(issue) == "ARTICLES_DESTINATION_EXCLUSIONS") => {
            AddressFinding::NotServed
        }
        () => AddressFinding::Known,
    };
    let message = |issue: &&Value| FieldMessage {
        property: issue["Location"].as_str().unwrap_or_default().to_owned(),
        text: rule(issue),
    };
    let messages = issues.iter().filter(is_of_address).map(message).collect();
    Ok(AddressVerdict::of(finding, messages))
}
