//! `GET /`: one page that says what this server is, shows its books, and moves couriers by buttons.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::books::{Books, Delivery, State};

/// The newest deliveries that the page lists.
const ROWS_MAX: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.4rem;text-align:left}\
    form{display:inline}button{margin-right:.3rem}code{background:#f3f3f3;padding:0 .2rem}";

pub fn render(state: &State, now: DateTime<Utc>) -> Markup {
    let books: Books = state.books();
    let waiting = books.notifications.iter().filter(|one| one.due.is_some()).count();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Uber Direct sandbox" }
                style { (STYLE) }
            }
            body {
                h1 { "Uber Direct sandbox" }
                p {
                    "A stand-in for Uber Direct (" code { "/v1/customers/…" } ") and its login (" code { "/oauth/v2/token" }
                    "), written from their specifications. Nobody rides anywhere. Its clock shows "
                    b { (now.format("%Y-%m-%d %H:%M:%S UTC")) } "."
                }
                p {
                    @for (text, name, value) in [
                        ("+1 minute", "advance_seconds", 60), ("+10 minutes", "advance_seconds", 600),
                        ("+1 hour", "advance_seconds", 3_600), ("real pace", "speed", 1),
                        ("a minute a second", "speed", 60),
                    ] {
                        form method="post" action="/sandbox/clock" { button name=(name) value=(value) { (text) } }
                    }
                    a href="/sandbox/books" { "books as JSON" }
                }
                h2 { (books.deliveries.len()) " deliveries" }
                table {
                    tr { th { "Id" } th { "Reference" } th { "To" } th { "Fee" } th { "Status" } th {} }
                    @for delivery in books.deliveries.iter().rev().take(ROWS_MAX) { (row(delivery)) }
                }
                h2 { (books.notifications.len()) " webhooks, " (waiting) " of them waiting" }
            }
        }
    }
}

fn row(delivery: &Delivery) -> Markup {
    html! {
        tr {
            td { (delivery.id) }
            td { (delivery.manifest_reference.as_deref().unwrap_or("–")) }
            td { (delivery.dropoff.line()) }
            td { (delivery.fee) " " (delivery.currency) }
            td { (delivery.status.as_str()) }
            td {
                @if !delivery.status.is_end() {
                    form method="post" action={ "/sandbox/deliveries/" (delivery.id) "/events" } {
                        @for word in ["advance", "age_check_failed", "nobody_there", "no_courier"] {
                            button name="event" value=(word) { (word) }
                        }
                    }
                }
            }
        }
    }
}
