//! What the catalogue says of what is scanned, and of what lies in a cart already.

use chrono::{NaiveDate, NaiveDateTime};

use super::model::{Cart, Line, State};
use super::rules::{self, Blocked, Question, Standing};
use super::wish::{Declined, Refusal, Taken};
use super::{promise, take, till};
use crate::app::App;
use crate::catalog::{BestBeforePassed, FindError, Refusal as CodeRefusal, Snapshot, Store};
use crate::clock::Moment;
use crate::ids::{Sku, StoreId, TaxClassId};
use crate::money::Rate;

/// What a code brings into a cart of this store now; or why it brings nothing, and what the store sells instead.
pub(super) fn find(app: &App, store: &StoreId, code: &str) -> Result<Taken, Declined> {
    found(app, store, code).map_err(|declined| {
        let now = app.clock.now();
        let alternatives = if declined.reason.is_of_product() {
            app.catalog.alternatives_to_code(store.as_str(), code, None, now)
        } else {
            Vec::new()
        };
        Declined { alternatives, ..declined }
    })
}

fn found(app: &App, store: &StoreId, code: &str) -> Result<Taken, Declined> {
    let (catalog, now) = (app.catalog.view(), app.clock.now());
    let is_slip = |store: &Store| store.till.slip(code, store.currency, store.local(now).date()).is_some();
    if catalog.store(store).is_some_and(is_slip) {
        return Err(Refusal::Voucher.into());
    }
    let found = catalog.find(store, code, now).map_err(|error| match error {
        FindError::BadCode(CodeRefusal::CheckDigit | CodeRefusal::MeasureCheckDigit) => {
            Refusal::CodeCheckDigit
        }
        FindError::BadCode(_) | FindError::Foreign => Refusal::CodeMalformed,
        FindError::UnknownCode | FindError::UnknownStore | FindError::NoProduct => Refusal::CodeUnknown,
        FindError::NoPrice => Refusal::PriceMissing,
    })?;
    let place = catalog.store(store).ok_or(Refusal::CodeUnknown)?;
    let local = place.local(now);
    let rate = catalog.rate_in(place, &found.tax_class, local.date()).ok_or(Refusal::TaxRateMissing)?;
    let deposit = found.deposit.as_ref();
    let deposit = deposit.map(|sku| till::deposit(&catalog, place, sku, now, local.date())).transpose()?;
    take::take(&found, rate, place, local, deposit)
}

/// How many pieces of a product one trip may hold.
pub(super) fn quantity_max(app: &App, sku: &Sku) -> Option<i64> {
    app.catalog.view().facts(sku)?.quantity_max
}

/// How each line of a cart stands now, in their order. What was paid for stands well.
pub(super) fn standings(app: &App, cart: &Cart) -> Vec<Standing> {
    let (catalog, now) = (app.catalog.view(), app.clock.now());
    // A store that closed has no clock any more; its carts can't be paid for anyway.
    let place = catalog.store(&cart.store);
    let local = place.map_or_else(|| now.naive_utc(), |store| store.local(now));
    let best_before = place.map_or(BestBeforePassed::Warn, |store| store.best_before_passed);
    let stand = |line| match cart.state {
        State::Closed(_) => Standing::default(),
        State::Open | State::Locked(_) => {
            let mut standing = standing(&catalog, cart, line, local, best_before);
            let is_unpriced = |store: &Store| promise::is_unpriced(&catalog, store, line, now);
            if standing.blocked.is_none() && cart.state == State::Open && place.is_some_and(is_unpriced) {
                standing = Standing { blocked: Some(rules::price_missing()), ..Standing::default() };
            }
            let is_untaxed = |store: &Store| is_untaxed(&catalog, store, cart, line, now);
            if standing.blocked.is_none() && cart.state == State::Open && place.is_some_and(is_untaxed) {
                standing = Standing { blocked: Some(rules::tax_rate_missing()), ..Standing::default() };
            }
            let is_gone = standing.blocked.as_ref().is_some_and(|blocked| blocked.reason.is_of_product());
            let instead = || app.catalog.alternatives(&cart.store, &line.product.sku, now);
            let alternatives = if is_gone { instead() } else { Vec::new() };
            Standing { alternatives, ..standing }
        }
    };
    cart.lines.iter().map(stand).collect()
}

fn standing(
    catalog: &Snapshot,
    cart: &Cart,
    line: &Line,
    local: NaiveDateTime,
    best_before_passed: BestBeforePassed,
) -> Standing {
    let sku = &line.product.sku;
    // Nearly every line: its product need not be looked at.
    if catalog.is_unrestricted(sku)
        && line.origins.iter().all(|origin| origin.use_by.is_none() && origin.best_before.is_none())
    {
        return Standing::default();
    }
    let product = catalog.facts(sku);
    rules::standing(&Question {
        product: product.as_ref(),
        recalls: catalog.recalls(sku),
        origins: &line.origins,
        pieces: cart.pieces_of(sku),
        local,
        best_before_passed,
    })
}

/// The rate of a class in a store on a day: that of the class that counts instead for goods that are eaten there.
pub(super) fn rate(
    catalog: &Snapshot,
    store: &Store,
    class: &TaxClassId,
    is_eaten_in: bool,
    today: NaiveDate,
) -> Option<Rate> {
    let class = if is_eaten_in { store.till.eaten_in(class) } else { class };
    catalog.rate_in(store, class, today)
}

/// Whether nobody can say how a line or its deposit is taxed today.
pub(super) fn is_untaxed(catalog: &Snapshot, store: &Store, cart: &Cart, line: &Line, now: Moment) -> bool {
    let today = store.local(now).date();
    let deposit = line.product.deposit.as_ref();
    let of_deposit = |sku| till::deposit(catalog, store, sku, now, today) == Err(Refusal::TaxRateMissing);
    rate(catalog, store, &line.product.tax_class, cart.is_eaten_in, today).is_none()
        || deposit.is_some_and(|deposit| of_deposit(&deposit.sku))
}

/// The lines that can't be paid for now, by number, and why.
pub fn blocked(app: &App, cart: &Cart) -> Vec<(i64, Blocked)> {
    let lines = cart.lines.iter().zip(standings(app, cart));
    lines.filter_map(|(line, standing)| Some((line.number, standing.blocked?))).collect()
}
