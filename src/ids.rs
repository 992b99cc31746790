//! Every typed id and key of the program, in two lists.
//!
//! *Ids* name what came to be here: UUID version 7, so that they sort by age alike in both engines. *Keys* name master
//! data as the retailer numbers it: short texts. Neither can be taken for the other, nor one kind for another.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::clock::Clock;
use crate::random::Random;

/// Makes ids: UUID version 7 out of the clock and randomness that it was given.
#[derive(Clone, Debug, Default)]
pub struct Ids {
    clock: Clock,
    random: Random,
}

impl Ids {
    /// A maker of ids over this clock and this randomness.
    pub fn new(clock: Clock, random: Random) -> Self {
        Self { clock, random }
    }

    /// A new id of the kind that the caller needs.
    pub fn next<T: From<Uuid>>(&self) -> T {
        let millis = u64::try_from(self.clock.now().timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.random.bytes()).into_uuid().into()
    }
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {$(
        $(#[doc = $doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type, ToSchema,
        )]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// A delivery of catalogue rows. Named by whoever sends it.
    BatchId,
    /// A shopper's trip through one store: the session and its journal. Named by the app.
    CartId,
    /// One attempt to pay for a cart. Named by the app.
    CheckoutId,
    /// What a courier is told of a day's parcels.
    ClosingId,
    /// What a shopper owes.
    DebtId,
    /// What a person of the store must see to of a delivery.
    DeliveryTaskId,
    /// Something that does not agree between our books and a provider's.
    DifferenceId,
    /// One try to hand an event to a subscriber.
    DispatchId,
    /// What staff answered to a dispute. Named by whoever answers.
    DisputeAnswerId,
    /// A debit that its payer disputes.
    DisputeId,
    /// One scan or change of a cart, as the app named it: sent twice, it counts once.
    EventId,
    /// A unit of work that may fail later.
    JobId,
    /// A chain of refresh tokens that began with one sign-in.
    SessionId,
    /// One fact that partners are told of; its repeats carry the same id.
    MessageId,
    /// A linked account that can be debited. Named by the app.
    MethodId,
    /// What was bought and paid.
    OrderId,
    /// One call that moves money at a provider: its key for life.
    OperationId,
    /// A way to have goods delivered, as it was shown to a shopper.
    DeliveryOptionId,
    /// A system that exchanges data with us.
    PartnerId,
    /// A partner's key.
    PartnerKeyId,
    /// An exit pass.
    PassId,
    /// The payment of one checkout.
    PaymentId,
    /// A driver who is ordered to come for a store's parcels.
    PickupId,
    /// What of an order is to be in the books of a back-office system.
    PostingId,
    /// A delivered row that is kept aside.
    QuarantineId,
    /// A comparison of our books with a provider's. Named by whoever asks for it.
    ReconciliationId,
    /// Money given back for an order. Named by whoever asks for it.
    RefundId,
    /// Goods of one order on their way to the shopper.
    ShipmentId,
    /// Somebody who buys.
    ShopperId,
    /// Somebody who works for the retailer.
    StaffId,
    /// A partner's wish to be told of events. Named by the partner.
    SubscriptionId,
}

/// A text that is no key: empty, too long, or with a character that keys don't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a key has 1 to 64 of the characters A-Z a-z 0-9 . _ -")]
pub struct NotAKey;

/// Longest key: room for every ERP number seen, short enough to sit in an index row.
pub const KEY_LENGTH_MAX: usize = 64;

fn is_key(text: &str) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

macro_rules! keys {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, sqlx::Type, ToSchema)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]+$")]
        pub struct $name(String);

        impl $name {
            /// The key as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAKey;

            fn from_str(text: &str) -> Result<Self, NotAKey> {
                if is_key(text) { Ok(Self(text.to_owned())) } else { Err(NotAKey) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    )*};
}

keys! {
    /// What stands on a coupon, whole.
    CouponCode,
    /// A list of prices that stores see in the order of their own choice.
    PriceListId,
    /// The retailer's number of a promotion.
    PromotionId,
    /// The retailer's number of a product (stock keeping unit).
    Sku,
    /// The retailer's number of a store.
    StoreId,
    /// A class of goods that are taxed alike, such as `standard` or `reduced`.
    TaxClassId,
    /// What identifies a deposit voucher, however its code is written.
    VoucherCode,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_refused_when_empty_long_or_strange() {
        assert!("0001".parse::<StoreId>().is_ok());
        assert!("".parse::<StoreId>().is_err());
        assert!("a/b".parse::<StoreId>().is_err());
        assert!("x".repeat(65).parse::<StoreId>().is_err());
        assert!(serde_json::from_str::<Sku>("\"ä\"").is_err());
    }

    #[test]
    fn ids_made_later_sort_later() {
        let clock = Clock::manual(chrono::DateTime::UNIX_EPOCH);
        let ids = Ids::new(clock.clone(), Random::seeded(1));
        let first: CartId = ids.next();
        clock.advance(chrono::Duration::milliseconds(1));
        assert!(first < ids.next());
    }
}
