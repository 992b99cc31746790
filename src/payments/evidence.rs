//! What a provider is told of a purchase whose debit is disputed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::DisputeAction;
use crate::text_enum;

/// Longest text of a piece: what PayPal takes.
pub const TEXT_CHARACTERS_MAX: usize = 2_000;

text_enum! {
    /// What a piece of evidence is.
    pub enum EvidenceKind {
        /// What staff say.
        Note = "note",
        /// What was bought, at which price.
        Receipt = "receipt",
        /// When the shopper left the store with it.
        Gate = "gate",
        /// Which parcel a courier brought, and when.
        Delivery = "delivery",
        /// What was given back.
        Refund = "refund",
    }
}

/// A piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EvidencePiece {
    /// What it is.
    pub kind: EvidenceKind,
    /// What it says, for people.
    pub text: String,
    /// Of a delivery: the courier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Of a delivery: the courier's number of the parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<String>,
    /// Of a refund: the provider's names of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<String>,
}

impl EvidencePiece {
    /// A piece that is its text; what is too long is cut off.
    pub fn new(kind: EvidenceKind, text: &str) -> Self {
        let text = text.chars().take(TEXT_CHARACTERS_MAX).collect();
        Self { kind, text, carrier: None, tracking_number: None, refunds: Vec::new() }
    }

    /// What staff say.
    pub fn note(text: &str) -> Self {
        Self::new(EvidenceKind::Note, text)
    }

    /// A parcel that a courier has or had.
    pub fn delivery(text: &str, carrier: &str, tracking_number: &str) -> Self {
        Self {
            carrier: Some(carrier.to_owned()),
            tracking_number: Some(tracking_number.to_owned()),
            ..Self::new(EvidenceKind::Delivery, text)
        }
    }

    /// What was given back, by the provider's names.
    pub fn refunds(names: Vec<String>) -> Self {
        let text = format!("given back: {}", names.join(", "));
        Self { refunds: names, ..Self::new(EvidenceKind::Refund, &text) }
    }
}

/// An answer to a dispute.
#[derive(Clone, Copy, Debug)]
pub struct DisputeAnswer<'a> {
    /// The provider's name of the dispute.
    pub dispute: &'a str,
    /// What to do.
    pub action: DisputeAction,
    /// What goes with it.
    pub evidence: &'a [EvidencePiece],
}

/// What came of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerOutcome {
    /// The provider has it.
    Taken,
    /// The provider refused it.
    Refused(String),
    /// It may have arrived, or may be sent again: look first.
    Unknown(String),
}
