//! Addresses as Uber checks them: a quote says whether a place is found, and whether anybody rides there.

use serde_json::Value;

use super::wire::{NOT_SERVED, messages};
use crate::delivery::carrier::{AddressFinding, AddressVerdict, CallError};
use crate::delivery::carriers::call::Reply;

/// Uber's map has no such place.
const NOT_FOUND: &str = "unknown_location";

/// Reads what became of a quote.
pub fn verdict(reply: Reply) -> Result<AddressVerdict, CallError> {
    if reply.status != 400 {
        return reply.expect_success().map(|_| AddressVerdict::of(AddressFinding::Known, Vec::new()));
    }
    let body: Value = reply.json()?;
    let code = body["code"].as_str().unwrap_or_default();
    let finding = match code {
        _ if NOT_SERVED.contains(&code) => AddressFinding::NotServed,
        NOT_FOUND => AddressFinding::Unknown,
        "invalid_params" if body["metadata"].get("dropoff_address").is_some() => AddressFinding::Unknown,
        _ => return Err(CallError::Refused(format!("status 400 {code}").trim_end().to_owned())),
    };
    Ok(AddressVerdict::of(finding, messages(&body)))
}
