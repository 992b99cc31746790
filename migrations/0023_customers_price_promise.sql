-- What the CRM says of customers, as far as prices depend on it.
CREATE TABLE customers (
    customer TEXT NOT NULL PRIMARY KEY,
    is_member BOOLEAN NOT NULL,
    -- A JSON array of names.
    segments TEXT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);

-- Which price counts when it changed between scan and checkout.
ALTER TABLE stores ADD COLUMN price_promise TEXT NOT NULL DEFAULT 'locked';

-- Prices that had changed between scan and checkout: faults of master data that staff look at.
CREATE TABLE price_differences (
    checkout_id UUID NOT NULL,
    line BIGINT NOT NULL,
    store TEXT NOT NULL,
    sku TEXT NOT NULL,
    -- Minor units for a piece, or for what the price is for.
    locked BIGINT NOT NULL,
    current BIGINT NOT NULL,
    charged BIGINT NOT NULL,
    currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (checkout_id, line)
);
CREATE INDEX price_differences_store ON price_differences (store, at);
