//! PayPal: Vault v3 for links, Orders v2 and Payments v2 for money, Disputes v1, Transaction Search v1, webhooks verified
//! offline or by PayPal itself.
//!
//! Every call carries its `PayPal-Request-Id` and has a deadline. `client.rs` has the calls and the token, `pace.rs` backs
//! off, `amounts.rs` has the text of amounts, `orders.rs`, `holds.rs`, `payments.rs`, `vault.rs` and `disputes.rs` the verbs,
//! `errors.rs` what an error means, `proof.rs` what people say that happened, `webhooks.rs` the proof of an event's origin,
//! `events.rs` the list of events, `statement.rs` PayPal's own books, `tracking.rs` parcels.

mod amounts;
mod client;
mod disputes;
mod errors;
mod events;
mod holds;
mod orders;
mod pace;
mod payments;
mod proof;
mod settings;
mod statement;
mod tracking;
mod vault;
mod webhooks;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::Duration;
use secrecy::SecretString;

use crate::clock::{Clock, Moment};
use crate::money::Money;
use crate::payments::evidence::{AnswerOutcome, DisputeAnswer};
use crate::payments::model::{Dispute, Outcome};
use crate::payments::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, Debit, EventError, Evidence, LinkBegun, LinkOutcome,
    LinkProgress, LinkRequest, Linked, OrderRequest, ParcelNotice, Proof, Provider, RefundRequest,
    RenewRequest, VoidRequest,
};
use crate::payments::statement::{Statement, StatementError, StatementTerms};
use crate::payments::store::events::Hint;

pub use settings::Settings;

/// PayPal, for one merchant.
#[derive(Debug)]
pub struct PayPal {
    client: client::Client,
    verifier: webhooks::Verifier,
    terms: orders::Terms,
    checks_online: bool,
}

/// PayPal with these settings.
pub fn open(settings: &Settings, http: &reqwest::Client, clock: &Clock) -> Arc<dyn Provider> {
    Arc::new(PayPal::new(settings, http, clock))
}

impl PayPal {
    /// PayPal with these credentials.
    pub fn new(settings: &Settings, http: &reqwest::Client, clock: &Clock) -> Self {
        Self {
            client: client::Client::new(settings, http, clock),
            verifier: webhooks::Verifier::new(settings, http),
            terms: orders::Terms::new(settings),
            checks_online: settings.checks_online,
        }
    }
}

#[async_trait]
impl Provider for PayPal {
    fn order_key_lifetime(&self) -> Duration {
        Duration::hours(6)
    }

    fn payment_key_lifetime(&self) -> Duration {
        Duration::days(45)
    }

    fn can_express(&self, amount: Money) -> bool {
        amounts::value(amount).is_ok()
    }

    async fn begin_link(&self, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun> {
        vault::begin(&self.client, link).await
    }

    async fn read_link(&self, setup_token: &SecretString) -> LinkOutcome<LinkProgress> {
        vault::read(&self.client, setup_token).await
    }

    async fn finish_link(&self, key: &str, setup_token: &SecretString) -> LinkOutcome<Linked> {
        vault::finish(&self.client, key, setup_token).await
    }

    async fn is_linked(&self, token: &SecretString) -> LinkOutcome<bool> {
        vault::is_linked(&self.client, token).await
    }

    async fn unlink(&self, key: &str, token: &SecretString) -> LinkOutcome<()> {
        vault::unlink(&self.client, key, token).await
    }

    async fn charge(&self, charge: &ChargeRequest<'_>) -> Outcome {
        orders::create(&self.client, &self.terms, charge).await
    }

    async fn read_order(&self, order: &OrderRequest<'_>) -> Outcome {
        orders::read(&self.client, order.order, order.intent).await
    }

    async fn complete(&self, complete: &CompleteRequest<'_>) -> Outcome {
        orders::complete(&self.client, complete.key, complete.order, complete.intent).await
    }

    async fn capture(&self, capture: &CaptureRequest<'_>) -> Outcome {
        payments::capture(&self.client, capture).await
    }

    async fn read_capture(&self, object: &str) -> Outcome {
        payments::read_capture(&self.client, object).await
    }

    async fn renew(&self, renewal: &RenewRequest<'_>) -> Outcome {
        holds::renew(&self.client, renewal).await
    }

    async fn void(&self, void: &VoidRequest<'_>) -> Outcome {
        holds::void(&self.client, void).await
    }

    async fn is_voided(&self, authorisation: &str) -> Option<bool> {
        holds::is_voided(&self.client, authorisation).await
    }

    async fn refund(&self, refund: &RefundRequest<'_>) -> Outcome {
        payments::refund(&self.client, refund).await
    }

    async fn read_refund(&self, object: &str) -> Outcome {
        payments::read_refund(&self.client, object).await
    }

    async fn prove(&self, evidence: &Evidence<'_>) -> Proof {
        proof::prove(&self.client, evidence).await
    }

    async fn verify_event(&self, headers: &HeaderMap, body: &[u8], now: Moment) -> Result<Hint, EventError> {
        if self.checks_online {
            self.verifier.verify_online(&self.client, headers, body).await
        } else {
            self.verifier.verify(headers, body, now).await
        }
    }

    async fn read_debit(&self, capture: &str) -> Debit {
        disputes::read_debit(&self.client, capture).await
    }

    async fn read_dispute(&self, dispute: &str) -> Result<Option<Dispute>, String> {
        disputes::read(&self.client, dispute).await
    }

    async fn answer_dispute(&self, answer: &DisputeAnswer<'_>) -> AnswerOutcome {
        disputes::answer(&self.client, answer).await
    }

    fn wants_parcels(&self) -> bool {
        true
    }

    async fn tell_parcel(&self, parcel: &ParcelNotice<'_>) -> AnswerOutcome {
        tracking::tell(&self.client, parcel).await
    }

    fn links_with_purchase(&self) -> bool {
        true
    }

    async fn linked_with(&self, order: &str) -> LinkOutcome<Option<Linked>> {
        vault::linked_with(&self.client, order).await
    }

    fn lists_events(&self) -> bool {
        true
    }

    async fn list_events(&self, from: Moment, to: Moment) -> Result<Vec<Hint>, String> {
        events::list(&self.client, from, to).await
    }

    fn statement_terms(&self) -> Option<StatementTerms> {
        Some(statement::terms())
    }

    async fn statement(&self, from: Moment, to: Moment) -> Result<Statement, StatementError> {
        statement::read(&self.client, from, to).await
    }
}
