//! What paid for an order, and what each of it gets when some of it is given back. Pure.
//!
//! The rule: what is given back is shared as it was paid, by the account, by vouchers and by points, each in proportion to what
//! is left of it. Points are whole and vouchers' shares are cut off, the account gets the rest; less than a point waits for
//! the next time. Whoever gives everything back gives back each share as a whole, however many parts went before.

/// So much from each that pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// Minor units from the account.
    pub account: i64,
    /// Minor units from vouchers.
    pub vouchers: i64,
    /// Points.
    pub points: i64,
}

impl Shares {
    /// What is left of these shares without those; never below nothing.
    pub fn without(self, other: Self) -> Self {
        Self {
            account: (self.account - other.account).max(0),
            vouchers: (self.vouchers - other.vouchers).max(0),
            points: (self.points - other.points).max(0),
        }
    }
}

/// What paid, and what a point was worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// From each.
    pub shares: Shares,
    /// Minor units that a point paid; none where points paid nothing.
    pub worth: i64,
}

impl Paid {
    /// What is left when so much went back.
    pub fn without(self, given: Shares) -> Self {
        Self { shares: self.shares.without(given), ..self }
    }

    /// All of it in minor units.
    pub fn value(self) -> i64 {
        let Shares { account, vouchers, points } = self.shares;
        account.saturating_add(vouchers).saturating_add(points.saturating_mul(self.worth))
    }

    /// What goes back for goods that cost so much.
    pub fn part(self, value: i64) -> Shares {
        let (all, whole) = (self.shares, self.value());
        if value >= whole {
            return all;
        }
        let vouchers = cut(all.vouchers, value, whole);
        let points = cut(all.points, value, whole);
        let rest = value - vouchers - points * self.worth;
        // What the account does not cover any more, vouchers do as far as they go.
        let account = rest.clamp(0, all.account);
        let vouchers = (vouchers + rest - account).clamp(0, all.vouchers);
        Shares { account, vouchers, points }
    }

    /// What vouchers and points pay of the first so many minor units: vouchers first, as everywhere.
    pub fn first(self, amount: i64) -> Self {
        let vouchers = self.shares.vouchers.min(amount).max(0);
        let by_points = (amount - vouchers).max(0).checked_div(self.worth).unwrap_or(0);
        let points = self.shares.points.min(by_points);
        Self { shares: Shares { account: 0, vouchers, points }, ..self }
    }

    /// What comes back of vouchers and points that paid so much too much: points first, which pay last, and whole ones, so
    /// that the last of them may be worth more than what is left; then vouchers.
    pub fn excess(self, amount: i64) -> Shares {
        let for_points = match self.worth {
            worth if worth > 0 => amount / worth + i64::from(amount % worth > 0),
            _ => 0,
        };
        let points = for_points.clamp(0, self.shares.points);
        let vouchers = (amount - points * self.worth).clamp(0, self.shares.vouchers);
        Shares { account: 0, vouchers, points }
    }
}

/// In proportion, cut off.
fn cut(amount: i64, part: i64, whole: i64) -> i64 {
    let share = i128::from(amount) * i128::from(part.max(0)) / i128::from(whole.max(1));
    i64::try_from(share).unwrap_or(amount).min(amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paid(account: i64, vouchers: i64, points: i64, worth: i64) -> Paid {
        Paid { shares: Shares { account, vouchers, points }, worth }
    }

    fn shares(account: i64, vouchers: i64, points: i64) -> Shares {
        Shares { account, vouchers, points }
    }

    #[test]
    fn what_is_given_back_is_shared_as_it_was_paid() {
        assert_eq!(paid(1000, 0, 0, 0).part(333), shares(333, 0, 0));
        assert_eq!(paid(500, 0, 500, 1).part(400), shares(200, 0, 200));
        // 3.33 of 10.00: vouchers 0.83 of 2.50, 83 points of 250, and the account the rest.
        assert_eq!(paid(500, 250, 250, 1).part(333), shares(167, 83, 83));
        assert_eq!(paid(0, 0, 30, 10).part(25), shares(0, 0, 2), "less than a point waits");
        assert_eq!(paid(500, 250, 250, 1).part(1000), shares(500, 250, 250));
    }

    #[test]
    fn points_that_paid_too_much_come_back_first_and_whole() {
        assert_eq!(paid(0, 300, 100, 1).excess(40), shares(0, 0, 40));
        assert_eq!(paid(0, 300, 100, 1).excess(140), shares(0, 40, 100));
        assert_eq!(paid(0, 0, 10, 10).excess(25), shares(0, 0, 3));
        assert_eq!(paid(0, 300, 0, 0).excess(120), shares(0, 120, 0));
        assert_eq!(paid(0, 300, 100, 1).excess(0), shares(0, 0, 0));
    }

    #[test]
    fn vouchers_pay_before_points() {
        assert_eq!(paid(0, 300, 100, 2).first(401).shares, shares(0, 300, 50));
        assert_eq!(paid(0, 300, 100, 2).first(120).shares, shares(0, 120, 0));
        assert_eq!(paid(0, 300, 100, 2).first(9_000).shares, shares(0, 300, 100));
    }

    proptest! {
        #[test]
        fn parts_come_to_the_whole_whatever_their_sizes(
            account in 0_i64..5_000, vouchers in 0_i64..3_000, points in 0_i64..2_000, worth in 0_i64..12,
            values in prop::collection::vec(1_i64..3_000, 0..12),
        ) {
            let all = paid(account, vouchers, if worth > 0 { points } else { 0 }, worth);
            let mut left = all;
            for value in values {
                if value > left.value() {
                    continue;
                }
                let part = left.part(value);
                let told = paid(part.account, part.vouchers, part.points, worth).value();
                prop_assert!(told <= value && value - told <= worth, "{part:?} for {value} of {left:?}");
                prop_assert!(part.account >= 0 && part.vouchers >= 0 && part.points >= 0);
                let next = left.without(part);
                prop_assert_eq!(next.value(), left.value() - told, "no share is below nothing");
                left = next;
            }
            prop_assert_eq!(left.part(left.value()), left.shares);
        }
    }
}
