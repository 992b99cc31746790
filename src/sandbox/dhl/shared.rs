//! What the routes share: settings, memory, planned faults and the record of exchanges, each behind its own lock.
//!
//! A change is saved before its answer leaves. No lock is held across an await.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::response::Response;
use chrono::{DateTime, Utc};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Books, ControlError, Settings,
    events::{Event, Stage},
    observe::{EXCHANGES_MAX, Exchange, Fault, FaultKind, take_fault},
    push::Controls,
    pushing,
    reply::problem,
    state::State,
};
use crate::sandbox::kept;

pub struct Shared {
    pub settings: Settings,
    /// The server's own address, without a slash at the end.
    pub url: String,
    state: Mutex<State>,
    faults: Mutex<VecDeque<Fault>>,
    exchanges: Mutex<VecDeque<Exchange>>,
    /// What hooks are called with.
    pub client: reqwest::Client,
    pub stop: CancellationToken,
    /// Wakes whoever sends messages.
    pub wake: Notify,
    /// Held by whoever sends messages.
    pub delivering: tokio::sync::Mutex<()>,
}

impl Shared {
    pub fn new(settings: Settings, url: String, state: State, client: reqwest::Client) -> Self {
        Self {
            settings,
            url,
            state: Mutex::new(state),
            faults: Mutex::new(VecDeque::new()),
            exchanges: Mutex::new(VecDeque::new()),
            client,
            stop: CancellationToken::new(),
            wake: Notify::new(),
            delivering: tokio::sync::Mutex::new(()),
        }
    }

    /// Looks at the memory as it stands at this moment of the sandbox's clock.
    pub fn read<T>(&self, look: impl FnOnce(&State, DateTime<Utc>) -> T) -> T {
        let mut state = lock(&self.state);
        let now = self.now(&state);
        state.settle(now, self.settings.auto_progress);
        pushing::gather(&mut state, now, &self.url);
        look(&state, now)
    }

    /// Changes the memory and saves it; what can't be saved is answered as a server error.
    pub fn change<T>(&self, act: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> Result<T, Response> {
        self.try_change(act).map_err(|_| problem(500, "The state could not be saved"))
    }

    pub fn try_change<T>(&self, act: impl FnOnce(&mut State, DateTime<Utc>) -> T) -> std::io::Result<T> {
        let mut state = lock(&self.state);
        let now = self.now(&state);
        state.settle(now, self.settings.auto_progress);
        let result = act(&mut state, now);
        pushing::gather(&mut state, now, &self.url);
        if let Some(path) = &self.settings.state_file {
            kept::save(&*state, path)?;
        }
        self.wake.notify_one();
        Ok(result)
    }

    pub fn books(&self) -> Books {
        self.read(Books::of)
    }

    pub fn advance_clock(&self, seconds: i64) -> Result<DateTime<Utc>, ControlError> {
        self.try_change(|state, _| state.offset_seconds = state.offset_seconds.saturating_add(seconds))?;
        Ok(self.read(|_, now| now))
    }

    /// Adds an event by a shortcut or a code; answers with the stage that the parcel reached.
    pub fn record_event(&self, number: &str, code: &str, place: Option<&str>) -> Result<Stage, ControlError> {
        self.try_change(|state, now| {
            let shipment = state.shipments.get_mut(number).ok_or(ControlError::UnknownShipment)?;
            let codes: &[&str] = match code {
                "advance" => {
                    let next = shipment.stage().next().ok_or(ControlError::EndOfTravel)?;
                    let event = Event::of_stage(next, now).ok_or(ControlError::UnknownCode)?;
                    shipment.record(event);
                    return Ok(shipment.stage());
                }
                "return_to_sender" => &["RETRN_CNCNR_ZN", "DLVRD_OTHER_ZU"],
                "return_started" => &["RETRN_CNCNR_ZN"],
                "age_check_failed" => &["NTDEL_AGNEG_ZN"],
                "lost" => &["EXPHD_LOSTX_AN"],
                code => &[code],
            };
            for code in codes {
                shipment.record(Event::parse(code, now, place).ok_or(ControlError::UnknownCode)?);
            }
            Ok(shipment.stage())
        })?
    }

    pub fn expire_tokens(&self) -> Result<(), ControlError> {
        Ok(self.try_change(|state, _| state.tokens.clear())?)
    }

    pub fn set_push_controls(&self, controls: Controls) -> Result<(), ControlError> {
        Ok(self.try_change(|state, _| state.pushes.controls = controls)?)
    }

    pub fn plan_fault(&self, fault: Fault) {
        if fault.times > 0 {
            lock(&self.faults).push_back(fault);
        }
    }

    pub fn clear_faults(&self) {
        lock(&self.faults).clear();
    }

    pub fn faults(&self) -> Vec<Fault> {
        lock(&self.faults).iter().cloned().collect()
    }

    pub fn exchanges(&self) -> Vec<Exchange> {
        lock(&self.exchanges).iter().cloned().collect()
    }

    /// Counts a call and takes the fault that was planned for it.
    pub fn begin_call(&self, operation: &str) -> Option<FaultKind> {
        *lock(&self.state).calls.entry(operation.to_owned()).or_default() += 1;
        take_fault(&mut lock(&self.faults), operation)
    }

    pub fn keep(&self, exchange: Exchange) {
        let mut exchanges = lock(&self.exchanges);
        if exchanges.len() == EXCHANGES_MAX {
            exchanges.pop_front();
        }
        exchanges.push_back(exchange);
    }

    fn now(&self, state: &State) -> DateTime<Utc> {
        #[expect(clippy::disallowed_methods, reason = "the sandbox is a partner with a clock of its own")]
        let base = self.settings.clock_stands_at.unwrap_or_else(Utc::now);
        base + chrono::Duration::seconds(state.offset_seconds)
    }
}

/// A panic while a lock was held leaves whole values behind: each change is a few plain assignments.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
