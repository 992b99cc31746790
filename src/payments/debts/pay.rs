//! Paying a debt: by the shopper, with any account, and at first by rule, with the account that should have paid.

use serde::{Deserialize, Serialize};

use super::Debt;
use crate::app::App;
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::{DebtId, Ids, MethodId, ShopperId};
use crate::jobs::{self, Failure, Job, Lease};
use crate::payments::model::{
    DebtEvent, DebtState, Payment, PaymentLine, PaymentLineKind, PaymentState, pause_before_try,
};
use crate::payments::start::{Debtor, Start, start};
use crate::payments::store::{self, debts};
use crate::payments::{Error, change};

/// How long a try by rule waits for an earlier payment that is being undone.
const UNDONE_PAUSE: std::time::Duration = std::time::Duration::from_mins(1);

/// Begins to pay a debt with a linked account. The same request again answers the debt as it is. Another account takes the
/// place of one that waits for a shopper who does not come, or that a rule tried: [`Error::DebtLetGo`] until the first is
/// undone. It has to wait for any other.
pub async fn pay(app: &App, shopper: ShopperId, id: DebtId, method: MethodId) -> Result<Debt, Error> {
    let now = app.clock.now();
    let (mut tx, mut debt, paying) = taken(app, shopper, id).await?;
    let mut is_let_go = false;
    match (debt.state, paying) {
        (DebtState::Open, _) => match begin(app, &mut tx, now, &mut debt, method, false).await {
            Err(Error::AlreadyStarted) => return Err(Error::DebtLetGo),
            begun => begun?,
        },
        (DebtState::Paid, _) => return Ok(debt),
        (DebtState::BeingPaid, Some(paying)) if paying.method == method => return Ok(debt),
        (DebtState::BeingPaid, Some(paying)) if may_let_go(&paying) => {
            // Whatever it turns out to have debited goes back.
            change::cancel(&mut tx, &app.ids, now, paying.id).await?;
            debt.state = debt.state.apply(DebtEvent::Failed).ok_or(Error::DebtState(debt.state))?;
            debt.paying = None;
            debt.try_at = None;
            debts::update(&mut tx, now, &debt).await?;
            is_let_go = true;
        }
        (state, _) => return Err(Error::DebtState(state)),
    }
    tx.commit().await?;
    app.jobs.wake();
    if is_let_go { Err(Error::DebtLetGo) } else { Ok(debt) }
}

/// A debt of the shopper's with what pays it now, both locked, in the order of locks: the payment is known only by the debt, so
/// that it is looked again when another one began in between.
async fn taken(app: &App, shopper: ShopperId, id: DebtId) -> Result<(Tx, Debt, Option<Payment>), Error> {
    loop {
        let mut tx = app.db.begin().await?;
        let seen = debts::find(&mut tx, id).await?.filter(|debt| debt.shopper == shopper);
        let seen = seen.ok_or(Error::DebtUnknown)?;
        let paying = match seen.paying {
            Some(paying) => store::payments::lock(&mut tx, paying).await?,
            None => None,
        };
        let debt = debts::lock(&mut tx, id).await?.ok_or(Error::DebtUnknown)?;
        if debt.paying == seen.paying {
            return Ok((tx, debt, paying));
        }
        tx.rollback().await?;
    }
}

/// Whether a payment of a debt makes room for one with another account.
fn may_let_go(paying: &Payment) -> bool {
    paying.is_by_rule || paying.state == PaymentState::ActionRequired
}

/// Begins a payment of a debt that is locked and open.
async fn begin(
    app: &App,
    tx: &mut Tx,
    now: Moment,
    debt: &mut Debt,
    method: MethodId,
    is_by_rule: bool,
) -> Result<(), Error> {
    let of = store::payments::find(&mut *tx, debt.payment).await?.ok_or(Error::PaymentUnknown)?;
    let payment = app.ids.next();
    let name = format!("Owed for purchase {}", debt.reference);
    let wish = Start {
        payment,
        checkout: debt.checkout,
        debt: Some(Debtor { debt: debt.id, is_by_rule }),
        shopper: debt.shopper,
        method,
        total: debt.amount,
        due_now: debt.amount,
        lines: vec![PaymentLine::new(PaymentLineKind::Surcharge, &name, 1, debt.amount)],
        reference: debt.reference.clone(),
        country: of.country,
        return_url: String::new(),
        device_session: None,
    };
    start(app, tx, now, wish).await?;
    debt.state = debt.state.apply(DebtEvent::Begun).ok_or(Error::DebtState(debt.state))?;
    debt.paying = Some(payment);
    debts::update(tx, now, debt).await?;
    Ok(())
}

/// A payment of it ended without money: it is open again, and tried again by rule as long as that is left.
pub(super) async fn failed(tx: &mut Tx, ids: &Ids, now: Moment, debt: &mut Debt) -> Result<(), Error> {
    debt.state = debt.state.apply(DebtEvent::Failed).ok_or(Error::DebtState(debt.state))?;
    debt.paying = None;
    debt.try_at = pause_before_try(debt.kind, debt.reason, debt.tries).map(|pause| now + pause);
    debts::update(tx, now, debt).await?;
    if let Some(try_at) = debt.try_at {
        jobs::enqueue_at(tx, ids, now, &Collect { debt: debt.id }, try_at).await?;
    }
    Ok(())
}

/// The job that tries a debt again by rule.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Collect {
    /// Which debt.
    pub(super) debt: DebtId,
}

impl Job for Collect {
    const KIND: &'static str = "payments.collect";

    fn subject(&self) -> String {
        self.debt.to_string()
    }
}

/// Does [`Collect`], when its time has come and nobody pays meanwhile.
pub async fn collect(app: &App, lease: &Lease) -> jobs::Outcome {
    let Collect { debt: id } = lease.payload()?;
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let Some(mut debt) = debts::lock(&mut tx, id).await? else {
        return Err(Failure::never("there is no such debt"));
    };
    let Some(try_at) = debt.try_at.filter(|_| debt.state == DebtState::Open) else { return Ok(()) };
    let left = (try_at - now).to_std().unwrap_or_default();
    if !left.is_zero() {
        return Err(Failure::after(left, "not yet"));
    }
    let Some(of) = store::payments::find(&mut tx, debt.payment).await? else {
        return Err(Failure::never("there is no such payment"));
    };
    debt.tries = debt.tries.saturating_add(1);
    debt.try_at = None;
    match begin(app, &mut tx, now, &mut debt, of.method, true).await {
        Ok(()) => {}
        Err(Error::Database(error)) => return Err(error.into()),
        // The last one is still being undone at its provider.
        Err(Error::AlreadyStarted) => {
            return Err(Failure::after(UNDONE_PAUSE, "another payment is not over"));
        }
        Err(reason) => {
            // The account is gone, or the provider: nothing that a rule could wait for.
            tracing::warn!(debt.id = %id, "a debt is left to the shopper: {reason}");
            debts::update(&mut tx, now, &debt).await?;
        }
    }
    lease.commit(tx).await?;
    app.jobs.wake();
    Ok(())
}
