//! Placing a checkout: quote and lock, the shopper's yes, staff's look, giving up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::Error;
use super::model::{Checkout, Event, Hold, State, Step};
use super::options;
use super::placement::{Deliver, Placement};
use super::quote::{self, Delivery, Fulfilment, QuoteError};
use super::{complete, limits, store};
use crate::app::App;
use crate::cart::{self, Buyer, Cart, Entry, Priced, Surcharge, Till};
use crate::catalog;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{CheckoutId, MethodId, ShopperId, StoreId};
use crate::jobs::{self, Job, Lease, Outcome};
use crate::money::Money;
use crate::payments;

/// A quote holds this long: time to read it, not to shop on.
const QUOTE_LASTS: chrono::Duration = chrono::Duration::minutes(15);
/// Staff have this long to look; then the shopper is free to leave by the tills.
const HOLD_LASTS: chrono::Duration = chrono::Duration::minutes(15);
/// A provider that has not answered by then is given up, and whatever it did is undone.
const PAYMENT_LASTS: chrono::Duration = chrono::Duration::minutes(15);
/// A deadline is looked at this much later, so that the job never comes too early by a rounding.
pub(super) const DEADLINE_SLACK: chrono::Duration = chrono::Duration::milliseconds(10);

/// Quotes and locks. The same request again answers the checkout as it is; says whether it is new.
pub(super) async fn place(
    app: &App,
    shopper: ShopperId,
    id: CheckoutId,
    placement: &Placement,
) -> Result<(bool, Checkout), Error> {
    let hash = placement.hash()?;
    if let Some(existing) = store::find(&app.db, id).await? {
        return same(existing, shopper, &hash).map(|existing| (false, existing));
    }
    payments::debts::may_shop(&app.db, shopper).await?;
    if !placement.is_session_right() {
        return Err(Error::DeviceSession);
    }
    if let Some(deliver) = &placement.deliver {
        if deliver.lines.is_empty() {
            return Err(QuoteError::NothingDelivered.into());
        }
        let mut faults = deliver.recipient.faults();
        faults.extend(app.carriers.pickup_fault(&deliver.recipient));
        if !faults.is_empty() {
            return Err(Error::Address(faults));
        }
        if let Some(fault) = deliver.wishes_fault(&app.catalog.view()) {
            return Err(fault.into());
        }
    }
    let now = app.clock.now();
    let buyer = Buyer::of(app, shopper).await?;
    let mut tx = app.db.begin().await?;
    let entry = Entry { id: app.ids.next(), at: now };
    let (version, open) = (placement.cart_version, |store: &StoreId| Till::open(app, store, buyer));
    let locked = cart::lock(&mut tx, entry, shopper, placement.cart, version, id, open).await;
    let (cart, till) = match locked {
        // The same request, sent twice at once: the other one was first.
        Err(error @ (cart::Error::Locked(_) | cart::Error::Changed(_))) => {
            tx.rollback().await?;
            let Some(existing) = store::find(&app.db, id).await? else { return Err(error.into()) };
            return same(existing, shopper, &hash).map(|existing| (false, existing));
        }
        locked => locked?,
    };
    if app.catalog.view().store(&cart.store).is_none() {
        return Err(Error::StoreClosed);
    }
    if cart.is_eaten_in && placement.deliver.is_some() {
        return Err(QuoteError::EatenIn.into());
    }
    let mut blocked = cart::blocked(app, &cart);
    blocked.extend(till.unpriced(&cart));
    if !blocked.is_empty() {
        return Err(Error::Blocked(blocked));
    }
    let method = usable_method(&mut tx, shopper, placement.payment_method).await?;
    let delivery = match &placement.deliver {
        Some(deliver) => Some(delivery(app, &mut tx, &till, &cart, deliver, now).await?),
        None => None,
    };
    let surcharge = delivery.as_ref().map(|delivery| Surcharge {
        name: "Delivery".to_owned(),
        amount: delivery.fee.amount.minor(),
        rate: delivery.fee.tax_rate,
        is_for_delivery: true,
    });
    let entry = Entry { id: app.ids.next(), at: now };
    let priced = till.quote(&mut tx, entry, id, &cart, surcharge).await?;
    let checkout = draft(app, &cart, id, placement, (delivery, priced), hash, now)?;
    let quote = &checkout.quote;
    payments::can_debit(app, method.provider, &[quote.to_pay(), quote.due_now, quote.due_at_hand_over()?])?;
    if !store::insert(&mut tx, &checkout).await? {
        return Err(Error::Differs);
    }
    enqueue_deadline(app, &mut tx, &checkout, now).await?;
    tx.commit().await?;
    Ok((true, checkout))
}

/// What a delivery costs, the way that was chosen, and how the goods are packed for its courier.
async fn delivery(
    app: &App,
    tx: &mut Tx,
    till: &Till,
    cart: &Cart,
    deliver: &Deliver,
    now: Moment,
) -> Result<Delivery, Error> {
    let Deliver { lines, recipient, option, .. } = deliver;
    let chosen = match option {
        Some(option) => Some(options::take(app, tx, cart, (*option, lines, recipient), now).await?),
        None => None,
    };
    let fee = options::fee(app, till, cart, chosen.as_ref())?;
    let (needs, packed) = options::pack(app, cart, (lines, recipient), chosen.as_ref())?;
    Ok(Delivery { fee, chosen, packed, needs })
}

fn same(existing: Checkout, shopper: ShopperId, hash: &str) -> Result<Checkout, Error> {
    if existing.shopper != shopper {
        return Err(Error::Unknown);
    }
    if existing.request_hash == hash { Ok(existing) } else { Err(Error::Differs) }
}

async fn usable_method(tx: &mut Tx, shopper: ShopperId, id: MethodId) -> Result<payments::Method, Error> {
    let method = payments::find_method(&mut *tx, shopper, id)
        .await?
        .ok_or(Error::Method("you have no such method"))?;
    if method.may_debit() { Ok(method) } else { Err(Error::Method("it is not linked, or not any more")) }
}

fn draft(
    app: &App,
    cart: &Cart,
    id: CheckoutId,
    placement: &Placement,
    (delivery, priced): (Option<Delivery>, Priced),
    request_hash: String,
    now: Moment,
) -> Result<Checkout, Error> {
    let delivered = placement.deliver.as_ref().map(|deliver| deliver.lines.clone()).unwrap_or_default();
    let mut quote = quote::quote(&cart.lines, &delivered, delivery, priced)?;
    if let Some(deliver) = &placement.deliver {
        deliver.note_wishes(&mut quote.lines);
    }
    let mut holds = Vec::new();
    let limits = limits::of_store(app, &cart.store, cart.currency);
    if let Some(most) = limits.debit_max.filter(|most| quote.to_pay().minor() > *most) {
        return Err(Error::DebitMax(Money::new(most, cart.currency)));
    }
    if limits.look_above.is_some_and(|limit| quote.total.minor() > limit) {
        holds.push(Hold::AmountLimit);
    }
    if cart.lines.iter().any(|line| line.product.age_min.is_some()) {
        holds.push(Hold::Age);
    }
    Ok(Checkout {
        id,
        number: app.random.readable::<10>(),
        cart: cart.id,
        cart_version: placement.cart_version,
        shopper: cart.shopper,
        store: cart.store.clone(),
        method: placement.payment_method,
        state: State::Quoted,
        holds,
        quote,
        recipient: placement.deliver.as_ref().map(|deliver| deliver.recipient.clone()),
        device_session: placement.device_session.clone(),
        request_hash,
        payment: None,
        order: None,
        action_url: None,
        reason: None,
        may_retry: false,
        limit_ends_at: None,
        deadline: now + QUOTE_LASTS,
        version: 1,
        created_at: now,
    })
}

/// The shopper's yes to this total. Staff look first where a hold says so; otherwise the debit begins.
pub(super) async fn confirm(
    app: &App,
    shopper: ShopperId,
    id: CheckoutId,
    total: Money,
) -> Result<Checkout, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let checkout = store::find_locked(&mut tx, id).await?.filter(|checkout| checkout.shopper == shopper);
    let mut checkout = checkout.ok_or(Error::Unknown)?;
    if checkout.quote.to_pay() != total {
        return Err(Error::Total(checkout.quote.to_pay()));
    }
    if checkout.state == State::Quoted && now > checkout.deadline {
        return Err(Error::State(State::Cancelled));
    }
    let mut tx = let_out_if_unsaleable(app, tx, &mut checkout, now).await?;
    if checkout.state == State::Quoted {
        limits::check(app, &mut tx, &mut checkout, now).await?;
    }
    let event = if checkout.holds.is_empty() { Event::Confirmed } else { Event::ConfirmedWithHold };
    step(app, &mut tx, &mut checkout, event, now).await?;
    end_if_free(app, &mut tx, &mut checkout, now).await?;
    tx.commit().await?;
    announce(app, id);
    Ok(checkout)
}

/// Where vouchers and points pay everything, or it costs nothing, no provider is asked: the order is there at once.
async fn end_if_free(app: &App, tx: &mut Tx, checkout: &mut Checkout, now: Moment) -> Result<(), Error> {
    let Some(payment) = checkout.payment.filter(|_| checkout.is_free()) else { return Ok(()) };
    if checkout.state == State::Paying {
        complete::authorised(app, tx, now, payment, checkout.id).await.map_err(Error::Internal)?;
        *checkout = store::find(&mut *tx, checkout.id).await?.ok_or(Error::Unknown)?;
    }
    Ok(())
}

/// A store that closed since the quote sells nothing any more, and goods may have been recalled since: a checkout that is
/// not being paid yet is given up, so that its cart is open again.
async fn let_out_if_unsaleable(
    app: &App,
    mut tx: Tx,
    checkout: &mut Checkout,
    now: Moment,
) -> Result<Tx, Error> {
    if !matches!(checkout.state, State::Quoted | State::Held) {
        return Ok(tx);
    }
    let (reason, error) = if app.catalog.view().store(&checkout.store).is_none() {
        ("the store is closed", Error::StoreClosed)
    } else {
        let blocked = cart::blocked(app, &cart::read(&mut tx, checkout.cart).await?);
        if blocked.is_empty() {
            return Ok(tx);
        }
        ("goods in it must not be sold any more", Error::Blocked(blocked))
    };
    checkout.reason = Some(reason.to_owned());
    step(app, &mut tx, checkout, Event::GivenUp, now).await?;
    tx.commit().await?;
    announce(app, checkout.id);
    Err(error)
}

/// Staff have looked and let it pass.
pub(super) async fn release(
    app: &App,
    id: CheckoutId,
    may: impl FnOnce(&StoreId) -> Result<(), Error>,
) -> Result<Checkout, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut checkout = store::find_locked(&mut tx, id).await?.ok_or(Error::Unknown)?;
    may(&checkout.store)?;
    let mut tx = let_out_if_unsaleable(app, tx, &mut checkout, now).await?;
    if checkout.state == State::Held {
        limits::check_max(app, &mut tx, &checkout, now).await?;
    }
    step(app, &mut tx, &mut checkout, Event::Released, now).await?;
    end_if_free(app, &mut tx, &mut checkout, now).await?;
    tx.commit().await?;
    announce(app, id);
    Ok(checkout)
}

/// The shopper or staff give it up: the cart is open again, and whatever was debited is given back.
pub(super) async fn give_up(
    app: &App,
    id: CheckoutId,
    reason: &str,
    may: impl FnOnce(&Checkout) -> Result<(), Error>,
) -> Result<Checkout, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let seen = store::find(&mut tx, id).await?.ok_or(Error::Unknown)?;
    if let Some(payment) = seen.payment {
        payments::lock(&mut tx, payment).await?;
    }
    let mut checkout = store::find_locked(&mut tx, id).await?.ok_or(Error::Unknown)?;
    may(&checkout)?;
    if checkout.payment != seen.payment {
        // It was confirmed between the two looks: its payment must be locked first.
        return Err(Error::State(checkout.state));
    }
    if !checkout.state.is_final() {
        checkout.reason = Some(reason.to_owned());
    }
    step(app, &mut tx, &mut checkout, Event::GivenUp, now).await?;
    tx.commit().await?;
    announce(app, id);
    Ok(checkout)
}

/// Wakes whoever waits for the checkout, and the workers.
fn announce(app: &App, id: CheckoutId) {
    app.changes.changed(id.0);
    app.jobs.wake();
}

/// Moves a locked checkout by an event, with everything that the new state brings, inside the caller's transaction. Says
/// whether it moved.
pub(super) async fn step(
    app: &App,
    tx: &mut Tx,
    checkout: &mut Checkout,
    event: Event,
    now: Moment,
) -> Result<bool, Error> {
    let next = match checkout.state.apply(event) {
        Step::To(next) => next,
        Step::Stay => return Ok(false),
        Step::Refused => return Err(Error::State(checkout.state)),
    };
    match next {
        State::Paying => begin_payment(app, tx, checkout, now).await?,
        State::Held => checkout.deadline = now + HOLD_LASTS,
        State::Declined | State::Cancelled => {
            if let (State::Cancelled, Some(payment)) = (next, checkout.payment) {
                payments::cancel(tx, &app.ids, now, payment).await?;
            }
            cart::unlock(tx, Entry { id: app.ids.next(), at: now }, checkout.cart, checkout.id).await?;
        }
        State::Quoted | State::ActionRequired | State::Paid => {}
    }
    checkout.state = next;
    store::update(tx, checkout, now).await?;
    if matches!(next, State::Paying | State::Held) {
        enqueue_deadline(app, tx, checkout, now).await?;
    }
    metrics::counter!("aisle_checkouts_total", "state" => next.as_str()).increment(1);
    Ok(true)
}

async fn begin_payment(app: &App, tx: &mut Tx, checkout: &mut Checkout, now: Moment) -> Result<(), Error> {
    let payment = app.ids.next();
    checkout.payment = Some(payment);
    checkout.deadline = now + PAYMENT_LASTS;
    if checkout.is_free() {
        return Ok(());
    }
    // A store that closed since the quote still sells what was agreed on.
    let store = catalog::known_store(tx, &checkout.store).await?;
    let quote = &checkout.quote;
    let is_delivered = quote.lines_of(Fulfilment::Deliver).next().is_some();
    let start = payments::Start {
        payment,
        checkout: checkout.id,
        debt: None,
        shopper: checkout.shopper,
        method: checkout.method,
        total: quote.to_pay(),
        due_now: if is_delivered { quote.due_now } else { quote.to_pay() },
        lines: quote.payment_lines()?,
        reference: checkout.number.clone(),
        country: store.map(|store| store.country),
        return_url: String::new(),
        device_session: checkout.device_session.clone(),
    };
    payments::start(app, tx, now, start).await?;
    Ok(())
}

/// A checkout's deadline has passed: it gives itself up unless it has gone on.
#[derive(Debug, Serialize, Deserialize)]
pub struct Expire {
    checkout: CheckoutId,
}

impl Job for Expire {
    const KIND: &'static str = "checkout.expire";

    fn subject(&self) -> String {
        self.checkout.to_string()
    }
}

async fn enqueue_deadline(app: &App, tx: &mut Tx, checkout: &Checkout, now: Moment) -> Result<(), db::Error> {
    let job = Expire { checkout: checkout.id };
    jobs::enqueue_at(tx, &app.ids, now, &job, checkout.deadline + DEADLINE_SLACK).await
}

/// Looks at a checkout whose deadline should have passed.
pub async fn expire(app: &App, lease: &Lease) -> Outcome {
    let job: Expire = lease.payload()?;
    let now = app.clock.now();
    let Some(checkout) = store::find(&app.db, job.checkout).await? else { return Ok(()) };
    if checkout.state.is_final() {
        return Ok(());
    }
    if now <= checkout.deadline {
        let left = (checkout.deadline + DEADLINE_SLACK - now).to_std().unwrap_or(Duration::from_secs(1));
        return Err(jobs::Failure::after(left, "not yet"));
    }
    let given_up = give_up(app, job.checkout, "its deadline passed", |checkout| {
        if now > checkout.deadline || checkout.state.is_final() {
            Ok(())
        } else {
            Err(Error::State(checkout.state))
        }
    });
    match given_up.await {
        // Paid, or gone on, between the two looks.
        Ok(_) | Err(Error::State(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
