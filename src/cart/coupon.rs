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
use crate::ids::{CartId, CheckoutId, CouponCode, ShopperId};

/// The identifier of a coupon's number in a message of GS1.
const COUPON_NUMBER: &str = "255";
/// Digits of that number; what follows is the serial number of the single coupon.
const COUPON_DIGITS: usize = 13;

/// Takes a coupon into the cart; one that is there already changes nothing.
pub(super) async fn show(app: &App, shopper: ShopperId, id: CartId, text: &str) -> Result<Cart, Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let mut cart = open(&mut tx, shopper, id).await?;
    let catalog = app.catalog.view();
    let today = catalog.store(&cart.store).map_or(now.date_naive(), |store| store.local(now).date());
    let found = find(&mut tx, text, today).await?;
    let (Reading { name: coupon, last_day, .. }, row) = found.ok_or(Error::UnknownCoupon)?;
    if cart.coupons.iter().any(|(each, _)| *each == coupon) {
        tx.rollback().await?;
        return Ok(cart);
    }
    let till = Till::open(app, &cart.store, Buyer::default());
    let is_theirs = row.shopper.is_none_or(|of| of == shopper);
    if !is_theirs || !till.takes_coupons_of(&row.promotion) {
        return Err(Error::UnknownCoupon);
    }
    if let Some(day) = last_day.filter(|day| *day < today) {
        return Err(Error::CouponExpired(coupon, day));
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

/// The coupon that a text means, and its row.
async fn find(tx: &mut Tx, text: &str, today: NaiveDate) -> Result<Option<(Reading, CouponRow)>, Error> {
    for reading in readings(text, today) {
        let own = catalog::coupon(&mut *tx, &reading.name).await?;
        let row = match &reading.campaign {
            Some(campaign) if own.is_none() => serialised(&mut *tx, campaign).await?,
            _ => own,
        };
        if let Some(row) = row {
            return Ok(Some((reading, row)));
        }
    }
    Ok(None)
}

/// Reserves a coupon of a cart for a checkout, and one of its campaign where it has a serial number; says why it was not to
/// be had.
pub(super) async fn claim(
    tx: &mut Tx,
    checkout: CheckoutId,
    coupon: &CouponCode,
) -> Result<Option<Error>, Error> {
    let Some(row) = row_of(&mut *tx, coupon).await? else { return Ok(Some(Error::UnknownCoupon)) };
    let used = || Some(Error::CouponUsed(coupon.clone()));
    // The campaign first: whoever has its row is alone with its single coupons.
    if !claims::claim_coupon(tx, checkout, &row.coupon, row.uses_max).await? {
        return Ok(used());
    }
    // A single one of a campaign is good once.
    if row.coupon != *coupon && !claims::claim_coupon(tx, checkout, coupon, 1).await? {
        claims::unclaim_coupon(tx, checkout, &row.coupon).await?;
        return Ok(used());
    }
    Ok(None)
}

/// The row under which a coupon of a cart stands: its own before that of its campaign.
async fn row_of(tx: &mut Tx, coupon: &CouponCode) -> Result<Option<CouponRow>, Error> {
    let own = catalog::coupon(&mut *tx, coupon).await?;
    match campaign_of(coupon).filter(|_| own.is_none()) {
        Some(campaign) => serialised(tx, &campaign).await,
        None => Ok(own),
    }
}

/// The row of a campaign whose coupons have serial numbers. Of any other a serial number is made up.
async fn serialised(tx: &mut Tx, campaign: &CouponCode) -> Result<Option<CouponRow>, Error> {
    Ok(catalog::coupon(tx, campaign).await?.filter(|row| row.serialised))
}

/// What a text says of a coupon.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reading {
    name: CouponCode,
    /// The name of its campaign, where it has a serial number of its own.
    campaign: Option<CouponCode>,
    /// The last day on which it is good, where it says so.
    last_day: Option<NaiveDate>,
}

/// The campaign of a coupon that is named by its number and its serial number.
pub(super) fn campaign_of(coupon: &CouponCode) -> Option<CouponCode> {
    let text = coupon.as_str();
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (campaign, serial) = match text.rsplit_once('-') {
        Some((campaign, serial)) if campaign.contains('-') => (campaign, serial),
        Some(_) => return None,
        None => text.split_at_checked(COUPON_DIGITS)?,
    };
    campaign.parse().ok().filter(|_| is_digits(serial) && campaign.split('-').all(is_digits))
}

/// What a text may say: a number of GS1 by its digits, in a message with the serial number of the single coupon; the
/// retailer's own code as it is. Only a message has a serial number: in digits alone nothing says where it begins.
fn readings(text: &str, today: NaiveDate) -> Vec<Reading> {
    let plain = |name: String| Some(Reading { name: name.parse().ok()?, campaign: None, last_day: None });
    let answer = code::interpret(text, None, &code::Profile::None, today);
    let number = answer.ok().and_then(|answer| match answer.meaning {
        code::Meaning::Coupon(code::Coupon::Number(number, _)) => {
            code::coupon_number(&number.to_string()).and_then(plain)
        }
        code::Meaning::Coupon(code::Coupon::Elements(elements)) => message(&elements, today),
        _ => None,
    });
    let own = code::cleaned(text).map(Cow::into_owned);
    // Rows from before numbers had one form stand as they were delivered.
    let by_number = own.as_deref().and_then(code::coupon_number).filter(|_| number.is_none());
    number.into_iter().chain([by_number, own].into_iter().flatten().filter_map(plain)).collect()
}

/// A coupon in a message of GS1.
fn message(elements: &code::Elements, today: NaiveDate) -> Option<Reading> {
    elements.list.iter().find_map(|element| {
        let code::Value::Text(text) = &element.value else { return None };
        if element.ai.as_str() == COUPON_NUMBER {
            let name = text.parse().ok()?;
            let campaign = campaign_of(&name);
            return Some(Reading { name, campaign, last_day: elements.use_by() });
        }
        let code::Offered { name, serial, last_day } = code::offered(element.ai.as_str(), text, today)?;
        let name = serial.map_or_else(|| name.clone(), |serial| format!("{name}-{serial}")).parse().ok()?;
        let campaign = campaign_of(&name);
        Some(Reading { name, campaign, last_day })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        let today = NaiveDate::from_ymd_opt(2026, 7, 15).expect("a day");
        readings(text, today).iter().map(|reading| reading.name.to_string()).collect()
    }

    #[test]
    fn a_coupon_is_named_by_its_code_or_by_the_digits_of_gs1() {
        assert_eq!(texts(" SUMMER-26 "), ["SUMMER-26"]);
        assert_eq!(texts("]C0SUMMER-26"), ["SUMMER-26"]);
        for text in ["512345678900", "0512345678900", "00512345678900"] {
            assert_eq!(texts(text)[0], "0512345678900", "one coupon, as UPC-A and as EAN-13: {text}");
        }
        assert_eq!(texts("9812345678902")[0], "9812345678902");
        assert_eq!(texts("(8112)001234561234560123456")[0], "123456-123456-123456");
        assert_eq!(texts("(255)95212340000134567"), ["95212340000134567"], "a single one of a campaign");
        assert_eq!(texts("]C125595212340000134567")[0], "95212340000134567");
        assert!(texts("no code at all").is_empty());
    }

    #[test]
    fn a_message_tells_the_campaign_of_a_single_coupon_and_its_last_day() {
        let today = NaiveDate::from_ymd_opt(2026, 7, 15).expect("a day");
        let first = |text: &str| readings(text, today).swap_remove(0);
        let single = first("(255)95212340000134567(17)260731");
        assert_eq!(single.campaign.as_ref().map(CouponCode::as_str), Some("9521234000013"));
        assert_eq!(single.last_day, NaiveDate::from_ymd_opt(2026, 7, 31));
        let of_america = first("(8112)001234561234560123456");
        assert_eq!(of_america.campaign.as_ref().map(CouponCode::as_str), Some("123456-123456"));
        let dated = first("(8110)01234561234561111012332612314260101");
        assert_eq!((dated.name.as_str(), &dated.campaign), ("123456-123456", &None));
        assert_eq!(dated.last_day, NaiveDate::from_ymd_opt(2026, 12, 31));
        for whole in ["(255)9521234000013", "95212340000134567", "SUMMER-26", "SUMMER-26-2"] {
            assert_eq!((first(whole).campaign, first(whole).last_day), (None, None), "{whole}");
        }
    }
}
