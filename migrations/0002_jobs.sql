-- Work that may fail later: a row written in the transaction that made it necessary.
CREATE TABLE jobs (
    id UUID PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    -- What the job is about: at most one waiting job of a kind and subject.
    subject TEXT NOT NULL,
    payload JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    run_at TIMESTAMPTZ NOT NULL,
    -- While a worker holds the row: until when, and the fence that each of its writes repeats.
    leased_until TIMESTAMPTZ,
    fence BIGINT NOT NULL,
    -- Set when the job is asked for again while a worker holds it: it then runs once more.
    rerun BOOLEAN NOT NULL,
    attempts BIGINT NOT NULL,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE UNIQUE INDEX jobs_subject ON jobs (kind, subject) WHERE state = 'waiting';
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'waiting';
