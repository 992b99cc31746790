//! checkout

use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::db::{self, Run};
use crate::ids::{OrderId, ShopperId, StoreId};

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
}

/// Settings of the room.
#[derive(Clone, Debug, Default)]
pub struct Settings;

impl Settings {
    /// Reads the settings.
    pub fn read(_env: &crate::env::Env) -> Self {
        Self
    }
}

/// What the exit must know of a shopper's order.
#[derive(Clone, Debug)]
pub struct ExitFacts {
    /// The order.
    pub order: OrderId,
    /// Where it was bought.
    pub store: StoreId,
    /// How many pieces are taken along.
    pub pieces: i64,
    /// Whether everything that is taken along is captured.
    pub paid: bool,
    /// Whether the order is cancelled.
    pub cancelled: bool,
}

/// What the exit must know of a shopper's order; nothing when it is another's.
pub async fn exit_facts(
    _run: impl Run<'_>,
    _shopper: ShopperId,
    _order: OrderId,
) -> Result<Option<ExitFacts>, db::Error> {
    Ok(None)
}
