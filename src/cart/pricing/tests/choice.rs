//! The choice between promotions against every way there is: one that looks at several pieces beside some on single pieces.

use proptest::prelude::*;

use super::{basket, on, pieces, prepared, priced, promotion, rate, sku};
use crate::catalog::{Combination, Goods, PromotionRow, Terms, Tier, TierReward};
use crate::ids::Sku;

/// Goods, each one piece; those before the last may get something by themselves.
const NAMES: [&str; 5] = ["A", "B", "C", "D", "E"];

#[derive(Clone, Debug)]
struct Case {
    prices: Vec<i64>,
    /// Percents off single pieces, and which.
    singles: Vec<(&'static str, u8)>,
    terms: Joint,
    on: u8,
    stacks: bool,
}

#[derive(Clone, Debug)]
enum Joint {
    TakePay(i64),
    TakeFor(i64, i64),
    /// So many percent off each of so many pieces or more.
    Tier(i64, &'static str),
}

fn case() -> impl Strategy<Value = Case> {
    let price = prop::sample::select(vec![100_i64, 199, 250, 399, 400, 750, 1_000, 1_999]);
    let percent = || prop::sample::select(vec!["5", "10", "30", "50", "90"]);
    let joint = prop_oneof![
        (2_i64..4).prop_map(Joint::TakePay),
        (2_i64..4, prop::sample::select(vec![150_i64, 500, 900]))
            .prop_map(|(take, amount)| Joint::TakeFor(take, amount)),
        (2_i64..4, percent()).prop_map(|(from, percent)| Joint::Tier(from, percent)),
    ];
    let singles = prop::collection::vec((percent(), 0_u8..16), 0..3);
    (prop::collection::vec(price, 1..=5), singles, joint, 1_u8..32, any::<bool>())
        .prop_map(|(prices, singles, terms, on, stacks)| Case { prices, singles, terms, on, stacks })
}

fn off(price: i64, percent: &str) -> i64 {
    (price * rate(percent).thousandths() * 2 + 100_000) / 200_000
}

fn goods(mask: u8) -> Goods {
    let named: Vec<&str> = (0..5).filter(|at| mask >> at & 1 == 1).map(|at| NAMES[at]).collect();
    on(&named)
}

impl Case {
    fn rows(&self) -> Vec<PromotionRow> {
        let terms = match &self.terms {
            Joint::TakePay(take) => Terms::TakePay { take: *take, pay: take - 1 },
            Joint::TakeFor(take, amount) => Terms::TakeFor { take: *take, amount: *amount },
            Joint::Tier(from, percent) => {
                let reward = TierReward::PercentOff { percent: rate(percent) };
                let tier = Tier { from_pieces: Some(*from), from_amount: None, from_measure: None, reward };
                Terms::Tiers { tiers: vec![tier] }
            }
        };
        let combination = if self.stacks { Combination::Stackable } else { Combination::Exclusive };
        let joint = PromotionRow { goods: goods(self.on), combination, ..promotion("T", terms) };
        let single = |(number, (percent, mask)): (usize, &(&str, u8))| {
            let terms = Terms::PercentOff { percent: rate(percent) };
            PromotionRow { goods: goods(*mask), ..promotion(&format!("S{number}"), terms) }
        };
        let some = self.singles.iter().filter(|(_, mask)| *mask > 0);
        some.enumerate().map(single).chain([joint]).collect()
    }

    /// What a piece gets by itself.
    fn alone(&self, at: usize) -> i64 {
        let own = self.singles.iter().filter(|(_, mask)| mask >> at & 1 == 1);
        own.map(|(percent, _)| off(self.prices[at], percent)).max().unwrap_or(0)
    }

    /// What the joint promotion takes off exactly these pieces; nothing when it can't take them all.
    fn together(&self, chosen: &[usize]) -> Option<i64> {
        let mut prices: Vec<i64> = chosen.iter().map(|at| self.prices[*at]).collect();
        prices.sort_unstable_by(|a, b| b.cmp(a));
        let whole = |take: i64| usize::try_from(take).ok().filter(|take| prices.len().is_multiple_of(*take));
        match &self.terms {
            _ if prices.is_empty() => Some(0),
            Joint::TakePay(take) => Some(prices.chunks(whole(*take)?).map(|set| set[set.len() - 1]).sum()),
            Joint::TakeFor(take, amount) => {
                Some(prices.chunks(whole(*take)?).map(|set| set.iter().sum::<i64>() - amount).sum())
            }
            Joint::Tier(from, percent) => {
                let is_reached = i64::try_from(prices.len()).is_ok_and(|pieces| pieces >= *from);
                is_reached.then(|| prices.iter().map(|price| off(*price, percent)).sum())
            }
        }
    }

    /// The best of all ways.
    fn best(&self) -> i64 {
        let all = 0..self.prices.len();
        let ways = (0_u8..1 << self.prices.len()).filter(|way| way & !self.on == 0);
        let off = |way: u8| {
            let (chosen, left): (Vec<usize>, Vec<usize>) = all.clone().partition(|at| way >> at & 1 == 1);
            Some(self.together(&chosen)? + left.into_iter().map(|at| self.alone(at)).sum::<i64>())
        };
        ways.filter_map(off).max().unwrap_or(0)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn one_promotion_on_several_pieces_beside_single_ones_is_solved_exactly(case in case()) {
        let skus: Vec<Sku> = NAMES.iter().map(|name| sku(name)).collect();
        let items = case.prices.iter().zip(&skus).zip(1..).map(|((price, sku), line)| pieces(line, sku, 1, *price));
        let found = priced(&basket(items.collect()), &prepared(&case.rows()));
        prop_assert_eq!(found.saved.minor(), case.best(), "{:?}", found.discounts);
    }
}
