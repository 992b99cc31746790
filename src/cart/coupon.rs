//! Showing a coupon and putting it away again. It is not spent by that: a lock reserves it, a payment uses it.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::buyer::Buyer;
use super::event::Event;
use super::model::{COUPONS_MAX, Cart, Error, Growth};
use super::till::Till;
use super::trip::{self, Entry};
use super::{claims, store};
use crate::app::App;
use crate::catalog::{self, CouponRow, code};
use crate::db::Tx;
use crate::ids::{CartId, CouponCode, ShopperId};

/// The identifier of a coupon's number in a message of GS1.
const COUPON_NUMBER: &str = "255";
/// Digits of that number; what follows is the serial number of the single coupon.
const COUPON_DIGITS: usize = 13;

/// Takes a coupon into the cart; one that is there already changes nothing.
pub(super) async fn show(app: &App, shopper: ShopperId, id: CartId, text: &str) -> Result<Cart, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut cart = open(&mut tx, shopper, id).await?;
    let (coupon, row) = find(&mut tx, text, now.date_naive()).await?.ok_or(Error::UnknownCoupon)?;
    if cart.coupons.iter().any(|(each, _)| *each == coupon) {
        tx.rollback().await?;
        return Ok(cart);
    }
    let till = Till::open(app, &cart.store, Buyer::default());
    let is_theirs = row.shopper.is_none_or(|of| of == shopper);
    if !is_theirs || !till.takes_coupons_of(&row.promotion) {
        return Err(Error::UnknownCoupon);
    }
    // A single coupon is good once, and counts for its campaign too.
    let is_single = coupon != row.coupon;
    if claims::coupon_uses(&mut tx, &row.coupon).await? >= row.uses_max
        || (is_single && claims::coupon_uses(&mut tx, &coupon).await? >= 1)
    {
        return Err(Error::CouponUsed(coupon));
    }
    if cart.coupons.len() >= COUPONS_MAX {
        return Err(Error::CouponsFull);
    }
    cart.must_have_room(Growth::More)?;
    let entry = Entry { id: app.ids.next(), at: now };
    let event = Event::CouponShown { coupon, promotion: row.promotion };
    trip::append(&mut tx, &mut cart, entry, event).await?;
    tx.commit().await?;
    Ok(cart)
}

/// Takes a coupon out of the cart; one that is not there changes nothing.
pub(super) async fn put_away(
    app: &App,
    shopper: ShopperId,
    id: CartId,
    coupon: &CouponCode,
) -> Result<Cart, Error> {
    let mut tx = app.db.begin().await?;
    let mut cart = open(&mut tx, shopper, id).await?;
    if cart.coupons.iter().any(|(each, _)| each == coupon) {
        let entry = Entry { id: app.ids.next(), at: app.clock.now() };
        let event = Event::CouponPutAway { coupon: coupon.clone() };
        trip::append(&mut tx, &mut cart, entry, event).await?;
        tx.commit().await?;
    } else {
        tx.rollback().await?;
    }
    Ok(cart)
}

/// The shopper's cart, which must be open.
pub(super) async fn open(tx: &mut Tx, shopper: ShopperId, id: CartId) -> Result<Cart, Error> {
    let cart = store::fold(&mut *tx, id, None).await?.filter(|cart| cart.shopper == shopper);
    let cart = cart.ok_or(Error::Unknown)?;
    cart.must_be_open()?;
    Ok(cart)
}

/// The coupon that a text means, by its name, and its row.
async fn find(tx: &mut Tx, text: &str, today: NaiveDate) -> Result<Option<(CouponCode, CouponRow)>, Error> {
    for coupon in names(text, today) {
        if let Some(row) = row_of(tx, &coupon).await? {
            return Ok(Some((coupon, row)));
        }
    }
    Ok(None)
}

/// The row under which a coupon stands: its own before that of its campaign.
pub(super) async fn row_of(tx: &mut Tx, coupon: &CouponCode) -> Result<Option<CouponRow>, Error> {
    let own = catalog::coupon(&mut *tx, coupon).await?;
    let text = coupon.as_str();
    let is_number = text.len() > COUPON_DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.get(..COUPON_DIGITS).filter(|_| own.is_none() && is_number).map(str::parse) {
        Some(Ok(campaign)) => Ok(catalog::coupon(tx, &campaign).await?),
        _ => Ok(own),
    }
}

/// The names that a coupon may have: a number of GS1 by its digits, with the serial number of the single coupon; the
/// retailer's own code as it is.
fn names(text: &str, today: NaiveDate) -> Vec<CouponCode> {
    let answer = code::interpret(text, None, &code::Profile::None, today);
    let number = answer.ok().and_then(|answer| match answer.meaning {
        code::Meaning::Coupon(code::Coupon::Number(number, _)) => {
            Some(number.to_string().trim_start_matches('0').to_owned())
        }
        code::Meaning::Coupon(code::Coupon::Elements(elements)) => {
            let own = elements.list.into_iter().find(|element| element.ai.as_str() == COUPON_NUMBER)?;
            match own.value {
                code::Value::Text(number) => Some(number),
                _ => None,
            }
        }
        _ => None,
    });
    let own = code::cleaned(text).map(Cow::into_owned);
    [number, own].into_iter().flatten().filter_map(|text| text.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let today = NaiveDate::from_ymd_opt(2026, 7, 15).expect("a day");
        names(text, today).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_coupon_is_named_by_its_code_or_by_the_digits_of_gs1() {
        assert_eq!(texts(" SUMMER-26 "), ["SUMMER-26"]);
        assert_eq!(texts("]C0SUMMER-26"), ["SUMMER-26"]);
        assert_eq!(texts("9812345678902")[0], "9812345678902");
        assert_eq!(texts("(255)95212340000134567"), ["95212340000134567"], "a single one of a campaign");
        assert_eq!(texts("]C125595212340000134567")[0], "95212340000134567");
        assert!(texts("no code at all").is_empty());
    }
}
