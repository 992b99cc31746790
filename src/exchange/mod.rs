//! Exchange: tells partners' systems what happened, each fact as a signed message (Standard Webhooks 1.0).
//!
//! Invariants: a message is written in the transaction of its fact, so there is neither a fact without its messages nor
//! a message without its fact; each subscriber has a delivery of its own, so that one that is down delays no other; the
//! events of one order reach one subscriber in the order in which they happened; a repeat carries the same `webhook-id`
//! and the same bytes; what can't be delivered ends as a dead letter in the subscriber's log and can be replayed.
//!
//! A receiver verifies `webhook-signature` with the secret it was given once, over `webhook-id`, `webhook-timestamp` and
//! the raw body; it takes each `webhook-id` once; any 2xx within 15 seconds means taken, 410 means never again.
//!
//! Start in `publish.rs` (the fact), go on in `dispatch.rs` (the call); `model.rs` has the kinds and the schedule,
//! `address.rs` keeps calls out of our own network.
//!
//! Inwards, `pull/` takes master data out of back-office systems: `connections/` says in files which and how, `system.rs`
//! what a system must be able to do, `systems/` has one adapter each, `node.rs` what they send. Outwards, `posting/` brings
//! sales and returns into the books of such a system; `books.rs` says what those must be able to do. `assess/` answers what
//! systems deliver of what the process needs.
//! `stock/` writes what is left in each store to shops; `shelf.rs` is what those must be able to do.

mod address;
pub mod assess;
mod books;
pub mod connections;
mod dispatch;
mod health;
mod http;
mod model;
mod node;
mod outbound;
mod posting;
mod publish;
mod pull;
mod replay;
mod shelf;
mod stock;
mod store;
mod subscribe;
mod system;
mod systems;

use std::sync::Arc;

pub use connections::{Connection, Connections};
pub use dispatch::{Dispatch, dispatch};
pub use health::measure_flows;
pub use http::routes;
pub use model::{AddressError, DispatchState, EventKind, PostingState, SubscriptionState};
pub use outbound::Outbound;
pub use posting::{Post, post, schedule_postings};
pub use publish::{Fact, publish};
pub use pull::{Pull, pull, schedule_pulls};
pub use shelf::Shelf;
pub use stock::{Shelves, Stock, note_sold, schedule_stock, write_stock};
pub use system::System;

/// Settings of the room.
///
/// `AISLE_EXCHANGE_ALLOW_INTERNAL`: `true` lets subscribers be on this machine, in private networks and without TLS.
/// For demonstrations and tests; never where partners are not trusted like staff. Default `false`.
/// `AISLE_CONNECTIONS`: a folder with a file for each connection to a back-office system; without it there are none.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whether subscribers may be on this machine or in private networks, and be reached without TLS.
    pub allow_internal: bool,
    /// Back-office systems.
    pub connections: Vec<Arc<Connection>>,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &crate::env::Env) -> Self {
        Self {
            allow_internal: env.parsed_or("AISLE_EXCHANGE_ALLOW_INTERNAL", "true or false", false),
            connections: connections::read(env),
        }
    }
}
