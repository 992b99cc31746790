//! Checkout: from a cart to an order.
//!
//! Invariants: what is quoted is what is paid; a cart that is being paid for can't change; an order is written in the
//! transaction that learns of its payment, and never without one; a checkout ends as paid with an order or unpaid without
//! one, whatever dies on the way; every waiting state has an owner, a deadline and a way out (`model.rs` has the table).
//!
//! `options/` says who can deliver, `quote.rs` computes and `payment_lines.rs` says what for (pure), `placement.rs` is what the app asks for, `place.rs` locks and begins,
//! `complete.rs` takes the news of payments and parcels, `send.rs` asks for the delivery, `picking/` is what staff do with it, `order.rs` says what an order comes to,
//! `document.rs` what of it belongs into books
//! and `shares.rs` what paid for it (pure), `refund.rs` gives back, `by_rule.rs` without being asked, `receipt.rs` shows, `verify.rs` holds all books against each
//! other.

mod by_rule;
mod complete;
mod document;
mod error;
mod evidence;
mod http;
mod limits;
mod model;
mod news;
mod options;
mod order;
mod payment_lines;
mod picking;
mod place;
mod placement;
mod quote;
mod receipt;
mod refund;
mod returned;
mod send;
mod shares;
mod store;
#[cfg(test)]
mod trips;
mod verify;
mod views;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::db::{self, Tx};
use crate::env::Env;
use crate::ids::{OrderId, ShopperId};

pub use by_rule::{RefundByRule, refund_by_rule};
pub use complete::{delivery_news, payment_news};
pub use document::{Document, DocumentKind, DocumentLine, DocumentPayment, Item, Means};
pub use evidence::{PurchaseEvidence, evidence};
pub use limits::Limits;
pub use model::{Checkout, State};
pub use news::{News, NewsKind};
pub use options::{ChosenDelivery, DeliveryOption, DeliveryOptions};
pub use order::{ExitFacts, Order, OrderState};
pub use picking::{IfMissing, LapseQuestions, is_being_picked, lapse_questions};
pub use place::{Expire, expire};
pub use quote::Fulfilment;
pub use verify::verify;

/// Limits and deadlines of checkouts.
///
/// Limits: see [`Limits`].
/// `AISLE_DELIVERY_FEE`: what the courier costs the shopper, gross, in minor units (default 499).
/// `AISLE_DELIVERY_TAX_CLASS`: how that fee is taxed (default `standard`).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Above what staff must look first, and what is not debited at all.
    pub limits: Limits,
    /// What the courier costs the shopper, gross, in minor units.
    pub delivery_fee_minor: i64,
    /// The tax class of that fee.
    pub delivery_tax_class: crate::ids::TaxClassId,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        Self {
            limits: Limits::read(env),
            delivery_fee_minor: env.parsed_or("AISLE_DELIVERY_FEE", "an amount in minor units", 499),
            delivery_tax_class: env
                .parsed("AISLE_DELIVERY_TAX_CLASS", "a tax class")
                .unwrap_or_else(|| "standard".parse().expect("a key")),
        }
    }
}

/// The routes of checkouts and orders.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(http::place_checkout, http::read_checkout))
        .routes(routes!(options::http::list_delivery_options))
        .routes(routes!(http::pay))
        .routes(routes!(http::cancel_checkout))
        .routes(routes!(http::release_checkout))
        .routes(routes!(http::list_held_checkouts))
        .routes(routes!(http::list_orders))
        .routes(routes!(http::read_order))
        .routes(routes!(http::cancel_order))
        .routes(routes!(refund::refund_order))
        .merge(picking::http::routes())
        .routes(routes!(receipt::read_receipt))
}

/// What the exit must know of a shopper's order; nothing when it is another's.
pub async fn exit_facts(
    tx: &mut Tx,
    shopper: ShopperId,
    order: OrderId,
) -> Result<Option<ExitFacts>, db::Error> {
    store::exit_facts(tx, shopper, order).await
}
