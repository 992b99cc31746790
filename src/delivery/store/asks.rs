//! The rows of how often couriers were asked.

use chrono::NaiveDate;

use crate::db::{Error, Run};

/// Counts a question of a day, as long as there were fewer than so many; answers how many there are now, or nothing where it
/// may not be asked.
pub(in crate::delivery) async fn count_ask(
    db: impl Run<'_>,
    carrier: &str,
    day: NaiveDate,
    most: i64,
) -> Result<Option<i64>, Error> {
    let counted: Option<(i64,)> = db
        .sql(
            "INSERT INTO courier_asks (carrier, day, asks)
             SELECT $1, $2, 1 WHERE $3 > 0
             ON CONFLICT (carrier, day) DO UPDATE SET asks = courier_asks.asks + 1 WHERE courier_asks.asks < $3
             RETURNING asks",
        )
        .bind(carrier.to_owned())
        .bind(day.to_string())
        .bind(most)
        .fetch_optional()
        .await?;
    Ok(counted.map(|(asks,)| asks))
}

/// Removes the days before this one.
pub(in crate::delivery) async fn forget_asks_before(db: impl Run<'_>, day: NaiveDate) -> Result<(), Error> {
    db.sql("DELETE FROM courier_asks WHERE day < $1").bind(day.to_string()).execute().await?;
    Ok(())
}
