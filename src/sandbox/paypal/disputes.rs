//! Customer Disputes v1: list, read, provide evidence, accept a claim; and captures that are taken back.
//!
//! Chosen by us, because no specification says: a dispute waits for the seller from its first moment, for ten days; evidence
//! puts it under review; a lost one, or a claim that is accepted, takes back what was not refunded before. A capture that was
//! taken back is `DECLINED` with the reason `CHARGEBACK`.

use chrono::Duration;
use serde_json::{Value, json};

use super::books::{Capture, CaptureStatus, Dispute, DisputeStatus, Object, Reversal};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::errors::{Detail, Refusal};
use super::form;
use super::payers::Behaviour;
use super::state::State;
use super::{ids, views, webhooks};

const RESPONSE_DAYS: i64 = 10;
const REASONS: [&str; 10] = [
    "MERCHANDISE_OR_SERVICE_NOT_RECEIVED",
    "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED",
    "UNAUTHORISED",
    "CREDIT_NOT_PROCESSED",
    "DUPLICATE_TRANSACTION",
    "INCORRECT_AMOUNT",
    "PAYMENT_BY_OTHER_MEANS",
    "CANCELED_RECURRING_BILLING",
    "PROBLEM_WITH_REMITTANCE",
    "OTHER",
];
const STAGES: [&str; 4] = ["INQUIRY", "CHARGEBACK", "PRE_ARBITRATION", "ARBITRATION"];
const CLAIM_TYPES: [&str; 4] =
    ["REFUND", "REFUND_WITH_RETURN", "PARTIAL_REFUND", "REFUND_WITH_RETURN_SHIPMENT_LABEL"];
const PAGE_SIZE: usize = 10;
const PAGE_SIZE_MAX: usize = 50;
const EVIDENCES_MAX: usize = 100;

/// How a dispute ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// For the shop.
    Seller,
    /// For the payer, who gets the money.
    Buyer,
    /// The payer takes it back.
    Withdrawn,
}

/// The payer disputes a capture; none when there is no such money, or it is disputed already.
pub fn open(state: &mut State, capture_id: &str, reason: &str, begins_as: &str) -> Option<String> {
    if !REASONS.contains(&reason) || !STAGES.contains(&begins_as) {
        return None;
    }
    let capture = state.books.captures.get(capture_id).filter(|capture| is_money(capture))?;
    let amount = capture.amount.clone();
    if state.books.open_dispute(capture_id).is_some() {
        return None;
    }
    let now = state.now();
    let id = ids::dispute_id();
    let dispute = Dispute {
        id: id.clone(),
        capture_id: capture_id.to_owned(),
        reason: reason.to_owned(),
        stage: begins_as.to_owned(),
        status: DisputeStatus::WaitingForSellerResponse,
        amount,
        outcome: None,
        respond_by: now + Duration::days(RESPONSE_DAYS),
        evidences: Vec::new(),
        create_time: now,
        update_time: now,
    };
    state.books.disputes.insert(id.clone(), dispute);
    webhooks::record(state, "CUSTOMER.DISPUTE.CREATED", &Object::Dispute(id.clone()));
    Some(id)
}

/// What a payer does about a capture by the word in their address.
pub fn open_by_payer(state: &mut State, capture_id: &str) {
    let behaviour = state.books.captures.get(capture_id).map(|capture| capture.payer.behaviour());
    match behaviour {
        Some(Behaviour::Disputes) => {
            open(state, capture_id, "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "INQUIRY");
        }
        Some(Behaviour::Chargeback) => {
            open(state, capture_id, "UNAUTHORISED", "CHARGEBACK");
        }
        _ => {}
    }
}

/// Ends a dispute; `false` when there is no such open one.
pub fn resolve(state: &mut State, id: &str, ending: Ending) -> bool {
    let now = state.now();
    let Some(dispute) = state.books.disputes.get_mut(id).filter(|one| one.outcome.is_none()) else {
        return false;
    };
    let outcome = match ending {
        Ending::Seller => "RESOLVED_SELLER_FAVOUR",
        Ending::Buyer => "RESOLVED_BUYER_FAVOUR",
        Ending::Withdrawn => "CANCELED_BY_BUYER",
    };
    dispute.status = DisputeStatus::Resolved;
    dispute.outcome = Some(outcome.to_owned());
    dispute.update_time = now;
    let capture_id = dispute.capture_id.clone();
    if ending == Ending::Buyer {
        take_back(state, &capture_id, true);
    }
    webhooks::record(state, "CUSTOMER.DISPUTE.RESOLVED", &Object::Dispute(id.to_owned()));
    true
}

/// A bank or PayPal takes a capture back; `false` when there is no such money.
pub fn reverse(state: &mut State, capture_id: &str) -> bool {
    take_back(state, capture_id, false)
}

fn take_back(state: &mut State, capture_id: &str, is_chargeback: bool) -> bool {
    let now = state.now();
    let refunded = state.books.refunded_minor(capture_id);
    let Some(capture) = state.books.captures.get_mut(capture_id).filter(|capture| is_money(capture)) else {
        return false;
    };
    let minor = capture.amount.minor - refunded;
    capture.status = CaptureStatus::Declined;
    capture.update_time = now;
    capture.reversal = Some(Reversal { id: ids::transaction_id(), minor, is_chargeback, at: now });
    webhooks::record(state, "PAYMENT.CAPTURE.REVERSED", &Object::Capture(capture_id.to_owned()));
    true
}

fn is_money(capture: &Capture) -> bool {
    matches!(
        capture.status,
        CaptureStatus::Completed | CaptureStatus::PartiallyRefunded | CaptureStatus::Refunded
    )
}

pub fn list(state: &State, call: &Call) -> Outcome {
    let mut checks = Checks::new(call.operation);
    let size = match call.query("page_size").map(|text| text.parse::<usize>()) {
        None => PAGE_SIZE,
        Some(Ok(size)) if (1..=PAGE_SIZE_MAX).contains(&size) => size,
        Some(_) => {
            checks.malformed("INVALID_PARAMETER_VALUE", "page_size", None);
            PAGE_SIZE
        }
    };
    checks.finish()?;
    let transaction = call.query("disputed_transaction_id");
    let chosen = |one: &&Dispute| transaction.as_ref().is_none_or(|wanted| one.capture_id == *wanted);
    let mut found: Vec<&Dispute> = state.books.disputes.values().filter(chosen).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.create_time));
    let items: Vec<Value> = found.into_iter().take(size).map(|one| summary(state, one)).collect();
    let mut answer = json!({
        "links": [views::link(&format!("{}{}", state.url, call.target), "self", "GET")],
    });
    if !items.is_empty() {
        answer["items"] = Value::Array(items);
    }
    Ok(Answer::json(200, answer))
}

pub fn get(state: &State, call: &Call) -> Outcome {
    if state.books.disputes.contains_key(&call.id) {
        Ok(Answer::full(200, Object::Dispute(call.id.clone())))
    } else {
        Err(unknown(call))
    }
}

pub fn provide_evidence(state: &mut State, call: &Call) -> Outcome {
    let input = form::input(call, "evidence-file")?;
    let mut checks = Checks::new(call.operation);
    let evidences = input["evidences"].as_array().map_or(&[][..], Vec::as_slice);
    if !(1..=EVIDENCES_MAX).contains(&evidences.len()) {
        checks.malformed("INVALID_ARRAY_MIN_ITEMS", "/evidences", None);
    }
    for (index, evidence) in evidences.iter().enumerate() {
        check_evidence(&mut checks, evidence, &format!("/evidences/{index}"));
    }
    checks.finish()?;
    let now = state.now();
    let dispute = waiting(state, call)?;
    dispute.status = DisputeStatus::UnderReview;
    dispute.update_time = now;
    dispute.evidences.extend(evidences.iter().cloned());
    Ok(changed(state, call))
}

pub fn accept_claim(state: &mut State, call: &Call) -> Outcome {
    let input = form::input(call, "accept-claim-document")?;
    let mut checks = Checks::new(call.operation);
    checks.text(&input, "", "note", 1..=2_000);
    checks.word(&input, "", "accept_claim_type", &CLAIM_TYPES);
    checks.finish()?;
    waiting(state, call)?;
    resolve(state, &call.id, Ending::Buyer);
    Ok(subsequent(state, &call.id))
}

fn check_evidence(checks: &mut Checks, evidence: &Value, at: &str) {
    checks.require(evidence, at, "evidence_type");
    checks.pattern(evidence, at, "evidence_type", 1..=255, |character| {
        character.is_ascii_uppercase() || character.is_ascii_digit() || character == '_'
    });
    checks.text(evidence, at, "notes", 1..=2_000);
    let info = &evidence["evidence_info"];
    let at_info = format!("{at}/evidence_info");
    for (index, tracking) in info["tracking_info"].as_array().into_iter().flatten().enumerate() {
        let at = format!("{at_info}/tracking_info/{index}");
        for name in ["carrier_name", "tracking_number"] {
            checks.require(tracking, &at, name);
            checks.text(tracking, &at, name, 1..=255);
        }
    }
    let kind = evidence["evidence_type"].as_str().unwrap_or_default();
    let is_missing = match kind {
        "PROOF_OF_FULFILLMENT" => info["tracking_info"].is_null(),
        "PROOF_OF_REFUND" => info["refund_ids"].is_null(),
        _ => false,
    };
    if is_missing {
        checks.malformed("MISSING_REQUIRED_PARAMETER", &at_info, None);
    }
}

/// The dispute of the path, when it waits for the seller: only then its links name what may be done.
fn waiting<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Dispute, Refusal> {
    let dispute = state.books.disputes.get_mut(&call.id).ok_or_else(|| unknown(call))?;
    if dispute.status == DisputeStatus::WaitingForSellerResponse {
        Ok(dispute)
    } else {
        Err(Refusal::with(call.operation, 400, &[Detail::new("ACTION_NOT_ALLOWED_IN_CURRENT_DISPUTE_STATE")]))
    }
}

fn unknown(call: &Call) -> Refusal {
    Refusal::with(call.operation, 404, &[])
}

fn changed(state: &mut State, call: &Call) -> Answer {
    webhooks::record(state, "CUSTOMER.DISPUTE.UPDATED", &Object::Dispute(call.id.clone()));
    subsequent(state, &call.id)
}

fn subsequent(state: &State, id: &str) -> Answer {
    Answer::json(200, json!({"links": [views::link(&own(state, id), "self", "GET")]}))
}

fn own(state: &State, id: &str) -> String {
    format!("{}/v1/customer/disputes/{id}", state.url)
}

/// A dispute as lists show it.
fn summary(state: &State, one: &Dispute) -> Value {
    let own = own(state, &one.id);
    let mut links = vec![views::link(&own, "self", "GET")];
    let mut view = json!({
        "dispute_id": one.id,
        "create_time": ids::time(one.create_time),
        "update_time": ids::time(one.update_time),
        "reason": one.reason,
        "status": one.status,
        "dispute_amount": one.amount.wire(),
        "dispute_life_cycle_stage": one.stage,
        "dispute_channel": "INTERNAL",
    });
    if one.status == DisputeStatus::WaitingForSellerResponse {
        view["seller_response_due_date"] = json!(ids::time(one.respond_by));
        links.push(views::link(&format!("{own}/provide-evidence"), "provide-evidence", "POST"));
        links.push(views::link(&format!("{own}/accept-claim"), "accept-claim", "POST"));
    }
    view["links"] = Value::Array(links);
    view
}

/// A dispute in full.
pub fn view(state: &State, one: &Dispute) -> Value {
    let mut view = summary(state, one);
    if let Some(capture) = state.books.captures.get(&one.capture_id) {
        let mut transaction = json!({
            "seller_transaction_id": capture.id,
            "create_time": ids::time(capture.create_time),
            "transaction_status": if capture.reversal.is_some() { "REVERSED" } else { "COMPLETED" },
            "gross_amount": capture.amount.wire(),
        });
        if let Some(invoice) = &capture.invoice_id {
            transaction["invoice_number"] = json!(invoice);
        }
        if let Some(custom) = &capture.custom_id {
            transaction["custom"] = json!(custom);
        }
        view["disputed_transactions"] = json!([transaction]);
    }
    if let Some(outcome) = &one.outcome {
        view["dispute_outcome"] = json!({"outcome_code": outcome});
        if outcome == "RESOLVED_BUYER_FAVOUR" {
            let gone =
                state.books.captures.get(&one.capture_id).and_then(|capture| capture.reversal.as_ref());
            let minor = gone.map_or(one.amount.minor, |reversal| reversal.minor);
            view["dispute_outcome"]["amount_refunded"] = one.amount.with(minor).wire();
        }
    }
    let evidences: Vec<Value> = one
        .evidences
        .iter()
        .map(|evidence| {
            let mut evidence = evidence.clone();
            evidence["source"] = json!("SUBMITTED_BY_SELLER");
            evidence
        })
        .collect();
    if !evidences.is_empty() {
        view["evidences"] = Value::Array(evidences);
    }
    view
}
