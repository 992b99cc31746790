-- Products as retail has them, prices by kind and time, stock, recalls.

-- What is known of each store beyond where it is.
ALTER TABLE stores ADD COLUMN languages TEXT NOT NULL DEFAULT '[]';
ALTER TABLE stores ADD COLUMN code_templates TEXT NOT NULL DEFAULT '[]';

-- How many pieces a code stands for, and whether it is the one that is printed on lists.
ALTER TABLE codes ADD COLUMN quantity BIGINT NOT NULL DEFAULT 1;
ALTER TABLE codes ADD COLUMN is_primary BOOLEAN NOT NULL DEFAULT FALSE;

-- Prices that hold for a time or for some: the open price of everybody stays in `prices`.
CREATE TABLE timed_prices (
    price_list TEXT NOT NULL REFERENCES price_lists (price_list),
    sku TEXT NOT NULL REFERENCES products (sku),
    price_kind TEXT NOT NULL CHECK (price_kind IN ('regular', 'promotion', 'member')),
    -- Seconds since 1970-01-01T00:00:00Z: the first second of the price.
    valid_from BIGINT NOT NULL,
    -- The first second after it; none for a price without an end.
    valid_to BIGINT,
    -- Minor units of the list's currency.
    amount BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- The retailer's own name of the promotion.
    promotion TEXT,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (price_list, sku, price_kind, valid_from)
);
CREATE INDEX timed_prices_revision ON timed_prices (revision, price_list, sku);

-- What the open price was until it was replaced: the lowest price of the last 30 days is made of it.
CREATE TABLE price_history (
    price_list TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- Seconds since 1970-01-01T00:00:00Z.
    replaced_at BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (price_list, sku, replaced_at, revision)
);

-- How much of a product a store has, as its system says.
CREATE TABLE stock (
    store TEXT NOT NULL REFERENCES stores (store),
    sku TEXT NOT NULL REFERENCES products (sku),
    amount BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (store, sku)
);
CREATE INDEX stock_revision ON stock (revision, store, sku);

-- What must not be sold any more: a product, or some of its lots.
CREATE TABLE recalls (
    recall TEXT NOT NULL,
    sku TEXT NOT NULL REFERENCES products (sku),
    -- Lots as a JSON array of texts; none for all of them.
    lots TEXT,
    notice TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (recall, sku)
);
CREATE INDEX recalls_revision ON recalls (revision, recall, sku);
