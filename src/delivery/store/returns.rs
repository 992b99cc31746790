//! The rows of shipments that bring goods back.

use crate::db::{Error, Run};
use crate::ids::ShipmentId;

/// How many parcels come or came back of a shipment, without those that were called off.
pub(in crate::delivery) async fn parcels_returned(
    db: impl Run<'_>,
    returns_of: ShipmentId,
) -> Result<i64, Error> {
    let (count,): (i64,) = db
        .sql(
            "SELECT COUNT(*) FROM shipments
             JOIN parcels ON parcels.shipment = shipments.id
             WHERE shipments.returns_of = $1 AND shipments.state <> 'cancelled'",
        )
        .bind(returns_of)
        .fetch_one()
        .await?;
    Ok(count)
}

/// How many returns of a shipment were begun, with those that were called off.
pub(in crate::delivery) async fn returns_begun(
    db: impl Run<'_>,
    returns_of: ShipmentId,
) -> Result<i64, Error> {
    let (count,): (i64,) =
        db.sql("SELECT COUNT(*) FROM shipments WHERE returns_of = $1").bind(returns_of).fetch_one().await?;
    Ok(count)
}
