//! Vendure 3 over its admin API (GraphQL), as an administrator who may read the catalogue and write stock.
//!
//! A stream's table is a list of that API (`productVariants`, `products`), its fields are the schema's own. The stamp of a
//! variant moves with its price and its own fields; of what the product says only the product's stamp moves, so a stream
//! watches both, `gives` being the way from a row to the records. Rows are listed by their ids: a row that changes while
//! pages are read stays where it is; one that is deleted moves the others by a place, and then the count tells. Deleted
//! variants are nowhere; a full comparison finds them. Stock has no stamp and is only listed, see `shelf.rs`.

mod shelf;
mod wire;

use async_trait::async_trait;
use serde_json::json;

use self::wire::{Wire, call_error, id_of, name, selection};
use crate::clock::Moment;
use crate::exchange::connections::{Connection, Stream};
use crate::exchange::node::Node;
use crate::exchange::system::{About, CallError, Change, Page, Record, System, What};

/// Rows of one page: the server refuses more than 1,000, and is slower with more than some hundreds.
const PAGE_MAX: usize = 500;
/// Ids in one question.
const IDS_MAX: usize = 200;
/// The stamp of a row. On SQLite it has whole seconds.
const STAMP: &str = "updatedAt";

/// A channel of a Vendure.
#[derive(Debug)]
pub(super) struct Vendure {
    wire: Wire,
    page: usize,
}

/// A place in a list: rows before it, and how many there were in all when it was begun.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    skip: usize,
    total: Option<usize>,
}

impl Cursor {
    fn read(from: Option<&str>) -> Self {
        let read = from.and_then(|text| {
            let (skip, total) = text.split_once('/')?;
            Some(Self { skip: skip.parse().ok()?, total: total.parse().ok() })
        });
        read.unwrap_or_default()
    }

    /// Where the next page begins; an error when rows came or went since the first one, and one may have been left out.
    fn next(self, rows: usize, total: usize) -> Result<Option<String>, CallError> {
        if self.total.is_some_and(|before| before != total) {
            return Err(CallError::Unavailable("rows came or went while they were listed".to_owned()));
        }
        let skip = self.skip + rows;
        if rows == 0 && skip < total {
            return Err(CallError::Unavailable(format!("{skip} rows of {total} were listed")));
        }
        Ok((skip < total).then(|| format!("{skip}/{total}")))
    }
}

/// What is asked for.
#[derive(Debug)]
struct List<'a> {
    table: &'a str,
    /// Of a row, as GraphQL selects it.
    selection: &'a str,
    /// Which rows, as GraphQL writes it.
    filter: String,
    /// Asked for beside the list.
    beside: String,
    take: usize,
}

impl Vendure {
    pub(super) fn new(connection: &Connection, http: reqwest::Client) -> Self {
        Self { wire: Wire::new(connection, http), page: connection.pull.page.min(PAGE_MAX) }
    }

    /// A part of a list, and all that was answered.
    async fn list(&self, list: &List<'_>, skip: usize) -> Result<(Vec<Node>, usize, Node), CallError> {
        let List { table, selection, filter, beside, take } = list;
        let table = name(table)?;
        let query = format!(
            "{{ {beside} list: {table}(options: {{ take: {take}, skip: {skip}, sort: {{ id: ASC }}, \
             filter: {{ {filter} }} }}) {{ items {{ {selection} }} totalItems }} }}"
        );
        let data = self.wire.ask(&query, json!({})).await.map_err(call_error)?;
        let list = data.get("list").and_then(|list| Some((list.get("items")?, list.get("totalItems")?)));
        let read = list.and_then(|(items, total)| {
            let Node::List(items) = items else { return None };
            Some((items.clone(), total.text()?.parse().ok()?))
        });
        let (items, total) = read.ok_or_else(|| CallError::Schema(format!("{table} is no list")))?;
        Ok((items, total, data))
    }

    fn records<'a>(&self, stream: &'a Stream, selection: &'a str, filter: String) -> List<'a> {
        List { table: &stream.table, selection, filter, beside: String::new(), take: self.page }
    }
}

fn fields(stream: &Stream) -> Result<String, CallError> {
    if !stream.domain.is_empty() || !stream.context.is_empty() {
        return Err(CallError::Schema("streams of a Vendure have neither domain nor context".to_owned()));
    }
    selection(stream.fields().iter().map(String::as_str))
}

fn record(row: Node) -> Result<Record, CallError> {
    Ok(Record { id: id_of(&row)?, fields: row })
}

/// The ids of the rows at a path; lists on the way are entered.
fn ids_at(row: &Node, path: &[&str], ids: &mut Vec<String>) {
    match (row, path) {
        (Node::List(items), _) => items.iter().for_each(|item| ids_at(item, path, ids)),
        (Node::Object(_), [first, rest @ ..]) => {
            if let Some(inner) = row.get(first) {
                ids_at(inner, rest, ids);
            }
        }
        (_, []) => ids.extend(row.text().map(str::to_owned)),
        _ => {}
    }
}

#[async_trait]
impl System for Vendure {
    async fn about(&self) -> Result<About, CallError> {
        let query = "{ activeChannel { code defaultCurrencyCode } }";
        let data = self.wire.ask(query, json!({})).await.map_err(call_error)?;
        let text = |field: &str| data.get("activeChannel")?.get(field)?.text().map(str::to_owned);
        Ok(About { currency: text("defaultCurrencyCode"), company: text("code") })
    }

    async fn changes(
        &self,
        stream: &Stream,
        watch: usize,
        since: Moment,
        from: Option<&str>,
    ) -> Result<Page<Change>, CallError> {
        let Some(watch) = stream.watch.get(watch) else { return Ok(Page { items: Vec::new(), next: None }) };
        if watch.at.is_some() || !watch.domain.is_empty() {
            return Err(CallError::Schema(
                "a watch of a Vendure has gives, neither at nor domain".to_owned(),
            ));
        }
        let gives = watch.gives.as_ref().map(|gives| format!("{gives}.id"));
        let selection = selection(gives.iter().map(String::as_str).chain([STAMP]))?;
        // `after` leaves out the moment itself, and stamps may be cut to seconds.
        let after = (since - chrono::Duration::seconds(1)).format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let filter = format!("{STAMP}: {{ after: \"{after}\" }}");
        let list = List {
            table: &watch.table,
            selection: &selection,
            filter,
            beside: String::new(),
            take: PAGE_MAX,
        };
        let cursor = Cursor::read(from);
        let (rows, total, _) = self.list(&list, cursor.skip).await?;
        // Rows come while pages are read, each as new as can be: the overlap finds whom they pushed out of sight.
        let next = Cursor { skip: cursor.skip, total: None }.next(rows.len(), total)?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let stamp = row.get(STAMP).and_then(|stamp| stamp.text()?.parse().ok());
            let stamp = stamp.ok_or_else(|| CallError::Schema(format!("{} has no {STAMP}", watch.table)))?;
            let id = id_of(row)?;
            let mut ids = Vec::new();
            match &gives {
                Some(gives) => ids_at(row, &gives.split('.').collect::<Vec<_>>(), &mut ids),
                None => ids.push(id.clone()),
            }
            items.push(Change { row: id, stamp, what: What::Records(ids) });
        }
        Ok(Page { items, next })
    }

    async fn touched(&self, _: &Stream, _: usize, _: &[String]) -> Result<Vec<String>, CallError> {
        // Each change says by itself which records it concerns.
        Ok(Vec::new())
    }

    async fn read(&self, stream: &Stream, ids: &[String]) -> Result<Vec<Record>, CallError> {
        let fields = fields(stream)?;
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_MAX.min(self.page)) {
            let filter = format!("id: {{ in: {} }}", json!(ids));
            let (rows, ..) = self.list(&self.records(stream, &fields, filter), 0).await?;
            for row in rows {
                records.push(record(row)?);
            }
        }
        Ok(records)
    }

    async fn all(&self, stream: &Stream, from: Option<&str>) -> Result<Page<Record>, CallError> {
        let (fields, cursor) = (fields(stream)?, Cursor::read(from));
        let (rows, total, _) = self.list(&self.records(stream, &fields, String::new()), cursor.skip).await?;
        let next = cursor.next(rows.len(), total)?;
        Ok(Page { items: rows.into_iter().map(record).collect::<Result<_, _>>()?, next })
    }

    async fn ids(&self, stream: &Stream) -> Result<Vec<String>, CallError> {
        let mut ids = Vec::new();
        let mut from: Option<String> = None;
        loop {
            let cursor = Cursor::read(from.as_deref());
            let list = self.records(stream, "id", String::new());
            let (rows, total, _) = self.list(&List { take: PAGE_MAX, ..list }, cursor.skip).await?;
            from = cursor.next(rows.len(), total)?;
            for row in &rows {
                ids.push(id_of(row)?);
            }
            if from.is_none() {
                return Ok(ids);
            }
        }
    }
}
