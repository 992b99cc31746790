//! A fact becomes an event and one dispatch a subscriber, inside the transaction that makes it a fact.

use serde::Serialize;
use serde_json::Value;

use super::connections::Connections;
use super::dispatch::Dispatch;
use super::model::{EventKind, covers};
use super::store::postings::{self, NewPosting};
use super::store::{self, NewEvent};
use crate::checkout::Document;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{DispatchId, Ids, MessageId, OrderId, StoreId};
use crate::jobs;

/// What happened to an order.
#[derive(Clone, Debug)]
pub struct Fact {
    /// What.
    pub kind: EventKind,
    /// To which order.
    pub order: OrderId,
    /// In which store it was bought.
    pub store: StoreId,
    /// What receivers get to know of it, as `data` of the message.
    pub payload: Value,
    /// What of it belongs into books.
    pub document: Option<Document>,
}

/// The body of a message: `type`, `timestamp` and `data` as Standard Webhooks has them, and what orders messages.
#[derive(Debug, Serialize)]
struct Message<'a> {
    r#type: EventKind,
    timestamp: Moment,
    order: OrderId,
    store: &'a StoreId,
    /// The place among the events of the order, from 1 without gaps; a receiver of some kinds sees some numbers.
    sequence: i64,
    data: &'a Value,
}

/// Writes the event of a fact and asks for its delivery to every subscriber that wants it, and for each system that keeps
/// the books of the store what is to be posted. Call [`jobs::Wake::wake`] after the commit to have it delivered at once.
///
/// Nothing a subscriber does or is can make this fail: only the database can.
pub async fn publish(
    tx: &mut Tx,
    ids: &Ids,
    now: Moment,
    connections: &Connections,
    fact: &Fact,
) -> Result<MessageId, db::Error> {
    let sequence = store::next_sequence(tx, fact.order).await?;
    let event: MessageId = ids.next();
    let message = Message {
        r#type: fact.kind,
        timestamp: now,
        order: fact.order,
        store: &fact.store,
        sequence,
        data: &fact.payload,
    };
    let body = serde_json::to_string(&message).map_err(|error| db::Error::Encode(error.into()))?;
    let new = NewEvent { id: event, kind: fact.kind, order: fact.order, sequence, store: &fact.store, body };
    store::insert_event(tx, now, &new).await?;
    for subscription in store::active(&mut *tx).await? {
        if covers(&subscription.kinds.0, &subscription.stores.0, fact.kind, &fact.store) {
            let dispatch: DispatchId = ids.next();
            store::insert_dispatch(tx, dispatch, subscription.id, event, now).await?;
            jobs::enqueue(tx, ids, now, &Dispatch { dispatch }).await?;
        }
    }
    if let Some(document) = &fact.document {
        let body = serde_json::to_string(document).map_err(|error| db::Error::Encode(error.into()))?;
        for connection in connections.iter().filter(|connection| connection.takes_sales_of(&fact.store)) {
            let (id, connection) = (ids.next(), connection.name.as_str());
            let new = NewPosting { id, connection, sequence, document, body: &body };
            postings::insert(tx, now, &new).await?;
        }
    }
    Ok(event)
}
