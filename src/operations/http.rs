//! Dead letters: jobs that were given up, for staff to see, replay or drop.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Path;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::JobId;
use crate::jobs;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list_dead_jobs)).routes(routes!(replay_job)).routes(routes!(drop_job))
}

/// The jobs that were given up.
#[derive(Debug, Serialize, ToSchema)]
struct DeadJobs {
    /// Oldest first, at most 200; drop or replay these to see later ones.
    jobs: Vec<jobs::Dead>,
}

/// The jobs that were given up, with the reason of each, oldest first.
#[utoipa::path(
    get, path = "/v1/operations/jobs/dead", tag = "operations", security(("staff" = [])),
    responses(
        (status = 200, body = DeadJobs),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_dead_jobs(State(app): State<App>, staff: Staff) -> Result<Reply<DeadJobs>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    Ok(Reply(StatusCode::OK, DeadJobs { jobs: jobs::dead(&app.db).await? }))
}

/// Try a job again from the start. When the same work was asked for again meanwhile, that stands in for it.
#[utoipa::path(
    post, path = "/v1/operations/jobs/{id}/replay", tag = "operations", security(("staff" = [])),
    params(("id" = JobId, Path)),
    responses(
        (status = 202),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn replay_job(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<JobId>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Admin)?;
    if !jobs::replay(&app.db, id, app.clock.now()).await? {
        return Err(not_dead());
    }
    tracing::info!(job.id = %id, staff.id = %staff.id, "a dead job is tried again");
    app.jobs.wake();
    Ok(StatusCode::ACCEPTED)
}

/// Drop a job that was given up: its work will never be done.
#[utoipa::path(
    delete, path = "/v1/operations/jobs/{id}", tag = "operations", security(("staff" = [])),
    params(("id" = JobId, Path)),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn drop_job(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<JobId>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Admin)?;
    if !jobs::drop_dead(&app.db, id).await? {
        return Err(not_dead());
    }
    tracing::warn!(job.id = %id, staff.id = %staff.id, "a dead job was dropped");
    Ok(StatusCode::NO_CONTENT)
}

fn not_dead() -> Problem {
    Problem::not_found("job_unknown", "There is no such job among the dead ones; list them again.")
}
