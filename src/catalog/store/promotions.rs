//! The SQL of promotions, coupons and customers. A promotion is stored as it was delivered; a coupon never gets into the index: there
//! may be one for each customer.

use sqlx::Error;
use sqlx::types::Json;

use super::super::promotion::{CouponRow, CustomerRow, PromotionRow};
use super::read::PAGE_ROWS;
use crate::clock::Moment;
use crate::db::{self, Db, Run, Tx};
use crate::ids::{CouponCode, PromotionId, ShopperId};

pub(super) const PROMOTIONS: &str = "
    INSERT INTO promotions (promotion, details, deleted, revision)
    SELECT value ->> 'promotion', value, FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (promotion) DO UPDATE SET
        details = excluded.details,
        deleted = FALSE,
        revision = excluded.revision
    WHERE promotions.deleted OR promotions.details <> excluded.details";

pub(super) const COUPONS: &str = "
    INSERT INTO coupons (coupon, promotion, shopper, uses_max, serialised, deleted, revision)
    SELECT
        value ->> 'coupon', value ->> 'promotion', value ->> 'shopper', CAST(value ->> 'uses_max' AS BIGINT),
        CAST(value ->> 'serialised' AS BOOLEAN), FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (coupon) DO UPDATE SET
        promotion = excluded.promotion,
        shopper = excluded.shopper,
        uses_max = excluded.uses_max,
        serialised = excluded.serialised,
        deleted = FALSE,
        revision = excluded.revision
    WHERE coupons.deleted OR coupons.promotion <> excluded.promotion
       OR coupons.shopper IS DISTINCT FROM excluded.shopper OR coupons.uses_max <> excluded.uses_max
       OR coupons.serialised <> excluded.serialised";

/// Which of these promotions hold for those who show a coupon.
pub(in crate::catalog) async fn coupon_promotions<'a>(
    tx: &mut Tx,
    promotions: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String,)>, Error> {
    tx.sql(
        "SELECT promotion FROM promotions
         WHERE NOT deleted AND CAST(details ->> 'needs_coupon' AS BOOLEAN)
           AND promotion IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(promotions)?)
    .fetch_all()
    .await
}

#[derive(Debug, sqlx::FromRow)]
struct CouponRead {
    promotion: PromotionId,
    shopper: Option<String>,
    uses_max: i64,
    serialised: bool,
}

/// A coupon, unless it was taken back.
pub(in crate::catalog) async fn coupon(tx: &mut Tx, coupon: &CouponCode) -> Result<Option<CouponRow>, Error> {
    let read: Option<CouponRead> = tx
        .sql("SELECT promotion, shopper, uses_max, serialised FROM coupons WHERE coupon = $1 AND NOT deleted")
        .bind(coupon.as_str())
        .fetch_optional()
        .await?;
    let Some(CouponRead { promotion, shopper, uses_max, serialised }) = read else { return Ok(None) };
    let shopper = shopper.map(|shopper| shopper.parse()).transpose();
    let shopper = shopper.map_err(|error| Error::Decode(Box::new(error)))?;
    Ok(Some(CouponRow { coupon: coupon.clone(), promotion, shopper, uses_max, serialised, deleted: false }))
}

/// Which of these promotions ended before a moment.
pub(in crate::catalog) async fn ended_promotions<'a>(
    db: &Db,
    promotions: impl IntoIterator<Item = &'a str>,
    before: Moment,
) -> Result<Vec<(PromotionId,)>, Error> {
    db.sql(
        "SELECT promotion FROM promotions
         WHERE details ->> 'valid_to' < $2 AND promotion IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(promotions)?)
    .bind(as_stored(before))
    .fetch_all()
    .await
}

/// Which of these coupons are for promotions that ended before a moment.
pub(in crate::catalog) async fn ended_coupons<'a>(
    db: &Db,
    coupons: impl IntoIterator<Item = &'a str>,
    before: Moment,
) -> Result<Vec<(CouponCode,)>, Error> {
    db.sql(
        "SELECT coupon FROM coupons
         JOIN promotions ON promotions.promotion = coupons.promotion
         WHERE details ->> 'valid_to' < $2 AND coupon IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(coupons)?)
    .bind(as_stored(before))
    .fetch_all()
    .await
}

/// A moment as a row's text has it: of two such texts the earlier moment is the smaller one.
fn as_stored(moment: Moment) -> String {
    moment.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct PromotionRead {
    pub(in crate::catalog) promotion: PromotionId,
    pub(in crate::catalog) details: Json<PromotionRow>,
    pub(in crate::catalog) deleted: bool,
    revision: i64,
}

impl PromotionRead {
    pub(in crate::catalog) fn place(&self) -> (i64, String) {
        (self.revision, self.promotion.to_string())
    }
}

/// The promotions that changed after this place (revision and number), a page.
pub(in crate::catalog) async fn promotions(
    tx: &mut Tx,
    after: &(i64, String),
) -> Result<Vec<PromotionRead>, Error> {
    tx.sql(
        "SELECT promotion, details, deleted, revision FROM promotions
         WHERE (revision, promotion) > ($1, $2)
         ORDER BY revision, promotion
         LIMIT $3",
    )
    .bind(after.0)
    .bind(after.1.as_str())
    .bind(PAGE_ROWS)
    .fetch_all()
    .await
}

pub(super) const CUSTOMERS: &str = "
    INSERT INTO customers (customer, is_member, segments, deleted, revision)
    SELECT value ->> 'customer', CAST(value ->> 'is_member' AS BOOLEAN), value ->> 'segments', FALSE, $2
    FROM json_each($1)
    WHERE TRUE
    ON CONFLICT (customer) DO UPDATE SET
        is_member = excluded.is_member,
        segments = excluded.segments,
        deleted = FALSE,
        revision = excluded.revision
    WHERE customers.deleted OR customers.is_member <> excluded.is_member OR customers.segments <> excluded.segments";

/// What the CRM says of a customer.
pub(in crate::catalog) async fn customer(db: &Db, customer: ShopperId) -> Result<Option<CustomerRow>, Error> {
    let read: Option<(bool, String)> = db
        .sql("SELECT is_member, segments FROM customers WHERE customer = $1 AND NOT deleted")
        .bind(customer.to_string())
        .fetch_optional()
        .await?;
    Ok(read.map(|(is_member, segments)| {
        // Written from a list of texts, and nothing else.
        let segments = serde_json::from_str(&segments).unwrap_or_default();
        CustomerRow { customer, is_member, segments, deleted: false }
    }))
}
