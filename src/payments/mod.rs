//! Payments: linked accounts, and money moved on them at a provider.
//!
//! Invariants: an operation's row and key are committed before its first byte leaves; an unknown outcome is found out by
//! repeating with the same key or by reading, never by a new charge; no transaction is open while a provider is asked;
//! what a webhook says is only a hint where to look; an order settles without any webhook. A payment that was given up
//! while its outcome was open ends with nothing debited.
//!
//! `model/` has the rules, `start.rs` and `change.rs` what the rooms above may ask for, `operate.rs` and `settle.rs` how an
//! operation is done, `resolve.rs` what people settle, `disputes.rs` what payers dispute, `link.rs` how an account is linked,
//! `ask.rs` whether it still is, `secrets.rs` what is kept sealed of it, `debts/` what is owed and how it is paid, `ledger/` the
//! books, `reversal.rs` what is taken back, `spent.rs` what a shopper was debited of late, `reconcile/` how the books are held
//! against the providers', `webhook.rs`, `callback.rs`, `missed.rs`, `sweep.rs` and `watch.rs` what makes it move on,
//! `parcels.rs` what providers are told of deliveries, `provider.rs` the trait, `statement.rs` what a provider's own books say,
//! and `providers/` the adapters.
//!
//! Lock order: whoever locks a row of an own room and a payment in one transaction locks the payment first
//! ([`lock`]), because news come to the rooms above with the payment locked; a shipment before it, the rows of jobs last.

mod ask;
mod callback;
mod change;
pub mod debts;
mod disputes;
mod evidence;
mod http;
mod ledger;
mod link;
mod missed;
mod model;
mod operate;
mod pages;
mod parcels;
mod parts;
mod provider;
mod providers;
pub mod reconcile;
mod resolve;
pub mod reversal;
mod secrets;
mod settle;
mod spent;
mod start;
mod statement;
mod store;
mod sweep;
mod watch;
mod webhook;

use chrono::NaiveDate;
use url::Url;

use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Run, Tx};
use crate::env::Env;
use crate::error::Internal;
use crate::ids::{MethodId, PaymentId, ShopperId};
use crate::money::Money;

pub use ask::{Ask, ask, expect_debit};
pub use change::WindDown;
pub use change::{can_refund, cancel, capture, forget_later_lines, refund, release, wind_down};
pub use disputes::{AnswerDispute, ReadDispute, answer_dispute, read_dispute};
pub use evidence::{EvidenceKind, EvidencePiece};
pub use http::routes;
pub use ledger::{Violation, verify};
pub use link::{Link, Unlink, link, unlink};
pub use missed::{FetchEvents, fetch_events};
pub use model::{
    DebtKind, DebtState, DeclineReason, FactKind, HoldWindow, LineTax, MethodState, News, OperationKind,
    OperationState, Payment, PaymentLine, PaymentLineKind, PaymentState, PlanError, ProviderName, Remedy,
};
pub use operate::{Operate, operate};
pub use parcels::{TellParcel, shipped, tell_parcel};
pub use providers::Providers;
pub use spent::{DAY, Spent, spent};
pub use start::{Start, can_debit, start};
pub use statement::{LineKind, Statement, StatementError, StatementLine, StatementTerms, UnreadLine};
pub use store::methods::Method;
pub use sweep::{Sweep, schedule, sweep};
pub use watch::{WatchHold, watch_hold};
pub use webhook::{Follow, follow};

/// How long comparisons of books may be kept: a month that is being closed, ten years.
const KEEP_DAYS: std::ops::RangeInclusive<i64> = 31..=3_660;

/// Settings of the room.
///
/// `AISLE_APP_LINKS` (optional): addresses that pages for shoppers may lead back to, by comma, such as
/// `https://shop.example/app/` or `aisle://paid`: the app's own links. `AISLE_KEEP_RECONCILIATIONS_DAYS` (default 800): how long
/// comparisons of books are kept. The settings of each provider are told in its module of
/// `providers/`.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    providers: providers::Settings,
    app_links: Vec<Url>,
    /// Days that comparisons of books are kept, and differences that nobody has to look at any more.
    keep_reconciliations_days: i64,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let mut app_links = Vec::new();
        for text in env.text("AISLE_APP_LINKS").iter().flat_map(|text| text.split(',')).map(str::trim) {
            match Url::parse(text) {
                Ok(url) if url.has_host() => app_links.push(url),
                _ => env.mistake(
                    "AISLE_APP_LINKS must hold addresses with a scheme and a host, by comma".to_owned(),
                ),
            }
        }
        let keep = env.within("AISLE_KEEP_RECONCILIATIONS_DAYS", "a whole number of days", KEEP_DAYS, 800);
        let providers = providers::Settings::read(env);
        Self { providers, app_links, keep_reconciliations_days: keep }
    }

    /// Whether a page may lead back to this address: one of the app's own links, or below one.
    pub fn may_lead_to(&self, address: &str) -> bool {
        let Ok(address) = Url::parse(address) else { return false };
        let bare = address.username().is_empty() && address.password().is_none();
        let within = |link: &Url| {
            let same_place = link.scheme() == address.scheme()
                && link.host() == address.host()
                && link.port() == address.port();
            let folder = link.path().trim_end_matches('/');
            let rest = address.path().strip_prefix(folder);
            same_place && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        bare && self.app_links.iter().any(within)
    }
}

/// Why a payment or a linked account can't do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such account, or it is not the shopper's.
    #[error("there is no such payment method")]
    MethodUnknown,
    /// The account can't be debited: not linked yet, or no longer.
    #[error("the payment method is not active")]
    MethodInactive,
    /// The name was used before for another account.
    #[error("the payment method was named before with other contents")]
    MethodTaken,
    /// The address is not one of the app's own.
    #[error("the return address is not one of the configured app links")]
    ReturnUrl,
    /// The provider links no account with a purchase.
    #[error("the provider links no account with a purchase")]
    WithPurchase,
    /// The provider is not configured.
    #[error("the payment provider is not configured")]
    ProviderAbsent,
    /// There is no such payment.
    #[error("there is no such payment")]
    PaymentUnknown,
    /// The checkout has a payment already that may debit, or the name was used before.
    #[error("the checkout is being paid for already")]
    AlreadyStarted,
    /// The total is not positive, or the lines don't add up to it, or more is due now than in all.
    #[error("the amounts of the payment don't add up")]
    Amounts,
    /// There is no such dispute.
    #[error("there is no such dispute")]
    DisputeUnknown,
    /// The provider does not let us do that about the dispute now.
    #[error("the dispute does not allow it now")]
    DisputeAction,
    /// The name was used before for another answer.
    #[error("the answer was named before with other contents")]
    AnswerTaken,
    /// There is no such debt, or it is not the shopper's.
    #[error("there is no such debt")]
    DebtUnknown,
    /// The debt is in a state that does not allow it.
    #[error("a debt that is {0} can't do that")]
    DebtState(DebtState),
    /// What pays the debt with another account is being given up for this one.
    #[error("the debt is let go of by another account")]
    DebtLetGo,
    /// The shopper owes something.
    #[error("the shopper owes something")]
    Owed(Vec<debts::Debt>),
    /// There is no such comparison.
    #[error("there is no such comparison")]
    ReconciliationUnknown,
    /// The name was used before for another comparison.
    #[error("the comparison was named before with other contents")]
    ReconciliationTaken,
    /// The span is empty, too long, or begins in the future.
    #[error("the span must begin in the past and have 92 days at most")]
    Span,
    /// The provider does not show its books.
    #[error("the provider does not show its books")]
    StatementAbsent,
    /// There is no such difference.
    #[error("there is no such difference")]
    DifferenceUnknown,
    /// The difference was explained otherwise, or is gone.
    #[error("the difference is not open")]
    DifferenceState,
    /// There is no such operation.
    #[error("there is no such operation")]
    OperationUnknown,
    /// The operation does not wait for people, or was settled otherwise.
    #[error("the operation does not wait for people")]
    OperationState,
    /// What shall prove that an operation happened does not.
    #[error("{0}")]
    Evidence(&'static str),
    /// The provider can't be asked now.
    #[error("the provider can't be asked now")]
    ProviderSilent,
    /// The provider can't be told this amount exactly.
    #[error("{0} can't be told to the provider exactly")]
    NotExpressible(Money),
    /// What is to be written would contradict the ledger.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The room above could not take the news.
    #[error("the news could not be told: {0}")]
    News(Internal),
    /// What is kept sealed can't be opened.
    #[error("the secrets of the payment method can't be opened: {0}")]
    Sealed(Internal),
    /// The payment does not allow it.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The database can't.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// A linked account, when it is this shopper's.
pub async fn find_method(
    db: impl Run<'_>,
    shopper: ShopperId,
    method: MethodId,
) -> Result<Option<Method>, db::Error> {
    Ok(store::methods::find(db, method).await?.filter(|found| found.shopper == shopper))
}

/// Whether a shopper's accounts were all taken back at their providers: there is one to link again, and none to debit.
pub async fn must_link_again(db: impl Run<'_>, shopper: ShopperId) -> Result<bool, db::Error> {
    let states = store::methods::states(db, shopper).await?;
    Ok(states.contains(&MethodState::Revoked) && !states.contains(&MethodState::Active))
}

/// Until when what a payment is for is paid, where its provider debits no account.
pub async fn due_on(
    app: &App,
    payment: PaymentId,
    bought_at: Moment,
) -> Result<Option<NaiveDate>, db::Error> {
    let Some(payment) = store::payments::find(&app.db, payment).await? else { return Ok(None) };
    Ok(app.providers.get(payment.provider).and_then(|provider| provider.due_on(bought_at)))
}

/// A payment.
pub async fn find(db: impl Run<'_>, payment: PaymentId) -> Result<Option<Payment>, db::Error> {
    store::payments::find(db, payment).await
}

/// Takes a payment for this transaction, before any row of the caller's own: see the lock order above.
pub async fn lock(tx: &mut Tx, payment: PaymentId) -> Result<Option<Payment>, db::Error> {
    store::payments::lock(tx, payment).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lead_back_to_the_apps_own_links_alone() {
        let env = Env::from_pairs([("AISLE_APP_LINKS", "https://shop.example/app/, aisle://paid")]);
        let settings = Settings::read(&env);
        assert!(env.mistakes().is_empty());
        for allowed in
            ["https://shop.example/app", "https://shop.example/app/x?y=1", "aisle://paid", "aisle://paid/17"]
        {
            assert!(settings.may_lead_to(allowed), "{allowed}");
        }
        for refused in [
            "https://shop.example.evil/app/",
            "https://shop.example/application",
            "https://shop.example/app/../x",
            "https://shop.example:444/app/",
            "http://shop.example/app/",
            "https://user@shop.example/app/",
            "javascript:alert(1)",
            "aisle://other",
            "/app/",
            "",
        ] {
            assert!(!settings.may_lead_to(refused), "{refused}");
        }
    }
}
