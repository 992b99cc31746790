//! Settlements: what Klarna's books say. Sales, returns, fees and disputes show up with the payout that they are settled in, days
//! or weeks after they happened. So they are booked with it: the books of a span are those of its payouts, and each payout is read
//! as a whole.
//!
//! Klarna's transactions have no name of their own: theirs here is made of all that tells them apart, and a number where that
//! does not suffice.

use std::collections::HashMap;
use std::ops::Range;

use chrono::{Duration, SecondsFormat};
use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::client::Client;
use super::manage::capture_name;
use super::wire::Refusal;
use crate::clock::Moment;
use crate::money::{Currency, Money};
use crate::payments::statement::{
    LineKind, Statement, StatementError, StatementLine, StatementTerms, UnreadLine,
};

/// What happened is paid out after a month at the latest; a week more for what is held up.
const LATE_BY: Duration = Duration::days(38);
/// Lines of a page, as many as Klarna gives.
const PAGE: i64 = 500;
/// Most pages of one list: ten million lines of a payout.
const PAGES_MAX: i64 = 20_000;
/// Most lines of an answer; a payout's other lines are passed over as they are read.
const LINES_MAX: usize = 200_000;

/// How Klarna's books can be read.
pub const TERMS: StatementTerms = StatementTerms {
    span_max: Duration::days(31),
    late_by: LATE_BY,
    kept_for: Duration::days(365),
    tells_fees: true,
    tells_payouts: true,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Payouts {
    payouts: Vec<Payout>,
}

#[derive(Debug, Deserialize)]
struct Payout {
    payment_reference: String,
    #[serde(rename = "payout_date")]
    paid_at: Moment,
    currency_code: String,
    totals: Totals,
}

#[derive(Debug, Deserialize)]
struct Totals {
    settlement_amount: i64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Transactions {
    /// Each is read by itself, so that one that can't be read hides none of the others.
    transactions: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    #[serde(rename = "type")]
    kind: String,
    detailed_type: Option<String>,
    amount: i64,
    currency_code: String,
    order_id: String,
    capture_id: Option<String>,
    refund_id: Option<String>,
    reversal_reference: Option<String>,
    merchant_reference1: Option<String>,
    merchant_capture_reference: Option<String>,
    merchant_refund_reference: Option<String>,
}

/// What the books say of a span.
pub async fn statement(client: &Client, from: Moment, to: Moment) -> Result<Statement, StatementError> {
    let text = |at: Moment| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let path = format!(
        "/settlements/v1/payouts?start_date={}&end_date={}",
        text(from),
        text(to + Duration::seconds(1))
    );
    let mut payouts = Vec::new();
    each_page(client, "read payouts", &path, |page: Payouts| {
        let count = page.payouts.len();
        payouts.extend(page.payouts);
        Ok(count)
    })
    .await?;
    let mut found = Found { span: from..to, lines: Vec::new(), unread: Vec::new() };
    for payout in payouts {
        let path = format!("/settlements/v1/transactions?payment_reference={}", payout.payment_reference);
        let mut seen = HashMap::new();
        each_page(client, "read transactions", &path, |page: Transactions| {
            let count = page.transactions.len();
            for value in page.transactions {
                let line = line(&value, &payout);
                found.add(&payout, line.map(|line| told_apart(line, &mut seen)))?;
            }
            Ok(count)
        })
        .await?;
        let line = paid_out(&payout);
        found.add(&payout, line)?;
    }
    Ok(Statement { lines: found.lines, unread: found.unread, whole_until: None })
}

/// What was found for a span.
struct Found {
    span: Range<Moment>,
    lines: Vec<StatementLine>,
    unread: Vec<UnreadLine>,
}

impl Found {
    fn add(&mut self, payout: &Payout, line: Result<StatementLine, String>) -> Result<(), StatementError> {
        match line {
            Ok(line) if self.span.contains(&line.at) && line.gross.minor() != 0 => self.lines.push(line),
            Ok(_) => {}
            Err(detail) => self.unread.push(UnreadLine { id: payout.payment_reference.clone(), detail }),
        }
        if self.lines.len() + self.unread.len() > LINES_MAX { Err(StatementError::TooMuch) } else { Ok(()) }
    }
}

/// Reads a list page by page; each page is told with how many items it has.
async fn each_page<P: DeserializeOwned>(
    client: &Client,
    name: &'static str,
    path: &str,
    mut take: impl FnMut(P) -> Result<usize, StatementError>,
) -> Result<(), StatementError> {
    for page in 0..PAGES_MAX {
        let path = format!("{path}&size={PAGE}&offset={}", page * PAGE);
        let answer =
            client.get(name, &path).await.map_err(|lost| StatementError::Unavailable(lost.detail()))?;
        if !answer.status.is_success() {
            let refusal = Refusal::of(&answer);
            let detail = refusal.describe(answer.status);
            let is_refused = matches!(answer.status, StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST);
            return Err(if is_refused && refusal.is_klarnas() {
                StatementError::Refused(detail)
            } else {
                StatementError::Unavailable(detail)
            });
        }
        let read = answer.read().map_err(|lost| StatementError::Unavailable(lost.detail()))?;
        if i64::try_from(take(read)?).is_ok_and(|count| count < PAGE) {
            return Ok(());
        }
    }
    Err(StatementError::TooMuch)
}

/// A transaction as a line; what can't be read of it otherwise.
fn line(value: &Value, payout: &Payout) -> Result<StatementLine, String> {
    let read: Transaction = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let currency: Currency = read.currency_code.parse().map_err(|_| "its currency".to_owned())?;
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let (capture, refund) = (given(read.capture_id), given(read.refund_id));
    let (kind, is_ours) = kind(&read.kind, read.detailed_type.as_deref().unwrap_or_default());
    // Klarna's documents don't say whether amounts that it takes are below zero: the kind does.
    let minor = match is_ours {
        Some(true) => read.amount.saturating_abs(),
        Some(false) => -read.amount.saturating_abs(),
        None => read.amount,
    };
    let name = match kind {
        LineKind::Captured => read.merchant_capture_reference,
        LineKind::Refunded => read.merchant_refund_reference,
        _ => None,
    };
    let parts = [
        Some(payout.payment_reference.as_str()),
        Some(read.kind.as_str()),
        read.detailed_type.as_deref(),
        Some(read.order_id.as_str()),
        capture.as_deref(),
        refund.as_deref(),
        read.reversal_reference.as_deref(),
    ];
    Ok(StatementLine {
        id: parts.into_iter().flatten().collect::<Vec<_>>().join("/"),
        kind,
        capture: capture.map(|capture| capture_name(&read.order_id, &capture)),
        order: Some(read.order_id),
        refund,
        operation: name.and_then(|name| name.parse().ok()),
        reference: given(read.merchant_reference1),
        gross: Money::new(minor, currency),
        fee: None,
        at: payout.paid_at,
        payout: Some(payout.payment_reference.clone()),
    })
}

/// A line with a name that no other one of its payout has.
fn told_apart(line: StatementLine, seen: &mut HashMap<String, u32>) -> StatementLine {
    let count = seen.entry(line.id.clone()).or_default();
    *count += 1;
    if *count == 1 {
        return line;
    }
    StatementLine { id: format!("{}/{count}", line.id), ..line }
}

/// What a transaction is, and whether it comes to us; nothing where its amount says so by itself.
fn kind(of: &str, detailed: &str) -> (LineKind, Option<bool>) {
    match (of, detailed) {
        ("SALE", _) => (LineKind::Captured, Some(true)),
        ("RETURN", _) => (LineKind::Refunded, Some(false)),
        ("FEE" | "COMMISSION" | "TAX", _) | ("CHARGE", "DISPUTE_FEE") => (LineKind::Fee, Some(false)),
        ("FEE_REFUND", _) | ("CREDIT", "DISPUTE_FEE_REFUND") => (LineKind::FeeRefunded, Some(true)),
        ("REVERSAL", _) => (LineKind::Chargeback, Some(false)),
        ("REVERSAL_MERCHANT_PROTECTION", _) => (LineKind::Reversed, Some(true)),
        ("CHARGE" | "HOLDBACK", _) => (LineKind::Other(of.to_owned()), Some(false)),
        ("CREDIT" | "RELEASE", _) => (LineKind::Other(of.to_owned()), Some(true)),
        _ => (LineKind::Other(of.to_owned()), None),
    }
}

/// The payout itself: money that left Klarna's account of ours for the bank.
fn paid_out(payout: &Payout) -> Result<StatementLine, String> {
    let currency: Currency = payout.currency_code.parse().map_err(|_| "its currency".to_owned())?;
    Ok(StatementLine {
        id: payout.payment_reference.clone(),
        kind: LineKind::Payout,
        order: None,
        capture: None,
        refund: None,
        operation: None,
        reference: None,
        gross: Money::new(payout.totals.settlement_amount.saturating_neg(), currency),
        fee: None,
        at: payout.paid_at,
        payout: Some(payout.payment_reference.clone()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn transaction(kind: &str, detailed: &str, amount: i64) -> Value {
        json!({
            "type": kind, "detailed_type": detailed, "amount": amount, "currency_code": "EUR",
            "capture_date": "2026-11-23T09:00:00Z", "sale_date": "2026-11-20T09:00:00Z",
            "order_id": "o-1", "capture_id": "c-1", "refund_id": "", "purchase_country": "DE",
            "merchant_reference1": "A-17",
            "merchant_capture_reference": "0199d3a0-0000-7000-8000-000000000001",
        })
    }

    fn payout() -> Payout {
        let payout = json!({
            "payment_reference": "P", "payout_date": "2026-11-30T00:00:00Z", "currency_code": "EUR",
            "totals": {"settlement_amount": 1000},
        });
        serde_json::from_value(payout).expect("a payout")
    }

    #[test]
    fn a_transaction_is_a_line_whose_sign_is_ours() {
        let read = |kind: &str, detailed: &str, amount| {
            line(&transaction(kind, detailed, amount), &payout()).expect("a line")
        };
        let sale = read("SALE", "PURCHASE", 1000);
        assert_eq!((sale.kind, sale.gross.minor()), (LineKind::Captured, 1000));
        assert_eq!(sale.capture.as_deref(), Some("o-1/c-1"));
        assert_eq!((sale.refund, sale.payout.as_deref()), (None, Some("P")));
        assert!(sale.operation.is_some());
        assert_eq!(sale.at, payout().paid_at, "it is in the books since then");
        for amount in [65, -65] {
            let fee = read("FEE", "PURCHASE_FEE_PERCENTAGE", amount);
            assert_eq!((fee.kind, fee.gross.minor(), fee.operation), (LineKind::Fee, -65, None));
        }
        assert_eq!(read("RETURN", "PURCHASE_RETURN", 300).gross.minor(), -300);
        assert_eq!(read("REVERSAL", "REVERSAL", 300).kind, LineKind::Chargeback);
        let won = read("REVERSAL_MERCHANT_PROTECTION", "CORRECTION_DISPUTE", 300);
        assert_eq!((won.kind, won.gross.minor()), (LineKind::Reversed, 300), "it comes again");
        assert_eq!(read("CHARGE", "DISPUTE_FEE", 1500).kind, LineKind::Fee);
        assert_eq!(read("HOLDBACK", "", 5).kind, LineKind::Other("HOLDBACK".to_owned()));
        let new = read("SOMETHING_NEW", "", -7);
        assert_eq!((new.kind, new.gross.minor()), (LineKind::Other("SOMETHING_NEW".to_owned()), -7));
    }

    #[test]
    fn lines_that_look_alike_are_told_apart_and_one_that_can_not_be_read_is_named() {
        let mut seen = HashMap::new();
        let mut name = || {
            told_apart(
                line(&transaction("CORRECTION", "CORRECTION", 5), &payout()).expect("a line"),
                &mut seen,
            )
            .id
        };
        let (first, second) = (name(), name());
        assert_eq!(second, format!("{first}/2"));
        let mut wrong = transaction("SALE", "PURCHASE", 1000);
        wrong["currency_code"] = json!("EURO");
        assert_eq!(line(&wrong, &payout()), Err("its currency".to_owned()));
        assert!(line(&json!({"type": "SALE"}), &payout()).is_err());
    }
}
