//! How goods are packed: into as few parcels as their weights allow. Pure.

/// The carton and its filling.
pub const CARTON_GRAMS: i64 = 400;

/// The weights in grams, cartons included, of the parcels that these pieces need where one may weigh so much at most: the
/// heaviest pieces first, each into the first parcel with room for it. A piece that is heavier than a parcel may be is a parcel
/// of its own: whoever offers the delivery looks for it before.
pub fn pack(mut pieces: Vec<i64>, parcel_grams_max: i64) -> Vec<i64> {
    let goods_max = parcel_grams_max - CARTON_GRAMS;
    let mut parcels: Vec<i64> = Vec::new();
    pieces.sort_unstable_by(|a, b| b.cmp(a));
    for grams in pieces {
        match parcels.iter_mut().find(|parcel| **parcel + grams <= goods_max) {
            Some(parcel) => *parcel += grams,
            None => parcels.push(grams),
        }
    }
    parcels.into_iter().map(|grams| grams + CARTON_GRAMS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_pieces_fill_what_large_ones_leave() {
        assert_eq!(pack(vec![4_000, 9_000, 5_000, 600], 10_400), [10_000, 9_400]);
        assert_eq!(pack(Vec::new(), 10_400), [0_i64; 0]);
        assert_eq!(pack(vec![20_000], 10_400), [20_400]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_parcel_is_too_heavy(
            pieces in prop::collection::vec(1_i64..=10_000, 0..60), most in 10_400_i64..=31_500
        ) {
            let parcels = pack(pieces.clone(), most);
            prop_assert!(parcels.iter().all(|parcel| (1..=most).contains(parcel)));
            let goods: i64 = parcels.iter().map(|parcel| parcel - CARTON_GRAMS).sum();
            prop_assert_eq!(goods, pieces.iter().sum::<i64>());
            // Two parcels that would fit into one are never left.
            prop_assert!(parcels.is_sorted_by(|_, _| true));
            let mut goods: Vec<i64> = parcels.iter().map(|parcel| parcel - CARTON_GRAMS).collect();
            goods.sort_unstable();
            if let [first, second, ..] = goods.as_slice() {
                prop_assert!(first + second > most - CARTON_GRAMS);
            }
        }
    }
}
