//! The routes of payments: one payment, the page that shoppers come back to from it, webhooks; `methods.rs` has those of linked
//! accounts, `callbacks.rs` those for providers that sign nothing, `debts.rs` what is owed, `disputes.rs`, `parked.rs` and
//! `reconciliations.rs` those for staff.

mod callbacks;
mod debts;
mod disputes;
mod methods;
mod parked;
mod problems;
mod reconciliations;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::model::{DeclineReason, PaymentState, ProviderName, Remedy};
use super::provider::EventError;
use super::webhook::{self, Refused};
use super::{Error, Payment, callback, pages};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Raw};
use crate::http::reply::Reply;
use crate::identity::Shopper;
use crate::ids::{CheckoutId, MethodId, PaymentId};
use crate::money::Money;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(methods::list_payment_methods))
        .routes(routes!(
            methods::link_payment_method,
            methods::read_payment_method,
            methods::unlink_payment_method
        ))
        .routes(routes!(methods::confirm_payment_method))
        .routes(routes!(methods::return_from_linking))
        .routes(routes!(read_payment))
        .routes(routes!(return_from_payment))
        .routes(routes!(receive_webhook))
        .routes(routes!(callbacks::receive_payment_callback))
        .routes(routes!(callbacks::receive_method_callback))
        .routes(routes!(debts::list_debts))
        .routes(routes!(debts::read_debt))
        .routes(routes!(debts::pay_debt))
        .routes(routes!(debts::list_store_debts))
        .routes(routes!(debts::write_off_debt))
        .routes(routes!(reconciliations::list_reconciliations))
        .routes(routes!(reconciliations::begin_reconciliation, reconciliations::read_reconciliation))
        .routes(routes!(reconciliations::list_differences))
        .routes(routes!(reconciliations::explain_difference))
        .routes(routes!(parked::list_parked_operations))
        .routes(routes!(parked::resolve_operation))
        .routes(routes!(disputes::list_disputes))
        .routes(routes!(disputes::read_dispute))
        .routes(routes!(disputes::answer_dispute))
}

/// A payment.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payment)]
struct PaymentBody {
    /// Which payment.
    id: PaymentId,
    /// What it pays for.
    checkout: CheckoutId,
    /// The account that is debited.
    method: MethodId,
    /// How far it is.
    state: PaymentState,
    /// What the checkout costs.
    total: Money,
    /// What was held or debited, once.
    authorised: Money,
    /// What was debited.
    captured: Money,
    /// What was given back.
    refunded: Money,
    /// Where the shopper confirms, while `action_required`: open it in a browser.
    action_url: Option<String>,
    /// Why it was declined.
    decline_reason: Option<DeclineReason>,
    /// What the shopper can do when it was declined, the nearest first.
    remedies: Vec<Remedy>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

impl From<Payment> for PaymentBody {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            checkout: payment.checkout,
            method: payment.method,
            state: payment.state,
            total: payment.total,
            authorised: payment.authorised,
            captured: payment.captured,
            refunded: payment.refunded,
            action_url: payment.action_url,
            remedies: payment
                .decline_reason
                .map(|reason| reason.remedies(payment.may_retry))
                .unwrap_or_default(),
            decline_reason: payment.decline_reason,
            created_at: payment.created_at,
        }
    }
}

/// Read a payment.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}",
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment")),
    responses(
        (status = 200, description = "The payment", body = PaymentBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The shopper has no such payment", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn read_payment(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<PaymentId>,
) -> Result<Reply<PaymentBody>, Problem> {
    let payment = super::find(&app.db, id).await?.filter(|payment| payment.shopper == shopper.id);
    let payment = payment.ok_or(Error::PaymentUnknown)?;
    Ok(Reply(StatusCode::OK, payment.into()))
}

/// The page that the provider sends the shopper back to after confirming a payment. It proves nothing: the provider is
/// asked.
#[utoipa::path(
    get,
    path = "/v1/payments/{id}/return",
    tag = "payments",
    params(("id" = PaymentId, Path, description = "The payment")),
    responses(
        (status = 200, description = "A page that says to go back to the app", body = String, content_type = "text/html"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn return_from_payment(State(app): State<App>, Path(id): Path<PaymentId>) -> Result<Response, Problem> {
    let Some(payment) = super::find(&app.db, id).await? else { return Ok(pages::go_back(None)) };
    if payment.state == PaymentState::ActionRequired {
        callback::look(&app, callback::Subject::Payment(id)).await?;
    }
    let link = Some(payment.return_url.as_str()).filter(|link| app.config.payments.may_lead_to(link));
    Ok(pages::go_back(link))
}

/// Take in an event of PayPal, proven by its signature. What it says is only a hint: PayPal is asked.
#[utoipa::path(
    post,
    path = "/v1/webhooks/payments/paypal",
    tag = "payments",
    request_body(content = String, description = "PayPal's event as it was signed", content_type = "application/json"),
    responses(
        (status = 200, description = "Stored, or stored before"),
        (status = 400, description = "The event is not proven to be PayPal's", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "PayPal is not configured", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The event is too large", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The proof can't be checked now", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn receive_webhook(
    State(app): State<App>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    match webhook::receive(&app, ProviderName::PayPal, &headers, &body).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(Refused::Other(Error::ProviderAbsent)) => {
            Err(Problem::not_found("provider_absent", "PayPal is not configured here."))
        }
        Err(Refused::Other(error)) => Err(error.into()),
        Err(Refused::Event(EventError::Forged(reason))) => {
            metrics::counter!("aisle_payment_webhooks_refused_total", "provider" => "paypal").increment(1);
            tracing::warn!("a webhook was refused: {reason}");
            Err(Problem::bad_request(
                "webhook_unproven",
                "The event does not prove that it comes from PayPal.",
            ))
        }
        Err(Refused::Event(EventError::Unavailable(reason))) => {
            tracing::warn!("a webhook can't be checked now: {reason}");
            Err(Problem::unavailable(
                "webhook_unchecked",
                "The event can't be checked now. Send it again.",
                5,
            ))
        }
    }
}
