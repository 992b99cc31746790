//! Events that did not arrive: fetched now and then from providers that keep a list of what they told.
//!
//! A mark says up to when everything was fetched. Each time starts some time before it, because lists are late; what was
//! received before counts once, as everywhere.

use serde::{Deserialize, Serialize};

use super::model::ProviderName;
use super::store::events;
use super::webhook::take_in;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::jobs::{self, Failure, Job, Lease};

/// How often.
const EVERY: chrono::Duration = chrono::Duration::minutes(10);
/// Events show up in the list this much late at most.
const OVERLAP: chrono::Duration = chrono::Duration::minutes(30);
/// The longest span of one fetch: an instance that was away for long catches up in steps.
const SPAN_MAX: chrono::Duration = chrono::Duration::days(1);

/// The job that fetches what a provider told since the mark.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct FetchEvents {
    provider: ProviderName,
}

impl Job for FetchEvents {
    const KIND: &'static str = "payments.fetch_events";

    fn subject(&self) -> String {
        self.provider.to_string()
    }
}

/// Asks for what is due, and sets the first mark of a provider that has none: what was told before is not ours to look at.
pub(super) async fn sweep(app: &App, tx: &mut Tx, now: Moment) -> Result<(), db::Error> {
    for provider in ProviderName::ALL.iter().copied() {
        if app.providers.get(provider).is_none_or(|provider| !provider.lists_events()) {
            continue;
        }
        match events::mark(&mut *tx, provider).await? {
            Some(mark) if now - mark.fetched_at < EVERY => {}
            Some(_) => jobs::enqueue(tx, &app.ids, now, &FetchEvents { provider }).await?,
            None => events::set_mark(&mut *tx, provider, now, now).await?,
        }
    }
    Ok(())
}

/// Does [`FetchEvents`].
pub async fn fetch_events(app: &App, lease: &Lease) -> jobs::Outcome {
    let FetchEvents { provider: name } = lease.payload()?;
    let Some(provider) = app.providers.get(name) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let Some(mark) = events::mark(&app.db, name).await? else { return Ok(()) };
    let now = app.clock.now();
    let until = now.min(mark.until + SPAN_MAX);
    let hints = provider.list_events(mark.until - OVERLAP, until).await.map_err(Failure::later)?;
    let mut missed = 0_u64;
    let mut tx = app.db.begin().await?;
    for hint in hints {
        if take_in(app, &mut tx, now, name, hint).await? {
            missed += 1;
        }
    }
    // Up to here everything was fetched; the time says when, so that a long way is caught up at once.
    let fetched_at = if until == now { now } else { mark.fetched_at };
    events::set_mark(&mut tx, name, until, fetched_at).await?;
    lease.commit(tx).await?;
    if missed > 0 {
        metrics::counter!("aisle_payment_events_missed_total", "provider" => name.as_str()).increment(missed);
        tracing::warn!("{missed} events of {name} had not arrived and were fetched");
    }
    app.jobs.wake();
    if until < now { Err(Failure::after(std::time::Duration::ZERO, "more to fetch")) } else { Ok(()) }
}
