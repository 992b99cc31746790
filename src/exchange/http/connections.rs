//! How the connections to back-office systems are doing, for staff.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::catalog::Delivered;
use crate::error::{Problem, ProblemBody};
use crate::exchange::posting::{self, FlowState};
use crate::exchange::pull::{self, StreamState};
use crate::exchange::stock::{self, ShelfView};
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{BatchId, StoreId};

/// The connections.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connections {
    /// By name.
    connections: Vec<Connection>,
}

/// A connection to a back-office system.
#[derive(Debug, Serialize, ToSchema)]
struct Connection {
    /// The name of its file.
    name: String,
    /// Which kind of system.
    system: String,
    /// What is pulled from it.
    streams: Vec<Stream>,
    /// What goes into its books, where sales do.
    #[serde(skip_serializing_if = "Option::is_none")]
    sales: Option<Sales>,
    /// Where stock is written to.
    shelves: Vec<Shelf>,
}

/// Sales and returns on their way into the books of a system.
#[derive(Debug, Serialize, ToSchema)]
struct Sales {
    /// Since when each look was brought to its end; left out while it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_since: Option<DateTime<Utc>>,
    /// Seconds since the oldest document that is on its way was made; left out when none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    /// Documents on their way.
    backlog: i64,
    /// Documents that the system refused and a person has to look at.
    parked: i64,
    /// Failures in a row.
    failures: i64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<DateTime<Utc>>,
    /// Documents that came into the books since midnight in the connection's time zone.
    posted_today: i64,
}

impl Sales {
    fn of(found: FlowState, now: DateTime<Utc>) -> Self {
        let FlowState { state, counts, posted } = found;
        Self {
            connected_since: state.connected_at,
            lag_seconds: counts.oldest.map(|at| (now - at).num_seconds()),
            backlog: counts.open,
            parked: counts.parked,
            failures: state.failures,
            last_error: state.last_error,
            last_error_at: state.last_error_at,
            posted_today: posted,
        }
    }
}

/// The place of a store in a shop, which stock is written to.
#[derive(Debug, Serialize, ToSchema)]
struct Shelf {
    /// The store.
    store: StoreId,
    /// What the shop calls its place.
    location: String,
    /// Since when each asking was answered; left out while it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_since: Option<DateTime<Utc>>,
    /// Numbers that differ and are not written yet.
    backlog: i64,
    /// When a number was written last.
    #[serde(skip_serializing_if = "Option::is_none")]
    written_at: Option<DateTime<Utc>>,
    /// When all that the shop has there was compared last.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_at: Option<DateTime<Utc>>,
    /// Numbers that others wrote there and that were set right.
    corrected: i64,
    /// Failures in a row.
    failures: i64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<DateTime<Utc>>,
    /// What somebody should look at though it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
}

impl Shelf {
    fn of(found: ShelfView) -> Self {
        let ShelfView { store, location, state, backlog } = found;
        let state = state.as_ref();
        Self {
            store,
            location,
            connected_since: state.and_then(|state| state.connected_at),
            backlog,
            written_at: state.and_then(|state| state.written_at),
            compared_at: state.and_then(|state| state.compared_at),
            corrected: state.map_or(0, |state| state.corrected),
            failures: state.map_or(0, |state| state.failures),
            last_error: state.and_then(|state| state.last_error.clone()),
            last_error_at: state.and_then(|state| state.last_error_at),
            warning: state.and_then(|state| state.warning.clone()),
        }
    }
}

/// A stream of records that is pulled.
#[derive(Debug, Serialize, ToSchema)]
struct Stream {
    /// Its name in the file.
    name: String,
    /// Since when each asking was answered; left out while it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_since: Option<DateTime<Utc>>,
    /// Seconds since the last asking that was answered to its end: what is shown may be older by this.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_seconds: Option<i64>,
    /// Changed records that are known of and not taken yet.
    backlog: i64,
    /// Failures in a row.
    failures: i64,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error_at: Option<DateTime<Utc>>,
    /// What somebody should look at though it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// The batch that waits for a person; until then nothing more is taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    held_batch: Option<BatchId>,
    /// The newest change that is known, by the system's own clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    mark: Option<DateTime<Utc>>,
    /// When all records were compared last.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared_at: Option<DateTime<Utc>>,
    /// How many there were.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<i64>,
    /// What became of its rows since midnight in the connection's time zone.
    today: Delivered,
}

impl Stream {
    fn of(found: StreamState, now: DateTime<Utc>) -> Self {
        let StreamState { name, state, today } = found;
        Self {
            name,
            connected_since: state.connected_at,
            lag_seconds: state.asked_at.map(|at| (now - at).num_seconds()),
            backlog: state.backlog,
            failures: state.failures,
            last_error: state.last_error,
            last_error_at: state.last_error_at,
            warning: state.warning,
            held_batch: state.held_batch,
            mark: state.mark,
            compared_at: state.full_at,
            records: state.full_records,
            today,
        }
    }
}

/// How each stream of each connection to a back-office system is doing.
#[utoipa::path(
    get, path = "/v1/exchange/connections", tag = "exchange", security(("staff" = [])),
    responses(
        (status = 200, body = Connections),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_connections(
    State(app): State<App>,
    staff: Staff,
) -> Result<Reply<Connections>, Problem> {
    staff.must_everywhere(Role::Admin)?;
    let now = app.clock.now();
    let mut connections = Vec::new();
    for connection in app.connections.iter() {
        let midnight = now.with_timezone(&connection.time_zone).date_naive().and_time(chrono::NaiveTime::MIN);
        let midnight = midnight.and_local_timezone(connection.time_zone).earliest();
        let since = midnight.map_or(now - chrono::Duration::days(1), |at| at.with_timezone(&Utc));
        let streams = pull::states(&app, connection, since).await?;
        let sales = match connection.sales {
            Some(_) => Some(Sales::of(posting::state(&app, &connection.name, since).await?, now)),
            None => None,
        };
        connections.push(Connection {
            sales,
            name: connection.name.clone(),
            system: connection.system.clone(),
            streams: streams.into_iter().map(|found| Stream::of(found, now)).collect(),
            shelves: stock::states(&app, connection).await?.into_iter().map(Shelf::of).collect(),
        });
    }
    Ok(Reply(StatusCode::OK, Connections { connections }))
}
