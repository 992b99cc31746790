//! Routes of the search and of the tree of goods.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::categories::Counted;
use super::ranking::Wanted;
use super::words::words;
use crate::app::App;
use crate::catalog::answer::ProductInStore;
use crate::catalog::model::FindError;
use crate::catalog::offline::primary;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::http::reply::Reply;
use crate::identity::Caller;
use crate::ids::StoreId;

/// Letters of what is asked for: longer than the longest name that somebody types.
const TEXT_LETTERS_MAX: usize = 100;
/// Words of it that count: each is looked for among all words.
const WORDS_MAX: usize = 8;
/// Products of one page.
const PAGE_MAX: usize = 50;
/// Products that pages lead to: whoever has not found it by then asks for something narrower.
const FOUND_MAX: usize = 10_000;

/// The routes.
pub(in crate::catalog) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(search_products)).routes(routes!(list_categories))
}

/// Why nothing was looked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the words are not gathered yet")]
    NotReady,
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("the search broke off: {0}")]
    Broke(#[from] tokio::task::JoinError),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotReady => Self::unavailable(
                "search_not_ready",
                "The service has just started and still gathers the products' names.",
                2,
            ),
            Error::Find(error) => error.into(),
            Error::Broke(error) => Self::internal(error),
        }
    }
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Question {
    /// Words, or their beginnings, of name, brand and category; at most 100 letters, of which eight words count.
    #[serde(default)]
    #[param(max_length = 100)]
    q: String,
    /// The language of the names that are looked through beside the products' own; the store's languages when left out.
    #[serde(default)]
    language: Option<String>,
    /// Only what is in this category or below it.
    #[serde(default)]
    category: Option<String>,
    /// At most so many products, up to 50.
    #[serde(default = "page")]
    #[param(minimum = 1, maximum = 50)]
    limit: usize,
    /// Where to go on: the `next` of the page before.
    #[serde(default)]
    #[param(maximum = 10000)]
    cursor: usize,
}

fn page() -> usize {
    20
}

/// What was found.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "described here and written by hand from the answers of single lookups")]
struct FoundProducts {
    /// The products, the best first.
    products: Vec<ProductInStore>,
    /// The cursor of the next page, when there is one.
    #[schema(required = false, nullable = false)]
    next: Option<i64>,
    /// The revision of the catalogue in which prices are so.
    revision: i64,
}

/// Search what a store sells
///
/// For what has no code that can be read. Every word must be found; a whole word counts more than the beginning of one, that
/// more than a part of one (from four letters on), and that more than a word with a mistake; the name more than the brand,
/// that more than the category. Capitals and accents don't matter. Without words, all of a category by name.
/// A product is found by a new name about a second after it was delivered; prices are those of lookups.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/search",
    tag = "catalog",
    params(("store" = StoreId, Path, description = "The store"), Question),
    responses(
        (status = 200, description = "What was found", body = inline(FoundProducts)),
        (status = 400, description = "`invalid_path`, `invalid_query`; `search_empty`: neither words nor a category",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`search_not_ready`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn search_products(
    State(app): State<App>,
    _caller: Caller,
    Path(store): Path<StoreId>,
    Query(question): Query<Question>,
) -> Result<Response, Problem> {
    let Question { q, language, category, limit, cursor } = question;
    if q.chars().count() > TEXT_LETTERS_MAX {
        return Err(
            Problem::bad_request("invalid_query", "The text is too long.").at("q", "at most 100 letters")
        );
    }
    let mut words = words(&q);
    words.truncate(WORDS_MAX);
    if words.is_empty() && category.is_none() {
        return Err(Problem::bad_request("search_empty", "Ask for words, for a category, or for both."));
    }
    let languages = if let Some(language) = language {
        vec![primary(&language).to_owned()]
    } else {
        let view = app.catalog.view();
        let known = view.store(&store).ok_or(FindError::UnknownStore)?;
        known.languages.iter().map(|language| primary(language).to_owned()).collect()
    };
    let skipped = cursor.min(FOUND_MAX);
    let limit = limit.clamp(1, PAGE_MAX).min(FOUND_MAX - skipped);
    let wanted = Wanted { words, languages, category };
    let (page, revision) = super::find(&app, store, wanted, (skipped, limit)).await?;
    let next = Some(skipped + limit).filter(|next| page.has_more && *next < FOUND_MAX);
    let mut body = b"{\"products\":[".to_vec();
    body.extend(page.products.join(&b','));
    body.push(b']');
    if let Some(next) = next {
        body.extend_from_slice(format!(",\"next\":{next}").as_bytes());
    }
    body.extend_from_slice(format!(",\"revision\":{revision}}}").as_bytes());
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// The tree of goods as a store has it.
#[derive(Debug, Serialize, ToSchema)]
struct Categories<'a> {
    /// What the store sells something of, parents before what is in them, by name.
    categories: &'a [Counted],
    /// The revision of the catalogue in which this is so.
    revision: i64,
}

/// The categories of what a store sells
///
/// With how many products each has; prices that begin or end count within a minute.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/categories",
    tag = "catalog",
    params(("store" = StoreId, Path, description = "The store")),
    responses(
        (status = 200, description = "The categories", body = inline(Categories)),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`search_not_ready`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn list_categories(
    State(app): State<App>,
    _caller: Caller,
    Path(store): Path<StoreId>,
) -> Result<Response, Problem> {
    let (categories, revision) = super::tree(&app, store).await?;
    Ok(Reply(StatusCode::OK, Categories { categories: &categories, revision }).into_response())
}
