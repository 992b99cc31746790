//! A shop whose service can be killed and started again, while its database, its partners and their books stay.

mod caller;
mod couriers;
mod server;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aisle::app::App;
use aisle::clock::{Clock, Moment};
use aisle::config::Config;
use aisle::db::Place;
use aisle::env::Env;
use aisle::identity::{Grant, Role, StaffInput, create_staff};
use aisle::ids::Ids;
use aisle::random::Random;
use aisle::sandbox::{klarna, paypal};
use reqwest::{Client, Method};
use serde_json::Value;
use uuid::Uuid;

use super::client;
use super::database::TestDatabase;
use super::identity::{MASTER_KEY, PASSWORD};
pub use caller::Caller;
pub use couriers::Couriers;
use server::Server;

/// How the world reaches the service: the same over all restarts, whatever port it gets.
const PUBLIC_URL: &str = "http://aisle.test";
const WEBHOOK_ID: &str = "CRASHWEBHOOK1";
/// The login of a supervisor of every store.
const SUPERVISOR: &str = "supervisor";
/// Longer than the service's own longest wait.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(4);

pub struct Shop {
    pub paypal: paypal::Sandbox,
    pub klarna: klarna::Sandbox,
    pub couriers: Couriers,
    pub database: TestDatabase,
    pub ids: Ids,
    client: Client,
    variables: Vec<(String, String)>,
    server: Mutex<Option<Server>>,
}

/// Status and body.
pub type Answer = (u16, Value);

impl Shop {
    /// A running shop with a catalogue.
    pub async fn open() -> Self {
        let database = TestDatabase::new().await;
        let paypal = paypal::Sandbox::start(paypal::Settings {
            bind: "127.0.0.1:0".parse().expect("an address"),
            client_id: "shop".to_owned(),
            client_secret: "secret".to_owned(),
            webhook: None,
            state_file: None,
        })
        .await
        .expect("a sandbox");
        let merchant = klarna::Settings::local();
        let klarna = klarna::Sandbox::start(merchant.clone()).await.expect("a sandbox");
        let couriers = Couriers::start().await;
        let mut variables = variables(&database, &paypal);
        variables.extend(couriers.variables());
        variables.extend(klarna_variables(&klarna, merchant));
        furnish(&database, &variables).await;
        let shop = Self {
            paypal,
            klarna,
            couriers,
            database,
            ids: Ids::default(),
            client: client(),
            variables,
            server: Mutex::new(None),
        };
        shop.restart().await;
        shop
    }

    /// Starts the service; PayPal learns where it is now.
    pub async fn restart(&self) {
        let server = Server::start(&self.variables).await;
        let url = format!("{}/v1/webhooks/payments/paypal", server.url);
        self.paypal.set_webhook(paypal::WebhookTarget { url, webhook_id: WEBHOOK_ID.to_owned() });
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
    }

    /// Kills the service.
    pub fn kill(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        server.expect("it runs").kill();
    }

    /// The last lines that the service logged.
    pub fn log(&self) -> String {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().map(Server::log).unwrap_or_default()
    }

    /// Where the service is; nothing while it is dead.
    fn url(&self) -> Option<String> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().map(|server| server.url.clone())
    }

    /// One request without credentials; nothing when the connection broke.
    async fn request(&self, token: &str, method: Method, path: &str, body: &Value) -> Option<Answer> {
        let url = self.url()?;
        let mut request = self.client.request(method, format!("{url}{path}")).timeout(CALL_TIMEOUT);
        if !body.is_null() {
            request = request.json(body);
        }
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let answer = request.header("prefer", "wait=15").send().await.ok()?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.ok()?;
        Some((status, serde_json::from_slice(&bytes).unwrap_or_default()))
    }

    /// A new shopper, signed in.
    pub async fn shopper(&self) -> Caller<'_> {
        Caller::shopper(self).await
    }

    /// A supervisor of every store, signed in.
    pub async fn supervisor(&self) -> Caller<'_> {
        Caller::staff(self, SUPERVISOR, PASSWORD).await
    }

    /// The payer agrees on a page of a provider's; whether that was possible.
    pub fn approve(&self, page: &str, email: &str) -> bool {
        if page.starts_with(&self.klarna.url()) {
            self.klarna.approve(page, email)
        } else {
            self.paypal.approve(page, email)
        }
    }

    /// Whether PayPal has used up the faults that were ordered.
    pub async fn is_fault_taken(&self) -> bool {
        self.faults_left(&self.paypal.url()).await.is_empty()
    }

    /// The faults that were ordered at a sandbox and did not strike.
    pub async fn faults_left(&self, sandbox: &str) -> Vec<paypal::Rule> {
        let answer = self.client.get(format!("{sandbox}/sandbox/faults")).send().await;
        answer.expect("an answer").json().await.expect("rules")
    }

    /// PayPal forgets every access token.
    pub async fn forget_tokens(&self) {
        let url = format!("{}/sandbox/tokens", self.paypal.url());
        self.client.delete(url).send().await.expect("an answer");
    }

    /// Runs the program once more beside the service, as staff do: what it printed, and its exit code.
    pub async fn command(&self, arguments: Vec<String>) -> (String, Option<i32>) {
        let variables = self.variables.clone();
        let run = move || server::run(&variables, &arguments);
        tokio::task::spawn_blocking(run).await.expect("it runs")
    }

    /// The service's parts over the same database, at another time; nothing works its jobs.
    pub async fn app_at(&self, now: Moment) -> App {
        app(&self.database, &self.variables, Clock::manual(now)).await
    }
}

/// Looks until the condition holds, or the time is over; says which.
pub async fn within(longest: Duration, holds: impl AsyncFnMut() -> bool) -> bool {
    within_at(LOOK, longest, holds).await
}

/// The same, so seldom: what is looked at costs the service something.
pub async fn within_at(every: Duration, longest: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let looking = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    tokio::time::timeout(longest, looking).await.is_ok()
}

fn variables(database: &TestDatabase, paypal: &paypal::Sandbox) -> Vec<(String, String)> {
    let place = match &database.options.place {
        Place::SqliteFile(file) => ("AISLE_DATABASE_FILE", file.to_str().expect("text").to_owned()),
        Place::PostgresUrl(url) => ("DATABASE_URL", url.clone()),
    };
    let paypal_url = paypal.url();
    let pairs = [
        place,
        ("AISLE_DATABASE_CONNECTIONS", database.options.connections_max.to_string()),
        ("AISLE_BIND", "127.0.0.1:0".to_owned()),
        ("AISLE_PUBLIC_URL", PUBLIC_URL.to_owned()),
        ("AISLE_MASTER_KEY", MASTER_KEY.to_owned()),
        ("AISLE_PAYPAL_CERT_HOSTS", paypal_url.trim_start_matches("http://").to_owned()),
        ("AISLE_PAYPAL_URL", paypal_url),
        ("AISLE_PAYPAL_CLIENT_ID", "shop".to_owned()),
        ("AISLE_PAYPAL_CLIENT_SECRET", "secret".to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ID", WEBHOOK_ID.to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ROOTS", paypal.root_certificate_pem()),
        ("RUST_LOG", "warn".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn klarna_variables(sandbox: &klarna::Sandbox, merchant: klarna::Settings) -> Vec<(String, String)> {
    let pairs = [
        ("AISLE_KLARNA_URL", sandbox.url()),
        ("AISLE_KLARNA_USERNAME", merchant.username),
        ("AISLE_KLARNA_PASSWORD", merchant.password),
        ("AISLE_KLARNA_COUNTRY", "DE".to_owned()),
        ("AISLE_KLARNA_CURRENCY", "EUR".to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

async fn app(database: &TestDatabase, variables: &[(String, String)], clock: Clock) -> App {
    let mut config = Config::read(&Env::from_pairs(variables.to_vec())).expect("settings");
    config.database = database.options.clone();
    App::start(config, clock, Random::System).await.expect("the app starts")
}

/// Writes the small catalogue and an account of staff into the database before the service opens it.
async fn furnish(database: &TestDatabase, variables: &[(String, String)]) {
    let app = app(database, variables, Clock::System).await;
    let text = super::catalog::lines(&super::catalog::rows());
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>(axum::body::Bytes::from(text))]);
    let name: Uuid = app.ids.next();
    let mut content = aisle::catalog::Content::receive(body, name).await.expect("received");
    let now: Moment = app.clock.now();
    let report =
        aisle::catalog::apply_batch(&app.db, now, app.ids.next(), &mut content).await.expect("applied");
    assert_eq!(report.quarantined, 0);
    let grants = vec![Grant { store: "*".parse().expect("stores"), role: Role::Supervisor }];
    let input =
        StaffInput { login: SUPERVISOR.to_owned(), password: Some(PASSWORD.into()), active: true, grants };
    create_staff(&app, input).await.expect("an account");
    app.db.close().await;
}
