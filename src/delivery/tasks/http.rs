//! What staff see of tasks, and do: list them, say that one is done.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::TaskKind;
use super::store::{self, Task};
use crate::app::App;
use crate::delivery::view;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::note::Note;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{ClosingId, DeliveryTaskId, OrderId, PickupId, ShipmentId, StaffId, StoreId};

/// Tasks of one page.
const PAGE: usize = 100;

/// The routes of tasks.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_tasks)).routes(routes!(post_done))
}

/// Something that a person of the store must see to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryTask)]
struct TaskView {
    id: DeliveryTaskId,
    kind: TaskKind,
    /// The shipment, where it is about a parcel.
    shipment: Option<ShipmentId>,
    /// Which of its parcels, from 1.
    parcel: Option<i64>,
    /// Whose goods they are.
    #[schema(value_type = Option<uuid::Uuid>)]
    order_id: Option<OrderId>,
    /// The order of a driver, where it is about one.
    pickup: Option<PickupId>,
    /// The closing of a courier's day, where it is about one.
    closing: Option<ClosingId>,
    /// What went wrong, where the kind does not say it.
    detail: Option<String>,
    opened_at: DateTime<Utc>,
    /// When somebody said that it is done.
    done_at: Option<DateTime<Utc>>,
    /// Who.
    done_by: Option<StaffId>,
    /// What they noted.
    note: Option<String>,
}

impl From<Task> for TaskView {
    fn from(task: Task) -> Self {
        Self {
            id: task.id,
            kind: task.kind,
            shipment: task.shipment,
            parcel: task.parcel,
            order_id: task.order_id,
            pickup: task.pickup,
            closing: task.closing,
            detail: task.detail,
            opened_at: task.opened_at,
            done_at: task.done_at,
            done_by: task.done_by,
            note: task.note,
        }
    }
}

/// A page of a store's tasks.
#[derive(Debug, Serialize, ToSchema)]
struct DeliveryTaskList {
    tasks: Vec<TaskView>,
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
    let more = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let mut tasks = store::open_at(&app.db, &at, query.after, more).await?;
    let next = view::cut(&mut tasks, PAGE, |task| task.id);
    let tasks = tasks.into_iter().map(TaskView::from).collect();
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
        (status = 200, description = "It is done.", body = TaskView),
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
) -> Result<Reply<TaskView>, Problem> {
    let unknown = || Problem::not_found("task_unknown", "There is no such task.");
    let task = store::find(&app.db, id).await?.ok_or_else(unknown)?;
    staff.must(Role::Clerk, &task.store)?;
    store::done(&app.db, id, (staff.id, String::from(done.note)), app.clock.now()).await?;
    Ok(Reply(StatusCode::OK, store::find(&app.db, id).await?.ok_or_else(unknown)?.into()))
}
