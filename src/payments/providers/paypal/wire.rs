//! What PayPal answers, as far as we read it. Every field may be missing and every status may be new: a message is never
//! refused for what we don't know.

use serde::Deserialize;

use super::amounts::Amount;
use crate::clock::Moment;
use crate::money::Money;

/// A link to follow.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Link {
    #[serde(default)]
    pub href: String,
    #[serde(default)]
    pub rel: String,
}

/// An order (Orders v2).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Order {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub purchase_units: Vec<Unit>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Unit {
    #[serde(default)]
    pub payments: Payments,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Payments {
    #[serde(default)]
    pub captures: Vec<Payment>,
    #[serde(default)]
    pub authorizations: Vec<Payment>,
    #[serde(default)]
    pub refunds: Vec<Payment>,
}

/// A capture, an authorization or a refund: alike as far as we read them.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Payment {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub amount: Option<Amount>,
    pub invoice_id: Option<String>,
    pub supplementary_data: Option<Supplement>,
    pub create_time: Option<String>,
    /// Of an authorization: when it ends for good.
    pub expiration_time: Option<String>,
    #[serde(default)]
    pub links: Vec<Link>,
}

impl Payment {
    /// When it was made, when it says so.
    pub fn created_at(&self) -> Option<Moment> {
        self.create_time.as_deref().and_then(|text| text.parse().ok())
    }

    /// When an authorization ends for good, when it says so.
    pub fn expires_at(&self) -> Option<Moment> {
        self.expiration_time.as_deref().and_then(|text| text.parse().ok())
    }

    /// The amount, when it was told and can be held.
    pub fn money(&self) -> Option<Money> {
        self.amount.as_ref().and_then(|amount| amount.money().ok())
    }

    /// The order that it belongs to, when it says so.
    pub fn order(&self) -> Option<String> {
        self.supplementary_data.as_ref()?.related_ids.as_ref()?.order_id.clone()
    }

    /// Whether it is part of this other object, by the link upwards.
    pub fn is_part_of(&self, object: &str) -> bool {
        self.links.iter().any(|link| link.rel == "up" && link.href.rsplit('/').next() == Some(object))
    }
}

impl Order {
    /// The one capture of the order.
    pub fn capture(&self) -> Option<&Payment> {
        self.purchase_units.iter().find_map(|unit| unit.payments.captures.first())
    }

    /// The one authorization of the order.
    pub fn authorization(&self) -> Option<&Payment> {
        self.purchase_units.iter().find_map(|unit| unit.payments.authorizations.first())
    }

    /// The capture that carries this name of ours.
    pub fn capture_named(&self, invoice: &str) -> Option<&Payment> {
        named(self.purchase_units.iter().flat_map(|unit| &unit.payments.captures), invoice)
    }

    /// The refund that carries this name of ours.
    pub fn refund_named(&self, invoice: &str) -> Option<&Payment> {
        named(self.purchase_units.iter().flat_map(|unit| &unit.payments.refunds), invoice)
    }
}

fn named<'a>(mut payments: impl Iterator<Item = &'a Payment>, invoice: &str) -> Option<&'a Payment> {
    payments.find(|payment| payment.invoice_id.as_deref() == Some(invoice))
}

/// Where the shopper has to go.
pub fn action_link(links: &[Link]) -> Option<&str> {
    links
        .iter()
        .find(|link| matches!(link.rel.as_str(), "payer-action" | "approve"))
        .map(|link| link.href.as_str())
}

/// A setup token or a payment token (Vault v3).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Token {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub status: String,
    pub customer: Option<Customer>,
    pub payment_source: Option<Source>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Customer {
    pub id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Source {
    pub paypal: Option<Wallet>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Wallet {
    pub email_address: Option<String>,
}

/// An error.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Refusal {
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub debug_id: String,
    #[serde(default)]
    pub details: Vec<Detail>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Detail {
    #[serde(default)]
    pub issue: String,
}

/// A webhook event, as far as it says where to look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Event {
    #[serde(default)]
    pub id: String,
    #[serde(default, rename = "event_type")]
    pub kind: String,
    #[serde(default)]
    pub resource: Resource,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Resource {
    pub id: Option<String>,
    pub invoice_id: Option<String>,
    pub supplementary_data: Option<Supplement>,
    #[serde(default)]
    pub purchase_units: Vec<Named>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Named {
    pub invoice_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Supplement {
    pub related_ids: Option<Related>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Related {
    pub order_id: Option<String>,
}
