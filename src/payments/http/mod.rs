//! The routes of payments: linked accounts, the pages that shoppers come back to, one payment, webhooks; `parked.rs` has
//! those for staff, `debts.rs` what is owed.

mod debts;
mod parked;

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::debts::Debt;
use super::model::{DeclineReason, MethodState, PaymentState, ProviderName};
use super::operate::Operate;
use super::provider::EventError;
use super::store::{self, methods};
use super::webhook::{self, Refused};
use super::{Error, Method, Payment, PlanError, link, pages};
use crate::app::App;
use crate::error::{OwedDebt, Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query, Raw};
use crate::http::reply::{Reply, wait};
use crate::identity::Shopper;
use crate::ids::{CheckoutId, MethodId, PaymentId, ShopperId};
use crate::jobs;
use crate::money::Money;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_payment_methods))
        .routes(routes!(link_payment_method, read_payment_method, unlink_payment_method))
        .routes(routes!(confirm_payment_method))
        .routes(routes!(return_from_linking))
        .routes(routes!(read_payment))
        .routes(routes!(return_from_payment))
        .routes(routes!(receive_webhook))
        .routes(routes!(debts::list_debts))
        .routes(routes!(debts::read_debt))
        .routes(routes!(debts::pay_debt))
        .routes(routes!(debts::list_store_debts))
        .routes(routes!(debts::write_off_debt))
        .routes(routes!(parked::list_parked_operations))
        .routes(routes!(parked::resolve_operation))
}

/// What to link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    /// Where the account is.
    provider: ProviderName,
    /// Where the page after the approval leads back to: one of the app's own links.
    #[schema(format = "uri", max_length = 2048)]
    return_url: Option<String>,
}

/// A linked account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentMethod)]
struct MethodBody {
    /// Which account.
    id: MethodId,
    /// Where it is.
    provider: ProviderName,
    /// How far the link is.
    state: MethodState,
    /// What the shopper recognises it by, masked.
    label: Option<String>,
    /// Where the shopper approves the link, while it is `linking`: open it in a browser.
    approve_url: Option<String>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

impl From<Method> for MethodBody {
    fn from(method: Method) -> Self {
        Self {
            id: method.id,
            provider: method.provider,
            state: method.state,
            label: method.label,
            approve_url: method.approve_url.filter(|_| method.state == MethodState::Linking),
            created_at: method.created_at,
        }
    }
}

/// The shopper's linked accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentMethods)]
struct MethodsBody {
    /// The accounts, newest first; removed ones are not listed.
    methods: Vec<MethodBody>,
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
            decline_reason: payment.decline_reason,
            created_at: payment.created_at,
        }
    }
}

/// List the accounts that the shopper linked.
#[utoipa::path(
    get,
    path = "/v1/payment-methods",
    tag = "payments",
    responses(
        (status = 200, description = "The accounts", body = MethodsBody),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn list_payment_methods(
    State(app): State<App>,
    shopper: Shopper,
) -> Result<Reply<MethodsBody>, Problem> {
    let methods = methods::list(&app.db, shopper.id).await?;
    Ok(Reply(StatusCode::OK, MethodsBody { methods: methods.into_iter().map(MethodBody::from).collect() }))
}

/// Link an account under an id of the app's choice. The answer has the address where the shopper approves the link; with
/// `Prefer: wait=10` it is waited for. Sent again with the same contents, it is the same link.
#[utoipa::path(
    put,
    path = "/v1/payment-methods/{id}",
    tag = "payments",
    params(("id" = MethodId, Path, description = "The app's name of the account")),
    request_body = LinkBody,
    responses(
        (status = 200, description = "The link; approve it at approve_url", body = MethodBody),
        (status = 202, description = "The provider is being asked; read again", body = MethodBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The name was used before", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The request makes no sense", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn link_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
    headers: HeaderMap,
    Json(body): Json<LinkBody>,
) -> Result<Reply<MethodBody>, Problem> {
    link::begin(&app, shopper.id, id, body.provider, body.return_url).await?;
    let is_told: fn(&Method) -> bool =
        |method| method.state != MethodState::Linking || method.approve_url.is_some();
    let method = wait_for(app, shopper.id, id, wait(&headers), is_told).await?;
    let status = if is_told(&method) { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(Reply(status, method.into()))
}

/// Read a linked account. With `Prefer: wait=10` the answer waits until the link is active or failed.
#[utoipa::path(
    get,
    path = "/v1/payment-methods/{id}",
    tag = "payments",
    params(("id" = MethodId, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = MethodBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The shopper has no such account", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn read_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
    headers: HeaderMap,
) -> Result<Reply<MethodBody>, Problem> {
    let method =
        wait_for(app, shopper.id, id, wait(&headers), |method| method.state != MethodState::Linking).await?;
    Ok(Reply(StatusCode::OK, method.into()))
}

/// Have the provider asked now whether the shopper approved the link. With `Prefer: wait=10` the answer waits until the
/// link is active or failed.
#[utoipa::path(
    post,
    path = "/v1/payment-methods/{id}/confirm",
    tag = "payments",
    params(("id" = MethodId, Path, description = "The account")),
    responses(
        (status = 200, description = "The account is linked, or the link failed", body = MethodBody),
        (status = 202, description = "Still waiting for the approval", body = MethodBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The shopper has no such account", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn confirm_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
    headers: HeaderMap,
) -> Result<Reply<MethodBody>, Problem> {
    let method = own(&app, shopper.id, id).await?;
    if method.state == MethodState::Linking {
        link::look(&app, id).await?;
    }
    let is_over: fn(&Method) -> bool = |method| method.state != MethodState::Linking;
    let method = wait_for(app, shopper.id, id, wait(&headers), is_over).await?;
    let status = if is_over(&method) { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(Reply(status, method.into()))
}

/// Remove a linked account; the provider is told. Removed twice, it is removed.
#[utoipa::path(
    delete,
    path = "/v1/payment-methods/{id}",
    tag = "payments",
    params(("id" = MethodId, Path, description = "The account")),
    responses(
        (status = 204, description = "Removed"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The shopper has no such account", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []))
)]
async fn unlink_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
) -> Result<StatusCode, Problem> {
    link::remove(&app, shopper.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the provider's redirect brings back; what it adds of its own is ignored.
#[derive(Debug, Deserialize)]
struct ReturnQuery {
    /// The one-time secret of this link.
    state: Option<String>,
}

/// The page that the provider sends the shopper back to after approving a link. It proves nothing: the provider is asked.
#[utoipa::path(
    get,
    path = "/v1/payment-methods/{id}/return",
    tag = "payments",
    params(("id" = MethodId, Path, description = "The account"), ("state" = Option<String>, Query, description = "The one-time secret of this link")),
    responses(
        (status = 200, description = "A page that says to go back to the app", body = String, content_type = "text/html"),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn return_from_linking(
    State(app): State<App>,
    Path(id): Path<MethodId>,
    Query(query): Query<ReturnQuery>,
) -> Result<Response, Problem> {
    let method = match &query.state {
        Some(secret) => link::come_back(&app, id, secret).await?,
        None => None,
    };
    // An address that was used before shows the same page: it has nothing to tell.
    Ok(pages::go_back(method.and_then(|method| method.return_url).as_deref()))
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
        let operations = store::operations::of_payment(&app.db, id, payment.currency).await?;
        let mut tx = app.db.begin().await?;
        for operation in operations.iter().filter(|each| each.state == super::OperationState::Waiting) {
            let job = Operate { operation: operation.id };
            jobs::enqueue(&mut tx, &app.ids, app.clock.now(), &job).await?;
        }
        tx.commit().await?;
        app.jobs.wake();
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

async fn own(app: &App, shopper: ShopperId, id: MethodId) -> Result<Method, Problem> {
    let method = super::find_method(&app.db, shopper, id).await?;
    Ok(method.ok_or(Error::MethodUnknown)?)
}

/// Reads an account of the shopper's, as long as they want to wait, until it is as far as meant.
async fn wait_for(
    app: App,
    shopper: ShopperId,
    id: MethodId,
    longest: Duration,
    is_done: fn(&Method) -> bool,
) -> Result<Method, Problem> {
    let look = || {
        let app = app.clone();
        async move { own(&app, shopper, id).await }
    };
    app.changes.wait_for(id.0, longest, look, is_done).await
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

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::MethodUnknown => {
                Self::not_found("payment_method_unknown", "There is no such payment method of yours.")
            }
            Error::MethodInactive => Self::conflict(
                "payment_method_inactive",
                "The account can't be debited: finish linking it, or link it again.",
            ),
            Error::MethodTaken => Self::conflict(
                "payment_method_taken",
                "The id was used before with other contents. Choose a new one.",
            ),
            Error::ReturnUrl => {
                Self::unprocessable("return_url_refused", "The address is not one of the app's own links.")
                    .at("/return_url", "must be one of the configured app links, or below one")
            }
            Error::ProviderAbsent => {
                Self::unprocessable("provider_absent", "The payment provider is not offered here.")
                    .at("/provider", "not offered")
            }
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
            Error::Owed(debts) => owed(&debts),
            Error::OperationUnknown => {
                Self::not_found("operation_unknown", "There is no such operation; list them again.")
            }
            Error::OperationState => Self::conflict(
                "operation_state",
                "The operation does not wait for people, or was settled otherwise; list them again.",
            ),
            Error::Evidence(detail) => {
                Self::unprocessable("evidence_refused", format!("This proves nothing: {detail}."))
                    .at("/object", detail)
            }
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
            Error::Plan(PlanError::Used) => Self::conflict(
                "payment_name_used",
                "The name was used before for another amount. Choose a new one.",
            ),
            Error::Database(error) => error.into(),
        }
    }
}
