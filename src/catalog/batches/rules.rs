//! The rules for whole batches: pure, over facts that were measured inside the batch's transaction.
//!
//! A batch that breaks one may be right all the same, which only a person can say: it is held, not refused. The rules
//! b.truncated, b.order and b.duplicate, which no person can say more about, refuse at once and stand in `apply.rs` and
//! `mod.rs`. Into an empty catalogue everything may come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::quality::Rule;
use super::super::rows::Kind;
use crate::env::Env;
use crate::text_enum;

text_enum! {
    /// A rule for whole batches.
    pub enum BatchRule {
        /// Too much would be gone.
        Shrink = "b.shrink",
        /// Too many prices would change at once, or by too much.
        Change = "b.change",
        /// Too many rows are quarantined.
        BadShare = "b.badshare",
        /// The headings of a table are others than before.
        Header = "b.header",
        /// A row is not in the currency of its store or price list.
        Currency = "price.currency",
        /// Too many codes have something else than digits, or lost some to a spreadsheet.
        Charset = "code.charset",
        /// Too many names were wrongly decoded.
        Encoding = "name.encoding",
    }
}

/// A rule that held a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BatchHold {
    /// Which.
    pub rule: BatchRule,
    /// What it saw, for people.
    pub detail: String,
}

/// What a batch may do without being held.
///
/// `AISLE_HOLD_SHRINK_PERCENT` (default 90): a full delivery must leave this share of what was live; batches of single
/// deletions likewise. `AISLE_HOLD_CHANGE_PERCENT` (20): this share of the prices of the lists may change.
/// `AISLE_HOLD_MEDIAN_PERCENT` (10): by so much may the middle one of the changed prices go up or down.
/// `AISLE_HOLD_BAD_PERCENT` (5): this share of the rows may be quarantined. `AISLE_HOLD_ROWS_MIN` (10): so few changed
/// prices or single deletions are nothing to hold, nor are twice as many quarantined rows. `AISLE_HOLD_DAYS` (14): so long
/// a held batch waits for a person, then it counts as rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Least share of live rows that must stay.
    pub shrink_percent: i64,
    /// Largest share of prices that may change.
    pub change_percent: i64,
    /// Largest change of the middle one of the changed prices.
    pub median_percent: i64,
    /// Largest share of quarantined rows.
    pub bad_percent: i64,
    /// So few rows are nothing to hold.
    pub rows_min: i64,
    /// So many days a held batch waits for a person.
    pub days_max: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shrink_percent: 90,
            change_percent: 20,
            median_percent: 10,
            bad_percent: 5,
            rows_min: 10,
            days_max: 14,
        }
    }
}

impl Limits {
    /// Reads the limits.
    pub fn read(env: &Env) -> Self {
        let otherwise = Self::default();
        let number = |name, otherwise, most| env.within(name, "a whole number", 0..=most, otherwise);
        Self {
            shrink_percent: number("AISLE_HOLD_SHRINK_PERCENT", otherwise.shrink_percent, 100),
            change_percent: number("AISLE_HOLD_CHANGE_PERCENT", otherwise.change_percent, 100),
            median_percent: number("AISLE_HOLD_MEDIAN_PERCENT", otherwise.median_percent, 1_000_000),
            bad_percent: number("AISLE_HOLD_BAD_PERCENT", otherwise.bad_percent, 100),
            rows_min: number("AISLE_HOLD_ROWS_MIN", otherwise.rows_min, 1_000_000_000),
            days_max: number("AISLE_HOLD_DAYS", otherwise.days_max, 366),
        }
    }

    pub(super) fn bad_rows_min(&self) -> i64 {
        2 * self.rows_min
    }
}

/// A part of the catalogue of which rows would be gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct Shrunk {
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) kind: Option<Kind>,
    pub(in crate::catalog) before: i64,
    pub(in crate::catalog) gone: i64,
}

/// How prices would change. Changes are thousandths of the price before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::catalog) struct PriceChange {
    /// Open prices that would be another.
    pub(in crate::catalog) changed: i64,
    /// Those that would stay, counted no further than the rule needs.
    pub(in crate::catalog) stays: i64,
    /// The middle one of the changes of open prices.
    pub(in crate::catalog) median: Option<i64>,
    /// The middle one of regular prices ahead, against today's.
    pub(in crate::catalog) median_ahead: Option<i64>,
    /// The middle one of promotions and members' prices, against today's regular ones.
    pub(in crate::catalog) median_special: Option<i64>,
}

/// What the rules look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) received: i64,
    pub(super) quarantined: i64,
    /// The rule that quarantined most rows, and how many.
    pub(super) worst: Option<(Rule, i64)>,
    /// Whether there were no products before.
    pub(super) is_first: bool,
    /// Quarantined and received rows of the last ten deliveries of the feed, when there were ten.
    pub(super) usual: Option<(i64, i64)>,
    pub(super) shrunk: Vec<Shrunk>,
    pub(super) categories_gone: Vec<String>,
    /// Stores, price lists, tax classes and rates that would be gone: each takes a part of the shop with it.
    pub(super) foundations_gone: Vec<(Kind, i64)>,
    /// Quarantined rows of a full delivery whose keys can't be read.
    pub(super) nameless: i64,
    pub(super) prices: PriceChange,
    /// Rows in another currency than their store or list.
    pub(super) foreign: i64,
    /// Codes that are no digits, and all codes that came.
    pub(super) undigits: (i64, i64),
    /// Names that were wrongly decoded, and all products that came.
    pub(super) undecoded: (i64, i64),
    /// How the headings of the table changed.
    pub(super) header: Option<String>,
}

/// A middle price below this is no promotion any more: a tenth of the regular one.
const SPECIAL_LEAST: i64 = 100;
/// Ten deliveries are enough to say what is usual; three times that is not.
const USUAL_TIMES: i64 = 3;

/// Codes of a delivery that may be something else than digits, in percent: more is a column that a spreadsheet rewrote.
const CHARSET_PERCENT: i64 = 1;
/// Names of a delivery that may be wrongly decoded, in percent: more is a file in another code page than was said.
const ENCODING_PERCENT: i64 = 5;

/// The rules that a batch breaks.
pub(super) fn holds(facts: &Facts, limits: &Limits) -> Vec<BatchHold> {
    let mut holds = forms(facts, limits);
    let mut hold = |rule, detail| holds.push(BatchHold { rule, detail });
    for part in &facts.shrunk {
        // A list of recalls is short and ends, as do promotions, what is out of stock may be left out, and where
        // goods stand changes with the shop: none of it blanks one.
        let counts = !matches!(
            part.kind,
            Some(
                Kind::Recall | Kind::Stock | Kind::Location | Kind::Promotion | Kind::Coupon | Kind::Customer
            )
        );
        if counts && (part.before - part.gone) * 100 < limits.shrink_percent * part.before {
            hold(
                BatchRule::Shrink,
                format!("{} of {} live rows would be gone: {}", part.gone, part.before, part.name),
            );
        }
    }
    for category in &facts.categories_gone {
        hold(BatchRule::Shrink, format!("the whole category {category} would be gone"));
    }
    for (kind, gone) in &facts.foundations_gone {
        hold(
            BatchRule::Shrink,
            format!("{gone} of kind {kind} would be gone, each with all that hangs on it"),
        );
    }
    if facts.nameless > 0 && !facts.is_first {
        let detail = format!(
            "of {} quarantined rows nobody can tell what they are about: that would be taken for left out",
            facts.nameless
        );
        hold(BatchRule::BadShare, detail);
    }
    prices(&facts.prices, limits, &mut hold);
    let is_bad = |share_above: i64, of: i64| facts.quarantined * of > share_above * facts.received;
    if facts.quarantined >= limits.bad_rows_min().max(1) && !facts.is_first {
        let (quarantined, received) = (facts.quarantined, facts.received);
        if is_bad(limits.bad_percent, 100) {
            let worst = facts.worst.map(|(rule, rows)| format!(", most of them by {rule}: {rows}"));
            let worst = worst.unwrap_or_default();
            hold(BatchRule::BadShare, format!("{quarantined} of {received} rows are quarantined{worst}"));
        } else if let Some((usual, of)) = facts.usual.filter(|(usual, _)| *usual > 0)
            && is_bad(USUAL_TIMES * usual, of)
        {
            hold(
                BatchRule::BadShare,
                format!(
                    "{quarantined} of {received} rows are quarantined; of the last ten deliveries {usual} of {of}"
                ),
            );
        }
    }
    holds
}

/// What is wrong with the form of a delivery, its currency or its characters.
fn forms(facts: &Facts, limits: &Limits) -> Vec<BatchHold> {
    let mut holds = Vec::new();
    let mut hold = |rule, detail| holds.push(BatchHold { rule, detail });
    if let Some(change) = &facts.header {
        hold(BatchRule::Header, change.clone());
    }
    if facts.foreign > 0 {
        let detail = format!("{} rows are not in the currency of their store or price list", facts.foreign);
        hold(BatchRule::Currency, detail);
    }
    let is_above =
        |(bad, of): (i64, i64), percent: i64| bad >= limits.rows_min.max(1) && bad * 100 > percent * of;
    // Into an empty catalogue a file may come as it is: its bad rows are counted, and replace nothing.
    if is_above(facts.undigits, CHARSET_PERCENT) && !facts.is_first {
        let (bad, of) = facts.undigits;
        hold(BatchRule::Charset, format!("{bad} of {of} codes are no digits, or lost some to a spreadsheet"));
    }
    if is_above(facts.undecoded, ENCODING_PERCENT) && !facts.is_first {
        let (bad, of) = facts.undecoded;
        hold(BatchRule::Encoding, format!("{bad} of {of} names were wrongly decoded"));
    }
    holds
}

fn prices(prices: &PriceChange, limits: &Limits, hold: &mut impl FnMut(BatchRule, String)) {
    let PriceChange { changed, stays, .. } = *prices;
    if changed >= limits.rows_min.max(1) && changed * 100 > limits.change_percent * (changed + stays) {
        hold(
            BatchRule::Change,
            format!("{changed} prices would change, over {} % of all", limits.change_percent),
        );
    }
    let (most, least) = (1000 + 10 * limits.median_percent, 1000 - 10 * limits.median_percent);
    let percent = |median: i64| format!("{}.{}", median / 10, median % 10);
    for (what, median, least) in [
        ("changed prices", prices.median, least),
        ("regular prices ahead", prices.median_ahead, least),
        ("promotions and members' prices", prices.median_special, SPECIAL_LEAST.min(least)),
    ] {
        if let Some(median) = median.filter(|median| *median > most || *median < least) {
            hold(
                BatchRule::Change,
                format!("the middle one of the {what} would be {} % of the price now", percent(median)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(facts: &Facts) -> Vec<BatchRule> {
        holds(facts, &Limits::default()).into_iter().map(|hold| hold.rule).collect()
    }

    #[test]
    fn a_delivery_in_another_form_than_agreed_is_held() {
        let foreign = Facts { foreign: 1, ..Facts::default() };
        assert_eq!(rules(&foreign), [BatchRule::Currency]);
        let codes = |bad, of| rules(&Facts { undigits: (bad, of), ..Facts::default() });
        assert_eq!(codes(10, 1_000), []);
        assert_eq!(codes(11, 1_000), [BatchRule::Charset]);
        assert_eq!(codes(9, 9), [], "so few are nothing to hold");
        let names = |bad, of| rules(&Facts { undecoded: (bad, of), ..Facts::default() });
        assert_eq!(names(50, 1_000), []);
        assert_eq!(names(51, 1_000), [BatchRule::Encoding]);
        let first = Facts { undigits: (90, 100), undecoded: (90, 100), is_first: true, ..Facts::default() };
        assert_eq!(rules(&first), []);
        let header = Facts { header: Some("another".to_owned()), ..Facts::default() };
        assert_eq!(rules(&header), [BatchRule::Header]);
    }

    fn shrunk(before: i64, gone: i64) -> Facts {
        let part = Shrunk { name: "product".to_owned(), kind: Some(Kind::Product), before, gone };
        Facts { shrunk: vec![part], ..Facts::default() }
    }

    #[test]
    fn a_tenth_may_be_gone_and_nothing_may_come_from_nothing() {
        assert_eq!(rules(&shrunk(100, 10)), []);
        assert_eq!(rules(&shrunk(100, 11)), [BatchRule::Shrink]);
        assert_eq!(rules(&shrunk(0, 0)), []);
        let store = vec![(Kind::Store, 1)];
        assert_eq!(rules(&Facts { foundations_gone: store, ..Facts::default() }), [BatchRule::Shrink]);
        assert_eq!(rules(&Facts { nameless: 1, ..Facts::default() }), [BatchRule::BadShare]);
    }

    #[test]
    fn a_fifth_of_the_prices_may_change_and_by_a_tenth() {
        let change = |changed, stays, median| {
            let prices = PriceChange { changed, stays, median, ..PriceChange::default() };
            rules(&Facts { prices, ..Facts::default() })
        };
        assert_eq!(change(20, 80, Some(1100)), []);
        assert_eq!(change(21, 79, Some(900)), [BatchRule::Change]);
        assert_eq!(change(20, 80, Some(1101)), [BatchRule::Change]);
        assert_eq!(change(20, 80, Some(899)), [BatchRule::Change]);
        assert_eq!(change(100, 0, Some(100_000)), [BatchRule::Change, BatchRule::Change]);
        assert_eq!(change(9, 0, None), [], "so few are nothing to hold");
    }

    #[test]
    fn a_promotion_may_be_far_below_the_price_but_not_above_it() {
        let special = |median| {
            let prices = PriceChange { median_special: Some(median), ..PriceChange::default() };
            rules(&Facts { prices, ..Facts::default() })
        };
        assert_eq!(special(500), []);
        assert_eq!(special(99), [BatchRule::Change]);
        assert_eq!(special(1200), [BatchRule::Change]);
    }

    #[test]
    fn a_twentieth_of_the_rows_may_be_bad_unless_that_is_more_than_usual() {
        let bad =
            |quarantined, received, usual| rules(&Facts { received, quarantined, usual, ..Facts::default() });
        assert_eq!(bad(50, 1000, None), []);
        assert_eq!(bad(51, 1000, None), [BatchRule::BadShare]);
        assert_eq!(bad(19, 20, None), [], "so few are nothing to hold");
        assert_eq!(bad(40, 1000, Some((100, 10_000))), [BatchRule::BadShare]);
        assert_eq!(bad(30, 1000, Some((100, 10_000))), []);
        assert_eq!(bad(30, 1000, Some((0, 10_000))), []);
        let first = Facts { quarantined: 90, received: 100, is_first: true, ..Facts::default() };
        assert_eq!(rules(&first), []);
    }
}
