-- A task is opened once as long as nobody saw to it; what happens later is another.
ALTER TABLE delivery_tasks DROP CONSTRAINT delivery_tasks_shipment_parcel_kind_key;
ALTER TABLE delivery_tasks DROP CONSTRAINT delivery_tasks_pickup_kind_key;
ALTER TABLE delivery_tasks DROP CONSTRAINT delivery_tasks_closing_kind_key;
CREATE UNIQUE INDEX delivery_tasks_of_parcel ON delivery_tasks (shipment, parcel, kind) WHERE done_at IS NULL;
CREATE UNIQUE INDEX delivery_tasks_of_pickup ON delivery_tasks (pickup, kind) WHERE done_at IS NULL;
CREATE UNIQUE INDEX delivery_tasks_of_closing ON delivery_tasks (closing, kind) WHERE done_at IS NULL;

-- Whether staff were told that a label is not taken back for a day already.
ALTER TABLE label_cancellations ADD COLUMN staff_told BOOLEAN NOT NULL DEFAULT FALSE;
