//! One adapter a back-office system, and the registry of them. An adapter knows its system's wire and the trait, and
//! nothing else of this program.

mod tryton;
mod vendure;

use std::sync::Arc;

use self::tryton::Tryton;
use self::vendure::Vendure;
use super::connections::Connection;
use super::shelf::Shelf;
use super::system::System;

/// The systems that a connection may name.
pub const SYSTEMS: [&str; 2] = ["tryton", "vendure"];

/// Those that stock can be written to.
pub const SHELVES: [&str; 1] = ["vendure"];

/// The secrets that a connection to this system needs.
pub fn secrets(system: &str) -> &'static [&'static str] {
    match system {
        "tryton" => &["key"],
        "vendure" => &["user", "password"],
        _ => &[],
    }
}

/// The system of a connection; nothing for one that is not in [`SYSTEMS`].
pub fn open(connection: &Connection, http: &reqwest::Client) -> Option<Arc<dyn System>> {
    match connection.system.as_str() {
        "tryton" => Some(Arc::new(Tryton::new(connection, http.clone()))),
        "vendure" => Some(Arc::new(Vendure::new(connection, http.clone()))),
        _ => None,
    }
}

/// The shelves of a connection's system; nothing for one that is not in [`SHELVES`].
pub fn open_shelf(connection: &Connection, http: &reqwest::Client) -> Option<Arc<dyn Shelf>> {
    match connection.system.as_str() {
        "vendure" => Some(Arc::new(Vendure::new(connection, http.clone()))),
        _ => None,
    }
}
