//! What a store delivers for: what couriers cost its shoppers, until when goods go out, and which courier it prefers. Pure.

use chrono::{Datelike, Duration, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carton::{CARTONS_MAX, Carton};
use super::till_rules::BESIDE_MAX;
use crate::ids::TaxClassId;
use crate::text_enum;

/// Most tariffs of one store.
const TARIFFS_MAX: usize = 200;
/// The latest promise that makes sense for groceries, in days after the hand-over.
const DAYS_MAX: i64 = 30;
/// The longest time in which goods may be sent back, in days.
const RETURNS_DAYS_MAX: i64 = 365;
/// The longest time in which a shopper may answer, in minutes: after a day the goods are gone.
const ANSWER_MINUTES_MAX: i64 = 1_440;
/// The longest time that chilled goods may be underway: what is warm for longer is no chilled food any more, whatever a store says.
const CHILLED_MINUTES_MAX: i64 = 240;
/// The heaviest parcel that any courier carries, in grams.
const GRAMS_MAX: i64 = 100_000;
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

/// When goods go out to couriers that collect once a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// What is ordered until then, by the store's clock, goes out the same day: `16:00`.
    #[schema(value_type = String, pattern = "^[0-2][0-9]:[0-5][0-9]$")]
    #[serde(with = "minutes")]
    pub by: NaiveTime,
    /// The days on which goods go out.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 7)]
    pub on: Vec<Weekday>,
}

impl Default for HandOver {
    fn default() -> Self {
        let on = vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat];
        Self { by: NaiveTime::from_hms_opt(16, 0, 0).unwrap_or_default(), on }
    }
}

impl HandOver {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// When a day is closed where the store has not said: an hour after its goods went out, and on the same day.
    pub fn usual_close(&self) -> NaiveTime {
        match self.by.overflowing_add_signed(Duration::hours(1)) {
            (time, 0) => time,
            _ => self.by,
        }
    }

    /// When what is ordered now goes out, by the store's clock.
    pub fn next(&self, local: NaiveDateTime) -> NaiveDateTime {
        let first = if local.time() <= self.by { local.date() } else { local.date() + Duration::days(1) };
        let mut days = (0..7).map(|day| first + Duration::days(day));
        let day = days.find(|day| self.on.contains(&day.weekday())).unwrap_or(first);
        day.and_time(self.by)
    }
}

/// What a courier costs the shopper for a parcel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    /// The courier: `dhl`, `ups`, `gls`, `uber`.
    pub carrier: String,
    /// The countries that it holds for (ISO 3166-1 alpha-2); all that the courier serves when left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<String>,
    /// The heaviest parcel that it holds for, in grams, carton included; the courier's own limit when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_grams: Option<i64>,
    /// Minor units for one parcel; left out, what the courier itself asks for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 50_000)]
    pub amount: Option<i64>,
    /// Arrives so many working days (Monday to Saturday) after the hand-over, at the earliest and at the latest; what the
    /// courier itself says counts more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<[i64; 2]>,
    /// What sending a parcel emits, in grams of carbon dioxide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emits_grams: Option<i64>,
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

/// Times of the day as people write them: `16:00`.
mod minutes {
    use chrono::NaiveTime;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    const FORM: &str = "%H:%M";

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
    pub(super) fn serialize<S: Serializer>(time: &NaiveTime, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&time.format(FORM))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<NaiveTime, D::Error> {
        let text = String::deserialize(from)?;
        NaiveTime::parse_from_str(&text, FORM).map_err(|_| Error::custom("a time of the day is HH:MM"))
    }

    /// The same, where it may be missing.
    pub(super) mod or_none {
        use chrono::NaiveTime;
        use serde::{Deserialize, Deserializer, Serializer};

        #[expect(clippy::ref_option, reason = "serde asks for a reference")]
        pub(in super::super) fn serialize<S: Serializer>(
            time: &Option<NaiveTime>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            match time {
                Some(time) => super::serialize(time, to),
                None => to.serialize_none(),
            }
        }

        pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<NaiveTime>, D::Error> {
            #[derive(Deserialize)]
            struct Time(#[serde(with = "super")] NaiveTime);
            Ok(Option::<Time>::deserialize(from)?.map(|Time(time)| time))
        }
    }
}

fn is_key(text: &str) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

impl Tariff {
    /// Whether it holds for a parcel of so many grams to this country.
    pub fn holds_for(&self, carrier: &str, country: &str, grams: i64) -> bool {
        self.carrier == carrier
            && (self.countries.is_empty() || self.countries.iter().any(|each| each == country))
            && self.up_to_grams.is_none_or(|most| grams <= most)
    }

    fn fault(&self) -> Option<String> {
        let is_country =
            |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase());
        let checks = [
            (is_key(&self.carrier), "a tariff names a courier in small letters: dhl"),
            (self.countries.iter().all(is_country), "a country is two capital letters: DE"),
            (
                self.up_to_grams.is_none_or(|grams| (1..=GRAMS_MAX).contains(&grams)),
                "a tariff is for parcels of 1 to 100000 grams",
            ),
            (
                self.amount.is_none_or(|amount| (0..=BESIDE_MAX).contains(&amount)),
                "a tariff is of 0 to 50000 minor units",
            ),
            (
                self.days.is_none_or(|[first, last]| 0 <= first && first <= last && last <= DAYS_MAX),
                "a parcel arrives within 0 to 30 days, the earliest first",
            ),
            (self.emits_grams.is_none_or(|grams| grams >= 0), "a parcel emits no less than nothing"),
        ];
        checks.iter().find(|(holds, _)| !holds).map(|(_, fault)| (*fault).to_owned())
    }
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

/// The day so many working days (Monday to Saturday) after another.
pub fn working_days_after(day: NaiveDate, count: i64) -> NaiveDate {
    let mut day = day;
    let mut left = count;
    while left > 0 {
        day += Duration::days(1);
        if day.weekday() != Weekday::Sun {
            left -= 1;
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> NaiveDateTime {
        text.parse().expect("a time")
    }

    fn terms() -> DeliveryTerms {
        let text = r#"{"amount": 499, "tax_class": "standard", "hand_over": {"by": "16:00", "on": ["Mon", "Tue", "Fri"]},
            "tariffs": [{"carrier": "dhl", "up_to_grams": 5000, "amount": 499, "days": [1, 2]}]}"#;
        serde_json::from_str(text).expect("terms")
    }

    #[test]
    fn goods_go_out_today_until_the_hour_and_on_the_next_day_of_the_list_after_it() {
        let hand_over = terms().hand_over;
        // 1 December 2026 is a Tuesday.
        for (ordered, out) in [
            ("2026-12-01T09:00:00", "2026-12-01T16:00:00"),
            ("2026-12-01T16:00:00", "2026-12-01T16:00:00"),
            ("2026-12-01T16:00:01", "2026-12-04T16:00:00"),
            ("2026-12-05T09:00:00", "2026-12-07T16:00:00"),
        ] {
            assert_eq!(hand_over.next(local(ordered)), local(out), "{ordered}");
        }
    }

    #[test]
    fn no_parcel_arrives_on_a_sunday() {
        let friday = NaiveDate::from_ymd_opt(2026, 12, 4).expect("a day");
        let after = |days| working_days_after(friday, days).to_string();
        assert_eq!([after(0), after(1), after(2)], ["2026-12-04", "2026-12-05", "2026-12-07"]);
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

    #[test]
    fn a_tariff_holds_for_its_countries_and_weights() {
        let tariff = Tariff { countries: vec!["DE".to_owned()], ..terms().tariffs[0].clone() };
        assert!(tariff.holds_for("dhl", "DE", 5000));
        assert!(!tariff.holds_for("ups", "DE", 5000) && !tariff.holds_for("dhl", "AT", 5000));
        assert!(!tariff.holds_for("dhl", "DE", 5001));
    }
}
