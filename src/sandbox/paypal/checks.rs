//! Checks of request fields against the limits of the specification.
//!
//! All mistakes of one request are collected and answered together: malformed fields as one 400, and only when there
//! are none, amounts that break a rule as one 422.

use serde_json::Value;

use super::amounts::{Amount, Malformed};
use super::errors::{Detail, Refusal};

/// The fields of one JSON object, the pointer to it, and the mistakes found so far.
#[derive(Debug)]
pub struct Checks {
    operation: &'static str,
    malformed: Vec<Detail>,
    unprocessable: Vec<Detail>,
}

impl Checks {
    pub fn new(operation: &'static str) -> Checks {
        Checks { operation, malformed: Vec::new(), unprocessable: Vec::new() }
    }

    /// The mistakes as a refusal, malformed fields first.
    pub fn finish(&self) -> Result<(), Refusal> {
        if !self.malformed.is_empty() {
            return Err(Refusal::with(self.operation, 400, &self.malformed));
        }
        if !self.unprocessable.is_empty() {
            return Err(Refusal::with(self.operation, 422, &self.unprocessable));
        }
        Ok(())
    }

    pub fn malformed(&mut self, issue: &str, pointer: &str, value: Option<&Value>) {
        self.malformed.push(Detail::field(issue, pointer, value));
    }

    pub fn unprocessable(&mut self, issue: &str, pointer: &str, value: Option<&Value>) {
        self.unprocessable.push(Detail::field(issue, pointer, value));
    }

    pub fn require(&mut self, object: &Value, pointer: &str, name: &str) {
        if object.get(name).is_none_or(Value::is_null) {
            self.malformed("MISSING_REQUIRED_PARAMETER", &format!("{pointer}/{name}"), None);
        }
    }

    /// A text of a length within limits; `None` when it isn't there or is wrong.
    pub fn text<'a>(
        &mut self,
        object: &'a Value,
        pointer: &str,
        name: &str,
        length: std::ops::RangeInclusive<usize>,
    ) -> Option<&'a str> {
        let value = object.get(name)?;
        let pointer = format!("{pointer}/{name}");
        let Some(text) = value.as_str() else {
            self.malformed("INVALID_PARAMETER_SYNTAX", &pointer, Some(value));
            return None;
        };
        if !length.contains(&text.chars().count()) {
            self.malformed("INVALID_STRING_LENGTH", &pointer, Some(value));
            return None;
        }
        Some(text)
    }

    /// A text whose characters are all allowed.
    pub fn pattern(
        &mut self,
        object: &Value,
        pointer: &str,
        name: &str,
        length: std::ops::RangeInclusive<usize>,
        allowed: fn(char) -> bool,
    ) {
        if let Some(text) = self.text(object, pointer, name, length)
            && !text.chars().all(allowed)
        {
            self.malformed("INVALID_PARAMETER_SYNTAX", &format!("{pointer}/{name}"), object.get(name));
        }
    }

    /// One of a list of words.
    pub fn word<'a>(
        &mut self,
        object: &'a Value,
        pointer: &str,
        name: &str,
        words: &[&str],
    ) -> Option<&'a str> {
        let value = object.get(name)?;
        match value.as_str() {
            Some(word) if words.contains(&word) => Some(word),
            _ => {
                self.malformed("INVALID_PARAMETER_VALUE", &format!("{pointer}/{name}"), Some(value));
                None
            }
        }
    }

    pub fn flag(&mut self, object: &Value, pointer: &str, name: &str) -> Option<bool> {
        let value = object.get(name)?;
        if !value.is_boolean() {
            self.malformed("INVALID_PARAMETER_SYNTAX", &format!("{pointer}/{name}"), Some(value));
        }
        value.as_bool()
    }

    pub fn web_address(&mut self, object: &Value, pointer: &str, name: &str) -> Option<String> {
        /// Longest address in the vault specification.
        const ADDRESS_CHARACTERS_MAX: usize = 4000;
        let text = self.text(object, pointer, name, 1..=ADDRESS_CHARACTERS_MAX)?;
        if url::Url::parse(text).is_err() {
            self.malformed("INVALID_PARAMETER_SYNTAX", &format!("{pointer}/{name}"), object.get(name));
            return None;
        }
        Some(text.to_owned())
    }

    /// A `money` object of at least `minor_min` minor units.
    pub fn money(&mut self, object: &Value, pointer: &str, name: &str, minor_min: i64) -> Option<Amount> {
        let money = object.get(name)?;
        let pointer = format!("{pointer}/{name}");
        self.require(money, &pointer, "currency_code");
        self.require(money, &pointer, "value");
        let currency_code = self.text(money, &pointer, "currency_code", 3..=3)?;
        let value = self.text(money, &pointer, "value", 1..=32)?;
        let at = format!("{pointer}/value");
        let shown = money.get("value");
        match Amount::parse(currency_code, value) {
            Ok(amount) if amount.minor < minor_min => {
                let issue = if minor_min > 0 { "CANNOT_BE_ZERO_OR_NEGATIVE" } else { "CANNOT_BE_NEGATIVE" };
                self.unprocessable(issue, &at, shown);
                None
            }
            Ok(amount) => Some(amount),
            Err(malformed) => {
                match malformed {
                    Malformed::Syntax => self.malformed("INVALID_PARAMETER_SYNTAX", &at, shown),
                    Malformed::Currency => {
                        let at = format!("{pointer}/currency_code");
                        self.unprocessable("INVALID_CURRENCY_CODE", &at, money.get("currency_code"));
                    }
                    Malformed::TooManyDecimals => self.unprocessable("DECIMAL_PRECISION", &at, shown),
                    Malformed::DecimalsNotSupported => {
                        // Creating an order lists one issue for both mistakes.
                        let issue = if self.operation.starts_with("orders.") {
                            "DECIMAL_PRECISION"
                        } else {
                            "DECIMALS_NOT_SUPPORTED"
                        };
                        self.unprocessable(issue, &at, shown);
                    }
                    Malformed::TooLarge => self.unprocessable("MAX_VALUE_EXCEEDED", &at, shown),
                }
                None
            }
        }
    }
}
