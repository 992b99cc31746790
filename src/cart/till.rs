//! What a store asks for a cart at a moment: the engine of `pricing` over the cart's lines, the store's rules and the
//! catalogue's promotions.
//!
//! One [`Till`] gives one answer: a checkout prices its cart with the same till for the lock and for the quote. Categories
//! are those of the first scan, which stand in the cart's own log; so are prices and deposits, unless the store's promise says
//! that those of now count (`promise.rs`). Promotions are those that the catalogue has now; one that ended by its time since
//! the scan still holds for that line, as long as what was seen is promised.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::buyer::Buyer;
use super::event::{self, Product};
use super::model::{Cart, Error, Line, ShownVoucher};
use super::pricing::{
    self, Basket, Charge, Customer, Deposit, Item, Left, Near, Place, PointsRule, Priced, Promotions, Record,
    Seen, Surcharge, TaxMode, TaxRounding, Voucher,
};
use super::rules::Blocked;
use super::store::Difference;
use super::trip::Entry;
use super::{claims, coupon, ledger, promise, rules, store};
use crate::app::App;
use crate::catalog::{PricePromise, PromotionRow, ShelfPrice, Snapshot, Store, TillRules};
use crate::clock::Moment;
use crate::db::Tx;
use crate::ids::{CheckoutId, PromotionId, Sku, StoreId, TaxClassId};
use crate::money::{Money, Rate};
use crate::quantity::{Quantity, Unit};

/// The number under which points pay, which no voucher has: it is no key.
pub const POINTS_CREDIT: &str = "(points)";

/// What a store asks at a moment.
#[derive(Clone, Debug)]
pub struct Till {
    at: Moment,
    local: NaiveDateTime,
    zone: Tz,
    promotions: Arc<Promotions>,
    buyer: Buyer,
    /// What the store asks on its shelves; none when it closed.
    shelf: Option<Shelf>,
}

/// What the store asks on its shelves now.
#[derive(Clone, Debug)]
struct Shelf {
    catalog: Arc<Snapshot>,
    store: Store,
}

impl Till {
    /// The till of a store now. One that closed asks for no more than the goods.
    pub fn open(app: &App, store: &StoreId, buyer: Buyer) -> Self {
        let (catalog, at) = (app.catalog.view(), app.clock.now());
        let Some(store) = catalog.store(store) else {
            return Self::plain(at);
        };
        Self {
            at,
            local: local(store.zone(), at),
            zone: store.zone(),
            promotions: app.offers.of(&catalog, store),
            buyer,
            shelf: Some(Shelf { store: store.clone(), catalog: Arc::clone(&catalog) }),
        }
    }

    /// A till without promotions whose prices hold the tax.
    pub(super) fn plain(at: Moment) -> Self {
        let local = at.naive_utc();
        Self { at, local, zone: Tz::UTC, promotions: Arc::default(), buyer: Buyer::default(), shelf: None }
    }

    /// Has a cart's lines remember which promotions they lead to, where they don't.
    pub(super) fn remember(&self, cart: &mut Cart) {
        for line in &mut cart.lines {
            if !self.promotions.knows(&line.ways) {
                line.ways = self.promotions.ways(line.wares());
            }
        }
    }

    /// What a cart costs where nothing is delivered.
    pub fn price(&self, cart: &Cart) -> Result<Priced, Error> {
        let basket = self.with_fees(self.basket(cart), false)?;
        Ok(pricing::price(&basket, &self.promotions)?)
    }

    /// The offers that nearly apply to a cart that was priced so.
    pub fn near(&self, cart: &Cart, priced: &Priced) -> Result<Vec<Near>, Error> {
        Ok(pricing::near(&self.basket(cart), &self.promotions, priced)?)
    }

    /// What a checkout costs, with what its delivery costs: prices it, keeps all that it was priced with, and reserves the
    /// vouchers and burns the points that pay a part of it, inside the checkout's transaction.
    pub async fn quote(
        &self,
        tx: &mut Tx,
        entry: Entry,
        checkout: CheckoutId,
        cart: &Cart,
        delivery: Option<Surcharge>,
    ) -> Result<Priced, Error> {
        let is_delivered = delivery.is_some();
        let mut basket = self.basket(cart);
        basket.surcharges.extend(delivery);
        let basket = self.with_fees(basket, is_delivered)?;
        let priced = pricing::price(&basket, &self.promotions)?;
        let record = Record::of(&basket, &self.promotions, priced.clone());
        store::insert_record(tx, entry.at, checkout, cart, &record).await?;
        self.claim_credits(tx, entry, checkout, cart, &priced).await?;
        Ok(priced)
    }

    async fn claim_credits(
        &self,
        tx: &mut Tx,
        entry: Entry,
        checkout: CheckoutId,
        cart: &Cart,
        priced: &Priced,
    ) -> Result<(), Error> {
        // Sorted: two checkouts take vouchers in the same order.
        let pays =
            |voucher: &&ShownVoucher| priced.credits.iter().any(|credit| credit.id == voucher.code.as_str());
        let mut vouchers: Vec<&ShownVoucher> = cart.vouchers.iter().filter(pays).collect();
        vouchers.sort();
        for voucher in vouchers {
            if !claims::claim_voucher(tx, checkout, &cart.store, voucher).await? {
                return Err(Error::VoucherUsed(voucher.code.clone()));
            }
        }
        let worth = self.rules().and_then(|rules| rules.points).map_or(0, |terms| terms.worth);
        let paid = priced.credits.iter().find(|credit| credit.id == POINTS_CREDIT);
        if let Some(points) = paid.and_then(|credit| credit.amount.minor().checked_div(worth)) {
            ledger::burn(tx, entry.at, cart.shopper, checkout, points).await?;
        }
        Ok(())
    }

    /// The basket with the store's own fees. One for small baskets looks at what goods cost first.
    fn with_fees<'a>(&self, mut basket: Basket<'a>, is_delivered: bool) -> Result<Basket<'a>, Error> {
        let fees = self.rules().map_or(&[][..], |rules| &rules.fees);
        let mut fees = fees.iter().filter(|fee| is_delivered || !fee.delivery_only).peekable();
        if fees.peek().is_none() || basket.items.is_empty() {
            return Ok(basket);
        }
        let priced = pricing::price(&basket, &self.promotions)?;
        let goods: i64 = priced.lines.iter().map(|line| line.amount.minor()).sum();
        for fee in fees.filter(|fee| fee.below.is_none_or(|below| goods < below)) {
            // A rate that is missing is a fault of master data: the shopper does not pay for it.
            match self.rate_of(&fee.tax_class) {
                Some(rate) => {
                    let (name, amount, is_for_delivery) = (fee.name.clone(), fee.amount, fee.delivery_only);
                    basket.surcharges.push(Surcharge { name, amount, rate, is_for_delivery });
                }
                None => metrics::counter!("aisle_fees_untaxed_total").increment(1),
            }
        }
        Ok(basket)
    }

    fn rules(&self) -> Option<&TillRules> {
        self.shelf.as_ref().map(|shelf| &shelf.store.till)
    }

    /// Points pay here, for this shopper: what each is worth.
    pub(super) fn points_worth(&self) -> Option<i64> {
        let terms = self.rules()?.points?;
        (self.buyer.is_member && terms.worth > 0).then_some(terms.worth)
    }

    /// When the shopper saw a line's price, where the store promises what was seen then.
    fn seen(&self, line: &Line) -> Option<Seen> {
        let promise = self.shelf.as_ref().map(|shelf| promise::of(&shelf.store, line, self.at));
        (promise != Some(PricePromise::Current))
            .then(|| Seen { at: line.seen_at, local: local(self.zone, line.seen_at) })
    }

    /// A line at the price that counts by the store's promise.
    fn item<'a>(&self, line: &'a Line, rate: Rate) -> Item<'a> {
        let item = Item { rate, seen: self.seen(line), ..item(line) };
        let Some(asks) = &self.shelf else { return item };
        let counts = || promise::counted(&asks.catalog, &asks.store, line, self.at);
        let charge = match item.charge {
            Charge::Each { .. } => {
                let ShelfPrice { everybody: price, members: member } = counts();
                Charge::Each { price, member }
            }
            Charge::Measured { measure, unit, per, .. } => {
                let ShelfPrice { everybody: price, members: member } = counts();
                Charge::Measured { price, member, measure, unit, per }
            }
            label @ Charge::Label { .. } => label,
        };
        Item { charge, ..item }
    }

    /// The deposit of a line at what counts by the store's promise, taxed at the rate of the day.
    fn deposit<'a>(
        &self,
        line: &'a Line,
        locked: Deposit<'a>,
        known: &mut Vec<(&'a Sku, Option<event::Deposit>)>,
    ) -> Option<Deposit<'a>> {
        let (asks, seen) = (self.shelf.as_ref()?, line.product.deposit.as_ref()?);
        // Goods of a cart have few kinds of deposits: each is looked up once.
        let place = known.iter().position(|(sku, _)| *sku == locked.sku).unwrap_or_else(|| {
            let now = deposit(&asks.catalog, &asks.store, locked.sku, self.at, self.local.date());
            known.push((locked.sku, now));
            known.len() - 1
        });
        let now = known[place].1.as_ref()?;
        let counts = match promise::of(&asks.store, line, self.at) {
            PricePromise::Locked => seen.amount.minor(),
            PricePromise::Better => seen.amount.minor().min(now.amount.minor()),
            PricePromise::Current => now.amount.minor(),
        };
        let times = locked.amount.checked_div(seen.amount.minor()).unwrap_or(1);
        Some(Deposit { sku: locked.sku, amount: counts.saturating_mul(times), rate: now.rate })
    }

    /// The tax rate of the day of the checkout, which is that of the sale; prices that hold the tax stay as they are. Goods
    /// that are eaten in the store may have another class there.
    fn rate(&self, class: &TaxClassId, is_eaten_in: bool) -> Option<Rate> {
        let instead = self.rules().filter(|_| is_eaten_in).map(|rules| rules.eaten_in(class));
        instead.and_then(|class| self.rate_of(class)).or_else(|| self.rate_of(class))
    }

    /// The rate of a class in the store today.
    pub fn rate_of(&self, class: &TaxClassId) -> Option<Rate> {
        let asks = self.shelf.as_ref()?;
        asks.catalog.rate_in(&asks.store, class, self.local.date())
    }

    /// The lines of a cart whose price nobody can say now, by number: they can't be paid for.
    pub fn unpriced(&self, cart: &Cart) -> Vec<(i64, Blocked)> {
        let Some(asks) = &self.shelf else { return Vec::new() };
        let is_unpriced = |line: &&Line| promise::is_unpriced(&asks.catalog, &asks.store, line, self.at);
        cart.lines.iter().filter(is_unpriced).map(|line| (line.number, rules::price_missing())).collect()
    }

    /// Notes for staff which prices changed between scan and checkout.
    pub(super) async fn note_differences(
        &self,
        tx: &mut Tx,
        checkout: CheckoutId,
        cart: &Cart,
    ) -> Result<(), Error> {
        let Some(asks) = &self.shelf else { return Ok(()) };
        let difference =
            |line| promise::difference(&asks.catalog, &asks.store, line, self.buyer.is_member, self.at);
        let differences: Vec<Difference> = cart.lines.iter().filter_map(difference).collect();
        for difference in &differences {
            metrics::counter!("aisle_price_differences_total", "cause" => difference.cause.as_str())
                .increment(1);
        }
        Ok(store::insert_differences(tx, checkout, &cart.store, &differences).await?)
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
        let goods = cart.lines.iter().map(Line::wares);
        let touching: std::collections::BTreeSet<PromotionId> =
            self.promotions.counted_on(goods).map(|row| row.promotion.clone()).collect();
        let shopper = cart.shopper.to_string();
        // Sorted: two checkouts take them in the same order and never wait for each other in a circle.
        for promotion in touching {
            let all = claims::hold_count(tx, "", &promotion).await?;
            self.buyer.all.insert(promotion.clone(), (all.times, all.amount));
            let own = claims::hold_count(tx, &shopper, &promotion).await?;
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
        for had in priced.had() {
            if self.promotions.row(had.promotion).is_some_and(|row| row.is_counted()) {
                let claimed = (had.times, had.amount);
                claims::claim(tx, checkout, cart.shopper, had.promotion, claimed).await?;
            }
            let own = cart.coupons.iter().filter(|(_, of)| of == had.promotion).map(|(coupon, _)| coupon);
            coupons.extend(own.take(usize::try_from(had.coupons).unwrap_or(0)));
        }
        coupons.sort();
        for coupon in coupons {
            let row = coupon::row_of(tx, coupon).await?.ok_or(Error::UnknownCoupon)?;
            let mut is_had = claims::claim_coupon(tx, checkout, &row.coupon, row.uses_max).await?;
            if row.coupon != *coupon {
                // A single one of a campaign is good once.
                is_had = is_had && claims::claim_coupon(tx, checkout, coupon, 1).await?;
            }
            if !is_had {
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

    fn basket<'a>(&self, cart: &'a Cart) -> Basket<'a> {
        let has_tax_on_top = self.shelf.as_ref().is_some_and(|shelf| shelf.store.has_tax_on_top());
        let is_rounded_per_line = self.rules().is_some_and(|rules| rules.rounds_tax_per_line);
        let whole = |voucher: &ShownVoucher| Voucher {
            id: voucher.code.to_string(),
            amount: voucher.amount,
            step: None,
        };
        let points = self.points_worth().map(|worth| Voucher {
            id: POINTS_CREDIT.to_owned(),
            amount: cart.points.saturating_mul(worth),
            step: Some(worth),
        });
        // Goods of a cart have few classes: each is looked up once.
        let mut rates: Vec<(&TaxClassId, Option<Rate>)> = Vec::new();
        let mut deposits = Vec::new();
        let mut items = Vec::with_capacity(cart.lines.len());
        for line in &cart.lines {
            let class = &line.product.tax_class;
            let known = rates.iter().find(|(each, _)| *each == class).map(|(_, rate)| *rate);
            let rate = known.unwrap_or_else(|| {
                let rate = self.rate(class, cart.is_eaten_in);
                rates.push((class, rate));
                rate
            });
            let item = self.item(line, rate.unwrap_or(line.product.rate));
            let deposit = |locked| self.deposit(line, locked, &mut deposits).unwrap_or(locked);
            items.push(Item { deposit: item.deposit.map(deposit), ..item });
        }
        let terms = self.rules().and_then(|rules| rules.points).filter(|_| self.buyer.is_member);
        Basket {
            place: Place {
                currency: cart.currency,
                tax_mode: if has_tax_on_top { TaxMode::OnTop } else { TaxMode::Inside },
                tax_rounding: if is_rounded_per_line { TaxRounding::Line } else { TaxRounding::Sum },
            },
            at: self.at,
            local: self.local,
            items,
            customer: Customer {
                is_member: self.buyer.is_member,
                segments: self.buyer.segments.clone(),
                uses: self.buyer.own.clone(),
            },
            coupons: cart.coupons.iter().map(|(_, promotion)| promotion.clone()).collect(),
            left: self.left(),
            surcharges: Vec::new(),
            vouchers: cart.vouchers.iter().map(whole).chain(points).collect(),
            points: terms.map(|terms| PointsRule { per: terms.per, points: terms.points }),
        }
    }
}

/// What a cart costs: what was agreed on for one that is locked or paid, else what the till asks now that this opens.
pub(super) async fn look(app: &App, cart: &mut Cart) -> Result<(Priced, Option<Till>), Error> {
    if let Some(agreed) = &cart.agreed {
        return Ok((Priced::clone(agreed), None));
    }
    let till = Till::open(app, &cart.store, Buyer::of(app, cart.shopper).await?);
    till.remember(cart);
    Ok((till.price(cart)?, Some(till)))
}

fn local(zone: Tz, at: Moment) -> NaiveDateTime {
    zone.from_utc_datetime(&at.naive_utc()).naive_local()
}

/// A line at the price of its scan.
pub fn item(line: &Line) -> Item<'_> {
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
        seen: None,
        ways: Some(&line.ways),
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
) -> Option<event::Deposit> {
    let offer = catalog.product(&store.store, sku, now).ok()?;
    let rate = catalog.rate_in(store, &offer.tax_class, today)?;
    Some(event::Deposit { sku: sku.clone(), amount: offer.price.amount, rate })
}
