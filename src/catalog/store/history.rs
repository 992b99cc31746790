//! Prices that ended to count before their time: taken back, left out by a full delivery, or overwritten. Together with the
//! open prices that were replaced (`price_history`) the lowest price of the last 30 days is made of them (directive 98/6/EC,
//! article 6a): what was asked was asked, whatever became of its row.

use serde::Serialize;
use sqlx::Error;

use super::read::OnList;
use crate::catalog::rows::PriceKind;
use crate::db::{self, Run, Tx};

/// What an open price was until now. It began when the one before it ended; nobody knows when the first one did.
macro_rules! open {
    ($from:literal) => {
        concat!(
            "INSERT INTO ended_prices (price_list, sku, price_kind, began_at, ended_at, revision, amount)
             SELECT price_list, sku, 'regular', began_at, $3, $2, amount
             FROM (
                 SELECT prices.price_list, prices.sku, prices.amount, COALESCE((
                     SELECT MAX(replaced_at) FROM price_history AS last
                     WHERE last.price_list = prices.price_list AND last.sku = prices.sku
                 ), 0) AS began_at
                 FROM ",
            $from,
            ") AS gone
             WHERE began_at < $3
             ON CONFLICT (price_list, sku, price_kind, began_at, ended_at, revision) DO NOTHING"
        )
    };
}

/// What prices with times were until now, or until their end; those that had not begun were never asked.
macro_rules! timed {
    ($from:literal) => {
        concat!(
            "INSERT INTO ended_prices (price_list, sku, price_kind, began_at, ended_at, revision, amount)
             SELECT
                 timed.price_list, timed.sku, timed.price_kind, timed.valid_from,
                 CASE WHEN timed.valid_to < $3 THEN timed.valid_to ELSE $3 END, $2, timed.amount
             FROM ",
            $from,
            " AND timed.valid_from < $3
             ON CONFLICT (price_list, sku, price_kind, began_at, ended_at, revision) DO NOTHING"
        )
    };
}

/// Notes prices that were just taken back, open ones or those with times; `rows` has their keys.
pub(super) async fn taken_back(
    tx: &mut Tx,
    is_open: bool,
    rows: &str,
    revision: i64,
    now: i64,
) -> Result<(), Error> {
    let text = if is_open { OPEN_TAKEN_BACK } else { TIMED_TAKEN_BACK };
    tx.sql(text).bind(rows).bind(revision).bind(now).execute().await.map(drop)
}

// By the keys and not by the revision (`+`): SQLite would read all keys anew for each row that the batch changed.
const OPEN_TAKEN_BACK: &str = open!(
    "json_each($1) JOIN prices ON prices.price_list = value ->> 'price_list' AND prices.sku = value ->> 'sku'
     WHERE prices.deleted AND +prices.revision = $2"
);

const TIMED_TAKEN_BACK: &str = timed!(
    "json_each($1) JOIN timed_prices AS timed
         ON timed.price_list = value ->> 'price_list' AND timed.sku = value ->> 'sku'
        AND timed.price_kind = value ->> 'price_kind'
        AND timed.valid_from = CAST(value ->> 'valid_from' AS BIGINT)
     WHERE timed.deleted AND +timed.revision = $2"
);

/// Notes prices with times that are about to be overwritten by these rows.
pub(super) async fn timed_overwritten(tx: &mut Tx, rows: &str, revision: i64, now: i64) -> Result<(), Error> {
    let text = timed!(
        "json_each($1) JOIN timed_prices AS timed
             ON timed.price_list = value ->> 'price_list' AND timed.sku = value ->> 'sku'
            AND timed.price_kind = value ->> 'price_kind'
            AND timed.valid_from = CAST(value ->> 'valid_from' AS BIGINT)
         WHERE NOT timed.deleted AND (
             timed.amount <> CAST(value ->> 'amount' AS BIGINT)
             OR timed.valid_to IS DISTINCT FROM CAST(value ->> 'valid_to' AS BIGINT)
         )"
    );
    tx.sql(text).bind(rows).bind(revision).bind(now).execute().await.map(drop)
}

/// Notes the prices of a list that a full delivery just left out.
pub(super) async fn left_out(tx: &mut Tx, list: &str, revision: i64, now: i64) -> Result<(), Error> {
    let text = open!("prices WHERE prices.deleted AND prices.revision = $2 AND prices.price_list = $1");
    tx.sql(text).bind(list).bind(revision).bind(now).execute().await?;
    let text = timed!(
        "timed_prices AS timed
         WHERE timed.deleted AND timed.revision = $2 AND timed.price_list = $1"
    );
    tx.sql(text).bind(list).bind(revision).bind(now).execute().await.map(drop)
}

/// A price that ended before its time.
#[derive(Debug, sqlx::FromRow)]
pub(in crate::catalog) struct EndedRead {
    #[sqlx(flatten)]
    pub(in crate::catalog) on: OnList,
    pub(in crate::catalog) price_kind: PriceKind,
    pub(in crate::catalog) began_at: i64,
    pub(in crate::catalog) ended_at: i64,
    pub(in crate::catalog) amount: i64,
}

/// The prices of these products that ended before their time.
pub(in crate::catalog) async fn ended<T: Serialize>(tx: &mut Tx, of: &[T]) -> Result<Vec<EndedRead>, Error> {
    tx.sql(
        "SELECT ended.price_list, ended.sku, price_kind, began_at, ended_at, amount
         FROM json_each($1)
         JOIN ended_prices AS ended ON ended.price_list = value ->> 'price_list' AND ended.sku = value ->> 'sku'",
    )
    .bind(db::rows(of)?)
    .fetch_all()
    .await
}
