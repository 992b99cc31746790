//! Trips of every kind and their quotes, by the engine itself: what tests of all that follows from a quote are made of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use proptest::prelude::*;

use super::quote::{Delivery, DeliveryFee, Quote, quote};
use crate::cart::pricing::{
    self, Basket, Customer, Place, Promotions, Surcharge, TaxMode, TaxRounding, Voucher,
};
use crate::cart::{self, Deposit, Line, Product};
use crate::catalog::{BasketReward, Combination, Goods, PromotionRow, Terms};
use crate::delivery::Needs;
use crate::money::{Currency, Money, Rate};
use crate::quantity::{Quantity, Unit};

pub fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

pub fn rate(percent: &str) -> Rate {
    percent.parse().expect("a rate")
}

fn noon() -> DateTime<Utc> {
    "2026-07-15T12:00:00Z".parse().expect("a time")
}

/// Rates of prices that hold tax, and of tax that comes on top.
const RATES: [&str; 5] = ["0", "5.5", "7", "19", "21"];
const RATES_ON_TOP: [&str; 5] = ["0", "4", "6.25", "8.875", "10.25"];

#[derive(Clone, Debug)]
pub enum Sold {
    Each(i64),
    Dozen(i64),
    Measured(i64),
    Label,
}

/// A line without its number: how it is sold, its price, whether members pay less, its rate, its deposit.
pub type Good = (Sold, i64, Option<i64>, usize, Option<(i64, usize)>);

fn good() -> impl Strategy<Value = Good> {
    let sold = prop_oneof![
        5 => (1_i64..12).prop_map(Sold::Each),
        1 => (1_i64..40).prop_map(Sold::Dozen),
        2 => (1_i64..3_000).prop_map(Sold::Measured),
        1 => Just(Sold::Label),
    ];
    let deposit = prop::option::weighted(0.3, (prop::sample::select(vec![8_i64, 15, 25, 150]), 0..5_usize));
    (sold, 0_i64..3_000, prop::option::of(0_i64..200), 0..5_usize, deposit)
}

fn line(number: i64, good: &Good, rates: &[&str; 5]) -> Line {
    let (sold, price, less, of_rate, deposit) = good;
    let per = |amount, unit| Some(Quantity::new(amount, unit).expect("in range"));
    let (quantity, priced_per, measure, label_price) = match sold {
        Sold::Each(pieces) => (*pieces, None, None, None),
        Sold::Dozen(pieces) => (*pieces, per(12, Unit::Piece), None, None),
        Sold::Measured(grams) => (1, per(1_000, Unit::Gram), per(*grams, Unit::Gram), None),
        Sold::Label => (1, None, None, Some(eur(*price))),
    };
    let product = Product {
        code: "04006381333931".to_owned(),
        sku: format!("A{number}").parse().expect("a key"),
        name: format!("Good {number}"),
        price: eur(*price),
        tax_class: "standard".parse().expect("a key"),
        rate: rate(rates[*of_rate]),
        weight_grams: Some(10),
        deliverable: true,
        age_min: None,
        revision: 1,
        priced_per,
        measure,
        label_price,
        reduction: None,
        brand: None,
        category: Vec::new(),
        is_priced_by_label: false,
        member_price: less.map(|less| eur((price - less).max(0))),
        deposit: deposit.map(|(amount, of_rate)| Deposit {
            sku: "X".parse().expect("a key"),
            amount: eur(amount),
            rate: rate(rates[of_rate]),
        }),
        origin: cart::Origin::default(),
    };
    Line { number, product, quantity, origins: Vec::new(), seen_at: noon(), ways: pricing::Ways::default() }
}

fn promotions() -> impl Strategy<Value = Vec<Terms>> {
    let percent = prop::sample::select(vec!["5", "33.333", "100"]).prop_map(rate);
    let terms = prop_oneof![
        percent.clone().prop_map(|percent| Terms::PercentOff { percent }),
        (1_i64..400).prop_map(|amount| Terms::AmountOff { amount }),
        (2_i64..5).prop_map(|take| Terms::TakePay { take, pay: take - 1 }),
        (2_i64..5, 1_i64..900).prop_map(|(take, amount)| Terms::TakeFor { take, amount }),
        (0_i64..5_000, 1_i64..2_000).prop_map(|(from_amount, amount)| Terms::Basket {
            from_amount,
            reward: BasketReward::AmountOff { amount }
        }),
        (0_i64..5_000, percent).prop_map(|(from_amount, percent)| Terms::Basket {
            from_amount,
            reward: BasketReward::PercentOff { percent }
        }),
    ];
    prop::collection::vec(terms, 0..4)
}

fn prepared(terms: Vec<Terms>) -> Promotions {
    let row = |(number, terms): (usize, Terms)| {
        let id = format!("P{number}").parse().expect("a key");
        let hour = chrono::Duration::hours(1);
        let row = PromotionRow::new(id, "Offer".to_owned(), terms, (noon() - hour, noon() + hour));
        let is_on_goods = !matches!(row.terms, Terms::Basket { .. });
        let skus = (0..6).map(|number| format!("A{number}").parse().expect("a key"));
        let goods =
            if is_on_goods { Goods { skus: skus.collect(), ..Goods::default() } } else { Goods::default() };
        let combination = Combination::Stackable;
        Arc::new(PromotionRow { currency: Some(Currency::EUR), goods, combination, ..row })
    };
    Promotions::of(terms.into_iter().enumerate().map(row))
}

#[derive(Clone, Debug)]
pub struct Trip {
    pub goods: Vec<Good>,
    pub terms: Vec<Terms>,
    pub delivered: BTreeSet<usize>,
    pub fees: Vec<(i64, usize)>,
    /// Two vouchers, and a number of points.
    pub credits: [i64; 3],
    /// What a point is worth.
    pub worth: i64,
    pub is_on_top: bool,
    pub is_rounded_per_line: bool,
    pub is_member: bool,
}

pub fn trip() -> impl Strategy<Value = Trip> {
    let goods = prop::collection::vec(good(), 1..20);
    let delivered = prop::collection::btree_set(0..20_usize, 0..8);
    let fees = prop::collection::vec((1_i64..900, 0..5_usize), 0..3);
    let credits = [0_i64..300, 0_i64..3_000, 0_i64..500];
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (goods, promotions(), delivered, fees, (credits, 1_i64..7), flags).prop_map(
        |(goods, terms, delivered, fees, (credits, worth), (is_on_top, is_rounded_per_line, is_member))| {
            Trip { goods, terms, delivered, fees, credits, worth, is_on_top, is_rounded_per_line, is_member }
        },
    )
}

/// The quote of a trip, by the engine itself.
pub fn quoted(trip: &Trip) -> Quote {
    let rates = if trip.is_on_top { &RATES_ON_TOP } else { &RATES };
    let numbered = (0_i64..).zip(&trip.goods);
    let lines: Vec<Line> = numbered.map(|(number, good)| line(number, good, rates)).collect();
    let delivered: BTreeSet<i64> =
        trip.delivered.iter().filter_map(|at| Some(lines.get(*at)?.number)).collect();
    let fee = (!delivered.is_empty()).then(|| DeliveryFee {
        amount: eur(499),
        tax_rate: rate(rates[3]),
        tax: None,
    });
    let surcharge = |name: &str, amount, rate| {
        let is_for_delivery = name == "Delivery";
        Surcharge { name: name.to_owned(), amount, rate, is_for_delivery }
    };
    let delivery = fee.map(|fee| surcharge("Delivery", fee.amount.minor(), fee.tax_rate));
    let fees = trip.fees.iter().map(|(amount, of_rate)| surcharge("Fee", *amount, rate(rates[*of_rate])));
    let [first, second, points] = trip.credits;
    let voucher = |id: &str, amount, step| Voucher { id: id.to_owned(), amount, step };
    let basket = Basket {
        place: Place {
            currency: Currency::EUR,
            tax_mode: if trip.is_on_top { TaxMode::OnTop } else { TaxMode::Inside },
            tax_rounding: if trip.is_rounded_per_line { TaxRounding::Line } else { TaxRounding::Sum },
        },
        at: noon(),
        local: noon().naive_utc(),
        items: lines.iter().map(cart::item).collect(),
        customer: Customer { is_member: trip.is_member, ..Customer::default() },
        coupons: Vec::new(),
        left: BTreeMap::new(),
        surcharges: delivery.into_iter().chain(fees).collect(),
        vouchers: vec![
            voucher("V1", first, None),
            voucher("V2", second, None),
            voucher(cart::POINTS_CREDIT, points * trip.worth, Some(trip.worth)),
        ],
        points: None,
    };
    let priced = pricing::price(&basket, &prepared(trip.terms.clone())).expect("a price");
    let delivery = fee.map(|fee| Delivery { fee, chosen: None, packed: Vec::new(), needs: Needs::default() });
    quote(&lines, &delivered, delivery, priced).expect("a quote")
}
