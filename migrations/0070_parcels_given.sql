-- When staff scanned a parcel for its courier, or the courier had its shipment.
ALTER TABLE parcels ADD COLUMN handed_over_at TIMESTAMPTZ;
UPDATE parcels
SET handed_over_at = (SELECT shipments.handed_over_at FROM shipments WHERE shipments.id = parcels.shipment)
WHERE dropped_at IS NULL;
