//! What a pass says.

use chrono::Duration;
use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::ids::{OrderId, PassId, StoreId};

/// The header's `typ` of a pass: no other token of ours can be taken for one (RFC 8725 section 3.11).
pub const TYPE: &str = "pass+jwt";
/// Whom a pass is for.
pub const AUDIENCE: &str = "exit";
/// How long a pass is good: the way from the till to the gate, short enough that a picture of it is soon worthless.
pub(super) const LIFETIME: Duration = Duration::minutes(10);

/// The claims of a pass. Nothing in it says who bought or what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Claims {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) jti: PassId,
    pub(super) order: OrderId,
    pub(super) store: StoreId,
    /// How many pieces leave with the shopper, for a glance at the bag.
    pub(super) pieces: i64,
    /// Seconds since 1970.
    pub(super) iat: i64,
    /// Seconds since 1970; from then on the pass is expired.
    pub(super) exp: i64,
}

impl Claims {
    pub(super) fn is_expired(&self, now: Moment) -> bool {
        now.timestamp() >= self.exp
    }
}
