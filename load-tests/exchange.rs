//! The exchange with a real Tryton 8.2: how long after a change there lookups show it here, how long after a sale here its
//! document is in the books there, and how fast what waits is posted when Tryton comes back.
//!
//! Tryton runs beside the service on the same processors, over SQLite, as `tests/tryton/prepare` seeds it; its own part is
//! measured in the same run by calls that do nothing but the same there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aisle::random::Random;
use base64::Engine;
use serde_json::{Value, json};

use crate::checkouts::{Phone, provider, variables};
use crate::process::{Process, aisle, answer};
use crate::report::{Report, median, millis, percentile};
use crate::{Outcome, Settings, shop};

/// Changes and sales that are measured.
const TIMES: u64 = 200;
/// Sales that wait when Tryton comes back.
const WAITING: u64 = 200;
/// What is not there after so long is lost.
const WAIT_MAX: Duration = Duration::from_mins(3);
/// How often it is looked whether a document is in the books.
const LOOK: Duration = Duration::from_millis(5);

/// A running Tryton; killed when dropped.
struct Tryton {
    child: Child,
    kit: PathBuf,
    folder: PathBuf,
    port: u16,
    seed: Value,
    client: reqwest::Client,
}

impl Tryton {
    async fn start(kit: &Path, folder: &Path) -> Outcome<Self> {
        let folder = folder.join("tryton");
        std::fs::create_dir_all(&folder)?;
        std::fs::copy(kit.join("seeded.sqlite"), folder.join("erp.sqlite"))?;
        let settings = format!("[database]\nuri = sqlite://\npath = {}\n", folder.display());
        std::fs::write(folder.join("trytond.conf"), settings)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let seed = serde_json::from_slice(&std::fs::read(kit.join("seed.json"))?)?;
        let child = spawn(kit, &folder, port)?;
        let (kit, client) = (kit.to_owned(), shop::client()?);
        let tryton = Self { child, kit, folder, port, seed, client };
        tryton.ready().await?;
        Ok(tryton)
    }

    async fn ready(&self) -> Outcome<()> {
        let began = Instant::now();
        while self.client.get(self.url()).send().await.is_err() {
            if began.elapsed() > WAIT_MAX {
                return Err("Tryton does not answer".into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/erp", self.port)
    }

    /// A call of its own interface, as the administrator; answers what it took, in microseconds, and what it said.
    async fn call(&self, method: reqwest::Method, path: &str, body: &Value) -> Outcome<(u64, Value)> {
        let context = json!({ "company": self.seed["company"] }).to_string();
        let context = base64::engine::general_purpose::URL_SAFE.encode(context);
        let began = Instant::now();
        let request = self
            .client
            .request(method, format!("{}/rest/model/{path}", self.url()))
            .bearer_auth(self.seed["keys"]["admin"].as_str().ok_or("no key")?)
            .header("x-tryton-context", context)
            .json(body);
        let answer = answer(request).await?;
        Ok((u64::try_from(began.elapsed().as_micros())?, answer))
    }
}

fn spawn(kit: &Path, folder: &Path, port: u16) -> Outcome<Child> {
    let program = "import sys\nfrom trytond.application import app\nfrom werkzeug.serving import run_simple\n\
         run_simple('127.0.0.1', int(sys.argv[1]), app, threaded=True)";
    let child = Command::new(kit.join("venv/bin/python"))
        .args(["-c", program, &port.to_string()])
        .env("TRYTOND_CONFIG", folder.join("trytond.conf"))
        .env("TRYTOND_DATABASE_NAMES", "erp")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

impl Drop for Tryton {
    fn drop(&mut self) {
        self.kill();
    }
}

pub async fn run(settings: &Settings) -> Outcome<Report> {
    let mut tryton = Tryton::start(&settings.tryton, &settings.folder).await?;
    let connections = settings.folder.join("connections");
    std::fs::create_dir_all(&connections)?;
    // Asked ten times a second: what is left is not waiting.
    let file = std::fs::read_to_string("tests/tryton/erp.toml")?
        .replace("http://127.0.0.1:8069/erp", &tryton.url())
        .replace("every_ms = 1000", "every_ms = 100")
        .replace("settle_seconds = 90", "settle_seconds = 2");
    std::fs::write(connections.join("erp.toml"), file)?;
    let database = shop::sqlite_database(&settings.folder, "exchange").await?;
    let provider = provider().await?;
    let mut with = variables(&provider);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    with.push(("AISLE_CONNECTIONS", connections.display().to_string()));
    with.push(("AISLE_ERP_KEY", text(&tryton.seed["keys"]["aisle"])));
    with.push(("AISLE_ERP_PASSWORD", text(&tryton.seed["password"])));
    let staff = aisle(&database)
        .args(["staff", "load", "--role", "admin"])
        .env("AISLE_STAFF_PASSWORD", "a password of staff")
        .output()?;
    if !staff.status.success() {
        return Err(String::from_utf8_lossy(&staff.stderr).into_owned().into());
    }
    let service = Process::service_with(&settings.folder, &database, &with).await?;
    let books = Books::sign_in(&service).await?;
    let client = shop::client()?;
    let token = shop::sign_in(&client, &service).await?;
    let mut report = Report::default();
    changes(&tryton, &service, &token, &mut report).await?;
    let phone = Phone::with_account(&service, &provider).await?;
    sales(&tryton, &books, &phone, &mut report).await?;
    catch_up(&mut tryton, &books, &phone, &mut report).await?;
    provider.stop().await;
    Ok(report)
}

/// The code of the article with this number, as the seed makes it.
fn code(article: u64) -> String {
    let digits = format!("400000{article:06}");
    let weighted = digits.bytes().zip([1, 3].into_iter().cycle());
    let sum: u64 = weighted.map(|(digit, weight)| u64::from(digit - b'0') * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

async fn changes(tryton: &Tryton, service: &Process, token: &str, report: &mut Report) -> Outcome<()> {
    let client = shop::client()?;
    let look = async |article: u64, cents: u64| {
        let url = format!("{}/v1/stores/{}/products/{}", service.url(), shop::STORE, code(article));
        let began = Instant::now();
        while began.elapsed() < WAIT_MAX {
            let found = client.get(&url).bearer_auth(token).send().await?;
            let found: Value = serde_json::from_str(&found.text().await?)?;
            if found["price"]["amount"] == cents {
                return Outcome::Ok(u64::try_from(began.elapsed().as_micros())?);
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Err(format!("the price of article {article} is not seen").into())
    };
    // What the seed gave it: all of it is here.
    look(119, 50 + 119 * 7).await?;
    let (mut seen, mut asked) = (Vec::new(), Vec::new());
    for time in 0..TIMES {
        tokio::time::sleep(Duration::from_millis(Random::System.below(150))).await;
        let article = 1 + time % 20;
        // A little more each time: a jump would wait for a person.
        let cents = 50 + article * 7 + 1 + time / 20;
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let body = json!({ "gross_price": { "__class__": "Decimal", "decimal": price } });
        tryton.call(reqwest::Method::PUT, &format!("product.template/{article}"), &body).await?;
        seen.push(look(article, cents).await?);
        let (took, _) = tryton.call(reqwest::Method::GET, "product.category", &Value::Null).await?;
        asked.push(took);
    }
    let call = format!("one empty call there: half {}", millis(median(asked)));
    report.row(
        "a change in Tryton, from its answer to the first lookup that shows it, asked ten times a second",
        &both(&seen),
        &call,
        "",
        "ours below 250 ms",
    );
    Ok(())
}

fn both(times: &[u64]) -> String {
    let (half, most) = (median(times.iter().copied()), percentile(times.iter().copied(), 99));
    format!("half {}, 99 % {}", millis(half), millis(most))
}

/// What staff see of documents on their way.
struct Books {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Books {
    async fn sign_in(service: &Process) -> Outcome<Self> {
        let client = shop::client()?;
        let body = json!({ "login": "load", "password": "a password of staff" });
        let url = format!("{}/v1/auth/staff", service.url());
        let tokens = answer(client.post(url).json(&body)).await?;
        let token = tokens["access_token"].as_str().ok_or("no access token")?.to_owned();
        Ok(Self { client, url: format!("{}/v1/exchange/connections", service.url()), token })
    }

    /// How many documents are on their way, and how many of today are in the books.
    async fn flow(&self) -> Outcome<(u64, u64)> {
        let answer = answer(self.client.get(&self.url).bearer_auth(&self.token)).await?;
        let sales = &answer["connections"][0]["sales"];
        let number = |name: &str| sales[name].as_u64().ok_or_else(|| format!("no {name}: {answer}"));
        Ok((number("backlog")?, number("posted_today")?))
    }

    /// Waits until so many are in the books; answers the microseconds since `began`.
    async fn until_posted(&self, documents: u64, began: Instant) -> Outcome<u64> {
        while began.elapsed() < WAIT_MAX {
            if self.flow().await?.1 >= documents {
                return Ok(u64::try_from(began.elapsed().as_micros())?);
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(format!("{documents} documents are not in the books: {:?}", self.flow().await?).into())
    }
}

/// Five articles that are sold by the piece.
fn basket(time: u64) -> Vec<String> {
    (0..5).map(|place| code(41 + (time * 5 + place * 7) % 38)).collect()
}

async fn sales(tryton: &Tryton, books: &Books, phone: &Phone, report: &mut Report) -> Outcome<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for time in 0..TIMES {
        phone.buy(&basket(time)).await?;
        ours.push(books.until_posted(time + 1, Instant::now()).await?);
        theirs.push(alone(tryton).await?);
    }
    report.row(
        "a sale of five lines, from the order to its document in Tryton's books",
        &both(&ours),
        &format!("the same sale made there by hand: {}", both(&theirs)),
        "",
        "ours below 1 s",
    );
    Ok(())
}

/// A sale of five lines that is made, processed and posted there by nobody else.
async fn alone(tryton: &Tryton) -> Outcome<u64> {
    let price = |text: &str| json!({ "__class__": "Decimal", "decimal": text });
    let line = json!({ "product": 2, "quantity": 1, "unit_list_price": price("1.00"), "unit_gross_price": price("1.07") });
    let lines = vec![line; 5];
    let payment = json!({ "method": 1, "amount": price("5.35") });
    let sale = json!({
        "point": 2, "company": 1, "date": { "__class__": "date", "year": 2026, "month": 11, "day": 30 },
        "lines": [["create", lines]], "payments": [["create", [payment]]],
    });
    let (mut all, made) = tryton.call(reqwest::Method::POST, "sale.point.sale", &sale).await?;
    for step in ["process", "post"] {
        let path = format!("sale.point.sale/{}/{step}", made["id"]);
        all += tryton.call(reqwest::Method::POST, &path, &json!({})).await?.0;
    }
    Ok(all)
}

async fn catch_up(tryton: &mut Tryton, books: &Books, phone: &Phone, report: &mut Report) -> Outcome<()> {
    let (_, before) = books.flow().await?;
    tryton.kill();
    for time in 0..WAITING {
        phone.buy(&basket(time)).await?;
    }
    let (waiting, _) = books.flow().await?;
    tryton.child = spawn(&tryton.kit, &tryton.folder, tryton.port)?;
    tryton.ready().await?;
    // From the first that is posted: how long a system was away says how long it is left alone.
    books.until_posted(before + 1, Instant::now()).await?;
    let (_, first) = books.flow().await?;
    let took = books.until_posted(before + waiting, Instant::now()).await?;
    let tenths = (before + waiting - first) * 10_000_000 / took.max(1);
    report.row(
        &format!("sales a second into the books when Tryton comes back to {waiting} that wait"),
        &format!("{}.{}", tenths / 10, tenths % 10),
        "bounded by Tryton's own posting",
        "",
        "",
    );
    Ok(())
}
