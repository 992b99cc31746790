//! What Klarna's errors mean, by `error_code`: the messages may change, the codes don't.

use super::client::{Answer, Lost};
use super::wire::Refusal;
use crate::payments::model::{DeclineReason, Outcome};
use crate::payments::provider::LinkError;

/// What an error asks of us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did not happen.
    Declined(Outcome),
    /// It did not happen; Klarna names a way by which the shopper may confirm.
    StepUp(String),
    /// It did not happen, or it did before: the order says.
    Look(String),
    /// What it was about is not there.
    Missing(String),
    /// Ask again, with the same key.
    Again(String),
}

/// Reads an answer that is no success.
pub fn verdict(answer: &Answer) -> Verdict {
    let refusal = Refusal::of(answer);
    let detail = refusal.describe(answer.status);
    // Only an error in Klarna's own words is a refusal; a proxy on the way knows nothing of what happened.
    if refusal.error_code.is_empty() {
        return Verdict::Again(detail);
    }
    if let Some(step_up) = step_up_of(&refusal) {
        return Verdict::StepUp(step_up);
    }
    if refusal.fraud_status.as_deref() == Some("REJECTED") {
        return Verdict::Declined(declined(DeclineReason::Declined));
    }
    match (answer.status.as_u16(), refusal.error_code.as_str()) {
        (403, "TOKEN_SUSPENDED" | "TOKEN_CANCELLED" | "TOKEN_FORBIDDEN") | (404, "TOKEN_NOT_FOUND") => {
            Verdict::Declined(declined(DeclineReason::LinkRevoked))
        }
        // A credit rejection, or a source of money that fails now: the account itself is fine.
        (403, "PAYMENT_METHOD_FAILED" | "UNAVAILABLE_PAYMENT_METHOD") => {
            Verdict::Declined(declined(DeclineReason::Declined))
        }
        (403, "CAPTURE_NOT_ALLOWED" | "CANCEL_NOT_ALLOWED" | "REFUND_NOT_ALLOWED" | "NOT_ALLOWED")
        | (409, _) => Verdict::Look(detail),
        (404, _) => Verdict::Missing(detail),
        (400 | 403 | 413 | 422, _) => Verdict::Declined(Outcome::Refused { detail }),
        _ => Verdict::Again(detail),
    }
}

/// Where Klarna says that the shopper may confirm. Its documentation names the field, but no sample of the answer was found:
/// this is the one place that knows where it is.
fn step_up_of(refusal: &Refusal) -> Option<String> {
    refusal.step_up_id.clone().filter(|id| !id.is_empty())
}

/// A refusal as an outcome.
pub fn declined(reason: DeclineReason) -> Outcome {
    let may_retry = matches!(
        reason,
        DeclineReason::Declined
            | DeclineReason::LimitExceeded
            | DeclineReason::FundsMissing
            | DeclineReason::NotConfirmed
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

/// Why a link can't be worked on, of an answer that is no success.
pub fn link_refusal(answer: &Answer) -> LinkError {
    match verdict(answer) {
        Verdict::Again(detail) | Verdict::Look(detail) => LinkError::Unknown(detail),
        Verdict::Missing(detail) | Verdict::StepUp(detail) => LinkError::Refused(detail),
        Verdict::Declined(_) => LinkError::Refused(Refusal::of(answer).describe(answer.status)),
    }
}

/// A link that could not be asked about.
pub fn link_lost(lost: Lost) -> LinkError {
    LinkError::Unknown(lost.detail())
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

    fn code(status: u16, code: &str) -> Verdict {
        answer(status, &format!(r#"{{"correlation_id":"c","error_code":"{code}","error_messages":["m"]}}"#))
    }

    fn reason(verdict: &Verdict) -> Option<(DeclineReason, bool)> {
        match verdict {
            Verdict::Declined(Outcome::Declined { reason, may_retry }) => Some((*reason, *may_retry)),
            Verdict::Declined(Outcome::Refused { .. }) => Some((DeclineReason::Refused, false)),
            _ => None,
        }
    }

    #[test]
    fn an_error_is_read_by_its_code() {
        let declined = |status, name| reason(&code(status, name));
        for token in ["TOKEN_SUSPENDED", "TOKEN_CANCELLED", "TOKEN_FORBIDDEN"] {
            assert_eq!(declined(403, token), Some((DeclineReason::LinkRevoked, false)));
        }
        assert_eq!(declined(404, "TOKEN_NOT_FOUND"), Some((DeclineReason::LinkRevoked, false)));
        assert_eq!(declined(403, "PAYMENT_METHOD_FAILED"), Some((DeclineReason::Declined, true)));
        assert_eq!(declined(403, "UNAVAILABLE_PAYMENT_METHOD"), Some((DeclineReason::Declined, true)));
        assert_eq!(declined(403, "PAYMENT_METHOD_CURRENCY_MISMATCH"), Some((DeclineReason::Refused, false)));
        assert_eq!(declined(400, "BAD_VALUE"), Some((DeclineReason::Refused, false)));
        assert_eq!(declined(403, "SOMETHING_NEW"), Some((DeclineReason::Refused, false)));
        assert!(matches!(code(403, "CAPTURE_NOT_ALLOWED"), Verdict::Look(_)));
        assert!(matches!(code(409, "CONFLICT"), Verdict::Look(_)));
        assert!(matches!(code(404, "NO_SUCH_ORDER"), Verdict::Missing(_)));
        assert!(matches!(code(503, "SERVICE_UNAVAILABLE"), Verdict::Again(_)));
        assert!(matches!(code(500, "INTERNAL_SERVER_ERROR"), Verdict::Again(_)));
    }

    #[test]
    fn a_way_to_confirm_goes_before_the_refusal() {
        let body = r#"{"correlation_id":"c","error_code":"PAYMENT_METHOD_FAILED","step_up_id":"s-1"}"#;
        assert_eq!(answer(403, body), Verdict::StepUp("s-1".to_owned()));
        let rejected = r#"{"error_code":"SOMETHING","fraud_status":"REJECTED"}"#;
        assert_eq!(reason(&answer(403, rejected)), Some((DeclineReason::Declined, true)));
    }

    #[test]
    fn a_refusal_that_is_not_in_klarnas_words_is_no_refusal() {
        assert!(matches!(answer(403, "<html>"), Verdict::Again(_)));
        assert!(matches!(answer(404, "{}"), Verdict::Again(_)));
        assert!(matches!(answer(302, ""), Verdict::Again(_)));
    }
}
