//! The tests against the running service, on the engine that the environment names. A module a room.

mod architecture;
mod carts;
mod catalog;
mod checkout;
mod checkout_troubles;
mod codes;
mod contract;
mod crash;
mod delivery;
mod demo;
mod dhl_adapter;
mod exchange;
mod exit;
mod goods;
mod http;
mod identity;
mod import;
mod jobs;
mod openapi;
mod operations;
mod payments;
mod quality;
mod sandbox_dhl;
mod sandbox_paypal;
mod support;
