//! The index in memory by itself: nanoseconds of a lookup beside a plain hash map of the same keys in the same run, both
//! while nothing changes and while batches of 1,000 changes land ten times a second; and bytes a product.
//!
//! A lookup here is what a scan needs of the index: taking the snapshot, and from a number to what the store asks for it,
//! through table, product and price lists. The plain map leads from the number to the price in one step, and is never
//! changed.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aisle::catalog::{
    Change, Gtin, NetContent, NetUnit, PricePromise, ProductRow, Snapshot, Store, StoreAddress,
};
use aisle::clock::Clock;
use aisle::ids::{PriceListId, Sku, StoreId};
use aisle::money::Money;
use aisle::random::Random;
use arc_swap::ArcSwap;
use hashbrown::HashMap;

use crate::report::{Report, median, percentile, ratio};
use crate::{Outcome, Settings, shop};

/// Changes of a batch.
const CHANGES: u64 = 1_000;
/// Between two batches.
const PAUSE: Duration = Duration::from_millis(100);
/// Lookups of a round.
const LOOKUPS: usize = 2_000_000;
/// Codes of a large cart.
const BASKET: usize = 50;
/// Every one of so many lookups is timed by itself.
const TIMED_OF: usize = 16;
/// Codes of ten products: every fifth product has a second one.
const CODES_OF_TEN: u64 = 12;

struct Keys {
    store: StoreId,
    list: PriceListId,
    region: PriceListId,
}

pub fn run(settings: &Settings, codes: u64) -> Outcome<Report> {
    let keys = Keys { store: shop::STORE.parse()?, list: "de".parse()?, region: "de-west".parse()? };
    let products = codes * 10 / CODES_OF_TEN;
    let before = resident()?;
    let snapshot = build(&keys, products)?;
    let bytes = resident()? - before;
    let mut report = Report::default();
    report.row(
        &format!(
            "index: bytes of memory a product, {products} with 1.2 codes and 2 prices, answers included"
        ),
        &(bytes / products).to_string(),
        "",
        "",
        "at most 300",
    );
    let order = shuffled(codes);
    let plain: HashMap<u64, (u32, i64)> = order.iter().map(|gtin| (gtin.value(), (1, 119))).collect();
    let current = Arc::new(ArcSwap::from_pointee(snapshot));
    for (figure, changes) in [("nothing changes", false), ("10 batches a second land", true)] {
        let stop = Arc::new(AtomicBool::new(false));
        let writer = changes.then(|| write(&current, products, &stop)).transpose()?;
        let (mut single, mut baskets) = (Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let now = Clock::System.now();
            let price = |view: &Snapshot, gtin| view.price_of(&keys.store, gtin, now).map_or(0, Money::minor);
            let of_plain = |gtin: Gtin| plain.get(&gtin.value()).map_or(0, |(_, price)| *price);
            single.push((
                one_by_one(&order, |gtin| price(&current.load(), gtin)),
                one_by_one(&order, of_plain),
            ));
            baskets.push((
                by_basket(&order, |basket| {
                    let view = current.load();
                    basket.iter().map(|gtin| price(&view, *gtin)).sum()
                }),
                by_basket(&order, |basket| basket.iter().map(|gtin| of_plain(*gtin)).sum()),
            ));
        }
        stop.store(true, Ordering::Release);
        let landed =
            writer.map(std::thread::JoinHandle::join).transpose().map_err(|_| "the writer failed")?;
        let note = landed
            .map_or(String::new(), |(count, took_us)| format!(" ({count} landed, each in {took_us} µs)"));
        let figure = format!("index of {codes} codes, {figure}{note}: a lookup");
        row(&mut report, &figure, &single, |seen| seen.mean_ns, "at most 1.3");
        row(&mut report, "… 99.9 of 100 are faster than", &single, |seen| seen.p999_ns, "");
        row(&mut report, "… a lookup of fifty on one snapshot", &baskets, |ns| *ns, "");
    }
    Ok(report)
}

fn row<T>(report: &mut Report, figure: &str, rounds: &[(T, T)], of: fn(&T) -> u64, aim: &str) {
    report.row(
        figure,
        &format!("{} ns", median(rounds.iter().map(|(ours, _)| of(ours)))),
        &format!("{} ns plain map", median(rounds.iter().map(|(_, plain)| of(plain)))),
        &ratio(rounds.iter().map(|(ours, plain)| (of(ours), of(plain)))),
        aim,
    );
}

struct Seen {
    mean_ns: u64,
    p999_ns: u64,
}

/// Looks keys up one after the other, as requests come: each has to wait for the one before. Once in one go for the mean,
/// once with single lookups timed.
fn one_by_one(order: &[Gtin], look_up: impl Fn(Gtin) -> i64) -> Seen {
    let began = Instant::now();
    let mut next = 0;
    for _ in 0..LOOKUPS {
        let price = look_up(order[next]);
        // Which key is next depends on the price that was found: the processor can't begin early.
        next += 1 + usize::from(price == i64::MIN);
        if next >= order.len() {
            next = 0;
        }
    }
    let mean_ns = nanos(began.elapsed()) / u64::try_from(LOOKUPS).unwrap_or(1);
    black_box(next);
    let single = order.iter().cycle().skip(LOOKUPS / 2).take(LOOKUPS).step_by(TIMED_OF).map(|gtin| {
        let began = Instant::now();
        black_box(look_up(*gtin));
        nanos(began.elapsed())
    });
    // Percentiles of the report are whole ones: of the slowest hundredth, the slowest tenth begins at 99.9.
    let mut times: Vec<u64> = single.collect();
    times.sort_unstable();
    let slowest = times.split_off(times.len() - times.len() / 100);
    Seen { mean_ns, p999_ns: percentile(slowest, 90) }
}

/// Looks fifty keys up at a time, as a cart is priced: the processor may work on several at once. Answers nanoseconds of
/// one.
fn by_basket(order: &[Gtin], look_up: impl Fn(&[Gtin]) -> i64) -> u64 {
    let began = Instant::now();
    let found: i64 = order.chunks(BASKET).cycle().take(LOOKUPS / BASKET).map(look_up).sum();
    black_box(found);
    nanos(began.elapsed()) / u64::try_from(LOOKUPS).unwrap_or(1)
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Numbers of all codes in random order.
fn shuffled(codes: u64) -> Vec<Gtin> {
    let mut order: Vec<Gtin> = (0..codes).filter_map(|number| shop::code(number).parse().ok()).collect();
    let random = Random::seeded(7);
    for place in (1..order.len()).rev() {
        let other = random.below(u64::try_from(place).unwrap_or(0) + 1);
        order.swap(place, usize::try_from(other).unwrap_or(0));
    }
    order
}

fn sku(number: u64) -> Outcome<Sku> {
    Ok(format!("{:07}", 1_000_000 + number).parse()?)
}

fn product(number: u64) -> Outcome<ProductRow> {
    let name = format!("Haferdrink ohne Zucker Nr. {number} 1 l");
    Ok(ProductRow {
        brand: Some("Feldfrisch".to_owned()),
        net_content: Some(NetContent { amount: 1_000, unit: NetUnit::Millilitre }),
        weight_grams: Some(1_050),
        deliverable: true,
        ..ProductRow::new(sku(number)?, name, "reduced".parse()?)
    })
}

fn build(keys: &Keys, products: u64) -> Outcome<Snapshot> {
    let mut change = Change::of(&Snapshot::empty());
    change.reserve(usize::try_from(products)?, usize::try_from(products * CODES_OF_TEN / 10)?);
    let currency = "EUR".parse()?;
    change.price_list(keys.list.clone(), currency, true);
    change.price_list(keys.region.clone(), currency, true);
    change.store(Store {
        store: keys.store.clone(),
        name: "Bonn, Markt".to_owned(),
        address: StoreAddress {
            street: "Markt".to_owned(),
            house_number: "1".to_owned(),
            postal_code: "53111".to_owned(),
            city: "Bonn".to_owned(),
        },
        country: "DE".to_owned(),
        currency,
        time_zone: "Europe/Berlin".to_owned(),
        price_lists: vec![keys.region.clone(), keys.list.clone()],
        languages: Vec::new(),
        code_templates: Vec::new(),
        near_date_markdowns: Vec::new(),
        price_promise: PricePromise::Locked,
        best_before_passed: aisle::catalog::BestBeforePassed::Warn,
        categories: Vec::new(),
        till: aisle::catalog::TillRules::default(),
    });
    for number in 0..products {
        change.product(&product(number)?, true);
        let sku = sku(number)?;
        change.code(shop::code(number).parse()?, &sku, 1, true);
        if number % 5 == 0 {
            change.code(shop::code(products + number / 5).parse()?, &sku, 1, true);
        }
        change.price(&keys.list, &sku, Some(129));
        change.price(&keys.region, &sku, Some(119));
    }
    Ok(change.finish(1))
}

type Landed = (u64, u64);

/// Lets batches land until told to stop: nine changes in ten are prices, one is a product. Answers how many landed, and
/// the microseconds that one took.
fn write(
    current: &Arc<ArcSwap<Snapshot>>,
    products: u64,
    stop: &Arc<AtomicBool>,
) -> Outcome<std::thread::JoinHandle<Landed>> {
    let (current, stop) = (Arc::clone(current), Arc::clone(stop));
    let list: PriceListId = "de".parse()?;
    Ok(std::thread::spawn(move || {
        let random = Random::seeded(8);
        let (mut landed, mut took) = (0, Duration::ZERO);
        while !stop.load(Ordering::Acquire) {
            let began = Instant::now();
            let mut change = Change::of(&current.load());
            for count in 0..CHANGES {
                let number = random.below(products);
                if let (true, Ok(product)) = (count % 10 == 0, product(number)) {
                    change.product(&product, true);
                } else if let Ok(sku) = sku(number) {
                    change.price(&list, &sku, Some(100 + i64::try_from(count).unwrap_or(0)));
                }
            }
            landed += 1;
            current.store(Arc::new(change.finish(1 + i64::try_from(landed).unwrap_or(0))));
            took += began.elapsed();
            std::thread::sleep(PAUSE.saturating_sub(began.elapsed()));
        }
        (landed, u64::try_from(took.as_micros()).unwrap_or(0) / landed.max(1))
    }))
}

/// Bytes of this process in memory.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes * 1024)
}
