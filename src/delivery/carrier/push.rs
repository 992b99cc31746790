//! Messages that couriers send by themselves. What they say is a hint: what happened, the courier is asked.

use std::time::Duration;

use secrecy::SecretString;

use super::Reference;

/// How a courier tells by itself what happens to parcels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushes {
    /// Each message bears a signature over all of it. Otherwise it bears the same secret as every other one, and whoever
    /// has seen one can make up more.
    pub are_signed: bool,
    /// How the courier comes to send them.
    pub subscribed: Subscribed,
}

/// How a courier comes to send messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subscribed {
    /// It was set up in the courier's own pages.
    Elsewhere,
    /// Each parcel is subscribed to, with [`Carrier::subscribe_parcels`](super::Carrier::subscribe_parcels).
    Parcels {
        /// So long.
        lives: Duration,
    },
    /// The whole account is, once, with [`Carrier::subscribe_account`](super::Carrier::subscribe_account).
    Account {
        /// Tells one subscription from another: a digest of what it is asked for with, besides the address.
        mark: String,
    },
}

/// A message that is proven to be the courier's.
#[derive(Debug)]
pub enum Notice {
    /// Something happened to these parcels; to none when it says nothing about how far a parcel has come.
    Happened(Vec<Subject>),
    /// The courier makes sure that its messages arrive: it wants its secret back, with
    /// [`Carrier::confirm_subscription`](super::Carrier::confirm_subscription).
    Validation(Validation),
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A booking of ours.
    Booking(Reference),
    /// A parcel, by the number that shoppers follow.
    Parcel(String),
}

/// What a subscription begins with.
#[derive(Debug)]
pub struct Validation {
    /// The courier's name of the subscription.
    pub subscription: String,
    /// What proves that the message was read where it was sent.
    pub secret: SecretString,
}
