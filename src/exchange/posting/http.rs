//! What staff see of what goes into the books of a system, and what they do about documents that it refused.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Post;
use super::postings::{self, Span, Wanted};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::exchange::model::PostingState;
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{OrderId, PostingId, StoreId};
use crate::jobs;

/// Documents in one answer.
const PAGE: usize = 100;

pub(in crate::exchange) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_postings))
        .routes(routes!(replay_posting))
        .routes(routes!(replay_postings))
        .routes(routes!(drop_posting))
}

/// Which documents.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Only those in this state.
    state: Option<PostingState>,
    /// Only those of this order.
    order: Option<OrderId>,
    /// Only those that were asked for before this one: `next` of the page before.
    before: Option<PostingId>,
}

/// Documents, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Postings {
    postings: Vec<PostingView>,
    /// Where the next page begins, as `before`; left out when this is the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<PostingId>,
}

/// A document on its way into the books of a system.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Posting)]
struct PostingView {
    /// Which.
    id: PostingId,
    /// The order that it is of.
    order: OrderId,
    /// Which of its documents: `sale`, `delivery`, `cancellation`, or `refund` with its id.
    document: String,
    /// Where it was sold.
    store: StoreId,
    /// How far it is.
    state: PostingState,
    /// The system's own id of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    partner_id: Option<String>,
    /// What people there call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    /// Why the system refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When goods and money changed hands.
    created_at: DateTime<Utc>,
    /// When its state changed last.
    changed_at: DateTime<Utc>,
}

impl From<postings::Posting> for PostingView {
    fn from(row: postings::Posting) -> Self {
        Self {
            id: row.id,
            order: row.order_id,
            document: row.document,
            store: row.store_id,
            state: row.state,
            partner_id: row.partner_id,
            reference: row.reference,
            error: row.error,
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

/// Documents on their way into the books of a system, the newest first; `state=parked` shows what it refused.
#[utoipa::path(
    get, path = "/v1/exchange/connections/{connection}/postings", tag = "exchange", security(("staff" = [])),
    params(("connection" = String, Path), Which),
    responses(
        (status = 200, body = Postings),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`connection_unknown`"),
    )
)]
async fn list_postings(
    State(app): State<App>,
    staff: Staff,
    Path(connection): Path<String>,
    Query(which): Query<Which>,
) -> Result<Reply<Postings>, Problem> {
    let connection = books_of(&app, &staff, connection)?;
    // One more than is shown, to know whether there are more.
    let most = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let Which { state, order, before } = which;
    let mut found = postings::list(&app.db, &connection, &Wanted { state, order, before, most }).await?;
    let is_more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| is_more).map(|posting| posting.id);
    Ok(Reply(StatusCode::OK, Postings { postings: found.into_iter().map(Into::into).collect(), next }))
}

/// Have a document that the system refused tried again, from where it was, once its cause is mended.
#[utoipa::path(
    post, path = "/v1/exchange/connections/{connection}/postings/{posting}/replay", tag = "exchange",
    security(("staff" = [])),
    params(("connection" = String, Path), ("posting" = PostingId, Path)),
    responses(
        (status = 202),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`connection_unknown`, `posting_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`posting_state`: it is not parked"),
    )
)]
async fn replay_posting(
    State(app): State<App>,
    staff: Staff,
    Path((connection, posting)): Path<(String, PostingId)>,
) -> Result<StatusCode, Problem> {
    let connection = books_of(&app, &staff, connection)?;
    if replay(&app, &connection, Span::One(posting)).await? == 0 {
        return Err(not_parked(&app, &connection, posting).await?);
    }
    Ok(StatusCode::ACCEPTED)
}

/// From when to when documents were parked.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SpanWish {
    /// The first moment.
    since: DateTime<Utc>,
    /// The first moment after; left out, now.
    #[serde(default)]
    until: Option<DateTime<Utc>>,
}

/// What is tried again.
#[derive(Debug, Serialize, ToSchema)]
struct PostingsReplayed {
    /// So many documents.
    documents: u64,
}

/// Have all documents tried again that the system refused in a span of time.
#[utoipa::path(
    post, path = "/v1/exchange/connections/{connection}/postings/replay", tag = "exchange", security(("staff" = [])),
    params(("connection" = String, Path)),
    request_body = SpanWish,
    responses(
        (status = 202, body = PostingsReplayed),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`connection_unknown`"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn replay_postings(
    State(app): State<App>,
    staff: Staff,
    Path(connection): Path<String>,
    Json(wish): Json<SpanWish>,
) -> Result<Reply<PostingsReplayed>, Problem> {
    let connection = books_of(&app, &staff, connection)?;
    let until = wish.until.unwrap_or_else(|| app.clock.now());
    let documents = replay(&app, &connection, Span::Between(wish.since, until)).await?;
    Ok(Reply(StatusCode::ACCEPTED, PostingsReplayed { documents }))
}

/// Take a document off that the system refused: it is in the books some other way, or does not belong there.
#[utoipa::path(
    delete, path = "/v1/exchange/connections/{connection}/postings/{posting}", tag = "exchange",
    security(("staff" = [])),
    params(("connection" = String, Path), ("posting" = PostingId, Path)),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`connection_unknown`, `posting_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`posting_state`: it is not parked"),
    )
)]
async fn drop_posting(
    State(app): State<App>,
    staff: Staff,
    Path((connection, posting)): Path<(String, PostingId)>,
) -> Result<StatusCode, Problem> {
    let connection = books_of(&app, &staff, connection)?;
    let mut tx = app.db.begin().await?;
    if !postings::drop_parked(&mut tx, app.clock.now(), &connection, posting).await? {
        tx.rollback().await?;
        return Err(not_parked(&app, &connection, posting).await?);
    }
    tx.commit().await?;
    tracing::warn!(staff.id = %staff.id, posting.id = %posting, "a document was taken off by hand");
    Ok(StatusCode::NO_CONTENT)
}

/// The connection, if the caller may see it and sales go into its books.
fn books_of(app: &App, staff: &Staff, connection: String) -> Result<String, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let unknown = || {
        let detail =
            "There is no such connection that sales go into. Its file is in the folder of connections.";
        Problem::not_found("connection_unknown", detail)
    };
    app.connections.books(&connection).ok_or_else(unknown)?;
    Ok(connection)
}

async fn replay(app: &App, connection: &str, span: Span) -> Result<u64, Problem> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    let documents = postings::replay(&mut tx, now, connection, span).await?;
    if documents > 0 {
        jobs::enqueue(&mut tx, &app.ids, now, &Post { connection: connection.to_owned() }).await?;
    }
    tx.commit().await?;
    app.jobs.wake();
    Ok(documents)
}

async fn not_parked(app: &App, connection: &str, posting: PostingId) -> Result<Problem, Problem> {
    Ok(match postings::find(&app.db, connection, posting).await? {
        Some(found) => {
            let detail = format!("The document is {}; only what is parked waits for a person.", found.state);
            Problem::conflict("posting_state", detail)
        }
        None => Problem::not_found("posting_unknown", "The connection has no such document."),
    })
}
