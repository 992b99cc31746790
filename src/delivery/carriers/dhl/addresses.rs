//! Addresses as DHL checks them: an order that is validated and not made, which has to be route-coded. For Germany only.

use serde_json::Value;

use super::wire::{messages, refusal_messages, status_of};
use crate::delivery::carrier::{AddressFinding, AddressVerdict, CallError};
use crate::delivery::carriers::call::Reply;

/// Reads what became of a validation. Only what is said of the consignee is about the address.
pub fn verdict(reply: Reply) -> Result<AddressVerdict, CallError> {
    let reply = if reply.status == 400 { reply } else { reply.expect_success()? };
    let body: Value = reply.json()?;
    let item = &body["items"][0];
    match status_of(&item["sstatus"]).unwrap_or(i64::from(reply.status)) {
        200..=299 => Ok(AddressVerdict::of(AddressFinding::Known, messages(item))),
        status => {
            let (of_address, others): (Vec<_>, Vec<_>) = refusal_messages(&body, item)
                .into_iter()
                .partition(|message| message.property.contains("consignee"));
            if of_address.is_empty() {
                let words: Vec<String> = others.into_iter().map(|message| message.text).collect();
                return Err(CallError::Refused(format!("status {status}: {}", words.join("; "))));
            }
            Ok(AddressVerdict::of(AddressFinding::Unknown, of_address))
        }
    }
}
