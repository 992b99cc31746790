//! App: everything a request or a job needs, built once and cheap to clone; and the two tables that let news go upward:
//! job kinds to functions, and what one room reports to the room above it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::config::Config;
use crate::db::{self, Db};
use crate::error::{Internal, Problem};
use crate::exchange::EventKind;
use crate::http::wait::Changes;
use crate::ids::{Ids, PaymentId, ShopperId};
use crate::jobs::{self, Job, Lease};
use crate::random::Random;
use crate::{cart, catalog, checkout, delivery, exchange, exit, identity, payments};

/// Everything a request or a job needs.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// What [`App`] holds.
pub struct Parts {
    /// The settings.
    pub config: Config,
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// Randomness.
    pub random: Random,
    /// Calls to the outside: no redirects, no proxies, every call with a deadline of its own.
    pub http: reqwest::Client,
    /// Wakes the workers after a commit that wrote a job.
    pub jobs: jobs::Wake,
    /// Wakes clients that wait for an outcome.
    pub changes: Changes,
    /// Keys that sign tokens and passes, and the checks of callers.
    pub identity: identity::Identity,
    /// The index that every lookup reads.
    pub catalog: catalog::Catalog,
    /// Scans that found nothing, until they are written.
    pub unknown_codes: catalog::quality::UnknownCodes,
    /// The log that every scan is written to.
    pub journal: cart::Journal,
    /// Promotions that carts are priced with.
    pub offers: cart::Offers,
    /// Payment providers.
    pub providers: payments::Providers,
    /// Couriers.
    pub carriers: delivery::Carriers,
    /// The way out to partners that are told of events.
    pub outbound: exchange::Outbound,
    /// Back-office systems that master data is pulled from.
    pub connections: exchange::Connections,
    /// Shops that stock is written to.
    pub shelves: exchange::Shelves,
}

/// Why the service can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] db::OpenError),
    /// The database can't be read.
    #[error("the database can't be read: {0}")]
    Database(#[from] db::Error),
    /// The keys that sign tokens are not usable.
    #[error(transparent)]
    Identity(#[from] identity::OpenError),
    /// Something else that is needed is not usable.
    #[error("{0}")]
    Other(String),
}

/// A connection to a partner that takes longer than this is not coming.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// No call to a partner takes longer; adapters set shorter deadlines.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Which kinds of jobs there are, and what does each: every kind has its line here.
macro_rules! kinds_of_jobs {
    ($($job:ty => $work:path,)*) => {
        impl App {
            /// The kinds that this release can do; others wait for an instance of another release.
            pub const KINDS_OF_JOBS: &'static [&'static str] = &[$(<$job as Job>::KIND),*];

            /// How long a job of a kind may take; nothing where this release has no such kind.
            pub fn deadline_of(kind: &str) -> Duration {
                match kind {
                    $(<$job as Job>::KIND => <$job as Job>::DEADLINE,)*
                    _ => Duration::ZERO,
                }
            }

            /// Does one job.
            pub async fn run_job(&self, lease: &Lease) -> jobs::Outcome {
                match lease.kind.as_str() {
                    $(<$job as Job>::KIND => $work(self, lease).await,)*
                    unknown => Err(jobs::Failure::never(format!("no such kind of job: {unknown}"))),
                }
            }
        }
    };
}

kinds_of_jobs! {
    cart::Upkeep => cart::upkeep,
    catalog::Upkeep => catalog::upkeep,
    checkout::Expire => checkout::expire,
    checkout::RefundByRule => checkout::refund_by_rule,
    checkout::LapseQuestions => checkout::lapse_questions,
    delivery::BookParcel => delivery::book_parcel,
    delivery::CancelLabel => delivery::cancel_label,
    delivery::AwaitCancellation => delivery::await_cancellation,
    delivery::FindStray => delivery::find_stray,
    delivery::Close => delivery::close,
    delivery::OrderPickup => delivery::order_pickup,
    delivery::RemindToPack => delivery::remind_to_pack,
    delivery::TrackShipment => delivery::track_shipment,
    delivery::SubscribeAccount => delivery::subscribe_account,
    delivery::SubscribeParcels => delivery::subscribe_parcels,
    exchange::Dispatch => exchange::dispatch,
    exchange::Post => exchange::post,
    exchange::Pull => exchange::pull,
    exchange::Stock => exchange::write_stock,
    payments::Ask => payments::ask,
    payments::AnswerDispute => payments::answer_dispute,
    payments::FetchEvents => payments::fetch_events,
    payments::debts::Collect => payments::debts::collect,
    payments::reconcile::Nightly => payments::reconcile::nightly,
    payments::reconcile::Reconcile => payments::reconcile::reconcile,
    payments::Follow => payments::follow,
    payments::Link => payments::link,
    payments::Operate => payments::operate,
    payments::ReadDispute => payments::read_dispute,
    payments::TellParcel => payments::tell_parcel,
    payments::Sweep => payments::sweep,
    payments::Unlink => payments::unlink,
    payments::WatchHold => payments::watch_hold,
    payments::WindDown => payments::wind_down,
}

impl App {
    /// Tells the rooms beside carts that a shopper began a trip. Nothing hangs on it: what goes wrong is logged.
    pub async fn trip_begun(&self, shopper: ShopperId) {
        if let Err(error) = payments::expect_debit(self, shopper).await {
            tracing::warn!(shopper.id = %shopper, "the accounts of a shopper can't be asked after: {error}");
        }
    }

    /// Whether all accounts that a shopper could be debited on were taken back: asked by carts.
    pub async fn must_link_again(&self, shopper: ShopperId) -> Result<bool, db::Error> {
        payments::must_link_again(&self.db, shopper).await
    }

    /// Opens the database, warms the index and gathers the parts.
    pub async fn start(config: Config, clock: Clock, random: Random) -> Result<Self, StartError> {
        let db = Db::open(&config.database).await?;
        Self::over(db, config, clock, random).await
    }

    /// An app over a database that is open already.
    pub async fn over(db: Db, config: Config, clock: Clock, random: Random) -> Result<Self, StartError> {
        let ids = Ids::new(clock.clone(), random.clone());
        let http = http_client().map_err(|error| StartError::Other(format!("no HTTP client: {error}")))?;
        let identity = identity::Identity::open(&db, &config.identity, &clock, &random, &http).await?;
        let catalog = catalog::Catalog::load(&db).await?;
        let journal = cart::Journal::start(&db);
        let providers = payments::Providers::new(&config.payments, &http, &clock);
        let carriers = delivery::Carriers::new(&config.delivery, &http);
        let outbound = exchange::Outbound::new(&config.exchange)
            .map_err(|error| StartError::Other(format!("no HTTP client: {error}")))?;
        let connections = exchange::Connections::new(&config.exchange.connections, &http);
        let shelves = exchange::Shelves::new(&config.exchange.connections, &http);
        Ok(Self(Arc::new(Parts {
            jobs: jobs::Wake::default(),
            changes: Changes::default(),
            config,
            db,
            clock,
            ids,
            random,
            http,
            identity,
            catalog,
            unknown_codes: catalog::quality::UnknownCodes::default(),
            journal,
            offers: cart::Offers::default(),
            providers,
            carriers,
            outbound,
            connections,
            shelves,
        })))
    }

    /// What payments report to the room above, inside the transaction that learns it.
    pub async fn payment_news(
        &self,
        tx: &mut db::Tx,
        now: Moment,
        news: payments::News,
    ) -> Result<(), Internal> {
        checkout::payment_news(self, tx, now, news).await
    }

    /// What the rooms above and beside know of a purchase whose debit is disputed: its receipt, the gate that it opened, its
    /// parcels.
    pub async fn purchase_evidence(
        &self,
        payment: PaymentId,
    ) -> Result<Vec<payments::EvidencePiece>, Internal> {
        use payments::{EvidenceKind, EvidencePiece};
        let Some(purchase) = checkout::evidence(&self.db, payment).await? else { return Ok(Vec::new()) };
        let mut pieces = vec![EvidencePiece::new(EvidenceKind::Receipt, &purchase.receipt)];
        if let Some(gate) = exit::evidence(&self.db, purchase.order).await? {
            pieces.push(EvidencePiece::new(EvidenceKind::Gate, &gate));
        }
        if let Some(shipment) = purchase.shipment {
            for parcel in delivery::evidence(&self.db, shipment).await? {
                let number = &parcel.tracking_number;
                pieces.push(EvidencePiece::delivery(&parcel.text, &parcel.carrier, number));
            }
        }
        Ok(pieces)
    }

    /// Whether a shopper may begin a new trip: asked by carts, which know nothing of payments.
    pub async fn may_begin_trip(&self, shopper: ShopperId) -> Result<(), Problem> {
        Ok(payments::debts::may_shop(&self.db, shopper).await?)
    }

    /// What deliveries report to the room above, inside the transaction that learns it.
    pub async fn delivery_news(
        &self,
        tx: &mut db::Tx,
        now: Moment,
        news: delivery::News,
    ) -> Result<(), Internal> {
        checkout::delivery_news(self, tx, now, news).await
    }

    /// Whether somebody is picking an order for its delivery.
    pub async fn is_being_picked(
        &self,
        tx: &mut db::Tx,
        now: Moment,
        order: crate::ids::OrderId,
    ) -> Result<bool, db::Error> {
        checkout::is_being_picked(tx, now, order).await
    }

    /// Shows in gauges how each flow to and from other systems is doing.
    pub async fn measure_flows(&self) -> Result<(), db::Error> {
        exchange::measure_flows(self).await
    }

    /// What happened to an order, for the partners that want to know, inside the transaction in which it happened.
    pub async fn order_news(
        &self,
        tx: &mut db::Tx,
        now: Moment,
        news: checkout::News,
    ) -> Result<(), Internal> {
        let kind = match news.kind {
            checkout::NewsKind::Paid => EventKind::OrderPaid,
            checkout::NewsKind::Refunded => EventKind::OrderRefunded,
            checkout::NewsKind::SubstituteAsked => EventKind::OrderSubstituteAsked,
            checkout::NewsKind::Cancelled => EventKind::OrderCancelled,
            checkout::NewsKind::Booked => EventKind::ShipmentBooked,
            checkout::NewsKind::HandedOver => EventKind::ShipmentHandedOver,
            checkout::NewsKind::AttemptFailed => EventKind::ShipmentAttemptFailed,
            checkout::NewsKind::AtPickupPoint => EventKind::ShipmentAtPickupPoint,
            checkout::NewsKind::Delivered => EventKind::ShipmentDelivered,
            checkout::NewsKind::Returned => EventKind::ShipmentReturned,
            checkout::NewsKind::Failed => EventKind::ShipmentFailed,
        };
        let checkout::News { order, store, payload, document, .. } = news;
        let fact = exchange::Fact { kind, order, store, payload, document };
        exchange::publish(tx, &self.ids, now, &self.connections, &fact).await?;
        exchange::note_sold(tx, &self.connections, &self.shelves, &fact).await?;
        Ok(())
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl std::fmt::Debug for App {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("App")
    }
}

#[expect(clippy::disallowed_methods, reason = "the one client that all calls to the outside share")]
fn http_client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .user_agent(concat!("aisle/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(CALL_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}
