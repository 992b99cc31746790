//! Rows turned into columns: what stands in one column is alike, and what is alike compresses well.
//!
//! A column is `{"of": [values]}`, or `{"words": [values], "is": [places among the words]}` where few values repeat; texts
//! that all begin or end alike say so once in `around`. A column that not every row has says in `at` which rows it is for, as
//! the first place and the steps to the next ones.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::Write;

/// A column whose values are so many times fewer than its rows is written as words.
const ROWS_PER_WORD_MIN: usize = 3;

/// Texts that have so many bytes in common at their ends have them written once.
const AROUND_BYTES_MIN: usize = 8;
/// Columns of fewer rows are written as they are, whatever they have in common.
const ROWS_IN_COMMON_MIN: usize = 8;

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
            return values(out, &self.values);
        }
        out.extend_from_slice(b"\"words\":");
        list(out, &words);
        out.extend_from_slice(b",\"is\":");
        numbers(out, is.into_iter());
    }
}

/// Values as they are, without what is around all of them.
fn values(out: &mut Vec<u8>, values: &[&str]) {
    let Some((before, behind)) = around(values) else {
        out.extend_from_slice(b"\"of\":");
        return list(out, values);
    };
    let _ = write!(out, "\"around\":[\"{before}\",\"{behind}\"],\"of\":[");
    for (index, value) in values.iter().enumerate() {
        let text = inside(value).unwrap_or_default();
        let own = text.get(before.len()..text.len() - behind.len()).unwrap_or_default();
        let _ = write!(out, "{}\"{own}\"", if index > 0 { "," } else { "" });
    }
    out.push(b']');
}

/// What all texts begin and end with, when that is worth a word; none of a column that has an escaped character in it.
fn around<'a>(values: &[&'a str]) -> Option<(&'a str, &'a str)> {
    let first = inside(values.first()?)?;
    let (mut before, mut behind) = (first, first);
    for value in values {
        let text = inside(value)?;
        before = &before[..bytes_in_common(before.chars(), text.chars())];
        behind = &behind[behind.len() - bytes_in_common(behind.chars().rev(), text.chars().rev())..];
    }
    let bytes = before.len() + behind.len();
    let is_worth_it = values.len() >= ROWS_IN_COMMON_MIN && bytes >= AROUND_BYTES_MIN;
    let fits = |value: &&str| value.len() >= bytes + "\"\"".len();
    (is_worth_it && values.iter().all(fits)).then_some((before, behind))
}

fn bytes_in_common(one: impl Iterator<Item = char>, other: impl Iterator<Item = char>) -> usize {
    one.zip(other).take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum()
}

/// The text between the quotes.
fn inside(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"').filter(|text| !text.contains('\\'))
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
    fn texts_that_begin_and_end_alike_say_so_once() {
        let of = |values: &[&str]| {
            let rows: Vec<Row<'_>> = values
                .iter()
                .map(|value| vec![(Cow::Borrowed("image"), Cow::Owned(format!("\"{value}\"")))])
                .collect();
            let mut out = Vec::new();
            write(&mut out, &rows);
            String::from_utf8(out).expect("JSON is UTF-8")
        };
        let eight = ["ä1.x", "ä2.x", "ä3.x", "ä4.x", "ä5.x", "ä6.x", "ä7.x", "ä8.x"]
            .map(|end| format!("https://{end}"));
        let mut eight = eight.each_ref().map(String::as_str);
        let expected = "{\"image\":{\"around\":[\"https://ä\",\".x\"],\"of\":\
             [\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\"]}}";
        assert_eq!(of(&eight), expected);
        assert!(!of(&eight[1..]).contains("around"), "too few");
        eight[7] = "https://ä.x";
        assert!(of(&eight).contains("around"), "nothing of its own");
        eight[7] = "https://ä\\n.x";
        assert!(!of(&eight).contains("around"), "escaped");
        eight[7] = "https://ö8.y";
        assert!(of(&eight).contains("[\"https://\",\"\"]"), "half a letter is nothing in common");
    }

    #[test]
    fn steps_add_up_to_the_numbers() {
        let mut out = Vec::new();
        steps(&mut out, [5, 7, 7, 3].into_iter());
        assert_eq!(out, b"[5,2,0,-4]");
    }
}
