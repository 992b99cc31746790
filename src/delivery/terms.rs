//! What a store says of its deliveries, as its rules stand now.

use super::carrier::LabelFormat;
use crate::app::App;
use crate::ids::StoreId;

/// What the store's printers print labels from.
pub(super) fn label_format(app: &App, store: &StoreId) -> LabelFormat {
    let catalog = app.catalog.view();
    let terms = catalog.store(store).and_then(|store| store.till.delivery.as_deref());
    terms.map_or(LabelFormat::USUAL, |terms| terms.labels)
}
