//! Couriers' own messages: proven, and then a hint and no more. What happened, the courier is asked.

use axum::http::HeaderMap;

use super::carrier::NoticeError;
use super::{store, track};
use crate::app::App;
use crate::error::Internal;

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The courier is not configured, or sends no messages that it signs.
    #[error("no such courier")]
    Absent,
    /// The message does not prove where it comes from.
    #[error("{0}")]
    Forged(&'static str),
    /// The database can't.
    #[error("{0}")]
    Failed(Internal),
}

/// Takes a message in: what it is about is asked for at once. One about nothing that we know, or nothing that matters, is
/// taken and forgotten: a message may come before the booking that it is about is settled, and that one is asked about anyway.
pub(super) async fn receive(app: &App, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let carrier = app.carriers.find(name).ok_or(Refused::Absent)?;
    let reference = match carrier.read_notice(headers, body) {
        Ok(Some(reference)) => reference,
        Ok(None) => return Ok(()),
        Err(NoticeError::NotOffered) => return Err(Refused::Absent),
        Err(NoticeError::Forged(reason)) => return Err(Refused::Forged(reason)),
    };
    let attempt =
        store::attempt(&app.db, reference.as_str()).await.map_err(|error| Refused::Failed(error.into()))?;
    match attempt {
        Some(attempt) => track::ask_now(app, attempt.shipment).await.map_err(Refused::Failed),
        None => Ok(()),
    }
}
