//! A real Tryton as a process of its own, over a copy of the seeded database: `AISLE_TRYTON` names the folder that
//! `tests/tryton/prepare` made.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine;
use reqwest::Method;
use serde_json::{Value, json};

use super::killable::within_at;
use super::{Answer, client};

/// A start that takes longer hangs.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// How often it is looked whether it answers.
const LOOK: Duration = Duration::from_millis(100);

/// A running Tryton; killed when dropped.
pub struct Tryton {
    folder: tempfile::TempDir,
    prepared: PathBuf,
    port: u16,
    child: Option<Child>,
    client: reqwest::Client,
    pub seed: Value,
}

impl Tryton {
    /// Starts one over a fresh copy.
    #[expect(clippy::disallowed_methods, reason = "tests have no settings; the runner names the folder")]
    pub async fn start() -> Self {
        let prepared =
            std::env::var("AISLE_TRYTON").expect("AISLE_TRYTON names a folder of tests/tryton/prepare");
        let prepared = PathBuf::from(prepared);
        let folder = tempfile::tempdir().expect("a folder");
        let seed = std::fs::read(prepared.join("seed.json")).expect("a seeded Tryton");
        let seed = serde_json::from_slice(&seed).expect("JSON");
        std::fs::copy(prepared.join("seeded.sqlite"), folder.path().join("erp.sqlite")).expect("a copy");
        let settings = format!("[database]\nuri = sqlite://\npath = {}\n", folder.path().display());
        std::fs::write(folder.path().join("trytond.conf"), settings).expect("written");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut tryton = Self { folder, prepared, port, child: None, client: client(), seed };
        tryton.restart().await;
        tryton
    }

    /// Where it is, with the name of its database.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/erp", self.port)
    }

    /// The key of a user.
    pub fn key(&self, user: &str) -> &str {
        self.seed["keys"][user].as_str().expect("a key")
    }

    /// Ends it as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One process with threads: nothing of it is left.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again over the same database, and waits until it answers.
    pub async fn restart(&mut self) {
        self.kill();
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        // A process without a master and workers, so that killing it kills all of it.
        let program = "import sys\nfrom trytond.application import app\nfrom werkzeug.serving import run_simple\n\
             run_simple('127.0.0.1', int(sys.argv[1]), app, threaded=True)";
        let child = Command::new(self.prepared.join("venv/bin/python"))
            .args(["-c", program, &self.port.to_string()])
            .env("TRYTOND_CONFIG", self.folder.path().join("trytond.conf"))
            .env("TRYTOND_DATABASE_NAMES", "erp")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("Tryton starts");
        self.child = Some(child);
        let url = format!("{}/rest/model/company.company", self.url());
        let answers = async || self.client.get(&url).bearer_auth(self.key("aisle")).send().await.is_ok();
        assert!(within_at(LOOK, START_TIMEOUT, answers).await, "Tryton does not answer:\n{}", self.log());
    }

    fn log(&self) -> String {
        read(&self.folder.path().join("log"))
    }

    /// Calls it as the administrator, with the company in the context.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let context = json!({ "company": self.seed["company"] }).to_string();
        let context = base64::engine::general_purpose::URL_SAFE.encode(context);
        let mut request = self
            .client
            .request(method, format!("{}/rest/model/{path}", self.url()))
            .bearer_auth(self.key("admin"))
            .header("x-tryton-context", context);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = Answer::of(request.send().await.expect("Tryton answers")).await;
        assert!(
            answer.status.is_success(),
            "{path}: {} {}\n{}",
            answer.status,
            String::from_utf8_lossy(&answer.bytes),
            self.log()
        );
        answer
    }

    pub async fn put(&self, path: &str, body: Value) {
        self.call(Method::PUT, path, Some(&body)).await;
    }

    /// Answers the id of what was made.
    pub async fn post(&self, path: &str, body: Value) -> i64 {
        self.call(Method::POST, path, Some(&body)).await.json["id"].as_i64().unwrap_or_default()
    }

    pub async fn delete(&self, path: &str) {
        self.call(Method::DELETE, path, None).await;
    }

    /// Counts the pieces of a product in a location: the inventory sets it to this.
    pub async fn count(&self, location: &Value, product: i64, pieces: i64) {
        let line = json!({ "product": product, "quantity": pieces });
        let inventory = json!({
            "location": location, "company": self.seed["company"], "empty_quantity": "keep",
            "lines": [["create", [line]]],
        });
        let id = self.post("stock.inventory", inventory).await;
        self.post(&format!("stock.inventory/{id}/confirm"), json!({})).await;
    }
}

impl Drop for Tryton {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A decimal as Tryton takes it.
pub fn decimal(text: &str) -> Value {
    json!({ "__class__": "Decimal", "decimal": text })
}
