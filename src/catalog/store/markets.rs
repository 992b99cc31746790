//! The SQL of where there are stores, what they sell in, and what has a tax rate there.

use sqlx::Error;

use crate::db::{self, Run, Tx};
use crate::money::Currency;

/// Where these tax classes have a rate: country or area, and class.
pub(in crate::catalog) async fn live_tax_rates<'a>(
    tx: &mut Tx,
    classes: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(String, String)>, Error> {
    tx.sql(
        "SELECT DISTINCT country, tax_class FROM tax_rates
         WHERE NOT deleted AND tax_class IN (SELECT value ->> 'key' FROM json_each($1))",
    )
    .bind(db::keys(classes)?)
    .fetch_all()
    .await
}

/// The countries in which there are stores, with the currencies that they sell in.
pub(in crate::catalog) async fn markets(tx: &mut Tx) -> Result<Vec<(String, Currency)>, Error> {
    tx.sql("SELECT DISTINCT country, currency FROM stores WHERE NOT deleted").fetch_all().await
}
