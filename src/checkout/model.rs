//! What a checkout is, which states it has and what moves it. Pure.
//!
//! | state | waits for | its owner | the way out when nothing happens |
//! | --- | --- | --- | --- |
//! | `quoted` | the shopper's yes to the quote | shopper | deadline: `cancelled`, the cart is open again |
//! | `held` | staff to look (amount limit, age) | staff | deadline: `cancelled` |
//! | `paying` | the provider's answer | worker | deadline: `cancelled`, whatever was debited is given back |
//! | `action_required` | the shopper's approval at the provider | shopper | deadline: as `paying` |
//! | `paid` | nothing: there is an order | | |
//! | `declined` | nothing: the cart is open again | | |
//! | `cancelled` | nothing: the cart is open again | | |
//!
//! The shipment of a paid order may wait too: where its store books when packed (`waits_for_packing`), for staff to say what was
//! packed. Its way out is to say it or to cancel the delivery; the hold on the shopper's account is renewed as for any other.

use chrono::{DateTime, Utc};

use super::quote::Quote;
use crate::delivery;
use crate::ids::{CartId, CheckoutId, MethodId, OrderId, PaymentId, ShopperId, StoreId};
use crate::text_enum;

text_enum! {
    /// What a checkout waits for.
    pub enum State {
        /// For the shopper's yes to the quote.
        Quoted = "quoted",
        /// For staff to look.
        Held = "held",
        /// For the provider's answer.
        Paying = "paying",
        /// For the shopper's approval at the provider.
        ActionRequired = "action_required",
        /// For nothing: there is an order.
        Paid = "paid",
        /// For nothing: the provider refused, the cart is open again.
        Declined = "declined",
        /// For nothing: given up, the cart is open again.
        Cancelled = "cancelled",
    }
}

/// What moves a checkout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The shopper says yes to the quote, and staff need not look.
    Confirmed,
    /// The shopper says yes to the quote, and staff must look first.
    ConfirmedWithHold,
    /// Staff have looked and let it pass.
    Released,
    /// The provider wants the shopper to approve.
    ActionNeeded,
    /// The money is authorised or captured.
    Authorised,
    /// The provider refuses.
    Declined,
    /// The shopper or staff give it up, or its deadline has passed.
    GivenUp,
}

/// What an event does to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It leads to this state.
    To(State),
    /// Nothing: late or repeated news.
    Stay,
    /// It makes no sense in this state.
    Refused,
}

impl State {
    /// The state machine: every state and every event, nothing left out.
    pub fn apply(self, event: Event) -> Step {
        use Step::{Refused, Stay, To};
        match (self, event) {
            (Self::Quoted, Event::Confirmed) | (Self::Held, Event::Released) => To(Self::Paying),
            (Self::Quoted, Event::ConfirmedWithHold) => To(Self::Held),
            (Self::Paying, Event::ActionNeeded) => To(Self::ActionRequired),
            (Self::Paying | Self::ActionRequired, Event::Authorised) => To(Self::Paid),
            (Self::Paying | Self::ActionRequired, Event::Declined) => To(Self::Declined),
            (Self::Quoted | Self::Held | Self::Paying | Self::ActionRequired, Event::GivenUp) => {
                To(Self::Cancelled)
            }
            // The same request again, from the app or from staff.
            (
                Self::Held | Self::Paying | Self::ActionRequired | Self::Paid,
                Event::Confirmed | Event::ConfirmedWithHold,
            )
            | (Self::Paying | Self::ActionRequired | Self::Paid, Event::Released)
            | (Self::Cancelled | Self::Declined, Event::GivenUp)
            // News from the provider that comes again, or too late: what was given up is voided or given back by the
            // payment itself, which knows that it was cancelled.
            | (
                Self::ActionRequired | Self::Paid | Self::Declined | Self::Cancelled,
                Event::ActionNeeded | Event::Authorised | Event::Declined,
            ) => Stay,
            (Self::Quoted | Self::Held, Event::ActionNeeded | Event::Authorised | Event::Declined)
            | (
                Self::Declined | Self::Cancelled,
                Event::Confirmed | Event::ConfirmedWithHold | Event::Released,
            )
            | (Self::Quoted, Event::Released)
            | (Self::Paid, Event::GivenUp) => Refused,
        }
    }

    /// Whether nothing will happen any more.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Paid | Self::Declined | Self::Cancelled)
    }
}

text_enum! {
    /// Why staff must look before a payment begins.
    pub enum Hold {
        /// The total is above the store's limit for automatic debits.
        AmountLimit = "amount_limit",
        /// Something in the cart may only be sold from an age on.
        Age = "age",
        /// The shopper was debited as much, or as often, within a day as is done without a look.
        DayLimit = "day_limit",
    }
}

/// One attempt to pay for a cart.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// Which; named by the app.
    pub id: CheckoutId,
    /// What the shopper can read out; the order takes it over.
    pub number: String,
    /// The cart that it holds.
    pub cart: CartId,
    /// At which version.
    pub cart_version: i64,
    /// Whose.
    pub shopper: ShopperId,
    /// Where.
    pub store: StoreId,
    /// What is to be debited.
    pub method: MethodId,
    /// What it waits for.
    pub state: State,
    /// Why staff must look first.
    pub holds: Vec<Hold>,
    /// What is paid, and for what.
    pub quote: Quote,
    /// Where to, for what is delivered.
    pub recipient: Option<delivery::Address>,
    /// The session of the shopper's device at the payment provider.
    pub device_session: Option<String>,
    /// Of the request that made it.
    pub request_hash: String,
    /// Its payment, once it began.
    pub payment: Option<PaymentId>,
    /// Its order, once it is paid.
    pub order: Option<OrderId>,
    /// Where the shopper approves.
    pub action_url: Option<String>,
    /// Why it was declined or cancelled.
    pub reason: Option<String>,
    /// Whether the same account may be debited another time, when it was declined.
    pub may_retry: bool,
    /// When the day's limit would let it pass without a look; nothing when no such limit holds it, or never within a day.
    pub limit_ends_at: Option<DateTime<Utc>>,
    /// When it gives itself up.
    pub deadline: DateTime<Utc>,
    /// Grows with each change.
    pub version: i64,
    /// When it began.
    pub created_at: DateTime<Utc>,
}

impl Checkout {
    /// Whether nothing is debited: vouchers and points pay everything, or it costs nothing.
    pub fn is_free(&self) -> bool {
        !self.quote.to_pay().is_positive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENTS: [Event; 7] = [
        Event::Confirmed,
        Event::ConfirmedWithHold,
        Event::Released,
        Event::ActionNeeded,
        Event::Authorised,
        Event::Declined,
        Event::GivenUp,
    ];

    #[test]
    fn every_waiting_state_can_be_given_up_and_no_final_one_is_left() {
        for state in State::ALL {
            let given_up = state.apply(Event::GivenUp);
            assert_eq!(given_up == Step::To(State::Cancelled), !state.is_final(), "{state}");
            for event in EVENTS {
                if state.is_final() {
                    assert!(!matches!(state.apply(event), Step::To(_)), "{state} {event:?}");
                }
            }
        }
    }

    #[test]
    fn an_event_that_comes_twice_does_nothing_the_second_time() {
        for state in State::ALL {
            for event in EVENTS {
                if let Step::To(next) = state.apply(event) {
                    assert_eq!(next.apply(event), Step::Stay, "{state} {event:?}");
                }
            }
        }
    }

    #[test]
    fn only_money_makes_a_checkout_paid() {
        for state in State::ALL {
            for event in EVENTS {
                if state.apply(event) == Step::To(State::Paid) {
                    assert_eq!(event, Event::Authorised);
                }
            }
        }
    }
}
