//! Delivery: parcels booked at couriers, labelled, handed over and followed to the door.
//!
//! Invariants: a shipment is written in the transaction that made it necessary, and no failure of a courier takes it back;
//! each parcel has at most one live booking at a courier, and what staff packed another way none (an attempt is written before the call, an unknown outcome is
//! looked for by its reference, a label that turns up late is cancelled); goods that a courier has can't be cancelled here;
//! the room above is told of each step inside the transaction that learns of it ([`News`]).
//!
//! `model.rs` has the rules, `request.rs` what other rooms ask for, `returns` what comes back, `reroute.rs` who comes in
//! another courier's place, `repack` what staff really packed, `book.rs`, `labels.rs`, `reissue.rs`, `withdraw.rs`, `recall.rs`, `hand_over.rs`, `closing`, `pickups`, `track.rs`,
//! `pushes.rs` and
//! `notice.rs` the talk with couriers, `carrier` the trait that they speak through.

mod address;
mod book;
pub mod carrier;
pub mod carriers;
mod closing;
mod correct;
mod evidence;
mod follow;
mod hand_over;
mod hold_back;
mod http;
mod labels;
mod model;
mod needs;
mod news;
mod notice;
mod offers;
mod pack;
mod pickups;
mod places;
mod pushes;
mod quota;
mod recall;
mod reissue;
mod repack;
mod request;
mod reroute;
mod returns;
mod settings;
mod shares;
mod silence;
mod store;
mod tasks;
mod terms;
mod track;
mod view;
mod withdraw;

pub use address::{Address, AddressFault};
pub use book::{BookParcel, book_parcel};
pub use carrier::{PickupPoint, PointKind};
pub use closing::{Close, close};
pub use evidence::{ParcelEvidence, evidence, parcels};
pub use http::routes;
pub use model::{AttemptState, ShipmentState};
pub use needs::{Needs, Unable};
pub use news::News;
pub use offers::{
    Ask, Good, Hindered, Hindrance, LeftOut, LeftOutReason, Offer, Offers, cartons, hindrances, offers,
};
pub use pack::{Misfit, PARCELS_MAX, Packing, Parcel, Pieces, TooMany};
pub use pickups::{OrderPickup, order_pickup};
pub use places::{CourierVerdict, SuggestedAddress};
pub use pushes::{SubscribeAccount, SubscribeParcels, schedule, subscribe_account, subscribe_parcels};
pub use recall::recall;
pub use repack::{RemindToPack, remind_to_pack};
pub use request::{Error, Request, cancel, request};
pub use settings::{Carriers, Settings};
pub use shares::{ShareHad, Shares, shares};
pub use terms::is_closed_for;
pub use track::{TrackShipment, track_shipment};
pub use withdraw::{CancelLabel, FindStray, cancel_label, find_stray};
