//! The sandbox's front page: what it is, and its books as tables.

use axum::response::Html;
use maud::{Markup, html};
use serde::Serialize;
use serde_json::Value;

use super::page;
use super::state::State;

/// Rows shown of each list; the books themselves are at `/sandbox/books`.
const ROWS_MAX: usize = 25;

/// The picture beside a payment method.
pub const BADGE: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"72\" height=\"30\"><rect width=\"72\" \
    height=\"30\" rx=\"8\" fill=\"#ffa8cd\"/><text x=\"36\" y=\"20\" font-family=\"sans-serif\" font-size=\"14\" \
    text-anchor=\"middle\">Klarna</text></svg>";

pub fn page(state: &State) -> Html<String> {
    let books = &state.books;
    let content = html! {
        h1 { span { "Klarna" } " sandbox" }
        div class="card" {
            p {
                "A stand-in for Klarna's API at " code { (state.url) } ": payments, customer tokens, the hosted payment "
                "page, order management and settlements, written from Klarna's published specifications. No real money "
                "moves here. Its clock says " (state.now().format("%Y-%m-%d %H:%M:%S")) "."
            }
            p {
                "Books as JSON: " a href="/sandbox/books" { code { "/sandbox/books" } } ". Failures on order: "
                code { "/sandbox/faults" } ", " code { "/sandbox/callbacks" } ", " code { "/sandbox/clock" } "."
            }
        }
        (table("Orders", &["klarna_reference", "status", "fraud_status", "order_amount", "currency", "merchant_reference1", "id"], &rows(books.orders.values())))
        (table("Customer tokens", &["id", "status", "shopper", "currency"], &rows(books.customer_tokens.values())))
        (table("Sessions", &["id", "intent", "complete"], &rows(books.sessions.values())))
        (table("Hosted pages", &["id", "status", "session_id"], &rows(books.hosted_sessions.values())))
        (table("Transactions", &["type", "detailed_type", "amount", "currency", "order_id", "payment_reference"], &rows(books.transactions.iter().rev())))
        (table("Payouts", &["payment_reference", "at", "currency"], &rows(books.payouts.iter().rev())))
        (table("Callbacks", &["kind", "url", "status", "attempts", "last_status"], &rows(books.callbacks.iter().rev())))
    };
    page::page("Klarna sandbox", true, &content)
}

fn rows<T: Serialize>(records: impl Iterator<Item = T>) -> Vec<Value> {
    records.take(ROWS_MAX).filter_map(|record| serde_json::to_value(record).ok()).collect()
}

fn table(title: &str, columns: &[&str], rows: &[Value]) -> Markup {
    html! {
        div class="card" {
            h2 { (title) }
            @if rows.is_empty() { p class="quiet" { "None yet." } } @else {
                table {
                    tr { @for column in columns { th { (column) } } }
                    @for row in rows { tr { @for column in columns { td { (cell(&row[*column])) } } } }
                }
            }
        }
    }
}

/// One value for people: a shopper by the address.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(object) => object.get("email").and_then(Value::as_str).unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}
