//! One store's catalogue for phones without a network: all of it, and what changed since a revision; packed and signed.
//!
//! A document is of one revision, and a document of changes turns the one of the earlier revision exactly into the one of
//! the later. It is JSON by columns, packed with zstd; the README says how a phone reads it. The signature is a JWT of the
//! type `catalog+jwt`, which names store, revisions and the SHA-256 of the packed bytes as they are sent.
//!
//! Documents are made off the request threads, a few at a time, once for everybody who asks at the same time, and are kept
//! up to a number of bytes. `document.rs` gathers them, `columns.rs` writes them, `store.rs` says what changed since.

mod columns;
mod document;
mod http;
#[cfg(test)]
pub(super) mod size;
mod store;

pub(super) use document::primary;
pub(super) use http::routes;

use std::sync::Arc;

use axum::body::Bytes;
use chrono::Duration;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use serde::Serialize;
use tokio::sync::Semaphore;

use super::index::Snapshot;
use super::model::FindError;
use crate::app::App;
use crate::db;
use crate::hash::sha256_hex;
use crate::identity::SignError;
use crate::ids::StoreId;

/// The header's `typ` of a signature (RFC 8725 section 3.11).
const TYPE: &str = "catalog+jwt";
/// Whom a signature is for.
const AUDIENCE: &str = "catalog";
/// How long after the answer its signature can be checked: a phone does so when it has the bytes. Within
/// [`crate::identity::TOKEN_LIFE_MAX`].
const SIGNATURE_LIFE: Duration = Duration::minutes(30);

/// Bytes of documents that are kept: the snapshots of about a hundred stores of 50,000 products.
const KEPT_BYTES_MAX: u64 = 192 * 1024 * 1024;
/// About how many documents that are; the cache makes room for them beforehand.
const KEPT_GUESS: usize = 256;
/// Documents that are made at once: each occupies a processor for a second or so, and lookups come first.
const MADE_AT_ONCE: usize = 2;
/// Changed rows that are looked at: above this the whole catalogue is the smaller answer for nearly every store.
const CHANGES_MAX: i64 = 50_000;
/// So many changes are always told one by one; more must be less than half of what the store sells.
const CHANGES_ALWAYS: usize = 500;
/// How hard documents are packed: from 3 to 9 a tenth of the bytes goes in under a second for 50,000 products; from 9 to 12
/// three hundredths more take three times as long.
const PACKING_LEVEL: i32 = 9;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Store(#[from] FindError),
    /// The changes since this revision are not told one by one.
    #[error("the changes since this revision are not told one by one")]
    TooOld,
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the document can't be packed: {0}")]
    Pack(#[from] std::io::Error),
    #[error("the document can't be made: {0}")]
    Make(#[from] tokio::task::JoinError),
}

/// A document as it is sent, without its signature.
#[derive(Clone, Debug)]
pub(super) struct Packed {
    bytes: Bytes,
    sha256: Arc<str>,
    from: Option<i64>,
    revision: i64,
}

/// What is kept under which name: the store, the revision that changes begin at, and the revision.
type Key = (StoreId, Option<i64>, i64);

#[derive(Clone, Debug)]
struct ByBytes;

impl Weighter<Key, Packed> for ByBytes {
    fn weight(&self, _: &Key, packed: &Packed) -> u64 {
        u64::try_from(packed.bytes.len()).unwrap_or(u64::MAX)
    }
}

/// The documents that were asked for lately.
pub(super) struct Documents {
    kept: Cache<Key, Packed, ByBytes>,
    turns: Semaphore,
}

impl Default for Documents {
    fn default() -> Self {
        Self {
            kept: Cache::with_weighter(KEPT_GUESS, KEPT_BYTES_MAX, ByBytes),
            turns: Semaphore::new(MADE_AT_ONCE),
        }
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Documents").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

/// What a signature says.
#[derive(Debug, Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'static str,
    store: &'a StoreId,
    /// The revision that the changes begin at; none for a whole catalogue.
    from: Option<i64>,
    revision: i64,
    sha256: &'a str,
    /// Seconds since 1970.
    iat: i64,
    exp: i64,
}

/// All of a store's catalogue.
pub(super) async fn whole(app: &App, store: &StoreId) -> Result<Packed, Error> {
    let snapshot = app.catalog.view().clone();
    snapshot.store(store).ok_or(FindError::UnknownStore)?;
    let key = (store.clone(), None, snapshot.revision());
    let at = app.clock.now().timestamp();
    let made =
        make(app, snapshot, store, move |snapshot, store| document::whole(snapshot, store, at).map(Some));
    app.catalog.documents().kept.get_or_insert_async(&key, made).await
}

/// What changed in a store since a revision.
pub(super) async fn changes(app: &App, store: &StoreId, since: i64) -> Result<Packed, Error> {
    if since > app.catalog.view().revision() {
        // Another instance may be ahead of this one by a moment.
        app.catalog.refresh(&app.db).await?;
    }
    let snapshot = app.catalog.view().clone();
    let known = snapshot.store(store).ok_or(FindError::UnknownStore)?.clone();
    if since > snapshot.revision() {
        return Err(Error::TooOld);
    }
    let key = (store.clone(), Some(since), snapshot.revision());
    let at = app.clock.now().timestamp();
    let made = async {
        let touched = store::touched(&app.db, &known, since, CHANGES_MAX).await?.ok_or(Error::TooOld)?;
        make(app, snapshot, store, move |snapshot, store| {
            document::changes(snapshot, store, since, &touched, at)
        })
        .await
        .map(|packed| Packed { from: Some(since), ..packed })
    };
    app.catalog.documents().kept.get_or_insert_async(&key, made).await
}

/// Makes and packs a document, away from the threads that serve requests.
async fn make(
    app: &App,
    snapshot: Arc<Snapshot>,
    store: &StoreId,
    gather: impl FnOnce(&Snapshot, &StoreId) -> Result<Option<Vec<u8>>, FindError> + Send + 'static,
) -> Result<Packed, Error> {
    // Never closed; should it ever be, documents are made without taking turns.
    let _turn = app.catalog.documents().turns.acquire().await.ok();
    let store = store.clone();
    tokio::task::spawn_blocking(move || {
        let json = gather(&snapshot, &store)?.ok_or(Error::TooOld)?;
        let bytes = zstd::bulk::compress(&json, PACKING_LEVEL)?;
        let sha256 = sha256_hex(&bytes).into();
        Ok(Packed { bytes: bytes.into(), sha256, from: None, revision: snapshot.revision() })
    })
    .await?
}

/// The signature of a document, as of now.
pub(super) async fn sign(app: &App, store: &StoreId, packed: &Packed) -> Result<String, SignError> {
    let now = app.clock.now();
    let claims = Claims {
        iss: app.identity.issuer(),
        aud: AUDIENCE,
        store,
        from: packed.from,
        revision: packed.revision,
        sha256: &packed.sha256,
        iat: now.timestamp(),
        exp: (now + SIGNATURE_LIFE).timestamp(),
    };
    app.identity.sign(app, TYPE, &claims).await
}
