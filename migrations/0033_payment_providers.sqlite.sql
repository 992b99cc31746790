-- Which providers there are is known by the program alone: another one is a file and a line there, no change here. And an
-- operation may renew a hold. SQLite can't change a check, so the tables are made anew, children first to go.

CREATE TABLE payment_methods_anew (
    id UUID PRIMARY KEY NOT NULL,
    shopper UUID NOT NULL,
    provider TEXT NOT NULL,
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
    provider_token_mark TEXT,
    provider_customer TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

INSERT INTO payment_methods_anew (
    id, shopper, provider, state, label, return_url, return_secret, approve_url, setup_token, provider_token,
    provider_token_mark, provider_customer, created_at, changed_at
)
SELECT
    id, shopper, provider, state, label, return_url, return_secret, approve_url, setup_token, provider_token,
    provider_token_mark, provider_customer, created_at, changed_at
FROM payment_methods;

CREATE TABLE payments_anew (
    id UUID PRIMARY KEY NOT NULL,
    checkout UUID NOT NULL,
    shopper UUID NOT NULL,
    method UUID NOT NULL REFERENCES payment_methods_anew (id),
    provider TEXT NOT NULL,
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

INSERT INTO payments_anew (
    id, checkout, shopper, method, provider, currency, total, due_now, authorised, captured, refunded, state,
    is_closed, is_given_up, action_url, decline_reason, provider_order, provider_authorisation, reference,
    return_url, lines, version, created_at, changed_at
)
SELECT
    id, checkout, shopper, method, provider, currency, total, due_now, authorised, captured, refunded, state,
    is_closed, is_given_up, action_url, decline_reason, provider_order, provider_authorisation, reference,
    return_url, lines, version, created_at, changed_at
FROM payments;

CREATE TABLE payment_operations_anew (
    id UUID PRIMARY KEY NOT NULL,
    payment UUID NOT NULL REFERENCES payments_anew (id),
    kind TEXT NOT NULL CHECK (kind IN ('charge', 'authorise', 'complete', 'capture', 'void', 'refund', 'renew')),
    sequence BIGINT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    is_last BOOLEAN NOT NULL,
    -- Of a refund: whose it is, and from which capture it takes.
    refund UUID,
    target UUID REFERENCES payment_operations_anew (id),
    request_key TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL CHECK (
        state IN ('intended', 'sent', 'pending', 'waiting', 'parked', 'done', 'passed_on', 'failed', 'abandoned')
    ),
    provider_object TEXT,
    reason TEXT,
    -- Why it is parked, for people.
    trouble TEXT,
    -- When the first byte may have left: the provider remembers the key from then on, for a while.
    sent_at TIMESTAMPTZ,
    -- Since when the provider or the shopper has had to do something.
    waits_since TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    UNIQUE (payment, kind, sequence)
);

INSERT INTO payment_operations_anew (
    id, payment, kind, sequence, amount, is_last, refund, target, request_key, state, provider_object, reason,
    trouble, sent_at, waits_since, created_at, changed_at
)
SELECT
    id, payment, kind, sequence, amount, is_last, refund, target, request_key, state, provider_object, reason,
    trouble, sent_at, waits_since, created_at, changed_at
FROM payment_operations;

CREATE TABLE payment_facts_anew (
    id UUID PRIMARY KEY NOT NULL,
    payment UUID NOT NULL REFERENCES payments_anew (id),
    operation UUID NOT NULL REFERENCES payment_operations_anew (id),
    kind TEXT NOT NULL CHECK (kind IN ('authorised', 'captured', 'refunded', 'voided')),
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL,
    UNIQUE (operation, kind)
);

INSERT INTO payment_facts_anew (
    id, payment, operation, kind, amount, currency, at
)
SELECT
    id, payment, operation, kind, amount, currency, at
FROM payment_facts;

CREATE TABLE payment_resolutions_anew (
    operation UUID PRIMARY KEY NOT NULL REFERENCES payment_operations_anew (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('happened', 'did_not_happen')),
    -- The provider's object that proves that it happened.
    object TEXT,
    note TEXT NOT NULL,
    staff UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL
);

INSERT INTO payment_resolutions_anew (
    operation, verdict, object, note, staff, at
)
SELECT
    operation, verdict, object, note, staff, at
FROM payment_resolutions;

CREATE TABLE payment_events_anew (
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    object TEXT,
    order_object TEXT,
    operation UUID,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    PRIMARY KEY (provider, event_id)
);

INSERT INTO payment_events_anew (
    provider, event_id, event_type, object, order_object, operation, received_at, processed_at
)
SELECT
    provider, event_id, event_type, object, order_object, operation, received_at, processed_at
FROM payment_events;

DROP TABLE payment_events;
DROP TABLE payment_resolutions;
DROP TABLE payment_facts;
DROP TABLE payment_operations;
DROP TABLE payments;
DROP TABLE payment_methods;

ALTER TABLE payment_methods_anew RENAME TO payment_methods;
ALTER TABLE payments_anew RENAME TO payments;
ALTER TABLE payment_operations_anew RENAME TO payment_operations;
ALTER TABLE payment_facts_anew RENAME TO payment_facts;
ALTER TABLE payment_resolutions_anew RENAME TO payment_resolutions;
ALTER TABLE payment_events_anew RENAME TO payment_events;

CREATE INDEX payment_methods_shopper ON payment_methods (shopper, created_at);
-- A checkout has one payment at a time that may debit.
CREATE UNIQUE INDEX payments_checkout ON payments (checkout) WHERE state NOT IN ('declined', 'cancelled');
CREATE INDEX payments_order ON payments (provider_order);
CREATE INDEX payments_authorisation ON payments (provider_authorisation);
CREATE INDEX payments_method ON payments (method);
CREATE INDEX payment_operations_object ON payment_operations (provider_object);
CREATE INDEX payment_operations_open ON payment_operations (changed_at)
    WHERE state IN ('intended', 'sent', 'pending', 'waiting');
CREATE INDEX payment_facts_payment ON payment_facts (payment, at);
CREATE INDEX payment_operations_parked ON payment_operations (changed_at) WHERE state = 'parked';
CREATE INDEX payment_methods_token_mark ON payment_methods (provider_token_mark);
