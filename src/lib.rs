//! Aisle: a scan-and-go backend. A shopper scans barcodes by phone, the amount is debited automatically from a linked
//! account, and the goods go along or are delivered home.
//!
//! # The map
//! One folder a feature: `model.rs` holds pure rules, verb files the use cases, `store.rs` the SQL, `http.rs` the routes.
//! Start reading in [`router`] (every route on one screen) or in [`app`] (every part, every kind of job).
//! `ARCHITECTURE.md` has the arrows between rooms, the invariants and the reasons.

pub mod app;
pub mod cart;
pub mod catalog;
pub mod checkout;
pub mod clock;
pub mod config;
pub mod db;
pub mod delivery;
pub mod demo;
pub mod env;
pub mod error;
pub mod exchange;
pub mod exit;
pub mod hash;
pub mod http;
pub mod identity;
pub mod ids;
pub mod jobs;
pub mod money;
pub mod operations;
pub mod payments;
pub mod quantity;
pub mod random;
pub mod router;
pub mod sandbox;
pub mod serve;
