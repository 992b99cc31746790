-- What a debit is no longer worth: taken back without our doing, or disputed and so not to be given back by us.
ALTER TABLE payment_operations ADD COLUMN reversed BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment_operations ADD COLUMN is_disputed BOOLEAN NOT NULL DEFAULT FALSE;

-- What an event is about, so that its reader knows what to read.
ALTER TABLE payment_events ADD COLUMN topic TEXT NOT NULL DEFAULT 'payment';

-- Up to when the list of a provider's events was fetched, and when.
CREATE TABLE payment_event_marks (
    provider TEXT PRIMARY KEY NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    fetched_at TIMESTAMPTZ NOT NULL
);

-- Debits that payers dispute, as the provider shows them.
CREATE TABLE payment_disputes (
    id UUID PRIMARY KEY NOT NULL,
    provider TEXT NOT NULL,
    -- The provider's name of the dispute.
    name TEXT NOT NULL,
    payment UUID NOT NULL REFERENCES payments (id),
    -- What debited.
    operation UUID NOT NULL REFERENCES payment_operations (id),
    stage TEXT NOT NULL CHECK (stage IN ('inquiry', 'chargeback', 'pre_arbitration', 'arbitration')),
    state TEXT NOT NULL CHECK (state IN ('open', 'awaits_us', 'awaits_payer', 'under_review', 'won', 'lost', 'ended')),
    reason TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL,
    respond_by TIMESTAMPTZ,
    -- What the provider lets us do now.
    actions JSONB NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    -- When we read it last, and when to read it next; nothing once it is over.
    read_at TIMESTAMPTZ NOT NULL,
    look_at TIMESTAMPTZ,
    UNIQUE (provider, name)
);

CREATE INDEX payment_disputes_operation ON payment_disputes (operation);
CREATE INDEX payment_disputes_look ON payment_disputes (look_at) WHERE look_at IS NOT NULL;

-- What staff answered to disputes. Providers take no keys here, so each is found out by reading before it is sent again.
CREATE TABLE payment_dispute_answers (
    id UUID PRIMARY KEY NOT NULL,
    dispute UUID NOT NULL REFERENCES payment_disputes (id),
    action TEXT NOT NULL CHECK (action IN ('provide_evidence', 'accept_claim')),
    note TEXT NOT NULL,
    -- What is sent, as it was put together.
    evidence JSONB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('intended', 'sent', 'done', 'refused')),
    trouble TEXT,
    staff UUID NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX payment_dispute_answers_dispute ON payment_dispute_answers (dispute, created_at);
