//! XML tracking, version 0: pieces by their numbers or by the customer's reference.
//!
//! It has no published schema; the shape follows DHL's documentation and what integrators report. Events come oldest
//! first, times are German local time without seconds, and the answer's `code` says what became of the question:
//! 0 found, 5 login refused, 100 no data.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::State,
    http::{HeaderMap, Uri},
    response::Response,
};
use chrono::{DateTime, NaiveDate, Utc};

use super::{
    Shared,
    auth::authorize_tracking_xml,
    german_time::german,
    reply::{Query, answer, problem},
    state::Shipment,
};

/// The service takes at most this many piece codes in one call.
const PIECE_CODES_MAX: usize = 15;

/// How the question names its pieces.
enum Question {
    Codes(Vec<String>),
    Reference { reference: String, from: Option<NaiveDate>, to: Option<NaiveDate> },
}

pub async fn shipments(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_shipments(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_shipments(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorize_tracking_xml(&shared.settings, headers)?;
    let query = Query::of(uri);
    let Some(attributes) = query.one("xml").and_then(data_attributes) else {
        return Err(problem(400, "The parameter xml must hold one data element"));
    };
    let attribute = |name: &str| attributes.get(name).map(String::as_str);
    let settings = &shared.settings;
    if attribute("appname") != Some(&settings.username) || attribute("password") != Some(&settings.password) {
        return Ok(xml_answer("<data name=\"pieceshipmentlist\" code=\"5\" error=\"Login failed\"/>"));
    }
    if attribute("request") != Some("d-get-piece-detail") || attribute("language-code").is_none() {
        return Err(problem(400, "request and language-code are required"));
    }
    let question =
        read_question(&attributes).ok_or_else(|| problem(400, "Name 1 to 15 pieces or a reference"))?;
    let found = shared.read(|memory, now| {
        let known_after = settings.known_after;
        let shipments = memory.shipments.values();
        let known = shipments.filter(|shipment| shipment.is_known_to_tracking(now, known_after));
        known.filter(|shipment| question.fits(shipment)).map(piece_shipment).collect::<String>()
    });
    if found.is_empty() {
        return Ok(xml_answer(
            "<data name=\"pieceshipmentlist\" code=\"100\" error=\"Keine Daten gefunden\"/>",
        ));
    }
    Ok(xml_answer(&format!("<data name=\"pieceshipmentlist\" code=\"0\">{found}</data>")))
}

impl Question {
    fn fits(&self, shipment: &Shipment) -> bool {
        match self {
            Self::Codes(codes) => codes.contains(&shipment.number),
            Self::Reference { reference, from, to } => {
                let day = german(shipment.booked_at).date_naive();
                shipment.order.reference.as_ref() == Some(reference)
                    && from.is_none_or(|from| from <= day)
                    && to.is_none_or(|to| day <= to)
            }
        }
    }
}

fn read_question(attributes: &BTreeMap<String, String>) -> Option<Question> {
    if let Some(codes) = attributes.get("piece-code") {
        let codes: Vec<String> = codes.split(';').map(ToOwned::to_owned).collect();
        return (codes.len() <= PIECE_CODES_MAX).then_some(Question::Codes(codes));
    }
    let day = |name: &str| match attributes.get(name) {
        Some(text) => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(Some),
        None => Some(None),
    };
    Some(Question::Reference {
        reference: attributes.get("piece-customer-reference").filter(|text| !text.is_empty())?.clone(),
        from: day("from-date")?,
        to: day("to-date")?,
    })
}

fn piece_shipment(shipment: &Shipment) -> String {
    let order = &shipment.order;
    let newest = shipment.standing_events().next_back();
    let empty = String::new();
    let mut out = element(
        "piece-shipment",
        &[
            ("piece-code", &shipment.number),
            ("piece-identifier", &shipment.number),
            ("error-status", "0"),
            ("piece-customer-reference", order.reference.as_ref().unwrap_or(&empty)),
            ("leitcode", &shipment.routing_code),
            ("pan-recipient-postalcode", &order.consignee.postal_code),
            ("pan-recipient-city", &order.consignee.city),
            ("product-name", "DHL PAKET"),
            ("status", newest.map_or("", |event| event.description())),
            ("status-timestamp", &newest.map(|event| minute(event.at)).unwrap_or_default()),
            ("ice", newest.map_or("", |event| &event.ice)),
            ("ric", newest.map_or("", |event| &event.ric)),
            ("standard-event-code", newest.map_or("", |event| &event.standard)),
            ("ruecksendung", if shipment.is_returning() { "true" } else { "false" }),
        ],
    );
    out.push('>');
    out.push_str(&element("piece-event-list", &[("piece-identifier", &shipment.number)]));
    out.push('>');
    for event in &shipment.events {
        let attributes = [
            ("event-timestamp", minute(event.at)),
            ("event-status", event.description().to_owned()),
            ("ice", event.ice.clone()),
            ("ric", event.ric.clone()),
            ("standard-event-code", event.standard.clone()),
            ("event-location", event.place.clone()),
            ("event-country", "Deutschland".to_owned()),
            ("ruecksendung", shipment.is_returning().to_string()),
        ];
        let borrowed: Vec<(&str, &str)> =
            attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
        out.push_str(&element("piece-event", &borrowed));
        out.push_str("/>");
    }
    out.push_str("</data></data>");
    out
}

/// An open `data` element: the caller closes the tag.
fn element(name: &str, attributes: &[(&str, &str)]) -> String {
    let mut out = format!("<data name=\"{name}\"");
    for (attribute, value) in attributes {
        out.push(' ');
        out.push_str(attribute);
        out.push_str("=\"");
        out.push_str(&escape(value));
        out.push('"');
    }
    out
}

fn minute(at: DateTime<Utc>) -> String {
    german(at).format("%d.%m.%Y %H:%M").to_string()
}

fn xml_answer(root: &str) -> Response {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>{root}");
    answer(200, "application/xml; charset=UTF-8", body)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn unescape(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

/// The attributes of a document that is one empty `data` element, after an optional declaration.
fn data_attributes(xml: &str) -> Option<BTreeMap<String, String>> {
    let xml = xml.trim();
    let xml = match xml.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>")?.1.trim_start(),
        None => xml,
    };
    let mut rest = xml.strip_prefix("<data")?.strip_suffix("/>")?.trim();
    let mut attributes = BTreeMap::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let quote = after.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = after[1..].split_once(quote)?;
        if value.contains('<') || attributes.insert(name.trim().to_owned(), unescape(value)).is_some() {
            return None;
        }
        rest = after.trim_start();
    }
    Some(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_empty_element() {
        let attributes =
            data_attributes("<?xml version=\"1.0\"?><data a=\"x &amp; y\" piece-code='1;2' />").unwrap();
        assert_eq!(attributes["a"], "x & y");
        assert_eq!(attributes["piece-code"], "1;2");
        for wrong in ["<data a=\"1\">", "<other/>", "<data a=1/>", "<data a=\"1\" a=\"2\"/>"] {
            assert!(data_attributes(wrong).is_none(), "{wrong}");
        }
    }
}
