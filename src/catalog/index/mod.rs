//! The index in memory that every lookup reads: an immutable snapshot of the whole catalogue, replaced in one step.
//!
//! A reader takes the snapshot once a request and sees one revision throughout; it takes no lock and allocates nothing.
//! A batch is applied to a copy that shares every page it does not touch, and becomes visible as a whole.
//!
//! `table.rs` leads from codes to product numbers, `pages.rs` holds products and prices by number, `change.rs` makes the
//! next snapshot.

mod change;
mod pages;
mod record;
mod table;
mod timed;

pub(super) use change::Change;
pub(super) use record::Record;
pub(super) use timed::{Asked, Timed, lowest_before};

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;

use self::pages::Pages;
use self::table::Table;
use super::code::{self, Answer, Circulation, Gtin, Meaning, Profile, Symbology};
use super::model::{FindError, Found, Offer, Price, Promotion, Recall, Store};
use crate::clock::Moment;
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Money, Rate};

/// A page entry without a price.
const NO_PRICE: i64 = 0;
/// Set in a page entry of a product that has prices with times on the list: no price comes near it.
const HAS_TIMED: i64 = 1 << 62;

/// One price list: what it asks, by product number.
#[derive(Clone, Debug)]
struct PriceList {
    currency: Currency,
    live: bool,
    /// The open price in minor units, and [`HAS_TIMED`].
    prices: Pages<i64>,
    timed: HashMap<u32, Arc<[Timed]>>,
}

impl PriceList {
    fn open(&self, number: u32) -> Option<i64> {
        self.prices.get(number).map(|entry| entry & !HAS_TIMED).filter(|price| *price != NO_PRICE)
    }

    #[inline]
    fn asked(&self, number: u32, now: i64) -> Asked<'_> {
        let entry = self.prices.get(number).copied().unwrap_or(NO_PRICE);
        if entry & HAS_TIMED == 0 {
            return Asked { regular: (entry != NO_PRICE).then_some(entry), ..Asked::default() };
        }
        let timed = self.timed.get(&number).map_or(&[][..], |timed| timed);
        Asked::now(self.open(number), timed, now)
    }
}

/// A store, by whose rules its codes are read, and its price lists by their places in the snapshot.
#[derive(Clone, Debug)]
struct Shop {
    store: Store,
    profile: Profile,
    zone: Tz,
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
    products: Pages<Option<Record>>,
    /// How many pieces a code stands for, where that is not one.
    multiples: Arc<HashMap<u64, i64>>,
    /// What must not be sold any more, by product number.
    recalls: Arc<HashMap<u32, Arc<[Recall]>>>,
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
    /// How many pieces the code stands for.
    pub(super) pieces: i64,
    pub(super) record: &'a Record,
    pub(super) store: &'a Store,
    pub(super) asked: Asked<'a>,
    /// What everybody pays, in minor units of the store's currency.
    pub(super) amount: i64,
    pub(super) recalls: &'a [Recall],
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
            multiples: Arc::default(),
            recalls: Arc::default(),
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

    /// What a scanned code means in a store at a moment.
    pub fn find(&self, store: &StoreId, code: &str, now: Moment) -> Result<Found, FindError> {
        let shop = self.shops.get(store.as_str()).ok_or(FindError::UnknownStore)?;
        let answer = understand(shop, code, None, now)?;
        if !answer.meaning.is_bare() {
            return Err(FindError::UnknownCode);
        }
        let hit = self.hit(shop, &answer, now)?;
        Ok(Found { gtin: hit.gtin, pieces: hit.pieces, offer: self.offer(&hit) })
    }

    fn offer(&self, hit: &Hit<'_>) -> Offer {
        let money = |minor| Money::new(minor, hit.store.currency);
        let price = Price {
            amount: money(hit.amount),
            regular: hit.asked.regular.map(money),
            promotion: hit.asked.reduction().map(|timed| Promotion {
                name: timed.name.as_deref().map(str::to_owned),
                until: chrono::DateTime::from_timestamp(timed.to, 0),
                lowest_30_days: timed.lowest.map(money),
            }),
            member: hit.asked.member.map(|timed| money(timed.amount)),
        };
        let recalls = hit.recalls.to_vec();
        Offer { product: hit.record.product(), price, recalls, revision: self.revision }
    }

    /// What a store asks for a product at a moment; [`FindError::UnknownCode`] when it is not sold any more.
    pub fn product(&self, store: &StoreId, sku: &Sku, now: Moment) -> Result<Offer, FindError> {
        let shop = self.shops.get(store.as_str()).ok_or(FindError::UnknownStore)?;
        let number = self.number_of(sku).ok_or(FindError::UnknownCode)?;
        let record = self.live(number).ok_or(FindError::UnknownCode)?;
        Ok(self.offer(&self.offered(shop, Gtin::NOTHING, number, record, now)?))
    }

    /// What must not be sold any more of a product.
    pub fn recalls(&self, sku: &Sku) -> &[Recall] {
        self.number_of(sku).map_or(&[], |number| self.recalls_of(number))
    }

    fn recalls_of(&self, number: u32) -> &[Recall] {
        // Nearly always there are none at all.
        if self.recalls.is_empty() { &[] } else { self.recalls.get(&number).map_or(&[], |recalls| recalls) }
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
        now: Moment,
    ) -> Result<Hit<'_>, FindError> {
        let shop = self.shops.get(store).ok_or(FindError::UnknownStore)?;
        let answer = understand(shop, code, symbology, now)?;
        self.hit(shop, &answer, now)
    }

    /// The first number of a meaning that a product on sale has.
    #[inline]
    fn hit<'a>(&'a self, shop: &'a Shop, answer: &Answer, now: Moment) -> Result<Hit<'a>, FindError> {
        let hit = answer.meaning.keys().find_map(|gtin| {
            let number = self.table(gtin).find(gtin.value(), |_| true)?;
            Some((gtin, number, self.live(number)?))
        });
        let (gtin, number, record) = hit.ok_or(FindError::UnknownCode)?;
        self.offered(shop, gtin, number, record, now)
    }

    /// What the store asks for a product.
    #[inline]
    fn offered<'a>(
        &'a self,
        shop: &'a Shop,
        gtin: Gtin,
        number: u32,
        record: &'a Record,
        now: Moment,
    ) -> Result<Hit<'a>, FindError> {
        let asked = self.asked(shop, number, now.timestamp());
        let amount = asked.to_pay().ok_or(FindError::NoPrice)?;
        let pieces = if self.multiples.is_empty() { None } else { self.multiples.get(&gtin.value()) };
        let recalls = self.recalls_of(number);
        Ok(Hit {
            gtin,
            pieces: pieces.copied().unwrap_or(1),
            record,
            store: &shop.store,
            asked,
            amount,
            recalls,
        })
    }

    /// The number under which a store would know a code; none for what is no code of a product.
    pub(super) fn gtin(&self, store: &str, code: &str, now: Moment) -> Option<Gtin> {
        understand(self.shops.get(store)?, code, None, now).ok()?.meaning.keys().next()
    }

    fn table(&self, gtin: Gtin) -> &Table {
        if gtin.circulation() == Circulation::Chain { &self.internal } else { &self.global }
    }

    #[inline]
    fn live(&self, number: u32) -> Option<&Record> {
        self.products.get(number)?.as_ref().filter(|record| record.is_live())
    }

    fn number_of(&self, sku: &Sku) -> Option<u32> {
        self.skus.find(hash(sku), |number| self.is_sku(number, sku))
    }

    fn is_sku(&self, number: u32, sku: &Sku) -> bool {
        self.products.get(number).and_then(Option::as_ref).is_some_and(|record| record.is_sku(sku.as_str()))
    }

    /// What a store asks: each kind of price from its first list that has one.
    #[inline]
    fn asked(&self, shop: &Shop, number: u32, now: i64) -> Asked<'_> {
        let lists = shop.lists.iter().filter_map(|list| self.lists.get(*list)).filter(|list| list.live);
        lists.fold(Asked::default(), |asked, list| asked.or(list.asked(number, now)))
    }
}

/// Reads a code by the rules of a store; an error when it can't name a product.
fn understand(
    shop: &Shop,
    code: &str,
    symbology: Option<Symbology>,
    now: Moment,
) -> Result<Answer, FindError> {
    let today = now.with_timezone(&shop.zone).date_naive();
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
