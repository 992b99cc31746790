//! The schema: one folder of migrations for both engines, applied at start.
//!
//! `NNNN_name.sql` serves both; `NNNN_name.postgres.sql` and `NNNN_name.sqlite.sql` stand where one text can't. A
//! migration never changes once it was released.

use std::borrow::Cow;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgPoolOptions;

use super::{Db, Engine};

struct File {
    version: i64,
    name: &'static str,
    /// The one engine that this file is for, when it is not for both.
    only: Option<Engine>,
    text: &'static str,
}

macro_rules! file {
    ($version:literal, $name:literal, $only:expr) => {
        File {
            version: $version,
            name: $name,
            only: $only,
            text: include_str!(concat!("../../migrations/", $name)),
        }
    };
}

const FILES: &[File] = &[
    file!(1, "0001_json_each.postgres.sql", Some(Engine::Postgres)),
    file!(2, "0002_jobs.sql", None),
    file!(3, "0003_identity.sql", None),
    file!(4, "0004_catalog.sql", None),
    file!(5, "0005_cart.sql", None),
    file!(6, "0006_payments.sql", None),
    file!(7, "0007_delivery.sql", None),
    file!(8, "0008_checkout.sql", None),
    file!(9, "0009_exit.sql", None),
    file!(10, "0010_exchange.sql", None),
    file!(11, "0011_payments_parked.sql", None),
    file!(12, "0012_payments_sealed.sql", None),
    file!(13, "0013_product_details.postgres.sql", Some(Engine::Postgres)),
    file!(13, "0013_product_details.sqlite.sql", Some(Engine::Sqlite)),
    file!(14, "0014_goods.sql", None),
    file!(15, "0015_near_date_markdowns.sql", None),
    file!(16, "0016_imports.sql", None),
    file!(17, "0017_quality.sql", None),
    file!(18, "0018_offline.sql", None),
    file!(19, "0019_outcomes.sql", None),
    file!(21, "0021_promotions.sql", None),
    file!(22, "0022_promotion_claims.sql", None),
    file!(23, "0023_customers_price_promise.sql", None),
    file!(24, "0024_references.postgres.sql", Some(Engine::Postgres)),
    file!(26, "0026_upkeep.sql", None),
    file!(27, "0027_store_rules.sql", None),
    file!(28, "0028_feeds.sql", None),
    file!(29, "0029_bound_codes.sql", None),
    file!(30, "0030_till.sql", None),
    file!(31, "0031_credits.sql", None),
    file!(32, "0032_picked.sql", None),
    file!(33, "0033_payment_providers.postgres.sql", Some(Engine::Postgres)),
    file!(33, "0033_payment_providers.sqlite.sql", Some(Engine::Sqlite)),
    file!(34, "0034_price_differences.sql", None),
    file!(36, "0036_record_ages.sql", None),
    file!(37, "0037_credit_notes.sql", None),
    file!(38, "0038_klarna.sql", None),
    file!(40, "0040_holds.sql", None),
    file!(41, "0041_disputes.sql", None),
    file!(42, "0042_purchases.sql", None),
    file!(43, "0043_ledger.postgres.sql", Some(Engine::Postgres)),
    file!(43, "0043_ledger.sqlite.sql", Some(Engine::Sqlite)),
    file!(44, "0044_debts.sql", None),
    file!(45, "0045_limits_reconciliation.postgres.sql", Some(Engine::Postgres)),
    file!(45, "0045_limits_reconciliation.sqlite.sql", Some(Engine::Sqlite)),
    file!(46, "0046_serialised_coupons.sql", None),
    file!(47, "0047_refund_lines.sql", None),
    file!(48, "0048_claims_upkeep.sql", None),
    file!(50, "0050_reversals.sql", None),
    file!(51, "0051_operations_in_books.sql", None),
    file!(52, "0052_refund_lines_told.sql", None),
    file!(53, "0053_delivery_options.sql", None),
    file!(54, "0054_couriers_left.sql", None),
    file!(55, "0055_closings.sql", None),
    file!(56, "0056_pickups.sql", None),
    file!(57, "0057_parcel_sizes.sql", None),
    file!(59, "0059_pushes.sql", None),
    file!(60, "0060_returns.sql", None),
    file!(61, "0061_following.sql", None),
    file!(62, "0062_refunds_by_rule.sql", None),
    file!(63, "0063_picking.sql", None),
    file!(64, "0064_qr_labels.sql", None),
    file!(65, "0065_tasks_of_couriers.postgres.sql", Some(Engine::Postgres)),
    file!(65, "0065_tasks_of_couriers.sqlite.sql", Some(Engine::Sqlite)),
    file!(67, "0067_locations.postgres.sql", Some(Engine::Postgres)),
    file!(67, "0067_locations.sqlite.sql", Some(Engine::Sqlite)),
    file!(68, "0068_packing.sql", None),
    file!(69, "0069_shares.sql", None),
    file!(70, "0070_parcels_given.sql", None),
    file!(71, "0071_tasks_again.postgres.sql", Some(Engine::Postgres)),
    file!(71, "0071_tasks_again.sqlite.sql", Some(Engine::Sqlite)),
    file!(72, "0072_pick_by.sql", None),
    file!(73, "0073_silences.sql", None),
    file!(74, "0074_asks.sql", None),
    file!(76, "0076_pulls.sql", None),
    file!(77, "0077_postings.sql", None),
    file!(79, "0079_stock.sql", None),
];

pub(super) async fn run(db: &Db) -> Result<(), sqlx::migrate::MigrateError> {
    let engine = db.engine();
    let migrations = FILES
        .iter()
        .filter(|file| file.only.is_none_or(|only| only == engine))
        .map(|file| {
            let text = sqlx::SqlSafeStr::into_sql_str(file.text);
            Migration::new(file.version, Cow::Borrowed(file.name), MigrationType::Simple, text, false)
        })
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    match db {
        Db::Sqlite { write, .. } => migrator.run(write).await,
        Db::Postgres(pool) => {
            // Another instance may migrate at this moment, for as long as it takes: no deadline for locks here.
            let patient = pool.connect_options().as_ref().clone().options([("lock_timeout", "0")]);
            let connection = PgPoolOptions::new().max_connections(1).connect_with(patient).await?;
            let migrated = migrator.run(&connection).await;
            connection.close().await;
            migrated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_applied() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut found: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder of migrations")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        found.sort();
        let listed: Vec<&str> = FILES.iter().map(|file| file.name).collect();
        assert_eq!(found, listed);
    }
}
