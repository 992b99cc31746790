//! How what payments can't do is told.

use crate::error::{OwedDebt, Problem};
use crate::payments::debts::Debt;
use crate::payments::{Error, PlanError};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::MethodUnknown | Error::MethodInactive | Error::MethodTaken | Error::ReturnUrl | Error::WithPurchase | Error::ProviderAbsent => link(error),
            Error::DisputeUnknown | Error::DisputeAction | Error::AnswerTaken => dispute(error),
            Error::ReconciliationUnknown | Error::ReconciliationTaken | Error::Span | Error::StatementAbsent | Error::DifferenceUnknown | Error::DifferenceState | Error::OperationUnknown | Error::OperationState | Error::Evidence(_) => books(error),
            Error::PaymentUnknown => Self::not_found("payment_unknown", "There is no such payment of yours."),
            Error::AlreadyStarted => {
                Self::conflict("payment_started", "The checkout is being paid for already.")
            }
            Error::Amounts => {
                Self::unprocessable("payment_amounts", "The amounts of the payment don't add up.")
            }
            Error::DebtUnknown => Self::not_found("debt_unknown", "There is no such debt."),
            Error::DebtState(state) => Self::conflict(
                "debt_state",
                format!("The debt is {state}; it can't do that any more, or not yet."),
            ),
            Error::DebtLetGo => Self::conflict(
                "debt_let_go",
                "What was begun with another account is given up for this one. Send it again in a moment.",
            ),
            Error::Owed(debts) => owed(&debts),
            Error::ProviderSilent => {
                Self::unavailable("provider_silent", "The provider can't be asked now. Try again.", 5)
            }
            Error::NotExpressible(amount) => Self::unprocessable(
                "amount_not_payable",
                format!(
                    "{amount} can't be debited there exactly: the provider takes fewer decimals of this currency."
                ),
            )
            .at("/payment_method", "can't be debited with this amount"),
            Error::News(error) | Error::Sealed(error) => Self::internal(error),
            Error::Ledger(error) => Self::internal(error),
            Error::Plan(PlanError::State) => Self::conflict(
                "payment_state",
                "The payment is not in a state that allows this. Read it and decide again.",
            ),
            Error::Plan(PlanError::Amount) => Self::conflict(
                "payment_amount",
                "The amount is more than the payment covers, or of another currency.",
            ),
            Error::Plan(PlanError::Disputed) => Self::conflict(
                "payment_disputed",
                "The payer disputes the debit: the provider decides whether it is given back.",
            ),
            Error::Plan(PlanError::Used) => Self::conflict(
                "payment_name_used",
                "The name was used before for another amount. Choose a new one.",
            ),
            Error::Database(error) => error.into(),
        }
    }
}

/// Of linked accounts.
fn link(error: Error) -> Problem {
    match error {
        Error::MethodUnknown => {
            Problem::not_found("payment_method_unknown", "There is no such payment method of yours.")
        }
        Error::MethodInactive => Problem::conflict(
            "payment_method_inactive",
            "The account can't be debited: finish linking it, or link it again.",
        ),
        Error::MethodTaken => Problem::conflict(
            "payment_method_taken",
            "The id was used before with other contents. Choose a new one.",
        ),
        Error::ReturnUrl => {
            Problem::unprocessable("return_url_refused", "The address is not one of the app's own links.")
                .at("/return_url", "must be one of the configured app links, or below one")
        }
        Error::WithPurchase => {
            Problem::unprocessable("with_purchase_refused", "The provider links no account with a purchase.")
                .at("/with_purchase", "link it before")
        }
        Error::ProviderAbsent => {
            Problem::unprocessable("provider_absent", "The payment provider is not offered here.")
                .at("/provider", "not offered")
        }
        other => Problem::internal(other),
    }
}

/// Of disputes.
fn dispute(error: Error) -> Problem {
    match error {
        Error::DisputeUnknown => {
            Problem::not_found("dispute_unknown", "There is no such dispute; list them again.")
        }
        Error::DisputeAction => Problem::conflict(
            "dispute_action",
            "The provider does not let us do that about the dispute now. Read it and decide again.",
        ),
        Error::AnswerTaken => {
            Problem::conflict("answer_taken", "The id was used before for another answer. Choose a new one.")
        }
        other => Problem::internal(other),
    }
}

/// Of what staff settle and compare.
fn books(error: Error) -> Problem {
    match error {
        Error::ReconciliationUnknown => {
            Problem::not_found("reconciliation_unknown", "There is no such comparison.")
        }
        Error::ReconciliationTaken => Problem::conflict(
            "reconciliation_taken",
            "The id was used before for another comparison. Choose a new one.",
        ),
        Error::Span => Problem::unprocessable("span_invalid", error.to_string()).at("/from", "out of range"),
        Error::StatementAbsent => {
            Problem::unprocessable("statement_absent", "The provider's books can't be read here.")
                .at("/provider", "does not show its books")
        }
        Error::DifferenceUnknown => Problem::not_found("difference_unknown", "There is no such difference."),
        Error::DifferenceState => Problem::conflict(
            "difference_state",
            "The difference was explained otherwise, or is gone. List them again.",
        ),
        Error::OperationUnknown => {
            Problem::not_found("operation_unknown", "There is no such operation; list them again.")
        }
        Error::OperationState => Problem::conflict(
            "operation_state",
            "The operation does not wait for people, or was settled otherwise; list them again.",
        ),
        Error::Evidence(detail) => {
            Problem::unprocessable("evidence_refused", format!("This proves nothing: {detail}."))
                .at("/object", detail)
        }
        other => Problem::internal(other),
    }
}

/// What keeps a shopper from buying more, and where it is paid.
fn owed(debts: &[Debt]) -> Problem {
    let owed = debts.iter().map(|debt| OwedDebt {
        id: debt.id,
        amount: debt.amount,
        reference: debt.reference.clone(),
        since: debt.created_at,
    });
    Problem::conflict(
        "debt_open",
        "An earlier purchase is not paid yet; see debts. Pay it with a linked account, then shop on.",
    )
    .owing(owed.collect())
}
