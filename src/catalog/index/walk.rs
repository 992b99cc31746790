//! The catalogue from end to end: what offline catalogues and the search are made of.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::table::Table;
use super::{Hit, Known, PRODUCTS_OF_PAGE, Pages, PriceList, Record, Shop, Snapshot, Timed};
use crate::catalog::code::Gtin;
use crate::catalog::model::{FindError, Recall, Store};
use crate::clock::Moment;
use crate::ids::{Sku, StoreId};

/// What one store asks for everything: its live price lists, the first that counts first.
#[derive(Debug)]
pub(in crate::catalog) struct Shelf<'a> {
    snapshot: &'a Snapshot,
    shop: &'a Shop,
    lists: Vec<&'a PriceList>,
}

impl Snapshot {
    /// The shelf of a store.
    pub(in crate::catalog) fn shelf(&self, store: &StoreId) -> Result<Shelf<'_>, FindError> {
        let shop = self.shop(store.as_str())?;
        let lists = shop.lists.iter().filter_map(|list| self.lists.get(*list));
        Ok(Shelf { snapshot: self, shop, lists: lists.map(Arc::as_ref).filter(|list| list.live).collect() })
    }

    /// The numbers of all products that ever were.
    pub(in crate::catalog) fn numbers(&self) -> Range<u32> {
        0..self.product_count
    }

    /// A product that is sold.
    #[inline]
    pub(in crate::catalog) fn record(&self, number: u32) -> Option<&Record> {
        if self.live.get(number) { self.products.get(number)?.as_ref() } else { None }
    }

    /// The number of a product.
    pub(in crate::catalog) fn number(&self, sku: &Sku) -> Option<u32> {
        self.number_of(sku)
    }

    /// The product that a code leads to, and how many pieces of it.
    pub(in crate::catalog) fn owner(&self, gtin: Gtin) -> Option<(u32, i64)> {
        let number = self.table(gtin).find(gtin.value())?;
        Some((number, self.pieces(gtin.value())))
    }

    /// How many pieces a code stands for.
    pub(in crate::catalog) fn pieces(&self, code: u64) -> i64 {
        // Nearly always every code stands for one.
        if self.multiples.is_empty() { 1 } else { self.multiples.get(&code).copied().unwrap_or(1) }
    }

    /// Every code and the product that it leads to, in no order.
    pub(in crate::catalog) fn codes(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.global.entries().chain(self.internal.entries())
    }

    /// The codes as one thing, to see whether any changed since.
    pub(in crate::catalog) fn code_tables(&self) -> CodeTables {
        CodeTables {
            global: self.global.clone(),
            internal: self.internal.clone(),
            multiples: self.multiples.clone(),
        }
    }

    /// The products' facts as one thing, to see later which changed since.
    pub(in crate::catalog) fn all_facts(&self) -> Facts {
        Facts(self.products.clone())
    }

    /// The products whose facts are others than they were, or are new.
    pub(in crate::catalog) fn changed_since(&self, older: &Facts) -> Vec<u32> {
        self.products.differing(&older.0, |one, other| match (one, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (one, other) => one.is_none() && other.is_none(),
        })
    }
}

/// The facts of all products of a snapshot, and nothing else of it: prices and codes of then are not held in memory.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct Facts(Pages<Option<Record>, PRODUCTS_OF_PAGE>);

/// The codes of a snapshot.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct CodeTables {
    global: Table,
    internal: Table,
    multiples: Arc<HashMap<u64, i64, RandomState>>,
}

impl CodeTables {
    /// Whether no code changed between the two.
    pub(in crate::catalog) fn is_same(&self, other: &Self) -> bool {
        self.global.is_same(&other.global)
            && self.internal.is_same(&other.internal)
            && Arc::ptr_eq(&self.multiples, &other.multiples)
    }
}

impl<'a> Shelf<'a> {
    /// The store.
    pub(in crate::catalog) fn store(&self) -> &'a Store {
        &self.shop.store
    }

    /// The open price of a product and the place of its list among the store's.
    pub(in crate::catalog) fn open(&self, number: u32) -> Option<(usize, i64)> {
        self.lists.iter().enumerate().find_map(|(place, list)| Some((place, list.open(number)?)))
    }

    /// The prices with times of a product, each with the place of its list.
    pub(in crate::catalog) fn timed(&self, number: u32) -> impl Iterator<Item = (usize, &'a Timed)> + '_ {
        let lists = self.lists.iter().enumerate();
        lists.flat_map(move |(place, list)| {
            let timed = list.timed.get(&number).map_or(&[][..], |timed| timed);
            timed.iter().map(move |each| (place, each))
        })
    }

    /// Whether the store asks anything for a product at a second.
    pub(in crate::catalog) fn sells(&self, number: u32, now: i64) -> bool {
        self.snapshot.asked(self.shop, number, now).to_pay().is_some()
    }

    /// What must not be sold any more of a product.
    pub(in crate::catalog) fn recalls(&self, number: u32) -> &'a [Recall] {
        self.snapshot.recalls_of(number)
    }

    /// A product under one of its codes, as a lookup would find it.
    pub(in crate::catalog) fn hit(&self, number: u32, gtin: Gtin, now: Moment) -> Option<Hit<'a>> {
        let snapshot = self.snapshot;
        snapshot.offered(self.shop, Known { gtin, number }, now).ok()
    }
}
