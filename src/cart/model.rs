//! What a cart is and what may happen to it: the fold of its log, and the decisions on new entries. Pure.

use std::collections::HashSet;

use serde::Deserialize;
use utoipa::ToSchema;

use super::event::{Event, Product};
use crate::ids::{CartId, CheckoutId, EventId, OrderId, ShopperId, StoreId};
use crate::money::{self, Currency, Money};
use crate::quantity::{Quantity, Unit};
use crate::text_enum;

/// Most lines of a cart: what a courier and a payment provider take, and far more than a trolley holds.
pub const LINES_MAX: usize = 500;
/// Most of one product in a cart by phone; more is a purchase for the wholesale desk.
pub const PIECES_MAX: i64 = 999;
/// Most events of a cart: bounds the fold and the memory of event ids.
pub const EVENTS_MAX: usize = 5_000;

/// What a cart is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// For the next scan.
    Open,
    /// For the end of a checkout.
    Locked(CheckoutId),
    /// For nothing: it was paid.
    Closed(OrderId),
}

/// One product in a cart.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line's number: given once, never given again.
    pub number: i64,
    /// What.
    pub product: Product,
    /// How many pieces.
    pub quantity: i64,
}

impl Line {
    /// Gross amount of the line.
    pub fn amount(&self) -> Result<Money, money::Error> {
        self.product.price.times(self.quantity)
    }
}

/// A cart, folded from its log.
#[derive(Clone, Debug)]
pub struct Cart {
    /// Which.
    pub id: CartId,
    /// Whose.
    pub shopper: ShopperId,
    /// Where.
    pub store: StoreId,
    /// The store's currency.
    pub currency: Currency,
    /// What it waits for.
    pub state: State,
    /// Its lines, by number.
    pub lines: Vec<Line>,
    /// The last entry of the log: what an entity tag shows and a new entry builds on.
    pub version: i64,
    lines_given: i64,
    seen: HashSet<EventId>,
}

/// Why something can't be done to a cart.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such cart, or another shopper's.
    #[error("no such cart")]
    Unknown,
    /// No such store.
    #[error("no such store")]
    UnknownStore,
    /// The id names a cart of another store or shopper.
    #[error("the id is taken")]
    Taken,
    /// A checkout holds it.
    #[error("locked by checkout {0}")]
    Locked(CheckoutId),
    /// It was paid.
    #[error("paid with order {0}")]
    Closed(OrderId),
    /// The caller's version is not the present one.
    #[error("changed to version {0} meanwhile")]
    Changed(i64),
    /// No line of that number.
    #[error("no such line")]
    UnknownLine,
    /// The quantity is out of bounds.
    #[error("a line has at most {PIECES_MAX} pieces")]
    Quantity,
    /// Nothing in it.
    #[error("empty")]
    Empty,
    /// Too many writers at once, here or elsewhere.
    #[error("too busy")]
    Busy,
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] money::Error),
    /// The database does not answer.
    #[error(transparent)]
    Database(#[from] crate::db::Error),
    /// The journal could not write, or can't tell whether it did: the same events may be sent again.
    #[error("the journal could not write: {0}")]
    Journal(String),
    /// The log holds something that this release can't read.
    #[error("the log of cart {0} can't be folded: {1}")]
    Log(CartId, String),
}

text_enum! {
    /// What became of one event of a batch.
    pub enum Outcome {
        /// It is in the cart.
        Applied = "applied",
        /// It was in the cart already: sent again.
        Repeated = "repeated",
        /// It is not in the cart; the reason says why.
        Refused = "refused",
    }
}

/// An event that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Now or before.
    pub outcome: Outcome,
    /// The line that it changed.
    pub line: Option<i64>,
}

text_enum! {
    /// Why an event was refused.
    pub enum Refusal {
        /// The text is no code: empty, wrong characters or length.
        CodeMalformed = "code_malformed",
        /// The check digit is wrong: scan again.
        CodeCheckDigit = "code_check_digit",
        /// A right code that the catalogue does not have.
        CodeUnknown = "code_unknown",
        /// The product has no price in this store.
        PriceMissing = "price_missing",
        /// The product's tax class has no rate in the store's country today.
        TaxRateMissing = "tax_rate_missing",
        /// The price is in another currency than the cart.
        CurrencyOther = "currency_other",
        /// The cart has no line of that number.
        LineUnknown = "line_unknown",
        /// The quantity is out of bounds.
        QuantityOutOfRange = "quantity_out_of_range",
        /// The cart can't hold more lines or events.
        CartFull = "cart_full",
    }
}

/// What the app asks for: one event of a batch.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Wish {
    /// Add what was scanned.
    Scan {
        /// The app's own id of the event: sent twice, it counts once.
        id: EventId,
        /// The code as the phone's decoder gave it.
        #[schema(max_length = 200)]
        code: String,
        /// How many pieces (1 when left out).
        quantity: Option<Quantity>,
    },
    /// Make a line have so many pieces.
    SetQuantity {
        /// The app's own id of the event.
        id: EventId,
        /// The number of the line.
        line: i64,
        /// How many.
        quantity: Quantity,
    },
    /// Take a line out.
    Remove {
        /// The app's own id of the event.
        id: EventId,
        /// The number of the line.
        line: i64,
    },
}

impl Wish {
    /// The app's own id of the event.
    pub fn id(&self) -> EventId {
        match self {
            Self::Scan { id, .. } | Self::SetQuantity { id, .. } | Self::Remove { id, .. } => *id,
        }
    }
}

impl Cart {
    /// The cart after its first entry, which must be its check-in.
    pub fn begin(id: CartId, first: &[Event]) -> Result<Self, Error> {
        let [Event::CheckedIn { shopper, store, currency }, rest @ ..] = first else {
            return Err(Error::Log(id, "it does not begin with a check-in".to_owned()));
        };
        let mut cart = Self {
            id,
            shopper: *shopper,
            store: store.clone(),
            currency: *currency,
            state: State::Open,
            lines: Vec::new(),
            version: 1,
            lines_given: 0,
            seen: HashSet::new(),
        };
        for event in rest {
            cart.apply(event);
        }
        Ok(cart)
    }

    /// The cart after one more entry of its log.
    pub fn fold(&mut self, version: i64, events: &[Event]) {
        for event in events {
            self.apply(event);
        }
        self.version = version;
    }

    /// Applies an event that was decided on before: never fails, and knows nothing but the cart.
    fn apply(&mut self, event: &Event) {
        match event {
            Event::CheckedIn { .. } => {}
            Event::Scanned { id, product, quantity } => {
                self.seen.insert(*id);
                let known = self.lines.iter_mut().find(|line| line.product.sku == product.sku);
                if let Some(line) = known {
                    line.quantity += quantity;
                } else {
                    self.lines_given += 1;
                    let (number, product) = (self.lines_given, product.clone());
                    self.lines.push(Line { number, product, quantity: *quantity });
                }
            }
            Event::QuantitySet { id, line, quantity } => {
                self.seen.insert(*id);
                if *quantity == 0 {
                    self.lines.retain(|each| each.number != *line);
                } else if let Some(line) = self.line_mut(*line) {
                    line.quantity = *quantity;
                }
            }
            Event::Locked { checkout } => self.state = State::Locked(*checkout),
            Event::Unlocked { .. } => self.state = State::Open,
            Event::Closed { order, .. } => self.state = State::Closed(*order),
        }
    }

    fn line_mut(&mut self, number: i64) -> Option<&mut Line> {
        self.lines.iter_mut().find(|line| line.number == number)
    }

    /// An error unless the cart takes changes.
    pub fn must_be_open(&self) -> Result<(), Error> {
        match self.state {
            State::Open => Ok(()),
            State::Locked(checkout) => Err(Error::Locked(checkout)),
            State::Closed(order) => Err(Error::Closed(order)),
        }
    }

    /// Decides on a batch: what to write, and what became of each wish, in order. `find` looks a code up in the
    /// catalogue. The cart is then as it will be once the events are written ([`Self::written`]); if they can't be, it is
    /// of no use any more.
    pub fn decide(
        &mut self,
        wishes: &[Wish],
        mut find: impl FnMut(&str) -> Result<Product, Refusal>,
    ) -> (Vec<Event>, Vec<Result<Done, Refusal>>) {
        let mut events = Vec::new();
        let outcomes = wishes
            .iter()
            .map(|wish| {
                if self.seen.contains(&wish.id()) {
                    return Ok(Done { outcome: Outcome::Repeated, line: None });
                }
                let event = self.decide_one(wish, &mut find)?;
                self.apply(&event);
                let line = self.touched(&event);
                events.push(event);
                Ok(Done { outcome: Outcome::Applied, line })
            })
            .collect();
        (events, outcomes)
    }

    /// The line that an event has just changed.
    fn touched(&self, event: &Event) -> Option<i64> {
        match event {
            Event::Scanned { product, .. } => {
                self.lines.iter().find(|line| line.product.sku == product.sku).map(|line| line.number)
            }
            Event::QuantitySet { line, .. } => Some(*line),
            _ => None,
        }
    }

    /// The events that were decided on are in the log as this version.
    pub fn written(&mut self, version: i64) {
        self.version = version;
    }

    fn decide_one(
        &self,
        wish: &Wish,
        find: &mut impl FnMut(&str) -> Result<Product, Refusal>,
    ) -> Result<Event, Refusal> {
        if self.seen.len() >= EVENTS_MAX {
            return Err(Refusal::CartFull);
        }
        match wish {
            Wish::Scan { id, code, quantity } => {
                let quantity = quantity.map_or(Ok(1), pieces)?;
                let mut product = find(code)?;
                if product.price.currency() != self.currency {
                    return Err(Refusal::CurrencyOther);
                }
                match self.lines.iter().find(|line| line.product.sku == product.sku) {
                    Some(line) if line.quantity + quantity > PIECES_MAX => {
                        return Err(Refusal::QuantityOutOfRange);
                    }
                    // The price that the shopper saw first holds for the trip.
                    Some(line) => product = line.product.clone(),
                    None if self.lines.len() >= LINES_MAX => return Err(Refusal::CartFull),
                    None => {}
                }
                Ok(Event::Scanned { id: *id, product, quantity })
            }
            Wish::SetQuantity { id, line, quantity } => {
                let quantity = pieces(*quantity)?;
                self.must_have(*line)?;
                Ok(Event::QuantitySet { id: *id, line: *line, quantity })
            }
            Wish::Remove { id, line } => {
                self.must_have(*line)?;
                Ok(Event::QuantitySet { id: *id, line: *line, quantity: 0 })
            }
        }
    }

    fn must_have(&self, number: i64) -> Result<(), Refusal> {
        if self.lines.iter().any(|line| line.number == number) { Ok(()) } else { Err(Refusal::LineUnknown) }
    }
}

/// Whole pieces within bounds: what a line can hold.
fn pieces(quantity: Quantity) -> Result<i64, Refusal> {
    let amount = quantity.amount();
    if quantity.unit() == Unit::Piece && amount <= PIECES_MAX {
        Ok(amount)
    } else {
        Err(Refusal::QuantityOutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn product(sku: u8) -> Product {
        Product {
            code: format!("{sku:014}"),
            sku: format!("S{sku}").parse().expect("a key"),
            name: "Something".to_owned(),
            price: Money::new(100 + i64::from(sku), Currency::EUR),
            tax_class: "standard".parse().expect("a key"),
            rate: "19".parse().expect("a rate"),
            weight_grams: None,
            deliverable: true,
            age_min: None,
            revision: 1,
        }
    }

    fn empty() -> Cart {
        let first = Event::CheckedIn {
            shopper: ShopperId(Uuid::nil()),
            store: "0001".parse().expect("a key"),
            currency: Currency::EUR,
        };
        Cart::begin(CartId(Uuid::nil()), &[first]).expect("begun")
    }

    fn scan(id: u128, code: &str) -> Wish {
        Wish::Scan { id: EventId(Uuid::from_u128(id)), code: code.to_owned(), quantity: None }
    }

    fn find(code: &str) -> Result<Product, Refusal> {
        code.parse().map(product).map_err(|_| Refusal::CodeUnknown)
    }

    #[test]
    fn an_event_counts_once_even_twice_in_one_batch() {
        let mut cart = empty();
        let (events, outcomes) = cart.decide(&[scan(1, "7"), scan(1, "7"), scan(2, "7"), scan(3, "x")], find);
        let outcomes: Vec<_> = outcomes.into_iter().map(|outcome| outcome.map(|done| done.outcome)).collect();
        assert_eq!(
            outcomes,
            [Ok(Outcome::Applied), Ok(Outcome::Repeated), Ok(Outcome::Applied), Err(Refusal::CodeUnknown)]
        );
        cart.written(2);
        assert_eq!(events.len(), 2);
        assert_eq!((cart.lines.len(), cart.lines[0].quantity, cart.version), (1, 2, 2));
        assert!(cart.decide(&[scan(1, "7"), scan(2, "7")], find).0.is_empty());
    }

    #[test]
    fn a_line_keeps_the_price_of_its_first_scan() {
        let mut cart = empty();
        cart.decide(&[scan(1, "7")], find);
        let dearer =
            |code: &str| find(code).map(|found| Product { price: Money::new(999, Currency::EUR), ..found });
        cart.decide(&[scan(2, "7")], dearer);
        assert_eq!(cart.lines[0].amount(), Ok(Money::new(214, Currency::EUR)));
    }

    #[test]
    fn a_removed_line_number_is_never_given_again() {
        let mut cart = empty();
        let remove = Wish::Remove { id: EventId(Uuid::from_u128(9)), line: 1 };
        let (_, outcomes) = cart.decide(&[scan(1, "1"), remove, scan(2, "1")], find);
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(cart.lines.iter().map(|line| line.number).collect::<Vec<_>>(), [2]);
    }

    proptest! {
        #[test]
        fn the_fold_of_what_was_decided_is_what_was_seen_then_and_repeats_change_nothing(
            batches in prop::collection::vec(prop::collection::vec((0_u128..40, 0_u8..5, 0_u8..3), 1..8), 1..8),
        ) {
            let (mut decided, mut folded) = (empty(), empty());
            for (version, batch) in (2..).zip(&batches) {
                let wishes: Vec<Wish> = batch.iter().map(|(id, number, kind)| wish(*id, *number, *kind)).collect();
                let (events, _) = decided.decide(&wishes, find);
                decided.written(version);
                folded.fold(version, &events);
                prop_assert_eq!(&decided.lines, &folded.lines);
                prop_assert_eq!(decided.version, folded.version);
                prop_assert!(decided.lines.iter().all(|line| (1..=PIECES_MAX).contains(&line.quantity)));
                let (events, outcomes) = decided.decide(&wishes.into_iter().filter(|wish| folded.seen.contains(&wish.id())).collect::<Vec<_>>(), find);
                prop_assert!(events.is_empty() && outcomes.iter().all(|outcome| outcome.is_ok_and(|done| done.outcome == Outcome::Repeated)));
            }
        }
    }

    fn wish(id: u128, number: u8, kind: u8) -> Wish {
        let (id, line) = (EventId(Uuid::from_u128(id)), i64::from(number));
        match kind {
            0 => Wish::Scan { id, code: number.to_string(), quantity: None },
            1 => Wish::SetQuantity { id, line, quantity: Quantity::pieces(3).expect("three") },
            _ => Wish::Remove { id, line },
        }
    }
}
