//! PayPal: Vault v3 for links, Orders v2 and Payments v2 for money, webhooks verified offline.
//!
//! Every call carries its `PayPal-Request-Id` and has a deadline. `client.rs` has the calls and the token, `amounts.rs`
//! the text of amounts, `orders.rs`, `holds.rs`, `payments.rs` and `vault.rs` the verbs, `errors.rs` what an error means,
//! `proof.rs` what people say that happened,
//! `webhooks.rs` the proof of an event's origin.

mod amounts;
mod client;
mod errors;
mod holds;
mod orders;
mod payments;
mod proof;
mod settings;
mod vault;
mod webhooks;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::Duration;
use secrecy::SecretString;

use crate::clock::Moment;
use crate::money::Money;
use crate::payments::model::Outcome;
use crate::payments::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, EventError, Evidence, LinkBegun, LinkOutcome,
    LinkProgress, LinkRequest, Linked, OrderRequest, Proof, Provider, RefundRequest, RenewRequest,
    VoidRequest,
};
use crate::payments::statement::{Statement, StatementError, StatementTerms};
use crate::payments::store::events::Hint;

pub use settings::Settings;

/// PayPal, for one merchant.
#[derive(Debug)]
pub struct PayPal {
    client: client::Client,
    verifier: webhooks::Verifier,
}

/// PayPal with these settings.
pub fn open(settings: &Settings, http: &reqwest::Client) -> Arc<dyn Provider> {
    Arc::new(PayPal::new(settings, http))
}

impl PayPal {
    /// PayPal with these credentials.
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        Self {
            client: client::Client::new(settings, http),
            verifier: webhooks::Verifier::new(settings, http),
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
        orders::create(&self.client, charge).await
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
        self.verifier.verify(headers, body, now).await
    }

    fn statement_terms(&self) -> Option<StatementTerms> {
        None
    }

    async fn statement(&self, _from: Moment, _to: Moment) -> Result<Statement, StatementError> {
        Err(StatementError::NotOffered)
    }
}
