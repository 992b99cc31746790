//! A web shop on loopback that speaks as much of Vendure's admin API as stock needs, and that fails as it is told. It shares
//! nothing with the adapter.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// How the next writes go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is done, and the answer is that of a proxy that waited too long.
    DoneUnsaid,
    /// The first half of it is done, and the answer is 500.
    HalfDone,
    /// Nothing is done; 200, and the body ends in the middle.
    HalfSaid,
    /// Nothing is done: a page of HTML.
    Html,
    /// The session has ended.
    SessionEnded,
    /// It is done, and there is never an answer.
    DoneAndSilent,
}

#[derive(Default)]
struct Books {
    /// SKU by item.
    items: BTreeMap<String, String>,
    /// Pieces by location and item.
    levels: BTreeMap<(String, String), i64>,
    faults: VecDeque<Fault>,
    /// Items that no write is taken for.
    refused: Vec<String>,
    is_down: bool,
    sessions: usize,
    calls: usize,
    /// Numbers of each write.
    writes: Vec<usize>,
    /// Writes that are under way, by location, and the most that ever were at one.
    under_way: BTreeMap<String, usize>,
    most_at_once: usize,
}

/// The shop.
#[derive(Clone)]
pub struct ShopPeer {
    pub url: String,
    books: Arc<Mutex<Books>>,
    /// Wakes whoever waits for a write that is never answered.
    pub silent: Arc<Notify>,
}

impl ShopPeer {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let peer = Self { url, books: Arc::default(), silent: Arc::default() };
        let router = Router::new().fallback(answer).with_state(peer.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        peer
    }

    fn with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        act(&mut self.books.lock().expect("nobody panics with it"))
    }

    /// An item with this number, of which nothing is known anywhere.
    pub fn add(&self, item: &str, sku: &str) {
        self.with(|books| books.items.insert(item.to_owned(), sku.to_owned()));
    }

    pub fn remove(&self, item: &str) {
        self.with(|books| books.items.remove(item));
    }

    /// Somebody else sets a number.
    pub fn set(&self, location: &str, item: &str, pieces: i64) {
        self.with(|books| books.levels.insert((location.to_owned(), item.to_owned()), pieces));
    }

    pub fn level(&self, location: &str, item: &str) -> Option<i64> {
        self.with(|books| books.levels.get(&(location.to_owned(), item.to_owned())).copied())
    }

    /// The next writes.
    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.with(|books| books.faults.extend(faults));
    }

    pub fn refuse(&self, item: &str) {
        self.with(|books| books.refused.push(item.to_owned()));
    }

    pub fn heal(&self) {
        self.with(|books| {
            (books.is_down, books.refused) = (false, Vec::new());
        });
    }

    pub fn go_down(&self) {
        self.with(|books| books.is_down = true);
    }

    /// How many numbers each write had since the last look.
    pub fn writes(&self) -> Vec<usize> {
        self.with(|books| std::mem::take(&mut books.writes))
    }

    /// Calls since the last look.
    pub fn calls(&self) -> usize {
        self.with(|books| std::mem::take(&mut books.calls))
    }

    /// The most writes that were ever under way at one location.
    pub fn most_at_once(&self) -> usize {
        self.with(|books| books.most_at_once)
    }
}

async fn answer(State(peer): State<ShopPeer>, headers: HeaderMap, body: String) -> Response {
    let asked: Value = serde_json::from_str(&body).expect("JSON");
    let query = asked["query"].as_str().expect("a query").to_owned();
    let session = headers.get("authorization").map(|value| value.to_str().expect("text").to_owned());
    let told = peer.with(|books| {
        books.calls += 1;
        if books.is_down {
            return Some(StatusCode::BAD_GATEWAY.into_response());
        }
        if query.contains("login(") {
            let is_known = asked["variables"] == json!({ "user": "aisle", "password": "the-word" });
            assert!(is_known, "{}", asked["variables"]);
            books.sessions += 1;
            let token = [("vendure-auth-token", format!("session-{}", books.sessions))];
            return Some((token, r#"{"data":{"login":{"__typename":"CurrentUser"}}}"#).into_response());
        }
        if session != Some(format!("Bearer session-{}", books.sessions)) {
            return Some(error("FORBIDDEN"));
        }
        (!query.contains("updateProductVariants")).then(|| list(books, &query))
    });
    match told {
        Some(told) => told,
        None => write(&peer, &query).await,
    }
}

fn error(code: &str) -> Response {
    let error = json!({ "message": "no", "extensions": { "code": code } });
    json!({ "errors": [error], "data": null }).to_string().into_response()
}

/// The text between two others.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = text.split_once(before).expect("said");
    rest.split_once(after).expect("said").0
}

fn list(books: &Books, query: &str) -> Response {
    let location = between(query, "stockLocation(id: \"", "\"");
    let number = |name: &str| between(query, name, ",").parse::<usize>().expect("a number");
    let (take, skip) = (number("take: "), number("skip: "));
    let row = |(item, sku): (&String, &String)| {
        let level = books.levels.get(&(location.to_owned(), item.clone()));
        let levels: Vec<Value> = level
            .iter()
            .map(|pieces| json!({ "stockLocationId": location, "stockOnHand": pieces }))
            .collect();
        json!({ "id": item, "sku": sku, "stockLevels": levels })
    };
    let items: Vec<Value> = books.items.iter().skip(skip).take(take).map(row).collect();
    let place = (location != "nowhere").then(|| json!({ "id": location }));
    let list = json!({ "items": items, "totalItems": books.items.len() });
    json!({ "data": { "place": place, "list": list } }).to_string().into_response()
}

async fn write(peer: &ShopPeer, query: &str) -> Response {
    let told: Vec<(String, String, i64)> = query
        .split("{ id: \"")
        .skip(1)
        .map(|part| {
            let item = part.split('"').next().expect("an id").to_owned();
            let location = between(part, "stockLocationId: \"", "\"").to_owned();
            let pieces = between(part, "stockOnHand: ", " ").parse().expect("a whole number");
            (item, location, pieces)
        })
        .collect();
    let location = told[0].1.clone();
    assert!(told.iter().all(|(_, place, _)| *place == location));
    let fault = peer.with(|books| {
        let under_way = books.under_way.entry(location.clone()).or_default();
        *under_way += 1;
        books.most_at_once = books.most_at_once.max(*under_way);
        books.writes.push(told.len());
        books.faults.pop_front()
    });
    // Long enough for another writer to come in between, if there were one.
    tokio::task::yield_now().await;
    let is_refused = peer.with(|books| {
        *books.under_way.get_mut(&location).expect("begun") -= 1;
        let is_refused =
            told.iter().any(|(item, _, _)| !books.items.contains_key(item) || books.refused.contains(item));
        let done = match fault {
            None | Some(Fault::DoneUnsaid | Fault::DoneAndSilent) if !is_refused => told.len(),
            Some(Fault::HalfDone) => told.len() / 2,
            _ => 0,
        };
        if fault == Some(Fault::SessionEnded) {
            books.sessions += 1;
        }
        for (item, location, pieces) in &told[..done] {
            books.levels.insert((location.clone(), item.clone()), *pieces);
        }
        is_refused
    });
    match fault {
        Some(Fault::DoneUnsaid) => StatusCode::GATEWAY_TIMEOUT.into_response(),
        Some(Fault::HalfDone) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::HalfSaid) => Body::from(r#"{"data":{"updateProd"#).into_response(),
        Some(Fault::Html) => "<!doctype html><h1>Soon</h1>".into_response(),
        Some(Fault::SessionEnded) => error("FORBIDDEN"),
        Some(Fault::DoneAndSilent) => {
            peer.silent.notify_one();
            std::future::pending().await
        }
        None if is_refused => error("ENTITY_NOT_FOUND"),
        None => {
            let ids: Vec<Value> = told.iter().map(|(item, _, _)| json!({ "id": item })).collect();
            json!({ "data": { "updateProductVariants": ids } }).to_string().into_response()
        }
    }
}
