//! `aisle sandbox`: the partners' servers alone, for a service that runs beside them.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;

use super::{dhl, gls, klarna, paypal, uber, ups};

/// The credentials of the PayPal sandbox.
const PAYPAL_CLIENT: (&str, &str) = ("aisle-sandbox", "aisle-sandbox-secret");
/// Where a service on this machine takes PayPal's webhooks, unless somebody says otherwise.
const WEBHOOK_URL: &str = "http://127.0.0.1:8080/v1/webhooks/payments/paypal";
/// The id of the webhook subscription, unless somebody says otherwise.
const WEBHOOK_ID: &str = "AISLESANDBOXHOOK1";

/// How fast a GLS parcel moves on after the end of its day, by the sandbox's clock.
const GLS_MOVES_EVERY: Duration = Duration::from_hours(3);

/// How fast an Uber courier comes to the next stage, by the sandbox's clock.
const UBER_MOVES_EVERY: Duration = Duration::from_mins(5);
/// Where a service on this machine takes Uber's webhooks, and the key that they are signed with.
const UBER_WEBHOOK: (&str, &str) =
    ("http://127.0.0.1:8080/v1/webhooks/delivery/uber", "aisle-uber-webhook-key");

/// Where a service on this machine takes UPS's messages, and the key that they bear.
const UPS_ALERTS: (&str, &str) =
    ("http://127.0.0.1:8080/v1/webhooks/delivery/ups", "aisle-ups-sandbox-key-of-track-alert");
/// What a service on this machine asks DHL's messages to bear.
const DHL_PUSH_TOKEN: &str = "aisle-dhl-sandbox-token-of-the-push";

/// Which partners.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Which {
    /// PayPal.
    Paypal,
    /// DHL Parcel DE.
    Dhl,
    /// Klarna.
    Klarna,
    /// UPS.
    Ups,
    /// GLS ShipIT.
    Gls,
    /// Uber Direct.
    Uber,
    /// All of them.
    All,
}

/// How the sandboxes are run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Which partners.
    #[arg(default_value = "all")]
    which: Which,
    /// Where they listen: PayPal here, DHL one port above, Klarna two, UPS three, GLS four, Uber five; one alone here; port 0
    /// takes free ones.
    #[arg(long, default_value = "127.0.0.1:8090")]
    bind: SocketAddr,
    /// Where their books are kept; the next run goes on with them.
    #[arg(long, default_value = "aisle-data/sandbox")]
    state: PathBuf,
    /// Where PayPal's webhooks are sent.
    #[arg(long, default_value = WEBHOOK_URL)]
    webhook_url: String,
    /// The id of the webhook subscription.
    #[arg(long, default_value = WEBHOOK_ID)]
    webhook_id: String,
}

/// Sandboxes that run.
pub struct Sandboxes {
    paypal: Option<paypal::Sandbox>,
    dhl: Option<(dhl::Sandbox, dhl::Settings)>,
    klarna: Option<(klarna::Sandbox, klarna::Settings)>,
    ups: Option<(ups::Sandbox, ups::Settings)>,
    gls: Option<(gls::Sandbox, gls::Settings)>,
    uber: Option<(uber::Sandbox, uber::Settings)>,
    webhook: paypal::WebhookTarget,
    environment: PathBuf,
    roots: PathBuf,
}

impl Sandboxes {
    /// Starts them, and writes what a service needs to know of them to files in the state's folder.
    pub async fn start(arguments: Arguments) -> io::Result<Self> {
        let Arguments { which, bind, state, webhook_url: url, webhook_id } = arguments;
        std::fs::create_dir_all(&state)?;
        let webhook = paypal::WebhookTarget { url, webhook_id };
        let runs = |one: Which| which == one || which == Which::All;
        let at = |place: u16| if which == Which::All { port_above(bind, place) } else { bind };
        let paypal = if runs(Which::Paypal) {
            let settings = paypal::Settings {
                bind: at(0),
                client_id: PAYPAL_CLIENT.0.to_owned(),
                client_secret: PAYPAL_CLIENT.1.to_owned(),
                webhook: Some(webhook.clone()),
                state_file: Some(state.join("paypal.json")),
            };
            Some(paypal::Sandbox::start(settings).await?)
        } else {
            None
        };
        let dhl = if runs(Which::Dhl) {
            let state_file = Some(state.join("dhl.json"));
            let settings = dhl::Settings { bind: at(1), state_file, ..dhl::Settings::local() };
            Some((dhl::Sandbox::start(settings.clone()).await?, settings))
        } else {
            None
        };
        let klarna = if runs(Which::Klarna) {
            let state_file = Some(state.join("klarna.json"));
            let limits = klarna::Limits::LIVE;
            let settings = klarna::Settings { bind: at(2), state_file, limits, ..klarna::Settings::local() };
            Some((klarna::Sandbox::start(settings.clone()).await?, settings))
        } else {
            None
        };
        let ups = if runs(Which::Ups) { Some(start_ups(at(3), &state).await?) } else { None };
        let gls = if runs(Which::Gls) { Some(start_gls(at(4), &state).await?) } else { None };
        let uber = if runs(Which::Uber) { Some(start_uber(at(5), &state).await?) } else { None };
        let (environment, roots) = (state.join("aisle.env"), state.join("paypal-root.pem"));
        let sandboxes = Self { paypal, dhl, klarna, ups, gls, uber, webhook, environment, roots };
        if let Some(paypal) = &sandboxes.paypal {
            std::fs::write(&sandboxes.roots, paypal.root_certificate_pem())?;
        }
        std::fs::write(&sandboxes.environment, sandboxes.variables())?;
        Ok(sandboxes)
    }

    /// What a person needs to know: addresses, credentials, pages, variables, controls.
    pub fn guide(&self) -> String {
        let mut guide = String::new();
        // Writing to a text can't fail.
        if let Some(paypal) = &self.paypal {
            let _ = writeln!(guide, "{}", paypal_guide(&paypal.url(), &self.webhook));
        }
        if let Some((dhl, settings)) = &self.dhl {
            let _ = writeln!(guide, "{}", dhl_guide(dhl.url(), settings));
        }
        if let Some((klarna, settings)) = &self.klarna {
            let _ = writeln!(guide, "{}", klarna_guide(&klarna.url(), settings));
        }
        if let Some((ups, settings)) = &self.ups {
            let _ = writeln!(guide, "{}", ups_guide(ups.url(), settings));
        }
        if let Some((gls, settings)) = &self.gls {
            let _ = writeln!(guide, "{}", gls_guide(gls.url(), settings));
        }
        if let Some((uber, settings)) = &self.uber {
            let _ = writeln!(guide, "{}", uber_guide(uber.url(), settings));
        }
        let _ = writeln!(guide, "Variables for `aisle serve`, also in {}:\n", self.environment.display());
        for line in self.variables().lines() {
            let _ = writeln!(guide, "  {line}");
        }
        let _ = write!(guide, "\n  set -a; . {}; set +a; aisle serve", self.environment.display());
        guide
    }

    /// A line a variable, to be read by a shell.
    fn variables(&self) -> String {
        let mut pairs: Vec<(&str, String)> = Vec::new();
        if let Some(paypal) = &self.paypal {
            let url = paypal.url();
            pairs.extend([
                ("AISLE_PAYPAL_URL", url.clone()),
                ("AISLE_PAYPAL_CLIENT_ID", PAYPAL_CLIENT.0.to_owned()),
                ("AISLE_PAYPAL_CLIENT_SECRET", PAYPAL_CLIENT.1.to_owned()),
                ("AISLE_PAYPAL_WEBHOOK_ID", self.webhook.webhook_id.clone()),
                ("AISLE_PAYPAL_WEBHOOK_ROOTS_FILE", quoted(&self.roots.display().to_string())),
                ("AISLE_PAYPAL_CERT_HOSTS", url.trim_start_matches("http://").to_owned()),
            ]);
        }
        if let Some((dhl, settings)) = &self.dhl {
            pairs.extend(settings.for_service(dhl.url()));
            pairs.extend(settings.for_returns());
            pairs.extend([
                ("AISLE_DHL_PUSH_ACCOUNT", settings.billing_number.chars().take(10).collect::<String>()),
                ("AISLE_DHL_PUSH_TOKEN", DHL_PUSH_TOKEN.to_owned()),
            ]);
        }
        if let Some((ups, settings)) = &self.ups {
            pairs.extend(settings.for_service(ups.url()));
            pairs.extend([
                ("AISLE_UPS_PICKUP_PHONE", "+4922812345".to_owned()),
                ("AISLE_UPS_ALERT_KEY", UPS_ALERTS.1.to_owned()),
            ]);
        }
        if let Some((klarna, settings)) = &self.klarna {
            pairs.extend([
                ("AISLE_KLARNA_URL", klarna.url()),
                ("AISLE_KLARNA_USERNAME", settings.username.clone()),
                ("AISLE_KLARNA_PASSWORD", settings.password.clone()),
                ("AISLE_KLARNA_COUNTRY", "DE".to_owned()),
                ("AISLE_KLARNA_CURRENCY", "EUR".to_owned()),
            ]);
        }
        if let Some((gls, settings)) = &self.gls {
            pairs.extend(settings.for_service(gls.url()));
        }
        if let Some((uber, settings)) = &self.uber {
            pairs.extend(settings.for_service(uber.url()));
            pairs.extend([("AISLE_UBER_WEBHOOK_KEY", UBER_WEBHOOK.1.to_owned())]);
        }
        let mut lines = String::new();
        for (name, value) in pairs {
            let _ = writeln!(lines, "{name}={value}");
        }
        lines
    }

    /// Ends them in order.
    pub async fn stop(self) {
        if let Some(paypal) = self.paypal {
            paypal.stop().await;
        }
        if let Some((dhl, _)) = self.dhl {
            dhl.stop().await;
        }
        if let Some((klarna, _)) = self.klarna {
            klarna.stop().await;
        }
        if let Some((ups, _)) = self.ups {
            ups.stop().await;
        }
        if let Some((gls, _)) = self.gls {
            gls.stop().await;
        }
        if let Some((uber, _)) = self.uber {
            uber.stop().await;
        }
    }
}

/// UPS alone: with limits, and with packages that travel as the clock runs.
async fn start_ups(bind: SocketAddr, state: &Path) -> io::Result<(ups::Sandbox, ups::Settings)> {
    let (state_file, limits) = (Some(state.join("ups.json")), ups::Limits::ALONE);
    let (url, key) = (UPS_ALERTS.0.to_owned(), UPS_ALERTS.1.to_owned());
    let webhook = Some(ups::AlertTarget { url, credentials: ups::AlertCredentials::ApiKey(key) });
    let settings =
        ups::Settings { bind, state_file, limits, webhook, travels: true, ..ups::Settings::local() };
    Ok((ups::Sandbox::start(settings.clone()).await?, settings))
}

async fn start_gls(bind: SocketAddr, state: &Path) -> io::Result<(gls::Sandbox, gls::Settings)> {
    let (state_file, moves_every) = (Some(state.join("gls.json")), Some(GLS_MOVES_EVERY));
    let settings = gls::Settings { bind, state_file, moves_every, ..gls::Settings::local() };
    Ok((gls::Sandbox::start(settings.clone()).await?, settings))
}

async fn start_uber(bind: SocketAddr, state: &Path) -> io::Result<(uber::Sandbox, uber::Settings)> {
    let (url, signing_key) = (UBER_WEBHOOK.0.to_owned(), UBER_WEBHOOK.1.to_owned());
    let settings = uber::Settings {
        bind,
        webhook: Some(uber::WebhookTarget { url, signing_key }),
        moves_every: Some(UBER_MOVES_EVERY),
        state_file: Some(state.join("uber.json")),
        ..uber::Settings::local()
    };
    Ok((uber::Sandbox::start(settings.clone()).await?, settings))
}

/// The address so many ports above; free ports stay free ones.
fn port_above(mut address: SocketAddr, places: u16) -> SocketAddr {
    if address.port() != 0 {
        address.set_port(address.port().wrapping_add(places));
    }
    address
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn paypal_guide(url: &str, webhook: &paypal::WebhookTarget) -> String {
    format!(
        "PayPal sandbox         {url}
  client id, secret    {}, {}
  webhooks             to {} as {}
  pages                {url}/  explains itself and shows its books
                       approval pages: as the answers of the API name them
  books                GET {url}/sandbox/books
  outcomes             words in the payer's e-mail address, before the @: +declined, +action, +pending,
                       +revoked, +latedecline, +renewdeclined, +disputes, +chargeback, +savelater, +refundpending
                       or the header of a call, as at PayPal:
                       PayPal-Mock-Response: {{\"mock_application_codes\":\"INSTRUMENT_DECLINED\"}}
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"orders.create\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status, 429 for too many calls), no_answer_before,
                       no_answer_after (hold), delay_ms (delay_ms); DELETE clears; DELETE {url}/sandbox/tokens
                       ends every access token
  webhooks go wrong    POST {url}/sandbox/webhooks
                       {{\"drop_next\":1,\"duplicate_next\":1,\"reverse\":true,\"hold\":false,\"delay_ms\":500}}
  later events         POST {url}/sandbox/captures/ID/settle {{\"outcome\":\"DECLINED\"}}, .../reverse,
                       .../dispute {{\"reason\":\"UNAUTHORISED\",\"stage\":\"CHARGEBACK\"}};
                       POST {url}/sandbox/disputes/ID/resolve {{\"ending\":\"buyer\"}} (or seller, withdrawn);
                       POST {url}/sandbox/refunds/ID/settle, {url}/sandbox/payment-tokens/ID/revoke,
                       {url}/sandbox/orders/ID/save
  its own books        POST {url}/sandbox/payouts {{\"currency_code\":\"EUR\",\"minor\":1000}};
                       POST {url}/sandbox/reporting {{\"late_seconds\":10800}}
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":3600}}
",
        PAYPAL_CLIENT.0, PAYPAL_CLIENT.1, webhook.url, webhook.webhook_id
    )
}

fn dhl_guide(url: &str, settings: &dhl::Settings) -> String {
    format!(
        "DHL Parcel DE sandbox  {url}
  API key, secret      {}, {}
  user, password       {}, {}
  billing number       {}
  pages                {url}/  shows its books and moves parcels by buttons
  books                GET {url}/sandbox/books
  a parcel moves on    POST {url}/sandbox/shipments/NUMBER/events {{\"code\":\"advance\"}}
                       codes: advance, return_started, return_to_sender, age_check_failed, lost
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"orders.create\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status), no_answer_before, no_answer_after, delay_ms,
                       item_error, label_missing, garbled; DELETE clears
  messages go wrong    POST {url}/sandbox/pushes
                       {{\"drop_next\":1,\"duplicate_next\":1,\"reverse\":true,\"delay_seconds\":60,\"hold\":false}}
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":3600}}
",
        settings.api_key, settings.api_secret, settings.username, settings.password, settings.billing_number
    )
}

fn gls_guide(url: &str, settings: &gls::Settings) -> String {
    format!(
        "GLS sandbox            {url}
  client id, secret    {}, {}
  ContactID            {}
  pages                {url}/  shows its books and moves parcels by buttons
  books                GET {url}/sandbox/books
  a parcel moves on    by itself every three hours after the end of its day, or by
                       POST {url}/sandbox/parcels/NUMBER/events {{\"code\":\"advance\"}}
                       codes: advance, to_parcel_shop, collected, absent, identity_failed, return_started,
                       return_to_sender, or one of its list of events
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"shipments.create\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status), no_answer_before, no_answer_after (hold),
                       delay_ms (delay_ms); DELETE clears
  odd answers          PUT {url}/sandbox/oddities
                       {{\"late_seconds\":600,\"doubled\":true,\"shuffled\":true,\"labels_missing\":1,
                       \"labels_unreadable\":1,\"label_lists\":true,\"cancellations_pending\":1}}
  tokens revoked       DELETE {url}/sandbox/tokens
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":3600}} or {{\"speed\":3600}}
",
        settings.client_id,
        settings.client_secret,
        settings.contacts.join(", ")
    )
}

fn uber_guide(url: &str, settings: &uber::Settings) -> String {
    format!(
        "Uber Direct sandbox    {url}/v1, login {url}/oauth/v2/token
  customer             {}
  client id, secret    {}, {}
  webhooks             to {}, signed with {}
  pages                {url}/  shows its books and moves couriers by buttons
  books                GET {url}/sandbox/books
  a courier moves on   by itself every five minutes, or by
                       POST {url}/sandbox/deliveries/ID/events {{\"event\":\"advance\"}}
                       events: advance, age_check_failed, nobody_there, no_courier, lost, courier_update
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"deliveries.create\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status), no_answer_before, no_answer_after (hold),
                       delay_ms (delay_ms); DELETE clears
  odd answers          PUT {url}/sandbox/oddities
                       {{\"couriers_busy\":1,\"limited_couriers\":1,\"suspended\":true,\"blocked\":true}}
  webhooks go wrong    POST {url}/sandbox/webhooks
                       {{\"drop_next\":1,\"duplicate_next\":1,\"reverse\":true,\"delay_seconds\":60,\"hold\":false}}
  tokens revoked       DELETE {url}/sandbox/tokens
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":600}} or {{\"speed\":60}}
",
        settings.customer_id,
        settings.client_id,
        settings.client_secret,
        UBER_WEBHOOK.0,
        UBER_WEBHOOK.1
    )
}

fn klarna_guide(url: &str, settings: &klarna::Settings) -> String {
    format!(
        "Klarna sandbox         {url}
  user, password       {}, {}
  or API key           {}
  pages                {url}/  explains itself and shows its books
                       hosted payment pages: as redirect_url of POST /hpp/v1/sessions names them
  books                GET {url}/sandbox/books
  outcomes             words in the shopper's e-mail address, before the @: +denied, +red, +pend-accept-05,
                       +pend-reject-05, +require_signup at approval; +charge-failed, +charge-unavailable,
                       +charge-forbidden, +step-up, +suspended, +cancelled, +rejected when a token is charged; +no-more
                       when an order's amount shall rise;
                       the code from the text message is any six digits but 999999
  one charge           POST {url}/sandbox/tokens/TOKEN/charges {{\"outcome\":\"step_up\",\"times\":1}}
                       outcomes: accept, pend_accept, pend_reject (minutes), reject, fail, unavailable,
                       currency_mismatch, forbid, suspend, cancel, step_up
  reviews, disputes    POST {url}/sandbox/orders/ORDER/review {{\"accepted\":false}}
                       POST {url}/sandbox/orders/ORDER/chargebacks {{\"amount\":500}}
  settlements          POST {url}/sandbox/payouts  pays out at once; midnights do it too
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"tokens.order\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status), no_answer_before, no_answer_after (hold),
                       delay_ms (delay_ms); DELETE clears
  callbacks go wrong   POST {url}/sandbox/callbacks
                       {{\"drop_next\":1,\"duplicate_next\":1,\"reverse\":true,\"delay_seconds\":60,\"hold\":false}}
  rate limits          PUT {url}/sandbox/limits {{\"sessions\":5,\"others\":50}}
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":3600}}
",
        settings.username, settings.password, settings.api_key
    )
}

fn ups_guide(url: &str, settings: &ups::Settings) -> String {
    format!(
        "UPS sandbox            {url}
  client id, secret    {}, {}
  account number       {}
  pages                {url}/  shows its books and moves packages by buttons
  books                GET {url}/sandbox/books
  clock                POST {url}/sandbox/clock {{\"advance_seconds\":86400}}; packages follow their timetable
  a package moves on   POST {url}/sandbox/packages/NUMBER/events {{\"code\":\"advance\"}}
                       codes: advance, return_started, return_to_sender, age_check_failed, refused, at_access_point,
                       lost, or a status of UPS such as 011; seconds_ago makes a late scan
  faults               POST {url}/sandbox/faults
                       {{\"operation\":\"ship\",\"kind\":\"no_answer_after\",\"times\":1}}
                       kinds: error_before, error_after (status), no_answer_before, no_answer_after (hold),
                       delay_ms (delay_ms), label_missing, charges_missing, garbled; DELETE clears
  pushes               to {}, with {}
  pushes go wrong      POST {url}/sandbox/alerts
                       {{\"drop_next\":1,\"duplicate_next\":1,\"reverse\":true,\"delay_seconds\":60,\"hold\":false}}
  tokens are revoked   DELETE {url}/sandbox/tokens
",
        settings.client_id, settings.client_secret, settings.account_number, UPS_ALERTS.0, UPS_ALERTS.1
    )
}
