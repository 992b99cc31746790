//! Carts: a shopper's trip through one store, kept as an append-only log.
//!
//! Invariants: a cart is the fold of its log and nothing else; an event that the app named counts once, however often it
//! was sent; an answered scan survives the death of the process; nothing gets into a cart that is locked for a checkout.
//! The price that the shopper saw at the first scan of a product holds for the trip, where the store promises that. Whether
//! it may be sold does not: that is asked again whenever the cart is read, and before it is paid for.
//!
//! `model.rs` folds and decides (pure), `take.rs` says what follows from a code (pure), `rules.rs` what keeps a product from
//! being sold (pure), `pricing/` what a cart costs (pure); `promise.rs` says which price counts when it changed on the way (pure), `till.rs` prices with a store's rules, `ledger.rs` keeps points, `notes.rs` gives credit notes, `shelf.rs` asks the catalogue, `journal.rs` writes, `trip.rs` are the use
//! cases, `upkeep.rs` lets go of old records, `view.rs` is how a cart looks from outside.

mod buyer;
mod claims;
mod coupon;
mod credit;
mod event;
mod http;
mod journal;
pub mod ledger;
mod model;
pub mod notes;
pub mod pricing;
mod promise;
mod rules;
mod shelf;
mod store;
mod take;
mod till;
mod trip;
mod upkeep;
mod view;
mod wish;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub use buyer::{Buyer, Offers};
pub use event::{Deposit, Origin, Product, Reduction};
pub use journal::Journal;
pub use model::{Cart, Error, Line, State};
pub use pricing::{Credit, Discount, Priced, PricedDeposit, PricedSurcharge, Surcharge, TaxLine};
pub use rules::{BlockReason, Blocked};
pub use shelf::blocked;
#[cfg(test)]
pub use till::item;
pub use till::{POINTS_CREDIT, Till};
pub use trip::{Entry, Vouchers, close, give_back, lock, read, unlock};
pub use upkeep::{Settings, Upkeep, schedule_upkeep, upkeep};
pub use wish::{Outcome, Refusal};

/// The routes of carts.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(http::check_in, http::read_cart))
        .routes(routes!(http::scan))
        .routes(routes!(http::set_quantity, http::remove_line))
        .routes(routes!(http::coupons::show_coupon))
        .routes(routes!(http::coupons::put_coupon_away))
        .routes(routes!(http::credits::show_voucher))
        .routes(routes!(http::credits::put_voucher_away))
        .routes(routes!(http::credits::offer_points))
        .routes(routes!(http::credits::eat_in))
        .routes(routes!(http::credits::read_points))
        .routes(routes!(http::credits::list_credit_notes))
        .routes(routes!(http::differences::list_price_differences))
        .routes(routes!(http::replay::replay_cart))
}
