//! Reads one line of a batch and checks what can be seen of it by itself.

use std::borrow::Cow;

use serde::Deserialize;

use super::super::code::{self, Circulation, CodeError, Gtin};
use super::super::product;
use super::super::product::{NetContent, ProductRow, SaleBan, SaleType};
use super::super::quality::Rule;
use super::super::till_rules::is_area;
use super::stores::check_store;
use super::{
    BatchRow, CodeRow, Key, Kind, LocationRow, PriceKind, PriceRow, Reason, RecallRow, Refusal, Row,
};
use crate::ids::CouponCode;

/// Longest text of a field: a receipt line holds far less.
const TEXT_LENGTH_MAX: usize = 200;
/// Highest price in minor units: a million of a currency with two digits is no grocery.
pub const PRICE_MAX: i64 = 100_000_000;
/// Most checkouts that may use one coupon: beyond any campaign.
const COUPON_USES_MAX: i64 = 1_000_000_000;
/// Most segments of a customer: more are no segments.
const SEGMENTS_MAX: usize = 100;
/// Heaviest product: a ton.
const WEIGHT_GRAMS_MAX: i64 = 1_000_000;
/// Age limits that laws use.
const AGES: [i64; 6] = [6, 12, 14, 16, 18, 21];
/// Languages of one product's names, and of one store.
pub(super) const LANGUAGES_MAX: usize = 16;
/// Levels of a retailer's tree of goods.
pub(super) const CATEGORY_DEPTH_MAX: usize = 8;
/// Pieces that one code may stand for.
const CODE_PIECES_MAX: i64 = 999;
/// Largest net content: a ton in grams.
const NET_CONTENT_MAX: i64 = 1_000_000;
/// Longest side of a piece: ten metres.
const SIZE_MM_MAX: i64 = 10_000;
/// Largest limit of pieces of a trip: as many as a line holds.
const QUANTITY_LIMIT_MAX: i64 = 999;
/// Times of a week in which one product is not sold.
const BANS_MAX: usize = 14;
/// Products that may be offered instead of one: more than a phone shows.
const ALTERNATIVES_MAX: usize = 12;
/// Longest address of a picture.
const IMAGE_LENGTH_MAX: usize = 500;
/// Longest text that shoppers are told at a recall.
const NOTICE_LENGTH_MAX: usize = 1_000;
/// Lots of one recall of one product.
const LOTS_MAX: usize = 500;
/// Longest name of an aisle, a bay or a shelf: it is printed beside each line of a pick list.
const PLACE_LENGTH_MAX: usize = 20;
/// Largest stock, in pieces or grams: a thousand tons.
const STOCK_MAX: i64 = 1_000_000_000;

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
            "kind must be one of tax_class, tax_rate, price_list, store, product, code, price, stock, location, \
             recall, promotion, coupon, customer",
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
    let key = ["customer", "coupon", "promotion", "code", "sku", "store", "price_list", "tax_class"]
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
        Key::Code { code } => {
            *code = Gtin::with_zeros_put_back(code).map_or_else(|| gtin(code), Ok)?.to_string();
        }
        Key::Coupon { coupon } => name_by_number(coupon),
        Key::TaxRate { country, .. } => check_area(country)?,
        _ => {}
    }
    Ok(Row { key, content: None, repairs: Vec::new() })
}

fn live(line: &[u8]) -> Result<Row, Refusal> {
    check(serde_json::from_slice(line).map_err(|error| unreadable(&error))?)
}

/// The keys that a refused line seems to be about: what is known of them must not be taken for left out.
pub(in crate::catalog) fn keys(line: &[u8]) -> Option<Key> {
    let mut key: Key = serde_json::from_slice(line).ok()?;
    if let Key::Code { code } = &mut key {
        *code = Gtin::with_zeros_put_back(code).or_else(|| gtin(code).ok())?.to_string();
    }
    if let Key::Coupon { coupon } = &mut key {
        name_by_number(coupon);
    }
    Some(key)
}

/// A number of GS1 is one coupon, with however many zeros it was delivered.
fn name_by_number(coupon: &mut CouponCode) {
    if let Some(Ok(number)) = code::coupon_number(coupon.as_str()).map(|number| number.parse()) {
        *coupon = number;
    }
}

/// Checks what can be seen of a row by itself, and brings it to the form that is stored.
pub(in crate::catalog) fn check(mut row: BatchRow) -> Result<Row, Refusal> {
    let mut repairs = Vec::new();
    let key = match &mut row {
        BatchRow::TaxClass(row) => {
            check_text("name", &row.name)?;
            Key::TaxClass { tax_class: row.tax_class.clone() }
        }
        BatchRow::TaxRate(row) => {
            check_area(&row.country)?;
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
            if trim(row) {
                repairs.push(Rule::RepairTrim);
            }
            check_product(row)?;
            Key::Product { sku: row.sku.clone() }
        }
        BatchRow::Code(row) => {
            if check_code(row)? {
                repairs.push(Rule::CodeLength);
            }
            Key::Code { code: row.code.clone() }
        }
        BatchRow::Price(row) => {
            check_price(row.amount)?;
            check_window(row)?;
            let (price_list, sku) = (row.price_list.clone(), row.sku.clone());
            let valid_from = row.valid_from.map(|from| from.timestamp());
            Key::Price { price_list, sku, price_kind: row.price_kind, valid_from }
        }
        BatchRow::Stock(row) => {
            check_stock(row.amount)?;
            Key::Stock { store: row.store.clone(), sku: row.sku.clone() }
        }
        BatchRow::Location(row) => {
            check_location(row)?;
            Key::Location { store: row.store.clone(), sku: row.sku.clone() }
        }
        BatchRow::Recall(row) => {
            check_recall(row)?;
            Key::Recall { recall: row.recall.clone(), sku: row.sku.clone() }
        }
        BatchRow::Promotion(row) => {
            check_text("name", &row.name)?;
            row.countries.iter().try_for_each(|country| check_country(country))?;
            row.check()?;
            Key::Promotion { promotion: row.promotion.clone() }
        }
        BatchRow::Coupon(row) => {
            check_range("uses_max", row.uses_max, COUPON_USES_MAX)?;
            name_by_number(&mut row.coupon);
            Key::Coupon { coupon: row.coupon.clone() }
        }
        BatchRow::Customer(row) => {
            check_segments(&row.segments)?;
            Key::Customer { customer: row.customer }
        }
    };
    Ok(Row { key, content: Some(row), repairs })
}

pub(in crate::catalog) fn gtin(text: &str) -> Result<Gtin, Refusal> {
    text.parse().map_err(|error| {
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

/// Brings a code to its 14 digits; answers whether zeros had to be put back.
fn check_code(row: &mut CodeRow) -> Result<bool, Refusal> {
    let repaired = Gtin::with_zeros_put_back(&row.code);
    let gtin = repaired.map_or_else(|| gtin(&row.code), Ok)?;
    check_circulation(gtin, row.internal)?;
    check_range("quantity", row.quantity, CODE_PIECES_MAX)?;
    row.code = gtin.to_string();
    Ok(repaired.is_some())
}

/// Takes blanks off the ends of what people read; answers whether there were any.
fn trim(row: &mut ProductRow) -> bool {
    let ProductRow { name, names, brand, content, category, .. } = row;
    let texts = std::iter::once(name).chain(names.values_mut()).chain(brand).chain(content).chain(category);
    texts.fold(false, |trimmed, text| {
        let is_trimmed = text.trim().len() != text.len();
        if is_trimmed {
            *text = text.trim().to_owned();
        }
        trimmed | is_trimmed
    })
}

pub(in crate::catalog) fn check_product(row: &ProductRow) -> Result<(), Refusal> {
    if row.name.trim().is_empty() {
        return Err(Refusal::new(Reason::NameMissing, "name is empty"));
    }
    check_text("name", &row.name)?;
    for (language, name) in &row.names {
        check_language(language)?;
        check_text("names", name)?;
    }
    let texts = [
        ("brand", &row.brand),
        ("content", &row.content),
        ("sale_stop", &row.sale_stop),
        ("control_hint", &row.control_hint),
    ];
    for (field, text) in texts {
        text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
    }
    if row.names.len() > LANGUAGES_MAX || row.category.len() > CATEGORY_DEPTH_MAX {
        let detail = format!("at most {LANGUAGES_MAX} names and {CATEGORY_DEPTH_MAX} levels of category");
        return Err(Refusal::new(Reason::Field, detail));
    }
    row.category.iter().try_for_each(|level| check_text("category", level))?;
    if row.weight_grams.is_some_and(|grams| !(1..=WEIGHT_GRAMS_MAX).contains(&grams)) {
        return Err(Refusal::new(
            Reason::WeightRange,
            format!("weight_grams must be from 1 to {WEIGHT_GRAMS_MAX}"),
        ));
    }
    if row.age_min.is_some_and(|age| !AGES.contains(&age)) {
        return Err(Refusal::new(Reason::AgeInvalid, "age_min must be 6, 12, 14, 16, 18 or 21"));
    }
    check_measures(row)?;
    check_alternatives(row)?;
    row.sale_bans.iter().try_for_each(check_ban)?;
    row.image.as_deref().map_or(Ok(()), check_image)
}

fn check_measures(row: &ProductRow) -> Result<(), Refusal> {
    if let Some(NetContent { amount, .. }) = row.net_content {
        check_range("net_content", amount, NET_CONTENT_MAX)?;
    }
    if let Some(size) = row.size {
        for side in [size.length_mm, size.width_mm, size.height_mm] {
            check_range("size", side, SIZE_MM_MAX)?;
        }
    }
    if let Some(pieces) = row.quantity_max {
        check_range("quantity_max", pieces, QUANTITY_LIMIT_MAX)?;
    }
    if row.sale == SaleType::Weighed && row.priced_per.is_none() {
        let detail = "a product of type weighed says with priced_per what its price is for";
        return Err(Refusal::new(Reason::Field, detail).under(Rule::WeighFlag));
    }
    if row.sale_bans.len() > BANS_MAX {
        return Err(Refusal::new(Reason::Field, format!("at most {BANS_MAX} sale_bans")));
    }
    Ok(())
}

/// What is offered instead need not be known: it may come later, and what is not sold is never offered.
fn check_alternatives(row: &ProductRow) -> Result<(), Refusal> {
    let named: Vec<_> = row.replaced_by.iter().chain(&row.alternatives).collect();
    let distinct: std::collections::HashSet<_> = row.alternatives.iter().collect();
    let is_right = row.alternatives.len() <= ALTERNATIVES_MAX
        && distinct.len() == row.alternatives.len()
        && !named.contains(&&row.sku);
    if is_right {
        return Ok(());
    }
    let detail = format!(
        "alternatives are at most {ALTERNATIVES_MAX} other products, each once, and nothing replaces itself"
    );
    Err(Refusal::new(Reason::Field, detail))
}

fn check_range(field: &str, amount: i64, most: i64) -> Result<(), Refusal> {
    if (1..=most).contains(&amount) {
        return Ok(());
    }
    Err(Refusal::new(Reason::QuantityRange, format!("{field} must be from 1 to {most}")))
}

fn check_ban(ban: &SaleBan) -> Result<(), Refusal> {
    let are_times = [&ban.from, &ban.to].into_iter().all(|time| product::minutes(time).is_some());
    let are_days = !ban.days.is_empty() && ban.days.iter().all(|day| (1..=7).contains(day));
    if are_times && are_days {
        return Ok(());
    }
    let detail = "sale_bans need days from 1 (Monday) to 7 and times from 00:00 to 23:59";
    Err(Refusal::new(Reason::Form, detail))
}

fn check_image(address: &str) -> Result<(), Refusal> {
    let url = url::Url::parse(address).ok().filter(|_| address.len() <= IMAGE_LENGTH_MAX);
    let is_right = url
        .is_some_and(|url| url.scheme() == "https" && url.username().is_empty() && url.password().is_none());
    if is_right {
        return Ok(());
    }
    Err(Refusal::new(Reason::MediaUrl, "image must be an https address without a user's name"))
}

/// Whether a text is a language tag as far as its form tells (BCP 47).
pub(super) fn check_language(tag: &str) -> Result<(), Refusal> {
    let mut parts = tag.split('-');
    let language = parts.next().unwrap_or_default();
    let is_language =
        (2..=3).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase());
    let are_subtags = parts
        .all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if is_language && are_subtags && tag.len() <= 35 {
        return Ok(());
    }
    Err(Refusal::new(Reason::Form, "languages are tags of BCP 47, such as de or fr-CH"))
}

fn check_window(row: &PriceRow) -> Result<(), Refusal> {
    let refuse = |detail| Err(Refusal::new(Reason::PriceWindow, detail));
    match (row.valid_from, row.valid_to) {
        (None, None) if row.price_kind == PriceKind::Regular => Ok(()),
        (None, _) => {
            refuse("a price that ends, a promotion and a member price say with valid_from when they begin")
        }
        (Some(_), None) if row.price_kind == PriceKind::Promotion => {
            refuse("a promotion says with valid_to when it ends")
        }
        (Some(from), Some(to)) if from >= to => refuse("valid_to must be later than valid_from"),
        _ => row.promotion.as_deref().map_or(Ok(()), |name| check_text("promotion", name)),
    }
}

fn check_stock(amount: i64) -> Result<(), Refusal> {
    if amount.abs() > STOCK_MAX {
        return Err(Refusal::new(Reason::QuantityRange, format!("amount is beyond {STOCK_MAX}")));
    }
    Ok(())
}

fn check_location(row: &LocationRow) -> Result<(), Refusal> {
    let places = [("aisle", Some(&row.aisle)), ("bay", row.bay.as_ref()), ("shelf", row.shelf.as_ref())];
    for (field, place) in places {
        place.map_or(Ok(()), |place| check_place(field, place))?;
    }
    Ok(())
}

fn check_segments(segments: &[String]) -> Result<(), Refusal> {
    if segments.len() > SEGMENTS_MAX {
        return Err(Refusal::new(Reason::Field, format!("at most {SEGMENTS_MAX} segments")));
    }
    segments.iter().try_for_each(|segment| check_text("segments", segment))
}

fn check_place(field: &str, place: &str) -> Result<(), Refusal> {
    check_text(field, place)?;
    if place.chars().count() > PLACE_LENGTH_MAX {
        return Err(Refusal::new(
            Reason::Text,
            format!("{field} must have 1 to {PLACE_LENGTH_MAX} characters"),
        ));
    }
    Ok(())
}

fn check_recall(row: &RecallRow) -> Result<(), Refusal> {
    check_text("recall", &row.recall)?;
    if row.notice.trim().is_empty() || row.lots.as_ref().is_some_and(Vec::is_empty) {
        let detail = "a recall says something in notice, and where it names lots it lists at least one";
        return Err(Refusal::new(Reason::RecallForm, detail));
    }
    if row.notice.chars().count() > NOTICE_LENGTH_MAX
        || row.lots.as_ref().is_some_and(|lots| lots.len() > LOTS_MAX)
    {
        let detail =
            format!("notice has at most {NOTICE_LENGTH_MAX} characters, lots at most {LOTS_MAX} entries");
        return Err(Refusal::new(Reason::RecallForm, detail));
    }
    row.lots.iter().flatten().try_for_each(|lot| check_text("lots", lot))
}

pub(in crate::catalog) fn check_price(amount: i64) -> Result<(), Refusal> {
    if (1..=PRICE_MAX).contains(&amount) {
        return Ok(());
    }
    Err(Refusal::new(Reason::PriceRange, format!("amount must be from 1 to {PRICE_MAX} minor units")))
}

pub(super) fn check_country(country: &str) -> Result<(), Refusal> {
    if country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(Refusal::new(Reason::Field, "country must be two capital letters (ISO 3166-1)"))
}

fn check_area(area: &str) -> Result<(), Refusal> {
    if is_area(area) {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::Field,
        "country must be two capital letters (ISO 3166-1), or an area: US-NY-NYC",
    ))
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
