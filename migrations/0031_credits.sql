-- Deposit vouchers that pay, each once in its store: the slip says what it is worth.
CREATE TABLE voucher_claims (
    store TEXT NOT NULL,
    voucher TEXT NOT NULL,
    checkout_id UUID NOT NULL,
    -- Minor units.
    amount BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'used', 'freed')),
    PRIMARY KEY (store, voucher)
);
CREATE INDEX voucher_claims_checkout ON voucher_claims (checkout_id);

-- The points of each shopper: what the entries below come to. What was taken back and had been spent is owed, and comes off
-- the next points that are earned; so nobody has less than none.
CREATE TABLE points_balances (
    shopper_id UUID NOT NULL PRIMARY KEY,
    points BIGINT NOT NULL CHECK (points >= 0),
    owed BIGINT NOT NULL CHECK (owed >= 0)
);

-- The ledger: only ever added to. The sum of a shopper's entries is `points - owed`.
CREATE TABLE points_entries (
    -- What it was for: an order, a checkout or a refund, each once for each kind.
    cause_id UUID NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('earned', 'burned', 'returned', 'reversed')),
    shopper_id UUID NOT NULL,
    points BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (cause_id, kind)
);
CREATE INDEX points_entries_shopper ON points_entries (shopper_id, at);
