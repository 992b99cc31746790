//! Servers as processes of their own, as in production: the service itself, and what it is compared with.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aisle::db::{Options, Place};
use serde_json::Value;

use crate::Outcome;
use crate::shop;

/// A server that is killed with this value.
pub struct Process {
    child: Child,
    url: String,
}

/// Longest wait for a server to answer: it reads the whole catalogue first.
const START_TIMEOUT: Duration = Duration::from_mins(1);

impl Process {
    /// `aisle serve` over this database, with the settings of production.
    pub async fn service(folder: &Path, database: &Options) -> Outcome<Self> {
        Self::service_with(folder, database, &[]).await
    }

    /// The same with these settings beside.
    pub async fn service_with(
        folder: &Path,
        database: &Options,
        variables: &[(&str, String)],
    ) -> Outcome<Self> {
        let address = free_address()?;
        let mut command = aisle(database);
        command.env("AISLE_BIND", &address).env("AISLE_PUBLIC_URL", format!("http://{address}"));
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        command.arg("serve").stderr(log(folder, "service")?);
        Self::start(command, &address, "/health/ready").await
    }

    /// This program again, as one of the handlers that the service is compared with.
    pub async fn baseline(folder: &Path, kind: &str, arguments: &[&str]) -> Outcome<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(kind).arg(&address).args(arguments).stderr(log(folder, kind)?);
        Self::start(command, &address, "/").await
    }

    async fn start(mut command: Command, address: &str, path: &str) -> Outcome<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut process = Self { child, url: format!("http://{address}") };
        let (client, began) = (shop::client()?, Instant::now());
        while client.get(format!("{}{path}", process.url)).send().await.is_err() {
            if began.elapsed() > START_TIMEOUT || process.child.try_wait()?.is_some() {
                return Err(format!("{command:?} does not answer; see its log").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(process)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Processor time that it has spent, in nanoseconds.
    pub fn cpu_ns(&self) -> Outcome<u64> {
        // Of all threads; /proc/PID/stat counts in ticks of 10 ms, this in nanoseconds.
        let mut total = 0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let text = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            total += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
        }
        Ok(total)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with its database, to which arguments are added.
pub fn aisle(database: &Options) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aisle"));
    match &database.place {
        Place::SqliteFile(file) => command.env("AISLE_DATABASE_FILE", file).env_remove("DATABASE_URL"),
        Place::PostgresUrl(url) => command.env("DATABASE_URL", url),
    };
    command.env("AISLE_MASTER_KEY", shop::MASTER_KEY);
    command
}

/// The answer's body as JSON; an error when the status is none of success.
pub async fn answer(request: reqwest::RequestBuilder) -> Outcome<Value> {
    let response = request.send().await?;
    let status = response.status();
    let text = response.text().await?;
    if !status.is_success() {
        return Err(format!("{status}: {text}").into());
    }
    Ok(serde_json::from_str(&text)?)
}

fn free_address() -> Outcome<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn log(folder: &Path, name: &str) -> Outcome<File> {
    let path: PathBuf = folder.join(format!("{name}.log"));
    Ok(File::options().append(true).create(true).open(path)?)
}
