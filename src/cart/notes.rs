//! Credit notes: what vouchers had paid comes back as a note, with which its shopper pays later, as with a voucher.
//!
//! A voucher itself does not become free again then: it was paid with, and the paper may be gone. What a note came back for
//! gives one note, however often it is asked for. A note is claimed like a voucher, in the whole chain, so nobody pays with
//! it twice; nobody but its shopper pays with it at all.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::model::{Error, ShownVoucher};
use crate::clock::Moment;
use crate::db::{self, Db, Run, Tx};
use crate::ids::{ShopperId, VoucherCode};
use crate::money::{Currency, Money};
use crate::random::Random;
use crate::text_enum;

/// What the code of a note begins with.
const PREFIX: &str = "CN-";
/// Most notes of one answer: the last ones.
const NOTES_MAX: i64 = 100;

text_enum! {
    /// Whether a credit note can be paid with.
    pub enum NoteState {
        /// It can.
        Open = "open",
        /// A checkout has it.
        Reserved = "reserved",
        /// It was paid with.
        Used = "used",
    }
}

/// A credit note.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreditNote {
    /// What it is shown by, at `/v1/carts/{cart}/vouchers`.
    code: VoucherCode,
    /// What it pays, as a whole.
    amount: Money,
    /// The number of the order that it came back for.
    order_number: String,
    /// Whether it can be paid with.
    state: NoteState,
    /// When it was given.
    at: DateTime<Utc>,
}

/// A note that is to be given.
#[derive(Clone, Debug)]
pub struct NewNote {
    /// What it comes back for: a refund, a shipment that was not picked as a whole, an order.
    pub cause: Uuid,
    /// Whose it is.
    pub shopper: ShopperId,
    /// What it pays.
    pub amount: Money,
    /// What people call the order.
    pub order_number: String,
}

/// Whether a voucher's name is that of a note.
pub fn is_note(code: &str) -> bool {
    code.starts_with(PREFIX)
}

/// Gives a note; nothing for nothing, and nothing when it was given before.
pub async fn issue(tx: &mut Tx, random: &Random, at: Moment, note: NewNote) -> Result<(), Error> {
    if !note.amount.is_positive() {
        return Ok(());
    }
    tx.sql(
        "INSERT INTO credit_notes (code, shopper_id, currency, amount, cause_id, order_number, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (cause_id) DO NOTHING",
    )
    .bind(format!("{PREFIX}{}", random.readable::<12>()))
    .bind(note.shopper)
    .bind(note.amount.currency())
    .bind(note.amount.minor())
    .bind(note.cause)
    .bind(note.order_number)
    .bind(at)
    .execute()
    .await?;
    Ok(())
}

/// The note that a shopper means by a text, for a cart in this currency.
pub(super) async fn find(
    tx: &mut Tx,
    shopper: ShopperId,
    text: &str,
    currency: Currency,
) -> Result<Option<ShownVoucher>, db::Error> {
    let code = text.trim().to_ascii_uppercase();
    if !is_note(&code) {
        return Ok(None);
    }
    let found: Option<(VoucherCode, i64)> = tx
        .sql("SELECT code, amount FROM credit_notes WHERE code = $1 AND shopper_id = $2 AND currency = $3")
        .bind(code)
        .bind(shopper)
        .bind(currency)
        .fetch_optional()
        .await?;
    Ok(found.map(|(code, amount)| ShownVoucher { code, amount, is_of_chain: true }))
}

/// The latest notes of a shopper, the last one first.
pub(super) async fn of_shopper(db: &Db, shopper: ShopperId) -> Result<Vec<CreditNote>, db::Error> {
    type Row = (VoucherCode, i64, Currency, String, String, Moment);
    let rows: Vec<Row> = db
        .sql(
            "SELECT notes.code, notes.amount, notes.currency, notes.order_number, COALESCE(claims.state, 'freed'), notes.at
             FROM credit_notes AS notes
             LEFT JOIN voucher_claims AS claims ON claims.store = '' AND claims.voucher = notes.code
             WHERE notes.shopper_id = $1
             ORDER BY notes.at DESC, notes.code
             LIMIT $2",
        )
        .bind(shopper)
        .bind(NOTES_MAX)
        .fetch_all()
        .await?;
    let note = |(code, amount, currency, order_number, state, at): Row| CreditNote {
        code,
        amount: Money::new(amount, currency),
        order_number,
        state: match state.as_str() {
            "used" => NoteState::Used,
            "reserved" => NoteState::Reserved,
            _ => NoteState::Open,
        },
        at,
    };
    Ok(rows.into_iter().map(note).collect())
}
