//! Transaction Search v1: what moved money, made from the books: captures with their fees, refunds, what was taken back, what is
//! held for disputes, payouts.
//!
//! What happened shows up late when the sandbox is told so (`POST /sandbox/reporting`), as PayPal's does by up to three hours.

use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::books::{Amount, CaptureStatus, RefundStatus};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::state::State;
use super::{ids, views};

const SPAN_DAYS_MAX: i64 = 31;
const PAGE_SIZE: usize = 100;
const PAGE_SIZE_MAX: usize = 500;
const ACCOUNT: &str = "A23SANDB2XSH8";

/// One line of the books.
#[derive(Debug, Clone)]
struct Line {
    id: String,
    code: &'static str,
    status: &'static str,
    /// Above zero when it comes to the shop.
    amount: Amount,
    fee_minor: i64,
    /// What it belongs to, and of which kind that is.
    reference: Option<(String, &'static str)>,
    invoice_id: Option<String>,
    custom_id: Option<String>,
    at: DateTime<Utc>,
}

/// Every line, oldest first.
fn lines(state: &State) -> Vec<Line> {
    let books = &state.books;
    let mut lines = Vec::new();
    for capture in books.captures.values() {
        let was_money = capture.reversal.is_some() || capture.status != CaptureStatus::Declined;
        if !was_money || capture.status == CaptureStatus::Pending {
            continue;
        }
        let of_capture = |id: &str, code, minor: i64, at| Line {
            id: id.to_owned(),
            code,
            status: "S",
            amount: capture.amount.with(minor),
            fee_minor: 0,
            reference: Some((capture.id.clone(), "TXN")),
            invoice_id: capture.invoice_id.clone(),
            custom_id: capture.custom_id.clone(),
            at,
        };
        lines.push(Line {
            status: if capture.status == CaptureStatus::Refunded { "V" } else { "S" },
            fee_minor: views::fee(capture.amount.minor),
            reference: Some((capture.order_id.clone(), "ODR")),
            ..of_capture(&capture.id, "T0003", capture.amount.minor, capture.completed_at())
        });
        if let Some(reversal) = &capture.reversal {
            let code = if reversal.is_chargeback { "T1201" } else { "T1106" };
            lines.push(of_capture(&reversal.id, code, -reversal.minor, reversal.at));
        }
        for dispute in books.disputes.values().filter(|one| one.capture_id == capture.id) {
            lines.push(of_capture(
                &dispute.hold_id("H"),
                "T1110",
                -dispute.amount.minor,
                dispute.create_time,
            ));
            if dispute.outcome.is_some() {
                let released = dispute.amount.minor;
                lines.push(of_capture(&dispute.hold_id("R"), "T1111", released, dispute.update_time));
            }
        }
    }
    for refund in books.refunds.values().filter(|refund| refund.status == RefundStatus::Completed) {
        lines.push(Line {
            id: refund.id.clone(),
            code: "T1107",
            status: "S",
            amount: refund.amount.with(-refund.amount.minor),
            fee_minor: 0,
            reference: Some((refund.capture_id.clone(), "TXN")),
            invoice_id: refund.invoice_id.clone(),
            custom_id: refund.custom_id.clone(),
            at: refund.update_time,
        });
    }
    for payout in &books.payouts {
        lines.push(Line {
            id: payout.id.clone(),
            code: "T0400",
            status: "S",
            amount: payout.amount.with(-payout.amount.minor),
            fee_minor: 0,
            reference: None,
            invoice_id: None,
            custom_id: None,
            at: payout.at,
        });
    }
    lines.sort_by(|one, other| (one.at, &one.id).cmp(&(other.at, &other.id)));
    lines
}

pub fn transactions(state: &State, call: &Call) -> Outcome {
    let mut checks = Checks::new(call.operation);
    let mut time = |name: &str| {
        let Some(text) = call.query(name) else {
            checks.malformed("MISSING_REQUIRED_PARAMETER", name, None);
            return None;
        };
        let time = DateTime::parse_from_rfc3339(&text).ok().map(|time| time.with_timezone(&Utc));
        if time.is_none() {
            checks.malformed("INVALID_PARAMETER_SYNTAX", name, Some(&json!(text)));
        }
        time
    };
    let (start, end) = (time("start_date"), time("end_date"));
    if let (Some(start), Some(end)) = (start, end)
        && (end < start || end - start > Duration::days(SPAN_DAYS_MAX))
    {
        checks.malformed("INVALID_PARAMETER_VALUE", "end_date", None);
    }
    let mut number = |name: &str, usual: usize, most: usize| match call.query(name).map(|text| text.parse()) {
        None => usual,
        Some(Ok(number)) if (1..=most).contains(&number) => number,
        Some(_) => {
            checks.malformed("INVALID_PARAMETER_VALUE", name, None);
            usual
        }
    };
    let size = number("page_size", PAGE_SIZE, PAGE_SIZE_MAX);
    let page = number("page", 1, usize::MAX);
    checks.finish()?;
    let seen_until = state.now() - Duration::seconds(state.reports_late_seconds);
    let within = |line: &Line| {
        start.is_some_and(|start| line.at >= start)
            && end.is_some_and(|end| line.at <= end)
            && line.at <= seen_until
    };
    let found: Vec<Line> = lines(state).into_iter().filter(within).collect();
    let details: Vec<Value> =
        found.iter().skip((page - 1).saturating_mul(size)).take(size).map(view).collect();
    let mut answer = json!({
        "account_number": ACCOUNT,
        "start_date": start.map(ids::time),
        "end_date": end.map(ids::time),
        "last_refreshed_datetime": ids::time(seen_until),
        "page": page,
        "total_items": found.len(),
        "total_pages": found.len().div_ceil(size),
        "links": [views::link(&format!("{}{}", state.url, call.target), "self", "GET")],
    });
    if !details.is_empty() {
        answer["transaction_details"] = Value::Array(details);
    }
    Ok(Answer::json(200, answer))
}

fn view(line: &Line) -> Value {
    let mut info = json!({
        "paypal_account_id": ACCOUNT,
        "transaction_id": line.id,
        "transaction_event_code": line.code,
        "transaction_initiation_date": ids::time(line.at),
        "transaction_updated_date": ids::time(line.at),
        "transaction_amount": line.amount.wire(),
        "transaction_status": line.status,
        "protection_eligibility": "01",
    });
    if line.fee_minor > 0 {
        info["fee_amount"] = line.amount.with(-line.fee_minor).wire();
    }
    if let Some((id, kind)) = &line.reference {
        info["paypal_reference_id"] = json!(id);
        info["paypal_reference_id_type"] = json!(kind);
    }
    if let Some(invoice) = &line.invoice_id {
        info["invoice_id"] = json!(invoice);
    }
    if let Some(custom) = &line.custom_id {
        info["custom_field"] = json!(custom);
    }
    json!({"transaction_info": info})
}

pub fn balances(state: &State, call: &Call) -> Answer {
    let wanted = call.query("currency_code");
    let mut totals: std::collections::BTreeMap<String, i64> = std::collections::BTreeMap::new();
    for line in lines(state) {
        *totals.entry(line.amount.currency_code.clone()).or_default() += line.amount.minor - line.fee_minor;
    }
    let balances: Vec<Value> = totals
        .iter()
        .filter(|(currency, _)| wanted.as_ref().is_none_or(|wanted| wanted == *currency))
        .map(|(currency, minor)| {
            let total = Amount::new(currency, *minor).wire();
            json!({"currency": currency, "total_balance": total, "available_balance": total})
        })
        .collect();
    Answer::json(
        200,
        json!({
            "balances": balances,
            "account_id": ACCOUNT,
            "as_of_time": ids::time(state.now()),
            "last_refresh_time": ids::time(state.now()),
        }),
    )
}
