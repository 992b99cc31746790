//! Codes that shoppers scanned and could not buy by: counted by store and code, and bound to products by staff.
//!
//! A scan only adds to a count in memory, bounded; one task writes the counts every few seconds and when it is told to
//! stop. Who scanned is not kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use super::super::code::{Circulation, Gtin};
use super::super::index::Snapshot;
use super::super::model::FindError;
use super::model::{Cause, GapState};
use super::quarantine;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Db, Run};
use crate::ids::{Sku, StaffId, StoreId};
use crate::jobs;

/// How often counts are written: a crash loses so much of them.
const WRITE_EVERY: Duration = Duration::from_secs(5);
/// Codes that wait to be written: a few megabytes. Somebody who scans at random can't take more.
const WAITING_MAX: usize = 10_000;
/// Codes that are counted at all, of all stores: some 30 MB. Somebody who scans right codes at random can't take more; those
/// that are not scanned any more make room.
const CODES_MAX: i64 = 200_000;
/// Looks at the list in one answer, each of which finds gaps that deliveries closed: a page each.
const LOOKS_MAX: usize = 50;
/// Codes of one page of the list.
pub(super) const PAGE_MAX: i64 = 200;

#[derive(Clone, Copy, Debug)]
struct Missed {
    cause: Cause,
    count: i64,
}

/// Counts scans that found nothing, until they are written.
#[derive(Debug, Default)]
pub struct UnknownCodes {
    waiting: Mutex<HashMap<(String, String), Missed>>,
    found: AtomicU64,
}

impl UnknownCodes {
    /// A lookup that found what it asked for.
    pub fn found(&self) {
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    /// A lookup that did not. What is no right code of a product in that store is nobody's gap and not counted.
    pub fn lookup_failed(&self, view: &Snapshot, store: &str, code: &str, now: Moment, error: FindError) {
        let cause = match error {
            FindError::UnknownCode => Cause::CodeUnknown,
            FindError::NoPrice => Cause::PriceMissing,
            FindError::UnknownStore | FindError::BadCode(_) | FindError::Foreign | FindError::NoProduct => {
                return;
            }
        };
        self.missed(view, store, code, now, cause);
    }

    /// A scan that could not be sold, for this cause.
    pub fn missed(&self, view: &Snapshot, store: &str, code: &str, now: Moment, cause: Cause) {
        let Some(gtin) = view.gtin(store, code, now) else { return };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (store.to_owned(), gtin.to_string());
        if waiting.len() >= WAITING_MAX && !waiting.contains_key(&key) {
            metrics::counter!("aisle_unknown_codes_dropped_total").increment(1);
            return;
        }
        let missed = waiting.entry(key).or_insert(Missed { cause, count: 0 });
        missed.cause = cause;
        missed.count += 1;
    }

    fn take(&self) -> HashMap<(String, String), Missed> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put_back(&self, missed: HashMap<(String, String), Missed>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, missed) in missed {
            if waiting.len() < WAITING_MAX || waiting.contains_key(&key) {
                waiting.entry(key).or_insert(Missed { count: 0, ..missed }).count += missed.count;
            }
        }
    }
}

#[derive(Serialize)]
struct Counted<'a> {
    store: &'a str,
    code: &'a str,
    cause: Cause,
    count: i64,
}

/// Writes the counts that wait.
pub(super) async fn write(app: &App) -> Result<(), db::Error> {
    metrics::counter!("aisle_codes_found_total").absolute(app.unknown_codes.found.load(Ordering::Relaxed));
    let missed = app.unknown_codes.take();
    if missed.is_empty() {
        return Ok(());
    }
    let rows: Vec<Counted<'_>> = missed
        .iter()
        .map(|((store, code), missed)| Counted { store, code, cause: missed.cause, count: missed.count })
        .collect();
    let text = serde_json::to_string(&rows).map_err(|error| db::Error::Encode(error.into()))?;
    let written = app
        .db
        .sql(
            "INSERT INTO unknown_codes (store, code, cause, count, first_seen, last_seen, state)
             SELECT
                 value ->> 'store', value ->> 'code', value ->> 'cause', CAST(value ->> 'count' AS BIGINT), $2, $2, 'open'
             FROM json_each($1)
             WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM unknown_codes LIMIT $3) AS known) < $3
                OR EXISTS (
                    SELECT 1 FROM unknown_codes AS known
                    WHERE known.store = value ->> 'store' AND known.code = value ->> 'code'
                )
             ON CONFLICT (store, code) DO UPDATE SET
                 cause = excluded.cause,
                 count = unknown_codes.count + excluded.count,
                 last_seen = excluded.last_seen,
                 -- What staff put aside stays there.
                 state = CASE WHEN unknown_codes.state = 'dismissed' THEN 'dismissed' ELSE 'open' END",
        )
        .bind(text)
        .bind(app.clock.now())
        .bind(CODES_MAX)
        .execute()
        .await;
    match written {
        Ok(written) => {
            if written < u64::try_from(missed.len()).unwrap_or(u64::MAX) {
                tracing::warn!(
                    most = CODES_MAX,
                    "there are too many unknown codes: new ones are not counted"
                );
                metrics::counter!("aisle_catalog_caps_reached_total", "cap" => "unknown_codes").increment(1);
            }
            for missed in missed.values() {
                let count = u64::try_from(missed.count).unwrap_or(0);
                metrics::counter!("aisle_codes_missed_total", "cause" => missed.cause.as_str())
                    .increment(count);
            }
            Ok(())
        }
        Err(error) => {
            app.unknown_codes.put_back(missed);
            Err(error)
        }
    }
}

/// Writes the counts every few seconds until told to stop, and once more then.
pub async fn keep_unknown_codes(app: App, stop: CancellationToken) {
    let keep = async || {
        if let Err(error) = write(&app).await {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "unknown codes can't be written; they wait");
        }
    };
    jobs::every(WRITE_EVERY, &stop, keep).await;
    keep().await;
}

/// A code that shoppers could not buy by.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub(super) struct UnknownCode {
    /// Where it was scanned.
    pub(super) store: StoreId,
    /// The code, as GTIN-14.
    pub(super) code: String,
    /// Why it could not be bought.
    pub(super) cause: Cause,
    /// How often it was scanned.
    count: i64,
    /// When it was scanned first, within a few seconds.
    first_seen: DateTime<Utc>,
    /// When it was scanned last.
    last_seen: DateTime<Utc>,
    /// What it was bound to.
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<Sku>,
    /// Who bound or dismissed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_by: Option<StaffId>,
    /// When that was, or a delivery closed the gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_at: Option<DateTime<Utc>>,
    /// Why it was dismissed.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// The codes of one state that were missed most, in one store or in all.
pub(super) async fn list(
    app: &App,
    store: Option<&StoreId>,
    cause: Option<Cause>,
    state: GapState,
    limit: i64,
) -> Result<Vec<UnknownCode>, db::Error> {
    write(app).await?;
    for _ in 0..LOOKS_MAX {
        let codes = page(app, store, cause, state, limit).await?;
        let found = if state == GapState::Open { found(app, &codes) } else { Vec::new() };
        if found.is_empty() {
            return Ok(codes);
        }
        // A delivery closed these gaps meanwhile; others take their places on the page.
        let close = "UPDATE unknown_codes SET state = 'found', closed_at = $2
                     WHERE state = 'open' AND (store, code) IN (
                         SELECT value ->> 'store', value ->> 'code' FROM json_each($1)
                     )";
        app.db.sql(close).bind(db::rows(&found)?).bind(app.clock.now()).execute().await?;
    }
    let mut codes = page(app, store, cause, state, limit).await?;
    let found: Vec<Place> = found(app, &codes);
    codes.retain(|code| !found.iter().any(|each| each.store == code.store && each.code == code.code));
    Ok(codes)
}

#[derive(Debug, Serialize)]
struct Place {
    store: StoreId,
    code: String,
}

/// Those of the codes that can be bought by now.
fn found(app: &App, codes: &[UnknownCode]) -> Vec<Place> {
    let (view, now) = (app.catalog.view(), app.clock.now());
    let is_found = |code: &&UnknownCode| {
        code.cause != Cause::TaxRateMissing
            && view.look_up(code.store.as_str(), &code.code, None, now).is_ok()
    };
    let found = codes.iter().filter(is_found);
    found.map(|code| Place { store: code.store.clone(), code: code.code.clone() }).collect()
}

async fn page(
    app: &App,
    store: Option<&StoreId>,
    cause: Option<Cause>,
    state: GapState,
    limit: i64,
) -> Result<Vec<UnknownCode>, db::Error> {
    app.db
        .sql(
            "SELECT store, code, cause, count, first_seen, last_seen, sku, closed_by, closed_at, note
             FROM unknown_codes
             WHERE state = $4 AND ($1 = '' OR store = $1) AND ($2 = '' OR cause = $2)
             ORDER BY count DESC, store, code
             LIMIT $3",
        )
        .bind(store.map(StoreId::as_str).unwrap_or_default())
        .bind(cause.map(Cause::as_str).unwrap_or_default())
        .bind(limit.clamp(1, PAGE_MAX))
        .bind(state)
        .fetch_all()
        .await
}

/// Why a code is not bound.
#[derive(Debug, thiserror::Error)]
pub(super) enum BindError {
    /// Nobody missed such a code.
    #[error("no such code was missed")]
    Unknown,
    /// The code leads to a product already.
    #[error("the code is {0}'s")]
    Known(Sku),
    /// Staff bound no such code.
    #[error("staff bound no such code")]
    NotBound,
    /// The row is refused.
    #[error(transparent)]
    Row(#[from] quarantine::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

#[derive(Serialize)]
struct Binding<'a> {
    kind: &'static str,
    code: String,
    sku: &'a Sku,
    internal: bool,
    quantity: i64,
}

/// Binds a code to a product: the next scan finds it, in every store.
pub(super) async fn bind(
    app: &App,
    staff: StaffId,
    code: &str,
    sku: &Sku,
    quantity: i64,
) -> Result<(), BindError> {
    write(app).await?;
    let gtin = super::super::rows::gtin(code).map_err(|_| BindError::Unknown)?;
    must_be_missed(&app.db, gtin).await?;
    // Bound before, and broken off before that was noted: what is left to do is noting it.
    let is_done = match owner(&app.db, gtin).await? {
        Some(own) if own == *sku => true,
        Some(own) => return Err(BindError::Known(own)),
        None => false,
    };
    if !is_done {
        let internal = gtin.circulation() == Circulation::Chain;
        let binding = Binding { kind: "code", code: gtin.to_string(), sku, internal, quantity };
        let row = serde_json::to_string(&binding).map_err(|error| db::Error::Encode(error.into()))?;
        quarantine::apply(app, staff, row, false).await?;
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    tx.sql(
        "INSERT INTO bound_codes (code, sku, bound_by, bound_at)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (code) DO UPDATE SET
             sku = excluded.sku, bound_by = excluded.bound_by, bound_at = excluded.bound_at",
    )
    .bind(gtin.to_string())
    .bind(sku)
    .bind(staff)
    .bind(now)
    .execute()
    .await?;
    tx.sql(
        "UPDATE unknown_codes SET state = 'bound', sku = $2, closed_by = $3, closed_at = $4, note = NULL
         WHERE code = $1 AND state IN ('open', 'dismissed')",
    )
    .bind(gtin.to_string())
    .bind(sku)
    .bind(staff)
    .bind(now)
    .execute()
    .await?;
    tx.commit().await?;
    tracing::info!(code = %gtin, %sku, staff.id = %staff, "staff bound an unknown code");
    Ok(())
}

async fn must_be_missed(db: &Db, gtin: Gtin) -> Result<(), BindError> {
    let missed: Option<(String,)> = db
        .sql("SELECT code FROM unknown_codes WHERE code = $1 AND state IN ('open', 'dismissed') LIMIT 1")
        .bind(gtin.to_string())
        .fetch_optional()
        .await?;
    missed.map(drop).ok_or(BindError::Unknown)
}

/// The product that a code leads to.
async fn owner(db: &Db, gtin: Gtin) -> Result<Option<Sku>, db::Error> {
    let owner: Option<(Sku,)> = db
        .sql(
            "SELECT codes.sku FROM codes
             JOIN products ON products.sku = codes.sku
             WHERE codes.code = $1 AND NOT codes.deleted AND NOT products.deleted",
        )
        .bind(gtin.to_string())
        .fetch_optional()
        .await?;
    Ok(owner.map(|(sku,)| sku))
}

/// Takes a code back that staff bound, and lets it be missed again.
pub(super) async fn unbind(app: &App, staff: StaffId, code: &str) -> Result<(), BindError> {
    let gtin = super::super::rows::gtin(code).map_err(|_| BindError::NotBound)?;
    let bound: Option<(Sku,)> = app
        .db
        .sql("SELECT sku FROM bound_codes WHERE code = $1")
        .bind(gtin.to_string())
        .fetch_optional()
        .await?;
    let (sku,) = bound.ok_or(BindError::NotBound)?;
    if owner(&app.db, gtin).await?.as_ref() == Some(&sku) {
        let row = format!(r#"{{"kind":"code","code":"{gtin}","deleted":true}}"#);
        quarantine::apply(app, staff, row, false).await?;
    }
    let mut tx = app.db.begin().await?;
    tx.sql("DELETE FROM bound_codes WHERE code = $1").bind(gtin.to_string()).execute().await?;
    tx.sql(
        "UPDATE unknown_codes SET state = 'open', sku = NULL, closed_by = NULL, closed_at = NULL
         WHERE code = $1 AND state = 'bound'",
    )
    .bind(gtin.to_string())
    .execute()
    .await?;
    tx.commit().await?;
    tracing::info!(code = %gtin, %sku, staff.id = %staff, "staff unbound a code");
    Ok(())
}

/// Puts a code aside that nothing follows from, in one store or in all.
pub(super) async fn dismiss(
    app: &App,
    staff: StaffId,
    code: &str,
    store: Option<&StoreId>,
    note: &str,
) -> Result<(), BindError> {
    write(app).await?;
    let dismissed = app
        .db
        .sql(
            "UPDATE unknown_codes SET state = 'dismissed', closed_by = $3, closed_at = $4, note = $5
             WHERE code = $1 AND ($2 = '' OR store = $2) AND state = 'open'",
        )
        .bind(code)
        .bind(store.map(StoreId::as_str).unwrap_or_default())
        .bind(staff)
        .bind(app.clock.now())
        .bind(note)
        .execute()
        .await?;
    if dismissed == 0 {
        return Err(BindError::Unknown);
    }
    tracing::info!(code, staff.id = %staff, "staff put an unknown code aside");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_bounded_and_comes_back_when_it_was_not_written() {
        let codes = UnknownCodes::default();
        let missed = |count| Missed { cause: Cause::CodeUnknown, count };
        let key = |code: usize| ("0001".to_owned(), code.to_string());
        codes.put_back((0..WAITING_MAX + 5).map(|code| (key(code), missed(1))).collect());
        let taken = codes.take();
        assert_eq!(taken.len(), WAITING_MAX);
        codes.put_back([(key(1), missed(2))].into());
        codes.put_back([(key(1), missed(3))].into());
        assert_eq!(codes.take().values().map(|missed| missed.count).sum::<i64>(), 5);
    }
}
