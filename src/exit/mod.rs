//! Exit: a paid order opens one gate once, by a signed pass on the shopper's phone.
//!
//! Invariants: a pass is issued only while its order is paid and not cancelled; an order has one pass that is good, the
//! newest; it opens once, whoever asks and however many at the same moment; a pass is good for ten minutes at most and
//! in its own store only.
//!
//! # At a gate without a network
//! A pass is a JWT (`EdDSA`) with the header `typ: pass+jwt`, that any JOSE library verifies with the keys of
//! `GET /.well-known/jwks.json`, fetched while there was a network: find the key of the header's `kid`, verify the
//! signature, then check `typ`, `aud` = `exit`, `store` = the gate's own, `exp` in the future (no leeway beyond the
//! clocks' known error). The gate keeps each `order` that it let through until `exp` has passed and refuses it a second
//! time; when the network is back it redeems the passes that it took. What only the server knows is then not checked:
//! whether another gate let the order through, and whether a newer pass replaced this one.
//!
//! `issue.rs` makes a pass, `redeem.rs` opens.

mod evidence;
mod http;
mod issue;
mod model;
mod redeem;
mod store;

pub use evidence::evidence;
pub use http::routes;
pub use model::{AUDIENCE, TYPE};
