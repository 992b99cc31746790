-- When a quote was paid: what it was priced with is kept as long as its receipt; of others, some weeks.
ALTER TABLE price_records ADD COLUMN paid_at TIMESTAMPTZ;
UPDATE price_records SET paid_at = at
WHERE EXISTS (SELECT 1 FROM orders WHERE orders.checkout_id = price_records.checkout_id);
CREATE INDEX price_records_age ON price_records (paid_at, at);
