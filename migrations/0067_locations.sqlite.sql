-- Where in a store a product stands, as its system says.
CREATE TABLE locations (
    store TEXT NOT NULL REFERENCES stores (store),
    sku TEXT NOT NULL REFERENCES products (sku),
    aisle TEXT NOT NULL,
    bay TEXT,
    shelf TEXT,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (store, sku)
);
