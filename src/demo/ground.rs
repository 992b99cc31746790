//! What the trip stands on: the sandboxes with their books, the service on SQLite, the retailer's own system.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpListener;

use super::accounts::Accounts;
use super::calls::Unexpected;
use super::print::Printer;
use super::script::Journey;
use super::subscriber::Subscriber;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::env::Env;
use crate::operations;
use crate::random::Random;
use crate::sandbox::{dhl, klarna, paypal};
use crate::serve::Service;

/// What the demo's shop is called at the PayPal sandbox.
const PAYPAL_CLIENT: (&str, &str) = ("aisle-demo", "aisle-demo-secret");
/// The id of the webhook subscription there.
const PAYPAL_WEBHOOK: &str = "AISLEDEMOWEBHOOK1";
/// The service's log, begun anew by each run.
const LOG: &str = "aisle.log";
/// The file of staff and partners.
const ACCOUNTS: &str = "accounts.json";
/// How often the demo asks after its parcel: a real courier is asked every few hours.
const TRACKING_INTERVAL: Duration = Duration::from_millis(250);
/// Where the service listens when nobody says.
const USUAL_PORT: u16 = 8080;

/// Everything that runs.
pub struct Ground {
    /// The service's parts, for the accounts and the checks only.
    pub app: App,
    /// PayPal.
    pub paypal: paypal::Sandbox,
    /// Klarna.
    pub klarna: klarna::Sandbox,
    /// DHL.
    pub dhl: dhl::Sandbox,
    /// The retailer's own system.
    pub subscriber: Subscriber,
    /// Staff and partners.
    pub accounts: Accounts,
    service: Service,
    folder: PathBuf,
}

impl Ground {
    /// Starts everything; state from an earlier run in this folder is kept.
    pub async fn prepare(
        folder: &Path,
        bind: Option<SocketAddr>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        tokio::fs::create_dir_all(folder).await?;
        let listener = listen(bind).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let paypal = start_paypal(folder, &url).await?;
        let credentials =
            dhl::Settings { state_file: Some(folder.join("dhl.json")), ..dhl::Settings::local() };
        let dhl = dhl::Sandbox::start(credentials.clone()).await?;
        let merchant =
            klarna::Settings { state_file: Some(folder.join("klarna.json")), ..klarna::Settings::local() };
        let klarna = klarna::Sandbox::start(merchant.clone()).await?;
        let subscriber = Subscriber::start().await?;
        let is_new = !folder.join("aisle.db").exists();
        let config = settings(folder, &url, &paypal, (&merchant, &klarna.url()), (&credentials, dhl.url()))?;
        operations::install_metrics();
        log_to(&folder.join(LOG))?;
        let app = App::start(config, Clock::System, Random::System).await?;
        let service = Service::start(&app, listener).await?;
        let accounts = Accounts::of(&app, &folder.join(ACCOUNTS), is_new).await?;
        Ok(Self { app, paypal, klarna, dhl, subscriber, accounts, service, folder: folder.to_owned() })
    }

    /// The service's address, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.service.address())
    }

    /// Keeps the secret of the retailer's subscription, which is told only once.
    pub fn keep_secret(&self, secret: &str) -> Result<(), Unexpected> {
        let accounts = Accounts { subscription_secret: Some(secret.to_owned()), ..self.accounts.clone() };
        let kept = accounts.keep(&self.folder.join(ACCOUNTS));
        kept.map_err(|error| Unexpected(format!("expected to keep the accounts: {error}")))
    }

    /// Says what runs where.
    pub fn introduce(&self, printer: &Printer) {
        printer.pair("service", &self.url());
        printer.pair("database", &self.app.config.database.describe());
        printer.pair("PayPal sandbox", &self.paypal.url());
        printer.pair("Klarna sandbox", &self.klarna.url());
        printer.pair("DHL sandbox", self.dhl.url());
        printer.pair("retailer's own system", &self.subscriber.url);
        printer.pair("the service's log", &self.folder.join(LOG).display().to_string());
        printer.pair("folder, kept for next time", &self.folder.display().to_string());
    }

    /// Says what can be looked at.
    pub fn show_pages(&self, printer: &Printer, journey: &Journey) {
        printer.heading("Pages");
        printer.pair("API documentation", &format!("{}/docs", self.url()));
        printer.pair("metrics", &format!("{}/metrics", self.url()));
        printer.pair("PayPal sandbox, its books", &self.paypal.url());
        printer.pair("Klarna sandbox, its books", &self.klarna.url());
        printer.pair("DHL sandbox, its books", self.dhl.url());
        printer.pair("the parcel's label (PDF)", &journey.label);
        printer.pair("the receipt, for a while", "");
        printer.line(&journey.receipt);
        printer.pair("the parcel's way", "");
        printer.line(&journey.follow);
    }

    /// Leaves the names and tokens of the people for whoever goes on by hand, and says where.
    pub fn leave_tour(&self, printer: &Printer, journey: &Journey) -> io::Result<()> {
        let file = self.folder.join("tour.sh");
        let text = format!(
            "# For curl: the service, and who takes part. The tokens last ten minutes; the demo run again writes new ones.\n\
             AISLE={}\nSHOPPER={}\nMETHOD={}\nSTAFF={}\nGATE={}\n",
            self.url(),
            journey.shopper_token,
            journey.method,
            journey.clerk_token,
            self.accounts.gate_key,
        );
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        io::Write::write_all(&mut options.open(&file)?, text.as_bytes())?;
        printer.pair("for curl, see the README", &format!(". {}", file.display()));
        Ok(())
    }

    /// Ends everything in order.
    pub async fn stop(self) {
        self.service.stop().await;
        self.app.db.close().await;
        self.paypal.stop().await;
        self.klarna.stop().await;
        self.dhl.stop().await;
        self.subscriber.stop().await;
    }
}

/// The service logs to a file, so that the page stays readable.
fn log_to(file: &Path) -> io::Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::new("info,sqlx=warn");
    let log = std::sync::Mutex::new(std::fs::File::create(file)?);
    // A second call finds the first one's subscriber in place.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(log).try_init();
    Ok(())
}

async fn listen(bind: Option<SocketAddr>) -> io::Result<TcpListener> {
    if let Some(bind) = bind {
        return TcpListener::bind(bind).await;
    }
    match TcpListener::bind(("127.0.0.1", USUAL_PORT)).await {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => TcpListener::bind(("127.0.0.1", 0)).await,
        listener => listener,
    }
}

async fn start_paypal(folder: &Path, url: &str) -> io::Result<paypal::Sandbox> {
    paypal::Sandbox::start(paypal::Settings {
        bind: SocketAddr::from(([127, 0, 0, 1], 0)),
        client_id: PAYPAL_CLIENT.0.to_owned(),
        client_secret: PAYPAL_CLIENT.1.to_owned(),
        webhook: Some(paypal::WebhookTarget {
            url: format!("{url}/v1/webhooks/payments/paypal"),
            webhook_id: PAYPAL_WEBHOOK.to_owned(),
        }),
        state_file: Some(folder.join("paypal.json")),
    })
    .await
}

fn settings(
    folder: &Path,
    url: &str,
    paypal: &paypal::Sandbox,
    (klarna, klarna_url): (&klarna::Settings, &str),
    (dhl, dhl_url): (&dhl::Settings, &str),
) -> Result<Config, Box<dyn std::error::Error>> {
    let paypal_url = paypal.url();
    let database = folder.join("aisle.db");
    let pairs = [
        ("AISLE_BIND", url.trim_start_matches("http://").to_owned()),
        ("AISLE_PUBLIC_URL", url.to_owned()),
        ("AISLE_DATABASE_FILE", database.to_str().ok_or("the folder's name is not UTF-8")?.to_owned()),
        ("AISLE_PAYPAL_URL", paypal_url.clone()),
        ("AISLE_PAYPAL_CLIENT_ID", PAYPAL_CLIENT.0.to_owned()),
        ("AISLE_PAYPAL_CLIENT_SECRET", PAYPAL_CLIENT.1.to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ID", PAYPAL_WEBHOOK.to_owned()),
        ("AISLE_PAYPAL_WEBHOOK_ROOTS", paypal.root_certificate_pem()),
        ("AISLE_PAYPAL_CERT_HOSTS", paypal_url.trim_start_matches("http://").to_owned()),
        ("AISLE_KLARNA_URL", klarna_url.to_owned()),
        ("AISLE_KLARNA_USERNAME", klarna.username.clone()),
        ("AISLE_KLARNA_PASSWORD", klarna.password.clone()),
        ("AISLE_KLARNA_COUNTRY", "DE".to_owned()),
        ("AISLE_KLARNA_CURRENCY", "EUR".to_owned()),
        ("AISLE_EXCHANGE_ALLOW_INTERNAL", "true".to_owned()),
    ];
    let pairs = pairs.into_iter().chain(dhl.for_service(dhl_url)).chain(dhl.for_returns());
    let mut config = Config::read(&Env::from_pairs(pairs))?;
    // Below what the environment may say, because here the courier is a sandbox that minds no quota.
    config.delivery.tracking_interval = TRACKING_INTERVAL;
    Ok(config)
}
