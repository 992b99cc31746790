//! A real Vendure as a process of its own, over a copy of the seeded database: `AISLE_VENDURE` names the folder that
//! `tests/vendure/prepare` made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::killable::within_at;
use super::{Answer, client};

/// A start that takes longer hangs.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is looked whether it answers.
const LOOK: Duration = Duration::from_millis(100);

/// A running Vendure; killed when dropped.
pub struct Vendure {
    folder: tempfile::TempDir,
    prepared: PathBuf,
    port: u16,
    child: Option<Child>,
    client: reqwest::Client,
    token: String,
    pub seed: Value,
}

impl Vendure {
    /// Starts one over a fresh copy.
    #[expect(clippy::disallowed_methods, reason = "tests have no settings; the runner names the folder")]
    pub async fn start() -> Self {
        let prepared =
            std::env::var("AISLE_VENDURE").expect("AISLE_VENDURE names a folder of tests/vendure/prepare");
        let prepared = PathBuf::from(prepared);
        let folder = tempfile::tempdir().expect("a folder");
        let seed = std::fs::read(prepared.join("seed.json")).expect("a seeded Vendure");
        let seed = serde_json::from_slice(&seed).expect("JSON");
        std::fs::copy(prepared.join("seeded.sqlite"), folder.path().join("shop.sqlite")).expect("a copy");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let token = String::new();
        let mut vendure = Self { folder, prepared, port, child: None, client: client(), token, seed };
        vendure.restart().await;
        vendure
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The password of a user.
    pub fn password(&self, user: &str) -> &str {
        self.seed["users"][user].as_str().expect("a password")
    }

    /// The id of a store's stock location.
    pub fn location(&self, store: usize) -> &str {
        self.seed["locations"][store].as_str().expect("an id")
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again over the same database, waits until it answers, and lets the administrator in.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = Command::new("node")
            .arg(self.prepared.join("server.js"))
            .env("SHOP_DATABASE", self.folder.path().join("shop.sqlite"))
            .env("SHOP_PORT", self.port.to_string())
            .env("SHOP_PASSWORD", self.password("superadmin"))
            .env("VENDURE_DISABLE_TELEMETRY", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("node starts");
        self.child = Some(child);
        let url = format!("{}/health", self.url());
        let answers = async || self.client.get(&url).send().await.is_ok();
        assert!(within_at(LOOK, START_TIMEOUT, answers).await, "Vendure does not answer:\n{}", self.log());
        let login = "mutation ($password: String!) {
            login(username: \"superadmin\", password: $password) { __typename }
        }";
        self.token = String::new();
        let answer = self.send(login, &json!({ "password": self.password("superadmin") })).await;
        answer.headers["vendure-auth-token"].to_str().expect("text").clone_into(&mut self.token);
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    async fn send(&self, query: &str, variables: &Value) -> Answer {
        let mut request = self
            .client
            .post(format!("{}/admin-api", self.url()))
            .json(&json!({ "query": query, "variables": variables }));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        let answer = Answer::of(request.send().await.expect("Vendure answers")).await;
        assert!(answer.json.get("errors").is_none(), "{query}: {}\n{}", answer.json, self.log());
        answer
    }

    /// Asks as the superuser; answers `data`.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        self.send(query, &variables).await.json["data"].take()
    }

    /// Changes a variant.
    pub async fn change(&self, mut variant: Value, id: &str) {
        variant["id"] = json!(id);
        let query = "mutation ($input: [UpdateProductVariantInput!]!) {
            updateProductVariants(input: $input) { id }
        }";
        self.ask(query, json!({ "input": [variant] })).await;
    }

    /// What it has of everything at a location, by SKU.
    pub async fn stock(&self, location: &str) -> BTreeMap<String, i64> {
        let query = "{ productVariants(options: { take: 1000 }) {
            items { sku stockLevels { stockLocationId stockOnHand } }
        } }";
        let data = self.ask(query, json!({})).await;
        let items = data["productVariants"]["items"].as_array().expect("items");
        let level = |item: &Value| {
            let levels = item["stockLevels"].as_array().expect("levels");
            let level = levels.iter().find(|level| level["stockLocationId"] == location)?;
            Some((item["sku"].as_str()?.to_owned(), level["stockOnHand"].as_i64()?))
        };
        items.iter().filter_map(level).collect()
    }
}

impl Drop for Vendure {
    fn drop(&mut self) {
        self.kill();
    }
}
