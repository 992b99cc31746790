-- Stock that is written to shops. A shelf is the place of one store in one connection's system.

CREATE TABLE exchange_shelves (
    connection TEXT NOT NULL,
    store TEXT NOT NULL,
    -- The system's name of the place: another one in the file is compared anew.
    location TEXT NOT NULL,
    -- The catalogue's revision up to which figures were taken over.
    revision BIGINT NOT NULL,
    -- When all that the system has there was compared; nothing before the first time.
    compared_at TIMESTAMPTZ,
    -- Since when each asking was answered; nothing while it fails.
    connected_at TIMESTAMPTZ,
    written_at TIMESTAMPTZ,
    failures BIGINT NOT NULL,
    last_error TEXT,
    last_error_at TIMESTAMPTZ,
    -- What people should look at though it goes on.
    warning TEXT,
    -- What others wrote there and was set right.
    corrected BIGINT NOT NULL,
    PRIMARY KEY (connection, store)
);

-- What stands there by its number: the system's id of it, what it should be and what it is.
CREATE TABLE exchange_shelved (
    connection TEXT NOT NULL,
    store TEXT NOT NULL,
    sku TEXT NOT NULL,
    item TEXT NOT NULL,
    -- Pieces; nothing of what our catalogue has no figure of, which is left alone.
    wanted BIGINT,
    -- Pieces that the system is known to have; nothing while a call is under way or its end is not known.
    written BIGINT,
    -- Why the system refused it; tried again after the next comparison.
    refused TEXT,
    PRIMARY KEY (connection, store, sku)
);

CREATE INDEX exchange_shelved_due ON exchange_shelved (connection, store, sku)
    WHERE wanted IS NOT NULL AND refused IS NULL AND (written IS NULL OR written <> wanted);

-- What was sold from the shelves of a store and is in no figure of its system yet.
CREATE TABLE exchange_sold (
    order_id UUID NOT NULL,
    store TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- None when the order was taken back.
    pieces BIGINT NOT NULL,
    -- The catalogue's revision when it was sold, or was about to be booked: a figure that changed after it has the sale in it.
    revision BIGINT NOT NULL,
    -- The document that books it, and whether a system does: until then no figure has it.
    document TEXT NOT NULL,
    is_booked BOOLEAN NOT NULL,
    PRIMARY KEY (order_id, sku, document)
);

CREATE INDEX exchange_sold_store ON exchange_sold (store, sku);
