//! Reads a table row by row, as leniently as it can be read without guessing: any of three delimiters, any of the code pages
//! of `encoding.rs`, rows of any length. Where none is said, a row that is no UTF-8 is read as windows-1252, and says so.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::{ByteRecord, Reader, ReaderBuilder};

use super::Error;
use super::encoding::{Encoding, Recoded, windows_1252};

/// A table that is being read.
pub(super) struct Table {
    reader: Reader<Bounded>,
    headings: Vec<String>,
    /// 1 when lines end on CR LF: the reader ends a row at the CR and counts the LF with the next one.
    lines_behind: u64,
    /// Bytes that may be read before the row ends.
    left: Arc<AtomicU64>,
    /// Whether what is no UTF-8 is wrong and not windows-1252.
    is_strict: bool,
}

/// Longest row, with what is read ahead: a quote that is never closed must not bring the whole file into memory.
const ROW_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file of which no row is longer than [`ROW_BYTES_MAX`].
struct Bounded {
    file: Recoded,
    left: Arc<AtomicU64>,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        let left = self.left.load(Ordering::Relaxed);
        let left = left.checked_sub(bytes).ok_or_else(|| {
            std::io::Error::other(format!(
                "a row is longer than {ROW_BYTES_MAX} bytes: a quote is not closed"
            ))
        })?;
        self.left.store(left, Ordering::Relaxed);
        Ok(read)
    }
}

/// A row of the file.
#[derive(Debug)]
pub(super) struct Row {
    /// The line of the file that the row begins on, from 1.
    pub(super) line: u64,
    /// The cells.
    pub(super) cells: Vec<Cow<'static, str>>,
    /// Whether the row was no UTF-8 and was read as windows-1252.
    pub(super) is_windows_1252: bool,
}

const BYTE_ORDER_MARK: &str = "\u{feff}";

impl Table {
    /// Reads the headings of a file, from its beginning.
    pub(super) fn of(mut file: File, delimiter: &str, encoding: &str) -> Result<Self, Error> {
        let encoding = Encoding::of(encoding, &mut file)?;
        let is_strict = encoding != Encoding::Auto;
        let mut first = Vec::new();
        let beginning = Recoded::new(file.try_clone()?, encoding);
        BufReader::new(beginning.take(ROW_BYTES_MAX)).read_until(b'\n', &mut first)?;
        let lines_behind = u64::from(first.ends_with(b"\r\n"));
        let delimiter = match delimiter {
            "auto" => most_frequent(&first),
            "," | "comma" => b',',
            ";" | "semicolon" => b';',
            "\t" | "\\t" | "tab" => b'\t',
            other => {
                return Err(Error::Usage(format!(
                    "the delimiter must be auto, comma, semicolon or tab, not {other}"
                )));
            }
        };
        file.rewind()?;
        let left = Arc::new(AtomicU64::new(ROW_BYTES_MAX));
        let bounded = Bounded { file: Recoded::new(file, encoding), left: Arc::clone(&left) };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(bounded);
        let headings = reader
            .byte_headers()?
            .iter()
            .map(|cell| decode(cell, is_strict).0.trim().to_owned())
            .collect::<Vec<_>>();
        let headings =
            headings.into_iter().map(|name| name.trim_start_matches(BYTE_ORDER_MARK).to_owned()).collect();
        Ok(Self { reader, headings, lines_behind, left, is_strict })
    }

    /// The names of the columns.
    pub(super) fn headings(&self) -> &[String] {
        &self.headings
    }

    /// How many bytes were read, as UTF-8.
    pub(super) fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, Error> {
        let mut record = ByteRecord::new();
        self.left.store(ROW_BYTES_MAX, Ordering::Relaxed);
        if !self.reader.read_byte_record(&mut record)? {
            return Ok(None);
        }
        let line = record.position().map_or(0, csv::Position::line) + self.lines_behind;
        let mut is_windows_1252 = false;
        let cells = record.iter().map(|cell| {
            let (text, is_foreign) = decode(cell, self.is_strict);
            is_windows_1252 |= is_foreign;
            Cow::Owned(text)
        });
        let cells = cells.collect();
        Ok(Some(Row { line, cells, is_windows_1252 }))
    }
}

/// The delimiter that the headings have most of.
fn most_frequent(headings: &[u8]) -> u8 {
    let count = |delimiter: u8| headings.split(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// The text of a cell, and whether it had to be read as windows-1252.
fn decode(cell: &[u8], is_strict: bool) -> (String, bool) {
    match std::str::from_utf8(cell) {
        Ok(text) => (text.to_owned(), false),
        Err(_) if is_strict => (String::from_utf8_lossy(cell).into_owned(), false),
        Err(_) => (cell.iter().map(|byte| windows_1252(*byte)).collect(), true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_what_the_headings_have_most_of() {
        assert_eq!(most_frequent(b"a;b;c,d"), b';');
        assert_eq!(most_frequent(b"a\tb\tc,d;e"), b'\t');
        assert_eq!(most_frequent(b"a,b"), b',');
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_read_as_windows_1252() {
        assert_eq!(decode(b"K\xe4se 2 \x80", false), ("Käse 2 €".to_owned(), true));
        assert_eq!(decode("Käse".as_bytes(), false), ("Käse".to_owned(), false));
        assert_eq!(decode(b"K\xe4se", true), ("K\u{fffd}se".to_owned(), false), "said to be UTF-8");
    }
}
