//! What is let go of, each night, of claims and of prices that changed: what was freed at once, the rest when the promotions that
//! it was had of ended long ago. Some thousand rows a statement: SQLite has one writer.
//!
//! Vouchers that paid are never forgotten: each pays once, however old its slip is.

use super::coupon;
use crate::catalog;
use crate::clock::Moment;
use crate::db::{self, Db, Run};
use crate::ids::{CouponCode, PromotionId};

/// Rows that one statement removes, and names that one page has.
const ROWS_AT_ONCE: i64 = 2_000;
/// Statements of one kind in one night, and pages: what is left waits for the next.
const STATEMENTS_MAX: i64 = 1_000;

/// What was given up is free for others already: nobody asks for its claims.
const FREED: [&str; 3] = [
    "DELETE FROM promotion_claims WHERE (checkout_id, promotion) IN (
         SELECT checkout_id, promotion FROM promotion_claims WHERE state = 'freed' LIMIT $1
     )",
    "DELETE FROM coupon_claims WHERE (checkout_id, coupon) IN (
         SELECT checkout_id, coupon FROM coupon_claims WHERE state = 'freed' LIMIT $1
     )",
    "DELETE FROM voucher_claims WHERE state = 'freed' AND (store, voucher) IN (
         SELECT store, voucher FROM voucher_claims WHERE state = 'freed' LIMIT $1
     )",
];
const DIFFERENCES: &str = "DELETE FROM price_differences WHERE (checkout_id, line) IN (
         SELECT checkout_id, line FROM price_differences WHERE at < $2 LIMIT $1
     )";
/// Of promotions that are over; the counts last, by which the next night finds the others.
const PROMOTIONS: [&str; 2] = [
    "DELETE FROM promotion_claims WHERE (checkout_id, promotion) IN (
         SELECT checkout_id, promotion FROM promotion_claims
         WHERE state = 'used' AND promotion IN (SELECT value ->> 'key' FROM json_each($2))
         LIMIT $1
     )",
    "DELETE FROM promotion_counts WHERE (holder, promotion) IN (
         SELECT holder, promotion FROM promotion_counts
         WHERE promotion IN (SELECT value ->> 'key' FROM json_each($2))
         LIMIT $1
     )",
];
/// Of coupons that are over; their uses last.
const COUPONS: [&str; 2] = [
    "DELETE FROM coupon_claims WHERE (checkout_id, coupon) IN (
         SELECT checkout_id, coupon FROM coupon_claims
         WHERE state = 'used' AND coupon IN (SELECT value ->> 'key' FROM json_each($2))
         LIMIT $1
     )",
    "DELETE FROM coupon_uses WHERE coupon IN (
         SELECT coupon FROM coupon_uses
         WHERE coupon IN (SELECT value ->> 'key' FROM json_each($2))
         LIMIT $1
     )",
];

/// Lets go of it; `before` is when promotions must have ended and prices must have changed. Answers how many rows there were.
pub(super) async fn remove(db: &Db, before: Moment) -> Result<u64, db::Error> {
    let mut removed = 0;
    for text in FREED {
        removed += all(|| db.sql(text).bind(ROWS_AT_ONCE).execute()).await?;
    }
    removed += all(|| db.sql(DIFFERENCES).bind(ROWS_AT_ONCE).bind(before).execute()).await?;
    removed += promotions(db, before).await?;
    removed += coupons(db, before).await?;
    Ok(removed)
}

/// Runs a statement until it finds less than it may remove.
async fn all<F: Future<Output = Result<u64, db::Error>>>(
    mut remove: impl FnMut() -> F,
) -> Result<u64, db::Error> {
    let mut removed = 0;
    for _ in 0..STATEMENTS_MAX {
        let rows = remove().await?;
        removed += rows;
        if i64::try_from(rows).is_ok_and(|rows| rows < ROWS_AT_ONCE) {
            break;
        }
    }
    Ok(removed)
}

/// Removes what these keys name, by each of these statements.
async fn named<'a>(
    db: &Db,
    texts: [&'static str; 2],
    keys: impl IntoIterator<Item = &'a str>,
) -> Result<u64, db::Error> {
    let keys = db::keys(keys)?;
    let mut removed = 0;
    for text in texts {
        removed += all(|| db.sql(text).bind(ROWS_AT_ONCE).bind(keys.clone()).execute()).await?;
    }
    Ok(removed)
}

async fn promotions(db: &Db, before: Moment) -> Result<u64, db::Error> {
    let (mut removed, mut last) = (0, String::new());
    for _ in 0..STATEMENTS_MAX {
        let page: Vec<(PromotionId,)> = db
            .sql(
                "SELECT promotion FROM promotion_counts WHERE holder = '' AND promotion > $1
                 ORDER BY promotion LIMIT $2",
            )
            .bind(last.as_str())
            .bind(ROWS_AT_ONCE)
            .fetch_all()
            .await?;
        let Some((end,)) = page.last() else { break };
        last = end.to_string();
        let ended = catalog::ended_promotions(db, page.iter().map(|(each,)| each.as_str()), before).await?;
        if !ended.is_empty() {
            removed += named(db, PROMOTIONS, ended.iter().map(PromotionId::as_str)).await?;
        }
    }
    Ok(removed)
}

async fn coupons(db: &Db, before: Moment) -> Result<u64, db::Error> {
    let (mut removed, mut last) = (0, String::new());
    for _ in 0..STATEMENTS_MAX {
        let page: Vec<(CouponCode,)> = db
            .sql("SELECT coupon FROM coupon_uses WHERE coupon > $1 ORDER BY coupon LIMIT $2")
            .bind(last.as_str())
            .bind(ROWS_AT_ONCE)
            .fetch_all()
            .await?;
        let Some((end,)) = page.last() else { break };
        last = end.to_string();
        // A single coupon stands under its own row or under its campaign's.
        let campaigns: Vec<Option<CouponCode>> =
            page.iter().map(|(each,)| coupon::campaign_of(each)).collect();
        let rows = page.iter().map(|(each,)| each).chain(campaigns.iter().flatten());
        let ended = catalog::ended_coupons(db, rows.map(CouponCode::as_str), before).await?;
        let is_over = |coupon: &CouponCode| ended.contains(coupon);
        let over = page
            .iter()
            .zip(&campaigns)
            .filter(|((own,), campaign)| is_over(own) || campaign.as_ref().is_some_and(is_over));
        let over: Vec<&str> = over.map(|((own,), _)| own.as_str()).collect();
        if !over.is_empty() {
            removed += named(db, COUPONS, over).await?;
        }
    }
    Ok(removed)
}
