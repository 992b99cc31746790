//! How a cart looks from outside: its lines with what the catalogue says of them now, its totals.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::event::{Origin, Reduction};
use super::model::{Cart, Error, Line, ShownVoucher, State};
use super::pricing::{
    Credit, Discount, ExtraPoints, Missing, Near, Priced, PricedDeposit, PricedSurcharge, TaxLine,
};
use super::rules::{Blocked, LotCheck, Standing};
use crate::catalog::Alternative;
use crate::ids::{CartId, CheckoutId, CouponCode, OrderId, PromotionId, Sku, StoreId, VoucherCode};
use crate::money::{Money, Rate};
use crate::quantity::Quantity;
use crate::text_enum;

text_enum! {
    /// What a cart is waiting for.
    pub enum CartState {
        /// For the next scan.
        Open = "open",
        /// For the end of a checkout.
        Locked = "locked",
        /// For nothing: it was paid.
        Closed = "closed",
    }
}

/// One product in a cart; weighed goods, labels with prices and marked-down goods have a line for each scan.
#[derive(Debug, Serialize, ToSchema)]
pub struct CartLine {
    /// The line's number in this cart, for changes.
    line: i64,
    /// The code as GTIN-14, or the chain's own number.
    code: String,
    /// The retailer's number of the product.
    sku: Sku,
    /// The product's name.
    name: String,
    /// How much of it: pieces, or grams, millilitres, millimetres of what was measured.
    quantity: Quantity,
    /// Gross price of a piece, or of `priced_per`: the one that counts by the store's promise, not that of members.
    unit_price: Money,
    /// What `unit_price` is for when it is not for a piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    priced_per: Option<Quantity>,
    /// What the line costs after all discounts, without its deposit.
    amount: Money,
    /// What it costs without them, where that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    full_amount: Option<Money>,
    /// What is charged for its bottles or crates.
    #[serde(skip_serializing_if = "Option::is_none")]
    deposit: Option<PricedDeposit>,
    /// Whether the price is that of the label.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_label_price: bool,
    /// Why `unit_price` is lower than that of other pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    reduction: Option<Reduction>,
    /// The VAT rate in percent.
    tax_rate: Rate,
    /// Whether a courier may bring it.
    deliverable: bool,
    /// Whoever buys it must be so old, in years.
    #[serde(skip_serializing_if = "Option::is_none")]
    age_min: Option<i64>,
    /// The lots that the codes said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lots: Vec<String>,
    /// The issues of a newspaper or magazine, by the digits beside their codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    issues: Vec<String>,
    /// The earliest last day of use that the codes said.
    #[serde(skip_serializing_if = "Option::is_none")]
    use_by: Option<NaiveDate>,
    /// Whether a code could be read in part only: somebody should look at the date on the pack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    check_date: bool,
    /// Some lots are recalled, and the code did not say which lot this is: somebody should look at the pack. One for each
    /// recall.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    check_lots: Vec<LotCheck>,
    /// The best-before date that the codes said and that has passed, where the store tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    best_before_passed: Option<NaiveDate>,
    /// Why the line can't be paid for: it must be taken out, or made smaller, before a checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Blocked>,
    /// What the store sells instead, when no piece of the product can be bought, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
}

impl CartLine {
    /// A line as the catalogue lets it stand now, at its place among the priced ones.
    pub(super) fn of(line: &Line, standing: Standing, place: usize, priced: &Priced) -> Result<Self, Error> {
        let price = priced.lines.get(place).ok_or(Error::UnknownLine)?;
        let deposit = priced.deposits.iter().find(|deposit| deposit.line == line.number);
        let product = &line.product;
        let origins = &line.origins;
        let distinct = |of: fn(&Origin) -> Option<&String>| {
            let said: BTreeSet<&String> = origins.iter().filter_map(of).collect();
            said.into_iter().cloned().collect()
        };
        Ok(Self {
            line: line.number,
            code: product.code.clone(),
            sku: product.sku.clone(),
            name: product.name.clone(),
            quantity: line.measured().map_err(|_| Error::Quantity)?,
            unit_price: price.unit_price.unwrap_or(product.price),
            priced_per: product.priced_per,
            amount: price.amount,
            full_amount: (price.full != price.amount).then_some(price.full),
            deposit: deposit.cloned(),
            is_label_price: product.label_price.is_some(),
            reduction: product.reduction.clone(),
            tax_rate: price.rate,
            deliverable: product.deliverable,
            age_min: product.age_min,
            lots: distinct(|origin| origin.lot.as_ref()),
            issues: distinct(|origin| origin.addon.as_ref()),
            use_by: origins.iter().filter_map(|origin| origin.use_by).min(),
            check_date: origins.iter().any(|origin| origin.is_partial),
            check_lots: standing.check_lots,
            best_before_passed: standing.best_before_passed,
            blocked: standing.blocked,
            alternatives: standing.alternatives,
        })
    }
}

/// A cart as its shopper sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Cart)]
pub struct CartView {
    /// The cart.
    id: CartId,
    /// Where the trip takes place.
    store: StoreId,
    /// What it waits for.
    state: CartState,
    /// The checkout that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout: Option<CheckoutId>,
    /// The order that it was paid with.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderId>,
    /// The version: a checkout names it, and the entity tag begins with it.
    version: i64,
    /// What is in it.
    lines: Vec<CartLine>,
    /// The coupons that were shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    coupons: Vec<CouponCode>,
    /// What made it cheaper, in the order in which it was applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    discounts: Vec<Discount>,
    /// What all discounts take off.
    saved: Money,
    /// The promotions that nearly apply, where they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    offers: Vec<NearOffer>,
    /// The store's own fees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fees: Vec<PricedSurcharge>,
    /// The deposit vouchers that were shown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    vouchers: Vec<VoucherView>,
    /// So many points at most shall pay.
    #[serde(skip_serializing_if = "is_none")]
    points_offered: i64,
    /// Points that are earned once it is paid.
    #[serde(skip_serializing_if = "is_none")]
    points_earned: i64,
    /// Which of them promotions give, and for which lines.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extra_points: Vec<ExtraPoints>,
    /// Whether the goods are eaten in the store.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    eat_in: bool,
    /// What everything costs without delivery: goods after all discounts, deposits, fees, and tax where it comes on top.
    total: Money,
    /// What pays a part of it: vouchers that fit, then points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    credits: Vec<Credit>,
    /// What a checkout without delivery debits.
    to_pay: Money,
    /// The VAT in it, by rate.
    taxes: Vec<TaxLine>,
    /// Whether the account that could be debited is no longer linked: the shopper had better link one before the checkout.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    link_again: bool,
}

impl CartView {
    /// A cart whose lines stand so.
    pub(super) fn of(cart: &Cart, standings: Vec<Standing>, priced: Priced) -> Result<Self, Error> {
        let (state, checkout, order) = match cart.state {
            State::Open => (CartState::Open, None, None),
            State::Locked(checkout) => (CartState::Locked, Some(checkout), None),
            State::Closed(order) => (CartState::Closed, None, Some(order)),
        };
        let lines = cart.lines.iter().zip(standings).enumerate();
        let lines = lines.map(|(place, (line, standing))| CartLine::of(line, standing, place, &priced));
        Ok(Self {
            id: cart.id,
            store: cart.store.clone(),
            state,
            checkout,
            order,
            version: cart.version,
            lines: lines.collect::<Result<_, _>>()?,
            coupons: cart.coupons.iter().map(|(coupon, _)| coupon.clone()).collect(),
            discounts: priced.discounts,
            saved: priced.saved,
            offers: Vec::new(),
            fees: priced.surcharges,
            vouchers: cart.vouchers.iter().map(|voucher| VoucherView::of(cart, voucher)).collect(),
            points_offered: cart.points,
            points_earned: priced.points,
            extra_points: priced.extra_points,
            eat_in: cart.is_eaten_in,
            credits: priced.credits,
            to_pay: priced.to_pay,
            total: priced.total,
            taxes: priced.taxes,
            link_again: false,
        })
    }

    /// The same with promotions that nearly apply.
    pub(super) fn with_offers(self, near: Vec<Near>) -> Self {
        Self { offers: near.into_iter().map(NearOffer::from).collect(), ..self }
    }

    /// The same where the shopper has to link an account again, or not.
    pub(super) fn with_link(self, link_again: bool) -> Self {
        Self { link_again, ..self }
    }
}

/// A deposit voucher of a cart.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ShownVoucher)]
pub struct VoucherView {
    /// What identifies it.
    voucher: VoucherCode,
    /// What it is worth.
    amount: Money,
}

impl VoucherView {
    fn of(cart: &Cart, voucher: &ShownVoucher) -> Self {
        Self { voucher: voucher.code.clone(), amount: Money::new(voucher.amount, cart.currency) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_none(count: &i64) -> bool {
    *count == 0
}

/// A promotion that nearly applies.
#[derive(Debug, Serialize, ToSchema)]
pub struct NearOffer {
    /// The promotion.
    promotion: PromotionId,
    /// The name that shoppers read.
    name: String,
    /// So many pieces more, and it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_pieces: Option<i64>,
    /// Goods for so much more, and it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_amount: Option<Money>,
    /// A line with goods that would do; others are needed when it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<i64>,
    /// What would be saved, where it can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    saves: Option<Money>,
}

impl From<Near> for NearOffer {
    fn from(near: Near) -> Self {
        let (missing_pieces, missing_amount) = match near.missing {
            Missing::Pieces { pieces, .. } => (Some(pieces), None),
            Missing::Amount(amount) => (None, Some(amount)),
        };
        let Near { promotion, name, line, saves, .. } = near;
        Self { promotion, name, missing_pieces, missing_amount, line, saves }
    }
}
