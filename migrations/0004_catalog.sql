-- The catalogue: what is sold where, under which codes, at which price. Rows are never removed: a deleted one is a
-- tombstone, so that every instance learns of it by reading the rows above the revision that it knows.

-- One row: the revision of the last batch. A batch takes the next number as its first statement and holds the row until
-- it commits, so that revisions commit in order and no reader can skip one.
CREATE TABLE catalog_revision (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    revision BIGINT NOT NULL
);
INSERT INTO catalog_revision (id, revision) VALUES (1, 0);

CREATE TABLE tax_classes (
    tax_class TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX tax_classes_revision ON tax_classes (revision);

CREATE TABLE tax_rates (
    country TEXT NOT NULL,
    tax_class TEXT NOT NULL REFERENCES tax_classes (tax_class),
    -- The first day of the rate, as YYYY-MM-DD.
    valid_from TEXT NOT NULL,
    -- Percent, as decimal text.
    rate TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (country, tax_class, valid_from)
);
CREATE INDEX tax_rates_revision ON tax_rates (revision);

CREATE TABLE price_lists (
    price_list TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX price_lists_revision ON price_lists (revision);

CREATE TABLE stores (
    store TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    street TEXT NOT NULL,
    house_number TEXT NOT NULL,
    postal_code TEXT NOT NULL,
    city TEXT NOT NULL,
    country TEXT NOT NULL,
    currency TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX stores_revision ON stores (revision);

-- The price lists of a store: the one with the smallest position that has a price for a product wins.
CREATE TABLE store_price_lists (
    store TEXT NOT NULL REFERENCES stores (store),
    position BIGINT NOT NULL,
    price_list TEXT NOT NULL REFERENCES price_lists (price_list),
    PRIMARY KEY (store, position)
);

CREATE TABLE products (
    sku TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    brand TEXT,
    tax_class TEXT NOT NULL REFERENCES tax_classes (tax_class),
    weight_grams BIGINT,
    deliverable BOOLEAN NOT NULL,
    age_min BIGINT,
    -- Net content as it is printed, such as "500 g".
    content TEXT,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX products_revision ON products (revision, sku);

CREATE TABLE codes (
    -- GTIN-14, also for numbers that mean something in this chain only.
    code TEXT PRIMARY KEY NOT NULL,
    sku TEXT NOT NULL REFERENCES products (sku),
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);
CREATE INDEX codes_revision ON codes (revision, code);

CREATE TABLE prices (
    price_list TEXT NOT NULL REFERENCES price_lists (price_list),
    sku TEXT NOT NULL REFERENCES products (sku),
    -- Minor units of the list's currency.
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (price_list, sku)
);
CREATE INDEX prices_revision ON prices (revision, price_list, sku);

-- Each batch once: sent again with the same content it is answered by its row, with another content it is refused.
CREATE TABLE catalog_batches (
    id UUID PRIMARY KEY NOT NULL,
    -- SHA-256 of the content, in hexadecimal.
    hash TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('applied')),
    received BIGINT NOT NULL,
    applied BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    -- The same counts by kind of row.
    kinds JSONB NOT NULL,
    -- The revision that the batch made; the one before it when it changed nothing.
    revision BIGINT NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL,
    CHECK (received = applied + unchanged + refused)
);

-- What was refused, row by row; written before the batch's own row, in the same transaction.
CREATE TABLE catalog_refusals (
    batch UUID NOT NULL,
    line BIGINT NOT NULL,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (batch, line)
);
