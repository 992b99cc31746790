//! The routes of the room.

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
