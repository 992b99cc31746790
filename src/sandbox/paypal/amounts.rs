//! Amounts as PayPal writes them: a currency code and a decimal string, here kept in whole minor units.
//!
//! PayPal takes no decimals for HUF, JPY and TWD and two for every other currency, whatever ISO 4217 says.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The currencies PayPal lists; anything else is `INVALID_CURRENCY_CODE`.
const CURRENCIES: [&str; 25] = [
    "AUD", "BRL", "CAD", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "RUB", "SEK", "SGD", "CHF", "THB", "TWD", "USD",
];
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];
/// Longest `value` in the specification.
const VALUE_CHARACTERS_MAX: usize = 32;

/// An amount in minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    pub currency_code: String,
    /// Cents for two-decimal currencies, whole units for HUF, JPY and TWD.
    pub minor: i64,
}

/// Why an amount was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// Not `^((-?[0-9]+)|(-?([0-9]+)?[.][0-9]+))$`, or too long.
    Syntax,
    Currency,
    TooManyDecimals,
    DecimalsNotSupported,
    TooLarge,
}

impl Amount {
    pub fn new(currency_code: &str, minor: i64) -> Amount {
        Amount { currency_code: currency_code.to_owned(), minor }
    }

    /// Reads the two strings of a `money` object.
    pub fn parse(currency_code: &str, value: &str) -> Result<Amount, Malformed> {
        if !CURRENCIES.contains(&currency_code) {
            return Err(Malformed::Currency);
        }
        let (whole, fraction) = split(value).ok_or(Malformed::Syntax)?;
        let digits = decimals(currency_code);
        if fraction.len() > digits {
            return Err(if digits == 0 {
                Malformed::DecimalsNotSupported
            } else {
                Malformed::TooManyDecimals
            });
        }
        let text = format!("{whole}{fraction:0<digits$}");
        let minor: i64 = text.parse().map_err(|_| Malformed::TooLarge)?;
        // "Should be less than or equal to 999999999999999.99."
        if minor > 99_999_999_999_999_999 {
            return Err(Malformed::TooLarge);
        }
        Ok(Amount::new(currency_code, if value.starts_with('-') { -minor } else { minor }))
    }

    /// The `money` object.
    pub fn wire(&self) -> Value {
        json!({"currency_code": self.currency_code, "value": self.value()})
    }

    pub fn value(&self) -> String {
        let digits = decimals(&self.currency_code);
        if digits == 0 {
            return self.minor.to_string();
        }
        let sign = if self.minor < 0 { "-" } else { "" };
        let absolute = self.minor.unsigned_abs();
        format!("{sign}{}.{:02}", absolute / 100, absolute % 100)
    }

    /// The same currency, another number of minor units.
    #[must_use]
    pub fn with(&self, minor: i64) -> Amount {
        Amount::new(&self.currency_code, minor)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.value(), self.currency_code)
    }
}

fn decimals(currency_code: &str) -> usize {
    if WITHOUT_DECIMALS.contains(&currency_code) { 0 } else { 2 }
}

/// Digits before and after the point, without the sign.
fn split(value: &str) -> Option<(&str, &str)> {
    if value.len() > VALUE_CHARACTERS_MAX {
        return None;
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() && digits(whole) && digits(fraction) => {
            Some((if whole.is_empty() { "0" } else { whole }, fraction))
        }
        None if !unsigned.is_empty() && digits(unsigned) => Some((unsigned, "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_written_exactly() {
        for (value, minor) in [("12.34", 1234), ("12", 1200), (".5", 50), ("-0.01", -1)] {
            assert_eq!(Amount::parse("EUR", value).map(|amount| amount.minor), Ok(minor), "{value}");
        }
        assert_eq!(Amount::new("EUR", -1).value(), "-0.01");
        assert_eq!(Amount::new("HUF", 1990).value(), "1990");
    }

    #[test]
    fn what_paypal_refuses_is_refused() {
        assert_eq!(Amount::parse("EUR", "1."), Err(Malformed::Syntax));
        assert_eq!(Amount::parse("EUR", "1,00"), Err(Malformed::Syntax));
        assert_eq!(Amount::parse("EUR", "1.001"), Err(Malformed::TooManyDecimals));
        assert_eq!(Amount::parse("HUF", "1.5"), Err(Malformed::DecimalsNotSupported));
        assert_eq!(Amount::parse("EURO", "1.00"), Err(Malformed::Currency));
    }
}
