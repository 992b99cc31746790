-- What shoppers owe: goods that left, for money that did not come or was taken back.
CREATE TABLE debts (
    id UUID PRIMARY KEY NOT NULL,
    -- What made it: a debit that was refused or taken back, or the order whose goods left after their hold had ended. Each
    -- makes one.
    cause UUID NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('capture_refused', 'reversed')),
    -- The payment that failed, its purchase, and the store that the goods are from.
    payment UUID NOT NULL REFERENCES payments (id),
    checkout UUID NOT NULL,
    store TEXT NOT NULL,
    shopper UUID NOT NULL,
    reference TEXT NOT NULL,
    currency TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    -- Why, in the provider's terms.
    reason TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'being_paid', 'paid', 'withdrawn', 'written_off')),
    -- The payment that pays it, or paid it.
    paying UUID REFERENCES payments (id),
    -- How often it was tried by rule, without the shopper, and when it is tried next; nothing when it is left to them.
    tries BIGINT NOT NULL,
    try_at TIMESTAMPTZ,
    -- Why it was written off, and by whom.
    note TEXT,
    staff UUID,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    CHECK ((state IN ('being_paid', 'paid')) = (paying IS NOT NULL)),
    CHECK ((state = 'written_off') = (note IS NOT NULL))
);

CREATE INDEX debts_shopper ON debts (shopper, created_at);
CREATE INDEX debts_store ON debts (store, created_at) WHERE state IN ('open', 'being_paid');
CREATE INDEX debts_checkout ON debts (checkout);
CREATE INDEX debts_payment ON debts (payment);

-- A payment pays for a checkout or a debt; each has one at a time that may debit.
ALTER TABLE payments ADD COLUMN debt UUID;
-- Whether it was begun by rule, without the shopper.
ALTER TABLE payments ADD COLUMN is_by_rule BOOLEAN NOT NULL DEFAULT FALSE;
DROP INDEX payments_checkout;
CREATE UNIQUE INDEX payments_checkout ON payments (checkout)
    WHERE debt IS NULL AND state NOT IN ('declined', 'cancelled');
CREATE UNIQUE INDEX payments_debt ON payments (debt) WHERE debt IS NOT NULL AND state NOT IN ('declined', 'cancelled');
CREATE INDEX payments_of_debt ON payments (debt, created_at) WHERE debt IS NOT NULL;

-- What of an order was paid later as a debt, or written off, instead of being captured.
ALTER TABLE orders ADD COLUMN made_good_minor BIGINT NOT NULL DEFAULT 0 CHECK (made_good_minor >= 0);
