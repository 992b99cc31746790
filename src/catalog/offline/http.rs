//! Routes of offline catalogues: all of one, and what changed since a revision.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Error, Packed};
use crate::app::App;
use crate::catalog::model::FindError;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::identity::{Caller, Scope};
use crate::ids::StoreId;

/// The header of the signature.
static SIGNATURE: HeaderName = HeaderName::from_static("catalog-signature");
/// RFC 8878. The bytes are the representation and no content coding: nothing on the way unpacks what is signed.
const MEDIA_TYPE: &str = "application/zstd";

/// The routes.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get_store_catalog)).routes(routes!(list_store_catalog_changes))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Store(error) => error.into(),
            Error::TooOld => Self::new(
                StatusCode::GONE,
                "catalog_too_old",
                "The changes since this revision are not told one by one: fetch the whole catalogue of the store.",
            ),
            Error::Sign(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::Pack(error) => Self::internal(error),
            Error::Make(error) => Self::internal(error),
        }
    }
}

/// Anybody who is known may read what a store sells; a partner by a key that is for reading the catalogue there.
fn may_read(caller: &Caller, store: &StoreId) -> Result<(), Problem> {
    match caller {
        Caller::Shopper(_) | Caller::Staff(_) => Ok(()),
        Caller::Partner(partner) => partner.must_in(Scope::CatalogRead, store),
    }
}

/// A store's catalogue for phones without a network
///
/// All that a phone needs to read codes and to show and add up prices, as of one revision: JSON by columns, packed with
/// zstd. The header `Catalog-Signature` is a JWT of the type `catalog+jwt`, signed by a key of `/.well-known/jwks.json`,
/// whose `sha256` is that of the body's bytes. Kept up to date by `/catalog/changes`.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/catalog",
    tag = "catalog",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of the catalogue that the caller has"),
    ),
    responses(
        (status = 200, description = "The catalogue", body = Vec<u8>, content_type = "application/zstd", headers(
            ("Catalog-Signature" = String, description = "Who made it, of what, when"),
            ("ETag" = String, description = "The store and the revision"),
        )),
        (status = 304, description = "The caller has this revision"),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `other_store`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn get_store_catalog(
    State(app): State<App>,
    caller: Caller,
    Path(store): Path<StoreId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    may_read(&caller, &store)?;
    let tag = {
        let view = app.catalog.view();
        view.store(&store).ok_or(FindError::UnknownStore)?;
        tag(&store, None, view.revision())
    };
    if is_known(&headers, &tag) {
        return Ok(not_modified(&tag));
    }
    let packed = super::whole(&app, &store).await?;
    answer(&app, &store, packed).await
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Since {
    /// The revision that the caller has.
    since: i64,
}

/// What changed in a store's catalogue since a revision
///
/// In the same form as the whole: products and codes that are new or different, and those that are gone. Applied to the
/// catalogue of `since` it gives exactly the catalogue of the present revision. Nothing changed: an empty, signed answer that
/// says so. Where too much changed, or the store itself did, the answer is 410: then the whole is fetched again.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/catalog/changes",
    tag = "catalog",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("If-None-Match" = Option<String>, Header, description = "The ETag of an earlier answer"),
        Since,
    ),
    responses(
        (status = 200, description = "The changes", body = Vec<u8>, content_type = "application/zstd", headers(
            ("Catalog-Signature" = String, description = "Who made it, of what, when"),
            ("ETag" = String, description = "The store and both revisions"),
        )),
        (status = 304, description = "The caller has this answer"),
        (status = 400, description = "`invalid_path`, `invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `other_store`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, description = "`catalog_too_old`: fetch the whole catalogue",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn list_store_catalog_changes(
    State(app): State<App>,
    caller: Caller,
    Path(store): Path<StoreId>,
    Query(Since { since }): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    may_read(&caller, &store)?;
    let revision = app.catalog.view().revision();
    let tag = tag(&store, Some(since), revision);
    // Only an answer that was given has this tag: the revision was good then and is now.
    if is_known(&headers, &tag) {
        return Ok(not_modified(&tag));
    }
    let packed = super::changes(&app, &store, since).await?;
    answer(&app, &store, packed).await
}

async fn answer(app: &App, store: &StoreId, packed: Packed) -> Result<Response, Problem> {
    let signature = super::sign(app, store, &packed).await?;
    let signature = HeaderValue::try_from(signature).map_err(Problem::internal)?;
    let tag = tag(store, packed.from, packed.revision);
    let mut response = Response::new(Body::from(packed.bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(SIGNATURE.clone(), signature);
    cached(headers, &tag);
    Ok(response)
}

/// Weak: two instances may make the same revision at different moments, and leave out other prices that are over.
fn tag(store: &StoreId, from: Option<i64>, revision: i64) -> String {
    match from {
        None => format!("W/\"{store}.{revision}\""),
        Some(from) => format!("W/\"{store}.{from}-{revision}\""),
    }
}

fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let weak = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.is_some_and(|known| known.split(',').any(|each| weak(each) == weak(tag)))
}

fn not_modified(tag: &str) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    cached(response.headers_mut(), tag);
    response
}

/// The caller may keep it and asks each time whether it still holds; nobody in between keeps it, who knows no tokens.
fn cached(headers: &mut HeaderMap, tag: &str) {
    // Stores are keys of letters and digits.
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
}
