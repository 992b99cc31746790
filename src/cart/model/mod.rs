//! What a cart is and what may happen to it: the fold of its log, and the decisions on new entries. Pure.

mod limits;

use std::collections::HashSet;

use chrono::NaiveDate;

use super::event::{Event, Origin, Product};
use super::pricing::{PriceError, Priced, Wares, Ways};
use super::wish::{Declined, Done, Outcome, Refusal, Taken, Wish};
use crate::catalog::Portion;
use crate::clock::Moment;
use crate::ids::{
    CartId, CheckoutId, CouponCode, EventId, OrderId, PromotionId, ShopperId, Sku, StoreId, VoucherCode,
};
use crate::money::{self, Currency, Money};
use crate::quantity::{Quantity, Unit};

use limits::CHANGES_RESERVED;
pub use limits::{
    CHANGES_MAX, COUPONS_MAX, Growth, LINES_MAX, LOCKS_MAX, PIECES_MAX, POINTS_MAX, VOUCHERS_MAX,
    VOUCHERS_WORTH_MAX,
};

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

/// One product in a cart; or, where each piece may cost something else, one piece.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line's number: given once, never given again.
    pub number: i64,
    /// What.
    pub product: Product,
    /// How many pieces; one for what is measured.
    pub quantity: i64,
    /// What the codes said of its pieces, each once.
    pub origins: Vec<Origin>,
    /// When its first piece was scanned: when the shopper saw the price.
    pub seen_at: Moment,
    /// The promotions that it leads to, as they were found when it was priced last.
    pub ways: Ways,
}

impl Line {
    /// What promotions look at of it.
    pub fn wares(&self) -> Wares<'_> {
        let Product { sku, category, brand, .. } = &self.product;
        Wares { sku, category, brand: brand.as_deref(), ways: Some(&self.ways) }
    }

    /// Gross amount of the line: what the label says, else the price in proportion to what it is for, rounded once.
    pub fn amount(&self) -> Result<Money, money::Error> {
        self.portion().amount(self.product.price, self.product.priced_per)
    }

    /// How much it holds: what was measured, else its pieces.
    pub fn measured(&self) -> Result<Quantity, crate::quantity::Error> {
        self.portion().quantity()
    }

    fn portion(&self) -> Portion {
        let Product { measure, label_price, .. } = self.product;
        Portion { measure, label_price, pieces: self.quantity }
    }

    /// Whether more pieces of the product, scanned like this one, go into this line.
    fn is_shared_with(&self, product: &Product) -> bool {
        self.product.sku == product.sku && !self.product.has_own_line() && !product.has_own_line()
    }

    /// Whether this very piece is among its pieces, by its serial number. When fewer pieces are left than have serial numbers,
    /// nobody knows which ones were put back.
    fn has_piece(&self, sku: &Sku, serial: &str) -> bool {
        let serials = self.origins.iter().filter_map(|origin| origin.serial.as_deref());
        let (mut count, mut is_there) = (0, false);
        for each in serials {
            count += 1;
            is_there |= each == serial;
        }
        is_there && self.product.sku == *sku && count <= self.quantity
    }

    fn note(&mut self, origin: &Origin) {
        if !self.origins.contains(origin) {
            self.origins.push(origin.clone());
        }
    }
}

/// A deposit voucher that was shown to a cart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShownVoucher {
    /// What identifies it.
    pub code: VoucherCode,
    /// What it is worth, in minor units.
    pub amount: i64,
    /// Whether no other store has one of that name.
    pub is_of_chain: bool,
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
    /// The coupons that were shown, and the promotion of each.
    pub coupons: Vec<(CouponCode, PromotionId)>,
    /// The deposit vouchers that were shown.
    pub vouchers: Vec<ShownVoucher>,
    /// So many points at most shall pay.
    pub points: i64,
    /// Whether the goods are eaten in the store.
    pub is_eaten_in: bool,
    /// What it cost when it was locked, while it is not open.
    pub agreed: Option<Box<Priced>>,
    /// The last entry of the log: what an entity tag shows and a new entry builds on.
    pub version: i64,
    /// How often it was locked for a checkout.
    pub locks: i64,
    lines_given: i64,
    /// What the shopper changed so far.
    changes: usize,
    seen: HashSet<EventId>,
}

/// What became of a wish that is not refused.
enum Decided {
    /// To be written.
    Event(Event),
    /// The piece is in this line already.
    Known(i64),
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
    /// No such coupon, or another shopper's, or its promotion does not hold here and now.
    #[error("no such coupon")]
    UnknownCoupon,
    /// The coupon was used as often as it may be.
    #[error("coupon {0} was used")]
    CouponUsed(CouponCode),
    /// More coupons than a cart takes.
    #[error("too many coupons")]
    CouponsFull,
    /// The code is no deposit voucher of the store.
    #[error("no such voucher")]
    UnknownVoucher,
    /// The voucher paid before, or is about to.
    #[error("voucher {0} was used")]
    VoucherUsed(VoucherCode),
    /// The voucher is worth more than any may be.
    #[error("a voucher is worth {0} at most")]
    VoucherTooLarge(Money),
    /// The voucher's last day is over.
    #[error("voucher {0} paid until {1}")]
    VoucherExpired(VoucherCode, NaiveDate),
    /// More vouchers than a cart takes.
    #[error("too many vouchers")]
    VouchersFull,
    /// The vouchers of the cart would be worth more than a cart takes.
    #[error("the vouchers of a cart are worth {0} at most")]
    VouchersTooLarge(Money),
    /// The cart was locked for as many checkouts as it may be.
    #[error("the cart was locked {LOCKS_MAX} times")]
    LocksUsed,
    /// The shopper has fewer points; so many.
    #[error("there are {0} points")]
    PointsShort(i64),
    /// The store takes no points, or not of this shopper.
    #[error("points don't pay here")]
    PointsUnknown,
    /// It was changed too often.
    #[error("changed too often")]
    Full,
    /// Nothing in it.
    #[error("empty")]
    Empty,
    /// Too many writers at once, here or elsewhere.
    #[error("too busy")]
    Busy,
    /// An amount does not fit.
    #[error(transparent)]
    Money(#[from] money::Error),
    /// It has no price.
    #[error(transparent)]
    Price(#[from] PriceError),
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

impl Cart {
    /// The cart after its first entry, which must be its check-in.
    pub fn begin(id: CartId, first: &[Event], at: Moment) -> Result<Self, Error> {
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
            coupons: Vec::new(),
            vouchers: Vec::new(),
            points: 0,
            is_eaten_in: false,
            agreed: None,
            version: 1,
            locks: 0,
            lines_given: 0,
            changes: 0,
            seen: HashSet::new(),
        };
        for event in rest {
            cart.apply(event, at);
        }
        Ok(cart)
    }

    /// The cart after one more entry of its log, which was made then.
    pub fn fold(&mut self, version: i64, events: &[Event], at: Moment) {
        for event in events {
            self.apply(event, at);
        }
        self.version = version;
    }

    /// Applies an event that was decided on before: never fails, and knows nothing but the cart.
    fn apply(&mut self, event: &Event, at: Moment) {
        self.changes += usize::from(event.is_of_shopper());
        match event {
            Event::CheckedIn { .. } => {}
            Event::Scanned { id, product, quantity } => {
                self.seen.insert(*id);
                let known = self.lines.iter_mut().find(|line| line.is_shared_with(product));
                if let Some(line) = known {
                    line.quantity += quantity;
                    line.note(&product.origin);
                } else {
                    self.lines_given += 1;
                    self.lines.push(Line {
                        number: self.lines_given,
                        product: Product::clone(product),
                        quantity: *quantity,
                        origins: vec![product.origin.clone()],
                        seen_at: at,
                        ways: Ways::default(),
                    });
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
            Event::CouponShown { coupon, promotion } => {
                self.coupons.push((coupon.clone(), promotion.clone()));
            }
            Event::CouponPutAway { coupon } => self.coupons.retain(|(each, _)| each != coupon),
            Event::VoucherShown { voucher, amount, is_of_chain } => {
                let (code, amount, is_of_chain) = (voucher.clone(), *amount, *is_of_chain);
                self.vouchers.push(ShownVoucher { code, amount, is_of_chain });
            }
            Event::VoucherPutAway { voucher } => self.vouchers.retain(|each| each.code != *voucher),
            Event::PointsOffered { points } => self.points = *points,
            Event::EatenIn { is_eaten_in } => self.is_eaten_in = *is_eaten_in,
            Event::Locked { checkout, agreed } => {
                self.state = State::Locked(*checkout);
                self.locks += 1;
                self.agreed.clone_from(agreed);
            }
            Event::Unlocked { .. } => {
                self.state = State::Open;
                self.agreed = None;
            }
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

    /// Whether it takes one more change. A full cart can still be made smaller, locked, paid and let go.
    pub fn has_room(&self, growth: Growth) -> bool {
        match growth {
            Growth::More => self.changes < CHANGES_MAX,
            Growth::Less => self.changes < CHANGES_MAX + CHANGES_RESERVED,
            Growth::Gone => true,
        }
    }

    /// An error unless it takes one more change.
    pub fn must_have_room(&self, growth: Growth) -> Result<(), Error> {
        if self.has_room(growth) { Ok(()) } else { Err(Error::Full) }
    }

    /// Decides at a moment on a batch: what to write, and what became of each wish, in order. `find` looks a code up in the
    /// catalogue, `quantity_max` how many pieces of a product one trip may hold. The cart is then as it will be once the events are written ([`Self::written`]); if they can't be, it is
    /// of no use any more.
    pub fn decide(
        &mut self,
        wishes: &[Wish],
        at: Moment,
        mut find: impl FnMut(&str) -> Result<Taken, Declined>,
        quantity_max: impl Fn(&Sku) -> Option<i64>,
    ) -> (Vec<Event>, Vec<Result<Done, Declined>>) {
        let mut events = Vec::new();
        let outcomes = wishes
            .iter()
            .map(|wish| {
                if self.seen.contains(&wish.id()) {
                    return Ok(Done { outcome: Outcome::Repeated, line: None });
                }
                let event = match self.decide_one(wish, &mut find, &quantity_max)? {
                    Decided::Event(event) => event,
                    Decided::Known(line) => {
                        return Ok(Done { outcome: Outcome::SamePiece, line: Some(line) });
                    }
                };
                self.apply(&event, at);
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
                let shared = self.lines.iter().find(|line| line.is_shared_with(product));
                Some(shared.map_or(self.lines_given, |line| line.number))
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
        find: &mut impl FnMut(&str) -> Result<Taken, Declined>,
        quantity_max: &impl Fn(&Sku) -> Option<i64>,
    ) -> Result<Decided, Declined> {
        let room = |growth| if self.has_room(growth) { Ok(()) } else { Err(Refusal::CartFull) };
        let event = match wish {
            Wish::Scan { id, code, quantity } => {
                room(Growth::More)?;
                let asked = quantity.map_or(Ok(1), pieces)?;
                let taken = find(code)?;
                if let Some(line) = self.line_of_piece(&taken.product) {
                    return Ok(Decided::Known(line));
                }
                let (product, quantity) = self.admit(taken, asked)?;
                Event::Scanned { id: *id, product: Box::new(product), quantity }
            }
            Wish::SetQuantity { id, line, quantity } => {
                let quantity = pieces(*quantity)?;
                let line = self.line(*line)?;
                if line.product.has_own_line() {
                    return Err(Refusal::QuantityFixed.into());
                }
                let more = quantity - line.quantity;
                room(if more < 0 { Growth::Less } else { Growth::More })?;
                if more > 0 {
                    self.must_hold(&line.product.sku, more, quantity_max(&line.product.sku))?;
                }
                Event::QuantitySet { id: *id, line: line.number, quantity }
            }
            Wish::Remove { id, line } => {
                let line = self.line(*line)?.number;
                Event::QuantitySet { id: *id, line, quantity: 0 }
            }
        };
        Ok(Decided::Event(event))
    }

    /// The line that holds this very piece.
    fn line_of_piece(&self, product: &Product) -> Option<i64> {
        let serial = product.origin.serial.as_deref()?;
        self.lines.iter().find(|line| line.has_piece(&product.sku, serial)).map(|line| line.number)
    }

    /// What of a scan goes into the cart: the product as its line keeps it, and how many pieces.
    fn admit(&self, taken: Taken, asked: i64) -> Result<(Product, i64), Refusal> {
        let Taken { product, pieces, quantity_max } = taken;
        if product.price.currency() != self.currency {
            return Err(Refusal::CurrencyOther);
        }
        let has_own_line = product.has_own_line();
        if has_own_line && asked != 1 {
            return Err(Refusal::QuantityFixed);
        }
        let quantity = asked.checked_mul(pieces).filter(|quantity| (1..=PIECES_MAX).contains(quantity));
        let quantity = quantity.ok_or(Refusal::QuantityOutOfRange)?;
        self.must_hold(&product.sku, quantity, quantity_max)?;
        match self.lines.iter().find(|line| line.is_shared_with(&product)) {
            Some(line) if line.quantity + quantity > PIECES_MAX => Err(Refusal::QuantityOutOfRange),
            // The price that the shopper saw first holds for the trip.
            Some(line) => Ok((Product { origin: product.origin, ..line.product.clone() }, quantity)),
            None if self.lines.len() >= LINES_MAX => Err(Refusal::CartFull),
            None => Ok((product, quantity)),
        }
    }

    /// A refusal unless one trip may hold so many more pieces of the product.
    fn must_hold(&self, sku: &Sku, more: i64, quantity_max: Option<i64>) -> Result<(), Refusal> {
        let is_within = quantity_max.is_none_or(|most| self.pieces_of(sku) + more <= most);
        if is_within { Ok(()) } else { Err(Refusal::QuantityLimit) }
    }

    /// How many pieces of a product are in it, over all lines.
    pub fn pieces_of(&self, sku: &Sku) -> i64 {
        self.lines.iter().filter(|line| line.product.sku == *sku).map(|line| line.quantity).sum()
    }

    fn line(&self, number: i64) -> Result<&Line, Refusal> {
        self.lines.iter().find(|line| line.number == number).ok_or(Refusal::LineUnknown)
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
mod tests;
