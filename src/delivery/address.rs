//! Where a parcel starts or ends, and what can be said against an address before any courier is asked.
//!
//! Invariant: an address without faults fits the labels of every courier that we have an adapter for or plan one: the
//! lengths are the shortest of their documented ones. Nothing of an address is ever logged: its `Debug` shows the country.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::carrier::{self, PickupPoint};
use crate::catalog::Store;
use crate::error::Problem;

/// Longest line of a name or a street: UPS prints 35 characters, DHL 50, GLS 40.
const LINE_LENGTH_MAX: usize = 35;
/// Longest town: UPS prints 30 characters, DHL 40.
const CITY_LENGTH_MAX: usize = 30;
/// Longest house number: DHL prints 10 characters.
const HOUSE_NUMBER_LENGTH_MAX: usize = 10;
/// Longest name of a courier, a point of it, or a customer there.
const POINT_LENGTH_MAX: usize = 20;
/// Longest part of a place that is asked about.
const ASKED_LENGTH_MAX: usize = 50;
/// Longest e-mail address: DHL takes 80 characters.
const EMAIL_LENGTH_MAX: usize = 80;
/// The digits of a phone number in international form (ITU E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

/// Where a parcel starts or ends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// The person or the store.
    #[schema(min_length = 1, max_length = 35)]
    pub name: String,
    /// The company, when the person receives it there.
    #[schema(max_length = 35)]
    pub company: Option<String>,
    /// The street, without the house number; empty only where it goes to a pick-up point.
    #[schema(max_length = 35)]
    pub street: String,
    /// The house number with its letter: `12a`; empty only where it goes to a pick-up point.
    #[schema(max_length = 10)]
    pub house_number: String,
    /// Floor, building, back yard.
    #[schema(max_length = 35)]
    pub line2: Option<String>,
    /// As the country writes it.
    #[schema(min_length = 3, max_length = 10)]
    pub postal_code: String,
    /// The town.
    #[schema(min_length = 1, max_length = 30)]
    pub city: String,
    /// The country, by two capital letters (ISO 3166-1 alpha-2).
    #[schema(pattern = "^[A-Z]{2}$")]
    pub country: String,
    /// For the store's own notices. It is not given to the courier.
    pub email: Option<String>,
    /// In international form: `+49` and so on.
    pub phone: Option<String>,
    /// The courier's pick-up point that the recipient fetches the goods from: the address is then that of the point, and street and
    /// house number may be empty as far as the courier does without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pickup_point: Option<PickupPoint>,
}

/// What is wrong in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressFault {
    /// A JSON pointer into the address: `/postal_code`.
    pub pointer: String,
    /// What is wrong, for people.
    pub detail: String,
}

impl AddressFault {
    /// A problem that names this fault too.
    pub fn told(problem: Problem, fault: Self) -> Problem {
        problem.at(fault.pointer, fault.detail)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Address").field("country", &self.country).finish_non_exhaustive()
    }
}

impl Address {
    /// Everything that is wrong; nothing when a courier can use the address. Whether a courier serves its country is
    /// [`super::Carriers::can_bring`]'s to say.
    pub fn faults(&self) -> Vec<AddressFault> {
        let mut faults = Faults::default();
        faults.line("name", &self.name, LINE_LENGTH_MAX);
        // What a point needs of them, its courier says.
        let is_needed = |line: &str| self.pickup_point.is_none() || !line.is_empty();
        for (name, line, longest) in [
            ("street", &self.street, LINE_LENGTH_MAX),
            ("house_number", &self.house_number, HOUSE_NUMBER_LENGTH_MAX),
        ] {
            if is_needed(line) {
                faults.line(name, line, longest);
            }
        }
        faults.line("city", &self.city, CITY_LENGTH_MAX);
        for (name, line) in [("company", &self.company), ("line2", &self.line2)] {
            if let Some(line) = line {
                faults.line(name, line, LINE_LENGTH_MAX);
            }
        }
        if !(self.country.len() == 2 && self.country.bytes().all(|byte| byte.is_ascii_uppercase())) {
            faults.add("country", "must be two capital letters, such as DE");
        } else if let Some(expected) = postal_code_fault(&self.country, &self.postal_code) {
            faults.add("postal_code", expected);
        }
        if let Some(email) = &self.email {
            let parts = email.split_once('@');
            let is_plain = email.bytes().all(|byte| byte.is_ascii_graphic());
            if email.len() > EMAIL_LENGTH_MAX
                || !is_plain
                || parts
                    .is_none_or(|(user, host)| user.is_empty() || !host.contains('.') || host.contains('@'))
            {
                faults.add("email", "must be an e-mail address of at most 80 characters");
            }
        }
        if let Some(point) = &self.pickup_point {
            faults.point(point);
        }
        if let Some(phone) = &self.phone {
            let digits = phone.strip_prefix('+').unwrap_or_default();
            if !PHONE_DIGITS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                faults.add("phone", "must be + and 6 to 15 digits, without spaces");
            }
        }
        faults.0
    }

    /// A store's own address, from which its parcels go and to which they come back.
    pub fn of_store(store: &Store) -> Self {
        Self {
            // A store is found without the end of a long name; its street is left whole.
            name: store.name.chars().take(LINE_LENGTH_MAX).collect(),
            company: None,
            street: store.address.street.clone(),
            house_number: store.address.house_number.clone(),
            line2: None,
            postal_code: store.address.postal_code.clone(),
            city: store.address.city.clone(),
            country: store.country.clone(),
            email: None,
            phone: None,
            pickup_point: None,
        }
    }

    /// A place that is asked about, before it is said who lives there: of it, country and postal code are needed.
    pub fn asked(
        country: String,
        postal_code: String,
        city: String,
        (street, house_number): (String, String),
    ) -> Result<Self, Vec<AddressFault>> {
        if [&city, &street, &house_number].iter().any(|part| part.chars().count() > ASKED_LENGTH_MAX) {
            let detail = format!("a part of the address has at most {ASKED_LENGTH_MAX} characters");
            return Err(vec![AddressFault { pointer: "query".to_owned(), detail }]);
        }
        let (name, company, line2, email, phone, pickup_point) = Default::default();
        let place = Self {
            name,
            company,
            street,
            house_number,
            line2,
            postal_code,
            city,
            country,
            email,
            phone,
            pickup_point,
        };
        let is_needed = |fault: &AddressFault| matches!(fault.pointer.as_str(), "/country" | "/postal_code");
        let faults: Vec<AddressFault> = place.faults().into_iter().filter(is_needed).collect();
        if faults.is_empty() { Ok(place) } else { Err(faults) }
    }

    /// The address as couriers' adapters take it.
    pub(super) fn for_carrier(&self) -> carrier::Address {
        carrier::Address {
            name: self.name.clone(),
            company: self.company.clone(),
            street: self.street.clone(),
            house_number: Some(self.house_number.clone()),
            line_2: self.line2.clone(),
            postal_code: self.postal_code.clone(),
            city: self.city.clone(),
            country: self.country.clone(),
            phone: self.phone.clone(),
            pickup_point: self.pickup_point.clone(),
        }
    }
}

#[derive(Default)]
struct Faults(Vec<AddressFault>);

impl Faults {
    fn add(&mut self, name: &str, detail: impl Into<String>) {
        self.0.push(AddressFault { pointer: format!("/{name}"), detail: detail.into() });
    }

    fn point(&mut self, point: &PickupPoint) {
        self.line("pickup_point/carrier", &point.carrier, POINT_LENGTH_MAX);
        self.line("pickup_point/id", &point.id, POINT_LENGTH_MAX);
        if let Some(name) = &point.name {
            self.line("pickup_point/name", name, LINE_LENGTH_MAX);
        }
        if let Some(number) = &point.customer_number {
            self.line("pickup_point/customer_number", number, POINT_LENGTH_MAX);
        }
    }

    fn line(&mut self, name: &str, line: &str, longest: usize) {
        if line.trim().is_empty() {
            self.add(name, "must not be empty");
        } else if line.chars().any(char::is_control) {
            self.add(name, "must be one line of printable characters");
        } else if line.chars().count() > longest {
            self.add(name, format!("must have at most {longest} characters"));
        }
    }
}

/// What is wrong with a postal code of this country (Universal Postal Union, postal addressing systems).
fn postal_code_fault(country: &str, postal_code: &str) -> Option<String> {
    let digits = |count: usize| {
        let is_right = postal_code.len() == count && postal_code.bytes().all(|byte| byte.is_ascii_digit());
        (!is_right).then(|| format!("must be {count} digits in {country}"))
    };
    match country {
        "DE" | "FR" | "IT" | "ES" | "FI" | "EE" | "HR" => digits(5),
        "AT" | "BE" | "BG" | "CY" | "DK" | "HU" | "LU" | "SI" => digits(4),
        "NL" => {
            let bytes: Vec<u8> = postal_code.bytes().filter(|byte| *byte != b' ').collect();
            let is_right = bytes.len() == 6
                && bytes[..4].iter().all(u8::is_ascii_digit)
                && bytes[4..].iter().all(u8::is_ascii_uppercase)
                && postal_code.len() <= 7;
            (!is_right).then(|| "must be four digits and two capital letters in NL".to_owned())
        }
        _ => {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'-';
            let is_right = (3..=10).contains(&postal_code.len())
                && postal_code.trim() == postal_code
                && postal_code.bytes().all(is_plain);
            (!is_right).then(|| "must be 3 to 10 letters and digits".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address() -> Address {
        Address {
            name: "Mária Müller".to_owned(),
            company: None,
            street: "Invalidenstr.".to_owned(),
            house_number: "117a".to_owned(),
            line2: None,
            postal_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            email: None,
            phone: None,
            pickup_point: None,
        }
    }

    fn pointers(address: &Address) -> Vec<String> {
        address.faults().into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn a_usable_address_has_no_faults_and_every_fault_is_named() {
        assert_eq!(pointers(&address()), Vec::<String>::new());
        let full = Address {
            email: Some("maria@example.com".to_owned()),
            phone: Some("+49301234567".to_owned()),
            ..address()
        };
        assert_eq!(pointers(&full), Vec::<String>::new());
        let wrong = Address {
            name: " ".to_owned(),
            street: "x".repeat(36),
            house_number: "1\n".to_owned(),
            postal_code: "1011".to_owned(),
            email: Some("maria".to_owned()),
            phone: Some("030 1".to_owned()),
            ..address()
        };
        assert_eq!(
            pointers(&wrong),
            ["/name", "/street", "/house_number", "/postal_code", "/email", "/phone"]
        );
    }

    #[test]
    fn a_postal_code_follows_its_country() {
        for (country, right, wrong) in [
            ("DE", "53113", "5311A"),
            ("AT", "1010", "10100"),
            ("NL", "1071 AA", "1071 aa"),
            ("PL", "00-950", "0"),
        ] {
            assert_eq!(postal_code_fault(country, right), None, "{country}");
            assert!(postal_code_fault(country, wrong).is_some(), "{country}");
        }
    }

    #[test]
    fn an_address_without_a_pickup_point_reads_as_it_always_did_and_one_with_it_needs_no_street() {
        let kept = serde_json::to_value(address()).expect("JSON");
        assert!(kept.get("pickup_point").is_none());
        assert_eq!(serde_json::from_value::<Address>(kept).expect("an address"), address());
        let point = PickupPoint {
            carrier: "dhl".to_owned(),
            kind: carrier::PointKind::Locker,
            id: "145".to_owned(),
            name: None,
            customer_number: None,
        };
        let at_point = |street: &str, point| Address {
            street: street.to_owned(),
            house_number: String::new(),
            pickup_point: Some(point),
            ..address()
        };
        assert_eq!(pointers(&at_point("", point.clone())), Vec::<String>::new());
        assert_eq!(pointers(&at_point(&"x".repeat(36), point.clone())), ["/street"]);
        let nameless = PickupPoint { id: " ".to_owned(), ..point };
        assert_eq!(pointers(&at_point("", nameless)), ["/pickup_point/id"]);
    }

    #[test]
    fn debug_output_keeps_the_address_to_itself() {
        assert_eq!(format!("{:?}", address()), "Address { country: \"DE\", .. }");
    }
}
