//! Lets go of what nobody needs any more, each night, so that nothing grows for ever; and of held batches whose deadline is
//! over, each hour.
//!
//! What is sold is never touched: products, codes and prices stay until they are taken back, and then as tombstones. Of prices
//! that ended all stays that the lowest price of 30 days beside a reduction is made of.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::batches;
use super::store::upkeep::{self, Ends};
use crate::app::App;
use crate::clock::Moment;
use crate::db;
use crate::env::Env;
use crate::jobs::{self, Job, Lease};

/// The hour of the day (UTC) in which old rows are removed: the shops that the defaults are made for are closed.
const HOUR: i64 = 2;
/// The look-back before a reduction, and a day for clocks and time zones.
const PRICE_DAYS_MIN: i64 = 31;
/// Longer than this nothing is kept: ten years.
const DAYS_MAX: i64 = 3_660;

/// How many days things are kept.
///
/// `AISLE_KEEP_CLOSED_DAYS` (default 90): rows of the work list that were decided about. `AISLE_KEEP_NAMELESS_DAYS` (30): rows
/// kept aside that name nothing. `AISLE_KEEP_ROWS_DAYS` (90): what became of the single rows of a batch.
/// `AISLE_KEEP_BATCHES_DAYS` (400): batches, and what each was like; until then the same id is answered as before.
/// `AISLE_KEEP_UNKNOWN_CODES_DAYS` (90): codes that nobody scans any more. `AISLE_KEEP_PRICES_DAYS` (31): prices that ended.
#[derive(Clone, Copy, Debug)]
pub struct Keep {
    /// Decided rows of the work list.
    pub closed_days: i64,
    /// Rows kept aside that name nothing.
    pub nameless_days: i64,
    /// Refusals and outcomes of batches.
    pub rows_days: i64,
    /// Batches.
    pub batches_days: i64,
    /// Codes that were scanned in vain.
    pub unknown_codes_days: i64,
    /// Prices that ended.
    pub prices_days: i64,
    /// How long batches from before there was a deadline are held.
    held_days: i64,
}

impl Keep {
    /// Reads the settings; `held_days` is what held batches are given.
    pub(super) fn read(env: &Env, held_days: i64) -> Self {
        let days =
            |name, otherwise, least| env.within(name, "a whole number of days", least..=DAYS_MAX, otherwise);
        let keep = Self {
            closed_days: days("AISLE_KEEP_CLOSED_DAYS", 90, 1),
            nameless_days: days("AISLE_KEEP_NAMELESS_DAYS", 30, 1),
            rows_days: days("AISLE_KEEP_ROWS_DAYS", 90, 1),
            batches_days: days("AISLE_KEEP_BATCHES_DAYS", 400, 1),
            unknown_codes_days: days("AISLE_KEEP_UNKNOWN_CODES_DAYS", 90, 1),
            prices_days: days("AISLE_KEEP_PRICES_DAYS", PRICE_DAYS_MIN, PRICE_DAYS_MIN),
            held_days,
        };
        if keep.rows_days > keep.batches_days {
            env.mistake("AISLE_KEEP_ROWS_DAYS must not be above AISLE_KEEP_BATCHES_DAYS".to_owned());
        }
        keep
    }
}

/// The job that lets go of what is over, once for each hour.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Upkeep {
    /// Which hour: hours since 1970.
    hour: i64,
}

impl Job for Upkeep {
    const KIND: &'static str = "catalog.upkeep";

    fn subject(&self) -> String {
        self.hour.to_string()
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
    let keep = app.config.catalog.keep;
    for id in upkeep::overdue(&app.db, now, now - Duration::days(keep.held_days)).await? {
        match batches::expire(&app.db, now, id).await {
            // Somebody decided at the last moment.
            Ok(()) | Err(batches::Error::Decided(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    super::quality::tell_late_feeds(app, now).await?;
    let Upkeep { hour } = lease.payload()?;
    if hour.rem_euclid(24) == HOUR {
        remove_old(app, now).await?;
    }
    lease.commit(app.db.begin().await?).await
}

async fn remove_old(app: &App, now: Moment) -> Result<(), db::Error> {
    let keep = app.config.catalog.keep;
    let before = |days| now - Duration::days(days);
    let ends = Ends {
        now,
        closed: before(keep.closed_days),
        nameless: before(keep.nameless_days),
        rows: before(keep.rows_days),
        batches: before(keep.batches_days),
        unknown_codes: before(keep.unknown_codes_days),
        prices: before(keep.prices_days),
    };
    for (what, rows) in upkeep::remove(&app.db, ends).await? {
        metrics::counter!("aisle_catalog_upkeep_removed_total", "what" => what).increment(rows);
        tracing::info!(what, rows, "old rows of the catalogue were removed");
    }
    Ok(())
}

fn next(now: Moment) -> (Upkeep, Moment) {
    const SECONDS: i64 = 3_600;
    let seconds = now.timestamp();
    let hour = seconds.div_euclid(SECONDS) + 1;
    (Upkeep { hour }, now + Duration::seconds(hour * SECONDS - seconds))
}
