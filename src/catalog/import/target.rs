//! Where batches go: a server's API, or the database at hand.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use super::super::batches::{self, Report};
use super::super::content::Content;
use super::super::model::Store;
use super::super::store::read;
use super::{Arguments, Error};
use crate::clock::Clock;
use crate::db::{Db, Options};
use crate::env::Env;
use crate::error::ProblemBody;
use crate::ids::{BatchId, Ids, StoreId};
use crate::random::Random;

/// Names of batches are made from their content under this name.
const BATCHES: Uuid = Uuid::from_u128(0x6f1c_9b1e_5a0d_4e7c_9d64_2b8f_7a53_e0c1);
/// A server answers a batch when it is applied: large ones take a while.
const BATCH_TIMEOUT: Duration = Duration::from_mins(10);

/// Where batches go.
pub(super) enum Target {
    Database { db: Db, clock: Clock, ids: Ids },
    Server { client: reqwest::Client, url: url::Url, key: SecretString },
}

impl Target {
    pub(super) async fn open(arguments: &Arguments, env: &Env) -> Result<Self, Error> {
        if let (Some(url), Some(key)) = (&arguments.server, &arguments.key) {
            let client = client().map_err(|error| Error::Deliver(error.to_string()))?;
            return Ok(Self::Server { client, url: url.clone(), key: key.clone().into() });
        }
        let options = Options::read(env);
        if !env.mistakes().is_empty() {
            return Err(Error::Usage(env.mistakes().join("; ")));
        }
        let ids = Ids::new(Clock::System, Random::System);
        Ok(Self::Database { db: Db::open(&options).await?, clock: Clock::System, ids })
    }

    /// Delivers the text of a batch, named by its content.
    pub(super) async fn deliver(&self, text: Vec<u8>) -> Result<Report, Error> {
        let id = BatchId(Uuid::new_v5(&BATCHES, &text));
        match self {
            Self::Database { db, clock, ids } => {
                let body = futures_util::stream::iter([Ok::<_, std::io::Error>(text.into())]);
                let received = Content::receive(body, ids.next()).await;
                let mut content = received.map_err(|error| Error::Deliver(error.to_string()))?;
                let applied = batches::apply(db, clock.now(), id, &mut content).await;
                applied.map_err(|error| Error::Deliver(error.to_string()))
            }
            Self::Server { .. } => {
                let put = self.request(reqwest::Method::PUT, &format!("v1/catalog/batches/{id}"))?;
                let put = put.header("content-type", "application/x-ndjson").body(text);
                self.send(put)
                    .await?
                    .ok_or_else(|| Error::Deliver("the server knows no such route".to_owned()))
            }
        }
    }

    /// A store, if there is one of this number.
    pub(super) async fn store(&self, store: &StoreId) -> Result<Option<Store>, Error> {
        match self {
            Self::Database { db, .. } => {
                read::store(db, store).await.map_err(|error| Error::Deliver(error.to_string()))
            }
            Self::Server { .. } => {
                self.send(self.request(reqwest::Method::GET, &format!("v1/stores/{store}"))?).await
            }
        }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> Result<reqwest::RequestBuilder, Error> {
        let Self::Server { client, url, key } = self else {
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
        if let Self::Database { db, .. } = self {
            db.close().await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line has no App whose client it could use")]
fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(BATCH_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
