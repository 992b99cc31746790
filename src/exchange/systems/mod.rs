//! One adapter a back-office system, and the registry of them. An adapter knows its system's wire and the trait, and
//! nothing else of this program.

mod bodies;
mod business_central;
mod tryton;
mod vendure;

use std::sync::Arc;

use self::business_central::BusinessCentral;
use self::tryton::{Tryton, TrytonBooks};
use self::vendure::Vendure;
use super::books::Books;
use super::connections::Connection;
use super::shelf::Shelf;
use super::system::System;

/// The systems that a connection may name.
pub const SYSTEMS: [&str; 3] = ["business-central", "tryton", "vendure"];

/// Those that keep books.
pub const BOOKS: [&str; 2] = ["business-central", "tryton"];

/// Those that stock can be written to.
pub const SHELVES: [&str; 1] = ["vendure"];

/// The secrets that a connection to this system needs, to pull, and to post sales.
pub fn secrets(system: &str, takes_sales: bool) -> &'static [&'static str] {
    match (system, takes_sales) {
        ("business-central", _) => &["client_id", "client_secret"],
        ("tryton", false) => &["key"],
        ("tryton", true) => &["key", "password"],
        ("vendure", _) => &["user", "password"],
        _ => &[],
    }
}

/// A system: where records come from, and its books if sales go into them.
type Opened = (Arc<dyn System>, Option<Arc<dyn Books>>);

/// The system of a connection; nothing for one that is not in [`SYSTEMS`].
pub fn open(connection: &Connection, http: &reqwest::Client) -> Option<Opened> {
    match connection.system.as_str() {
        "tryton" => {
            let books = TrytonBooks::new(connection, http.clone());
            let books = books.map(|books| -> Arc<dyn Books> { Arc::new(books) });
            Some((Arc::new(Tryton::new(connection, http.clone())), books))
        }
        "business-central" => {
            let central = Arc::new(BusinessCentral::new(connection, http.clone()));
            let books = connection.sales.as_ref().map(|_| -> Arc<dyn Books> { central.clone() });
            Some((central, books))
        }
        "vendure" => Some((Arc::new(Vendure::new(connection, http.clone())), None)),
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

/// Whether a system asks for a token somewhere else first: its connection says where.
pub fn has_login(system: &str) -> bool {
    system == "business-central"
}
