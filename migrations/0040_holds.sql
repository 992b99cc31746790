-- How long a hold lasts by the provider's words, and when it is to be looked at next.
ALTER TABLE payments ADD COLUMN hold_honoured_until TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN hold_ends_at TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN hold_renew_at TIMESTAMPTZ;
ALTER TABLE payments ADD COLUMN hold_look_at TIMESTAMPTZ;
CREATE INDEX payments_hold ON payments (hold_look_at) WHERE hold_look_at IS NOT NULL;
