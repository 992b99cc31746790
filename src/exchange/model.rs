//! What partners can be told of, who is told, and when a telling is tried again: pure rules.

use std::time::Duration;

use base64::Engine;
use secrecy::SecretString;
use url::{Host, Url};

use super::address::is_public;
use crate::ids::StoreId;
use crate::random::Random;
use crate::text_enum;

text_enum! {
    /// What happened.
    pub enum EventKind {
        /// An order came to be: its money is debited or set aside.
        OrderPaid = "order.paid",
        /// An order was given up before anything was handed over.
        OrderCancelled = "order.cancelled",
        /// Money of an order went back.
        OrderRefunded = "order.refunded",
        /// Something was not there when an order was picked: its shopper is asked about something else in its place.
        OrderSubstituteAsked = "order.substitute_asked",
        /// A courier has accepted a shipment of the order.
        ShipmentBooked = "shipment.booked",
        /// A shipment was handed to the courier.
        ShipmentHandedOver = "shipment.handed_over",
        /// A parcel could not be handed to its recipient.
        ShipmentAttemptFailed = "shipment.attempt_failed",
        /// A parcel waits for its recipient in a shop or locker.
        ShipmentAtPickupPoint = "shipment.at_pickup_point",
        /// A shipment has arrived.
        ShipmentDelivered = "shipment.delivered",
        /// A shipment came back.
        ShipmentReturned = "shipment.returned",
        /// A shipment could not be booked or was lost.
        ShipmentFailed = "shipment.failed",
    }
}

text_enum! {
    /// Whether a subscriber is told of new events.
    pub enum SubscriptionState {
        /// It is.
        Active = "active",
        /// It asked for no more by answering 410; putting the subscription again turns it on.
        Off = "off",
    }
}

text_enum! {
    /// How far the telling of one event to one subscriber is.
    pub enum DispatchState {
        /// To be tried, now or later, or behind an earlier event of the same order.
        Waiting = "waiting",
        /// The subscriber took it.
        Delivered = "delivered",
        /// Given up after the last try; later events of the order wait until it is replayed or skipped.
        Dead = "dead",
        /// The subscriber does not want it any more.
        Skipped = "skipped",
    }
}

/// The pauses before the second and each later try (Standard Webhooks 1.0, "Retry schedule"); the first is at once.
const PAUSES: [Duration; 7] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(10),
];

/// How long to wait after so many tries in vain; nothing when it is time to give up.
pub(super) fn pause_after(attempts: i64) -> Option<Duration> {
    let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
    PAUSES.get(index).copied()
}

/// Whether a subscription to these kinds and stores (none named: all) covers an event.
pub(super) fn covers(kinds: &[EventKind], stores: &[StoreId], kind: EventKind, store: &StoreId) -> bool {
    kinds.contains(&kind) && (stores.is_empty() || stores.contains(store))
}

/// Longest address of a subscriber: what every server on the way takes.
const URL_LENGTH_MAX: usize = 2_000;

/// Why an address can't be told of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Not a URL with a host, or too long.
    #[error("not a URL with a host of at most 2000 characters")]
    Unreadable,
    /// Neither `https` nor, when internal addresses are allowed, `http`.
    #[error("only https is taken: what is sent names orders and stores")]
    Scheme,
    /// It carries a user or a password; a receiver knows us by the signature.
    #[error("without user and password: check the signature instead")]
    Credentials,
    /// It names this machine or a network behind it.
    #[error("the address is not on the public internet")]
    Internal,
}

/// Reads a subscriber's address. Names are checked again, with the addresses behind them, at each call.
pub(super) fn address(text: &str, allow_internal: bool) -> Result<Url, AddressError> {
    if text.len() > URL_LENGTH_MAX {
        return Err(AddressError::Unreadable);
    }
    let url = Url::parse(text).map_err(|_| AddressError::Unreadable)?;
    let host = url.host().ok_or(AddressError::Unreadable)?;
    if url.scheme() != "https" && !(allow_internal && url.scheme() == "http") {
        return Err(AddressError::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(AddressError::Credentials);
    }
    let internal = match host {
        Host::Ipv4(address) => !is_public(address.into()),
        Host::Ipv6(address) => !is_public(address.into()),
        Host::Domain(name) => is_local_name(name),
    };
    if internal && !allow_internal { Err(AddressError::Internal) } else { Ok(url) }
}

/// Names that never leave the machine (RFC 6761); all others are told by their addresses.
fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

text_enum! {
    /// How far a document is on its way into the books of a system.
    pub enum PostingState {
        /// Nothing was said of it there.
        Waiting = "waiting",
        /// The call that drafts it was begun, and nobody knows yet whether it was done.
        Drafting = "drafting",
        /// It is a draft there.
        Drafted = "drafted",
        /// It is in the books.
        Posted = "posted",
        /// The system refused it, and a person has to look.
        Parked = "parked",
        /// A person took it off: it is in the books some other way, or does not belong there.
        Dropped = "dropped",
    }
}

/// Bytes of a signing secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// A new signing secret in the form that the receivers' libraries take.
pub(super) fn new_secret(random: &Random) -> SecretString {
    let bytes: [u8; SECRET_BYTES] = random.bytes();
    format!("whsec_{}", base64::engine::general_purpose::STANDARD.encode(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telling_is_tried_eight_times_over_more_than_a_day() {
        let pauses: Vec<u64> = (1..).map_while(pause_after).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses, [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000]);
        assert_eq!(pause_after(0), None);
    }

    #[test]
    fn internal_addresses_are_refused_in_every_spelling() {
        for text in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://192.168.1.1/",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://gate.localhost/",
        ] {
            assert_eq!(address(text, false), Err(AddressError::Internal), "{text}");
        }
        assert_eq!(address("http://erp.example/hook", false), Err(AddressError::Scheme));
        assert_eq!(address("ftp://erp.example/hook", true), Err(AddressError::Scheme));
        assert_eq!(address("https://user@erp.example/", false), Err(AddressError::Credentials));
        assert_eq!(address("erp.example", false), Err(AddressError::Unreadable));
        assert!(address("https://erp.example/hook", false).is_ok());
        assert!(address("https://[2606:4700::1111]/hook", false).is_ok());
        assert!(address("http://127.0.0.1:9000/hook", true).is_ok());
    }

    #[test]
    fn a_subscription_without_stores_covers_all() {
        let store: StoreId = "0001".parse().expect("a key");
        let other: StoreId = "0002".parse().expect("a key");
        let kinds = [EventKind::OrderPaid];
        assert!(covers(&kinds, &[], EventKind::OrderPaid, &store));
        assert!(covers(&kinds, std::slice::from_ref(&store), EventKind::OrderPaid, &store));
        assert!(!covers(&kinds, &[other], EventKind::OrderPaid, &store));
        assert!(!covers(&kinds, &[], EventKind::OrderRefunded, &store));
    }
}
