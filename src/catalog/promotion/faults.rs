//! What makes a promotion contradict itself: found when a row is read, so that no till ever meets it. Pure.

use super::{BasketReward, Goods, Hours, PromotionRow, SetPart, SetReward, Terms, Tier, TierReward};
use crate::money::Rate;
use crate::text_enum;

text_enum! {
    /// Why a promotion can't be right.
    pub enum PromotionFault {
        /// It ends before it begins, or holds longer than any promotion does.
        Window = "promotion_window",
        /// Hours without days, or times of day that are none.
        Hours = "promotion_hours",
        /// It names amounts and no currency.
        Currency = "promotion_currency",
        /// An amount that is not above zero or beyond belief.
        Amount = "promotion_amount",
        /// A percentage of nought.
        Percent = "promotion_percent",
        /// Terms that contradict themselves: more to pay than to take, tiers that don't rise, a set of one piece.
        Terms = "promotion_terms",
        /// Goods that are named and excepted, or named where a set names its own.
        Goods = "promotion_goods",
        /// A limit that is not above zero, or that another limit makes void.
        Limits = "promotion_limits",
    }
}

/// Most parts of a set: meals have fewer courses.
pub(crate) const PARTS_MAX: usize = 8;
/// Most steps of a tiered promotion: more fit on no shelf label.
const TIERS_MAX: usize = 10;
/// Most pieces of a group: as many as a line may have.
const PIECES_MAX: i64 = 999;
/// Most entries of each list of a promotion: bounds a row.
const ENTRIES_MAX: usize = 10_000;
/// Largest limit: beyond what any chain sells in a year.
const LIMIT_MAX: i64 = 1_000_000_000_000;
/// Priorities lie within so much of nought.
const PRIORITY_MAX: i64 = 1_000_000;
/// Longest a promotion may hold: one without an end is a price.
const LASTS_MAX: chrono::Duration = chrono::Duration::days(3 * 366);

type Found = Result<(), (PromotionFault, String)>;

fn fault(fault: PromotionFault, detail: impl Into<String>) -> Found {
    Err((fault, detail.into()))
}

impl PromotionRow {
    /// An error when it contradicts itself: why, and what exactly.
    pub fn check(&self) -> Result<(), (PromotionFault, String)> {
        if self.valid_from >= self.valid_to {
            return fault(PromotionFault::Window, "valid_to is not after valid_from");
        }
        if self.valid_to - self.valid_from > LASTS_MAX {
            return fault(
                PromotionFault::Window,
                "a promotion that lasts for more than three years is a price",
            );
        }
        self.hours.iter().try_for_each(check_hours)?;
        let lists = [self.stores.len(), self.countries.len(), self.hours.len(), self.segments.len()];
        if lists.iter().any(|length| *length > ENTRIES_MAX) {
            return fault(PromotionFault::Limits, format!("a list has more than {ENTRIES_MAX} entries"));
        }
        if self.currency.is_none() && (self.terms.has_amounts() || self.has_budget_amount()) {
            return fault(PromotionFault::Currency, "amounts without a currency");
        }
        self.check_limits()?;
        check_goods(&self.goods)?;
        if matches!(self.terms, Terms::Set { .. }) && self.goods != Goods::default() {
            return fault(PromotionFault::Goods, "a set names its goods in its parts");
        }
        self.terms.check()
    }

    fn has_budget_amount(&self) -> bool {
        self.budget.is_some_and(|budget| budget.amount.is_some())
    }

    fn check_limits(&self) -> Found {
        let budget = self.budget.map(|budget| [budget.uses, budget.amount]).unwrap_or_default();
        let limits = [self.basket_max, self.shopper_max, budget[0], budget[1]];
        if limits.into_iter().flatten().any(|limit| !(1..=LIMIT_MAX).contains(&limit)) {
            return fault(PromotionFault::Limits, format!("a limit is a whole number from 1 to {LIMIT_MAX}"));
        }
        if self.budget.is_some_and(|budget| budget.uses.is_none() && budget.amount.is_none()) {
            return fault(PromotionFault::Limits, "a budget says how often, or how much");
        }
        if let (Some(basket), Some(shopper)) = (self.basket_max, self.shopper_max)
            && basket > shopper
        {
            return fault(PromotionFault::Limits, "one basket may have more than its shopper");
        }
        if self.priority.abs() > PRIORITY_MAX {
            return fault(
                PromotionFault::Limits,
                format!("priority lies between -{PRIORITY_MAX} and {PRIORITY_MAX}"),
            );
        }
        let is_points = matches!(self.terms, Terms::ExtraPoints { .. });
        if is_points && self.has_budget_amount() {
            return fault(PromotionFault::Limits, "points cost nothing of a budget of money");
        }
        Ok(())
    }
}

fn check_hours(hours: &Hours) -> Found {
    if hours.are_sound() {
        return Ok(());
    }
    fault(PromotionFault::Hours, "hours name days from 1 to 7 and times as HH:MM")
}

fn check_goods(goods: &Goods) -> Found {
    let lengths = [goods.skus.len(), goods.categories.len(), goods.brands.len(), goods.except.len()];
    if lengths.iter().any(|length| *length > ENTRIES_MAX) || goods.except_categories.len() > ENTRIES_MAX {
        return fault(PromotionFault::Limits, format!("a list has more than {ENTRIES_MAX} entries"));
    }
    if let Some(sku) = goods.skus.iter().find(|sku| goods.except.contains(sku)) {
        return fault(PromotionFault::Goods, format!("{sku} is named and excepted"));
    }
    if let Some(path) = goods.categories.iter().find(|path| goods.except_categories.contains(path)) {
        return fault(PromotionFault::Goods, format!("{} is named and excepted", path.join(" / ")));
    }
    let has_empty = goods.categories.iter().chain(&goods.except_categories).any(Vec::is_empty);
    if has_empty || goods.brands.iter().any(String::is_empty) {
        return fault(PromotionFault::Goods, "an empty category or brand");
    }
    Ok(())
}

fn check_amount(amount: i64) -> Found {
    if (1..=crate::catalog::PRICE_MAX).contains(&amount) {
        return Ok(());
    }
    fault(PromotionFault::Amount, format!("{amount} is not an amount above zero and within belief"))
}

fn check_percent(percent: Rate) -> Found {
    if percent.thousandths() > 0 { Ok(()) } else { fault(PromotionFault::Percent, "nought percent off") }
}

fn check_pieces(pieces: i64) -> Found {
    if (1..=PIECES_MAX).contains(&pieces) {
        return Ok(());
    }
    fault(PromotionFault::Terms, format!("a number of pieces is from 1 to {PIECES_MAX}"))
}

impl Terms {
    fn has_amounts(&self) -> bool {
        match self {
            Self::AmountOff { .. } | Self::FixedPrice { .. } | Self::TakeFor { .. } | Self::Basket { .. } => {
                true
            }
            Self::PercentOff { .. }
            | Self::TakePay { .. }
            | Self::CheapestOff { .. }
            | Self::ExtraPoints { .. } => false,
            Self::Tiers { tiers } => tiers.iter().any(|tier| {
                tier.from_amount.is_some() || !matches!(tier.reward, TierReward::PercentOff { .. })
            }),
            Self::Set { reward, .. } => {
                matches!(reward, SetReward::Price { .. } | SetReward::AmountOff { .. })
            }
        }
    }

    fn check(&self) -> Found {
        match self {
            Self::PercentOff { percent } => check_percent(*percent),
            Self::AmountOff { amount } | Self::FixedPrice { amount } => check_amount(*amount),
            Self::TakePay { take, pay } => {
                check_pieces(*take)?;
                if (1..*take).contains(pay) {
                    return Ok(());
                }
                fault(PromotionFault::Terms, "pay is not below take")
            }
            Self::TakeFor { take, amount } => {
                check_pieces(*take)?;
                check_amount(*amount)
            }
            Self::CheapestOff { take, pieces, percent } => {
                check_pieces(*take)?;
                check_percent(*percent)?;
                if (1..*take).contains(pieces) {
                    return Ok(());
                }
                fault(PromotionFault::Terms, "the cheaper pieces are not fewer than those that are taken")
            }
            Self::Tiers { tiers } => check_tiers(tiers),
            Self::Set { parts, reward } => check_set(parts, reward),
            Self::Basket { from_amount, reward } => {
                if *from_amount < 0 || *from_amount > crate::catalog::PRICE_MAX {
                    return fault(PromotionFault::Amount, "from_amount is below zero or beyond belief");
                }
                match reward {
                    BasketReward::PercentOff { percent } => check_percent(*percent),
                    BasketReward::AmountOff { amount } => check_amount(*amount),
                }
            }
            Self::ExtraPoints { points } => {
                if (1..=LIMIT_MAX).contains(points) {
                    return Ok(());
                }
                fault(PromotionFault::Terms, "extra points are a whole number above zero")
            }
        }
    }
}

fn check_tiers(tiers: &[Tier]) -> Found {
    if tiers.is_empty() || tiers.len() > TIERS_MAX {
        return fault(PromotionFault::Terms, format!("a tiered promotion has 1 to {TIERS_MAX} tiers"));
    }
    let mut before = None;
    for tier in tiers {
        match &tier.reward {
            TierReward::PercentOff { percent } => check_percent(*percent)?,
            TierReward::FixedPrice { amount } | TierReward::AmountOff { amount } => check_amount(*amount)?,
        }
        let threshold = match (tier.from_pieces, tier.from_amount, tier.from_measure) {
            (Some(pieces), None, None) => (None, pieces),
            (None, Some(amount), None) => (Some(None), amount),
            (None, None, Some(measure)) => (Some(Some(measure.unit())), measure.amount()),
            _ => return fault(PromotionFault::Terms, "a tier has one threshold"),
        };
        if threshold.1 < 1 {
            return fault(PromotionFault::Terms, "a threshold is above zero");
        }
        if before.is_some_and(|(kind, least)| kind != threshold.0 || least >= threshold.1) {
            return fault(PromotionFault::Terms, "the thresholds of tiers rise, and count the same");
        }
        before = Some(threshold);
    }
    Ok(())
}

fn check_set(parts: &[SetPart], reward: &SetReward) -> Found {
    if parts.is_empty() || parts.len() > PARTS_MAX {
        return fault(PromotionFault::Terms, format!("a set has 1 to {PARTS_MAX} parts"));
    }
    let mut pieces = 0;
    for part in parts {
        check_goods(&part.goods)?;
        check_pieces(part.pieces)?;
        pieces += part.pieces;
    }
    if pieces < 2 {
        return fault(PromotionFault::Terms, "a set has more than one piece");
    }
    match reward {
        SetReward::Price { amount } | SetReward::AmountOff { amount } => check_amount(*amount),
        SetReward::PercentOff { percent, part } => {
            check_percent(*percent)?;
            if part.is_none_or(|part| part < parts.len()) {
                return Ok(());
            }
            fault(PromotionFault::Terms, "there is no such part")
        }
        SetReward::CheapestOff { pieces: cheap, percent } => {
            check_percent(*percent)?;
            if (1..pieces).contains(cheap) {
                return Ok(());
            }
            fault(PromotionFault::Terms, "the cheaper pieces are not fewer than those of the set")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// A promotion that is right, with some members changed.
    fn changed(members: Value) -> PromotionRow {
        let mut row = json!({
            "promotion": "P1", "name": "Ten off", "currency": "EUR",
            "valid_from": "2026-01-01T00:00:00Z", "valid_to": "2026-02-01T00:00:00Z",
            "terms": {"type": "amount_off", "amount": 10},
        });
        let Value::Object(members) = members else { unreachable!("an object") };
        row.as_object_mut().expect("an object").extend(members);
        serde_json::from_value(row).expect("a promotion")
    }

    #[test]
    fn a_promotion_that_is_right_stays_as_it_is_when_written_and_read() {
        let row =
            changed(json!({"hours": [{"days": [1, 2], "from": "16:00", "to": "18:00"}], "basket_max": 2}));
        assert_eq!(row.check(), Ok(()));
        let again: PromotionRow =
            serde_json::from_str(&serde_json::to_string(&row).expect("text")).expect("the same");
        assert_eq!(again, row);
        assert_eq!(row.combination, Combination::Exclusive);
    }

    use super::super::Combination;

    #[test]
    fn each_contradiction_has_its_reason() {
        let terms = |terms: Value| json!({"terms": terms});
        let set = |reward: Value, pieces: i64| {
            terms(
                json!({"type": "set", "parts": [{"goods": {"skus": ["A"]}, "pieces": pieces}], "reward": reward}),
            )
        };
        let cases = [
            (json!({"valid_to": "2026-01-01T00:00:00Z"}), "promotion_window"),
            (json!({"valid_to": "2036-01-01T00:00:00Z"}), "promotion_window"),
            (json!({"hours": [{"days": [], "from": "16:00", "to": "18:00"}]}), "promotion_hours"),
            (json!({"hours": [{"days": [8], "from": "16:00", "to": "18:00"}]}), "promotion_hours"),
            (json!({"hours": [{"days": [1], "from": "24:00", "to": "18:00"}]}), "promotion_hours"),
            (json!({"currency": null}), "promotion_currency"),
            (terms(json!({"type": "amount_off", "amount": 0})), "promotion_amount"),
            (terms(json!({"type": "fixed_price", "amount": -1})), "promotion_amount"),
            (terms(json!({"type": "percent_off", "percent": "0"})), "promotion_percent"),
            (terms(json!({"type": "take_pay", "take": 2, "pay": 2})), "promotion_terms"),
            (terms(json!({"type": "take_pay", "take": 1, "pay": 0})), "promotion_terms"),
            (
                terms(json!({"type": "cheapest_off", "take": 2, "pieces": 2, "percent": "50"})),
                "promotion_terms",
            ),
            (terms(json!({"type": "tiers", "tiers": []})), "promotion_terms"),
            (
                terms(json!({"type": "tiers", "tiers": [
                    {"from_pieces": 3, "reward": {"type": "percent_off", "percent": "10"}},
                    {"from_pieces": 3, "reward": {"type": "percent_off", "percent": "20"}}]})),
                "promotion_terms",
            ),
            (
                terms(json!({"type": "tiers", "tiers": [
                    {"from_pieces": 3, "from_amount": 3, "reward": {"type": "percent_off", "percent": "10"}}]})),
                "promotion_terms",
            ),
            (set(json!({"type": "price", "amount": 100}), 1), "promotion_terms"),
            (set(json!({"type": "percent_off", "percent": "10", "part": 1}), 2), "promotion_terms"),
            (set(json!({"type": "cheapest_off", "percent": "10", "pieces": 2}), 2), "promotion_terms"),
            (json!({"goods": {"skus": ["A"], "except": ["A"]}}), "promotion_goods"),
            (json!({"goods": {"categories": [["x"]], "except_categories": [["x"]]}}), "promotion_goods"),
            (json!({"goods": {"categories": [[]]}}), "promotion_goods"),
            (json!({"basket_max": 0}), "promotion_limits"),
            (json!({"basket_max": 3, "shopper_max": 2}), "promotion_limits"),
            (json!({"budget": {}}), "promotion_limits"),
            (json!({"priority": 1_000_001}), "promotion_limits"),
        ];
        for (members, reason) in cases {
            let found = changed(members.clone()).check();
            assert_eq!(found.map_err(|(fault, _)| fault.as_str()), Err(reason), "{members}");
        }
    }

    #[test]
    fn goods_are_named_by_number_by_category_and_by_brand() {
        let goods = |value: Value| serde_json::from_value::<Goods>(value).expect("goods");
        let sku: crate::ids::Sku = "A".parse().expect("a key");
        let category = ["food".to_owned(), "dairy".to_owned()];
        let has = |value: Value| goods(value).has(&sku, &category, Some("Feld"));
        assert!(has(json!({})));
        assert!(has(json!({"skus": ["A"]})));
        assert!(!has(json!({"skus": ["B"]})));
        assert!(has(json!({"categories": [["food"]]})));
        assert!(!has(json!({"categories": [["dairy"]]})));
        assert!(has(json!({"categories": [["food"]], "brands": ["Feld"]})));
        assert!(!has(json!({"categories": [["food"]], "brands": ["Wald"]})));
        assert!(has(json!({"skus": ["A"], "categories": [["drinks"]], "brands": ["Wald"]})));
        assert!(!has(json!({"except": ["A"]})));
        assert!(!has(json!({"brands": ["Feld"], "except_categories": [["food", "dairy"]]})));
    }
}
