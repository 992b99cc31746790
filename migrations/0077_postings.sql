-- What of each order is to be in the books of a system, and how far it is. A document is posted once to each connection.

CREATE TABLE exchange_postings (
    id UUID PRIMARY KEY,
    connection TEXT NOT NULL,
    order_id UUID NOT NULL,
    -- Which of the order's documents, and its place among the order's events.
    document TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    store_id TEXT NOT NULL,
    body TEXT NOT NULL,
    -- drafting: the call that drafts it was begun, and nobody knows yet whether it was done.
    state TEXT NOT NULL CHECK (state IN ('waiting', 'drafting', 'drafted', 'posted', 'parked', 'dropped')),
    -- The system's own id of the draft, how many steps it has behind it, and what people there call it.
    partner_id TEXT,
    steps BIGINT NOT NULL,
    reference TEXT,
    -- Why it waits for a person.
    error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    UNIQUE (connection, order_id, document)
);

-- What is still to be done, the oldest first.
CREATE INDEX exchange_postings_open ON exchange_postings (connection, state, id) WHERE state NOT IN ('posted', 'dropped');
-- What was done, to be counted and forgotten.
CREATE INDEX exchange_postings_done ON exchange_postings (connection, changed_at) WHERE state IN ('posted', 'dropped');
