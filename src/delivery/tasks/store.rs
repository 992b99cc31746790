//! The rows of tasks.

use chrono::{DateTime, Utc};

use super::{Asked, Subject, TaskKind};
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{ClosingId, DeliveryTaskId, OrderId, PickupId, ShipmentId, StaffId, StoreId};

/// A task.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Task {
    pub(super) id: DeliveryTaskId,
    pub(super) kind: TaskKind,
    pub(super) store: StoreId,
    pub(super) shipment: Option<ShipmentId>,
    pub(super) parcel: Option<i64>,
    pub(super) order_id: Option<OrderId>,
    pub(super) pickup: Option<PickupId>,
    pub(super) closing: Option<ClosingId>,
    pub(super) detail: Option<String>,
    pub(super) opened_at: DateTime<Utc>,
    pub(super) done_at: Option<DateTime<Utc>>,
    pub(super) done_by: Option<StaffId>,
    pub(super) note: Option<String>,
}

/// Writes a task, unless one like it is open: then what went wrong last is its detail.
pub(super) async fn insert(
    tx: &mut Tx,
    id: DeliveryTaskId,
    asked: &Asked<'_>,
    now: Moment,
) -> Result<(), Error> {
    let (parcel, pickup, closing) = match asked.subject {
        Subject::Parcel(shipment, parcel) => (Some((shipment, parcel)), None, None),
        Subject::Pickup(pickup) => (None, Some(pickup), None),
        Subject::Closing(closing) => (None, None, Some(closing)),
    };
    let written = tx
        .sql(
            "INSERT INTO delivery_tasks (id, store, kind, shipment, parcel, pickup, closing, detail, opened_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
             ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(asked.store.clone())
        .bind(asked.kind)
        .bind(parcel.map(|(shipment, _)| shipment))
        .bind(parcel.map(|(_, number)| number))
        .bind(pickup)
        .bind(closing)
        .bind(asked.detail.map(str::to_owned))
        .bind(now)
        .execute()
        .await?;
    let Some(detail) = asked.detail.filter(|_| written == 0) else { return Ok(()) };
    tx.sql(
        "UPDATE delivery_tasks SET detail = $6
         WHERE ((shipment = $1 AND parcel = $2) OR pickup = $3 OR closing = $4) AND kind = $5 AND done_at IS NULL",
    )
    .bind(parcel.map(|(shipment, _)| shipment))
    .bind(parcel.map(|(_, number)| number))
    .bind(pickup)
    .bind(closing)
    .bind(asked.kind)
    .bind(detail.to_owned())
    .execute()
    .await?;
    Ok(())
}

macro_rules! task_columns {
    () => {
        "delivery_tasks.id, kind, delivery_tasks.store, delivery_tasks.shipment, parcel, shipments.order_id, pickup, closing,
             detail, opened_at, done_at, done_by, note
         FROM delivery_tasks
         LEFT JOIN shipments ON shipments.id = delivery_tasks.shipment"
    };
}

pub(super) async fn find(db: impl Run<'_>, id: DeliveryTaskId) -> Result<Option<Task>, Error> {
    db.sql(concat!("SELECT ", task_columns!(), " WHERE delivery_tasks.id = $1"))
        .bind(id)
        .fetch_optional()
        .await
}

/// The open tasks of a store, oldest first.
pub(super) async fn open_at(
    db: impl Run<'_>,
    at: &StoreId,
    after: Option<DeliveryTaskId>,
    limit: i64,
) -> Result<Vec<Task>, Error> {
    db.sql(concat!(
        "SELECT ",
        task_columns!(),
        " WHERE delivery_tasks.store = $1 AND done_at IS NULL AND ($2 IS NULL OR delivery_tasks.id > $2)
         ORDER BY delivery_tasks.id
         LIMIT $3"
    ))
    .bind(at.clone())
    .bind(after)
    .bind(limit)
    .fetch_all()
    .await
}

/// Somebody saw to it; said again, the first note stays.
pub(super) async fn done(
    db: impl Run<'_>,
    id: DeliveryTaskId,
    (by, note): (StaffId, String),
    now: Moment,
) -> Result<(), Error> {
    db.sql(
        "UPDATE delivery_tasks SET done_at = $2, done_by = $3, note = $4
         WHERE id = $1 AND done_at IS NULL",
    )
    .bind(id)
    .bind(now)
    .bind(by)
    .bind(note)
    .execute()
    .await?;
    Ok(())
}
