//! How goods are packed: into as few parcels as their weights and sizes allow, each in the smallest carton that holds it. Pure.
//!
//! The pieces that take most of a parcel come first, each into the first parcel with room for it. A parcel knows which cartons
//! would still hold all of it; a piece goes in as long as one is left. Sizes are outer measures of packed pieces, so a carton
//! is never filled to the last litre ([`FILL_PERCENT`]); whether a piece fits in at all is a matter of its three sides.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carrier::{Capabilities, SizeLimits, descending};
use crate::catalog::{Carton, Size};

/// Most parcels of one shipment: three tonnes, few enough to book and show at once.
pub const PARCELS_MAX: usize = 100;
/// So much of a carton boxes and bottles of all shapes fill, by the rule of thumb of warehouses.
const FILL_PERCENT: i64 = 75;
/// What walls of corrugated board add to a side, both together.
const WALLS_MM: i64 = 10;
/// What a gram takes of room where nobody said, in cubic millimetres: as much as water.
const ROOM_OF_A_GRAM: i64 = 1_000;

/// Pieces that are all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pieces {
    /// How many.
    pub count: i64,
    /// What one weighs.
    pub grams: i64,
    /// What one measures, where that is known.
    pub size: Option<Size>,
}

/// A parcel as it is packed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PackedParcel)]
pub struct Parcel {
    /// With its carton, in grams.
    #[schema(minimum = 1)]
    pub weight_grams: i64,
    /// What it measures outside, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// The store's carton that it is packed into; without one it is a piece that goes by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carton: Option<String>,
}

impl Parcel {
    /// A parcel of which nothing but the weight is known.
    pub fn of_grams(weight_grams: i64) -> Self {
        Self { weight_grams, size: None, carton: None }
    }

    /// A packed carton that weighs so much.
    pub(super) fn in_carton(weight_grams: i64, carton: &Carton) -> Self {
        Self { weight_grams, size: Some(turned(outside(carton))), carton: Some(carton.name.clone()) }
    }

    /// A parcel in no carton of the store's.
    pub(super) fn of_size(weight_grams: i64, size: Size) -> Self {
        Self { weight_grams, size: Some(turned(size)), carton: None }
    }
}

/// Why a piece can't go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is heavier than a parcel may be.
    TooHeavy,
    /// It is larger than a parcel may be, or than any carton where it needs one.
    TooLarge,
}

/// More parcels than one shipment may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {PARCELS_MAX} parcels")]
pub struct TooMany;

/// What a store packs into for one courier.
#[derive(Clone, Debug)]
pub struct Packing {
    grams_max: i64,
    limits: SizeLimits,
    /// Those that the courier takes, smallest first.
    cartons: Vec<Carton>,
}

/// A parcel that is being filled.
struct Open<'a> {
    grams: i64,
    room: i64,
    /// Those that hold all of it, smallest first.
    holding: Vec<&'a Carton>,
}

impl Packing {
    /// What may go with this courier in a store's cartons.
    pub fn new(able: &Capabilities, cartons: Vec<Carton>) -> Self {
        Self::within(able.weight_grams_max, able.size, cartons)
    }

    /// What may go within these limits.
    pub fn within(grams_max: i64, limits: SizeLimits, mut cartons: Vec<Carton>) -> Self {
        cartons.retain(|carton| limits.takes(outside(carton)) && carton.weight_grams < grams_max);
        cartons.sort_by_cached_key(|carton| (room(carton.inner), carton.weight_grams, carton.name.clone()));
        Self { grams_max, limits, cartons }
    }

    /// What keeps a piece from going, if anything does.
    pub fn misfit(&self, piece: &Pieces) -> Option<Misfit> {
        if self.empty().any(|carton| self.holds(carton, piece)) {
            return None;
        }
        // Packed as it is; of what size it is must be known, because couriers ask.
        let takes = |size| self.limits.takes(size);
        match piece.size {
            _ if piece.grams > self.grams_max => Some(Misfit::TooHeavy),
            Some(size) if takes(size) => None,
            Some(_) => Some(Misfit::TooLarge),
            None if self.cartons.is_empty() => Some(Misfit::TooLarge),
            None => Some(Misfit::TooHeavy),
        }
    }

    /// The parcels that these pieces need, in the order in which they were begun. A piece that does not fit into any carton is a
    /// parcel of its own, also one that can't go at all: whoever offers the delivery looks for it before.
    pub fn pack(&self, pieces: &[Pieces]) -> Result<Vec<Parcel>, TooMany> {
        let mut kinds: Vec<&Pieces> = pieces.iter().filter(|kind| kind.count > 0).collect();
        kinds.sort_by_cached_key(|kind| std::cmp::Reverse(self.share(kind)));
        let mut parcels: Vec<Open<'_>> = Vec::new();
        let mut alone: Vec<(usize, Parcel)> = Vec::new();
        for kind in kinds {
            // A parcel that had no room for one piece has none for the next of the same kind.
            let mut first = 0;
            for _ in 0..kind.count {
                let with_room =
                    parcels.iter_mut().skip(first).position(|parcel| parcel.take(kind, self.grams_max));
                if let Some(after) = with_room {
                    first += after;
                } else {
                    first = parcels.len();
                    let holding: Vec<&Carton> =
                        self.empty().filter(|carton| self.holds(carton, kind)).collect();
                    if holding.is_empty() {
                        alone.push((parcels.len(), self.by_itself(kind)));
                    } else {
                        parcels.push(Open { grams: kind.grams, room: room_of(kind), holding });
                    }
                }
                if parcels.len() + alone.len() > PARCELS_MAX {
                    return Err(TooMany);
                }
            }
        }
        let mut packed: Vec<Parcel> = parcels.iter().filter_map(Open::closed).collect();
        for (at, parcel) in alone.into_iter().rev() {
            packed.insert(at, parcel);
        }
        Ok(packed)
    }

    fn empty(&self) -> impl Iterator<Item = &Carton> {
        self.cartons.iter()
    }

    /// Whether a carton holds one piece and nothing else: then its room need not be left.
    fn holds(&self, carton: &Carton, piece: &Pieces) -> bool {
        piece.grams + carton.weight_grams <= self.grams_max && lies_in(carton, piece)
    }

    /// What decides which piece comes first: how much of a parcel it takes, in thousandths of its weight or its room, whichever is
    /// more; then weight and room, so that the order is always the same.
    fn share(&self, piece: &Pieces) -> (i64, i64, i64, Option<[i64; 3]>) {
        let largest = self.cartons.last().map_or(1, |carton| room(carton.inner)).max(1);
        let of_weight = piece.grams.saturating_mul(1_000) / self.grams_max.max(1);
        let of_room = room_of(piece).saturating_mul(1_000) / largest;
        (of_weight.max(of_room), piece.grams, room_of(piece), piece.size.map(descending))
    }

    /// A parcel of one piece that no carton holds: as it is, or, where its size is not known, in the largest carton.
    fn by_itself(&self, piece: &Pieces) -> Parcel {
        match (piece.size, self.cartons.last()) {
            (None, Some(carton)) => closed(piece.grams, carton),
            (size, _) => Parcel { weight_grams: piece.grams, size: size.map(turned), carton: None },
        }
    }
}

impl<'a> Open<'a> {
    /// Takes a piece if a carton is left that holds it too.
    fn take(&mut self, piece: &Pieces, grams_max: i64) -> bool {
        let (grams, room_taken) = (self.grams + piece.grams, self.room + room_of(piece));
        let holds = |carton: &&&'a Carton| {
            grams + carton.weight_grams <= grams_max
                && room_taken * 100 <= room(carton.inner) * FILL_PERCENT
                && lies_in(carton, piece)
        };
        let left: Vec<&'a Carton> = self.holding.iter().filter(holds).copied().collect();
        if left.is_empty() {
            return false;
        }
        (self.grams, self.room, self.holding) = (grams, room_taken, left);
        true
    }

    /// In the smallest carton.
    fn closed(&self) -> Option<Parcel> {
        self.holding.first().map(|carton| closed(self.grams, carton))
    }
}

fn closed(grams: i64, carton: &Carton) -> Parcel {
    Parcel::in_carton(grams + carton.weight_grams, carton)
}

/// Whether a piece lies in an empty carton in some turn; one whose size nobody said does.
fn lies_in(carton: &Carton, piece: &Pieces) -> bool {
    let inner = descending(carton.inner);
    piece.size.is_none_or(|size| descending(size).iter().zip(inner).all(|(side, most)| *side <= most))
}

/// With the longest side first, as couriers write it.
fn turned(size: Size) -> Size {
    let [length_mm, width_mm, height_mm] = descending(size);
    Size { length_mm, width_mm, height_mm }
}

fn outside(carton: &Carton) -> Size {
    let Size { length_mm, width_mm, height_mm } = carton.inner;
    let [length_mm, width_mm, height_mm] = [length_mm, width_mm, height_mm].map(|side| side + WALLS_MM);
    Size { length_mm, width_mm, height_mm }
}

fn room(size: Size) -> i64 {
    size.length_mm * size.width_mm * size.height_mm
}

fn room_of(piece: &Pieces) -> i64 {
    piece.size.map_or(piece.grams.saturating_mul(ROOM_OF_A_GRAM), room)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size([length_mm, width_mm, height_mm]: [i64; 3]) -> Size {
        Size { length_mm, width_mm, height_mm }
    }

    fn pieces(count: i64, grams: i64, sides: Option<[i64; 3]>) -> Pieces {
        Pieces { count, grams, size: sides.map(size) }
    }

    fn carton(name: &str, inner: [i64; 3], weight_grams: i64) -> Carton {
        Carton { name: name.to_owned(), inner: size(inner), weight_grams }
    }

    /// The sides of a parcel of DHL's.
    const SIDES: SizeLimits =
        SizeLimits { sides_mm: Some([1_200, 600, 600]), length_and_girth_mm: None, litres: None };

    fn usual() -> Packing {
        Packing::within(31_500, SIDES, Carton::usual())
    }

    /// A carton for all.
    fn one(grams_max: i64) -> Packing {
        Packing::within(grams_max, SIDES, vec![carton("one", [580, 380, 380], 400)])
    }

    fn weights(packing: &Packing, all: &[i64]) -> Vec<i64> {
        let all: Vec<Pieces> = all.iter().map(|grams| pieces(1, *grams, None)).collect();
        packing.pack(&all).expect("few").into_iter().map(|parcel| parcel.weight_grams).collect()
    }

    #[test]
    fn small_pieces_fill_what_large_ones_leave() {
        assert_eq!(weights(&one(10_400), &[4_000, 9_000, 5_000, 600]), [10_000, 9_400]);
        assert_eq!(weights(&one(10_400), &[]), [0_i64; 0]);
        assert_eq!(weights(&one(10_400), &[20_000]), [20_400]);
    }

    #[test]
    fn what_is_light_and_large_is_packed_by_its_size_in_the_smallest_carton_that_holds_it() {
        // Twelve kitchen rolls of 24 litres each: two to a large carton.
        let rolls = pieces(12, 1_000, Some([400, 300, 200]));
        let parcels = usual().pack(&[rolls]).expect("few");
        assert_eq!(parcels.len(), 6);
        assert!(parcels.iter().all(|parcel| parcel.weight_grams == 2_900));
        assert_eq!(parcels[0].size, Some(size([590, 390, 390])));
        // A bottle fits the smallest in one turn only; a longer one does not.
        let carton_of = |sides| usual().pack(&[pieces(1, 500, Some(sides))]).expect("few").remove(0).carton;
        assert_eq!(carton_of([80, 80, 290]).as_deref(), Some("S"));
        assert_eq!(carton_of([80, 80, 291]).as_deref(), Some("M"));
        // The smallest that holds all of a mixed parcel.
        let mixed = [pieces(1, 500, Some([80, 80, 290])), pieces(4, 1_000, Some([190, 95, 62]))];
        let parcels = usual().pack(&mixed).expect("few");
        let seen: Vec<_> = parcels.iter().map(|one| (one.carton.as_deref(), one.weight_grams)).collect();
        assert_eq!(seen, [(Some("M"), 4_900)]);
    }

    #[test]
    fn a_piece_that_no_carton_holds_goes_by_itself_and_one_too_large_not_at_all() {
        let broom = pieces(1, 900, Some([50, 1_150, 300]));
        let bread = pieces(1, 500, None);
        assert_eq!(usual().misfit(&broom), None);
        let parcels = usual().pack(&[bread, broom]).expect("few");
        let alone = Parcel { weight_grams: 900, size: Some(size([1_150, 300, 50])), carton: None };
        assert!(parcels.contains(&alone) && parcels.len() == 2, "{parcels:?}");
        assert_eq!(usual().misfit(&pieces(1, 900, Some([1_201, 10, 10]))), Some(Misfit::TooLarge));
        assert_eq!(usual().misfit(&pieces(1, 31_501, Some([10, 10, 10]))), Some(Misfit::TooHeavy));
        // In a carton it would be too heavy; as it is it may go, if its size is known.
        assert_eq!(usual().misfit(&pieces(1, 31_400, Some([300, 300, 300]))), None);
        assert_eq!(usual().misfit(&pieces(1, 31_400, None)), Some(Misfit::TooHeavy));
        let no_cartons = Packing::within(31_500, SIDES, Vec::new());
        assert_eq!(no_cartons.misfit(&bread), Some(Misfit::TooLarge));
    }

    #[test]
    fn a_carton_that_the_courier_does_not_take_is_not_used() {
        let cartons = vec![carton("tube", [1_195, 100, 100], 300), carton("box", [300, 300, 300], 300)];
        let packing = Packing::within(31_500, SIDES, cartons);
        let parcel = packing.pack(&[pieces(1, 100, None)]).expect("few").remove(0);
        assert_eq!(parcel.carton.as_deref(), Some("box"));
    }

    #[test]
    fn more_parcels_than_a_shipment_may_have_are_none() {
        assert_eq!(usual().pack(&[pieces(101, 30_000, None)]), Err(TooMany));
        assert_eq!(usual().pack(&[pieces(i64::MAX, 1, Some([580, 380, 380]))]), Err(TooMany));
        assert_eq!(usual().pack(&[pieces(100, 30_000, None)]).map(|parcels| parcels.len()), Ok(100));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_no_parcel_is_too_heavy(
            weights in prop::collection::vec(1_i64..=10_000, 0..60), most in 10_400_i64..=31_500
        ) {
            let parcels = self::weights(&one(most), &weights);
            prop_assert!(parcels.iter().all(|parcel| (1..=most).contains(parcel)));
            let mut goods: Vec<i64> = parcels.iter().map(|parcel| parcel - 400).collect();
            prop_assert_eq!(goods.iter().sum::<i64>(), weights.iter().sum::<i64>());
            // Two parcels that would fit into one are never left.
            goods.sort_unstable();
            if let [first, second, ..] = goods.as_slice() {
                prop_assert!(first + second > most - 400);
            }
        }

        #[test]
        fn every_parcel_is_within_weight_and_size_and_holds_what_it_is_said_to(
            kinds in prop::collection::vec(
                (1_i64..4, 1_i64..=12_000, prop::option::of([1_i64..=700, 1_i64..=400, 1_i64..=400])), 0..12
            ),
            turn in any::<prop::sample::Index>(),
        ) {
            let kinds: Vec<Pieces> =
                kinds.into_iter().map(|(count, grams, sides)| pieces(count, grams, sides)).collect();
            let packing = usual();
            prop_assume!(kinds.iter().all(|kind| packing.misfit(kind).is_none()));
            let parcels = packing.pack(&kinds).expect("few");
            let cartons = Carton::usual();
            let of = |parcel: &Parcel| cartons.iter().find(|one| Some(&one.name) == parcel.carton.as_ref());
            let empty: i64 = parcels.iter().filter_map(of).map(|carton| carton.weight_grams).sum();
            let goods: i64 = parcels.iter().map(|parcel| parcel.weight_grams).sum::<i64>() - empty;
            prop_assert_eq!(goods, kinds.iter().map(|kind| kind.count * kind.grams).sum::<i64>());
            for parcel in &parcels {
                prop_assert!((1..=31_500).contains(&parcel.weight_grams));
                prop_assert!(parcel.size.is_some_and(|size| SIDES.takes(size)));
            }
            // All rooms together hold all pieces that are not alone.
            let alone = parcels.iter().filter(|parcel| parcel.carton.is_none());
            let boxed = kinds.iter().map(|kind| kind.count * room_of(kind)).sum::<i64>()
                - alone.filter_map(|parcel| parcel.size).map(room).sum::<i64>();
            let offered: i64 = parcels.iter().filter_map(of).map(|carton| room(carton.inner)).sum();
            let unsized_pieces = kinds.iter().any(|kind| kind.size.is_none());
            prop_assert!(unsized_pieces || boxed <= offered);
            // In whatever order the pieces come, the parcels are the same.
            let mut turned = kinds.clone();
            if !turned.is_empty() {
                let by = turn.index(turned.len());
                turned.rotate_left(by);
            }
            prop_assert_eq!(packing.pack(&turned), Ok(parcels));
        }
    }
}
