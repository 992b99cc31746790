//! What pays beside the debit, and where the goods are eaten: vouchers, points, takeaway. Shown to the cart, not spent by
//! that: a checkout reserves a voucher and burns points, and gives both back when it is given up.

use super::buyer::Buyer;
use super::event::Event;
use super::model::{Cart, Error, Growth, POINTS_MAX, ShownVoucher, VOUCHERS_MAX, VOUCHERS_WORTH_MAX};
use super::till::Till;
use super::trip::{self, Entry};
use super::{claims, coupon, ledger, notes};
use crate::app::App;
use crate::catalog::{BESIDE_MAX, Slip};
use crate::db::Tx;
use crate::ids::{CartId, ShopperId, VoucherCode};
use crate::money::Money;

/// Takes a deposit voucher or a credit note into the cart; one that is there already, however its code was written, changes nothing.
pub(super) async fn show_voucher(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    text: &str,
) -> Result<Cart, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let cart = coupon::open(&mut tx, shopper, id).await?;
    let catalog = app.catalog.view();
    let store = catalog.store(&cart.store).ok_or(Error::UnknownVoucher)?;
    if let Some(note) = notes::find(&mut tx, shopper, text, cart.currency).await? {
        return take(app, tx, cart, note, text).await;
    }
    let today = store.local(now).date();
    let slip = store.till.slip(text, store.currency, today).ok_or(Error::UnknownVoucher)?;
    let Slip { voucher: code, amount, is_of_chain, last_day, whole } = slip;
    if let Some(day) = last_day.filter(|day| *day < today) {
        return Err(Error::VoucherExpired(code, day));
    }
    take(app, tx, cart, ShownVoucher { code, amount, is_of_chain }, &whole).await
}

/// Takes a voucher or a note into a cart, which may have paid under its whole text.
async fn take(
    app: &App,
    mut tx: Tx,
    mut cart: Cart,
    voucher: ShownVoucher,
    whole: &str,
) -> Result<Cart, Error> {
    // Carts from before vouchers had names have them by their whole text.
    if cart.vouchers.iter().any(|each| each.code == voucher.code || each.code.as_str() == whole) {
        tx.rollback().await?;
        return Ok(cart);
    }
    if !claims::is_voucher_free(&mut tx, &cart.store, &voucher, whole).await? {
        return Err(Error::VoucherUsed(voucher.code));
    }
    must_take(&cart, &voucher)?;
    let ShownVoucher { code: voucher, amount, is_of_chain } = voucher;
    let entry = Entry { id: app.ids.next(), at: app.clock.now() };
    let event = Event::VoucherShown { voucher, amount, is_of_chain };
    trip::append(&mut tx, &mut cart, entry, event).await?;
    tx.commit().await?;
    Ok(cart)
}

/// An error unless a cart takes one more voucher: so many, and worth so much, at most.
fn must_take(cart: &Cart, voucher: &ShownVoucher) -> Result<(), Error> {
    if voucher.amount > BESIDE_MAX {
        return Err(Error::VoucherTooLarge(Money::new(BESIDE_MAX, cart.currency)));
    }
    if cart.vouchers.len() >= VOUCHERS_MAX {
        return Err(Error::VouchersFull);
    }
    let worth: i64 = cart.vouchers.iter().map(|each| each.amount).sum();
    if worth.saturating_add(voucher.amount) > VOUCHERS_WORTH_MAX {
        return Err(Error::VouchersTooLarge(Money::new(VOUCHERS_WORTH_MAX, cart.currency)));
    }
    cart.must_have_room(Growth::More)
}

/// Takes a voucher out of the cart; one that is not there changes nothing.
pub(super) async fn put_voucher_away(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    voucher: VoucherCode,
) -> Result<Cart, Error> {
    set(app, shopper, id, |cart| {
        let is_there = cart.vouchers.iter().any(|each| each.code == voucher);
        is_there.then_some((Event::VoucherPutAway { voucher }, Growth::Gone))
    })
    .await
}

/// Has so many points pay at most; none with nought.
pub(super) async fn offer_points(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    points: i64,
) -> Result<Cart, Error> {
    let buyer = Buyer::of(app, shopper).await?;
    let balance = ledger::balance(&app.db, shopper).await?;
    if !(0..=POINTS_MAX).contains(&points) || points > balance.points {
        return Err(Error::PointsShort(balance.points));
    }
    let (store, is_theirs) = {
        let cart = trip::load(app, id).await?;
        (cart.store.clone(), cart.shopper == shopper)
    };
    if points > 0 && Till::open(app, &store, buyer).points_worth().is_none() {
        return Err(if is_theirs { Error::PointsUnknown } else { Error::Unknown });
    }
    let event = |cart: &Cart| {
        let growth = match points {
            0 => Growth::Gone,
            _ if points < cart.points => Growth::Less,
            _ => Growth::More,
        };
        (cart.points != points).then_some((Event::PointsOffered { points }, growth))
    };
    set(app, shopper, id, event).await
}

/// Says whether the goods are eaten in the store.
pub(super) async fn eat_in(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    is_eaten_in: bool,
) -> Result<Cart, Error> {
    let event = |cart: &Cart| {
        (cart.is_eaten_in != is_eaten_in).then_some((Event::EatenIn { is_eaten_in }, Growth::More))
    };
    set(app, shopper, id, event).await
}

/// Writes what is to be written, unless the cart is so already.
async fn set(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    event: impl FnOnce(&Cart) -> Option<(Event, Growth)>,
) -> Result<Cart, Error> {
    let mut tx = app.db.begin().await?;
    let mut cart = coupon::open(&mut tx, shopper, id).await?;
    if let Some((event, growth)) = event(&cart) {
        cart.must_have_room(growth)?;
        let entry = Entry { id: app.ids.next(), at: app.clock.now() };
        trip::append(&mut tx, &mut cart, entry, event).await?;
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(cart)
}
