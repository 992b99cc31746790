//! The parts of a store's parcels that couriers were promised. Pure.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CARRIERS_MAX, is_key};

/// The part of a store's parcels that a courier was promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CourierShare {
    /// The courier: `dhl`, `ups`, `gls`, `uber`.
    pub carrier: String,
    /// Of a hundred parcels so many.
    #[schema(minimum = 1, maximum = 100)]
    pub percent: i64,
}

/// What contradicts itself in them, for people.
pub(super) fn fault(shares: &[CourierShare]) -> Option<String> {
    if shares.len() > CARRIERS_MAX {
        return Some(format!("a store has at most {CARRIERS_MAX} shares"));
    }
    let is_twice = |(number, share): (usize, &CourierShare)| {
        shares[..number].iter().any(|other| other.carrier == share.carrier)
    };
    let sum = shares.iter().fold(0_i64, |sum, share| sum.saturating_add(share.percent));
    let checks = [
        (shares.iter().all(|share| is_key(&share.carrier)), "a share names a courier in small letters: dhl"),
        (shares.iter().all(|share| (1..=100).contains(&share.percent)), "a share is of 1 to 100 percent"),
        (!shares.iter().enumerate().any(is_twice), "a courier has one share"),
        (sum <= 100, "all shares are 100 percent at most"),
    ];
    checks.iter().find(|(holds, _)| !holds).map(|(_, fault)| (*fault).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(shares: &[(&str, i64)]) -> Option<String> {
        let share = |(carrier, percent): &(&str, i64)| CourierShare {
            carrier: (*carrier).to_owned(),
            percent: *percent,
        };
        fault(&shares.iter().map(share).collect::<Vec<_>>())
    }

    #[test]
    fn shares_are_parts_of_a_whole() {
        for right in [&[][..], &[("dhl", 70), ("ups", 30)], &[("dhl", 1)], &[("dhl", 100)]] {
            assert_eq!(found(right), None, "{right:?}");
        }
        for (wrong, words) in [
            (&[("DHL", 70)][..], "small letters"),
            (&[("dhl", 0)], "1 to 100 percent"),
            (&[("dhl", 101)], "1 to 100 percent"),
            (&[("dhl", i64::MAX), ("ups", i64::MAX)], "1 to 100 percent"),
            (&[("dhl", 70), ("ups", 10), ("dhl", 20)], "one share"),
            (&[("dhl", 70), ("ups", 31)], "100 percent at most"),
            (&[("dhl", 1); 21], "at most 20"),
        ] {
            assert!(found(wrong).is_some_and(|fault| fault.contains(words)), "{wrong:?}: {words}");
        }
    }
}
