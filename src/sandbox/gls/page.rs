//! `GET /`: one page that says what this server is, shows its books, and moves parcels by buttons.

use chrono::{DateTime, Utc};
use maud::{DOCTYPE, Markup, html};

use super::books::{Books, Parcel, State};

/// The newest parcels that the page lists.
const ROWS_MAX: usize = 100;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;color:#222}\
    table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.4rem;text-align:left}\
    form{display:inline}button{margin-right:.3rem}code{background:#f3f3f3;padding:0 .2rem}";

pub fn render(state: &State, now: DateTime<Utc>) -> Markup {
    let books: Books = state.books();
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "GLS sandbox" }
                style { (STYLE) }
            }
            body {
                h1 { "GLS sandbox" }
                p {
                    "A stand-in for GLS's ShipIT (" code { "/shipit-farm/v1/backend" } "), Track And Trace ("
                    code { "/track-and-trace-v1" } ") and authentication (" code { "/oauth2/v2" } ") services, written "
                    "from their specifications. It sends no parcel anywhere. Its clock shows "
                    b { (now.format("%Y-%m-%d %H:%M:%S UTC")) } "."
                }
                p {
                    @for (text, name, value) in [
                        ("+10 minutes", "advance_seconds", 600), ("+1 hour", "advance_seconds", 3_600),
                        ("+1 day", "advance_seconds", 86_400), ("real pace", "speed", 1),
                        ("an hour a second", "speed", 3_600),
                    ] {
                        form method="post" action="/sandbox/clock" { button name=(name) value=(value) { (text) } }
                    }
                    a href="/sandbox/books" { "books as JSON" }
                }
                h2 { (books.parcels.len()) " parcels" }
                table {
                    tr { th { "TrackID" } th { "Number" } th { "Reference" } th { "To" } th { "Status" } th { "Day ended" } th {} }
                    @for parcel in books.parcels.iter().rev().take(ROWS_MAX) { (row(parcel)) }
                }
                h2 { (books.collections.len()) " pickups ordered" }
                table {
                    tr { th { "Contact" } th { "Product" } th { "Parcels" } th { "Comes on" } th { "Ordered" } }
                    @for order in books.collections.iter().rev().take(ROWS_MAX) {
                        tr {
                            td { (order.contact_id) } td { (order.product) }
                            td { (order.parcels.unwrap_or_default()) } td { (order.estimated) }
                            td { (order.ordered_at.format("%Y-%m-%d %H:%M")) }
                        }
                    }
                }
            }
        }
    }
}

fn row(parcel: &Parcel) -> Markup {
    let to = &parcel.consignee;
    html! {
        tr {
            td { (parcel.track_id) }
            td { (parcel.parcel_number) }
            td { (parcel.references.join(", ")) }
            td { (to.names.join(", ")) ", " (to.postal_code) " " (to.city) }
            td { (parcel.status().as_str()) }
            td { @if parcel.closed_at.is_some() { "yes" } @else { "no" } }
            td {
                @if !parcel.is_cancelled() {
                    form method="post" action={ "/sandbox/parcels/" (parcel.track_id) "/events" } {
                        @for code in ["advance", "absent", "to_parcel_shop", "return_to_sender"] {
                            button name="code" value=(code) { (code) }
                        }
                    }
                }
            }
        }
    }
}
