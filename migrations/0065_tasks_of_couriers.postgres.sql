-- What a person of the store must see to may be of a driver that was ordered, or of a day's closing, not of a parcel alone.
ALTER TABLE delivery_tasks ALTER COLUMN shipment DROP NOT NULL;
ALTER TABLE delivery_tasks ALTER COLUMN parcel DROP NOT NULL;
ALTER TABLE delivery_tasks ADD COLUMN pickup UUID REFERENCES pickups (id);
ALTER TABLE delivery_tasks ADD COLUMN closing UUID REFERENCES closings (id);
-- What went wrong, for people.
ALTER TABLE delivery_tasks ADD COLUMN detail TEXT;
ALTER TABLE delivery_tasks DROP CONSTRAINT delivery_tasks_kind_check;
ALTER TABLE delivery_tasks ADD CONSTRAINT delivery_tasks_kind_check CHECK (
    kind IN ('check_returned', 'decide_on_lost', 'look_into', 'see_to_pickup', 'see_to_closing')
);
ALTER TABLE delivery_tasks ADD CONSTRAINT delivery_tasks_subject_check CHECK (
    (shipment IS NULL) = (parcel IS NULL)
    AND (CASE WHEN shipment IS NULL THEN 0 ELSE 1 END) + (CASE WHEN pickup IS NULL THEN 0 ELSE 1 END)
    + (CASE WHEN closing IS NULL THEN 0 ELSE 1 END) = 1
);
ALTER TABLE delivery_tasks ADD UNIQUE (pickup, kind);
ALTER TABLE delivery_tasks ADD UNIQUE (closing, kind);
