//! Typed reading of settings from a map of variables.
//!
//! Rooms read their settings from an [`Env`], so that tests never touch the process and a start can list every mistake
//! at once instead of one a try.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::sync::Mutex;

use secrecy::SecretString;

/// Variables by name, and the mistakes that were found while reading them.
#[derive(Debug, Default)]
pub struct Env {
    variables: BTreeMap<String, String>,
    mistakes: Mutex<Vec<String>>,
}

impl Env {
    /// The variables of this process. A variable `NAME_FILE` names a file that holds the value of `NAME`.
    pub fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the process's variables"
        )]
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { variables, mistakes: Mutex::default() }
    }

    /// These variables and no others.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { variables, mistakes: Mutex::default() }
    }

    /// The text of a variable, from `NAME` or from the file that `NAME_FILE` names; nothing when unset or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        if let Some(path) = self.variables.get(&format!("{name}_FILE")) {
            return match std::fs::read_to_string(path) {
                Ok(text) => Some(text.trim_end().to_owned()),
                Err(error) => {
                    self.mistake(format!("{name}_FILE: {path} can't be read: {error}"));
                    None
                }
            };
        }
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// A variable that must be there.
    pub fn required(&self, name: &str) -> String {
        self.text(name).unwrap_or_else(|| {
            self.mistake(format!("{name} is not set"));
            String::new()
        })
    }

    /// A secret that must be there; it never shows in logs.
    pub fn required_secret(&self, name: &str) -> SecretString {
        self.required(name).into()
    }

    /// A secret, when it is set.
    pub fn secret(&self, name: &str) -> Option<SecretString> {
        self.text(name).map(Into::into)
    }

    /// A variable of some type, when it is set.
    pub fn parsed<T: FromStr>(&self, name: &str, expected: &str) -> Option<T> {
        let text = self.text(name)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.mistake(format!("{name} must be {expected}"));
        }
        parsed
    }

    /// A variable of some type, or what holds when it is not set.
    pub fn parsed_or<T: FromStr>(&self, name: &str, expected: &str, otherwise: T) -> T {
        self.parsed(name, expected).unwrap_or(otherwise)
    }

    /// A number within bounds, or what holds when it is not set; out of bounds is a mistake.
    pub fn within<T>(&self, name: &str, expected: &str, bounds: RangeInclusive<T>, otherwise: T) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let value = self.parsed_or(name, expected, otherwise);
        if !bounds.contains(&value) {
            self.mistake(format!("{name} must be from {} to {}", bounds.start(), bounds.end()));
        }
        value
    }

    /// Notes a mistake; the start will list it with the others.
    pub fn mistake(&self, mistake: String) {
        self.mistakes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(mistake);
    }

    /// All mistakes found so far, in the order they were found.
    pub fn mistakes(&self) -> Vec<String> {
        self.mistakes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_listed() {
        let env = Env::from_pairs([("PORT", "many"), ("EMPTY", "")]);
        assert_eq!(env.parsed_or("PORT", "a port number", 8080_u16), 8080);
        env.required("EMPTY");
        env.text("ABSENT");
        assert_eq!(env.mistakes(), ["PORT must be a port number", "EMPTY is not set"]);
    }
}
