//! Settling: what came of an operation is written in one transaction, with the ledger, what follows, and the news.

use super::debts;
use super::ledger::{self, Entry};
use super::model::{Books, Change, FactKind, OperationState, Outcome, Payment};
use super::start::write_down;
use super::{link, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::error::Internal;
use crate::ids::{OperationId, PaymentId};
use crate::jobs::{Failure, Lease};

/// A payment with its operations, taken for this transaction.
pub(super) async fn load(tx: &mut Tx, payment: PaymentId) -> Result<Option<Books>, db::Error> {
    let Some(payment) = store::payments::lock(tx, payment).await? else { return Ok(None) };
    let operations = store::operations::of_payment(&mut *tx, payment.id, payment.currency).await?;
    Ok(Some(Books { payment, operations }))
}

/// Takes in an outcome; answers the state that the operation is in afterwards.
pub(super) async fn settle(
    app: &App,
    lease: &Lease,
    payment: &Payment,
    operation: OperationId,
    outcome: &Outcome,
) -> Result<OperationState, Failure> {
    if matches!(outcome, Outcome::Unknown { .. }) {
        return Ok(OperationState::Sent);
    }
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(books) = load(&mut tx, payment.id).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    let change = books.apply(operation, outcome);
    let found =
        change.operation.as_ref().or_else(|| books.operations.iter().find(|each| each.id == operation));
    let state = found.map_or(OperationState::Failed, |operation| operation.state);
    if state == OperationState::Parked {
        metrics::counter!("aisle_payment_operations_parked_total").increment(1);
        let trouble = found.and_then(|operation| operation.trouble.as_deref()).unwrap_or_default();
        tracing::error!(operation.id = %operation, "a payment's operation needs people: {trouble}");
    }
    write_change(app, &mut tx, now, change).await?;
    lease.commit(tx).await?;
    app.changes.changed(payment.id.0);
    app.changes.changed(payment.checkout.0);
    app.jobs.wake();
    Ok(state)
}

/// Writes a change with all that belongs to it, and tells the room above.
pub(super) async fn write_change(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    change: Change,
) -> Result<(), Internal> {
    let payment = &change.payment;
    store::payments::update(tx, now, payment).await?;
    if let Some(operation) = &change.operation {
        store::operations::update(tx, now, operation).await?;
    }
    for fact in &change.facts {
        ledger::post(tx, &app.ids, now, &Entry::of(payment, fact, now)).await?;
    }
    ledger::check(&mut *tx, payment).await?;
    if payment.links_method && change.facts.iter().any(|fact| fact.kind == FactKind::Authorised) {
        link::enqueue(tx, &app.ids, now, payment.method).await?;
    }
    for planned in &change.planned {
        write_down(tx, &app.ids, now, payment.id, planned).await?;
    }
    tracing::info!(
        payment.id = %payment.id,
        payment.state = payment.state.as_str(),
        "payment is {}",
        payment.state,
    );
    for news in change.news {
        match payment.debt {
            Some(debt) => debts::payment_news(app, tx, now, debt, payment, news).await?,
            None => app.payment_news(tx, now, news).await?,
        }
    }
    // After the rooms above, who take a checkout first and then the account that it is paid with.
    if let Some(state) = change.method {
        store::methods::set_state(&mut *tx, now, payment.method, super::MethodState::Active, state).await?;
    }
    Ok(())
}
