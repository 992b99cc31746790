-- Parcels on their way to shoppers: what was asked of couriers, what they answered, and what they told since.
CREATE TABLE shipments (
    id UUID PRIMARY KEY NOT NULL,
    order_id UUID NOT NULL,
    store TEXT NOT NULL,
    shopper UUID NOT NULL,
    -- The short name that people read, such as the order's number.
    reference TEXT NOT NULL,
    carrier TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('requested', 'booked', 'handed_over', 'delivered', 'returned', 'failed', 'cancelled')),
    -- What staff must look at, in words; empty when all is well.
    trouble TEXT,
    sender JSONB NOT NULL,
    recipient JSONB NOT NULL,
    -- Grows with each correction: a booking that was made for an older one is taken back.
    recipient_version BIGINT NOT NULL,
    -- Each asking of the courier is a job with the next number: of two chains of jobs, the older ends.
    tracking_round BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    -- When each was told upwards; but for the booking, which may be made anew, no second time is told.
    booked_at TIMESTAMPTZ,
    handed_over_at TIMESTAMPTZ,
    delivered_at TIMESTAMPTZ,
    returned_at TIMESTAMPTZ,
    failed_at TIMESTAMPTZ
);

CREATE INDEX shipments_store ON shipments (store, state, id);
CREATE INDEX shipments_order ON shipments (order_id);

CREATE TABLE parcels (
    shipment UUID NOT NULL REFERENCES shipments (id),
    -- From 1.
    number BIGINT NOT NULL,
    weight_grams BIGINT NOT NULL CHECK (weight_grams > 0),
    -- Empty until it is booked.
    status TEXT CHECK (
        status IN (
            'announced', 'picked_up', 'in_transit', 'out_for_delivery', 'failed_attempt', 'at_pickup_point',
            'delivered', 'returning', 'returned', 'lost', 'exception', 'cancelled'
        )
    ),
    PRIMARY KEY (shipment, number)
);

-- One try to book one parcel. Written before the courier is called.
CREATE TABLE booking_attempts (
    -- Our name of the try, which the courier keeps beside the parcel.
    reference TEXT PRIMARY KEY NOT NULL,
    shipment UUID NOT NULL,
    parcel BIGINT NOT NULL,
    -- From 1.
    number BIGINT NOT NULL,
    state TEXT NOT NULL
        CHECK (
            state IN (
                'intent', 'sent', 'confirmed', 'rejected', 'unknown', 'abandoned', 'cancel_pending', 'cancelled'
            )
        ),
    -- The version of the recipient that it was sent with.
    recipient_version BIGINT NOT NULL,
    -- How often the courier was called, and how often the booking was looked for.
    calls BIGINT NOT NULL,
    looks BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    sent_at TIMESTAMPTZ,
    carrier_shipment_id TEXT,
    tracking_number TEXT,
    label BYTEA,
    label_format TEXT CHECK (label_format IN ('pdf', 'zpl')),
    label_sha256 TEXT,
    -- What went wrong last.
    detail TEXT,
    UNIQUE (shipment, parcel, number),
    FOREIGN KEY (shipment, parcel) REFERENCES parcels (shipment, number)
);

-- At most one parcel at the courier for each of ours.
CREATE UNIQUE INDEX booking_attempts_live ON booking_attempts (shipment, parcel)
    WHERE state IN ('sent', 'unknown', 'confirmed', 'cancel_pending');

-- A label at the courier that shall not be used.
CREATE TABLE label_cancellations (
    carrier_shipment_id TEXT PRIMARY KEY NOT NULL,
    attempt TEXT NOT NULL REFERENCES booking_attempts (reference),
    -- Empty while it is tried; false when the courier keeps it.
    taken_back BOOLEAN,
    -- A cancellation was sent whose answer may be lost: "no such shipment" then means that it worked.
    sent BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

-- What couriers told, once each.
CREATE TABLE tracking_events (
    attempt TEXT NOT NULL REFERENCES booking_attempts (reference),
    dedupe_key TEXT NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    -- The place in the courier's newest telling, for events of the same second.
    position BIGINT NOT NULL,
    raw_code TEXT NOT NULL,
    status TEXT,
    place TEXT,
    description TEXT,
    retracted BOOLEAN NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (attempt, dedupe_key)
);
