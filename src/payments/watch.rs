//! Watching holds: renewed in time while goods wait for their hand-over, taken again when they ran out, and staff are told
//! before one ends for good. `model/hold.rs` has the rules, the sweep says when.

use serde::{Deserialize, Serialize};

use super::settle::{load, write_change};
use super::{PaymentState, store};
use crate::app::App;
use crate::ids::PaymentId;
use crate::jobs::{self, Failure, Job, Lease};

/// The job that looks at the hold of a payment.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct WatchHold {
    /// Of which payment.
    pub(super) payment: PaymentId,
}

impl Job for WatchHold {
    const KIND: &'static str = "payments.watch_hold";

    fn subject(&self) -> String {
        self.payment.to_string()
    }
}

/// Does [`WatchHold`].
pub async fn watch_hold(app: &App, lease: &Lease) -> jobs::Outcome {
    let WatchHold { payment } = lease.payload()?;
    let Some(seen) = store::payments::find(&app.db, payment).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    let now = app.clock.now();
    // Asked before anything is locked, and only when it can't be told from our own books.
    let provider =
        || app.providers.get(seen.provider).ok_or_else(|| Failure::later("the provider is not configured"));
    let is_open = seen.state == PaymentState::Authorised && !seen.is_closed;
    let (mut is_over, mut learned) = (false, None);
    match (seen.hold, &seen.provider_authorisation) {
        (Some(window), Some(hold)) if now >= window.ends_at => {
            let answer = provider()?.is_voided(hold).await;
            is_over = answer.ok_or_else(|| Failure::later("the hold can't be read"))?;
        }
        (None, Some(hold)) if is_open => {
            learned = Some(provider()?.hold_window(hold).await.map_err(Failure::later)?);
        }
        _ => {}
    }
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    let is_same = books.payment.provider_authorisation == seen.provider_authorisation;
    let check = books.check_hold(now);
    let change = match learned {
        Some(window) if is_same => books.note_window(window),
        _ if check.is_over && is_over && is_same => books.hold_is_over(now),
        _ => check.change,
    };
    write_change(app, &mut tx, now, change).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}
