//! A Klarna of our own, for development, demo and tests: Klarna Payments, customer tokens, the hosted payment page,
//! Order Management, settlements, and the unsigned callbacks.
//!
//! It is written from Klarna's published OpenAPI files, answers as they say to the field, and refuses what they forbid,
//! naming the field. Where they say nothing, the module that had to choose says so in its first lines.
//!
//! Invariants: captures never exceed an order, refunds never exceed what was captured; one `Klarna-Idempotency-Key` has
//! one outcome, and so has one authorization token; a payout is the exact sum of its transactions; an answer leaves only
//! after the state is saved.
//!
//! What an approval and a charge come to is decided by words in the shopper's e-mail address ([`shoppers`]). Network
//! failures are ordered with [`Rule`]s, bad callback deliveries with [`Controls`] ([`callbacks`]); `control.rs` lists the
//! addresses for both.
//!
//! Start reading at `server.rs`, the way of every request, then `routes.rs`.

mod auth;
mod authorizations;
mod bodies;
mod books;
mod call;
pub mod callbacks;
mod captures;
mod cart;
mod control;
mod errors;
mod hosted;
mod ids;
mod index;
mod limits;
mod management;
mod orders;
mod page;
mod qr;
mod refunds;
mod replay;
mod reports;
mod routes;
mod server;
mod sessions;
mod settlements;
pub mod shoppers;
mod state;
mod tokens;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chrono::{DateTime, Utc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use super::faults::{Fault, Rule};
pub use super::wire::Exchange;
use auth::Credentials;
pub use books::{
    Amounts, Authorization, Books, Callback, CallbackKind, Capture, Chargeback, CustomerToken,
    DeliveryStatus, FraudDecision, FraudStatus, HostedSession, HostedStatus, Intent, KeyedRequest, Order,
    OrderStatus, PaymentSession, Payout, PlaceOrderMode, Refund, TokenStatus, Totals, Transaction,
    TransactionType,
};
pub use callbacks::Controls;
pub use limits::Limits;
use page::{Decided, Decision};
use server::Shared;
pub use shoppers::{Planned, Shopper};
use state::State;

/// How long [`Sandbox::stop`] waits for clients that neither finish nor go.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    pub username: String,
    pub password: String,
    /// The newer kind of credentials; empty has none.
    pub api_key: String,
    pub limits: Limits,
    /// Where the state lives between runs; none forgets it.
    pub state_file: Option<PathBuf>,
    /// The clock stands here until it is advanced; without it the clock is the system's plus what it was advanced.
    pub clock_stands_at: Option<DateTime<Utc>>,
}

impl Settings {
    /// A sandbox on a free port of this machine that remembers nothing and limits nobody.
    pub fn local() -> Settings {
        Settings {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            username: "N100042_sandbox".to_owned(),
            password: "sandbox-password".to_owned(),
            api_key: "klarna_test_api_sandbox".to_owned(),
            limits: Limits::NONE,
            state_file: None,
            clock_stands_at: None,
        }
    }
}

/// A running sandbox. Dropping it ends it abruptly; [`Sandbox::stop`] ends it in order.
pub struct Sandbox {
    shared: Arc<Shared>,
    url: String,
    tasks: JoinSet<io::Result<()>>,
}

impl Sandbox {
    /// Listens and begins to deliver callbacks. Fails when the address is taken or the state file can't be read.
    pub async fn start(settings: Settings) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(settings.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut state = State::load(settings.state_file)?;
        state.url.clone_from(&url);
        state.limits = settings.limits;
        state.stands_at = settings.clock_stands_at;
        #[expect(
            clippy::disallowed_methods,
            reason = "the sandbox is a server of its own and shares nothing"
        )]
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let credentials = Credentials {
            username: settings.username,
            password: settings.password,
            api_key: settings.api_key,
        };
        let shared = Arc::new(Shared::new(state, credentials, client));

        let mut tasks = JoinSet::new();
        let router = Router::new().fallback(server::handle).with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        let delivering = Arc::clone(&shared);
        tasks.spawn(async move {
            callbacks::run(delivering).await;
            Ok(())
        });
        Ok(Sandbox { shared, url, tasks })
    }

    /// Base address, without a slash at the end.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The address under which shoppers' browsers reach the hosted pages, when it isn't [`Sandbox::url`].
    pub fn set_pages_url(&self, url: &str) {
        self.change(|state| state.pages_url = Some(url.trim_end_matches('/').to_owned()));
    }

    /// A copy of everything the sandbox knows.
    pub fn books(&self) -> Books {
        self.shared.state().books.clone()
    }

    /// What all orders of a `merchant_reference1` come to.
    pub fn amounts(&self, merchant_reference1: &str) -> Amounts {
        self.shared.state().books.amounts(merchant_reference1)
    }

    /// The latest API exchanges, oldest first.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.all()
    }

    /// Orders a failure.
    pub fn add_fault(&self, rule: Rule) {
        self.change(|state| state.faults.push(rule));
    }

    pub fn clear_faults(&self) {
        self.change(|state| state.faults.clear());
    }

    pub fn set_limits(&self, limits: Limits) {
        self.change(|state| state.limits = limits);
    }

    /// The sandbox's own time.
    pub fn now(&self) -> DateTime<Utc> {
        self.shared.state().now()
    }

    /// Moves the sandbox's clock on; it never goes back.
    pub fn advance_seconds(&self, seconds: i64) {
        self.change(|state| state.advance(seconds));
    }

    pub fn set_callback_controls(&self, controls: Controls) {
        self.change(|state| state.controls = controls);
    }

    /// Sends every waiting callback now, held and late ones too, and tells how many were accepted.
    pub async fn deliver_callbacks(&self) -> usize {
        callbacks::deliver_now(&self.shared).await
    }

    /// The shopper agrees on the hosted page behind `redirect_url`, without a browser. `false` when Klarna refuses, or
    /// there is nothing to decide.
    pub fn approve(&self, redirect_url: &str, email: &str) -> bool {
        self.decide(redirect_url, &control::approval(email)).is_some_and(|id| {
            let state = self.shared.state();
            state.books.hosted_sessions.get(&id).is_some_and(|one| one.status == HostedStatus::Completed)
        })
    }

    /// The shopper goes back to the shop; the page can be opened again. `false` when there is nothing to decide.
    pub fn go_back(&self, redirect_url: &str) -> bool {
        self.decide(redirect_url, &Decision::Back).is_some()
    }

    /// The shopper refuses for good. `false` when there is nothing to decide.
    pub fn refuse(&self, redirect_url: &str) -> bool {
        self.decide(redirect_url, &Decision::Cancel).is_some()
    }

    /// The shopper agrees to a session in Klarna's own library: the authorization token, unless Klarna refuses.
    pub fn authorize(&self, session_id: &str, email: &str) -> Option<String> {
        let shopper = Shopper::of(email)?;
        self.change(|state| sessions::authorize(state, session_id, shopper).ok()).flatten()
    }

    /// Suspends, cancels or revives a customer token; `false` when there is none of this id.
    pub fn set_token_status(&self, id: &str, status: TokenStatus) -> bool {
        self.change(|state| control::set_token_status(state, id, status)).unwrap_or(false)
    }

    /// Plans what the next charges of a customer token come to; `false` when there is none of this id.
    pub fn plan_charges(&self, token_id: &str, planned: Planned, times: u64) -> bool {
        self.change(|state| control::plan_charges(state, token_id, planned, times)).unwrap_or(false)
    }

    /// Ends the review of a pending order; `false` when it isn't pending.
    pub fn decide_review(&self, order_id: &str, accepted: bool) -> bool {
        self.change(|state| orders::decide(state, order_id, accepted)).unwrap_or(false)
    }

    /// Klarna cancels an order by itself; `false` when it isn't authorized any more, or something was captured.
    pub fn cancel_order(&self, order_id: &str) -> bool {
        self.change(|state| orders::cancel(state, order_id)).unwrap_or(false)
    }

    /// The shopper takes an amount back by a dispute: its reference, unless so much was never paid.
    pub fn charge_back(&self, order_id: &str, amount: i64) -> Option<String> {
        self.change(|state| settlements::charge_back(state, order_id, amount)).flatten()
    }

    /// The shop wins a dispute; `false` when there is no such open one.
    pub fn win_dispute(&self, order_id: &str, reference: &str) -> bool {
        self.change(|state| settlements::win(state, order_id, reference)).unwrap_or(false)
    }

    /// Pays out what is open, now; how many payouts that made.
    pub fn pay_out(&self) -> usize {
        self.change(|state| {
            let until = state.now() + chrono::Duration::milliseconds(1);
            settlements::pay_out(state, until)
        })
        .unwrap_or(0)
    }

    /// Stops listening, lets requests at work finish, and leaves held connections unanswered.
    pub async fn stop(mut self) {
        self.shared.stop.cancel();
        self.shared.at_work.close();
        let ended = async {
            self.shared.at_work.wait().await;
            while self.tasks.join_next().await.is_some() {}
        };
        if tokio::time::timeout(STOP_TIMEOUT, ended).await.is_err() {
            self.tasks.abort_all();
        }
    }

    fn decide(&self, redirect_url: &str, decision: &Decision) -> Option<String> {
        let id = page::id_of(redirect_url)?;
        let decided = self.change(|state| page::decide(state, &id, decision))?;
        matches!(decided, Decided::Leave(_)).then_some(id)
    }

    fn change<T>(&self, step: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.shared
            .change(step)
            .inspect_err(|error| tracing::error!(%error, "the sandbox could not save its state"))
            .ok()
    }
}
