//! One adapter a back-office system, and the registry of them. An adapter knows its system's wire and the trait, and
//! nothing else of this program.

mod tryton;

use std::sync::Arc;

use self::tryton::Tryton;
use super::connections::Connection;
use super::system::System;

/// The systems that a connection may name.
pub const SYSTEMS: [&str; 1] = ["tryton"];

/// The secrets that a connection to this system needs.
pub fn secrets(system: &str) -> &'static [&'static str] {
    match system {
        "tryton" => &["key"],
        _ => &[],
    }
}

/// The system of a connection; nothing for one that is not in [`SYSTEMS`].
pub fn open(connection: &Connection, http: &reqwest::Client) -> Option<Arc<dyn System>> {
    match connection.system.as_str() {
        "tryton" => Some(Arc::new(Tryton::new(connection, http.clone()))),
        _ => None,
    }
}
