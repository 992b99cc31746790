-- When staff said that all of an order's delivered goods were picked, or when these went out.
ALTER TABLE orders ADD COLUMN picked_at TIMESTAMPTZ;
-- What went out before this was told.
UPDATE orders SET picked_at = placed_at
WHERE shipment_id IN (SELECT id FROM shipments WHERE state NOT IN ('requested', 'booked'));
CREATE INDEX orders_to_pick ON orders (store_id, id)
    WHERE state = 'placed' AND shipment_id IS NOT NULL AND picked_at IS NULL;
