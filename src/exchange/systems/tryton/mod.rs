//! Tryton 8 over its REST interface (`trytond/protocols/rest.py`), with the key of an application of kind `rest`.
//!
//! A stamp moves with the row of its own table only, so a stream watches each table that its records are made of. Rows are
//! listed by their ids, one page after the last id: stamps change while pages are read, ids never do. Without the company
//! in the context prices are null and stock is 0, with status 200; it is always sent. What is written goes another way, with
//! a user and a password: `books.rs`, over `rpc.rs`; `sale.rs` is what a sale looks like.

mod books;
mod rpc;
mod sale;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use reqwest::StatusCode;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

pub(super) use self::books::TrytonBooks;
use self::wire::{domain_time, encoded, id_of, moment_of, unwrapped};
use super::bodies::{body_of, describe, unreadable};
use crate::clock::Moment;
use crate::exchange::connections::{Connection, Stream};
use crate::exchange::node::Node;
use crate::exchange::system::{About, CallError, Change, Page, Record, System, What};

/// A page of whole records takes two seconds on a busy server.
const CALL_TIMEOUT: Duration = Duration::from_secs(25);
/// Rows of one page of changes: an id and a stamp each.
const CHANGES_PAGE: usize = 2_000;
/// Ids in one domain: it travels in the address, which servers cut at 8 kB and proxies at less.
const IDS_MAX: usize = 400;
/// When a server that is busy should be asked again.
const THROTTLED_SECONDS: u64 = 5;
/// The stamp of a row, which also covers rows that were never written again.
const STAMP: &str = "last_modified_at";

/// A company of a Tryton.
#[derive(Debug)]
pub(super) struct Tryton {
    http: reqwest::Client,
    /// With the name of the database, without a slash at the end.
    url: String,
    key: SecretString,
    company: Value,
    page: usize,
}

impl Tryton {
    pub(super) fn new(connection: &Connection, http: reqwest::Client) -> Self {
        let company = connection.company.as_deref().unwrap_or_default();
        Self {
            http,
            url: connection.url.as_str().trim_end_matches('/').to_owned(),
            key: connection.secrets.get("key").cloned().unwrap_or_default(),
            company: company.parse::<i64>().map_or(Value::Null, Value::from),
            page: connection.pull.page,
        }
    }

    /// Rows of a table, in the order of their ids.
    async fn search(&self, stream: &Stream, ask: &Ask<'_>) -> Result<Vec<Node>, CallError> {
        let mut context = stream.context.clone();
        context.insert("company".to_owned(), self.company.clone());
        let mut query: Vec<(&str, String)> = ask.fields.iter().map(|field| ("f", field.clone())).collect();
        query.push(("d", encoded(&Value::Array(ask.domain.clone()))));
        query.push(("o", encoded(&json!([["id", "ASC"]]))));
        query.extend(ask.limit.map(|limit| ("s", limit.to_string())));
        let request = self
            .http
            .get(format!("{}/rest/model/{}", self.url, ask.table))
            .query(&query)
            .timeout(CALL_TIMEOUT)
            .header(AUTHORIZATION, format!("bearer {}", self.key.expose_secret()))
            // Large answers are packed whatever is asked for; unpacked by their own first bytes, see `wire.rs`.
            .header(ACCEPT_ENCODING, "gzip")
            .header("x-tryton-context", encoded(&Value::Object(context)));
        let body = self.send(request, ask.table).await?;
        match unwrapped(Node::parse(&body).map_err(|error| unreadable(&error))?) {
            Node::List(rows) => Ok(rows),
            other => Err(CallError::Unavailable(format!("the answer is {} and no list", other.kind()))),
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder, table: &str) -> Result<Vec<u8>, CallError> {
        let response = request.send().await.map_err(|error| describe(&error))?;
        let status = response.status();
        let waits = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body = body_of(response).await?;
        match status {
            StatusCode::OK => Ok(body),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(CallError::Unauthorised(format!("status {}", status.as_u16())))
            }
            StatusCode::TOO_MANY_REQUESTS => Err(CallError::Throttled(waits.unwrap_or(THROTTLED_SECONDS))),
            // A name that the server does not know is an error of Python's, whose text is the name.
            StatusCode::INTERNAL_SERVER_ERROR => Err(match wire::unknown_name(&body) {
                Some(name) => CallError::Schema(format!("{table} has no {name}")),
                None => CallError::Unavailable("status 500".to_owned()),
            }),
            _ => Err(CallError::Unavailable(format!("status {}", status.as_u16()))),
        }
    }

    fn fields(stream: &Stream) -> Vec<String> {
        stream.fields().into_iter().collect()
    }
}

/// What is asked for.
struct Ask<'a> {
    table: &'a str,
    fields: Vec<String>,
    domain: Vec<Value>,
    limit: Option<usize>,
}

/// Rows that are not active are hidden unless they are asked for.
fn inactive_too() -> Value {
    json!(["active", "in", [true, false]])
}

fn record(row: Node) -> Result<Record, CallError> {
    let id = id_of(&row).ok_or_else(|| CallError::Schema("a row has no id".to_owned()))?;
    Ok(Record { id, fields: row })
}

fn number(id: &str) -> Value {
    id.parse::<i64>().map_or_else(|_| Value::from(id), Value::from)
}

fn records_domain(stream: &Stream) -> Vec<Value> {
    let mut domain = stream.domain.clone();
    if stream.has_inactive {
        domain.push(inactive_too());
    }
    domain
}

#[async_trait]
impl System for Tryton {
    async fn about(&self) -> Result<About, CallError> {
        let stream = Stream::bare("company.company");
        let ask = Ask {
            table: "company.company",
            fields: vec!["currency.code".to_owned(), "party.name".to_owned()],
            domain: vec![json!(["id", "=", self.company])],
            limit: None,
        };
        let rows = self.search(&stream, &ask).await?;
        let company = rows.first().ok_or_else(|| CallError::Unauthorised("no such company".to_owned()))?;
        let text = |outer: &str, inner: &str| company.get(outer)?.get(inner)?.text().map(str::to_owned);
        Ok(About { currency: text("currency", "code"), company: text("party", "name") })
    }

    async fn changes(
        &self,
        stream: &Stream,
        watch: usize,
        since: Moment,
        from: Option<&str>,
    ) -> Result<Page<Change>, CallError> {
        let Some(watch) = stream.watch.get(watch) else { return Ok(Page { items: Vec::new(), next: None }) };
        let mut domain = watch.domain.clone();
        domain.push(json!([STAMP, ">=", domain_time(since)]));
        domain.push(json!(["id", ">", from.map_or(json!(0), number)]));
        if watch.has_inactive {
            domain.push(inactive_too());
        }
        let mut fields = vec![STAMP.to_owned()];
        fields.extend(watch.gives.clone());
        let ask = Ask { table: &watch.table, fields, domain, limit: Some(CHANGES_PAGE) };
        let rows = self.search(stream, &ask).await?;
        let next = (rows.len() == CHANGES_PAGE).then(|| rows.last().and_then(id_of)).flatten();
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let no_stamp = || CallError::Schema(format!("{} has no {STAMP}", watch.table));
            let stamp = row.get(STAMP).and_then(moment_of).ok_or_else(no_stamp)?;
            let id = id_of(row).ok_or_else(|| CallError::Schema("a row has no id".to_owned()))?;
            let what = match (&watch.gives, &watch.at) {
                (Some(gives), _) => What::Records(row.get(gives).map(wire::ids_of).unwrap_or_default()),
                (None, Some(_)) => What::Ask,
                (None, None) => What::Records(vec![id.clone()]),
            };
            items.push(Change { row: id, stamp, what });
        }
        Ok(Page { items, next })
    }

    async fn touched(
        &self,
        stream: &Stream,
        watch: usize,
        rows: &[String],
    ) -> Result<Vec<String>, CallError> {
        let Some(at) = stream.watch.get(watch).and_then(|watch| watch.at.as_ref()) else {
            return Ok(Vec::new());
        };
        let mut ids = Vec::new();
        for rows in rows.chunks(IDS_MAX) {
            let mut domain = records_domain(stream);
            domain.push(json!([at, "in", rows.iter().map(|row| number(row)).collect::<Vec<_>>()]));
            let ask = Ask { table: &stream.table, fields: vec!["id".to_owned()], domain, limit: None };
            ids.extend(self.search(stream, &ask).await?.iter().filter_map(id_of));
        }
        Ok(ids)
    }

    async fn read(&self, stream: &Stream, ids: &[String]) -> Result<Vec<Record>, CallError> {
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_MAX.min(self.page)) {
            let mut domain = records_domain(stream);
            domain.push(json!(["id", "in", ids.iter().map(|id| number(id)).collect::<Vec<_>>()]));
            let ask = Ask { table: &stream.table, fields: Self::fields(stream), domain, limit: None };
            for row in self.search(stream, &ask).await? {
                records.push(record(row)?);
            }
        }
        Ok(records)
    }

    async fn all(&self, stream: &Stream, from: Option<&str>) -> Result<Page<Record>, CallError> {
        let mut domain = records_domain(stream);
        domain.push(json!(["id", ">", from.map_or(json!(0), number)]));
        let fields = Self::fields(stream);
        let ask = Ask { table: &stream.table, fields, domain, limit: Some(self.page) };
        let rows = self.search(stream, &ask).await?;
        let is_full = rows.len() == self.page;
        let items: Vec<Record> = rows.into_iter().map(record).collect::<Result<_, _>>()?;
        let next = items.last().filter(|_| is_full).map(|last| last.id.clone());
        Ok(Page { items, next })
    }

    async fn ids(&self, stream: &Stream) -> Result<Vec<String>, CallError> {
        let domain = records_domain(stream);
        let ask = Ask { table: &stream.table, fields: vec!["id".to_owned()], domain, limit: None };
        // One answer of one transaction: it is whole or can't be read.
        Ok(self.search(stream, &ask).await?.iter().filter_map(id_of).collect())
    }
}
