-- The one pass of an order that is good now, and when it opened a gate: one row an order, so that no order opens two.
CREATE TABLE exit_passes (
    order_id UUID PRIMARY KEY NOT NULL,
    -- The newest pass; those before it open nothing.
    pass_id UUID NOT NULL,
    shopper_id UUID NOT NULL,
    store_id TEXT NOT NULL,
    issued_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    opened_at TIMESTAMPTZ,
    -- Who opened: `partner:` or `staff:` and the id.
    opened_by TEXT
);
