//! The service as a process of its own, which can be killed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

/// A start that takes longer hangs.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Lines of its log that are kept for the message of a failure.
const LOG_LINES_MAX: usize = 60;
/// What the program says when it listens.
const READY: &str = "aisle: serving on ";

/// A running `aisle serve`; killed when dropped.
pub struct Server {
    pub url: String,
    child: Child,
    log: Arc<Mutex<VecDeque<String>>>,
}

impl Server {
    /// Starts the program with these variables and no others, and waits until it listens.
    pub async fn start(variables: &[(String, String)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_aisle"))
            .arg("serve")
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let log = Arc::default();
        let ready = read_log(child.stderr.take().expect("a pipe"), Arc::clone(&log));
        let mut server = Self { url: String::new(), child, log };
        let url = tokio::time::timeout(START_TIMEOUT, ready).await;
        let Ok(Ok(url)) = url else { panic!("the program did not start:\n{}", server.log()) };
        server.url = url;
        server
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .expect("nobody panics with it")
            .iter()
            .fold(String::new(), |text, line| text + line + "\n")
    }

    /// Ends it as a power failure would: SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // On Unix this is SIGKILL: nothing is finished, nothing is told.
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process ended");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

/// Runs the program with these arguments until it ends: what it printed, and its exit code.
pub fn run(variables: &[(String, String)], arguments: &[String]) -> (String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aisle"));
    let variables = variables.iter().map(|(name, value)| (name, value));
    let ran = command.args(arguments).env_clear().envs(variables).stdin(Stdio::null()).output();
    let ran = ran.expect("the program starts");
    let text = [ran.stdout, ran.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (text, ran.status.code())
}

/// Reads the log on a thread of its own until the process ends; answers the address when it is said.
fn read_log(stderr: ChildStderr, log: Arc<Mutex<VecDeque<String>>>) -> oneshot::Receiver<String> {
    let (say, ready) = oneshot::channel();
    std::thread::spawn(move || {
        let mut say = Some(say);
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix(READY)
                && let Some(say) = say.take()
            {
                // Nobody listens any more when the start was given up.
                let _ = say.send(url.trim().to_owned());
            }
            let mut log = log.lock().expect("nobody panics with it");
            if log.len() == LOG_LINES_MAX {
                log.pop_front();
            }
            log.push_back(line);
        }
    });
    ready
}
