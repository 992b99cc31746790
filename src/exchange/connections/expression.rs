//! One field of ours out of what a system sent: `gross_price_used : money`, `code|id`, `=0001`.
//!
//! A source is a path (`account_category.name`; `each.code` for an item of the row's list), several with `|` between them,
//! of which the first that says something counts, or `=` and a text of its own. Steps follow after ` : `, in order:
//! `money` (major units to minor ones), `percent` (a fraction to percent), `times N` (to a whole number), `number`, `flag`,
//! `not`, `list NAME` (one of the file's lists) and `list? NAME` (nothing for what the list does not have).

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::exchange::node::Node;

/// The file's lists, by name: a system's word to ours.
pub type Lists = BTreeMap<String, BTreeMap<String, String>>;

/// The way to a value in a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// Whether it begins at the item of the row's list, not at the record.
    pub of_item: bool,
    parts: Vec<String>,
}

/// What was found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Value(&'a Node),
    Nothing,
    /// The record does not even have the field.
    Absent,
    /// More than one, where one is needed.
    Several,
}

impl FromStr for Path {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (of_item, rest) = text.strip_prefix("each.").map_or((false, text), |rest| (true, rest));
        let parts: Vec<String> = rest.split('.').map(str::to_owned).collect();
        let is_name = |part: &String| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-@".contains(&byte))
        };
        if parts.iter().all(is_name) {
            Ok(Self { of_item, parts })
        } else {
            Err(format!("{text:?} is no path such as account_category.name"))
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let each = if self.of_item { "each." } else { "" };
        write!(formatter, "{each}{}", self.parts.join("."))
    }
}

impl Path {
    /// The field of the record that it needs; `list` is where the items of the row are.
    pub(super) fn field(&self, list: Option<&Self>) -> String {
        match list {
            Some(list) if self.of_item => format!("{}.{}", list.parts.join("."), self.parts.join(".")),
            _ => self.parts.join("."),
        }
    }

    /// The value; lists on the way are entered.
    pub(super) fn find<'a>(&self, record: &'a Node, item: Option<&'a Node>) -> Found<'a> {
        let mut at = vec![if self.of_item { item.unwrap_or(&Node::Null) } else { record }];
        for (depth, part) in self.parts.iter().enumerate() {
            let mut next = Vec::new();
            for node in at.iter().flat_map(|node| flat(node)) {
                match node {
                    Node::Object(fields) => match fields.get(part) {
                        Some(value) => next.push(value),
                        None => return Found::Absent,
                    },
                    Node::Null => {}
                    // A plain value where an object was: the schema is another.
                    _ if depth > 0 => return Found::Absent,
                    _ => {}
                }
            }
            at = next;
        }
        let values: Vec<&Node> = match &at[..] {
            // Asked for as a whole.
            [one @ Node::List(_)] => vec![one],
            many => many.iter().copied().filter(|node| **node != Node::Null).collect(),
        };
        match &values[..] {
            [] => Found::Nothing,
            [first, rest @ ..] if rest.iter().all(|other| other == first) => Found::Value(first),
            _ => Found::Several,
        }
    }
}

fn flat(node: &Node) -> Vec<&Node> {
    if let Node::List(items) = node { items.iter().collect() } else { vec![node] }
}

/// Why a field got no value of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The system sends no such field: a fault of the schema when no record has it.
    Absent(String),
    /// It sends something of another kind.
    Kind { path: String, found: &'static str },
    /// The value is of the right kind and can't be brought to ours; it is handed on as it is, so that the row is kept aside
    /// with it.
    Value(String),
}

#[derive(Clone, Debug)]
enum Step {
    Money(u32),
    Percent,
    Times(Decimal),
    Number,
    Flag,
    Not,
    List { of: BTreeMap<String, String>, is_optional: bool },
}

/// An expression of the file, ready to be used.
#[derive(Clone, Debug)]
pub struct Expression {
    /// As the file has it, for people.
    pub(super) text: String,
    sources: Vec<Source>,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Source {
    Path(Path),
    Text(String),
}

impl Expression {
    /// Reads an expression; `digits` are those of the connection's currency.
    pub(super) fn read(text: &str, lists: &Lists, digits: u32) -> Result<Self, String> {
        let mut parts = text.split(" : ").map(str::trim);
        let source = parts.next().unwrap_or_default();
        let sources = if source.starts_with('=') {
            vec![Source::Text(source.trim_start_matches('=').to_owned())]
        } else {
            let each = source.split('|').map(str::trim).map(|each| match each.strip_prefix('=') {
                Some(text) => Ok(Source::Text(text.to_owned())),
                None => each.parse().map(Source::Path),
            });
            each.collect::<Result<_, String>>()?
        };
        let steps = parts.map(|step| Self::step(step, lists, digits)).collect::<Result<_, String>>()?;
        Ok(Self { text: text.to_owned(), sources, steps })
    }

    fn step(text: &str, lists: &Lists, digits: u32) -> Result<Step, String> {
        let list = |name: &str, is_optional| {
            let of = lists.get(name).cloned().ok_or_else(|| format!("there is no list {name}"))?;
            Ok(Step::List { of, is_optional })
        };
        match text.split_once(' ').unwrap_or((text, "")) {
            ("money", "") => Ok(Step::Money(digits)),
            ("percent", "") => Ok(Step::Percent),
            ("number", "") => Ok(Step::Number),
            ("flag", "") => Ok(Step::Flag),
            ("not", "") => Ok(Step::Not),
            ("times", factor) => match Decimal::from_str_exact(factor) {
                Ok(factor) if factor > Decimal::ZERO => Ok(Step::Times(factor)),
                _ => Err(format!("times needs a number above 0, not {factor:?}")),
            },
            ("list", name) => list(name, false),
            ("list?", name) => list(name, true),
            _ => Err(format!(
                "{text:?} is no step: money, percent, number, times N, flag, not, list NAME or list? NAME"
            )),
        }
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.sources.iter().filter_map(|source| match source {
            Source::Path(path) => Some(path),
            Source::Text(_) => None,
        })
    }

    /// The value for a record, or for an item of a list of it; nothing when the system says nothing.
    pub(super) fn value(&self, record: &Node, item: Option<&Node>) -> Result<Option<Value>, Fault> {
        let mut at = (String::new(), Node::Null);
        for source in &self.sources {
            let path = match source {
                Source::Text(text) => {
                    at = (String::new(), Node::Text(text.clone()));
                    break;
                }
                Source::Path(path) => path,
            };
            match path.find(record, item) {
                Found::Value(node) => {
                    at = (path.to_string(), node.clone());
                    if node.text() != Some("") {
                        break;
                    }
                }
                Found::Nothing => {}
                Found::Absent => return Err(Fault::Absent(path.to_string())),
                Found::Several => return Err(Fault::Value(format!("several values of {path}"))),
            }
        }
        let (path, mut node) = at;
        if node == Node::Null || node.text() == Some("") {
            return Ok(None);
        }
        let raw = match node.text() {
            Some(text) => text.to_owned(),
            None => return Err(Fault::Kind { path, found: node.kind() }),
        };
        let mut value = Value::String(raw.trim().to_owned());
        for step in &self.steps {
            match apply(step, &node) {
                Ok(Some((next, made))) => (node, value) = (next, made),
                Ok(None) => return Ok(None),
                Err(Wrong::Kind) => return Err(Fault::Kind { path, found: node.kind() }),
                Err(Wrong::Value) => return Err(Fault::Value(raw)),
            }
        }
        Ok(Some(value))
    }
}

enum Wrong {
    Kind,
    Value,
}

/// The value after a step, for the next step and for the row.
fn apply(step: &Step, node: &Node) -> Result<Option<(Node, Value)>, Wrong> {
    let text = node.text().ok_or(Wrong::Kind)?.trim();
    let decimal = || match node {
        Node::Bool(_) => Err(Wrong::Kind),
        _ => number(text).ok_or(if matches!(node, Node::Text(_)) { Wrong::Kind } else { Wrong::Value }),
    };
    let whole = |number: Decimal| {
        let number = number.normalize();
        let whole = i64::try_from(number).ok().filter(|_| number.scale() == 0).ok_or(Wrong::Value)?;
        Ok(Some((Node::Number(whole.to_string()), Value::from(whole))))
    };
    let scaled = |factor: Decimal| decimal()?.checked_mul(factor).ok_or(Wrong::Value);
    let flag = |is_so: bool| Ok(Some((Node::Bool(is_so), Value::Bool(is_so))));
    match step {
        Step::Money(digits) => whole(scaled(Decimal::from(10_i64.pow(*digits)))?),
        Step::Times(factor) => whole(scaled(*factor)?),
        Step::Percent => {
            let percent = scaled(Decimal::ONE_HUNDRED)?.normalize().to_string();
            Ok(Some((Node::Number(percent.clone()), Value::String(percent))))
        }
        Step::Number => {
            let number = decimal()?.normalize().to_string();
            Ok(Some((Node::Number(number.clone()), Value::String(number))))
        }
        Step::Flag => flag(truth(node).ok_or(Wrong::Kind)?),
        Step::Not => flag(!truth(node).ok_or(Wrong::Kind)?),
        Step::List { of, is_optional } => match of.get(text) {
            Some(ours) => Ok(Some((Node::Text(ours.clone()), Value::String(ours.clone())))),
            None if *is_optional => Ok(None),
            None => Err(Wrong::Value),
        },
    }
}

/// A decimal as systems write it, with or without an exponent.
fn number(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok().or_else(|| Decimal::from_scientific(text).ok())
}

/// What a flag says; databases without a boolean send 1 and 0.
pub(super) fn truth(node: &Node) -> Option<bool> {
    match node {
        Node::Bool(is_so) => Some(*is_so),
        other => match other.text()? {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
    }
}

/// A condition: the value at a path is one of these; nothing is the empty text.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) path: Path,
    pub(super) values: BTreeSet<String>,
}

impl Condition {
    pub(super) fn holds(&self, record: &Node, item: Option<&Node>) -> Result<bool, Fault> {
        match self.path.find(record, item) {
            Found::Value(node) => {
                let found = Fault::Kind { path: self.path.to_string(), found: node.kind() };
                Ok(self.values.contains(node.text().ok_or(found)?))
            }
            Found::Nothing => Ok(self.values.contains("")),
            Found::Absent => Err(Fault::Absent(self.path.to_string())),
            Found::Several => Err(Fault::Value(format!("several values of {}", self.path))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(expression: &str, record: &str) -> Result<Option<Value>, Fault> {
        let units = BTreeMap::from([("kg".to_owned(), "gram".to_owned())]);
        let lists = BTreeMap::from([("units".to_owned(), units)]);
        let expression = Expression::read(expression, &lists, 2).expect("an expression");
        expression.value(&Node::parse(record.as_bytes()).expect("JSON"), None)
    }

    #[test]
    fn money_is_exact_or_refused_with_what_was_sent() {
        assert_eq!(value("p : money", r#"{"p": "0.8700"}"#), Ok(Some(json!(87))));
        assert_eq!(value("p : money", r#"{"p": 1e1}"#), Ok(Some(json!(1000))));
        assert_eq!(
            value("p : money", r#"{"p": 1.3411764705882352}"#),
            Err(Fault::Value("1.3411764705882352".into()))
        );
        assert_eq!(value("p : money", r#"{"p": null}"#), Ok(None));
        let kind = Fault::Kind { path: "p".into(), found: "a boolean" };
        assert_eq!(value("p : money", r#"{"p": true}"#), Err(kind));
        assert_eq!(value("p : money", r#"{"q": 1}"#), Err(Fault::Absent("p".into())));
        assert_eq!(value("p : percent", r#"{"p": "0.07"}"#), Ok(Some(json!("7"))));
        assert_eq!(value("p : times 1000", r#"{"p": 0.534}"#), Ok(Some(json!(534))));
        assert_eq!(value("p : times 1", r#"{"p": 34.0}"#), Ok(Some(json!(34))));
    }

    #[test]
    fn a_path_enters_lists_and_needs_one_answer() {
        let record =
            r#"{"c": {"taxes": [{"id": 1}, {"id": 1}]}, "d": [{"id": 1}, {"id": 2}], "n": null, "u": "kg"}"#;
        assert_eq!(value("c.taxes.id", record), Ok(Some(json!("1"))));
        assert!(matches!(value("d.id", record), Err(Fault::Value(_))));
        assert_eq!(value("n.name|u", record), Ok(Some(json!("kg"))));
        assert_eq!(value("n|=none", record), Ok(Some(json!("none"))));
        assert_eq!(value("u : list units", record), Ok(Some(json!("gram"))));
        assert_eq!(value("=st : list? units", record), Ok(None));
        assert_eq!(value("=st : list units", record), Err(Fault::Value("st".into())));
    }

    #[test]
    fn what_can_not_be_read_is_told() {
        for wrong in ["", "a b", "a : round", "a : list unknown", "a : times 0", "a : times x"] {
            assert!(Expression::read(wrong, &Lists::new(), 2).is_err(), "{wrong}");
        }
    }
}
