//! A day in the shop with everything going wrong at once: shoppers pay with PayPal or Klarna, give up and come back, owe and pay
//! later, take their money back behind our back; staff pick, pack, correct addresses, hand over, take back, refund and write off; the providers and the couriers
//! fail before and after, their events come twice, late or never, and the service is killed at moments that nobody chose. At the end our orders,
//! debts and ledger and the providers' books agree to the cent, a reconciliation finds nothing that payers
//! did not do, and each package of a delivery has one live parcel, whichever courier has it: the first one, another in its place, or the one that
//! the shopper chose of those that offered.
//!
//! What happens is drawn from a seed; a run that fails names it. `SIMULATION_SEED` chooses another day, `SIMULATION_TRIPS` a
//! longer one, `SIMULATION_KILLS` how often the service is killed:
//! `SIMULATION_TRIPS=3000 SIMULATION_KILLS=40 cargo nextest run --test it --no-capture -E 'test(simulation::)'`. It ends with one line
//! that says what happened.

mod books;
mod contest;
mod handling;
mod owed;
mod plan;
mod report;
mod statement;
mod trip;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aisle::random::Random;
use aisle::sandbox::{klarna, paypal, uber};
use futures_util::StreamExt;
use futures_util::stream;

use crate::support::killable::{Shop, within, within_at};
use plan::Plan;
use trip::{Crowd, Trip};

const SEED: usize = 20_261_130;
const TRIPS: usize = 80;
const KILLS: usize = 3;
/// Trips at the same time.
const AT_ONCE: usize = 6;
/// Everything has settled by then: a job in the hands of a killed worker waits for the end of its lease first, and one that
/// was tried often pauses for half a minute.
const SETTLED_TIMEOUT: Duration = Duration::from_secs(150);
/// How often all books are looked at until they agree.
const SETTLED_EVERY: Duration = Duration::from_millis(250);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_fails_and_whenever_the_service_is_killed_nobody_is_debited_twice_and_the_books_agree() {
    let [seed, trips, kills] =
        [("SEED", SEED), ("TRIPS", TRIPS), ("KILLS", KILLS)].map(|(name, default)| setting(name, default));
    let began = Instant::now();
    let shop = Shop::open().await;
    let crowd = Crowd::gather(&shop).await;
    let plans: Vec<Plan> = (0..trips).map(|number| Plan::draw(seed, number)).collect();
    let ended = AtomicUsize::new(0);
    let shopping = stream::iter(&plans)
        .map(|plan| async {
            let trip = Trip::make(&crowd, plan).await;
            ended.fetch_add(1, Ordering::Relaxed);
            trip
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<_>>();
    let (trips, ()) = tokio::join!(shopping, strike(&shop, seed, kills, trips, &ended));
    let shopped = began.elapsed();
    let left = report::left(&crowd).await;
    shop.paypal.clear_faults();
    shop.klarna.clear_faults();
    shop.paypal.set_webhook_controls(paypal::Controls::default());
    shop.klarna.set_callback_controls(klarna::Controls::default());
    shop.couriers.dhl.clear_faults();
    shop.couriers.gls.clear_faults().expect("cleared");
    shop.couriers.ups.clear_faults();
    shop.couriers.uber.clear_faults().expect("cleared");
    shop.couriers.uber.set_oddities(uber::Oddities::default()).expect("set");
    // By then the courier knows its parcels by their references.
    shop.couriers.dhl.advance_clock(31 * 60).expect("a moment that exists");
    for is_all_told in [false, true] {
        let mut faults = Vec::new();
        let settled = within_at(SETTLED_EVERY, SETTLED_TIMEOUT, async || {
            crowd.settle_reviews();
            shop.database.hasten_searches().await;
            faults = books::faults(&crowd, &trips, is_all_told).await;
            faults.is_empty()
        });
        assert!(settled.await, "seed {seed}: {faults:#?}\n{}", shop.log());
        if !is_all_told {
            statement::learn(&shop).await;
        }
    }
    let differences = statement::differences(&shop).await;
    assert!(differences.is_empty(), "seed {seed}: {differences:#?}");
    let (dead, wrong) = shop.database.left_behind();
    assert!(dead.is_empty() && wrong.is_empty(), "seed {seed}: {dead:#?}, {wrong:#?}");
    report::tell(&crowd, &trips, left, (seed, kills), [shopped, began.elapsed()]).await;
}

/// Kills the service so many times, spread over the trips, at moments in between that the seed draws.
async fn strike(shop: &Shop, seed: usize, kills: usize, trips: usize, ended: &AtomicUsize) {
    let random = Random::seeded(u64::try_from(seed).expect("a small number"));
    for kill in 1..=kills {
        let enough = trips * kill / (kills + 1);
        within(Duration::from_hours(1), async || ended.load(Ordering::Relaxed) >= enough).await;
        // Some time after a trip has ended others are in the middle of anything.
        let moment = Instant::now() + Duration::from_millis(random.below(150));
        within(Duration::from_secs(1), async || Instant::now() >= moment).await;
        shop.kill();
        shop.restart().await;
    }
}

#[expect(clippy::disallowed_methods, reason = "settings of the test itself, not of the service")]
fn setting(name: &str, default: usize) -> usize {
    let text = std::env::var(format!("SIMULATION_{name}"));
    text.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("SIMULATION_{name} is a number")))
}
