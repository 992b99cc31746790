//! Keeps held batches with their content in the database, so that any instance can release them after any restart.

use futures_util::stream;
use uuid::Uuid;

use super::super::content::{Content, ContentError};
use super::super::store::batch::{self, BatchRead};
use super::super::store::write;
use super::apply::Batch;
use super::rules::{BatchHold, BatchRule};
use super::{BatchDecision, BatchState, Beside, Error, Kept, Report, find, source};
use crate::clock::Moment;
use crate::db::Db;
use crate::ids::BatchId;

/// Batches that may be held at once: a sender that goes on and on must not fill the disk.
pub(super) const HELD_MAX: i64 = 20;
/// Who decides when nobody does.
const NOBODY: &str = "deadline";
/// Bytes of one part of a content.
const PART_BYTES: usize = 1024 * 1024;

/// Undoes what a batch did and keeps it instead.
pub(super) async fn keep(
    db: &Db,
    mut batch: Batch<'_>,
    hash: String,
    holds: Vec<BatchHold>,
    days_max: i64,
    content: &Content,
    beside: &mut Option<&mut dyn Beside>,
) -> Result<(), Error> {
    let id = batch.id;
    let shown = std::mem::take(&mut batch.shown);
    let tally = batch.total();
    let (tx, read) = batch.into_read(hash, BatchState::Held, holds);
    tx.rollback().await?;
    let mut tx = db.begin().await?;
    // Waits for the batch that is being applied, if there is one, and lets no other in.
    write::next_revision(&mut tx).await?;
    write::give_revision_back(&mut tx).await?;
    if batch::find(&mut tx, id).await?.is_some() {
        // Sent twice at once, and kept already.
        tx.rollback().await?;
        return Ok(());
    }
    if batch::held(&mut tx).await? >= HELD_MAX {
        tx.rollback().await?;
        return Err(Error::TooManyHeld);
    }
    let decide_by = Some(read.received_at + chrono::Duration::days(days_max));
    batch::insert(&mut tx, BatchRead { revision: read.revision - 1, decide_by, ..read }).await?;
    batch::insert_refusals(&mut tx, id, &shown).await?;
    let mut parts = content.parts(PART_BYTES).await?;
    let mut number = 0;
    while let Some(bytes) = parts.next().await? {
        batch::insert_part(&mut tx, id, number, bytes).await?;
        number += 1;
    }
    if let Some(beside) = beside
        && !beside.keep(&mut tx, &Kept { id, state: BatchState::Held, refused: &[], tally }).await?
    {
        tx.rollback().await?;
        return Err(Error::Abandoned);
    }
    tx.commit().await?;
    Ok(())
}

/// Applies a held batch exactly as it came, whatever the rules for whole batches say; answers as before when it was
/// released already. `name` tells its temporary file apart from others. The caller publishes the revision afterwards.
pub async fn release(
    db: &Db,
    now: Moment,
    id: BatchId,
    decision: BatchDecision,
    over_newer: bool,
    name: Uuid,
) -> Result<Report, Error> {
    let held = batch::find(db, id).await?.ok_or(Error::Unknown)?;
    match held.state {
        BatchState::Held if held.decide_by.is_some_and(|until| until <= now) => {
            expire(db, now, id).await?;
            return Err(Error::Decided(BatchState::Rejected));
        }
        BatchState::Held => {}
        BatchState::Applied => return again(db, id, held.decision.is_some(), BatchState::Applied).await,
        BatchState::Rejected => return Err(Error::Decided(BatchState::Rejected)),
    }
    let content = kept(db, id, name).await?;
    let mut delivery = held.delivery.0;
    // Whoever releases what was held for odd rows or prices says that they are right.
    delivery.is_confirmed |= held.holds.0.iter().any(|hold| hold.rule != BatchRule::Shrink);
    let rows = source::open(&content, &delivery.form).await?;
    let tx = db.begin().await?;
    let mut batch = Batch::begin(tx, id, now, &delivery).await?;
    match batch::find(&mut batch.tx, id).await?.map(|found| found.state) {
        Some(BatchState::Held) => {}
        other => {
            // Somebody else decided while this one waited for its turn.
            batch.tx.rollback().await?;
            return again(db, id, other == Some(BatchState::Applied), BatchState::Rejected).await;
        }
    }
    // The one rule that still counts: what came later must not be undone by what came before it.
    batch.check_order().await?;
    // A person has looked at what is live: not at what came since, unless they say so.
    let newer = batch::newer(&mut batch.tx, held.revision).await?;
    if newer > 0 && !over_newer {
        batch.tx.rollback().await?;
        return Err(Error::Newer(newer));
    }
    batch::forget(&mut batch.tx, id).await?;
    batch.run(rows).await?;
    batch.commit(held.hash, held.received_at, held.holds.0, Some(decision)).await?;
    find(db, id).await?.ok_or(Error::Unknown)
}

/// Puts a held batch aside for good; answers as before when it was rejected already.
pub async fn reject(db: &Db, id: BatchId, decision: BatchDecision) -> Result<Report, Error> {
    let mut tx = db.begin().await?;
    let is_rejected = batch::reject(&mut tx, id, decision).await?;
    if is_rejected {
        batch::forget_content(&mut tx, id).await?;
    }
    tx.commit().await?;
    let found = find(db, id).await?.ok_or(Error::Unknown)?;
    if found.state == BatchState::Rejected { Ok(found) } else { Err(Error::Decided(found.state)) }
}

/// Rejects a batch that nobody decided about in time.
pub(in crate::catalog) async fn expire(db: &Db, now: Moment, id: BatchId) -> Result<(), Error> {
    let note = "nobody decided about it in time".to_owned();
    reject(db, id, BatchDecision { by: NOBODY.to_owned(), at: now, note }).await?;
    metrics::counter!("aisle_catalog_held_expired_total").increment(1);
    tracing::warn!(batch = %id, "nobody decided about a held batch in time: it counts as rejected");
    Ok(())
}

async fn again(db: &Db, id: BatchId, is_so: bool, state: BatchState) -> Result<Report, Error> {
    if is_so { find(db, id).await?.ok_or(Error::Unknown) } else { Err(Error::Decided(state)) }
}

/// The content of a held batch, brought back to a file, part by part.
async fn kept(db: &Db, id: BatchId, name: Uuid) -> Result<Content, Error> {
    let parts = stream::try_unfold(0, |number| async move {
        let part = batch::part(db, id, number).await?;
        Ok::<_, crate::db::Error>(part.map(|bytes| (axum::body::Bytes::from(bytes), number + 1)))
    });
    Content::receive(Box::pin(parts), name).await.map_err(|error| match error {
        ContentError::Keep(error) => Error::Read(error),
        other => Error::Read(std::io::Error::other(other)),
    })
}
