//! The routes of carts; those of coupons are in `coupons.rs`, of vouchers and points in `credits.rs`, what staff see in
//! `differences.rs` and `replay.rs`.

pub mod coupons;
pub mod credits;
pub mod differences;
pub mod replay;

use std::collections::BTreeSet;

use axum::extract::State as AppState;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::{Cart, Error, LOCKS_MAX};
use super::pricing::{Near, Priced, TaxLine};
use super::rules::Standing;
use super::shelf;
use super::till::{self, Till};
use super::trip::{self, Changed};
use super::view::{self, CartLine, CartView, NearOffer};
use super::wish::{Declined, Done, Outcome, Refusal, Wish};
use crate::app::App;
use crate::catalog::Alternative;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query};
use crate::http::reply::{self, Tagged};
use crate::identity::Shopper;
use crate::ids::{CartId, EventId, StoreId};
use crate::money::Money;
use crate::quantity::Quantity;

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
            Error::UnknownCoupon => {
                Self::not_found("coupon_unknown", "There is no such coupon for you here and now.")
            }
            Error::CouponUsed(coupon) => {
                Self::conflict("coupon_used", format!("Coupon {coupon} was used. Put it away."))
            }
            Error::CouponsFull => Self::unprocessable("coupons_full", "A cart takes 30 coupons at most."),
            error @ (Error::UnknownVoucher
            | Error::VoucherUsed(_)
            | Error::VoucherTooLarge(_)
            | Error::VoucherExpired(..)
            | Error::VouchersFull
            | Error::VouchersTooLarge(_)) => credits::voucher_problem(&error),
            Error::LocksUsed => Self::unprocessable(
                "checkouts_used",
                format!("A cart goes to a checkout {LOCKS_MAX} times at most. Check in again."),
            ),
            Error::PointsShort(points) => {
                Self::conflict("points_short", format!("You have {points} points. Offer at most these."))
            }
            Error::PointsUnknown => {
                Self::unprocessable("points_unknown", "Points don't pay in this store, or not for you.")
            }
            Error::Full => Self::unprocessable(
                "cart_full",
                "The cart was changed too often. Take something out, pay, or check in again with a new one.",
            ),
            Error::Empty => Self::unprocessable("cart_empty", "There is nothing in the cart to pay for."),
            Error::Busy => {
                Self::unavailable("overloaded", "Too many scans at once. Send the same batch again.", 1)
            }
            Error::Money(error) => Self::unprocessable("amount_too_large", error.to_string()),
            Error::Price(error) => Self::unprocessable("amount_too_large", error.to_string()),
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
        (status = 409, body = ProblemBody, content_type = "application/problem+json", description = "`cart_id_taken`; `debt_open`: an earlier purchase has to be paid before, `debts` says which"),
    ),
    security(("shopper" = []))
)]
pub async fn check_in(
    AppState(app): AppState<App>,
    shopper: Shopper,
    Path(cart): Path<CartId>,
    Json(body): Json<CheckIn>,
) -> Result<Response, Problem> {
    // A trip that began goes on; whether it may be paid for is asked again at its checkout.
    if let Err(problem) = app.may_begin_trip(shopper.id).await
        && !trip::has_begun(&app, cart).await?
    {
        return Err(problem);
    }
    let (is_new, mut cart) = trip::check_in(&app, shopper.id, cart, &body.store).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let link_again = app.must_link_again(shopper.id).await?;
    whole(&app, status, &mut cart, link_again).await
}

/// A cart as it stands and what it costs.
struct Look {
    standings: Vec<Standing>,
    priced: Priced,
    /// The till that priced it, unless it was agreed on before.
    till: Option<Till>,
    tag: String,
}

impl Look {
    async fn at(app: &App, cart: &mut Cart, link_again: bool) -> Result<Self, Problem> {
        let standings = shelf::standings(app, cart);
        let (priced, till) = till::look(app, cart).await?;
        let tag = view::entity_tag(cart.version, &standings, &priced, link_again);
        Ok(Self { standings, priced, till, tag: tag.map_err(Problem::internal)? })
    }

    /// The offers that nearly apply to it.
    fn near(&self, cart: &Cart) -> Result<Vec<Near>, Error> {
        self.till.as_ref().map_or_else(|| Ok(Vec::new()), |till| till.near(cart, &self.priced))
    }
}

/// The whole cart.
async fn whole(
    app: &App,
    status: StatusCode,
    cart: &mut Cart,
    link_again: bool,
) -> Result<Response, Problem> {
    let Look { standings, priced, tag, .. } = Look::at(app, cart, link_again).await?;
    let view = CartView::of(cart, standings, priced)?.with_link(link_again);
    Ok(Tagged(status, tag, view).into_response())
}

/// Read a cart
///
/// A line that can't be paid for says why (`blocked`): a recall, a deletion or a sale stop reaches every open cart that
/// holds the product, and changes the entity tag. Each discount is named with what caused it and what it takes off which
/// lines; `offers=near` adds the promotions that nearly apply: what is missing, and what would be saved.
#[utoipa::path(
    get,
    path = "/v1/carts/{cart}",
    operation_id = "read_cart",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("offers" = inline(Option<WantedOffers>), Query, description = "`near` for the promotions that nearly apply"),
        ("If-None-Match" = Option<String>, Header, description = "The entity tag of an earlier answer"),
    ),
    responses(
        (status = 200, body = CartView),
        (status = 304, description = "The caller has what this answer would be"),
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
    Query(query): Query<CartQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut cart = trip::load(&app, cart).await?;
    if cart.shopper != shopper.id {
        return Err(Error::Unknown.into());
    }
    let link_again = app.must_link_again(shopper.id).await?;
    let look = Look::at(&app, &mut cart, link_again).await?;
    let wants_offers = query.offers.is_some() && look.till.is_some();
    // Offers depend on more than the tag says: whoever asks for them is answered.
    if !wants_offers && reply::is_known(&headers, &look.tag) {
        return Ok(reply::not_modified(&look.tag));
    }
    let near = if wants_offers { look.near(&cart)? } else { Vec::new() };
    let Look { standings, priced, tag, .. } = look;
    let view = CartView::of(&cart, standings, priced)?.with_offers(near).with_link(link_again);
    Ok(Tagged(StatusCode::OK, tag, view).into_response())
}

/// What else a reader wants to know of a cart.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CartQuery {
    #[serde(default)]
    offers: Option<WantedOffers>,
}

/// Which offers are wanted.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WantedOffers {
    /// Those that nearly apply.
    Near,
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
    /// What the shopper should read about it, where the catalogue says something: a recall's notice, why a sale is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<String>,
    /// What the store sells instead of a product that can't be bought, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
    /// The line that it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScanResult {
    /// What became of each event, in the order of the batch.
    results: Vec<EventResult>,
    /// The lines that the batch changed, as they are now, and those that can't be paid for; a line that is gone is left out. A
    /// promotion may have changed what others cost: the cart has them.
    lines: Vec<CartLine>,
    /// The version of the cart now.
    version: i64,
    /// What the whole cart costs now: goods after all discounts, deposits, fees, and tax where it comes on top.
    total: Money,
    /// What vouchers and points leave of it to be debited.
    to_pay: Money,
    /// What all discounts take off.
    saved: Money,
    /// The VAT in it, by rate.
    taxes: Vec<TaxLine>,
    /// The promotions that nearly apply, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<NearOffer>,
}

/// Scan: take a batch of scans and changes into the cart
///
/// Each event carries the app's own id: sent twice, it counts once. A batch that was answered survives the death of the
/// service. A refused event leaves the others as they are. `offers=near` adds the promotions that nearly apply now.
#[utoipa::path(
    post,
    path = "/v1/carts/{cart}/scans",
    operation_id = "scan",
    tag = "cart",
    params(
        ("cart" = CartId, Path, description = "The cart"),
        ("offers" = inline(Option<WantedOffers>), Query, description = "`near` for the promotions that nearly apply"),
    ),
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
    Query(query): Query<CartQuery>,
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
    let Changed { mut cart, outcomes } = trip::change(&app, shopper.id, cart, &batch.events, None).await?;
    let look = Look::at(&app, &mut cart, false).await?;
    let near = if query.offers.is_some() { look.near(&cart)? } else { Vec::new() };
    let (lines, version) = (changed_lines(&cart, &outcomes, &look)?, cart.version);
    drop(cart);
    let results = batch.events.iter().zip(outcomes).map(|(wish, outcome)| result(wish, outcome)).collect();
    let Look { priced: Priced { total, to_pay, saved, taxes, .. }, tag, .. } = look;
    let offers = near.into_iter().map(NearOffer::from).collect();
    let body = ScanResult { results, lines, version, total, to_pay, saved, taxes, offers };
    Ok(Tagged(StatusCode::OK, tag, body).into_response())
}

/// Only what the batch changed is sent, and what the shopper must take out: an answer must not grow with the cart.
fn changed_lines(
    cart: &Cart,
    outcomes: &[Result<Done, Declined>],
    look: &Look,
) -> Result<Vec<CartLine>, Error> {
    let touched: BTreeSet<i64> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()?.line).collect();
    let is_shown = |number, standing: &Standing| touched.contains(&number) || standing.blocked.is_some();
    let lines = cart.lines.iter().zip(&look.standings).enumerate();
    let lines = lines.filter(|(_, (line, standing))| is_shown(line.number, standing));
    lines.map(|(place, (line, standing))| CartLine::of(line, standing.clone(), place, &look.priced)).collect()
}

fn result(wish: &Wish, outcome: Result<Done, Declined>) -> EventResult {
    let id = wish.id();
    let result = match outcome {
        Ok(Done { outcome, line }) => {
            EventResult { id, outcome, reason: None, notice: None, alternatives: Vec::new(), line }
        }
        Err(Declined { reason, notice, alternatives }) => {
            let outcome = Outcome::Refused;
            EventResult { id, outcome, reason: Some(reason), notice, alternatives, line: None }
        }
    };
    metrics::counter!("aisle_cart_events_total", "outcome" => result.outcome.as_str()).increment(1);
    result
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
        (status = 422, body = ProblemBody, content_type = "application/problem+json", description = "`quantity_out_of_range`, `quantity_fixed`, `quantity_limit`, `cart_full`"),
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
    let Changed { mut cart, outcomes } = trip::change(app, shopper.id, cart, &[wish], expected).await?;
    match outcomes.first() {
        Some(Err(declined)) => Err(refused(declined)),
        _ => whole(app, StatusCode::OK, &mut cart, false).await,
    }
}

/// A change of one line that was refused.
fn refused(declined: &Declined) -> Problem {
    match declined.reason {
        Refusal::LineUnknown => Error::UnknownLine.into(),
        Refusal::CartFull => Error::Full.into(),
        Refusal::QuantityFixed => Problem::unprocessable(
            "quantity_fixed",
            "Such goods have a line for each piece: scan the next one, or take the line out.",
        ),
        Refusal::QuantityLimit => {
            Problem::unprocessable("quantity_limit", "One trip may not hold so many of the product.")
        }
        _ => Error::Quantity.into(),
    }
}
