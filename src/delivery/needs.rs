//! What goods ask of whoever brings them, beyond weight and place. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::carrier::Capabilities;
use super::offers::Good;
use crate::catalog::Temperature;

/// What goods ask of whoever brings them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DeliveryNeeds)]
pub struct Needs {
    /// Whoever takes them must be so old, in years, and the courier makes sure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_min: Option<i64>,
    /// Some must be kept cold.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_cold: bool,
}

impl Needs {
    /// What all of these goods ask together.
    pub fn of(goods: &[Good]) -> Self {
        Self {
            age_min: goods.iter().filter_map(|good| good.age_min).max(),
            is_cold: goods.iter().any(|good| good.temperature != Temperature::Ambient),
        }
    }

    /// Whether a courier does all of it.
    pub(super) fn are_met_by(self, abilities: &Capabilities, recipient: &Address) -> bool {
        self.age_min.is_none_or(|age| abilities.checks_age(age, recipient))
            && (abilities.carries_chilled || !self.is_cold)
    }
}

/// Why no courier brings goods somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unable {
    /// None goes there.
    #[error("no courier goes to this country")]
    Area,
    /// Those that go there don't keep cold, or don't make sure of an age.
    #[error(
        "no courier that goes there keeps these goods cold, or makes sure of the recipient's age; ask for the delivery options"
    )]
    Needs,
    /// Who goes there calls at the door.
    #[error("a phone number is needed: the courier calls at the door")]
    Phone,
}

impl Capabilities {
    /// Whether it makes sure that a recipient is so old: at the door, or where parcels are fetched.
    pub(super) fn checks_age(&self, age: i64, recipient: &Address) -> bool {
        let at_door = recipient.pickup_point.is_none();
        let checks = if at_door { self.age_checks } else { self.pickup.age_checks };
        checks.iter().any(|check| *check >= age)
    }

    /// Whether it goes to this recipient.
    pub(super) fn goes_to(&self, recipient: &Address) -> bool {
        let can_call = !self.calls_recipients || recipient.phone.is_some();
        can_call && self.serves(recipient)
    }

    /// Whether it serves the recipient's country; a pick-up point is served by its own courier alone.
    pub(super) fn serves(&self, recipient: &Address) -> bool {
        let is_its_point = recipient.pickup_point.as_ref().is_none_or(|point| point.carrier == self.name);
        is_its_point && self.countries.contains(&recipient.country.as_str())
    }
}
