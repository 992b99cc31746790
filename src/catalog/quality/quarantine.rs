//! The work list of rows that are kept aside, and the four ways out of it: a right row comes, staff send one, staff say
//! that it is right as it is, or staff decide that nothing follows.
//!
//! What staff send is a batch of its own and passes every rule: a confirmation lifts only those that leave a row to people.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::batches::{self, Delivery, RefusedRow, Report};
use super::super::code::Gtin;
use super::super::content::Content;
use super::super::rows::{self, BatchRow, Kind, Row};
use super::super::store::write;
use super::model::{KeptState, Level, Rule, Source};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Db, Run};
use crate::ids::{BatchId, QuarantineId, Sku, StaffId};

/// Rows of one page of the work list.
pub(super) const PAGE_MAX: i64 = 200;

/// A row that is kept aside.
#[derive(Clone, Debug, Serialize, ToSchema, sqlx::FromRow)]
pub(super) struct Item {
    /// Its name; later ones sort later.
    pub(super) id: QuarantineId,
    /// The batch in which it came last.
    batch: BatchId,
    /// The line of that batch.
    line: i64,
    /// What it is about.
    pub(super) kind: Kind,
    /// Its key, or its batch and line when none could be read.
    key: String,
    /// The product that it is about, when it is about one.
    sku: Option<String>,
    /// The rule that it broke.
    pub(super) rule: Rule,
    /// How grave that is.
    level: Level,
    /// The field that is wrong; empty when that is the row as a whole.
    field: String,
    /// The value that is wrong.
    value: String,
    /// What is wrong about it.
    detail: String,
    /// The row as it came, at most 8 KiB of it.
    pub(super) raw: String,
    /// Who sent it: `partner:` and the partner's id, `staff:` and theirs, or `local`.
    source: String,
    /// What became of it.
    pub(super) state: KeptState,
    /// When it came first.
    first_seen: DateTime<Utc>,
    /// When it came last.
    last_seen: DateTime<Utc>,
    /// How often it came while it was open.
    seen: i64,
    /// When it was closed.
    closed_at: Option<DateTime<Utc>>,
    /// Who closed it; nobody when a right row did.
    closed_by: Option<StaffId>,
    /// What they said.
    note: Option<String>,
}

/// What the list shows; an empty text is any.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    pub(super) state: KeptState,
    pub(super) rule: Option<Rule>,
    pub(super) kind: Option<Kind>,
    pub(super) source: Option<String>,
    pub(super) after: Option<QuarantineId>,
    pub(super) limit: i64,
}

/// Rows that are kept aside, the oldest first, a page.
pub(super) async fn list(db: &Db, filter: &Filter) -> Result<Vec<Item>, db::Error> {
    db.sql(
        "SELECT id, batch, line, kind, key, sku, rule, level, field, value, detail, raw, source, state, first_seen,
             last_seen, seen, closed_at, closed_by, note
         FROM quality_quarantine
         WHERE state = $1 AND id > $2
           AND ($3 = '' OR rule = $3) AND ($4 = '' OR kind = $4) AND ($5 = '' OR source = $5)
         ORDER BY id
         LIMIT $6",
    )
    .bind(filter.state)
    .bind(filter.after.unwrap_or(QuarantineId(Uuid::nil())))
    .bind(filter.rule.map(Rule::as_str).unwrap_or_default())
    .bind(filter.kind.map(Kind::as_str).unwrap_or_default())
    .bind(filter.source.as_deref().unwrap_or_default())
    .bind(filter.limit.clamp(1, PAGE_MAX))
    .fetch_all()
    .await
}

/// One of them.
pub(super) async fn find(db: &Db, id: QuarantineId) -> Result<Option<Item>, db::Error> {
    db.sql(
        "SELECT id, batch, line, kind, key, sku, rule, level, field, value, detail, raw, source, state, first_seen,
             last_seen, seen, closed_at, closed_by, note
         FROM quality_quarantine
         WHERE id = $1",
    )
    .bind(id)
    .fetch_optional()
    .await
}

/// Why a row stays where it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// There is no such row.
    #[error("there is no such row")]
    Unknown,
    /// It was closed before.
    #[error("the row is {0} already")]
    Closed(KeptState),
    /// The rule leaves nothing to people.
    #[error("a row that breaks {0} can't be right as it is")]
    NotConfirmable(Rule),
    /// The row that was sent is about something else.
    #[error("the row is not about what is kept aside: {0}")]
    Differs(&'static str),
    /// The row that was sent is refused as well.
    #[error("the row is refused: {}", .0.detail)]
    Refused(Box<RefusedRow>),
    /// The row can't be kept on its way.
    #[error(transparent)]
    Content(#[from] super::super::content::ContentError),
    /// The row can't be applied.
    #[error(transparent)]
    Batch(#[from] batches::Error),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] db::Error),
}

/// Applies one row of staff as a batch of its own, visible when this answers. A row that is refused leaves nothing behind.
pub(super) async fn apply(
    app: &App,
    staff: StaffId,
    row: String,
    is_confirmed: bool,
) -> Result<Report, Error> {
    let body = futures_util::stream::iter([Ok::<_, std::io::Error>(axum::body::Bytes::from(row))]);
    // Two instances with the same clock may share a folder: the batch's id is as good a name as any.
    let content = Content::receive(body, app.ids.next()).await?;
    let source = Source::Staff(staff).to_string();
    let delivery = Delivery { source, is_confirmed, is_all_or_nothing: true, ..Delivery::default() };
    let id: BatchId = app.ids.next();
    let report = batches::deliver(&app.db, app.clock.now(), id, &delivery, None, &content).await?;
    if let Some(refused) = report.refusals.first() {
        return Err(Error::Refused(Box::new(refused.clone())));
    }
    app.catalog.refresh(&app.db).await?;
    tracing::info!(batch.id = %id, staff.id = %staff, "staff applied a row");
    Ok(report)
}

/// Whether a row may take the place of one that is kept aside: of the same kind and key, as far as these could be read. One
/// that can't be read itself is left to the rules.
fn check_same(item: &Item, row: &str) -> Result<(), Error> {
    let Ok(row) = rows::read(row.as_bytes()) else { return Ok(()) };
    let Some(content) = &row.content else { return Err(Error::Differs("it takes something back")) };
    if item.kind != Kind::Unknown && item.kind != row.key.kind() {
        return Err(Error::Differs("it is of another kind"));
    }
    let is_same = match content {
        BatchRow::Code(code) => is_same_code(item, &row, code.sku.as_str()),
        _ => match rows::keys(item.raw.as_bytes()) {
            Some(key) => key == row.key,
            // The product is all that could be read of it, if that much.
            None => item.sku.as_ref().is_none_or(|sku| sku_of(content).is_none_or(|own| own == sku)),
        },
    };
    is_same.then_some(()).ok_or(Error::Differs("it has another key"))
}

/// A code that could be read stays; in place of one that could not, another one may come for the same product.
fn is_same_code(item: &Item, row: &Row, sku: &str) -> bool {
    let is_same_sku = item.sku.as_ref().is_none_or(|own| own.as_str() == sku);
    match item.rule {
        Rule::CodeMissing
        | Rule::CodeCharset
        | Rule::CodeLength
        | Rule::CodeCheck
        | Rule::CodeZero
        | Rule::CodeCoupon
        | Rule::CodeRestricted
        | Rule::CodeMessage => is_same_sku,
        _ if Gtin::checked(&item.key).is_ok() => row.key.to_string() == item.key,
        _ => is_same_sku,
    }
}

fn sku_of(row: &BatchRow) -> Option<&str> {
    match row {
        BatchRow::Product(row) => Some(row.sku.as_str()),
        BatchRow::Code(row) => Some(row.sku.as_str()),
        BatchRow::Price(row) => Some(row.sku.as_str()),
        BatchRow::Stock(row) => Some(row.sku.as_str()),
        BatchRow::Location(row) => Some(row.sku.as_str()),
        BatchRow::Recall(row) => Some(row.sku.as_str()),
        BatchRow::TaxClass(_)
        | BatchRow::TaxRate(_)
        | BatchRow::PriceList(_)
        | BatchRow::Store(_)
        | BatchRow::Promotion(_)
        | BatchRow::Coupon(_)
        | BatchRow::Customer(_) => None,
    }
}

async fn open(app: &App, id: QuarantineId) -> Result<Item, Error> {
    let item = find(&app.db, id).await?.ok_or(Error::Unknown)?;
    if item.state == KeptState::Open { Ok(item) } else { Err(Error::Closed(item.state)) }
}

/// Applies a corrected row in place of the one that is kept aside.
pub(super) async fn release(
    app: &App,
    staff: StaffId,
    id: QuarantineId,
    row: String,
) -> Result<Report, Error> {
    check_same(&open(app, id).await?, &row)?;
    let report = apply(app, staff, row, false).await?;
    close(app, id, KeptState::Released, staff, None).await?;
    Ok(report)
}

/// Applies the row as it came.
pub(super) async fn confirm(app: &App, staff: StaffId, id: QuarantineId) -> Result<Report, Error> {
    let item = open(app, id).await?;
    if !item.rule.is_confirmable() {
        return Err(Error::NotConfirmable(item.rule));
    }
    let report = apply(app, staff, item.raw, true).await?;
    close(app, id, KeptState::Confirmed, staff, None).await?;
    Ok(report)
}

/// Closes a row without any consequence but that a sale it stopped goes on.
pub(super) async fn dismiss(app: &App, staff: StaffId, id: QuarantineId, note: &str) -> Result<(), Error> {
    open(app, id).await?;
    close(app, id, KeptState::Dismissed, staff, Some(note)).await
}

async fn close(
    app: &App,
    id: QuarantineId,
    state: KeptState,
    staff: StaffId,
    note: Option<&str>,
) -> Result<(), Error> {
    let now: Moment = app.clock.now();
    let mut tx = app.db.begin().await?;
    // The row that was applied may have closed it as one of the same key does.
    let closed: Option<(Option<Sku>, Level)> = tx
        .sql(
            "UPDATE quality_quarantine SET state = $2, closed_at = $3, closed_by = $4, note = $5
             WHERE id = $1 AND state IN ('open', 'corrected')
             RETURNING sku, level",
        )
        .bind(id)
        .bind(state)
        .bind(now)
        .bind(staff)
        .bind(note)
        .fetch_optional()
        .await?;
    let stopped = closed.filter(|(_, level)| *level == Level::StopSale).and_then(|(sku, _)| sku);
    if let Some(sku) = stopped {
        let revision = write::next_revision(&mut tx).await?;
        super::store::touch_products(&mut tx, &[sku.to_string()], revision).await?;
        tx.commit().await?;
        app.catalog.refresh(&app.db).await?;
    } else {
        tx.commit().await?;
    }
    tracing::info!(quarantine.id = %id, staff.id = %staff, %state, "a row that was kept aside is closed");
    Ok(())
}
