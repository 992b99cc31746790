//! The search by reference in XML tracking, the only one that DHL has.
//!
//! The service has no published schema. Integrators report element and attribute names with hyphens and without, and
//! pieces at different depths: so the answer is read as a flat run of `data` elements, and names are compared without
//! hyphens.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::delivery::carrier::{BookedParcel, CallError, Reference};

/// Found.
const CODE_FOUND: &str = "0";
/// No data: not booked, or not known yet.
const CODE_NO_DATA: &str = "100";

/// The question for every piece of this reference that was booked between these days.
pub fn question(
    username: &str,
    password: &str,
    reference: &Reference,
    from: NaiveDate,
    to: NaiveDate,
) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\
         <data appname=\"{}\" password=\"{}\" language-code=\"de\" request=\"d-get-piece-detail\" \
         piece-customer-reference=\"{}\" from-date=\"{from}\" to-date=\"{to}\"/>",
        escape(username),
        escape(password),
        escape(reference.as_str()),
    )
}

/// The pieces of an answer; none when DHL has no data.
pub fn read_answer(body: &[u8], reference: &Reference) -> Result<Vec<BookedParcel>, CallError> {
    let unreadable = || CallError::NoAnswer("the tracking answer can't be read".to_owned());
    let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
    let elements = elements(text).ok_or_else(unreadable)?;
    match elements.first().and_then(|root| root.get("code")).map(String::as_str) {
        Some(CODE_FOUND) => {}
        Some(CODE_NO_DATA) => return Ok(Vec::new()),
        Some(code) => return Err(CallError::Refused(format!("code {code}"))),
        None => return Err(unreadable()),
    }
    let is_piece = |element: &&BTreeMap<String, String>| {
        element.get("name").is_some_and(|name| name.replace('-', "") == "pieceshipment")
    };
    // DHL may match the beginning of a reference; only our own whole one counts.
    let is_ours = |element: &&BTreeMap<String, String>| {
        element.get("piececustomerreference").is_none_or(|found| found == reference.as_str())
    };
    let number = |element: &BTreeMap<String, String>| {
        element.get("piececode").filter(|code| !code.is_empty()).cloned()
    };
    let mut numbers: Vec<String> =
        elements.iter().filter(is_piece).filter(is_ours).filter_map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let parcel =
        |number: String| BookedParcel { tracking_number: number.clone(), carrier_shipment_id: number };
    Ok(numbers.into_iter().map(parcel).collect())
}

/// The attributes of every `data` element in the order of the text, names without hyphens; `None` for what is no XML.
fn elements(text: &str) -> Option<Vec<BTreeMap<String, String>>> {
    let mut elements = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("<data") {
        rest = &rest[start + "<data".len()..];
        let mut attributes = BTreeMap::new();
        loop {
            rest = rest.trim_start();
            if let Some(after) = rest.strip_prefix("/>").or_else(|| rest.strip_prefix('>')) {
                rest = after;
                break;
            }
            let (name, after) = rest.split_once('=')?;
            let after = after.trim_start();
            let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
            let (value, after) = after[1..].split_once(quote)?;
            attributes.insert(name.trim().replace('-', ""), unescape(value));
            rest = after;
        }
        elements.push(attributes);
    }
    Some(elements)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> Result<Vec<String>, CallError> {
        let reference = Reference::new("AISLE-0001").unwrap();
        let parcels = read_answer(body.as_bytes(), &reference)?;
        Ok(parcels.into_iter().map(|parcel| parcel.tracking_number).collect())
    }

    #[test]
    fn pieces_are_found_with_hyphens_and_without_and_other_references_are_not() {
        let body = "<?xml version=\"1.0\"?><data name=\"piece-shipment-list\" code=\"0\">\
                    <data name=\"piece-shipment\" piece-code=\"111\" piece-customer-reference='AISLE-0001'>\
                    <data name=\"piece-event-list\" piece-identifier=\"111\"/></data>\
                    <data name=\"pieceshipment\" piececode = \"222\" ></data>\
                    <data name=\"piece-shipment\" piece-code=\"333\" piece-customer-reference=\"AISLE-00010\"/></data>";
        assert_eq!(found(body).unwrap(), ["111", "222"]);
    }

    #[test]
    fn no_data_a_refusal_and_nonsense_are_told_apart() {
        assert_eq!(found("<data name=\"pieceshipmentlist\" code=\"100\"/>").unwrap(), Vec::<String>::new());
        assert!(matches!(found("<data name=\"pieceshipmentlist\" code=\"6\"/>"), Err(CallError::Refused(_))));
        for nonsense in ["<html>", "<data code=\"0\"><data name=\"piece", "<data name=\"x\"/>"] {
            assert!(matches!(found(nonsense), Err(CallError::NoAnswer(_))), "{nonsense}");
        }
    }
}
