//! How large a parcel may be.

use crate::catalog::Size;

/// The largest parcel that a courier takes. What it does not limit is nothing here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// The sides, longest first: in some turn the parcel has to fit into them.
    pub sides_mm: Option<[i64; 3]>,
    /// The longest side and the girth around the other two.
    pub length_and_girth_mm: Option<i64>,
    /// What goes into the vehicle.
    pub litres: Option<i64>,
}

impl SizeLimits {
    /// A courier that takes any size.
    pub const NONE: Self = Self { sides_mm: None, length_and_girth_mm: None, litres: None };

    /// Whether a parcel of these outer measures may go.
    pub fn takes(&self, size: Size) -> bool {
        let [length, width, height] = descending(size);
        let most = self.sides_mm.unwrap_or([i64::MAX; 3]);
        [length, width, height].iter().zip(most).all(|(side, most)| *side <= most)
            && self.length_and_girth_mm.is_none_or(|most| length + 2 * (width + height) <= most)
            && self.litres.is_none_or(|most| length * width * height <= most * 1_000_000)
    }
}

/// The sides, longest first.
pub fn descending(size: Size) -> [i64; 3] {
    let mut sides = [size.length_mm, size.width_mm, size.height_mm];
    sides.sort_unstable_by(|a, b| b.cmp(a));
    sides
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parcel_may_be_turned_and_every_limit_counts() {
        let size = |length_mm, width_mm, height_mm| Size { length_mm, width_mm, height_mm };
        let sides = SizeLimits { sides_mm: Some([1_200, 600, 600]), ..SizeLimits::NONE };
        assert!(sides.takes(size(600, 1_200, 600)) && !sides.takes(size(601, 1_200, 600)));
        let girth = SizeLimits { length_and_girth_mm: Some(3_300), ..SizeLimits::NONE };
        assert!(girth.takes(size(1_000, 650, 500)) && !girth.takes(size(1_000, 651, 500)));
        let vehicle = SizeLimits { litres: Some(60), ..SizeLimits::NONE };
        assert!(vehicle.takes(size(500, 400, 300)) && !vehicle.takes(size(500, 400, 301)));
        assert!(SizeLimits::NONE.takes(size(10_000, 10_000, 10_000)));
    }
}
