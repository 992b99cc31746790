//! Feeds that are late (rule b.late): an admin notes how often a delivery is to come; the report, the metrics and the log say
//! which one has not. What was delivered last goes on being served.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::store::feeds::{self, FeedRead};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Db};
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Json;
use crate::identity::{Role, Staff};
use crate::ids::KEY_LENGTH_MAX;

/// Feeds of which it is agreed how often they come: each is a line of the metrics.
const FEEDS_MAX: i64 = 500;
/// Longest time between two deliveries: a year.
const EVERY_MINUTES_MAX: i64 = 366 * 24 * 60;
/// Longest name of a source: `partner:` and an id.
const SOURCE_LENGTH_MAX: usize = 64;

/// A feed of which it is agreed how often it comes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Feed {
    /// Who sends it.
    pub source: String,
    /// Its name; empty for deliveries that name none.
    pub feed: String,
    /// How often it is to come.
    pub every_minutes: i64,
    /// When it came last, whatever became of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub came_at: Option<DateTime<Utc>>,
    /// By when the next one is to come.
    pub due_at: DateTime<Utc>,
    /// Whether it should have come by now.
    pub is_late: bool,
}

impl Feed {
    fn of(read: FeedRead, now: Moment) -> Self {
        // What was agreed later than the last delivery counts from then on.
        let since = read.came_at.map_or(read.set_at, |came| came.max(read.set_at));
        let due_at = since + Duration::minutes(read.every_minutes);
        let FeedRead { source, feed, every_minutes, came_at, .. } = read;
        Self { source, feed, every_minutes, came_at, due_at, is_late: due_at < now }
    }
}

/// The agreed feeds of one source or of all.
pub async fn feeds(db: &Db, now: Moment, source: Option<&str>) -> Result<Vec<Feed>, db::Error> {
    let read = feeds::agreed(db, source.unwrap_or_default()).await?;
    Ok(read.into_iter().map(|read| Feed::of(read, now)).collect())
}

/// Says in the log which feeds are late.
pub(in crate::catalog) async fn tell_late_feeds(app: &App, now: Moment) -> Result<(), db::Error> {
    for Feed { source, feed, due_at, .. } in
        feeds(&app.db, now, None).await?.into_iter().filter(|feed| feed.is_late)
    {
        tracing::warn!(source, feed, %due_at, rule = "b.late", "a feed is late; what it delivered last is served on");
    }
    Ok(())
}

/// Sets the gauge of each agreed feed: 1 when it is late.
pub async fn measure_feeds(db: &Db, now: Moment) -> Result<(), db::Error> {
    for Feed { source, feed, is_late, .. } in feeds(db, now, None).await? {
        let gauge = metrics::gauge!("aisle_catalog_feed_late", "source" => source, "feed" => feed);
        gauge.set(f64::from(u8::from(is_late)));
    }
    Ok(())
}

/// The routes.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(agree_on_feed))
}

/// How often a feed is to come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Agreement {
    /// Who sends it, as the report names it: `partner:` and the partner's id.
    source: String,
    /// Its name; empty for deliveries that name none.
    #[serde(default)]
    feed: String,
    /// How often it is to come; nothing is agreed any more when left out.
    #[schema(minimum = 1, maximum = 527_040)]
    every_minutes: Option<i64>,
}

/// Note how often a feed is to come
///
/// When it does not, the quality report, the log and the gauge `aisle_catalog_feed_late` say so.
#[utoipa::path(
    put,
    path = "/v1/quality/feeds",
    tag = "quality",
    request_body(content = inline(Agreement)),
    responses(
        (status = 204, description = "Noted"),
        (status = 400, description = "`invalid_json`, `invalid_value`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`feeds_too_many`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`media_type`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = [])),
)]
async fn agree_on_feed(
    Shared(app): Shared<App>,
    staff: Staff,
    Json(Agreement { source, feed, every_minutes }): Json<Agreement>,
) -> Result<StatusCode, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let invalid = |detail: &str| Problem::bad_request("invalid_value", detail.to_owned());
    if source.is_empty() || source.len() > SOURCE_LENGTH_MAX || feed.len() > KEY_LENGTH_MAX {
        return Err(invalid("source has 1 to 64 characters and feed at most as many as a key."));
    }
    let mut tx = app.db.begin().await?;
    let is_noted = match every_minutes {
        Some(minutes) if (1..=EVERY_MINUTES_MAX).contains(&minutes) => {
            let by = (staff.id, app.clock.now());
            feeds::agree(&mut tx, &source, &feed, minutes, by, FEEDS_MAX).await?
        }
        Some(_) => return Err(invalid("every_minutes is from 1 to 527040.")),
        None => feeds::forget(&mut tx, &source, &feed).await.map(|()| true)?,
    };
    if !is_noted {
        let detail = format!("At most {FEEDS_MAX} feeds are agreed on: forget others first.");
        return Err(Problem::conflict("feeds_too_many", detail));
    }
    tx.commit().await?;
    tracing::info!(staff.id = %staff.id, source, feed, "it is noted how often a feed is to come");
    Ok(StatusCode::NO_CONTENT)
}
