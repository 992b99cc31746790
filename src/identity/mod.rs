//! identity

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

/// Keys and checks of callers.
#[derive(Debug)]
pub struct Identity;

impl Identity {
    /// Opens the keys.
    pub async fn open(
        _db: &crate::db::Db,
        _settings: &Settings,
        _clock: &crate::clock::Clock,
        _random: &crate::random::Random,
        _http: &reqwest::Client,
    ) -> Result<Self, crate::db::Error> {
        Ok(Self)
    }
}
