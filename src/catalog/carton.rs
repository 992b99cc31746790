//! What a store packs goods into for couriers. Pure data and its bounds.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::product::Size;

/// Most kinds of carton of one store.
pub(super) const CARTONS_MAX: usize = 20;
/// Longest name of a carton.
const NAME_LENGTH_MAX: usize = 20;
/// The longest side of a carton that a person can handle, in millimetres.
const SIDE_MM_MAX: i64 = 3_000;
/// The heaviest empty carton, in grams.
const GRAMS_MAX: i64 = 10_000;

/// A kind of carton, box or bag that a store packs goods into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Carton {
    /// What staff call it.
    #[schema(min_length = 1, max_length = 20)]
    pub name: String,
    /// What goes into it.
    pub inner: Size,
    /// What it weighs with its filling, in grams.
    #[schema(minimum = 1, maximum = 10_000)]
    pub weight_grams: i64,
}

impl Carton {
    /// What a store has that has not said: three common sizes of corrugated board.
    pub fn usual() -> Vec<Self> {
        let carton = |name: &str, [length_mm, width_mm, height_mm]: [i64; 3], weight_grams| Self {
            name: name.to_owned(),
            inner: Size { length_mm, width_mm, height_mm },
            weight_grams,
        };
        vec![
            carton("S", [290, 190, 140], 200),
            carton("M", [390, 290, 240], 400),
            carton("L", [580, 380, 380], 900),
        ]
    }

    /// What is wrong with it, for people.
    pub(super) fn fault(&self) -> Option<String> {
        let is_named = (1..=NAME_LENGTH_MAX).contains(&self.name.chars().count())
            && !self.name.trim().is_empty()
            && !self.name.chars().any(char::is_control);
        let Size { length_mm, width_mm, height_mm } = self.inner;
        let checks = [
            (is_named, "a carton has a name of 1 to 20 characters"),
            (
                [length_mm, width_mm, height_mm].iter().all(|side| (1..=SIDE_MM_MAX).contains(side)),
                "a carton's sides are of 1 to 3000 mm",
            ),
            ((1..=GRAMS_MAX).contains(&self.weight_grams), "a carton weighs 1 to 10000 grams"),
        ];
        checks.iter().find(|(holds, _)| !holds).map(|(_, fault)| (*fault).to_owned())
    }
}
