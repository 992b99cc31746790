//! Business Central by its contract: a peer that answers as the contract has it, and every exchange held against it.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use aisle::checkout::Document;
use aisle::exchange::{self, EventKind, Fact, publish};
use aisle::identity::Role;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use chrono::Duration;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::contract::{Exchange, ExtraField, NOT_CHECKED, Specification, files};
use crate::support::TestApp;
use crate::support::catalog::{STORE, ean13};

const COMPANY: &str = "5f5b6a9e-1111-4a5b-9c3d-000000000001";
/// Where the contract has its API.
const BASE: &str = "/v2.0/sandbox/api/v1.0";

const FILE: &str = r#"
system = "business-central"
url = "URL/v2.0/sandbox/api/v1.0"
login = "URL/login"
company = "5f5b6a9e-1111-4a5b-9c3d-000000000001"
currency = "EUR"
time_zone = "Europe/Berlin"
secrets = { client_id = "BC_CLIENT", client_secret = "BC_SECRET" }
pull = { every_ms = 1000, overlap_seconds = 900, full_hours = 24, page = 50, jump_percent = 50 }

[sales]
user = "aisle"
batch = 10
settle_seconds = 90
stores = { 0001 = "WALK-IN" }
payments = { paypal = "PAYPAL", klarna = "KLARNA", invoice = "INVOICES", voucher = "2990", points = "2991" }
products = { amount = { 7 = "AMOUNT-7" } }
units = { PCS = "piece", KG = "1000 gram" }

[lists.tax_classes]
FOOD = "reduced"

[[given]]
kind = "price_list"
price_list = "bc"
name = "Business Central"
currency = "EUR"

[[given]]
kind = "tax_class"
tax_class = "reduced"
name = "Reduced"

[[given]]
kind = "tax_rate"
country = "DE"
tax_class = "reduced"
valid_from = "2007-01-01"
rate = "7"

[[given]]
kind = "store"
store = "0001"
name = "Bonn"
country = "DE"
currency = "EUR"
time_zone = "Europe/Berlin"
price_lists = ["bc"]
address = { street = "Markt", house_number = "1", postal_code = "53111", city = "Bonn" }

[[streams]]
name = "items"
table = "items"
domain = ["type eq 'Inventory'"]
watch = [{ table = "items" }]

[[streams.rows]]
kind = "product"
fields = { sku = "number", name = "displayName", tax_class = "taxGroupCode : list tax_classes" }

[[streams.rows]]
kind = "code"
fields = { code = "gtin", sku = "number" }

[[streams.rows]]
kind = "price"
fields = { price_list = "=bc", sku = "number", amount = "unitPrice : money", currency = "=EUR" }
"#;

#[derive(Default)]
struct Office {
    items: Vec<Value>,
    /// By the table and the id.
    documents: BTreeMap<(String, String), Value>,
    tokens: usize,
    made: u32,
    /// The answers to so many of the next new documents get lost.
    lose: usize,
    exchanges: Vec<Exchange>,
}

#[derive(Clone)]
struct Central {
    url: String,
    office: Arc<Mutex<Office>>,
}

fn id(number: u32) -> String {
    format!("5f5b6a9e-2222-4a5b-9c3d-{number:012}")
}

impl Central {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let office = Arc::new(Mutex::new(Office::default()));
        let router = Router::new().fallback(answer).with_state((url.clone(), Arc::clone(&office)));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        let central = Self { url, office };
        for number in 1..=5 {
            central.write(number, "1.29", 0);
        }
        central
    }

    fn with<T>(&self, act: impl FnOnce(&mut Office) -> T) -> T {
        act(&mut self.office.lock().expect("nobody panics with it"))
    }

    fn write(&self, number: u32, price: &str, minute: u32) {
        let price: serde_json::Number = price.parse().expect("a number");
        let item = json!({
            "id": id(number), "number": format!("I{number}"), "displayName": format!("Item {number}"), "type": "Inventory",
            "blocked": false, "baseUnitOfMeasure": { "code": "PCS" }, "gtin": code(number), "unitPrice": price,
            "taxGroupCode": "FOOD", "lastModifiedDateTime": format!("2026-11-22T12:{minute:02}:00Z"),
        });
        self.with(|office| {
            office.items.retain(|each| each["id"] != item["id"]);
            office.items.push(item);
        });
    }

    fn documents(&self) -> Vec<(String, Value)> {
        self.with(|office| {
            office.documents.iter().map(|((table, _), document)| (table.clone(), document.clone())).collect()
        })
    }

    /// Every exchange is one that the contract has.
    fn assert_kept(&self) {
        const FIELDS: &[ExtraField] = &[
            ExtraField { pointer_end: "/salesInvoiceLines", reason: "lines with their document in one call" },
            ExtraField {
                pointer_end: "/salesCreditMemoLines",
                reason: "lines with their document in one call",
            },
        ];
        // Its paths have several words between two slashes; a slash before each key makes segments of them.
        let repair = |file: &mut Value| {
            let paths = file["paths"].as_object_mut().expect("paths");
            *paths = std::mem::take(paths).into_iter().map(|(path, item)| (segments(&path), item)).collect();
        };
        let Some(contract) = Specification::load_repaired("erp/BCOAS1.0.yaml", repair) else {
            eprintln!("{NOT_CHECKED}");
            return;
        };
        let contract = contract.allowing_fields(FIELDS);
        let exchanges = self.with(|office| office.exchanges.clone());
        assert!(exchanges.len() > 10);
        for exchange in exchanges {
            let exchange = Exchange { target: segments(&exchange.target), ..exchange };
            files::assert_none(&contract.check(&exchange));
        }
    }
}

fn segments(path: &str) -> String {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let path = path.replace('(', "/").replace(')', "");
    query.map_or_else(|| path.clone(), |query| format!("{path}?{query}"))
}

fn code(number: u32) -> String {
    ean13(&format!("400222{number:06}"))
}

async fn answer(
    State((url, office)): State<(String, Arc<Mutex<Office>>)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut office = office.lock().expect("nobody panics with it");
    if uri.path() == "/login" {
        let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
        assert_eq!(
            (form["client_id"].as_str(), form["client_secret"].as_str()),
            ("the-client", "the-secret")
        );
        office.tokens += 1;
        return json!({ "access_token": format!("token{}", office.tokens) }).to_string().into_response();
    }
    let bearer = headers[header::AUTHORIZATION].to_str().expect("text");
    if bearer != format!("Bearer token{}", office.tokens) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let target = uri.path_and_query().expect("a path").to_string();
    let (status, answer) = act(&mut office, &url, &method, &uri, &body);
    let text = if answer.is_null() { String::new() } else { answer.to_string() };
    let headers =
        headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()));
    office.exchanges.push(Exchange {
        method: method.to_string(),
        target,
        request_headers: headers.collect(),
        request_body: body.to_vec(),
        status: status.as_u16(),
        response_headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        response_body: text.clone().into_bytes(),
    });
    if method == Method::POST && status == StatusCode::CREATED && office.lose > 0 {
        office.lose -= 1;
        return StatusCode::BAD_GATEWAY.into_response();
    }
    (status, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn act(office: &mut Office, url: &str, method: &Method, uri: &Uri, body: &Bytes) -> (StatusCode, Value) {
    let company = format!("{BASE}/companies({COMPANY})/");
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let filter = query.get("$filter").map_or("", String::as_str);
    let Some(path) = uri.path().strip_prefix(&company) else {
        return (StatusCode::OK, json!({ "value": [{ "id": COMPANY, "displayName": "Central" }] }));
    };
    let (table, rest) = path.split_once('(').map_or((path, None), |(table, rest)| (table, Some(rest)));
    let key = rest.map(|rest| (table.to_owned(), rest.split(')').next().unwrap_or_default().to_owned()));
    match (method.as_str(), table, key) {
        ("GET", "companyInformation", _) => {
            (StatusCode::OK, json!({ "value": [{ "displayName": "Central", "currencyCode": "EUR" }] }))
        }
        ("GET", "accounts", _) => {
            assert_eq!(filter, "(number eq '2990')");
            (StatusCode::OK, json!({ "value": [{ "id": id(900), "number": "2990" }] }))
        }
        ("GET", "items", _) => (StatusCode::OK, items(office, url, &query)),
        ("GET", table, None) => {
            let is_wanted = |document: &Value| {
                let told = |name: &str| document[name].as_str().unwrap_or_default().to_owned();
                filter == format!("externalDocumentNumber eq '{}'", told("externalDocumentNumber"))
                    || filter == format!("id eq {}", told("id"))
            };
            let found =
                office.documents.iter().filter(|((own, _), document)| own == table && is_wanted(document));
            let found: Vec<Value> = found.map(|(_, document)| document.clone()).collect();
            (StatusCode::OK, json!({ "value": found }))
        }
        ("POST", table, None) => (StatusCode::CREATED, create(office, table, body)),
        ("POST", _, Some(key)) => {
            let document = office.documents.get_mut(&key).expect("a document");
            document["status"] = json!("Open");
            (StatusCode::NO_CONTENT, Value::Null)
        }
        ("DELETE", _, Some(key)) => {
            office.documents.remove(&key).expect("a document");
            (StatusCode::NO_CONTENT, Value::Null)
        }
        other => panic!("no operation {other:?}"),
    }
}

/// Two of a page.
fn items(office: &Office, url: &str, query: &BTreeMap<String, String>) -> Value {
    let filter = query.get("$filter").map_or("", String::as_str);
    let since = filter.split("lastModifiedDateTime ge ").nth(1).unwrap_or_default();
    let is_wanted = |item: &&Value| {
        let stamp = item["lastModifiedDateTime"].as_str().unwrap_or_default();
        let number = format!("number eq '{}'", item["number"].as_str().unwrap_or_default());
        if filter.contains("number eq") { filter.contains(&number) } else { stamp >= since }
    };
    let found: Vec<Value> = office.items.iter().filter(is_wanted).cloned().collect();
    let skip: usize = query.get("$skip").map_or(0, |skip| skip.parse().expect("a number"));
    let page: Vec<Value> = found.iter().skip(skip).take(2).cloned().collect();
    let mut answer = json!({ "value": page });
    if skip + 2 < found.len() {
        let mut next = url::form_urlencoded::Serializer::new(String::new());
        next.append_pair("$filter", filter).append_pair("$skip", &(skip + 2).to_string());
        answer["@odata.nextLink"] =
            json!(format!("{url}{BASE}/companies({COMPANY})/items?{}", next.finish()));
    }
    answer
}

/// Prices are with tax; a line comes to its price times its quantity, rounded.
fn create(office: &mut Office, table: &str, body: &Bytes) -> Value {
    let mut document: Value = serde_json::from_slice(body).expect("JSON");
    let lines =
        document["salesInvoiceLines"].as_array().or_else(|| document["salesCreditMemoLines"].as_array());
    let number = |value: &Value| Decimal::from_str(&value.to_string()).expect("a decimal");
    let lines = lines.expect("lines").iter();
    let total: Decimal =
        lines.map(|line| (number(&line["quantity"]) * number(&line["unitPrice"])).round_dp(2)).sum();
    office.made += 1;
    document["id"] = json!(id(100 + office.made));
    document["number"] = json!(format!("S-{}", office.made));
    document["status"] = json!("Draft");
    document["totalAmountIncludingTax"] =
        json!(serde_json::Number::from_str(&total.to_string()).expect("a number"));
    office.documents.insert((table.to_owned(), id(100 + office.made)), document.clone());
    document
}

struct Shop {
    central: Central,
    test: TestApp,
    _files: tempfile::TempDir,
}

impl Shop {
    async fn start() -> Self {
        let central = Central::start().await;
        let files = tempfile::tempdir().expect("a folder");
        std::fs::write(files.path().join("bc.toml"), FILE.replace("URL", &central.url)).expect("written");
        let folder = files.path().to_str().expect("text").to_owned();
        let settings = [
            ("AISLE_CONNECTIONS", folder.as_str()),
            ("BC_CLIENT", "the-client"),
            ("BC_SECRET", "the-secret"),
        ];
        let test = TestApp::with(&settings).await;
        exchange::schedule_pulls(&test.app).await.expect("asked for");
        exchange::schedule_postings(&test.app).await.expect("asked for");
        let shop = Self { central, test, _files: files };
        shop.after(Duration::seconds(2)).await;
        shop
    }

    async fn after(&self, pause: Duration) {
        self.test.advance(pause);
        self.test.run_jobs().await;
    }

    async fn price(&self, number: u32) -> i64 {
        let token = self.test.shopper().await.token;
        let path = format!("/v1/stores/0001/products/{}", code(number));
        self.test.get(&path).bearer(&token).send().await.expect(200).number("/price/amount")
    }

    /// A document of two pieces at 0.99 of which a voucher paid 0.50.
    async fn tell(&self, key: &str, kind: &str) {
        let app = &self.test.app;
        let order: aisle::ids::OrderId = app.ids.next();
        let eur = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
        let goods = json!({ "of": "goods", "sku": "I1", "quantity": { "amount": 2, "unit": "piece" } });
        let number = format!("A{}", &order.to_string()[24..]);
        let document = json!({
            "key": key, "kind": kind, "order": order, "number": number, "store": STORE, "at": app.clock.now(),
            "lines": [{ "item": goods, "name": "Item 1", "rate": "7", "net": eur(185), "tax": eur(13) }],
            "payments": [
                { "means": { "means": "account", "provider": "paypal" }, "amount": eur(148) },
                { "means": { "means": "voucher" }, "amount": eur(50) },
            ],
            "total": eur(198),
        });
        let document: Document = serde_json::from_value(document).expect("a document");
        let (store, payload) = (STORE.parse().expect("a key"), Value::Null);
        let fact = Fact { kind: EventKind::OrderPaid, order, store, payload, document: Some(document) };
        let mut tx = app.db.begin().await.expect("a transaction");
        publish(&mut tx, &app.ids, app.clock.now(), &app.connections, &fact).await.expect("published");
        tx.commit().await.expect("committed");
    }
}

#[tokio::test]
async fn items_are_taken_page_by_page_and_a_change_is_told_with_its_record() {
    let shop = Shop::start().await;
    for number in 1..=5 {
        assert_eq!(shop.price(number).await, 129, "{number}");
    }
    shop.central.write(4, "1.35", 30);
    // Its token has ended meanwhile.
    shop.central.with(|office| office.tokens += 1);
    shop.after(Duration::seconds(2)).await;
    assert_eq!((shop.price(4).await, shop.price(5).await), (135, 129));
    shop.central.assert_kept();
}

#[tokio::test]
async fn sales_are_invoices_and_returns_credit_memos_each_once_though_an_answer_gets_lost() {
    let shop = Shop::start().await;
    shop.tell("sale", "sale").await;
    shop.tell("refund 0190a5c1-0000-7000-8000-0123456789ab", "return").await;
    shop.central.with(|office| office.lose = 1);
    shop.after(Duration::seconds(2)).await;
    assert_eq!(shop.central.documents().len(), 1);
    shop.after(Duration::minutes(3)).await;
    let documents = shop.central.documents();
    assert_eq!(documents.len(), 2, "the lost one was found again by our number: {documents:#?}");
    for ((table, document), (expected, date)) in
        documents.iter().zip([("salesCreditMemos", "creditMemoDate"), ("salesInvoices", "invoiceDate")])
    {
        assert_eq!((table.as_str(), &document["status"]), (expected, &json!("Open")));
        assert_eq!(document["customerNumber"], "PAYPAL");
        assert!(document[date].as_str().is_some_and(|day| day.starts_with("2026-11-23")), "{document}");
        assert_eq!(document["totalAmountIncludingTax"].to_string(), "1.48", "what PayPal collected");
        let number = document["externalDocumentNumber"].as_str().expect("our number");
        assert!(
            number.len() <= 35 && number.contains(if date == "invoiceDate" { "-sale" } else { "-refund" })
        );
    }
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let path = "/v1/exchange/connections/bc/postings?state=posted";
    let posted = shop.test.get(path).bearer(&admin).send().await.expect(200);
    assert_eq!(posted.json["postings"].as_array().map(Vec::len), Some(2));
    assert!(posted.text("/postings/0/reference").starts_with("S-"));
    shop.central.assert_kept();
}
