//! What a system sent, as it was written: numbers stay text, so that no amount ever passes through a binary float.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Levels that an answer may nest: records of back offices have four or five.
const DEPTH_MAX: u32 = 32;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it was written.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// An object.
    Object(BTreeMap<String, Node>),
}

impl Node {
    /// Reads a whole JSON text.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        Self::of(serde_json::from_slice(bytes)?, 0)
    }

    fn of(raw: &RawValue, depth: u32) -> Result<Self, serde_json::Error> {
        if depth > DEPTH_MAX {
            return Err(serde::de::Error::custom("the answer nests too deeply"));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'{') => {
                let fields: BTreeMap<String, &RawValue> = serde_json::from_str(text)?;
                let fields = fields.into_iter().map(|(name, raw)| Ok((name, Self::of(raw, depth + 1)?)));
                Self::Object(fields.collect::<Result<_, serde_json::Error>>()?)
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|raw| Self::of(raw, depth + 1));
                Self::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Text(String::deserialize(raw)?),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'n') => Self::Null,
            _ => Self::Number(text.to_owned()),
        })
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        if let Self::Object(fields) = self { fields.get(name) } else { None }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// A scalar as text.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Number(text) => Some(text),
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// What kind of value it is, for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_they_were_written() {
        let node =
            Node::parse(br#"{"amount": 1.3411764705882352, "pieces": [34.0, -2e3], "name": "a\u00e9"}"#)
                .expect("JSON");
        assert_eq!(node.get("amount"), Some(&Node::Number("1.3411764705882352".to_owned())));
        assert_eq!(node.get("pieces").expect("a list").items()[0].text(), Some("34.0"));
        assert_eq!(node.get("name").and_then(Node::text), Some("aé"));
        assert!(Node::parse(b"[1, 2").is_err(), "half an answer is none");
        assert!(Node::parse("[".repeat(40).as_bytes()).is_err());
    }
}
