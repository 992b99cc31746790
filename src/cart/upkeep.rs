//! Lets go, each night, of what quotes were priced with when nobody can ask for it any more, and of claims that are over
//! (`over.rs`).
//!
//! A quote that was paid can be explained as long as its receipt must be kept; one that nobody said yes to, for as long as
//! staff look into what shoppers tell.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::{over, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db;
use crate::env::Env;
use crate::jobs::{self, Job, Lease};

/// The hour of the day (UTC) in which old records are removed, apart from that of the catalogue's.
const HOUR: i64 = 3;
/// Longer than this nothing is kept: ten years and some days.
const DAYS_MAX: i64 = 3_660;

/// Settings of carts.
///
/// `AISLE_KEEP_QUOTES_DAYS` (default 30): what quotes were priced with that nobody paid for. `AISLE_KEEP_RECEIPTS_DAYS` (3653,
/// the ten years for which receipts are kept in much of Europe): what paid ones were priced with, so that each receipt can be
/// explained. `AISLE_KEEP_CLAIMS_DAYS` (90): what was had of promotions and coupons, from the end of the promotion on, and prices
/// that changed between scan and checkout.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Days for quotes that were not paid.
    pub quotes_days: i64,
    /// Days for those that were.
    pub receipts_days: i64,
    /// Days for claims of promotions that ended.
    pub claims_days: i64,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let days = |name, otherwise| env.within(name, "a whole number of days", 1..=DAYS_MAX, otherwise);
        Self {
            quotes_days: days("AISLE_KEEP_QUOTES_DAYS", 30),
            receipts_days: days("AISLE_KEEP_RECEIPTS_DAYS", 3_653),
            claims_days: days("AISLE_KEEP_CLAIMS_DAYS", 90),
        }
    }
}

/// The job that lets go of old records, once a night.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Upkeep {
    /// Which night: days since 1970.
    day: i64,
}

impl Job for Upkeep {
    const KIND: &'static str = "cart.upkeep";

    fn subject(&self) -> String {
        self.day.to_string()
    }
}

/// Makes sure that the next upkeep is asked for. Call it at start; from then on each asks for the next.
pub async fn schedule_upkeep(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (next, run_at) = next(now);
    jobs::enqueue_at(&mut tx, &app.ids, now, &next, run_at).await?;
    tx.commit().await
}

/// Does [`Upkeep`]. The next one is asked for first: one that fails does not end it.
pub async fn upkeep(app: &App, lease: &Lease) -> jobs::Outcome {
    let now = app.clock.now();
    schedule_upkeep(app).await?;
    let keep = app.config.cart;
    let before = |days| now - Duration::days(days);
    let removed =
        store::remove_records(&app.db, before(keep.quotes_days), before(keep.receipts_days)).await?;
    for (what, rows) in ["unpaid", "paid"].into_iter().zip(removed) {
        metrics::counter!("aisle_price_records_removed_total", "what" => what).increment(rows);
        tracing::info!(what, rows, "old records of quotes were removed");
    }
    let claims = over::remove(&app.db, before(keep.claims_days)).await?;
    metrics::counter!("aisle_claims_removed_total").increment(claims);
    tracing::info!(rows = claims, "claims that are over were removed");
    lease.commit(app.db.begin().await?).await
}

/// The first night that is still to come.
fn next(now: Moment) -> (Upkeep, Moment) {
    const SECONDS: i64 = 86_400;
    let seconds = now.timestamp() - HOUR * 3_600;
    let day = seconds.div_euclid(SECONDS) + 1;
    (Upkeep { day }, now + Duration::seconds(day * SECONDS - seconds))
}
