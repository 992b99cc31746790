//! Klarna: customer tokens for links, token orders for holds, Order Management for everything after.
//!
//! A charge is two calls at Klarna, a hold and a capture; so each is an operation of its own with its own key, and a payment that
//! is due at once has not happened before the second. Every call has a deadline and keeps below Klarna's limits. Nothing that
//! Klarna sends is signed: its callbacks only make us look.
//!
//! `client.rs` has the calls and `pace.rs` their pace, `settings.rs` what is configured, `lines.rs` the arithmetic of purchases,
//! `pages.rs` Klarna's pages, `token.rs` links, `orders.rs` holds and the shopper's confirmation, `manage.rs` captures,
//! releases and refunds, `errors.rs` what an error means, `proof.rs` what people say that happened, `settlements.rs` Klarna's books.

mod client;
mod errors;
mod lines;
mod manage;
mod orders;
mod pace;
mod pages;
mod parcels;
mod proof;
mod settings;
mod settlements;
mod token;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::Duration;
use secrecy::SecretString;

use crate::clock::{Clock, Moment};
use crate::money::Money;
use crate::payments::evidence::AnswerOutcome;
use crate::payments::model::{HoldWindow, Outcome};
use crate::payments::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, Evidence, LinkBegun, LinkOutcome, LinkProgress,
    LinkRequest, Linked, Market, OrderRequest, ParcelNotice, Proof, Provider, RefundRequest, RenewRequest,
    VoidRequest,
};
use crate::payments::statement::{Statement, StatementError, StatementTerms};

pub use settings::Settings;

/// Klarna, for one merchant.
#[derive(Debug)]
pub struct Klarna {
    client: client::Client,
    settings: Settings,
}

/// Klarna with these settings.
pub fn open(settings: &Settings, http: &reqwest::Client, _clock: &Clock) -> Arc<dyn Provider> {
    let client = client::Client::new(settings, http);
    Arc::new(Klarna { client, settings: settings.clone() })
}

impl Klarna {
    /// Where a shopper buys.
    fn country<'a>(&'a self, market: Market<'a>) -> &'a str {
        market.country.unwrap_or(&self.settings.country)
    }
}

#[async_trait]
impl Provider for Klarna {
    fn order_key_lifetime(&self) -> Duration {
        Duration::hours(24)
    }

    fn payment_key_lifetime(&self) -> Duration {
        Duration::hours(24)
    }

    /// Klarna counts in hundredths of every currency.
    fn can_express(&self, amount: Money) -> bool {
        amount.currency().digits() == 2 && (0..=lines::AMOUNT_MAX).contains(&amount.minor())
    }

    fn debits_in_one_call(&self) -> bool {
        false
    }

    async fn begin_link(&self, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun> {
        token::begin(&self.client, &self.settings, link).await
    }

    async fn read_link(&self, setup_token: &SecretString) -> LinkOutcome<LinkProgress> {
        token::progress(&self.client, setup_token).await
    }

    async fn finish_link(&self, _key: &str, setup_token: &SecretString) -> LinkOutcome<Linked> {
        token::finish(&self.client, setup_token).await
    }

    async fn is_linked(&self, token: &SecretString) -> LinkOutcome<bool> {
        token::is_linked(&self.client, token).await
    }

    async fn unlink(&self, _key: &str, token: &SecretString) -> LinkOutcome<()> {
        token::unlink(&self.client, token).await
    }

    async fn charge(&self, charge: &ChargeRequest<'_>) -> Outcome {
        orders::charge(self, charge).await
    }

    async fn read_order(&self, order: &OrderRequest<'_>) -> Outcome {
        orders::read(self, order).await
    }

    async fn complete(&self, complete: &CompleteRequest<'_>) -> Outcome {
        orders::complete(self, complete).await
    }

    async fn capture(&self, capture: &CaptureRequest<'_>) -> Outcome {
        manage::capture(self, capture).await
    }

    /// Captures are never pending.
    async fn read_capture(&self, _object: &str) -> Outcome {
        Outcome::unknown("Klarna's captures happen at once")
    }

    async fn find_capture(&self, capture: &CaptureRequest<'_>) -> Option<Outcome> {
        Some(manage::find_capture(&self.client, capture).await)
    }

    async fn hold_window(&self, authorisation: &str) -> Result<Option<HoldWindow>, String> {
        manage::hold_window(&self.client, authorisation).await
    }

    async fn renew(&self, renewal: &RenewRequest<'_>) -> Outcome {
        manage::renew(&self.client, renewal).await
    }

    async fn void(&self, void: &VoidRequest<'_>) -> Outcome {
        manage::void(&self.client, void).await
    }

    async fn is_voided(&self, authorisation: &str) -> Option<bool> {
        manage::is_voided(&self.client, authorisation).await
    }

    async fn refund(&self, refund: &RefundRequest<'_>) -> Outcome {
        manage::refund(self, refund).await
    }

    /// Refunds are never pending.
    async fn read_refund(&self, _object: &str) -> Outcome {
        Outcome::unknown("Klarna's refunds happen at once")
    }

    async fn find_refund(&self, refund: &RefundRequest<'_>) -> Option<Outcome> {
        Some(manage::find_refund(&self.client, refund).await)
    }

    async fn prove(&self, evidence: &Evidence<'_>) -> Proof {
        proof::prove(&self.client, evidence).await
    }

    fn wants_parcels(&self) -> bool {
        true
    }

    async fn tell_parcel(&self, parcel: &ParcelNotice<'_>) -> AnswerOutcome {
        parcels::tell(&self.client, parcel).await
    }

    fn statement_terms(&self) -> Option<StatementTerms> {
        Some(settlements::TERMS)
    }

    async fn statement(&self, from: Moment, to: Moment) -> Result<Statement, StatementError> {
        settlements::statement(&self.client, from, to).await
    }
}
