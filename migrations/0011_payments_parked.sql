-- Why an operation is parked, for people.
ALTER TABLE payment_operations ADD COLUMN trouble TEXT;

CREATE INDEX payment_operations_parked ON payment_operations (changed_at) WHERE state = 'parked';

-- What people found out about operations that nothing else could find out about: rows are added, never changed.
CREATE TABLE payment_resolutions (
    operation UUID PRIMARY KEY NOT NULL REFERENCES payment_operations (id),
    verdict TEXT NOT NULL CHECK (verdict IN ('happened', 'did_not_happen')),
    -- The provider's object that proves that it happened.
    object TEXT,
    note TEXT NOT NULL,
    staff UUID NOT NULL,
    at TIMESTAMPTZ NOT NULL
);
