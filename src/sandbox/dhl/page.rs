//! `GET /`: one page that says what this server is, shows its books, and moves parcels by buttons.

use std::sync::Arc;

use axum::{extract::State, response::Html};
use maud::{DOCTYPE, Markup, html};

use super::{Books, Shared, books::BookedShipment};

/// The newest shipments that the page lists.
const ROWS_MAX: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.4rem;text-align:left}\
    form{display:inline}button{margin-right:.3rem}code{background:#f3f3f3;padding:0 .2rem}";

pub async fn page(State(shared): State<Arc<Shared>>) -> Html<String> {
    Html(render(&shared.books()).into_string())
}

fn render(books: &Books) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "DHL Parcel DE sandbox" }
                style { (STYLE) }
            }
            body {
                h1 { "DHL Parcel DE sandbox" }
                p {
                    "A stand-in for DHL's shipping (" code { "/parcel/de/shipping/v2" } "), account ("
                    code { "/parcel/de/account/auth/ropc/v1" } "), pickup (" code { "/parcel/de/transportation/pickup/v3" } ") and tracking (" code { "/track/shipments" } ", "
                    code { "/parcel/de/tracking/v0/shipments" } ") services, written from their specifications. "
                    "It sends no parcel anywhere. Its clock shows " b { (books.now.format("%Y-%m-%d %H:%M:%S UTC")) } "."
                }
                p {
                    @for (text, seconds) in [("+10 minutes", 600), ("+1 hour", 3_600), ("+1 day", 86_400)] {
                        form method="post" action="/sandbox/clock" {
                            button name="advance_seconds" value=(seconds) { (text) }
                        }
                    }
                    a href="/sandbox/books" { "books as JSON" }
                }
                h2 { (books.shipments.len()) " shipments" }
                table {
                    tr { th { "Number" } th { "Reference" } th { "To" } th { "Weight" } th { "Stage" } th { "Closed" } th {} }
                    @for shipment in books.shipments.iter().rev().take(ROWS_MAX) { (row(shipment)) }
                }
                h2 { (books.pickups.len()) " drivers ordered" }
                table {
                    tr { th { "Order" } th { "Day" } th { "Kind" } th { "Postal code" } th { "Parcels" } th { "State" } }
                    @for pickup in books.pickups.iter().rev().take(ROWS_MAX) {
                        tr {
                            td { (pickup.id) } td { (pickup.day) } td { (pickup.kind) } td { (pickup.postal_code) }
                            td { (pickup.parcels) } td { (pickup.state(books.now)) }
                        }
                    }
                }
                h2 { (books.pushes.subscriptions.len()) " subscriptions, " (books.pushes.messages.len()) " messages" }
                p { "Those who subscribed are told of each event; the books have the messages and what became of them." }
                h2 { "Calls" }
                table { @for (operation, count) in &books.calls { tr { td { (operation) } td { (count) } } } }
            }
        }
    }
}

fn row(shipment: &BookedShipment) -> Markup {
    html! {
        tr {
            td { a href=(shipment.label_path) { (shipment.number) } }
            td { (shipment.reference.as_deref().unwrap_or("–")) }
            td { (shipment.consignee_name) ", " (shipment.consignee_postal_code) " " (shipment.consignee_city) }
            td { (shipment.weight_grams) " g" }
            td { (shipment.stage.as_str()) }
            td { @if shipment.closed_at.is_some() { "yes" } @else { "no" } }
            td {
                form method="post" action={ "/sandbox/shipments/" (shipment.number) "/events" } {
                    @if shipment.stage.next().is_some() {
                        button name="code" value="advance" { "advance" }
                    }
                    button name="code" value="return_to_sender" { "return" }
                    button name="code" value="STORN" { "take back" }
                }
            }
        }
    }
}
