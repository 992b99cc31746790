-- What the nightly upkeep of claims looks for.
CREATE INDEX promotion_claims_freed ON promotion_claims (checkout_id) WHERE state = 'freed';
CREATE INDEX coupon_claims_freed ON coupon_claims (checkout_id) WHERE state = 'freed';
CREATE INDEX voucher_claims_freed ON voucher_claims (store) WHERE state = 'freed';
CREATE INDEX promotion_claims_promotion ON promotion_claims (promotion);
CREATE INDEX promotion_counts_promotion ON promotion_counts (promotion);
CREATE INDEX coupon_claims_coupon ON coupon_claims (coupon);
CREATE INDEX price_differences_age ON price_differences (at);
