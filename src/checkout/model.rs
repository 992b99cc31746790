//! What a checkout and an order are, which states they have and what moves them. Pure.
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

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::quote::Quote;
use crate::cart::TaxLine;
use crate::delivery;
use crate::ids::{
    CartId, CheckoutId, MethodId, OrderId, PaymentId, RefundId, ShipmentId, ShopperId, StaffId, StoreId,
};
use crate::money::{self, Money};
use crate::quantity::Quantity;
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

text_enum! {
    /// What an order waits for.
    pub enum OrderState {
        /// For the goods to be handed over and the rest to be captured.
        Placed = "placed",
        /// For nothing: handed over and captured.
        Completed = "completed",
        /// For nothing: taken back as a whole.
        Cancelled = "cancelled",
    }
}

/// What was bought and paid.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which.
    pub id: OrderId,
    /// What the shopper can read out.
    pub number: String,
    /// The checkout that it came from.
    pub checkout: CheckoutId,
    /// Its payment.
    pub payment: PaymentId,
    /// Whose.
    pub shopper: ShopperId,
    /// Where.
    pub store: StoreId,
    /// What it waits for.
    pub state: OrderState,
    /// What was bought.
    pub quote: Quote,
    /// What is captured by now.
    pub captured: Money,
    /// What was given back by now.
    pub refunded: Money,
    /// What was paid later as a debt, or written off, instead of being captured.
    pub made_good: Money,
    /// The goods on their way.
    pub shipment: Option<ShipmentId>,
    /// Why money that was due could not be captured.
    pub trouble: Option<String>,
    /// What was really picked of what is delivered.
    pub picking: Picking,
    /// Grows with each change.
    pub version: i64,
    /// When it was paid.
    pub placed_at: DateTime<Utc>,
}

/// Thousandths of a percent that are all of it.
const RATE_WHOLE: i64 = 100_000;

/// What was really picked of what is delivered, line by line: an order is never edited, this stands beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picking {
    /// The lines of which something else was picked than was ordered.
    pub lines: Vec<PickedLine>,
    /// Whether the goods were handed over: nothing changes any more.
    #[serde(default)]
    pub is_closed: bool,
}

/// A line of which something else was picked than was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PickedLine {
    /// The line.
    pub line: i64,
    /// How much was picked, in what it was ordered in: pieces or a measure. Left out, nothing of it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// What the line costs then, without its deposit: never more than was agreed on.
    pub amount: Money,
    /// What its deposit costs then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deposit: Option<Money>,
}

impl Order {
    /// What is debited in all: what was agreed on, less what was not picked.
    pub fn due(&self) -> Result<Money, money::Error> {
        if self.picking.lines.is_empty() {
            return Ok(self.quote.to_pay());
        }
        let total = Money::sum(self.quote.total.currency(), self.taxes()?.iter().map(|tax| tax.gross))?;
        let left = self.quote.to_pay().minus(self.quote.total.minus(total)?)?;
        // Vouchers and points may have paid more of what is left than there is: a debit is never below what was due at once.
        Ok(if left.minor() < self.quote.due_now.minor() { self.quote.due_now } else { left })
    }

    /// The taxes of what was picked, by rate: those of the quote where all of it was.
    pub fn taxes(&self) -> Result<Vec<TaxLine>, money::Error> {
        let is_on_top = self.quote.tax_on_top()?.is_positive();
        let mut taxes = self.quote.taxes.clone();
        for tax in &mut taxes {
            let mut less = 0_i64;
            for picked in &self.picking.lines {
                let Some(line) = self.quote.lines.iter().find(|line| line.line == picked.line) else {
                    continue;
                };
                if line.tax_rate == tax.rate {
                    less += line.amount.minor() - picked.amount.minor();
                }
                if let (Some(deposit), Some(left)) = (&line.deposit, picked.deposit)
                    && deposit.rate == tax.rate
                {
                    less += deposit.amount.minor() - left.minor();
                }
            }
            if less == 0 {
                continue;
            }
            let less = Money::new(less, tax.gross.currency());
            if is_on_top {
                tax.net = tax.net.minus(less)?;
                let on_top = money::in_proportion(tax.net.minor(), tax.rate.thousandths(), RATE_WHOLE)?;
                tax.tax = Money::new(on_top, tax.net.currency());
                tax.gross = tax.net.plus(tax.tax)?;
            } else {
                tax.gross = tax.gross.minus(less)?;
                tax.tax = tax.rate.tax_inside(tax.gross)?;
                tax.net = tax.gross.minus(tax.tax)?;
            }
        }
        Ok(taxes)
    }

    /// The state that the amounts and the goods lead to: completed once everything is captured, which for delivered goods
    /// happens at their hand-over.
    pub fn settled_state(&self) -> Result<OrderState, money::Error> {
        Ok(match self.state {
            OrderState::Placed if self.received()? == self.due()? => OrderState::Completed,
            state => state,
        })
    }

    /// What nothing more is waited for of: captured, paid later as a debt, or written off.
    pub fn received(&self) -> Result<Money, money::Error> {
        self.captured.plus(self.made_good)
    }

    /// The share of the earned points that goes with so much money given back.
    pub fn points_of(&self, refunded: Money) -> i64 {
        let paid = self.quote.to_pay().minor();
        let share = i128::from(self.quote.points) * i128::from(refunded.minor()) / i128::from(paid.max(1));
        i64::try_from(share).unwrap_or(self.quote.points).min(self.quote.points)
    }
}

text_enum! {
    /// What a refund waits for.
    pub enum RefundState {
        /// For the provider.
        Pending = "pending",
        /// For nothing: the money is on its way to the shopper.
        Done = "done",
        /// For staff: the provider refused.
        Failed = "failed",
    }
}

/// Money given back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Refund {
    /// Which; named by whoever asked for it.
    pub id: RefundId,
    /// The order.
    pub order: OrderId,
    /// How much.
    pub amount: Money,
    /// Why, as staff said.
    pub reason: String,
    /// What it waits for.
    pub state: RefundState,
    /// Why the provider refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Who asked for it.
    pub staff: StaffId,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

/// What the exit must know of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitFacts {
    /// The order.
    pub order: OrderId,
    /// The store whose gates it opens.
    pub store: StoreId,
    /// How many pieces are taken along.
    pub pieces: i64,
    /// Whether everything that is taken along is captured.
    pub paid: bool,
    /// Whether the order was taken back.
    pub cancelled: bool,
}

/// What other systems are told of an order.
#[derive(Clone, Debug)]
pub struct News {
    /// What happened.
    pub kind: NewsKind,
    /// To which order.
    pub order: OrderId,
    /// Where.
    pub store: StoreId,
    /// The order as it is now, and what happened to it.
    pub payload: serde_json::Value,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NewsKind {
    /// It was paid.
    Paid,
    /// Money was given back.
    Refunded,
    /// It was taken back as a whole.
    Cancelled,
    /// A courier has accepted its parcels.
    Booked,
    /// Its goods are with the courier.
    HandedOver,
    /// Its goods arrived.
    Delivered,
    /// Its goods came back.
    Returned,
    /// Its goods could not be sent, or were lost.
    Failed,
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
