//! The rows of what is to be in the books of a system.

use chrono::{DateTime, Utc};

use crate::checkout::Document;
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::exchange::model::PostingState;
use crate::ids::{OrderId, PostingId, StoreId};

/// A document on its way.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(in crate::exchange) struct Posting {
    pub(in crate::exchange) id: PostingId,
    pub(in crate::exchange) order_id: OrderId,
    pub(in crate::exchange) document: String,
    pub(in crate::exchange) store_id: StoreId,
    pub(in crate::exchange) body: String,
    pub(in crate::exchange) state: PostingState,
    pub(in crate::exchange) partner_id: Option<String>,
    pub(in crate::exchange) steps: i64,
    pub(in crate::exchange) reference: Option<String>,
    pub(in crate::exchange) error: Option<String>,
    pub(in crate::exchange) created_at: DateTime<Utc>,
    pub(in crate::exchange) changed_at: DateTime<Utc>,
}

/// A document to be posted.
#[derive(Debug)]
pub(in crate::exchange) struct NewPosting<'a> {
    pub(in crate::exchange) id: PostingId,
    pub(in crate::exchange) connection: &'a str,
    /// The place among the events of the order.
    pub(in crate::exchange) sequence: i64,
    pub(in crate::exchange) document: &'a Document,
    pub(in crate::exchange) body: &'a str,
}

/// Asks for a document to be posted; asked for twice, it is one.
pub(in crate::exchange) async fn insert(tx: &mut Tx, now: Moment, new: &NewPosting<'_>) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO exchange_postings
             (id, connection, order_id, document, sequence, store_id, body, state, steps, created_at, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $8, $8)
         ON CONFLICT (connection, order_id, document) DO NOTHING",
    )
    .bind(new.id)
    .bind(new.connection)
    .bind(new.document.order)
    .bind(&new.document.key)
    .bind(new.sequence)
    .bind(&new.document.store)
    .bind(new.body)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// The oldest that wait and are not behind another document of their order.
pub(in crate::exchange) async fn next(
    db: impl Run<'_>,
    connection: &str,
    most: i64,
) -> Result<Vec<Posting>, Error> {
    db.sql(
        "SELECT id, order_id, document, store_id, body, state, partner_id, steps, reference, error, created_at,
             changed_at
         FROM exchange_postings AS posting
         WHERE connection = $1 AND state = 'waiting' AND NOT EXISTS (
             SELECT 1 FROM exchange_postings AS earlier
             WHERE earlier.connection = posting.connection AND earlier.order_id = posting.order_id
                 AND earlier.sequence < posting.sequence
                 AND earlier.state IN ('waiting', 'drafting', 'drafted', 'parked'))
         ORDER BY id
         LIMIT $2",
    )
    .bind(connection)
    .bind(most)
    .fetch_all()
    .await
}

/// Those in one state, the oldest first.
pub(in crate::exchange) async fn in_state(
    db: impl Run<'_>,
    connection: &str,
    state: PostingState,
) -> Result<Vec<Posting>, Error> {
    db.sql(
        "SELECT id, order_id, document, store_id, body, state, partner_id, steps, reference, error, created_at,
             changed_at
         FROM exchange_postings
         WHERE connection = $1 AND state = $2
         ORDER BY id",
    )
    .bind(connection)
    .bind(state)
    .fetch_all()
    .await
}

/// The system's ids of all that is not done there.
pub(in crate::exchange) async fn partner_ids(
    db: impl Run<'_>,
    connection: &str,
) -> Result<Vec<(String,)>, Error> {
    db.sql(
        "SELECT partner_id FROM exchange_postings
         WHERE connection = $1 AND state NOT IN ('posted', 'dropped') AND partner_id IS NOT NULL",
    )
    .bind(connection)
    .fetch_all()
    .await
}

/// Where a document is now.
#[derive(Clone, Debug)]
pub(in crate::exchange) struct Step<'a> {
    pub(in crate::exchange) state: PostingState,
    pub(in crate::exchange) partner_id: Option<&'a str>,
    pub(in crate::exchange) steps: i64,
    pub(in crate::exchange) reference: Option<&'a str>,
    pub(in crate::exchange) error: Option<&'a str>,
}

/// Notes where a document is now, if it is still where it was.
pub(in crate::exchange) async fn advance(
    tx: &mut Tx,
    now: Moment,
    (id, from): (PostingId, PostingState),
    step: &Step<'_>,
) -> Result<(), Error> {
    tx.sql(
        "UPDATE exchange_postings
         SET state = $3, partner_id = $4, steps = $5, reference = $6, error = $7, changed_at = $8
         WHERE id = $1 AND state = $2",
    )
    .bind(id)
    .bind(from)
    .bind(step.state)
    .bind(step.partner_id)
    .bind(step.steps)
    .bind(step.reference)
    .bind(step.error)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// How much is where.
#[derive(Clone, Copy, Debug, Default, sqlx::FromRow)]
pub(in crate::exchange) struct Counts {
    /// On its way: waiting, or a draft.
    pub(in crate::exchange) open: i64,
    pub(in crate::exchange) parked: i64,
    /// The oldest of what is on its way.
    pub(in crate::exchange) oldest: Option<DateTime<Utc>>,
}

/// How much of a connection is on its way.
pub(in crate::exchange) async fn counts(db: impl Run<'_>, connection: &str) -> Result<Counts, Error> {
    db.sql(
        "SELECT COUNT(CASE WHEN state <> 'parked' THEN 1 END) AS open,
             COUNT(CASE WHEN state = 'parked' THEN 1 END) AS parked,
             MIN(CASE WHEN state <> 'parked' THEN created_at END) AS oldest
         FROM exchange_postings
         WHERE connection = $1 AND state NOT IN ('posted', 'dropped')",
    )
    .bind(connection)
    .fetch_one()
    .await
}

/// How many documents came into the books of a connection since a moment.
pub(in crate::exchange) async fn posted_since(
    db: impl Run<'_>,
    connection: &str,
    since: DateTime<Utc>,
) -> Result<i64, Error> {
    let (posted,) = db
        .sql(
            "SELECT COUNT(*) FROM exchange_postings
             WHERE connection = $1 AND state = 'posted' AND changed_at >= $2",
        )
        .bind(connection)
        .bind(since)
        .fetch_one()
        .await?;
    Ok(posted)
}

/// What staff look for.
#[derive(Clone, Debug)]
pub(in crate::exchange) struct Wanted {
    pub(in crate::exchange) state: Option<PostingState>,
    pub(in crate::exchange) order: Option<OrderId>,
    /// Only those that were asked for before this one.
    pub(in crate::exchange) before: Option<PostingId>,
    pub(in crate::exchange) most: i64,
}

/// Documents of a connection, the newest first.
pub(in crate::exchange) async fn list(
    db: impl Run<'_>,
    connection: &str,
    wanted: &Wanted,
) -> Result<Vec<Posting>, Error> {
    db.sql(
        "SELECT id, order_id, document, store_id, body, state, partner_id, steps, reference, error, created_at,
             changed_at
         FROM exchange_postings
         WHERE connection = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR order_id = $3)
             AND ($4 IS NULL OR id < $4)
         ORDER BY id DESC
         LIMIT $5",
    )
    .bind(connection)
    .bind(wanted.state)
    .bind(wanted.order)
    .bind(wanted.before)
    .bind(wanted.most)
    .fetch_all()
    .await
}

/// One document of a connection.
pub(in crate::exchange) async fn find(
    db: impl Run<'_>,
    connection: &str,
    id: PostingId,
) -> Result<Option<Posting>, Error> {
    db.sql(
        "SELECT id, order_id, document, store_id, body, state, partner_id, steps, reference, error, created_at,
             changed_at
         FROM exchange_postings
         WHERE connection = $1 AND id = $2",
    )
    .bind(connection)
    .bind(id)
    .fetch_optional()
    .await
}

/// Has what is parked tried again, from where it was: one document, or all that were parked in a span of time.
pub(in crate::exchange) async fn replay(
    tx: &mut Tx,
    now: Moment,
    connection: &str,
    which: Span,
) -> Result<u64, Error> {
    let (id, since, until) = match which {
        Span::One(id) => (Some(id), None, None),
        Span::Between(since, until) => (None, Some(since), Some(until)),
    };
    tx.sql(
        "UPDATE exchange_postings
         SET state = CASE WHEN partner_id IS NULL THEN 'waiting' ELSE 'drafted' END, changed_at = $5
         WHERE connection = $1 AND state = 'parked' AND ($2 IS NULL OR id = $2)
             AND ($3 IS NULL OR changed_at >= $3) AND ($4 IS NULL OR changed_at < $4)",
    )
    .bind(connection)
    .bind(id)
    .bind(since)
    .bind(until)
    .bind(now)
    .execute()
    .await
}

/// Which parked documents.
#[derive(Clone, Copy, Debug)]
pub(in crate::exchange) enum Span {
    One(PostingId),
    Between(DateTime<Utc>, DateTime<Utc>),
}

/// Takes a parked document off; answers whether it was parked.
pub(in crate::exchange) async fn drop_parked(
    tx: &mut Tx,
    now: Moment,
    connection: &str,
    id: PostingId,
) -> Result<bool, Error> {
    let dropped = tx
        .sql(
            "UPDATE exchange_postings SET state = 'dropped', changed_at = $3
             WHERE connection = $1 AND id = $2 AND state = 'parked'",
        )
        .bind(connection)
        .bind(id)
        .bind(now)
        .execute()
        .await?;
    Ok(dropped == 1)
}

/// Forgets what was done before a moment; so many at once.
pub(in crate::exchange) async fn forget(
    tx: &mut Tx,
    connection: &str,
    before: DateTime<Utc>,
    most: i64,
) -> Result<u64, Error> {
    tx.sql(
        "DELETE FROM exchange_postings WHERE id IN (
             SELECT id FROM exchange_postings
             WHERE connection = $1 AND state IN ('posted', 'dropped') AND changed_at < $2
             ORDER BY changed_at
             LIMIT $3)",
    )
    .bind(connection)
    .bind(before)
    .bind(most)
    .execute()
    .await
}
