//! The rows of carts and of their log.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::types::Json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::event::Event;
use super::journal::{Append, Queued};
use super::model::{Cart, Error, LOCKS_MAX};
use super::pricing::Record;
use super::promise::DifferenceCause;
use crate::clock::Moment;
use crate::db::{self, Db, Run, Sql, Tx};
use crate::ids::{CartId, CheckoutId, ShopperId, Sku, StoreId};
use crate::money::Currency;

/// Which of the appends of one statement were written.
#[derive(Debug)]
pub(super) enum Written {
    /// All, as nearly always.
    All,
    /// These; the places of the others were taken.
    Only(HashSet<Uuid>),
}

impl Written {
    /// Whether this append was written.
    pub(super) fn includes(&self, append: Uuid) -> bool {
        match self {
            Self::All => true,
            Self::Only(written) => written.contains(&append),
        }
    }
}

/// Writes many rows of many carts in one statement; answers the appends that were written. A row whose place is taken is
/// left out.
pub(super) async fn append_all(db: &Db, appends: &[Queued]) -> Result<Written, db::Error> {
    let mut rows =
        String::with_capacity(appends.iter().map(|append| append.row.len() + 1).sum::<usize>() + 2);
    for append in appends {
        rows.push(if rows.is_empty() { '[' } else { ',' });
        rows.push_str(&append.row);
    }
    rows.push(']');
    // Outside a BEGIN the statement is a transaction of its own, answered after its commit: two ways to the database less.
    let count = db
        .sql(Sql::each(
            "INSERT INTO cart_events (cart_id, seq, append_id, events, at)
             SELECT unhex(value ->> 'cart'), value ->> 'seq', unhex(value ->> 'append'), value -> 'events', value ->> 'at'
             FROM json_each($1)
             WHERE TRUE
             ON CONFLICT (cart_id, seq) DO NOTHING",
            "INSERT INTO cart_events (cart_id, seq, append_id, events, at)
             SELECT CAST(value ->> 'cart' AS UUID), CAST(value ->> 'seq' AS BIGINT), CAST(value ->> 'append' AS UUID),
                 value -> 'events', CAST(value ->> 'at' AS TIMESTAMPTZ)
             FROM json_each($1)
             WHERE TRUE
             ON CONFLICT (cart_id, seq) DO NOTHING",
        ))
        .bind(rows.as_str())
        .execute()
        .await?;
    if u64::try_from(appends.len()).is_ok_and(|appends| appends == count) {
        return Ok(Written::All);
    }
    // Rows are never changed or deleted: who holds each place can be read afterwards.
    let written: Vec<(Uuid,)> = db
        .sql(Sql::each(
            "SELECT append_id FROM json_each($1)
             JOIN cart_events ON cart_id = unhex(value ->> 'cart') AND seq = value ->> 'seq'",
            "SELECT append_id FROM json_each($1)
             JOIN cart_events ON cart_id = CAST(value ->> 'cart' AS UUID) AND seq = CAST(value ->> 'seq' AS BIGINT)",
        ))
        .bind(rows)
        .fetch_all()
        .await?;
    Ok(Written::Only(written.into_iter().map(|(id,)| id).collect()))
}

/// A row as [`append_all`]'s statement reads it.
pub(super) fn row_text(append: &Append) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Row::of(append))
}

/// An append as the statement reads it.
#[derive(Serialize)]
struct Row<'a> {
    #[serde(serialize_with = "uuid::serde::simple::serialize")]
    append: Uuid,
    #[serde(serialize_with = "uuid::serde::simple::serialize")]
    cart: Uuid,
    seq: i64,
    events: &'a [Event],
    at: String,
}

impl<'a> Row<'a> {
    fn of(append: &'a Append) -> Self {
        Self {
            append: append.id,
            cart: append.cart.0,
            seq: append.seq,
            events: &append.events,
            // As both engines write it themselves.
            at: append.at.format("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
        }
    }
}

/// Writes one row inside a transaction with other tables; says whether its place was free.
pub(super) async fn append_one(tx: &mut Tx, append: &Append) -> Result<bool, db::Error> {
    let written = tx
        .sql(
            "INSERT INTO cart_events (cart_id, seq, append_id, events, at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (cart_id, seq) DO NOTHING",
        )
        .bind(append.cart)
        .bind(append.seq)
        .bind(append.id)
        .bind(Json(&append.events))
        .bind(append.at)
        .execute()
        .await?;
    Ok(written == 1)
}

/// Begins a cart unless its id is taken; says whether it was begun.
pub(super) async fn insert(
    db: &Db,
    first: &Append,
    shopper: ShopperId,
    store: &StoreId,
) -> Result<bool, db::Error> {
    let mut tx = db.begin().await?;
    let begun = tx
        .sql("INSERT INTO carts (id, shopper_id, store_id, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING")
        .bind(first.cart)
        .bind(shopper)
        .bind(store)
        .bind(first.at)
        .execute()
        .await?;
    if begun == 1 {
        append_one(&mut tx, first).await?;
        tx.commit().await?;
    }
    Ok(begun == 1)
}

/// The rows of a log after a version, oldest first.
async fn rows_after(
    run: impl Run<'_>,
    cart: CartId,
    version: i64,
) -> Result<Vec<(i64, Json<Vec<Event>>, DateTime<Utc>)>, db::Error> {
    run.sql("SELECT seq, events, at FROM cart_events WHERE cart_id = $1 AND seq > $2 ORDER BY seq")
        .bind(cart)
        .bind(version)
        .fetch_all()
        .await
}

/// The cart as its log has it now; what is known of it already saves reading the log from its beginning.
pub(super) async fn fold(run: impl Run<'_>, id: CartId, known: Option<Cart>) -> Result<Option<Cart>, Error> {
    let rows = rows_after(run, id, known.as_ref().map_or(0, |cart| cart.version)).await?;
    let mut rows = rows.into_iter();
    let mut cart = match known {
        Some(cart) => cart,
        None => match rows.next() {
            Some((_, Json(first), at)) => Cart::begin(id, &first, at)?,
            None => return Ok(None),
        },
    };
    for (version, Json(events), at) in rows {
        cart.fold(version, &events, at);
    }
    Ok(Some(cart))
}

/// Keeps a cart from other checkouts until the transaction ends: whoever comes second waits here, and reads what the first left.
pub(super) async fn hold(tx: &mut Tx, cart: CartId) -> Result<(), db::Error> {
    tx.sql("UPDATE carts SET created_at = created_at WHERE id = $1").bind(cart).execute().await.map(drop)
}

/// A new row after the cart's present version.
pub(super) fn next(cart: &Cart, id: Uuid, events: Vec<Event>, at: Moment) -> Append {
    Append { id, cart: cart.id, seq: cart.version + 1, events, at }
}

/// Keeps all that a quote was priced with.
pub(super) async fn insert_record(
    tx: &mut Tx,
    at: Moment,
    checkout: CheckoutId,
    cart: &Cart,
    record: &Record,
) -> Result<(), Error> {
    let text = serde_json::to_string(record).map_err(|error| Error::Log(cart.id, error.to_string()))?;
    // A taken number is found out when the checkout itself is written.
    tx.sql(
        "INSERT INTO price_records (checkout_id, cart_id, store, record, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (checkout_id) DO NOTHING",
    )
    .bind(checkout)
    .bind(cart.id)
    .bind(&cart.store)
    .bind(text)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// Notes that a quote was paid: whoever has the receipt may ask for years how its amounts came about.
pub(super) async fn mark_paid(tx: &mut Tx, at: Moment, checkout: CheckoutId) -> Result<(), db::Error> {
    tx.sql("UPDATE price_records SET paid_at = $2 WHERE checkout_id = $1")
        .bind(checkout)
        .bind(at)
        .execute()
        .await
        .map(drop)
}

/// Rows that one statement removes: each has a whole basket in it.
const RECORDS_AT_ONCE: i64 = 200;
/// Statements of one night: what is left waits for the next.
const STATEMENTS_MAX: i64 = 10_000;

/// Removes what quotes were priced with: of those that nobody paid for from before the first moment, of others from before
/// the second. Answers how many of each there were.
pub(super) async fn remove_records(db: &Db, unpaid: Moment, paid: Moment) -> Result<[u64; 2], db::Error> {
    const UNPAID: &str = "DELETE FROM price_records WHERE checkout_id IN (
        SELECT checkout_id FROM price_records WHERE paid_at IS NULL AND at < $1 LIMIT $2
    )";
    const PAID: &str = "DELETE FROM price_records WHERE checkout_id IN (
        SELECT checkout_id FROM price_records WHERE paid_at < $1 LIMIT $2
    )";
    let mut removed = [0; 2];
    for (count, (text, before)) in removed.iter_mut().zip([(UNPAID, unpaid), (PAID, paid)]) {
        for _ in 0..STATEMENTS_MAX {
            let rows = db.sql(text).bind(before).bind(RECORDS_AT_ONCE).execute().await?;
            *count += rows;
            if i64::try_from(rows).is_ok_and(|rows| rows < RECORDS_AT_ONCE) {
                break;
            }
        }
    }
    Ok(removed)
}

/// What the quotes of a cart were priced with, the last one first, and the store.
pub(super) async fn records(
    db: &Db,
    cart: CartId,
) -> Result<Vec<(CheckoutId, StoreId, String, DateTime<Utc>)>, db::Error> {
    db.sql(
        "SELECT checkout_id, store, record, at FROM price_records
         WHERE cart_id = $1
         ORDER BY at DESC, checkout_id
         LIMIT $2",
    )
    .bind(cart)
    .bind(LOCKS_MAX)
    .fetch_all()
    .await
}

/// A price that changed between scan and checkout, in minor units for a piece or for what the price is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, sqlx::FromRow, ToSchema)]
#[schema(as = PriceDifference)]
pub struct Difference {
    /// The line of the cart.
    pub line: i64,
    /// The product.
    pub sku: Sku,
    /// What the shopper saw at the scan.
    pub locked: i64,
    /// What the store asked at the checkout.
    pub current: i64,
    /// What counted, by the store's promise.
    pub charged: i64,
    /// The currency of all three.
    pub currency: Currency,
    /// Why.
    pub cause: DifferenceCause,
    /// Whether it is what members pay, and the shopper is one; else it is what everybody pays.
    pub is_for_members: bool,
    /// When.
    pub at: DateTime<Utc>,
}

/// Notes prices that changed, unless an earlier checkout of the cart noted the same; answers the causes of those that are new.
pub(super) async fn insert_differences(
    tx: &mut Tx,
    checkout: CheckoutId,
    cart: &Cart,
    differences: &[Difference],
) -> Result<Vec<(DifferenceCause,)>, db::Error> {
    let Some(first) = differences.first() else { return Ok(Vec::new()) };
    tx.sql(
        "INSERT INTO price_differences
             (checkout_id, line, store, sku, locked, current, charged, currency, cause, is_for_members, at)
         SELECT $2, CAST(value ->> 'line' AS BIGINT), $3, value ->> 'sku', CAST(value ->> 'locked' AS BIGINT),
             CAST(value ->> 'current' AS BIGINT), CAST(value ->> 'charged' AS BIGINT), value ->> 'currency',
             value ->> 'cause', CAST(value ->> 'is_for_members' AS BOOLEAN), $4
         FROM json_each($1)
         WHERE NOT EXISTS (
             SELECT 1 FROM price_records AS quoted
             JOIN price_differences AS told ON told.checkout_id = quoted.checkout_id
             WHERE quoted.cart_id = $5 AND told.line = CAST(value ->> 'line' AS BIGINT)
               AND told.sku = value ->> 'sku'
               AND told.locked = CAST(value ->> 'locked' AS BIGINT)
               AND told.current = CAST(value ->> 'current' AS BIGINT)
         )
         RETURNING cause",
    )
    .bind(db::rows(differences)?)
    .bind(checkout)
    .bind(&cart.store)
    .bind(first.at)
    .bind(cart.id)
    .fetch_all()
    .await
}

/// Most differences of one answer: nobody reads more.
const DIFFERENCES_MAX: i64 = 200;

/// The latest prices of a store that had changed between scan and checkout.
pub(super) async fn differences(db: &Db, store: &StoreId) -> Result<Vec<Difference>, db::Error> {
    db.sql(
        "SELECT line, sku, locked, current, charged, currency, cause, is_for_members, at
         FROM price_differences
         WHERE store = $1
         ORDER BY at DESC, checkout_id, line
         LIMIT $2",
    )
    .bind(store)
    .bind(DIFFERENCES_MAX)
    .fetch_all()
    .await
}
