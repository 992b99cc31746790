//! How a cart looks from outside: its lines with what the catalogue says of them now, its totals, its entity tag.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;
use utoipa::ToSchema;

use super::event::{Origin, Reduction};
use super::model::{Cart, Error, Line, State};
use super::pricing::{self, TaxLine};
use super::rules::{Blocked, LotCheck, Standing};
use crate::catalog::Alternative;
use crate::hash::sha256_hex;
use crate::http::reply;
use crate::ids::{CartId, CheckoutId, OrderId, Sku, StoreId};
use crate::money::{Money, Rate};
use crate::quantity::Quantity;
use crate::text_enum;

/// Characters of the digest in an entity tag: 64 bits, for one cart's states.
const DIGEST_LENGTH: usize = 16;

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
    /// Gross price of a piece, or of `priced_per`.
    unit_price: Money,
    /// What `unit_price` is for when it is not for a piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    priced_per: Option<Quantity>,
    /// Gross amount of the line.
    amount: Money,
    /// Whether `amount` is the price on the label.
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
    /// Some lots are recalled, and the code did not say which lot this is: somebody should look at the pack.
    #[serde(skip_serializing_if = "Option::is_none")]
    check_lot: Option<LotCheck>,
    /// Why the line can't be paid for: it must be taken out, or made smaller, before a checkout.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked: Option<Blocked>,
    /// What the store sells instead, when no piece of the product can be bought, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alternatives: Vec<Alternative>,
}

impl CartLine {
    /// A line as the catalogue lets it stand now.
    pub(super) fn of(line: &Line, standing: Standing) -> Result<Self, Error> {
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
            unit_price: product.price,
            priced_per: product.priced_per,
            amount: line.amount()?,
            is_label_price: product.label_price.is_some(),
            reduction: product.reduction.clone(),
            tax_rate: product.rate,
            deliverable: product.deliverable,
            age_min: product.age_min,
            lots: distinct(|origin| origin.lot.as_ref()),
            issues: distinct(|origin| origin.addon.as_ref()),
            use_by: origins.iter().filter_map(|origin| origin.use_by).min(),
            check_date: origins.iter().any(|origin| origin.is_partial),
            check_lot: standing.check_lot,
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
    /// Gross total: what a checkout without delivery debits.
    total: Money,
    /// The VAT in it, by rate.
    taxes: Vec<TaxLine>,
}

impl CartView {
    /// A cart whose lines stand so.
    pub(super) fn of(cart: &Cart, standings: Vec<Standing>) -> Result<Self, Error> {
        let totals = totals(cart)?;
        let (state, checkout, order) = match cart.state {
            State::Open => (CartState::Open, None, None),
            State::Locked(checkout) => (CartState::Locked, Some(checkout), None),
            State::Closed(order) => (CartState::Closed, None, Some(order)),
        };
        let lines = cart.lines.iter().zip(standings).map(|(line, standing)| CartLine::of(line, standing));
        Ok(Self {
            id: cart.id,
            store: cart.store.clone(),
            state,
            checkout,
            order,
            version: cart.version,
            lines: lines.collect::<Result<_, _>>()?,
            total: totals.total,
            taxes: totals.taxes,
        })
    }
}

/// What a cart costs, as it was scanned.
pub(super) fn totals(cart: &Cart) -> Result<pricing::Totals, Error> {
    let amounts: Vec<_> = cart
        .lines
        .iter()
        .map(|line| Ok((line.product.rate, line.amount()?)))
        .collect::<Result<_, Error>>()?;
    Ok(pricing::total(cart.currency, amounts)?)
}

/// The entity tag of a cart whose lines stand so: it changes with the version, and with what the catalogue says of a line.
pub(super) fn entity_tag(version: i64, standings: &[Standing]) -> Result<String, serde_json::Error> {
    if standings.iter().all(|standing| *standing == Standing::default()) {
        return Ok(reply::entity_tag(version));
    }
    let digest = sha256_hex(&serde_json::to_vec(standings)?);
    Ok(reply::entity_tag_with(version, digest.get(..DIGEST_LENGTH).unwrap_or(&digest)))
}
