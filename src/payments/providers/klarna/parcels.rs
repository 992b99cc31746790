//! Order Management: parcels, which Klarna shows the shopper beside what is to be paid. There is no key of ours that lasts: a
//! capture shows the parcels that it has, so that one which may have been told is looked for first.

use serde_json::json;

use super::client::Client;
use super::errors::{Verdict, verdict};
use super::orders::fetch;
use crate::payments::evidence::AnswerOutcome;
use crate::payments::model::Outcome;
use crate::payments::provider::ParcelNotice;

/// Tells of a parcel.
pub async fn tell(client: &Client, parcel: &ParcelNotice<'_>) -> AnswerOutcome {
    let Some((order, capture)) = parcel.capture.split_once('/') else {
        return AnswerOutcome::Refused("the capture is not in an order".to_owned());
    };
    if parcel.is_repeat {
        match fetch(client, order).await {
            Ok(order) if order.has_parcel(capture, parcel.tracking_number) => return AnswerOutcome::Taken,
            Ok(_) => {}
            Err(Outcome::Unknown { detail } | Outcome::NotSent { detail }) => {
                return AnswerOutcome::Unknown(detail);
            }
            Err(_) => return AnswerOutcome::Refused("Klarna does not know the order".to_owned()),
        }
    }
    let path = format!("/ordermanagement/v1/orders/{order}/captures/{capture}/shipping-info");
    let body = json!({"shipping_info": [{
        "shipping_company": parcel.carrier.to_ascii_uppercase(),
        "shipping_method": "Home",
        "tracking_number": parcel.tracking_number,
    }]});
    match client.post("shipping info", &path, Some(parcel.tracking_number), Some(&body)).await {
        Err(lost) => AnswerOutcome::Unknown(lost.detail()),
        Ok(answer) if answer.status.is_success() => AnswerOutcome::Taken,
        Ok(answer) => match verdict(&answer) {
            Verdict::Again(detail) | Verdict::Look(detail) => AnswerOutcome::Unknown(detail),
            Verdict::Missing(_) | Verdict::StepUp(_) | Verdict::Declined(_) => {
                AnswerOutcome::Refused("Klarna does not take the parcel".to_owned())
            }
        },
    }
}
