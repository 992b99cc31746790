//! The index in memory that every lookup reads: an immutable snapshot of the whole catalogue, replaced in one step.
//!
//! A reader takes the snapshot once a request and sees one revision throughout; it takes no lock and allocates nothing.
//! A batch is applied to a copy that shares every page it does not touch, and becomes visible as a whole.
//!
//! `table.rs` leads from codes to product numbers, `pages.rs` holds products and prices by number, `change.rs` makes the
//! next snapshot.

mod change;
mod pages;
mod table;

pub(super) use change::Change;

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;

use self::pages::Pages;
use self::table::Table;
use super::code::{self, Answer, Circulation, Gtin, Meaning, Profile, Symbology};
use super::model::{FindError, Found, Offer, Product, Store};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Money, Rate};

/// A page entry without a price.
const NO_PRICE: i64 = 0;

/// A product and whether it is still sold.
#[derive(Clone, Debug)]
struct Entry {
    product: Arc<Product>,
    live: bool,
}

/// One price list: what it asks, by product number.
#[derive(Clone, Debug)]
struct PriceList {
    currency: Currency,
    live: bool,
    prices: Pages<i64>,
}

/// A store, by whose rules its codes are read, and its price lists by their places in the snapshot.
#[derive(Clone, Debug)]
struct Shop {
    store: Store,
    profile: Profile,
    lists: Vec<usize>,
}

type Rates = BTreeMap<NaiveDate, Rate>;

/// The whole catalogue at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    revision: i64,
    /// Codes that mean the same everywhere.
    global: Arc<Table>,
    /// Codes that mean something in this chain only.
    internal: Arc<Table>,
    /// SKUs by their hash.
    skus: Arc<Table>,
    products: Pages<Option<Entry>>,
    product_count: u32,
    list_numbers: Arc<HashMap<PriceListId, usize>>,
    lists: Vec<Arc<PriceList>>,
    shops: Arc<HashMap<String, Arc<Shop>>>,
    rates: Arc<HashMap<String, HashMap<TaxClassId, Rates>>>,
}

/// A lookup's result without a copy of anything: what the answer to a shopper is written from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hit<'a> {
    pub(super) gtin: Gtin,
    pub(super) product: &'a Arc<Product>,
    pub(super) store: &'a Store,
    pub(super) price: Money,
}

impl Snapshot {
    /// A catalogue in which there is nothing yet.
    pub(super) fn empty() -> Self {
        Self {
            revision: 0,
            global: Arc::new(Table::new()),
            internal: Arc::new(Table::new()),
            skus: Arc::new(Table::new()),
            products: Pages::new(),
            product_count: 0,
            list_numbers: Arc::default(),
            lists: Vec::new(),
            shops: Arc::default(),
            rates: Arc::default(),
        }
    }

    /// The number of the last batch that this snapshot has.
    pub fn revision(&self) -> i64 {
        self.revision
    }

    /// A store.
    pub fn store(&self, store: &StoreId) -> Option<&Store> {
        self.shops.get(store.as_str()).map(|shop| &shop.store)
    }

    /// All stores, by number.
    pub fn stores(&self) -> Vec<&Store> {
        let mut stores: Vec<&Store> = self.shops.values().map(|shop| &shop.store).collect();
        stores.sort_unstable_by(|one, other| one.store.cmp(&other.store));
        stores
    }

    /// What a scanned code means in a store, when it is a number and nothing more. A code that also holds a weight, a
    /// price, a lot or a date is not found: whoever calls this sells whole pieces at the list price.
    pub fn find(&self, store: &StoreId, code: &str, today: NaiveDate) -> Result<Found, FindError> {
        let shop = self.shops.get(store.as_str()).ok_or(FindError::UnknownStore)?;
        let answer = understand(shop, code, None, today)?;
        if !answer.meaning.is_bare() {
            return Err(FindError::UnknownCode);
        }
        let hit = self.hit(shop, &answer)?;
        let offer = Offer { product: Arc::clone(hit.product), price: hit.price, revision: self.revision };
        Ok(Found { gtin: hit.gtin, offer })
    }

    /// What a store asks for a product; [`FindError::UnknownCode`] when it is not sold any more.
    pub fn product(&self, store: &StoreId, sku: &Sku) -> Result<Offer, FindError> {
        let shop = self.shops.get(store.as_str()).ok_or(FindError::UnknownStore)?;
        let number = self.number_of(sku).ok_or(FindError::UnknownCode)?;
        let product = self.live(number).ok_or(FindError::UnknownCode)?;
        let price = self.price(shop, number)?;
        Ok(Offer { product: Arc::clone(product), price, revision: self.revision })
    }

    /// The tax rate of a class in a country on a day of that country; none when none was delivered for it.
    pub fn rate(&self, country: &str, class: &TaxClassId, day: NaiveDate) -> Option<Rate> {
        self.rates.get(country)?.get(class)?.range(..=day).next_back().map(|(_, rate)| *rate)
    }

    /// Looks a code up, as it was read on a day, without copying anything of what is found.
    #[inline]
    pub(super) fn look_up(
        &self,
        store: &str,
        code: &str,
        symbology: Option<Symbology>,
        today: NaiveDate,
    ) -> Result<Hit<'_>, FindError> {
        let shop = self.shops.get(store).ok_or(FindError::UnknownStore)?;
        let answer = understand(shop, code, symbology, today)?;
        self.hit(shop, &answer)
    }

    /// The first number of a meaning that a product on sale has.
    #[inline]
    fn hit<'a>(&'a self, shop: &'a Shop, answer: &Answer) -> Result<Hit<'a>, FindError> {
        let hit = answer.meaning.keys().find_map(|gtin| {
            let number = self.table(gtin).find(gtin.value(), |_| true)?;
            Some((gtin, number, self.live(number)?))
        });
        let (gtin, number, product) = hit.ok_or(FindError::UnknownCode)?;
        let price = self.price(shop, number)?;
        Ok(Hit { gtin, product, store: &shop.store, price })
    }

    fn table(&self, gtin: Gtin) -> &Table {
        if gtin.circulation() == Circulation::Chain { &self.internal } else { &self.global }
    }

    #[inline]
    fn live(&self, number: u32) -> Option<&Arc<Product>> {
        let entry = self.products.get(number)?.as_ref()?;
        entry.live.then_some(&entry.product)
    }

    fn number_of(&self, sku: &Sku) -> Option<u32> {
        self.skus.find(hash(sku), |number| self.is_sku(number, sku))
    }

    fn is_sku(&self, number: u32, sku: &Sku) -> bool {
        self.products.get(number).and_then(Option::as_ref).is_some_and(|entry| entry.product.sku == *sku)
    }

    /// The price on the first list that has one.
    #[inline]
    fn price(&self, shop: &Shop, number: u32) -> Result<Money, FindError> {
        let lists = shop.lists.iter().filter_map(|list| self.lists.get(*list)).filter(|list| list.live);
        let found = lists
            .filter_map(|list| Some((list, *list.prices.get(number)?)))
            .find(|(_, price)| *price != NO_PRICE);
        found.map(|(list, price)| Money::new(price, list.currency)).ok_or(FindError::NoPrice)
    }
}

/// Reads a code by the rules of a store; an error when it can't name a product.
fn understand(
    shop: &Shop,
    code: &str,
    symbology: Option<Symbology>,
    today: NaiveDate,
) -> Result<Answer, FindError> {
    let answer = code::interpret(code, symbology, &shop.profile, today).map_err(FindError::BadCode)?;
    match answer.meaning {
        Meaning::Foreign => Err(FindError::Foreign),
        Meaning::Coupon(_) | Meaning::Refund(_) | Meaning::NonProduct(_) => Err(FindError::NoProduct),
        _ => Ok(answer),
    }
}

/// The same for the same SKU in this process; equal hashes of two SKUs are told apart by the product.
fn hash(sku: &Sku) -> u64 {
    let mut hasher = DefaultHasher::new();
    sku.hash(&mut hasher);
    hasher.finish()
}
