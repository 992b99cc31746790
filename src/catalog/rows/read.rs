//! Reads one line of a batch and checks what can be seen of it by itself.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::code::{self, Circulation, CodeError, Gtin};
use super::{BatchRow, Key, Kind, ProductRow, Reason, Refusal, Row, StoreRow};

/// Longest text of a field: a receipt line holds far less.
const TEXT_LENGTH_MAX: usize = 200;
/// Highest price in minor units: a million of a currency with two digits is no grocery.
const PRICE_MAX: i64 = 100_000_000;
/// Heaviest product: a ton.
const WEIGHT_GRAMS_MAX: i64 = 1_000_000;
/// Age limits that laws use.
const AGES: [i64; 6] = [6, 12, 14, 16, 18, 21];
/// Price lists of one store: store, region, country and a few for campaigns.
const STORE_LISTS_MAX: usize = 32;

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(default)]
    deleted: bool,
}

/// Reads one line. What is refused is named by kind and key as far as they can be read.
pub(in crate::catalog) fn read(line: &[u8]) -> Result<Row, (Kind, String, Refusal)> {
    let named = |refusal| {
        let (kind, key) = name(line);
        (kind, key, refusal)
    };
    let head: Head<'_> = serde_json::from_slice(line).map_err(|error| named(unreadable(&error)))?;
    if head.kind.parse::<Kind>().is_ok_and(|kind| kind != Kind::Unknown) {
        let row = if head.deleted { tombstone(line) } else { live(line) };
        row.map_err(named)
    } else {
        Err(named(Refusal::new(
            Reason::Kind,
            "kind must be one of tax_class, tax_rate, price_list, store, product, code, price",
        )))
    }
}

fn unreadable(error: &serde_json::Error) -> Refusal {
    let reason = if error.is_data() { Reason::Field } else { Reason::Json };
    Refusal::new(reason, error.to_string())
}

/// The kind and the key of a row that was refused, as far as they can be read, fit to be shown and stored.
fn name(line: &[u8]) -> (Kind, String) {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(line).unwrap_or_default();
    let text = |name: &str| object.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
    let kind = text("kind").parse().unwrap_or(Kind::Unknown);
    let key = ["code", "sku", "store", "price_list", "tax_class"]
        .into_iter()
        .map(text)
        .find(|text| !text.is_empty());
    (kind, fit(key.unwrap_or_default()))
}

/// Cuts a text to what a report shows, without control characters.
pub(in crate::catalog) fn fit(text: &str) -> String {
    text.chars().filter(|each| !each.is_control()).take(64).collect()
}

fn tombstone(line: &[u8]) -> Result<Row, Refusal> {
    let mut key: Key = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    match &mut key {
        Key::Code { code } => *code = gtin(code)?.to_string(),
        Key::TaxRate { country, .. } => check_country(country)?,
        _ => {}
    }
    Ok(Row { key, content: None })
}

fn live(line: &[u8]) -> Result<Row, Refusal> {
    let mut row: BatchRow = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
    let key = match &mut row {
        BatchRow::TaxClass(row) => {
            check_text("name", &row.name)?;
            Key::TaxClass { tax_class: row.tax_class.clone() }
        }
        BatchRow::TaxRate(row) => {
            check_country(&row.country)?;
            let (country, tax_class) = (row.country.clone(), row.tax_class.clone());
            Key::TaxRate { country, tax_class, valid_from: row.valid_from }
        }
        BatchRow::PriceList(row) => {
            check_text("name", &row.name)?;
            Key::PriceList { price_list: row.price_list.clone() }
        }
        BatchRow::Store(row) => {
            check_store(row)?;
            Key::Store { store: row.store.clone() }
        }
        BatchRow::Product(row) => {
            check_product(row)?;
            Key::Product { sku: row.sku.clone() }
        }
        BatchRow::Code(row) => {
            let gtin = gtin(&row.code)?;
            check_circulation(gtin, row.internal)?;
            row.code = gtin.to_string();
            Key::Code { code: row.code.clone() }
        }
        BatchRow::Price(row) => {
            check_price(row.amount)?;
            Key::Price { price_list: row.price_list.clone(), sku: row.sku.clone() }
        }
    };
    Ok(Row { key, content: Some(row) })
}

pub(in crate::catalog) fn gtin(text: &str) -> Result<Gtin, Refusal> {
    code::parse(text, None).map(code::Readings::first).map_err(|error| {
        let reason = match error {
            CodeError::Empty => Reason::CodeEmpty,
            CodeError::Charset => Reason::CodeCharset,
            CodeError::Length => Reason::CodeLength,
            CodeError::CheckDigit => Reason::CodeCheckDigit,
        };
        Refusal::new(reason, error.to_string())
    })
}

/// Whether a number may be the code of a product, given that it is said to be internal or not.
pub(in crate::catalog) fn check_circulation(gtin: Gtin, internal: bool) -> Result<(), Refusal> {
    match (gtin.circulation(), internal) {
        (Circulation::Global, false) | (Circulation::Chain, true) => Ok(()),
        (Circulation::Chain, false) => Err(Refusal::new(
            Reason::CodeRestricted,
            "a number for restricted circulation means something in one chain only: mark it as internal",
        )),
        (Circulation::Global, true) => Err(Refusal::new(
            Reason::CodeRestricted,
            "the number means the same everywhere: it can't be internal",
        )),
        (Circulation::Coupon, _) => {
            Err(Refusal::new(Reason::CodeCoupon, "coupons and refund receipts name no product"))
        }
        (Circulation::Nothing, _) => Err(Refusal::new(Reason::CodeZero, "all zeros name nothing")),
    }
}

pub(in crate::catalog) fn check_product(row: &ProductRow) -> Result<(), Refusal> {
    if row.name.trim().is_empty() {
        return Err(Refusal::new(Reason::NameMissing, "name is empty"));
    }
    check_text("name", &row.name)?;
    for (field, text) in [("brand", &row.brand), ("content", &row.content)] {
        text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
    }
    if row.weight_grams.is_some_and(|grams| !(1..=WEIGHT_GRAMS_MAX).contains(&grams)) {
        return Err(Refusal::new(
            Reason::WeightRange,
            format!("weight_grams must be from 1 to {WEIGHT_GRAMS_MAX}"),
        ));
    }
    if row.age_min.is_some_and(|age| !AGES.contains(&age)) {
        return Err(Refusal::new(Reason::AgeInvalid, "age_min must be 6, 12, 14, 16, 18 or 21"));
    }
    Ok(())
}

fn check_store(row: &StoreRow) -> Result<(), Refusal> {
    let address = &row.address;
    let texts = [
        ("name", &row.name),
        ("street", &address.street),
        ("house_number", &address.house_number),
        ("postal_code", &address.postal_code),
        ("city", &address.city),
        ("time_zone", &row.time_zone),
    ];
    for (field, text) in texts {
        check_text(field, text)?;
    }
    check_country(&row.country)?;
    let distinct: std::collections::HashSet<_> = row.price_lists.iter().collect();
    if row.price_lists.is_empty()
        || row.price_lists.len() > STORE_LISTS_MAX
        || distinct.len() != row.price_lists.len()
    {
        let detail = format!("price_lists must name 1 to {STORE_LISTS_MAX} lists, each once");
        return Err(Refusal::new(Reason::Field, detail));
    }
    Ok(())
}

pub(in crate::catalog) fn check_price(amount: i64) -> Result<(), Refusal> {
    if (1..=PRICE_MAX).contains(&amount) {
        return Ok(());
    }
    Err(Refusal::new(Reason::PriceRange, format!("amount must be from 1 to {PRICE_MAX} minor units")))
}

fn check_country(country: &str) -> Result<(), Refusal> {
    if country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Refusal::new(Reason::Field, "country must be two capital letters (ISO 3166-1)"))
}

/// Whether a text may be stored and shown.
pub(in crate::catalog) fn check_text(field: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() || text.chars().count() > TEXT_LENGTH_MAX {
        return Err(Refusal::new(
            Reason::Text,
            format!("{field} must have 1 to {TEXT_LENGTH_MAX} characters"),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::new(Reason::TextUnsafe, format!("{field} has control characters")));
    }
    Ok(())
}
