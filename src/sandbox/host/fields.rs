//! Reading a JSON object field by field, gathering what is wrong with it. A name that nobody asked for is wrong too.

use std::cell::RefCell;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Missing,
    /// It has to be another kind of value, such as "a text".
    Kind(&'static str),
    /// More than so many characters, elements or digits.
    TooLong(usize),
    /// A value that isn't allowed, with the reason.
    Value(String),
    /// No field of this name is known.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Names joined with full stops, positions in brackets: `Shipment.ShipmentUnit[0].Weight`.
    pub path: String,
    pub what: What,
}

/// Everything that was found wrong with one request, in the order of reading.
#[derive(Debug, Default)]
pub struct Report(RefCell<Vec<Wrong>>);

impl Report {
    pub fn add(&self, path: impl Into<String>, what: What) {
        self.0.borrow_mut().push(Wrong { path: path.into(), what });
    }

    pub fn into_list(self) -> Vec<Wrong> {
        self.0.into_inner()
    }

    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
}

/// One object. When it is let go, the names that were not asked for are reported.
pub struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
    asked: RefCell<Vec<&'static str>>,
    report: &'a Report,
}

impl<'a> Fields<'a> {
    /// The whole body; `None`, and reported, when it is no object.
    pub fn root(value: &'a Value, report: &'a Report) -> Option<Self> {
        Self::of("", value, report)
    }

    fn of(path: &str, value: &'a Value, report: &'a Report) -> Option<Self> {
        let Some(object) = value.as_object() else {
            report.add(path, What::Kind("an object"));
            return None;
        };
        Some(Self { path: path.to_owned(), object, asked: RefCell::default(), report })
    }

    pub fn at(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Reports a mistake that only the partner's rules know.
    pub fn wrong(&self, name: &str, what: What) {
        self.report.add(self.at(name), what);
    }

    /// Whether there is anything under this name.
    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    /// The value; null is as good as nothing.
    pub fn get(&self, name: &'static str) -> Option<&'a Value> {
        self.asked.borrow_mut().push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Names that are known and taken as they are.
    pub fn known(&self, names: &[&'static str]) {
        self.asked.borrow_mut().extend(names);
    }

    /// Reports the field when it isn't there, or is a text of nothing.
    pub fn need<T>(&self, name: &str, value: Option<T>) -> Option<T> {
        let is_blank =
            |given: &Value| given.is_null() || given.as_str().is_some_and(|text| text.trim().is_empty());
        if self.object.get(name).is_none_or(is_blank) {
            self.wrong(name, What::Missing);
        }
        value
    }

    pub fn object(&self, name: &'static str) -> Option<Fields<'a>> {
        Self::of(&self.at(name), self.get(name)?, self.report)
    }

    /// The elements of a list, each an object.
    pub fn objects(&self, name: &'static str, longest: usize) -> Vec<Fields<'a>> {
        let path = self.at(name);
        self.list(name, longest)
            .iter()
            .enumerate()
            .filter_map(|(index, value)| Self::of(&format!("{path}[{index}]"), value, self.report))
            .collect()
    }

    pub fn list(&self, name: &'static str, longest: usize) -> &'a [Value] {
        match self.get(name) {
            Some(Value::Array(list)) => {
                if list.len() > longest {
                    self.wrong(name, What::TooLong(longest));
                }
                list
            }
            Some(_) => {
                self.wrong(name, What::Kind("a list"));
                &[]
            }
            None => &[],
        }
    }

    /// A text of at most so many characters; an empty one is as good as nothing.
    pub fn text(&self, name: &'static str, longest: usize) -> Option<&'a str> {
        let Value::String(text) = self.get(name)? else {
            self.wrong(name, What::Kind("a text"));
            return None;
        };
        if text.chars().count() > longest {
            self.wrong(name, What::TooLong(longest));
        }
        Some(text.as_str()).filter(|text| !text.trim().is_empty())
    }

    /// A text that has to be there.
    pub fn needed_text(&self, name: &'static str, longest: usize) -> String {
        self.need(name, self.text(name, longest)).unwrap_or_default().to_owned()
    }

    /// The texts of a list.
    pub fn texts(&self, name: &'static str, most: usize, longest: usize) -> Vec<String> {
        let mut texts = Vec::new();
        for value in self.list(name, most) {
            match value.as_str() {
                Some(text) if text.chars().count() > longest => self.wrong(name, What::TooLong(longest)),
                Some(text) => texts.push(text.to_owned()),
                None => self.wrong(name, What::Kind("a list of texts")),
            }
        }
        texts
    }

    /// One of a few words.
    pub fn word(&self, name: &'static str, allowed: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name, usize::MAX)?;
        let found = allowed.iter().find(|word| **word == text).copied();
        if found.is_none() {
            self.wrong(name, What::Value(format!("has to be one of {}", allowed.join(", "))));
        }
        found
    }

    pub fn integer(&self, name: &'static str) -> Option<i64> {
        let value = self.get(name)?;
        if value.as_i64().is_none() {
            self.wrong(name, What::Kind("a whole number"));
        }
        value.as_i64()
    }

    pub fn boolean(&self, name: &'static str) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            self.wrong(name, What::Kind("true or false"));
        }
        value.as_bool()
    }

    /// A number, exact as it was written.
    pub fn decimal(&self, name: &'static str) -> Option<Decimal> {
        let number = match self.get(name)? {
            Value::Number(number) => Decimal::from_str(&number.to_string()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.wrong(name, What::Kind("a number"));
        }
        number
    }
}

impl Drop for Fields<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for name in self.object.keys().filter(|name| !asked.contains(&name.as_str())) {
            self.report.add(self.at(name), What::Unknown);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_is_named_with_its_place_and_so_is_what_nobody_knows() {
        let body = json!({"a": {"b": 1, "x": 2}, "list": [{"c": "long text"}, 3]});
        let report = Report::default();
        {
            let root = Fields::root(&body, &report).unwrap();
            let inner = root.object("a").unwrap();
            assert_eq!(inner.needed_text("b", 9), "");
            assert_eq!(inner.needed_text("d", 9), "");
            let list = root.objects("list", 5);
            assert_eq!(list[0].text("c", 4), Some("long text"));
        }
        let found: Vec<(String, What)> =
            report.into_list().into_iter().map(|wrong| (wrong.path, wrong.what)).collect();
        let expected = [
            ("a.b", What::Kind("a text")),
            ("a.d", What::Missing),
            ("list[1]", What::Kind("an object")),
            ("list[0].c", What::TooLong(4)),
            ("a.x", What::Unknown),
        ];
        assert_eq!(found, expected.map(|(path, what)| (path.to_owned(), what)));
    }
}
