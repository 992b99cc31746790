//! Goods that come back: Parcel DE Returns, which makes a label and the code of one, and nothing else.
//!
//! Who gets the goods is a receiver that DHL's portal knows by an id, with an address of its own: one for all, or the one at the
//! store's address. Our reference goes along as the customer's, which is what XML tracking searches for; whether DHL shows it
//! there before the parcel was handed in is not documented, and nothing here depends on it: no label is had again and none is
//! taken back, a return is billed when it travels, and one that was called off or lost is a label that nobody has.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BOOK_DEADLINE, CALL_DEADLINE, Dhl, DhlReturns, WEIGHT_GRAMS_MAX, wire};
use crate::delivery::carrier::{Address, BookOutcome, Booking, CallError, LabelFormat, PointKind, Rejection};
use crate::delivery::carriers::call::Reply;
use crate::delivery::carriers::rejections::not_served;

const RETURNS: &str = "/parcel/de/shipping/returns/v1";

/// Returns from elsewhere are another product, with a billing number and receivers of its own.
pub const COUNTRIES: [&str; 1] = ["DE"];
/// Germany, as this interface writes countries.
const GERMANY: &str = "deu";
/// How every PNG begins (RFC 2083, 3.1).
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A place that goods can be sent back to.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receiver {
    receiver_id: String,
    receiver_address: ReceiverAddress,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiverAddress {
    postal_code: String,
    address_house: Option<String>,
}

impl Dhl {
    /// Books a parcel that goes back.
    pub(super) async fn book_return(&self, booking: &Booking) -> BookOutcome {
        let order = match self.settings.returns.as_ref() {
            Some(returns) => self.return_order(booking, returns).await,
            None => Err(refused("recipient", "no contract for returns")),
        };
        let order = match order {
            Ok(order) => order,
            Err(outcome) => return outcome,
        };
        let build = || {
            let request = self.request(Method::POST, &format!("{RETURNS}/orders"), BOOK_DEADLINE);
            request.query(&[("labelType", "BOTH")]).json(&order)
        };
        match self.tokens.send(build).await {
            Ok(reply) => wire::outcome(&reply, read_booked),
            Err(error) => error.into(),
        }
    }

    /// The order of a label, or why there is none: nothing was booked yet.
    async fn return_order(&self, booking: &Booking, returns: &DhlReturns) -> Result<Value, BookOutcome> {
        let mut order = order(booking).map_err(BookOutcome::Rejected)?;
        let receiver = match &returns.receiver {
            Some(receiver) => receiver.clone(),
            None => self.receiver(&returns.billing_number, &booking.recipient).await?,
        };
        order["receiverId"] = json!(receiver);
        Ok(order)
    }

    /// The receiver at an address.
    async fn receiver(&self, billing_number: &str, at: &Address) -> Result<String, BookOutcome> {
        let postal_code = at.postal_code.trim();
        let query =
            [("countryCode", GERMANY), ("billingNumber", billing_number), ("postalCode", postal_code)];
        let build =
            || self.request(Method::GET, &format!("{RETURNS}/locations"), CALL_DEADLINE).query(&query);
        let listed = self.tokens.send(build).await.and_then(Reply::expect_success);
        let receivers: Result<Vec<Receiver>, CallError> = listed.and_then(|reply| reply.json());
        match receivers.map(|receivers| at_address(receivers, at)) {
            Ok(Some(receiver)) => Ok(receiver),
            Ok(None) => Err(refused("recipient", "DHL knows no receiver of returns at this address")),
            Err(CallError::Unauthorised) => Err(CallError::Unauthorised.into()),
            Err(error) => Err(BookOutcome::NotSent { detail: error.to_string() }),
        }
    }
}

fn refused(property: &str, text: &str) -> BookOutcome {
    BookOutcome::Rejected(not_served(property, text))
}

/// The one of these receivers that has this address: the only one of its postal code, or of its house there. Streets are
/// written in too many ways to be compared.
fn at_address(receivers: Vec<Receiver>, at: &Address) -> Option<String> {
    let is_near = |receiver: &Receiver| receiver.receiver_address.postal_code.trim() == at.postal_code.trim();
    let house = |number: Option<&str>| number.map(|number| number.trim().to_lowercase());
    let is_there = |receiver: &Receiver| {
        house(receiver.receiver_address.address_house.as_deref()) == house(at.house_number.as_deref())
    };
    let mut near: Vec<Receiver> = receivers.into_iter().filter(is_near).collect();
    if near.len() > 1 {
        near.retain(is_there);
    }
    match near.as_slice() {
        [receiver] => Some(receiver.receiver_id.clone()),
        _ => None,
    }
}

/// The order of a label, still without its receiver.
fn order(booking: &Booking) -> Result<Value, Rejection> {
    if !COUNTRIES.contains(&booking.sender.country.as_str()) {
        return Err(not_served("sender.country", "goods come back from Germany only"));
    }
    if booking.weight_grams > WEIGHT_GRAMS_MAX {
        return Err(not_served("weight_grams", "heavier than 31.5 kg"));
    }
    Ok(json!({
        "customerReference": booking.reference.as_str(),
        "shipmentReference": booking.reference.as_str(),
        "shipper": shipper(&booking.sender)?,
        "itemWeight": { "uom": "g", "value": booking.weight_grams },
    }))
}

/// Who sends the goods back; of who fetched them at one of DHL's pick-up points DHL knows that one.
fn shipper(sender: &Address) -> Result<Value, Rejection> {
    let mut sender = sender.clone();
    if let Some(point) = sender.pickup_point.take().filter(|point| point.carrier == "dhl") {
        sender.street = match point.kind {
            PointKind::Locker => "Packstation".to_owned(),
            PointKind::Shop => "Postfiliale".to_owned(),
        };
        sender.house_number = Some(point.id);
    }
    let mut shipper = wire::address("sender", &sender)?;
    if shipper["addressHouse"].is_null() {
        return Err(not_served("sender.house_number", "DHL takes nothing back without a house number"));
    }
    // This interface has the sender's country from the receiver.
    if let Some(members) = shipper.as_object_mut() {
        members.remove("country");
    }
    Ok(shipper)
}

/// A return has no items: what an item says of a shipment stands in the body.
fn read_booked(body: &Value) -> BookOutcome {
    let mut outcome = wire::item_outcome(body, LabelFormat::Pdf);
    if let BookOutcome::Confirmed(confirmation) = &mut outcome {
        let code = body["qrLabel"]["b64"].as_str().and_then(|text| STANDARD.decode(text).ok());
        confirmation.qr_label = code.filter(|bytes| bytes.starts_with(PNG)).map(Vec::into_boxed_slice);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receivers(places: &[(&str, &str, Option<&str>)]) -> Vec<Receiver> {
        let place = |(id, postal_code, house): &(&str, &str, Option<&str>)| Receiver {
            receiver_id: (*id).to_owned(),
            receiver_address: ReceiverAddress {
                postal_code: (*postal_code).to_owned(),
                address_house: house.map(str::to_owned),
            },
        };
        places.iter().map(place).collect()
    }

    fn store() -> Address {
        Address {
            name: "Markt Bonn".to_owned(),
            company: None,
            street: "Sträßchensweg".to_owned(),
            house_number: Some("10A".to_owned()),
            line_2: None,
            postal_code: "53113".to_owned(),
            city: "Bonn".to_owned(),
            country: "DE".to_owned(),
            phone: None,
            pickup_point: None,
        }
    }

    #[test]
    fn goods_go_to_the_receiver_at_the_stores_address_or_to_none() {
        let found = |places: &[(&str, &str, Option<&str>)]| at_address(receivers(places), &store());
        assert_eq!(found(&[("bonn", "53113", None), ("berlin", "10115", None)]).as_deref(), Some("bonn"));
        let two = [("bonn-1", "53113", Some("8")), ("bonn-2", "53113", Some(" 10a"))];
        assert_eq!(found(&two).as_deref(), Some("bonn-2"));
        assert_eq!(found(&[("bonn-1", "53113", Some("8")), ("bonn-2", "53113", None)]), None);
        assert_eq!(found(&[("berlin", "10115", Some("10a"))]), None);
    }
}
