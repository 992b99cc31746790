-- Carts: who has one, where. What is in it is its log.
CREATE TABLE carts (
    id UUID PRIMARY KEY NOT NULL,
    shopper_id UUID NOT NULL,
    store_id TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX carts_shopper ON carts (shopper_id, created_at);

-- The journal: a cart is the fold of its rows. Two writers of one cart collide on the primary key; the loser folds again.
CREATE TABLE cart_events (
    cart_id UUID NOT NULL REFERENCES carts (id),
    seq BIGINT NOT NULL,
    -- Tells the committer which of two appends with the same key was written.
    append_id UUID NOT NULL,
    events JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (cart_id, seq)
);
