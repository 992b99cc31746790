//! Each night: what was of the last days is compared with every provider that shows its books, and old comparisons go.

use chrono::{Duration, NaiveTime};
use serde::{Deserialize, Serialize};

use super::store;
use super::{Wish, begin};
use crate::app::App;
use crate::clock::Moment;
use crate::db;
use crate::jobs::{self, Job, Lease};
use crate::payments::Error;
use crate::payments::model::ProviderName;
use crate::payments::provider::Provider;

/// The time of the day (UTC): yesterday is whole at every provider by then.
const HOUR: u32 = 4;
/// How many days each night looks back: what a provider adds late, and what we find out late, is seen again.
const DAYS: i64 = 4;
/// A provider whose books are whole so much later is asked for the days that have just become whole too: what is missing
/// there can't be known before.
const LATE: Duration = Duration::days(1);

/// The job of a night.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Nightly {
    /// Which day: days since 1970.
    day: i64,
}

impl Job for Nightly {
    const KIND: &'static str = "payments.reconcile_nightly";

    fn subject(&self) -> String {
        self.day.to_string()
    }
}

/// Makes sure that the next night is asked for. Call it at start; from then on each asks for the next.
pub async fn schedule(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let (next, run_at) = next(now);
    jobs::enqueue_at(&mut tx, &app.ids, now, &next, run_at).await?;
    tx.commit().await
}

/// Does [`Nightly`]. The next one is asked for first: one that fails does not end it.
pub async fn nightly(app: &App, lease: &Lease) -> jobs::Outcome {
    schedule(app).await?;
    let now = app.clock.now();
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    for provider in ProviderName::ALL.iter().copied() {
        let terms = app.providers.get(provider).and_then(Provider::statement_terms);
        let Some(terms) = terms else { continue };
        let whole = (terms.late_by >= LATE).then(|| midnight - terms.late_by - Duration::days(1));
        for to in [Some(midnight), whole].into_iter().flatten() {
            let (id, from) = (app.ids.next(), to - Duration::days(DAYS));
            match begin(app, &Wish { id, provider, from, to, staff: None }, true).await {
                Ok(_) => {}
                Err(Error::Database(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(provider = provider.as_str(), "books can't be compared: {error}");
                }
            }
        }
    }
    let mut tx = app.db.begin().await?;
    let kept = Duration::days(app.config.payments.keep_reconciliations_days);
    let removed = store::remove_old(&mut tx, now - kept).await?;
    if removed > 0 {
        tracing::info!(removed, "old comparisons of books were removed");
    }
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}

fn next(now: Moment) -> (Nightly, Moment) {
    let today = now.date_naive().and_hms_opt(HOUR, 0, 0).map_or(now, |time| time.and_utc());
    let run_at = if now < today { today } else { today + Duration::days(1) };
    (Nightly { day: run_at.timestamp().div_euclid(86_400) }, run_at)
}
