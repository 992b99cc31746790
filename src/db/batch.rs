//! Many rows bound as one text, which a statement reads with `json_each($1)`.

use serde::Serialize;

use super::Error;

/// Rows as one JSON text.
pub fn rows<T: Serialize + ?Sized>(rows: &T) -> Result<String, Error> {
    serde_json::to_string(rows).map_err(|error| Error::Encode(error.into()))
}

/// Keys as rows of one member, for `… IN (SELECT value ->> 'key' FROM json_each($1))`.
pub fn keys<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Row<'a> {
        key: &'a str,
    }
    rows(&keys.into_iter().map(|key| Row { key }).collect::<Vec<_>>())
}
