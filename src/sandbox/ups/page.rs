//! `GET /`: one page that says what this server is, shows its books, and moves packages by buttons.

use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

use super::books::{Package, Shipment};
use super::state::State;
use super::tariff::{amount, name_of};

/// The newest shipments that the page lists.
const ROWS_MAX: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.4rem;text-align:left}\
    form{display:inline}button{margin-right:.3rem}code{background:#f3f3f3;padding:0 .2rem}";

pub fn page(state: &State) -> Html<String> {
    let books = &state.books;
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "UPS sandbox" }
                style { (STYLE) }
            }
            body {
                h1 { "UPS sandbox" }
                p {
                    "A stand-in for UPS's API at " code { (state.url) "/api" } ", written from its specifications: OAuth, "
                    "shipping, rating, time in transit, address validation, pickup, tracking, Track Alert and the locator. "
                    "It sends no parcel anywhere. Its clock shows " b { (state.now().format("%Y-%m-%d %H:%M:%S UTC")) } "."
                }
                p {
                    @for (text, seconds) in [("+1 hour", 3_600), ("+6 hours", 21_600), ("+1 day", 86_400)] {
                        form method="post" action="/sandbox/clock" {
                            button name="advance_seconds" value=(seconds) { (text) }
                        }
                    }
                    a href="/sandbox/books" { "books as JSON" }
                }
                h2 { (books.shipments.len()) " shipments" }
                table {
                    tr { th { "Number" } th { "Reference" } th { "Service" } th { "To" } th { "Weight" } th { "Price" } th { "Stage" } th {} }
                    @for shipment in books.shipments.iter().rev().take(ROWS_MAX) {
                        @for package in &shipment.packages { (row(shipment, package)) }
                    }
                }
                h2 { (books.pickups.len()) " pickups, " (books.pushes.len()) " pushes" }
                h2 { "Calls" }
                table { @for (operation, count) in &books.calls { tr { td { (operation) } td { (count) } } } }
            }
        }
    };
    Html(markup.into_string())
}

fn row(shipment: &Shipment, package: &Package) -> Markup {
    let references: Vec<&str> =
        shipment.references.iter().chain(&package.references).map(String::as_str).collect();
    html! {
        tr {
            td { a href={ "/sandbox/labels/" (package.tracking_number) ".pdf" } { (package.tracking_number) } }
            td { (references.join(", ")) }
            td { (name_of(&shipment.service)) }
            td { (shipment.to.name) ", " (shipment.to.city) " " (shipment.to.postal_code) }
            td { (package.weight) " " (package.weight_unit) }
            td { (amount(shipment.total_charges)) " " (shipment.currency) }
            td { (package.stage().as_str()) }
            td {
                form method="post" action={ "/sandbox/packages/" (package.tracking_number) "/events" } {
                    @if package.stage().next_status().is_some() {
                        button name="code" value="advance" { "advance" }
                    }
                    button name="code" value="return_to_sender" { "return" }
                    button name="code" value="lost" { "lose" }
                }
            }
        }
    }
}
