//! The command line of Aisle: reads the arguments and calls the library, nothing else.

use std::process::ExitCode;

use aisle::app::App;
use aisle::catalog::{explain, import, quality};
use aisle::clock::Clock;
use aisle::config::Config;
use aisle::env::Env;
use aisle::exchange::assess::Scratch;
use aisle::identity::{self, Role, Scope, Stores};
use aisle::ids::StoreId;
use aisle::random::Random;
use aisle::serve::{Service, stop_signal};
use clap::{Parser, Subcommand};

/// Answers are many small allocations of many threads, which the system's allocator is slower at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "aisle", about = "Scan-and-go backend", version)]
enum Command {
    /// Serve the API; settings come from the environment.
    Serve,
    /// Import a file (CSV, TSV or NDJSON) and report what became of its rows.
    Import(Box<import::Arguments>),
    Code(explain::Arguments),
    /// Show the quality of what was delivered: which rules were broken how often, and by whom.
    Quality {
        /// How many days to look back.
        #[arg(long, default_value_t = 30)]
        days: i64,
    },
    /// Write the API's document (OpenAPI 3.1) to standard output.
    Openapi,
    /// Show the whole trip of one shopper, with sandboxes of PayPal and DHL and a sample catalogue inside.
    Demo(aisle::demo::Arguments),
    /// Run the partners' sandboxes alone.
    Sandbox(aisle::sandbox::command::Arguments),
    /// Make an account of staff, or reset the one that has the login; the password is taken from
    /// `AISLE_STAFF_PASSWORD`, or made up and told.
    Staff {
        login: String,
        /// clerk, supervisor or admin.
        #[arg(long, default_value = "admin")]
        role: Role,
        /// A store that the role holds in; all stores when none is named.
        #[arg(long = "store")]
        stores: Vec<Stores>,
    },
    /// Make a partner with a key, which is shown this once.
    Partner {
        name: String,
        /// catalog:read, catalog:write, events:read or exit:verify.
        #[arg(long = "scope", required = true)]
        scopes: Vec<Scope>,
        /// The one store that the key is for, such as a gate's.
        #[arg(long)]
        store: Option<StoreId>,
    },
    Reconcile(aisle::payments::reconcile::Arguments),
    /// The keys that sign tokens.
    #[command(subcommand)]
    Keys(Keys),
    /// Connections to back-office systems, which the files in the folder `AISLE_CONNECTIONS` describe.
    #[command(subcommand)]
    Connections(aisle::exchange::connections::Command),
    Assess(aisle::exchange::assess::Arguments),
}

#[derive(Debug, Subcommand)]
enum Keys {
    /// Make the next key now instead of when its time comes; it signs ten minutes later.
    Rotate,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Command::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("aisle: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let done: Result<(), Box<dyn std::error::Error>> = match command {
        Command::Serve => serve().await,
        Command::Demo(arguments) => aisle::demo::run(arguments).await,
        Command::Sandbox(arguments) => sandbox(arguments).await,
        Command::Reconcile(arguments) => return Ok(reconcile(&arguments).await),
        Command::Openapi => tell(&aisle::router::document().to_pretty_json()?),
        Command::Staff { login, role, stores } => {
            let (env, app) = open().await?;
            let password = env.secret("AISLE_STAFF_PASSWORD");
            tell(&identity::staff_command(&app, login, role, stores, password).await?)
        }
        Command::Partner { name, scopes, store } => {
            let (_, app) = open().await?;
            tell(&identity::partner_command(&app, &name, &scopes, store).await?)
        }
        Command::Keys(Keys::Rotate) => {
            let (_, app) = open().await?;
            tell(&identity::rotate_command(&app).await?)
        }
        Command::Connections(command) => {
            let (_, app) = open().await?;
            let told = aisle::exchange::connections::run(&app, &command)
                .await
                .map_err(|error| -> Box<dyn std::error::Error> { error })?;
            tell(told.trim_end())
        }
        Command::Assess(arguments) => Box::pin(assess(&arguments)).await,
        Command::Quality { days } => {
            let (_, app) = open().await?;
            let report = quality::report(&app.db, app.clock.now(), days, None).await?;
            tell(quality::table(&report).trim_end())
        }
        Command::Code(arguments) => Ok(explain::explain(&arguments)?),
        Command::Import(arguments) => {
            let summary = import::import(&arguments, &Env::of_process()).await?;
            tell(summary.to_string().trim_end())?;
            if summary.held.is_empty() { Ok(()) } else { Err("a batch is held".into()) }
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// 0: both sides agree; 1: open differences; 2: they could not be compared.
async fn reconcile(arguments: &aisle::payments::reconcile::Arguments) -> ExitCode {
    let done = async {
        let (_, app) = open().await?;
        let report = aisle::payments::reconcile::command(&app, arguments)
            .await
            .map_err(|error| -> Box<dyn std::error::Error> { error })?;
        tell(report.text.trim_end())?;
        Ok::<_, Box<dyn std::error::Error>>(report.code)
    };
    match done.await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("aisle: {error}");
            ExitCode::from(2)
        }
    }
}

async fn assess(arguments: &aisle::exchange::assess::Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let (mut config, scratch) = (Config::read(&Env::of_process())?, Scratch::default());
    if arguments.sample.is_some() {
        config.database = scratch.database();
    }
    let app = App::start(config, Clock::System, Random::System).await?;
    let told = aisle::exchange::assess::command(&app, arguments).await;
    tell(&told.map_err(|error| -> Box<dyn std::error::Error> { error })?)
}

async fn sandbox(arguments: aisle::sandbox::command::Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let sandboxes = aisle::sandbox::command::Sandboxes::start(arguments).await?;
    tell(&sandboxes.guide())?;
    eprintln!("aisle: the sandboxes run until Ctrl-C");
    stop_signal().await;
    sandboxes.stop().await;
    Ok(())
}

async fn open() -> Result<(Env, App), Box<dyn std::error::Error>> {
    let env = Env::of_process();
    let config = Config::read(&env)?;
    eprintln!("aisle: database: {}", config.database.describe());
    eprintln!("aisle: master key: {}", config.identity.master_key.describe());
    Ok((env, App::start(config, Clock::System, Random::System).await?))
}

fn tell(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    use std::io::Write;
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(&Env::of_process())?;
    eprintln!("aisle: database: {}", config.database.describe());
    eprintln!("aisle: master key: {}", config.identity.master_key.describe());
    aisle::operations::install_metrics();
    aisle::operations::log_as_json();
    let bind = config.bind;
    let app = App::start(config, Clock::System, Random::System).await?;
    let service = Service::start(&app, tokio::net::TcpListener::bind(bind).await?).await?;
    eprintln!("aisle: serving on http://{}", service.address());
    stop_signal().await;
    eprintln!("aisle: stopping");
    service.stop().await;
    app.db.close().await;
    Ok(())
}
