-- Checkouts: one attempt to pay for a cart. What is quoted is what is paid.
CREATE TABLE checkouts (
    id UUID PRIMARY KEY NOT NULL,
    -- What the shopper can read out and a provider's statement shows; the order takes it over.
    number TEXT NOT NULL UNIQUE,
    cart_id UUID NOT NULL REFERENCES carts (id),
    cart_version BIGINT NOT NULL,
    shopper_id UUID NOT NULL,
    store_id TEXT NOT NULL,
    method_id UUID NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('quoted', 'held', 'paying', 'action_required', 'paid', 'declined', 'cancelled')),
    -- Why staff must look first: an array of texts.
    holds JSONB NOT NULL,
    quote JSONB NOT NULL,
    -- Where to, for what is delivered.
    recipient JSONB,
    -- Of the request that made it: the same id with another request is refused.
    request_hash TEXT NOT NULL,
    payment_id UUID,
    order_id UUID,
    action_url TEXT,
    reason TEXT,
    deadline TIMESTAMPTZ NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

-- The cart's log decides who holds a cart; this says the same of the rows.
CREATE UNIQUE INDEX checkouts_live ON checkouts (cart_id)
    WHERE state IN ('quoted', 'held', 'paying', 'action_required', 'paid');
CREATE INDEX checkouts_held ON checkouts (store_id, changed_at) WHERE state = 'held';

-- Orders: what was bought and paid. Written in the transaction that learns of the payment.
CREATE TABLE orders (
    id UUID PRIMARY KEY NOT NULL,
    number TEXT NOT NULL UNIQUE,
    checkout_id UUID NOT NULL UNIQUE REFERENCES checkouts (id),
    payment_id UUID NOT NULL UNIQUE,
    shopper_id UUID NOT NULL,
    store_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('placed', 'completed', 'cancelled')),
    quote JSONB NOT NULL,
    currency TEXT NOT NULL,
    total_minor BIGINT NOT NULL CHECK (total_minor >= 0),
    -- The share of what is taken along; no exit before it is captured.
    due_now_minor BIGINT NOT NULL CHECK (due_now_minor BETWEEN 0 AND total_minor),
    captured_minor BIGINT NOT NULL CHECK (captured_minor BETWEEN 0 AND total_minor),
    refunded_minor BIGINT NOT NULL CHECK (refunded_minor BETWEEN 0 AND captured_minor),
    shipment_id UUID,
    -- Why money that was due could not be captured; staff must act.
    trouble TEXT,
    version BIGINT NOT NULL,
    placed_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX orders_shopper ON orders (shopper_id, id);

-- Money given back, or to be given back.
CREATE TABLE refunds (
    id UUID PRIMARY KEY NOT NULL,
    order_id UUID NOT NULL REFERENCES orders (id),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    reason TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'failed')),
    failure TEXT,
    staff_id UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX refunds_order ON refunds (order_id);
