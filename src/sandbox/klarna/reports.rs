//! Settlement reports as files: CSV with every transaction, PDF with the sums.
//!
//! The CSV is divided by semicolons and writes decimals, as Klarna's reports do: two lines of sums, then a line a
//! transaction under its heading. Errors come under the report's own media type, as the specification describes them.

use serde_json::Value;

use super::books::{Payout, Transaction};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::ids;
use super::settlements::{MERCHANT_ID, find, in_period, period, transaction_view};
use super::state::State;
use crate::sandbox::pdf::{self, Page};

const CSV: &str = "text/csv";
const PDF: &str = "application/pdf";
/// DIN A4 in points.
const A4_SIZE: &str = "595.28 841.89";
const LINES_PER_PAGE: usize = 44;
const COLUMNS: [&str; 14] = [
    "type",
    "detailed_type",
    "amount",
    "currency_code",
    "capture_date",
    "sale_date",
    "order_id",
    "short_order_id",
    "merchant_reference1",
    "merchant_reference2",
    "capture_id",
    "merchant_capture_reference",
    "refund_id",
    "merchant_refund_reference",
];

pub fn payout_csv(state: &State, call: &Call) -> Outcome {
    let payout = named(state, call).map_err(|refusal| refusal.of_media_type(CSV))?;
    csv(state, &[payout])
}

pub fn payout_pdf(state: &State, call: &Call) -> Outcome {
    let payout = named(state, call).map_err(|refusal| refusal.of_media_type(PDF))?;
    Ok(pdf(&[payout]))
}

pub fn summary_csv(state: &State, call: &Call) -> Outcome {
    let period = period(call, true).map_err(|refusal| refusal.of_media_type(CSV))?;
    csv(state, &in_period(state, call, period).collect::<Vec<_>>())
}

pub fn summary_pdf(state: &State, call: &Call) -> Outcome {
    let period = period(call, true).map_err(|refusal| refusal.of_media_type(PDF))?;
    Ok(pdf(&in_period(state, call, period).collect::<Vec<_>>()))
}

fn named<'a>(state: &'a State, call: &Call) -> Result<&'a Payout, Refusal> {
    let reference = call.query("payment_reference");
    let reference =
        reference.ok_or_else(|| Refusal::bad_values(&["payment_reference is required".to_owned()]))?;
    find(state, &reference)
}

/// The sums of a payout with their names.
fn sums(payout: &Payout) -> [(&'static str, i64); 9] {
    let totals = &payout.totals;
    [
        ("total_sale_amount", totals.sale),
        ("total_fee_amount", totals.fee),
        ("total_return_amount", totals.returned),
        ("total_reversal_amount", totals.reversal),
        ("total_charge_amount", totals.charge),
        ("total_credit_amount", totals.credit),
        ("total_repay_amount", totals.repay),
        ("closing_debt_balance_amount", totals.closing_debt),
        ("total_settlement_amount", totals.settlement),
    ]
}

fn csv(state: &State, payouts: &[&Payout]) -> Outcome {
    let file = csv_file(state, payouts).map_err(|error| {
        tracing::error!(%error, "the sandbox could not write a report");
        Refusal::bare("reports", 500)
    })?;
    Ok(Reply::file(200, CSV, file))
}

fn csv_file(state: &State, payouts: &[&Payout]) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().delimiter(b';').flexible(true).from_writer(Vec::new());
    for payout in payouts {
        let names = ["payment_reference", "payout_date", "currency_code", "merchant_id"];
        writer.write_record(names.into_iter().chain(sums(payout).map(|(name, _)| name)))?;
        let values = [
            payout.payment_reference.clone(),
            ids::time(payout.at),
            payout.currency.clone(),
            MERCHANT_ID.to_owned(),
        ];
        writer.write_record(values.into_iter().chain(sums(payout).map(|(_, amount)| decimal(amount))))?;
        writer.write_record(COLUMNS)?;
        let of_it = |one: &&Transaction| one.payment_reference.as_ref() == Some(&payout.payment_reference);
        for transaction in state.books.transactions.iter().filter(of_it) {
            let view = transaction_view(state, transaction);
            writer.write_record(COLUMNS.map(|column| cell(&view[column])))?;
        }
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

fn pdf(payouts: &[&Payout]) -> Reply {
    let lines: Vec<String> = payouts
        .iter()
        .flat_map(|payout| {
            let head = format!("Payout {} of {}", payout.payment_reference, payout.at.date_naive());
            let sums = sums(payout)
                .map(|(name, amount)| format!("  {name}: {} {}", decimal(amount), payout.currency));
            std::iter::once(head).chain(sums)
        })
        .collect();
    let mut pages: Vec<Page> = Vec::new();
    for lines in lines.chunks(LINES_PER_PAGE) {
        let mut page = Page::default();
        page.text(48, 790, 14, true, &format!("Settlement report of merchant {MERCHANT_ID}"));
        let mut y = 760;
        for line in lines {
            page.text(48, y, 10, !line.starts_with(' '), line);
            y -= 16;
        }
        pages.push(page);
    }
    if pages.is_empty() {
        let mut page = Page::default();
        page.text(48, 790, 14, true, "No payouts");
        pages.push(page);
    }
    Reply::file(200, PDF, pdf::file(A4_SIZE, "Settlement report", "Klarna sandbox", &pages))
}

/// Minor units with two decimals, as the reports write every currency.
fn decimal(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_i64().map_or_else(String::new, decimal),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}
