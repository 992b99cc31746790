//! The demo: the whole trip of one shopper over HTTP, against the partners' sandboxes, on a machine with nothing else on it.
//!
//! Nothing here reaches into the service: what the shopper, the gate, the staff and the retailer's own system do is done
//! over HTTP. Only the first accounts are made as the command line makes them, and the checks at the end read the
//! sandboxes' own books.
//!
//! `ground.rs` starts everything, `script/` is the trip step by step, `checks.rs` holds the invariants against the books,
//! `calls.rs` makes and `print.rs` prints every call, `sample.rs` is the catalogue, `subscriber.rs` the retailer's system.

mod accounts;
mod calls;
mod checks;
mod ground;
mod print;
mod sample;
mod script;
mod subscriber;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Instant;

use crate::env::Env;
use crate::serve::stop_signal;
use calls::{Caller, Unexpected};
use ground::Ground;
use print::Printer;

/// How the demo is run.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Ends after the trip: with 0 when everything was as expected, with 1 otherwise.
    #[arg(long)]
    once: bool,
    /// Where the database and the sandboxes' books are kept; the next run goes on with them.
    #[arg(long, default_value = "aisle-data/demo")]
    folder: PathBuf,
    /// Where the service listens; 127.0.0.1:8080, or a free port when that is taken.
    #[arg(long)]
    bind: Option<SocketAddr>,
}

/// Something was off; the demo has said what.
#[derive(Debug, thiserror::Error)]
#[error("the demo did not go as expected; see above")]
pub struct WasOff;

/// Runs the demo; an error when anything was off.
pub async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let begun = Instant::now();
    let printer = Printer::new(Env::of_process().text("NO_COLOR").is_some());
    let ground = Ground::prepare(&arguments.folder, arguments.bind).await?;
    printer.heading("Aisle demo: one shopper's trip, over HTTP only");
    ground.introduce(&printer);
    printer.pair("ready after", &format!("{} ms", begun.elapsed().as_millis()));
    let mut caller = Caller::new(printer, ground.url(), ground.app.http.clone());
    let went_well = trip(&mut caller, &ground).await;
    let printer = &caller.printer;
    printer.line("");
    printer.line(&format!(
        "{} in {} ms, start included.",
        if went_well { "Everything was as expected" } else { "Something was off" },
        begun.elapsed().as_millis()
    ));
    if !arguments.once {
        printer.line("It serves on; stop it with Ctrl-C.");
        stop_signal().await;
    }
    ground.stop().await;
    if went_well { Ok(()) } else { Err(WasOff.into()) }
}

/// The trip and the checks; says whether all was well.
async fn trip(caller: &mut Caller, ground: &Ground) -> bool {
    let journey = match script::walk(caller, ground).await {
        Ok(journey) => journey,
        Err(Unexpected(expected)) => {
            caller.printer.failed(&expected);
            return false;
        }
    };
    let went_well = match checks::check(&caller.printer, ground, &journey).await {
        Ok(went_well) => went_well,
        Err(Unexpected(expected)) => {
            caller.printer.failed(&expected);
            false
        }
    };
    ground.show_pages(&caller.printer, &journey);
    if let Err(error) = ground.leave_tour(&caller.printer, &journey) {
        caller.printer.failed(&format!("a file for the tour could be written: {error}"));
        return false;
    }
    went_well
}
