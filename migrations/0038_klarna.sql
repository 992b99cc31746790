-- Where and in which language a shopper buys, for providers that ask: what an account was linked for, and where a purchase
-- takes place.
ALTER TABLE payment_methods ADD COLUMN country TEXT;
ALTER TABLE payment_methods ADD COLUMN currency TEXT;
ALTER TABLE payment_methods ADD COLUMN locale TEXT;
ALTER TABLE payments ADD COLUMN country TEXT;

-- When a hint's look takes place, or took place last.
ALTER TABLE payment_methods ADD COLUMN looked_at TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN looked_at TIMESTAMPTZ;

-- When the provider was asked last whether a link still lives.
ALTER TABLE payment_methods ADD COLUMN asked_at TIMESTAMPTZ;
UPDATE payment_methods SET asked_at = created_at WHERE state = 'active';
CREATE INDEX payment_methods_asked ON payment_methods (asked_at) WHERE state = 'active';

-- Whether the same account may be debited another time, of a debit that was refused.
ALTER TABLE payments ADD COLUMN may_retry BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE checkouts ADD COLUMN may_retry BOOLEAN NOT NULL DEFAULT FALSE;
