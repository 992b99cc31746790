//! The sandbox's front page: what it is, and its books as tables.

use axum::response::Html;
use maud::{Markup, html};
use serde::Serialize;
use serde_json::Value;

use super::approval;
use super::state::State;

/// Rows shown of each list; the books themselves are at `/sandbox/books`.
const ROWS_MAX: usize = 25;

pub fn page(state: &State) -> Html<String> {
    let books = &state.books;
    let content = html! {
        h1 { "PayPal sandbox" }
        div class="card" {
            p {
                "A stand-in for PayPal's API at " code { (state.url) } ": OAuth, Vault v3, Orders v2, Payments v2 and "
                "webhooks, written from PayPal's published specifications. No real money moves here."
            }
            p {
                "A shopper links an account on the page that a setup token's " code { "approve" } " link opens. "
                "Books as JSON: " a href="/sandbox/books" { code { "/sandbox/books" } } ". Failures on order: "
                code { "/sandbox/faults" } ", " code { "/sandbox/webhooks" } ", " code { "/sandbox/clock" } "."
            }
        }
        (table("Orders", &["id", "intent", "status"], &rows(books.orders.values())))
        (table("Authorizations", &["id", "status", "amount", "order_id"], &rows(books.authorizations.values())))
        (table("Captures", &["id", "status", "amount", "invoice_id"], &rows(books.captures.values())))
        (table("Refunds", &["id", "status", "amount", "capture_id"], &rows(books.refunds.values())))
        (table("Saved accounts", &["id", "customer", "payer", "deleted_at"], &rows(books.payment_tokens.values())))
        (table("Setup tokens", &["id", "status", "payer"], &rows(books.setup_tokens.values())))
        (table("Events", &["id", "event_type", "resource_id", "delivery"], &rows(books.events.iter().rev())))
    };
    approval::page("PayPal sandbox", true, &content)
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

/// One value for people: amounts, payers and deliveries in one phrase.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) if value["currency_code"].is_string() => {
            let minor = value["minor"].as_i64().unwrap_or_default();
            super::Amount::new(value["currency_code"].as_str().unwrap_or_default(), minor).to_string()
        }
        Value::Object(_) => {
            let named = ["email", "status", "id"].into_iter().find_map(|name| value[name].as_str());
            named.unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    }
}
