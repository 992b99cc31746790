//! Recalling couriers that come at once, before an order is taken back: one that has no label to void is stopped by its own word
//! only, and money that was given back for goods that are brought all the same is lost.

use super::carrier::CancelOutcome;
use super::model::{AttemptState, Direction, ShipmentState};
use super::request::Error;
use super::{store, track};
use crate::app::App;
use crate::ids::ShipmentId;

/// Asks the couriers of a booked shipment that give no labels to take their bookings back. Nothing is written: a courier that
/// did so tells it when it is asked how far it has come, and is booked anew should the order stay after all. Asked twice does no harm.
///
/// # Errors
///
/// [`Error::Kept`] when a courier brings the goods all the same, [`Error::Unheard`] when it can't be said; the order stays then.
pub async fn recall(app: &App, id: ShipmentId) -> Result<(), Error> {
    let shipment = store::find(&app.db, id).await?.ok_or(Error::Unknown)?;
    if shipment.state != ShipmentState::Booked || shipment.direction == Direction::Return {
        return Ok(());
    }
    for attempt in store::live_attempts(&app.db, id).await? {
        let (AttemptState::Confirmed, Some(booking)) = (attempt.state, &attempt.carrier_shipment_id) else {
            continue;
        };
        let courier = app.carriers.find(&attempt.carrier);
        let Some(courier) = courier.filter(|courier| !courier.capabilities().gives_labels) else { continue };
        // As if for the second time: one that was recalled before is not kept.
        match courier.cancel(booking, true).await {
            Ok(CancelOutcome::Cancelled) => {}
            Ok(CancelOutcome::Refused { detail }) => {
                // It has the goods, most likely, and says so when it is asked.
                track::ask_now(app, id, true).await.map_err(Error::News)?;
                return Err(Error::Kept { carrier: attempt.carrier, detail });
            }
            Err(error) => {
                tracing::warn!(shipment.id = %id, "{} can't be recalled: {error}", attempt.carrier);
                return Err(Error::Unheard(attempt.carrier));
            }
        }
    }
    Ok(())
}
