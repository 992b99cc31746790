//! Field names that a schema doesn't know.
//!
//! All schemas that apply at one place of a value are walked together, so that a name is known when any branch of
//! `allOf`, `anyOf`, `oneOf` or `$ref` has it. A place is open, and its names go unchecked, when no branch names any
//! property or when one allows additional properties in so many words.

use serde_json::Value;

use super::document::resolve;

/// JSON pointers of all fields whose names are unknown; what is below an unknown field isn't looked at.
pub fn unknown(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(root, &[schema], value, "", &mut found);
    found
}

/// Whether a pointer ends as `end` does, array positions being `*` there.
pub fn matches(pointer: &str, end: &str) -> bool {
    let general: Vec<&str> = pointer
        .split('/')
        .map(
            |part| {
                if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) { "*" } else { part }
            },
        )
        .collect();
    general.join("/").ends_with(end)
}

fn walk(root: &Value, schemas: &[&Value], value: &Value, pointer: &str, found: &mut Vec<String>) {
    let mut branches = Vec::new();
    for schema in schemas {
        flatten(root, schema, 0, &mut branches);
    }
    match value {
        Value::Object(fields) => {
            let named = branches.iter().any(|branch| branch["properties"].is_object());
            let additional: Vec<&Value> = branches
                .iter()
                .filter_map(|branch| branch.get("additionalProperties"))
                .filter(|additional| **additional != Value::Bool(false))
                .collect();
            for (name, field) in fields {
                let pointer = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                let known: Vec<&Value> =
                    branches.iter().filter_map(|branch| branch["properties"].get(name)).collect();
                if !known.is_empty() {
                    walk(root, &known, field, &pointer, found);
                } else if !additional.is_empty() {
                    walk(root, &additional, field, &pointer, found);
                } else if named {
                    found.push(pointer);
                }
            }
        }
        Value::Array(items) => {
            let schemas: Vec<&Value> = branches.iter().filter_map(|branch| branch.get("items")).collect();
            for (index, item) in items.iter().enumerate() {
                walk(root, &schemas, item, &format!("{pointer}/{index}"), found);
            }
        }
        _ => {}
    }
}

fn flatten<'a>(root: &'a Value, schema: &'a Value, depth: usize, branches: &mut Vec<&'a Value>) {
    const BRANCH_DEPTH_MAX: usize = 16;
    if depth > BRANCH_DEPTH_MAX {
        return;
    }
    let schema = resolve(root, schema);
    branches.push(schema);
    for word in ["allOf", "anyOf", "oneOf"] {
        for branch in schema[word].as_array().into_iter().flatten() {
            flatten(root, branch, depth + 1, branches);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn schema() -> Value {
        json!({"components": {"schemas": {"name": {"properties": {"given": {"type": "string"}}}}}})
    }

    #[test]
    fn a_misspelt_field_is_found_below_references_and_lists() {
        let root = schema();
        let people =
            json!({"properties": {"people": {"items": {"allOf": [{"$ref": "#/components/schemas/name"}]}}}});
        let value = json!({"people": [{"given": "A"}, {"givn": "B"}]});
        assert_eq!(unknown(&root, &people, &value), ["/people/1/givn"]);
    }

    #[test]
    fn a_map_with_any_names_is_open() {
        let root = schema();
        let map = json!({"additionalProperties": {"$ref": "#/components/schemas/name"}});
        assert_eq!(unknown(&root, &map, &json!({"x": {"given": "A", "b": 1}})), ["/x/b"]);
    }

    #[test]
    fn array_positions_are_stars_in_allowed_fields() {
        assert!(matches("/units/12/extra", "/units/*/extra"));
        assert!(!matches("/units/12/other", "/units/*/extra"));
    }
}
