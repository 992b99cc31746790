//! The command line of Aisle: reads the arguments and calls the library, nothing else.

use std::process::ExitCode;

use aisle::app::App;
use aisle::clock::Clock;
use aisle::config::Config;
use aisle::env::Env;
use aisle::random::Random;
use aisle::serve::{Service, stop_signal};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "aisle", about = "Scan-and-go backend", version)]
enum Command {
    /// Serve the API; settings come from the environment.
    Serve,
    /// Write the API's document (OpenAPI 3.1) to standard output.
    Openapi,
    /// Show the whole trip of one shopper, with sandboxes of PayPal and DHL and a sample catalogue inside.
    Demo(aisle::demo::Arguments),
    /// Run the partners' sandboxes alone.
    Sandbox(aisle::sandbox::command::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Command::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aisle: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), Box<dyn std::error::Error>> {
    match command {
        Command::Serve => serve().await,
        Command::Demo(arguments) => aisle::demo::run(arguments).await,
        Command::Sandbox(arguments) => sandbox(arguments).await,
        Command::Openapi => {
            use std::io::Write;
            let document = aisle::router::document().to_pretty_json()?;
            Ok(writeln!(std::io::stdout(), "{document}")?)
        }
    }
}

async fn sandbox(arguments: aisle::sandbox::command::Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let sandboxes = aisle::sandbox::command::Sandboxes::start(arguments).await?;
    eprintln!("{}\n\naisle: the sandboxes run until Ctrl-C", sandboxes.guide());
    stop_signal().await;
    sandboxes.stop().await;
    Ok(())
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let config = Config::read(&Env::of_process())?;
    eprintln!("aisle: database: {}", config.database.describe());
    aisle::operations::install_metrics();
    aisle::operations::log_as_json();
    let bind = config.bind;
    let app = App::start(config, Clock::System, Random::System).await?;
    let service = Service::start(&app, tokio::net::TcpListener::bind(bind).await?)?;
    eprintln!("aisle: serving on http://{}", service.address());
    stop_signal().await;
    eprintln!("aisle: stopping");
    service.stop().await;
    app.db.close().await;
    Ok(())
}
