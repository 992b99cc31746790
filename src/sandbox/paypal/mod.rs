//! A PayPal of our own, for development, demo and tests: OAuth, Vault v3, Orders v2, Payments v2, webhooks.
//!
//! It is written from PayPal's published OpenAPI files, answers as they say to the field, and refuses what they forbid
//! with their own words. Where they say nothing, the module that had to choose says so in its first lines.
//!
//! Invariants: captures never exceed what an authorization allows, refunds never exceed their capture; one
//! `PayPal-Request-Id` has one outcome; an answer leaves only after the state is saved.
//!
//! What a charge comes to is decided by the payer's e-mail address, given on the approval page: a word before the `@`
//! (`+declined`, `+action`, `+pending`, `+revoked`, `+latedecline`, `+renewdeclined`, `+disputes`, `+chargeback`,
//! `+savelater`, `+refundpending`, see [`payers`]). A client that can may send the header `PayPal-Mock-Response: {"mock_application_codes":"INSTRUMENT_DECLINED"}` with any issue the
//! specification lists for the operation. Network failures are ordered with [`Rule`]s ([`faults`]), bad webhook
//! deliveries with [`Controls`] ([`webhooks`]); `control.rs` lists the addresses for both.
//!
//! Start reading at `server.rs`, the way of every request, then `routes.rs`.

mod amounts;
mod approval;
mod books;
mod call;
mod checks;
mod control;
pub mod disputes;
mod errors;
mod form;
mod ids;
mod index;
mod notifications;
mod oauth;
mod order_request;
mod orders;
pub mod payers;
mod payments;
mod replay;
mod reports;
mod routes;
mod server;
mod signing;
mod state;
mod tracking;
mod vault;
mod views;
pub mod webhooks;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub use super::faults::{self, Fault, Rule};
use super::running;
pub use super::wire::Exchange;
pub use books::{
    Amount, Authorization, AuthorizationStatus, Books, Capture, CaptureStatus, Delivery, DeliveryStatus,
    Dispute, DisputeStatus, Event, Intent, KeyedRequest, Object, Order, OrderStatus, Outcome, Payer,
    PaymentToken, Payout, Refund, RefundStatus, Reversal, Saving, SetupStatus, SetupToken, Tracker, Unit,
};
pub use disputes::Ending;
use oauth::Credentials;
use server::Shared;
use state::State;
pub use webhooks::{Controls, WebhookTarget};

pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub bind: SocketAddr,
    pub client_id: String,
    pub client_secret: String,
    /// Who is told of events; none keeps a saved target or tells nobody.
    pub webhook: Option<WebhookTarget>,
    /// Where the state lives between runs; none forgets it.
    pub state_file: Option<PathBuf>,
}

/// A running sandbox. Dropping it ends it abruptly; [`Sandbox::stop`] ends it in order.
pub struct Sandbox {
    shared: Arc<Shared>,
    url: String,
    tasks: JoinSet<io::Result<()>>,
}

impl Sandbox {
    /// Listens and begins to deliver webhooks. Fails when the address is taken or the state file can't be read.
    pub async fn start(settings: Settings) -> io::Result<Sandbox> {
        let listener = TcpListener::bind(settings.bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let mut state = State::load(settings.state_file)?;
        state.url.clone_from(&url);
        state.webhook = settings.webhook.or(state.webhook);
        let client = running::caller()?;
        let credentials =
            Credentials { client_id: settings.client_id, client_secret: settings.client_secret };
        let shared = Arc::new(Shared::new(state, credentials, client));

        let mut tasks = JoinSet::new();
        let router = Router::new().fallback(server::handle).with_state(Arc::clone(&shared));
        let stop = shared.stop.clone();
        tasks.spawn(async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        let delivering = Arc::clone(&shared);
        tasks.spawn(async move {
            webhooks::run(delivering).await;
            Ok(())
        });
        Ok(Sandbox { shared, url, tasks })
    }

    /// Base address, without a slash at the end.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// The root that signs the webhook certificates, for receivers to trust. Makes the keys if there are none yet.
    pub fn root_certificate_pem(&self) -> String {
        let made = self.shared.change(|state| state.keys().root_certificate_pem());
        made.unwrap_or_else(|error| {
            tracing::error!(%error, "the sandbox could not save its keys");
            self.shared.state().keys().root_certificate_pem()
        })
    }

    /// The address under which shoppers' browsers reach the approval pages, when it isn't [`Sandbox::url`].
    pub fn set_pages_url(&self, url: &str) {
        self.change(|state| state.pages_url = Some(url.trim_end_matches('/').to_owned()));
    }

    pub fn set_webhook(&self, target: WebhookTarget) {
        self.change(|state| state.webhook = Some(target));
    }

    /// A copy of everything the sandbox knows.
    pub fn books(&self) -> Books {
        self.shared.state().books.clone()
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

    /// Sets the sandbox's clock, for a service whose own clock shows another time; before anything is asked of it.
    pub fn set_time(&self, now: chrono::DateTime<chrono::Utc>) {
        self.change(|state| state.set_time(now));
    }

    /// Moves the sandbox's clock on; it never goes back.
    pub fn advance_seconds(&self, seconds: i64) {
        self.change(|state| state.advance(seconds));
    }

    pub fn set_webhook_controls(&self, controls: Controls) {
        self.change(|state| state.controls = controls);
    }

    /// Tells of something that has nothing to do with payments.
    pub fn tell(&self, event_type: &str) {
        self.change(|state| webhooks::record_other(state, event_type));
    }

    /// Sends every waiting event now, held ones too, and tells how many were accepted.
    pub async fn deliver_webhooks(&self) -> usize {
        webhooks::deliver_now(&self.shared).await
    }

    /// Ends the review of a pending capture; `false` when it isn't pending.
    pub fn settle_capture(&self, id: &str, completed: bool) -> bool {
        self.change(|state| payments::settle_capture(state, id, completed)).unwrap_or(false)
    }

    /// The payer disputes a capture; none when that isn't money.
    pub fn open_dispute(&self, capture_id: &str, reason: &str, stage: &str) -> Option<String> {
        self.change(|state| disputes::open(state, capture_id, reason, stage)).flatten()
    }

    /// Ends a dispute; `false` when it isn't open.
    pub fn resolve_dispute(&self, id: &str, ending: Ending) -> bool {
        self.change(|state| disputes::resolve(state, id, ending)).unwrap_or(false)
    }

    /// A bank or PayPal takes a capture back; `false` when that isn't money.
    pub fn reverse_capture(&self, id: &str) -> bool {
        self.change(|state| disputes::reverse(state, id)).unwrap_or(false)
    }

    /// Sends so much to the shop's bank.
    pub fn pay_out(&self, currency: &str, minor: i64) {
        self.change(|state| payments::pay_out(state, currency, minor));
    }

    /// Makes the transaction search so late.
    pub fn set_reports_late(&self, seconds: i64) {
        self.change(|state| state.reports_late_seconds = seconds.max(0));
    }

    /// Ends a pending refund; `false` when it isn't pending.
    pub fn settle_refund(&self, id: &str, completed: bool) -> bool {
        self.change(|state| payments::settle_refund(state, id, completed)).unwrap_or(false)
    }

    /// Saves the account that was to be saved with an order; `false` when there is none, or it was saved.
    pub fn save_with_purchase(&self, order_id: &str) -> bool {
        self.change(|state| vault::save_with_purchase(state, order_id)).unwrap_or(false)
    }

    /// The payer takes the permission back at PayPal; `false` when the token was dead already.
    pub fn revoke_payment_token(&self, id: &str) -> bool {
        self.change(|state| vault::remove(state, id)).unwrap_or(false)
    }

    /// The shopper approves a setup token or an order on the page behind `approve_url`, without a browser.
    pub fn approve(&self, approve_url: &str, email: &str) -> bool {
        approval::approve_directly(&self.shared, approve_url, email)
    }

    /// Stops listening, lets requests at work finish, and leaves held connections unanswered.
    pub async fn stop(self) {
        running::end(&self.shared.stop, &self.shared.at_work, self.tasks).await;
    }

    fn change<T>(&self, step: impl FnOnce(&mut State) -> T) -> Option<T> {
        self.shared
            .change(step)
            .inspect_err(|error| tracing::error!(%error, "the sandbox could not save its state"))
            .ok()
    }
}
