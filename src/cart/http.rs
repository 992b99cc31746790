//! The routes of carts.

use std::collections::BTreeSet;

use axum::extract::State as AppState;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Cart, Done, Error, Line, Outcome, Refusal, State, Wish};
use super::pricing::{self, TaxLine};
use super::trip;
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::{self, Versioned};
use crate::identity::Shopper;
use crate::ids::{CartId, CheckoutId, EventId, OrderId, Sku, StoreId};
use crate::money::{Money, Rate};
use crate::quantity::Quantity;
use crate::text_enum;

/// Most events of one batch: what a phone gathers on a long walk without a network.
const BATCH_EVENTS_MAX: usize = 500;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => Self::not_found("cart_unknown", "You have no such cart."),
            Error::UnknownStore => Self::not_found("store_unknown", "There is no such store."),
            Error::Taken => Self::conflict("cart_id_taken", "The id names another cart. Choose a new UUID."),
            Error::Locked(checkout) => Self::conflict(
                "cart_locked",
                format!(
                    "Checkout {checkout} holds the cart. Cancel it to go on shopping, or see it through."
                ),
            ),
            Error::Closed(order) => Self::conflict(
                "cart_closed",
                format!("The cart was paid with order {order}. Check in again."),
            ),
            Error::Changed(version) => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "cart_changed",
                format!("The cart is at version {version} now. Read it and try again."),
            ),
            Error::UnknownLine => Self::not_found("line_unknown", "The cart has no line of that number."),
            Error::Quantity => Self::unprocessable("quantity_out_of_range", "A line holds 1 to 999 pieces."),
            Error::Empty => Self::unprocessable("cart_empty", "There is nothing in the cart to pay for."),
            Error::Busy => {
                Self::unavailable("overloaded", "Too many scans at once. Send the same batch again.", 1)
            }
            Error::Money(error) => Self::unprocessable("amount_too_large", error.to_string()),
            Error::Database(error) => error.into(),
            error @ (Error::Journal(_) | Error::Log(..)) => Self::internal(error),
        }
    }
}

/// Where the trip takes place.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    /// The store that the shopper is in.
    store: StoreId,
}

text_enum! {
    /// What a cart is waiting for.
    pub enum CartState {
        /// For the next scan.
        Open = "open",
        /// For the end of a checkout.
        Locked = "locked",
        /// For nothing: it was paid.
        Closed = "closed",
    }
}

/// One product in a cart.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartLine {
    /// The line's number in this cart, for changes.
    line: i64,
    /// The code as GTIN-14, or the chain's own number.
    code: String,
    /// The retailer's number of the product.
    sku: Sku,
    /// The product's name.
    name: String,
    /// How much of it.
    quantity: Quantity,
    /// Gross price of a piece.
    unit_price: Money,
    /// Gross amount of the line.
    amount: Money,
    /// The VAT rate in percent.
    tax_rate: Rate,
    /// Whether a courier may bring it.
    deliverable: bool,
    /// Whoever buys it must be so old, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_min: Option<i64>,
}

impl TryFrom<&Line> for CartLine {
    type Error = Error;

    fn try_from(line: &Line) -> Result<Self, Error> {
        let product = &line.product;
        Ok(Self {
            line: line.number,
            code: product.code.clone(),
            sku: product.sku.clone(),
            name: product.name.clone(),
            quantity: Quantity::pieces(line.quantity).map_err(|_| Error::Quantity)?,
            unit_price: product.price,
            amount: line.amount()?,
            tax_rate: product.rate,
            deliverable: product.deliverable,
            age_min: product.age_min,
        })
    }
}

/// A cart as its shopper sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub struct CartView {
    /// The cart.
    id: CartId,
    /// Where the trip takes place.
    store: StoreId,
    /// What it waits for.
    state: CartState,
    /// The checkout that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout: Option<CheckoutId>,
    /// The order that it was paid with.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
    /// The version, as in the entity tag; a checkout names it.
    version: i64,
    /// What is in it.
    lines: Vec<CartLine>,
    /// Gross total: what a checkout without delivery debits.
    total: Money,
    /// The VAT in it, by rate.
    taxes: Vec<TaxLine>,
}

impl TryFrom<&Cart> for CartView {
    type Error = Error;

    fn try_from(cart: &Cart) -> Result<Self, Error> {
        let totals = totals(cart)?;
        let (state, checkout, order) = match cart.state {
            State::Open => (CartState::Open, None, None),
            State::Locked(checkout) => (CartState::Locked, Some(checkout), None),
            State::Closed(order) => (CartState::Closed, None, Some(order)),
        };
        Ok(Self {
            id: cart.id,
            store: cart.store.clone(),
            state,
            checkout,
            order,
            version: cart.version,
            lines: cart.lines.iter().map(CartLine::try_from).collect::<Result<_, _>>()?,
            total: totals.total,
            taxes: totals.taxes,
        })
    }
}

fn totals(cart: &Cart) -> Result<pricing::Totals, Error> {
    let amounts: Vec<_> = cart
        .lines
        .iter()
        .map(|line| Ok((line.product.rate, line.amount()?)))
        .collect::<Result<_, Error>>()?;
    Ok(pricing::total(cart.currency, amounts)?)
}

/// Check in: begin a trip in a store
///
/// The app names the cart, so a lost answer costs nothing: the same request again answers the cart as it is.
#[utoipa::path(
    put,
    path = "/v1/carts/{cart}",
    operation_id = "check_in",
    tag = "cart",
    params(("cart" = CartId, Path, description = "A new UUID of the app's choice")),
    request_body = CheckIn,
    responses(
        (status = 201, body = CartView, description = "The trip began"),
        (status = 200, body = CartView, description = "It had begun before"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`store_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_id_taken`"),
    ),
    security(("shopper" = []))
)]
pub async fn check_in(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<CheckIn>,
) -> Result<Response, Problem> {
    let (is_new, cart) = trip::check_in(&app, shopper.id, cart, &body.store).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(Versioned(status, cart.version, CartView::try_from(&cart)?).into_response())
}

/// Read a cart
#[utoipa::path(
    get,
    path = "/v1/carts/{cart}",
    operation_id = "read_cart",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("If-None-Match" = Option<String>, Header, description = "The entity tag of an earlier answer"),
    ),
    responses(
        (status = 200, body = CartView),
        (status = 304, description = "The caller's version is the present one"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
    ),
    security(("shopper" = []))
)]
pub async fn read_cart(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let cart = trip::load(&app, cart).await?;
    if cart.shopper != shopper.id {
        return Err(Error::Unknown.into());
    }
    if reply::is_known(&headers, cart.version) {
        return Ok(reply::not_modified(cart.version));
    }
    Ok(Versioned(StatusCode::OK, cart.version, CartView::try_from(&cart)?).into_response())
}

/// What was scanned and changed since the last batch.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ScanBatch {
    /// 1 to 500 events, in the order in which they happened.
    #[schema(min_items = 1, max_items = 500)]
    events: Vec<Wish>,
    /// When the phone sent the batch, by its own clock.
    #[serde(default)]
    sent_at: Option<DateTime<Utc>>,
}

/// What became of one event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventResult {
    /// The app's own id of the event.
    id: EventId,
    /// What became of it.
    outcome: Outcome,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Refusal>,
    /// The line that it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanResult {
    /// What became of each event, in the order of the batch.
    results: Vec<EventResult>,
    /// The lines that the batch changed, as they are now; a line that is gone is left out.
    lines: Vec<CartLine>,
    /// The version of the cart now.
    version: i64,
    /// Gross total of the whole cart now.
    total: Money,
    /// The VAT in it, by rate.
    taxes: Vec<TaxLine>,
}

/// Scan: take a batch of scans and changes into the cart
///
/// Each event carries the app's own id: sent twice, it counts once. A batch that was answered survives the death of the
/// service. A refused event leaves the others as they are.
#[utoipa::path(
    post,
    path = "/v1/carts/{cart}/scans",
    operation_id = "scan",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    request_body = ScanBatch,
    responses(
        (status = 200, body = ScanResult),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`batch_size`"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "`overloaded`"),
    ),
    security(("shopper" = []))
)]
pub async fn scan(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(batch): Json<ScanBatch>,
) -> Result<Response, Problem> {
    if !(1..=BATCH_EVENTS_MAX).contains(&batch.events.len()) {
        let detail =
            format!("A batch holds 1 to {BATCH_EVENTS_MAX} events; this one has {}.", batch.events.len());
        return Err(Problem::unprocessable("batch_size", detail).at("/events", "too few or too many"));
    }
    if let Some(sent_at) = batch.sent_at {
        // How far phones' clocks are off matters when offline scans are judged later.
        let behind = app.clock.now().signed_duration_since(sent_at);
        tracing::debug!(cart.id = %cart, phone.behind_ms = behind.num_milliseconds(), "scan batch");
    }
    let changed = trip::change(&app, shopper.id, cart, &batch.events, None, changed_lines).await?;
    let (lines, totals) = changed.view;
    let results =
        batch.events.iter().zip(changed.outcomes).map(|(wish, outcome)| result(wish, outcome)).collect();
    let body =
        ScanResult { results, lines, version: changed.version, total: totals.total, taxes: totals.taxes };
    Ok(Versioned(StatusCode::OK, changed.version, body).into_response())
}

/// Only what the batch changed is sent: an answer must not grow with the cart.
fn changed_lines(
    cart: &Cart,
    outcomes: &[Result<Done, Refusal>],
) -> Result<(Vec<CartLine>, pricing::Totals), Error> {
    let touched: BTreeSet<i64> = outcomes.iter().filter_map(|outcome| outcome.ok()?.line).collect();
    let lines = cart.lines.iter().filter(|line| touched.contains(&line.number)).map(CartLine::try_from);
    Ok((lines.collect::<Result<_, _>>()?, totals(cart)?))
}

fn result(wish: &Wish, outcome: Result<Done, Refusal>) -> EventResult {
    let (label, reason, line) = match outcome {
        Ok(done) => (done.outcome, None, done.line),
        Err(reason) => (Outcome::Refused, Some(reason), None),
    };
    metrics::counter!("aisle_cart_events_total", "outcome" => label.as_str()).increment(1);
    EventResult { id: wish.id(), outcome: label, reason, line }
}

/// How much of a line is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineQuantity {
    /// How much.
    quantity: Quantity,
}

/// Set the quantity of a line
#[utoipa::path(
    put,
    path = "/v1/carts/{cart}/lines/{line}",
    operation_id = "set_quantity",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("line" = i64, Path, description = "The number of the line"),
        ("If-Match" = Option<String>, Header, description = "The entity tag that the change builds on"),
    ),
    request_body = LineQuantity,
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`, `line_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`"),
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`quantity_out_of_range`"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "`overloaded`"),
    ),
    security(("shopper" = []))
)]
pub async fn set_quantity(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path((cart, line)): Path<(CartId, i64)>,
    headers: HeaderMap,
    Json(body): Json<LineQuantity>,
) -> Result<Response, Problem> {
    let wish = Wish::SetQuantity { id: app.ids.next(), line, quantity: body.quantity };
    change_line(&app, &shopper, cart, &headers, wish).await
}

/// Take a line out of the cart
#[utoipa::path(
    delete,
    path = "/v1/carts/{cart}/lines/{line}",
    operation_id = "remove_line",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("line" = i64, Path, description = "The number of the line"),
        ("If-Match" = Option<String>, Header, description = "The entity tag that the change builds on"),
    ),
    responses(
        (status = 200, body = CartView),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`, `line_unknown`"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_locked`, `cart_closed`"),
        (status = 412, body = ProblemBody, content_type = "application/problem+json", description = "`cart_changed`"),
        (status = 503, body = ProblemBody, content_type = "application/problem+json", description = "`overloaded`"),
    ),
    security(("shopper" = []))
)]
pub async fn remove_line(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path((cart, line)): Path<(CartId, i64)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wish = Wish::Remove { id: app.ids.next(), line };
    change_line(&app, &shopper, cart, &headers, wish).await
}

async fn change_line(
    app: &App,
    shopper: &Shopper,
    cart: CartId,
    headers: &HeaderMap,
    wish: Wish,
) -> Result<Response, Problem> {
    let expected = reply::if_match(headers)?;
    let view = |cart: &Cart, _: &[_]| CartView::try_from(cart);
    let changed = trip::change(app, shopper.id, cart, &[wish], expected, view).await?;
    match changed.outcomes.first() {
        Some(Err(Refusal::LineUnknown)) => Err(Error::UnknownLine.into()),
        Some(Err(_)) => Err(Error::Quantity.into()),
        _ => Ok(Versioned(StatusCode::OK, changed.version, changed.view).into_response()),
    }
}
