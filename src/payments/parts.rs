//! What a part of a purchase is for, as its provider is told: the lines of a capture or of a refund, where they add up to it.
//! Nothing hangs on them: a part whose lines are not known is told by its amount alone.

use super::model::{Books, Operation, OperationKind, PaymentLine};
use super::store;
use crate::db::{self, Db};
use crate::money::Money;

/// The lines of what an operation debits or gives back; none where they don't add up to its amount: less was picked than was
/// ordered, or what is held is shared otherwise.
pub(super) async fn lines_of(
    db: &Db,
    books: &Books,
    operation: &Operation,
) -> Result<Vec<PaymentLine>, db::Error> {
    let lines = match (operation.kind, operation.refund) {
        (OperationKind::Refund, Some(refund)) => store::payments::refund_lines(db, refund).await?,
        (OperationKind::Refund, None) => store::payments::lines(db, books.payment.id).await?,
        (OperationKind::Capture, _) => {
            let lines = store::payments::lines(db, books.payment.id).await?;
            captured(lines, books, operation)
        }
        _ => Vec::new(),
    };
    Ok(if adds_up(&lines, operation.amount) { lines } else { Vec::new() })
}

/// Of a purchase, what is due at once or what is due later; all of it where one capture debits it all.
fn captured(mut lines: Vec<PaymentLine>, books: &Books, operation: &Operation) -> Vec<PaymentLine> {
    let payment = &books.payment;
    if operation.amount != payment.total {
        let is_first = payment.captured.minor() == 0 && operation.amount == payment.due_now;
        lines.retain(|line| line.is_due_later != is_first);
    }
    lines
}

fn adds_up(lines: &[PaymentLine], amount: Money) -> bool {
    Money::sum(amount.currency(), lines.iter().map(|line| line.amount)).is_ok_and(|sum| sum == amount)
}
