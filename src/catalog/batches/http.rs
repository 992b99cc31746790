//! The routes of batches: deliver and look. What became of single lines is in `lines.rs`, deciding in `decisions.rs`.

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::super::coding::Coding;
use super::super::content::{Content, ContentError};
use super::super::import::TableForm;
use super::super::quality::Source;
use super::super::rows::{BatchRow, Kind};
use super::{BatchMode, Delivery, Error, Form, Report};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::hash::hex;
use crate::http::extract::{Path, Query};
use crate::http::reply::Reply;
use crate::identity::{Caller, Partner, Role, Scope};
use crate::ids::{BatchId, KEY_LENGTH_MAX, PriceListId, TaxClassId};
use crate::money::Currency;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_catalog_batches))
        .routes(routes!(get_catalog_batch))
        .merge(super::lines::routes())
        .merge(super::decisions::routes())
        .merge(
            // A batch is as long as it is: its bytes are counted while they are written to a file.
            OpenApiRouter::new().routes(routes!(put_catalog_batch)).layer(DefaultBodyLimit::disable()),
        )
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Differs => Self::conflict(
                "batch_differs",
                "This batch was sent before with another content: send the new content under a new id.",
            ),
            Error::Table(detail) => Self::bad_request("table_unreadable", format!("{detail}.")),
            Error::Truncated { declared, received } => Self::bad_request(
                "batch_truncated",
                format!(
                    "{declared} rows were declared and {received} came; nothing was applied. Send all of it."
                ),
            ),
            Error::Order { applied } => Self::conflict(
                "batch_late",
                format!("The batch {applied} of this feed was applied already; nothing was applied."),
            ),
            Error::TooManyHeld => Self::conflict(
                "held_too_many",
                "Too many batches are held: release or reject them first. Nothing was applied or kept.",
            ),
            Error::Unknown => no_such_batch(),
            Error::Newer(count) => Self::conflict(
                "batch_outdated",
                format!(
                    "{count} batches changed the catalogue since it came: look at them, then release it with over_newer."
                ),
            ),
            Error::Decided(super::BatchState::Rejected) => {
                Self::conflict("batch_rejected", "The batch was rejected: send its rows under a new id.")
            }
            Error::Decided(_) => Self::conflict("batch_applied", "The batch was applied."),
            Error::Read(error) => Self::internal(error),
            // Only whoever keeps something beside a batch gives one up; routes keep nothing.
            error @ Error::Abandoned => Self::internal(error),
            Error::Database(error) => error.into(),
        }
    }
}

impl From<ContentError> for Problem {
    fn from(error: ContentError) -> Self {
        match error {
            ContentError::TooLarge => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                "The batch is too large: send several.",
            ),
            ContentError::BrokeOff => Self::bad_request(
                "body_unreadable",
                "The body broke off before its end; nothing of it was applied.",
            ),
            ContentError::Packed(_) => Self::bad_request(
                "body_unreadable",
                "The body is not packed as Content-Encoding says, or not to its end; nothing of it was applied.",
            ),
            ContentError::Bomb => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_grows_too_much",
                "Unpacked, the body is more than 200 times as large as it came: send it packed less, or not at all.",
            ),
            ContentError::Keep(error) => Self::internal(error),
        }
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
struct Parameters {
    /// `delta`: what the batch leaves out stays as it is. `full`: it is gone.
    #[param(inline)]
    mode: BatchMode,
    /// The kinds of rows that a full delivery replaces, by comma: `product,code,price`. Those that it holds when left out.
    /// Of prices only the lists that occur are replaced, of stock and locations only the stores that occur.
    kinds: Option<String>,
    /// Which of the sender's feeds the batch belongs to.
    feed: Option<String>,
    /// The batch's place in the feed; one that is not above the last applied one is refused.
    sequence: Option<i64>,
    /// How many rows there are: when another number comes, nothing is applied.
    rows: Option<i64>,
    /// Of a table: fields and the columns they come from, by comma: `code=barcode,name=name_{lang}|name_*,price=PRICE`. Fields:
    /// `sku`, `code`, `name`, `brand`, `content`, `weight_grams`, `category`, `age_min`, `tax_class`, `price`, and
    /// `duplicate_of`, in which a sender that cuts a table into batches says in which line the code stood before.
    map: Option<String>,
    /// Of a table: auto, comma, semicolon or tab.
    delimiter: Option<String>,
    /// Of a table: its code page, `auto`, `utf-8`, `windows-1252`, `iso-8859-1` or `utf-16` with a mark. Left out, or `auto`, it is
    /// UTF-8, or UTF-16 by its mark, and a row that is none is read as windows-1252.
    encoding: Option<String>,
    /// Of a table: the tax class of products whose row has none; `standard` when left out.
    tax_class: Option<TaxClassId>,
    /// Of a table: whether numbers for restricted circulation are this chain's own.
    internal_codes: bool,
    /// Of a table: whether a courier may bring the products.
    deliverable: bool,
    /// Of a table: the list that its prices go to.
    price_list: Option<PriceListId>,
    /// Of a table: the currency of its prices.
    currency: Option<Currency>,
}

impl Parameters {
    fn delivery(self, headers: &HeaderMap, source: String) -> Result<Delivery, Problem> {
        let invalid = |detail: String| Problem::bad_request("invalid_query", detail);
        let kinds: Result<Vec<Kind>, _> = self
            .kinds
            .iter()
            .flat_map(|kinds| kinds.split(','))
            .map(|kind| kind.trim().parse::<Kind>().map_err(|_| invalid(format!("There is no kind {kind}."))))
            .collect();
        let feed = self.feed.unwrap_or_default();
        if feed.len() > KEY_LENGTH_MAX {
            return Err(invalid(format!("feed has at most {KEY_LENGTH_MAX} characters.")));
        }
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
        let delimiter = match media_type.to_ascii_lowercase().as_str() {
            "text/csv" => "auto",
            "text/tab-separated-values" => "tab",
            _ => "",
        };
        let form = if delimiter.is_empty() {
            Form::Lines
        } else {
            Form::Table(Box::new(TableForm {
                map: self.map.iter().flat_map(|map| map.split(',')).map(str::to_owned).collect(),
                delimiter: self.delimiter.unwrap_or_else(|| delimiter.to_owned()),
                tax_class: self.tax_class.unwrap_or_else(|| "standard".parse().expect("a key")),
                internal_codes: self.internal_codes,
                deliverable: self.deliverable,
                price_list: self.price_list,
                currency: self.currency,
                encoding: self.encoding.unwrap_or_else(|| "auto".to_owned()),
            }))
        };
        let (mode, sequence, rows) = (self.mode, self.sequence, self.rows);
        let kinds = kinds?;
        Ok(Delivery { mode, kinds, form, source, feed, sequence, rows, ..Delivery::default() })
    }
}

/// Makes sure that the content is what its sender hashed (RFC 9530, `Content-Digest: sha-256=:…:`), if it says so.
fn check_digest(headers: &HeaderMap, content: &Content) -> Result<(), Problem> {
    let Some(told) = headers.get("content-digest") else { return Ok(()) };
    let told = told.to_str().unwrap_or_default().split(',').find_map(|each| {
        let value = each.trim().strip_prefix("sha-256=:")?.strip_suffix(':')?;
        STANDARD.decode(value).ok()
    });
    match told {
        Some(told) if hex(&told) == content.received_hash() => Ok(()),
        Some(_) => Err(Problem::bad_request(
            "batch_truncated",
            "The content is not what Content-Digest says; nothing was applied. Send all of it.",
        )),
        None => Err(Problem::bad_request("invalid_header", "Content-Digest must be sha-256=:BASE64:.")),
    }
}

/// The catalogue is every store's: a key for one store may not change what the others sell.
pub(super) fn must_write(partner: &Partner) -> Result<(), Problem> {
    partner.must(Scope::CatalogWrite)?;
    if partner.store.is_some() {
        return Err(Problem::forbidden(
            "key_of_one_store",
            "The key is for one store; the catalogue needs a key for all.",
        ));
    }
    Ok(())
}

/// Deliver a batch
///
/// Rows as NDJSON, one JSON object a line, each tagged by `kind`; or a table as text/csv or text/tab-separated-values with
/// `map` saying which column is which field. The whole batch is one transaction and one revision: when the answer is sent,
/// lookups on this instance see all of it. Bad rows are quarantined by line and the others applied; a line that is not
/// listed as refused was applied or unchanged. A row is judged by what is known and by the lines before it. Sent again with
/// the same content a batch is answered as before; a body that breaks off applies nothing.
///
/// A batch that would take away too much, change too many prices or by too much, or has too many bad rows is held: nothing
/// of it is visible until somebody releases it.
///
/// The body may be packed (`Content-Encoding: gzip` or `zstd`, with a window of at most 8 MB); it counts as it is when it is
/// unpacked: at most 2 GiB, and not more than 200 times what came. The header `Content-Digest` (SHA-256 of the body as it is sent) and
/// the number of `rows` let the service see that something is missing.
#[utoipa::path(
    put,
    path = "/v1/catalog/batches/{id}",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch, named by its sender"), Parameters),
    request_body(content(
        (BatchRow = "application/x-ndjson"),
        (String = "text/csv"),
        (String = "text/tab-separated-values"),
    ), description = "One row a line"),
    responses(
        (status = 200, description = "What became of the rows", body = Report),
        (status = 202, description = "The batch is held: nothing of it is visible until it is released", body = Report),
        (status = 400, description = "`body_unreadable`: the body broke off. `batch_truncated`: something is missing. \
            `table_unreadable`: no table, or not these columns. `invalid_path`, `invalid_query`, `invalid_header`",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`batch_differs`: the id was used for another content. `batch_late`: a later batch of the \
            feed was applied. `held_too_many`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "`body_too_large`. `body_grows_too_much`: unpacked it is out of all proportion",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, description = "`content_encoding`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "`overloaded`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = [])),
)]
async fn put_catalog_batch(
    State(app): State<App>,
    partner: Partner,
    Path(id): Path<BatchId>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Body,
) -> Result<Reply<Report>, Problem> {
    must_write(&partner)?;
    let delivery = parameters.delivery(&headers, Source::Partner(partner.id).to_string())?;
    let name: Uuid = app.ids.next();
    let coding = Coding::of(&headers).ok_or_else(|| {
        let detail = "A batch is packed with gzip or zstd, or not at all.";
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", detail)
    })?;
    let _place = app.catalog.delivery_place()?;
    let content = Content::receive_packed(body.into_data_stream(), coding, name).await?;
    check_digest(&headers, &content)?;
    let limits = &app.config.catalog.hold;
    let report = super::deliver(&app.db, app.clock.now(), id, &delivery, Some(limits), &content).await?;
    if report.state == super::BatchState::Held {
        tracing::warn!(batch = %id, rules = report.holds.len(), "a batch is held; somebody must decide about it");
        return Ok(Reply(StatusCode::ACCEPTED, report));
    }
    app.catalog.refresh(&app.db).await?;
    Ok(Reply(StatusCode::OK, report))
}

pub(super) fn no_such_batch() -> Problem {
    Problem::not_found("batch_unknown", "There is no such batch, or it was not applied: send it.")
}

/// Who may look: partners that read the catalogue, and admins.
pub(super) fn may_read(caller: &Caller) -> Result<(), Problem> {
    match caller {
        Caller::Partner(partner) => partner.must(Scope::CatalogRead),
        Caller::Staff(staff) => staff.must_everywhere(Role::Admin),
        Caller::Shopper(_) => Err(not_for_shoppers()),
    }
}

/// The source whose batches a caller sees: a partner sees what it sent itself.
pub(super) fn own_source(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Partner(partner) => Some(Source::Partner(partner.id).to_string()),
        Caller::Staff(_) | Caller::Shopper(_) => None,
    }
}

/// The batch, when there is one that the caller may see.
pub(super) async fn seen_by(app: &App, caller: &Caller, id: BatchId) -> Result<Report, Problem> {
    may_read(caller)?;
    let report = super::find(&app.db, id).await?.ok_or_else(no_such_batch)?;
    match own_source(caller) {
        Some(own) if own != report.source => Err(no_such_batch()),
        _ => Ok(report),
    }
}

pub(super) fn not_for_shoppers() -> Problem {
    Problem::forbidden("other_caller", "This route is for partners and staff.")
}

/// What became of a batch
#[utoipa::path(
    get,
    path = "/v1/catalog/batches/{id}",
    tag = "catalog",
    params(("id" = BatchId, Path, description = "The batch")),
    responses(
        (status = 200, description = "What became of the rows", body = Report),
        (status = 400, description = "`invalid_path`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`batch_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn get_catalog_batch(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<BatchId>,
) -> Result<Reply<Report>, Problem> {
    Ok(Reply(StatusCode::OK, seen_by(&app, &caller, id).await?))
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Which {
    /// Batches of this state only.
    #[serde(default)]
    #[param(inline)]
    state: Option<super::BatchState>,
    /// Batches that came before this moment; from the latest when left out.
    #[serde(default)]
    before: Option<DateTime<Utc>>,
    /// At most so many, up to 100.
    #[serde(default = "most_batches")]
    limit: i64,
}

fn most_batches() -> i64 {
    super::BATCHES_SHOWN_MAX
}

/// Batches.
#[derive(Debug, Serialize, ToSchema)]
struct Batches {
    /// Latest first, without their refused rows.
    batches: Vec<Report>,
}

/// Batches, latest first
#[utoipa::path(
    get,
    path = "/v1/catalog/batches",
    tag = "catalog",
    params(Which),
    responses(
        (status = 200, description = "Batches without their refused rows", body = inline(Batches)),
        (status = 400, description = "`invalid_query`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "`unauthenticated`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "`scope_missing`, `role_missing`", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("partner" = []), ("staff" = [])),
)]
async fn list_catalog_batches(
    State(app): State<App>,
    caller: Caller,
    Query(Which { state, before, limit }): Query<Which>,
) -> Result<Reply<Batches>, Problem> {
    may_read(&caller)?;
    let before = before.unwrap_or(DateTime::<Utc>::MAX_UTC.min(app.clock.now() + chrono::Duration::days(1)));
    let batches = super::list(&app.db, state, own_source(&caller).as_deref(), before, limit).await?;
    Ok(Reply(StatusCode::OK, Batches { batches }))
}
