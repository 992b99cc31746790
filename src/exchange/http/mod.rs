//! The routes of partners: subscriptions, their secrets, their delivery log and replays; and of staff: how the connections to
//! back-office systems are doing (`connections.rs`). `bodies.rs` has what is sent
//! and answered, `problems.rs` what is refused.

mod bodies;
mod connections;
mod problems;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use secrecy::ExposeSecret;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::bodies::{
    Dispatches, Lines, ReplaySince, Replayed, Subscription, SubscriptionSecret, SubscriptionWish,
    Subscriptions,
};
use super::subscribe::{self, Caller, Wish};
use super::{posting, replay, store};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::{self, Reply, Versioned};
use crate::identity::{Partner, Scope};
use crate::ids::{DispatchId, SubscriptionId};

/// Lines of the log in one answer.
const LINES_MAX: usize = 100;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_subscriptions))
        .routes(routes!(put_subscription, get_subscription, delete_subscription))
        .routes(routes!(rotate_subscription_secret))
        .routes(routes!(list_dispatches))
        .routes(routes!(skip_dispatch))
        .routes(routes!(replay_dispatch))
        .routes(routes!(replay_since))
        .routes(routes!(connections::list_connections))
        .merge(posting::routes())
}

/// The caller's subscriptions.
#[utoipa::path(
    get, path = "/v1/exchange/subscriptions", tag = "exchange", security(("partner" = [])),
    responses(
        (status = 200, body = Subscriptions),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_subscriptions(
    State(app): State<App>,
    partner: Partner,
) -> Result<Reply<Subscriptions>, Problem> {
    let subscriptions = subscribe::list(&app, &caller(&partner)?).await?;
    let subscriptions = subscriptions.into_iter().map(|found| Subscription::of(found, None)).collect();
    Ok(Reply(StatusCode::OK, Subscriptions { subscriptions }))
}

/// Subscribe, or change a subscription; an `off` one is turned on. Sent twice alike, it changes nothing.
///
/// Messages are posted as Standard Webhooks 1.0 (standardwebhooks.com) has it: check `webhook-signature` with the
/// secret, answer 2xx within 15 seconds, take each `webhook-id` once; 410 turns the subscription off. A message that is
/// not taken is sent again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h and is then a dead letter. The events of
/// one order come one after the other, by `sequence`.
#[utoipa::path(
    put, path = "/v1/exchange/subscriptions/{id}", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path), ("If-Match" = Option<String>, Header, description = "Change only this version")),
    request_body = SubscriptionWish,
    responses(
        (status = 200, body = Subscription),
        (status = 201, body = Subscription, description = "New; with the secret"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn put_subscription(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
    headers: HeaderMap,
    Json(wish): Json<SubscriptionWish>,
) -> Result<Versioned<Subscription>, Problem> {
    let caller = caller(&partner)?;
    let version = reply::if_match(&headers)?;
    let wish = Wish { url: wish.url, kinds: wish.kinds, stores: wish.stores };
    let put = subscribe::put(&app, &caller, id, wish, version).await?;
    let status = if put.secret.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    let secret = put.secret.map(|secret| secret.expose_secret().to_owned());
    Ok(Versioned(status, put.subscription.version, Subscription::of(put.subscription, secret)))
}

/// One subscription.
#[utoipa::path(
    get, path = "/v1/exchange/subscriptions/{id}", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 200, body = Subscription),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn get_subscription(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
) -> Result<Versioned<Subscription>, Problem> {
    let found = subscribe::own(&app, &caller(&partner)?, id).await?;
    Ok(Versioned(StatusCode::OK, found.version, Subscription::of(found, None)))
}

/// End a subscription and drop its log. Twice is harmless.
#[utoipa::path(
    delete, path = "/v1/exchange/subscriptions/{id}", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn delete_subscription(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
) -> Result<StatusCode, Problem> {
    subscribe::remove(&app, &caller(&partner)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get a new signing secret; messages carry a signature of each earlier one for another day. Also the way out when the
/// secret, or the answer that had it, was lost.
#[utoipa::path(
    post, path = "/v1/exchange/subscriptions/{id}/secret", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path)),
    responses(
        (status = 201, body = SubscriptionSecret),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn rotate_subscription_secret(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
) -> Result<Reply<SubscriptionSecret>, Problem> {
    let (secret, previous_until) = subscribe::rotate(&app, &caller(&partner)?, id).await?;
    let secret = secret.expose_secret().to_owned();
    Ok(Reply(StatusCode::CREATED, SubscriptionSecret { secret, previous_until }))
}

/// The delivery log, newest first; `state=dead` shows what was given up.
#[utoipa::path(
    get, path = "/v1/exchange/subscriptions/{id}/dispatches", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path), Lines),
    responses(
        (status = 200, body = Dispatches),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn list_dispatches(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
    Query(lines): Query<Lines>,
) -> Result<Reply<Dispatches>, Problem> {
    subscribe::own(&app, &caller(&partner)?, id).await?;
    // One more than is shown, to know whether there are more.
    let limit = i64::try_from(LINES_MAX + 1).unwrap_or(i64::MAX);
    let mut found = store::log(&app.db, id, lines.state, lines.before, limit).await?;
    let more = found.len() > LINES_MAX;
    found.truncate(LINES_MAX);
    let next = found.last().filter(|_| more).map(|line| line.id);
    let dispatches = found.into_iter().map(Into::into).collect();
    Ok(Reply(StatusCode::OK, Dispatches { dispatches, next }))
}

/// Give up one event that is not delivered; the events of its order behind it go on.
#[utoipa::path(
    delete, path = "/v1/exchange/subscriptions/{id}/dispatches/{dispatch}", tag = "exchange",
    security(("partner" = [])),
    params(("id" = SubscriptionId, Path), ("dispatch" = DispatchId, Path)),
    responses(
        (status = 204),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn skip_dispatch(
    State(app): State<App>,
    partner: Partner,
    Path((id, dispatch)): Path<(SubscriptionId, DispatchId)>,
) -> Result<StatusCode, Problem> {
    replay::skip(&app, &caller(&partner)?, id, dispatch).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Send one event again from the first try, whatever became of it.
#[utoipa::path(
    post, path = "/v1/exchange/subscriptions/{id}/dispatches/{dispatch}/replay", tag = "exchange",
    security(("partner" = [])),
    params(("id" = SubscriptionId, Path), ("dispatch" = DispatchId, Path)),
    responses(
        (status = 202),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn replay_dispatch(
    State(app): State<App>,
    partner: Partner,
    Path((id, dispatch)): Path<(SubscriptionId, DispatchId)>,
) -> Result<StatusCode, Problem> {
    replay::one(&app, &caller(&partner)?, id, dispatch).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Send everything since a moment again, delivered or not; a receiver tells what it has by `webhook-id`.
#[utoipa::path(
    post, path = "/v1/exchange/subscriptions/{id}/replay", tag = "exchange", security(("partner" = [])),
    params(("id" = SubscriptionId, Path)),
    request_body = ReplaySince,
    responses(
        (status = 202, body = Replayed),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn replay_since(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<SubscriptionId>,
    Json(body): Json<ReplaySince>,
) -> Result<Reply<Replayed>, Problem> {
    let replayed = replay::since(&app, &caller(&partner)?, id, body.since).await?;
    let body = Replayed { events: replayed.events, next_since: replayed.next_since };
    Ok(Reply(StatusCode::ACCEPTED, body))
}

/// The partner, once its key was found to be for events.
fn caller(partner: &Partner) -> Result<Caller, Problem> {
    partner.must(Scope::EventsRead)?;
    Ok(Caller { partner: partner.id, store: partner.store.clone() })
}
