//! What a store delivers for: what couriers cost its shoppers, until when goods go out, and which courier it prefers. Pure.

mod hand_over;
mod minutes;
mod share;
mod shipper;
mod tariff;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use hand_over::{HandOver, working_days_after};
pub use share::CourierShare;
pub use shipper::CourierShipper;
pub use tariff::Tariff;

use super::carton::{CARTONS_MAX, Carton};
use super::promotion::Hours;
use super::till_rules::BESIDE_MAX;
use crate::ids::TaxClassId;
use crate::text_enum;

/// Most tariffs of one store.
const TARIFFS_MAX: usize = 200;
/// The longest time in which goods may be sent back, in days.
const RETURNS_DAYS_MAX: i64 = 365;
/// The longest time in which a shopper may answer, in minutes: after a day the goods are gone.
const ANSWER_MINUTES_MAX: i64 = 1_440;
/// The longest time that chilled goods may be underway: what is warm for longer is no chilled food any more, whatever a store says.
const CHILLED_MINUTES_MAX: i64 = 240;
/// Most couriers that a store names.
const CARRIERS_MAX: usize = 20;
/// Most entries of a store's opening hours: three a day.
const HOURS_MAX: usize = 21;
/// Longest key of a courier or a service.
const KEY_LENGTH_MAX: usize = 20;

/// What a store delivers for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveryTerms {
    /// Minor units of the store's currency, in the terms of its shelves; nought where it is for nothing. It counts where no
    /// delivery option was chosen, and for couriers without a tariff as long as the store has none at all.
    #[schema(minimum = 0, maximum = 50_000)]
    pub amount: i64,
    /// How it is taxed.
    pub tax_class: TaxClassId,
    /// When goods go out.
    #[serde(default, skip_serializing_if = "HandOver::is_usual")]
    pub hand_over: HandOver,
    /// When couriers can collect at the store; always when left out. One that comes at once (Uber) is not offered outside of
    /// them, and `hand_over.by` lies within them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 21)]
    pub open: Vec<Hours>,
    /// What each courier costs the shopper. Where there are any, a courier without one brings nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 200)]
    pub tariffs: Vec<Tariff>,
    /// What happens when all of a delivery came back.
    #[serde(default, skip_serializing_if = "Settlement::is_usual")]
    pub when_returned: Settlement,
    /// What happens when the courier lost all of a delivery.
    #[serde(default, skip_serializing_if = "Settlement::is_usual")]
    pub when_lost: Settlement,
    /// Which option is offered first.
    #[serde(default = "Preference::usual", skip_serializing_if = "Preference::is_usual")]
    pub prefer: Preference,
    /// The part of the store's parcels that couriers were promised; together 100 percent at most. They count where `prefer` is
    /// `share`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub shares: Vec<CourierShare>,
    /// What goods are packed into; three common sizes when left out. Couriers count with the outside, which is taken to be
    /// 10 mm more a side.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub cartons: Vec<Carton>,
    /// Chilled goods may be underway for so many minutes, from the store's door to the recipient's, without being kept cold: they
    /// go with a courier that says it needs no more (Uber). Left out, they go only with couriers that keep cold; frozen goods do
    /// in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 240)]
    pub chilled_minutes: Option<i64>,
    /// What its printers print labels from.
    #[serde(default = "LabelFormat::usual", skip_serializing_if = "LabelFormat::is_usual")]
    pub labels: LabelFormat,
    /// When couriers are told of a day's parcels, by the store's clock: `17:00`; an hour after `hand_over.by` when left out.
    #[schema(value_type = Option<String>, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    #[serde(default, skip_serializing_if = "Option::is_none", with = "minutes::or_none")]
    pub close_at: Option<NaiveTime>,
    /// Couriers whose driver comes only when ordered: `dhl`, `gls`, `ups`. The first parcel that is booked for a day orders
    /// one for the hour at which goods go out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub order_pickup: Vec<String>,
    /// By what couriers know the store (GLS: its `ContactID`); as the account's own shipper when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub shippers: Vec<CourierShipper>,
    /// How many days after their arrival a shopper may send goods back; with nought only staff have that done.
    #[schema(minimum = 0, maximum = 365)]
    #[serde(
        default = "DeliveryTerms::usual_returns_days",
        skip_serializing_if = "DeliveryTerms::is_usual_returns_days"
    )]
    pub returns_days: i64,
    /// How many minutes a shopper has to answer who is asked about something in the place of goods that are not there.
    #[schema(minimum = 1, maximum = 1440)]
    #[serde(
        default = "DeliveryTerms::usual_answer_minutes",
        skip_serializing_if = "DeliveryTerms::is_usual_answer_minutes"
    )]
    pub answer_minutes: i64,
    /// When couriers are asked to take the parcels.
    #[serde(default, skip_serializing_if = "BookWhen::is_usual")]
    pub book: BookWhen,
}

text_enum! {
    /// When couriers are asked to take a delivery's parcels.
    #[derive(Default)]
    pub enum BookWhen {
        /// When it is paid, in the parcels that were planned.
        #[default]
        WhenPaid = "when_paid",
        /// When staff said what was packed.
        WhenPacked = "when_packed",
    }
}

impl BookWhen {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::WhenPaid
    }
}

text_enum! {
    /// The forms of a label.
    pub enum LabelFormat {
        /// For any printer.
        Pdf = "pdf",
        /// For label printers.
        Zpl = "zpl",
    }
}

impl LabelFormat {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }

    fn usual() -> Self {
        Self::USUAL
    }

    /// What counts where a store has not said.
    pub const USUAL: Self = Self::Pdf;

    /// The media type to serve it with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Zpl => "application/zpl",
        }
    }
}

text_enum! {
    /// What a shopper gets back of a delivery that did not arrive, without anybody asking.
    #[derive(Default)]
    pub enum Settlement {
        /// Nothing: a person decides.
        #[default]
        Ask = "ask",
        /// What the goods cost.
        RefundGoods = "refund_goods",
        /// What the goods and their delivery cost.
        RefundAll = "refund_all",
    }
}

impl Settlement {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::Ask
    }
}

text_enum! {
    /// Which option a store offers first.
    pub enum Preference {
        /// The one that costs least.
        Cheapest = "cheapest",
        /// The one that arrives first.
        Fastest = "fastest",
        /// The one that emits least.
        Greenest = "greenest",
        /// The one whose courier is farthest behind its share of the store's parcels of the last 30 days.
        Share = "share",
    }
}

impl Preference {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }

    fn usual() -> Self {
        Self::USUAL
    }

    /// What counts where a store has not said.
    pub const USUAL: Self = Self::Cheapest;
}

fn is_key(text: &str) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl DeliveryTerms {
    /// What counts where a store has not said: the shortest time that consumers in the European Union have (Directive
    /// 2011/83/EU, article 9).
    pub const USUAL_RETURNS_DAYS: i64 = 14;

    fn usual_returns_days() -> i64 {
        Self::USUAL_RETURNS_DAYS
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual_returns_days(days: &i64) -> bool {
        *days == Self::USUAL_RETURNS_DAYS
    }

    /// What counts where a store has not said: whoever picks is not done with a tour sooner.
    pub const USUAL_ANSWER_MINUTES: i64 = 15;

    fn usual_answer_minutes() -> i64 {
        Self::USUAL_ANSWER_MINUTES
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    fn is_usual_answer_minutes(minutes: &i64) -> bool {
        *minutes == Self::USUAL_ANSWER_MINUTES
    }

    /// When couriers are told of a day's parcels, by the store's clock.
    pub fn closes_at(&self) -> NaiveTime {
        self.close_at.unwrap_or_else(|| self.hand_over.usual_close())
    }

    /// Whether couriers can collect at this time of the store's clock.
    pub fn is_open(&self, at: NaiveDateTime) -> bool {
        self.open.is_empty() || self.open.iter().any(|hours| hours.hold(at))
    }

    fn fault_of_hours(&self) -> Option<String> {
        if self.open.len() > HOURS_MAX {
            return Some(format!("a store has at most {HOURS_MAX} opening hours"));
        }
        if !self.open.iter().all(Hours::are_sound) {
            return Some("open names days from 1 to 7 and times as HH:MM".to_owned());
        }
        // Any week does: hours come again each week.
        let goes_out =
            |day| NaiveDate::from_isoywd_opt(2026, 1, day).map(|day| day.and_time(self.hand_over.by));
        let is_closed = |day| goes_out(day).is_none_or(|at| !self.is_open(at));
        let closed = self.hand_over.on.iter().copied().find(|day| is_closed(*day));
        closed.map(|day| {
            format!("goods go out while the store is closed: hand_over.by is not within open on {day}")
        })
    }

    /// By what a courier knows the store, where that is another shipper than the account's own.
    pub fn shipper(&self, carrier: &str) -> Option<&str> {
        self.shippers.iter().find(|shipper| shipper.carrier == carrier).map(|shipper| shipper.id.as_str())
    }

    /// What contradicts itself in it, for people.
    pub fn fault(&self) -> Option<String> {
        if !(0..=BESIDE_MAX).contains(&self.amount) {
            return Some(format!("a delivery costs 0 to {BESIDE_MAX} minor units"));
        }
        if self.hand_over.on.is_empty() {
            return Some("goods go out on one day of the week at least".to_owned());
        }
        if self.closes_at() < self.hand_over.by {
            return Some("a day is closed after its goods went out".to_owned());
        }
        if self.order_pickup.len() > CARRIERS_MAX || !self.order_pickup.iter().all(|name| is_key(name)) {
            return Some("order_pickup names at most 20 couriers in small letters: dhl".to_owned());
        }
        if !(0..=RETURNS_DAYS_MAX).contains(&self.returns_days) {
            return Some(format!("goods may be sent back for 0 to {RETURNS_DAYS_MAX} days"));
        }
        if !(1..=ANSWER_MINUTES_MAX).contains(&self.answer_minutes) {
            return Some(format!("a shopper has 1 to {ANSWER_MINUTES_MAX} minutes to answer"));
        }
        if self.chilled_minutes.is_some_and(|minutes| !(1..=CHILLED_MINUTES_MAX).contains(&minutes)) {
            return Some(format!("chilled goods are underway for 1 to {CHILLED_MINUTES_MAX} minutes"));
        }
        if self.tariffs.len() > TARIFFS_MAX {
            return Some(format!("a store has at most {TARIFFS_MAX} tariffs"));
        }
        if self.cartons.len() > CARTONS_MAX {
            return Some(format!("a store has at most {CARTONS_MAX} kinds of carton"));
        }
        if self.prefer == Preference::Share && self.shares.is_empty() {
            return Some("a store that prefers by share says the shares".to_owned());
        }
        let of_tariff = self.tariffs.iter().find_map(Tariff::fault);
        let of_carton = || self.cartons.iter().find_map(Carton::fault);
        let of_courier = || share::fault(&self.shares).or_else(|| shipper::fault(&self.shippers));
        of_tariff.or_else(of_carton).or_else(of_courier).or_else(|| self.fault_of_hours())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> DeliveryTerms {
        let text = r#"{"amount": 499, "tax_class": "standard", "hand_over": {"by": "16:00", "on": ["Mon", "Tue", "Fri"]},
            "tariffs": [{"carrier": "dhl", "up_to_grams": 5000, "amount": 499, "days": [1, 2]}]}"#;
        serde_json::from_str(text).expect("terms")
    }

    #[test]
    fn terms_that_contradict_themselves_are_refused_with_what_is_wrong() {
        assert_eq!(terms().fault(), None);
        let wrong = |change: &dyn Fn(&mut DeliveryTerms), words: &str| {
            let mut terms = terms();
            change(&mut terms);
            assert!(terms.fault().is_some_and(|fault| fault.contains(words)), "{words}");
        };
        wrong(&|terms| terms.amount = -1, "a delivery costs");
        wrong(&|terms| terms.hand_over.on.clear(), "one day of the week");
        wrong(&|terms| terms.order_pickup = vec!["DHL".to_owned()], "order_pickup");
        let shipper = || CourierShipper { carrier: "dhl".to_owned(), id: "1".to_owned() };
        wrong(&|terms| terms.shippers = vec![shipper()], "knows stores one by one");
        wrong(&|terms| terms.close_at = NaiveTime::from_hms_opt(15, 59, 0), "after its goods went out");
        wrong(&|terms| terms.chilled_minutes = Some(0), "1 to 240 minutes");
        wrong(&|terms| terms.chilled_minutes = Some(241), "1 to 240 minutes");
        wrong(&|terms| terms.tariffs[0].carrier = "DHL".to_owned(), "small letters");
        wrong(&|terms| terms.tariffs[0].countries = vec!["de".to_owned()], "capital letters");
        wrong(&|terms| terms.tariffs[0].up_to_grams = Some(0), "grams");
        wrong(&|terms| terms.tariffs[0].amount = Some(-1), "minor units");
        wrong(&|terms| terms.tariffs[0].days = Some([2, 1]), "the earliest first");
        wrong(&|terms| terms.tariffs[0].emits_grams = Some(-1), "no less than nothing");
        wrong(&|terms| terms.tariffs = vec![terms.tariffs[0].clone(); 201], "at most 200");
        let carton = |change: &dyn Fn(&mut Carton)| {
            let mut carton = Carton::usual().remove(0);
            change(&mut carton);
            carton
        };
        wrong(&|terms| terms.cartons = vec![carton(&|_| ()); 21], "at most 20 kinds");
        wrong(&|terms| terms.cartons = vec![carton(&|one| one.name = " ".to_owned())], "a name");
        wrong(&|terms| terms.cartons = vec![carton(&|one| one.inner.width_mm = 0)], "sides");
        wrong(&|terms| terms.cartons = vec![carton(&|one| one.weight_grams = 0)], "weighs");
        wrong(&|terms| terms.prefer = Preference::Share, "says the shares");
        wrong(
            &|terms| terms.shares = vec![CourierShare { carrier: "dhl".to_owned(), percent: 0 }],
            "percent",
        );
        assert!(serde_json::from_str::<HandOver>(r#"{"by": "25:00", "on": ["Mon"]}"#).is_err());
    }
    #[test]
    fn goods_go_out_while_the_store_is_open() {
        let with = |days: &[u8], from: &str, to: &str| DeliveryTerms {
            open: vec![Hours { days: days.to_vec(), from: from.to_owned(), to: to.to_owned() }],
            ..terms()
        };
        // Out on Monday, Tuesday and Friday at 16:00.
        for right in [
            with(&[1, 2, 5], "08:00", "20:00"),
            with(&[1, 2, 3, 4, 5, 6, 7], "00:00", "00:00"),
            with(&[1, 2, 5], "16:00", "16:01"),
            with(&[1, 2, 4, 5, 7], "22:00", "21:00"),
        ] {
            assert_eq!(right.fault(), None, "{:?}", right.open);
        }
        for (wrong, words) in [
            (with(&[1, 2], "08:00", "20:00"), "on Fri"),
            (with(&[1, 2, 5], "08:00", "16:00"), "on Mon"),
            (with(&[1, 2, 5], "22:00", "06:00"), "on Mon"),
            (with(&[], "08:00", "20:00"), "days from 1 to 7"),
            (with(&[8], "08:00", "20:00"), "days from 1 to 7"),
            (with(&[1], "8:00", "20:00"), "times as HH:MM"),
            (
                DeliveryTerms { open: vec![with(&[1], "08:00", "20:00").open.remove(0); 22], ..terms() },
                "at most 21",
            ),
        ] {
            assert!(wrong.fault().is_some_and(|fault| fault.contains(words)), "{words}: {:?}", wrong.fault());
        }
    }
}
