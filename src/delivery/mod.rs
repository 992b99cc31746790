//! delivery

pub mod carrier;
pub mod carriers;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// Settings of the room.
#[derive(Clone, Debug, Default)]
pub struct Settings;

impl Settings {
    /// Reads the settings.
    pub fn read(_env: &crate::env::Env) -> Self {
        Self
    }
}

/// Couriers.
#[derive(Debug)]
pub struct Carriers;

impl Carriers {
    /// The configured couriers.
    pub fn new(_settings: &Settings, _http: &reqwest::Client) -> Self {
        Self
    }
}

// STUB until the room lands
#[allow(missing_docs)]
pub mod stub {
    use crate::ids::*;
    #[derive(Clone, Debug, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
    pub struct Address {
        pub name: String,
    }
    pub struct AddressFault {
        pub pointer: String,
        pub detail: String,
    }
    impl std::fmt::Debug for AddressFault {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            Ok(())
        }
    }
    impl Address {
        pub fn faults(&self) -> Vec<AddressFault> {
            vec![]
        }
        pub fn of_store(s: &crate::catalog::Store) -> Self {
            Self { name: s.name.clone() }
        }
    }
    pub struct Parcel {
        pub weight_grams: i64,
    }
    pub struct Request {
        pub shipment: ShipmentId,
        pub order: OrderId,
        pub store: StoreId,
        pub shopper: ShopperId,
        pub sender: Address,
        pub recipient: Address,
        pub parcels: Vec<Parcel>,
        pub reference: String,
    }
    pub enum News {
        Booked { shipment: ShipmentId, order: OrderId, tracking_number: String },
        HandedOver { shipment: ShipmentId, order: OrderId },
        Delivered { shipment: ShipmentId, order: OrderId },
        Returned { shipment: ShipmentId, order: OrderId },
        Failed { shipment: ShipmentId, order: OrderId, reason: String },
    }
    #[derive(Debug, thiserror::Error)]
    #[error("x")]
    pub struct Error;
    impl From<Error> for crate::error::Problem {
        fn from(_: Error) -> Self {
            crate::error::Problem::internal("x")
        }
    }
    pub async fn request(
        _: &mut crate::db::Tx,
        _: &Ids,
        _: crate::clock::Moment,
        _: Request,
    ) -> Result<(), Error> {
        Ok(())
    }
    pub async fn cancel(
        _: &mut crate::db::Tx,
        _: &Ids,
        _: crate::clock::Moment,
        _: ShipmentId,
    ) -> Result<(), Error> {
        Ok(())
    }
}
pub use stub::*;
