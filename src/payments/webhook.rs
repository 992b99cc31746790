//! Webhooks: proven, stored once, answered; then the job reads the object that they are about.

use axum::http::HeaderMap;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::model::{PaymentState, ProviderName};
use super::operate::{Operate, after_refund};
use super::provider::{Debit, EventError, LinkError, Provider};
use super::reversal::{self, Teller, Told};
use super::secrets::{self, Purpose};
use super::settle::{load, write_change};
use super::store::events::{Hint, Topic};
use super::store::{self, events};
use super::{Error, ask, disputes, link};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::jobs::{self, Failure, Job, Lease};

/// The job that follows an event up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Follow {
    provider: ProviderName,
    event: String,
}

impl Job for Follow {
    const KIND: &'static str = "payments.follow";

    fn subject(&self) -> String {
        format!("{}:{}", self.provider, self.event)
    }
}

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It did not prove where it came from, or that can't be checked now.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The provider is not configured, or the database can't.
    #[error(transparent)]
    Other(#[from] Error),
}

/// Takes an event in: proven and stored once, with the job that follows it up. Nothing of an unproven one is stored.
pub(super) async fn receive(
    app: &App,
    name: ProviderName,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), Refused> {
    let provider = app.providers.get(name).ok_or(Error::ProviderAbsent)?;
    let now = app.clock.now();
    let hint = provider.verify_event(headers, body, now).await?;
    let mut tx = app.db.begin().await.map_err(Error::from)?;
    take_in(app, &mut tx, now, name, hint).await.map_err(Error::from)?;
    tx.commit().await.map_err(Error::from)?;
    app.jobs.wake();
    Ok(())
}

/// Stores an event that is proven to be the provider's, with the job that follows it up; says whether it is new.
pub(super) async fn take_in(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    name: ProviderName,
    hint: Hint,
) -> Result<bool, db::Error> {
    let purpose = Purpose::EventObject(name, &hint.event_id);
    let sealed = hint.object.as_deref().map(|object| secrets::seal(app, purpose, object));
    let hint = Hint { object: sealed, ..hint };
    let is_new = events::insert(&mut *tx, now, name, &hint).await?;
    if is_new {
        jobs::enqueue(tx, &app.ids, now, &Follow { provider: name, event: hint.event_id }).await?;
    }
    Ok(is_new)
}

/// Does [`Follow`]: whatever is open and ours is looked at now. The look-up is by the provider's names of objects, so that
/// what is not ours, or no longer current, is ignored.
pub async fn follow(app: &App, lease: &Lease) -> jobs::Outcome {
    let Follow { provider: name, event } = lease.payload()?;
    let Some(hint) = events::find(&app.db, name, &event).await? else { return Ok(()) };
    let Some(provider) = app.providers.get(name) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let purpose = Purpose::EventObject(name, &event);
    let object = hint.object.as_deref().map(|sealed| secrets::open(app, purpose, sealed)).transpose()?;
    let (object, order) = (object.as_ref().map(ExposeSecret::expose_secret), hint.order.as_deref());
    let mut operations = match hint.topic {
        Topic::Payment | Topic::HoldEnded | Topic::Reversal => {
            store::operations::by_object(&app.db, name, object, order).await?
        }
        Topic::Link | Topic::Dispute | Topic::Unknown => Vec::new(),
    };
    if let Some(operation) = hint.operation
        && !operations.contains(&operation)
        && store::operations::payment_of(&app.db, operation).await?.is_some()
    {
        operations.push(operation);
    }
    match (hint.topic, object) {
        (Topic::HoldEnded, Some(object)) => follow_hold(app, lease, provider, name, object).await?,
        (Topic::Link, Some(object)) => follow_link(app, lease, provider, name, (object, order)).await?,
        (Topic::Reversal, Some(object)) => follow_debit(app, lease, provider, name, object).await?,
        (Topic::Payment | Topic::Dispute | Topic::Unknown, _) | (_, None) => {}
    }
    let now = app.clock.now();
    // Everybody who asks for several jobs asks for them in one order.
    operations.sort_unstable();
    let mut tx = app.db.begin().await?;
    for operation in operations {
        jobs::enqueue(&mut tx, &app.ids, now, &Operate { operation }).await?;
    }
    if let (Topic::Dispute, Some(dispute)) = (hint.topic, object) {
        disputes::ask(app, &mut tx, name, dispute).await?;
    }
    events::set_processed(&mut tx, now, name, &event).await?;
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}

/// A hold that ended at the provider is taken again when it ran out, else it ends here too. Only the hold that is current
/// counts: what is told of one that was replaced by its renewal is old news.
async fn follow_hold(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    name: ProviderName,
    object: &str,
) -> Result<(), Failure> {
    let Some(payment) = store::payments::by_authorisation(&app.db, name, object).await? else {
        return Ok(());
    };
    let found = store::payments::find(&app.db, payment).await?;
    if found.is_none_or(|payment| payment.state != PaymentState::Authorised || payment.is_closed) {
        return Ok(());
    }
    match provider.is_voided(object).await {
        Some(true) => {}
        Some(false) => return Ok(()),
        None => return Err(Failure::later("the hold can't be read")),
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment).await? else { return Ok(()) };
    write_change(app, &mut tx, now, books.hold_is_over(now)).await?;
    lease.commit(tx).await?;
    Ok(())
}

/// A debit that may have been taken back is read: only the provider's own view of it counts.
async fn follow_debit(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    name: ProviderName,
    object: &str,
) -> Result<(), Failure> {
    let Some((payment, operation)) = store::operations::debit_by_object(&app.db, name, object).await? else {
        return Ok(());
    };
    let amount = match provider.read_debit(object).await {
        Debit::Stands => return Ok(()),
        Debit::Unknown(detail) => return Err(Failure::later(detail)),
        Debit::Reversed(amount) => amount,
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment).await? else { return Ok(()) };
    after_refund(&books, operation, now)?;
    let told = Told { provider: name, capture: object.to_owned(), amount, at: now, by: Teller::Debit };
    reversal::reversed(app, &mut tx, now, &told).await.map_err(Internal::from)?;
    disputes::commit(app, tx, lease, (payment, books.payment.checkout)).await
}

/// A link that the shopper took back at the provider can't be debited any more.
async fn follow_link(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    name: ProviderName,
    (object, order): (&str, Option<&str>),
) -> Result<(), Failure> {
    let mut method = None;
    for mark in secrets::marks(app, name, &object.into()) {
        method = method.or(store::methods::by_mark(&app.db, name, &mark).await?);
    }
    let Some(method) = method else { return follow_purchase(app, lease, name, order).await };
    match ask::look(app, lease, provider, method).await? {
        Ok(()) => Ok(()),
        Err(LinkError::Unknown(detail) | LinkError::Refused(detail)) => Err(Failure::later(detail)),
    }
}

/// A link that nobody knows yet may be the one that a purchase made.
async fn follow_purchase(
    app: &App,
    lease: &Lease,
    name: ProviderName,
    order: Option<&str>,
) -> Result<(), Failure> {
    let Some(order) = order else { return Ok(()) };
    let Some(method) = store::payments::linked_with(&app.db, name, order).await? else { return Ok(()) };
    let mut tx = app.db.begin().await?;
    link::enqueue(&mut tx, &app.ids, app.clock.now(), method).await?;
    lease.commit(tx).await
}
