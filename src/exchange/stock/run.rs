//! One round at one shelf: compare when that is due, take over what changed here, write what differs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::connections::StockTerms;
use super::super::shelf::{Level, SetError, Setting, Shelf};
use super::super::store::shelves::{self, Due, Held, ShelfState, Wanted};
use super::super::store::sold::{self, Since};
use super::super::system::CallError;
use super::{Stock, place};
use crate::app::App;
use crate::catalog::{self, SaleType, StockFigure};
use crate::db::{self, Tx};
use crate::jobs::{Failure, Lease};

/// Calls of one round; what is left follows in the next.
const CALLS_MAX: usize = 200;

/// Why a round broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum StockError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Another worker has the shelf now: this one writes no more.
    #[error("the lease was lost")]
    Lost(Failure),
}

/// A round.
#[derive(Clone, Copy)]
pub(super) struct Round<'a> {
    pub(super) app: &'a App,
    pub(super) lease: &'a Lease,
    pub(super) job: &'a Stock,
    pub(super) terms: &'a StockTerms,
    /// The system's name of the place.
    pub(super) location: &'a str,
    pub(super) shelf: &'a dyn Shelf,
}

impl Round<'_> {
    /// Does all that is due.
    pub(super) async fn go(&self) -> Result<(), StockError> {
        let mut state = shelves::state(&self.app.db, self.place()).await?;
        if state.as_ref().is_none_or(|state| state.location != self.location) {
            let mut tx = self.app.db.begin().await?;
            shelves::begin(&mut tx, self.place(), self.location).await?;
            self.commit(tx).await?;
            state = None;
        }
        let mut warning = state.as_ref().and_then(|state| state.warning.clone());
        if self.is_compare_due(state.as_ref()) {
            warning = self.compare().await?;
        }
        self.take_over().await?;
        self.write().await?;
        let refused = shelves::refused(&self.app.db, self.place()).await?;
        if refused > 0 {
            warning = Some(format!("{refused} numbers are refused"));
        }
        let is_as_before = |state: &ShelfState| state.connected_at.is_some() && state.warning == warning;
        if state.as_ref().is_some_and(is_as_before) {
            return Ok(());
        }
        let mut tx = self.app.db.begin().await?;
        shelves::succeed(&mut tx, self.place(), self.app.clock.now(), warning.as_deref()).await?;
        self.commit(tx).await
    }

    fn place(&self) -> shelves::Shelf<'_> {
        place(self.job)
    }

    async fn commit(&self, tx: Tx) -> Result<(), StockError> {
        self.lease.commit(tx).await.map_err(StockError::Lost)
    }

    fn is_compare_due(&self, state: Option<&ShelfState>) -> bool {
        let compared = state.and_then(|state| state.compared_at);
        compared.is_none_or(|at| self.app.clock.now() - at >= self.terms.compare)
    }

    /// Lists all that the system has there and takes it over as what it is; answers what people should look at.
    async fn compare(&self) -> Result<Option<String>, StockError> {
        let mut levels: BTreeMap<String, Level> = BTreeMap::new();
        let (mut doubled, mut from) = (0_usize, None);
        loop {
            let page = self.shelf.levels(self.location, from.as_deref()).await?;
            for level in page.items.into_iter().filter(|level| !level.sku.is_empty()) {
                if levels.contains_key(&level.sku) {
                    // Only the first is written: both would be sold out of one shelf.
                    doubled += 1;
                } else {
                    levels.insert(level.sku.clone(), level);
                }
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let held: Vec<Held<'_>> = levels
            .values()
            .map(|level| Held { sku: &level.sku, item: &level.item, pieces: level.pieces })
            .collect();
        let mut tx = self.app.db.begin().await?;
        let foreign = shelves::compare(&mut tx, self.place(), self.app.clock.now(), &held).await?;
        self.commit(tx).await?;
        if foreign > 0 {
            let (connection, store) = (self.job.connection.clone(), self.job.store.to_string());
            tracing::warn!(connection, store, foreign, "others wrote stock there; it is set right");
            let foreign = u64::try_from(foreign).unwrap_or_default();
            metrics::counter!("aisle_exchange_stock_foreign_total", "connection" => connection, "store" => store)
                .increment(foreign);
        }
        Ok((doubled > 0).then(|| format!("{doubled} items have the number of another and are left alone")))
    }

    /// Takes over figures that changed here, and what was sold since.
    async fn take_over(&self) -> Result<(), StockError> {
        let store = &self.job.store;
        // Read apart from the writing: nobody else writes this shelf, and mostly there is nothing to write.
        let mut tx = self.app.db.snapshot().await?;
        let state = shelves::state(&mut tx, self.place()).await?;
        let known = state.map_or(0, |state| state.revision);
        let changed = catalog::stock_after(&mut tx, store, known).await?;
        // Not the catalogue's revision: a batch that commits between both readings would be left out.
        let revision = changed.iter().map(|figure| figure.changed_in).max().unwrap_or(known).max(known);
        let sold = sold::sold(&mut tx, store).await?;
        if changed.is_empty() && sold.is_empty() {
            return Ok(());
        }
        let skus: BTreeSet<&str> = sold.iter().map(|sold| sold.sku.as_str()).collect();
        let mut figures: BTreeMap<String, StockFigure> = BTreeMap::new();
        let of_sold = catalog::stock_figures(&mut tx, store, skus.iter().copied()).await?;
        drop(tx);
        for figure in changed.into_iter().chain(of_sold) {
            figures.insert(figure.sku.to_string(), figure);
        }
        let mut taken: BTreeMap<&str, i64> = BTreeMap::new();
        let mut forget = Vec::new();
        for sold in &sold {
            match figures.get(sold.sku.as_str()) {
                Some(figure) if figure.revision > sold.revision => {
                    forget.push(Since { sku: sold.sku.to_string(), revision: figure.revision });
                }
                _ => *taken.entry(sold.sku.as_str()).or_default() += sold.pieces,
            }
        }
        let wanted: Vec<Wanted> = figures
            .values()
            .map(|figure| wanted(figure, taken.get(figure.sku.as_str()).copied().unwrap_or_default()))
            .collect();
        let mut tx = self.app.db.begin().await?;
        shelves::want(&mut tx, self.place(), revision, &wanted).await?;
        sold::forget(&mut tx, store, &forget).await?;
        self.commit(tx).await
    }

    /// Writes what differs, a batch a call.
    async fn write(&self) -> Result<(), StockError> {
        for _ in 0..CALLS_MAX {
            let due = shelves::due(&self.app.db, self.place(), self.terms.batch).await?;
            if due.is_empty() {
                return Ok(());
            }
            self.set(due).await?;
        }
        Ok(())
    }

    /// Writes some numbers; where the system refuses one, the others by themselves.
    async fn set(&self, due: Vec<Due>) -> Result<(), StockError> {
        let mut parts = vec![due];
        while let Some(part) = parts.pop() {
            let mut tx = self.app.db.begin().await?;
            shelves::set_out(&mut tx, self.place(), &part).await?;
            self.commit(tx).await?;
            let settings: Vec<Setting> =
                part.iter().map(|due| Setting { item: due.item.clone(), pieces: due.wanted }).collect();
            let answer = self.shelf.set(self.location, &settings).await;
            let mut tx = self.app.db.begin().await?;
            match answer {
                Ok(()) => shelves::arrived(&mut tx, self.place(), self.app.clock.now(), &part).await?,
                Err(SetError::Call(error)) => return Err(error.into()),
                Err(SetError::Refused(why)) => match &part[..] {
                    [one] => shelves::refuse(&mut tx, self.place(), one, &why).await?,
                    many => {
                        let (left, right) = many.split_at(many.len() / 2);
                        parts.extend([right.to_vec(), left.to_vec()]);
                    }
                },
            }
            self.commit(tx).await?;
        }
        Ok(())
    }
}

/// What a shop should have of a product: pieces that are left, and none where more was sold than there was.
fn wanted(figure: &StockFigure, sold: i64) -> Wanted {
    let is_counted = matches!(figure.sale, SaleType::Fixed | SaleType::Press);
    let pieces = is_counted.then(|| figure.amount.saturating_sub(sold).max(0));
    Wanted { sku: figure.sku.to_string(), pieces }
}
