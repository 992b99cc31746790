-- Facts that partners are told of, and each telling of one fact to one subscriber.
CREATE TABLE exchange_subscriptions (
    id UUID PRIMARY KEY NOT NULL,
    partner_id UUID NOT NULL,
    url TEXT NOT NULL,
    -- Which kinds of events, as an array of their names.
    kinds JSONB NOT NULL,
    -- Of which stores, as an array; empty for all.
    stores JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('active', 'off')),
    version BIGINT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX exchange_subscriptions_partner ON exchange_subscriptions (partner_id, id);
CREATE INDEX exchange_subscriptions_active ON exchange_subscriptions (id) WHERE state = 'active';

-- What messages are signed with: the newest, and those it replaced until they expire.
CREATE TABLE exchange_secrets (
    id UUID PRIMARY KEY NOT NULL,
    subscription_id UUID NOT NULL REFERENCES exchange_subscriptions (id),
    -- Sealed with the master key: what signs must be readable to us and to nobody who only has the database.
    sealed_secret BYTEA NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ
);

CREATE INDEX exchange_secrets_subscription ON exchange_secrets (subscription_id, created_at);

-- How many events an order has had: whoever adds one writes this row first and so takes its turn.
CREATE TABLE exchange_orders (
    order_id UUID PRIMARY KEY NOT NULL,
    last_sequence BIGINT NOT NULL
);

CREATE TABLE exchange_events (
    id UUID PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    order_id UUID NOT NULL REFERENCES exchange_orders (order_id),
    -- The place of the event among those of its order, from 1.
    sequence BIGINT NOT NULL,
    store_id TEXT NOT NULL,
    -- The message byte for byte, so that each try sends and signs the same.
    body TEXT NOT NULL,
    published_at TIMESTAMPTZ NOT NULL,
    UNIQUE (order_id, sequence)
);

CREATE INDEX exchange_events_published ON exchange_events (published_at, order_id, sequence);

-- No foreign key to the subscription: a partner that unsubscribes meanwhile must not undo the fact that is being told.
CREATE TABLE exchange_dispatches (
    id UUID PRIMARY KEY NOT NULL,
    subscription_id UUID NOT NULL,
    event_id UUID NOT NULL REFERENCES exchange_events (id),
    order_id UUID NOT NULL,
    sequence BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead', 'skipped')),
    attempts BIGINT NOT NULL,
    -- Not to be tried before.
    due_at TIMESTAMPTZ NOT NULL,
    last_status BIGINT,
    last_error TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    delivered_at TIMESTAMPTZ,
    UNIQUE (subscription_id, event_id)
);

CREATE INDEX exchange_dispatches_log ON exchange_dispatches (subscription_id, state, id);
CREATE INDEX exchange_dispatches_open ON exchange_dispatches (subscription_id, order_id, sequence)
    WHERE state IN ('waiting', 'dead');
