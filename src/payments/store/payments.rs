//! Rows of payments: insert, find, lock, write back.

use sqlx::types::Json;

use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{CheckoutId, DebtId, MethodId, PaymentId, RefundId, ShopperId};
use crate::money::{Currency, Money};
use crate::payments::model::{DeclineReason, HoldWindow, Payment, PaymentLine, PaymentState, ProviderName};
use crate::payments::spent::Spent;

#[derive(sqlx::FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own that stays, not a state")]
struct PaymentRow {
    id: PaymentId,
    checkout: CheckoutId,
    debt: Option<DebtId>,
    is_by_rule: bool,
    shopper: ShopperId,
    method: MethodId,
    provider: ProviderName,
    currency: Currency,
    total: i64,
    due_now: i64,
    authorised: i64,
    captured: i64,
    refunded: i64,
    state: PaymentState,
    is_closed: bool,
    is_given_up: bool,
    action_url: Option<String>,
    decline_reason: Option<DeclineReason>,
    may_retry: bool,
    provider_order: Option<String>,
    provider_authorisation: Option<String>,
    hold_honoured_until: Option<Moment>,
    hold_ends_at: Option<Moment>,
    hold_renew_at: Option<Moment>,
    hold_look_at: Option<Moment>,
    reference: String,
    country: Option<String>,
    return_url: String,
    links_method: bool,
    device_session: Option<String>,
    created_at: Moment,
}

impl From<PaymentRow> for Payment {
    fn from(row: PaymentRow) -> Self {
        let money = |minor| Money::new(minor, row.currency);
        Self {
            id: row.id,
            checkout: row.checkout,
            debt: row.debt,
            is_by_rule: row.is_by_rule,
            shopper: row.shopper,
            method: row.method,
            provider: row.provider,
            currency: row.currency,
            total: money(row.total),
            due_now: money(row.due_now),
            authorised: money(row.authorised),
            captured: money(row.captured),
            refunded: money(row.refunded),
            state: row.state,
            is_closed: row.is_closed,
            is_given_up: row.is_given_up,
            action_url: row.action_url,
            decline_reason: row.decline_reason,
            may_retry: row.may_retry,
            provider_order: row.provider_order,
            provider_authorisation: row.provider_authorisation,
            hold: row.hold_honoured_until.zip(row.hold_ends_at).map(|(honoured_until, ends_at)| HoldWindow {
                honoured_until,
                ends_at,
                renew_at: row.hold_renew_at,
            }),
            hold_look_at: row.hold_look_at,
            reference: row.reference,
            country: row.country,
            return_url: row.return_url,
            links_method: row.links_method,
            device_session: row.device_session,
            created_at: row.created_at,
        }
    }
}

/// Writes a new payment; answers whether its name and its checkout were free.
pub async fn insert(
    tx: &mut Tx,
    now: Moment,
    payment: &Payment,
    lines: &[PaymentLine],
) -> Result<bool, Error> {
    let rows = tx
        .sql(
            "INSERT INTO payments (
                 id, checkout, shopper, method, provider, currency, total, due_now, authorised, captured, refunded,
                 state, is_closed, is_given_up, reference, return_url, lines, country, version, created_at, changed_at, debt,
                 is_by_rule, links_method, device_session
             )
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0, 0, $9, FALSE, FALSE, $10, $11, $12, $13, 1, $14, $14, $15, $16, $17,
                 $18)
             ON CONFLICT DO NOTHING",
        )
        .bind(payment.id)
        .bind(payment.checkout)
        .bind(payment.shopper)
        .bind(payment.method)
        .bind(payment.provider)
        .bind(payment.currency)
        .bind(payment.total.minor())
        .bind(payment.due_now.minor())
        .bind(payment.state)
        .bind(payment.reference.as_str())
        .bind(payment.return_url.as_str())
        .bind(Json(lines))
        .bind(payment.country.as_deref())
        .bind(now)
        .bind(payment.debt)
        .bind(payment.is_by_rule)
        .bind(payment.links_method)
        .bind(payment.device_session.as_deref())
        .execute()
        .await?;
    Ok(rows == 1)
}

/// A payment.
pub async fn find(db: impl Run<'_>, id: PaymentId) -> Result<Option<Payment>, Error> {
    let row: Option<PaymentRow> = db
        .sql(
            "SELECT id, checkout, debt, is_by_rule, shopper, method, provider, currency, total, due_now, authorised, captured,
                 refunded, state, is_closed, is_given_up, action_url, decline_reason, may_retry, provider_order,
                 provider_authorisation, hold_honoured_until, hold_ends_at, hold_renew_at, hold_look_at, reference,
                 country, return_url, links_method, device_session, created_at
             FROM payments
             WHERE id = $1",
        )
        .bind(id)
        .fetch_optional()
        .await?;
    Ok(row.map(Payment::from))
}

/// Takes the payment for this transaction: everybody who decides over it waits here for the others.
pub async fn lock(tx: &mut Tx, id: PaymentId) -> Result<Option<Payment>, Error> {
    tx.sql("UPDATE payments SET version = version + 1 WHERE id = $1").bind(id).execute().await?;
    find(tx, id).await
}

/// Writes down what a refund is for.
pub async fn insert_refund_lines(tx: &mut Tx, id: RefundId, lines: &[PaymentLine]) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO payment_refund_lines (refund, lines) VALUES ($1, $2) ON CONFLICT (refund) DO NOTHING",
    )
    .bind(id)
    .bind(Json(lines))
    .execute()
    .await?;
    Ok(())
}

/// What a refund is for; nothing where that was not said.
pub async fn refund_lines(db: impl Run<'_>, id: RefundId) -> Result<Vec<PaymentLine>, Error> {
    let row: Option<(Json<Vec<PaymentLine>>,)> =
        db.sql("SELECT lines FROM payment_refund_lines WHERE refund = $1").bind(id).fetch_optional().await?;
    Ok(row.map_or_else(Vec::new, |(lines,)| lines.0))
}

/// The lines of a payment, as they were when it was asked for.
pub async fn lines(db: impl Run<'_>, id: PaymentId) -> Result<Vec<PaymentLine>, Error> {
    let row: Option<(Json<Vec<PaymentLine>>,)> =
        db.sql("SELECT lines FROM payments WHERE id = $1").bind(id).fetch_optional().await?;
    Ok(row.map_or_else(Vec::new, |(lines,)| lines.0))
}

/// Writes down anew what a payment is for.
pub async fn save_lines(tx: &mut Tx, id: PaymentId, lines: &[PaymentLine]) -> Result<(), Error> {
    tx.sql("UPDATE payments SET lines = $2 WHERE id = $1").bind(id).bind(Json(lines)).execute().await?;
    Ok(())
}

/// Writes back what may change of a payment.
pub async fn update(tx: &mut Tx, now: Moment, payment: &Payment) -> Result<(), Error> {
    tx.sql(
        "UPDATE payments SET
             authorised = $2, captured = $3, refunded = $4, state = $5, is_closed = $6, is_given_up = $7,
             action_url = $8, decline_reason = $9, may_retry = $10, provider_order = $11, provider_authorisation = $12,
             hold_honoured_until = $13, hold_ends_at = $14, hold_renew_at = $15, hold_look_at = $16, changed_at = $17
         WHERE id = $1",
    )
    .bind(payment.id)
    .bind(payment.authorised.minor())
    .bind(payment.captured.minor())
    .bind(payment.refunded.minor())
    .bind(payment.state)
    .bind(payment.is_closed)
    .bind(payment.is_given_up)
    .bind(payment.action_url.as_deref())
    .bind(payment.decline_reason)
    .bind(payment.may_retry)
    .bind(payment.provider_order.as_deref())
    .bind(payment.provider_authorisation.as_deref())
    .bind(payment.hold.map(|window| window.honoured_until))
    .bind(payment.hold.map(|window| window.ends_at))
    .bind(payment.hold.and_then(|window| window.renew_at))
    .bind(payment.hold_look_at)
    .bind(now)
    .execute()
    .await?;
    Ok(())
}

/// Takes what a shopper is debited for this transaction: whoever counts it waits here for the others.
pub async fn lock_shopper(tx: &mut Tx, shopper: ShopperId) -> Result<(), Error> {
    tx.sql(
        "INSERT INTO shopper_debits (shopper, version) VALUES ($1, 1)
         ON CONFLICT (shopper) DO UPDATE SET version = shopper_debits.version + 1",
    )
    .bind(shopper)
    .execute()
    .await?;
    Ok(())
}

/// What a shopper was debited since then, or is about to be, the oldest first.
pub async fn spent(run: impl Run<'_>, shopper: ShopperId, since: Moment) -> Result<Vec<Spent>, Error> {
    let rows: Vec<(Moment, i64, Currency)> = run
        .sql(
            "SELECT created_at, CASE WHEN is_closed THEN captured ELSE total END - refunded, currency
             FROM payments
             WHERE shopper = $1 AND created_at > $2 AND debt IS NULL AND state NOT IN ('declined', 'cancelled')
             ORDER BY created_at, id",
        )
        .bind(shopper)
        .bind(since)
        .fetch_all()
        .await?;
    let spent = |(at, minor, currency)| Spent { at, amount: Money::new(minor, currency) };
    Ok(rows.into_iter().map(spent).collect())
}

/// The last payment of a debt, which may be on its way or have failed.
pub async fn last_of_debt(run: impl Run<'_>, debt: DebtId) -> Result<Option<PaymentId>, Error> {
    let row: Option<(PaymentId,)> = run
        .sql("SELECT id FROM payments WHERE debt = $1 ORDER BY created_at DESC, id DESC LIMIT 1")
        .bind(debt)
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

/// When the provider was asked last about what waits.
pub async fn looked_at(db: impl Run<'_>, id: PaymentId) -> Result<Option<Moment>, Error> {
    let row: Option<(Option<Moment>,)> =
        db.sql("SELECT looked_at FROM payments WHERE id = $1").bind(id).fetch_optional().await?;
    Ok(row.and_then(|(at,)| at))
}

/// Notes when the provider was asked about what waits.
pub async fn set_looked_at(db: impl Run<'_>, id: PaymentId, at: Moment) -> Result<(), Error> {
    db.sql("UPDATE payments SET looked_at = $2 WHERE id = $1").bind(id).bind(at).execute().await?;
    Ok(())
}

/// The payment that holds this authorisation of a provider.
pub async fn by_authorisation(
    db: impl Run<'_>,
    provider: ProviderName,
    object: &str,
) -> Result<Option<PaymentId>, Error> {
    let row: Option<(PaymentId,)> = db
        .sql("SELECT id FROM payments WHERE provider = $1 AND provider_authorisation = $2")
        .bind(provider)
        .bind(object)
        .fetch_optional()
        .await?;
    Ok(row.map(|(id,)| id))
}

/// The provider's order of a purchase that an account is linked with, once it was held or debited.
pub async fn linking_order(db: impl Run<'_>, method: MethodId) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = db
        .sql(
            "SELECT provider_order FROM payments
             WHERE method = $1 AND links_method AND authorised > 0 AND provider_order IS NOT NULL
             ORDER BY created_at DESC, id DESC
             LIMIT 1",
        )
        .bind(method)
        .fetch_optional()
        .await?;
    Ok(row.map(|(order,)| order))
}

/// The account that is linked with the purchase of this order of a provider.
pub async fn linked_with(
    db: impl Run<'_>,
    provider: ProviderName,
    order: &str,
) -> Result<Option<MethodId>, Error> {
    let row: Option<(MethodId,)> = db
        .sql("SELECT method FROM payments WHERE provider = $1 AND provider_order = $2 AND links_method LIMIT 1")
        .bind(provider)
        .bind(order)
        .fetch_optional()
        .await?;
    Ok(row.map(|(method,)| method))
}

/// Payments whose hold is to be looked at now, the longest due first.
pub async fn holds_due(db: impl Run<'_>, now: Moment, limit: i64) -> Result<Vec<PaymentId>, Error> {
    let rows: Vec<(PaymentId,)> = db
        .sql(
            "SELECT id FROM payments
             WHERE hold_look_at <= $1
             ORDER BY hold_look_at, id
             LIMIT $2",
        )
        .bind(now)
        .bind(limit)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Whether a debit of this account may still be on its way.
pub async fn uses_method(db: impl Run<'_>, method: MethodId) -> Result<bool, Error> {
    let row: Option<(PaymentId,)> = db
        .sql(
            "SELECT payments.id FROM payments
             JOIN payment_operations ON payment_operations.payment = payments.id
             WHERE payments.method = $1
                 AND payment_operations.kind IN ('charge', 'authorise')
                 AND payment_operations.state IN ('intended', 'sent', 'parked')
             LIMIT 1",
        )
        .bind(method)
        .fetch_optional()
        .await?;
    Ok(row.is_some())
}
