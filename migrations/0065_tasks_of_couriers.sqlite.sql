-- What a person of the store must see to may be of a driver that was ordered, or of a day's closing, not of a parcel alone.
-- SQLite can't change a check, so the table is made anew.
CREATE TABLE delivery_tasks_anew (
    id UUID PRIMARY KEY NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (
        kind IN ('check_returned', 'decide_on_lost', 'look_into', 'see_to_pickup', 'see_to_closing')
    ),
    shipment UUID REFERENCES shipments (id),
    parcel BIGINT,
    pickup UUID REFERENCES pickups (id),
    closing UUID REFERENCES closings (id),
    -- What went wrong, for people.
    detail TEXT,
    opened_at TIMESTAMPTZ NOT NULL,
    done_at TIMESTAMPTZ,
    done_by UUID,
    note TEXT,
    UNIQUE (shipment, parcel, kind),
    UNIQUE (pickup, kind),
    UNIQUE (closing, kind),
    CHECK (
        (shipment IS NULL) = (parcel IS NULL)
        AND (CASE WHEN shipment IS NULL THEN 0 ELSE 1 END) + (CASE WHEN pickup IS NULL THEN 0 ELSE 1 END)
        + (CASE WHEN closing IS NULL THEN 0 ELSE 1 END) = 1
    )
);

INSERT INTO delivery_tasks_anew (id, store, kind, shipment, parcel, opened_at, done_at, done_by, note)
SELECT id, store, kind, shipment, parcel, opened_at, done_at, done_by, note FROM delivery_tasks;

DROP TABLE delivery_tasks;
ALTER TABLE delivery_tasks_anew RENAME TO delivery_tasks;

CREATE INDEX delivery_tasks_open ON delivery_tasks (store, id) WHERE done_at IS NULL;
