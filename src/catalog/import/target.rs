//! Where batches go: a server's API, or the database at hand.

use std::fs::File;
use std::io::Seek;
use std::path::Path;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::super::batches::{self, Delivery, Form, Limits, Report};
use super::super::content::Content;
use super::super::model::Store;
use super::super::quality::Source;
use super::super::store::read;
use super::{Arguments, Error, Progress};
use crate::clock::Clock;
use crate::db::{Db, Options};
use crate::env::Env;
use crate::error::ProblemBody;
use crate::http::limit::STREAM_TIMEOUT;
use crate::ids::{BatchId, Ids, StoreId};
use crate::random::Random;

/// A server answers a batch when it is applied: large ones take a while.
const BATCH_TIMEOUT: Duration = Duration::from_mins(10);
/// Names the partner's key; with `_FILE`, the file that holds it.
const KEY_VARIABLE: &str = "AISLE_IMPORT_KEY";
/// How often the way through a large file is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(250);

/// Where batches go.
pub(super) struct Target {
    place: Place,
    ids: Ids,
    /// Whether what rules for whole batches hold is applied all the same.
    confirmed: bool,
}

enum Place {
    Database { db: Db, clock: Clock, limits: Limits },
    Server { client: reqwest::Client, url: url::Url, key: SecretString },
}

impl Target {
    pub(super) async fn open(arguments: &Arguments, env: &Env) -> Result<Self, Error> {
        let (ids, confirmed) = (Ids::new(Clock::System, Random::System), arguments.confirmed);
        if let Some(url) = &arguments.server {
            let key = arguments.key.clone().map(SecretString::from).or_else(|| env.secret(KEY_VARIABLE));
            if !env.mistakes().is_empty() {
                return Err(Error::Usage(env.mistakes().join("; ")));
            }
            let key = key.ok_or_else(|| {
                Error::Usage(format!(
                    "a server needs the partner's key: set {KEY_VARIABLE} or {KEY_VARIABLE}_FILE"
                ))
            })?;
            let client = client().map_err(|error| Error::Deliver(error.to_string()))?;
            let place = Place::Server { client, url: url.clone(), key };
            return Ok(Self { place, ids, confirmed });
        }
        let (options, limits) = (Options::read(env), Limits::read(env));
        if !env.mistakes().is_empty() {
            return Err(Error::Usage(env.mistakes().join("; ")));
        }
        let place = Place::Database { db: Db::open(&options).await?, clock: Clock::System, limits };
        Ok(Self { place, ids, confirmed })
    }

    /// Delivers the text of a batch of rows.
    pub(super) async fn deliver(&self, text: Vec<u8>) -> Result<Report, Error> {
        self.deliver_as(text, &Delivery::default()).await
    }

    /// Delivers the text of a batch in this form.
    pub(super) async fn deliver_as(&self, text: Vec<u8>, delivery: &Delivery) -> Result<Report, Error> {
        let id: BatchId = self.ids.next();
        match &self.place {
            Place::Database { .. } => {
                let body = futures_util::stream::iter([Ok::<_, std::io::Error>(text.into())]);
                let received = Content::receive(body, self.ids.next()).await;
                let content = received.map_err(|error| Error::Deliver(error.to_string()))?;
                self.apply(id, delivery, &content).await
            }
            Place::Server { .. } => {
                let put = self.request(reqwest::Method::PUT, &format!("v1/catalog/batches/{id}"))?;
                let put = put.query(&query(delivery)).header("content-type", media_type(&delivery.form));
                self.put(put.body(text)).await
            }
        }
    }

    /// Delivers a file as one batch, and shows how far it is.
    pub(super) async fn deliver_file(
        &self,
        path: &Path,
        delivery: Delivery,
        progress: &Progress,
    ) -> Result<Report, Error> {
        let id: BatchId = self.ids.next();
        // Handles of one file share their place in it.
        let place = File::open(path)?;
        let taking = async {
            match &self.place {
                Place::Database { .. } => {
                    let content = Content::of_file(place.try_clone()?).await?;
                    self.apply(id, &delivery, &content).await
                }
                Place::Server { .. } => {
                    let file = tokio::fs::File::from_std(place.try_clone()?);
                    let put = self.request(reqwest::Method::PUT, &format!("v1/catalog/batches/{id}"))?;
                    let put = put.query(&query(&delivery)).header("content-type", media_type(&delivery.form));
                    let body = reqwest::Body::wrap_stream(tokio_util::io::ReaderStream::new(file));
                    self.put(put.timeout(STREAM_TIMEOUT).body(body)).await
                }
            }
        };
        let mut place = place.try_clone()?;
        tokio::pin!(taking);
        let mut shown = tokio::time::interval(SHOWN_EVERY);
        loop {
            tokio::select! {
                report = &mut taking => return report,
                _ = shown.tick() => progress.show_bytes(place.stream_position()?),
            }
        }
    }

    async fn apply(&self, id: BatchId, delivery: &Delivery, content: &Content) -> Result<Report, Error> {
        let Place::Database { db, clock, limits } = &self.place else {
            return Err(Error::Deliver("there is no database".to_owned()));
        };
        let delivery = Delivery { source: Source::Local.to_string(), ..delivery.clone() };
        let limits = (!self.confirmed).then_some(limits);
        let taken = batches::deliver(db, clock.now(), id, &delivery, limits, content).await;
        taken.map_err(|error| Error::Deliver(error.to_string()))
    }

    /// Sends a batch to the server. What is held there, an admin releases.
    async fn put(&self, put: reqwest::RequestBuilder) -> Result<Report, Error> {
        self.send(put).await?.ok_or_else(|| Error::Deliver("the server knows no such route".to_owned()))
    }

    /// A store, if there is one of this number.
    pub(super) async fn store(&self, store: &StoreId) -> Result<Option<Store>, Error> {
        match &self.place {
            Place::Database { db, .. } => {
                read::store(db, store).await.map_err(|error| Error::Deliver(error.to_string()))
            }
            Place::Server { .. } => {
                self.send(self.request(reqwest::Method::GET, &format!("v1/stores/{store}"))?).await
            }
        }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> Result<reqwest::RequestBuilder, Error> {
        let Place::Server { client, url, key } = &self.place else {
            return Err(Error::Deliver("there is no server".to_owned()));
        };
        let base = url.as_str().trim_end_matches('/');
        Ok(client.request(method, format!("{base}/{path}")).bearer_auth(key.expose_secret()))
    }

    /// Sends a request; nothing is the answer 404.
    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Option<T>, Error> {
        let failed = |error: reqwest::Error| Error::Deliver(error.without_url().to_string());
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        if status == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if status.is_success() {
            return response.json().await.map(Some).map_err(failed);
        }
        let problem: Result<ProblemBody, _> = response.json().await;
        let detail = problem
            .map_or_else(|_| status.to_string(), |problem| format!("{}: {}", problem.code, problem.detail));
        Err(Error::Deliver(detail))
    }

    /// Lets go of the database.
    pub(super) async fn close(&self) {
        if let Place::Database { db, .. } = &self.place {
            db.close().await;
        }
    }
}

fn media_type(form: &Form) -> &'static str {
    match form {
        Form::Lines => "application/x-ndjson",
        Form::Table(_) => "text/csv",
    }
}

/// What a delivery is, as the query of its request.
fn query(delivery: &Delivery) -> Vec<(&'static str, String)> {
    let kinds: Vec<&str> = delivery.kinds.iter().map(|kind| kind.as_str()).collect();
    let mut query = vec![("mode", delivery.mode.to_string())];
    if !kinds.is_empty() {
        query.push(("kinds", kinds.join(",")));
    }
    if let Form::Table(form) = &delivery.form {
        query.push(("map", form.map.join(",")));
        query.push(("delimiter", form.delimiter.clone()));
        query.push(("encoding", form.encoding.clone()));
        query.push(("tax_class", form.tax_class.to_string()));
        query.push(("internal_codes", form.internal_codes.to_string()));
        query.push(("deliverable", form.deliverable.to_string()));
        query.extend(form.price_list.iter().map(|list| ("price_list", list.to_string())));
        query.extend(form.currency.iter().map(|currency| ("currency", currency.to_string())));
    }
    query
}

#[expect(clippy::disallowed_methods, reason = "the command line has no App whose client it could use")]
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(BATCH_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
