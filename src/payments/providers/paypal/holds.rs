//! Payments v2: authorizations and their time. PayPal honours one for three days and keeps it for 29; from the fourth day on
//! the first one can be reauthorized, which makes another with three honoured days of its own. What is told of the old one
//! from then on is old news.

use chrono::Duration;
use serde_json::{Value, json};

use super::amounts::Amount;
use super::client::{Client, Lost};
use super::errors::{Verdict, declined, lost, refused, verdict};
use super::orders::payment_outcome;
use super::wire::Payment;
use crate::payments::model::{DeclineReason, HoldWindow, Outcome, Receipt};
use crate::payments::provider::{Intent, RenewRequest, VoidRequest};

/// For so long PayPal promises that the funds are there.
const HONOURED: Duration = Duration::days(3);
/// How long an authorization lasts, when it does not say so itself.
const LASTS: Duration = Duration::days(29);

/// How long an authorization lasts; nothing when it does not even say when it was made.
pub(super) fn window(payment: &Payment) -> Option<HoldWindow> {
    let created_at = payment.created_at()?;
    let ends_at = payment.expires_at().unwrap_or(created_at + LASTS);
    let honoured_until = (created_at + HONOURED).min(ends_at);
    // PayPal refuses to renew what it still honours.
    let renew_at = (honoured_until < ends_at).then_some(honoured_until);
    Some(HoldWindow { honoured_until, ends_at, renew_at })
}

/// Has what is left of a hold held for longer. Always asked of the first one: PayPal renews no renewal.
pub async fn renew(client: &Client, renewal: &RenewRequest<'_>) -> Outcome {
    let Ok(amount) = Amount::new(renewal.amount) else { return declined(DeclineReason::Refused) };
    let path = format!("/v2/payments/authorizations/{}/reauthorize", renewal.first);
    match client.post("reauthorize", &path, renewal.key, &json!({"amount": amount})).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => match answer.read::<Payment>() {
            Ok(payment) => payment_outcome(None, &payment, Intent::Authorise),
            Err(lost) => lost.into(),
        },
        Ok(answer) => match verdict(&answer) {
            Verdict::Declined(reason) => refused(reason),
            // The first one may be gone while its renewal lives on.
            Verdict::Ended | Verdict::Before => match fetch(client, renewal.authorisation).await {
                Ok(found) if is_over(&found) => declined(DeclineReason::AuthorisationGone),
                Ok(_) => declined(DeclineReason::Refused),
                Err(unknown) => unknown,
            },
            Verdict::Action(_) => declined(DeclineReason::Declined),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

/// Lets go of what is held. PayPal promises no keys here, so it reads before it asks, each time.
pub async fn void(client: &Client, void: &VoidRequest<'_>) -> Outcome {
    match fetch(client, void.authorisation).await {
        Err(unknown) => return unknown,
        Ok(found) if is_over(&found) => return gone(void),
        Ok(found) if found.status == "CAPTURED" => return declined(DeclineReason::AuthorisationGone),
        Ok(_) => {}
    }
    // A renewal goes with the one that it renewed, and can't be voided by itself; unless that one is gone already.
    match void_one(client, void, void.first).await {
        Ok(Some(Verdict::Ended)) if void.first != void.authorisation => {
            voided(void, void_one(client, void, void.authorisation).await)
        }
        other => voided(void, other),
    }
}

/// Whether a hold ended without being captured in full.
pub async fn is_voided(client: &Client, authorisation: &str) -> Option<bool> {
    Some(is_over(&fetch(client, authorisation).await.ok()?))
}

/// Asks for one authorization to be voided; answers why it was not.
async fn void_one(
    client: &Client,
    void: &VoidRequest<'_>,
    authorisation: &str,
) -> Result<Option<Verdict>, Lost> {
    let path = format!("/v2/payments/authorizations/{authorisation}/void");
    let body = Value::Object(serde_json::Map::new());
    let answer = client.post("void authorization", &path, void.key, &body).await?;
    Ok((!answer.status.is_success()).then(|| verdict(&answer)))
}

fn voided(void: &VoidRequest<'_>, answer: Result<Option<Verdict>, Lost>) -> Outcome {
    match answer {
        Err(error) => lost(error),
        Ok(None | Some(Verdict::Ended)) => gone(void),
        Ok(Some(Verdict::Declined(reason))) => refused(reason),
        Ok(Some(Verdict::Before | Verdict::Action(_))) => declined(DeclineReason::AuthorisationGone),
        Ok(Some(Verdict::Again(detail))) => Outcome::unknown(detail),
    }
}

fn gone(void: &VoidRequest<'_>) -> Outcome {
    let object = void.authorisation.to_owned();
    Outcome::Approved(Receipt { order: None, object, amount: void.amount, window: None })
}

fn is_over(found: &Payment) -> bool {
    matches!(found.status.as_str(), "VOIDED" | "DENIED" | "EXPIRED")
}

async fn fetch(client: &Client, authorisation: &str) -> Result<Payment, Outcome> {
    let answer =
        client.get("read authorization", &format!("/v2/payments/authorizations/{authorisation}")).await?;
    if answer.status.is_success() {
        Ok(answer.read()?)
    } else {
        Err(Outcome::unknown(format!("PayPal answered {}", answer.status.as_u16())))
    }
}
