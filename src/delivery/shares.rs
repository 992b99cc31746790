//! How far couriers are behind the parts of a store's parcels that they were promised.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::store;
use crate::catalog::{CourierShare, DeliveryTerms, Preference};
use crate::clock::Moment;
use crate::db::{Db, Error};
use crate::ids::StoreId;

/// The time that parcels are counted in: long enough that a quiet week changes nothing, short enough that a courier catches up.
const COUNTED: chrono::Duration = chrono::Duration::days(30);

/// The parts of a store's parcels: what couriers were promised, and what they had lately.
#[derive(Clone, Debug, Default)]
pub struct Shares {
    wanted: Vec<CourierShare>,
    had: BTreeMap<String, i64>,
}

/// A courier's part of the store's parcels of the last 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShareHad {
    /// What it was promised, in percent.
    pub wanted_percent: i64,
    /// What it had, in whole percent, rounded down.
    pub had_percent: i64,
}

/// What counts at a store that offers by shares; nothing at others. Read once for an answer.
pub async fn shares(
    db: &Db,
    at: &StoreId,
    terms: Option<&DeliveryTerms>,
    now: Moment,
) -> Result<Shares, Error> {
    match terms.filter(|terms| terms.prefer == Preference::Share) {
        Some(terms) => {
            let had = store::parcels_booked(db, at, now - COUNTED).await?;
            Ok(Shares { wanted: terms.shares.clone(), had: had.into_iter().collect() })
        }
        None => Ok(Shares::default()),
    }
}

impl Shares {
    /// How far a courier is behind, to compare it with others of the store; below nought for one that is ahead, nothing for
    /// one without a share.
    pub(super) fn behind(&self, carrier: &str) -> Option<i64> {
        let (wanted, had, all) = self.counts(carrier)?;
        Some(wanted.saturating_mul(all).saturating_sub(had.saturating_mul(100)))
    }

    /// A courier's part, for people.
    pub(super) fn of(&self, carrier: &str) -> Option<ShareHad> {
        let (wanted_percent, had, all) = self.counts(carrier)?;
        Some(ShareHad { wanted_percent, had_percent: had.saturating_mul(100) / all })
    }

    /// The percent that a courier was promised, the parcels that it had, and those of all couriers. Before the first parcel
    /// whoever was promised most is farthest behind.
    fn counts(&self, carrier: &str) -> Option<(i64, i64, i64)> {
        let share = self.wanted.iter().find(|share| share.carrier == carrier)?;
        let had = self.had.get(carrier).copied().unwrap_or_default();
        Some((share.percent, had, self.had.values().sum::<i64>().max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(had: &[(&str, i64)]) -> Shares {
        let share = |(carrier, percent): (&str, i64)| CourierShare { carrier: carrier.to_owned(), percent };
        Shares {
            wanted: [("dhl", 70), ("ups", 20)].map(share).to_vec(),
            had: had.iter().map(|(carrier, parcels)| ((*carrier).to_owned(), *parcels)).collect(),
        }
    }

    #[test]
    fn whoever_had_less_than_its_share_is_behind() {
        for (had, first) in [
            (&[][..], "dhl"),
            (&[("dhl", 1)], "ups"),
            (&[("dhl", 699), ("ups", 200), ("gls", 101)], "dhl"),
            (&[("dhl", 700), ("ups", 199), ("gls", 101)], "ups"),
            (&[("gls", 9)], "dhl"),
        ] {
            let shares = shares(had);
            let other = if first == "dhl" { "ups" } else { "dhl" };
            assert!(shares.behind(first) > shares.behind(other), "{had:?}");
            assert_eq!((shares.behind("gls"), shares.of("gls")), (None, None));
        }
    }

    #[test]
    fn a_part_is_told_in_whole_percent_of_all_parcels() {
        let of = |had: &[(&str, i64)], carrier: &str| {
            shares(had).of(carrier).map(|share| (share.wanted_percent, share.had_percent))
        };
        assert_eq!(of(&[], "dhl"), Some((70, 0)));
        assert_eq!(of(&[("dhl", 2), ("gls", 1)], "dhl"), Some((70, 66)));
        assert_eq!(of(&[("dhl", 2), ("gls", 1)], "ups"), Some((20, 0)));
    }
}
