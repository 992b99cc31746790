//! The pricing engine by itself: nanoseconds a line of carts of three sizes, with a thousand promotions and with none; and over
//! HTTP in `large_cart.rs`.
//!
//! The promotions are of all kinds, as a grocer's week has them: most on a few products, some on brands and categories, a
//! handful on the basket. The carts are drawn from 10,000 products. Both sides price the same carts in turns: as the service
//! does with each scan, when the lines of a cart remember which promotions they lead to, and as it does for the first time.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use aisle::cart::pricing::{
    Basket, Charge, Customer, Item, Place, Promotions, TaxMode, TaxRounding, Wares, Ways, price,
};
use aisle::catalog::{
    BasketReward, Combination, Goods, PromotionRow, SetPart, SetReward, Terms, Tier, TierReward,
};
use aisle::clock::Moment;
use aisle::ids::Sku;
use aisle::money::{Currency, Rate};
use aisle::random::Random;

use crate::report::{Report, median, micros, ratio};
use crate::{Outcome, Settings, large_cart};

const PROMOTIONS: u64 = 1_000;
const PRODUCTS: u64 = 10_000;
const CATEGORIES: u64 = 40;
const SHELVES: u64 = 10;
const BRANDS: u64 = 300;
/// Lines of carts, and the most that one pricing should take.
const SIZES: [(usize, &str); 3] = [(10, ""), (100, "at most 50 µs"), (500, "")];
/// Carts of each size; each is priced so often a round.
const CARTS: u64 = 20;
const TIMES: u32 = 50;

struct Product {
    sku: Sku,
    brand: String,
    category: Vec<String>,
    price: i64,
    rate: Rate,
}

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut report = Report::default();
    alone(settings, &mut report)?;
    large_cart::run(settings, &mut report).await?;
    Ok(report)
}

/// A week's promotions on these products and on brands and categories.
pub fn promotions(skus: &[Sku], random: &Random) -> Outcome<Vec<PromotionRow>> {
    let products: Vec<Product> = skus
        .iter()
        .zip(0..)
        .map(|(sku, number)| Ok(Product { sku: sku.clone(), ..product(number, random)? }))
        .collect::<Outcome<_>>()?;
    (0..PROMOTIONS).map(|number| promotion(number, &products, random)).collect()
}

/// The engine by itself.
fn alone(settings: &Settings, report: &mut Report) -> Outcome<()> {
    let random = Random::seeded(11);
    let products: Vec<Product> =
        (0..PRODUCTS).map(|number| product(number, &random)).collect::<Outcome<_>>()?;
    let rows: Vec<Arc<PromotionRow>> = (0..PROMOTIONS)
        .map(|number| Ok(Arc::new(promotion(number, &products, &random)?)))
        .collect::<Outcome<_>>()?;
    let began = Instant::now();
    let promotions = Promotions::of(rows);
    let prepared = began.elapsed();
    let none = Promotions::default();
    report.row(
        &format!("pricing: {} promotions made ready", promotions.len()),
        &micros(nanos(prepared)),
        "",
        "",
        "",
    );
    for (lines, aim) in SIZES {
        let carts: Vec<Basket<'_>> =
            (0..CARTS).map(|_| cart(lines, &products, &random)).collect::<Outcome<_>>()?;
        let ways = |cart: &Basket<'_>| -> Vec<Ways> {
            cart.items.iter().map(|item| promotions.ways(Wares::of(item))).collect()
        };
        let ways: Vec<Vec<Ways>> = carts.iter().map(ways).collect();
        let remembered: Vec<Basket<'_>> =
            carts.iter().zip(&ways).map(|(cart, ways)| remembering(cart, ways)).collect();
        let (mut scans, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let none = measure(&carts, &none)?;
            scans.push((measure(&remembered, &promotions)?, none));
            firsts.push((measure(&carts, &promotions)?, none));
        }
        let per_line = median(scans.iter().map(|(ours, _)| *ours)) / u64::try_from(lines)?;
        let figure = format!(
            "pricing a cart of {lines} lines ({per_line} ns a line), {PROMOTIONS} promotions against none"
        );
        row(report, &figure, &scans, aim);
        row(report, "… for the first time", &firsts, "");
    }
    Ok(())
}

fn row(report: &mut Report, figure: &str, rounds: &[(u64, u64)], aim: &str) {
    let ours = median(rounds.iter().map(|(ours, _)| *ours));
    let none = median(rounds.iter().map(|(_, none)| *none));
    report.row(figure, &micros(ours), &micros(none), &ratio(rounds.iter().copied()), aim);
}

/// The same cart whose lines remember which promotions they lead to.
fn remembering<'a>(cart: &Basket<'a>, ways: &'a [Ways]) -> Basket<'a> {
    let items = cart.items.iter().zip(ways).map(|(item, ways)| Item { ways: Some(ways), ..*item });
    Basket { items: items.collect(), ..cart.clone() }
}

/// Nanoseconds of one pricing.
fn measure(carts: &[Basket<'_>], promotions: &Promotions) -> Outcome<u64> {
    let began = Instant::now();
    for _ in 0..TIMES {
        for cart in carts {
            black_box(price(black_box(cart), promotions)?);
        }
    }
    Ok(nanos(began.elapsed()) / (u64::from(TIMES) * CARTS))
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn amount(random: &Random, most: u64) -> i64 {
    i64::try_from(random.below(most)).unwrap_or(0) + 1
}

fn product(number: u64, random: &Random) -> Outcome<Product> {
    let category = number % CATEGORIES;
    let shelf = random.below(SHELVES);
    Ok(Product {
        sku: format!("{:07}", 1_000_000 + number).parse()?,
        brand: format!("Brand {}", random.below(BRANDS)),
        category: vec![
            "Food".to_owned(),
            format!("Category {category}"),
            format!("Shelf {category}.{shelf}"),
        ],
        price: 49 + amount(random, 900),
        rate: if number.is_multiple_of(5) { "19" } else { "7" }.parse()?,
    })
}

fn some(products: &[Product], count: u64, random: &Random) -> Goods {
    let any = || usize::try_from(random.below(PRODUCTS)).unwrap_or(0);
    let skus = (0..count).map(|_| products[any()].sku.clone()).collect();
    Goods { skus, ..Goods::default() }
}

fn promotion(number: u64, products: &[Product], random: &Random) -> Outcome<PromotionRow> {
    let percent = |percent: &str| percent.parse::<Rate>();
    let few = |count| some(products, count, random);
    let category = |deep: usize| {
        let path = products[usize::try_from(random.below(PRODUCTS)).unwrap_or(0)].category[..deep].to_vec();
        Goods { categories: vec![path], ..Goods::default() }
    };
    let tier = |from, percent| Tier {
        from_pieces: Some(from),
        from_amount: None,
        from_measure: None,
        reward: TierReward::PercentOff { percent },
    };
    let (goods, terms) = match number % 100 {
        0..30 => (few(5), Terms::FixedPrice { amount: amount(random, 400) }),
        30..45 => (few(20), Terms::PercentOff { percent: percent("20")? }),
        45..55 => (few(10), Terms::AmountOff { amount: amount(random, 50) }),
        55..70 => (few(12), Terms::TakePay { take: 3, pay: 2 }),
        70..78 => (few(12), Terms::TakeFor { take: 2, amount: 250 }),
        78..84 => (few(30), Terms::Tiers { tiers: vec![tier(2, percent("10")?), tier(4, percent("15")?)] }),
        84..89 => {
            let part = || SetPart { goods: few(15), pieces: 1 };
            let reward = SetReward::PercentOff { percent: percent("25")?, part: None };
            (Goods::default(), Terms::Set { parts: vec![part(), part()], reward })
        }
        89..93 => (category(3), Terms::PercentOff { percent: percent("10")? }),
        93..97 => {
            let brands = vec![format!("Brand {}", random.below(BRANDS))];
            (
                Goods { brands, ..Goods::default() },
                Terms::CheapestOff { take: 2, pieces: 1, percent: percent("50")? },
            )
        }
        97..99 => (category(3), Terms::PercentOff { percent: percent("15")? }),
        _ => {
            let reward = BasketReward::AmountOff { amount: 100 + amount(random, 400) };
            (category(2), Terms::Basket { from_amount: 2_000, reward })
        }
    };
    let time = |text: &str| text.parse::<Moment>();
    let year = (time("2026-01-01T00:00:00Z")?, time("2027-01-01T00:00:00Z")?);
    let row = PromotionRow::new(format!("P{number:04}").parse()?, format!("Offer {number}"), terms, year);
    let combination = if number % 10 == 3 { Combination::Stackable } else { Combination::Exclusive };
    Ok(PromotionRow { currency: Some(Currency::EUR), goods, combination, ..row })
}

fn cart<'a>(lines: usize, products: &'a [Product], random: &Random) -> Outcome<Basket<'a>> {
    let at: Moment = "2026-07-15T12:00:00Z".parse()?;
    let item = |line: usize| {
        let product = &products[usize::try_from(random.below(PRODUCTS)).unwrap_or(0)];
        Item {
            line: i64::try_from(line).unwrap_or(0),
            sku: &product.sku,
            brand: Some(&product.brand),
            category: &product.category,
            charge: Charge::Each { price: product.price, member: None },
            pieces: amount(random, 3),
            is_marked_down: false,
            rate: product.rate,
            deposit: None,
            seen: None,
            ways: None,
        }
    };
    Ok(Basket {
        place: Place { currency: Currency::EUR, tax_mode: TaxMode::Inside, tax_rounding: TaxRounding::Sum },
        at,
        local: at.naive_utc(),
        items: (0..lines).map(item).collect(),
        customer: Customer::default(),
        coupons: Vec::new(),
        left: BTreeMap::new(),
        surcharges: Vec::new(),
        vouchers: Vec::new(),
        points: None,
    })
}
