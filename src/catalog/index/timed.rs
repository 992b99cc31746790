//! Prices that hold for a time: which one holds now, and the lowest price before a reduction.

use super::super::rows::PriceKind;

/// The time before a reduction whose lowest price is shown beside it (directive 98/6/EC, article 6a), in seconds.
pub(in crate::catalog) const LOOK_BACK_SECONDS: i64 = 30 * 24 * 60 * 60;

/// A price of one product on one list, from a second on and until another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::catalog) struct Timed {
    pub(in crate::catalog) kind: PriceKind,
    /// Seconds since 1970: the first of the price.
    pub(in crate::catalog) from: i64,
    /// The first second after it.
    pub(in crate::catalog) to: i64,
    pub(in crate::catalog) amount: i64,
    /// The retailer's own name of the promotion.
    pub(in crate::catalog) name: Option<Box<str>>,
    /// The lowest price of the 30 days before it began.
    pub(in crate::catalog) lowest: Option<i64>,
}

impl Timed {
    fn holds(&self, now: i64) -> bool {
        self.from <= now && now < self.to
    }
}

/// What one list asks for one product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct Asked<'a> {
    pub(in crate::catalog) regular: Option<i64>,
    pub(in crate::catalog) promotion: Option<&'a Timed>,
    pub(in crate::catalog) member: Option<&'a Timed>,
}

impl<'a> Asked<'a> {
    /// What holds now, given the open price. Of several at once the youngest regular price holds, and the lowest promotion
    /// and member price.
    pub(super) fn now(open: Option<i64>, timed: &'a [Timed], now: i64) -> Self {
        let of = |kind| timed.iter().filter(move |each| each.kind == kind && each.holds(now));
        Self {
            regular: of(PriceKind::Regular).max_by_key(|each| each.from).map(|each| each.amount).or(open),
            promotion: of(PriceKind::Promotion).min_by_key(|each| each.amount),
            member: of(PriceKind::Member).min_by_key(|each| each.amount),
        }
    }

    /// Each kind from the first list that has it.
    pub(super) fn or(self, next: Self) -> Self {
        Self {
            regular: self.regular.or(next.regular),
            promotion: self.promotion.or(next.promotion),
            member: self.member.or(next.member),
        }
    }

    /// What everybody pays.
    pub(in crate::catalog) fn to_pay(self) -> Option<i64> {
        match (self.regular, self.promotion) {
            (Some(regular), Some(promotion)) => Some(regular.min(promotion.amount)),
            (regular, promotion) => regular.or(promotion.map(|promotion| promotion.amount)),
        }
    }

    /// The promotion, when it makes the price lower.
    pub(in crate::catalog) fn reduction(self) -> Option<&'a Timed> {
        self.promotion.filter(|promotion| self.regular.is_none_or(|regular| promotion.amount < regular))
    }
}

/// The lowest price that everybody was asked in the 30 days before a second: of the open price, which was another one until
/// each of `replaced`, and of the prices with times, those that were taken back among them. An amount of zero is no price.
pub(in crate::catalog) fn lowest_before(
    from: i64,
    open: Option<i64>,
    replaced: &[(i64, i64)],
    timed: &[Timed],
) -> Option<i64> {
    let since = from - LOOK_BACK_SECONDS;
    let mut began = i64::MIN;
    let mut lowest: Option<i64> = None;
    let mut take = |amount: i64| lowest = Some(lowest.map_or(amount, |lowest| lowest.min(amount)));
    let mut replaced = replaced.to_vec();
    replaced.sort_unstable();
    for (ended, amount) in replaced {
        if began < from && ended > since && amount > 0 {
            take(amount);
        }
        began = ended;
    }
    if began < from {
        open.into_iter().for_each(&mut take);
    }
    let public = timed.iter().filter(|each| each.kind != PriceKind::Member);
    public.filter(|each| each.from < from && each.to > since).for_each(|each| take(each.amount));
    lowest
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    fn timed(kind: PriceKind, from: i64, to: i64, amount: i64) -> Timed {
        Timed { kind, from, to, amount, name: None, lowest: None }
    }

    #[test]
    fn a_price_holds_from_its_first_second_until_the_second_of_its_end() {
        let prices = [timed(PriceKind::Promotion, 10, 20, 79), timed(PriceKind::Regular, 15, i64::MAX, 109)];
        let at = |now| {
            let asked = Asked::now(Some(99), &prices, now);
            (asked.regular, asked.to_pay())
        };
        assert_eq!(at(9), (Some(99), Some(99)));
        assert_eq!(at(10), (Some(99), Some(79)));
        assert_eq!(at(15), (Some(109), Some(79)));
        assert_eq!(at(19), (Some(109), Some(79)));
        assert_eq!(at(20), (Some(109), Some(109)));
    }

    #[test]
    fn a_promotion_above_the_regular_price_reduces_nothing() {
        let prices = [timed(PriceKind::Promotion, 0, 20, 120)];
        let asked = Asked::now(Some(99), &prices, 5);
        assert_eq!((asked.to_pay(), asked.reduction()), (Some(99), None));
    }

    #[test]
    fn the_lowest_price_is_that_of_the_thirty_days_before_the_reduction() {
        let from = 100 * DAY;
        // Until day 60 it was 50, until day 80 it was 90, since then it is 100, and from day 101 on 10.
        let replaced = [(60 * DAY, 50), (80 * DAY, 90), (101 * DAY, 100)];
        assert_eq!(lowest_before(from, Some(10), &replaced, &[]), Some(90));
        let earlier = [timed(PriceKind::Promotion, 85 * DAY, 86 * DAY, 80)];
        assert_eq!(lowest_before(from, Some(10), &replaced, &earlier), Some(80));
        let members = [timed(PriceKind::Member, 85 * DAY, 86 * DAY, 70)];
        assert_eq!(lowest_before(from, Some(100), &[], &members), Some(100));
        assert_eq!(lowest_before(from, None, &[], &[]), None);
        // From day 80 to day 90 there was no price.
        let gap = [(80 * DAY, 120), (90 * DAY, 0)];
        assert_eq!(lowest_before(from, Some(100), &gap, &[]), Some(100));
        assert_eq!(lowest_before(85 * DAY, Some(100), &gap, &[]), Some(120), "not what came after it");
    }
}
