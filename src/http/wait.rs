//! Waiting for something to change, without asking the database in a loop: long polls of clients.
//!
//! A change on this instance wakes the waiters of that very thing at once; a change on another instance is seen at the
//! next look. Nothing depends on being woken.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// How often a waiter looks although nobody woke it: another instance may have made the change.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Who waits for what on this instance.
#[derive(Debug, Default)]
pub struct Changes {
    waiting: Mutex<HashMap<Uuid, Weak<Notify>>>,
    is_over: AtomicBool,
}

impl Changes {
    /// Wakes everybody who waits for this thing.
    pub fn changed(&self, id: impl Into<Uuid>) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let waiters = waiting.get(&id.into()).and_then(Weak::upgrade);
        drop(waiting);
        if let Some(waiters) = waiters {
            waiters.notify_waiters();
        }
    }

    /// The service stops: nobody waits any longer.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.values().filter_map(Weak::upgrade).for_each(|waiters| waiters.notify_waiters());
    }

    /// Whether the service stops.
    pub fn are_over(&self) -> bool {
        self.is_over.load(Ordering::Acquire)
    }

    /// Reads until `look` answers something, a fault or the time is over; then the last thing read counts.
    pub async fn wait_for<T, E, L: Future<Output = Result<T, E>>>(
        &self,
        id: impl Into<Uuid>,
        longest: Duration,
        mut look: impl FnMut() -> L,
        is_done: impl Fn(&T) -> bool,
    ) -> Result<T, E> {
        let id = id.into();
        let deadline = Instant::now() + longest;
        let waiters = self.join(id);
        loop {
            // Registered before the look, so that a change between the look and the wait is not missed.
            let notified = waiters.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            let seen = look().await?;
            let now = Instant::now();
            if is_done(&seen) || now >= deadline || self.are_over() {
                return Ok(seen);
            }
            let _ = tokio::time::timeout_at(deadline.min(now + LOOK_AGAIN), notified).await;
        }
    }

    fn join(&self, id: Uuid) -> Arc<Notify> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiters) = waiting.get(&id).and_then(Weak::upgrade) {
            return waiters;
        }
        waiting.retain(|_, waiters| waiters.strong_count() > 0);
        let waiters = Arc::new(Notify::new());
        waiting.insert(id, Arc::downgrade(&waiters));
        waiters
    }
}
