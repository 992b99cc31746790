-- Whoever has the address follows a shipment without signing in.
ALTER TABLE shipments ADD COLUMN follow_code TEXT;
CREATE UNIQUE INDEX shipments_follow_code ON shipments (follow_code);
-- Why staff keep it from its courier, as long as they do.
ALTER TABLE shipments ADD COLUMN held_back TEXT;

-- What a person of the store must see to.
CREATE TABLE delivery_tasks (
    id UUID PRIMARY KEY NOT NULL,
    shipment UUID NOT NULL REFERENCES shipments (id),
    parcel BIGINT NOT NULL,
    store TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('check_returned', 'decide_on_lost', 'look_into')),
    opened_at TIMESTAMPTZ NOT NULL,
    done_at TIMESTAMPTZ,
    done_by UUID,
    note TEXT,
    UNIQUE (shipment, parcel, kind)
);

CREATE INDEX delivery_tasks_open ON delivery_tasks (store, id) WHERE done_at IS NULL;
