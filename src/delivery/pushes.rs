//! Having couriers tell by themselves, and knowing whether they do.
//!
//! A courier tells of single parcels, which are subscribed to while they are underway, or of the whole account, which is
//! looked after once a day. Whoever tells is asked more seldom; asked it is all the same, so that silence is noticed: what is
//! found that no message had told of puts an end to that until a message arrives again.

use std::collections::BTreeSet;
use std::time::Duration as Time;

use chrono::Duration;
use serde::{Deserialize, Serialize};

use super::carrier::{CallError, Carrier, Subscribed};
use super::store::{self, Askings, Shipment};
use super::track;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::ShipmentId;
use crate::jobs::{self, Failure, Job, Lease};

/// Subscriptions of parcels are renewed so long before they end.
const RENEWED_BEFORE: Duration = Duration::days(2);
/// A message has this time to arrive before what it would have told counts as untold.
const LATE: Duration = Duration::minutes(15);
/// Pause before a courier that did not answer is asked again.
const PAUSE: Time = Time::from_mins(5);
/// Pause before a courier that refused is asked again: somebody has to change something.
const REFUSED_PAUSE: Duration = Duration::days(1);

/// Has the courier tell of a shipment's parcels.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubscribeParcels {
    /// Which shipment.
    pub shipment: ShipmentId,
    /// On which day, counted from 1970: each renewal is another one.
    pub day: i64,
}

impl Job for SubscribeParcels {
    const KIND: &'static str = "delivery.subscribe_parcels";

    fn subject(&self) -> String {
        format!("{}/{}", self.shipment, self.day)
    }
}

/// Has the courier tell of the whole account.
#[derive(Debug, Serialize, Deserialize)]
pub struct SubscribeAccount {
    /// Which courier.
    pub carrier: String,
    /// On which day, counted from 1970: each look is another one.
    pub day: i64,
}

impl Job for SubscribeAccount {
    const KIND: &'static str = "delivery.subscribe_account";

    fn subject(&self) -> String {
        format!("{}/{}", self.carrier, self.day)
    }
}

fn day_of(now: Moment) -> i64 {
    now.timestamp().div_euclid(86_400)
}

fn subscribed(carrier: Option<&dyn Carrier>) -> Option<Subscribed> {
    Some(carrier?.pushes()?.subscribed)
}

/// How long a courier that tells of single parcels does so.
fn lives(app: &App, carrier: &str) -> Option<Duration> {
    match subscribed(app.carriers.find(carrier)) {
        Some(Subscribed::Parcels { lives }) => Duration::from_std(lives).ok(),
        _ => None,
    }
}

/// A shipment was booked: whoever tells of single parcels shall tell of these.
pub(super) async fn begin(tx: &mut Tx, app: &App, now: Moment, shipment: &Shipment) -> Result<(), db::Error> {
    let parcels = store::told(&mut *tx, shipment.id).await?;
    if !parcels.iter().any(|parcel| lives(app, &parcel.carrier).is_some()) {
        return Ok(());
    }
    jobs::enqueue(tx, &app.ids, now, &SubscribeParcels { shipment: shipment.id, day: day_of(now) }).await
}

/// Does [`SubscribeParcels`]. The next renewal is asked for as long as the shipment is followed.
pub async fn subscribe_parcels(app: &App, lease: &Lease) -> jobs::Outcome {
    let SubscribeParcels { shipment: id, .. } = lease.payload()?;
    let Some(shipment) = store::find(&app.db, id).await? else { return Ok(()) };
    let now = app.clock.now();
    if !track::is_followed(&shipment, now) {
        return Ok(());
    }
    let parcels = store::told(&app.db, id).await?;
    let mut taken: Vec<(&store::Told, Moment)> = Vec::new();
    let mut next: Option<Moment> = None;
    for carrier in app.carriers.all() {
        let name = carrier.capabilities().name;
        let Some(lives) = lives(app, name) else { continue };
        let of_carrier = parcels.iter().filter(|parcel| parcel.carrier == name);
        let ends_soon =
            |parcel: &&store::Told| parcel.subscribed_until.is_none_or(|until| until - RENEWED_BEFORE <= now);
        let due: Vec<&store::Told> = of_carrier.filter(ends_soon).collect();
        let numbers: Vec<String> = due.iter().map(|parcel| parcel.tracking_number.clone()).collect();
        let answer =
            if numbers.is_empty() { Ok(Vec::new()) } else { carrier.subscribe_parcels(&numbers).await };
        let again = match answer {
            Ok(told) => {
                let is_told = |parcel: &&store::Told| told.contains(&parcel.tracking_number);
                taken.extend(due.into_iter().filter(is_told).map(|parcel| (parcel, now + lives)));
                now + lives - RENEWED_BEFORE
            }
            Err(CallError::Refused(detail)) => {
                tracing::warn!(shipment.id = %id, "{name} does not tell of these parcels: {detail}");
                now + REFUSED_PAUSE
            }
            Err(error) => return Err(Failure::after(PAUSE, error.to_string())),
        };
        next = Some(next.map_or(again, |next| next.min(again)));
    }
    let mut tx = app.db.begin().await?;
    for (parcel, until) in taken {
        store::note_subscribed(&mut tx, &parcel.reference, now, until).await?;
    }
    if let Some(next) = next {
        let job = SubscribeParcels { shipment: id, day: day_of(next) };
        jobs::enqueue_at(&mut tx, &app.ids, now, &job, next).await?;
    }
    lease.commit(tx).await
}

/// Makes sure that couriers that tell of whole accounts do. Call it at start; from then on each look asks for the next.
pub async fn schedule(app: &App) -> Result<(), db::Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    for carrier in app.carriers.all() {
        if let Some(Subscribed::Account { .. }) = subscribed(Some(carrier)) {
            let carrier = carrier.capabilities().name.to_owned();
            jobs::enqueue(&mut tx, &app.ids, now, &SubscribeAccount { carrier, day: day_of(now) }).await?;
        }
    }
    tx.commit().await
}

/// Does [`SubscribeAccount`]: asks for a subscription where there is none, and anew where another one is wanted, where it
/// was never confirmed, and where nothing is heard of it.
pub async fn subscribe_account(app: &App, lease: &Lease) -> jobs::Outcome {
    let SubscribeAccount { carrier: name, .. } = lease.payload()?;
    let Some(carrier) = app.carriers.find(&name) else { return Ok(()) };
    let Some(Subscribed::Account { mark }) = subscribed(Some(carrier)) else { return Ok(()) };
    let now = app.clock.now();
    let address = app.config.public(&format!("/v1/webhooks/delivery/{name}"));
    let asked_for = format!("{mark} {address}");
    let known = store::courier_pushes(&app.db, &name).await?;
    let stands = known.active_at.is_some() && known.missed_at.is_none();
    let anew = !stands || known.asked_for.as_ref() != Some(&asked_for);
    if anew {
        // Before the call, because the courier may make sure of us before it answers.
        let mut tx = app.db.begin().await?;
        store::note_asked_for(&mut tx, &name, &asked_for).await?;
        lease.commit(tx).await?;
    }
    match carrier.subscribe_account(&address, anew).await {
        Ok(()) => {}
        Err(CallError::Refused(detail)) => tracing::warn!("{name} does not tell of the account: {detail}"),
        Err(error) => return Err(Failure::after(PAUSE, error.to_string())),
    }
    let mut tx = app.db.begin().await?;
    let next = now + Duration::days(1);
    jobs::enqueue_at(&mut tx, &app.ids, now, &SubscribeAccount { carrier: name, day: day_of(next) }, next)
        .await?;
    lease.commit(tx).await
}

/// Whether couriers will tell of all parcels of a shipment by themselves: they were asked to, they have told before, and
/// nothing was found since that they did not tell.
pub(super) async fn are_relied_on(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &Shipment,
) -> Result<bool, db::Error> {
    let parcels = store::told(&mut *tx, shipment.id).await?;
    let carriers: BTreeSet<&str> = parcels.iter().map(|parcel| parcel.carrier.as_str()).collect();
    for carrier in carriers {
        let Some(subscribed) = subscribed(app.carriers.find(carrier)) else { return Ok(false) };
        let known = store::courier_pushes(&mut *tx, carrier).await?;
        let lives = |parcel: &store::Told| parcel.subscribed_until.is_some_and(|until| until > now);
        let stands = match subscribed {
            Subscribed::Elsewhere => false,
            Subscribed::Account { .. } => known.active_at.is_some(),
            Subscribed::Parcels { .. } => {
                parcels.iter().filter(|parcel| parcel.carrier == carrier).all(lives)
            }
        };
        if !stands || known.heard_at.is_none() || known.missed_at.is_some() {
            return Ok(false);
        }
    }
    Ok(!parcels.is_empty())
}

/// Weighs what an asking brought that knew of so many messages. They are followed once the couriers were heard. What is new
/// although no message told of it, and although one had the time to, is a message missed.
pub(super) async fn weigh(
    tx: &mut Tx,
    app: &App,
    now: Moment,
    shipment: &Shipment,
    (askings, hints): (&mut Askings, i64),
    was_heard: bool,
) -> Result<(), db::Error> {
    let is_hinted = hints > askings.hints_asked;
    if was_heard {
        askings.hints_asked = hints;
    }
    let fresh = store::fresh(&mut *tx, shipment.id, now).await?;
    if !fresh.is_empty() {
        askings.idle_hints = 0;
    } else if is_hinted {
        askings.idle_hints += 1;
    }
    if is_hinted || askings.hints > hints {
        return Ok(());
    }
    for one in fresh.iter().filter(|one| one.occurred_at + LATE <= now) {
        let since = match subscribed(app.carriers.find(&one.carrier)) {
            Some(Subscribed::Account { .. }) => {
                store::courier_pushes(&mut *tx, &one.carrier).await?.active_at
            }
            Some(Subscribed::Parcels { .. }) => one.subscribed_at,
            Some(Subscribed::Elsewhere) | None => None,
        };
        if since.is_some_and(|since| one.occurred_at > since) {
            let carrier = one.carrier.clone();
            metrics::counter!("aisle_delivery_notices_missed_total", "carrier" => carrier).increment(1);
            tracing::warn!(shipment.id = %shipment.id, "{} did not tell what happened", one.carrier);
            return store::note_missed(tx, &one.carrier, now).await;
        }
    }
    Ok(())
}
