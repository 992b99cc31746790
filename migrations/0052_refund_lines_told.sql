-- What a refund is for, as its provider is told: lines that add up to it.
CREATE TABLE payment_refund_lines (
    refund UUID PRIMARY KEY NOT NULL,
    lines JSONB NOT NULL
);
