//! What a store delivers for: what couriers cost its shoppers, until when goods go out, and which courier it prefers. Pure.

mod hand_over;
mod minutes;
mod tariff;

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use hand_over::{HandOver, working_days_after};
pub use tariff::Tariff;

use super::carton::{CARTONS_MAX, Carton};
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
        let of_tariff = self.tariffs.iter().find_map(Tariff::fault);
        of_tariff.or_else(|| self.cartons.iter().find_map(Carton::fault))
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
        assert!(serde_json::from_str::<HandOver>(r#"{"by": "25:00", "on": ["Mon"]}"#).is_err());
    }
}
