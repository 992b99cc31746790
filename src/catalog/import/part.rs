//! Parts of a table, each a table of its own that is delivered as a batch: its rows as they stand, and beside them what only
//! who reads the whole file can know.

use super::Error;
use super::table::Row;

/// The column that says in which line of the file the code stood before.
const DUPLICATE_OF: &str = "aisle_duplicate_of";
/// The column of made-up prices.
const MADE_UP_PRICE: &str = "aisle_made_up_price";

/// What the columns beside the file's own mean.
pub(super) const DUPLICATE_MAPPING: &str = "duplicate_of=aisle_duplicate_of";
/// The same of made-up prices.
pub(super) const PRICE_MAPPING: &str = "price=aisle_made_up_price";

/// Lines of a part, and those of the file that they were.
pub(super) type Lines = Vec<(i64, u64)>;

/// A part that is being gathered.
#[derive(Debug)]
pub(super) struct Part {
    headings: Vec<String>,
    text: csv::Writer<Vec<u8>>,
    /// Where each row begins: the line of the part, and that of the file.
    lines: Lines,
    next_line: i64,
}

impl Part {
    pub(super) fn of(headings: &[String]) -> Result<Self, Error> {
        let (headings, text) = (headings.to_vec(), csv::Writer::from_writer(Vec::new()));
        let mut part = Self { headings, text, lines: Vec::new(), next_line: 1 };
        part.begin()?;
        Ok(part)
    }

    fn begin(&mut self) -> Result<(), Error> {
        self.next_line = 1;
        let own = self.headings.clone();
        self.write(own.iter().map(String::as_str).chain([DUPLICATE_OF, MADE_UP_PRICE]))
    }

    fn write<'a>(&mut self, cells: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        let mut breaks = 1;
        for cell in cells {
            breaks += cell.bytes().filter(|byte| *byte == b'\n').count();
            self.text.write_field(cell)?;
        }
        self.text.write_record(None::<&[u8]>)?;
        self.next_line += i64::try_from(breaks).unwrap_or(i64::MAX);
        Ok(())
    }

    /// Adds a row; cells behind the last heading mean nothing and are left out.
    pub(super) fn push(
        &mut self,
        row: &Row,
        duplicate_of: Option<u64>,
        price: Option<&str>,
    ) -> Result<(), Error> {
        self.lines.push((self.next_line, row.line));
        let duplicate_of = duplicate_of.map(|line| line.to_string()).unwrap_or_default();
        let own = (0..self.headings.len()).map(|place| row.cells.get(place).map_or("", |cell| cell.as_ref()));
        self.write(own.chain([duplicate_of.as_str(), price.unwrap_or_default()]))
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> usize {
        self.lines.len()
    }

    /// Its text, and where its rows stood in the file; the next part begins.
    pub(super) fn take(&mut self) -> Result<(Vec<u8>, Lines), Error> {
        let text = std::mem::replace(&mut self.text, csv::Writer::from_writer(Vec::new()));
        let text = text.into_inner().map_err(|error| Error::Read(error.into_error()))?;
        let taken = (text, std::mem::take(&mut self.lines));
        self.begin()?;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_a_table_whose_rows_know_their_lines_in_the_file() {
        let mut part = Part::of(&["a".to_owned(), "b".to_owned()]).expect("a part");
        let row = |line, cells: &[&'static str]| Row {
            line,
            cells: cells.iter().map(|cell| (*cell).into()).collect(),
            is_windows_1252: false,
        };
        part.push(&row(7, &["1", "two\nlines"]), None, Some("0.49")).expect("pushed");
        part.push(&row(9, &["2"]), Some(7), None).expect("pushed");
        part.push(&row(12, &["3", "x", "behind"]), None, None).expect("pushed");
        let (text, lines) = part.take().expect("taken");
        let expected = "a,b,aisle_duplicate_of,aisle_made_up_price\n1,\"two\nlines\",,0.49\n2,,7,\n3,x,,\n";
        assert_eq!(String::from_utf8(text).expect("text"), expected);
        assert_eq!(lines, [(2, 7), (4, 9), (5, 12)]);
        assert_eq!(part.rows(), 0);
    }
}
