//! What a request's fields may be, as tables, and the check of a body against one.
//!
//! A table names every field of its object in the specification. A field that isn't in the table is refused, and so is
//! one that the partner alone sets: the partner may ignore both, but here a misspelt field shall not go unseen.

use serde_json::Value;

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Characters, from and to.
    Text(usize, usize),
    /// A text of a form of its own.
    Shape(fn(&str) -> bool),
    /// A whole number, from and to.
    Whole(i64, i64),
    Flag,
    Word(&'static [&'static str]),
    Object(&'static [Field]),
    /// Items from and to, and what each is.
    List(usize, usize, &'static Kind),
    /// Set by the partner, never by its customer.
    ReadOnly,
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    name: &'static str,
    required: bool,
    kind: Kind,
}

impl Field {
    #[must_use]
    pub const fn required(self) -> Field {
        Field { required: true, ..self }
    }
}

pub const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, required: false, kind }
}

pub const fn text(name: &'static str, max: usize) -> Field {
    field(name, Kind::Text(0, max))
}

pub const fn whole(name: &'static str, min: i64, max: i64) -> Field {
    field(name, Kind::Whole(min, max))
}

pub const fn words(name: &'static str, words: &'static [&'static str]) -> Field {
    field(name, Kind::Word(words))
}

pub const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    field(name, Kind::Object(fields))
}

pub const fn shape(name: &'static str, shape: fn(&str) -> bool) -> Field {
    field(name, Kind::Shape(shape))
}

pub const fn read_only(name: &'static str) -> Field {
    field(name, Kind::ReadOnly)
}

/// Every field that is wrong, by its path (`order_lines[0].name`) and with the reason.
pub fn mistakes(body: &Value, table: &[Field]) -> Vec<String> {
    let mut found = Vec::new();
    check_object(body, table, "", &mut found);
    found
}

fn check_object(value: &Value, table: &[Field], path: &str, found: &mut Vec<String>) {
    let Some(fields) = value.as_object() else {
        found.push(format!("{path} has to be an object"));
        return;
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for field in table.iter().filter(|field| field.required && !fields.contains_key(field.name)) {
        found.push(format!("{} is required", below(field.name)));
    }
    for (name, value) in fields {
        match table.iter().find(|field| field.name == name) {
            Some(field) => check(value, field.kind, &below(name), found),
            None => found.push(format!("{} is not a field", below(name))),
        }
    }
}

fn check(value: &Value, kind: Kind, path: &str, found: &mut Vec<String>) {
    let complaint = match kind {
        Kind::Text(min, max) => value
            .as_str()
            .is_none_or(|text| !(min..=max).contains(&text.chars().count()))
            .then(|| format!("has to be a text of {min} to {max} characters")),
        Kind::Shape(fits) => {
            value.as_str().is_none_or(|text| !fits(text)).then(|| "has not its form".to_owned())
        }
        Kind::Whole(min, max) => value
            .as_i64()
            .is_none_or(|number| !(min..=max).contains(&number))
            .then(|| format!("has to be a whole number from {min} to {max}")),
        Kind::Flag => (!value.is_boolean()).then(|| "has to be true or false".to_owned()),
        Kind::Word(words) => value
            .as_str()
            .is_none_or(|word| !words.contains(&word))
            .then(|| format!("has to be one of {}", words.join(", "))),
        Kind::ReadOnly => Some("is set by us alone".to_owned()),
        Kind::Object(table) => {
            check_object(value, table, path, found);
            None
        }
        Kind::List(min, max, each) => check_list(value, min..=max, *each, path, found),
    };
    found.extend(complaint.map(|complaint| format!("{path} {complaint}")));
}

fn check_list(
    value: &Value,
    lengths: std::ops::RangeInclusive<usize>,
    each: Kind,
    path: &str,
    found: &mut Vec<String>,
) -> Option<String> {
    let Some(items) = value.as_array().filter(|items| lengths.contains(&items.len())) else {
        return Some(format!("has to be a list of {} to {} items", lengths.start(), lengths.end()));
    };
    for (index, item) in items.iter().enumerate() {
        check(item, each, &format!("{path}[{index}]"), found);
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const INNER: &[Field] = &[text("name", 3).required()];
    const EACH: Kind = Kind::Object(INNER);
    const TABLE: &[Field] =
        &[whole("amount", 1, 9).required(), field("lines", Kind::List(1, 2, &EACH)), read_only("status")];

    #[test]
    fn every_wrong_field_is_named_by_its_path() {
        assert_eq!(mistakes(&json!({"amount": 1, "lines": [{"name": "abc"}]}), TABLE), [""; 0]);
        let wrong = json!({"lines": [{"name": "abcd"}, {"nam": "a"}], "status": "x"});
        let found = mistakes(&wrong, TABLE);
        let paths: Vec<&str> = found.iter().filter_map(|each| each.split(' ').next()).collect();
        assert_eq!(paths, ["amount", "lines[0].name", "lines[1].name", "lines[1].nam", "status"]);
        assert_eq!(mistakes(&json!({"amount": 1.0}), TABLE).len(), 1, "a fraction is no whole number");
        assert_eq!(mistakes(&json!({"amount": 1, "lines": []}), TABLE).len(), 1);
    }
}
