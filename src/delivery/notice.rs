//! Couriers' own messages: proven as far as the courier lets us, and then a hint and no more. What happened, the courier is
//! asked.

use axum::http::HeaderMap;

use super::carrier::{CallError, Carrier, Notice, NoticeError, Subject, Validation};
use super::{store, track};
use crate::app::App;
use crate::db;
use crate::error::Internal;
use crate::ids::ShipmentId;

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The courier is not configured, or sends no messages that can be proven.
    #[error("no such courier")]
    Absent,
    /// The message does not prove where it comes from.
    #[error("{0}")]
    Forged(&'static str),
    /// The courier could not be answered: it shall send the message again.
    #[error("the courier could not be answered: {0}")]
    Unanswered(CallError),
    /// The database can't.
    #[error("{0}")]
    Failed(Internal),
}

impl From<db::Error> for Refused {
    fn from(error: db::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// Takes a message in: what it is about is asked for soon. One about nothing that we know, or nothing that matters, is
/// taken and forgotten: a message may come before the booking that it is about is settled, and that one is asked about anyway.
pub(super) async fn receive(app: &App, name: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Refused> {
    let carrier = app.carriers.find(name).ok_or(Refused::Absent)?;
    let pushes = carrier.pushes().ok_or(Refused::Absent)?;
    let about = match carrier.read_notice(headers, body) {
        Ok(Notice::Happened(about)) => about,
        Ok(Notice::Validation(validation)) => return confirm(app, carrier, name, &validation).await,
        Err(NoticeError::NotOffered) => return Err(Refused::Absent),
        Err(NoticeError::Forged(reason)) => return Err(Refused::Forged(reason)),
    };
    if !about.is_empty() {
        store::note_heard(&app.db, name, app.clock.now()).await?;
    }
    for subject in &about {
        if let Some(shipment) = shipment_of(app, name, subject).await? {
            track::ask_now(app, shipment, pushes.are_signed).await.map_err(Refused::Failed)?;
        }
    }
    Ok(())
}

/// Gives the secret back that a subscription begins with. The message is taken only when that worked: its secret is kept
/// nowhere, and the courier sends it again.
async fn confirm(
    app: &App,
    carrier: &dyn Carrier,
    name: &str,
    validation: &Validation,
) -> Result<(), Refused> {
    match carrier.confirm_subscription(validation).await {
        Ok(()) => Ok(store::note_active(&app.db, name, app.clock.now()).await?),
        // An old one of which the courier knows nothing any more: to send it again would not help.
        Err(CallError::Refused(detail)) => {
            tracing::warn!("{name} refused the confirmation of a subscription: {detail}");
            Ok(())
        }
        Err(error) => Err(Refused::Unanswered(error)),
    }
}

async fn shipment_of(app: &App, carrier: &str, subject: &Subject) -> Result<Option<ShipmentId>, db::Error> {
    match subject {
        Subject::Booking(reference) => {
            let attempt = store::attempt(&app.db, reference.as_str()).await?;
            Ok(attempt.map(|attempt| attempt.shipment))
        }
        Subject::Parcel(number) => store::shipment_of_number(&app.db, carrier, number).await,
    }
}
