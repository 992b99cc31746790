//! All books at once: payments against the ledger against operations. What [`super::check`] makes sure of at each commit is
//! looked at here from outside, over everything that was ever written.

use serde::Serialize;
use uuid::Uuid;

use crate::db::{Db, Error, Run, rows};
use crate::payments::model::{Account, FactKind};

/// Most violations of one rule that are told: where there are more, these say enough.
const TOLD_MAX: i64 = 100;

/// Something that must never be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule, in a word that stays.
    pub rule: &'static str,
    /// Of what: a payment, an operation, a transaction, an order.
    pub subject: Uuid,
    /// What is wrong, for people.
    pub detail: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}: {}", self.rule, self.subject, self.detail)
    }
}

/// Looks at the books of this room as a whole. Each rule is one question to the database, all to the same state of it.
pub async fn verify(db: &Db) -> Result<Vec<Violation>, Error> {
    let mut tx = db.snapshot().await?;
    let mut found = Vec::new();
    let mut take = |rule, wrong: Vec<(Uuid, String)>| {
        found.extend(wrong.into_iter().map(|(subject, detail)| Violation { rule, subject, detail }));
    };
    let kinds = rows(&postings())?;
    take("ledger.postings", tx.sql(WRONG_POSTINGS).bind(TOLD_MAX).bind(kinds).fetch_all().await?);
    for (rule, question) in RULES {
        take(rule, tx.sql(*question).bind(TOLD_MAX).fetch_all().await?);
    }
    tx.rollback().await?;
    Ok(found)
}

#[derive(Serialize)]
struct Posting {
    kind: FactKind,
    debit: Account,
    credit: Account,
}

fn postings() -> Vec<Posting> {
    let of = |kind: &FactKind| {
        let kind = *kind;
        kind.postings().iter().map(move |(debit, credit)| Posting { kind, debit: *debit, credit: *credit })
    };
    FactKind::ALL.iter().flat_map(of).collect()
}

/// The other rules, each with the question that finds what breaks it; `$1` is how many are told.
const RULES: &[(&str, &str)] = &[
    ("ledger.currency", WRONG_CURRENCY),
    ("payment.sums", WRONG_SUMS),
    ("payment.held", WRONG_HOLDS),
    ("payment.over", WRONG_ENDS),
    ("operation.unposted", UNPOSTED),
    ("ledger.unfounded", UNFOUNDED),
    ("debt.ledger", WRONG_DEBTS),
    ("debt.payment", WRONG_DEBT_PAYMENTS),
];

/// A transaction has the postings of its kind, all of one amount, and no others; `$2` is what each kind moves.
const WRONG_POSTINGS: &str = "
    SELECT ledger_transactions.id, ledger_transactions.kind || ' with other postings than its kind has'
    FROM ledger_transactions
    LEFT JOIN ledger_postings ON transaction_id = ledger_transactions.id
    LEFT JOIN (
        SELECT value ->> 'kind' AS kind, value ->> 'debit' AS debit, value ->> 'credit' AS credit FROM json_each($2)
    ) AS meant ON meant.kind = ledger_transactions.kind AND meant.debit = ledger_postings.debit
        AND meant.credit = ledger_postings.credit
    GROUP BY ledger_transactions.id, ledger_transactions.kind
    HAVING COUNT(ledger_postings.amount) <> COUNT(meant.kind)
        OR COUNT(meant.kind) <> (
            SELECT COUNT(*) FROM json_each($2) WHERE value ->> 'kind' = ledger_transactions.kind
        )
        OR MIN(ledger_postings.amount) <> MAX(ledger_postings.amount)
    LIMIT $1";

/// A transaction of a payment is in its currency and of its provider.
const WRONG_CURRENCY: &str = "
    SELECT ledger_transactions.id, 'of another currency or provider than its payment'
    FROM ledger_transactions
    JOIN payments ON payments.id = ledger_transactions.payment
    WHERE payments.currency <> ledger_transactions.currency OR payments.provider <> ledger_transactions.provider
    LIMIT $1";

/// A payment says what its ledger says.
const WRONG_SUMS: &str = "
    SELECT
        payments.id,
        'authorised, captured, refunded are ' || payments.authorised || ', ' || payments.captured || ', '
            || payments.refunded || ', in the ledger ' || COALESCE(ledger.authorised, 0) || ', '
            || COALESCE(ledger.captured, 0) || ', ' || COALESCE(ledger.refunded, 0)
    FROM payments
    LEFT JOIN (
        SELECT
            payment,
            CAST(SUM(CASE WHEN debit = 'authorised' THEN amount ELSE 0 END) AS BIGINT) AS authorised,
            CAST(SUM(CASE WHEN debit = 'receivable' AND credit = 'sales' THEN amount ELSE 0 END) AS BIGINT) AS captured,
            CAST(SUM(CASE WHEN debit = 'refunds' THEN amount ELSE 0 END) AS BIGINT) AS refunded
        FROM ledger_transactions
        JOIN ledger_postings ON transaction_id = id
        GROUP BY payment
    ) AS ledger ON ledger.payment = payments.id
    WHERE payments.authorised <> COALESCE(ledger.authorised, 0)
        OR payments.captured <> COALESCE(ledger.captured, 0)
        OR payments.refunded <> COALESCE(ledger.refunded, 0)
    LIMIT $1";

/// What is held is what was authorised and neither captured nor let go of; nothing once nothing more can be captured.
const WRONG_HOLDS: &str = "
    SELECT payments.id, 'holds ' || held.amount || ' of ' || (payments.authorised - payments.captured) || ' that are free'
    FROM payments
    JOIN (
        SELECT
            payment,
            CAST(SUM(
                CASE WHEN debit = 'authorised' THEN amount WHEN credit = 'authorised' THEN -amount ELSE 0 END
            ) AS BIGINT) AS amount
        FROM ledger_transactions
        JOIN ledger_postings ON transaction_id = id
        GROUP BY payment
    ) AS held ON held.payment = payments.id
    WHERE held.amount <> CASE
        WHEN payments.is_closed AND NOT EXISTS (
            SELECT 1 FROM payment_operations
            WHERE payment = payments.id AND kind = 'capture'
                AND state NOT IN ('done', 'passed_on', 'failed', 'abandoned')
        ) THEN 0
        ELSE payments.authorised - payments.captured
    END
    LIMIT $1";

/// What was declined holds nothing, and of what was cancelled everything went back, or more: a bank may take back what we gave
/// back too.
const WRONG_ENDS: &str = "
    SELECT id, state || ' with ' || authorised || ' authorised, ' || captured || ' captured, ' || refunded || ' refunded'
    FROM payments
    WHERE (state = 'declined' AND authorised <> 0) OR (state = 'cancelled' AND captured > refunded + (
        SELECT CAST(COALESCE(SUM(reversed), 0) AS BIGINT) FROM payment_operations WHERE payment = payments.id
    ))
    LIMIT $1";

/// Every operation that happened is in the ledger, with its amount. A hold that is taken again takes the place of one that is
/// there.
const UNPOSTED: &str = "
    SELECT payment_operations.id, payment_operations.kind || ' of ' || payment_operations.amount || ' without ' || meant.fact
    FROM payment_operations
    JOIN payments ON payments.id = payment_operations.payment
    JOIN (
        SELECT 'charge' AS kind, 'authorised' AS fact, FALSE AS of_charge UNION ALL
        SELECT 'charge', 'captured', FALSE UNION ALL
        SELECT 'authorise', 'authorised', FALSE UNION ALL
        SELECT 'complete', 'authorised', FALSE UNION ALL
        SELECT 'complete', 'captured', TRUE UNION ALL
        SELECT 'capture', 'captured', FALSE UNION ALL
        SELECT 'refund', 'refunded', FALSE
    ) AS meant ON meant.kind = payment_operations.kind
    WHERE payment_operations.state = 'done'
        AND (NOT meant.of_charge OR EXISTS (
            SELECT 1 FROM payment_operations AS begun WHERE begun.payment = payments.id AND begun.kind = 'charge'
        ))
        AND (
            meant.fact <> 'authorised'
            OR payment_operations.kind = 'complete' AND payment_operations.target IS NULL
            OR payment_operations.kind <> 'complete' AND payment_operations.sequence = 0
        )
        AND NOT EXISTS (
            SELECT 1 FROM ledger_transactions
            JOIN ledger_postings ON transaction_id = ledger_transactions.id
            WHERE cause = payment_operations.id AND ledger_transactions.kind = meant.fact
                AND ledger_postings.amount = payment_operations.amount
        )
    LIMIT $1";

/// Everything in the ledger that only an operation can cause has one that happened.
const UNFOUNDED: &str = "
    SELECT ledger_transactions.id, ledger_transactions.kind || ' without an operation that happened'
    FROM ledger_transactions
    LEFT JOIN payment_operations ON payment_operations.id = cause AND payment_operations.state = 'done'
        AND payment_operations.payment = ledger_transactions.payment
    WHERE ledger_transactions.kind IN ('authorised', 'captured', 'refunded') AND payment_operations.id IS NULL
    LIMIT $1";

/// A debt is owed in the ledger as long as it is open, and not any more once it ended.
const WRONG_DEBTS: &str = "
    SELECT debts.id, debts.state || ' of ' || debts.amount || ', in the ledger ' || COALESCE(ledger.owed, 0)
    FROM debts
    LEFT JOIN (
        SELECT
            cause,
            CAST(SUM(CASE WHEN debit = 'debt' THEN amount WHEN credit = 'debt' THEN -amount ELSE 0 END) AS BIGINT) AS owed
        FROM ledger_transactions
        JOIN ledger_postings ON transaction_id = id
        GROUP BY cause
    ) AS ledger ON ledger.cause = debts.id
    WHERE ledger.owed IS NULL
        OR ledger.owed <> CASE WHEN debts.state IN ('open', 'being_paid') THEN debts.amount ELSE 0 END
    LIMIT $1";

/// A debt is paid by a payment of it that debited as much, and is being paid by one that is not over; no other payment of it
/// debited.
const WRONG_DEBT_PAYMENTS: &str = "
    SELECT debts.id, debts.state || ' by a payment that is ' || payments.state || ' with ' || payments.captured || ' captured'
    FROM payments
    JOIN debts ON debts.id = payments.debt
    WHERE CASE
        WHEN payments.id <> COALESCE(debts.paying, payments.debt)
            THEN NOT payments.is_given_up AND payments.state NOT IN ('declined', 'cancelled')
        WHEN debts.state = 'paid' THEN payments.captured <> debts.amount
        ELSE payments.state IN ('declined', 'cancelled') OR (payments.state = 'captured' AND NOT payments.is_given_up)
    END
    LIMIT $1";
