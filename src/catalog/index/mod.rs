//! The index in memory that every lookup reads: an immutable snapshot of the whole catalogue, replaced in one step.
//!
//! A reader takes the snapshot once a request and sees one revision throughout; it takes no lock and allocates nothing.
//! A batch is applied to a copy that shares every page it does not touch, and becomes visible as a whole.
//!
//! `table.rs` leads from codes to product numbers (its memory is `memory.rs`), `pages.rs` holds products and prices by
//! number, `change.rs` makes the next snapshot, `walk.rs` goes through all of one, `remembered.rs` knows what is no longer
//! sold.

mod change;
mod memory;
mod pages;
mod record;
mod remembered;
mod table;
mod timed;
mod walk;

pub use change::Change;
pub(super) use record::Record;
pub(super) use timed::{Asked, LOOK_BACK_SECONDS, Timed, lowest_before};
pub(super) use walk::{CodeTables, Facts, Shelf};

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use foldhash::fast::RandomState;

use self::pages::{Bits, Pages};
use self::table::{SkuTable, Table};
use super::code::{self, Answer, Circulation, Gtin, Meaning, StoreProfile, Symbology};
use super::delivery_terms::DeliveryTerms;
use super::label::Label;
use super::model::{FindError, Found, Offer, Price, Promotion, Recall, ShelfPrice, Store};
use super::product::ProductRow;
use super::promotion::PromotionRow;
use crate::clock::Moment;
use crate::ids::{PriceListId, PromotionId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Money, Rate};
use crate::quantity::Quantity;

/// Prices of a page: 4 KiB, so that a change copies little and a table of pages stays short.
const PRICES_OF_PAGE: usize = 1024;
/// Products of a page: copying one counts every product on it once more.
const PRODUCTS_OF_PAGE: usize = 128;
/// A page entry without a price.
const NO_PRICE: u32 = 0;
/// Set in a page entry of a product that has prices with times on the list: no price comes near it.
const HAS_TIMED: u32 = 1 << 31;

/// One price list: what it asks, by product number.
#[derive(Clone, Debug)]
struct PriceList {
    currency: Currency,
    live: bool,
    /// The open price in minor units, and [`HAS_TIMED`].
    prices: Pages<u32, PRICES_OF_PAGE>,
    timed: HashMap<u32, Arc<[Timed]>, RandomState>,
}

impl PriceList {
    fn open(&self, number: u32) -> Option<i64> {
        price(self.prices.get(number).copied().unwrap_or(NO_PRICE) & !HAS_TIMED)
    }

    #[inline]
    fn asked(&self, number: u32, now: i64) -> Asked<'_> {
        let entry = self.prices.get(number).copied().unwrap_or(NO_PRICE);
        if entry & HAS_TIMED == 0 {
            return Asked { regular: price(entry), ..Asked::default() };
        }
        let timed = self.timed.get(&number).map_or(&[][..], |timed| timed);
        Asked::now(self.open(number), timed, now)
    }
}

#[inline]
fn price(entry: u32) -> Option<i64> {
    (entry != NO_PRICE).then(|| i64::from(entry))
}

/// A store, by whose rules its codes are read, and its price lists by their places in the snapshot.
#[derive(Clone, Debug)]
struct Shop {
    store: Store,
    profile: StoreProfile,
    zone: Tz,
    lists: Vec<usize>,
}

type Rates = BTreeMap<NaiveDate, Rate>;

/// The whole catalogue at one revision.
#[derive(Clone, Debug)]
pub struct Snapshot {
    revision: i64,
    /// Codes that mean the same everywhere.
    global: Table,
    /// Codes that mean something in this chain only.
    internal: Table,
    /// SKUs by their hash.
    skus: Arc<SkuTable>,
    products: Pages<Option<Record>, PRODUCTS_OF_PAGE>,
    /// Which products are sold: a lookup of a price need not touch the product itself.
    live: Bits,
    /// How many pieces a code stands for, where that is not one.
    multiples: Arc<HashMap<u64, i64, RandomState>>,
    /// The products of codes that were taken back: what is offered instead is found by them.
    withdrawn: Arc<HashMap<u64, u32, RandomState>>,
    /// What must not be sold any more, by product number.
    recalls: Arc<HashMap<u32, Arc<[Recall]>, RandomState>>,
    /// All promotions, and the revision that changed them last.
    promotions: Arc<BTreeMap<PromotionId, Arc<PromotionRow>>>,
    promotions_revision: i64,
    has_counted_promotions: bool,
    /// Whether a promotion, or a price, is for some customers only.
    has_promotions_for_some: bool,
    has_member_prices: bool,
    product_count: u32,
    list_numbers: Arc<HashMap<PriceListId, usize>>,
    lists: Vec<Arc<PriceList>>,
    shops: Arc<HashMap<String, Arc<Shop>, RandomState>>,
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

/// A product on sale and the number by which it was found.
#[derive(Clone, Copy, Debug)]
struct Known {
    gtin: Gtin,
    number: u32,
}

impl Snapshot {
    /// A catalogue in which there is nothing yet.
    pub fn empty() -> Self {
        Self {
            revision: 0,
            global: Table::new(),
            internal: Table::new(),
            skus: Arc::new(SkuTable::new()),
            products: Pages::new(),
            live: Bits::new(),
            multiples: Arc::default(),
            withdrawn: Arc::default(),
            recalls: Arc::default(),
            promotions: Arc::default(),
            promotions_revision: 0,
            has_counted_promotions: false,
            has_promotions_for_some: false,
            has_member_prices: false,
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

    /// The number of the last batch that changed a promotion.
    pub fn promotions_revision(&self) -> i64 {
        self.promotions_revision
    }

    /// Whether there is a promotion whose limits are counted beyond one basket.
    pub fn has_counted_promotions(&self) -> bool {
        self.has_counted_promotions
    }

    /// Those that hold at a moment, or held a day ago at most: so long prices may be promised.
    pub fn counted_promotions(&self, now: Moment) -> impl Iterator<Item = &PromotionId> {
        let (from, to) = (now - chrono::Duration::days(1), now);
        let may_count =
            move |row: &&Arc<PromotionRow>| row.is_counted() && row.valid_from <= to && row.valid_to > from;
        self.promotions.values().filter(may_count).map(|row| &row.promotion)
    }

    /// Whether what something costs, or what is earned with it, may depend on who buys it.
    pub fn asks_who(&self) -> bool {
        let earns = |shop: &Shop| shop.store.till.points.is_some();
        self.has_promotions_for_some || self.has_member_prices || self.shops.values().any(|shop| earns(shop))
    }

    /// The promotions that can hold in a store.
    pub fn promotions(&self, store: &Store) -> impl Iterator<Item = Arc<PromotionRow>> {
        let is_here = |row: &&Arc<PromotionRow>| row.is_for(&store.store, &store.country, store.currency);
        self.promotions.values().filter(is_here).cloned()
    }

    /// A store.
    pub fn store(&self, store: &StoreId) -> Option<&Store> {
        self.shops.get(store.as_str()).map(|shop| &shop.store)
    }

    /// What a store delivers for; nothing where it did not say, or is none.
    pub fn delivery_terms(&self, store: &StoreId) -> Option<&DeliveryTerms> {
        self.store(store)?.till.delivery.as_deref()
    }

    /// All stores, by number.
    pub fn stores(&self) -> Vec<&Store> {
        let mut stores: Vec<&Store> = self.shops.values().map(|shop| &shop.store).collect();
        stores.sort_unstable_by(|one, other| one.store.cmp(&other.store));
        stores
    }

    /// What a scanned code means in a store at a moment, and what it says of the piece that carries it. A label with a price
    /// of its own needs none of the store's.
    pub fn find(&self, store: &StoreId, code: &str, now: Moment) -> Result<Found, FindError> {
        let (hit, answer) = self.look_up(store.as_str(), code, None, now)?;
        Ok(self.found(&hit, &answer))
    }

    /// What was looked up as a copy of its own, with what the code says of the piece that carries it.
    pub(super) fn found(&self, hit: &Hit<'_>, answer: &Answer) -> Found {
        let product = hit.record.product();
        let label = Label::of(answer, hit.gtin, &product, hit.store.currency);
        let is_listed = hit.asked.to_pay().is_some();
        let offer = self.offer(hit, product);
        Found { gtin: hit.gtin, pieces: hit.pieces, label, is_listed, offer }
    }

    fn offer(&self, hit: &Hit<'_>, product: ProductRow) -> Offer {
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
        Offer { product, price, recalls, revision: self.revision }
    }

    /// What a store asks for a product at a moment; [`FindError::UnknownCode`] when it is not sold any more.
    pub fn product(&self, store: &StoreId, sku: &Sku, now: Moment) -> Result<Offer, FindError> {
        let shop = self.shop(store.as_str())?;
        let known = self.known_sku(sku).ok_or(FindError::UnknownCode)?;
        let hit = self.offered(shop, known, now)?;
        Ok(self.offer(&hit, hit.record.product()))
    }

    /// What a store asks for a product at a moment, without the product's facts: many are asked for at once. Nothing when it is
    /// not sold, has no price there, or has one for another quantity than `per`.
    pub fn shelf_price(
        &self,
        store: &StoreId,
        sku: &Sku,
        per: Option<Quantity>,
        now: Moment,
    ) -> Option<ShelfPrice> {
        let shop = self.shop(store.as_str()).ok()?;
        let known = self.known_sku(sku)?;
        let asked = self.asked(shop, known.number, now.timestamp());
        let price =
            ShelfPrice { everybody: asked.to_pay()?, members: asked.member.map(|timed| timed.amount) };
        let record = self.record(known.number)?;
        let is_for = match per {
            None => !record.is_priced_per(),
            Some(_) => record.is_priced_per() && record.product().priced_per == per,
        };
        is_for.then_some(price)
    }

    /// The facts of a product that is sold, whether or not a store has a price for it.
    pub fn facts(&self, sku: &Sku) -> Option<ProductRow> {
        Some(self.record(self.known_sku(sku)?.number)?.product())
    }

    /// Whether a product is sold without any rule of its own and without a recall: nothing more need be looked at.
    pub fn is_unrestricted(&self, sku: &Sku) -> bool {
        let known = self.known_sku(sku).and_then(|known| Some((known.number, self.record(known.number)?)));
        known.is_some_and(|(number, record)| !record.is_ruled() && self.recalls_of(number).is_empty())
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

    /// The rate of a tax class in a store on a day: that of its area, else that of its country.
    pub fn rate_in(&self, store: &Store, class: &TaxClassId, day: NaiveDate) -> Option<Rate> {
        let of_area = store.till.tax_area.as_deref().and_then(|area| self.rate(area, class, day));
        of_area.or_else(|| self.rate(&store.country, class, day))
    }

    /// What a store asks for the product of a number now: the index alone, without reading a code or writing an answer.
    pub fn price_of(&self, store: &StoreId, gtin: Gtin, now: Moment) -> Result<Money, FindError> {
        let known = self.known_code(gtin).ok_or(FindError::UnknownCode);
        let shop = self.shop(store.as_str())?;
        let amount = self.asked(shop, known?.number, now.timestamp()).to_pay().ok_or(FindError::NoPrice)?;
        Ok(Money::new(amount, shop.store.currency))
    }

    /// Looks a code up, as it was read on a day, without copying anything of what is found; and what the code says. A label
    /// with a price of its own needs none of the store's.
    #[inline]
    pub(super) fn look_up(
        &self,
        store: &str,
        code: &str,
        symbology: Option<Symbology>,
        now: Moment,
    ) -> Result<(Hit<'_>, Answer), FindError> {
        let shop = self.shop(store)?;
        let (answer, known) = self.understand(shop, code, symbology, now)?;
        let hit = match self.offered(shop, known, now) {
            Err(FindError::NoPrice) if answer.says_more() => self.labelled(shop, known, &answer)?,
            hit => hit?,
        };
        Ok((hit, answer))
    }

    /// A product that the store has no price for, at that of its label.
    fn labelled<'a>(&'a self, shop: &'a Shop, known: Known, answer: &Answer) -> Result<Hit<'a>, FindError> {
        let currency = shop.store.currency;
        let label = Label::of(answer, known.gtin, &self.record_of(known)?.product(), currency);
        let amount = label.price.and_then(|price| price.money(currency)).ok_or(FindError::NoPrice)?;
        self.at(shop, known, Asked::default(), amount.minor())
    }

    /// Reads a code by the rules of a store; an error when it names no product that is sold.
    #[inline]
    fn understand(
        &self,
        shop: &Shop,
        code: &str,
        symbology: Option<Symbology>,
        now: Moment,
    ) -> Result<(Answer, Known), FindError> {
        let today = now.with_timezone(&shop.zone).date_naive();
        let known = |answer: &Answer| self.known(&answer.meaning);
        let (answer, known) = code::interpret_in_store(code, symbology, &shop.profile, today, known)
            .map_err(FindError::BadCode)?;
        match (known, &answer.meaning) {
            (Some(known), _) => Ok((answer, known)),
            (None, Meaning::Foreign) => Err(FindError::Foreign),
            (None, Meaning::Coupon(_) | Meaning::Refund(_) | Meaning::NonProduct(_)) => {
                Err(FindError::NoProduct)
            }
            (None, _) => Err(FindError::UnknownCode),
        }
    }

    /// The product on sale that the first number of a meaning names; by a store's template also by its own number.
    #[inline]
    fn known(&self, meaning: &Meaning) -> Option<Known> {
        let by_article = || match meaning {
            Meaning::Template(found) => self.known_sku(&found.code.as_deref()?.parse().ok()?),
            _ => None,
        };
        meaning.keys().find_map(|gtin| self.known_code(gtin)).or_else(by_article)
    }

    /// The product on sale that a number names.
    #[inline]
    fn known_code(&self, gtin: Gtin) -> Option<Known> {
        let number = self.table(gtin).find(gtin.value())?;
        self.live.get(number).then_some(Known { gtin, number })
    }

    /// A product on sale by the retailer's own number.
    fn known_sku(&self, sku: &Sku) -> Option<Known> {
        let number = self.number_of(sku)?;
        self.live.get(number).then_some(Known { gtin: Gtin::NOTHING, number })
    }

    #[inline]
    fn shop(&self, store: &str) -> Result<&Shop, FindError> {
        self.shops.get(store).map(Arc::as_ref).ok_or(FindError::UnknownStore)
    }

    /// What the store asks for a product.
    #[inline]
    fn offered<'a>(&'a self, shop: &'a Shop, known: Known, now: Moment) -> Result<Hit<'a>, FindError> {
        let asked = self.asked(shop, known.number, now.timestamp());
        let amount = asked.to_pay().ok_or(FindError::NoPrice)?;
        self.at(shop, known, asked, amount)
    }

    /// A product at this price.
    #[inline]
    fn at<'a>(
        &'a self,
        shop: &'a Shop,
        known: Known,
        asked: Asked<'a>,
        amount: i64,
    ) -> Result<Hit<'a>, FindError> {
        let Known { gtin, number } = known;
        let record = self.record_of(known)?;
        let (pieces, recalls) = (self.pieces(gtin.value()), self.recalls_of(number));
        Ok(Hit { gtin, pieces, record, store: &shop.store, asked, amount, recalls })
    }

    /// The number under which a store would know a code; none for what is no code of a product.
    pub(super) fn gtin(&self, store: &str, code: &str, now: Moment) -> Option<Gtin> {
        let shop = self.shop(store).ok()?;
        let today = now.with_timezone(&shop.zone).date_naive();
        let first = |answer: &Answer| answer.meaning.keys().next();
        code::interpret_in_store(code, None, &shop.profile, today, first).ok()?.1
    }

    fn table(&self, gtin: Gtin) -> &Table {
        if gtin.circulation() == Circulation::Chain { &self.internal } else { &self.global }
    }

    #[inline]
    fn record_of(&self, known: Known) -> Result<&Record, FindError> {
        self.record(known.number).ok_or(FindError::UnknownCode)
    }

    fn number_of(&self, sku: &Sku) -> Option<u32> {
        self.skus.find(hash(sku.as_str()), |number| self.is_sku(number, sku))
    }

    fn is_sku(&self, number: u32, sku: &Sku) -> bool {
        self.products.get(number).and_then(Option::as_ref).is_some_and(|record| record.is_sku(sku.as_str()))
    }

    /// What a store asks: each kind of price from its first list that has one.
    #[inline]
    fn asked(&self, shop: &Shop, number: u32, now: i64) -> Asked<'_> {
        let lists = shop.lists.iter().filter_map(|list| self.lists.get(*list)).filter(|list| list.live);
        let mut open = None;
        for list in lists.clone() {
            // Nothing can be added by a list without prices with times: its page need not be touched.
            if open.is_some() && list.timed.is_empty() {
                continue;
            }
            let entry = list.prices.get(number).copied().unwrap_or(NO_PRICE);
            if entry & HAS_TIMED != 0 {
                return lists.fold(Asked::default(), |asked, list| asked.or(list.asked(number, now)));
            }
            open = open.or(price(entry));
        }
        Asked { regular: open, ..Asked::default() }
    }
}

/// The same for the same SKU in this process; equal hashes of two SKUs are told apart by the product.
fn hash(sku: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sku.hash(&mut hasher);
    hasher.finish()
}
