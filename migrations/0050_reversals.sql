-- What was taken back of a debit without us: each once, however many tell of it.
CREATE TABLE payment_reversals (
    -- What the ledger and a debt of it know it by.
    cause UUID PRIMARY KEY NOT NULL,
    operation UUID NOT NULL REFERENCES payment_operations (id),
    -- Minor units of the payment's currency; and how much of it came again.
    amount BIGINT NOT NULL CHECK (amount > 0),
    returned BIGINT NOT NULL DEFAULT 0 CHECK (returned BETWEEN 0 AND amount),
    -- The lost dispute and the line of the provider's books that told of it: each tells of one.
    dispute TEXT,
    line TEXT,
    written_at TIMESTAMPTZ NOT NULL,
    UNIQUE (operation, dispute),
    UNIQUE (operation, line)
);

-- Until now each debit was taken back once, and its operation was the cause.
INSERT INTO payment_reversals (cause, operation, amount, returned, written_at)
SELECT
    reversed.cause, reversed.cause, MAX(ledger_postings.amount),
    CASE WHEN COUNT(reinstated.kind) = 0 THEN 0 ELSE MAX(ledger_postings.amount) END,
    MAX(reversed.written_at)
FROM ledger_transactions AS reversed
JOIN ledger_postings ON ledger_postings.transaction_id = reversed.id
JOIN payment_operations ON payment_operations.id = reversed.cause
LEFT JOIN ledger_transactions AS reinstated
    ON reinstated.cause = reversed.cause AND reinstated.kind = 'reinstated'
WHERE reversed.kind = 'reversed'
GROUP BY reversed.cause;
