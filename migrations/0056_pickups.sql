-- Drivers that were ordered to come for a store's parcels. Written before the courier is called.
CREATE TABLE pickups (
    id UUID PRIMARY KEY NOT NULL,
    store TEXT NOT NULL,
    carrier TEXT NOT NULL,
    -- By the store's clock: 2026-11-23.
    day TEXT NOT NULL,
    -- Our name of the order, which the courier keeps beside it where it can.
    reference TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL
        CHECK (
            state IN (
                'intent', 'sent', 'confirmed', 'rejected', 'unknown', 'abandoned', 'cancel_pending', 'cancelled'
            )
        ),
    version BIGINT NOT NULL,
    -- Between which moments the parcels stand ready.
    ready_at TIMESTAMPTZ NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    place JSONB NOT NULL,
    -- As far as was known when it was ordered.
    parcels BIGINT NOT NULL CHECK (parcels > 0),
    weight_grams BIGINT NOT NULL CHECK (weight_grams > 0),
    -- How often the courier was called, and how often the order was looked for.
    calls BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ,
    carrier_pickup_id TEXT,
    -- The day on which the courier says that it comes.
    comes_on TEXT,
    -- A cancellation was sent whose answer may be lost: "no such order" then means that it worked.
    cancel_sent BOOLEAN NOT NULL,
    -- What went wrong last.
    detail TEXT
);

-- At most one driver for each courier and day.
CREATE UNIQUE INDEX pickups_live ON pickups (store, carrier, day)
    WHERE state IN ('intent', 'sent', 'unknown', 'confirmed', 'cancel_pending');
CREATE INDEX pickups_day ON pickups (store, day, id);
