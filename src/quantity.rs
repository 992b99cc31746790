//! How much of something: whole pieces, grams, millilitres or millimetres, never a fraction.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a quantity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Single pieces.
    Piece,
    /// Grams.
    Gram,
    /// Millilitres.
    Millilitre,
    /// Millimetres.
    Millimetre,
}

/// Largest quantity of one line: 10,000 pieces, 10 t or 10,000 l are no purchase by phone.
pub const QUANTITY_MAX: i64 = 10_000_000;

/// A positive whole number of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "Raw")]
pub struct Quantity {
    /// How many of the unit.
    #[schema(minimum = 1, maximum = 10_000_000)]
    amount: i64,
    unit: Unit,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    amount: i64,
    unit: Unit,
}

/// A quantity that is not positive or beyond what a line may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Zero, negative, or more than [`QUANTITY_MAX`].
    #[error("a quantity is a whole number from 1 to {QUANTITY_MAX}")]
    OutOfRange,
    /// Two quantities of different units were to be added.
    #[error("quantities of different units can't be added")]
    Units,
}

impl TryFrom<Raw> for Quantity {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        Self::new(raw.amount, raw.unit)
    }
}

impl Quantity {
    /// One piece.
    pub const ONE: Self = Self { amount: 1, unit: Unit::Piece };

    /// A quantity of `amount` units.
    pub fn new(amount: i64, unit: Unit) -> Result<Self, Error> {
        if (1..=QUANTITY_MAX).contains(&amount) { Ok(Self { amount, unit }) } else { Err(Error::OutOfRange) }
    }

    /// So many pieces.
    pub fn pieces(amount: i64) -> Result<Self, Error> {
        Self::new(amount, Unit::Piece)
    }

    /// How many of the unit.
    pub fn amount(self) -> i64 {
        self.amount
    }

    /// What is counted.
    pub fn unit(self) -> Unit {
        self.unit
    }

    /// Both together; an error when the units differ or the sum is too large.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        if self.unit != other.unit {
            return Err(Error::Units);
        }
        Self::new(self.amount.saturating_add(other.amount), self.unit)
    }
}
