//! wrk as the load: one thread of it, so that it leaves the other core to what is measured.

use std::path::Path;
use std::process::Command;

use crate::Outcome;
use crate::process::Process;

/// What one run of wrk saw, and what the server spent meanwhile.
#[derive(Clone, Copy)]
pub struct Seen {
    pub requests: u64,
    pub per_second: u64,
    pub p50_us: u64,
    pub p99_us: u64,
    /// Processor time of the server for a request, in nanoseconds: no share of wrk in it.
    pub cpu_ns: u64,
}

/// Runs a script of this folder against a server. An answer that is an error, or none, is an error here too: what is
/// measured must be the work.
pub fn run(
    server: &Process,
    connections: u64,
    seconds: u64,
    script: &str,
    arguments: &[&str],
) -> Outcome<Seen> {
    let cpu_before = server.cpu_ns()?;
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &connections.to_string()])
        .args(["--duration", &format!("{seconds}s"), "--timeout", "10s", "--script"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("load-tests").join(script))
        .arg(server.url())
        .arg("--")
        .args(arguments)
        .output()?;
    let cpu_ns = server.cpu_ns()? - cpu_before;
    let text = String::from_utf8_lossy(&output.stdout);
    let result = text.lines().find_map(|line| line.strip_prefix("RESULT "));
    let numbers: Vec<u64> =
        result.unwrap_or_default().split(' ').filter_map(|number| number.parse().ok()).collect();
    let [requests, duration_us, p50_us, p99_us, 0] = numbers[..] else {
        return Err(format!("wrk: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let per_second = requests * 1_000_000 / duration_us.max(1);
    Ok(Seen { requests, per_second, p50_us, p99_us, cpu_ns: cpu_ns / requests.max(1) })
}
