//! Operations: whether the service is well, what it measures, and its API's document in the browser.
//!
//! Look at `pages.rs` for health, metrics and documentation; dead letters are in `http.rs`.

mod http;
mod pages;

pub use http::routes;
pub use pages::{install_metrics, keep_metrics, log_as_json, pages};
