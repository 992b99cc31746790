//! What the text of a refused row says beyond the reason: a more exact rule, and its key as a right row would have it.

use serde_json::Value;

use super::super::code::Gtin;
use super::super::product::NetUnit;
use super::super::rows::{Key, Kind, Refusal};
use super::model::Rule;
use super::rules;
use crate::clock::Moment;

/// The refusal under the rule that the row's text shows, where the reason alone says less.
pub(super) fn refined(refusal: Refusal, object: &Value, now: Moment) -> Refusal {
    let amount = object.get("amount");
    let is_price = object.get("kind").and_then(Value::as_str) == Some(Kind::Price.as_str());
    let is_product = object.get("kind").and_then(Value::as_str) == Some(Kind::Product.as_str());
    match refusal.rule {
        Rule::PriceRange if amount.and_then(Value::as_i64).is_some_and(|amount| amount <= 0) => {
            refusal.under(Rule::PriceNonpositive)
        }
        Rule::RowField if is_price && amount.is_some_and(Value::is_f64) => {
            refusal.under(Rule::PricePrecision)
        }
        Rule::RowField if is_product && object.get("tax_class").is_none_or(Value::is_null) => {
            refusal.under(Rule::TaxMissing)
        }
        Rule::RowField if is_product && has_unknown_unit(object) => refusal.under(Rule::UnitUnknown),
        Rule::CodeLength | Rule::CodeCharset => {
            let code = object.get("code").and_then(Value::as_str).unwrap_or_default();
            match rules::message(code, now.date_naive()) {
                Some(gtin) => {
                    let detail = format!("the code is a message of GS1; the number in it is {gtin}");
                    Refusal { detail, ..refusal }.under(Rule::CodeMessage)
                }
                None => refusal,
            }
        }
        _ => refusal,
    }
}

fn has_unknown_unit(object: &Value) -> bool {
    let unit = object.pointer("/net_content/unit").and_then(Value::as_str);
    unit.is_some_and(|unit| unit.parse::<NetUnit>().is_err())
}

/// The key as a right row of it would have it.
pub(super) fn own_key(key: &Key) -> String {
    match key {
        Key::Code { code } => Gtin::with_zeros_put_back(code)
            .or_else(|| Gtin::checked(code).ok())
            .map_or_else(|| code.clone(), |gtin| gtin.to_string()),
        key => key.to_string(),
    }
}
