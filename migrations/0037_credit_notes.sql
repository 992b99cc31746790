-- What vouchers had paid comes back as a note that its shopper pays with later, as a whole. It is claimed like a voucher, in the
-- whole chain.
CREATE TABLE credit_notes (
    code TEXT NOT NULL PRIMARY KEY,
    shopper_id UUID NOT NULL,
    currency TEXT NOT NULL,
    -- Minor units.
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- What it came back for: a refund, a shipment that was not picked as a whole, an order. Each gives one.
    cause_id UUID NOT NULL UNIQUE,
    -- What people call the order.
    order_number TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
CREATE INDEX credit_notes_shopper ON credit_notes (shopper_id, at);

-- A refund is shared as the order was paid: what the account gets (all of it, where nothing is said), points, a credit note.
ALTER TABLE refunds ADD COLUMN account_minor BIGINT;
ALTER TABLE refunds ADD COLUMN points BIGINT NOT NULL DEFAULT 0;
ALTER TABLE refunds ADD COLUMN note_minor BIGINT NOT NULL DEFAULT 0;

-- Single coupons of one campaign each count for it.
ALTER TABLE coupon_claims ADD COLUMN times BIGINT NOT NULL DEFAULT 1;
