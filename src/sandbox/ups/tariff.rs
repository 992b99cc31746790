//! Services, what they cost and how long they take. UPS's prices are a contract's; these are made up, but of its parts:
//! a base by service, a step by weight and distance, a fuel surcharge, options.
//!
//! Amounts are whole cents. The billed weight is the higher of the real one and the volume's (139 cubic inches a pound,
//! 5,000 cubic centimetres a kilogram), rounded up.

use chrono::{Datelike, NaiveDate, Weekday};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::places::{self, Address};

#[derive(Debug, Clone, Copy)]
pub struct Service {
    pub code: &'static str,
    /// As time in transit names it.
    pub level: &'static str,
    pub name: &'static str,
    lanes: &'static [Lane],
    /// Working days; 0 is by distance.
    days: u32,
    /// Latest time of delivery, `HHmm`.
    pub commit: &'static str,
    base: i64,
    /// Of each pound at the shortest distance.
    per_pound: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lane {
    UnitedStates,
    /// Within one country elsewhere.
    Domestic,
    /// Between members of the European Union.
    Union,
    /// Between any other two countries.
    Abroad,
}

use Lane::{Abroad, Domestic, Union, UnitedStates};

const SERVICES: &[Service] = &[
    service(("14", "1DM", "UPS Next Day Air Early"), &[UnitedStates], (1, "0800"), (8_900, 320)),
    service(("01", "1DA", "UPS Next Day Air"), &[UnitedStates], (1, "1030"), (5_400, 260)),
    service(("13", "1DP", "UPS Next Day Air Saver"), &[UnitedStates], (1, "1500"), (4_800, 240)),
    service(("59", "2DM", "UPS 2nd Day Air A.M."), &[UnitedStates], (2, "1030"), (3_100, 180)),
    service(("02", "2DA", "UPS 2nd Day Air"), &[UnitedStates], (2, "2300"), (2_600, 150)),
    service(("12", "3DS", "UPS 3 Day Select"), &[UnitedStates], (3, "2300"), (1_900, 110)),
    service(("03", "GND", "UPS Ground"), &[UnitedStates], (0, "2300"), (1_100, 45)),
    service(("54", "21", "UPS Express Plus"), &[Domestic, Union, Abroad], (1, "0900"), (6_900, 300)),
    service(("07", "01", "UPS Express"), &[Domestic, Union, Abroad], (1, "1200"), (4_900, 240)),
    service(("74", "24", "UPS Express 12:00"), &[Domestic], (1, "1200"), (2_600, 120)),
    service(("65", "28", "UPS Saver"), &[Domestic, Union, Abroad], (2, "2300"), (3_900, 190)),
    service(("08", "05", "UPS Expedited"), &[Domestic, Abroad], (4, "2300"), (3_200, 150)),
    service(("11", "08", "UPS Standard"), &[Domestic, Union], (0, "2300"), (990, 40)),
    service(("70", "39", "UPS Access Point Economy"), &[Domestic, Union], (3, "2300"), (690, 30)),
];

const fn service(
    names: (&'static str, &'static str, &'static str),
    lanes: &'static [Lane],
    time: (u32, &'static str),
    price: (i64, i64),
) -> Service {
    Service {
        code: names.0,
        level: names.1,
        name: names.2,
        lanes,
        days: time.0,
        commit: time.1,
        base: price.0,
        per_pound: price.1,
    }
}

/// What a package adds to a price.
#[derive(Debug, Clone)]
pub struct Measures {
    pub weight: Decimal,
    pub unit: Unit,
    /// Inches or centimetres.
    pub sides: Option<[Decimal; 3]>,
    pub adult_signature: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Pounds,
    Kilograms,
}

/// The price of a shipment in cents.
#[derive(Debug, Clone)]
pub struct Price {
    pub currency: &'static str,
    pub base: i64,
    /// Base and fuel.
    pub transportation: i64,
    /// Signature and residence.
    pub options: i64,
    pub billing_weight: Decimal,
    pub unit: Unit,
    itemized: Vec<(&'static str, &'static str, i64)>,
}

/// Fuel is so many percent of the base.
const FUEL_PERCENT: i64 = 18;
const ADULT_SIGNATURE_CENTS: i64 = 765;
const RESIDENCE_CENTS: i64 = 595;
/// A contract takes so many percent off.
const NEGOTIATED_PERCENT: i64 = 80;

/// The services between two places, the fastest first.
pub fn services(from: &Address, to: &Address) -> Vec<&'static Service> {
    let lane = match (from.country.as_str(), to.country.as_str()) {
        ("US" | "PR", "US" | "PR") => UnitedStates,
        (a, b) if a == b => Domestic,
        (a, b) if places::is_in_union(a) && places::is_in_union(b) => Union,
        _ => Abroad,
    };
    SERVICES.iter().filter(|service| service.lanes.contains(&lane)).collect()
}

pub fn service_between(code: &str, from: &Address, to: &Address) -> Option<&'static Service> {
    services(from, to).into_iter().find(|service| service.code == code)
}

pub fn is_service(code: &str) -> bool {
    SERVICES.iter().any(|service| service.code == code)
}

pub fn name_of(code: &str) -> &'static str {
    SERVICES.iter().find(|service| service.code == code).map_or("UPS", |service| service.name)
}

impl Service {
    /// Working days from the collection to the delivery.
    pub fn days(&self, from: &Address, to: &Address) -> u32 {
        match self.days {
            0 if from.country == to.country => places::distance(from, to).div_ceil(2),
            0 => 3,
            days if from.country == to.country || places::is_in_union(to.country.as_str()) => days,
            days => days + 1,
        }
    }

    pub fn price(&self, from: &Address, to: &Address, packages: &[Measures]) -> Price {
        let unit = packages.first().map_or(Unit::Pounds, |package| package.unit);
        let billed: Vec<Decimal> = packages.iter().map(Measures::billed).collect();
        let distance = i64::from(places::distance(from, to));
        let pounds = |weight: &Decimal| match unit {
            Unit::Pounds => *weight,
            Unit::Kilograms => *weight * Decimal::new(22, 1),
        };
        let base: i64 = billed
            .iter()
            .map(|weight| {
                let pounds = pounds(weight).ceil().to_i64().unwrap_or_default();
                self.base + self.per_pound * pounds * distance / 2
            })
            .sum();
        let fuel = base * FUEL_PERCENT / 100;
        let count = |wanted: bool, each: i64| if wanted { each } else { 0 };
        let signature = packages.iter().map(|one| count(one.adult_signature, ADULT_SIGNATURE_CENTS)).sum();
        let residence: i64 = packages.iter().map(|_| count(to.residential, RESIDENCE_CENTS)).sum();
        let itemized = [
            ("375", "Fuel Surcharge", fuel),
            ("120", "Adult Signature Required", signature),
            ("270", "Residential Surcharge", residence),
        ];
        Price {
            currency: currency(&from.country),
            base,
            transportation: base + fuel,
            options: signature + residence,
            billing_weight: billed.iter().sum(),
            unit,
            itemized: itemized.into_iter().filter(|(_, _, cents)| *cents > 0).collect(),
        }
    }
}

impl Measures {
    fn billed(&self) -> Decimal {
        let volume = self.sides.map_or(Decimal::ZERO, |[length, width, height]| length * width * height);
        match self.unit {
            Unit::Pounds => self.weight.max(volume / Decimal::from(139)).ceil(),
            Unit::Kilograms => {
                (self.weight.max(volume / Decimal::from(5_000)) * Decimal::TWO).ceil() / Decimal::TWO
            }
        }
    }
}

impl Unit {
    pub fn code(self) -> &'static str {
        match self {
            Unit::Pounds => "LBS",
            Unit::Kilograms => "KGS",
        }
    }

    pub fn description(self) -> &'static str {
        match self {
            Unit::Pounds => "Pounds",
            Unit::Kilograms => "Kilograms",
        }
    }
}

impl Price {
    /// What an adult signature for the whole shipment costs, where it is not asked for by the package.
    pub fn add_signature(&mut self, wanted: bool) {
        if wanted {
            self.options += ADULT_SIGNATURE_CENTS;
            self.itemized.push(("120", "Adult Signature Required", ADULT_SIGNATURE_CENTS));
        }
    }

    pub fn total(&self) -> i64 {
        self.transportation + self.options
    }

    pub fn negotiated(&self) -> i64 {
        self.total() * NEGOTIATED_PERCENT / 100
    }

    pub fn money(&self, cents: i64) -> Value {
        json!({"CurrencyCode": self.currency, "MonetaryValue": amount(cents)})
    }

    pub fn itemized(&self) -> Vec<Value> {
        let charge = |(code, text, cents): &(&str, &str, i64)| json!({"Code": code, "Description": text, "CurrencyCode": self.currency, "MonetaryValue": amount(*cents)});
        self.itemized.iter().map(charge).collect()
    }
}

/// Cents as UPS writes amounts: `12.30`.
pub fn amount(cents: i64) -> String {
    Decimal::new(cents, 2).to_string()
}

fn currency(country: &str) -> &'static str {
    match country {
        "US" | "PR" => "USD",
        "CA" => "CAD",
        "GB" => "GBP",
        "CH" => "CHF",
        "PL" => "PLN",
        "CZ" => "CZK",
        "DK" => "DKK",
        "SE" => "SEK",
        _ => "EUR",
    }
}

/// The first working day on or after a date; holidays are none here.
pub fn working_day(mut date: NaiveDate) -> NaiveDate {
    while matches!(date.weekday(), Weekday::Sat | Weekday::Sun) {
        date = date + chrono::Days::new(1);
    }
    date
}

/// So many working days later.
pub fn days_later(date: NaiveDate, days: u32) -> NaiveDate {
    (0..days).fold(working_day(date), |day, _| working_day(day + chrono::Days::new(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_volume_counts_when_it_is_more_than_the_weight() {
        let sides = Some([Decimal::from(16), Decimal::from(12), Decimal::from(8)]);
        let measures = |weight, unit| Measures { weight, unit, sides, adult_signature: false };
        assert_eq!(measures(Decimal::new(93, 1), Unit::Pounds).billed(), Decimal::from(12));
        assert_eq!(measures(Decimal::from(20), Unit::Pounds).billed(), Decimal::from(20));
        assert_eq!(measures(Decimal::new(42, 1), Unit::Kilograms).billed(), Decimal::new(45, 1));
    }

    #[test]
    fn weekends_are_no_working_days() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(days_later(day("2026-11-27"), 1), day("2026-11-30"));
        assert_eq!(days_later(day("2026-11-28"), 0), day("2026-11-30"));
    }
}
