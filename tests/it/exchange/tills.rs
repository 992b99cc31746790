//! A back office on loopback that speaks as much of Tryton's JSON-RPC as sales need, rounds as Tryton does, and fails as it
//! is told. It shares nothing with the adapter.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer is lost.
    Lost,
    /// Nothing is done: 503.
    Down,
    /// The session has ended.
    Ended,
}

/// A sale as it stands there.
#[derive(Clone, Debug)]
pub struct Sale {
    pub values: Value,
    pub state: &'static str,
    pub number: Option<String>,
}

#[derive(Default)]
struct Office {
    /// Code, and the unit's symbol, by id.
    articles: BTreeMap<i64, (String, &'static str)>,
    sales: BTreeMap<i64, Sale>,
    last: i64,
    numbers: i64,
    sessions: i64,
    faults: VecDeque<(&'static str, Fault)>,
    /// A method, and the article whose sales it refuses.
    refused: BTreeSet<(&'static str, i64)>,
    /// Documents of each call that drafted some.
    batches: Vec<usize>,
}

/// The back office.
#[derive(Clone)]
pub struct Tills {
    pub url: String,
    office: Arc<Mutex<Office>>,
}

impl Tills {
    pub async fn start(articles: &[(&str, &'static str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/db", listener.local_addr().expect("an address"));
        let articles = (1..).zip(articles).map(|(id, (code, unit))| (id, ((*code).to_owned(), *unit)));
        let office = Arc::new(Mutex::new(Office { articles: articles.collect(), ..Office::default() }));
        let router = Router::new().route("/db/rpc/", post(answer)).with_state(Arc::clone(&office));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, office }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Office) -> T) -> T {
        act(&mut self.office.lock().expect("nobody panics with it"))
    }

    /// The next calls of these methods.
    pub fn fail(&self, faults: impl IntoIterator<Item = (&'static str, Fault)>) {
        self.with(|office| office.faults.extend(faults));
    }

    /// It refuses sales of an article by this method, or takes them again.
    pub fn refuse(&self, method: &'static str, code: &str, is_refused: bool) {
        self.with(|office| {
            let found = office.articles.iter().find(|(_, (own, _))| own == code);
            let id = *found.expect("an article").0;
            if is_refused {
                office.refused.insert((method, id))
            } else {
                office.refused.remove(&(method, id))
            }
        });
    }

    /// The sales, by their ids.
    pub fn sales(&self) -> Vec<Sale> {
        self.with(|office| office.sales.values().cloned().collect())
    }

    /// Somebody deletes the sales that are open.
    pub fn delete_open(&self) {
        self.with(|office| office.sales.retain(|_, sale| sale.state != "open"));
    }

    /// Documents of each call that drafted some, since this was asked last.
    pub fn batches(&self) -> Vec<usize> {
        self.with(|office| std::mem::take(&mut office.batches))
    }

    pub fn sessions(&self) -> i64 {
        self.with(|office| office.sessions)
    }
}

fn decimal(value: &Value) -> Decimal {
    let text = value["decimal"].as_str().map_or_else(|| value.to_string(), str::to_owned);
    Decimal::from_str(&text).expect("a decimal")
}

fn cents(amount: Decimal) -> Decimal {
    amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven)
}

impl Sale {
    pub fn lines(&self) -> &[Value] {
        self.values["lines"][0][1].as_array().expect("lines")
    }

    fn sum(&self, price: &str) -> Decimal {
        self.lines().iter().map(|line| cents(decimal(&line["quantity"]) * decimal(&line[price]))).sum()
    }

    /// What its lines come to there.
    pub fn gross(&self) -> Decimal {
        self.sum("unit_gross_price")
    }

    pub fn net(&self) -> Decimal {
        self.sum("unit_list_price")
    }

    /// Method and amount.
    pub fn payments(&self) -> Vec<(i64, Decimal)> {
        let payments = self.values["payments"][0][1].as_array().expect("payments");
        payments
            .iter()
            .map(|each| (each["method"].as_i64().expect("an id"), decimal(&each["amount"])))
            .collect()
    }
}

async fn answer(State(office): State<Arc<Mutex<Office>>>, headers: HeaderMap, body: Bytes) -> Response {
    let call: Value = serde_json::from_slice(&body).expect("JSON");
    let mut office = office.lock().expect("nobody panics with it");
    let method = call["method"].as_str().expect("a method");
    let params = &call["params"];
    if method == "common.db.login" {
        assert_eq!((&params[0], &params[1]["password"]), (&json!("aisle"), &json!("the-password")));
        office.sessions += 1;
        let result = json!([7, format!("token{}", office.sessions), null]);
        return json!({ "id": 1, "result": result }).to_string().into_response();
    }
    let session = base64_text(headers["authorization"].to_str().expect("text"));
    let short = method.rsplit('.').next().unwrap_or_default();
    let at = office.faults.iter().position(|(each, _)| *each == short);
    let fault = at.and_then(|at| office.faults.remove(at)).map(|(_, fault)| fault);
    if fault == Some(Fault::Down) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if fault == Some(Fault::Ended) || session != format!("aisle:7:token{}", office.sessions) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let outcome = act(&mut office, method, params);
    if fault == Some(Fault::Lost) {
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    let answer = match outcome {
        Ok(result) => json!({ "id": 1, "result": result }),
        Err(why) => json!({ "id": 1, "error": ["UserError", [why, "", null]] }),
    };
    answer.to_string().into_response()
}

fn base64_text(header: &str) -> String {
    use base64::Engine;
    let word = header.strip_prefix("Session ").expect("a session");
    let bytes = base64::engine::general_purpose::STANDARD.decode(word).expect("base64");
    String::from_utf8(bytes).expect("text")
}

/// All of a call, or nothing of it.
fn act(office: &mut Office, method: &str, params: &Value) -> Result<Value, String> {
    let ids = || params[0].as_array().expect("a list").iter().filter_map(Value::as_i64).collect::<Vec<_>>();
    match method {
        "model.product.product.search_read" => Ok(products(office, &params[0][0][2])),
        "model.sale.point.sale.search_read" => Ok(search(office, &params[0])),
        "model.sale.point.sale.create" => {
            assert_eq!(params[1], json!({ "company": 1 }));
            let new = params[0].as_array().expect("values");
            for values in new {
                refusal(office, "create", values)?;
            }
            office.batches.push(new.len());
            let mut made = Vec::new();
            for values in new {
                office.last += 1;
                let sale = Sale { values: values.clone(), state: "open", number: None };
                office.sales.insert(office.last, sale);
                made.push(office.last);
            }
            Ok(json!(made))
        }
        "model.sale.point.sale.delete" => {
            for id in ids() {
                assert_eq!(office.sales.remove(&id).expect("a sale").state, "open");
            }
            Ok(Value::Null)
        }
        "model.sale.point.sale.process" => bring_on(office, "process", &ids()),
        "model.sale.point.sale.post" => bring_on(office, "post", &ids()),
        other => panic!("no method {other}"),
    }
}

fn refusal(office: &Office, method: &'static str, values: &Value) -> Result<(), String> {
    let lines = values["lines"][0][1].as_array().expect("lines");
    let is_refused =
        |line: &&Value| office.refused.contains(&(method, line["product"].as_i64().expect("an article")));
    let found = lines.iter().find(is_refused);
    found.map_or(Ok(()), |line| Err(format!("Article {} is refused.", line["product"])))
}

fn products(office: &Office, codes: &Value) -> Value {
    let wanted = codes.as_array().expect("codes");
    let found = office.articles.iter().filter(|(_, (code, _))| wanted.contains(&json!(code)));
    found
        .map(|(id, (code, unit))| json!({ "id": id, "code": code, "sale_uom.": { "id": 1, "symbol": unit } }))
        .collect()
}

fn search(office: &Office, domain: &Value) -> Value {
    let is_wanted = |id: &i64, sale: &Sale| {
        if domain[0][0] == "id" {
            return domain[0][2].as_array().expect("ids").contains(&json!(id));
        }
        assert_eq!(domain, &json!([["state", "=", "open"], ["create_uid", "=", 7]]));
        sale.state == "open"
    };
    let found = office.sales.iter().filter(|(id, sale)| is_wanted(id, sale));
    found.map(|(id, sale)| json!({ "id": id, "state": sale.state, "number": sale.number })).collect()
}

fn bring_on(office: &mut Office, method: &'static str, ids: &[i64]) -> Result<Value, String> {
    for id in ids {
        refusal(office, method, &office.sales[id].values)?;
    }
    for id in ids {
        let sale = office.sales.get_mut(id).expect("a sale");
        match (method, sale.state) {
            ("process", "open") => {
                let paid: Decimal = sale.payments().into_iter().map(|(_, amount)| amount).sum();
                // One that is not paid stays open, without a word.
                if paid == sale.gross() {
                    office.numbers += 1;
                    (sale.state, sale.number) = ("done", Some(format!("S{}", office.numbers)));
                }
            }
            ("post", "done") => sale.state = "posted",
            _ => {}
        }
    }
    Ok(Value::Null)
}
