//! The laws of the engine, for baskets and promotions of every kind.

use proptest::prelude::*;

use super::super::{
    Basket, Charge, Customer, Deposit, Item, Left, Priced, Promotions, Record, Seen, TaxMode, TaxRounding,
    Voucher, Wares, Ways,
};
use super::{basket, on, prepared, priced, promotion, rate, sku};
use crate::catalog::{
    BasketReward, Budget, Combination, Goods, PromotionRow, SetPart, SetReward, Terms, Tier, TierReward,
};
use crate::ids::Sku;
use crate::quantity::Unit;

/// Products that promotions are on: two families that have no promotion in common.
const FAMILIES: [[&str; 4]; 2] = [["A", "B", "C", "D"], ["E", "F", "G", "H"]];
const RATES: [&str; 3] = ["0", "7", "19"];

/// A line without its number.
#[derive(Clone, Debug)]
struct Good {
    sku: Sku,
    charge: Charge,
    pieces: i64,
    rate: usize,
    deposit: Option<i64>,
    is_marked_down: bool,
    /// Hours before now when its price was seen, where that counts.
    seen_before: Option<i64>,
}

fn good(family: usize) -> impl Strategy<Value = Good> {
    let member = |price: i64, less: Option<i64>| less.map(|less| (price - less).max(0));
    let each = (0_i64..2_000, prop::option::of(0_i64..300), 1_i64..8)
        .prop_map(move |(price, less, pieces)| (Charge::Each { price, member: member(price, less) }, pieces));
    let measured =
        (1_i64..3_000, prop::option::of(0_i64..300), 1_i64..3_000).prop_map(move |(price, less, measure)| {
            let member = member(price, less);
            (Charge::Measured { price, member, measure, unit: Unit::Gram, per: 1_000 }, 1)
        });
    let label = (1_i64..2_000, any::<bool>())
        .prop_map(|(amount, is_by_measure)| (Charge::Label { amount, is_by_measure }, 1));
    let charge = prop_oneof![6 => each, 2 => measured, 1 => label];
    let seen = prop::option::of(0_i64..3);
    let rest = (0..4_usize, 0..3_usize, prop::option::of(0_i64..50), prop::bool::weighted(0.1), seen);
    (charge, rest).prop_map(
        move |((charge, pieces), (number, rate, deposit, is_marked_down, seen_before))| Good {
            sku: sku(FAMILIES[family][number]),
            charge,
            pieces,
            rate,
            deposit,
            is_marked_down,
            seen_before,
        },
    )
}

fn goods(family: usize) -> impl Strategy<Value = Vec<Good>> {
    prop::collection::vec(good(family), 0..10)
}

fn percent() -> impl Strategy<Value = crate::money::Rate> {
    prop::sample::select(vec!["5", "10", "33.333", "50", "100"]).prop_map(rate)
}

fn tiers() -> impl Strategy<Value = Terms> {
    let reward = prop_oneof![
        percent().prop_map(|percent| TierReward::PercentOff { percent }),
        (1_i64..1_500).prop_map(|amount| TierReward::FixedPrice { amount }),
        (1_i64..1_500).prop_map(|amount| TierReward::AmountOff { amount }),
    ];
    (1_i64..6, any::<bool>(), reward.clone(), reward).prop_map(|(from, by_amount, first, second)| {
        let tier = |from: i64, reward| Tier {
            from_pieces: (!by_amount).then_some(from),
            from_amount: by_amount.then_some(from * 500),
            from_measure: None,
            reward,
        };
        Terms::Tiers { tiers: vec![tier(from, first), tier(from + 3, second)] }
    })
}

fn set(family: usize) -> impl Strategy<Value = Terms> {
    let reward = prop_oneof![
        (1_i64..3_000).prop_map(|amount| SetReward::Price { amount }),
        (1_i64..1_000).prop_map(|amount| SetReward::AmountOff { amount }),
        (percent(), prop::option::of(0..2_usize))
            .prop_map(|(percent, part)| SetReward::PercentOff { percent, part }),
        percent().prop_map(|percent| SetReward::CheapestOff { pieces: 1, percent }),
    ];
    (0..4_usize, 0..4_usize, 1_i64..3, 1_i64..3, reward).prop_map(move |(first, second, a, b, reward)| {
        let part = |number: usize, pieces| SetPart { goods: on(&[FAMILIES[family][number]]), pieces };
        Terms::Set { parts: vec![part(first, a), part(second, b)], reward }
    })
}

fn terms(family: usize) -> impl Strategy<Value = Terms> {
    prop_oneof![
        percent().prop_map(|percent| Terms::PercentOff { percent }),
        (1_i64..500).prop_map(|amount| Terms::AmountOff { amount }),
        (1_i64..1_500).prop_map(|amount| Terms::FixedPrice { amount }),
        (2_i64..5).prop_map(|take| Terms::TakePay { take, pay: take - 1 }),
        (2_i64..5, 100_i64..4_000).prop_map(|(take, amount)| Terms::TakeFor { take, amount }),
        (2_i64..5, percent()).prop_map(|(take, percent)| Terms::CheapestOff { take, pieces: 1, percent }),
        tiers(),
        set(family),
        (0_i64..6_000, 1_i64..1_000).prop_map(|(from_amount, amount)| Terms::Basket {
            from_amount,
            reward: BasketReward::AmountOff { amount }
        }),
        (0_i64..6_000, percent()).prop_map(|(from_amount, percent)| Terms::Basket {
            from_amount,
            reward: BasketReward::PercentOff { percent }
        }),
    ]
}

/// A promotion on goods of a family. It has no number yet.
fn row(family: usize) -> impl Strategy<Value = PromotionRow> {
    let combination = prop::sample::select(Combination::ALL.to_vec());
    let limits = (
        prop::option::of(1_i64..4),
        prop::option::weighted(0.2, 0_i64..4),
        prop::option::weighted(0.2, 1_i64..900),
    );
    let goods = prop::collection::btree_set(0..4_usize, 1..4);
    let who = (any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.2));
    (terms(family), combination, 0_i64..3, limits, goods, who).prop_map(
        move |(
            terms,
            combination,
            priority,
            (most, uses, money),
            goods,
            (with_down, members_only, has_ended),
        )| {
            let skus: Vec<&str> = goods.into_iter().map(|number| FAMILIES[family][number]).collect();
            let own = if matches!(terms, Terms::Set { .. }) { Goods::default() } else { on(&skus) };
            let budget = (uses.is_some() || money.is_some())
                .then(|| Budget { uses: uses.map(|uses| uses.max(1)), amount: money });
            PromotionRow {
                combination,
                priority,
                goods: own,
                basket_max: most,
                budget,
                members_only,
                includes_marked_down: with_down,
                valid_to: super::noon().and_utc()
                    + chrono::Duration::minutes(if has_ended { -60 } else { 60 }),
                ..promotion("P", terms)
            }
        },
    )
}

/// Promotions of a family with numbers that tell the families apart.
fn rows(family: usize) -> impl Strategy<Value = Vec<PromotionRow>> {
    prop::collection::vec(row(family), 0..6).prop_map(move |mut rows| {
        for (number, row) in rows.iter_mut().enumerate() {
            row.promotion = format!("P{family}{number}").parse().expect("a key");
        }
        rows
    })
}

fn number(line: usize) -> i64 {
    i64::try_from(line).expect("few")
}

struct Setting {
    mode: TaxMode,
    rounding: TaxRounding,
    is_member: bool,
}

fn setting() -> impl Strategy<Value = Setting> {
    (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(inside, sum, is_member)| Setting {
        mode: if inside { TaxMode::Inside } else { TaxMode::OnTop },
        rounding: if sum { TaxRounding::Sum } else { TaxRounding::Line },
        is_member,
    })
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} {:?} member={}", self.mode, self.rounding, self.is_member)
    }
}

/// Lines with these numbers.
fn lay<'a>(
    goods: impl Iterator<Item = (i64, &'a Good)>,
    deposit: &'a Sku,
    rows: &[PromotionRow],
    setting: &Setting,
) -> Basket<'a> {
    let item = |(line, good): (i64, &'a Good)| Item {
        line,
        sku: &good.sku,
        brand: None,
        category: &[],
        charge: good.charge,
        pieces: good.pieces,
        is_marked_down: good.is_marked_down,
        rate: rate(RATES[good.rate]),
        deposit: good.deposit.map(|amount| Deposit { sku: deposit, amount, rate: rate("19") }),
        seen: good.seen_before.map(|hours| {
            let local = super::noon() - chrono::Duration::hours(hours);
            Seen { at: local.and_utc(), local }
        }),
        ways: None,
    };
    let mut basket = basket(goods.map(item).collect());
    basket.place.tax_mode = setting.mode;
    basket.place.tax_rounding = setting.rounding;
    basket.customer = Customer { is_member: setting.is_member, ..Customer::default() };
    basket.left = rows
        .iter()
        .filter_map(|row| {
            let budget = row.budget?;
            Some((row.promotion.clone(), Left { uses: budget.uses, amount: budget.amount }))
        })
        .collect();
    basket.vouchers = vec![
        Voucher { id: "1".to_owned(), amount: 250, step: None },
        Voucher { id: "2".to_owned(), amount: 1_000, step: None },
        Voucher { id: "points".to_owned(), amount: 300, step: Some(7) },
    ];
    basket
}

fn all(goods: &[Good]) -> impl Iterator<Item = (i64, &Good)> {
    goods.iter().enumerate().map(|(line, good)| (number(line), good))
}

/// What each line costs, whatever the order: lines that are alike may change places.
fn amounts(goods: &[(i64, &Good)], priced: &Priced) -> Vec<String> {
    let mut amounts: Vec<String> = goods
        .iter()
        .zip(&priced.lines)
        .map(|((_, good), line)| format!("{good:?} {} {}", line.amount, line.tax))
        .collect();
    amounts.sort_unstable();
    amounts
}

fn adds_up(basket: &Basket<'_>, found: &Priced) -> Result<(), TestCaseError> {
    let sum = |amounts: &mut dyn Iterator<Item = crate::money::Money>| {
        amounts.map(crate::money::Money::minor).sum::<i64>()
    };
    let shelf = sum(&mut found.lines.iter().map(|line| line.amount))
        + sum(&mut found.deposits.iter().map(|deposit| deposit.amount))
        + sum(&mut found.surcharges.iter().map(|surcharge| surcharge.amount));
    let on_top = match basket.place.tax_mode {
        TaxMode::Inside => 0,
        TaxMode::OnTop => sum(&mut found.taxes.iter().map(|tax| tax.tax)),
    };
    prop_assert_eq!(found.total.minor(), shelf + on_top);
    for tax in &found.taxes {
        prop_assert_eq!(tax.net.plus(tax.tax), Ok(tax.gross));
        let lines = found.lines.iter().map(|line| (line.rate, line.tax, line.net));
        let deposits = found.deposits.iter().map(|deposit| (deposit.rate, deposit.tax, deposit.net));
        let own: Vec<_> = lines.chain(deposits).filter(|(rate, ..)| *rate == tax.rate).collect();
        prop_assert_eq!(own.iter().map(|(_, tax, _)| tax.minor()).sum::<i64>(), tax.tax.minor());
        prop_assert_eq!(own.iter().map(|(.., net)| net.minor()).sum::<i64>(), tax.net.minor());
    }
    for line in &found.lines {
        prop_assert!(line.amount.minor() >= 0 && line.tax.minor() >= 0);
        prop_assert_eq!(line.full.minor() - line.amount.minor(), found.saved_on(line.line));
    }
    for discount in &found.discounts {
        prop_assert_eq!(sum(&mut discount.lines.iter().map(|share| share.amount)), discount.amount.minor());
        prop_assert!(
            discount.amount.is_positive() && discount.lines.iter().all(|share| share.amount.minor() >= 0)
        );
    }
    prop_assert_eq!(sum(&mut found.discounts.iter().map(|discount| discount.amount)), found.saved.minor());
    let credit = sum(&mut found.credits.iter().map(|credit| credit.amount));
    prop_assert_eq!(found.total.minor() - credit, found.to_pay.minor());
    prop_assert!(found.to_pay.minor() >= 0);
    Ok(())
}

/// Each line's tax is within one unit of what Klarna computes of the line by itself.
fn taxes_fit_klarna(found: &Priced) -> Result<(), TestCaseError> {
    for line in &found.lines {
        let (amount, rate) = (line.amount.minor(), line.rate.thousandths());
        let exact = amount * rate / (100_000 + rate);
        prop_assert!((line.tax.minor() - exact).abs() <= 1);
    }
    Ok(())
}

fn limits_hold(rows: &[PromotionRow], found: &Priced) -> Result<(), TestCaseError> {
    for discount in &found.discounts {
        let Some(row) = rows.iter().find(|row| Some(&row.promotion) == discount.promotion.as_ref()) else {
            continue;
        };
        let uses = row.budget.and_then(|budget| budget.uses);
        let most = [row.basket_max, uses].into_iter().flatten().min().unwrap_or(i64::MAX);
        prop_assert!(discount.times <= most);
        let money = row.budget.and_then(|budget| budget.amount).unwrap_or(i64::MAX);
        prop_assert!(discount.amount.minor() <= money);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn totals_add_up_and_limits_hold(goods in goods(0), rows in rows(0), setting in setting()) {
        let deposit = sku("X");
        let basket = lay(all(&goods), &deposit, &rows, &setting);
        let found = priced(&basket, &prepared(&rows));
        adds_up(&basket, &found)?;
        limits_hold(&rows, &found)?;
        if setting.mode == TaxMode::Inside {
            taxes_fit_klarna(&found)?;
        }
        let promotions = prepared(&rows);
        prop_assert_eq!(&priced(&basket, &promotions), &found, "the same again");
        let ways: Vec<Ways> = basket.items.iter().map(|item| promotions.ways(Wares::of(item))).collect();
        let mut remembered = basket.clone();
        remembered.items.iter_mut().zip(&ways).for_each(|(item, ways)| item.ways = Some(ways));
        prop_assert_eq!(&priced(&remembered, &promotions), &found, "with remembered ways");
        prop_assert_eq!(&priced(&remembered, &prepared(&rows)), &found, "with those of another set");
        let record = Record::of(&basket, &prepared(&rows), found.clone());
        let text = serde_json::to_string(&record).expect("a record");
        let read: Record = serde_json::from_str(&text).expect("a record");
        prop_assert_eq!(read.price_again(), Ok(found), "and from its record");
    }

    #[test]
    fn the_order_of_scanning_and_of_delivery_does_not_matter(
        (goods, shuffled) in goods(0).prop_flat_map(|goods| {
            let numbered: Vec<(i64, Good)> = goods.iter().cloned().enumerate().map(|(line, good)| (number(line), good)).collect();
            (Just(goods), Just(numbered).prop_shuffle())
        }),
        rows in rows(0),
        setting in setting(),
    ) {
        let deposit = sku("X");
        let one = priced(&lay(all(&goods), &deposit, &rows, &setting), &prepared(&rows));
        // Scanned in another order they also have other numbers.
        let renumbered = || shuffled.iter().enumerate().map(|(line, (_, good))| (number(line), good));
        let mut reversed = rows.clone();
        reversed.reverse();
        let other = priced(&lay(renumbered(), &deposit, &rows, &setting), &prepared(&reversed));
        prop_assert_eq!(
            amounts(&all(&goods).collect::<Vec<_>>(), &one),
            amounts(&renumbered().collect::<Vec<_>>(), &other)
        );
        prop_assert_eq!((one.total, &one.taxes, one.points), (other.total, &other.taxes, other.points));
        let told = |priced: &Priced| {
            let of = |discount: &super::super::Discount| (discount.promotion.clone(), discount.times, discount.amount);
            priced.discounts.iter().map(of).collect::<Vec<_>>()
        };
        prop_assert_eq!(told(&priced(&lay(all(&goods), &deposit, &rows, &setting), &prepared(&rows))), told(&other));
    }

    #[test]
    fn what_is_unrelated_changes_no_line(
        own in goods(0), others in goods(1), own_rows in rows(0), other_rows in rows(1), setting in setting(),
    ) {
        let deposit = sku("X");
        let rows: Vec<PromotionRow> = own_rows.iter().chain(&other_rows).cloned().collect();
        let apart = priced(&lay(all(&own), &deposit, &rows, &setting), &prepared(&rows));
        let both: Vec<Good> = own.iter().chain(&others).cloned().collect();
        let together = priced(&lay(all(&both), &deposit, &rows, &setting), &prepared(&rows));
        for (one, other) in apart.lines.iter().zip(&together.lines) {
            prop_assert_eq!((one.line, one.amount), (other.line, other.amount));
        }
        // And what was taken out again leaves no trace.
        let again = priced(&lay(all(&own), &deposit, &rows, &setting), &prepared(&rows));
        prop_assert_eq!(apart, again);
    }

    #[test]
    fn a_shopper_never_does_worse_than_with_the_best_one_alone(goods in goods(0), mut rows in rows(0)) {
        for row in &mut rows {
            (row.combination, row.priority, row.budget) = (Combination::Exclusive, 0, None);
        }
        rows.retain(|row| !matches!(row.terms, Terms::Basket { .. }));
        let (deposit, setting) = (sku("X"), Setting { mode: TaxMode::Inside, rounding: TaxRounding::Sum, is_member: false });
        let saved = |rows: &[PromotionRow]| priced(&lay(all(&goods), &deposit, rows, &setting), &prepared(rows)).saved;
        let together = saved(&rows).minor();
        for row in &rows {
            let alone = saved(std::slice::from_ref(row)).minor();
            prop_assert!(alone <= together, "{} alone saves {}, all {}", row.promotion, alone, together);
        }
    }

    #[test]
    fn of_like_pieces_the_very_best_is_found(
        count in 1_i64..=20,
        price in 1_i64..1_000,
        sets in prop::collection::vec((2_i64..6, 1_i64..99), 1..=2),
        cut in 0_i64..60,
    ) {
        // Sets of so many pieces that save so many percent of one piece, and a percentage off what is in none.
        let mut rows: Vec<PromotionRow> = sets.iter().enumerate().map(|(number, (take, percent))| {
            let terms = Terms::CheapestOff { take: *take, pieces: 1, percent: rate(&percent.to_string()) };
            PromotionRow { goods: on(&["A"]), ..promotion(&format!("S{number}"), terms) }
        }).collect();
        if cut > 0 {
            let terms = Terms::PercentOff { percent: rate(&cut.to_string()) };
            rows.push(PromotionRow { goods: on(&["A"]), ..promotion("Z", terms) });
        }
        let off = |percent: i64| (price * percent * 2 + 100) / 200;
        // Worked out by trying every number of each set.
        let mut best = vec![0; usize::try_from(count).expect("few") + 1];
        for pieces in 1..=count {
            let at = |pieces: i64| usize::try_from(pieces).expect("few");
            let single = best[at(pieces - 1)] + off(cut);
            let set = sets.iter().filter(|(take, _)| *take <= pieces);
            let set = set.map(|(take, percent)| best[at(pieces - take)] + off(*percent)).max().unwrap_or(0);
            best[at(pieces)] = single.max(set);
        }
        let a = sku("A");
        let found = priced(&basket(vec![super::pieces(1, &a, count, price)]), &prepared(&rows));
        prop_assert_eq!(Some(&found.saved.minor()), best.last());
    }
}

#[test]
fn no_promotion_is_no_discount() {
    let a = sku("A");
    let found = priced(&basket(vec![super::pieces(1, &a, 3, 99)]), &Promotions::default());
    assert!(found.discounts.is_empty());
    assert_eq!(found.saved.minor(), 0);
}
