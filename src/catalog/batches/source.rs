//! The rows of a content, read and checked one by one on a thread of their own, so that the database need not wait for it.

use tokio::sync::mpsc;

use super::super::content::{Content, Line, Lines};
use super::super::import::TableRows;
use super::super::quality;
use super::super::rows::{self, Key, Kind, Reason, Refusal, Row};
use super::{Error, Form};

/// Lines of one piece: fewer cost round trips, more cost memory. A statement gets the piece's rows of one kind.
const PIECE_LINES: usize = 3000;
/// Pieces that are read ahead of the one that is being written.
const PIECES_AHEAD: usize = 1;

/// A row that can't be right.
#[derive(Debug)]
pub(in crate::catalog) struct Unreadable {
    pub(in crate::catalog) kind: Kind,
    /// Its key for people, as far as it can be read.
    pub(in crate::catalog) name: String,
    pub(in crate::catalog) refusal: Refusal,
    /// What it seems to be about: a full delivery does not take these back.
    pub(in crate::catalog) keys: Vec<Key>,
    /// The row as it came, as far as it is kept.
    pub(in crate::catalog) raw: String,
}

/// A row with the line that it stands in.
pub(in crate::catalog) type Item = (i64, Result<Row, Unreadable>);

enum Part {
    Rows(Vec<Item>),
    /// Without it the reading broke off.
    End,
}

/// The pieces of a content.
#[derive(Debug)]
pub(super) struct Pieces {
    read: mpsc::Receiver<Result<Part, Error>>,
    /// Of a table.
    pub(super) headings: Option<Vec<String>>,
}

impl Pieces {
    /// The next rows; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Item>>, Error> {
        match self.read.recv().await {
            Some(Ok(Part::Rows(rows))) => Ok(Some(rows)),
            Some(Ok(Part::End)) => Ok(None),
            Some(Err(error)) => Err(error),
            None => Err(Error::Read(std::io::Error::other("the reading broke off"))),
        }
    }
}

/// Begins to read a content; a table whose headings don't fit is refused here.
pub(super) async fn open(content: &Content, form: &Form) -> Result<Pieces, Error> {
    let file = content.reader().await?;
    let mut rows = match form {
        Form::Lines => Rows::Lines(Lines::of(file)),
        Form::Table(form) => {
            let form = form.clone();
            let opened = tokio::task::spawn_blocking(move || TableRows::open(file, &form)).await;
            let opened = opened.map_err(std::io::Error::other)?;
            Rows::Table(Box::new(opened.map_err(|error| Error::Table(error.to_string()))?))
        }
    };
    let headings = match &rows {
        Rows::Table(table) => Some(table.headings().to_vec()),
        Rows::Lines(_) => None,
    };
    let (send, read) = mpsc::channel(PIECES_AHEAD);
    // Ends by itself as soon as nobody listens.
    drop(tokio::task::spawn_blocking(move || {
        loop {
            let part = rows.piece();
            let is_last = !matches!(&part, Ok(Part::Rows(_)));
            if send.blocking_send(part).is_err() || is_last {
                return;
            }
        }
    }));
    Ok(Pieces { read, headings })
}

enum Rows {
    Lines(Lines<std::fs::File>),
    Table(Box<TableRows>),
}

impl Rows {
    fn piece(&mut self) -> Result<Part, Error> {
        let mut piece = Vec::with_capacity(PIECE_LINES);
        for _ in 0..PIECE_LINES {
            let is_more = match self {
                Self::Lines(lines) => match lines.next()? {
                    Some(line) => {
                        piece.push((line.number, read(&line)));
                        true
                    }
                    None => false,
                },
                Self::Table(table) => {
                    table.next(&mut piece).map_err(|error| Error::Table(error.to_string()))?
                }
            };
            if !is_more {
                break;
            }
        }
        Ok(if piece.is_empty() { Part::End } else { Part::Rows(piece) })
    }
}

fn read(line: &Line<'_>) -> Result<Row, Unreadable> {
    let Some(bytes) = line.bytes else {
        let refusal = Refusal::new(Reason::LineTooLong, "the line is longer than a row may be");
        return Err(Unreadable {
            kind: Kind::Unknown,
            name: String::new(),
            refusal,
            keys: Vec::new(),
            raw: String::new(),
        });
    };
    rows::read(bytes).map_err(|(kind, name, refusal)| Unreadable {
        kind,
        name,
        refusal,
        keys: rows::keys(bytes).into_iter().collect(),
        raw: quality::cut(bytes),
    })
}
