//! What partners send and are answered.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::exchange::model::{DispatchState, EventKind, SubscriptionState};
use crate::exchange::store;
use crate::ids::{DispatchId, MessageId, OrderId, StoreId, SubscriptionId};

/// Where a partner wants to be told of what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscriptionWish {
    /// Where messages are posted: `https`, on the public internet, without user and password.
    #[schema(max_length = 2000)]
    pub(super) url: String,
    /// Which kinds of events.
    #[schema(min_items = 1)]
    pub(super) kinds: Vec<EventKind>,
    /// Of which stores; none named: of all that the key is for.
    #[serde(default)]
    #[schema(max_items = 500)]
    pub(super) stores: Vec<StoreId>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscription {
    /// Its id, as the partner named it.
    id: SubscriptionId,
    /// Where messages are posted.
    pub(super) url: String,
    /// Which kinds of events.
    pub(super) kinds: Vec<EventKind>,
    /// Of which stores; empty for all.
    pub(super) stores: Vec<StoreId>,
    /// Whether new events are sent.
    pub(super) state: SubscriptionState,
    /// What messages are signed with: only in the answer that made the subscription. Keep it; it is never shown again,
    /// and a new one can be had at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<String>,
    /// When it was made.
    created_at: DateTime<Utc>,
    /// When it was changed last.
    changed_at: DateTime<Utc>,
}

/// The subscriptions of a partner.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Subscriptions {
    /// All of them.
    pub(super) subscriptions: Vec<Subscription>,
}

/// A new signing secret.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SubscriptionSecret {
    /// The secret, shown only now.
    pub(super) secret: String,
    /// Until then messages carry a signature of each earlier secret too.
    pub(super) previous_until: DateTime<Utc>,
}

/// One event on its way to one subscriber.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DispatchLine {
    /// The dispatch.
    id: DispatchId,
    /// The `webhook-id` of its message.
    message: MessageId,
    /// What happened.
    kind: EventKind,
    /// To which order.
    order: OrderId,
    /// The place of the event among those of its order.
    sequence: i64,
    /// How far it is.
    pub(super) state: DispatchState,
    /// How often it was tried since it was begun or replayed.
    attempts: i64,
    /// Waiting: not tried before. An event behind an earlier one of its order waits for that one besides.
    due_at: DateTime<Utc>,
    /// The HTTP status of the last answer, if there was one.
    last_status: Option<i64>,
    /// Why the last try failed.
    last_error: Option<String>,
    /// When it was begun.
    created_at: DateTime<Utc>,
    /// When the subscriber took it.
    delivered_at: Option<DateTime<Utc>>,
}

/// A part of the delivery log, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Dispatches {
    /// The lines.
    pub(super) dispatches: Vec<DispatchLine>,
    /// To be sent as `before` for the lines that follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<DispatchId>,
}

/// Which lines of the log.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Lines {
    /// Only those of this state.
    pub(super) state: Option<DispatchState>,
    /// Only those before this one: `next` of an earlier answer.
    pub(super) before: Option<DispatchId>,
}

/// From when on everything is sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplaySince {
    /// The moment, at most 30 days ago.
    pub(super) since: DateTime<Utc>,
}

/// What a replay will send.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replayed {
    /// How many events will be sent.
    pub(super) events: usize,
    /// When there were more events than one replay takes: send this as `since` to go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_since: Option<DateTime<Utc>>,
}

impl Subscription {
    /// What is shown of a stored subscription; the secret only when it was just made.
    pub(super) fn of(found: store::Subscription, secret: Option<String>) -> Self {
        Self {
            id: found.id,
            url: found.url,
            kinds: found.kinds.0,
            stores: found.stores.0,
            state: found.state,
            secret,
            created_at: found.created_at,
            changed_at: found.changed_at,
        }
    }
}

impl From<store::Line> for DispatchLine {
    fn from(line: store::Line) -> Self {
        Self {
            id: line.id,
            message: line.event_id,
            kind: line.kind,
            order: line.order_id,
            sequence: line.sequence,
            state: line.state,
            attempts: line.attempts,
            due_at: line.due_at,
            last_status: line.last_status,
            last_error: line.last_error,
            created_at: line.created_at,
            delivered_at: line.delivered_at,
        }
    }
}
