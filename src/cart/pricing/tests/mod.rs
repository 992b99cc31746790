//! Tests of the engine: worked examples (`examples.txt`, read by `table.rs`), the laws (`laws.rs`), sets and the choice
//! between promotions against all ways there are (`sets.rs`, `choice.rs`), and what none of these shows.

mod choice;
mod edges;
mod laws;
mod sets;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDateTime, Utc};

use super::{Basket, Charge, Customer, Item, Place, Priced, Promotions, TaxMode, TaxRounding, price};
use crate::catalog::{Goods, PromotionRow, Terms};
use crate::ids::Sku;
use crate::money::{Currency, Rate};

fn rate(percent: &str) -> Rate {
    percent.parse().expect("a rate")
}

fn sku(text: &str) -> Sku {
    text.parse().expect("a key")
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// A Wednesday at noon.
fn noon() -> NaiveDateTime {
    time("2026-07-15T12:00:00Z").naive_utc()
}

/// A promotion that holds all year.
fn promotion(id: &str, terms: Terms) -> PromotionRow {
    let year = (time("2026-01-01T00:00:00Z"), time("2027-01-01T00:00:00Z"));
    let row = PromotionRow::new(id.parse().expect("a key"), format!("Offer {id}"), terms, year);
    PromotionRow { currency: Some(Currency::EUR), ..row }
}

fn on(skus: &[&str]) -> Goods {
    Goods { skus: skus.iter().map(|each| sku(each)).collect(), ..Goods::default() }
}

fn prepared(rows: &[PromotionRow]) -> Promotions {
    for row in rows {
        assert_eq!(row.check(), Ok(()), "{}", row.promotion);
    }
    Promotions::of(rows.iter().cloned().map(Arc::new))
}

/// Pieces at a price each, taxed at 7 %.
fn pieces(line: i64, sku: &Sku, pieces: i64, price: i64) -> Item<'_> {
    Item {
        line,
        sku,
        brand: None,
        category: &[],
        charge: Charge::Each { price, member: None },
        pieces,
        is_marked_down: false,
        rate: rate("7"),
        deposit: None,
        seen: None,
        ways: None,
    }
}

fn basket(items: Vec<Item<'_>>) -> Basket<'_> {
    Basket {
        place: Place { currency: Currency::EUR, tax_mode: TaxMode::Inside, tax_rounding: TaxRounding::Sum },
        at: noon().and_utc(),
        local: noon(),
        items,
        customer: Customer::default(),
        coupons: Vec::new(),
        left: BTreeMap::new(),
        surcharges: Vec::new(),
        vouchers: Vec::new(),
        points: None,
    }
}

fn priced(basket: &Basket<'_>, promotions: &Promotions) -> Priced {
    price(basket, promotions).expect("a price")
}
