//! Operations: whether the service is well, what it measures, and its API's document in the browser.
//!
//! Look at `pages.rs` for health, metrics and documentation; dead letters are in `http.rs`.

mod pages;

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

pub use pages::{install_metrics, log_as_json, pages};

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}
