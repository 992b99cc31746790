//! The routes of callbacks, for providers that sign nothing: see `callback.rs`.

use axum::extract::State;
use axum::http::StatusCode;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Path;
use crate::ids::{MethodId, PaymentId};
use crate::payments::callback::{self, Subject};

/// Hint that something happened to a payment. For providers that sign nothing: whatever is sent is not read; the provider is
/// asked, now or in a few seconds.
#[utoipa::path(
    post, path = "/v1/payments/{id}/callback/{secret}", tag = "payments", security(()),
    params(("id" = PaymentId, Path, description = "The payment"), ("secret" = String, Path, description = "The secret of its address")),
    responses(
        (status = 200, description = "Taken"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`callback_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn receive_payment_callback(
    State(app): State<App>,
    Path((id, secret)): Path<(PaymentId, String)>,
) -> Result<StatusCode, Problem> {
    receive(&app, Subject::Payment(id), &secret).await
}

/// Hint that something happened to a link. For providers that sign nothing: whatever is sent is not read; the provider is
/// asked, now or in a few seconds.
#[utoipa::path(
    post, path = "/v1/payment-methods/{id}/callback/{secret}", tag = "payments", security(()),
    params(("id" = MethodId, Path, description = "The account"), ("secret" = String, Path, description = "The secret of its address")),
    responses(
        (status = 200, description = "Taken"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`callback_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn receive_method_callback(
    State(app): State<App>,
    Path((id, secret)): Path<(MethodId, String)>,
) -> Result<StatusCode, Problem> {
    receive(&app, Subject::Method(id), &secret).await
}

async fn receive(app: &App, subject: Subject, secret: &str) -> Result<StatusCode, Problem> {
    if callback::receive(app, subject, secret).await? {
        return Ok(StatusCode::OK);
    }
    metrics::counter!("aisle_payment_callbacks_refused_total").increment(1);
    Err(Problem::not_found("callback_unknown", "This address is not one that was given to a provider."))
}
