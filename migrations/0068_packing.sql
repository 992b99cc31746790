-- When staff packed another way: a parcel that is not sent, and books nothing any more.
ALTER TABLE parcels ADD COLUMN dropped_at TIMESTAMPTZ;
-- Nothing is booked before staff said what was packed.
ALTER TABLE shipments ADD COLUMN waits_for_packing BOOLEAN NOT NULL DEFAULT FALSE;
