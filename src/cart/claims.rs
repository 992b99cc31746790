//! What checkouts reserve, use and free: promotions that all shoppers share, coupons, deposit vouchers.
//!
//! Counts and uses are rows that are held while they are read and written: nothing is had twice, however many carts are
//! locked at once. What a checkout has of them stands beside, so that it can be given back.

use super::model::ShownVoucher;
use crate::db::{self, Run, Tx};
use crate::ids::{CheckoutId, CouponCode, PromotionId, ShopperId, StoreId};

/// How often a promotion with a limit was had.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct CountRead {
    /// Empty for everybody, else the shopper.
    pub(super) holder: String,
    pub(super) promotion: PromotionId,
    pub(super) times: i64,
    pub(super) amount: i64,
}

/// The counts of these promotions, of everybody and of a shopper.
pub(super) async fn counts(
    db: impl Run<'_>,
    shopper: ShopperId,
    promotions: Vec<&str>,
) -> Result<Vec<CountRead>, db::Error> {
    db.sql(
        "SELECT holder, promotion, times, amount FROM promotion_counts
         WHERE holder IN ('', $1) AND promotion IN (SELECT value ->> 'key' FROM json_each($2))",
    )
    .bind(shopper.to_string())
    .bind(db::keys(promotions)?)
    .fetch_all()
    .await
}

/// A count, kept from others until the transaction ends.
pub(super) async fn hold_count(
    tx: &mut Tx,
    holder: &str,
    promotion: &PromotionId,
) -> Result<CountRead, db::Error> {
    tx.sql(
        "INSERT INTO promotion_counts (holder, promotion, times, amount)
         VALUES ($1, $2, 0, 0)
         ON CONFLICT (holder, promotion) DO UPDATE SET times = promotion_counts.times
         RETURNING holder, promotion, times, amount",
    )
    .bind(holder)
    .bind(promotion.as_str())
    .fetch_one()
    .await
}

async fn count(
    tx: &mut Tx,
    holder: &str,
    promotion: &PromotionId,
    (times, amount): (i64, i64),
) -> Result<(), db::Error> {
    tx.sql(
        "UPDATE promotion_counts SET times = times + $3, amount = amount + $4
         WHERE holder = $1 AND promotion = $2",
    )
    .bind(holder)
    .bind(promotion.as_str())
    .bind(times)
    .bind(amount)
    .execute()
    .await
    .map(drop)
}

/// Reserves so much of a promotion, whose counts are held, for a checkout.
pub(super) async fn claim(
    tx: &mut Tx,
    checkout: CheckoutId,
    shopper: ShopperId,
    promotion: &PromotionId,
    (times, amount): (i64, i64),
) -> Result<(), db::Error> {
    tx.sql(
        "INSERT INTO promotion_claims (checkout_id, promotion, shopper_id, times, amount, state)
         VALUES ($1, $2, $3, $4, $5, 'reserved')",
    )
    .bind(checkout)
    .bind(promotion.as_str())
    .bind(shopper)
    .bind(times)
    .bind(amount)
    .execute()
    .await?;
    for holder in [String::new(), shopper.to_string()] {
        count(tx, &holder, promotion, (times, amount)).await?;
    }
    Ok(())
}

/// Reserves a coupon for a checkout; says whether it was to be had.
pub(super) async fn claim_coupon(
    tx: &mut Tx,
    checkout: CheckoutId,
    coupon: &CouponCode,
    uses_max: i64,
) -> Result<bool, db::Error> {
    let reserved = tx
        .sql(
            "INSERT INTO coupon_uses (coupon, used)
             VALUES ($1, 1)
             ON CONFLICT (coupon) DO UPDATE SET used = coupon_uses.used + 1
             WHERE coupon_uses.used < $2",
        )
        .bind(coupon.as_str())
        .bind(uses_max)
        .execute()
        .await?;
    if reserved == 0 {
        return Ok(false);
    }
    // Several single coupons of one campaign count for it as many times.
    tx.sql(
        "INSERT INTO coupon_claims (checkout_id, coupon, state, times) VALUES ($1, $2, 'reserved', 1)
         ON CONFLICT (checkout_id, coupon) DO UPDATE SET times = coupon_claims.times + 1",
    )
    .bind(checkout)
    .bind(coupon.as_str())
    .execute()
    .await?;
    Ok(true)
}

/// Takes back that a coupon was just reserved once for a checkout.
pub(super) async fn unclaim_coupon(
    tx: &mut Tx,
    checkout: CheckoutId,
    coupon: &CouponCode,
) -> Result<(), db::Error> {
    tx.sql("UPDATE coupon_uses SET used = used - 1 WHERE coupon = $1")
        .bind(coupon.as_str())
        .execute()
        .await?;
    tx.sql("UPDATE coupon_claims SET times = times - 1 WHERE checkout_id = $1 AND coupon = $2")
        .bind(checkout)
        .bind(coupon.as_str())
        .execute()
        .await
        .map(drop)
}

/// Reserves a deposit voucher for a checkout; says whether it was to be had.
pub(super) async fn claim_voucher(
    tx: &mut Tx,
    checkout: CheckoutId,
    store: &StoreId,
    voucher: &ShownVoucher,
) -> Result<bool, db::Error> {
    let reserved = tx
        .sql(
            "INSERT INTO voucher_claims (store, voucher, checkout_id, amount, state)
             VALUES ($1, $2, $3, $4, 'reserved')
             ON CONFLICT (store, voucher) DO UPDATE
             SET checkout_id = excluded.checkout_id, amount = excluded.amount, state = 'reserved'
             WHERE voucher_claims.state = 'freed'",
        )
        .bind(holder(store, voucher.is_of_chain))
        .bind(&voucher.code)
        .bind(checkout)
        .bind(voucher.amount)
        .execute()
        .await?;
    Ok(reserved == 1)
}

/// Where a voucher's name counts: in its store, or, with no store's number, in the whole chain.
fn holder(store: &StoreId, is_of_chain: bool) -> &str {
    if is_of_chain { "" } else { store.as_str() }
}

/// Whether a voucher can still pay in a store. It may have paid under its whole text, which was its name once.
pub(super) async fn is_voucher_free(
    tx: &mut Tx,
    store: &StoreId,
    voucher: &ShownVoucher,
    text: &str,
) -> Result<bool, db::Error> {
    let taken: Option<(String,)> = tx
        .sql(
            "SELECT state FROM voucher_claims
             WHERE state <> 'freed' AND ((store = $1 AND voucher = $2) OR (store = $3 AND voucher = $4))
             LIMIT 1",
        )
        .bind(holder(store, voucher.is_of_chain))
        .bind(&voucher.code)
        .bind(store)
        .bind(text)
        .fetch_optional()
        .await?;
    Ok(taken.is_none())
}

/// How often a coupon was used, or is reserved.
pub(super) async fn coupon_uses(tx: &mut Tx, coupon: &CouponCode) -> Result<i64, db::Error> {
    let used: Option<(i64,)> = tx
        .sql("SELECT used FROM coupon_uses WHERE coupon = $1")
        .bind(coupon.as_str())
        .fetch_optional()
        .await?;
    Ok(used.map_or(0, |(used,)| used))
}

#[derive(Debug, sqlx::FromRow)]
struct ClaimRead {
    promotion: PromotionId,
    shopper_id: ShopperId,
    times: i64,
    amount: i64,
}

/// Frees what a checkout reserved or used of promotions and coupons. What is free stays as it is.
pub(super) async fn free_claims(tx: &mut Tx, checkout: CheckoutId) -> Result<(), db::Error> {
    let mut freed: Vec<ClaimRead> = tx
        .sql(
            "UPDATE promotion_claims SET state = 'freed'
             WHERE checkout_id = $1 AND state <> 'freed'
             RETURNING promotion, shopper_id, times, amount",
        )
        .bind(checkout)
        .fetch_all()
        .await?;
    // In the order in which a lock takes them: two checkouts never wait for each other.
    freed.sort_by(|a, b| a.promotion.cmp(&b.promotion));
    for claim in freed {
        for holder in [String::new(), claim.shopper_id.to_string()] {
            count(tx, &holder, &claim.promotion, (-claim.times, -claim.amount)).await?;
        }
    }
    let mut coupons: Vec<(String, i64)> = tx
        .sql(
            "UPDATE coupon_claims SET state = 'freed'
             WHERE checkout_id = $1 AND state <> 'freed'
             RETURNING coupon, times",
        )
        .bind(checkout)
        .fetch_all()
        .await?;
    coupons.sort();
    for (coupon, times) in coupons {
        tx.sql("UPDATE coupon_uses SET used = used - $2 WHERE coupon = $1")
            .bind(coupon)
            .bind(times)
            .execute()
            .await?;
    }
    Ok(())
}

/// Frees the vouchers that a checkout reserved or used.
pub(super) async fn free_vouchers(tx: &mut Tx, checkout: CheckoutId) -> Result<(), db::Error> {
    tx.sql("UPDATE voucher_claims SET state = 'freed' WHERE checkout_id = $1")
        .bind(checkout)
        .execute()
        .await
        .map(drop)
}

/// What a checkout reserved is used: it was paid.
pub(super) async fn use_claims(tx: &mut Tx, checkout: CheckoutId) -> Result<(), db::Error> {
    tx.sql("UPDATE promotion_claims SET state = 'used' WHERE checkout_id = $1 AND state = 'reserved'")
        .bind(checkout)
        .execute()
        .await?;
    tx.sql("UPDATE coupon_claims SET state = 'used' WHERE checkout_id = $1 AND state = 'reserved'")
        .bind(checkout)
        .execute()
        .await?;
    tx.sql("UPDATE voucher_claims SET state = 'used' WHERE checkout_id = $1 AND state = 'reserved'")
        .bind(checkout)
        .execute()
        .await
        .map(drop)
}
