//! How a courier brings goods back from shoppers.

use super::Capabilities;

/// How a courier brings goods back, with a label that the shopper sticks on or shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returns {
    /// The countries that it brings them back from, ISO 3166-1 alpha-2.
    pub from: Vec<&'static str>,
    /// A label that nobody used is taken back at the courier. Where none can be, it costs nothing unless a parcel travels with
    /// it: it is called off with us alone.
    pub are_cancelled: bool,
}

impl Capabilities {
    /// Whether it brings goods back from this country.
    pub fn brings_back_from(&self, country: &str) -> bool {
        self.returns.as_ref().is_some_and(|returns| returns.from.contains(&country))
    }
}
