//! What a person of the store must see to: goods that came back, parcels that nobody finds, what the courier calls an exception.
//!
//! A task is opened in the transaction that learns why, once for each parcel and kind, and closed by whoever saw to it, with a
//! note. It gives nothing back by itself: that is a refund, by staff or by the store's rule.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::carrier::ParcelStatus;
use super::store::Shipment;
use super::view;
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{DeliveryTaskId, Ids, OrderId, ShipmentId, StaffId, StoreId};
use crate::text_enum;

/// Tasks of one page.
const PAGE: usize = 100;

text_enum! {
    /// What is to be seen to.
    pub enum TaskKind {
        /// Goods came back: look at them, put them back or write them off, and give the money back.
        CheckReturned = "check_returned",
        /// The courier lost a parcel: send its goods again or give the money back, and claim from the courier.
        DecideOnLost = "decide_on_lost",
        /// The courier calls it an exception, or took the booking back: ask it.
        LookInto = "look_into",
    }
}

impl TaskKind {
    /// What a parcel's status asks of staff.
    pub(super) fn of(status: ParcelStatus) -> Option<Self> {
        match status {
            ParcelStatus::Returned => Some(Self::CheckReturned),
            ParcelStatus::Lost => Some(Self::DecideOnLost),
            ParcelStatus::Exception | ParcelStatus::Cancelled => Some(Self::LookInto),
            ParcelStatus::Announced
            | ParcelStatus::PickedUp
            | ParcelStatus::InTransit
            | ParcelStatus::OutForDelivery
            | ParcelStatus::FailedAttempt
            | ParcelStatus::AtPickupPoint
            | ParcelStatus::Delivered
            | ParcelStatus::Returning => None,
        }
    }
}

/// Opens a task, unless it was opened before.
pub(super) async fn open(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    (shipment, parcel): (&Shipment, i64),
    kind: TaskKind,
) -> Result<(), db::Error> {
    tx.sql(
        "INSERT INTO delivery_tasks (id, shipment, parcel, store, kind, opened_at)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (shipment, parcel, kind) DO NOTHING",
    )
    .bind(ids.next::<DeliveryTaskId>())
    .bind(shipment.id)
    .bind(parcel)
    .bind(shipment.store.clone())
    .bind(kind)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// The routes of tasks.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_tasks)).routes(routes!(post_done))
}

/// Something that a person of the store must see to.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
struct DeliveryTask {
    id: DeliveryTaskId,
    kind: TaskKind,
    shipment: ShipmentId,
    /// Which of its parcels, from 1.
    parcel: i64,
    #[schema(value_type = uuid::Uuid)]
    order_id: OrderId,
    #[serde(skip)]
    store: StoreId,
    opened_at: DateTime<Utc>,
    /// When somebody said that it is done.
    done_at: Option<DateTime<Utc>>,
    /// Who.
    done_by: Option<StaffId>,
    /// What they noted.
    note: Option<String>,
}

/// A page of a store's tasks.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryTaskList {
    tasks: Vec<DeliveryTask>,
    /// The last one of this page, when there are more: ask again with `after`.
    next: Option<DeliveryTaskId>,
}

/// Which tasks to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TaskQuery {
    after: Option<DeliveryTaskId>,
}

/// What is to be seen to of a store's deliveries, oldest first.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/delivery-tasks",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("after" = Option<DeliveryTaskId>, Query, description = "Go on after this one: `next` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of open tasks.", body = DeliveryTaskList),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn list_tasks(
    State(app): State<App>,
    staff: Staff,
    Path(at): Path<StoreId>,
    Query(query): Query<TaskQuery>,
) -> Result<Reply<DeliveryTaskList>, Problem> {
    staff.must(Role::Clerk, &at)?;
    let mut tasks = open_at(&app.db, &at, query.after).await?;
    let next = view::cut(&mut tasks, PAGE, |task| task.id);
    Ok(Reply(StatusCode::OK, DeliveryTaskList { tasks, next }))
}

/// What was done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TaskDone {
    /// For whoever looks later.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// Say that a task is done, and how. Said again, the first note stays.
#[utoipa::path(
    post,
    path = "/v1/delivery-tasks/{task}/done",
    tag = "delivery",
    params(("task" = DeliveryTaskId, Path, description = "The task.")),
    request_body = TaskDone,
    responses(
        (status = 200, description = "It is done.", body = DeliveryTask),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such task.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn post_done(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<DeliveryTaskId>,
    Json(done): Json<TaskDone>,
) -> Result<Reply<DeliveryTask>, Problem> {
    let unknown = || Problem::not_found("task_unknown", "There is no such task.");
    let task = find(&app.db, id).await?.ok_or_else(unknown)?;
    staff.must(Role::Clerk, &task.store)?;
    app.db
        .sql(
            "UPDATE delivery_tasks SET done_at = $2, done_by = $3, note = $4
             WHERE id = $1 AND done_at IS NULL",
        )
        .bind(id)
        .bind(app.clock.now())
        .bind(staff.id)
        .bind(String::from(done.note))
        .execute()
        .await?;
    Ok(Reply(StatusCode::OK, find(&app.db, id).await?.ok_or_else(unknown)?))
}

macro_rules! task_columns {
    () => {
        "delivery_tasks.id, kind, delivery_tasks.shipment, parcel, shipments.order_id, delivery_tasks.store, opened_at,
             done_at, done_by, note
         FROM delivery_tasks
         JOIN shipments ON shipments.id = delivery_tasks.shipment"
    };
}

async fn find(db: impl Run<'_>, id: DeliveryTaskId) -> Result<Option<DeliveryTask>, db::Error> {
    db.sql(concat!("SELECT ", task_columns!(), " WHERE delivery_tasks.id = $1"))
        .bind(id)
        .fetch_optional()
        .await
}

/// One more than a page of open tasks, oldest first.
async fn open_at(
    db: impl Run<'_>,
    at: &StoreId,
    after: Option<DeliveryTaskId>,
) -> Result<Vec<DeliveryTask>, db::Error> {
    db.sql(concat!(
        "SELECT ",
        task_columns!(),
        " WHERE delivery_tasks.store = $1 AND done_at IS NULL AND ($2 IS NULL OR delivery_tasks.id > $2)
         ORDER BY delivery_tasks.id
         LIMIT $3"
    ))
    .bind(at.clone())
    .bind(after)
    .bind(i64::try_from(PAGE + 1).unwrap_or(i64::MAX))
    .fetch_all()
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_badly_is_a_task_and_what_goes_on_is_none() {
        let asked: Vec<_> =
            ParcelStatus::ALL.iter().filter_map(|status| Some((*status, TaskKind::of(*status)?))).collect();
        assert_eq!(
            asked,
            [
                (ParcelStatus::Returned, TaskKind::CheckReturned),
                (ParcelStatus::Lost, TaskKind::DecideOnLost),
                (ParcelStatus::Exception, TaskKind::LookInto),
                (ParcelStatus::Cancelled, TaskKind::LookInto),
            ]
        );
    }
}
