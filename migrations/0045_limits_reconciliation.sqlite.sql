-- Whoever counts what a shopper was debited of late waits here for the others.
CREATE TABLE shopper_debits (
    shopper UUID PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL
);
CREATE INDEX payments_shopper ON payments (shopper, created_at);

-- When the day's limit, which a checkout is held for, would let it pass.
ALTER TABLE checkouts ADD COLUMN limit_ends_at TIMESTAMPTZ;

-- Comparisons of our books with a provider's, over a span: from its begin up to and without its end.
CREATE TABLE reconciliations (
    id UUID PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    from_at TIMESTAMPTZ NOT NULL,
    to_at TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed')),
    -- Who asked for it; nothing for the nightly one and the command.
    staff UUID,
    -- Up to when the provider's books were whole: what is younger was not missed.
    whole_until TIMESTAMPTZ,
    -- Lines of the provider in the span, movements of ours in it, and how many of them belong together.
    lines BIGINT NOT NULL,
    movements BIGINT NOT NULL,
    matched BIGINT NOT NULL,
    -- Why it failed.
    trouble TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    CHECK (from_at < to_at),
    CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX reconciliations_latest ON reconciliations (created_at);

-- What did not agree. Found again, it is the same row.
CREATE TABLE reconciliation_differences (
    id UUID PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    -- What tells it from all others of the provider: its kind, and the line or operation that it is about.
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    certainty TEXT NOT NULL CHECK (certainty IN ('sure', 'likely', 'unsure')),
    -- Our side and the provider's.
    found JSONB NOT NULL,
    -- When it happened.
    at TIMESTAMPTZ NOT NULL,
    -- `gone`: a later comparison of the same span did not find it any more.
    state TEXT NOT NULL CHECK (state IN ('open', 'explained', 'gone')),
    -- Why it is as it is, by staff.
    note TEXT,
    staff UUID,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    UNIQUE (provider, subject),
    CHECK ((state = 'explained') = (note IS NOT NULL))
);
CREATE INDEX reconciliation_differences_at ON reconciliation_differences (provider, at);
CREATE INDEX reconciliation_differences_open ON reconciliation_differences (at) WHERE state = 'open';

-- Which kinds of facts there are, and what each moves, is known by the program alone, and held against the rows by `verify`. SQLite
-- can't change a check, so the tables are made anew.
CREATE TABLE ledger_transactions_anew (
    id UUID PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
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
INSERT INTO ledger_transactions_anew (id, kind, cause, provider, line, payment, currency, at, written_at)
SELECT id, kind, cause, provider, line, payment, currency, at, written_at FROM ledger_transactions;

CREATE TABLE ledger_postings_anew (
    transaction_id UUID NOT NULL REFERENCES ledger_transactions_anew (id),
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
INSERT INTO ledger_postings_anew (transaction_id, debit, credit, amount)
SELECT transaction_id, debit, credit, amount FROM ledger_postings;

DROP TABLE ledger_postings;
DROP TABLE ledger_transactions;
ALTER TABLE ledger_transactions_anew RENAME TO ledger_transactions;
ALTER TABLE ledger_postings_anew RENAME TO ledger_postings;
CREATE INDEX ledger_transactions_payment ON ledger_transactions (payment);
CREATE INDEX ledger_transactions_at ON ledger_transactions (provider, at);

CREATE TRIGGER ledger_transactions_kept BEFORE UPDATE ON ledger_transactions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only ever added to');
END;
CREATE TRIGGER ledger_transactions_stay BEFORE DELETE ON ledger_transactions
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only ever added to');
END;
CREATE TRIGGER ledger_postings_kept BEFORE UPDATE ON ledger_postings
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only ever added to');
END;
CREATE TRIGGER ledger_postings_stay BEFORE DELETE ON ledger_postings
BEGIN
    SELECT RAISE(ABORT, 'the ledger is only ever added to');
END;
