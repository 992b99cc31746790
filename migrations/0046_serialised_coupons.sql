-- Campaigns whose coupons have serial numbers of their own.
ALTER TABLE coupons ADD COLUMN serialised BOOLEAN NOT NULL DEFAULT FALSE;
