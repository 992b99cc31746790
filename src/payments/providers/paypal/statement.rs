//! Transaction Search v1: PayPal's own books of our account, for reconciliation.
//!
//! It lists a span of 31 days at most, up to three hours late and three years back, in pages of 500. Its transaction ids are
//! not unique, so a line's name has the event code too. Only what moved money counts: pending and denied transactions are left
//! out.

use chrono::{Duration, SecondsFormat};

use super::client::{Answer, Client};
use super::orders::operation_of;
use super::wire::{self, Transaction};
use crate::clock::Moment;
use crate::money::Money;
use crate::payments::statement::{
    LineKind, Statement, StatementError, StatementLine, StatementTerms, UnreadLine,
};

const PAGE_SIZE: usize = 500;
/// PayPal gives no more than 10,000 transactions for one question.
const PAGES_MAX: i64 = 20;

/// How the books can be read.
pub fn terms() -> StatementTerms {
    StatementTerms {
        span_max: Duration::days(31),
        late_by: Duration::hours(3),
        kept_for: Duration::days(3 * 365),
        tells_fees: true,
        tells_payouts: true,
    }
}

/// What the books say of a span.
pub async fn read(client: &Client, from: Moment, to: Moment) -> Result<Statement, StatementError> {
    let mut statement = Statement { lines: Vec::new(), unread: Vec::new(), whole_until: None };
    let mut page = 1;
    loop {
        let found = read_page(client, from, to, page).await?;
        statement.whole_until = moment(found.last_refreshed_datetime.as_deref());
        for transaction in found.transaction_details.into_iter().map(|detail| detail.transaction_info) {
            match line(&transaction) {
                Ok(Some(line)) if (from..to).contains(&line.at) => statement.lines.push(line),
                Ok(_) => {}
                Err(detail) => {
                    let id = transaction.transaction_id.clone().unwrap_or_default();
                    statement.unread.push(UnreadLine { id, detail: detail.to_owned() });
                }
            }
        }
        if page >= found.total_pages {
            return Ok(statement);
        }
        if found.total_pages > PAGES_MAX {
            return Err(StatementError::TooMuch);
        }
        page += 1;
    }
}

async fn read_page(
    client: &Client,
    from: Moment,
    to: Moment,
    page: i64,
) -> Result<wire::Transactions, StatementError> {
    let time = |moment: Moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("start_date", &time(from))
        .append_pair("end_date", &time(to))
        .append_pair("fields", "transaction_info")
        .append_pair("balance_affecting_records_only", "Y")
        .append_pair("page_size", &PAGE_SIZE.to_string())
        .append_pair("page", &page.to_string())
        .finish();
    let answer = client
        .get("search transactions", &format!("/v1/reporting/transactions?{query}"))
        .await
        .map_err(|lost| StatementError::Unavailable(lost.detail()))?;
    if answer.status.is_success() {
        return answer.read().map_err(|lost| StatementError::Unavailable(lost.detail()));
    }
    Err(refused(&answer))
}

fn refused(answer: &Answer) -> StatementError {
    let refusal: wire::Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
    let issue = refusal.details.first().map_or(refusal.name.as_str(), |detail| &detail.issue);
    match (answer.status.as_u16(), issue) {
        (400, "RESULTSET_TOO_LARGE") => StatementError::TooMuch,
        (400 | 403, issue) if !refusal.name.is_empty() => StatementError::Refused(issue.to_owned()),
        (status, _) => StatementError::Unavailable(format!("PayPal answered {status}")),
    }
}

fn moment(text: Option<&str>) -> Option<Moment> {
    let text = text?;
    // PayPal writes offsets without a colon, as in +0000.
    text.parse().ok().or_else(|| {
        let parsed = chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z").ok()?;
        Some(parsed.with_timezone(&chrono::Utc))
    })
}

/// A transaction as a line; nothing for one that moved no money.
fn line(transaction: &Transaction) -> Result<Option<StatementLine>, &'static str> {
    if matches!(transaction.transaction_status.as_deref(), Some("P" | "D")) {
        return Ok(None);
    }
    let id = transaction.transaction_id.as_deref().filter(|id| !id.is_empty()).ok_or("without an id")?;
    let code = transaction.transaction_event_code.as_deref().ok_or("without an event code")?;
    let amount = transaction.transaction_amount.as_ref().ok_or("without an amount")?;
    let gross = amount.signed_money().map_err(|_| "with an amount that can't be read")?;
    let fee = match &transaction.fee_amount {
        Some(fee) => {
            let fee = fee.signed_money().map_err(|_| "with a fee that can't be read")?;
            Some(Money::new(fee.minor().saturating_neg(), fee.currency()))
        }
        None => None,
    };
    let at = moment(transaction.transaction_initiation_date.as_deref()).ok_or("without a time")?;
    let kind = kind(code, gross);
    let reference = transaction.paypal_reference_id.clone();
    let is_order = transaction.paypal_reference_id_type.as_deref() == Some("ODR");
    let invoice = transaction.invoice_id.as_deref();
    let takes_from = || reference.clone().filter(|_| !is_order);
    Ok(Some(StatementLine {
        id: format!("{id}/{code}"),
        order: reference.clone().filter(|_| is_order),
        capture: match kind {
            LineKind::Captured => Some(id.to_owned()),
            LineKind::Payout => None,
            _ => takes_from(),
        },
        refund: (kind == LineKind::Refunded).then(|| id.to_owned()),
        operation: invoice.and_then(operation_of),
        reference: invoice.map(str::to_owned).or_else(|| transaction.custom_field.clone()),
        gross,
        fee,
        at,
        payout: (kind == LineKind::Payout).then(|| id.to_owned()),
        kind,
    }))
}

/// What an event code means. Codes go in groups: T00 payments, T01 fees, T04 withdrawals, T11 reversals, T12 adjustments.
fn kind(code: &str, gross: Money) -> LineKind {
    match code {
        "T1107" => LineKind::Refunded,
        "T1110" => LineKind::DisputeHeld,
        "T1111" => LineKind::DisputeReleased,
        "T1108" | "T1109" => LineKind::FeeRefunded,
        "T1100" | "T1101" | "T1102" | "T1104" | "T1106" | "T1116" => LineKind::Reversed,
        "T1201" => LineKind::Chargeback,
        code if code.starts_with("T00") && gross.is_positive() => LineKind::Captured,
        code if code.starts_with("T01") => LineKind::Fee,
        code if code.starts_with("T04") => LineKind::Payout,
        code => LineKind::Other(code.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn read(text: &str) -> Result<Option<StatementLine>, &'static str> {
        line(&serde_json::from_str(text).expect("parses"))
    }

    #[test]
    fn a_payment_is_a_capture_with_its_fee_above_zero() {
        let line = read(
            r#"{"transaction_id":"C1","transaction_event_code":"T0003","transaction_status":"S",
                "transaction_initiation_date":"2026-11-23T09:00:00+0000","paypal_reference_id":"O1",
                "paypal_reference_id_type":"ODR","invoice_id":"A-17-0199d3a0-0000-7000-8000-000000000001",
                "transaction_amount":{"currency_code":"EUR","value":"9.99"},
                "fee_amount":{"currency_code":"EUR","value":"-0.65"}}"#,
        );
        let line = line.expect("read").expect("a line");
        assert_eq!((line.kind, line.gross), (LineKind::Captured, Money::new(999, Currency::EUR)));
        assert_eq!(line.fee, Some(Money::new(65, Currency::EUR)));
        assert_eq!((line.capture.as_deref(), line.order.as_deref()), (Some("C1"), Some("O1")));
        assert!(line.operation.is_some());
    }

    #[test]
    fn what_is_not_money_is_no_line_and_what_can_not_be_read_says_why() {
        let with = |status: &str, amount: &str| {
            read(&format!(
                r#"{{"transaction_id":"R1","transaction_event_code":"T1107","transaction_status":"{status}",
                    "transaction_initiation_date":"2026-11-23T09:00:00Z","paypal_reference_id":"C1",
                    "paypal_reference_id_type":"TXN",
                    "transaction_amount":{{"currency_code":"EUR","value":"{amount}"}}}}"#
            ))
        };
        assert_eq!(with("P", "-1.00"), Ok(None));
        assert_eq!(with("S", "x"), Err("with an amount that can't be read"));
        let refund = with("S", "-1.00").expect("read").expect("a line");
        assert_eq!((refund.kind, refund.gross.minor()), (LineKind::Refunded, -100));
        assert_eq!((refund.capture.as_deref(), refund.refund.as_deref()), (Some("C1"), Some("R1")));
        assert_eq!(kind("T9999", Money::new(1, Currency::EUR)), LineKind::Other("T9999".to_owned()));
    }
}
