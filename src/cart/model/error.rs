//! Why something can't be done to a cart.

use chrono::NaiveDate;

use super::super::pricing::PriceError;
use super::{LOCKS_MAX, PIECES_MAX};
use crate::ids::{CartId, CheckoutId, CouponCode, OrderId, VoucherCode};
use crate::money::{self, Money};

/// Why something can't be done to a cart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such cart, or another shopper's.
    #[error("no such cart")]
    Unknown,
    /// No such store.
    #[error("no such store")]
    UnknownStore,
    /// The id names a cart of another store or shopper.
    #[error("the id is taken")]
    Taken,
    /// A checkout holds it.
    #[error("locked by checkout {0}")]
    Locked(CheckoutId),
    /// It was paid.
    #[error("paid with order {0}")]
    Closed(OrderId),
    /// The caller's version is not the present one.
    #[error("changed to version {0} meanwhile")]
    Changed(i64),
    /// No line of that number.
    #[error("no such line")]
    UnknownLine,
    /// The quantity is out of bounds.
    #[error("a line has at most {PIECES_MAX} pieces")]
    Quantity,
    /// No such coupon, or another shopper's, or its promotion does not hold here and now.
    #[error("no such coupon")]
    UnknownCoupon,
    /// The coupon was used as often as it may be.
    #[error("coupon {0} was used")]
    CouponUsed(CouponCode),
    /// The coupon's last day is over.
    #[error("coupon {0} was good until {1}")]
    CouponExpired(CouponCode, NaiveDate),
    /// More coupons than a cart takes.
    #[error("too many coupons")]
    CouponsFull,
    /// The code is no deposit voucher of the store.
    #[error("no such voucher")]
    UnknownVoucher,
    /// The voucher paid before, or is about to.
    #[error("voucher {0} was used")]
    VoucherUsed(VoucherCode),
    /// The voucher is worth more than any may be.
    #[error("a voucher is worth {0} at most")]
    VoucherTooLarge(Money),
    /// The voucher's last day is over.
    #[error("voucher {0} paid until {1}")]
    VoucherExpired(VoucherCode, NaiveDate),
    /// More vouchers than a cart takes.
    #[error("too many vouchers")]
    VouchersFull,
    /// The vouchers of the cart would be worth more than a cart takes.
    #[error("the vouchers of a cart are worth {0} at most")]
    VouchersTooLarge(Money),
    /// The cart was locked for as many checkouts as it may be.
    #[error("the cart was locked {LOCKS_MAX} times")]
    LocksUsed,
    /// The shopper has fewer points; so many.
    #[error("there are {0} points")]
    PointsShort(i64),
    /// The store takes no points, or not of this shopper.
    #[error("points don't pay here")]
    PointsUnknown,
    /// The store's fee of this name has no tax rate today.
    #[error("the fee {0} has no tax rate")]
    FeeUntaxed(String),
    /// It was changed too often.
    #[error("changed too often")]
    Full,
    /// Nothing in it.
    #[error("empty")]
    Empty,
    /// Too many writers at once, here or elsewhere.
    #[error("too busy")]
    Busy,
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] money::Error),
    /// It has no price.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] crate::db::Error),
    /// The journal could not write, or can't tell whether it did: the same events may be sent again.
    #[error("the journal could not write: {0}")]
    Journal(String),
    /// The log holds something that this release can't read.
    #[error("the log of cart {0} can't be folded: {1}")]
    Log(CartId, String),
}
