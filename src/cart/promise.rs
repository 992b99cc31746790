//! The price promise: which price counts for a line when that of its scan is not the one of now, and what staff learn of it.
//! Pure.
//!
//! What the shopper saw holds for the length of a trip, from the first scan of the line on (`price_promise_minutes`); after
//! that the price of now counts, whatever the store promises, so that a cart that was left open keeps no old prices. Prices
//! that begin or end at a time are asked for at their moments: no delivery is needed for them to change.

use super::event::Product;
use super::model::Line;
use super::store::Difference;
use crate::catalog::{PricePromise, ShelfPrice, Snapshot, Store};
use crate::clock::Moment;
use crate::money::Money;
use crate::text_enum;

text_enum! {
    /// Why a price was another one at the checkout than at the scan.
    pub enum DifferenceCause {
        /// A delivery changed it meanwhile: shelf, phone and till did not agree for a while, which is a fault of master data.
        Changed = "changed",
        /// It began or ended at its time, as the retailer planned.
        Timed = "timed",
    }
}

/// What the store promises for a line at a moment.
pub(super) fn of(store: &Store, line: &Line, at: Moment) -> PricePromise {
    let is_over = at.signed_duration_since(line.seen_at) >= store.till.promise_lasts();
    if is_over { PricePromise::Current } else { store.price_promise }
}

/// The prices of the line's scan.
pub(super) fn seen(product: &Product) -> ShelfPrice {
    ShelfPrice { everybody: product.price.minor(), members: product.member_price.map(Money::minor) }
}

/// What the store asks at a moment for the goods of a line. Nothing for what has a price of its own, and nothing where there
/// is no price for such a quantity.
pub(super) fn asked(catalog: &Snapshot, store: &Store, product: &Product, at: Moment) -> Option<ShelfPrice> {
    if product.has_own_price() || product.price.currency() != store.currency {
        return None;
    }
    catalog.shelf_price(&store.store, &product.sku, product.priced_per, at)
}

/// Which prices count of those that were seen and those of now.
pub(super) fn counting(promise: PricePromise, seen: ShelfPrice, now: ShelfPrice) -> ShelfPrice {
    match promise {
        PricePromise::Locked => seen,
        PricePromise::Better => ShelfPrice {
            everybody: seen.everybody.min(now.everybody),
            members: [seen.members, now.members].into_iter().flatten().min(),
        },
        PricePromise::Current => now,
    }
}

/// The prices that count for a line.
pub(super) fn counted(catalog: &Snapshot, store: &Store, line: &Line, at: Moment) -> ShelfPrice {
    let seen = seen(&line.product);
    match of(store, line, at) {
        // Nearly every line: nothing need be looked up.
        PricePromise::Locked => seen,
        promise => match asked(catalog, store, &line.product, at) {
            Some(now) => counting(promise, seen, now),
            None => seen,
        },
    }
}

/// Whether nobody can say what a line costs: what was seen does not count any more, and nothing is asked.
pub(super) fn is_unpriced(catalog: &Snapshot, store: &Store, line: &Line, at: Moment) -> bool {
    of(store, line, at) == PricePromise::Current
        && !line.product.has_own_price()
        && asked(catalog, store, &line.product, at).is_none()
}

/// What staff learn of a line whose price is another one now than at its scan. Like is compared with like: what everybody
/// pays; and for a member, where that stayed, what members pay. That somebody became a member, or that there is a price for
/// members now, is no difference.
pub(super) fn difference(
    catalog: &Snapshot,
    store: &Store,
    line: &Line,
    is_member: bool,
    at: Moment,
) -> Option<Difference> {
    let product = &line.product;
    let (seen, now) = (seen(product), asked(catalog, store, product, at)?);
    let counts = counting(of(store, line, at), seen, now);
    let then = asked(catalog, store, product, line.seen_at);
    let of_members =
        || Some((seen.members?, now.members?, counts.members?, then.and_then(|then| then.members)));
    let is_for_members = seen.everybody == now.everybody;
    let (locked, current, charged, then) = if is_for_members {
        of_members().filter(|_| is_member)?
    } else {
        (seen.everybody, now.everybody, counts.everybody, then.map(|then| then.everybody))
    };
    // What the catalogue says by now of the moment of the scan is what was seen then: only the clock went on.
    let cause = if then == Some(locked) { DifferenceCause::Timed } else { DifferenceCause::Changed };
    (locked != current).then(|| Difference {
        line: line.number,
        sku: product.sku.clone(),
        locked,
        current,
        charged,
        currency: product.price.currency(),
        cause,
        is_for_members,
        at,
    })
}
