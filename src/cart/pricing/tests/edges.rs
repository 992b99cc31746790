//! Edges: the largest sums, the bound of the search, offers that nearly apply, what can't be priced.

use std::collections::BTreeMap;

use super::super::{Charge, Item, Missing, PriceError, Seen, TaxMode, Voucher, near, price};
use super::{basket, on, pieces, prepared, priced, promotion, rate, sku};
use crate::catalog::{Combination, Goods, Hours, PromotionRow, SetPart, SetReward, Terms, Tier, TierReward};
use crate::ids::Sku;
use crate::quantity::Unit;

#[test]
fn the_largest_sum_is_exact_and_one_more_is_an_error() {
    let skus: Vec<Sku> = (0..500).map(|number| sku(&format!("S{number}"))).collect();
    // 500 lines with 999 pieces each at the highest price: 500 × 999 × 100,000,000 minor units.
    let items: Vec<Item<'_>> =
        (1..).zip(&skus).map(|(line, sku)| pieces(line, sku, 999, 100_000_000)).collect();
    let everything = promotion("P", Terms::PercentOff { percent: rate("33.333") });
    let found = priced(&basket(items), &prepared(&[everything]));
    // 33.333 % of 1,000,000.00 is 333,330.00: 666,670.00 are left of each piece.
    assert_eq!(found.total.minor(), 500 * 999 * 66_667_000);

    let (a, b) = (sku("A"), sku("B"));
    let whole = basket(vec![pieces(1, &a, 1, i64::MAX - 1), pieces(2, &b, 1, 1)]);
    assert_eq!(priced(&whole, &prepared(&[])).total.minor(), i64::MAX);
    let more = basket(vec![pieces(1, &a, 1, i64::MAX), pieces(2, &b, 1, 1)]);
    assert_eq!(price(&more, &prepared(&[])), Err(PriceError::Overflow));
    let many = basket(vec![pieces(1, &a, 999, i64::MAX / 2)]);
    assert_eq!(price(&many, &prepared(&[])), Err(PriceError::Overflow));
    let mut on_top = basket(vec![pieces(1, &a, 1, i64::MAX - 1)]);
    on_top.place.tax_mode = TaxMode::OnTop;
    assert_eq!(price(&on_top, &prepared(&[])), Err(PriceError::Overflow));
}

#[test]
fn five_hundred_lines_of_a_cent_share_a_discount_to_the_cent() {
    let skus: Vec<Sku> = (0..500).map(|number| sku(&format!("S{number:03}"))).collect();
    let items: Vec<Item<'_>> = (1..).zip(&skus).map(|(line, sku)| pieces(line, sku, 1, 1)).collect();
    let half = promotion(
        "P",
        Terms::Basket { from_amount: 1, reward: crate::catalog::BasketReward::AmountOff { amount: 123 } },
    );
    let found = priced(&basket(items), &prepared(&[half]));
    assert_eq!(found.total.minor(), 377);
    assert_eq!(found.lines.iter().filter(|line| line.amount.minor() == 0).count(), 123);
}

#[test]
fn what_can_not_be_is_refused_and_never_a_panic() {
    let a = sku("A");
    let none = prepared(&[]);
    assert_eq!(price(&basket(vec![pieces(7, &a, 0, 1)]), &none), Err(PriceError::Line(7)));
    assert_eq!(price(&basket(vec![pieces(7, &a, 1, -1)]), &none), Err(PriceError::Line(7)));
    let measured = |measure, per| {
        let charge = Charge::Measured { price: 1, member: None, measure, unit: Unit::Gram, per };
        basket(vec![Item { charge, ..pieces(7, &a, 1, 1) }])
    };
    assert_eq!(price(&measured(1, 0), &none), Err(PriceError::Line(7)));
    assert_eq!(price(&measured(0, 1), &none), Err(PriceError::Line(7)));
    let mut with_voucher = basket(vec![pieces(1, &a, 1, 1)]);
    with_voucher.vouchers = vec![Voucher { id: "1".to_owned(), amount: -1, step: None }];
    assert_eq!(price(&with_voucher, &none), Err(PriceError::Negative));
    assert_eq!(priced(&basket(Vec::new()), &none).total.minor(), 0);
}

#[test]
fn the_search_ends_however_many_promotions_compete() {
    // Forty promotions on the same 999 pieces: far more ways than are tried. Nobody is worse off than with the best alone.
    let rows: Vec<PromotionRow> = (0..40_i64)
        .map(|number| {
            let terms = Terms::TakePay { take: 3 + number % 7, pay: 2 + number % 7 };
            PromotionRow { goods: on(&["A", "B"]), ..promotion(&format!("P{number:02}"), terms) }
        })
        .collect();
    let (a, b) = (sku("A"), sku("B"));
    let found = priced(&basket(vec![pieces(1, &a, 999, 199), pieces(2, &b, 999, 201)]), &prepared(&rows));
    // Three for two alone: 666 groups, 333 with B's cheapest free and 333 with A's.
    assert!(found.saved.minor() >= 333 * 199 + 333 * 201);
}

fn three_for_two() -> PromotionRow {
    PromotionRow { goods: on(&["A"]), ..promotion("P", Terms::TakePay { take: 3, pay: 2 }) }
}

#[test]
fn one_more_and_the_offer_applies() {
    let a = sku("A");
    let promotions = prepared(&[three_for_two()]);
    let two = basket(vec![pieces(1, &a, 2, 99)]);
    let offers = near(&two, &promotions, &priced(&two, &promotions)).expect("offers");
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].missing, Missing::Pieces { pieces: 1, part: 0 });
    assert_eq!((offers[0].line, offers[0].saves.map(crate::money::Money::minor)), (Some(1), Some(99)));
    let three = basket(vec![pieces(1, &a, 3, 99)]);
    let offers = near(&three, &promotions, &priced(&three, &promotions)).expect("offers");
    assert_eq!(offers[0].missing, Missing::Pieces { pieces: 3, part: 0 });
    let once = prepared(&[PromotionRow { basket_max: Some(1), ..three_for_two() }]);
    assert!(near(&three, &once, &priced(&three, &once)).expect("offers").is_empty(), "no second time");
}

#[test]
fn an_offer_says_what_of_a_set_is_missing_and_how_much_of_a_threshold() {
    let a = sku("A");
    let part = |sku: &str| SetPart { goods: on(&[sku]), pieces: 1 };
    let set = Terms::Set { parts: vec![part("A"), part("B")], reward: SetReward::Price { amount: 100 } };
    let above =
        Terms::Basket { from_amount: 5_000, reward: crate::catalog::BasketReward::AmountOff { amount: 500 } };
    let promotions = prepared(&[promotion("P", set), promotion("Q", above)]);
    let basket = basket(vec![pieces(1, &a, 1, 4_500)]);
    let offers = near(&basket, &promotions, &priced(&basket, &promotions)).expect("offers");
    let missing: BTreeMap<&str, Missing> =
        offers.iter().map(|offer| (offer.promotion.as_str(), offer.missing)).collect();
    assert_eq!(missing["P"], Missing::Pieces { pieces: 1, part: 1 });
    assert_eq!(missing["Q"], Missing::Amount(crate::money::Money::new(500, crate::money::Currency::EUR)));
}

/// What is missing for each offer that nearly applies, in cents.
fn amounts_missing(rows: &[PromotionRow], items: Vec<Item<'_>>) -> Vec<(String, i64)> {
    let (promotions, basket) = (prepared(rows), basket(items));
    let offers = near(&basket, &promotions, &priced(&basket, &promotions)).expect("offers");
    let told = |missing| match missing {
        Missing::Amount(amount) => amount.minor(),
        Missing::Pieces { .. } => 0,
    };
    offers.iter().map(|offer| (offer.promotion.to_string(), told(offer.missing))).collect()
}

fn above(id: &str, from_amount: i64, percent: &str) -> PromotionRow {
    let reward = crate::catalog::BasketReward::PercentOff { percent: rate(percent) };
    promotion(id, Terms::Basket { from_amount, reward })
}

#[test]
fn what_is_missing_is_counted_as_the_promotion_counts() {
    let (a, b) = (sku("A"), sku("B"));
    // 45.00 with 10 % off are 40.50 to pay; the offer from 50.00 on counts the 45.00.
    let two = [above("P", 4_000, "10"), above("Q", 5_000, "20")];
    assert_eq!(amounts_missing(&two, vec![pieces(1, &a, 1, 4_500)]), [("Q".to_owned(), 500)]);
    // Goods that stand alone count for no basket: 15.00 of 50.00 is far off.
    let alone = PromotionRow {
        goods: on(&["A"]),
        combination: Combination::Alone,
        ..promotion("A", Terms::FixedPrice { amount: 3_000 })
    };
    let items = || vec![pieces(1, &a, 1, 4_000), pieces(2, &b, 1, 1_500)];
    assert_eq!(amounts_missing(&[alone.clone(), above("Q", 5_000, "10")], items()), []);
    assert_eq!(amounts_missing(&[alone, above("Q", 2_000, "10")], items()), [("Q".to_owned(), 500)]);
    // A promotion on goods comes before: 40.00 less 10 % are 36.00.
    let ten = PromotionRow { goods: on(&["A"]), ..promotion("T", Terms::PercentOff { percent: rate("10") }) };
    let with_ten = [ten, above("Q", 4_000, "10")];
    assert_eq!(amounts_missing(&with_ten, vec![pieces(1, &a, 1, 4_000)]), [("Q".to_owned(), 400)]);
}

#[test]
fn a_tier_of_money_that_is_reached_is_not_missing_and_the_next_one_is_told() {
    let a = sku("A");
    let tier = |from, percent| Tier {
        from_pieces: None,
        from_amount: Some(from),
        from_measure: None,
        reward: TierReward::PercentOff { percent: rate(percent) },
    };
    let tiers = Terms::Tiers { tiers: vec![tier(2_000, "10"), tier(3_000, "20")] };
    let rows = [PromotionRow { goods: on(&["A"]), ..promotion("P", tiers) }];
    let with = |price| amounts_missing(&rows, vec![pieces(1, &a, 1, price)]);
    assert_eq!(with(2_100), [], "18.90 to pay, and reached all the same");
    assert_eq!(with(2_700), [("P".to_owned(), 300)]);
    assert_eq!(with(3_000), []);
    assert_eq!(with(1_600), [("P".to_owned(), 400)]);
}

#[test]
fn a_threshold_that_would_bring_nothing_is_not_told() {
    let a = sku("A");
    // The other comes first and leaves nothing.
    let first = PromotionRow { priority: 1, ..above("P", 4_000, "10") };
    assert_eq!(amounts_missing(&[first, above("Q", 5_000, "20")], vec![pieces(1, &a, 1, 4_500)]), []);
}

#[test]
fn an_offer_that_would_save_nothing_is_not_shown() {
    let a = sku("A");
    let better = PromotionRow { goods: on(&["A"]), ..promotion("Q", Terms::FixedPrice { amount: 1 }) };
    let promotions = prepared(&[three_for_two(), better]);
    let basket = basket(vec![pieces(1, &a, 2, 99)]);
    let offers = near(&basket, &promotions, &priced(&basket, &promotions)).expect("offers");
    assert!(offers.iter().all(|offer| offer.promotion.as_str() != "P"), "{offers:?}");
}

#[test]
fn a_coupon_that_brings_nothing_is_not_used() {
    let a = sku("A");
    let coupon = |id: &str, amount| PromotionRow {
        goods: on(&["A"]),
        needs_coupon: true,
        basket_max: Some(1),
        ..promotion(id, Terms::AmountOff { amount })
    };
    let mut basket = basket(vec![pieces(1, &a, 1, 99)]);
    basket.coupons = ["P", "Q", "Q"].map(|id| id.parse().expect("a key")).to_vec();
    let found = priced(&basket, &prepared(&[coupon("P", 10), coupon("Q", 20)]));
    let used: Vec<_> =
        found.discounts.iter().map(|discount| (discount.promotion.clone(), discount.coupons)).collect();
    assert_eq!(used, [(Some("Q".parse().expect("a key")), 1)]);
}

#[test]
fn a_promotion_that_contradicts_itself_or_was_taken_back_is_left_out() {
    let wrong =
        PromotionRow { goods: Goods::default(), ..promotion("P", Terms::TakePay { take: 2, pay: 2 }) };
    let gone = PromotionRow { deleted: true, ..three_for_two() };
    assert!(super::super::Promotions::of([wrong, gone].map(std::sync::Arc::new)).is_empty());
    let twice = [three_for_two(), PromotionRow { combination: Combination::Alone, ..three_for_two() }];
    assert_eq!(super::super::Promotions::of(twice.map(std::sync::Arc::new)).len(), 1);
}

#[test]
fn a_promotion_that_ended_holds_for_what_was_seen_before() {
    let (a, b) = (sku("A"), sku("B"));
    let row = PromotionRow {
        valid_to: super::time("2026-07-15T11:30:00Z"),
        goods: on(&["A", "B"]),
        ..promotion("P", Terms::PercentOff { percent: rate("50") })
    };
    let happy = PromotionRow {
        hours: vec![Hours { days: vec![3], from: "10:00".to_owned(), to: "11:00".to_owned() }],
        goods: on(&["B"]),
        ..promotion("Q", Terms::FixedPrice { amount: 10 })
    };
    let promotions = prepared(&[row, happy]);
    let seen = |at: &str| Some(Seen { at: super::time(at), local: super::time(at).naive_utc() });
    let at = |first: &str, second: &str| {
        let first = Item { seen: seen(first), ..pieces(1, &a, 1, 100) };
        let second = Item { seen: seen(second), ..pieces(2, &b, 1, 100) };
        let found = priced(&basket(vec![first, second]), &promotions);
        (found.lines[0].amount.minor(), found.lines[1].amount.minor())
    };
    assert_eq!(at("2026-07-15T11:29:59Z", "2026-07-15T10:59:59Z"), (50, 10));
    assert_eq!(at("2026-07-15T11:30:00Z", "2026-07-15T11:00:00Z"), (100, 50));
    let now = basket(vec![pieces(1, &a, 1, 100), pieces(2, &b, 1, 100)]);
    assert_eq!(priced(&now, &promotions).total.minor(), 200, "nothing was promised");
}

#[test]
fn a_limited_promotion_beside_one_that_stacks_keeps_its_limit() {
    let (a, d) = (sku("A"), sku("D"));
    let budget = |uses, amount| Some(crate::catalog::Budget { uses, amount });
    let rows = [
        PromotionRow {
            goods: on(&["D"]),
            combination: Combination::Stackable,
            budget: budget(None, Some(1)),
            ..promotion("P", Terms::PercentOff { percent: rate("33.333") })
        },
        PromotionRow {
            goods: on(&["A", "D"]),
            budget: budget(Some(1), None),
            ..promotion("Q", Terms::FixedPrice { amount: 2 })
        },
    ];
    let mut basket = basket(vec![pieces(1, &d, 1, 2), pieces(2, &a, 2, 1_276)]);
    basket.left = rows
        .iter()
        .filter_map(|row| Some((row.promotion.clone(), row.budget?)))
        .map(|(promotion, budget)| {
            (promotion, super::super::Left { uses: budget.uses, amount: budget.amount })
        })
        .collect();
    let found = priced(&basket, &prepared(&rows));
    let times: Vec<_> =
        found.discounts.iter().map(|discount| (discount.times, discount.amount.minor())).collect();
    assert_eq!(times, [(1, 1_274), (1, 1)]);
}
