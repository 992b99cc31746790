//! What PayPal's errors mean, by `details[].issue`: the texts may change, the issues don't.

use super::client::{Answer, Lost};
use super::wire::{Link, Refusal};
use crate::payments::evidence::AnswerOutcome;
use crate::payments::model::{DeclineReason, Outcome};

/// What an error asks of us.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// It did not happen.
    Declined(DeclineReason),
    /// The shopper has to act; perhaps with the address where.
    Action(Vec<Link>),
    /// Something like it happened before: read what.
    Before,
    /// The hold ended: expired, denied, let go of, or captured from as often as it may be.
    Ended,
    /// Ask again, with the same key.
    Again(String),
}

/// Reads an answer that is no success.
pub fn verdict(answer: &Answer) -> Verdict {
    let status = answer.status.as_u16();
    // Only an error in PayPal's own words is a refusal; a proxy on the way knows nothing of what happened.
    let refusal: Option<Refusal> = serde_json::from_slice(&answer.body).ok();
    let refusal = refusal.filter(|refusal| !refusal.name.is_empty());
    let mut issues = refusal.iter().flat_map(|refusal| &refusal.details).map(|detail| detail.issue.as_str());
    let known = issues.find_map(|issue| by_issue(issue, refusal.as_ref()));
    match (status, refusal.is_some(), known) {
        (403 | 404 | 422, true, Some(verdict)) => verdict,
        (400, true, _) | (403 | 404 | 422, true, None) => Verdict::Declined(DeclineReason::Refused),
        _ => Verdict::Again(format!("PayPal answered {status}")),
    }
}

/// What became of something that PayPal takes no key for and did not accept.
pub fn not_taken(answer: &Answer) -> AnswerOutcome {
    if let Verdict::Again(detail) = verdict(answer) {
        return AnswerOutcome::Unknown(detail);
    }
    let refusal: Refusal = answer.read().unwrap_or_default();
    let issue = refusal.details.first().map_or(refusal.name.as_str(), |detail| &detail.issue);
    AnswerOutcome::Refused(format!("PayPal refused it: {issue}"))
}

fn by_issue(issue: &str, refusal: Option<&Refusal>) -> Option<Verdict> {
    Some(match issue {
        "INSTRUMENT_DECLINED"
        | "PAYER_CANNOT_PAY"
        | "TRANSACTION_REFUSED"
        | "PAYER_ACCOUNT_RESTRICTED"
        | "PAYER_ACCOUNT_LOCKED_OR_CLOSED"
        | "COMPLIANCE_VIOLATION"
        | "CARD_EXPIRED"
        | "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED" => Verdict::Declined(DeclineReason::Declined),
        "TRANSACTION_LIMIT_EXCEEDED" | "TRANSACTION_AMOUNT_EXCEEDS_MONTHLY_MAX_LIMIT" => {
            Verdict::Declined(DeclineReason::LimitExceeded)
        }
        "PAYER_ACTION_REQUIRED" | "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING" | "ORDER_NOT_APPROVED" => {
            Verdict::Action(refusal.map_or_else(Vec::new, |refusal| refusal.links.clone()))
        }
        "AGREEMENT_ALREADY_CANCELLED"
        | "BILLING_AGREEMENT_NOT_FOUND"
        | "TOKEN_ID_NOT_FOUND"
        | "TOKEN_EXPIRED"
        | "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE"
        | "CONSENT_NEEDED" => Verdict::Declined(DeclineReason::LinkRevoked),
        "AUTHORIZATION_EXPIRED"
        | "AUTHORIZATION_VOIDED"
        | "AUTHORIZATION_DENIED"
        | "PREVIOUSLY_VOIDED"
        | "MAX_CAPTURE_COUNT_EXCEEDED" => Verdict::Ended,
        "ORDER_ALREADY_CAPTURED"
        | "ORDER_ALREADY_AUTHORIZED"
        | "ORDER_ALREADY_COMPLETED"
        | "AUTHORIZATION_ALREADY_CAPTURED"
        | "PREVIOUSLY_CAPTURED"
        | "MAX_CAPTURE_AMOUNT_EXCEEDED"
        | "CAPTURE_FULLY_REFUNDED"
        | "REFUND_AMOUNT_EXCEEDED"
        | "DUPLICATE_INVOICE_ID" => Verdict::Before,
        "REFUND_FAILED_INSUFFICIENT_FUNDS" => Verdict::Declined(DeclineReason::FundsMissing),
        "PENDING_CAPTURE" | "PREVIOUS_REQUEST_IN_PROGRESS" => Verdict::Again(issue.to_owned()),
        _ => return None,
    })
}

/// A refusal as an outcome.
pub fn declined(reason: DeclineReason) -> Outcome {
    let may_retry = matches!(
        reason,
        DeclineReason::Declined | DeclineReason::LimitExceeded | DeclineReason::FundsMissing
    );
    Outcome::Declined { reason, may_retry }
}

/// What came of the call that does the thing, when no answer to it can be read.
pub fn lost(lost: Lost) -> Outcome {
    match lost {
        Lost::NeverLeft(detail) => Outcome::NotSent { detail },
        Lost::Unknown(detail) => Outcome::Unknown { detail },
    }
}

/// What a read that failed tells of what was done before: nothing, however it failed.
impl From<Lost> for Outcome {
    fn from(lost: Lost) -> Self {
        Self::unknown(lost.detail())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;

    fn answer(status: u16, body: &str) -> Verdict {
        let status = StatusCode::from_u16(status).expect("a status");
        verdict(&Answer { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() })
    }

    fn issue(status: u16, issue: &str) -> Verdict {
        answer(status, &format!(r#"{{"name":"X","details":[{{"issue":"{issue}"}}]}}"#))
    }

    #[test]
    fn an_error_is_read_by_its_issue() {
        assert!(matches!(issue(422, "INSTRUMENT_DECLINED"), Verdict::Declined(DeclineReason::Declined)));
        assert!(matches!(issue(422, "PAYER_ACTION_REQUIRED"), Verdict::Action(_)));
        assert!(matches!(issue(422, "TOKEN_ID_NOT_FOUND"), Verdict::Declined(DeclineReason::LinkRevoked)));
        assert!(matches!(issue(422, "ORDER_ALREADY_CAPTURED"), Verdict::Before));
        assert!(matches!(issue(422, "SOMETHING_NEW"), Verdict::Declined(DeclineReason::Refused)));
        assert!(matches!(
            issue(400, "MISSING_REQUIRED_PARAMETER"),
            Verdict::Declined(DeclineReason::Refused)
        ));
        assert!(matches!(issue(409, "RESOURCE_CONFLICT"), Verdict::Again(_)));
        assert!(matches!(issue(429, "RATE_LIMIT_REACHED"), Verdict::Again(_)));
        assert!(matches!(issue(500, "INTERNAL_SERVER_ERROR"), Verdict::Again(_)));
    }

    #[test]
    fn a_refusal_that_is_not_in_paypals_words_is_no_refusal() {
        assert!(matches!(answer(422, "<html>"), Verdict::Again(_)));
        assert!(matches!(answer(404, "{}"), Verdict::Again(_)));
        assert!(matches!(answer(302, ""), Verdict::Again(_)));
    }
}
