//! The next snapshot: a copy of the last one that shares every page until it is written to.

use std::sync::Arc;

use chrono::NaiveDate;

use super::super::code::{Gtin, StoreProfile};
use super::super::model::{Recall, Store};
use super::super::product::ProductRow;
use super::super::promotion::PromotionRow;
use super::super::rows::PriceKind;
use super::{HAS_TIMED, NO_PRICE, PRODUCTS_OF_PAGE, Pages, PriceList, Record, Shop, Snapshot, Timed, hash};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Rate};

/// Changes that are not yet visible. Rows arrive in the order of their references: price lists before stores, products
/// before codes and prices.
#[derive(Debug)]
pub struct Change {
    next: Snapshot,
    has_promotions: bool,
}

impl Change {
    /// Begins with what is visible now.
    pub fn of(current: &Snapshot) -> Self {
        Self { next: current.clone(), has_promotions: false }
    }

    /// Makes room for about so many products and codes in all, so that the tables need not grow again and again.
    pub fn reserve(&mut self, products: usize, codes: usize) {
        self.next.global.reserve(codes);
        let records = &self.next.products;
        Arc::make_mut(&mut self.next.skus).reserve(products, |number| hash_of(records, number));
    }

    /// The snapshot to publish, as of this revision.
    pub fn finish(mut self, revision: i64) -> Snapshot {
        self.next.revision = revision;
        if self.has_promotions {
            self.next.promotions_revision = revision;
            self.next.has_promotions_for_some = self.next.promotions.values().any(|row| row.asks_who());
            self.next.has_counted_promotions = self.next.promotions.values().any(|row| row.is_counted());
        }
        self.next
    }

    /// A price list, new or changed.
    pub fn price_list(&mut self, id: PriceListId, currency: Currency, live: bool) {
        if let Some(list) =
            self.next.list_numbers.get(&id).and_then(|number| self.next.lists.get_mut(*number))
        {
            let list = Arc::make_mut(list);
            list.currency = currency;
            list.live = live;
            return;
        }
        Arc::make_mut(&mut self.next.list_numbers).insert(id, self.next.lists.len());
        self.next.lists.push(Arc::new(PriceList {
            currency,
            live,
            prices: Pages::new(),
            timed: std::collections::HashMap::default(),
        }));
    }

    /// A store, new or changed.
    pub fn store(&mut self, store: Store) {
        let lists =
            store.price_lists.iter().filter_map(|list| self.next.list_numbers.get(list).copied()).collect();
        let profile = StoreProfile::new(&store.country, store.code_templates.iter().map(String::as_str));
        let zone = store.zone();
        let shop = Shop { store, profile, zone, lists };
        Arc::make_mut(&mut self.next.shops).insert(shop.store.store.as_str().to_owned(), Arc::new(shop));
    }

    /// A store that is closed for good.
    pub(in crate::catalog) fn close_store(&mut self, store: &StoreId) {
        Arc::make_mut(&mut self.next.shops).remove(store.as_str());
    }

    /// A tax rate from a day on; none takes it back.
    pub(in crate::catalog) fn rate(
        &mut self,
        country: String,
        class: TaxClassId,
        from: NaiveDate,
        rate: Option<Rate>,
    ) {
        let rates = Arc::make_mut(&mut self.next.rates).entry(country).or_default().entry(class).or_default();
        match rate {
            Some(rate) => rates.insert(from, rate),
            None => rates.remove(&from),
        };
    }

    /// A product, new, changed or no longer sold.
    pub fn product(&mut self, product: &ProductRow, live: bool) {
        let number = self.next.number_of(&product.sku).unwrap_or(self.next.product_count);
        self.next.products.set(number, Some(Record::new(product)));
        self.next.live.set(number, live);
        if number == self.next.product_count {
            self.next.product_count += 1;
            let records = &self.next.products;
            let skus = Arc::make_mut(&mut self.next.skus);
            skus.add(hash(product.sku.as_str()), number, |number| hash_of(records, number));
        }
    }

    /// A code of a product and how many pieces it stands for; a code that was taken back points to nothing.
    pub fn code(&mut self, gtin: Gtin, sku: &Sku, pieces: i64, live: bool) {
        let owner = self.next.number_of(sku);
        self.withdraw(gtin, owner.filter(|_| !live));
        let number = owner.filter(|_| live);
        let internal = gtin.circulation() == super::Circulation::Chain;
        let table = if internal { &mut self.next.internal } else { &mut self.next.global };
        table.set(gtin.value(), number);
        let is_multiple = number.is_some() && pieces != 1;
        if is_multiple {
            Arc::make_mut(&mut self.next.multiples).insert(gtin.value(), pieces);
        } else if self.next.multiples.contains_key(&gtin.value()) {
            Arc::make_mut(&mut self.next.multiples).remove(&gtin.value());
        }
    }

    /// Remembers whose a code was that is taken back; forgets it with nothing.
    fn withdraw(&mut self, gtin: Gtin, owner: Option<u32>) {
        let known = self.next.withdrawn.get(&gtin.value()).copied();
        match owner {
            Some(owner) if known != Some(owner) => {
                Arc::make_mut(&mut self.next.withdrawn).insert(gtin.value(), owner);
            }
            None if known.is_some() => {
                Arc::make_mut(&mut self.next.withdrawn).remove(&gtin.value());
            }
            _ => {}
        }
    }

    /// An open price in minor units of the list's currency; none takes it back. Says whether there are prices with times
    /// too, whose lowest price before them may be another one now.
    pub fn price(&mut self, list: &PriceListId, sku: &Sku, amount: Option<i64>) -> bool {
        let Some(number) = self.next.number_of(sku) else { return false };
        let Some(list) = self.list_mut(list) else { return false };
        let timed = list.prices.get(number).copied().unwrap_or(NO_PRICE) & HAS_TIMED;
        list.prices.set(number, entry(amount) | timed);
        timed != 0
    }

    /// The open price of a product on a list.
    pub(in crate::catalog) fn open_price(&self, list: &PriceListId, sku: &Sku) -> Option<i64> {
        let list = self.next.lists.get(*self.next.list_numbers.get(list)?)?;
        list.open(self.next.number_of(sku)?)
    }

    /// All prices with times of a product on a list.
    pub(in crate::catalog) fn timed(&mut self, list: &PriceListId, sku: &Sku, timed: Vec<Timed>) {
        let Some(number) = self.next.number_of(sku) else { return };
        self.next.has_member_prices |= timed.iter().any(|price| price.kind == PriceKind::Member);
        let Some(list) = self.list_mut(list) else { return };
        let open = entry(list.open(number));
        if timed.is_empty() {
            list.timed.remove(&number);
            list.prices.set(number, open);
        } else {
            list.timed.insert(number, timed.into());
            list.prices.set(number, open | HAS_TIMED);
        }
    }

    fn list_mut(&mut self, list: &PriceListId) -> Option<&mut PriceList> {
        let number = *self.next.list_numbers.get(list)?;
        self.next.lists.get_mut(number).map(Arc::make_mut)
    }

    /// A promotion, new or changed; or one that was taken back.
    pub fn promotion(&mut self, row: PromotionRow, live: bool) {
        let promotions = Arc::make_mut(&mut self.next.promotions);
        if live {
            promotions.insert(row.promotion.clone(), Arc::new(row));
        } else {
            promotions.remove(&row.promotion);
        }
        self.has_promotions = true;
    }

    /// A recall of a product, new or changed; or one that is over.
    pub(in crate::catalog) fn recall(&mut self, sku: &Sku, recall: Recall, live: bool) {
        let Some(number) = self.next.number_of(sku) else { return };
        let recalls = Arc::make_mut(&mut self.next.recalls);
        let known = recalls.get(&number).map_or(&[][..], |known| known);
        let mut next: Vec<Recall> =
            known.iter().filter(|each| each.recall != recall.recall).cloned().collect();
        if live {
            next.push(recall);
        }
        if next.is_empty() {
            recalls.remove(&number);
        } else {
            recalls.insert(number, next.into());
        }
    }
}

/// An open price as a page holds it. Rows with larger ones are refused long before.
fn entry(amount: Option<i64>) -> u32 {
    amount
        .and_then(|amount| u32::try_from(amount).ok())
        .filter(|entry| entry & HAS_TIMED == 0)
        .unwrap_or(NO_PRICE)
}

fn hash_of(records: &Pages<Option<Record>, PRODUCTS_OF_PAGE>, number: u32) -> u64 {
    records.get(number).and_then(Option::as_ref).map_or(0, |record| hash(record.sku()))
}
