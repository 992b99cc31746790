//! exit

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
