//! What people find out about operations that nothing else can find out about.
//!
//! That an operation happened is not believed but read back from the provider: its object, by its amount, its currency and
//! our name of it. Either way the operation is then settled like any other outcome, and who said so is kept.

use super::model::{Books, DeclineReason, Operation, OperationKind, OperationState, Outcome, Verdict};
use super::operate::{Operate, intent};
use super::provider::{Evidence, Proof};
use super::settle::{load, write_change};
use super::store::resolutions::{self, Resolution};
use super::{Error, store};
use crate::app::App;
use crate::db;
use crate::ids::OperationId;
use crate::jobs::{self, Job};

/// Settles a parked operation by what somebody found out. The same finding again changes nothing.
pub(super) async fn resolve(app: &App, finding: Resolution) -> Result<(), Error> {
    let id = finding.operation;
    let Some(payment) = store::operations::payment_of(&app.db, id).await? else {
        return Err(Error::OperationUnknown);
    };
    let Some(payment) = store::payments::find(&app.db, payment).await? else {
        return Err(Error::OperationUnknown);
    };
    if let Some(known) = resolutions::find(&app.db, id).await? {
        let is_same = known.verdict == finding.verdict && known.object == finding.object;
        return if is_same { Ok(()) } else { Err(Error::OperationState) };
    }
    let operations = store::operations::of_payment(&app.db, payment.id, payment.currency).await?;
    let books = Books { payment, operations };
    let operation = parked(&books, id)?;
    let outcome = match (finding.verdict, finding.object.as_deref()) {
        (Verdict::Happened, Some(object)) => prove(app, &books, operation, object).await?,
        (Verdict::Happened, None) => return Err(Error::Evidence("the provider's object must be named")),
        (Verdict::DidNotHappen, _) => {
            Outcome::Declined { reason: DeclineReason::DidNotHappen, may_retry: false }
        }
    };
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, books.payment.id).await? else { return Err(Error::PaymentUnknown) };
    let operation = parked(&books, id)?;
    if let (Outcome::Approved(receipt), false) = (&outcome, operation.kind == OperationKind::Void)
        && resolutions::is_counted(&mut tx, id, &receipt.object).await?
    {
        return Err(Error::Evidence("the provider's object was counted before"));
    }
    let change = books.apply(id, &outcome);
    if change.operation.as_ref().is_none_or(|operation| !operation.state.is_final()) {
        return Err(Error::Evidence("the provider's object does not fit what was asked for"));
    }
    resolutions::insert(&mut tx, now, &finding).await?;
    let checkout = books.payment.checkout;
    write_change(app, &mut tx, now, change).await.map_err(Error::News)?;
    jobs::forget_dead(&mut tx, Operate::KIND, &Operate { operation: id }.subject()).await?;
    tx.commit().await?;
    tracing::warn!(operation.id = %id, staff.id = %finding.staff, "a parked operation was settled: {}", finding.verdict);
    app.changes.changed(books.payment.id.0);
    app.changes.changed(checkout.0);
    app.jobs.wake();
    Ok(())
}

/// The operations that wait for people.
pub(super) async fn list(app: &App) -> Result<Vec<resolutions::Parked>, db::Error> {
    resolutions::parked(&app.db).await
}

fn parked(books: &Books, id: OperationId) -> Result<&Operation, Error> {
    let found = books.operations.iter().find(|each| each.id == id).ok_or(Error::OperationUnknown)?;
    if found.state == OperationState::Parked { Ok(found) } else { Err(Error::OperationState) }
}

/// Reads the object at the provider that shall prove that an operation happened.
async fn prove(app: &App, books: &Books, operation: &Operation, object: &str) -> Result<Outcome, Error> {
    let payment = &books.payment;
    let provider = app.providers.get(payment.provider).ok_or(Error::ProviderAbsent)?;
    // What completes an order, or renews its hold, carries the name of the operation that made the order.
    let is_order = |kind| {
        use OperationKind::{Authorise, Charge, Complete, Renew};
        matches!(kind, Charge | Authorise | Complete | Renew)
    };
    let names: Vec<OperationId> = if is_order(operation.kind) {
        books.operations.iter().filter(|each| is_order(each.kind)).map(|each| each.id).collect()
    } else {
        vec![operation.id]
    };
    let target = books.operations.iter().find(|each| Some(each.id) == operation.target);
    let evidence = Evidence {
        kind: operation.kind,
        intent: intent(books.effect(operation)),
        object,
        names: &names,
        reference: &payment.reference,
        capture: target.and_then(|target| target.object.as_deref()),
        authorisation: payment.provider_authorisation.as_deref(),
        amount: operation.amount,
    };
    match provider.prove(&evidence).await {
        Proof::Silent(detail) => {
            tracing::warn!(operation.id = %operation.id, "evidence can't be read: {detail}");
            Err(Error::ProviderSilent)
        }
        Proof::Refuted(detail) => Err(Error::Evidence(detail)),
        Proof::Proven(receipt) if receipt.amount != operation.amount => {
            Err(Error::Evidence("the provider's object is of another amount or currency"))
        }
        Proof::Proven(receipt) => Ok(Outcome::Approved(receipt)),
    }
}
