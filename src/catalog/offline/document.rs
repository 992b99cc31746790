//! One store's catalogue as a document, whole or what changed: gathered from a snapshot, so that it is of one revision.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use serde_json::value::RawValue;

use super::columns::{self, Row, number};
use crate::catalog::code::Gtin;
use crate::catalog::index::{Record, Shelf, Snapshot, Timed};
use crate::catalog::model::{FindError, Recall};
use crate::catalog::rows::PriceKind;
use crate::ids::{Sku, StoreId};

/// What a phone needs not know of a product: what a courier carries. Everything else that a lookup answers is there, so that
/// it is answered without a network too.
const LEFT_OUT: [&str; 3] = ["weight_grams", "size", "deleted"];

/// The version of the format; a reader refuses one that it does not know, and fetches the whole again when that of the
/// changes is another one.
const FORMAT: i64 = 2;

/// What may have changed since a revision: a superset of what did.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// Products whose facts, prices or recalls changed.
    pub(super) skus: BTreeSet<Sku>,
    /// Codes that changed.
    pub(super) codes: Vec<Gtin>,
    /// All codes of the products.
    pub(super) codes_of_skus: Vec<Gtin>,
}

/// Products and codes of one store, by their numbers in the snapshot.
#[derive(Debug, Default)]
struct Goods {
    /// Products that the store sells.
    numbers: BTreeSet<u32>,
    /// Codes of them.
    codes: BTreeMap<u64, u32>,
    gone_skus: Vec<Sku>,
    gone_codes: Vec<u64>,
}

/// The document of a store at a second: all of it.
pub(super) fn whole(snapshot: &Snapshot, store: &StoreId, at: i64) -> Result<Vec<u8>, FindError> {
    let shelf = snapshot.shelf(store)?;
    let mut goods = Goods {
        numbers: snapshot.numbers().filter(|number| is_sold(snapshot, &shelf, *number, at)).collect(),
        ..Goods::default()
    };
    goods.codes = snapshot.codes().filter(|(_, number)| goods.numbers.contains(number)).collect();
    Ok(write(snapshot, &shelf, &goods, None, at))
}

/// The document of what changed in a store since a revision; none when it would be about as large as all of it.
pub(super) fn changes(
    snapshot: &Snapshot,
    store: &StoreId,
    since: i64,
    touched: &Touched,
    at: i64,
) -> Result<Option<Vec<u8>>, FindError> {
    let shelf = snapshot.shelf(store)?;
    let mut goods = Goods::default();
    for sku in &touched.skus {
        // What the snapshot doesn't know yet comes with the next revision.
        let Some(number) = snapshot.number(sku) else { continue };
        if is_sold(snapshot, &shelf, number, at) {
            goods.numbers.insert(number);
        } else {
            goods.gone_skus.push(sku.clone());
        }
    }
    let sold = |gtin: Gtin| {
        let (number, _) = snapshot.owner(gtin)?;
        is_sold(snapshot, &shelf, number, at).then_some(number)
    };
    for code in &touched.codes {
        if let Some(number) = sold(*code) {
            goods.numbers.insert(number);
            goods.codes.insert(code.value(), number);
        } else {
            goods.gone_codes.push(code.value());
        }
    }
    for code in &touched.codes_of_skus {
        if let Some(number) = sold(*code) {
            goods.numbers.insert(number);
            goods.codes.insert(code.value(), number);
        }
    }
    let count = goods.numbers.len() + goods.gone_skus.len() + goods.gone_codes.len();
    if count > super::CHANGES_ALWAYS {
        let all = snapshot.numbers().filter(|number| is_sold(snapshot, &shelf, *number, at)).count();
        if count > all / 2 {
            return Ok(None);
        }
    }
    Ok(Some(write(snapshot, &shelf, &goods, Some(since), at)))
}

/// Whether the store has a price of it, now or ahead.
fn is_sold(snapshot: &Snapshot, shelf: &Shelf<'_>, number: u32, at: i64) -> bool {
    snapshot.record(number).is_some()
        && (shelf.open(number).is_some() || shelf.timed(number).any(|(_, timed)| timed.to > at))
}

fn write(snapshot: &Snapshot, shelf: &Shelf<'_>, goods: &Goods, since: Option<i64>, at: i64) -> Vec<u8> {
    // By their first codes: neighbours are of one maker, whose names and brands are alike.
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut order = Vec::with_capacity(goods.numbers.len());
    for owner in goods.codes.values().chain(&goods.numbers) {
        places.entry(*owner).or_insert_with(|| {
            order.push(*owner);
            order.len() - 1
        });
    }
    let languages = &shelf.store().languages;
    let rows: Vec<Row<'_>> = order
        .iter()
        .filter_map(|number| Some(item(snapshot.record(*number)?, shelf, *number, languages, at)))
        .collect();
    let mut out = Vec::new();
    // Writing to a Vec can't fail.
    let _ = write!(out, "{{\"format\":{FORMAT},\"from\":");
    let _ = serde_json::to_writer(&mut out, &since);
    let _ = write!(out, ",\"revision\":{},\"at\":{at},\"store\":", snapshot.revision());
    let _ = serde_json::to_writer(&mut out, shelf.store());
    let _ = write!(out, ",\"items\":{{\"count\":{},\"columns\":", rows.len());
    columns::write(&mut out, &rows);
    out.extend_from_slice(b"},\"codes\":{\"code\":");
    columns::steps(&mut out, goods.codes.keys().map(|code| i64::try_from(*code).unwrap_or(i64::MAX)));
    out.extend_from_slice(b",\"item\":");
    columns::steps(&mut out, goods.codes.values().map(|owner| number(places[owner])));
    pieces(&mut out, snapshot, goods);
    out.extend_from_slice(b"},\"gone\":{\"items\":");
    let _ = serde_json::to_writer(&mut out, &goods.gone_skus);
    out.extend_from_slice(b",\"codes\":");
    columns::numbers(&mut out, goods.gone_codes.iter().map(|code| i64::try_from(*code).unwrap_or(i64::MAX)));
    out.extend_from_slice(b"}}");
    out
}

/// How many pieces codes stand for, where that is not one.
fn pieces(out: &mut Vec<u8>, snapshot: &Snapshot, goods: &Goods) {
    let several = goods.codes.keys().enumerate().map(|(place, code)| (number(place), snapshot.pieces(*code)));
    let (at, of): (Vec<i64>, Vec<i64>) = several.filter(|(_, pieces)| *pieces != 1).unzip();
    out.extend_from_slice(b",\"pieces\":{\"at\":");
    columns::steps(out, at.into_iter());
    out.extend_from_slice(b",\"of\":");
    columns::numbers(out, of.into_iter());
    out.push(b'}');
}

fn item<'a>(record: &'a Record, shelf: &Shelf<'a>, number: u32, languages: &[String], at: i64) -> Row<'a> {
    let members: BTreeMap<&'a str, &'a RawValue> =
        serde_json::from_slice(record.json()).expect("what was written from a product is an object");
    let mut row: Row<'a> = Vec::with_capacity(members.len() + 2);
    for (name, value) in members {
        if name == "names" {
            names(&mut row, value, languages);
        } else if !LEFT_OUT.contains(&name) {
            row.push((Cow::Borrowed(name), Cow::Borrowed(value.get())));
        }
    }
    let open = shelf.open(number);
    if let Some((list, price)) = open {
        row.push((Cow::Borrowed("price"), Cow::Owned(price.to_string())));
        if list > 0 {
            row.push((Cow::Borrowed("list"), Cow::Owned(list.to_string())));
        }
    }
    // A regular price of a list behind the one that has an open price is never asked.
    let counts = |(list, timed): &(usize, &Timed)| {
        timed.to > at && (timed.kind != PriceKind::Regular || open.is_none_or(|(first, _)| *list <= first))
    };
    let timed: Vec<_> = shelf.timed(number).filter(counts).map(window).collect();
    if !timed.is_empty() {
        row.push((Cow::Borrowed("timed"), Cow::Owned(serde_json::Value::Array(timed).to_string())));
    }
    let recalls: Vec<_> = shelf.recalls(number).iter().map(told).collect();
    if !recalls.is_empty() {
        row.push((Cow::Borrowed("recalls"), Cow::Owned(serde_json::Value::Array(recalls).to_string())));
    }
    row
}

/// The names in the store's languages, or in all of them where the store names none.
fn names<'a>(row: &mut Row<'a>, names: &'a RawValue, languages: &[String]) {
    let names: BTreeMap<&'a str, &'a RawValue> = serde_json::from_str(names.get()).unwrap_or_default();
    for (tag, name) in names {
        if languages.is_empty() || languages.iter().any(|language| primary(language) == primary(tag)) {
            row.push((Cow::Owned(format!("name:{tag}")), Cow::Borrowed(name.get())));
        }
    }
}

/// The language of a tag, without script and region: `de` of `de-CH`.
pub(in crate::catalog) fn primary(tag: &str) -> &str {
    tag.split('-').next().unwrap_or(tag)
}

fn window((list, timed): (usize, &Timed)) -> serde_json::Value {
    let to = (timed.to != i64::MAX).then_some(timed.to);
    serde_json::json!([list, timed.kind, timed.from, to, timed.amount, timed.name, timed.lowest])
}

fn told(recall: &Recall) -> serde_json::Value {
    serde_json::json!([recall.recall, recall.lots, recall.notice])
}
