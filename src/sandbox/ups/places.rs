//! Addresses, and as much geography as the answers need: which state a ZIP code lies in, what time it is there, which
//! cities of the test states exist, and how far two places are apart.
//!
//! UPS knows every street of the United States; this table knows the states by the first three digits of the ZIP code
//! (from the postal service's published list) and some cities of New York and California, the two states that UPS's
//! test system validates addresses in.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::text;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub lines: Vec<String>,
    pub city: String,
    pub state: String,
    pub postal_code: String,
    pub country: String,
    pub residential: bool,
}

/// ZIP codes by their first three digits, from and to, and the state.
const ZIP_AREAS: &[(u32, u32, &str)] = &[
    (5, 5, "NY"),
    (6, 7, "PR"),
    (8, 8, "VI"),
    (9, 9, "PR"),
    (10, 27, "MA"),
    (28, 29, "RI"),
    (30, 38, "NH"),
    (39, 49, "ME"),
    (50, 54, "VT"),
    (55, 55, "MA"),
    (56, 59, "VT"),
    (60, 69, "CT"),
    (70, 89, "NJ"),
    (100, 149, "NY"),
    (150, 196, "PA"),
    (197, 199, "DE"),
    (200, 205, "DC"),
    (206, 219, "MD"),
    (220, 246, "VA"),
    (247, 268, "WV"),
    (270, 289, "NC"),
    (290, 299, "SC"),
    (300, 319, "GA"),
    (320, 349, "FL"),
    (350, 369, "AL"),
    (370, 385, "TN"),
    (386, 397, "MS"),
    (398, 399, "GA"),
    (400, 427, "KY"),
    (430, 459, "OH"),
    (460, 479, "IN"),
    (480, 499, "MI"),
    (500, 528, "IA"),
    (530, 549, "WI"),
    (550, 567, "MN"),
    (570, 577, "SD"),
    (580, 588, "ND"),
    (590, 599, "MT"),
    (600, 629, "IL"),
    (630, 658, "MO"),
    (660, 679, "KS"),
    (680, 693, "NE"),
    (700, 714, "LA"),
    (716, 729, "AR"),
    (730, 732, "OK"),
    (733, 733, "TX"),
    (734, 749, "OK"),
    (750, 799, "TX"),
    (800, 816, "CO"),
    (820, 831, "WY"),
    (832, 838, "ID"),
    (840, 847, "UT"),
    (850, 865, "AZ"),
    (870, 884, "NM"),
    (885, 885, "TX"),
    (889, 898, "NV"),
    (900, 961, "CA"),
    (967, 968, "HI"),
    (970, 979, "OR"),
    (980, 994, "WA"),
    (995, 999, "AK"),
];

/// Cities of the test states: name, state, first three digits of their ZIP codes from and to.
const CITIES: &[(&str, &str, u32, u32)] = &[
    ("NEW YORK", "NY", 100, 102),
    ("STATEN ISLAND", "NY", 103, 103),
    ("BRONX", "NY", 104, 104),
    ("BROOKLYN", "NY", 112, 112),
    ("ALBANY", "NY", 122, 122),
    ("SYRACUSE", "NY", 132, 132),
    ("BUFFALO", "NY", 142, 142),
    ("ROCHESTER", "NY", 146, 146),
    ("LOS ANGELES", "CA", 900, 900),
    ("SAN DIEGO", "CA", 921, 921),
    ("FREMONT", "CA", 945, 945),
    ("SAN FRANCISCO", "CA", 941, 941),
    ("OAKLAND", "CA", 946, 946),
    ("SAN JOSE", "CA", 951, 951),
    ("SACRAMENTO", "CA", 958, 958),
];

/// Countries that this sandbox's UPS collects in and delivers to, and their names.
const COUNTRIES: &[(&str, &str)] = &[
    ("US", "UNITED STATES"),
    ("PR", "PUERTO RICO"),
    ("CA", "CANADA"),
    ("AT", "AUSTRIA"),
    ("BE", "BELGIUM"),
    ("CZ", "CZECH REPUBLIC"),
    ("DE", "GERMANY"),
    ("DK", "DENMARK"),
    ("ES", "SPAIN"),
    ("FI", "FINLAND"),
    ("FR", "FRANCE"),
    ("IE", "IRELAND"),
    ("IT", "ITALY"),
    ("LU", "LUXEMBOURG"),
    ("NL", "NETHERLANDS"),
    ("PL", "POLAND"),
    ("PT", "PORTUGAL"),
    ("SE", "SWEDEN"),
    ("CH", "SWITZERLAND"),
    ("GB", "UNITED KINGDOM"),
];

/// Members of the European Union among the countries.
const UNION: &[&str] =
    &["AT", "BE", "CZ", "DE", "DK", "ES", "FI", "FR", "IE", "IT", "LU", "NL", "PL", "PT", "SE"];

impl Address {
    /// A party of a request: `Name` and `Address`.
    pub fn of(party: &Value) -> Address {
        let lines = party.pointer("/Address/AddressLine").and_then(Value::as_array).into_iter().flatten();
        Address {
            name: text(party, "/Name").to_owned(),
            lines: lines.filter_map(Value::as_str).map(str::to_owned).collect(),
            city: text(party, "/Address/City").to_owned(),
            state: text(party, "/Address/StateProvinceCode").to_owned(),
            postal_code: text(party, "/Address/PostalCode").to_owned(),
            country: text(party, "/Address/CountryCode").to_owned(),
            residential: party.pointer("/Address/ResidentialAddressIndicator").is_some(),
        }
    }

    pub fn zone(&self) -> Tz {
        zone(&self.country, &self.state)
    }

    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.zone()).date_naive()
    }

    /// A local time of the place; where clocks jump over it, the same time in UTC.
    pub fn moment(&self, date: NaiveDate, time: NaiveTime) -> DateTime<Utc> {
        let local = date.and_time(time);
        self.zone()
            .from_local_datetime(&local)
            .earliest()
            .map_or(local.and_utc(), |at| at.with_timezone(&Utc))
    }
}

pub fn country_name(code: &str) -> Option<&'static str> {
    COUNTRIES.iter().find(|(known, _)| *known == code).map(|(_, name)| *name)
}

pub fn is_in_union(country: &str) -> bool {
    UNION.contains(&country)
}

/// Five or nine digits, with or without a hyphen, as the first three.
fn zip_area(postal_code: &str) -> Option<u32> {
    let digits: String = postal_code.chars().filter(|one| *one != '-').collect();
    let well_formed = matches!(digits.len(), 5 | 9) && digits.bytes().all(|one| one.is_ascii_digit());
    if well_formed { digits.get(..3)?.parse().ok() } else { None }
}

/// The state of a ZIP code; `None` when there is none.
pub fn state_of(postal_code: &str) -> Option<&'static str> {
    let area = zip_area(postal_code)?;
    ZIP_AREAS.iter().find(|(from, to, _)| (*from..=*to).contains(&area)).map(|(_, _, state)| *state)
}

/// The states and territories of the United States.
pub fn states() -> Vec<&'static str> {
    let mut states: Vec<&str> = ZIP_AREAS.iter().map(|(_, _, state)| *state).collect();
    states.sort_unstable();
    states.dedup();
    states
}

/// The known city in which a ZIP code lies.
pub fn city_of(postal_code: &str) -> Option<(&'static str, &'static str)> {
    let area = zip_area(postal_code)?;
    let found = CITIES.iter().find(|(_, _, from, to)| (*from..=*to).contains(&area));
    found.map(|(city, state, _, _)| (*city, *state))
}

/// State and first ZIP code of a known city.
pub fn city_named(city: &str) -> Option<(&'static str, String)> {
    let found = CITIES.iter().find(|(known, _, _, _)| known.eq_ignore_ascii_case(city));
    found.map(|(_, state, from, _)| (*state, format!("{from:03}01")))
}

/// What is wrong with the place of an address, if anything; the words are UPS's.
pub fn complaint(address: &Address) -> Option<&'static str> {
    let letters_and_digits = |text: &str| {
        text.chars()
            .filter(|one| *one != ' ')
            .map(|one| if one.is_ascii_digit() { '9' } else { one })
            .map(|one| if one.is_ascii_uppercase() { 'A' } else { one })
            .collect::<String>()
    };
    match address.country.as_str() {
        country if country_name(country).is_none() => Some("Missing or invalid country or territory code"),
        "US" | "PR" => match state_of(&address.postal_code) {
            None => Some("The postal code is not valid"),
            Some(state) if address.country == "PR" || state == address.state => None,
            Some(_) => Some("The state does not match the postal code"),
        },
        "CA" if address.state.len() != 2 => Some("Missing or invalid province code"),
        "CA" if letters_and_digits(&address.postal_code) != "A9A9A9" => Some("The postal code is not valid"),
        "DE" | "FR" | "ES" | "IT" | "FI"
            if address.postal_code.len() != 5
                || !address.postal_code.bytes().all(|one| one.is_ascii_digit()) =>
        {
            Some("The postal code is not valid")
        }
        _ => None,
    }
}

/// 2 for neighbours to 8 for the far side, as the zones of UPS's tariff; between countries by the service.
pub fn distance(from: &Address, to: &Address) -> u32 {
    let first_digit = |address: &Address| address.postal_code.chars().next().and_then(|one| one.to_digit(10));
    match (from.country == to.country, first_digit(from), first_digit(to)) {
        (true, Some(a), Some(b)) => (2 + a.abs_diff(b)).min(8),
        (true, _, _) => 4,
        (false, _, _) => 5,
    }
}

fn zone(country: &str, state: &str) -> Tz {
    match (country, state) {
        ("US", "AK") => Tz::America__Anchorage,
        ("US", "HI") => Tz::Pacific__Honolulu,
        ("US", "CA" | "NV" | "OR" | "WA") => Tz::America__Los_Angeles,
        ("US", "AZ") => Tz::America__Phoenix,
        ("US", "CO" | "ID" | "MT" | "NM" | "UT" | "WY") => Tz::America__Denver,
        (
            "US",
            "AL" | "AR" | "IA" | "IL" | "KS" | "LA" | "MN" | "MO" | "MS" | "ND" | "NE" | "OK" | "SD" | "TN"
            | "TX" | "WI",
        ) => Tz::America__Chicago,
        ("US", _) => Tz::America__New_York,
        ("PR", _) => Tz::America__Puerto_Rico,
        ("CA", _) => Tz::America__Toronto,
        ("GB", _) => Tz::Europe__London,
        ("IE", _) => Tz::Europe__Dublin,
        ("PT", _) => Tz::Europe__Lisbon,
        ("FI", _) => Tz::Europe__Helsinki,
        _ => Tz::Europe__Berlin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(country: &str, state: &str, postal_code: &str) -> Address {
        Address {
            state: state.to_owned(),
            postal_code: postal_code.to_owned(),
            country: country.to_owned(),
            ..Address::default()
        }
    }

    #[test]
    fn a_state_has_to_fit_its_postal_code() {
        for (country, state, code) in [
            ("US", "NY", "12207"),
            ("US", "NY", "122071234"),
            ("PR", "", "00926"),
            ("CA", "ON", "M5V 2T6"),
            ("DE", "", "53113"),
        ] {
            assert_eq!(complaint(&address(country, state, code)), None, "{code}");
        }
        for (country, state, code) in [
            ("US", "CA", "12207"),
            ("US", "NY", "1220"),
            ("US", "NY", ""),
            ("CA", "ON", "12345"),
            ("XX", "", "1"),
        ] {
            assert!(complaint(&address(country, state, code)).is_some(), "{code}");
        }
    }
}
