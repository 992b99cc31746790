//! Reading back what people say that an operation made: believed only when it carries our name and is money.

use super::client::Client;
use super::manage::capture_name;
use super::orders::{fetch, held};
use super::wire::Order;
use crate::payments::model::{OperationKind, Outcome, Receipt};
use crate::payments::provider::{Evidence, Proof};

/// Reads the order and compares it with what it shall prove.
pub async fn prove(client: &Client, evidence: &Evidence<'_>) -> Proof {
    let is_order =
        matches!(evidence.kind, OperationKind::Charge | OperationKind::Authorise | OperationKind::Complete);
    let of_capture = evidence.capture.and_then(|capture| capture.split_once('/')).map(|(order, _)| order);
    let order = match evidence.kind {
        _ if is_order => Some(evidence.object),
        OperationKind::Refund => of_capture.or(evidence.authorisation),
        _ => evidence.authorisation,
    };
    let Some(order) = order else { return Proof::Refuted("the payment has no order at Klarna") };
    let order = match fetch(client, order).await {
        Ok(order) => order,
        Err(Outcome::Declined { .. }) => return Proof::Refuted("Klarna does not know the order"),
        Err(Outcome::Unknown { detail } | Outcome::NotSent { detail }) => return Proof::Silent(detail),
        Err(_) => return Proof::Silent("the order can't be read".to_owned()),
    };
    match evidence.kind {
        OperationKind::Charge | OperationKind::Authorise | OperationKind::Complete => {
            if !is_named(order.merchant_reference2.as_deref(), evidence) {
                return Proof::Refuted("Klarna's order does not carry our name of the operation");
            }
            judged(held(&order))
        }
        OperationKind::Capture => capture(&order, evidence),
        OperationKind::Refund => refund(&order, evidence),
        OperationKind::Void => void(&order, evidence),
        OperationKind::Renew => renewal(&order, evidence),
    }
}

fn is_named(reference: Option<&str>, evidence: &Evidence<'_>) -> bool {
    reference.is_some_and(|reference| evidence.names.iter().any(|name| name.to_string() == reference))
}

fn capture(order: &Order, evidence: &Evidence<'_>) -> Proof {
    let Some(found) = order.captures.iter().find(|capture| capture.id == evidence.object) else {
        return Proof::Refuted("Klarna's order has no such capture");
    };
    if !is_named(found.reference.as_deref(), evidence) {
        return Proof::Refuted("Klarna's capture does not carry our name of the operation");
    }
    proven(order, &capture_name(&order.id, &found.id), found.amount)
}

/// A refund that somebody made by hand carries no name of ours.
fn refund(order: &Order, evidence: &Evidence<'_>) -> Proof {
    let Some(found) = order.refunds.iter().find(|refund| refund.id == evidence.object) else {
        return Proof::Refuted("Klarna's order has no such refund");
    };
    let is_by_hand = found.reference.as_deref().is_none_or(str::is_empty);
    if !is_by_hand && !is_named(found.reference.as_deref(), evidence) {
        return Proof::Refuted("Klarna's refund is not of this operation");
    }
    proven(order, &found.id, found.amount)
}

fn void(order: &Order, evidence: &Evidence<'_>) -> Proof {
    if evidence.authorisation != Some(evidence.object) {
        return Proof::Refuted("this is not the hold of the payment");
    }
    if order.is_over() || (order.remaining_authorized_amount == 0 && !order.captures.is_empty()) {
        let (object, amount) = (evidence.object.to_owned(), evidence.amount);
        return Proof::Proven(Receipt { order: None, object, amount, window: None });
    }
    Proof::Refuted("Klarna still holds the amount")
}

/// An order that still lives is held as long as it says, whoever moved its end.
fn renewal(order: &Order, evidence: &Evidence<'_>) -> Proof {
    if evidence.authorisation != Some(evidence.object) || order.is_over() {
        return Proof::Refuted("this is not a hold of the payment that lives");
    }
    let (object, amount) = (evidence.object.to_owned(), evidence.amount);
    Proof::Proven(Receipt { order: None, object, amount, window: order.window() })
}

fn proven(order: &Order, object: &str, minor: i64) -> Proof {
    match order.money(minor) {
        Some(amount) => {
            Proof::Proven(Receipt { order: None, object: object.to_owned(), amount, window: None })
        }
        None => Proof::Refuted("Klarna's order is in a currency that can't be read"),
    }
}

fn judged(outcome: Outcome) -> Proof {
    match outcome {
        Outcome::Approved(receipt) => Proof::Proven(receipt),
        _ => Proof::Refuted("Klarna's order is not accepted, or has ended"),
    }
}
