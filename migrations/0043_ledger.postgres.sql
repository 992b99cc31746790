-- The ledger: double entry, only ever added to. A transaction is one thing that happened to money; its natural cause makes
-- that what is told twice counts once. A posting moves an amount from the account that it credits to the one that it debits,
-- so that no row can be out of balance, not even one that is written by hand.
CREATE TABLE ledger_transactions (
    id UUID PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN (
        'authorised', 'captured', 'refunded', 'voided', 'fee', 'fee_returned', 'disputed', 'dispute_won', 'dispute_lost',
        'reversed', 'reinstated', 'settled', 'debt_opened', 'debt_of_reversal', 'debt_paid', 'debt_withdrawn',
        'debt_written_off'
    )),
    -- What made it happen: an operation of ours, a debt, or the UUID (version 5) of a line in the provider's books.
    cause UUID NOT NULL,
    provider TEXT NOT NULL,
    -- The provider's name of that line, where one told us of it.
    line TEXT,
    -- Nothing for what concerns no single payment, such as a payout.
    payment UUID REFERENCES payments (id),
    currency TEXT NOT NULL,
    -- When it happened, as far as we know, and when it was written.
    at TIMESTAMPTZ NOT NULL,
    written_at TIMESTAMPTZ NOT NULL,
    UNIQUE (cause, kind)
);

CREATE INDEX ledger_transactions_payment ON ledger_transactions (payment);
CREATE INDEX ledger_transactions_at ON ledger_transactions (provider, at);

CREATE TABLE ledger_postings (
    transaction_id UUID NOT NULL REFERENCES ledger_transactions (id),
    debit TEXT NOT NULL CHECK (debit IN (
        'authorised', 'authorised_contra', 'receivable', 'sales', 'refunds', 'fees', 'disputed', 'reversed', 'bank', 'debt',
        'written_off'
    )),
    credit TEXT NOT NULL CHECK (credit IN (
        'authorised', 'authorised_contra', 'receivable', 'sales', 'refunds', 'fees', 'disputed', 'reversed', 'bank', 'debt',
        'written_off'
    )),
    -- Minor units of the transaction's currency.
    amount BIGINT NOT NULL CHECK (amount > 0),
    PRIMARY KEY (transaction_id, debit, credit),
    CHECK (debit <> credit)
);

-- What was known of money until now.
INSERT INTO ledger_transactions (id, kind, cause, provider, payment, currency, at, written_at)
SELECT
    payment_facts.id, payment_facts.kind, payment_facts.operation, payments.provider, payment_facts.payment,
    payment_facts.currency, payment_facts.at, payment_facts.at
FROM payment_facts
JOIN payments ON payments.id = payment_facts.payment
WHERE payment_facts.amount > 0;

INSERT INTO ledger_postings (transaction_id, debit, credit, amount)
SELECT
    id,
    CASE kind WHEN 'authorised' THEN 'authorised' WHEN 'captured' THEN 'receivable' WHEN 'refunded' THEN 'refunds'
        ELSE 'authorised_contra' END,
    CASE kind WHEN 'authorised' THEN 'authorised_contra' WHEN 'captured' THEN 'sales' WHEN 'refunded' THEN 'receivable'
        ELSE 'authorised' END,
    amount
FROM payment_facts
WHERE amount > 0;

INSERT INTO ledger_postings (transaction_id, debit, credit, amount)
SELECT id, 'authorised_contra', 'authorised', amount
FROM payment_facts
WHERE amount > 0 AND kind = 'captured';

-- What was left of a hold ended with the last capture, without a fact of its own.
INSERT INTO ledger_transactions (id, kind, cause, provider, payment, currency, at, written_at)
SELECT id, 'voided', id, provider, id, currency, changed_at, changed_at
FROM payments
WHERE is_closed AND authorised > captured
    AND NOT EXISTS (SELECT 1 FROM payment_facts WHERE payment = payments.id AND kind = 'voided' AND amount > 0)
    AND NOT EXISTS (
        SELECT 1 FROM payment_operations
        WHERE payment = payments.id AND kind = 'capture' AND state NOT IN ('done', 'passed_on', 'failed', 'abandoned')
    );

INSERT INTO ledger_postings (transaction_id, debit, credit, amount)
SELECT payments.id, 'authorised_contra', 'authorised', payments.authorised - payments.captured
FROM payments
JOIN ledger_transactions ON ledger_transactions.id = payments.id;

DROP TABLE payment_facts;

CREATE FUNCTION ledger_stays()
RETURNS TRIGGER
LANGUAGE plpgsql
AS $$ BEGIN RAISE EXCEPTION 'the ledger is only ever added to'; END $$;

CREATE TRIGGER ledger_transactions_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transactions
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays();
CREATE TRIGGER ledger_postings_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_stays();
