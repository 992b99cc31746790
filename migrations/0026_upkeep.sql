-- Nothing grows for ever: by when held batches must be decided about, what was counted and not kept, and prices that
-- ended to count.

-- By when somebody must decide about a held batch; nobody needs to about the others.
ALTER TABLE catalog_batches ADD COLUMN decide_by TIMESTAMPTZ;
-- Quarantined rows that are counted and not listed, because a batch had too many of them.
ALTER TABLE catalog_batches ADD COLUMN unlisted BIGINT NOT NULL DEFAULT 0;

-- Whether the row names nothing, so that no right row can ever close it.
ALTER TABLE quality_quarantine ADD COLUMN is_nameless BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX quality_quarantine_source ON quality_quarantine (source, level) WHERE state = 'open';
-- Samples of a report show the row that is kept.
CREATE INDEX quality_quarantine_place ON quality_quarantine (batch, line) WHERE state = 'open';
CREATE INDEX quality_quarantine_closed ON quality_quarantine (closed_at) WHERE state <> 'open';

-- Prices that were asked and taken back, left out or overwritten: beside `price_history` the lowest price of 30 days is
-- made of them. Times are seconds since 1970-01-01T00:00:00Z.
CREATE TABLE ended_prices (
    price_list TEXT NOT NULL,
    sku TEXT NOT NULL,
    price_kind TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    -- The first second after it.
    ended_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (price_list, sku, price_kind, began_at, ended_at, revision)
);
