//! Places as couriers know them: whether an address is there.
//!
//! All couriers that check addresses are asked at the same time, within the deadline that a shopper waits for quotes. What a
//! courier says is shown beside what we say of an address ourselves; it never stands in the way of staff.

mod http;

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) use http::routes;

use super::address::Address;
use super::carrier::{AddressFinding, AddressQuestion, Carrier, Suggestion};
use super::settings::Carriers;
use crate::clock::Moment;

/// Most messages and suggestions of one courier that are shown: a person reads them.
const SHOWN_MAX: usize = 15;

/// What a courier says of an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CourierVerdict {
    /// The courier.
    pub carrier: String,
    /// What it comes to; empty when the courier said nothing in time, or could not tell.
    pub finding: Option<AddressFinding>,
    /// In the courier's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<String>,
    /// What it has instead, the likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suggestions: Vec<SuggestedAddress>,
}

/// An address as a courier writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SuggestedAddress {
    /// Street and house number in one line, in the order of the country.
    pub street_line: String,
    /// The town.
    pub city: String,
    /// As the country writes it.
    pub postal_code: String,
    /// The country, by two capital letters (ISO 3166-1 alpha-2).
    pub country: String,
}

impl From<Suggestion> for SuggestedAddress {
    fn from(suggestion: Suggestion) -> Self {
        let Suggestion { street_line, city, postal_code, country } = suggestion;
        Self { street_line, city, postal_code, country }
    }
}

/// Whether a courier is asked of an address: of those that it can check, once the street is said.
pub(super) fn is_asked(carrier: &dyn Carrier, recipient: &Address) -> bool {
    let is_whole =
        [&recipient.street, &recipient.house_number, &recipient.city].iter().all(|part| !part.is_empty());
    is_whole && carrier.capabilities().checks_addresses.contains(&recipient.country.as_str())
}

/// What one courier says of an address.
pub(super) async fn verdict(
    carrier: &dyn Carrier,
    (sender, recipient): (&Address, &Address),
    (now, deadline): (Moment, Duration),
) -> CourierVerdict {
    let question =
        AddressQuestion { sender: sender.for_carrier(), recipient: recipient.for_carrier(), asked_at: now };
    let name = carrier.capabilities().name;
    let answer = tokio::time::timeout(deadline, carrier.check_address(&question)).await;
    let said = match answer {
        Ok(Ok(said)) => said,
        Ok(Err(error)) => {
            tracing::info!(courier = name, "an address was not checked: {error}");
            None
        }
        Err(_) => None,
    };
    let mut shown = CourierVerdict {
        carrier: name.to_owned(),
        finding: None,
        messages: Vec::new(),
        suggestions: Vec::new(),
    };
    if let Some(said) = said {
        shown.finding = Some(said.finding);
        shown.messages = said.messages.into_iter().take(SHOWN_MAX).map(|message| message.text).collect();
        shown.suggestions =
            said.suggestions.into_iter().take(SHOWN_MAX).map(SuggestedAddress::from).collect();
    }
    shown
}

/// What all couriers say that can check the address, by their names.
pub(super) async fn verdicts(
    carriers: &Carriers,
    (sender, recipient): (&Address, &Address),
    waits: (Moment, Duration),
) -> Vec<CourierVerdict> {
    let asked = carriers.all().filter(|carrier| is_asked(*carrier, recipient));
    join_all(asked.map(|carrier| verdict(carrier, (sender, recipient), waits))).await
}
