//! Shows how far an import is: a bar where somebody looks at it, a line now and then where it goes to a log.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::Summary;

/// How far an import is.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    bytes: u64,
    began: Instant,
    is_seen: bool,
}

impl Progress {
    /// Of so many bytes nothing is done yet.
    pub(super) fn new(bytes: u64) -> Self {
        let is_seen = std::io::stderr().is_terminal();
        let bar = if is_seen { ProgressBar::new(bytes) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{bar:40} {percent:>3} % {msg} {elapsed}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, bytes, began: Instant::now(), is_seen }
    }

    /// So many bytes are done, and this became of their rows.
    pub(super) fn show(&self, position: u64, summary: &Summary) {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = summary.received.saturating_mul(1000) / millis;
        let (rows, quarantined) = (summary.received, summary.quarantined());
        self.tell(position, format!("{rows} rows, {quarantined} quarantined, {rate} a second"));
    }

    /// So many bytes are done.
    pub(super) fn show_bytes(&self, position: u64) {
        self.tell(position, format!("{position} of {} bytes", self.bytes));
    }

    fn tell(&self, position: u64, message: String) {
        if self.is_seen {
            self.bar.set_position(position);
            self.bar.set_message(message);
        } else {
            eprintln!("aisle import: {message}");
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
