//! Why a checkout or an order can't do what is asked.

use super::model::State;
use super::quote::QuoteError;
use super::returned::LineFault;
use crate::clock::Moment;
use crate::money::Money;
use crate::{cart, db, delivery, payments};

/// Why a checkout can't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such checkout, or another's.
    #[error("no such checkout")]
    Unknown,
    /// No such order, or another's.
    #[error("no such order")]
    UnknownOrder,
    /// The id names a checkout that was asked for differently.
    #[error("the id names another checkout")]
    Differs,
    /// What can't be the session of a device.
    #[error("this is no session of a device")]
    DeviceSession,
    /// No such payment method, or not usable.
    #[error("the payment method is not usable: {0}")]
    Method(&'static str),
    /// The address can't be delivered to.
    #[error("the address has faults")]
    Address(Vec<delivery::AddressFault>),
    /// The store was closed.
    #[error("the store is closed")]
    StoreClosed,
    /// These lines of the cart must not be sold now, by number.
    #[error("lines of the cart must not be sold now")]
    Blocked(Vec<(i64, cart::Blocked)>),
    /// There is no tax rate for the delivery fee in the store's country.
    #[error("the delivery fee has no tax rate")]
    FeeUntaxed,
    /// The cart refuses.
    #[error(transparent)]
    Cart(#[from] cart::Error),
    /// There is no quote.
    #[error(transparent)]
    Quote(#[from] QuoteError),
    /// The payment refuses.
    #[error(transparent)]
    Payment(#[from] payments::Error),
    /// The delivery refuses.
    #[error(transparent)]
    Delivery(#[from] delivery::Error),
    /// More than what is debited at once.
    #[error("at most {0} are debited at once")]
    DebitMax(Money),
    /// More than what a shopper is debited within a day.
    #[error("no more is debited within a day")]
    DayLimit(Option<Moment>),
    /// The shopper agreed to another total than the quote's.
    #[error("the quote's total is {0}")]
    Total(Money),
    /// The state does not allow it.
    #[error("a checkout that is {0} can't do that")]
    State(State),
    /// The order does not allow it.
    #[error("{0}")]
    Order(&'static str),
    /// More than what is left of the captured amount was to be given back.
    #[error("at most {0} can be given back")]
    RefundTooLarge(Money),
    /// These pieces can't come back.
    #[error("{}", .0.detail)]
    RefundLines(LineFault),
    /// Less than a point was to be given back, of what points paid alone.
    #[error("at least {0} can be given back")]
    RefundTooSmall(Money),
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] crate::money::Error),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Something inside went wrong that has no meaning for the caller.
    #[error("{0}")]
    Internal(#[source] crate::error::Internal),
}
