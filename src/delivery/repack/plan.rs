//! Which parcels of a shipment stay as they are when it turns out how it was packed. Pure.

use std::cmp::Reverse;

use crate::delivery::pack::Parcel as Packed;

/// By how many grams two scales may differ over one parcel: those that weigh parcels go by steps of 10 to 20 g and may be off
/// by three of them in use (class III of Directive 2014/31/EU). A label need not be printed anew for that; couriers charge by
/// the kilogram.
const SCALES_GRAMS: i64 = 50;

/// A parcel that there is.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) number: i64,
    pub(super) packed: Packed,
    /// The most that its courier takes, in grams, where the courier has or may have its booking. One that no courier was asked
    /// for is booked as it is weighed.
    pub(super) booked_grams_max: Option<i64>,
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// The numbers of the parcels that stay, with their bookings and labels.
    pub(super) kept: Vec<i64>,
    /// The numbers of those that are not sent.
    pub(super) dropped: Vec<i64>,
    /// The places in the new list of those that there are not yet.
    pub(super) added: Vec<usize>,
}

impl Present {
    fn is(&self, wanted: &Packed) -> bool {
        let differs = (self.packed.weight_grams - wanted.weight_grams).abs();
        let is_in_tolerance = |most| differs <= SCALES_GRAMS && wanted.weight_grams <= most;
        self.packed.carton == wanted.carton
            && self.packed.size == wanted.size
            && (differs == 0 || self.booked_grams_max.is_some_and(is_in_tolerance))
    }
}

/// Finds for each parcel of the new list one that there is. The heaviest come first and take the heaviest: so as many as can
/// be stay, and the same list leads to the same parcels again.
pub(super) fn plan(present: &[Present], wanted: &[Packed]) -> Plan {
    let mut left: Vec<&Present> = present.iter().collect();
    left.sort_by_key(|one| (Reverse(one.packed.weight_grams), one.number));
    let mut places: Vec<usize> = (0..wanted.len()).collect();
    places.sort_by_key(|place| Reverse(wanted[*place].weight_grams));
    let (mut kept, mut added) = (Vec::new(), Vec::new());
    for place in places {
        match left.iter().position(|one| one.is(&wanted[place])) {
            Some(at) => kept.push(left.remove(at).number),
            None => added.push(place),
        }
    }
    let mut dropped: Vec<i64> = left.iter().map(|one| one.number).collect();
    kept.sort_unstable();
    dropped.sort_unstable();
    added.sort_unstable();
    Plan { kept, dropped, added }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MOST: i64 = 31_500;

    fn packed(carton: &str, weight_grams: i64) -> Packed {
        Packed { weight_grams, size: None, carton: Some(carton.to_owned()) }
    }

    fn present(parcels: &[(&str, i64)]) -> Vec<Present> {
        let one = |(number, (carton, grams)): (i64, &(&str, i64))| Present {
            number,
            packed: packed(carton, *grams),
            booked_grams_max: Some(MOST),
        };
        (1..).zip(parcels).map(one).collect()
    }

    fn planned(there: &[(&str, i64)], wanted: &[(&str, i64)]) -> (Vec<i64>, Vec<i64>, Vec<usize>) {
        let wanted: Vec<Packed> = wanted.iter().map(|(carton, grams)| packed(carton, *grams)).collect();
        let Plan { kept, dropped, added } = plan(&present(there), &wanted);
        (kept, dropped, added)
    }

    #[test]
    fn what_is_alike_stays_and_the_rest_is_dropped_or_added() {
        let there = [("M", 2_000), ("M", 2_000), ("S", 500)];
        assert_eq!(
            planned(&there, &[("M", 2_000), ("M", 2_000), ("S", 500)]),
            (vec![1, 2, 3], vec![], vec![])
        );
        assert_eq!(planned(&there, &[("M", 2_000)]), (vec![1], vec![2, 3], vec![]));
        assert_eq!(planned(&there, &[("S", 500), ("L", 2_000)]), (vec![3], vec![1, 2], vec![1]));
        assert_eq!(planned(&[], &[("S", 500)]), (vec![], vec![], vec![0]));
    }

    #[test]
    fn scales_may_differ_by_a_few_grams_but_not_over_what_the_courier_takes() {
        for (grams, stays) in [(1_950, true), (2_050, true), (1_949, false), (2_051, false)] {
            assert_eq!(planned(&[("M", 2_000)], &[("M", grams)]).0.len() == 1, stays, "{grams}");
        }
        assert_eq!(planned(&[("M", 31_480)], &[("M", 31_500)]).0, [1]);
        assert_eq!(planned(&[("M", 31_480)], &[("M", 31_501)]).0, [0_i64; 0]);
        let mut unbooked = present(&[("M", 2_000)]);
        unbooked[0].booked_grams_max = None;
        assert_eq!(plan(&unbooked, &[packed("M", 2_001)]).kept, [0_i64; 0], "it is booked as it is weighed");
        assert_eq!(plan(&unbooked, &[packed("M", 2_000)]).kept, [1]);
    }

    #[test]
    fn parcels_that_are_nearly_alike_all_stay() {
        assert_eq!(planned(&[("M", 100), ("M", 140)], &[("M", 60), ("M", 100)]).0, [1, 2]);
    }

    proptest! {
        #[test]
        fn each_parcel_is_used_once_and_the_same_list_again_changes_nothing(
            there in prop::collection::vec((0_usize..2, 31_300_i64..31_520), 0..8),
            wanted in prop::collection::vec((0_usize..2, 31_300_i64..31_520), 1..8),
        ) {
            let named = |(carton, grams): &(usize, i64)| packed(["S", "M"][*carton], *grams);
            let wanted: Vec<Packed> = wanted.iter().map(named).collect();
            let most = |at: usize| if at.is_multiple_of(2) { MOST } else { 70_000 };
            let mut there: Vec<Present> = there.iter().enumerate().zip(1..).map(|((at, one), number)| {
                Present { number, packed: named(one), booked_grams_max: Some(most(at)) }
            }).collect();
            let first = plan(&there, &wanted);
            prop_assert_eq!(first.kept.len() + first.added.len(), wanted.len());
            prop_assert_eq!(first.kept.len() + first.dropped.len(), there.len());
            there.retain(|one| first.kept.contains(&one.number));
            there.extend(first.added.iter().zip(100..).map(|(place, number)| {
                Present { number, packed: wanted[*place].clone(), booked_grams_max: Some(70_000) }
            }));
            let again = plan(&there, &wanted);
            prop_assert_eq!((again.dropped, again.added), (vec![], vec![]));
        }
    }
}
