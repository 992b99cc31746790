//! The use cases of a trip: check in, scan, change, read; and what a checkout does to a cart inside its own transaction.
//!
//! A folded cart is kept in memory, bounded. A scan trusts it without asking the database: were it stale, the append would
//! collide with the entry it doesn't know, and the cart is folded again.

use tokio::sync::{OwnedMappedMutexGuard, OwnedMutexGuard};
use uuid::Uuid;

use super::event::Event;
use super::journal::{Append, AppendError};
use super::model::{Cart, Error, LOCKS_MAX, State};
use super::till::Till;
use super::wish::{Declined, Done, Refusal, Wish};
use super::{claims, ledger, shelf, store};
use crate::app::App;
use crate::catalog::quality::Cause;
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::{CartId, CheckoutId, OrderId, ShopperId, StoreId};

/// Lost races before a change gives up: each loss means that another writer of the same cart got through.
const ATTEMPTS_MAX: usize = 8;

/// Begins a trip. The app names the cart: the same request again finds it as it is. Says whether it is new.
pub(super) async fn check_in(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    store: &StoreId,
) -> Result<(bool, Held), Error> {
    let currency = app.catalog.view().store(store).ok_or(Error::UnknownStore)?.currency;
    let first = Append {
        id: app.ids.next(),
        cart: id,
        seq: 1,
        events: vec![Event::CheckedIn { shopper, store: store.clone(), currency }],
        at: app.clock.now(),
    };
    let is_new = store::insert(&app.db, &first, shopper, store).await?;
    let cart = load(app, id).await?;
    if cart.shopper != shopper || cart.store != *store {
        return Err(Error::Taken);
    }
    if is_new {
        app.trip_begun(shopper).await;
    }
    Ok((is_new, cart))
}

/// Whether there is such a cart already.
pub(super) async fn has_begun(app: &App, id: CartId) -> Result<bool, Error> {
    match load(app, id).await {
        Ok(_) => Ok(true),
        Err(Error::Unknown) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A folded cart in memory, which whoever has this is alone with: other requests for it wait, so nobody who has it may wait for
/// a cart again.
pub(super) type Held = OwnedMappedMutexGuard<Option<Cart>, Cart>;

/// The cart as it is now.
pub(super) async fn load(app: &App, id: CartId) -> Result<Held, Error> {
    let mut held = app.journal.slot(id).lock_owned().await;
    *held = store::fold(&app.db, id, held.take()).await?;
    hold(held)
}

fn hold(held: OwnedMutexGuard<Option<Cart>>) -> Result<Held, Error> {
    OwnedMutexGuard::try_map(held, Option::as_mut).map_err(|_| Error::Unknown)
}

/// What a change left behind.
pub(super) struct Changed {
    pub cart: Held,
    pub outcomes: Vec<Result<Done, Declined>>,
}

/// Takes a batch of events into the cart. With `expected`, only onto that version.
pub(super) async fn change(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    wishes: &[Wish],
    expected: Option<i64>,
) -> Result<Changed, Error> {
    // Out of the slot while it is worked on: a request that is dropped half way leaves an empty slot, never a cart with
    // events that were not written.
    let mut held = app.journal.slot(id).lock_owned().await;
    let mut known = held.take();
    // Only an open cart may be trusted: a lock is lifted by another entry of the log.
    let mut trust = expected.is_none() && known.as_ref().is_some_and(|cart| cart.state == State::Open);
    for _ in 0..ATTEMPTS_MAX {
        let is_trusted = std::mem::take(&mut trust);
        let cart = match known.take() {
            Some(cart) if is_trusted => Some(cart),
            known => store::fold(&app.db, id, known).await?,
        };
        let mut cart = cart.filter(|cart| cart.shopper == shopper).ok_or(Error::Unknown)?;
        cart.must_be_open()?;
        if expected.is_some_and(|expected| expected != cart.version) {
            return Err(Error::Changed(cart.version));
        }
        let (store, now) = (cart.store.clone(), app.clock.now());
        let find = |code: &str| shelf::find(app, &store, code);
        let (events, outcomes) = cart.decide(wishes, now, find, |sku| shelf::quantity_max(app, sku));
        if events.is_empty() && is_trusted {
            // Nothing to write, so nothing would collide were the cart stale: decided again on what the database has.
            known = Some(cart);
            continue;
        }
        if !events.is_empty() {
            let append = store::next(&cart, app.ids.next(), events, now);
            let version = append.seq;
            match app.journal.append(&append).await {
                Ok(()) => cart.written(version),
                // Folded again from the start: what was decided on the stale cart is void.
                Err(AppendError::Lost) => continue,
                Err(AppendError::Busy) => return Err(Error::Busy),
                Err(AppendError::Database(error)) => return Err(Error::Journal(error)),
            }
        }
        note_unknown(app, &cart.store, wishes, &outcomes);
        *held = Some(cart);
        return Ok(Changed { cart: hold(held)?, outcomes });
    }
    Err(Error::Busy)
}

/// Counts scans that could not be sold against the gap that caused them.
fn note_unknown(app: &App, store: &StoreId, wishes: &[Wish], outcomes: &[Result<Done, Declined>]) {
    for (wish, outcome) in wishes.iter().zip(outcomes) {
        let (Wish::Scan { code, .. }, Err(declined)) = (wish, outcome) else { continue };
        let cause = match declined.reason {
            Refusal::CodeUnknown => Cause::CodeUnknown,
            Refusal::PriceMissing => Cause::PriceMissing,
            Refusal::TaxRateMissing => Cause::TaxRateMissing,
            _ => continue,
        };
        app.unknown_codes.missed(&app.catalog.view(), store.as_str(), code, app.clock.now(), cause);
    }
}

/// The cart as its log has it, inside the caller's transaction.
pub async fn read(tx: &mut Tx, id: CartId) -> Result<Cart, Error> {
    store::fold(&mut *tx, id, None).await?.ok_or(Error::Unknown)
}

/// Locks the shopper's cart at this version for a checkout, inside the checkout's transaction, and notes what it costs by the
/// till that this opens, which prices the quote too. What it has of promotions with limits, and its coupons, are reserved.
pub async fn lock(
    tx: &mut Tx,
    entry: Entry,
    shopper: ShopperId,
    id: CartId,
    version: i64,
    checkout: CheckoutId,
    till: impl FnOnce(&StoreId) -> Till,
) -> Result<(Cart, Till), Error> {
    let cart = store::fold(&mut *tx, id, None).await?;
    let mut cart = cart.filter(|cart| cart.shopper == shopper).ok_or(Error::Unknown)?;
    cart.must_be_open()?;
    if cart.version != version {
        return Err(Error::Changed(cart.version));
    }
    if cart.lines.is_empty() {
        return Err(Error::Empty);
    }
    if cart.locks >= LOCKS_MAX {
        return Err(Error::LocksUsed);
    }
    let mut till = till(&cart.store);
    till.remember(&mut cart);
    till.hold(tx, &cart).await?;
    let priced = till.price(&cart)?;
    till.claim(tx, checkout, &cart, &priced).await?;
    till.note_differences(tx, checkout, &cart).await?;
    let agreed = Some(Box::new(priced));
    append(tx, &mut cart, entry, Event::Locked { checkout, agreed }).await?;
    Ok((cart, till))
}

/// Lets shopping go on after a checkout that was not paid. A cart that this checkout does not hold stays as it is.
pub async fn unlock(tx: &mut Tx, entry: Entry, id: CartId, checkout: CheckoutId) -> Result<(), Error> {
    let mut cart = store::fold(&mut *tx, id, None).await?.ok_or(Error::Unknown)?;
    if cart.state == State::Locked(checkout) {
        append(tx, &mut cart, entry, Event::Unlocked { checkout }).await?;
        let burned = ledger::burned(tx, checkout).await?;
        give_back(tx, entry.at, checkout, cart.shopper, burned, Vouchers::Free).await?;
    }
    Ok(())
}

/// What becomes of the vouchers of a checkout that is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vouchers {
    /// They can be paid with again.
    Free,
    /// They stay used, because a part of them came back already.
    StayUsed,
}

/// Frees what a checkout has of promotions, coupons and vouchers, and gives points back that it burned: it was given up, or its
/// order was taken back as a whole.
pub async fn give_back(
    tx: &mut Tx,
    at: Moment,
    checkout: CheckoutId,
    shopper: ShopperId,
    points: i64,
    vouchers: Vouchers,
) -> Result<(), Error> {
    claims::free_claims(tx, checkout).await?;
    if vouchers == Vouchers::Free {
        claims::free_vouchers(tx, checkout).await?;
    }
    ledger::give_back(tx, at, shopper, checkout.0, points).await
}

/// Ends the trip: the checkout was paid.
pub async fn close(
    tx: &mut Tx,
    entry: Entry,
    id: CartId,
    checkout: CheckoutId,
    order: OrderId,
) -> Result<(), Error> {
    let mut cart = store::fold(&mut *tx, id, None).await?.ok_or(Error::Unknown)?;
    if cart.state != State::Locked(checkout) {
        return Err(Error::Log(id, format!("checkout {checkout} was paid without holding the cart")));
    }
    append(tx, &mut cart, entry, Event::Closed { checkout, order }).await?;
    store::mark_paid(tx, entry.at, checkout).await?;
    Ok(claims::use_claims(tx, checkout).await?)
}

/// The id and the time of an entry that is written inside a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// When it was made.
    pub at: Moment,
}

pub(super) async fn append(tx: &mut Tx, cart: &mut Cart, entry: Entry, event: Event) -> Result<(), Error> {
    let append = store::next(cart, entry.id, vec![event], entry.at);
    if !store::append_one(tx, &append).await? {
        return Err(Error::Changed(append.seq));
    }
    cart.fold(append.seq, &append.events, append.at);
    Ok(())
}
