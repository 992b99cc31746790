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
    pub payment_source: Option<Source>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Unit {
    #[serde(default)]
    pub payments: Payments,
    #[serde(default)]
    pub shipping: Shipping,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Shipping {
    #[serde(default)]
    pub trackers: Vec<Tracker>,
}

/// A parcel that an order knows, named by capture and number.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Tracker {
    #[serde(default)]
    pub id: String,
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
    pub status_details: Option<StatusDetails>,
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

    /// Whether the order knows a parcel of a capture.
    pub fn has_tracker(&self, capture: &str, tracking_number: &str) -> bool {
        let name = format!("{capture}-{tracking_number}");
        self.purchase_units.iter().flat_map(|unit| &unit.shipping.trackers).any(|tracker| tracker.id == name)
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

/// The capture that an object belongs to, by the link upwards.
pub fn capture_above(links: &[Link]) -> Option<String> {
    let up = links.iter().find(|link| link.rel == "up")?;
    let (_, name) = up.href.split_once("/v2/payments/captures/")?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
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
    pub attributes: Option<Attributes>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Attributes {
    pub vault: Option<Box<Token>>,
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

/// Why a payment is in its state.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct StatusDetails {
    #[serde(default)]
    pub reason: String,
}

/// A dispute (Customer Disputes v1).
#[expect(clippy::struct_field_names, reason = "PayPal's own names")]
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Dispute {
    #[serde(default)]
    pub dispute_id: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub dispute_life_cycle_stage: String,
    #[serde(default)]
    pub disputed_transactions: Vec<Disputed>,
    pub dispute_amount: Option<Amount>,
    pub dispute_outcome: Option<DisputeOutcome>,
    pub seller_response_due_date: Option<String>,
    pub create_time: Option<String>,
    #[serde(default)]
    pub links: Vec<Link>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Disputed {
    pub seller_transaction_id: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct DisputeOutcome {
    #[serde(default)]
    pub outcome_code: String,
    pub amount_refunded: Option<Amount>,
}

/// A page of transactions (Transaction Search v1).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Transactions {
    #[serde(default)]
    pub transaction_details: Vec<TransactionDetail>,
    #[serde(default)]
    pub total_pages: i64,
    pub last_refreshed_datetime: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct TransactionDetail {
    #[serde(default)]
    pub transaction_info: Transaction,
}

#[expect(clippy::struct_field_names, reason = "PayPal's own names")]
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Transaction {
    pub transaction_id: Option<String>,
    pub paypal_reference_id: Option<String>,
    pub paypal_reference_id_type: Option<String>,
    pub transaction_event_code: Option<String>,
    pub transaction_status: Option<String>,
    pub transaction_initiation_date: Option<String>,
    pub transaction_amount: Option<Amount>,
    pub fee_amount: Option<Amount>,
    pub invoice_id: Option<String>,
    pub custom_field: Option<String>,
}

/// A list of events (Webhooks Management v1).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Events {
    #[serde(default)]
    pub events: Vec<Event>,
}

/// What PayPal says of a signature.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Verified {
    #[serde(default)]
    pub verification_status: String,
}

/// A webhook event, as far as it says where to look.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Event {
    #[serde(default)]
    pub id: String,
    pub create_time: Option<String>,
    #[serde(default, rename = "event_type")]
    pub kind: String,
    #[serde(default)]
    pub resource: Resource,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct Resource {
    pub id: Option<String>,
    pub dispute_id: Option<String>,
    pub invoice_id: Option<String>,
    pub supplementary_data: Option<Supplement>,
    #[serde(default)]
    pub purchase_units: Vec<Named>,
    pub metadata: Option<Related>,
    #[serde(default)]
    pub links: Vec<Link>,
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
