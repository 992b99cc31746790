//! A courier's driver who is ordered to come, and what becomes of the order.

use chrono::{NaiveDate, NaiveTime};

use super::{Address, Outcome, Reference};

/// A driver to order to a store.
#[derive(Clone, Debug)]
pub struct PickupRequest {
    /// Our name of this order, of at most 20 characters: couriers that can be asked know it by this.
    pub reference: Reference,
    /// By the clock of the place.
    pub day: NaiveDate,
    /// From when the parcels stand ready, by the clock of the place.
    pub from: NaiveTime,
    /// Until when somebody is there, by the clock of the place.
    pub until: NaiveTime,
    /// The store.
    pub place: Address,
    /// By what the courier knows the store, where that is another shipper than its account's own.
    pub shipper: Option<String>,
    /// How many parcels there are as far as is known, at least one.
    pub parcels: i64,
    /// What they weigh together, rounded up.
    pub weight_grams: i64,
}

/// What became of an order.
pub type PickupOutcome = Outcome<PickupConfirmation>;

/// An order that the courier has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PickupConfirmation {
    /// The courier's name of it, where it gives one: without it nothing can be taken back.
    pub carrier_pickup_id: Option<String>,
    /// The day on which the driver comes, which may be another than was wished for.
    pub day: NaiveDate,
}

/// What a courier can do with orders of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pickups {
    /// An order whose outcome is unknown can be asked for by our reference.
    pub are_found: bool,
    /// An order can be taken back.
    pub are_cancelled: bool,
}
