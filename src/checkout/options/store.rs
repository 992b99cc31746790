//! The rows of delivery options that were shown.

use sqlx::types::Json;
use uuid::Uuid;

use super::{DeliveryOption, DeliveryOptions};
use crate::clock::Moment;
use crate::db::{Error, Run, Tx};
use crate::ids::{CartId, DeliveryOptionId, ShopperId};

/// What is over for so long is removed: until then a checkout is told that it is.
const KEPT: chrono::Duration = chrono::Duration::hours(6);
/// Answers that are kept of one cart, the newest: a shopper who asks on and on has chosen from none of the others.
const ANSWERS_MAX: i64 = 20;

/// The newest answer to the same question, when all of it holds until then.
pub(super) async fn find(
    tx: &mut Tx,
    cart: CartId,
    question: &str,
    until: Moment,
) -> Result<Option<DeliveryOptions>, Error> {
    type Row = (Uuid, Json<DeliveryOption>, Option<Json<DeliveryOptions>>);
    let mut rows: Vec<Row> = tx
        .sql(
            "SELECT answer, option, beside FROM delivery_options
             WHERE cart = $1 AND question = $2 AND valid_until > $3
             ORDER BY answer DESC, place",
        )
        .bind(cart)
        .bind(question.to_owned())
        .bind(until)
        .fetch_all()
        .await?;
    let Some((newest, _, Some(beside))) = rows.first().cloned() else { return Ok(None) };
    rows.retain(|(answer, ..)| *answer == newest);
    // Where one of them is over, couriers are asked again.
    let is_whole = rows.iter().all(|(_, option, _)| option.0.rank.of == as_count(rows.len()));
    let options = rows.into_iter().map(|(_, option, _)| option.0).collect();
    Ok(is_whole.then_some(DeliveryOptions { options, ..beside.0 }))
}

/// Keeps an answer; lets go of what is over.
pub(super) async fn insert(
    tx: &mut Tx,
    (answer, shopper, cart): (Uuid, ShopperId, CartId),
    (holds_for, question): (&str, &str),
    found: &DeliveryOptions,
    now: Moment,
) -> Result<(), Error> {
    tx.sql("DELETE FROM delivery_options WHERE valid_until < $1").bind(now - KEPT).execute().await?;
    tx.sql(
        "DELETE FROM delivery_options
         WHERE cart = $1 AND answer NOT IN (
             SELECT DISTINCT answer FROM delivery_options WHERE cart = $1 ORDER BY answer DESC LIMIT $2
         )",
    )
    .bind(cart)
    .bind(ANSWERS_MAX - 1)
    .execute()
    .await?;
    let beside = DeliveryOptions { options: Vec::new(), ..found.clone() };
    for (place, option) in (0_i64..).zip(&found.options) {
        tx.sql(
            "INSERT INTO delivery_options (
                 id, shopper, cart, holds_for, question, answer, place, option, beside, valid_until
             )
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(option.id)
        .bind(shopper)
        .bind(cart)
        .bind(holds_for.to_owned())
        .bind(question.to_owned())
        .bind(answer)
        .bind(place)
        .bind(Json(option.clone()))
        .bind((place == 0).then(|| Json(beside.clone())))
        .bind(option.valid_until)
        .execute()
        .await?;
    }
    Ok(())
}

/// What it holds for, what couriers were asked, and the option of this name, when it was shown to this shopper for this cart.
pub(super) async fn take(
    tx: &mut Tx,
    id: DeliveryOptionId,
    shopper: ShopperId,
    cart: CartId,
) -> Result<Option<(String, String, DeliveryOption)>, Error> {
    let row: Option<(String, String, Json<DeliveryOption>)> = tx
        .sql("SELECT holds_for, question, option FROM delivery_options WHERE id = $1 AND shopper = $2 AND cart = $3")
        .bind(id)
        .bind(shopper)
        .bind(cart)
        .fetch_optional()
        .await?;
    Ok(row.map(|(holds_for, question, option)| (holds_for, question, option.0)))
}

/// The couriers of the other options that were shown with one, in their order.
pub(super) async fn others(tx: &mut Tx, id: DeliveryOptionId) -> Result<Vec<String>, Error> {
    let rows: Vec<(Json<DeliveryOption>,)> = tx
        .sql(
            "SELECT option FROM delivery_options
             WHERE id <> $1 AND answer = (SELECT answer FROM delivery_options WHERE id = $1)
             ORDER BY place",
        )
        .bind(id)
        .fetch_all()
        .await?;
    Ok(rows.into_iter().map(|(option,)| option.0.carrier).collect())
}

fn as_count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
