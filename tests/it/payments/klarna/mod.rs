//! Payments against the Klarna sandbox over loopback: linking, holds and captures, the shopper's confirmation, what goes wrong.

mod books;
mod callbacks;
mod charges;
mod checkout;
mod covered;
mod holds;
mod links;
mod parts;
mod troubles;

use aisle::sandbox::klarna::Fault;

/// An answer that is lost after its effect, by a connection that is cut.
const LOST: Fault = Fault::NoAnswerAfter { hold: false };
/// All ways in which an answer may be missing: before and after the effect, with an error and with nothing.
const TROUBLES: [Fault; 5] = [
    LOST,
    Fault::NoAnswerBefore { hold: false },
    Fault::ErrorAfter { status: 500 },
    Fault::ErrorBefore { status: 503 },
    Fault::ErrorBefore { status: 429 },
];

fn fact(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}
