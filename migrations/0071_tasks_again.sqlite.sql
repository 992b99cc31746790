-- A task is opened once as long as nobody saw to it; what happens later is another. SQLite can't drop a constraint, so the table
-- is made anew.
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
    CHECK (
        (shipment IS NULL) = (parcel IS NULL)
        AND (CASE WHEN shipment IS NULL THEN 0 ELSE 1 END) + (CASE WHEN pickup IS NULL THEN 0 ELSE 1 END)
        + (CASE WHEN closing IS NULL THEN 0 ELSE 1 END) = 1
    )
);

INSERT INTO delivery_tasks_anew (
    id, store, kind, shipment, parcel, pickup, closing, detail, opened_at, done_at, done_by, note
)
SELECT id, store, kind, shipment, parcel, pickup, closing, detail, opened_at, done_at, done_by, note FROM delivery_tasks;

DROP TABLE delivery_tasks;
ALTER TABLE delivery_tasks_anew RENAME TO delivery_tasks;

CREATE INDEX delivery_tasks_open ON delivery_tasks (store, id) WHERE done_at IS NULL;
CREATE UNIQUE INDEX delivery_tasks_of_parcel ON delivery_tasks (shipment, parcel, kind) WHERE done_at IS NULL;
CREATE UNIQUE INDEX delivery_tasks_of_pickup ON delivery_tasks (pickup, kind) WHERE done_at IS NULL;
CREATE UNIQUE INDEX delivery_tasks_of_closing ON delivery_tasks (closing, kind) WHERE done_at IS NULL;

-- Whether staff were told that a label is not taken back for a day already.
ALTER TABLE label_cancellations ADD COLUMN staff_told BOOLEAN NOT NULL DEFAULT FALSE;
