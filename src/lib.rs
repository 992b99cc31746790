//! Aisle: a scan-and-go backend.

pub mod sandbox;
