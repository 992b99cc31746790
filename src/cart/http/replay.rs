//! The route by which staff price a past cart again.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::model::Error;
use super::super::pricing::{Priced, Record};
use super::super::store;
use crate::app::App;
use crate::catalog::PromotionRow;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::Path;
use crate::http::reply::Reply;
use crate::identity::{Role, Staff};
use crate::ids::{CartId, CheckoutId};

/// The quotes of a cart, priced again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replay {
    /// The last one first; 30 at most.
    quotes: Vec<ReplayedQuote>,
}

/// A quote, priced again.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReplayedQuote {
    /// The checkout.
    checkout: CheckoutId,
    /// When it was quoted.
    at: DateTime<Utc>,
    /// What was quoted.
    quoted: Priced,
    /// What the same comes to now.
    replayed: Priced,
    /// Whether both are the same in everything.
    is_same: bool,
    /// The promotions that could have touched it, as they were then.
    promotions: Vec<PromotionRow>,
}

/// Price a past cart again
///
/// Each quote is kept with all that it was priced with: goods, customer, time, budgets and promotions as they were. Priced
/// again it comes to the same cents, whatever the catalogue says today.
#[utoipa::path(
    get,
    path = "/v1/carts/{cart}/replay",
    operation_id = "replay_cart",
    tag = "cart",
    params(("cart" = CartId, Path, description = "The cart")),
    responses(
        (status = 200, body = Replay),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, body = ProblemBody, content_type = "application/problem+json", description = "`role_missing`"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`cart_unknown`"),
    ),
    security(("staff" = []))
)]
pub async fn replay_cart(
    AppState(app): AppState<App>,
    staff: Staff,
    Path(cart): Path<CartId>,
) -> Result<Reply<Replay>, Problem> {
    let records = store::records(&app.db, cart).await.map_err(Error::from)?;
    let Some((_, of, ..)) = records.first() else { return Err(Error::Unknown.into()) };
    staff.must(Role::Clerk, of)?;
    let mut quotes = Vec::with_capacity(records.len());
    for (checkout, _, text, at) in records {
        let record: Record = serde_json::from_str(&text).map_err(Problem::internal)?;
        let replayed = record.price_again().map_err(Error::from)?;
        quotes.push(ReplayedQuote {
            checkout,
            at,
            is_same: replayed == record.priced,
            promotions: record.promotions().cloned().collect(),
            replayed,
            quoted: record.priced,
        });
    }
    Ok(Reply(StatusCode::OK, Replay { quotes }))
}
