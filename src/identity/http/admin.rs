//! Accounts of staff and partners, for admins.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::{Reply, Versioned, if_match};
use crate::identity::accounts::{self, PartnerKeyView, PartnerView, StaffView};
use crate::identity::{Grant, Role, Scope, Staff, StaffInput};
use crate::ids::{PartnerId, PartnerKeyId, StaffId, StoreId};

/// What an account of staff shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = StaffInput)]
pub(super) struct PutStaff {
    /// The name to sign in with; kept in lower case.
    #[schema(min_length = 3, max_length = 64)]
    login: String,
    /// The password; needed for a new account, otherwise the account keeps the one it has. A new one ends the sessions.
    #[schema(value_type = Option<String>, format = Password, min_length = 12, max_length = 256)]
    #[serde(default, deserialize_with = "optional_secret")]
    password: Option<SecretString>,
    /// Whether the account may be used; closing it ends its sessions.
    active: bool,
    /// Roles and where they hold, one a store.
    #[schema(max_items = 200)]
    grants: Vec<Grant>,
}

fn optional_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Into::into))
}

/// Make an account of staff, or change it. Needs the role admin in all stores that it has grants for, before and after.
#[utoipa::path(
    put,
    path = "/v1/staff/{id}",
    tag = "identity",
    params(
        ("id" = StaffId, Path, description = "The account, named by the caller."),
        ("If-Match" = Option<String>, Header, description = "Change only this version: the ETag of an earlier answer."),
    ),
    request_body = PutStaff,
    responses(
        (status = 200, description = "Changed.", body = StaffView, headers(("ETag" = String, description = "The version."))),
        (status = 201, description = "Made.", body = StaffView, headers(("ETag" = String, description = "The version."))),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin there.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The login is taken.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 412, description = "The account was changed meanwhile.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Something does not make sense.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn put_staff(
    State(app): State<App>,
    by: Staff,
    Path(id): Path<StaffId>,
    headers: HeaderMap,
    Json(input): Json<PutStaff>,
) -> Result<Versioned<StaffView>, Problem> {
    let version = if_match(&headers)?;
    let PutStaff { login, password, active, grants } = input;
    let input = StaffInput { login, password, active, grants };
    let (is_new, view) = accounts::put_staff(&app, Some(&by), id, input, version).await?;
    Ok(Versioned(if is_new { StatusCode::CREATED } else { StatusCode::OK }, view.version, view))
}

/// An account of staff: one's own, or as an admin of all its stores.
#[utoipa::path(
    get,
    path = "/v1/staff/{id}",
    tag = "identity",
    params(("id" = StaffId, Path, description = "The account.")),
    responses(
        (status = 200, description = "The account.", body = StaffView, headers(("ETag" = String, description = "The version."))),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin there.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such account.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn get_staff(
    State(app): State<App>,
    by: Staff,
    Path(id): Path<StaffId>,
) -> Result<Versioned<StaffView>, Problem> {
    let view = accounts::find_staff(&app, &by, id).await?;
    Ok(Versioned(StatusCode::OK, view.version, view))
}

/// What a partner shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerInput)]
pub(super) struct PutPartner {
    /// What people call it.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Whether its keys may be used.
    active: bool,
}

/// Make a partner, or change it. Needs the role admin in all stores.
#[utoipa::path(
    put,
    path = "/v1/partners/{id}",
    tag = "identity",
    params(("id" = PartnerId, Path, description = "The partner, named by the caller.")),
    request_body = PutPartner,
    responses(
        (status = 200, description = "Changed.", body = PartnerView),
        (status = 201, description = "Made.", body = PartnerView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Something does not make sense.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn put_partner(
    State(app): State<App>,
    by: Staff,
    Path(id): Path<PartnerId>,
    Json(input): Json<PutPartner>,
) -> Result<Reply<PartnerView>, Problem> {
    by.must_everywhere(Role::Admin)?;
    let is_new = accounts::put_partner(&app, id, &input.name, input.active).await?;
    let view = accounts::find_partner(&app, id).await?;
    Ok(Reply(if is_new { StatusCode::CREATED } else { StatusCode::OK }, view))
}

/// A partner with its keys. Needs the role admin in all stores.
#[utoipa::path(
    get,
    path = "/v1/partners/{id}",
    tag = "identity",
    params(("id" = PartnerId, Path, description = "The partner.")),
    responses(
        (status = 200, description = "The partner.", body = PartnerView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such partner.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn get_partner(
    State(app): State<App>,
    by: Staff,
    Path(id): Path<PartnerId>,
) -> Result<Reply<PartnerView>, Problem> {
    by.must_everywhere(Role::Admin)?;
    Ok(Reply(StatusCode::OK, accounts::find_partner(&app, id).await?))
}

/// What a partner's key shall be for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PartnerKeyInput)]
pub(super) struct PutPartnerKey {
    /// What it may be used for.
    #[schema(min_items = 1, max_items = 16)]
    scopes: Vec<Scope>,
    /// The one store that it is for, such as a gate's; all stores when absent.
    store: Option<StoreId>,
}

/// A partner's key, with its text when it was just made.
#[derive(Serialize, ToSchema)]
pub(super) struct MadePartnerKey {
    #[serde(flatten)]
    key: PartnerKeyView,
    /// The key itself, sent as `Authorization: Bearer …`. Shown this once; whoever lost it makes another key.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// Make a key of a partner. Its text is in the first answer only. Needs the role admin in all stores.
#[utoipa::path(
    put,
    path = "/v1/partners/{id}/keys/{key_id}",
    tag = "identity",
    params(
        ("id" = PartnerId, Path, description = "The partner."),
        ("key_id" = PartnerKeyId, Path, description = "The key, named by the caller."),
    ),
    request_body = PutPartnerKey,
    responses(
        (status = 200, description = "The key was there already; its text can't be shown again.", body = MadePartnerKey),
        (status = 201, description = "Made; the answer has its text.", body = MadePartnerKey),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such partner.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The id is that of another key, or there are too many.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "Something does not make sense.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn put_partner_key(
    State(app): State<App>,
    by: Staff,
    Path((id, key_id)): Path<(PartnerId, PartnerKeyId)>,
    Json(input): Json<PutPartnerKey>,
) -> Result<Response, Problem> {
    by.must_everywhere(Role::Admin)?;
    let (key, secret) = accounts::put_key(&app, id, key_id, &input.scopes, input.store).await?;
    let status = if secret.is_some() { StatusCode::CREATED } else { StatusCode::OK };
    let secret = secret.map(|secret| secret.expose_secret().to_owned());
    let no_store = [(axum::http::header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Reply(status, MadePartnerKey { key, secret })).into_response())
}

/// Revoke a key of a partner: here at once, on other instances within half a minute. Needs the role admin in all stores.
#[utoipa::path(
    delete,
    path = "/v1/partners/{id}/keys/{key_id}",
    tag = "identity",
    params(
        ("id" = PartnerId, Path, description = "The partner."),
        ("key_id" = PartnerKeyId, Path, description = "The key."),
    ),
    responses(
        (status = 204, description = "Revoked."),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no admin of all stores.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such key.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
pub(super) async fn revoke_partner_key(
    State(app): State<App>,
    by: Staff,
    Path((id, key_id)): Path<(PartnerId, PartnerKeyId)>,
) -> Result<StatusCode, Problem> {
    by.must_everywhere(Role::Admin)?;
    accounts::revoke_key(&app, id, key_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
