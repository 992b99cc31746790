//! Carts: a shopper's trip through one store, kept as an append-only log.
//!
//! Invariants: a cart is the fold of its log and nothing else; an event that the app named counts once, however often it
//! was sent; an answered scan survives the death of the process; nothing gets into a cart that is locked for a checkout.
//! The price that the shopper saw at the first scan of a product holds for the trip.
//!
//! `model.rs` folds and decides (pure), `pricing.rs` adds up (pure), `journal.rs` writes, `trip.rs` are the use cases.

mod event;
mod http;
mod journal;
mod model;
mod pricing;
mod store;
mod trip;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub use journal::Journal;
pub use model::{Cart, Error, Line, Outcome, Refusal, State};
pub use pricing::{TaxLine, Totals, total};
pub use trip::{Entry, close, load, lock, unlock};

/// The routes of carts.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(http::check_in, http::read_cart))
        .routes(routes!(http::scan))
        .routes(routes!(http::set_quantity, http::remove_line))
}
