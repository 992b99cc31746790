//! Rows turned into columns: what stands in one column is alike, and what is alike compresses well.
//!
//! A column is `{"of": [values]}`, or `{"words": [values], "is": [places among the words]}` where few values repeat; a
//! column that not every row has says in `at` which rows it is for, as the first place and the steps to the next ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;

/// A column whose values are so many times fewer than its rows is written as words.
const ROWS_PER_WORD_MIN: usize = 3;

/// One row: its members by name, each as JSON.
pub(super) type Row<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

#[derive(Debug, Default)]
struct Column<'a> {
    places: Vec<usize>,
    values: Vec<&'a str>,
}

/// Writes rows as an object of columns.
pub(super) fn write(out: &mut Vec<u8>, rows: &[Row<'_>]) {
    let mut columns: BTreeMap<&str, Column<'_>> = BTreeMap::new();
    for (place, row) in rows.iter().enumerate() {
        for (name, value) in row {
            let column = columns.entry(name).or_default();
            column.places.push(place);
            column.values.push(value);
        }
    }
    out.push(b'{');
    for (index, (name, column)) in columns.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        // Writing to a Vec can't fail.
        let _ = serde_json::to_writer(&mut *out, name);
        out.extend_from_slice(b":{");
        if column.places.len() < rows.len() {
            out.extend_from_slice(b"\"at\":");
            steps(out, column.places.iter().map(|place| number(*place)));
            out.push(b',');
        }
        column.write(out);
        out.push(b'}');
    }
    out.push(b'}');
}

impl Column<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut places: HashMap<&str, i64> = HashMap::new();
        let mut words = Vec::new();
        let mut is = Vec::with_capacity(self.values.len());
        for value in &self.values {
            let place = *places.entry(value).or_insert_with(|| {
                words.push(*value);
                number(words.len() - 1)
            });
            is.push(place);
        }
        if words.len() * ROWS_PER_WORD_MIN > self.values.len() {
            out.extend_from_slice(b"\"of\":");
            list(out, &self.values);
            return;
        }
        out.extend_from_slice(b"\"words\":");
        list(out, &words);
        out.extend_from_slice(b",\"is\":");
        numbers(out, is.into_iter());
    }
}

fn list(out: &mut Vec<u8>, values: &[&str]) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b']');
}

/// Whole numbers as a JSON array.
pub(super) fn numbers(out: &mut Vec<u8>, numbers: impl Iterator<Item = i64>) {
    out.push(b'[');
    for (index, number) in numbers.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let _ = write!(out, "{number}");
    }
    out.push(b']');
}

/// Whole numbers as a JSON array of the first one and the steps to each next one.
pub(super) fn steps(out: &mut Vec<u8>, values: impl Iterator<Item = i64>) {
    let mut before = 0;
    numbers(out, values.map(|value| value - std::mem::replace(&mut before, value)));
}

/// A place as a number of the document.
pub(super) fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(members: &[(&'static str, &'static str)]) -> Row<'static> {
        members.iter().map(|(name, value)| (Cow::Borrowed(*name), Cow::Borrowed(*value))).collect()
    }

    #[test]
    fn what_repeats_is_written_once_and_what_few_rows_have_says_whose_it_is() {
        let mut rows: Vec<Row<'_>> = vec![row(&[("brand", "\"A\""), ("name", "1")]); 3];
        rows.push(row(&[("brand", "\"A\""), ("name", "2"), ("age", "18")]));
        let mut out = Vec::new();
        write(&mut out, &rows);
        let expected = "{\"age\":{\"at\":[3],\"of\":[18]},\"brand\":{\"words\":[\"A\"],\"is\":[0,0,0,0]},\
             \"name\":{\"of\":[1,1,1,2]}}";
        assert_eq!(String::from_utf8_lossy(&out), expected);
    }

    #[test]
    fn steps_add_up_to_the_numbers() {
        let mut out = Vec::new();
        steps(&mut out, [5, 7, 7, 3].into_iter());
        assert_eq!(out, b"[5,2,0,-4]");
    }
}
