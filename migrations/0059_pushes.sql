-- How couriers tell by themselves what happens to parcels.
CREATE TABLE courier_pushes (
    carrier TEXT PRIMARY KEY NOT NULL,
    -- What the account's subscription was asked for with, as a digest: with anything else it is asked for anew.
    asked_for TEXT,
    -- Since when the account's subscription stands.
    active_at TIMESTAMPTZ,
    -- When a message last arrived, to the minute.
    heard_at TIMESTAMPTZ,
    -- When something was found that no message had told; empty again with the next message.
    missed_at TIMESTAMPTZ
);

-- Since when and until when the courier tells of this parcel by itself, where each parcel is subscribed to.
ALTER TABLE booking_attempts ADD COLUMN subscribed_at TIMESTAMPTZ;
ALTER TABLE booking_attempts ADD COLUMN subscribed_until TIMESTAMPTZ;
-- Messages are about tracking numbers.
CREATE INDEX booking_attempts_number ON booking_attempts (tracking_number);

-- When the next asking of the courier is due, and when the last one began.
ALTER TABLE shipments ADD COLUMN asks_at TIMESTAMPTZ;
ALTER TABLE shipments ADD COLUMN asked_at TIMESTAMPTZ;
-- Messages that arrived, those that the last asking knew of, and the askings in a row that a message gave rise to and that
-- brought nothing.
ALTER TABLE shipments ADD COLUMN hints BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN hints_asked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE shipments ADD COLUMN idle_hints BIGINT NOT NULL DEFAULT 0;
