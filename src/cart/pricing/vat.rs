//! The tax of one rate, as a shopper and the books see it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::money::{Money, Rate};

/// The tax of one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaxLine {
    /// The rate in percent.
    pub rate: Rate,
    /// Gross amount taxed at that rate.
    pub gross: Money,
    /// The same without tax.
    pub net: Money,
    /// The tax.
    pub tax: Money,
}
