//! Rows of events that providers told us of. Of their bodies only the names of objects are kept: bodies hold personal
//! data, and what they say is not believed anyway.

use crate::clock::Moment;
use crate::db::{Error, Run};
use crate::ids::OperationId;
use crate::payments::model::ProviderName;
use crate::text_enum;

text_enum! {
    /// What an event is about.
    pub enum Topic {
        /// A payment: whatever is open of it is looked at.
        Payment = "payment",
        /// A hold that may have ended.
        HoldEnded = "hold_ended",
        /// A link of an account.
        Link = "link",
        /// Money that may have been taken back: the debit is read.
        Reversal = "reversal",
        /// A dispute: it is read.
        Dispute = "dispute",
        /// Something that nobody here knows: kept, and not followed.
        Unknown = "unknown",
    }
}

/// How far the list of a provider's events was fetched.
#[derive(Clone, Copy, Debug, sqlx::FromRow)]
pub struct Mark {
    /// Up to when everything was fetched.
    pub until: Moment,
    /// When.
    pub fetched_at: Moment,
}

/// Where a verified event says to look.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Hint {
    /// The provider's id of the event: each counts once.
    pub event_id: String,
    /// What the provider calls it.
    pub event_type: String,
    /// What it is about.
    pub topic: Topic,
    /// The provider's name of the object it is about; sealed in its row.
    pub object: Option<String>,
    /// The provider's order that the object belongs to.
    #[sqlx(rename = "order_object")]
    pub order: Option<String>,
    /// Our own operation, when the object carries its name.
    pub operation: Option<OperationId>,
}

/// Stores an event; answers whether it is new.
pub async fn insert(
    db: impl Run<'_>,
    now: Moment,
    provider: ProviderName,
    hint: &Hint,
) -> Result<bool, Error> {
    let rows = db
        .sql(
            "INSERT INTO payment_events (provider, event_id, event_type, topic, object, order_object, operation, received_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (provider, event_id) DO NOTHING",
        )
        .bind(provider)
        .bind(hint.event_id.as_str())
        .bind(hint.event_type.as_str())
        .bind(hint.topic)
        .bind(hint.object.as_deref())
        .bind(hint.order.as_deref())
        .bind(hint.operation)
        .bind(now)
        .execute()
        .await?;
    Ok(rows == 1)
}

/// An event.
pub async fn find(db: impl Run<'_>, provider: ProviderName, event_id: &str) -> Result<Option<Hint>, Error> {
    db.sql(
        "SELECT event_id, event_type, topic, object, order_object, operation
         FROM payment_events
         WHERE provider = $1 AND event_id = $2",
    )
    .bind(provider)
    .bind(event_id)
    .fetch_optional()
    .await
}

/// Notes that an event was followed up. What it was about is forgotten then: names of links are secrets, and a removed
/// link is to be gone from here too.
pub async fn set_processed(
    db: impl Run<'_>,
    now: Moment,
    provider: ProviderName,
    event_id: &str,
) -> Result<(), Error> {
    db.sql(
        "UPDATE payment_events SET processed_at = $3, object = NULL WHERE provider = $1 AND event_id = $2",
    )
    .bind(provider)
    .bind(event_id)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// How far the list of a provider's events was fetched.
pub async fn mark(db: impl Run<'_>, provider: ProviderName) -> Result<Option<Mark>, Error> {
    db.sql("SELECT until, fetched_at FROM payment_event_marks WHERE provider = $1")
        .bind(provider)
        .fetch_optional()
        .await
}

/// Notes how far it was fetched.
pub async fn set_mark(
    db: impl Run<'_>,
    provider: ProviderName,
    until: Moment,
    fetched_at: Moment,
) -> Result<(), Error> {
    db.sql(
        "INSERT INTO payment_event_marks (provider, until, fetched_at)
         VALUES ($1, $2, $3)
         ON CONFLICT (provider) DO UPDATE SET until = excluded.until, fetched_at = excluded.fetched_at",
    )
    .bind(provider)
    .bind(until)
    .bind(fetched_at)
    .execute()
    .await?;
    Ok(())
}
