//! The catalogue's routes: what a code means in a store, and which stores there are. Batches have their own in `batches/http.rs`.

use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::{self, PieceInStore, ProductInStore};
use super::batches;
use super::code::{Refusal, Symbology};
use super::model::{FindError, Store};
use super::store::shelves;
use crate::app::App;
use crate::error::{Alternative, Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Caller, Partner, Scope};
use crate::ids::{Sku, StoreId};

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(find_product))
        .routes(routes!(list_alternatives))
        .routes(routes!(get_stock))
        .routes(routes!(list_stores))
        .routes(routes!(get_store))
        .routes(routes!(catalog_revision))
        .merge(batches::routes())
        .merge(super::offline::routes())
        .merge(super::quality::routes())
        .merge(super::search::routes())
}

impl From<FindError> for Problem {
    fn from(error: FindError) -> Self {
        match error {
            FindError::UnknownStore => {
                Self::not_found("store_unknown", "There is no such store; see /v1/stores.")
            }
            FindError::BadCode(refusal) => refusal.into(),
            FindError::Foreign => Self::bad_request(
                "code_malformed",
                "This is no EAN, UPC or GTIN, and no other code of a store.",
            ),
            FindError::NoProduct => Self::not_found(
                "code_no_product",
                "The code names no product: a coupon, a receipt, a pallet or an invoice.",
            ),
            FindError::UnknownCode => Self::not_found(
                "code_unknown",
                "No product has this code here: ask the staff, or leave it out.",
            ),
            FindError::NoPrice => Self::not_found(
                "price_missing",
                "The product has no price in this store: ask the staff, or leave it out.",
            ),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::CheckDigit => {
                return Self::bad_request(
                    "code_check_digit",
                    "The code's check digit is wrong: scan it again.",
                );
            }
            Refusal::Empty | Refusal::Charset | Refusal::Length | Refusal::Syntax => {
                let detail = format!("This is no EAN, UPC or GTIN: {}.", refusal.describe());
                return Self::bad_request("code_malformed", detail).at("code", refusal.as_str());
            }
            Refusal::MeasureCheckDigit => "code_measure_check_digit",
            Refusal::NumberSystem => "code_number_system",
            Refusal::Reserved => "code_reserved",
            Refusal::Date => "code_date",
            Refusal::AiUnknown => "code_ai_unknown",
            Refusal::Conflict => "code_conflict",
            Refusal::Currency => "code_currency",
            Refusal::NoGtin => "code_no_gtin",
            Refusal::Requisite => "code_requisite",
            Refusal::Coupon => "code_coupon",
        };
        Self::bad_request(code, format!("The code is refused: {}.", refusal.describe()))
            .at("code", refusal.as_str())
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Scanned {
    /// What the scanner saw, if it says so: eight digits of `upce` are then never read as an EAN-8. A text of `gs1_128` or
    /// `databar_expanded` must be a message of GS1.
    #[serde(default)]
    #[param(inline)]
    symbology: Option<Symbology>,
}

/// What a scanned code means in a store
///
/// EAN-13, EAN-8, UPC-A, UPC-E and GTIN-14, numbers with a weight or price inside as the store's country lays them out,
/// messages of GS1 and GS1 Digital Links. Eight digits are looked up as EAN-8 first and as UPC-E next. A refused code is
/// told by its class.
///
/// Where the code says more than which product it is, `piece` has it: weight or count, the label's price, lot and dates, and
/// what the piece costs, a reduction for a near date included. A product that is recalled, stopped, gone or without a price
/// comes with what the store sells instead: in `instead`, or in the problem's `alternatives`.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/products/{code}",
    tag = "catalog",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("code" = String, Path, description = "The code as the scanner gives it"),
        Scanned,
    ),
    responses(
        (status = 200, description = "The product and its price in this store", body = ProductInStore),
        (status = 400, description = "`code_malformed`: no code. `code_check_digit`: misread or mistyped. \
            `code_measure_check_digit`, `code_number_system`, `code_reserved`, `code_date`, `code_ai_unknown`, \
            `code_conflict`, `code_currency`, `code_no_gtin`, `code_requisite`, `code_coupon`: the code contradicts its form. \
            `errors` names the class. `invalid_query`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`, `code_unknown`, `code_no_product`, `price_missing`; with \
            `alternatives` where the store sells something instead",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn find_product(
    State(app): State<App>,
    _caller: Caller,
    path: Result<RawPathParams, RawPathParamsRejection>,
    Query(Scanned { symbology }): Query<Scanned>,
) -> Result<Response, Problem> {
    let path = path.map_err(|_| FindError::BadCode(Refusal::Charset))?;
    let mut parts = path.iter().map(|(_, part)| part);
    let (store, code) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (view, now) = (app.catalog.view(), app.clock.now());
    let (hit, read) = view.look_up(store, code, symbology, now).map_err(|error| {
        app.unknown_codes.lookup_failed(&view, store, code, now, error);
        let is_of_product = matches!(error, FindError::UnknownCode | FindError::NoPrice);
        let instead = || app.catalog.alternatives_to_code(store, code, symbology, now);
        Problem::from(error).offering(if is_of_product { instead() } else { Vec::new() })
    })?;
    app.unknown_codes.found();
    let mut body = answer::write(&hit, view.revision());
    if read.says_more() {
        let today = now.with_timezone(&hit.store.zone()).date_naive();
        if let Some(piece) = PieceInStore::of(view.found(&hit, &read), hit.store, today) {
            answer::add(&mut body, "piece", &piece);
        }
    }
    if hit.record.is_stopped() || !hit.recalls.is_empty() {
        let instead = app.catalog.alternatives_to_code(store, code, symbology, now);
        if !instead.is_empty() {
            answer::add(&mut body, "instead", &instead);
        }
    }
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // Prices change at any moment, and the caller is known by a token: nothing in between may keep the answer.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(response)
}

/// All stores.
#[derive(Debug, Serialize, ToSchema)]
struct Stores {
    /// The stores, by number.
    stores: Vec<Store>,
    /// The revision of the catalogue in which this is so.
    revision: i64,
}

/// The stores
#[utoipa::path(
    get,
    path = "/v1/stores",
    tag = "catalog",
    responses(
        (status = 200, description = "All stores, by number", body = inline(Stores)),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn list_stores(State(app): State<App>, _caller: Caller) -> Response {
    let view = app.catalog.view();
    let stores = view.stores().into_iter().cloned().collect();
    Reply(StatusCode::OK, Stores { stores, revision: view.revision() }).into_response()
}

/// A store
#[utoipa::path(
    get,
    path = "/v1/stores/{store}",
    tag = "catalog",
    params(("store" = StoreId, Path, description = "The store")),
    responses(
        (status = 200, description = "The store", body = Store),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn get_store(
    State(app): State<App>,
    _caller: Caller,
    Path(store): Path<StoreId>,
) -> Result<Reply<Store>, Problem> {
    let store = app.catalog.view().store(&store).cloned().ok_or(FindError::UnknownStore)?;
    Ok(Reply(StatusCode::OK, store))
}

/// What a store sells instead of a product.
#[derive(Debug, Serialize, ToSchema)]
struct Alternatives {
    /// The best first, at most five.
    alternatives: Vec<Alternative>,
    /// The revision of the catalogue in which this is so.
    revision: i64,
}

/// What a store sells instead of a product
///
/// The successor, then what the retailer names, in its order; where neither gives anything, goods of the same category whose
/// content is about as much. Only what can be bought in this store at this moment. The product itself may be sold or gone.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/alternatives/{sku}",
    tag = "catalog",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("sku" = Sku, Path, description = "The retailer's number of the product"),
    ),
    responses(
        (status = 200, description = "What it sells instead, if anything", body = inline(Alternatives)),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`store_unknown`; `sku_unknown`: no such product was ever delivered",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn list_alternatives(
    State(app): State<App>,
    _caller: Caller,
    Path((store, sku)): Path<(StoreId, Sku)>,
) -> Result<Reply<Alternatives>, Problem> {
    let view = app.catalog.view();
    view.store(&store).ok_or(FindError::UnknownStore)?;
    view.number(&sku)
        .ok_or_else(|| Problem::not_found("sku_unknown", "No product has or had this number."))?;
    let alternatives = app.catalog.alternatives(&store, &sku, app.clock.now());
    Ok(Reply(StatusCode::OK, Alternatives { alternatives, revision: view.revision() }))
}

/// How much of a product a store has.
#[derive(Debug, Serialize, ToSchema)]
struct Stock {
    /// The store.
    store: StoreId,
    /// The product.
    sku: Sku,
    /// Pieces; grams, millilitres or millimetres of what is sold by measure.
    amount: i64,
    /// The revision of the catalogue that said so.
    revision: i64,
}

/// How much of a product a store has
///
/// As the retailer's system said last; what was sold since is not taken off.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/stock/{sku}",
    tag = "catalog",
    params(
        ("store" = StoreId, Path, description = "The store"),
        ("sku" = Sku, Path, description = "The retailer's number of the product"),
    ),
    responses(
        (status = 200, description = "How much", body = inline(Stock)),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`stock_unknown`: no system said how much there is",
            body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []), ("partner" = [])),
)]
async fn get_stock(
    State(app): State<App>,
    _caller: Caller,
    Path((store, sku)): Path<(StoreId, Sku)>,
) -> Result<Reply<Stock>, Problem> {
    let (amount, revision) = shelves::stock(&app.db, &store, &sku)
        .await?
        .ok_or_else(|| Problem::not_found("stock_unknown", "No system said how much of it there is here."))?;
    Ok(Reply(StatusCode::OK, Stock { store, sku, amount, revision }))
}

/// The catalogue's revision on the instance that answers.
#[derive(Debug, Serialize, ToSchema)]
struct Revision {
    /// The number of the last batch that lookups on this instance see.
    revision: i64,
}

/// Which revision lookups see
#[utoipa::path(
    get,
    path = "/v1/catalog/revision",
    tag = "catalog",
    responses(
        (status = 200, description = "The revision", body = inline(Revision)),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = [])),
)]
async fn catalog_revision(State(app): State<App>, partner: Partner) -> Result<Reply<Revision>, Problem> {
    partner.must(Scope::CatalogRead)?;
    Ok(Reply(StatusCode::OK, Revision { revision: app.catalog.view().revision() }))
}
