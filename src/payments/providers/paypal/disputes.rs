//! Customer Disputes v1: read one, answer one; and whether a capture was taken back.
//!
//! Only what a dispute's own links name may be done to it now. Answers go as forms of several parts: one called `input` with the
//! JSON, and files, of which we have none: what we know is told in words.

use serde_json::{Value, json};

use super::client::{Body, Call, Client, Lost};
use super::errors::not_taken;
use super::wire::{self, Payment};
use crate::payments::evidence::{AnswerOutcome, DisputeAnswer, EvidenceKind, EvidencePiece};
use crate::payments::model::{Dispute, DisputeAction, DisputeReason, DisputeStage, DisputeState};
use crate::payments::provider::Debit;
use reqwest::Method;

/// What parts the form; it can't be in the JSON, which has no line breaks.
const BOUNDARY: &str = "aisle-evidence";

/// How a dispute stands; nothing when PayPal does not know it.
pub async fn read(client: &Client, name: &str) -> Result<Option<Dispute>, String> {
    let answer =
        client.get("read dispute", &format!("/v1/customer/disputes/{name}")).await.map_err(Lost::detail)?;
    match answer.status.as_u16() {
        200 => {}
        404 => return Ok(None),
        status => return Err(format!("PayPal answered {status}")),
    }
    let found: wire::Dispute = answer.read().map_err(Lost::detail)?;
    dispute(&found).map(Some).ok_or_else(|| "a dispute without an id or an amount".to_owned())
}

fn dispute(found: &wire::Dispute) -> Option<Dispute> {
    let amount = found.dispute_amount.as_ref()?.money().ok()?;
    let outcome = found.dispute_outcome.clone().unwrap_or_default();
    let mut actions: Vec<DisputeAction> = found.links.iter().filter_map(|link| action(&link.rel)).collect();
    actions.sort_unstable();
    actions.dedup();
    Some(Dispute {
        name: Some(found.dispute_id.clone()).filter(|name| !name.is_empty())?,
        capture: found.disputed_transactions.iter().find_map(|each| each.seller_transaction_id.clone()),
        stage: stage(&found.dispute_life_cycle_stage),
        state: state(&found.status, &outcome.outcome_code),
        reason: reason(&found.reason),
        amount,
        given_back: outcome.amount_refunded.and_then(|amount| amount.money().ok()),
        respond_by: moment(found.seller_response_due_date.as_deref()),
        actions,
        opened_at: moment(found.create_time.as_deref()),
    })
}

fn moment(text: Option<&str>) -> Option<crate::clock::Moment> {
    text.and_then(|text| text.parse().ok())
}

fn action(rel: &str) -> Option<DisputeAction> {
    match rel {
        "self" | "" => None,
        "provide-evidence" => Some(DisputeAction::ProvideEvidence),
        "accept-claim" => Some(DisputeAction::AcceptClaim),
        _ => Some(DisputeAction::OnProvidersPages),
    }
}

fn stage(text: &str) -> DisputeStage {
    match text {
        "CHARGEBACK" => DisputeStage::Chargeback,
        "PRE_ARBITRATION" => DisputeStage::PreArbitration,
        "ARBITRATION" => DisputeStage::Arbitration,
        _ => DisputeStage::Inquiry,
    }
}

fn state(status: &str, outcome: &str) -> DisputeState {
    match (status, outcome) {
        ("RESOLVED", "RESOLVED_BUYER_FAVOUR" | "ACCEPTED") => DisputeState::Lost,
        // A payout is at PayPal's own cost.
        ("RESOLVED", "RESOLVED_SELLER_FAVOUR" | "CANCELED_BY_BUYER" | "DENIED" | "RESOLVED_WITH_PAYOUT") => {
            DisputeState::Won
        }
        ("RESOLVED", _) => DisputeState::Ended,
        ("WAITING_FOR_SELLER_RESPONSE", _) => DisputeState::AwaitsUs,
        ("WAITING_FOR_BUYER_RESPONSE", _) => DisputeState::AwaitsPayer,
        ("UNDER_REVIEW", _) => DisputeState::UnderReview,
        _ => DisputeState::Open,
    }
}

fn reason(text: &str) -> DisputeReason {
    match text {
        "MERCHANDISE_OR_SERVICE_NOT_RECEIVED" => DisputeReason::NotReceived,
        "MERCHANDISE_OR_SERVICE_NOT_AS_DESCRIBED" => DisputeReason::NotAsDescribed,
        "UNAUTHORISED" => DisputeReason::Unauthorised,
        "DUPLICATE_TRANSACTION" => DisputeReason::Duplicate,
        "INCORRECT_AMOUNT" => DisputeReason::WrongAmount,
        "CREDIT_NOT_PROCESSED" => DisputeReason::RefundMissing,
        "PAYMENT_BY_OTHER_MEANS" => DisputeReason::PaidOtherwise,
        _ => DisputeReason::Other,
    }
}

/// Answers a dispute.
pub async fn answer(client: &Client, answer: &DisputeAnswer<'_>) -> AnswerOutcome {
    let (verb, input) = match answer.action {
        DisputeAction::ProvideEvidence => {
            let evidences: Vec<Value> = answer.evidence.iter().map(evidence).collect();
            ("provide-evidence", json!({"evidences": evidences}))
        }
        DisputeAction::AcceptClaim => {
            let note = answer.evidence.first().map_or("", |piece| piece.text.as_str());
            ("accept-claim", json!({"note": note, "accept_claim_type": "REFUND"}))
        }
        DisputeAction::OnProvidersPages => {
            return AnswerOutcome::Refused("that is done on PayPal's own pages".to_owned());
        }
    };
    let (content_type, bytes) = form(&input);
    let call = Call {
        method: &Method::POST,
        name: "answer dispute",
        path: &format!("/v1/customer/disputes/{}/{verb}", answer.dispute),
        key: Some(answer.dispute),
        device: None,
        body: Body::Raw { content_type: &content_type, bytes: &bytes },
    };
    match client.call(call).await {
        Err(lost) => AnswerOutcome::Unknown(lost.detail()),
        Ok(answer) if answer.status.is_success() => AnswerOutcome::Taken,
        Ok(answer) => not_taken(&answer),
    }
}

/// One part, called `input`.
fn form(input: &Value) -> (String, Vec<u8>) {
    let text = format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"input\"\r\nContent-Type: application/json\r\n\r\n\
         {input}\r\n--{BOUNDARY}--\r\n"
    );
    (format!("multipart/form-data; boundary={BOUNDARY}"), text.into_bytes())
}

fn evidence(piece: &EvidencePiece) -> Value {
    let kind = match piece.kind {
        EvidenceKind::Note => "OTHER",
        EvidenceKind::Receipt => "PROOF_OF_RECEIPT_COPY",
        EvidenceKind::Gate => "PROOF_OF_INSTORE_RECEIPT",
        EvidenceKind::Delivery => "PROOF_OF_FULFILLMENT",
        EvidenceKind::Refund => "PROOF_OF_REFUND",
    };
    let mut wire = json!({"evidence_type": kind, "notes": piece.text});
    if let (Some(carrier), Some(number)) = (&piece.carrier, &piece.tracking_number) {
        wire["evidence_info"] = json!({"tracking_info": [tracking(carrier, number)]});
    }
    if !piece.refunds.is_empty() {
        wire["evidence_info"] = json!({"refund_ids": piece.refunds});
    }
    wire
}

/// A parcel in PayPal's words; couriers that it does not list have their name beside it.
fn tracking(carrier: &str, number: &str) -> Value {
    match carrier {
        "dhl" => json!({"carrier_name": "DHL", "tracking_number": number}),
        other => {
            json!({"carrier_name": "OTHER", "carrier_name_other": other, "tracking_number": number})
        }
    }
}

/// Whether what was captured is still ours. A capture that was money and is none any more was taken back.
pub async fn read_debit(client: &Client, capture: &str) -> Debit {
    let answer = match client.get("read capture", &format!("/v2/payments/captures/{capture}")).await {
        Ok(answer) => answer,
        Err(lost) => return Debit::Unknown(lost.detail()),
    };
    if !answer.status.is_success() {
        return Debit::Unknown(format!("PayPal answered {}", answer.status.as_u16()));
    }
    match answer.read::<Payment>() {
        Ok(found) => debit(&found),
        Err(lost) => Debit::Unknown(lost.detail()),
    }
}

fn debit(found: &Payment) -> Debit {
    let reason = found.status_details.as_ref().map_or("", |details| details.reason.as_str());
    let is_gone = matches!(found.status.as_str(), "DECLINED" | "DENIED" | "FAILED") || reason == "CHARGEBACK";
    match found.money() {
        _ if !is_gone => Debit::Stands,
        Some(amount) => Debit::Reversed(amount),
        None => Debit::Unknown("a capture without an amount".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Dispute {
        dispute(&serde_json::from_str(text).expect("parses")).expect("a dispute")
    }

    #[test]
    fn a_dispute_is_read_by_its_words_and_its_links() {
        let found = read(
            r#"{"dispute_id":"PP-D-1","status":"WAITING_FOR_SELLER_RESPONSE","reason":"UNAUTHORISED",
                "dispute_life_cycle_stage":"CHARGEBACK","seller_response_due_date":"2026-12-01T00:00:00.000Z",
                "disputed_transactions":[{"seller_transaction_id":"C1"}],
                "dispute_amount":{"currency_code":"EUR","value":"9.99"},
                "links":[{"rel":"self","href":"u"},{"rel":"provide-evidence","href":"u"},{"rel":"make-offer","href":"u"}]}"#,
        );
        assert_eq!((found.stage, found.state), (DisputeStage::Chargeback, DisputeState::AwaitsUs));
        assert_eq!(found.actions, [DisputeAction::ProvideEvidence, DisputeAction::OnProvidersPages]);
        assert_eq!(found.capture.as_deref(), Some("C1"));
        assert!(found.respond_by.is_some());
    }

    #[test]
    fn words_that_are_not_known_are_no_decision() {
        assert_eq!(state("SOMETHING_NEW", ""), DisputeState::Open);
        assert_eq!(state("RESOLVED", "SOMETHING_NEW"), DisputeState::Ended);
        assert_eq!(state("RESOLVED", "RESOLVED_BUYER_FAVOUR"), DisputeState::Lost);
        assert_eq!(reason("SOMETHING_NEW"), DisputeReason::Other);
        assert_eq!(stage("SOMETHING_NEW"), DisputeStage::Inquiry);
    }

    #[test]
    fn a_capture_that_is_no_money_any_more_was_taken_back() {
        let capture = |status: &str, reason: &str| {
            let text = format!(
                r#"{{"id":"C","status":"{status}","status_details":{{"reason":"{reason}"}},
                    "amount":{{"currency_code":"EUR","value":"1.00"}}}}"#
            );
            debit(&serde_json::from_str(&text).expect("parses"))
        };
        assert_eq!(capture("COMPLETED", ""), Debit::Stands);
        assert_eq!(capture("PENDING", "BUYER_COMPLAINT"), Debit::Stands);
        assert_eq!(capture("REFUNDED", ""), Debit::Stands);
        assert!(matches!(capture("DECLINED", ""), Debit::Reversed(_)));
        assert!(matches!(capture("PENDING", "CHARGEBACK"), Debit::Reversed(_)));
    }
}
