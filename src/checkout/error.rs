//! Why a checkout or an order can't do what is asked, and how it is told.

use super::model::State;
use super::picking::{AnswerFault, Unfit};
use super::quote::QuoteError;
use super::returned::LineFault;
use crate::clock::Moment;
use crate::error::Problem;
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
    /// No courier can bring the goods.
    #[error(transparent)]
    Unable(#[from] delivery::Unable),
    /// More than what is debited at once.
    #[error("at most {0} are debited at once")]
    DebitMax(Money),
    /// More than what a shopper is debited within a day.
    #[error("no more is debited within a day")]
    DayLimit(Option<Moment>),
    /// The shopper agreed to another total than the quote's.
    #[error("the quote's total is {0}")]
    Total(Money),
    /// No such delivery option was shown to the shopper for this cart.
    #[error("no such delivery option")]
    OptionUnknown,
    /// The delivery option does not hold any more, or for other goods or another place.
    #[error("the delivery option is over")]
    OptionOver,
    /// The state does not allow it.
    #[error("a checkout that is {0} can't do that")]
    State(State),
    /// The order does not allow it.
    #[error("{0}")]
    Order(&'static str),
    /// This can't go in the place of a line, named by its place in what was said.
    #[error("{why}")]
    Unfit {
        /// The place.
        at: usize,
        /// Why not.
        why: Unfit,
    },
    /// The shopper's answer is not taken.
    #[error(transparent)]
    Answer(#[from] AnswerFault),
    /// Somebody else picks the order.
    #[error("somebody else picks it")]
    OtherPicker,
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

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => Self::not_found("checkout_unknown", "You have no such checkout."),
            Error::UnknownOrder => Self::not_found("order_unknown", "You have no such order."),
            Error::Differs => Self::unprocessable(
                "id_reused",
                "The id names something that was asked for differently. Choose a new UUID.",
            ),
            Error::DeviceSession => {
                Self::unprocessable("device_session_invalid", "This is no session of a device.")
                    .at("/device_session", "1 to 36 visible characters")
            }
            Error::Method(detail) => Self::unprocessable(
                "payment_method_unusable",
                format!("The payment method can't be debited: {detail}."),
            )
            .at("/payment_method", detail),
            Error::Address(faults) => faults.into_iter().fold(
                Self::unprocessable("address_invalid", "The address can't be delivered to; see errors."),
                |problem, fault| problem.at(format!("/deliver/recipient{}", fault.pointer), fault.detail),
            ),
            Error::StoreClosed => Self::conflict(
                "store_closed",
                "The store is closed. Nothing was debited, and the cart is open.",
            ),
            Error::Blocked(lines) => lines.into_iter().fold(
                Self::conflict(
                    "lines_blocked",
                    "Some goods in the cart must not be sold now; see errors. Take them out and ask again.",
                ),
                |problem, (line, blocked)| {
                    problem.at(format!("/lines/{line}"), format!("{}: {}", blocked.reason, blocked.notice))
                },
            ),
            Error::OptionUnknown => Self::unprocessable(
                "delivery_option_unknown",
                "No such option was shown for this cart. Ask for its delivery options.",
            )
            .at("/deliver/option", "not shown for this cart"),
            Error::OptionOver => Self::conflict(
                "delivery_option_over",
                "The option does not hold any more, or not for these goods and this place. Ask for the delivery options again.",
            ),
            Error::FeeUntaxed => {
                Self::conflict("delivery_unavailable", "This store can't have goods delivered.")
            }
            Error::Cart(error) => error.into(),
            Error::Quote(error) => quote_problem(&error),
            Error::Payment(error) => error.into(),
            Error::Delivery(error) => error.into(),
            Error::Unable(unable) => unable_problem(unable),
            Error::DebitMax(_) | Error::DayLimit(_) => limit_problem(&error),
            Error::Total(total) => {
                Self::unprocessable("total_differs", format!("The quote's total is {total}."))
                    .at("/total", "not the quote's total")
            }
            Error::State(state) => Self::conflict(
                "checkout_state",
                format!("The checkout is {state}; it can't do that any more, or not yet."),
            ),
            Error::Order(detail) => Self::conflict("order_state", detail),
            Error::Unfit { .. } | Error::Answer(_) | Error::OtherPicker => picking_problem(&error),
            Error::RefundTooLarge(_) | Error::RefundTooSmall(_) | Error::RefundLines(_) => {
                refund_problem(&error)
            }
            Error::Money(error) => Self::unprocessable("amount_invalid", error.to_string()),
            Error::Database(error) => error.into(),
            Error::Internal(error) => Self::internal(error),
        }
    }
}

fn picking_problem(error: &Error) -> Problem {
    match error {
        Error::Unfit { at, why } => unfit_problem(*at, *why),
        Error::Answer(fault) => answer_problem(*fault),
        _ => Problem::conflict(
            "picker_other",
            "Somebody else picks this order. Take another, or wait until they put it down.",
        ),
    }
}

fn unfit_problem(at: usize, why: Unfit) -> Problem {
    let code = match why {
        Unfit::Unwanted => "substitute_unwanted",
        Unfit::Declined => "substitute_declined",
        _ => "substitute_unfit",
    };
    Problem::conflict(code, format!("This can't go in its place: {why}."))
        .at(format!("/lines/{at}/substitute"), why.to_string())
}

fn answer_problem(fault: AnswerFault) -> Problem {
    let code = match fault {
        AnswerFault::NotAsked => "substitute_not_asked",
        AnswerFault::Changed => "substitute_changed",
        AnswerFault::Answered => "substitute_answered",
        AnswerFault::Late => "substitute_late",
    };
    Problem::conflict(code, format!("The answer does not count: {fault}. Read the order."))
}

fn limit_problem(error: &Error) -> Problem {
    match error {
        Error::DayLimit(until) => Problem::conflict(
            "day_limit_reached",
            "With this purchase more would be debited within 24 hours than is allowed. Pay at a till, or later.",
        )
        .until(*until),
        other => Problem::unprocessable(
            "debit_too_large",
            format!("Not debited: {other}. Take something out, or pay at a till."),
        )
        .at("/cart", "costs too much"),
    }
}

fn refund_problem(error: &Error) -> Problem {
    match error {
        Error::RefundLines(fault) => {
            let detail = format!("Not everything of this can come back: {}.", fault.detail);
            Problem::unprocessable("refund_lines", detail)
                .at(format!("/lines/{}", fault.at), fault.detail.clone())
        }
        Error::RefundTooSmall(least) => Problem::unprocessable(
            "refund_too_small",
            format!("Points paid for it, and a point is worth {least}: give back at least that."),
        )
        .at("/amount", "out of range"),
        other => Problem::unprocessable("refund_too_large", format!("Not given back: {other}."))
            .at("/amount", "out of range"),
    }
}

fn unable_problem(unable: delivery::Unable) -> Problem {
    use delivery::Unable;
    let (code, pointer) = match unable {
        Unable::Area => ("area_not_served", "/deliver/recipient/country"),
        Unable::Needs => ("goods_not_deliverable", "/deliver/lines"),
        Unable::Phone => ("address_invalid", "/deliver/recipient/phone"),
    };
    Problem::unprocessable(code, format!("Not delivered: {unable}.")).at(pointer, unable.to_string())
}

fn quote_problem(error: &QuoteError) -> Problem {
    let code = match error {
        QuoteError::NothingDelivered => "delivery_empty",
        QuoteError::EatenIn => "delivery_eaten_in",
        QuoteError::UnknownLine(_) => "line_unknown",
        QuoteError::UnknownSubstitute(_) => "substitute_unknown",
        QuoteError::NotDeliverable(_) => "line_not_deliverable",
        QuoteError::TooHeavy(_) => "line_too_heavy",
        QuoteError::TooLarge(_) => "line_too_large",
        QuoteError::TooMuch => "delivery_too_large",
        QuoteError::Money(_) => "amount_too_large",
    };
    Problem::unprocessable(code, error.to_string()).at("/deliver/lines", error.to_string())
}
