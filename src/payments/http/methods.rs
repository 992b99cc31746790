//! The routes of linked accounts, and the page that shoppers come back to from linking one.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::{Reply, wait};
use crate::identity::Shopper;
use crate::ids::{MethodId, ShopperId};
use crate::money::Currency;
use crate::payments::model::{MethodState, ProviderName};
use crate::payments::store::methods;
use crate::payments::{self, Error, Method, link, pages};

/// What to link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LinkBody {
    /// Where the account is.
    provider: ProviderName,
    /// Where the page after the approval leads back to: one of the app's own links.
    #[schema(format = "uri", max_length = 2048)]
    return_url: Option<String>,
    /// Where the shopper buys: the country, by two letters (ISO 3166-1). Left out, the provider's usual one; some providers
    /// link an account for a country alone.
    #[schema(pattern = "^[A-Z]{2}$")]
    country: Option<String>,
    /// What the shopper pays in (ISO 4217). Left out, the provider's usual one.
    currency: Option<Currency>,
    /// The language of the provider's pages with the region, such as `de-AT`. Left out, the provider's usual one.
    #[schema(pattern = "^[a-z]{2}-[A-Z]{2}$")]
    locale: Option<String>,
    /// Link it with the first purchase instead of now: it can be chosen at a checkout at once, and the shopper approves both in
    /// one go. Not every provider can.
    #[serde(default)]
    with_purchase: bool,
}

impl LinkBody {
    fn check(&self) -> Result<(), Problem> {
        let is_country = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_language = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_locale = |text: &str| {
            text.split_once('-').is_some_and(|(language, region)| is_language(language) && is_country(region))
        };
        let refused = |pointer: &str, detail: &str| {
            Problem::unprocessable("market_invalid", "The country or the locale can't be one.")
                .at(pointer, detail)
        };
        if self.country.as_deref().is_some_and(|text| !is_country(text)) {
            return Err(refused("/country", "two capital letters, such as DE"));
        }
        if self.locale.as_deref().is_some_and(|text| !is_locale(text)) {
            return Err(refused("/locale", "a language and a region, such as de-DE"));
        }
        Ok(())
    }
}

/// A linked account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentMethod)]
pub(super) struct MethodBody {
    /// Which account.
    id: MethodId,
    /// Where it is.
    provider: ProviderName,
    /// How far the link is.
    state: MethodState,
    /// Whether it is linked with its first purchase: it can be chosen while it is `linking`.
    with_purchase: bool,
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
            with_purchase: method.with_purchase,
            label: method.label,
            approve_url: method.approve_url.filter(|_| method.state == MethodState::Linking),
            created_at: method.created_at,
        }
    }
}

/// The shopper's linked accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PaymentMethods)]
pub(super) struct MethodsBody {
    /// The accounts, newest first; removed ones are not listed.
    methods: Vec<MethodBody>,
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
pub(super) async fn list_payment_methods(
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
pub(super) async fn link_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
    headers: HeaderMap,
    Json(body): Json<LinkBody>,
) -> Result<Reply<MethodBody>, Problem> {
    body.check()?;
    let LinkBody { provider, return_url, country, currency, locale, with_purchase } = body;
    let wish = link::Wish { provider, return_url, country, currency, locale, with_purchase };
    link::begin(&app, shopper.id, id, wish).await?;
    let is_told: fn(&Method) -> bool =
        |method| method.state != MethodState::Linking || method.with_purchase || method.approve_url.is_some();
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
pub(super) async fn read_payment_method(
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
pub(super) async fn confirm_payment_method(
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
pub(super) async fn unlink_payment_method(
    State(app): State<App>,
    shopper: Shopper,
    Path(id): Path<MethodId>,
) -> Result<StatusCode, Problem> {
    link::remove(&app, shopper.id, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the provider's redirect brings back; what it adds of its own is ignored.
#[derive(Debug, Deserialize)]
pub(super) struct ReturnQuery {
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
pub(super) async fn return_from_linking(
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

async fn own(app: &App, shopper: ShopperId, id: MethodId) -> Result<Method, Problem> {
    let method = payments::find_method(&app.db, shopper, id).await?;
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
