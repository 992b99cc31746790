//! What a store asks for a cart at a moment: the engine of `pricing` over the cart's lines, the store's rules and the
//! catalogue's promotions.
//!
//! One [`Till`] gives one answer: a checkout prices its cart with the same till for the lock and for the quote. Prices,
//! categories and deposits are those of the first scan, which stand in the cart's own log, unless the store's promise says
//! that the price of now counts ([`PricePromise`]); promotions are those of now.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{NaiveDateTime, TimeZone};

use super::event::Product;
use super::model::{Cart, Error, Line};
use super::pricing::{
    self, Basket, Charge, Customer, Deposit, Item, Left, Near, Place, Priced, Promotions, Surcharge, TaxMode,
    TaxRounding,
};
use super::store;
use crate::app::App;
use crate::catalog::{self, PricePromise, PromotionRow, Snapshot, Store};
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::{CheckoutId, PromotionId, ShopperId, Sku, StoreId};
use crate::money::{Money, Rate};
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

/// What a price depends on of whoever buys: what the CRM says of them, and how often promotions with a limit were had so far.
#[derive(Clone, Debug, Default)]
pub struct Buyer {
    /// By all shoppers together: times, and minor units of discount.
    all: BTreeMap<PromotionId, (i64, i64)>,
    /// By the shopper.
    own: BTreeMap<PromotionId, i64>,
    is_member: bool,
    segments: Vec<String>,
}

impl Buyer {
    /// As it is now. Between two looks others may be faster: how often promotions were had is read again when a cart is
    /// locked.
    pub async fn of(app: &App, shopper: ShopperId) -> Result<Self, Error> {
        let mut buyer = Self::default();
        let (asks_who, is_counted) = {
            let catalog = app.catalog.view();
            (catalog.asks_who(), catalog.has_counted_promotions())
        };
        if asks_who && let Some(customer) = catalog::customer(&app.db, shopper).await? {
            (buyer.is_member, buyer.segments) = (customer.is_member, customer.segments);
        }
        if !is_counted {
            return Ok(buyer);
        }
        for read in store::counts(&app.db, shopper).await? {
            if read.holder.is_empty() {
                buyer.all.insert(read.promotion, (read.times, read.amount));
            } else {
                buyer.own.insert(read.promotion, read.times);
            }
        }
        Ok(buyer)
    }
}

/// What a store asks at a moment.
#[derive(Clone, Debug)]
pub struct Till {
    at: Moment,
    local: NaiveDateTime,
    tax_mode: TaxMode,
    promotions: Arc<Promotions>,
    buyer: Buyer,
    /// What the store asks on its shelves; none when it closed.
    shelf: Option<Shelf>,
}

/// What the store asks on its shelves now.
#[derive(Clone, Debug)]
struct Shelf {
    catalog: Arc<Snapshot>,
    store: StoreId,
    country: String,
    promise: PricePromise,
}

impl Till {
    /// The till of a store now. One that closed asks for no more than the goods.
    pub fn open(app: &App, store: &StoreId, buyer: Buyer) -> Self {
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
            buyer,
            shelf: Some(Shelf {
                promise: store.price_promise,
                store: store.store.clone(),
                country: store.country.clone(),
                catalog: Arc::clone(&catalog),
            }),
        }
    }

    /// A till without promotions whose prices hold the tax.
    pub(super) fn plain(at: Moment) -> Self {
        let (local, tax_mode) = (at.naive_utc(), TaxMode::Inside);
        Self { at, local, tax_mode, promotions: Arc::default(), buyer: Buyer::default(), shelf: None }
    }

    /// What a cart costs with these fees.
    pub fn price(&self, cart: &Cart, surcharges: Vec<Surcharge>) -> Result<Priced, Error> {
        Ok(pricing::price(&self.basket(cart, surcharges), &self.promotions)?)
    }

    /// The offers that nearly apply to a cart that was priced so.
    pub fn near(&self, cart: &Cart, priced: &Priced) -> Result<Vec<Near>, Error> {
        Ok(pricing::near(&self.basket(cart, Vec::new()), &self.promotions, priced)?)
    }

    /// A line at the price that the store's promise says.
    fn item<'a>(&self, line: &'a Line) -> Item<'a> {
        let item = Item { rate: self.rate(&line.product), ..item(line) };
        let promise = self.shelf.as_ref().map_or(PricePromise::Locked, |shelf| shelf.promise);
        if promise == PricePromise::Locked {
            return item;
        }
        let Some((now, now_member)) = self.asked_now(line) else { return item };
        let price = |locked: i64| match promise {
            PricePromise::Locked => locked,
            PricePromise::Better => locked.min(now),
            PricePromise::Current => now,
        };
        let member = |locked: Option<i64>| match promise {
            PricePromise::Locked => locked,
            PricePromise::Better => [locked, now_member].into_iter().flatten().min(),
            PricePromise::Current => now_member,
        };
        let charge = match item.charge {
            Charge::Each { price: locked, member: of_member } => {
                Charge::Each { price: price(locked), member: member(of_member) }
            }
            Charge::Measured { price: locked, member: of_member, measure, unit, per } => {
                Charge::Measured { price: price(locked), member: member(of_member), measure, unit, per }
            }
            label @ Charge::Label { .. } => label,
        };
        Item { charge, ..item }
    }

    /// The tax rate of the day of the checkout, which is that of the sale; prices that hold the tax stay as they are.
    fn rate(&self, product: &Product) -> Rate {
        let now = self
            .shelf
            .as_ref()
            .and_then(|shelf| shelf.catalog.rate(&shelf.country, &product.tax_class, self.local.date()));
        now.unwrap_or(product.rate)
    }

    /// What everybody and what members are asked for the goods of a line now, in minor units. Nothing for a price of its
    /// own, and nothing when the price is for another quantity now.
    fn asked_now(&self, line: &Line) -> Option<(i64, Option<i64>)> {
        let (asks, product) = (self.shelf.as_ref()?, &line.product);
        let has_own_price = product.label_price.is_some() || product.reduction.is_some();
        if has_own_price || product.revision == asks.catalog.revision() {
            return None;
        }
        let offer = asks.catalog.product(&asks.store, &product.sku, self.at).ok()?;
        let is_comparable = offer.priced_per == product.priced_per
            && offer.price.amount.currency() == product.price.currency();
        let member = offer.price.member.map(Money::minor);
        is_comparable.then_some((offer.price.amount.minor(), member))
    }

    /// Notes for staff which prices changed between scan and checkout.
    pub(super) async fn note_differences(
        &self,
        tx: &mut Tx,
        checkout: CheckoutId,
        cart: &Cart,
    ) -> Result<(), Error> {
        for line in &cart.lines {
            let locked = line.product.price;
            let Some((current, _)) = self.asked_now(line) else { continue };
            if current == locked.minor() {
                continue;
            }
            let charged = match self.item(line).charge {
                Charge::Each { price, .. } | Charge::Measured { price, .. } => price,
                Charge::Label { .. } => continue,
            };
            let difference = store::Difference {
                line: line.number,
                sku: line.product.sku.clone(),
                locked: locked.minor(),
                current,
                charged,
                currency: locked.currency(),
                at: self.at,
            };
            store::insert_difference(tx, checkout, &cart.store, &difference).await?;
            metrics::counter!("aisle_price_differences_total").increment(1);
        }
        Ok(())
    }

    /// What is left of promotions with a budget.
    fn left(&self) -> BTreeMap<PromotionId, Left> {
        let of = |row: &PromotionRow| {
            let budget = row.budget?;
            let (times, amount) = self.buyer.all.get(&row.promotion).copied().unwrap_or_default();
            let left = |most: Option<i64>, had: i64| most.map(|most| (most - had).max(0));
            Some((
                row.promotion.clone(),
                Left { uses: left(budget.uses, times), amount: left(budget.amount, amount) },
            ))
        };
        self.promotions.counted().filter_map(of).collect()
    }

    /// Reads again, inside the transaction, how often promotions were had that the cart may have, and keeps them from other
    /// checkouts until it ends: what is priced then is there to be had.
    pub(super) async fn hold(&mut self, tx: &mut Tx, cart: &Cart) -> Result<(), Error> {
        let basket = self.basket(cart, Vec::new());
        let touching = pricing::counted(&basket, &self.promotions);
        let shopper = cart.shopper.to_string();
        // Sorted: two checkouts take them in the same order and never wait for each other in a circle.
        for promotion in touching {
            let all = store::hold_count(tx, "", &promotion).await?;
            self.buyer.all.insert(promotion.clone(), (all.times, all.amount));
            let own = store::hold_count(tx, &shopper, &promotion).await?;
            self.buyer.own.insert(promotion, own.times);
        }
        Ok(())
    }

    /// Reserves for a checkout what a cart that is priced so has of promotions with limits, and its coupons.
    pub(super) async fn claim(
        &self,
        tx: &mut Tx,
        checkout: CheckoutId,
        cart: &Cart,
        priced: &Priced,
    ) -> Result<(), Error> {
        let mut coupons = Vec::new();
        for discount in &priced.discounts {
            let Some(promotion) = &discount.promotion else { continue };
            if self.promotions.row(promotion).is_some_and(|row| row.is_counted()) {
                let had = (discount.times, discount.amount.minor());
                store::claim(tx, checkout, cart.shopper, promotion, had).await?;
            }
            let own = cart.coupons.iter().filter(|(_, of)| of == promotion).map(|(coupon, _)| coupon);
            coupons.extend(own.take(usize::try_from(discount.coupons).unwrap_or(0)));
        }
        coupons.sort();
        for coupon in coupons {
            let row = catalog::coupon(tx, coupon).await?.ok_or(Error::UnknownCoupon)?;
            if !store::claim_coupon(tx, checkout, coupon, row.uses_max).await? {
                return Err(Error::CouponUsed(coupon.clone()));
            }
        }
        Ok(())
    }

    /// Whether a promotion holds in the store for those who show a coupon.
    pub(super) fn takes_coupons_of(&self, promotion: &PromotionId) -> bool {
        let row = self.promotions.row(promotion);
        row.is_some_and(|row| row.needs_coupon && (row.valid_from..row.valid_to).contains(&self.at))
    }

    fn basket<'a>(&self, cart: &'a Cart, surcharges: Vec<Surcharge>) -> Basket<'a> {
        Basket {
            place: Place { currency: cart.currency, tax_mode: self.tax_mode, tax_rounding: TaxRounding::Sum },
            at: self.at,
            local: self.local,
            items: cart.lines.iter().map(|line| self.item(line)).collect(),
            customer: Customer {
                is_member: self.buyer.is_member,
                segments: self.buyer.segments.clone(),
                uses: self.buyer.own.clone(),
            },
            coupons: cart.coupons.iter().map(|(_, promotion)| promotion.clone()).collect(),
            left: self.left(),
            surcharges,
            vouchers: Vec::new(),
            points: None,
        }
    }
}

/// What a cart costs: what was agreed on for one that is locked or paid, else what the till asks now.
pub(super) fn priced(app: &App, cart: &Cart, buyer: &Buyer) -> Result<Priced, Error> {
    match &cart.agreed {
        Some(agreed) => Ok(Priced::clone(agreed)),
        None => Till::open(app, &cart.store, buyer.clone()).price(cart, Vec::new()),
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
    let (price, member) = (product.price.minor(), product.member_price.map(Money::minor));
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
