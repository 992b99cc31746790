//! Applies batches of rows: each batch once, as a whole, as one revision.
//!
//! Rows are judged one by one in the order of their lines: a reference holds when its target is known or stood in an
//! earlier line. Bad rows are refused with a reason and the others applied; received = applied + unchanged + refused,
//! always. A batch whose id is known is answered as before when its content is the same, and refused otherwise.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::types::Json;
use utoipa::ToSchema;

use super::content::Content;
use super::quality;
use super::rows::{self, BatchRow, Key, Kind, Reason, Refusal, Row};
use super::store::batch::{self, BatchRead};
pub use super::store::batch::{Kinds, RefusedRow, Tally};
use super::store::write;
use crate::clock::Moment;
use crate::db::{self, Db, Tx};
use crate::ids::{BatchId, PriceListId};
use crate::money::Currency;

/// Rows of one statement: fewer cost round trips, more cost memory.
const CHUNK_ROWS: usize = 1000;
/// Refused rows that a report shows; the others are read page by page.
pub const REFUSALS_SHOWN_MAX: i64 = 1000;

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Report {
    /// The batch.
    pub batch: BatchId,
    /// Rows that were received: applied, unchanged and refused ones.
    pub received: i64,
    /// Rows that were new or different from what was known.
    pub applied: i64,
    /// Rows that said what was known already.
    pub unchanged: i64,
    /// Rows that were refused.
    pub refused: i64,
    /// The same by the kind of row.
    pub kinds: BTreeMap<Kind, Tally>,
    /// How many rows were refused for each reason.
    pub reasons: BTreeMap<Reason, i64>,
    /// The first refused rows, at most 1,000, by line; the others at `/v1/catalog/batches/{id}/refusals`.
    pub refusals: Vec<RefusedRow>,
    /// The revision that the batch made; the one before it when it changed nothing.
    pub revision: i64,
    /// When it was applied.
    pub applied_at: DateTime<Utc>,
}

/// Why a batch was not applied; nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another content was sent with the same id.
    #[error("the batch was sent before with another content")]
    Differs,
    /// The content can't be read back.
    #[error("the content can't be read: {0}")]
    Read(#[from] std::io::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Applies a batch, unless it was applied before; answers what became of it either way. The caller publishes the
/// revision afterwards.
pub async fn apply(db: &Db, now: Moment, id: BatchId, content: &mut Content) -> Result<Report, Error> {
    if let Some(report) = known(db, id, content.hash()).await? {
        return Ok(report);
    }
    let mut tx = db.begin().await?;
    let revision = write::next_revision(&mut tx).await?;
    // The same batch may have been applied while this one waited for its turn.
    if batch::find(&mut tx, id).await?.is_some() {
        tx.rollback().await?;
        return known(db, id, content.hash()).await?.ok_or(Error::Differs);
    }
    let hash = content.hash().to_owned();
    let quality = content.judge();
    let mut batch = Batch { tx, id, revision, now, chunk: Chunk::default(), kinds: Kinds::new(), quality };
    let mut lines = content.lines().await?;
    while let Some(line) = lines.next().await? {
        let row = line.bytes.map(rows::read);
        batch.add(line.number, row, line.bytes).await?;
    }
    batch.commit(hash).await?;
    known(db, id, content.hash()).await?.ok_or(Error::Differs)
}

/// The report of a batch that was applied with this content.
async fn known(db: &Db, id: BatchId, hash: &str) -> Result<Option<Report>, Error> {
    match batch::find(db, id).await? {
        Some(found) if found.hash == hash => Ok(Some(report(db, id, found).await?)),
        Some(_) => Err(Error::Differs),
        None => Ok(None),
    }
}

/// What became of a batch, if it was ever applied.
pub async fn find(db: &Db, id: BatchId) -> Result<Option<Report>, db::Error> {
    match batch::find(db, id).await? {
        Some(found) => report(db, id, found).await.map(Some),
        None => Ok(None),
    }
}

/// Whether a batch was ever applied.
pub async fn exists(db: &Db, id: BatchId) -> Result<bool, db::Error> {
    Ok(batch::find(db, id).await?.is_some())
}

/// Refused rows of a batch after a line, at most `limit` and never more than `REFUSALS_SHOWN_MAX`.
pub async fn refusals(db: &Db, id: BatchId, after: i64, limit: i64) -> Result<Vec<RefusedRow>, db::Error> {
    batch::refusals(db, id, after, limit.clamp(1, REFUSALS_SHOWN_MAX)).await
}

async fn report(db: &Db, id: BatchId, found: BatchRead) -> Result<Report, db::Error> {
    let BatchRead { received, applied, unchanged, refused, kinds, revision, applied_at, .. } = found;
    let reasons = batch::reasons(db, id).await?.into_iter().collect();
    let refusals = batch::refusals(db, id, 0, REFUSALS_SHOWN_MAX).await?;
    Ok(Report {
        batch: id,
        received,
        applied,
        unchanged,
        refused,
        kinds: kinds.0,
        reasons,
        refusals,
        revision,
        applied_at,
    })
}

/// Rows that wait to be applied in one go; a key stands at most once among them.
#[derive(Debug, Default)]
struct Chunk {
    rows: Vec<(i64, Row)>,
    keys: HashSet<Key>,
    refused: Vec<RefusedRow>,
}

/// A batch that is being applied.
#[derive(Debug)]
struct Batch {
    tx: Tx,
    id: BatchId,
    revision: i64,
    now: Moment,
    chunk: Chunk,
    kinds: Kinds,
    quality: quality::Judge,
}

impl Batch {
    async fn add(
        &mut self,
        line: i64,
        row: Option<Result<Row, (Kind, String, Refusal)>>,
        raw: Option<&[u8]>,
    ) -> Result<(), db::Error> {
        match row {
            Some(Ok(row)) => {
                // A key that stands twice is applied twice, in order.
                if self.chunk.keys.contains(&row.key) {
                    self.flush().await?;
                }
                self.chunk.keys.insert(row.key.clone());
                self.chunk.rows.push((line, row));
            }
            Some(Err((kind, key, refusal))) => {
                let raw = String::from_utf8_lossy(raw.unwrap_or_default()).into_owned();
                self.refuse(line, kind, key, refusal, raw);
            }
            None => {
                let refusal = Refusal::new(Reason::LineTooLong, "the line is longer than a row may be");
                self.refuse(line, Kind::Unknown, String::new(), refusal, String::new());
            }
        }
        if self.chunk.rows.len() + self.chunk.refused.len() >= CHUNK_ROWS {
            self.flush().await?;
        }
        Ok(())
    }

    fn refuse(&mut self, line: i64, kind: Kind, key: String, refusal: Refusal, raw: String) {
        let refusal = self.quality.keep(self.now, line, kind, &key, refusal, &raw);
        self.kinds.entry(kind).or_default().refused += 1;
        self.chunk.refused.push(RefusedRow {
            line,
            kind,
            key,
            reason: refusal.reason,
            rule: refusal.rule,
            detail: refusal.detail,
        });
    }

    /// Judges the rows of the chunk against what is known, and writes those that hold.
    async fn flush(&mut self) -> Result<(), db::Error> {
        let rows = std::mem::take(&mut self.chunk.rows);
        self.chunk.keys.clear();
        let mut known = Known::read(&mut self.tx, &rows).await?;
        let mut judged = self.quality.judge(&mut self.tx, self.now, self.revision, &rows).await?;
        let mut accepted: BTreeMap<Kind, (Vec<BatchRow>, Vec<Key>)> = BTreeMap::new();
        for (line, row) in rows {
            let kind = row.key.kind();
            match judged.remove(&line).map_or_else(|| known.judge(&row), Err) {
                Ok(()) => {
                    let (live, gone) = accepted.entry(kind).or_default();
                    match row.content {
                        Some(content) => live.push(content),
                        None => gone.push(row.key),
                    }
                }
                Err(refusal) => {
                    self.refuse(line, kind, rows::fit(&row.key.to_string()), refusal, quality::raw(&row));
                }
            }
        }
        // Kinds sort by their references: what is referred to is written first.
        for (kind, (live, gone)) in accepted {
            let applied = self.write(kind, &live, &gone).await?;
            let tally = self.kinds.entry(kind).or_default();
            tally.applied += applied;
            tally.unchanged += count(live.len() + gone.len()) - applied;
        }
        if !self.chunk.refused.is_empty() {
            batch::insert_refusals(&mut self.tx, self.id, &self.chunk.refused).await?;
            self.chunk.refused.clear();
        }
        self.quality.write(&mut self.tx, self.id, self.now, self.revision).await
    }

    async fn write(&mut self, kind: Kind, live: &[BatchRow], gone: &[Key]) -> Result<i64, db::Error> {
        let mut applied = 0;
        if !live.is_empty() {
            applied += match kind {
                Kind::Store => {
                    let stores: Vec<_> = live.iter().filter_map(BatchRow::as_store).collect();
                    write::upsert_stores(&mut self.tx, self.revision, &stores).await?
                }
                Kind::Product => {
                    // Without their tag: what is stored is the product.
                    let products: Vec<_> = live.iter().filter_map(BatchRow::as_product).collect();
                    write::upsert(&mut self.tx, kind, self.revision, &products).await?
                }
                Kind::Price => {
                    let prices: Vec<_> = live.iter().filter_map(BatchRow::as_price).collect();
                    write::upsert_prices(&mut self.tx, self.revision, self.now.timestamp(), &prices).await?
                }
                _ => write::upsert(&mut self.tx, kind, self.revision, live).await?,
            };
        }
        if !gone.is_empty() {
            applied += write::delete(&mut self.tx, kind, self.revision, gone).await?;
        }
        Ok(i64::try_from(applied).unwrap_or(i64::MAX))
    }

    async fn commit(mut self, hash: String) -> Result<(), db::Error> {
        self.flush().await?;
        let sum = |of: fn(&Tally) -> i64| self.kinds.values().map(of).sum::<i64>();
        let (applied, unchanged, refused) =
            (sum(|tally| tally.applied), sum(|tally| tally.unchanged), sum(|tally| tally.refused));
        if applied == 0 && !self.quality.changed_stops() {
            write::give_revision_back(&mut self.tx).await?;
            self.revision -= 1;
        }
        let received = applied + unchanged + refused;
        self.quality.finish(&mut self.tx, self.id, self.now, received, refused).await?;
        let read = BatchRead {
            hash,
            received,
            applied,
            unchanged,
            refused,
            kinds: Json(self.kinds),
            revision: self.revision,
            applied_at: self.now,
        };
        batch::insert(&mut self.tx, self.id, read).await?;
        self.tx.commit().await
    }
}

fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// What rows refer to, as it is known up to the line that is judged.
#[derive(Debug, Default)]
struct Known {
    skus: HashSet<String>,
    tax_classes: HashSet<String>,
    stores: HashSet<String>,
    /// With the currency, and whether the list is in use.
    price_lists: HashMap<String, (Currency, bool)>,
}

impl Known {
    async fn read(tx: &mut Tx, rows: &[(i64, Row)]) -> Result<Self, db::Error> {
        let (mut skus, mut classes, mut lists) = (HashSet::new(), HashSet::new(), HashSet::new());
        let mut stores = HashSet::new();
        for content in rows.iter().filter_map(|(_, row)| row.content.as_ref()) {
            match content {
                BatchRow::TaxClass(_) => {}
                BatchRow::TaxRate(row) => drop(classes.insert(row.tax_class.as_str())),
                BatchRow::PriceList(row) => drop(lists.insert(row.price_list.as_str())),
                BatchRow::Store(row) => lists.extend(row.price_lists.iter().map(PriceListId::as_str)),
                BatchRow::Product(row) => drop(classes.insert(row.tax_class.as_str())),
                BatchRow::Code(row) => drop(skus.insert(row.sku.as_str())),
                BatchRow::Price(row) => {
                    skus.insert(row.sku.as_str());
                    lists.insert(row.price_list.as_str());
                }
                BatchRow::Stock(row) => {
                    skus.insert(row.sku.as_str());
                    stores.insert(row.store.as_str());
                }
                BatchRow::Recall(row) => drop(skus.insert(row.sku.as_str())),
            }
        }
        let mut known = Self::default();
        if !skus.is_empty() {
            known.skus = write::live_products(tx, skus).await?.into_iter().map(|(sku,)| sku).collect();
        }
        if !classes.is_empty() {
            known.tax_classes =
                write::live_tax_classes(tx, classes).await?.into_iter().map(|(class,)| class).collect();
        }
        if !stores.is_empty() {
            known.stores = write::live_stores(tx, stores).await?.into_iter().map(|(store,)| store).collect();
        }
        if !lists.is_empty() {
            let lists = write::price_lists(tx, lists).await?.into_iter();
            known.price_lists = lists.map(|(list, currency, deleted)| (list, (currency, !deleted))).collect();
        }
        Ok(known)
    }

    /// Judges one row, and remembers what later rows may refer to.
    fn judge(&mut self, row: &Row) -> Result<(), Refusal> {
        let Some(content) = &row.content else {
            self.forget(&row.key);
            return Ok(());
        };
        match content {
            BatchRow::TaxClass(row) => {
                self.tax_classes.insert(row.tax_class.to_string());
                Ok(())
            }
            BatchRow::TaxRate(row) => self.tax_class(row.tax_class.as_str()),
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
            BatchRow::Store(row) => {
                row.price_lists.iter().try_for_each(|list| self.price_list(list.as_str(), row.currency))?;
                self.stores.insert(row.store.to_string());
                Ok(())
            }
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
            BatchRow::Recall(row) => self.sku(row.sku.as_str()),
        }
    }

    fn forget(&mut self, key: &Key) {
        match key {
            Key::Product { sku } => drop(self.skus.remove(sku.as_str())),
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
        self.stores.contains(store).then_some(()).ok_or_else(|| {
            Refusal::new(Reason::StoreUnknown, format!("there is no store {store}; send it first"))
        })
    }

    fn tax_class(&self, class: &str) -> Result<(), Refusal> {
        let known = self.tax_classes.contains(class);
        known.then_some(()).ok_or_else(|| {
            Refusal::new(Reason::TaxClassUnknown, format!("there is no tax class {class}; send it first"))
        })
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
