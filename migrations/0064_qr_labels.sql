-- A picture (PNG) of a code that the courier's shops print the label from.
ALTER TABLE booking_attempts ADD COLUMN qr_label BYTEA;
