//! Order Management: capture in parts, release or cancel, refund. Each carries our operation's id as its `reference`, so that it
//! is found in the order, whatever was heard of the call.

use serde_json::{Value, json};

use super::Klarna;
use super::client::{Answer, Client};
use super::errors::{Verdict, declined, lost, verdict};
use super::lines::{Line, cart};
use super::orders::fetch;
use super::wire::Order;
use crate::ids::OperationId;
use crate::money::Money;
use crate::payments::model::{DeclineReason, HoldWindow, Outcome, PaymentLine, Receipt};
use crate::payments::provider::{CaptureRequest, RefundRequest, RenewRequest, VoidRequest};

/// Our name of a capture: Klarna finds one in its order alone, and a payment may have had several orders.
pub fn capture_name(order: &str, capture: &str) -> String {
    format!("{order}/{capture}")
}

/// The order of a capture by our name of it.
fn order_of<'a>(refund: &RefundRequest<'a>) -> Option<&'a str> {
    refund.capture.split_once('/').map(|(order, _)| order).or(refund.order)
}

fn path(order: &str, verb: &str) -> String {
    format!("/ordermanagement/v1/orders/{order}/{verb}")
}

/// The lines of a part as Klarna shows them to the shopper; nothing where they can't be told exactly: a capture or a refund is
/// never refused for them.
fn told(lines: &[PaymentLine], amount: Money, country: &str) -> Option<Vec<Line>> {
    let is_exact = |line: &PaymentLine| {
        line.tax.is_none_or(|tax| {
            let of_rate = tax.rate.tax_inside(line.amount).map(Money::minor);
            of_rate.is_ok_and(|of_rate| of_rate.abs_diff(tax.amount.minor()) <= 1)
        })
    };
    if lines.is_empty() || !lines.iter().all(is_exact) {
        return None;
    }
    cart(lines, amount, country).ok().map(|cart| cart.lines)
}

/// A part of an order that is captured or given back, named after our operation.
fn part(
    kind: &str,
    (operation, reference): (OperationId, &str),
    amount: Money,
    (lines, country): (&[PaymentLine], &str),
) -> Value {
    let mut body = json!({kind: amount.minor(), "reference": operation, "description": reference});
    if let Some(lines) = told(lines, amount, country) {
        body["order_lines"] = json!(lines);
    }
    body
}

/// Debits part of what is held. Klarna knows no last capture: what is left is let go of by a call of its own, and only both
/// together are what was asked for.
pub async fn capture(klarna: &Klarna, capture: &CaptureRequest<'_>) -> Outcome {
    let client = &klarna.client;
    let CaptureRequest { operation, reference, amount, lines, market, .. } = *capture;
    let body = part("captured_amount", (operation, reference), amount, (lines, klarna.country(market)));
    let path = path(capture.authorisation, "captures");
    let answer = match client.post("capture", &path, Some(capture.key), Some(&body)).await {
        Err(error) => return lost(error),
        Ok(answer) => answer,
    };
    if answer.status.is_success() {
        return match made(&answer, "Capture-Id") {
            Some(id) => release_if_last(client, capture, &id).await,
            None => find_capture(client, capture).await,
        };
    }
    match verdict(&answer) {
        Verdict::Look(detail) => match fetch(client, capture.authorisation).await {
            Ok(order) => {
                captured(client, capture, &order).await.unwrap_or_else(|| refused(capture, &order, detail))
            }
            Err(outcome) => outcome,
        },
        Verdict::Missing(_) => declined(DeclineReason::AuthorisationGone),
        // An earlier call may have been taken.
        Verdict::Declined(Outcome::Refused { .. }) => match find_capture(client, capture).await {
            Outcome::Absent => declined(DeclineReason::Refused),
            outcome => outcome,
        },
        Verdict::Declined(outcome) => outcome,
        Verdict::StepUp(_) => declined(DeclineReason::Refused),
        Verdict::Again(detail) => Outcome::unknown(detail),
    }
}

/// Why a capture is refused that the order does not have: its hold ended or does not suffice; else it may be taken later. What
/// somebody captured at Klarna by hand is for people to look at: with a new hold it would be debited twice.
fn refused(capture: &CaptureRequest<'_>, order: &Order, detail: String) -> Outcome {
    if order.has_foreign_capture() {
        return Outcome::Lost { detail: "the order has a capture at Klarna that is not ours" };
    }
    let is_gone = order.is_over()
        || order.fraud_status == "REJECTED"
        || order.remaining_authorized_amount < capture.amount.minor();
    if is_gone { declined(DeclineReason::AuthorisationGone) } else { Outcome::unknown(detail) }
}

/// Looks a capture up by our name of it.
pub async fn find_capture(client: &Client, capture: &CaptureRequest<'_>) -> Outcome {
    match fetch(client, capture.authorisation).await {
        Ok(order) => captured(client, capture, &order).await.unwrap_or(Outcome::Absent),
        Err(outcome) => outcome,
    }
}

/// The capture in its order, when it is there.
async fn captured(client: &Client, capture: &CaptureRequest<'_>, order: &Order) -> Option<Outcome> {
    let found = order.capture_named(&capture.operation.to_string())?;
    let Some(amount) = order.money(found.amount) else {
        return Some(Outcome::unknown("an order without a currency"));
    };
    if amount != capture.amount {
        let name = capture_name(capture.authorisation, &found.id);
        return Some(Outcome::Approved(receipt(&name, amount)));
    }
    Some(release_if_last(client, capture, &found.id).await)
}

/// After the last capture, lets go of what is left; only then all of it happened.
async fn release_if_last(client: &Client, capture: &CaptureRequest<'_>, id: &str) -> Outcome {
    if capture.is_last && capture.held.minor() > capture.amount.minor() {
        let key = format!("{}-release", capture.key);
        if let Err(outcome) = release(client, &key, capture.authorisation).await {
            // The capture happened, so that nothing is as if it had not been sent.
            return outcome.after_earlier_calls();
        }
    }
    Outcome::Approved(receipt(&capture_name(capture.authorisation, id), capture.amount))
}

fn receipt(object: &str, amount: Money) -> Receipt {
    Receipt { order: None, object: object.to_owned(), amount, window: None }
}

/// Lets go of what is left after captures. What is gone is gone.
async fn release(client: &Client, key: &str, order: &str) -> Result<(), Outcome> {
    let path = path(order, "release-remaining-authorization");
    let answer = client.post("release", &path, Some(key), None).await.map_err(lost)?;
    if answer.status.is_success() {
        return Ok(());
    }
    match verdict(&answer) {
        Verdict::Missing(_) => Ok(()),
        Verdict::Look(detail) => {
            let order = fetch(client, order).await?;
            let is_released = order.is_over() || order.remaining_authorized_amount == 0;
            if is_released { Ok(()) } else { Err(Outcome::unknown(detail)) }
        }
        Verdict::Declined(outcome) => Err(outcome),
        Verdict::StepUp(_) => Err(declined(DeclineReason::Refused)),
        Verdict::Again(detail) => Err(Outcome::unknown(detail)),
    }
}

/// How long an order can be captured: it says so only when it is read.
pub async fn hold_window(client: &Client, authorisation: &str) -> Result<Option<HoldWindow>, String> {
    match fetch(client, authorisation).await {
        Ok(order) => Ok(order.window()),
        Err(Outcome::Unknown { detail } | Outcome::NotSent { detail }) => Err(detail),
        Err(_) => Ok(None),
    }
}

/// Has what is left of a hold held for longer: Klarna keeps the order and moves its end.
pub async fn renew(client: &Client, renewal: &RenewRequest<'_>) -> Outcome {
    let path = path(renewal.authorisation, "extend-authorization-time");
    let answer = match client.post("extend authorization", &path, Some(renewal.key), None).await {
        Err(error) => return lost(error),
        Ok(answer) => answer,
    };
    let refusal = if answer.status.is_success() {
        None
    } else {
        match verdict(&answer) {
            Verdict::Missing(_) => return declined(DeclineReason::AuthorisationGone),
            Verdict::Declined(outcome) => return outcome,
            Verdict::StepUp(_) => return declined(DeclineReason::Refused),
            Verdict::Again(detail) => return Outcome::unknown(detail),
            Verdict::Look(detail) => Some(detail),
        }
    };
    match (fetch(client, renewal.authorisation).await, refusal) {
        (Err(outcome), _) => outcome,
        (Ok(order), _) if order.is_over() => declined(DeclineReason::AuthorisationGone),
        (Ok(_), Some(_)) => declined(DeclineReason::Refused),
        (Ok(order), None) => Outcome::Approved(Receipt {
            window: order.window(),
            ..receipt(renewal.authorisation, renewal.amount)
        }),
    }
}

/// Lets go of what is held: cancels an order without captures, releases what is left of one with. It reads first, because which
/// of the two is right is for the order to say.
pub async fn void(client: &Client, void: &VoidRequest<'_>) -> Outcome {
    let VoidRequest { key, authorisation, amount, .. } = *void;
    let gone = || Outcome::Approved(receipt(authorisation, amount));
    let order = match fetch(client, authorisation).await {
        Ok(order) => order,
        Err(Outcome::Declined { reason: DeclineReason::AuthorisationGone, .. }) => return gone(),
        Err(outcome) => return outcome,
    };
    if order.is_over() {
        return gone();
    }
    if !order.captures.is_empty() {
        return match order.remaining_authorized_amount {
            0 if is_captured_in_full(&order) => declined(DeclineReason::AuthorisationGone),
            0 => gone(),
            _ => release(client, key, authorisation).await.map_or_else(|outcome| outcome, |()| gone()),
        };
    }
    match client.post("cancel order", &path(authorisation, "cancel"), Some(key), None).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => gone(),
        Ok(answer) => match verdict(&answer) {
            Verdict::Missing(_) => gone(),
            Verdict::Look(detail) => match fetch(client, authorisation).await {
                Ok(order) if order.is_over() || order.status == "CLOSED" => gone(),
                Ok(_) => Outcome::unknown(detail),
                Err(outcome) => outcome,
            },
            Verdict::Declined(outcome) => outcome,
            Verdict::StepUp(_) => declined(DeclineReason::Refused),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

fn is_captured_in_full(order: &Order) -> bool {
    let captured: i64 = order.captures.iter().map(|capture| capture.amount).sum();
    captured >= order.original_amount.unwrap_or(order.amount)
}

/// Whether the hold ended without being captured in full.
pub async fn is_voided(client: &Client, authorisation: &str) -> Option<bool> {
    Some(fetch(client, authorisation).await.ok()?.is_over())
}

/// Gives back part of what was captured. Klarna refunds orders, not captures.
pub async fn refund(klarna: &Klarna, refund: &RefundRequest<'_>) -> Outcome {
    let client = &klarna.client;
    let Some(order) = order_of(refund) else { return declined(DeclineReason::Refused) };
    let RefundRequest { operation, reference, amount, lines, market, .. } = *refund;
    let body = part("refunded_amount", (operation, reference), amount, (lines, klarna.country(market)));
    let answer = match client.post("refund", &path(order, "refunds"), Some(refund.key), Some(&body)).await {
        Err(error) => return lost(error),
        Ok(answer) => answer,
    };
    if answer.status.is_success() {
        return match made(&answer, "Refund-Id") {
            Some(id) => Outcome::Approved(receipt(&id, refund.amount)),
            None => find_refund(client, refund).await,
        };
    }
    match verdict(&answer) {
        // An earlier call may have been taken.
        Verdict::Look(_) | Verdict::Declined(Outcome::Refused { .. }) => {
            match find_refund(client, refund).await {
                Outcome::Absent => declined(DeclineReason::Refused),
                outcome => outcome,
            }
        }
        Verdict::Declined(outcome) => outcome,
        Verdict::Missing(_) | Verdict::StepUp(_) => declined(DeclineReason::Refused),
        Verdict::Again(detail) => Outcome::unknown(detail),
    }
}

/// Looks a refund up by our name of it.
pub async fn find_refund(client: &Client, refund: &RefundRequest<'_>) -> Outcome {
    let Some(order) = order_of(refund) else { return declined(DeclineReason::Refused) };
    let order = match fetch(client, order).await {
        Ok(order) => order,
        Err(Outcome::Declined { .. }) => return declined(DeclineReason::Refused),
        Err(outcome) => return outcome,
    };
    let Some(found) = order.refund_named(&refund.operation.to_string()) else { return Outcome::Absent };
    match order.money(found.amount) {
        Some(amount) => Outcome::Approved(receipt(&found.id, amount)),
        None => Outcome::unknown("an order without a currency"),
    }
}

/// The id of what was made: its own header, or the end of where it is.
fn made(answer: &Answer, header: &str) -> Option<String> {
    let of_location = || answer.header("Location").and_then(|location| location.rsplit('/').next());
    let id = answer.header(header).or_else(of_location)?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payments::provider::Market;
    use reqwest::StatusCode;
    use reqwest::header::{HeaderMap, HeaderValue};

    #[test]
    fn what_was_made_is_named_by_a_header() {
        let answer = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_static(value));
            made(&Answer { status: StatusCode::CREATED, headers, body: Vec::new() }, "Capture-Id")
        };
        assert_eq!(answer("capture-id", "c-1").as_deref(), Some("c-1"));
        assert_eq!(answer("location", "https://x/orders/o/captures/c-2").as_deref(), Some("c-2"));
        assert_eq!(answer("other", "c-3"), None);
    }

    #[test]
    fn a_capture_that_is_refused_is_gone_only_when_its_hold_is() {
        let capture = |order: &Order| {
            let request = CaptureRequest {
                key: "k",
                operation: "0199d3a0-0000-7000-8000-000000000001".parse().expect("an id"),
                reference: "A-17",
                order: None,
                authorisation: "o",
                amount: Money::new(500, crate::money::Currency::EUR),
                held: Money::new(500, crate::money::Currency::EUR),
                is_last: true,
                lines: &[],
                market: Market::default(),
            };
            refused(&request, order, "why".to_owned())
        };
        let order = Order { remaining_authorized_amount: 500, ..Order::default() };
        assert!(matches!(capture(&order), Outcome::Unknown { .. }));
        let over = Order { status: "EXPIRED".to_owned(), ..order.clone() };
        assert!(matches!(capture(&over), Outcome::Declined { .. }));
        let short = Order { remaining_authorized_amount: 499, ..order };
        assert!(matches!(capture(&short), Outcome::Declined { .. }));
    }
}
