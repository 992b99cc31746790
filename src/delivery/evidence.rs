//! What couriers told of a purchase, for whoever has to prove that it was delivered.

use std::fmt::Write as _;

use super::store;
use crate::db::{self, Db, Tx};
use crate::ids::ShipmentId;

/// A parcel that a courier has or had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelEvidence {
    /// The courier.
    pub carrier: String,
    /// Its number of the parcel.
    pub tracking_number: String,
    /// What became of it, for people.
    pub text: String,
}

/// The parcels of a shipment that a courier has or had; none before the hand-over.
pub async fn evidence(db: &Db, shipment: ShipmentId) -> Result<Vec<ParcelEvidence>, db::Error> {
    let Some(found) = store::find(db, shipment).await? else { return Ok(Vec::new()) };
    let Some(handed_over_at) = found.handed_over_at else { return Ok(Vec::new()) };
    let events = store::events(db, shipment).await?;
    let parcels = store::parcels(db, shipment).await?;
    let recipient = &found.recipient.0;
    Ok(parcels
        .into_iter()
        .filter_map(|parcel| {
            let (tracking_number, carrier) = (parcel.tracking_number?, parcel.carrier?);
            let mut text = format!(
                "Parcel {tracking_number} was handed to {carrier} at {}, addressed to {} {}.",
                handed_over_at.to_rfc3339(),
                recipient.postal_code,
                recipient.city,
            );
            let told = events.iter().filter(|event| event.parcel == parcel.number && event.status.is_some());
            for event in told {
                let status = event.status.map_or("", |status| status.as_str());
                let _ = write!(text, " {}: {status}.", event.occurred_at.to_rfc3339());
            }
            Some(ParcelEvidence { carrier, tracking_number, text })
        })
        .collect())
}

/// The parcels of a shipment that are booked: whose each is, and its number there.
pub async fn parcels(tx: &mut Tx, shipment: ShipmentId) -> Result<Vec<(String, String)>, db::Error> {
    let parcels = store::parcels(&mut *tx, shipment).await?;
    Ok(parcels.into_iter().filter_map(|parcel| parcel.carrier.zip(parcel.tracking_number)).collect())
}
