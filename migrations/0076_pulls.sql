-- What is pulled from back-office systems. A stream is one table of one connection; both are named in the connection's file.

CREATE TABLE exchange_pulls (
    connection TEXT NOT NULL,
    stream TEXT NOT NULL,
    -- The newest change that is known, by the system's own clock; nothing before the first full comparison.
    mark TIMESTAMPTZ,
    -- When all records were compared, by our clock, and how many there were.
    full_at TIMESTAMPTZ,
    full_records BIGINT,
    -- Since when each asking was answered; nothing while it fails.
    connected_at TIMESTAMPTZ,
    -- The last asking that was answered to its end.
    asked_at TIMESTAMPTZ,
    failures BIGINT NOT NULL,
    last_error TEXT,
    last_error_at TIMESTAMPTZ,
    -- What people should look at though it goes on.
    warning TEXT,
    -- Changed records that are known of and not taken yet.
    backlog BIGINT NOT NULL,
    -- The batch that waits for a person, and the hash of its rows.
    held_batch UUID,
    held_hash TEXT,
    PRIMARY KEY (connection, stream)
);

-- Each record as it was handed on last: the hash of its rows, empty when they have to be handed on again.
CREATE TABLE exchange_pulled (
    connection TEXT NOT NULL,
    stream TEXT NOT NULL,
    record TEXT NOT NULL,
    hash TEXT NOT NULL,
    -- When it is to be read again though it did not change: what its rows refer to was not known.
    again_at TIMESTAMPTZ,
    tries BIGINT NOT NULL,
    PRIMARY KEY (connection, stream, record)
);

CREATE INDEX exchange_pulled_again ON exchange_pulled (connection, stream, again_at) WHERE again_at IS NOT NULL;

-- The keys of each record's rows: what it no longer has is taken back, unless another record has it.
CREATE TABLE exchange_pulled_keys (
    connection TEXT NOT NULL,
    stream TEXT NOT NULL,
    row_key TEXT NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (connection, stream, row_key, record)
);

CREATE INDEX exchange_pulled_keys_record ON exchange_pulled_keys (connection, stream, record);

-- Changes within the overlap that were taken already: the stamp in microseconds since 1970.
CREATE TABLE exchange_seen (
    connection TEXT NOT NULL,
    stream TEXT NOT NULL,
    -- The place of the watched table in the file, and its name.
    watched TEXT NOT NULL,
    row_id TEXT NOT NULL,
    stamp BIGINT NOT NULL,
    PRIMARY KEY (connection, stream, watched, row_id)
);

CREATE INDEX exchange_seen_stamp ON exchange_seen (connection, stream, stamp);
