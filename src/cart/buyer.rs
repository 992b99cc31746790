//! What prices depend on beside the goods: the promotions of a store, made ready, and who buys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::claims;
use super::model::Error;
use super::pricing::Promotions;
use crate::app::App;
use crate::catalog::{self, Snapshot, Store};
use crate::ids::{PromotionId, ShopperId, StoreId};
use crate::money::Currency;

/// Promotions of each store, made ready when a cart of it is priced first, and again when promotions change.
#[derive(Debug, Default)]
pub struct Offers(ArcSwap<Held>);

#[derive(Clone, Debug, Default)]
struct Held {
    /// The revision of the catalogue that changed promotions last.
    revision: i64,
    stores: HashMap<StoreId, Ready>,
}

/// The promotions of a store that lies in this country and sells in this currency: which hold there depends on both, and a
/// delivery of the store may change them.
#[derive(Clone, Debug)]
struct Ready {
    country: String,
    currency: Currency,
    promotions: Arc<Promotions>,
}

impl Ready {
    fn is_of(&self, store: &Store) -> bool {
        self.country == store.country && self.currency == store.currency
    }
}

impl Offers {
    /// The promotions of a store. There are at most as many sets as stores.
    pub(super) fn of(&self, catalog: &Snapshot, store: &Store) -> Arc<Promotions> {
        let revision = catalog.promotions_revision();
        let held = self.0.load();
        let known = held.stores.get(&store.store).filter(|_| held.revision == revision);
        if let Some(known) = known.filter(|known| known.is_of(store)) {
            return Arc::clone(&known.promotions);
        }
        let promotions = Arc::new(Promotions::of(catalog.promotions(store)));
        let (country, currency) = (store.country.clone(), store.currency);
        let ready = Ready { country, currency, promotions: Arc::clone(&promotions) };
        self.0.rcu(|held| {
            let mut next = if held.revision == revision { Held::clone(held) } else { Held::default() };
            next.revision = revision;
            next.stores.insert(store.store.clone(), ready.clone());
            next
        });
        promotions
    }
}

/// What a price depends on of whoever buys: what the CRM says of them, and how often promotions with a limit were had so far.
#[derive(Clone, Debug, Default)]
pub struct Buyer {
    /// By all shoppers together: times, and minor units of discount.
    pub(super) all: BTreeMap<PromotionId, (i64, i64)>,
    /// By the shopper.
    pub(super) own: BTreeMap<PromotionId, i64>,
    pub(super) is_member: bool,
    pub(super) segments: Vec<String>,
}

impl Buyer {
    /// As it is now. Between two looks others may be faster: how often promotions were had is read again when a cart is
    /// locked.
    pub async fn of(app: &App, shopper: ShopperId) -> Result<Self, Error> {
        let mut buyer = Self::default();
        let catalog = app.catalog.view();
        let asks_who = catalog.asks_who();
        if asks_who && let Some(customer) = catalog::customer(&app.db, shopper).await? {
            (buyer.is_member, buyer.segments) = (customer.is_member, customer.segments);
        }
        if !catalog.has_counted_promotions() {
            return Ok(buyer);
        }
        // Only of those that can hold: whatever was ever counted is no matter of a scan.
        let promotions = catalog.counted_promotions(app.clock.now()).map(PromotionId::as_str);
        let promotions: Vec<&str> = promotions.collect();
        if promotions.is_empty() {
            return Ok(buyer);
        }
        for read in claims::counts(&app.db, shopper, promotions).await? {
            if read.holder.is_empty() {
                buyer.all.insert(read.promotion, (read.times, read.amount));
            } else {
                buyer.own.insert(read.promotion, read.times);
            }
        }
        Ok(buyer)
    }
}
