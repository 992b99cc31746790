-- What each store's till goes by beside its prices (JSON): areas of taxes, fees, vouchers, points.
ALTER TABLE stores ADD COLUMN till TEXT NOT NULL DEFAULT '{}';

-- All that each quote was priced with (JSON): whoever prices it again gets the same cents, whatever the catalogue says by then.
CREATE TABLE price_records (
    checkout_id UUID NOT NULL PRIMARY KEY,
    cart_id UUID NOT NULL,
    store TEXT NOT NULL,
    record TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX price_records_cart ON price_records (cart_id, at);
