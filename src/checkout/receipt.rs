//! The receipt: a page that a person can read, with VAT by rate.
//!
//! A browser has no token, so the page opens by a signed address that the order's owner is given and that works for less than an hour.

use axum::extract::State as AppState;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate};
use maud::{DOCTYPE, Markup, html};
use serde::{Deserialize, Serialize};

use super::order::{Order, OrderState};
use super::picking::CreditsBack;
use super::quote::{Fulfilment, QuoteLine, credit_name};
use super::returned::{Refund, RefundState};
use super::store;
use crate::app::App;
use crate::cart::Discount;
use crate::cart::TaxLine;
use crate::catalog::Store;
use crate::clock::Moment;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Path, Query};
use crate::ids::OrderId;
use crate::money::Money;
use crate::payments;

/// The type of the signed key in the address.
const KEY_TYPE: &str = "receipt+jwt";
/// Whom the key is for.
const KEY_AUDIENCE: &str = "receipt";
/// How long an address works: long enough to print, short enough that one that was passed on soon opens nothing.
const KEY_LASTS: chrono::Duration = chrono::Duration::minutes(50);

#[derive(Debug, Serialize, Deserialize)]
struct Key {
    iss: String,
    sub: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// The key in the address of a receipt.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptQuery {
    /// The signed key.
    key: String,
}

/// The address of an order's receipt.
pub(super) async fn url(app: &App, order: OrderId) -> Result<String, Problem> {
    let now = app.clock.now();
    let key = Key {
        iss: app.identity.issuer().to_owned(),
        sub: order.to_string(),
        aud: KEY_AUDIENCE.to_owned(),
        iat: now.timestamp(),
        exp: (now + KEY_LASTS).timestamp(),
    };
    let key = app.identity.sign(app, KEY_TYPE, &key).await?;
    Ok(app.config.public(&format!("/v1/orders/{order}/receipt?key={key}")))
}

/// Read a receipt in the browser
#[utoipa::path(
    get,
    path = "/v1/orders/{order}/receipt",
    operation_id = "read_receipt",
    tag = "checkout",
    params(("order" = OrderId, Path, description = "The order"), ("key" = String, Query, description = "The signed key of the address")),
    responses(
        (status = 200, body = String, content_type = "text/html", description = "The receipt"),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "`order_unknown`"),
    ),
    security()
)]
pub async fn read_receipt(
    AppState(app): AppState<App>,
    Path(order): Path<OrderId>,
    Query(query): Query<ReceiptQuery>,
) -> Result<Response, Problem> {
    let unknown = || {
        Problem::not_found(
            "order_unknown",
            "The address is not that of a receipt, or is too old. Ask the app for a new one.",
        )
    };
    let now = app.clock.now();
    let key: Key =
        app.identity.verify(KEY_TYPE, KEY_AUDIENCE, &query.key, now).await.map_err(|_| unknown())?;
    if key.sub != order.to_string() {
        return Err(unknown());
    }
    let order = store::find_order(&app.db, order).await?.ok_or_else(unknown)?;
    let refunds = store::refunds(&app.db, order.id).await?;
    let due_on = payments::due_on(&app, order.payment, order.placed_at).await?;
    let catalog = app.catalog.view();
    let page = page(&order, &refunds, catalog.store(&order.store), due_on);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, page.into_string()).into_response())
}

const STYLE: &str = "
    body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #f4f4f2; margin: 0; }
    main { max-width: 34rem; margin: 0 auto; padding: 1.5rem; background: #fff; min-height: 100vh; box-sizing: border-box; }
    h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1rem; margin: 1.5rem 0 .25rem; }
    p { margin: .1rem 0; } .quiet { color: #5a5a5a; font-size: .9rem; }
    table { width: 100%; border-collapse: collapse; }
    th, td { text-align: left; padding: .3rem 0; vertical-align: top; font-weight: normal; }
    th.n, td.n { text-align: right; white-space: nowrap; padding-left: .75rem; font-variant-numeric: tabular-nums; }
    thead th { color: #5a5a5a; font-size: .85rem; border-bottom: 1px solid #ccc; }
    .total td { border-top: 2px solid #1c1c1c; font-weight: 600; font-size: 1.1rem; }
    @media print { body { background: #fff; } }
";

fn page(order: &Order, refunds: &[Refund], store: Option<&Store>, due_on: Option<NaiveDate>) -> Markup {
    let quote = &order.quote;
    let on_top = quote.tax_on_top().map_or(0, Money::minor);
    let due = order.due().unwrap_or(quote.to_pay());
    let instead = order.substitutes_cost().map_or(0, Money::minor);
    let less = quote.total.minor() - order.cost().unwrap_or(quote.total).minor() + instead;
    let excess = order.excess().map_or(0, Money::minor);
    let taxes = order.taxes().unwrap_or_else(|_| quote.taxes.clone());
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Receipt " (order.number) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main {
                header {
                    h1 { (store.map_or(order.store.as_str(), |store| store.name.as_str())) }
                    @if let Some(store) = store {
                        p { (store.address.street) " " (store.address.house_number) ", " (store.address.postal_code) " " (store.address.city) }
                    }
                    p.quiet { "Receipt " (order.number) ", " (day_and_time(order.placed_at)) }
                    @if order.state == OrderState::Cancelled { p { strong { "This order was cancelled." } } }
                }
                (lines("Taken along", quote.lines_of(Fulfilment::TakeAlong)))
                (lines("Delivered", quote.lines_of(Fulfilment::Deliver)))
                (sent_instead(order))
                table {
                    tbody {
                        @for discount in &quote.discounts {
                            tr { td.quiet { "In these prices: " (discount_name(discount)) } td.n.quiet { "−" (discount.amount.to_decimal()) } }
                        }
                        @if let Some(fee) = quote.delivery_fee {
                            tr { td { "Delivery" } td.n { (fee.amount.to_decimal()) } }
                        }
                        @for fee in &quote.fees {
                            tr { td { (fee.name) } td.n { (fee.amount.to_decimal()) } }
                        }
                        @if on_top > 0 {
                            tr { td { "Sales tax" } td.n { (Money::new(on_top, quote.total.currency()).to_decimal()) } }
                        }
                        tr.total { td { "Total" } td.n { (quote.total) } }
                        @if less > 0 {
                            tr { td { "Not picked" } td.n { "−" (Money::new(less, quote.total.currency()).to_decimal()) } }
                        }
                        @if instead > 0 {
                            tr { td { "Sent instead" } td.n { (Money::new(instead, quote.total.currency()).to_decimal()) } }
                        }
                        @for credit in &quote.credits {
                            tr { td { (credit_name(credit)) } td.n { "−" (credit.amount.to_decimal()) } }
                        }
                        @if excess > 0 {
                            tr {
                                td { "Of that given back" @if let Some(back) = order.picking.back { div.quiet { (told(&back)) } } }
                                td.n { (Money::new(excess, quote.total.currency()).to_decimal()) }
                            }
                        }
                        @if due != quote.total {
                            tr.total { td { "To pay" } td.n { (due) } }
                        }
                    }
                }
                (tax_table(&taxes, on_top > 0))
                (paid(order, refunds, due_on))
            } }
        }
    }
}

fn tax_table(taxes: &[TaxLine], is_on_top: bool) -> Markup {
    html! {
        h2 { @if is_on_top { "Sales tax" } @else { "VAT in the total" } }
        table {
            thead { tr { th { "Rate" } th.n { "Net" } th.n { "VAT" } th.n { "Gross" } } }
            tbody {
                @for tax in taxes {
                    tr {
                        td style="white-space: nowrap" { (tax.rate) } td.n { (tax.net.to_decimal()) } td.n { (tax.tax.to_decimal()) }
                        td.n { (tax.gross.to_decimal()) }
                    }
                }
            }
        }
    }
}

fn lines<'a>(title: &str, lines: impl Iterator<Item = &'a QuoteLine>) -> Markup {
    let mut lines = lines.peekable();
    if lines.peek().is_none() {
        return html! {};
    }
    html! {
        h2 { (title) }
        table {
            thead { tr { th { "Product" } th.n { "Pieces" } th.n { "Each" } th.n { "Amount" } } }
            tbody {
                @for line in lines {
                    tr {
                        td {
                            (line.name)
                            @if let Some(measured) = line.measured() { div.quiet { (measured) } }
                            @if line.is_label_price { div.quiet { "Price of the label" } }
                            @if let Some(reduction) = &line.reduction {
                                div.quiet {
                                    "−" (reduction.percent) " % for its date, " (reduction.date) ", instead of " (reduction.full_price)
                                }
                            }
                            @if let Some(full) = line.full_amount { div.quiet { "Instead of " (full) } }
                            div.quiet { (line.code) ", VAT " (line.tax_rate) }
                        }
                        td.n { (line.pieces) } td.n { (line.each()) } td.n { (line.amount.to_decimal()) }
                    }
                    @if let Some(deposit) = &line.deposit {
                        tr {
                            td { "Deposit" div.quiet { "VAT " (deposit.rate) } }
                            td.n { (deposit.pieces) } td.n {} td.n { (deposit.amount.to_decimal()) }
                        }
                    }
                }
            }
        }
    }
}

/// What went out in the place of goods that were not there.
fn sent_instead(order: &Order) -> Markup {
    if order.substitutes().next().is_none() {
        return html! {};
    }
    html! {
        h2 { "Sent instead" }
        table {
            thead { tr { th { "Product" } th.n { "Pieces" } th.n { "Each" } th.n { "Amount" } } }
            tbody {
                @for instead in order.substitutes() {
                    tr {
                        td { (instead.name) div.quiet { (instead.sku) ", VAT " (instead.tax_rate) } }
                        td.n { (instead.pieces()) } td.n { (instead.each().to_decimal()) } td.n { (instead.amount.to_decimal()) }
                    }
                    @if let Some(deposit) = &instead.deposit {
                        tr {
                            td { "Deposit" div.quiet { "VAT " (deposit.tax_rate) } }
                            td.n { (instead.pieces()) } td.n {} td.n { (deposit.amount.to_decimal()) }
                        }
                    }
                }
            }
        }
    }
}

fn discount_name(discount: &Discount) -> &str {
    if discount.name.is_empty() { "member price" } else { &discount.name }
}

fn paid(order: &Order, refunds: &[Refund], due_on: Option<NaiveDate>) -> Markup {
    let open = order.due().unwrap_or(order.quote.to_pay()).minor()
        - order.captured.minor()
        - order.made_good.minor();
    let done: Vec<&Refund> = refunds.iter().filter(|refund| refund.state == RefundState::Done).collect();
    html! {
        h2 { "Payment" }
        table {
            tbody {
                tr {
                    td {
                        @match due_on {
                            Some(day) => { "On invoice, to be paid by " (day) },
                            None => { "Debited from your linked account" },
                        }
                    }
                    td.n { (order.captured) }
                }
                @if order.made_good.is_positive() {
                    tr { td { "Paid later, or written off" } td.n { (order.made_good) } }
                }
                @if open > 0 && order.state == OrderState::Placed {
                    tr {
                        td { "Reserved, debited when the courier has the goods" }
                        td.n { (Money::new(open, order.captured.currency())) }
                    }
                }
                @for refund in done {
                    tr {
                        td {
                            "Given back " (day_and_time(refund.created_at))
                            @let back = CreditsBack { points: refund.points, credit_note: refund.credit_note };
                            @if !told(&back).is_empty() { div.quiet { "and " (told(&back)) } }
                            @for tax in &refund.taxes {
                                div.quiet { "Tax at " (tax.rate) ": " (tax.tax.to_decimal()) " of " (tax.gross.to_decimal()) }
                            }
                        }
                        td.n { "−" (refund.to_account) }
                    }
                }
            }
        }
    }
}

/// What came back beside money, in words.
fn told(back: &CreditsBack) -> String {
    let points = (back.points > 0).then(|| format!("{} points", back.points));
    let note = back.credit_note.map(|amount| format!("a credit note of {amount}"));
    [points, note].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn day_and_time(moment: Moment) -> String {
    DateTime::format(&moment, "%Y-%m-%d %H:%M UTC").to_string()
}
