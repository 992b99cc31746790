-- Accounts that shoppers linked, so that they can be debited without a question.
CREATE TABLE payment_methods (
    id UUID PRIMARY KEY NOT NULL,
    shopper UUID NOT NULL,
    provider TEXT NOT NULL CHECK (provider IN ('paypal')),
    state TEXT NOT NULL CHECK (state IN ('linking', 'active', 'revoked', 'failed', 'unlinked')),
    -- What the shopper recognises the account by, masked.
    label TEXT,
    -- Where the page after the approval leads back to: a link of the app.
    return_url TEXT,
    -- Lets the provider's redirect come in once.
    return_secret TEXT,
    approve_url TEXT,
    -- The provider's names of the link. Secrets: whoever has them and our credentials can debit.
    setup_token TEXT,
    provider_token TEXT,
    provider_customer TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX payment_methods_shopper ON payment_methods (shopper, created_at);
CREATE INDEX payment_methods_token ON payment_methods (provider_token);

-- What is to be paid for one checkout, and how far it got.
CREATE TABLE payments (
    id UUID PRIMARY KEY NOT NULL,
    checkout UUID NOT NULL,
    shopper UUID NOT NULL,
    method UUID NOT NULL REFERENCES payment_methods (id),
    provider TEXT NOT NULL CHECK (provider IN ('paypal')),
    currency TEXT NOT NULL,
    total BIGINT NOT NULL CHECK (total > 0),
    due_now BIGINT NOT NULL CHECK (due_now >= 0 AND due_now <= total),
    authorised BIGINT NOT NULL,
    captured BIGINT NOT NULL,
    refunded BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('pending', 'action_required', 'authorised', 'captured', 'declined', 'cancelled')
    ),
    -- Nothing more can be captured.
    is_closed BOOLEAN NOT NULL,
    -- The checkout was given up: whatever was debited or held goes back.
    is_given_up BOOLEAN NOT NULL,
    action_url TEXT,
    decline_reason TEXT,
    provider_order TEXT,
    provider_authorisation TEXT,
    reference TEXT NOT NULL,
    return_url TEXT NOT NULL,
    lines JSONB NOT NULL,
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    CHECK (0 <= refunded AND refunded <= captured AND captured <= authorised AND authorised <= total)
);

-- A checkout has one payment at a time that may debit.
CREATE UNIQUE INDEX payments_checkout ON payments (checkout) WHERE state NOT IN ('declined', 'cancelled');
CREATE INDEX payments_order ON payments (provider_order);
CREATE INDEX payments_authorisation ON payments (provider_authorisation);
CREATE INDEX payments_method ON payments (method);

-- One row a call that moves money, written before the first byte leaves; its key is its own for life.
CREATE TABLE payment_operations (
    id UUID PRIMARY KEY NOT NULL,
    payment UUID NOT NULL REFERENCES payments (id),
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'authorise', 'complete', 'capture', 'void', 'refund')),
    sequence BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    is_last BOOLEAN NOT NULL,
    -- Of a refund: whose it is, and from which capture it takes.
    refund UUID,
    target UUID REFERENCES payment_operations (id),
    request_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (
        state IN ('intended', 'sent', 'pending', 'waiting', 'parked', 'done', 'passed_on', 'failed', 'abandoned')
    ),
    provider_object TEXT,
    reason TEXT,
    -- When the first byte may have left: the provider remembers the key from then on, for a while.
    sent_at TIMESTAMPTZ,
    -- Since when the provider or the shopper has had to do something.
    waits_since TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    UNIQUE (payment, kind, sequence)
);

CREATE INDEX payment_operations_object ON payment_operations (provider_object);
CREATE INDEX payment_operations_open ON payment_operations (changed_at)
    WHERE state IN ('intended', 'sent', 'pending', 'waiting');

-- What happened to money, for good: rows are added, never changed. One fact of a kind an operation.
CREATE TABLE payment_facts (
    id UUID PRIMARY KEY NOT NULL,
    payment UUID NOT NULL REFERENCES payments (id),
    operation UUID NOT NULL REFERENCES payment_operations (id),
    kind TEXT NOT NULL CHECK (kind IN ('authorised', 'captured', 'refunded', 'voided')),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    UNIQUE (operation, kind)
);

CREATE INDEX payment_facts_payment ON payment_facts (payment, at);

-- Events that providers told us of, verified, each once. What they say is only a hint where to look.
CREATE TABLE payment_events (
    provider TEXT NOT NULL CHECK (provider IN ('paypal')),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    object TEXT,
    order_object TEXT,
    operation UUID,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    PRIMARY KEY (provider, event_id)
);
