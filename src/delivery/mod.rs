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
