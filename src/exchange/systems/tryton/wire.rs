//! How Tryton writes values: decimals, times and days are objects with a class (`trytond/protocols/jsonrpc.py`).

use base64::Engine;
use chrono::{Datelike, NaiveDate, Timelike};
use serde_json::{Value, json};

use crate::clock::Moment;
use crate::exchange::node::Node;

/// Longest name of a field or a model that an error is taken to name.
const NAME_LENGTH_MAX: usize = 80;

/// A value as parameters and headers carry it.
pub(super) fn encoded(value: &Value) -> String {
    base64::engine::general_purpose::URL_SAFE.encode(value.to_string())
}

/// A moment in a domain.
pub(super) fn domain_time(at: Moment) -> Value {
    json!({
        "__class__": "datetime", "year": at.year(), "month": at.month(), "day": at.day(),
        "hour": at.hour(), "minute": at.minute(), "second": at.second(),
        "microsecond": at.timestamp_subsec_micros(),
    })
}

/// Values without their classes: a decimal is a number as it is written, a moment RFC 3339 in UTC, a day ISO 8601.
pub(super) fn unwrapped(node: Node) -> Node {
    match node {
        Node::List(items) => Node::List(items.into_iter().map(unwrapped).collect()),
        Node::Object(fields) => {
            let whole = Node::Object(fields);
            if let Some(value) = scalar(&whole) {
                return value;
            }
            let Node::Object(fields) = whole else { return whole };
            Node::Object(fields.into_iter().map(|(name, value)| (name, unwrapped(value))).collect())
        }
        other => other,
    }
}

fn scalar(node: &Node) -> Option<Node> {
    let part = |name: &str| node.get(name)?.text()?.parse::<u32>().ok();
    match node.get("__class__")?.text()? {
        "Decimal" => Some(Node::Number(node.get("decimal")?.text()?.to_owned())),
        "date" => Some(Node::Text(day(node)?.to_string())),
        "datetime" => {
            let time = day(node)?.and_hms_micro_opt(
                part("hour")?,
                part("minute")?,
                part("second")?,
                part("microsecond")?,
            )?;
            Some(Node::Text(time.and_utc().to_rfc3339()))
        }
        _ => None,
    }
}

fn day(node: &Node) -> Option<NaiveDate> {
    let part = |name: &str| node.get(name)?.text()?.parse::<u32>().ok();
    let year = node.get("year")?.text()?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, part("month")?, part("day")?)
}

/// A moment that [`unwrapped`] wrote.
pub(super) fn moment_of(node: &Node) -> Option<Moment> {
    node.text()?.parse().ok()
}

/// The id of a row.
pub(super) fn id_of(row: &Node) -> Option<String> {
    row.get("id")?.text().map(str::to_owned)
}

/// The ids of rows that a field refers to: one, or a list.
pub(super) fn ids_of(node: &Node) -> Vec<String> {
    match node {
        Node::List(items) => items.iter().flat_map(ids_of).collect(),
        Node::Object(_) => id_of(node).into_iter().collect(),
        scalar => scalar.text().map(str::to_owned).into_iter().collect(),
    }
}

/// The name in a page that reports an unknown field or model: `<p>&#39;name&#39;</p>`.
pub(super) fn unknown_name(page: &[u8]) -> Option<String> {
    let page = std::str::from_utf8(page).ok()?;
    let (_, rest) = page.split_once("<p>&#39;")?;
    let (name, _) = rest.split_once("&#39;</p>")?;
    let is_name = |each: char| each.is_ascii_alphanumeric() || "._-".contains(each);
    (name.len() <= NAME_LENGTH_MAX && name.chars().all(is_name)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lose_their_classes_and_nothing_else() {
        let text = br#"[{"id": 2, "price": {"__class__": "Decimal", "decimal": "0.8131"}, "at":
            {"__class__": "datetime", "year": 2026, "month": 11, "day": 23, "hour": 6, "minute": 1, "second": 19,
             "microsecond": 584288}, "from": {"__class__": "date", "year": 2026, "month": 1, "day": 2}}]"#;
        let rows = unwrapped(Node::parse(text).expect("JSON"));
        let row = &rows.items()[0];
        assert_eq!(row.get("price"), Some(&Node::Number("0.8131".to_owned())));
        assert_eq!(row.get("from").and_then(Node::text), Some("2026-01-02"));
        let at = row.get("at").and_then(moment_of).expect("a moment");
        assert_eq!(at.timestamp_micros() % 1_000_000, 584_288);
        assert_eq!(id_of(row).as_deref(), Some("2"));
    }

    #[test]
    fn a_page_that_reports_an_error_names_the_field() {
        let page = b"<!doctype html>\n<h1>Internal Server Error</h1>\n<p>&#39;nosuch&#39;</p>\n";
        assert_eq!(unknown_name(page).as_deref(), Some("nosuch"));
        assert_eq!(unknown_name(b"<p>deadlock detected</p>"), None);
    }
}
