//! Addresses, which travel as JSON inside a text; and what lies where.
//!
//! Our choices, because a sandbox has no map: two addresses of one country whose postcodes begin with the same two
//! characters are in one area; a postcode that begins with `00` is understood by nobody.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::errors::refusal;
use crate::sandbox::host::{Fields, Reply, Report, What};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub street_address: Vec<String>,
    pub city: String,
    pub state: String,
    pub zip_code: String,
    /// Alpha-2.
    pub country: String,
}

/// Where Uber Direct rides, and what it is paid in.
const COUNTRIES: [(&str, &str); 8] = [
    ("US", "USD"),
    ("CA", "CAD"),
    ("GB", "GBP"),
    ("DE", "EUR"),
    ("FR", "EUR"),
    ("ES", "EUR"),
    ("IT", "EUR"),
    ("NL", "EUR"),
];

impl Address {
    /// Reads an address field; what is wrong is reported under the field's name.
    pub fn read(body: &Fields<'_>, name: &'static str) -> Self {
        let text = body.needed_text(name, 1_000);
        if text.is_empty() {
            return Self::default();
        }
        let Ok(value) = serde_json::from_str::<Value>(&text) else {
            body.wrong(name, What::Value("unable to resolve provided address through geocoding".to_owned()));
            return Self::default();
        };
        let inner = Report::default();
        let address = Fields::root(&value, &inner).map(|fields| Self {
            street_address: {
                let lines = fields.texts("street_address", 3, 200);
                fields.need("street_address", Some(lines)).unwrap_or_default()
            },
            city: fields.needed_text("city", 100),
            state: fields.text("state", 100).unwrap_or_default().to_owned(),
            zip_code: fields.needed_text("zip_code", 12),
            country: fields.needed_text("country", 2),
        });
        if let Some(wrong) = inner.into_list().into_iter().next() {
            body.wrong(name, What::Value(format!("{} in the address is not valid", wrong.path)));
        }
        address.unwrap_or_default()
    }

    /// One line, as the API shows it.
    pub fn line(&self) -> String {
        let street = self.street_address.join(", ");
        format!("{street}, {}, {} {}, {}", self.city, self.state, self.zip_code, self.country)
    }

    /// What the delivery is paid in.
    pub fn currency(&self) -> &'static str {
        COUNTRIES.iter().find(|(country, _)| *country == self.country).map_or("USD", |(_, currency)| currency)
    }

    fn is_understood(&self) -> bool {
        COUNTRIES.iter().any(|(country, _)| *country == self.country) && !self.zip_code.starts_with("00")
    }
}

/// Whether a courier rides from one to the other.
///
/// # Errors
/// `unknown_location` or `address_undeliverable`.
pub fn reach(pickup: &Address, dropoff: &Address) -> Result<(), Reply> {
    if !pickup.is_understood() || !dropoff.is_understood() {
        return Err(refusal("unknown_location"));
    }
    let area = |address: &Address| address.zip_code.get(..2).map(str::to_owned);
    if pickup.country != dropoff.country || area(pickup) != area(dropoff) {
        return Err(refusal("address_undeliverable"));
    }
    Ok(())
}

/// What the ride costs in minor units: 5.99 and 10 more for each postcode in between, up to a hundred of them.
pub fn fee(pickup: &Address, dropoff: &Address) -> i64 {
    let number = |address: &Address| {
        let digits: String = address.zip_code.chars().filter(char::is_ascii_digit).collect();
        digits.parse::<i64>().unwrap_or_default()
    };
    599 + 10 * (number(pickup) - number(dropoff)).abs().min(100)
}
