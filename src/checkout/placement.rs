//! What the app asks for when it places a checkout: what is paid with, what is delivered, and what the shopper wants where
//! something is not there.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::Error;
use super::picking::IfMissing;
use super::quote::{Fulfilment, QuoteError, QuoteLine};
use crate::catalog::Snapshot;
use crate::delivery;
use crate::hash::sha256_hex;
use crate::ids::{CartId, DeliveryOptionId, MethodId, Sku};

/// Longest name of a device's session at a provider.
const SESSION_LENGTH_MAX: usize = 36;

/// What is to be delivered, and where to.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Deliver {
    /// The numbers of the cart's lines that are delivered; the others are taken along.
    #[schema(min_items = 1, max_items = 500)]
    pub lines: BTreeSet<i64>,
    /// Where to.
    pub recipient: delivery::Address,
    /// The way of delivery that the shopper chose, as `GET /v1/carts/{cart}/delivery-options` showed it; left out, the store's
    /// usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub option: Option<DeliveryOptionId>,
    /// What the shopper wants where something is not there when it is picked; to do without it when left out.
    #[serde(default, skip_serializing_if = "IfMissing::is_usual")]
    pub if_missing: IfMissing,
    /// Lines for which they want something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 500)]
    pub missing_lines: Vec<MissingLine>,
}

/// What the shopper wants where one line is not there.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MissingLine {
    /// The line, one of those that are delivered.
    pub line: i64,
    /// What they want.
    pub if_missing: IfMissing,
    /// The product that they would rather have then, where the store has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<Sku>,
}

impl Deliver {
    /// What is wanted for lines that are not there must be about lines that are delivered, and about products.
    pub(super) fn wishes_fault(&self, catalog: &Snapshot) -> Option<QuoteError> {
        self.missing_lines.iter().find_map(|wish| match &wish.instead {
            _ if !self.lines.contains(&wish.line) => Some(QuoteError::UnknownLine(wish.line)),
            Some(sku) if catalog.facts(sku).is_none() => Some(QuoteError::UnknownSubstitute(wish.line)),
            _ => None,
        })
    }

    /// Notes with the lines of a quote what is wanted where they are not there.
    pub(super) fn note_wishes(&self, lines: &mut [QuoteLine]) {
        for line in lines.iter_mut().filter(|line| line.fulfilment == Fulfilment::Deliver) {
            let own = self.missing_lines.iter().find(|wish| wish.line == line.line);
            line.if_missing = own.map_or(self.if_missing, |wish| wish.if_missing);
            line.instead = own.and_then(|wish| wish.instead.clone());
        }
    }
}

/// What the app asks for: a quote for a version of its cart.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// The cart.
    pub cart: CartId,
    /// Its version, as last read: what the shopper saw.
    pub cart_version: i64,
    /// What is to be debited.
    pub payment_method: MethodId,
    /// What is delivered; left out, everything is taken along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliver: Option<Deliver>,
    /// The session of the shopper's device at the payment provider, when the app has one (PayPal's client metadata id): the
    /// provider looks at the risk of the debit by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 36)]
    pub device_session: Option<String>,
}

impl Placement {
    /// What tells the same request from another.
    pub(super) fn hash(&self) -> Result<String, Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Internal(error.into()))?;
        Ok(sha256_hex(&text))
    }

    /// Whether the session can go to the provider as it is, in a header.
    pub(super) fn is_session_right(&self) -> bool {
        self.device_session.as_deref().is_none_or(|text| {
            (1..=SESSION_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        })
    }
}
