//! Pick-up points: shops and lockers where a courier keeps parcels for recipients.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

crate::text_enum! {
    /// Where a courier keeps parcels for recipients.
    pub enum PointKind {
        /// A machine that opens by itself.
        Locker = "locker",
        /// A shop or a post office, where somebody hands the parcel out.
        Shop = "shop",
    }
}

/// A pick-up point of one courier. Its street, postal code and town stand in the address beside it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PickupPoint {
    /// The courier; nobody else can bring anything there.
    #[schema(min_length = 1, max_length = 20)]
    pub carrier: String,
    /// What it is.
    pub kind: PointKind,
    /// The courier's number of it: of a Packstation or a post office of DHL three digits, else as the courier's search names it.
    #[schema(min_length = 1, max_length = 20)]
    pub id: String,
    /// What it is called, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 35)]
    pub name: Option<String>,
    /// The recipient's number at the courier, where it needs one: DHL's Postnummer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub customer_number: Option<String>,
}

impl fmt::Debug for PickupPoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PickupPoint").field("carrier", &self.carrier).finish_non_exhaustive()
    }
}

/// What a courier does at pick-up points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointAbilities {
    /// What it has.
    pub kinds: &'static [PointKind],
    /// Its points can be searched for; otherwise recipients know their numbers.
    pub is_searchable: bool,
    /// The ages that are checked when a parcel is handed out.
    pub age_checks: &'static [i64],
}

impl PointAbilities {
    /// A courier that goes to doors only.
    pub const NONE: Self = Self { kinds: &[], is_searchable: false, age_checks: &[] };
}

/// Why an address with a pick-up point can't be used: where, as a JSON pointer into the address, and what is wrong.
pub type PointFault = (&'static str, &'static str);

/// Where the recipient's number is said.
pub const CUSTOMER_NUMBER: &str = "/pickup_point/customer_number";
/// Where the street is said.
pub const STREET: &str = "/street";

/// Around where points are looked for: of town and street as much as was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointQuestion {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// As the country writes it.
    pub postal_code: String,
    /// May be empty.
    pub city: String,
    /// With the house number; may be empty.
    pub street_line: String,
}

/// A point that a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPoint {
    /// What it is.
    pub kind: PointKind,
    /// The courier's number of it.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Street, with the house number where the courier has both in one line.
    pub street: String,
    /// Apart from the street, where the courier has it apart.
    pub house_number: Option<String>,
    /// As the country writes it.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// How far it is.
    pub metres: Option<i64>,
    /// In the courier's words.
    pub opening_hours: Option<String>,
}
