//! What is drawn for one trip. The same seed and number are the same trip.

use aisle::random::Random;
use aisle::sandbox::paypal::{Ending, Fault};
use aisle::sandbox::{dhl, gls, uber, ups};

use crate::support::catalog::{BATTERIES, COFFEE, GUM, MILK, PAN, SOAP};
use crate::support::killable::Couriers;

const CODES: [&str; 6] = [MILK, COFFEE, SOAP, BATTERIES, GUM, PAN];
/// What can go wrong at PayPal: its operations.
const PAYPAL_OPERATIONS: [&str; 8] = [
    "orders.create",
    "orders.create",
    "orders.get",
    "orders.capture",
    "authorizations.capture",
    "authorizations.void",
    "captures.refund",
    "oauth.token",
];
/// The same at Klarna.
const KLARNA_OPERATIONS: [&str; 8] = [
    "tokens.order",
    "tokens.order",
    "orders.get",
    "captures.create",
    "captures.create",
    "orders.cancel",
    "orders.release",
    "refunds.create",
];
const PAYPAL_CONTESTS: [Contest; 4] = [
    Contest::Reversed,
    Contest::Disputed(Ending::Buyer),
    Contest::Disputed(Ending::Seller),
    Contest::Disputed(Ending::Withdrawn),
];
const KLARNA_CONTESTS: [Contest; 2] = [Contest::ChargedBack, Contest::ChargedBackAndWon];
/// A piece weighs a bit more than a kilogram, and no courier takes a parcel of more than 31.5.
const HEAVY_PIECES: usize = 40;
/// How late an answer may be: longer than some of the service's own deadlines would hold a test up for nothing.
const DELAY_MS_MAX: u64 = 600;

/// Who pays, by what the provider makes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payer {
    /// Everything is paid.
    PayPal,
    /// Everything is refused.
    PayPalDeclined,
    /// Each charge has to be confirmed at the provider.
    PayPalConfirms,
    /// Captures are reviewed first.
    PayPalReviewed,
    /// What is held is refused when it is captured.
    PayPalRefusesLate,
    /// Refunds are reviewed first.
    PayPalRefundsReviewed,
    /// Everything is paid.
    Klarna,
    /// Everything is refused.
    KlarnaDeclined,
    /// Each charge has to be confirmed at the provider.
    KlarnaConfirms,
    /// Orders are reviewed first, and accepted.
    KlarnaAccepted,
    /// Orders are reviewed first, and rejected.
    KlarnaRejected,
}

impl Payer {
    pub const ALL: [Self; 11] = [
        Self::PayPal,
        Self::PayPalDeclined,
        Self::PayPalConfirms,
        Self::PayPalReviewed,
        Self::PayPalRefusesLate,
        Self::PayPalRefundsReviewed,
        Self::Klarna,
        Self::KlarnaDeclined,
        Self::KlarnaConfirms,
        Self::KlarnaAccepted,
        Self::KlarnaRejected,
    ];

    /// The address whose word makes the sandbox behave so.
    pub const fn email(self) -> &'static str {
        match self {
            Self::PayPal => "anna@example.com",
            Self::PayPalDeclined => "berta+declined@example.com",
            Self::PayPalConfirms => "carl+action@example.com",
            Self::PayPalReviewed => "dora+pending@example.com",
            Self::PayPalRefusesLate => "kurt+latedecline@example.com",
            Self::PayPalRefundsReviewed => "emil+refundpending@example.com",
            Self::Klarna => "frida@example.com",
            Self::KlarnaDeclined => "gustav+charge-failed@example.com",
            Self::KlarnaConfirms => "hanna+step-up@example.com",
            Self::KlarnaAccepted => "ivo+pend-accept-01@example.com",
            Self::KlarnaRejected => "jana+pend-reject-01@example.com",
        }
    }

    /// Whether something of it waits for a decision at the provider.
    pub const fn is_reviewed(self) -> bool {
        matches!(
            self,
            Self::PayPalReviewed | Self::PayPalRefundsReviewed | Self::KlarnaAccepted | Self::KlarnaRejected
        )
    }

    pub const fn is_of_klarna(self) -> bool {
        matches!(
            self,
            Self::Klarna
                | Self::KlarnaDeclined
                | Self::KlarnaConfirms
                | Self::KlarnaAccepted
                | Self::KlarnaRejected
        )
    }

    /// As the API names the provider.
    pub const fn provider(self) -> &'static str {
        if self.is_of_klarna() { "klarna" } else { "paypal" }
    }
}

/// How the provider's events are to go wrong.
#[derive(Clone, Copy, Debug)]
pub struct Events {
    pub drop_next: u32,
    pub duplicate_next: u32,
    pub reverse: bool,
    /// In real time at PayPal, in whole seconds of its clock at Klarna.
    pub delay_ms: u32,
}

/// What becomes of what the shopper owes when the next trip begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owed {
    /// The shopper pays it.
    Paid,
    /// Staff write it off.
    WrittenOff,
}

/// How money is taken back at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contest {
    /// A bank takes the debit back.
    Reversed,
    /// The payer disputes it at PayPal, and the dispute ends so.
    Disputed(Ending),
    /// The payer takes a part back at Klarna.
    ChargedBack,
    /// The same, and the shop wins it back.
    ChargedBackAndWon,
}

/// What becomes of goods that are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// All is taken along.
    None,
    /// Staff hand the parcel over.
    HandedOver,
    /// Staff take the order back before.
    TakenBack,
    /// The parcel still waits at the end.
    Waits,
}

/// What staff find on the shelf of the goods that are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Nobody says anything: all of it goes out.
    Unsaid,
    /// A piece is missing.
    Short,
    /// A piece is missing, and something else goes out in its place.
    Replaced,
}

/// What staff do with goods that are delivered, before the courier has them.
#[derive(Clone, Copy, Debug)]
pub struct Handling {
    pub shelf: Shelf,
    /// They pack into two parcels, whatever was planned.
    pub repacks: bool,
    /// They correct the address.
    pub corrects: bool,
    /// They scan the parcels out one by one.
    pub scans: bool,
}

/// A trip.
#[derive(Clone, Debug)]
pub struct Plan {
    pub number: usize,
    pub payer: Payer,
    pub codes: Vec<&'static str>,
    pub delivery: Delivery,
    pub handling: Handling,
    /// The shopper lives near the store, asks who can bring the goods, and takes the option at this place, counted around.
    pub chooses: Option<usize>,
    /// The shopper gives up so many milliseconds after the yes.
    pub gives_up_after: Option<u64>,
    /// A shopper who has to confirm does so.
    pub confirms: bool,
    /// Ordered at the provider when the trip begins; it may strike another trip.
    pub fault: Option<(&'static str, Fault)>,
    /// Ordered at the couriers when a trip with a delivery begins; it may strike another's.
    pub couriers: Vec<AtCourier>,
    /// How events are to go wrong from the beginning of this trip on.
    pub events: Option<Events>,
    /// Percent of what was captured, each asked for twice and all at once.
    pub refunds: Vec<i64>,
    /// What becomes of what is owed from earlier trips.
    pub owed: Owed,
    /// What the payer does about the debit.
    pub contest: Option<Contest>,
    /// PayPal forgets the access token of the service when the trip begins.
    pub forgets_token: bool,
}

/// What goes wrong with a booking at a courier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtCourier {
    /// DHL fails.
    Dhl(Fault),
    /// DHL books, and gives no label.
    DhlLabel,
    /// DHL does not accept the account: another courier is asked.
    DhlRefusesAccount,
    /// GLS fails.
    Gls(Fault),
    /// UPS fails.
    Ups(Fault),
    /// Uber fails.
    Uber(Fault),
    /// Uber has nobody to send, when it is asked for its price or when it is booked.
    UberBusy,
}

impl AtCourier {
    /// Orders it.
    pub fn order(self, couriers: &Couriers) {
        let Couriers { dhl, gls, ups, uber } = couriers;
        match self {
            Self::Dhl(fault) => {
                let kind = match fault {
                    Fault::ErrorBefore { status } => dhl::FaultKind::ErrorBefore { status },
                    Fault::ErrorAfter { status } => dhl::FaultKind::ErrorAfter { status },
                    Fault::NoAnswerBefore { .. } => dhl::FaultKind::NoAnswerBefore,
                    Fault::NoAnswerAfter { .. } => dhl::FaultKind::NoAnswerAfter,
                    Fault::DelayMs { delay_ms } => dhl::FaultKind::DelayMs { delay_ms },
                };
                dhl.plan_fault("orders.create", kind, 1);
            }
            Self::DhlLabel => dhl.plan_fault("orders.create", dhl::FaultKind::LabelMissing, 1),
            // Once more with a fresh token: then it means it.
            Self::DhlRefusesAccount => {
                dhl.plan_fault("orders.create", dhl::FaultKind::ErrorBefore { status: 401 }, 2);
            }
            Self::Gls(fault) => gls.add_fault(gls::Rule::new("shipments.create", fault, 1)).expect("ordered"),
            Self::Ups(fault) => {
                ups.add_fault(ups::Rule::new("ship", ups::FaultKind::Network(fault), 1));
            }
            Self::Uber(fault) => {
                uber.add_fault(uber::Rule::new("deliveries.create", fault, 1)).expect("ordered");
            }
            Self::UberBusy => {
                let oddities = uber::Oddities { couriers_busy: 1, ..uber::Oddities::default() };
                uber.set_oddities(oddities).expect("ordered");
            }
        }
    }
}

impl Plan {
    pub fn draw(seed: usize, number: usize) -> Self {
        // The numbers of two days don't overlap.
        let own = seed.wrapping_mul(1_000_003).wrapping_add(number);
        let dice = Dice(Random::seeded(u64::try_from(own).expect("64 bits")));
        let payer =
            if dice.one_in(3) { dice.of(&Payer::ALL) } else { dice.of(&[Payer::PayPal, Payer::Klarna]) };
        let contests: &[Contest] = if payer.is_of_klarna() { &KLARNA_CONTESTS } else { &PAYPAL_CONTESTS };
        let operations = if payer.is_of_klarna() { KLARNA_OPERATIONS } else { PAYPAL_OPERATIONS };
        let delivery = if dice.one_in(2) {
            dice.of(&[Delivery::HandedOver, Delivery::HandedOver, Delivery::TakenBack, Delivery::Waits])
        } else {
            Delivery::None
        };
        // More than a parcel may weigh.
        let heavy =
            if delivery != Delivery::None && dice.one_in(4) { vec![MILK; HEAVY_PIECES] } else { Vec::new() };
        let codes = (0..=dice.below(4)).map(|_| dice.of(&CODES));
        Self {
            number,
            payer,
            codes: heavy.into_iter().chain(codes).collect(),
            delivery,
            handling: Handling {
                shelf: dice.of(&[Shelf::Unsaid, Shelf::Short, Shelf::Replaced]),
                repacks: dice.one_in(4),
                corrects: dice.one_in(5),
                scans: dice.one_in(2),
            },
            chooses: (delivery != Delivery::None && dice.one_in(2)).then(|| dice.below(4)),
            gives_up_after: dice.one_in(8).then(|| dice.0.below(80)),
            confirms: !dice.one_in(4),
            fault: dice.one_in(2).then(|| (dice.of(&operations), dice.fault())),
            events: dice.one_in(3).then(|| Events {
                drop_next: u32::from(dice.one_in(2)) * 2,
                duplicate_next: u32::from(dice.one_in(2)) * 3,
                reverse: dice.one_in(2),
                delay_ms: if dice.one_in(3) { 1_000 } else { 0 },
            }),
            refunds: match dice.below(6) {
                0 => vec![100],
                1 => vec![30],
                2 => vec![60, 60],
                _ => Vec::new(),
            },
            owed: if dice.one_in(4) { Owed::WrittenOff } else { Owed::Paid },
            contest: dice.one_in(12).then(|| dice.of(contests)),
            forgets_token: dice.one_in(20),
            couriers: match delivery {
                Delivery::None => Vec::new(),
                _ => (0..dice.below(3)).map(|_| dice.at_courier()).collect(),
            },
        }
    }
}

/// What people call a fault.
pub const fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::ErrorBefore { status: 429 } => "rate limit",
        Fault::ErrorBefore { .. } => "error before",
        Fault::ErrorAfter { .. } => "error after",
        Fault::NoAnswerBefore { .. } => "no answer before",
        Fault::NoAnswerAfter { .. } => "no answer after",
        Fault::DelayMs { .. } => "slow answer",
    }
}

struct Dice(Random);

impl Dice {
    fn below(&self, bound: usize) -> usize {
        let bound = u64::try_from(bound).expect("a small number");
        usize::try_from(self.0.below(bound)).expect("a small number")
    }

    fn one_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn of<T: Copy>(&self, choice: &[T]) -> T {
        choice[self.below(choice.len())]
    }

    fn at_courier(&self) -> AtCourier {
        match self.below(9) {
            0 | 1 => AtCourier::Dhl(self.fault()),
            2 => AtCourier::DhlLabel,
            3 => AtCourier::DhlRefusesAccount,
            4 => AtCourier::Gls(self.fault()),
            5 => AtCourier::Ups(self.fault()),
            6 | 7 => AtCourier::Uber(self.fault()),
            _ => AtCourier::UberBusy,
        }
    }

    fn fault(&self) -> Fault {
        let status = self.of(&[429, 500, 503]);
        match self.below(6) {
            0 => Fault::ErrorBefore { status },
            1 => Fault::ErrorAfter { status: 500 },
            2 => Fault::NoAnswerBefore { hold: false },
            3 | 4 => Fault::NoAnswerAfter { hold: false },
            _ => Fault::DelayMs { delay_ms: 50 + self.0.below(DELAY_MS_MAX) },
        }
    }
}
