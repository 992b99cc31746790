//! Orders and checkouts against the money that they are about: the books of this room and of the one below, as a whole.

use uuid::Uuid;

use super::order::Order;
use super::store;
use crate::db::{Db, Error, Run, Tx};
use crate::money::Money;
use crate::payments::{self, Violation};

/// Most violations of one rule that are told.
const TOLD_MAX: i64 = 100;
/// Orders that still wait for money, the oldest first, that are looked at one by one.
const PLACED_MAX: i64 = 10_000;

/// Looks at all books: payments, operations and the ledger ([`payments::verify`]), and orders against them. Between two
/// commits nothing of this can be violated, whatever died on the way.
pub async fn verify(db: &Db) -> Result<Vec<Violation>, Error> {
    let mut found = payments::verify(db).await?;
    let mut tx = db.snapshot().await?;
    for (rule, question) in RULES {
        let wrong: Vec<(Uuid, String)> = tx.sql(*question).bind(TOLD_MAX).fetch_all().await?;
        found.extend(wrong.into_iter().map(|(subject, detail)| Violation { rule, subject, detail }));
    }
    for order in store::placed(&mut tx, PLACED_MAX).await? {
        found.extend(without_money(&mut tx, &order).await?);
    }
    tx.rollback().await?;
    Ok(found)
}

/// Whether goods are gone, or with the shopper, for which neither money came nor is on its way nor is owed.
async fn without_money(tx: &mut Tx, order: &Order) -> Result<Option<Violation>, Error> {
    let due = if order.picking.is_closed { order.due() } else { Ok(order.quote.due_now) };
    let (due, received) = (due.map_or(0, Money::minor), order.received().map_or(0, Money::minor));
    if received >= due {
        return Ok(None);
    }
    let on_its_way: Vec<(Uuid,)> =
        tx.sql(ON_ITS_WAY).bind(order.payment).bind(order.checkout).fetch_all().await?;
    let detail = format!("{received} of {due} for goods that are gone, and nothing is on its way or owed");
    Ok(on_its_way.is_empty().then_some(Violation {
        rule: "order.without_money",
        subject: order.id.0,
        detail,
    }))
}

/// Open operations of an order's payment, and open debts.
const ON_ITS_WAY: &str = "
    SELECT id FROM payment_operations
    WHERE payment = $1 AND state NOT IN ('done', 'passed_on', 'failed', 'abandoned')
    UNION ALL
    SELECT id FROM debts WHERE checkout = $2 AND state IN ('open', 'being_paid')";

/// The rules, each with the question that finds what breaks it; `$1` is how many are told.
const RULES: &[(&str, &str)] = &[
    ("order.sums", WRONG_SUMS),
    ("order.unpaid", UNPAID),
    ("checkout.without_order", WITHOUT_ORDER),
    ("checkout.debited_twice", DEBITED_TWICE),
    ("points.balance", POINTS_BALANCE),
    ("points.returned", POINTS_RETURNED),
    ("order.made_good", WRONG_MADE_GOOD),
];

/// An order says what its payment says, but while money is on its way back.
const WRONG_SUMS: &str = "
    SELECT
        orders.id,
        'captured, refunded are ' || orders.captured_minor || ', ' || orders.refunded_minor || ', in the payment '
            || payments.captured || ', ' || payments.refunded
    FROM orders
    JOIN payments ON payments.id = orders.payment_id
    WHERE (orders.captured_minor <> payments.captured OR orders.refunded_minor <> payments.refunded)
        AND (NOT payments.is_given_up OR payments.state = 'cancelled')
        AND NOT EXISTS (
            SELECT 1 FROM payment_operations
            WHERE payment = payments.id AND kind = 'refund'
                AND state NOT IN ('done', 'passed_on', 'failed', 'abandoned')
        )
    LIMIT $1";

/// An order's money was held or debited, unless nothing was to be.
const UNPAID: &str = "
    SELECT orders.id, 'of ' || orders.total_minor || ' without money that was held for it'
    FROM orders
    LEFT JOIN payments ON payments.id = orders.payment_id
    WHERE orders.total_minor > 0 AND COALESCE(payments.authorised, 0) = 0
    LIMIT $1";

/// Money that is held or debited for a checkout, and not on its way back, has an order.
const WITHOUT_ORDER: &str = "
    SELECT checkouts.id, checkouts.state || ' with ' || payments.authorised || ' authorised and no order'
    FROM checkouts
    JOIN payments ON payments.id = checkouts.payment_id
    LEFT JOIN orders ON orders.payment_id = payments.id
    WHERE payments.authorised > 0 AND NOT payments.is_given_up AND payments.state <> 'cancelled' AND orders.id IS NULL
        -- What is due at once is held and then debited where a provider can't do both in one call: paid for by the debit.
        AND (payments.captured > 0 OR payments.due_now < payments.total)
    LIMIT $1";

/// A shopper's points are what the entries come to.
const POINTS_BALANCE: &str = "
    SELECT shopper_id, 'points less those owed are ' || (points - owed) || ', the entries come to ' || entries
    FROM (
        SELECT
            shopper_id, points, owed,
            COALESCE((
                SELECT CAST(SUM(points_entries.points) AS BIGINT) FROM points_entries
                WHERE points_entries.shopper_id = points_balances.shopper_id
            ), 0) AS entries
        FROM points_balances
    ) AS books
    WHERE points - owed <> entries
    LIMIT $1";

/// No more points come back than paid for an order, whatever of it was given back.
const POINTS_RETURNED: &str = "
    SELECT id, 'of ' || burned || ' points that paid ' || returned || ' came back'
    FROM (
        SELECT
            orders.id,
            COALESCE((
                SELECT -points FROM points_entries WHERE cause_id = orders.checkout_id AND kind = 'burned'
            ), 0) AS burned,
            COALESCE((
                SELECT CAST(SUM(points) AS BIGINT) FROM points_entries
                WHERE kind = 'returned' AND (
                    cause_id = orders.checkout_id OR cause_id = orders.shipment_id
                    OR cause_id IN (SELECT refunds.id FROM refunds WHERE refunds.order_id = orders.id)
                )
            ), 0) AS returned
        FROM orders
    ) AS books
    WHERE returned > burned
    LIMIT $1";

/// A checkout debits once, and no more than its quote.
const DEBITED_TWICE: &str = "
    SELECT checkout, COUNT(*) || ' payments of it have debited'
    FROM payments
    WHERE captured > refunded AND debt IS NULL
    GROUP BY checkout
    HAVING COUNT(*) > 1
    LIMIT $1";

/// What an order says was paid later or written off is what its debts say.
const WRONG_MADE_GOOD: &str = "
    SELECT orders.id, orders.made_good_minor || ' made good, by its debts ' || COALESCE(good.amount, 0)
    FROM orders
    LEFT JOIN (
        SELECT checkout, CAST(SUM(amount) AS BIGINT) AS amount
        FROM debts
        WHERE kind = 'capture_refused' AND state IN ('paid', 'written_off')
        GROUP BY checkout
    ) AS good ON good.checkout = orders.checkout_id
    WHERE orders.made_good_minor <> COALESCE(good.amount, 0)
    LIMIT $1";
