//! Reading one object of a request field by field, gathering what is wrong with it instead of stopping at the first.

use serde::Serialize;
use serde_json::{Map, Value};

/// A validation message as the shipping specification has it (`ValidationMessageItem`).
#[derive(Clone, Debug, Serialize)]
pub struct Message {
    pub property: String,
    #[serde(rename = "validationMessage")]
    pub text: String,
    #[serde(rename = "validationState")]
    pub state: &'static str,
}

impl Message {
    pub fn error(property: impl Into<String>, text: impl Into<String>) -> Self {
        Self { property: property.into(), text: text.into(), state: "Error" }
    }

    pub fn warning(property: impl Into<String>, text: impl Into<String>) -> Self {
        Self { property: property.into(), text: text.into(), state: "Warning" }
    }

    pub fn is_error(&self) -> bool {
        self.state == "Error"
    }
}

/// One object, its place in the request, and the names that were asked for.
pub struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    pub fn root(object: &'a Map<String, Value>) -> Self {
        Self { path: String::new(), object, asked: Vec::new() }
    }

    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    pub fn has(&self, name: &str) -> bool {
        self.object.get(name).is_some_and(|value| !value.is_null())
    }

    fn get(&mut self, name: &'static str) -> Option<&'a Value> {
        self.asked.push(name);
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// A member object; what is absent or no object is reported when it is required.
    pub fn object(
        &mut self,
        name: &'static str,
        required: bool,
        out: &mut Vec<Message>,
    ) -> Option<Fields<'a>> {
        match self.get(name) {
            Some(Value::Object(object)) => Some(Fields { path: self.path(name), object, asked: Vec::new() }),
            Some(_) => {
                out.push(Message::error(self.path(name), "must be an object"));
                None
            }
            None => {
                self.report_missing(name, required, out);
                None
            }
        }
    }

    /// A text of `shortest` to `longest` characters.
    pub fn text(
        &mut self,
        name: &'static str,
        required: bool,
        shortest: usize,
        longest: usize,
        out: &mut Vec<Message>,
    ) -> Option<String> {
        let text = match self.get(name) {
            Some(Value::String(text)) => text,
            Some(_) => {
                out.push(Message::error(self.path(name), "must be a string"));
                return None;
            }
            None => {
                self.report_missing(name, required, out);
                return None;
            }
        };
        let length = text.chars().count();
        if length < shortest {
            out.push(Message::error(self.path(name), format!("must have at least {shortest} characters")));
        } else if length > longest {
            out.push(Message::error(self.path(name), format!("must have at most {longest} characters")));
        }
        Some(text.clone())
    }

    /// A whole number; the schema's integers are never strings.
    pub fn integer(&mut self, name: &'static str, required: bool, out: &mut Vec<Message>) -> Option<i64> {
        let Some(value) = self.get(name) else {
            self.report_missing(name, required, out);
            return None;
        };
        if value.as_i64().is_none() {
            out.push(Message::error(self.path(name), "must be an integer"));
        }
        value.as_i64()
    }

    pub fn boolean(&mut self, name: &'static str, out: &mut Vec<Message>) -> Option<bool> {
        let value = self.get(name)?;
        if value.as_bool().is_none() {
            out.push(Message::error(self.path(name), "must be a boolean"));
        }
        value.as_bool()
    }

    /// A number as it was written, so that no digit is lost.
    pub fn number(&mut self, name: &'static str, out: &mut Vec<Message>) -> Option<String> {
        match self.get(name) {
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => {
                out.push(Message::error(self.path(name), "must be a number"));
                None
            }
            None => {
                self.report_missing(name, true, out);
                None
            }
        }
    }

    /// A member that this sandbox takes as it is.
    pub fn accept(&mut self, names: &[&'static str]) {
        self.asked.extend(names);
    }

    /// Warns of every name that the specification does not know: a misspelt field is otherwise lost in silence.
    pub fn finish(self, out: &mut Vec<Message>) {
        for name in self.object.keys().filter(|name| !self.asked.contains(&name.as_str())) {
            out.push(Message::warning(self.path(name), "is not a known property and was ignored"));
        }
    }

    fn report_missing(&self, name: &str, required: bool, out: &mut Vec<Message>) {
        if required {
            out.push(Message::error(self.path(name), "is required"));
        }
    }
}
