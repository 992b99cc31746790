//! What must hold after the trip, held against the books of PayPal, of Klarna, of DHL and of the retailer's own system.

use std::collections::BTreeSet;

use serde_json::Value;

use super::calls::Unexpected;
use super::ground::Ground;
use super::print::Printer;
use super::script::Journey;
use crate::jobs;
use crate::money::{Currency, Money};
use crate::sandbox::paypal::{Books, Capture, CaptureStatus, DeliveryStatus};

/// One thing that must hold, and what was found.
struct Check {
    name: &'static str,
    holds: bool,
    found: String,
}

fn check_that(name: &'static str, holds: bool, found: impl Into<String>) -> Check {
    Check { name, holds, found: found.into() }
}

/// Prints a table of everything that must hold; says whether all of it does.
pub async fn check(printer: &Printer, ground: &Ground, journey: &Journey) -> Result<bool, Unexpected> {
    // Whatever PayPal still has to tell, it tells now.
    ground.paypal.deliver_webhooks().await;
    let mut checks = money(&ground.paypal.books(), journey)?;
    checks.push(parcel(ground, journey));
    checks.push(check_that(
        "the pass opened the gate once",
        journey.gate_openings == 1,
        format!("{} opening, the second was refused", journey.gate_openings),
    ));
    checks.extend(taxes(journey)?);
    checks.push(messages(ground, journey));
    checks.push(webhooks(&ground.paypal.books()));
    checks.push(at_klarna(ground, journey));
    checks.push(dead_jobs(ground).await?);
    printer.heading("Checks, against the books of PayPal, Klarna, DHL and the retailer's own system");
    for check in &checks {
        printer.check(check.holds, check.name, &check.found);
    }
    Ok(checks.iter().all(|check| check.holds))
}

fn money(books: &Books, journey: &Journey) -> Result<Vec<Check>, Unexpected> {
    let checkout = journey.checkout.to_string();
    let is_ours = |unit: &crate::sandbox::paypal::Unit| unit.custom_id.as_deref() == Some(&checkout);
    let orders: Vec<&String> =
        books.orders.iter().filter(|(_, order)| order.units.iter().any(is_ours)).map(|(id, _)| id).collect();
    let captures: Vec<&Capture> = books
        .captures
        .values()
        .filter(|capture| orders.contains(&&capture.order_id) && capture.status != CaptureStatus::Declined)
        .collect();
    let debited: i64 = captures.iter().map(|capture| capture.amount.minor).sum();
    let refunded: i64 = captures.iter().map(|capture| books.refunded_minor(&capture.id)).sum();
    let rest = journey.total.minus(journey.due_now).map_err(|error| Unexpected(error.to_string()))?;
    let mut planned = [journey.due_now.minor(), rest.minor()];
    let mut debits: Vec<i64> = captures.iter().map(|capture| capture.amount.minor).collect();
    planned.sort_unstable();
    debits.sort_unstable();
    let ours = |name: &str| journey.view[name]["amount"].as_i64();
    Ok(vec![
        check_that(
            "order total = captured at PayPal",
            debited == journey.total.minor() && ours("captured") == Some(debited),
            format!("{} = {}", journey.total, eur(debited)),
        ),
        check_that(
            "refunded here = refunded at PayPal",
            refunded == journey.refunded.minor() && ours("refunded") == Some(refunded),
            format!("{} = {}; {} remain debited", journey.refunded, eur(refunded), eur(debited - refunded)),
        ),
        check_that(
            "one capture for each planned debit",
            orders.len() == 1 && debits == planned,
            format!("{} and {}, in {} PayPal order", journey.due_now, rest, orders.len()),
        ),
    ])
}

fn at_klarna(ground: &Ground, journey: &Journey) -> Check {
    let books = ground.klarna.books();
    let is_ours = |order: &&crate::sandbox::klarna::Order| {
        order.merchant_reference1.as_deref() == Some(&journey.klarna.number)
    };
    let orders: Vec<_> = books.orders.values().filter(is_ours).collect();
    let captures: Vec<i64> =
        orders.iter().flat_map(|order| &order.captures).map(|capture| capture.amount).collect();
    let holds = orders.len() == 1 && captures == [journey.klarna.total.minor()];
    check_that(
        "the second trip is captured at Klarna, once",
        holds,
        format!("{} = {}", journey.klarna.total, eur(captures.iter().sum())),
    )
}

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn parcel(ground: &Ground, journey: &Journey) -> Check {
    let number = journey.view["number"].as_str().unwrap_or("(none)");
    let books = ground.dhl.books();
    let live: Vec<&str> = books
        .shipments
        .iter()
        .filter(|parcel| parcel.cancelled_at.is_none())
        .filter(|parcel| parcel.reference.as_ref().is_some_and(|reference| reference.contains(number)))
        .map(|parcel| parcel.number.as_str())
        .collect();
    let holds = live == [journey.tracking_number.as_str()];
    check_that("one live parcel at DHL", holds, live.join(", "))
}

fn taxes(journey: &Journey) -> Result<Vec<Check>, Unexpected> {
    let read = |tax: &Value, name: &str| serde_json::from_value::<Money>(tax[name].clone());
    let lines = journey.view["quote"]["taxes"].as_array().cloned().unwrap_or_default();
    let mut sum = 0;
    let mut adds_up = !lines.is_empty();
    let mut found = Vec::new();
    let mut is_on_receipt = true;
    for tax in &lines {
        let amounts =
            (|| Ok::<_, serde_json::Error>([read(tax, "net")?, read(tax, "tax")?, read(tax, "gross")?]))();
        let [net, vat, gross] =
            amounts.map_err(|error| Unexpected(format!("expected VAT lines: {error}")))?;
        adds_up &= net.minor() + vat.minor() == gross.minor();
        sum += gross.minor();
        is_on_receipt &= [net, vat, gross]
            .iter()
            .all(|amount| journey.receipt_page.contains(&amount.to_decimal().to_string()));
        found.push(format!("{} % {vat}", tax["rate"].as_str().unwrap_or_default()));
    }
    let is_on_receipt = is_on_receipt && journey.receipt_page.contains(&journey.total.to_string());
    Ok(vec![
        check_that("VAT adds up to the total", adds_up && sum == journey.total.minor(), found.join(", ")),
        check_that("the receipt shows the same amounts", is_on_receipt, format!("total {}", journey.total)),
    ])
}

fn messages(ground: &Ground, journey: &Journey) -> Check {
    let messages = ground.subscriber.messages_about(&journey.order.to_string());
    let kinds: Vec<&str> = messages.iter().filter_map(|message| message.body["type"].as_str()).collect();
    let ids: BTreeSet<&str> = messages.iter().map(|message| message.id.as_str()).collect();
    let sequences: Vec<i64> =
        messages.iter().filter_map(|message| message.body["sequence"].as_i64()).collect();
    let holds = kinds == journey.events
        && ids.len() == messages.len()
        && sequences.is_sorted_by(|before, after| before < after)
        && ground.subscriber.refused() == 0;
    check_that("each event told once, in order, signed", holds, kinds.join(", "))
}

fn webhooks(books: &Books) -> Check {
    let taken =
        books.events.iter().filter(|event| event.delivery.status == DeliveryStatus::Delivered).count();
    let holds = taken == books.events.len();
    check_that("PayPal's webhooks proven and taken", holds, format!("{taken} of {}", books.events.len()))
}

async fn dead_jobs(ground: &Ground) -> Result<Check, Unexpected> {
    let dead = jobs::dead(&ground.app.db).await;
    let dead = dead.map_err(|error| Unexpected(format!("expected a list of dead jobs: {error}")))?;
    let kinds: Vec<String> = dead
        .iter()
        .map(|job| format!("{}: {}", job.kind, job.last_error.as_deref().unwrap_or_default()))
        .collect();
    let found = if kinds.is_empty() { "none".to_owned() } else { kinds.join("; ") };
    Ok(check_that("no job was given up", dead.is_empty(), found))
}
