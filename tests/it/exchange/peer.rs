//! A back office on loopback that speaks as much of Tryton's REST interface as a pull asks for, and that fails as it is told.
//! It shares nothing with the adapter.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use chrono::{DateTime, Datelike, Duration, Timelike, Utc};
use serde_json::{Value, json};

use crate::support::catalog::ean13;

/// How the next answers go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not.
    None,
    /// 500 with a page of HTML.
    Html,
    /// 200, and the body ends in the middle.
    Half,
    /// 200 with no rows.
    Empty,
    /// 401.
    Unknown,
    /// 429 with `Retry-After`.
    Busy,
    /// As without a company: no prices, with status 200.
    Priceless,
}

#[derive(Default)]
struct Books {
    tables: BTreeMap<String, BTreeMap<i64, Value>>,
    faults: VecDeque<Fault>,
    /// A field that the schema has no more.
    lost_field: Option<String>,
    currency: String,
    calls: usize,
}

/// The back office.
#[derive(Clone)]
pub struct Peer {
    pub url: String,
    books: Arc<Mutex<Books>>,
}

/// A stamp as Tryton writes it.
fn stamp(at: DateTime<Utc>) -> Value {
    json!({
        "__class__": "datetime", "year": at.year(), "month": at.month(), "day": at.day(), "hour": at.hour(),
        "minute": at.minute(), "second": at.second(), "microsecond": at.timestamp_subsec_micros(),
    })
}

/// When its clock begins: 21 hours before the service's.
pub fn noon() -> DateTime<Utc> {
    "2026-11-22T12:00:00Z".parse().expect("a moment")
}

impl Peer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/db", listener.local_addr().expect("an address"));
        let books = Arc::new(Mutex::new(Books { currency: "EUR".to_owned(), ..Books::default() }));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&books));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, books }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        act(&mut self.books.lock().expect("nobody panics with it"))
    }

    /// Writes a product whose stamp is so many seconds after noon.
    pub fn write(&self, id: i64, price: Option<&str>, seconds: i64) {
        let price = price.map(|price| json!({ "__class__": "Decimal", "decimal": price }));
        self.put(id, "price", price.unwrap_or(Value::Null), seconds);
    }

    /// Writes one field of a product, made with what all have.
    pub fn put(&self, id: i64, field: &str, value: Value, seconds: i64) {
        self.with(|books| {
            let table = books.tables.entry("product".to_owned()).or_default();
            let row = table.entry(id).or_insert_with(|| {
                json!({
                    "id": id, "code": format!("P{id:04}"), "name": format!("Product {id}"), "active": true,
                    "currency": "EUR", "price": { "__class__": "Decimal", "decimal": "1.00" },
                    "codes": [{ "code": code(id) }],
                })
            });
            row[field] = value;
            row["last_modified_at"] = stamp(noon() + Duration::seconds(seconds));
        });
    }

    pub fn delete(&self, id: i64) {
        self.with(|books| books.tables.entry("product".to_owned()).or_default().remove(&id));
    }

    /// The next answers.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|books| books.faults.extend(faults));
    }

    /// What was told to go wrong does so no more.
    pub fn heal(&self) {
        self.with(|books| (books.lost_field, books.faults) = (None, VecDeque::new()));
    }

    pub fn lose_field(&self, field: &str) {
        self.with(|books| books.lost_field = Some(field.to_owned()));
    }

    pub fn set_currency(&self, currency: &str) {
        self.with(|books| currency.clone_into(&mut books.currency));
    }

    /// Calls since the last time that this was asked.
    pub fn calls(&self) -> usize {
        self.with(|books| std::mem::take(&mut books.calls))
    }
}

/// The EAN of a product.
pub fn code(id: i64) -> String {
    ean13(&format!("400111{id:06}"))
}

async fn answer(
    State(books): State<Arc<Mutex<Books>>>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut books = books.lock().expect("nobody panics with it");
    books.calls += 1;
    assert_eq!(headers["authorization"], "bearer the-key");
    let table = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let fault = books.faults.pop_front();
    match fault {
        Some(Fault::Html) => {
            return (StatusCode::INTERNAL_SERVER_ERROR, "<!doctype html>\n<h1>Oh</h1>").into_response();
        }
        Some(Fault::Unknown) => return StatusCode::UNAUTHORIZED.into_response(),
        Some(Fault::Busy) => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "40")]).into_response(),
        Some(Fault::Empty) => return "[]".into_response(),
        Some(Fault::None | Fault::Half | Fault::Priceless) | None => {}
    }
    if table == "company.company" {
        let row = json!({ "id": 1, "currency": { "code": books.currency }, "party": { "name": "Peer" } });
        return json!([row]).to_string().into_response();
    }
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let lost = books.lost_field.as_ref();
    if let Some(lost) = lost.filter(|lost| query.iter().any(|(name, value)| name == "f" && value == *lost)) {
        let page = format!("<!doctype html>\n<p>&#39;{lost}&#39;</p>\n");
        return (StatusCode::INTERNAL_SERVER_ERROR, page).into_response();
    }
    let mut rows = search(&books, &table, &query);
    if fault == Some(Fault::Priceless) {
        for row in &mut rows {
            row["price"] = Value::Null;
        }
    }
    let text = Value::from(rows).to_string();
    if fault == Some(Fault::Half) {
        return Body::from(text[..text.len() / 2].to_owned()).into_response();
    }
    text.into_response()
}

fn search(books: &Books, table: &str, query: &[(String, String)]) -> Vec<Value> {
    let query: HashMap<&str, &str> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let domain = base64::engine::general_purpose::URL_SAFE.decode(query["d"]).expect("base64");
    let domain: Vec<Value> = serde_json::from_slice(&domain).expect("JSON");
    let limit = query.get("s").map_or(usize::MAX, |limit| limit.parse().expect("a number"));
    let rows = books.tables.get(table).into_iter().flat_map(BTreeMap::values);
    rows.filter(|row| domain.iter().all(|clause| holds(clause, row))).take(limit).cloned().collect()
}

/// Objects of a class are ordered by their parts, the largest first.
fn order(value: &Value) -> Vec<i64> {
    let parts = ["year", "month", "day", "hour", "minute", "second", "microsecond"];
    match value.as_i64() {
        Some(number) => vec![number],
        None => parts.iter().map(|part| value[part].as_i64().unwrap_or_default()).collect(),
    }
}

fn holds(clause: &Value, row: &Value) -> bool {
    let (field, operator, wanted) = (clause[0].as_str().unwrap_or_default(), clause[1].as_str(), &clause[2]);
    let value = &row[field];
    match operator {
        Some(">") => order(value) > order(wanted),
        Some(">=") => order(value) >= order(wanted),
        Some("in") => wanted.as_array().is_some_and(|wanted| wanted.contains(value)),
        other => panic!("no operator {other:?}"),
    }
}
