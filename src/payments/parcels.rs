//! Telling providers of parcels: some protect the seller who says which parcel a debit was sent in.
//!
//! Nothing waits for it and nothing fails for it. It is told once what was captured for the parcel is money; there are no keys,
//! so that one that may have been told is looked for first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::evidence::AnswerOutcome;
use super::model::{Books, Effect, Operation, OperationState, PaymentState};
use super::operate::pause_since;
use super::provider::ParcelNotice;
use super::store::{self, parcels};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{Ids, PaymentId};
use crate::jobs::{self, Failure, Job, Lease};
use crate::text_enum;

/// The first pause and the longest before it is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_hours(1));
/// After this time nobody asks about the parcel any more.
const TRIED_FOR: chrono::Duration = chrono::Duration::days(7);

text_enum! {
    /// How far a provider was told of a parcel.
    pub enum ParcelState {
        /// To be told.
        Intended = "intended",
        /// It may have been told.
        Sent = "sent",
        /// The provider knows it.
        Told = "told",
        /// The provider does not take it.
        Refused = "refused",
    }
}

/// A parcel of what was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TellParcel {
    /// Of which payment.
    payment: PaymentId,
    /// The courier.
    carrier: String,
    /// Its number of the parcel.
    tracking_number: String,
}

impl Job for TellParcel {
    const KIND: &'static str = "payments.tell_parcel";

    fn subject(&self) -> String {
        format!("{}:{}:{}", self.payment, self.carrier, self.tracking_number)
    }
}

/// Has the provider of a payment told that its goods are on their way in this parcel. Wake the jobs after the commit.
pub async fn shipped(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    payment: PaymentId,
    (carrier, tracking_number): (&str, &str),
) -> Result<(), db::Error> {
    if store::payments::find(&mut *tx, payment).await?.is_none() {
        // Nothing was debited for this order.
        return Ok(());
    }
    if parcels::insert(&mut *tx, now, payment, (carrier, tracking_number)).await? {
        let (carrier, tracking_number) = (carrier.to_owned(), tracking_number.to_owned());
        jobs::enqueue(tx, ids, now, &TellParcel { payment, carrier, tracking_number }).await?;
    }
    Ok(())
}

/// Does [`TellParcel`].
pub async fn tell_parcel(app: &App, lease: &Lease) -> jobs::Outcome {
    let parcel: TellParcel = lease.payload()?;
    let name = (parcel.carrier.as_str(), parcel.tracking_number.as_str());
    let Some(payment) = store::payments::find(&app.db, parcel.payment).await? else { return Ok(()) };
    let Some((state, created_at)) = parcels::find(&app.db, payment.id, name).await? else { return Ok(()) };
    let Some(provider) = app.providers.get(payment.provider) else {
        return Err(Failure::later("the provider is not configured"));
    };
    if !provider.wants_parcels() || matches!(state, ParcelState::Told | ParcelState::Refused) {
        return Ok(());
    }
    let now = app.clock.now();
    let operations = store::operations::of_payment(&app.db, payment.id, payment.currency).await?;
    let books = Books { payment, operations };
    let (capture, order) = (debit(&books), books.payment.provider_order.as_deref());
    let (Some(capture), Some(order)) = (capture, order) else {
        let is_hopeless =
            matches!(books.payment.state, PaymentState::Cancelled) || now - created_at >= TRIED_FOR;
        return if is_hopeless {
            settle(app, lease, &books, name, now, (ParcelState::Refused, Some("nothing was captured"))).await
        } else {
            Err(Failure::after(pause_since(created_at, now, PAUSES), "nothing is captured for it yet"))
        };
    };
    let notice = ParcelNotice {
        order,
        capture,
        carrier: name.0,
        tracking_number: name.1,
        is_repeat: state == ParcelState::Sent,
    };
    if state == ParcelState::Intended {
        let mut tx = app.db.begin().await?;
        parcels::set(&mut tx, now, books.payment.id, name, ParcelState::Sent, None).await?;
        lease.commit(tx).await?;
    }
    match provider.tell_parcel(&notice).await {
        AnswerOutcome::Taken => settle(app, lease, &books, name, now, (ParcelState::Told, None)).await,
        AnswerOutcome::Refused(detail) => {
            tracing::warn!(payment.id = %books.payment.id, "the provider does not take a parcel: {detail}");
            settle(app, lease, &books, name, now, (ParcelState::Refused, Some(&detail))).await
        }
        AnswerOutcome::Unknown(detail) if now - created_at >= TRIED_FOR => {
            settle(app, lease, &books, name, now, (ParcelState::Refused, Some(&detail))).await
        }
        AnswerOutcome::Unknown(detail) => Err(Failure::after(pause_since(created_at, now, PAUSES), detail)),
    }
}

async fn settle(
    app: &App,
    lease: &Lease,
    books: &Books,
    name: (&str, &str),
    now: Moment,
    (state, trouble): (ParcelState, Option<&str>),
) -> jobs::Outcome {
    let mut tx = app.db.begin().await?;
    parcels::set(&mut tx, now, books.payment.id, name, state, trouble).await?;
    lease.commit(tx).await
}

/// What was debited last: the capture at the hand-over, or the one charge.
fn debit(books: &Books) -> Option<&str> {
    let is_debit = |each: &&Operation| {
        each.state == OperationState::Done && matches!(books.effect(each), Effect::Charge | Effect::Capture)
    };
    let is_held = books.payment.state == PaymentState::Authorised;
    // While something is still held, what the parcel is paid with is yet to be captured.
    let debit = books.operations.iter().rev().find(is_debit).filter(|_| !is_held)?;
    debit.object.as_deref()
}
