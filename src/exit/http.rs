//! The routes of the exit: a pass for the shopper's phone, and what a gate or a clerk does with it.

use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::issue::{self, issue};
use super::redeem::{self, redeem};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::reply::Reply;
use crate::identity::{Caller, Role, Scope, Shopper};
use crate::ids::{OrderId, StoreId};

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(issue_exit_pass)).routes(routes!(redeem_exit_pass))
}

/// A pass for the gate.
#[derive(Debug, Serialize, ToSchema)]
struct ExitPass {
    /// The signed pass (JWT, `typ` `pass+jwt`), to be shown as a QR code. A gate without a network verifies it with the
    /// keys of `/.well-known/jwks.json`.
    pass: String,
    /// The order that it is for.
    order: OrderId,
    /// The store whose gates it opens.
    store: StoreId,
    /// How many pieces leave with the shopper.
    pieces: i64,
    /// Until when it is good; a new one can be had while the order has not opened a gate.
    expires_at: DateTime<Utc>,
}

/// A pass at a gate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Redemption {
    /// The pass as it was shown.
    pass: String,
    /// The store of the gate.
    store: StoreId,
}

/// The gate may open, this once.
#[derive(Debug, Serialize, ToSchema)]
struct GateOpened {
    /// The order.
    order: OrderId,
    /// The store.
    store: StoreId,
    /// How many pieces leave with the shopper.
    pieces: i64,
    /// When it was opened.
    opened_at: DateTime<Utc>,
}

/// Get the exit pass of a paid order. Each new pass replaces the one before it.
#[utoipa::path(
    post, path = "/v1/orders/{order}/exit-pass", tag = "exit", security(("shopper" = [])),
    params(("order" = OrderId, Path)),
    responses(
        (status = 201, body = ExitPass),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn issue_exit_pass(
    State(app): State<App>,
    shopper: Shopper,
    Path(order): Path<OrderId>,
) -> Result<Reply<ExitPass>, Problem> {
    let pass = issue(&app, shopper.id, order).await?;
    let body = ExitPass {
        pass: pass.token,
        order,
        store: pass.facts.store,
        pieces: pass.facts.pieces,
        expires_at: pass.expires_at,
    };
    Ok(Reply(StatusCode::CREATED, body))
}

/// Open a gate for a pass: a gate's key (`exit:verify`) or a clerk of the store. 200 means open, once; anything else
/// means stay shut.
#[utoipa::path(
    post, path = "/v1/exit-passes/redeem", tag = "exit", security(("partner" = []), ("staff" = [])),
    request_body = Redemption,
    responses(
        (status = 200, body = GateOpened),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json"),
        (status = 415, body = ProblemBody, content_type = "application/problem+json"),
    )
)]
async fn redeem_exit_pass(
    State(app): State<App>,
    caller: Caller,
    Json(body): Json<Redemption>,
) -> Result<Reply<GateOpened>, Problem> {
    let by = gate(&caller, &body.store)?;
    let opened = redeem(&app, &body.pass, &body.store, &by).await?;
    let claims = opened.claims;
    let body =
        GateOpened { order: claims.order, store: claims.store, pieces: claims.pieces, opened_at: opened.at };
    Ok(Reply(StatusCode::OK, body))
}

/// Makes sure that the caller may open gates of the store; answers who it is, for the record.
fn gate(caller: &Caller, store: &StoreId) -> Result<String, Problem> {
    match caller {
        Caller::Partner(partner) => {
            partner.must_in(Scope::ExitVerify, store)?;
            Ok(format!("partner:{}", partner.id))
        }
        Caller::Staff(staff) => {
            staff.must(Role::Clerk, store)?;
            Ok(format!("staff:{}", staff.id))
        }
        Caller::Shopper(_) => Err(Problem::forbidden(
            "role_missing",
            "Gates are opened by gates and by staff; show the pass there.",
        )),
    }
}

impl From<issue::Error> for Problem {
    fn from(error: issue::Error) -> Self {
        use issue::Error;
        match error {
            Error::UnknownOrder => Self::not_found("order_unknown", "There is no such order of yours."),
            Error::Cancelled => {
                Self::conflict("order_cancelled", "The order is cancelled; leave the goods in the store.")
            }
            Error::NotPaid => Self::conflict(
                "order_not_paid",
                "What is taken along is not paid yet. Wait until the order is paid, then ask again.",
            ),
            Error::Used(at) => used(at),
            Error::Database(error) => error.into(),
            Error::Sign(error) => Self::internal(error),
        }
    }
}

impl From<redeem::Error> for Problem {
    fn from(error: redeem::Error) -> Self {
        use redeem::Error;
        match error {
            Error::Invalid => {
                Self::bad_request("pass_invalid", "This is no pass of ours. Keep the gate shut.")
                    .at("/pass", "not a pass that we signed")
            }
            Error::OtherStore(store) => Self::forbidden(
                "pass_other_store",
                format!("The pass is for store {store}. Keep the gate shut."),
            ),
            Error::Expired => {
                Self::conflict("pass_expired", "The pass is expired. The shopper's app can get a new one.")
            }
            Error::Replaced => Self::conflict(
                "pass_replaced",
                "A newer pass replaced this one. The shopper's app shows the newest.",
            ),
            Error::Used(at) => used(at),
            Error::Withdrawn => Self::conflict(
                "order_not_paid",
                "The order was cancelled or is not paid any more. Keep the gate shut.",
            ),
            Error::Keys(error) => Self::internal(error),
            Error::Database(error) => error.into(),
        }
    }
}

fn used(at: DateTime<Utc>) -> Problem {
    let at = at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    Problem::conflict(
        "pass_used",
        format!("The order opened a gate at {at}; it opens none again. Call staff."),
    )
}
