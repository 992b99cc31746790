-- Ways of delivery that were shown to a shopper: a checkout may name one as long as it holds.
CREATE TABLE delivery_options (
    id UUID PRIMARY KEY NOT NULL,
    shopper UUID NOT NULL,
    cart UUID NOT NULL,
    -- What it holds for: a digest of goods, country and postal code.
    holds_for TEXT NOT NULL,
    -- What was asked, the street too: the same question again has the same answer.
    question TEXT NOT NULL,
    -- The answer that it is part of: the same question may have been answered before.
    answer UUID NOT NULL,
    -- Its place in the answer, from 0.
    place BIGINT NOT NULL,
    option JSONB NOT NULL,
    -- What else the answer said: who makes no offer, and which lines keep couriers from it. With the first option alone.
    beside JSONB,
    valid_until TIMESTAMPTZ NOT NULL
);

CREATE INDEX delivery_options_cart ON delivery_options (cart, answer);
CREATE INDEX delivery_options_over ON delivery_options (valid_until);

-- How old whoever takes the goods must be, where the courier has to make sure.
ALTER TABLE shipments ADD COLUMN age_min BIGINT;
-- The way of delivery that was chosen, with the reasons.
ALTER TABLE shipments ADD COLUMN choice JSONB;
