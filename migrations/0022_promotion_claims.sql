-- How often promotions with a limit were had, by everybody (holder '') and by each shopper who had them: reserved and used.
CREATE TABLE promotion_counts (
    holder TEXT NOT NULL,
    promotion TEXT NOT NULL,
    times BIGINT NOT NULL,
    -- Minor units of discount.
    amount BIGINT NOT NULL,
    PRIMARY KEY (holder, promotion)
);

-- What each checkout has of them: reserved while its cart is locked, then used or freed.
CREATE TABLE promotion_claims (
    checkout_id UUID NOT NULL,
    promotion TEXT NOT NULL,
    shopper_id UUID NOT NULL,
    times BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'used', 'freed')),
    PRIMARY KEY (checkout_id, promotion)
);

-- Coupons as they were delivered.
CREATE TABLE coupons (
    coupon TEXT NOT NULL PRIMARY KEY,
    promotion TEXT NOT NULL,
    -- Whose it is; anybody's when there is none.
    shopper TEXT,
    uses_max BIGINT NOT NULL,
    deleted BOOLEAN NOT NULL,
    revision BIGINT NOT NULL
);

-- How often each coupon was used, or is reserved.
CREATE TABLE coupon_uses (
    coupon TEXT NOT NULL PRIMARY KEY,
    used BIGINT NOT NULL
);

-- The coupons that each checkout has.
CREATE TABLE coupon_claims (
    checkout_id UUID NOT NULL,
    coupon TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'used', 'freed')),
    PRIMARY KEY (checkout_id, coupon)
);
