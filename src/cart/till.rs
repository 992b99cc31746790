//! What a store asks for a cart at a moment: the engine of `pricing` over the cart's lines, the store's rules and the
//! catalogue's promotions.
//!
//! One [`Till`] gives one answer: a checkout prices its cart with the same till for the lock and for the quote. Prices,
//! categories and deposits are those of the first scan, which stand in the cart's own log; promotions are those of now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{NaiveDateTime, TimeZone};

use super::event::Product;
use super::model::{Cart, Error, Line};
use super::pricing::{
    self, Basket, Charge, Customer, Deposit, Item, Near, Place, Priced, Promotions, Surcharge, TaxMode,
    TaxRounding,
};
use crate::app::App;
use crate::catalog::{Snapshot, Store};
use crate::clock::Moment;
use crate::ids::{Sku, StoreId};
use crate::quantity::{Quantity, Unit};

/// Where sales tax comes on top of the price.
const TAX_ON_TOP: &[&str] = &["US", "CA"];

/// Promotions of each store, made ready when a cart of it is priced first, and again when promotions change.
#[derive(Debug, Default)]
pub struct Offers(ArcSwap<Held>);

#[derive(Clone, Debug, Default)]
struct Held {
    /// The revision of the catalogue that changed promotions last.
    revision: i64,
    stores: HashMap<StoreId, Arc<Promotions>>,
}

impl Offers {
    /// The promotions of a store. There are at most as many sets as stores.
    fn of(&self, catalog: &Snapshot, store: &Store) -> Arc<Promotions> {
        let revision = catalog.promotions_revision();
        let held = self.0.load();
        let known = held.stores.get(&store.store).filter(|_| held.revision == revision);
        if let Some(known) = known {
            return Arc::clone(known);
        }
        let ready = Arc::new(Promotions::of(catalog.promotions(store)));
        self.0.rcu(|held| {
            let mut next = if held.revision == revision { Held::clone(held) } else { Held::default() };
            next.revision = revision;
            next.stores.insert(store.store.clone(), Arc::clone(&ready));
            next
        });
        ready
    }
}

/// What a store asks at a moment.
#[derive(Clone, Debug)]
pub struct Till {
    at: Moment,
    local: NaiveDateTime,
    tax_mode: TaxMode,
    promotions: Arc<Promotions>,
}

impl Till {
    /// The till of a store now. One that closed asks for no more than the goods.
    pub fn open(app: &App, store: &StoreId) -> Self {
        let (catalog, at) = (app.catalog.view(), app.clock.now());
        let Some(store) = catalog.store(store) else {
            return Self::plain(at);
        };
        let is_on_top = TAX_ON_TOP.contains(&store.country.as_str());
        Self {
            at,
            local: store.zone().from_utc_datetime(&at.naive_utc()).naive_local(),
            tax_mode: if is_on_top { TaxMode::OnTop } else { TaxMode::Inside },
            promotions: app.offers.of(&catalog, store),
        }
    }

    /// A till without promotions whose prices hold the tax.
    pub(super) fn plain(at: Moment) -> Self {
        Self { at, local: at.naive_utc(), tax_mode: TaxMode::Inside, promotions: Arc::default() }
    }

    /// What a cart costs with these fees.
    pub fn price(&self, cart: &Cart, surcharges: Vec<Surcharge>) -> Result<Priced, Error> {
        Ok(pricing::price(&self.basket(cart, surcharges), &self.promotions)?)
    }

    /// The offers that nearly apply to a cart that was priced so.
    pub fn near(&self, cart: &Cart, priced: &Priced) -> Result<Vec<Near>, Error> {
        Ok(pricing::near(&self.basket(cart, Vec::new()), &self.promotions, priced)?)
    }

    fn basket<'a>(&self, cart: &'a Cart, surcharges: Vec<Surcharge>) -> Basket<'a> {
        Basket {
            place: Place { currency: cart.currency, tax_mode: self.tax_mode, tax_rounding: TaxRounding::Sum },
            at: self.at,
            local: self.local,
            items: cart.lines.iter().map(item).collect(),
            customer: Customer::default(),
            coupons: Vec::new(),
            left: BTreeMap::new(),
            surcharges,
            vouchers: Vec::new(),
            points: None,
        }
    }
}

/// What a cart costs: what was agreed on for one that is locked or paid, else what the till asks now.
pub(super) fn priced(app: &App, cart: &Cart) -> Result<Priced, Error> {
    match &cart.agreed {
        Some(agreed) => Ok(Priced::clone(agreed)),
        None => Till::open(app, &cart.store).price(cart, Vec::new()),
    }
}

fn item(line: &Line) -> Item<'_> {
    let product = &line.product;
    let charge = charge(product, line.quantity);
    let is_measured = matches!(charge, Charge::Measured { .. });
    let pieces = if is_measured { 1 } else { line.quantity };
    Item {
        line: line.number,
        sku: &product.sku,
        brand: product.brand.as_deref(),
        category: &product.category,
        charge,
        pieces,
        is_marked_down: product.reduction.is_some(),
        rate: product.rate,
        deposit: product.deposit.as_ref().map(|deposit| {
            // Pieces that are priced by the dozen are one piece to the engine, and have a deposit each all the same.
            let each = if pieces == line.quantity { 1 } else { line.quantity };
            let amount = deposit.amount.minor().saturating_mul(each);
            Deposit { sku: &deposit.sku, amount, rate: deposit.rate }
        }),
    }
}

fn charge(product: &Product, quantity: i64) -> Charge {
    let unit = product.priced_per.or(product.measure).map_or(Unit::Piece, Quantity::unit);
    if let Some(label) = product.label_price {
        return Charge::Label { amount: label.minor(), is_by_measure: unit != Unit::Piece };
    }
    let (price, member) = (product.price.minor(), product.member_price.map(crate::money::Money::minor));
    match (product.measure, product.priced_per) {
        (None, None) => Charge::Each { price, member },
        (measure, per) => Charge::Measured {
            price,
            member,
            measure: measure.map_or(quantity, Quantity::amount),
            unit,
            per: per.map_or(1, Quantity::amount),
        },
    }
}

/// The deposit of a product in a store, as its own product says; nothing where that is not known or has no price.
pub(super) fn deposit(
    catalog: &Snapshot,
    store: &Store,
    sku: &Sku,
    now: Moment,
    today: chrono::NaiveDate,
) -> Option<super::event::Deposit> {
    let offer = catalog.product(&store.store, sku, now).ok()?;
    let rate = catalog.rate(&store.country, &offer.tax_class, today)?;
    Some(super::event::Deposit { sku: sku.clone(), amount: offer.price.amount, rate })
}
