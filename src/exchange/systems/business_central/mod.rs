//! Microsoft Dynamics 365 Business Central, by the contract of its standard API (`BCOAS1.0.yaml`; version 2.0 keeps its names).
//!
//! A change is told with the record (`lastModifiedDateTime`), pages by `@odata.nextLink`; deletions are told by nobody. What is
//! written is in `books.rs`. Never tried against the product itself, only against its contract.

mod books;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, IF_MATCH, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::sync::Mutex;

use super::bodies::{body_of, describe, unreadable};
use crate::clock::Moment;
use crate::exchange::books::PostError;
use crate::exchange::connections::{Connection, Sales, Stream};
use crate::exchange::node::Node;
use crate::exchange::system::{About, CallError, Change, Page, Record, System, What};

/// Requests wait in the product's queue for up to eight minutes; then it says 503.
const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// What a token is for.
const SCOPE: &str = "https://api.businesscentral.dynamics.com/.default";
/// Ids of one filter: it travels in the address.
const IDS_MAX: usize = 40;
/// When a busy service should be asked again, where it does not say.
const THROTTLED_SECONDS: u64 = 10;
/// The stamp of a record.
const STAMP: &str = "lastModifiedDateTime";

/// A company.
#[derive(Debug)]
pub(super) struct BusinessCentral {
    http: reqwest::Client,
    login: String,
    client: SecretString,
    secret: SecretString,
    /// With the company.
    base: String,
    url: String,
    page: usize,
    digits: u32,
    time_zone: chrono_tz::Tz,
    sales: Option<Sales>,
    token: Mutex<Option<SecretString>>,
}

impl BusinessCentral {
    pub(super) fn new(connection: &Connection, http: reqwest::Client) -> Self {
        let url = connection.url.as_str().trim_end_matches('/').to_owned();
        let secret = |name: &str| connection.secrets.get(name).cloned().unwrap_or_default();
        Self {
            http,
            login: connection.login.as_ref().map(ToString::to_string).unwrap_or_default(),
            client: secret("client_id"),
            secret: secret("client_secret"),
            base: format!("{url}/companies({})", connection.company.as_deref().unwrap_or_default()),
            url,
            page: connection.pull.page,
            digits: connection.currency.digits(),
            time_zone: connection.time_zone,
            sales: connection.sales.clone(),
            token: Mutex::new(None),
        }
    }

    /// A token, another one than that which ended; held while one is asked for, so that others wait for it.
    async fn token(&self, ended: Option<&SecretString>) -> Result<SecretString, CallError> {
        let mut held = self.token.lock().await;
        let is_ended =
            |token: &SecretString| ended.is_some_and(|ended| ended.expose_secret() == token.expose_secret());
        if let Some(token) = held.as_ref().filter(|token| !is_ended(token)) {
            return Ok(token.clone());
        }
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client.expose_secret()),
            ("client_secret", self.secret.expose_secret()),
            ("scope", SCOPE),
        ];
        let request = self.http.post(&self.login).form(&form).timeout(CALL_TIMEOUT);
        let response = request.send().await.map_err(|error| describe(&error))?;
        if !response.status().is_success() {
            return Err(CallError::Unauthorised(format!("login: status {}", response.status().as_u16())));
        }
        let answer = Node::parse(&body_of(response).await?).map_err(|error| unreadable(&error))?;
        let token = answer.get("access_token").and_then(Node::text);
        let token: SecretString =
            token.ok_or_else(|| CallError::Unauthorised("login: no token".to_owned()))?.into();
        *held = Some(token.clone());
        Ok(token)
    }

    async fn get(&self, url: &str, query: &[(&str, String)]) -> Result<Node, CallError> {
        match self.call(Method::GET, url, query, None).await {
            Ok(answer) => Ok(answer),
            Err(PostError::Call(call)) => Err(call),
            // A property or a page that is not there.
            Err(PostError::Refused(why)) => Err(CallError::Schema(why)),
        }
    }

    /// A call; a token that ended is asked for again once.
    async fn call(
        &self,
        method: Method,
        url: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Node, PostError> {
        let mut token = self.token(None).await?;
        let mut outcome = self.send(method.clone(), url, query, body, &token).await;
        if let Err(PostError::Call(CallError::Unauthorised(_))) = &outcome {
            token = self.token(Some(&token)).await?;
            outcome = self.send(method, url, query, body, &token).await;
        }
        outcome
    }

    async fn send(
        &self,
        method: Method,
        url: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
        token: &SecretString,
    ) -> Result<Node, PostError> {
        let is_delete = method == Method::DELETE;
        let bearer = format!("Bearer {}", token.expose_secret());
        let mut request = self.http.request(method, url).timeout(CALL_TIMEOUT).header(AUTHORIZATION, bearer);
        if !query.is_empty() {
            request = request.query(query);
        }
        if is_delete {
            request = request.header(IF_MATCH, "*");
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.map_err(|error| describe(&error))?;
        let status = response.status();
        let waits = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let bytes = body_of(response).await?;
        let answer = if bytes.is_empty() { Ok(Node::Null) } else { Node::parse(&bytes) };
        match status {
            _ if status.is_success() => Ok(answer.map_err(|error| unreadable(&error))?),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(CallError::Unauthorised(format!("status {}", status.as_u16())).into())
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Err(CallError::Throttled(waits.unwrap_or(THROTTLED_SECONDS)).into())
            }
            // Somebody else changes it, or it is locked: the next time it may go well.
            StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => {
                Err(CallError::Unavailable(format!("status {}", status.as_u16())).into())
            }
            _ if status.is_client_error() => {
                let error = answer.ok().and_then(|answer| answer.get("error").cloned());
                let message = error.as_ref().and_then(|error| error.get("message")).and_then(Node::text);
                Err(PostError::Refused(
                    message.map_or_else(|| format!("status {}", status.as_u16()), str::to_owned),
                ))
            }
            _ => Err(CallError::Unavailable(format!("status {}", status.as_u16())).into()),
        }
    }

    /// A page of a table: the first, or the one that the page before named.
    async fn page(
        &self,
        stream: &Stream,
        filter: Vec<String>,
        fields: &BTreeSet<String>,
        from: Option<&str>,
    ) -> Result<(Vec<Node>, Option<String>), CallError> {
        let answer = if let Some(from) = from {
            if !from.starts_with(&self.base) {
                return Err(CallError::Schema("the next page is somewhere else".to_owned()));
            }
            self.get(from, &[]).await?
        } else {
            let expand = words(stream.context.get("expand"));
            let parts = fields.iter().map(|field| field.split('.').next().unwrap_or(field));
            let mut select: BTreeSet<&str> = parts.filter(|part| !expand.contains(part)).collect();
            select.extend(["id", STAMP]);
            let mut filters = words(Some(&Value::Array(stream.domain.clone())))
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>();
            filters.extend(filter);
            let mut query = vec![("$select", select.into_iter().collect::<Vec<_>>().join(","))];
            query.extend((!filters.is_empty()).then(|| ("$filter", filters.join(" and "))));
            query.extend((!expand.is_empty()).then(|| ("$expand", expand.join(","))));
            self.get(&format!("{}/{}", self.base, stream.table), &query).await?
        };
        let Some(Node::List(rows)) = answer.get("value") else {
            return Err(CallError::Unavailable("the answer has no list".to_owned()));
        };
        let next = answer.get("@odata.nextLink").and_then(Node::text).map(str::to_owned);
        Ok((rows.clone(), next))
    }

    /// All rows, page by page.
    async fn rows(
        &self,
        stream: &Stream,
        mut filter: Vec<String>,
        fields: &BTreeSet<String>,
    ) -> Result<Vec<Node>, CallError> {
        let (mut rows, mut from) = (Vec::new(), None);
        loop {
            let (page, next) =
                self.page(stream, std::mem::take(&mut filter), fields, from.as_deref()).await?;
            rows.extend(page);
            if next.is_none() {
                return Ok(rows);
            }
            from = next;
        }
    }

    /// Rows of a table that a filter lets through.
    async fn search(&self, table: &str, filter: String, fields: &[&str]) -> Result<Vec<Node>, CallError> {
        let fields = fields.iter().map(|field| (*field).to_owned()).collect();
        self.rows(&Stream::bare(table), vec![filter], &fields).await
    }

    /// Ids of records by their numbers, with their units.
    async fn by_number(
        &self,
        table: &str,
        numbers: BTreeSet<&str>,
        fields: &[&str],
    ) -> Result<HashMap<String, (String, String)>, CallError> {
        let numbers: Vec<String> =
            numbers.iter().map(|number| format!("number eq '{}'", number.replace('\'', "''"))).collect();
        let mut found = HashMap::new();
        for part in numbers.chunks(IDS_MAX) {
            for row in self.search(table, format!("({})", part.join(" or ")), fields).await? {
                let unit =
                    row.get("baseUnitOfMeasure").and_then(|unit| unit.get("code")).and_then(Node::text);
                let (Some(id), Some(number)) = (text(&row, "id"), text(&row, "number")) else { continue };
                found.insert(number, (id, unit.unwrap_or_default().to_owned()));
            }
        }
        Ok(found)
    }
}

fn words(list: Option<&Value>) -> Vec<&str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

fn text(row: &Node, name: &str) -> Option<String> {
    row.get(name)?.text().map(str::to_owned)
}

fn record(row: Node) -> Result<Record, CallError> {
    let id = text(&row, "id").ok_or_else(|| CallError::Schema("a record has no id".to_owned()))?;
    Ok(Record { id, fields: row })
}

#[async_trait]
impl System for BusinessCentral {
    async fn about(&self) -> Result<About, CallError> {
        let answer = self.get(&format!("{}/companyInformation", self.base), &[]).await?;
        let company = answer.get("value").and_then(|rows| rows.items().first()).cloned();
        let company = company.ok_or_else(|| CallError::Unauthorised("no such company".to_owned()))?;
        let currency = text(&company, "currencyCode").filter(|code| !code.is_empty());
        Ok(About { currency, company: text(&company, "displayName") })
    }

    async fn changes(
        &self,
        stream: &Stream,
        watch: usize,
        since: Moment,
        from: Option<&str>,
    ) -> Result<Page<Change>, CallError> {
        // Only the table of the records themselves has a stamp that says anything of them.
        if stream.watch.get(watch).is_none_or(|watch| watch.table != stream.table) {
            return Ok(Page { items: Vec::new(), next: None });
        }
        let since = since.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        let filter = vec![format!("{STAMP} ge {since}")];
        let (rows, next) = self.page(stream, filter, &stream.fields(), from).await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows {
            let no_stamp = || CallError::Schema(format!("{} has no {STAMP}", stream.table));
            let stamp = text(&row, STAMP).and_then(|stamp| stamp.parse().ok()).ok_or_else(no_stamp)?;
            let record = record(row)?;
            items.push(Change { row: record.id.clone(), stamp, what: What::Whole(Box::new(record)) });
        }
        Ok(Page { items, next })
    }

    async fn touched(&self, _: &Stream, _: usize, _: &[String]) -> Result<Vec<String>, CallError> {
        Ok(Vec::new())
    }

    async fn read(&self, stream: &Stream, ids: &[String]) -> Result<Vec<Record>, CallError> {
        let mut records = Vec::with_capacity(ids.len());
        for ids in ids.chunks(IDS_MAX.min(self.page)) {
            let any = ids.iter().map(|id| format!("id eq {id}")).collect::<Vec<_>>().join(" or ");
            let (rows, _) = self.page(stream, vec![format!("({any})")], &stream.fields(), None).await?;
            for row in rows {
                records.push(record(row)?);
            }
        }
        Ok(records)
    }

    async fn all(&self, stream: &Stream, from: Option<&str>) -> Result<Page<Record>, CallError> {
        let (rows, next) = self.page(stream, Vec::new(), &stream.fields(), from).await?;
        Ok(Page { items: rows.into_iter().map(record).collect::<Result<_, _>>()?, next })
    }

    async fn ids(&self, stream: &Stream) -> Result<Vec<String>, CallError> {
        let rows = self.rows(stream, Vec::new(), &BTreeSet::new()).await?;
        Ok(rows.iter().filter_map(|row| text(row, "id")).collect())
    }
}
