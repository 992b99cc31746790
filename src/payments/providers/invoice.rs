//! The retailer's own invoice: the shopper pays later, and no outside system takes part.
//!
//! Whatever is within the limit of its currency is held, debited and given back at once, under names that follow from our
//! operations, so that a repeat makes the same. Nothing is ever pending, unknown or left to people. That the shopper pays is the
//! retailer's bookkeeping's matter, which learns of each order by its events.
//!
//! Every shopper may link it: offer it where shoppers are known, such as a company's own shop.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{Duration, NaiveDate};
use secrecy::{ExposeSecret, SecretString};

use crate::clock::{Clock, Moment};
use crate::env::Env;
use crate::ids::OperationId;
use crate::money::{Currency, Money};
use crate::payments::model::{DeclineReason, Outcome, Receipt};
use crate::payments::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, Evidence, LinkBegun, LinkOutcome, LinkProgress,
    LinkRequest, Linked, OrderRequest, Proof, Provider, RefundRequest, RenewRequest, VoidRequest,
};

/// Settings of the invoice, which is offered when the first is set.
///
/// - `AISLE_INVOICE_LIMITS`: the highest amount of one purchase in minor units, for each currency, such as
///   `EUR:25000,CHF:20000`. What is sold in another currency can't be paid by invoice.
/// - `AISLE_INVOICE_DUE_DAYS` (optional): days until it is to be paid, 14 when left out.
#[derive(Clone, Debug)]
pub struct Settings {
    limits: Vec<Money>,
    due_days: u16,
}

const LIMITS: &str = "AISLE_INVOICE_LIMITS";
const DUE_DAYS: &str = "AISLE_INVOICE_DUE_DAYS";
const DUE_DAYS_USUAL: u16 = 14;
/// Four months: a longer term is a typing mistake.
const DUE_DAYS_MAX: u16 = 120;

impl Settings {
    /// Reads the settings; nothing when no limit is set.
    pub fn read(env: &Env) -> Option<Self> {
        let due_days = env.within(DUE_DAYS, "a whole number of days", 1..=DUE_DAYS_MAX, DUE_DAYS_USUAL);
        let Some(text) = env.text(LIMITS) else {
            if env.text(DUE_DAYS).is_some() {
                env.mistake(format!("{LIMITS} is not set, but other settings of the invoice are"));
            }
            return None;
        };
        let limits: Option<Vec<Money>> = text.split(',').map(limit).collect();
        if limits.is_none() {
            env.mistake(format!("{LIMITS} must hold currencies with minor units above 0, such as EUR:25000"));
        }
        Some(Self { limits: limits?, due_days })
    }
}

fn limit(text: &str) -> Option<Money> {
    let (currency, minor) = text.trim().split_once(':')?;
    let currency: Currency = currency.parse().ok()?;
    let minor: i64 = minor.parse().ok()?;
    (minor > 0).then(|| Money::new(minor, currency))
}

/// The invoice with these settings.
pub fn open(settings: &Settings, _http: &reqwest::Client, _clock: &Clock) -> Arc<dyn Provider> {
    Arc::new(Invoice(settings.clone()))
}

#[derive(Debug)]
struct Invoice(Settings);

impl Invoice {
    fn within_limit(&self, charge: &ChargeRequest<'_>) -> Outcome {
        let limit = self.0.limits.iter().find(|limit| limit.currency() == charge.amount.currency());
        let declined = |reason| Outcome::Declined { reason, may_retry: false };
        match limit {
            None => declined(DeclineReason::Refused),
            Some(limit) if charge.amount.minor() > limit.minor() => declined(DeclineReason::LimitExceeded),
            Some(_) => {
                let name = name(charge.operation);
                let order = Some(name.clone());
                Outcome::Approved(Receipt { order, object: name, amount: charge.amount, window: None })
            }
        }
    }
}

/// What an operation makes here; the same whenever it is repeated.
fn name(operation: OperationId) -> String {
    format!("invoice-{operation}")
}

fn done(operation: OperationId, amount: Money) -> Outcome {
    Outcome::Approved(Receipt { order: None, object: name(operation), amount, window: None })
}

fn held(authorisation: &str, amount: Money) -> Outcome {
    Outcome::Approved(Receipt { order: None, object: authorisation.to_owned(), amount, window: None })
}

/// Everything is settled by its first answer: what is asked for here never happens.
fn never() -> Outcome {
    Outcome::Lost { detail: "an invoice is settled at once and keeps nothing to read" }
}

#[async_trait]
impl Provider for Invoice {
    fn order_key_lifetime(&self) -> Duration {
        Duration::MAX
    }

    fn payment_key_lifetime(&self) -> Duration {
        Duration::MAX
    }

    fn can_express(&self, _amount: Money) -> bool {
        true
    }

    fn due_on(&self, bought_at: Moment) -> Option<NaiveDate> {
        Some(bought_at.date_naive() + Duration::days(self.0.due_days.into()))
    }

    async fn begin_link(&self, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun> {
        let label = format!("Invoice, payable within {} days", self.0.due_days);
        Ok(LinkBegun::Linked(Linked { token: link.key.into(), customer: None, label: Some(label) }))
    }

    async fn read_link(&self, _setup_token: &SecretString) -> LinkOutcome<LinkProgress> {
        Ok(LinkProgress::Approved)
    }

    async fn finish_link(&self, _key: &str, setup_token: &SecretString) -> LinkOutcome<Linked> {
        Ok(Linked { token: setup_token.expose_secret().into(), customer: None, label: None })
    }

    async fn is_linked(&self, _token: &SecretString) -> LinkOutcome<bool> {
        Ok(true)
    }

    async fn unlink(&self, _key: &str, _token: &SecretString) -> LinkOutcome<()> {
        Ok(())
    }

    async fn charge(&self, charge: &ChargeRequest<'_>) -> Outcome {
        self.within_limit(charge)
    }

    async fn read_order(&self, _order: &OrderRequest<'_>) -> Outcome {
        never()
    }

    async fn complete(&self, _complete: &CompleteRequest<'_>) -> Outcome {
        never()
    }

    async fn capture(&self, capture: &CaptureRequest<'_>) -> Outcome {
        done(capture.operation, capture.amount)
    }

    async fn read_capture(&self, _object: &str) -> Outcome {
        never()
    }

    async fn renew(&self, renewal: &RenewRequest<'_>) -> Outcome {
        held(renewal.authorisation, renewal.amount)
    }

    async fn void(&self, void: &VoidRequest<'_>) -> Outcome {
        held(void.authorisation, void.amount)
    }

    async fn is_voided(&self, _authorisation: &str) -> Option<bool> {
        Some(false)
    }

    async fn refund(&self, refund: &RefundRequest<'_>) -> Outcome {
        done(refund.operation, refund.amount)
    }

    async fn read_refund(&self, _object: &str) -> Outcome {
        never()
    }

    async fn prove(&self, _evidence: &Evidence<'_>) -> Proof {
        Proof::Refuted("an invoice is settled at once and keeps nothing to read")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_invoice_is_absent_without_limits_and_wrong_ones_are_mistakes() {
        let none = Env::default();
        assert!(Settings::read(&none).is_none() && none.mistakes().is_empty());
        let good = Env::from_pairs([(LIMITS, "EUR:25000, CHF:20000")]);
        let settings = Settings::read(&good).expect("settings");
        assert_eq!((settings.limits.len(), settings.due_days), (2, 14));
        for (name, text) in [
            (LIMITS, "EUR"),
            (LIMITS, "EUR:0"),
            (LIMITS, "EURO:1"),
            (LIMITS, ""),
            (DUE_DAYS, "7"),
            (DUE_DAYS, "0"),
        ] {
            let wrong = Env::from_pairs([(name, text)]);
            let is_absent = Settings::read(&wrong).is_none();
            // An empty value is none.
            assert!(is_absent && (text.is_empty() || !wrong.mistakes().is_empty()), "{name}={text}");
        }
    }
}
