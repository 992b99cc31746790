//! One message to one subscriber: waits for its turn, calls, and notes how it went.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::model::{self, DispatchState, SubscriptionState};
use super::outbound::{Answer, Message};
use super::store::{self, Call};
use super::subscribe;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::identity;
use crate::ids::{DispatchId, Ids};
use crate::jobs::{self, Failure, Job, Lease, Outcome};

/// The job that hands one event to one subscriber.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Dispatch {
    /// Which.
    pub dispatch: DispatchId,
}

impl Job for Dispatch {
    const KIND: &'static str = "exchange.dispatch";

    fn subject(&self) -> String {
        self.dispatch.to_string()
    }
}

/// An event behind an earlier one is woken when that one is settled; this look is for the case that both were written
/// at the same moment and neither saw the other.
const LOOK_AGAIN: Duration = Duration::from_hours(1);
/// The shortest pause of a dispatch that found all ways out busy; up to the same again is added by chance.
const BUSY_PAUSE: Duration = Duration::from_secs(2);

/// Does the job: calls the subscriber when it is this event's turn and settles the outcome.
pub async fn dispatch(app: &App, lease: &Lease) -> Outcome {
    let Dispatch { dispatch } = lease.payload()?;
    // Unsubscribed, delivered, skipped or given up meanwhile: nothing is left to do.
    let Some(call) = store::call(&app.db, dispatch).await? else { return Ok(()) };
    if call.state != DispatchState::Waiting || call.subscription_state != SubscriptionState::Active {
        return Ok(());
    }
    let now = app.clock.now();
    if let Ok(early) = (call.due_at - now).to_std()
        && !early.is_zero()
    {
        return Err(Failure::after(early, "not due yet"));
    }
    if !identity::is_partner_active(&app.db, call.partner_id).await? {
        return settle(app, lease, &call, &Answer::Closed).await;
    }
    if store::is_behind(&app.db, &call).await? {
        return Err(Failure::after(LOOK_AGAIN, "an earlier event of the order is not delivered yet"));
    }
    let Some(_turn) = app.outbound.turn(call.subscription_id).await else {
        let jitter_ms = app.random.below(u64::try_from(BUSY_PAUSE.as_millis()).unwrap_or(0));
        return Err(Failure::after(
            BUSY_PAUSE + Duration::from_millis(jitter_ms),
            "too many calls are under way",
        ));
    };
    let secrets = subscribe::secrets(app, call.subscription_id, now).await?;
    let message = Message { id: call.event_id, url: &call.url, body: call.body.clone(), secrets };
    let answer = app.outbound.send(now, message).await?;
    settle(app, lease, &call, &answer).await
}

async fn settle(app: &App, lease: &Lease, call: &Call, answer: &Answer) -> Outcome {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if *answer == Answer::Gone {
        // Before the job's row: a replay takes the subscription first and its jobs after it.
        store::turn_off(&mut tx, call, now).await?;
    }
    let outcome = match answer {
        Answer::Taken(status) => {
            if store::deliver(&mut tx, call.id, i64::from(status.as_u16()), now).await? {
                wake_next(&mut tx, &app.ids, now, call).await?;
            }
            Ok(())
        }
        Answer::Gone => Ok(()),
        Answer::Closed => {
            if store::count_failure(&mut tx, call.id, None, "the partner's account is closed")
                .await?
                .is_some()
            {
                store::bury(&mut tx, call.id).await?;
            }
            Ok(())
        }
        Answer::Refused(status) => fail(&mut tx, call, now, Some(*status), "the answer was no 2xx").await?,
        Answer::Silent(why) => fail(&mut tx, call, now, None, why).await?,
    };
    lease.commit(tx).await?;
    app.jobs.wake();
    metrics::counter!("aisle_exchange_dispatches_total", "outcome" => label(answer)).increment(1);
    outcome
}

/// Notes a try in vain. The inner outcome is the job's: try again, or be done because the dispatch is dead.
async fn fail(
    tx: &mut Tx,
    call: &Call,
    now: Moment,
    status: Option<reqwest::StatusCode>,
    why: &str,
) -> Result<Outcome, db::Error> {
    let status = status.map(|status| i64::from(status.as_u16()));
    // Skipped meanwhile.
    let Some(attempts) = store::count_failure(tx, call.id, status, why).await? else { return Ok(Ok(())) };
    let Some(pause) = model::pause_after(attempts) else {
        tracing::error!(
            dispatch.id = %call.id, subscription.id = %call.subscription_id,
            "an event was given up for a subscriber after its last try: {why}"
        );
        store::bury(tx, call.id).await?;
        return Ok(Ok(()));
    };
    store::postpone(tx, call.id, now + pause).await?;
    Ok(Err(Failure::after(pause, why)))
}

/// Asks for the delivery of the next event of the same order to the same subscriber.
pub(super) async fn wake_next(tx: &mut Tx, ids: &Ids, now: Moment, call: &Call) -> Result<(), db::Error> {
    match store::next_waiting(&mut *tx, call).await? {
        Some(dispatch) => jobs::enqueue(tx, ids, now, &Dispatch { dispatch }).await,
        None => Ok(()),
    }
}

fn label(answer: &Answer) -> &'static str {
    match answer {
        Answer::Taken(_) => "delivered",
        Answer::Gone => "gone",
        Answer::Closed => "closed",
        Answer::Refused(_) => "refused",
        Answer::Silent(_) => "silent",
    }
}
