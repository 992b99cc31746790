//! Reads `examples.txt` and compares each row with what the engine says.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::super::{
    Charge, Deposit, Item, Left, PointsRule, Priced, Surcharge, TaxMode, TaxRounding, Voucher,
};
use super::{basket, noon, prepared, priced, promotion, rate, sku};
use crate::catalog::{
    BasketReward, Budget, Combination, Goods, Hours, PromotionRow, SetPart, SetReward, Terms, Tier,
    TierReward,
};
use crate::ids::Sku;
use crate::money::{Currency, Rate};
use crate::quantity::{Quantity, Unit};

const TABLE: &str = include_str!("examples.txt");
/// So many examples at least.
const EXAMPLES_MIN: usize = 60;

#[test]
fn every_worked_example_comes_out_as_it_was_worked_by_hand() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [name, goods, promotions, setting, expected, sum] = columns[..] else {
            panic!("a row has six columns: {line}")
        };
        assert!(!sum.is_empty(), "{name} has no sum");
        count += 1;
        let example = Example::read(goods, promotions, setting);
        let found = example.price();
        let names = found.names();
        for each in expected.split_whitespace() {
            let (what, value) = each.split_once('=').expect("what=value");
            let value = if what == "points" { value.parse().expect("points") } else { example.minor(value) };
            if names.get(what).copied().unwrap_or_default() != value {
                wrong.push(format!("{name}: {what} is {:?}, worked out {value}", names.get(what)));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(count >= EXAMPLES_MIN, "{count} examples");
}

struct Good {
    sku: Sku,
    brand: Option<String>,
    category: Vec<String>,
    charge: Charge,
    pieces: i64,
    rate: Rate,
    deposit: Option<(Sku, i64, Rate)>,
    is_marked_down: bool,
}

impl Good {
    fn item(&self, line: i64) -> Item<'_> {
        let deposit = self.deposit.as_ref();
        Item {
            line,
            sku: &self.sku,
            brand: self.brand.as_deref(),
            category: &self.category,
            charge: self.charge,
            pieces: self.pieces,
            is_marked_down: self.is_marked_down,
            rate: self.rate,
            deposit: deposit.map(|(sku, amount, rate)| Deposit { sku, amount: *amount, rate: *rate }),
            seen: None,
            ways: None,
        }
    }
}

struct Example {
    currency: Currency,
    goods: Vec<Good>,
    promotions: Vec<PromotionRow>,
    setting: Vec<String>,
}

struct Found {
    priced: Priced,
    skus: Vec<Sku>,
}

impl Found {
    /// Everything that a row may expect, by its name there.
    fn names(&self) -> BTreeMap<String, i64> {
        let Priced { lines, deposits, taxes, discounts, credits, .. } = &self.priced;
        let mut names = BTreeMap::new();
        let mut seen: BTreeMap<&Sku, usize> = BTreeMap::new();
        for (line, sku) in lines.iter().zip(&self.skus) {
            let count = seen.entry(sku).or_default();
            *count += 1;
            let name = if *count == 1 { sku.to_string() } else { format!("{sku}#{count}") };
            names.insert(format!("lineTax({name})"), line.tax.minor());
            names.insert(name, line.amount.minor());
        }
        for deposit in deposits {
            let place = lines.iter().position(|line| line.line == deposit.line).expect("its line");
            names.insert(format!("dep({})", self.skus[place]), deposit.amount.minor());
        }
        for tax in taxes {
            names.insert(format!("tax{}", tax.rate.as_percent()), tax.tax.minor());
        }
        for discount in discounts {
            if let Some(promotion) = &discount.promotion {
                names.insert(format!("-{promotion}"), discount.amount.minor());
            }
        }
        let credit = credits.iter().map(|credit| credit.amount.minor()).sum();
        let rest = [
            ("total", self.priced.total.minor()),
            ("pay", self.priced.to_pay.minor()),
            ("saved", self.priced.saved.minor()),
            ("credits", credit),
            ("points", self.priced.points),
        ];
        names.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        names
    }
}

impl Example {
    fn read(goods: &str, promotions: &str, setting: &str) -> Self {
        let setting: Vec<String> = setting.split_whitespace().map(str::to_owned).collect();
        let currency = if setting.iter().any(|each| each == "jpy") { "JPY" } else { "EUR" };
        let currency = currency.parse().expect("a currency");
        let mut example = Self { currency, goods: Vec::new(), promotions: Vec::new(), setting };
        example.goods = goods.split(';').map(|good| example.good(good.trim())).collect();
        let promotions = promotions.split(';').map(str::trim).filter(|each| !each.is_empty());
        example.promotions = promotions.map(|each| example.promotion(each)).collect();
        example
    }

    /// Minor units of an amount as it is written.
    fn minor(&self, text: &str) -> i64 {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = usize::try_from(self.currency.digits()).expect("few");
        assert_eq!(part.len(), digits, "{text} has other decimals than its currency");
        format!("{whole}{part}").parse().unwrap_or_else(|_| panic!("{text} is no amount"))
    }

    fn good(&self, text: &str) -> Good {
        let words: Vec<&str> = text.split_whitespace().collect();
        let is_label = words[1].ends_with("label");
        let (priced, rest) = if is_label { (words[2], &words[3..]) } else { (words[1], &words[2..]) };
        let (amount, percent) = priced.split_once('@').expect("a rate");
        let of = |name: &str| rest.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let member = of("member").map(|price| self.minor(price));
        let (pieces, charge) = if is_label {
            (1, Charge::Label { amount: self.minor(amount), is_by_measure: words[1] == "weighed-label" })
        } else if let Some((measure, price)) = amount.split_once('*') {
            let grams =
                |text: &str| text.strip_suffix('g').and_then(|text| text.parse().ok()).expect("grams");
            let (price, per) = price.split_once('/').expect("a price for so much");
            let (price, measure, per) = (self.minor(price), grams(measure), grams(per));
            (1, Charge::Measured { price, member, measure, unit: Unit::Gram, per })
        } else {
            let (pieces, price) = amount.split_once('x').expect("pieces x price");
            (pieces.parse().expect("pieces"), Charge::Each { price: self.minor(price), member })
        };
        let deposit = of("dep").and_then(|deposit| deposit.split_once('@'));
        Good {
            sku: sku(words[0]),
            brand: of("brand").map(str::to_owned),
            category: of("cat").map(path).unwrap_or_default(),
            charge,
            pieces,
            rate: rate(percent),
            deposit: deposit.map(|(amount, percent)| (sku("D"), self.minor(amount), rate(percent))),
            is_marked_down: rest.contains(&"reduced"),
        }
    }

    fn promotion(&self, text: &str) -> PromotionRow {
        let (id, text) = text.split_once(':').expect("a number before the promotion");
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|word| *word == "on");
        let terms = self.terms(&words[..at.unwrap_or(words.len())]);
        let how = at.map_or(&[][..], |at| &words[at + 1..]);
        let mut row = PromotionRow { currency: Some(self.currency), ..promotion(id.trim(), terms) };
        for word in how {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let number = || value.parse().expect("a number");
            match name {
                "stack" => row.combination = Combination::Stackable,
                "alone" => row.combination = Combination::Alone,
                "prio" => row.priority = number(),
                "max" => row.basket_max = Some(number()),
                "shopper" => row.shopper_max = Some(number()),
                "uses" => row.budget = Some(Budget { uses: Some(1_000), amount: None }),
                "money" => row.budget = Some(Budget { uses: None, amount: Some(1_000_000) }),
                "members" => row.members_only = true,
                "segment" => row.segments = vec![value.to_owned()],
                "coupon" => row.needs_coupon = true,
                "reduced" => row.includes_marked_down = true,
                "hours" => row.hours = vec![hours(value)],
                _ => add_goods(&mut row.goods, word),
            }
        }
        row
    }

    fn terms(&self, words: &[&str]) -> Terms {
        let minor = |text: &str| self.minor(text);
        let number = |text: &str| text.parse::<i64>().expect("a number");
        match words {
            ["pct", percent] => Terms::PercentOff { percent: rate(percent) },
            ["off", amount] => Terms::AmountOff { amount: minor(amount) },
            ["price", amount] => Terms::FixedPrice { amount: minor(amount) },
            ["points", points] => Terms::ExtraPoints { points: number(points) },
            ["take", take, "pay", pay] => Terms::TakePay { take: number(take), pay: number(pay) },
            ["take", take, "for", amount] => Terms::TakeFor { take: number(take), amount: minor(amount) },
            ["cheapest", pieces, "of", take, percent] => {
                Terms::CheapestOff { take: number(take), pieces: number(pieces), percent: rate(percent) }
            }
            ["tiers", tiers @ ..] => {
                Terms::Tiers { tiers: tiers.iter().map(|tier| self.tier(tier)).collect() }
            }
            ["basket", from, reward] => {
                let reward = match reward.strip_suffix('%') {
                    Some(percent) => BasketReward::PercentOff { percent: rate(percent) },
                    None => BasketReward::AmountOff { amount: -minor(reward) },
                };
                Terms::Basket { from_amount: minor(from), reward }
            }
            ["set", rest @ ..] => {
                let count = rest.iter().take_while(|word| word.contains('*')).count();
                let part = |word: &&str| {
                    let (goods, pieces) = word.split_once('*').expect("goods*pieces");
                    let mut part = SetPart { goods: Goods::default(), pieces: number(pieces) };
                    add_goods(&mut part.goods, goods);
                    part
                };
                let reward = match &rest[count..] {
                    ["for", amount] => SetReward::Price { amount: minor(amount) },
                    ["off", amount] => SetReward::AmountOff { amount: minor(amount) },
                    ["pct", percent] => SetReward::PercentOff { percent: rate(percent), part: None },
                    ["pct", percent, "of", part] => {
                        SetReward::PercentOff { percent: rate(percent), part: part.parse().ok() }
                    }
                    ["cheapest", pieces, percent] => {
                        SetReward::CheapestOff { pieces: number(pieces), percent: rate(percent) }
                    }
                    other => panic!("{other:?} is no reward"),
                };
                Terms::Set { parts: rest[..count].iter().map(part).collect(), reward }
            }
            other => panic!("{other:?} are no terms"),
        }
    }

    fn tier(&self, text: &str) -> Tier {
        let (from, reward) = text.split_once(':').expect("from:reward");
        let reward = if let Some(percent) = reward.strip_suffix('%') {
            TierReward::PercentOff { percent: rate(percent) }
        } else if let Some(price) = reward.strip_prefix('=') {
            TierReward::FixedPrice { amount: self.minor(price) }
        } else {
            TierReward::AmountOff { amount: -self.minor(reward) }
        };
        let mut tier = Tier { from_pieces: None, from_amount: None, from_measure: None, reward };
        if let Some(grams) = from.strip_suffix('g') {
            tier.from_measure = Quantity::new(grams.parse().expect("grams"), Unit::Gram).ok();
        } else if from.contains('.') {
            tier.from_amount = Some(self.minor(from));
        } else {
            tier.from_pieces = from.parse().ok();
        }
        tier
    }

    fn price(&self) -> Found {
        let items = (1..).zip(&self.goods).map(|(line, good)| good.item(line)).collect();
        let mut basket = basket(items);
        basket.place.currency = self.currency;
        for (number, word) in self.setting.iter().enumerate() {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let of = || value.split_once(':').expect("number:value");
            match name {
                "member" => basket.customer.is_member = true,
                "segment" => basket.customer.segments.push(value.to_owned()),
                "used" => {
                    let (id, times) = of();
                    basket.customer.uses.insert(id.parse().expect("a key"), times.parse().expect("times"));
                }
                "left" => {
                    let (id, left) = of();
                    let is_money = left.contains('.');
                    let left = Left {
                        uses: (!is_money).then(|| left.parse().expect("times")),
                        amount: is_money.then(|| self.minor(left)),
                    };
                    basket.left.insert(id.parse().expect("a key"), left);
                }
                "coupon" => basket.coupons.push(value.parse().expect("a key")),
                "at" => basket.local = local(value),
                "voucher" => {
                    basket.vouchers.push(Voucher {
                        id: number.to_string(),
                        amount: self.minor(value),
                        step: None,
                    });
                }
                "pay-points" => {
                    let (amount, step) = of();
                    let (amount, step) = (self.minor(amount), Some(self.minor(step)));
                    basket.vouchers.push(Voucher { id: "points".to_owned(), amount, step });
                }
                "fee" => {
                    let (amount, percent) = value.split_once('@').expect("a rate");
                    let (amount, rate) = (self.minor(amount), rate(percent));
                    basket.surcharges.push(Surcharge {
                        name: "fee".to_owned(),
                        amount,
                        rate,
                        is_for_delivery: false,
                    });
                }
                "points" => {
                    let (per, points) = of();
                    let (per, points) = (self.minor(per), points.parse().expect("points"));
                    basket.points = Some(PointsRule { per, points });
                }
                "us" => basket.place.tax_mode = TaxMode::OnTop,
                "line-tax" => basket.place.tax_rounding = TaxRounding::Line,
                "jpy" => {}
                other => panic!("{other} is no setting"),
            }
        }
        let priced = priced(&basket, &prepared(&self.promotions));
        Found { priced, skus: self.goods.iter().map(|good| good.sku.clone()).collect() }
    }
}

fn path(text: &str) -> Vec<String> {
    text.split('/').map(str::to_owned).collect()
}

fn add_goods(goods: &mut Goods, text: &str) {
    for each in text.split(['+', '&']) {
        if let Some(except) = each.strip_prefix("!cat:") {
            goods.except_categories.push(path(except));
        } else if let Some(except) = each.strip_prefix('!') {
            goods.except.push(sku(except));
        } else if let Some(brand) = each.strip_prefix("brand:") {
            goods.brands.push(brand.to_owned());
        } else if let Some(category) = each.strip_prefix("cat:") {
            goods.categories.push(path(category));
        } else if each != "all" {
            goods.skus.push(sku(each));
        }
    }
}

fn hours(text: &str) -> Hours {
    let parts: Vec<&str> = text.split(',').collect();
    let [days, from, to] = parts[..] else { panic!("{text} are no hours") };
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let day = |text: &str| text.parse::<u8>().expect("a day");
    Hours { days: (day(first)..=day(last)).collect(), from: from.to_owned(), to: to.to_owned() }
}

/// A time of day on a day of the week.
fn local(text: &str) -> chrono::NaiveDateTime {
    let (day, time) = text.split_once(',').expect("day,time");
    let day: i64 = day.parse().expect("a day");
    let monday = noon().date() - chrono::Duration::days(noon().weekday().num_days_from_monday().into());
    let time = chrono::NaiveTime::parse_from_str(time, "%H:%M").expect("a time");
    (monday + chrono::Duration::days(day - 1)).and_time(time)
}
