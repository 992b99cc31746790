//! Payments v2: capture part of a hold, refund, and reading what became of each.

use serde_json::json;

use super::amounts::Amount;
use super::client::{Answer, Client};
use super::errors::{Verdict, declined, lost, verdict};
use super::orders::{self, invoice, payment_outcome, receipt};
use super::wire::{Order, Payment};
use crate::payments::model::{DeclineReason, Outcome};
use crate::payments::provider::{CaptureRequest, Intent, RefundRequest};

/// Debits part of what is held.
pub async fn capture(client: &Client, capture: &CaptureRequest<'_>) -> Outcome {
    let Ok(amount) = Amount::new(capture.amount) else { return declined(DeclineReason::Refused) };
    let name = invoice(capture.reference, capture.operation);
    let body = json!({"amount": amount, "invoice_id": name, "final_capture": capture.is_last});
    let path = format!("/v2/payments/authorizations/{}/capture", capture.authorisation);
    match client.post("capture authorization", &path, capture.key, &body).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => read_payment(&answer, capture_outcome),
        Ok(answer) => match verdict(&answer) {
            // An earlier call may have been taken; what was captured without us is for people to look at; what is gone can be
            // debited anew.
            verdict @ (Verdict::Declined(DeclineReason::Refused) | Verdict::Before | Verdict::Ended) => {
                let is_gone = matches!(verdict, Verdict::Ended);
                let reason = if is_gone { DeclineReason::AuthorisationGone } else { DeclineReason::Refused };
                look_up(client, capture.order, reason, |order| {
                    order.capture_named(&name).map(capture_outcome)
                })
                .await
            }
            Verdict::Declined(reason) => declined(reason),
            Verdict::Action(_) => declined(DeclineReason::Declined),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

/// What became of a capture.
pub async fn read_capture(client: &Client, object: &str) -> Outcome {
    read(client, "read capture", &format!("/v2/payments/captures/{object}"), capture_outcome).await
}

/// What became of a refund.
pub async fn read_refund(client: &Client, object: &str) -> Outcome {
    read(client, "read refund", &format!("/v2/payments/refunds/{object}"), refund_outcome).await
}

/// Gives back part of a capture.
pub async fn refund(client: &Client, refund: &RefundRequest<'_>) -> Outcome {
    let Ok(amount) = Amount::new(refund.amount) else { return declined(DeclineReason::Refused) };
    let name = invoice(refund.reference, refund.operation);
    let body = json!({"amount": amount, "invoice_id": name});
    let path = format!("/v2/payments/captures/{}/refund", refund.capture);
    match client.post("refund capture", &path, refund.key, &body).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => read_payment(&answer, refund_outcome),
        Ok(answer) => match verdict(&answer) {
            Verdict::Declined(DeclineReason::Refused) | Verdict::Before => {
                let order = order_of(client, refund.capture).await;
                look_up(client, order.as_deref().or(refund.order), DeclineReason::Refused, |order| {
                    order.refund_named(&name).map(refund_outcome)
                })
                .await
            }
            Verdict::Declined(reason) => declined(reason),
            Verdict::Action(_) | Verdict::Ended => declined(DeclineReason::Refused),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

fn capture_outcome(payment: &Payment) -> Outcome {
    match payment_outcome(None, payment, Intent::Capture) {
        // What was captured from a hold belongs to an order that we know already.
        Outcome::Pending { object, .. } => Outcome::Pending { order: None, object },
        other => other,
    }
}

fn refund_outcome(payment: &Payment) -> Outcome {
    match payment.status.as_str() {
        "COMPLETED" => receipt(None, payment),
        "FAILED" | "CANCELLED" => declined(DeclineReason::Refused),
        _ => Outcome::Pending { order: None, object: Some(payment.id.clone()).filter(|id| !id.is_empty()) },
    }
}

/// The order of a capture: a payment may have had several.
async fn order_of(client: &Client, capture: &str) -> Option<String> {
    let answer = client.get("read capture", &format!("/v2/payments/captures/{capture}")).await.ok()?;
    answer.read::<Payment>().ok()?.order()
}

/// PayPal says that something like it happened before, or that it can't happen any more: our own earlier call shows in the
/// order by our name of it. When there was none, it did not happen, for this reason.
async fn look_up(
    client: &Client,
    order: Option<&str>,
    reason: DeclineReason,
    find: impl Fn(&Order) -> Option<Outcome>,
) -> Outcome {
    let Some(order) = order else { return Outcome::unknown("no order to look the payment up in") };
    match orders::fetch(client, order).await {
        Err(unknown) => unknown,
        Ok(found) => found.as_ref().and_then(find).unwrap_or_else(|| declined(reason)),
    }
}

async fn read(
    client: &Client,
    name: &'static str,
    path: &str,
    outcome: impl Fn(&Payment) -> Outcome,
) -> Outcome {
    match client.get(name, path).await {
        Err(lost) => lost.into(),
        Ok(answer) if answer.status.is_success() => read_payment(&answer, outcome),
        Ok(answer) => Outcome::unknown(format!("PayPal answered {}", answer.status.as_u16())),
    }
}

fn read_payment(answer: &Answer, outcome: impl Fn(&Payment) -> Outcome) -> Outcome {
    match answer.read::<Payment>() {
        Ok(payment) => outcome(&payment),
        Err(lost) => lost.into(),
    }
}
