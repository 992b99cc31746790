-- An account may be linked with its first purchase instead of before it.
ALTER TABLE payment_methods ADD COLUMN with_purchase BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE payments ADD COLUMN links_method BOOLEAN NOT NULL DEFAULT FALSE;

-- The session of the shopper's device at the provider, which looks at the risk of a debit by it.
ALTER TABLE checkouts ADD COLUMN device_session TEXT;
ALTER TABLE payments ADD COLUMN device_session TEXT;

-- Parcels of what was paid, for providers that protect the seller who tells of them.
CREATE TABLE payment_parcels (
    payment UUID NOT NULL REFERENCES payments (id),
    carrier TEXT NOT NULL,
    tracking_number TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intended', 'sent', 'told', 'refused')),
    -- Why the provider does not take it.
    trouble TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (payment, carrier, tracking_number)
);
