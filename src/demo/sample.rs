//! The sample catalogue: invented goods under GS1's prefix for demonstrations (952), two stores in Germany, and the VAT
//! rates of the German law (§ 12 `UStG`: 19 % and 7 %) since 2021.

use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::catalog::code::{self, Meaning, Profile};

const PRODUCTS: &str = include_str!("catalog.tsv");

/// The store of the trip; its own price list comes before the country's.
pub const STORE: &str = "berlin-mitte";
/// Another store, which sells at the country's prices.
pub const OTHER_STORE: &str = "hamburg-altona";
/// From when on the rates are valid: before that they were lowered for half a year.
const RATES_VALID_FROM: &str = "2021-01-01";
/// What the store of the trip sells at prices of its own: SKU and cents.
const OWN_PRICES: [(&str, i64); 4] = [("10001", 139), ("10016", 299), ("10019", 269), ("10301", 999)];

/// Cheese that the counter weighs: SKU, name, and cents a kilogram.
pub const CHEESE: (&str, &str, i64) = ("10401", "Gouda, from the counter", 1499);
/// What its labels begin with: a German number with a weight inside, and the counter's number of the cheese.
const CHEESE_ARTICLE: &str = "281234";
/// How much the store takes off what is at most two days from its date.
pub const NEAR_DATE_PERCENT: i64 = 30;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// The retailer's number.
    pub sku: &'static str,
    /// EAN-13.
    pub code: &'static str,
    name: &'static str,
    brand: &'static str,
    tax_class: &'static str,
    price_cents: &'static str,
    weight_grams: &'static str,
    /// Whether a courier may bring it.
    pub is_deliverable: bool,
    age_min: &'static str,
    category: &'static str,
}

/// Every product, in the order of the table.
pub fn products() -> impl Iterator<Item = Product> {
    PRODUCTS.lines().filter(|line| !line.starts_with('#')).skip(1).filter_map(product)
}

fn product(line: &'static str) -> Option<Product> {
    let mut fields = line.split('\t');
    Some(Product {
        sku: fields.next()?,
        code: fields.next()?,
        name: fields.next()?,
        brand: fields.next()?,
        tax_class: fields.next()?,
        price_cents: fields.next()?,
        weight_grams: fields.next()?,
        is_deliverable: fields.next()? == "yes",
        age_min: fields.next()?,
        category: fields.next()?,
    })
}

/// The catalogue as one batch, a row a line; says how many products are in it.
pub fn batch() -> (usize, String) {
    let mut rows = vec![
        json!({"kind": "tax_class", "tax_class": "standard", "name": "Standard rate"}),
        json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced rate"}),
        rate("standard", "19"),
        rate("reduced", "7"),
        json!({"kind": "price_list", "price_list": "germany", "name": "Germany", "currency": "EUR"}),
        json!({"kind": "price_list", "price_list": STORE, "name": "Berlin Mitte", "currency": "EUR"}),
        store(
            STORE,
            "Aisle Berlin Mitte",
            &[STORE, "germany"],
            ["Invalidenstraße", "117", "10115", "Berlin"],
        ),
        store(
            OTHER_STORE,
            "Aisle Hamburg Altona",
            &["germany"],
            ["Große Bergstraße", "162", "22767", "Hamburg"],
        ),
    ];
    let mut count = 0;
    for product in products() {
        count += 1;
        rows.push(json!({
            "kind": "product", "sku": product.sku, "name": product.name, "brand": product.brand,
            "tax_class": product.tax_class, "weight_grams": product.weight_grams.parse::<i64>().ok(),
            "deliverable": product.is_deliverable, "age_min": product.age_min.parse::<i64>().ok(),
        }));
        rows.push(json!({"kind": "code", "code": product.code, "sku": product.sku}));
        // Each kind of goods has an aisle of its own.
        rows.push(json!({"kind": "location", "store": STORE, "sku": product.sku, "aisle": product.category}));
        rows.push(price("germany", product.sku, product.price_cents.parse().unwrap_or_default()));
    }
    let (sku, name, cents_a_kilogram) = CHEESE;
    count += 1;
    rows.push(json!({
        "kind": "product", "sku": sku, "name": name, "tax_class": "reduced", "sale": "weighed",
        "priced_per": {"amount": 1000, "unit": "gram"},
    }));
    rows.push(json!({"kind": "code", "code": label(0), "sku": sku, "internal": true}));
    rows.push(price("germany", sku, cents_a_kilogram));
    rows.extend(OWN_PRICES.map(|(sku, cents)| price(STORE, sku, cents)));
    (count, rows.iter().map(|row| row.to_string() + "\n").collect())
}

/// What the counter's scale prints on a piece of cheese of so many grams; of none it is the number that all share.
pub fn label(grams: u32) -> String {
    let german: Profile = "de".parse().unwrap_or_default();
    let is_right = |text: &String| {
        let read = code::interpret(text, None, &german, NaiveDate::default());
        read.is_ok_and(|answer| matches!(answer.meaning, Meaning::Measure(..)))
    };
    // The inner check digit and the outer one.
    let digits = (0..100).map(|both| (both / 10, both % 10));
    let mut labels = digits.map(|(inner, outer)| format!("{CHEESE_ARTICLE}{inner}{grams:05}{outer}"));
    labels.find(is_right).unwrap_or_default()
}

fn rate(tax_class: &str, rate: &str) -> Value {
    json!({"kind": "tax_rate", "country": "DE", "tax_class": tax_class, "valid_from": RATES_VALID_FROM, "rate": rate})
}

fn price(list: &str, sku: &str, cents: i64) -> Value {
    json!({"kind": "price", "price_list": list, "sku": sku, "amount": cents, "currency": "EUR"})
}

fn store(store: &str, name: &str, price_lists: &[&str], address: [&str; 4]) -> Value {
    let [street, house_number, postal_code, city] = address;
    json!({
        "kind": "store", "store": store, "name": name, "country": "DE", "currency": "EUR",
        "time_zone": "Europe/Berlin", "price_lists": price_lists,
        "near_date_markdowns": [{"days_left_max": 2, "percent": NEAR_DATE_PERCENT}],
        "address": {"street": street, "house_number": house_number, "postal_code": postal_code, "city": city},
    })
}

/// The code of a product of the table; empty for a number that is not in it.
pub fn code(sku: &str) -> &'static str {
    products().find(|product| product.sku == sku).map_or("", |product| product.code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_product_is_whole_and_every_code_is_right_and_stands_once() {
        let mut codes = BTreeSet::new();
        for product in products() {
            let digits: Vec<u32> = product.code.chars().filter_map(|digit| digit.to_digit(10)).collect();
            assert_eq!(digits.len(), 13, "{product:?}");
            let sum: u32 = digits.iter().enumerate().map(|(place, digit)| digit * [1, 3][place % 2]).sum();
            assert_eq!(sum % 10, 0, "{product:?}");
            assert!(product.price_cents.parse::<i64>().is_ok_and(|cents| cents > 0), "{product:?}");
            assert!(product.weight_grams.parse::<i64>().is_ok_and(|grams| grams > 0), "{product:?}");
            assert!(codes.insert(product.code), "{product:?}");
        }
        assert_eq!(codes.len(), 302);
        assert_eq!(batch().0, codes.len() + 1, "and the cheese");
        assert_eq!((label(0).len(), label(385).len()), (13, 13));
        for (sku, _) in OWN_PRICES {
            assert!(!code(sku).is_empty(), "{sku}");
        }
    }
}
