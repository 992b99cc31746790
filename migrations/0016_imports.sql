-- Deliveries that replace the whole of something, and deliveries that wait for a person.

-- As before, and: a batch may be held or rejected, says what it replaces and who sent it, and keeps why it was held and
-- who decided about it.
CREATE TABLE catalog_batches_next (
    id UUID PRIMARY KEY NOT NULL,
    -- SHA-256 of the content and of how it is to be read, in hexadecimal.
    hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applied', 'held', 'rejected')),
    -- What the batch replaces and how its content is read, as an object.
    delivery JSONB NOT NULL,
    -- Who sent it, and which of the sender's feeds it belongs to.
    source TEXT NOT NULL,
    feed TEXT NOT NULL,
    -- Its place in the feed, when the sender counts.
    sequence BIGINT,
    -- Counts of rows; of a batch that was not applied, what would have become of them.
    received BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    -- Rows that a full delivery left out and thereby took back; none of them is among the received ones.
    removed BIGINT NOT NULL,
    -- The same counts by kind of row.
    kinds JSONB NOT NULL,
    -- Quarantined rows by reason; none for batches from before this was kept, which are counted.
    reasons JSONB,
    -- The rules that held the batch, as an array.
    holds JSONB NOT NULL,
    -- The revision that the batch made; the one before it when it changed nothing.
    revision BIGINT NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    applied_at TIMESTAMPTZ,
    -- Who released or rejected the batch, when and why, as an object.
    decision JSONB,
    CHECK (received = applied + unchanged + quarantined),
    CHECK ((state = 'applied') = (applied_at IS NOT NULL))
);
INSERT INTO catalog_batches_next
    (id, hash, state, delivery, source, feed, received, applied, unchanged, quarantined, removed, kinds, holds, revision,
     received_at, applied_at)
SELECT
    id, hash, state, '{}', '', '', received, applied, unchanged, refused, 0, kinds, '[]', revision, applied_at, applied_at
FROM catalog_batches;
DROP TABLE catalog_batches;
ALTER TABLE catalog_batches_next RENAME TO catalog_batches;
CREATE INDEX catalog_batches_state ON catalog_batches (state, received_at);
CREATE INDEX catalog_batches_feed ON catalog_batches (source, feed, received_at);

-- The content of a held batch, in parts of about a megabyte, until somebody decides about it.
CREATE TABLE catalog_batch_parts (
    batch UUID NOT NULL,
    part BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (batch, part)
);

-- Which prices a batch replaced is asked before it is let through.
CREATE INDEX price_history_revision ON price_history (revision);
