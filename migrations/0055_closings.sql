-- Closings: a store tells a courier which parcels it was given on a day. What is handed over after one was begun is in the next.
CREATE TABLE closings (
    id UUID PRIMARY KEY NOT NULL,
    store TEXT NOT NULL,
    carrier TEXT NOT NULL,
    -- By the store's clock: 2026-11-23.
    day TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'closing', 'closed', 'lapsed')),
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- When it is begun.
    due_at TIMESTAMPTZ NOT NULL,
    -- When it was begun: from then on no parcel joins it.
    begun_at TIMESTAMPTZ,
    -- When the courier had said something of each parcel, or had closed the day by itself.
    ended_at TIMESTAMPTZ,
    -- What went wrong last.
    detail TEXT,
    -- What the courier prints of it (PDF).
    manifest BYTEA,
    manifest_sha256 TEXT
);

-- At most one that parcels can join.
CREATE UNIQUE INDEX closings_open ON closings (store, carrier, day) WHERE state = 'open';
CREATE INDEX closings_day ON closings (store, day, id);

CREATE TABLE closing_parcels (
    closing UUID NOT NULL REFERENCES closings (id),
    carrier_shipment_id TEXT NOT NULL,
    shipment UUID NOT NULL,
    parcel BIGINT NOT NULL,
    -- Whether the courier closed it; empty until it said so.
    closed BOOLEAN,
    -- Why it did not, in its own words.
    refused TEXT,
    PRIMARY KEY (closing, carrier_shipment_id),
    FOREIGN KEY (shipment, parcel) REFERENCES parcels (shipment, number)
);

-- Days were closed by the shipment before. Couriers close by themselves what was waiting.
DELETE FROM jobs WHERE kind = 'delivery.close_day';
