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

-- Which kinds of facts there are, and what each moves, is known by the program alone, and held against the rows by `verify`.
ALTER TABLE ledger_transactions DROP CONSTRAINT ledger_transactions_kind_check;
