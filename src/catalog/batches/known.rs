//! What rows refer to, as far as a batch has come.

use std::collections::{HashMap, HashSet};

use super::super::promotion::PromotionRow;
use super::super::quality::Refused;
use super::super::rows::{BatchRow, Key, Kind, Reason, Refusal, Row, StoreRow};
use super::super::store::{markets, promotions, write};
use crate::db::{self, Tx};
use crate::ids::{PriceListId, StoreId, TaxClassId};
use crate::money::Currency;

/// Keys that are remembered of each kind: a few megabytes. A delivery has most rows beside what they refer to.
const REMEMBERED_MAX: usize = 50_000;

/// What rows refer to, as it is known up to the line that is judged. What is in it is there; what is not may be too.
#[derive(Debug, Default)]
pub(super) struct Known {
    skus: HashSet<String>,
    tax_classes: HashSet<String>,
    /// Those that need a coupon.
    promotions: HashSet<String>,
    /// Country or area, and class.
    tax_rates: HashSet<(String, String)>,
    /// Countries with stores, and what these sell in; nothing before somebody asks.
    markets: Option<HashSet<(String, Currency)>>,
    /// With the currency.
    stores: HashMap<String, Currency>,
    /// With the currency, and whether the list is in use.
    price_lists: HashMap<String, (Currency, bool)>,
}

impl Known {
    /// Looks up what these rows refer to, unless an earlier row was told or made it. Those that are
    /// refused already make nothing.
    pub(super) async fn learn(
        &mut self,
        tx: &mut Tx,
        rows: &[(i64, Row)],
        refused: &Refused,
    ) -> Result<(), db::Error> {
        for full in [&mut self.skus, &mut self.tax_classes, &mut self.promotions] {
            if full.len() > REMEMBERED_MAX {
                full.clear();
            }
        }
        if self.stores.len() > REMEMBERED_MAX {
            self.stores.clear();
        }
        if self.tax_rates.len() > REMEMBERED_MAX {
            self.tax_rates.clear();
        }
        let wanted = self.wanted(rows, refused);
        if !wanted.skus.is_empty() {
            let found = write::live_products(tx, wanted.skus).await?;
            self.skus.extend(found.into_iter().map(|(sku,)| sku));
        }
        if !wanted.tax_classes.is_empty() {
            let found = write::live_tax_classes(tx, wanted.tax_classes).await?;
            self.tax_classes.extend(found.into_iter().map(|(class,)| class));
        }
        if !wanted.tax_rates.is_empty() {
            self.tax_rates.extend(markets::live_tax_rates(tx, wanted.tax_rates).await?);
        }
        if wanted.markets {
            self.markets = Some(markets::markets(tx).await?.into_iter().collect());
        }
        if !wanted.promotions.is_empty() {
            let found = promotions::coupon_promotions(tx, wanted.promotions).await?;
            self.promotions.extend(found.into_iter().map(|(promotion,)| promotion));
        }
        if !wanted.stores.is_empty() {
            let found = write::live_stores(tx, wanted.stores).await?;
            self.stores.extend(found);
        }
        if !wanted.price_lists.is_empty() {
            let found = write::price_lists(tx, wanted.price_lists).await?.into_iter();
            self.price_lists.extend(found.map(|(list, currency, deleted)| (list, (currency, !deleted))));
        }
        Ok(())
    }

    /// What rows refer to that is not known yet.
    fn wanted<'a>(&self, rows: &'a [(i64, Row)], refused: &Refused) -> Wanted<'a> {
        let mut wanted = Wanted::default();
        // A product that stands before what refers to it need not be looked up, unless its own row will be refused.
        let mut made: HashSet<&str> = HashSet::new();
        for (line, row) in rows {
            let Some(content) = &row.content else {
                if let Key::Product { sku } = &row.key {
                    made.remove(sku.as_str());
                }
                continue;
            };
            let sku = match content {
                BatchRow::TaxClass(_) | BatchRow::Customer(_) => continue,
                BatchRow::TaxRate(row) => {
                    wanted.tax_classes.insert(row.tax_class.as_str());
                    continue;
                }
                BatchRow::PriceList(row) => {
                    wanted.price_lists.insert(row.price_list.as_str());
                    continue;
                }
                BatchRow::Store(row) => {
                    wanted.price_lists.extend(row.price_lists.iter().map(PriceListId::as_str));
                    wanted.tax_classes.extend(row.till.tax_classes().map(TaxClassId::as_str));
                    wanted.tax_rates.extend(row.till.charged_classes().map(TaxClassId::as_str));
                    continue;
                }
                BatchRow::Product(row) => {
                    let class = row.tax_class.as_str();
                    if self.tax_classes.contains(class) && !refused.contains_key(&(*line, Kind::Product)) {
                        made.insert(row.sku.as_str());
                    } else {
                        wanted.tax_classes.insert(class);
                    }
                    continue;
                }
                BatchRow::Code(row) => row.sku.as_str(),
                BatchRow::Price(row) => {
                    wanted.price_lists.insert(row.price_list.as_str());
                    row.sku.as_str()
                }
                BatchRow::Stock(row) => {
                    wanted.stores.insert(row.store.as_str());
                    row.sku.as_str()
                }
                BatchRow::Location(row) => {
                    wanted.stores.insert(row.store.as_str());
                    row.sku.as_str()
                }
                BatchRow::Recall(row) => row.sku.as_str(),
                BatchRow::Coupon(row) => {
                    wanted.promotions.insert(row.promotion.as_str());
                    continue;
                }
                BatchRow::Promotion(row) => {
                    wanted.stores.extend(row.stores.iter().map(StoreId::as_str));
                    wanted.markets |= row.currency.is_some() && row.stores.is_empty();
                    continue;
                }
            };
            if !made.contains(sku) && !self.skus.contains(sku) {
                wanted.skus.insert(sku);
            }
        }
        wanted.tax_classes.retain(|class| !self.tax_classes.contains(*class));
        wanted.markets &= self.markets.is_none();
        wanted.promotions.retain(|promotion| !self.promotions.contains(*promotion));
        wanted.stores.retain(|store| !self.stores.contains_key(*store));
        wanted.price_lists.retain(|list| !self.price_lists.contains_key(*list));
        wanted
    }

    /// Judges one row, and remembers what later rows may refer to.
    pub(super) fn judge(&mut self, row: &Row) -> Result<(), Refusal> {
        let Some(content) = &row.content else {
            self.forget(&row.key);
            return Ok(());
        };
        match content {
            BatchRow::TaxClass(row) => {
                self.tax_classes.insert(row.tax_class.to_string());
                Ok(())
            }
            BatchRow::TaxRate(row) => {
                self.tax_class(row.tax_class.as_str())?;
                self.tax_rates.insert((row.country.clone(), row.tax_class.to_string()));
                Ok(())
            }
            BatchRow::PriceList(row) => {
                // Prices are kept in the list's currency: another one would give them another value.
                if self
                    .price_lists
                    .get(row.price_list.as_str())
                    .is_some_and(|(currency, _)| *currency != row.currency)
                {
                    return Err(Refusal::new(
                        Reason::Currency,
                        "a price list keeps its currency; use a new list",
                    ));
                }
                self.price_lists.insert(row.price_list.to_string(), (row.currency, true));
                Ok(())
            }
            BatchRow::Store(row) => self.judge_store(row),
            BatchRow::Product(row) => {
                self.tax_class(row.tax_class.as_str())?;
                self.skus.insert(row.sku.to_string());
                Ok(())
            }
            BatchRow::Code(row) => self.sku(row.sku.as_str()),
            BatchRow::Price(row) => {
                self.price_list(row.price_list.as_str(), row.currency)?;
                self.sku(row.sku.as_str())
            }
            BatchRow::Stock(row) => {
                self.store(row.store.as_str())?;
                self.sku(row.sku.as_str())
            }
            BatchRow::Location(row) => {
                self.store(row.store.as_str())?;
                self.sku(row.sku.as_str())
            }
            BatchRow::Recall(row) => self.sku(row.sku.as_str()),
            BatchRow::Promotion(row) => {
                row.stores.iter().try_for_each(|store| self.store_in(store.as_str(), row.currency))?;
                self.market(row)?;
                if row.needs_coupon {
                    self.promotions.insert(row.promotion.to_string());
                } else {
                    self.promotions.remove(row.promotion.as_str());
                }
                Ok(())
            }
            BatchRow::Customer(_) => Ok(()),
            BatchRow::Coupon(row) => {
                let known = self.promotions.contains(row.promotion.as_str());
                known.then_some(()).ok_or_else(|| {
                    let detail = format!("there is no promotion {} that needs a coupon", row.promotion);
                    Refusal::new(Reason::PromotionUnknown, detail)
                })
            }
        }
    }

    fn judge_store(&mut self, row: &StoreRow) -> Result<(), Refusal> {
        row.price_lists.iter().try_for_each(|list| self.price_list(list.as_str(), row.currency))?;
        row.till.tax_classes().try_for_each(|class| self.tax_class(class.as_str()))?;
        row.till.charged_classes().try_for_each(|class| self.tax_rate(row, class))?;
        if let Some(markets) = &mut self.markets {
            markets.insert((row.country.clone(), row.currency));
        }
        self.stores.insert(row.store.to_string(), row.currency);
        Ok(())
    }

    fn forget(&mut self, key: &Key) {
        match key {
            Key::Promotion { promotion } => drop(self.promotions.remove(promotion.as_str())),
            Key::Product { sku } => drop(self.skus.remove(sku.as_str())),
            Key::TaxRate { country, tax_class, .. } => {
                self.tax_rates.remove(&(country.clone(), tax_class.to_string()));
            }
            Key::TaxClass { tax_class } => drop(self.tax_classes.remove(tax_class.as_str())),
            Key::Store { store } => drop(self.stores.remove(store.as_str())),
            Key::PriceList { price_list } => {
                if let Some((_, live)) = self.price_lists.get_mut(price_list.as_str()) {
                    *live = false;
                }
            }
            _ => {}
        }
    }

    fn sku(&self, sku: &str) -> Result<(), Refusal> {
        let known = self.skus.contains(sku);
        known.then_some(()).ok_or_else(|| {
            Refusal::new(Reason::SkuUnknown, format!("there is no product {sku}; send it first"))
        })
    }

    fn store(&self, store: &str) -> Result<(), Refusal> {
        self.store_in(store, None)
    }

    /// Whether there is such a store, and whether it sells in this currency where one matters.
    fn store_in(&self, store: &str, currency: Option<Currency>) -> Result<(), Refusal> {
        match (self.stores.get(store), currency) {
            (None, _) => {
                Err(Refusal::new(Reason::StoreUnknown, format!("there is no store {store}; send it first")))
            }
            (Some(own), Some(currency)) if *own != currency => {
                Err(Refusal::new(Reason::Currency, format!("the store {store} sells in {own}")))
            }
            _ => Ok(()),
        }
    }

    fn tax_class(&self, class: &str) -> Result<(), Refusal> {
        let known = self.tax_classes.contains(class);
        known.then_some(()).ok_or_else(|| {
            Refusal::new(Reason::TaxClassUnknown, format!("there is no tax class {class}; send it first"))
        })
    }

    /// Whether a class has a rate in a store's area or country: without one it can't be charged.
    fn tax_rate(&self, store: &StoreRow, class: &TaxClassId) -> Result<(), Refusal> {
        let has_rate = |area: &str| self.tax_rates.contains(&(area.to_owned(), class.to_string()));
        if store.till.tax_area.as_deref().into_iter().chain([store.country.as_str()]).any(has_rate) {
            return Ok(());
        }
        let detail = format!("the tax class {class} has no rate in {}; send it first", store.country);
        Err(Refusal::new(Reason::TaxRateMissing, detail))
    }

    /// Whether a promotion with amounts that names no stores can hold in any of those that there are where it is for.
    fn market(&self, row: &PromotionRow) -> Result<(), Refusal> {
        let Some(currency) = row.currency.filter(|_| row.stores.is_empty()) else { return Ok(()) };
        let is_for =
            |country: &str| row.countries.is_empty() || row.countries.iter().any(|each| each == country);
        let mut there = self.markets.iter().flatten().filter(|(country, _)| is_for(country)).peekable();
        if there.peek().is_none() || there.any(|(_, own)| *own == currency) {
            return Ok(());
        }
        Err(Refusal::new(Reason::Currency, format!("no store that it is for sells in {currency}")))
    }

    fn price_list(&self, list: &str, currency: Currency) -> Result<(), Refusal> {
        match self.price_lists.get(list) {
            Some((own, true)) if *own == currency => Ok(()),
            Some((own, true)) => {
                Err(Refusal::new(Reason::Currency, format!("the price list {list} is in {own}")))
            }
            _ => Err(Refusal::new(
                Reason::PriceListUnknown,
                format!("there is no price list {list}; send it first"),
            )),
        }
    }
}

/// What is to be looked up.
#[derive(Debug, Default)]
struct Wanted<'a> {
    skus: HashSet<&'a str>,
    tax_classes: HashSet<&'a str>,
    tax_rates: HashSet<&'a str>,
    promotions: HashSet<&'a str>,
    stores: HashSet<&'a str>,
    price_lists: HashSet<&'a str>,
    /// Whether any store is asked for.
    markets: bool,
}
