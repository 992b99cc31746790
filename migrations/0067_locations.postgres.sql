-- Where in a store a product stands, as its system says. Without references, as stock since 0024.
CREATE TABLE locations (
    store TEXT NOT NULL,
    sku TEXT NOT NULL,
    aisle TEXT NOT NULL,
    bay TEXT,
    shelf TEXT,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (store, sku)
);
