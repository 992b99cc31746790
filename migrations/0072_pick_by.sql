-- In the order of which goods are picked: when they leave the store, or when they were ordered where nobody knows.
ALTER TABLE orders ADD COLUMN pick_by TIMESTAMPTZ;
UPDATE orders SET pick_by = placed_at WHERE shipment_id IS NOT NULL;
DROP INDEX orders_to_pick;
CREATE INDEX orders_to_pick ON orders (store_id, pick_by, id)
    WHERE state = 'placed' AND shipment_id IS NOT NULL AND picked_at IS NULL;
