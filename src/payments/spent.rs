//! What a shopper was debited of late, over all linked accounts: what limits for a day are judged by.

use chrono::Duration;

use super::store;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::ShopperId;
use crate::money::Money;

/// How long a debit counts.
pub const DAY: Duration = Duration::hours(24);

/// A debit that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// When it was asked for.
    pub at: Moment,
    /// How much: what is held or on its way counts as well as what was debited; what was declined or went back does not.
    pub amount: Money,
}

/// What a shopper was debited within [`DAY`], or is about to be, the oldest first. Whoever asks is alone with the shopper until
/// the end of the transaction, so that two checkouts at once can't both fit below a limit: a payment that begins in the same
/// transaction is seen by the next. Debts that are paid don't count: they are paid for what was counted before.
///
/// Taken after the checkout and before the linked account.
pub async fn spent(tx: &mut Tx, now: Moment, shopper: ShopperId) -> Result<Vec<Spent>, db::Error> {
    store::payments::lock_shopper(tx, shopper).await?;
    store::payments::spent(tx, shopper, now - DAY).await
}
