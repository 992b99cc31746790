-- Which way a shipment goes: to the shopper, or back to the store with goods of one that arrived.
ALTER TABLE shipments ADD COLUMN direction TEXT NOT NULL DEFAULT 'outbound'
    CHECK (direction IN ('outbound', 'return'));
-- The shipment that the goods of a return came with.
ALTER TABLE shipments ADD COLUMN returns_of UUID;
CREATE INDEX shipments_returns ON shipments (returns_of);
