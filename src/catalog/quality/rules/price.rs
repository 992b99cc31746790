//! Rules of prices. Amounts are minor units throughout.

use chrono::Duration;

use super::super::super::rows::{PriceKind, PriceRow};
use super::super::model::{Finding, Level, Rule};
use crate::clock::Moment;

/// A price that changes by more than this share of itself is kept aside, in percent.
const JUMP_PERCENT: i64 = 50;
/// A change of so little is none to stop at: a bag for 10 that costs 25.
const JUMP_MINOR_MIN: i64 = 20;
/// How many times a promotion's or a member's price goes into the normal one before it looks like a mistake.
const SPECIAL_TIMES: i64 = 10;
/// How many times the median of the other lists a price may be, and the other way round.
const RANGE_TIMES: i64 = 10;
/// Other lists that make a median worth something.
const MEDIAN_OF_MIN: usize = 3;
/// A price that begins later than in so many days is more likely a mistake.
const AHEAD_DAYS_MAX: i64 = 180;

/// What is known about a row of a price.
#[derive(Clone, Debug, Default)]
pub(in crate::catalog::quality) struct Asked {
    /// The open price of the list.
    pub(in crate::catalog::quality) live: Option<i64>,
    /// What other lists of the currency ask.
    pub(in crate::catalog::quality) others: Vec<i64>,
    /// When other normal prices of the list begin and end, in seconds.
    pub(in crate::catalog::quality) windows: Vec<(i64, i64)>,
    /// Whether the product is not sold for now.
    pub(in crate::catalog::quality) is_stopped: bool,
}

/// All findings of a price.
pub(in crate::catalog::quality) fn price(row: &PriceRow, known: &Asked, now: Moment) -> Vec<Finding> {
    let findings = [
        jump(row, known),
        range(row, known),
        overlap(row, known),
        below(row, known),
        lowest(row, known),
        future(row, now),
        past(row, now),
        contradiction(row, known),
    ];
    findings.into_iter().flatten().collect()
}

/// A normal price, of now or ahead, is held against the open one; a special one may be far below it, within reason.
fn jump(row: &PriceRow, known: &Asked) -> Option<Finding> {
    let live = known.live?;
    if row.price_kind != PriceKind::Regular {
        let detail = format!("the normal price is {live}: it falls below a tenth of it");
        let is_far = row.amount * SPECIAL_TIMES < live;
        return is_far.then(|| Finding::new(Rule::PriceJump, row.amount, detail));
    }
    let change = (row.amount - live).abs();
    if change <= JUMP_MINOR_MIN || change * 100 <= live * JUMP_PERCENT {
        return None;
    }
    let shifted = [10, 100, 1_000].iter().any(|by| row.amount == live * by || live == row.amount * by);
    let detail = if shifted {
        format!("the price was {live}: its decimals look shifted")
    } else {
        format!("the price was {live}: it changes by more than {JUMP_PERCENT} %")
    };
    let level = if row.promotion.is_some() { Level::Warn } else { Level::Quarantine };
    Some(Finding::new(Rule::PriceJump, row.amount, detail).at(level))
}

fn range(row: &PriceRow, known: &Asked) -> Option<Finding> {
    // A price that replaces another one of its list is held against that one.
    if known.live.is_some() || !row.is_open() || known.others.len() < MEDIAN_OF_MIN {
        return None;
    }
    let mut others = known.others.clone();
    others.sort_unstable();
    let median = others.get(others.len() / 2).copied()?;
    let is_far = row.amount > median * RANGE_TIMES || row.amount * RANGE_TIMES < median;
    let detail = format!("other lists ask {median}");
    is_far.then(|| Finding::new(Rule::PriceRange, row.amount, detail))
}

fn overlap(row: &PriceRow, known: &Asked) -> Option<Finding> {
    let (from, to) = (row.valid_from?.timestamp(), row.valid_to?.timestamp());
    let is_normal = row.price_kind == PriceKind::Regular;
    let meets = known.windows.iter().any(|(begins, ends)| *begins != from && *begins < to && from < *ends);
    let detail = "another normal price of the list holds in a part of this time";
    (is_normal && meets).then(|| Finding::new(Rule::PriceWindow, from, detail))
}

fn below(row: &PriceRow, known: &Asked) -> Option<Finding> {
    let live = known.live.filter(|live| row.price_kind != PriceKind::Regular && row.amount > *live)?;
    let detail = format!("everybody pays {live} without it");
    Some(Finding::new(Rule::PromotionBelow, row.amount, detail))
}

fn lowest(row: &PriceRow, known: &Asked) -> Option<Finding> {
    let is_reduction = row.price_kind == PriceKind::Promotion && known.live.is_none();
    let detail = "there is no normal price, so no lowest price of 30 days can be shown";
    is_reduction.then(|| Finding::new(Rule::PriceLowest, row.amount, detail))
}

fn future(row: &PriceRow, now: Moment) -> Option<Finding> {
    let from = row.valid_from.filter(|from| *from > now + Duration::days(AHEAD_DAYS_MAX))?;
    Some(Finding::new(Rule::TimeFuture, from, format!("begins in more than {AHEAD_DAYS_MAX} days")))
}

fn past(row: &PriceRow, now: Moment) -> Option<Finding> {
    let to = row.valid_to.filter(|to| *to < now)?;
    Some(Finding::new(Rule::TimePast, to, "has ended already"))
}

fn contradiction(row: &PriceRow, known: &Asked) -> Option<Finding> {
    let detail = "the product is not sold for now, and gets a price";
    known.is_stopped.then(|| Finding::new(Rule::SaleContradiction, row.amount, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn now() -> Moment {
        "2026-11-23T09:00:00Z".parse().expect("a moment")
    }

    fn open(amount: i64) -> PriceRow {
        PriceRow {
            price_list: "de".parse().expect("a list"),
            sku: "milk".parse().expect("a SKU"),
            amount,
            currency: Currency::EUR,
            price_kind: PriceKind::Regular,
            valid_from: None,
            valid_to: None,
            promotion: None,
            deleted: false,
        }
    }

    fn timed(kind: PriceKind, amount: i64, from_days: i64, to_days: i64) -> PriceRow {
        let at = |days| Some(now() + Duration::days(days));
        PriceRow { price_kind: kind, valid_from: at(from_days), valid_to: at(to_days), ..open(amount) }
    }

    fn found(row: &PriceRow, known: &Asked) -> Vec<(&'static str, Level)> {
        price(row, known, now()).iter().map(|finding| (finding.rule.as_str(), finding.level)).collect()
    }

    #[test]
    fn one_price_broken_in_each_way_gives_exactly_its_rule() {
        let live = Asked { live: Some(129), ..Asked::default() };
        assert_eq!(found(&open(129), &live), []);
        assert_eq!(found(&open(193), &live), []);
        assert_eq!(found(&open(194), &live), [("price.jump", Level::Quarantine)]);
        assert_eq!(found(&open(12_900), &live), [("price.jump", Level::Quarantine)]);
        assert_eq!(found(&open(13), &live), [("price.jump", Level::Quarantine)]);
        let announced = PriceRow { promotion: Some("Week 48".to_owned()), ..open(49) };
        assert_eq!(found(&announced, &live), [("price.jump", Level::Warn)]);
        let ahead = timed(PriceKind::Regular, 12_900, 1, 9);
        assert_eq!(found(&ahead, &live), [("price.jump", Level::Quarantine)]);
        assert_eq!(found(&timed(PriceKind::Regular, 139, 1, 9), &live), []);
        for kind in [PriceKind::Promotion, PriceKind::Member] {
            assert_eq!(found(&timed(kind, 12, 1, 9), &live), [("price.jump", Level::Quarantine)]);
            assert_eq!(found(&timed(kind, 13, 1, 9), &live), []);
        }
        let bag = Asked { live: Some(10), ..Asked::default() };
        assert_eq!(found(&open(25), &bag), []);
        let others = |others: &[i64]| Asked { others: others.to_vec(), ..Asked::default() };
        assert_eq!(found(&open(1_291), &others(&[119, 129, 139])), [("price.range", Level::Quarantine)]);
        assert_eq!(found(&open(12), &others(&[119, 129, 139])), [("price.range", Level::Quarantine)]);
        assert_eq!(found(&open(1_290), &others(&[119, 129, 139])), []);
        assert_eq!(found(&open(99_999), &others(&[119, 129])), []);
        let stopped = Asked { is_stopped: true, ..live.clone() };
        assert_eq!(found(&open(130), &stopped), [("sale.contradiction", Level::Warn)]);
        let dear = timed(PriceKind::Promotion, 130, 0, 7);
        assert_eq!(found(&dear, &live), [("promo.below", Level::Warn)]);
        let alone = timed(PriceKind::Promotion, 99, 0, 7);
        assert_eq!(found(&alone, &Asked::default()), [("price.lowest30", Level::Warn)]);
        assert_eq!(found(&timed(PriceKind::Member, 99, 181, 190), &live), [("time.future", Level::Warn)]);
        assert_eq!(found(&timed(PriceKind::Member, 99, -9, -1), &live), [("time.past", Level::Warn)]);
        let at = |days| (now() + Duration::days(days)).timestamp();
        let windows = Asked { windows: vec![(at(5), at(9))], ..live };
        let normal = |from, to| timed(PriceKind::Regular, 135, from, to);
        assert_eq!(found(&normal(1, 6), &windows), [("price.window", Level::Quarantine)]);
        assert_eq!(found(&normal(1, 5), &windows), []);
        assert_eq!(found(&normal(5, 8), &windows), [], "the same price again");
    }
}
