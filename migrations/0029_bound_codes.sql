-- Codes that staff bound to a product, and unknown codes that staff put aside.

-- A code stands here until a partner delivers it itself, or staff unbind it: a full delivery that does not know it leaves it.
CREATE TABLE bound_codes (
    code TEXT NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL,
    bound_by UUID NOT NULL,
    bound_at TIMESTAMPTZ NOT NULL
);

-- As before, and: a code may be dismissed, with who did and why.
CREATE TABLE unknown_codes_next (
    store TEXT NOT NULL,
    -- GTIN-14 where the code is one, and the text of the scan otherwise.
    code TEXT NOT NULL,
    cause TEXT NOT NULL CHECK (cause IN ('code_unknown', 'price_missing', 'tax_rate_missing')),
    count BIGINT NOT NULL,
    first_seen TIMESTAMPTZ NOT NULL,
    last_seen TIMESTAMPTZ NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'bound', 'found', 'dismissed')),
    -- What staff bound it to.
    sku TEXT,
    -- Who bound or dismissed it, when, and why.
    closed_by UUID,
    closed_at TIMESTAMPTZ,
    note TEXT,
    PRIMARY KEY (store, code)
);
INSERT INTO unknown_codes_next
    (store, code, cause, count, first_seen, last_seen, state, sku, closed_by, closed_at)
SELECT store, code, cause, count, first_seen, last_seen, state, sku, bound_by, closed_at
FROM unknown_codes;
DROP TABLE unknown_codes;
ALTER TABLE unknown_codes_next RENAME TO unknown_codes;
CREATE INDEX unknown_codes_rank ON unknown_codes (state, count);

-- Those that are bound and still lead to what they were bound to.
INSERT INTO bound_codes (code, sku, bound_by, bound_at)
SELECT bound.code, bound.sku, bound.closed_by, MAX(bound.closed_at)
FROM unknown_codes AS bound
JOIN codes ON codes.code = bound.code AND codes.sku = bound.sku AND NOT codes.deleted
WHERE bound.state = 'bound' AND bound.closed_by IS NOT NULL AND bound.closed_at IS NOT NULL
GROUP BY bound.code, bound.sku, bound.closed_by
ON CONFLICT (code) DO NOTHING;
