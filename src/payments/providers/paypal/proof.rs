//! Reading back what people say that an operation made: believed only when it carries our name and is money.

use super::client::Client;
use super::orders::{invoice, payment_outcome, receipt};
use super::wire::Payment;
use crate::payments::model::{OperationKind, Outcome, Receipt};
use crate::payments::provider::{Evidence, Intent, Proof};

/// Reads the object and compares it with what it shall prove.
pub async fn prove(client: &Client, evidence: &Evidence<'_>) -> Proof {
    match evidence.kind {
        OperationKind::Charge | OperationKind::Authorise | OperationKind::Complete => match evidence.intent {
            Intent::Capture => payment(client, evidence, "captures", Intent::Capture).await,
            Intent::Authorise => payment(client, evidence, "authorizations", Intent::Authorise).await,
        },
        OperationKind::Capture => payment(client, evidence, "captures", Intent::Capture).await,
        OperationKind::Refund => refund(client, evidence).await,
        OperationKind::Void => void(client, evidence).await,
        OperationKind::Renew => payment(client, evidence, "authorizations", Intent::Authorise).await,
    }
}

async fn payment(client: &Client, evidence: &Evidence<'_>, list: &str, intent: Intent) -> Proof {
    let found = match read(client, list, evidence.object).await {
        Ok(found) => found,
        Err(proof) => return proof,
    };
    if !is_named(&found, evidence) {
        return Proof::Refuted("PayPal's object does not carry our name of the operation");
    }
    // An order's own object tells of its order; a capture of a hold belongs to an order that we know.
    let is_own = !matches!(evidence.kind, OperationKind::Capture | OperationKind::Renew);
    let order = found.order().filter(|_| is_own);
    judged(payment_outcome(order.as_deref(), &found, intent))
}

/// A refund that somebody made by hand carries no name of ours: then it must be one of the capture that was to be given
/// back.
async fn refund(client: &Client, evidence: &Evidence<'_>) -> Proof {
    let found = match read(client, "refunds", evidence.object).await {
        Ok(found) => found,
        Err(proof) => return proof,
    };
    let is_by_hand =
        found.invoice_id.is_none() && evidence.capture.is_some_and(|capture| found.is_part_of(capture));
    if !is_by_hand && !is_named(&found, evidence) {
        return Proof::Refuted("PayPal's refund is not of this operation");
    }
    match found.status.as_str() {
        "COMPLETED" => judged(receipt(None, &found)),
        _ => Proof::Refuted("PayPal's refund is not completed"),
    }
}

async fn void(client: &Client, evidence: &Evidence<'_>) -> Proof {
    if evidence.authorisation != Some(evidence.object) {
        return Proof::Refuted("this is not the hold of the payment");
    }
    match read(client, "authorizations", evidence.object).await {
        Ok(found) if matches!(found.status.as_str(), "VOIDED" | "DENIED") => Proof::Proven(Receipt {
            order: None,
            object: evidence.object.to_owned(),
            amount: evidence.amount,
            window: None,
        }),
        Ok(_) => Proof::Refuted("PayPal still holds the amount, or captured it"),
        Err(proof) => proof,
    }
}

async fn read(client: &Client, list: &str, object: &str) -> Result<Payment, Proof> {
    // The name comes from a person and goes into an address.
    let is_name = (1..=64).contains(&object.len())
        && object.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !is_name {
        return Err(Proof::Refuted("this is no name of an object of PayPal's"));
    }
    let answer = client
        .get("read evidence", &format!("/v2/payments/{list}/{object}"))
        .await
        .map_err(|lost| Proof::Silent(lost.detail()))?;
    match answer.status.as_u16() {
        200 => answer.read().map_err(|lost| Proof::Silent(lost.detail())),
        404 => Err(Proof::Refuted("PayPal has no such object of the kind that the operation makes")),
        status => Err(Proof::Silent(format!("PayPal answered {status}"))),
    }
}

fn is_named(found: &Payment, evidence: &Evidence<'_>) -> bool {
    let is_ours = |name: &str| evidence.names.iter().any(|each| invoice(evidence.reference, *each) == name);
    found.invoice_id.as_deref().is_some_and(is_ours)
}

fn judged(outcome: Outcome) -> Proof {
    match outcome {
        Outcome::Approved(receipt) => Proof::Proven(receipt),
        _ => Proof::Refuted("by PayPal's books it is not money, or not yet"),
    }
}
