//! DHL Parcel DE's shipping, returns, pickup, account and tracking services as a server of our own, written from the specifications.
//!
//! Invariants: a booking is never idempotent (DHL has no duplicate check); a change is saved before its answer leaves;
//! nothing here uses any other part of this crate. Time is the sandbox's own clock and moves only as told.
//! Start reading at `orders.rs`; `order.rs` says what a valid shipment is, `observe.rs` how failures are planned.

#![expect(
    clippy::result_large_err,
    reason = "a refusal is the answer itself; a stand-in server gains nothing from boxing it"
)]

mod auth;
mod books;
mod connection;
mod control;
mod countries;
mod events;
mod fields;
mod german_time;
mod label;
mod manifests;
mod observe;
mod order;
mod orders;
mod page;
mod pickup_checks;
mod pickups;
mod push;
mod pushing;
mod reply;
mod returns;
mod shared;
mod state;
mod tracking;
mod tracking_xml;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    middleware::from_fn_with_state,
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};
use tokio_util::sync::DropGuard;

pub use self::{
    books::{BookedShipment, Books},
    events::{Event, Stage},
    observe::{Exchange, Fault, FaultKind},
    pickups::Pickup,
    push::{Controls, Message, Pushes, Subscription},
    returns::Receiver,
};
use self::{connection::Connection, shared::Shared, state::State};
use super::{kept, running};

/// The one user group of this contract; DHL's own default name.
const PROFILE: &str = "STANDARD_GRUPPENPROFIL";

/// How long a stop waits for requests under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Tracking learns of a booking ten to thirty minutes later, says DHL's documentation.
const KNOWN_AFTER: Duration = Duration::from_mins(10);

#[derive(Clone, Debug)]
pub struct Settings {
    pub bind: SocketAddr,
    pub api_key: String,
    pub api_secret: String,
    pub username: String,
    pub password: String,
    /// Fourteen characters; the first ten are the customer, and any product's number of that customer is accepted.
    pub billing_number: String,
    /// Where goods can be sent back to.
    pub return_receivers: Vec<Receiver>,
    /// Keeps the books over a restart.
    pub state_file: Option<PathBuf>,
    /// After the closing, each next stage follows after this time.
    pub auto_progress: Option<Duration>,
    /// How long after its booking a parcel that was not scanned stays unknown to tracking.
    pub known_after: Duration,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

impl Settings {
    /// A sandbox on a free port of this machine, with DHL's published test names.
    pub fn local() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            api_key: "sandbox-api-key".to_owned(),
            api_secret: "sandbox-api-secret".to_owned(),
            username: "user-valid".to_owned(),
            password: "sandbox-password".to_owned(),
            billing_number: "33333333330102".to_owned(),
            return_receivers: vec![Receiver::german("deu"), Receiver::austrian("aut")],
            state_file: None,
            auto_progress: None,
            known_after: KNOWN_AFTER,
            clock_stands_at: None,
        }
    }

    /// What a service is told so that it uses the sandbox at this address, by the names of its variables.
    pub fn for_service(&self, url: &str) -> Vec<(&'static str, String)> {
        vec![
            ("AISLE_DHL_URL", url.to_owned()),
            ("AISLE_DHL_API_KEY", self.api_key.clone()),
            ("AISLE_DHL_API_SECRET", self.api_secret.clone()),
            ("AISLE_DHL_USERNAME", self.username.clone()),
            ("AISLE_DHL_PASSWORD", self.password.clone()),
            ("AISLE_DHL_BILLING_NUMBER", self.billing_number.clone()),
        ]
    }

    /// What a service is told besides, so that goods come back to the first receiver.
    pub fn for_returns(&self) -> Vec<(&'static str, String)> {
        let Some(receiver) = self.return_receivers.first() else { return Vec::new() };
        vec![
            ("AISLE_DHL_RETURN_BILLING_NUMBER", receiver.billing_number.clone()),
            ("AISLE_DHL_RETURN_RECEIVER", receiver.id.clone()),
        ]
    }
}

/// Why a control was refused.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no shipment has this number")]
    UnknownShipment,
    #[error("the code is neither a shortcut nor ICE_RIC_STANDARD")]
    UnknownCode,
    #[error("the parcel's travel has ended")]
    EndOfTravel,
    #[error("the state could not be saved")]
    Storage(#[from] io::Error),
}

/// A running server; dropping it lets it end in its own time.
pub struct Sandbox {
    shared: Arc<Shared>,
    server: JoinHandle<()>,
    pushing: JoinHandle<()>,
    /// Ends the pushing also when the sandbox is dropped.
    _end: DropGuard,
    stop: Option<oneshot::Sender<()>>,
}

impl Sandbox {
    /// Binds the address, loads an earlier state, and serves until `stop`.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let state = settings.state_file.as_deref().map_or_else(|| Ok(State::default()), kept::load)?;
        let listener = TcpListener::bind(settings.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared::new(settings, url, state, running::caller()?));
        let (stop, stopped) = oneshot::channel::<()>();
        let service = router(&shared).into_make_service_with_connect_info::<Connection>();
        #[expect(clippy::disallowed_methods, reason = "its handle is kept, and stop waits for it")]
        let server = tokio::spawn(async move {
            let listener = connection::CuttableListener(listener);
            // The error type is an empty promise: this server accepts until it is told to stop.
            let _ = axum::serve(listener, service)
                .with_graceful_shutdown(async {
                    let _ = stopped.await;
                })
                .await;
        });
        let end = shared.stop.clone().drop_guard();
        #[expect(clippy::disallowed_methods, reason = "its handle is kept, and it ends with the sandbox")]
        let pushing = tokio::spawn(pushing::run(Arc::clone(&shared)));
        Ok(Self { shared, server, pushing, _end: end, stop: Some(stop) })
    }

    /// Where it serves, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    pub fn books(&self) -> Books {
        self.shared.books()
    }

    /// The newest exchanges of the partner routes, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges()
    }

    /// Moves the clock; answers with the new time.
    pub fn advance_clock(&self, seconds: i64) -> Result<DateTime<Utc>, ControlError> {
        self.shared.advance_clock(seconds)
    }

    /// Moves a parcel to its next stage.
    pub fn advance(&self, number: &str) -> Result<Stage, ControlError> {
        self.shared.record_event(number, "advance", None)
    }

    /// Adds an event: `ICE_RIC_STANDARD`, `STORN` to take back the last one, or one of the shortcuts `advance`,
    /// `return_started`, `return_to_sender`, `age_check_failed` and `lost`.
    pub fn record_event(&self, number: &str, code: &str) -> Result<Stage, ControlError> {
        self.shared.record_event(number, code, None)
    }

    pub fn set_push_controls(&self, controls: Controls) -> Result<(), ControlError> {
        self.shared.set_push_controls(controls)
    }

    /// Sends every waiting message now, held and late ones too; answers how often a hook accepted.
    pub async fn deliver_pushes(&self) -> usize {
        pushing::deliver(&self.shared, true).await
    }

    /// Every access token given so far stops working.
    pub fn expire_tokens(&self) -> Result<(), ControlError> {
        self.shared.expire_tokens()
    }

    /// Plans `times` failures of an operation.
    pub fn plan_fault(&self, operation: &str, kind: FaultKind, times: u32) {
        self.shared.plan_fault(Fault { operation: operation.to_owned(), kind, times });
    }

    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }

    /// Ends the server, at the latest after a few seconds.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.shared.stop.cancel();
        let _ = (&mut self.pushing).await;
        if tokio::time::timeout(STOP_TIMEOUT, &mut self.server).await.is_err() {
            self.server.abort();
        }
    }
}

fn router(shared: &Arc<Shared>) -> Router {
    let shipping = Router::new()
        .route("/", get(orders::version))
        .route("/orders", post(orders::create).get(orders::fetch).delete(orders::delete))
        .route("/labels", get(orders::label))
        .route("/manifests", post(manifests::close).get(manifests::fetch))
        .route("/manifest-documents", get(manifests::document));
    let returns = Router::new()
        .route("/", get(returns::version))
        .route("/orders", post(returns::create))
        .route("/locations", get(returns::locations));
    let pickup = Router::new()
        .route("/", get(pickups::version))
        .route("/orders", post(pickups::create).get(pickups::list).delete(pickups::delete))
        .route("/locations", get(pickups::locations));
    let account = Router::new().route("/", get(auth::version)).route("/token", post(auth::token));
    let partner = Router::new()
        .nest("/parcel/de/shipping/v2", shipping)
        .route("/parcel/de/shipping/v2/", get(orders::version))
        .nest("/parcel/de/shipping/returns/v1", returns)
        .route("/parcel/de/shipping/returns/v1/", get(returns::version))
        .nest("/parcel/de/transportation/pickup/v3", pickup)
        .route("/parcel/de/transportation/pickup/v3/", get(pickups::version))
        .nest("/parcel/de/account/auth/ropc/v1", account)
        .route("/parcel/de/account/auth/ropc/v1/", get(auth::version))
        .route("/track/shipments", get(tracking::shipments))
        .route("/tracking/push/v1/subscription", post(push::create))
        .route("/tracking/push/v1/subscriptions", get(push::list))
        .route(
            "/tracking/push/v1/subscription/{id}",
            get(push::show).post(push::activate).delete(push::delete),
        )
        .route("/parcel/de/tracking/v0/shipments", get(tracking_xml::shipments))
        .route_layer(from_fn_with_state(Arc::clone(shared), observe::observe));
    Router::new()
        .merge(partner)
        .route("/", get(page::page))
        .route("/sandbox/books", get(control::books))
        .route("/sandbox/clock", post(control::clock))
        .route("/sandbox/shipments/{number}/events", post(control::event))
        .route("/sandbox/faults", post(control::plan_fault).delete(control::clear_faults))
        .route("/sandbox/pushes", post(control::push_controls))
        .route("/sandbox/pushes/deliver", post(control::deliver_pushes))
        .route("/sandbox/tokens", axum::routing::delete(control::expire_tokens))
        .with_state(Arc::clone(shared))
}
