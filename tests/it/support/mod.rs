//! What every test stands on: a service of its own with its own database, clock and ids.

pub mod catalog;
pub mod courier;
pub mod database;
pub mod delivery;
pub mod identity;
pub mod killable;
pub mod klarna;
pub mod klarna_shop;
pub mod money;
pub mod openapi;
pub mod payments;
pub mod phone;
pub mod trip;
pub mod tryton;
pub mod vendure;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aisle::app::App;
use aisle::clock::{Clock, Moment};
use aisle::config::Config;
use aisle::env::Env;
use aisle::random::Random;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A service for one test, on a loopback port of its own. Time stands still and jobs wait until the test says so.
///
/// Every answer is held against the API's document, and a test that leaves a dead letter or wrong books behind fails.
pub struct TestApp {
    pub app: App,
    url: String,
    client: reqwest::Client,
    dead_jobs_expected: AtomicBool,
    wrong_books_expected: AtomicBool,
    database: Arc<database::TestDatabase>,
}

/// When every test begins: a Monday morning.
pub fn start_of_time() -> Moment {
    "2026-11-23T09:00:00Z".parse().expect("a moment")
}

impl TestApp {
    /// A service with the default settings.
    pub async fn new() -> Self {
        Self::with::<&str>(&[]).await
    }

    /// A service with these variables set beside the defaults.
    pub async fn with<V: AsRef<str>>(variables: &[(&str, V)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let mut pairs = vec![("AISLE_PUBLIC_URL", url.as_str()), ("AISLE_MASTER_KEY", identity::MASTER_KEY)];
        pairs.extend(variables.iter().map(|(name, value)| (*name, value.as_ref())));
        let mut config = Config::read(&Env::from_pairs(pairs)).expect("settings");
        let database = database::TestDatabase::new().await;
        config.database = database.options.clone();
        let clock = Clock::manual(start_of_time());
        let app = App::start(config, clock, Random::seeded(7)).await.expect("the app starts");
        Self::serve(listener, app, Arc::new(database))
    }

    /// Another instance of the service over the same database, with the same clock.
    pub async fn another(&self) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let (db, config, clock) = (self.app.db.clone(), self.app.config.clone(), self.app.clock.clone());
        let app = App::over(db, config, clock, Random::seeded(8)).await.expect("the app starts");
        Self::serve(listener, app, self.database.clone())
    }

    /// Another instance of the service over the same database, with the same clock, but with these variables.
    pub async fn another_with<V: AsRef<str>>(&self, variables: &[(&str, V)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = self.app.config.public("");
        let mut pairs = vec![("AISLE_PUBLIC_URL", url.as_str()), ("AISLE_MASTER_KEY", identity::MASTER_KEY)];
        pairs.retain(|(name, _)| !variables.iter().any(|(other, _)| other == name));
        pairs.extend(variables.iter().map(|(name, value)| (*name, value.as_ref())));
        let mut config = Config::read(&Env::from_pairs(pairs)).expect("settings");
        config.database = self.app.config.database.clone();
        let (db, clock) = (self.app.db.clone(), self.app.clock.clone());
        let app = App::over(db, config, clock, Random::seeded(9)).await.expect("the app starts");
        Self::serve(listener, app, self.database.clone())
    }

    fn serve(listener: tokio::net::TcpListener, app: App, database: Arc<database::TestDatabase>) -> Self {
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = aisle::router::router(app.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (dead_jobs_expected, wrong_books_expected) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { app, url, client: client(), dead_jobs_expected, wrong_books_expected, database }
    }

    /// The address of the service.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Works off every job that is due; answers how many.
    pub async fn run_jobs(&self) -> usize {
        aisle::jobs::run_due(&self.app).await.expect("jobs run")
    }

    /// Says that the test leaves dead letters behind on purpose.
    pub fn expects_dead_jobs(&self) {
        self.dead_jobs_expected.store(true, Ordering::Relaxed);
    }

    /// Says that the test makes the books wrong on purpose.
    pub fn expects_wrong_books(&self) {
        self.wrong_books_expected.store(true, Ordering::Relaxed);
    }

    /// Moves the service's clock forward.
    pub fn advance(&self, by: chrono::Duration) {
        self.app.clock.advance(by);
    }

    /// Begins a request; the path begins with a slash.
    pub fn call(&self, method: Method, path: &str) -> Call<'_> {
        Call { app: self, request: self.client.request(method, format!("{}{path}", self.url)) }
    }

    pub fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub fn put(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::PUT, path).json(body)
    }

    pub fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // A test that fails already says why; a second panic would hide it.
        if std::thread::panicking() {
            return;
        }
        let (dead, wrong) = self.database.left_behind();
        assert!(
            dead.is_empty() || self.dead_jobs_expected.load(Ordering::Relaxed),
            "jobs were given up (a test that wants this says expects_dead_jobs): {dead:#?}"
        );
        assert!(
            wrong.is_empty() || self.wrong_books_expected.load(Ordering::Relaxed),
            "the books don't add up (a test that makes them wrong says expects_wrong_books): {wrong:#?}"
        );
    }
}

/// A client without proxies and redirects, so that each answer is seen as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "tests stand outside the service and call it as its clients do"
)]
pub fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

/// A request in the making.
pub struct Call<'a> {
    app: &'a TestApp,
    request: reqwest::RequestBuilder,
}

impl Call<'_> {
    pub fn json(mut self, body: &Value) -> Self {
        self.request = self.request.json(body);
        self
    }

    pub fn body(mut self, media_type: &str, body: impl Into<reqwest::Body>) -> Self {
        self.request = self.request.header("content-type", media_type).body(body);
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(mut self, token: &str) -> Self {
        self.request = self.request.bearer_auth(token);
        self
    }

    /// Sends the request; the one place that every answer of every test passes, and is held against the document.
    pub async fn send(self) -> Answer {
        let request = self.request.build().expect("a request that can be sent");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let answer = Answer::of(self.app.client.execute(request).await.expect("the service answers")).await;
        openapi::check(&method, &path, &answer);
        answer
    }
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
    /// The body as JSON; null when it is none.
    pub json: Value,
}

impl Answer {
    /// A whole answer, of the service or of a partner's sandbox.
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("a whole body").to_vec();
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, bytes, json }
    }

    /// The answer, after making sure of its status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// Makes sure of a problem with this status and code.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        assert_eq!(answer.json["code"], code, "{}", answer.json);
        answer
    }

    /// A text of the body, by JSON pointer.
    #[track_caller]
    pub fn text(&self, pointer: &str) -> &str {
        self.json
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.json))
    }

    /// A whole number of the body, by JSON pointer.
    #[track_caller]
    pub fn number(&self, pointer: &str) -> i64 {
        self.json
            .pointer(pointer)
            .and_then(Value::as_i64)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.json))
    }
}

mod tests {
    use super::*;
    use crate::jobs;

    #[tokio::test]
    #[should_panic(expected = "jobs were given up")]
    async fn a_test_that_leaves_a_dead_letter_behind_fails() {
        let test = TestApp::new().await;
        jobs::ask(&test, "a").await;
        test.run_jobs().await;
    }

    #[tokio::test]
    async fn a_test_may_leave_a_dead_letter_on_purpose() {
        let test = TestApp::new().await;
        jobs::ask(&test, "a").await;
        test.run_jobs().await;
        test.expects_dead_jobs();
    }
}
