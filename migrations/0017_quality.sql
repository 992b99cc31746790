-- The quality of delivered rows: what is kept aside, how often each rule was broken, and codes that nobody knew.

-- The rule that a refused row broke; refusals of before have the rule for a field.
ALTER TABLE catalog_refusals ADD COLUMN rule TEXT NOT NULL DEFAULT 'row.field';

-- Rows that are kept aside. The version that was live before stays live.
CREATE TABLE quality_quarantine (
    id UUID PRIMARY KEY NOT NULL,
    -- The batch and the line in which it stood last.
    batch UUID NOT NULL,
    line BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- The key of the row, or where it stood when it has none that can be read.
    key TEXT NOT NULL,
    -- The product that the row is about, when it is about one.
    sku TEXT,
    rule TEXT NOT NULL,
    level TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- The row as it came, cut to a length.
    raw TEXT NOT NULL,
    source TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'released', 'corrected', 'confirmed', 'dismissed')),
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    -- How often the row came while it was open.
    seen BIGINT NOT NULL,
    closed_at TIMESTAMPTZ,
    -- Who closed it; nobody when a later row did.
    closed_by UUID,
    note TEXT
);
CREATE UNIQUE INDEX quality_quarantine_open ON quality_quarantine (kind, key, rule) WHERE state = 'open';
CREATE INDEX quality_quarantine_state ON quality_quarantine (state, id);
CREATE INDEX quality_quarantine_stops ON quality_quarantine (sku) WHERE state = 'open' AND level = 'stop_sale';

-- How often each rule was broken, by the day of the delivery (UTC, YYYY-MM-DD).
CREATE TABLE quality_counts (
    day TEXT NOT NULL,
    source TEXT NOT NULL,
    rule TEXT NOT NULL,
    level TEXT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (day, source, rule, level)
);

-- The first rows of the last delivery that broke a rule, at most ten of each.
CREATE TABLE quality_samples (
    source TEXT NOT NULL,
    rule TEXT NOT NULL,
    place BIGINT NOT NULL,
    batch UUID NOT NULL,
    line BIGINT NOT NULL,
    key TEXT NOT NULL,
    field TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (source, rule, place)
);

-- What each delivery was like.
CREATE TABLE quality_deliveries (
    batch UUID PRIMARY KEY NOT NULL,
    source TEXT NOT NULL,
    delivered_at TIMESTAMPTZ NOT NULL,
    received BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    stopped BIGINT NOT NULL,
    warnings BIGINT NOT NULL
);
CREATE INDEX quality_deliveries_time ON quality_deliveries (delivered_at, batch);

-- Codes that are right and that shoppers could not buy by. Shoppers are not stored.
CREATE TABLE unknown_codes (
    store TEXT NOT NULL,
    -- GTIN-14 where the code is one, and the text of the scan otherwise.
    code TEXT NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('code_unknown', 'price_missing', 'tax_rate_missing')),
    count BIGINT NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'bound', 'found')),
    -- What staff bound it to, and who did.
    sku TEXT,
    bound_by UUID,
    closed_at TIMESTAMPTZ,
    PRIMARY KEY (store, code)
);
CREATE INDEX unknown_codes_rank ON unknown_codes (state, count);

-- One article has one primary code.
CREATE INDEX codes_primary ON codes (sku) WHERE is_primary;
