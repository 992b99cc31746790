-- Each attempt names its courier: a parcel that one courier does not take is booked at another.
ALTER TABLE booking_attempts ADD COLUMN carrier TEXT NOT NULL DEFAULT '';
UPDATE booking_attempts SET carrier = (SELECT carrier FROM shipments WHERE shipments.id = booking_attempts.shipment);

-- Something in it must be kept cold.
ALTER TABLE shipments ADD COLUMN is_cold BOOLEAN NOT NULL DEFAULT FALSE;
-- The couriers that offered to bring it besides the chosen one, best first.
ALTER TABLE shipments ADD COLUMN fallbacks JSONB;
-- The couriers that were left for another, with the reasons.
ALTER TABLE shipments ADD COLUMN couriers_left JSONB;
