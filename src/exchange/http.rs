//! The routes of partners: subscriptions, their secrets, their delivery log and replays.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{DispatchState, EventKind, SubscriptionState};
use super::subscribe::{self, Caller, Wish};
use super::{replay, store};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::{self, Reply, Versioned};
use crate::identity::{Partner, Scope};
use crate::ids::{DispatchId, MessageId, OrderId, StoreId, SubscriptionId};

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
}

/// Where a partner wants to be told of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SubscriptionWish {
    /// Where messages are posted: `https`, on the public internet, without user and password.
    #[schema(max_length = 2000)]
    url: String,
    /// Which kinds of events.
    #[schema(min_items = 1)]
    kinds: Vec<EventKind>,
    /// Of which stores; none named: of all that the key is for.
    #[serde(default)]
    #[schema(max_items = 500)]
    stores: Vec<StoreId>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
struct Subscription {
    /// Its id, as the partner named it.
    id: SubscriptionId,
    /// Where messages are posted.
    url: String,
    /// Which kinds of events.
    kinds: Vec<EventKind>,
    /// Of which stores; empty for all.
    stores: Vec<StoreId>,
    /// Whether new events are sent.
    state: SubscriptionState,
    /// What messages are signed with: only in the answer that made the subscription. Keep it; it is never shown again,
    /// and a new one can be had at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    changed_at: DateTime<Utc>,
}

/// The subscriptions of a partner.
#[derive(Debug, Serialize, ToSchema)]
struct Subscriptions {
    /// All of them.
    subscriptions: Vec<Subscription>,
}

/// A new signing secret.
#[derive(Debug, Serialize, ToSchema)]
struct SubscriptionSecret {
    /// The secret, shown only now.
    secret: String,
    /// Until then messages carry a signature of each earlier secret too.
    previous_until: DateTime<Utc>,
}

/// One event on its way to one subscriber.
#[derive(Debug, Serialize, ToSchema)]
struct DispatchLine {
    /// The dispatch.
    id: DispatchId,
    /// The `webhook-id` of its message.
    message: MessageId,
    /// What happened.
    kind: EventKind,
    /// To which order.
    order: OrderId,
    /// The place of the event among those of its order.
    sequence: i64,
    /// How far it is.
    state: DispatchState,
    /// How often it was tried since it was begun or replayed.
    attempts: i64,
    /// Waiting: not tried before. An event behind an earlier one of its order waits for that one besides.
    due_at: DateTime<Utc>,
    /// The HTTP status of the last answer, if there was one.
    last_status: Option<i64>,
    /// Why the last try failed.
    last_error: Option<String>,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When the subscriber took it.
    delivered_at: Option<DateTime<Utc>>,
}

/// A part of the delivery log, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Dispatches {
    /// The lines.
    dispatches: Vec<DispatchLine>,
    /// To be sent as `before` for the lines that follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<DispatchId>,
}

/// Which lines of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Lines {
    /// Only those of this state.
    state: Option<DispatchState>,
    /// Only those before this one: `next` of an earlier answer.
    before: Option<DispatchId>,
}

/// From when on everything is sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaySince {
    /// The moment, at most 30 days ago.
    since: DateTime<Utc>,
}

/// What a replay will send.
#[derive(Debug, Serialize, ToSchema)]
struct Replayed {
    /// How many events will be sent.
    events: usize,
    /// When there were more events than one replay takes: send this as `since` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_since: Option<DateTime<Utc>>,
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
    let subscriptions = subscriptions.into_iter().map(|found| shown(found, None)).collect();
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
    Ok(Versioned(status, put.subscription.version, shown(put.subscription, secret)))
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
    Ok(Versioned(StatusCode::OK, found.version, shown(found, None)))
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
    let dispatches = found.into_iter().map(line).collect();
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

fn shown(found: store::Subscription, secret: Option<String>) -> Subscription {
    Subscription {
        id: found.id,
        url: found.url,
        kinds: found.kinds.0,
        stores: found.stores.0,
        state: found.state,
        secret,
        created_at: found.created_at,
        changed_at: found.changed_at,
    }
}

fn line(line: store::Line) -> DispatchLine {
    DispatchLine {
        id: line.id,
        message: line.event_id,
        kind: line.kind,
        order: line.order_id,
        sequence: line.sequence,
        state: line.state,
        attempts: line.attempts,
        due_at: line.due_at,
        last_status: line.last_status,
        last_error: line.last_error,
        created_at: line.created_at,
        delivered_at: line.delivered_at,
    }
}

impl From<subscribe::Error> for Problem {
    fn from(error: subscribe::Error) -> Self {
        use subscribe::Error;
        match error {
            Error::Unknown => {
                Self::not_found("subscription_unknown", "There is no such subscription of yours.")
            }
            Error::Taken => Self::conflict(
                "subscription_taken",
                "The id is in use for a subscription that is not this key's. Choose another.",
            ),
            Error::Stale => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                "The subscription was changed meanwhile. Read it again and decide anew.",
            ),
            Error::NoKinds => {
                Self::unprocessable("kinds_missing", "Name at least one kind of event.").at("/kinds", "empty")
            }
            Error::TooManyStores => {
                let detail = format!("Name at most {} stores, or none for all.", subscribe::STORES_MAX);
                Self::unprocessable("stores_too_many", detail).at("/stores", "too many")
            }
            Error::OtherStore(store) => {
                let detail = format!("The key is for store {store} only. Name that store or none.");
                Self::forbidden("other_store", detail).at("/stores", "not only the key's store")
            }
            Error::TooMany => {
                let detail =
                    format!("A partner has at most {} subscriptions. End one.", subscribe::SUBSCRIPTIONS_MAX);
                Self::conflict("subscriptions_too_many", detail)
            }
            Error::TooManySecrets => Self::conflict(
                "secrets_too_many",
                format!(
                    "{} secrets are good at once. Use the newest, or wait a day.",
                    subscribe::SECRETS_MAX
                ),
            ),
            Error::Address(error) => {
                Self::unprocessable("url_refused", format!("Messages can't be sent there: {error}."))
                    .at("/url", error.to_string())
            }
            Error::Database(error) => error.into(),
        }
    }
}

impl From<replay::Error> for Problem {
    fn from(error: replay::Error) -> Self {
        use replay::Error;
        match error {
            Error::UnknownDispatch => {
                Self::not_found("dispatch_unknown", "The subscription has no such dispatch.")
            }
            Error::Off => Self::conflict(
                "subscription_off",
                "The subscription is off, since its receiver answered 410. Put it again to turn it on.",
            ),
            Error::NotOpen(state) => Self::conflict(
                "dispatch_closed",
                format!("The dispatch is {state}; there is nothing to give up."),
            ),
            Error::TooLongAgo => {
                let detail = format!("A replay reaches back {} days at most.", replay::REACH.num_days());
                Self::unprocessable("since_too_early", detail).at("/since", "too long ago")
            }
            Error::Subscription(error) => error.into(),
            Error::Database(error) => error.into(),
        }
    }
}
