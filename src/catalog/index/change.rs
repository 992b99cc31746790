//! The next snapshot: a copy of the last one that shares every page until it is written to.

use std::sync::Arc;

use chrono::NaiveDate;

use super::super::code::{Gtin, Profile};
use super::super::model::{Product, Store};
use super::{Entry, NO_PRICE, Pages, PriceList, Shop, Snapshot, hash};
use crate::ids::{PriceListId, Sku, StoreId, TaxClassId};
use crate::money::{Currency, Rate};

/// Changes that are not yet visible. Rows arrive in the order of their references: price lists before stores, products
/// before codes and prices.
#[derive(Debug)]
pub(in crate::catalog) struct Change {
    next: Snapshot,
}

impl Change {
    /// Begins with what is visible now.
    pub(in crate::catalog) fn of(current: &Snapshot) -> Self {
        Self { next: current.clone() }
    }

    /// The snapshot to publish, as of this revision.
    pub(in crate::catalog) fn finish(mut self, revision: i64) -> Snapshot {
        self.next.revision = revision;
        self.next
    }

    /// A price list, new or changed.
    pub(in crate::catalog) fn price_list(&mut self, id: PriceListId, currency: Currency, live: bool) {
        if let Some(list) =
            self.next.list_numbers.get(&id).and_then(|number| self.next.lists.get_mut(*number))
        {
            let list = Arc::make_mut(list);
            list.currency = currency;
            list.live = live;
            return;
        }
        Arc::make_mut(&mut self.next.list_numbers).insert(id, self.next.lists.len());
        self.next.lists.push(Arc::new(PriceList { currency, live, prices: Pages::new() }));
    }

    /// A store, new or changed.
    pub(in crate::catalog) fn store(&mut self, store: Store) {
        let lists =
            store.price_lists.iter().filter_map(|list| self.next.list_numbers.get(list).copied()).collect();
        let profile = Profile::of_country(&store.country);
        let shop = Shop { store, profile, lists };
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
    pub(in crate::catalog) fn product(&mut self, product: Product, live: bool) {
        let number = self.next.number_of(&product.sku).unwrap_or(self.next.product_count);
        let sku = product.sku.clone();
        self.next.products.set(number, Some(Entry { product: Arc::new(product.with_answer()), live }));
        if number == self.next.product_count {
            self.next.product_count += 1;
            // A new SKU never takes the entry of another one whose hash is the same.
            Arc::make_mut(&mut self.next.skus).set(hash(&sku), Some(number), |_| false);
        }
    }

    /// A code of a product; a code that was taken back points to nothing.
    pub(in crate::catalog) fn code(&mut self, gtin: Gtin, sku: &Sku, live: bool) {
        let number = self.next.number_of(sku).filter(|_| live);
        let internal = gtin.circulation() == super::Circulation::Chain;
        let table = if internal { &mut self.next.internal } else { &mut self.next.global };
        Arc::make_mut(table).set(gtin.value(), number, |_| true);
    }

    /// A price in minor units of the list's currency; none takes it back.
    pub(in crate::catalog) fn price(&mut self, list: &PriceListId, sku: &Sku, amount: Option<i64>) {
        let Some(number) = self.next.number_of(sku) else { return };
        let list = self.next.list_numbers.get(list).and_then(|number| self.next.lists.get_mut(*number));
        if let Some(list) = list {
            Arc::make_mut(list).prices.set(number, amount.unwrap_or(NO_PRICE));
        }
    }
}
