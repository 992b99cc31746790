//! Following a shipment: as a stream of what has changed, and as a page that needs no account.
//!
//! The page's address has a code that nobody guesses (80 bits and more), and shows what the courier's own page shows anybody who
//! has the number: how far the parcels have come. It names neither who gets them nor where they go.

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::carrier::ParcelStatus;
use super::http::visible;
use super::model::ShipmentState;
use super::request::Error;
use super::store::{self, Shipment};
use super::view;
use crate::app::App;
use crate::catalog::Store;
use crate::error::{Internal, Problem, ProblemBody};
use crate::http::extract::Path;
use crate::http::live::{self, Seen};
use crate::identity::Caller;
use crate::ids::ShipmentId;

/// The routes of following.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(stream_shipment))
        .routes(routes!(follow_page))
        .routes(routes!(follow_stream))
}

/// Where a shipment is followed without an account.
pub(super) fn url(app: &App, shipment: &Shipment) -> Option<String> {
    let code = shipment.follow_code.as_deref()?;
    Some(app.config.public(&format!("/follow/{code}")))
}

/// A shipment as it is, and again whenever something has happened to it: events whose data is the shipment as
/// `GET /v1/shipments/{id}` shows it.
#[utoipa::path(
    get,
    path = "/v1/shipments/{id}/events",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was heard: nothing is said again."),
    ),
    responses(
        (status = 200, description = "The stream; it ends when the shipment has, and after a quarter of an hour.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or a partner.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or it is another shopper's.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn stream_shipment(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ShipmentId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (_, for_staff) = visible(&app, &caller, id).await?;
    Ok(watch(&app, id, &headers, Some(for_staff)))
}

/// Streams a shipment as its shopper or staff see it, or else as anybody does who has its address.
fn watch(app: &App, id: ShipmentId, headers: &HeaderMap, for_staff: Option<bool>) -> Response {
    let (watched, counted) = (app.clone(), app.clone());
    let version = move || {
        let app = counted.clone();
        async move { store::version(&app.db, id).await?.ok_or_else(|| "the shipment is gone".into()) }
    };
    let look = move || {
        let app = watched.clone();
        async move {
            let shipment = store::find(&app.db, id).await?.ok_or("the shipment is gone")?;
            let is_over = is_over(shipment.state);
            let data = match for_staff {
                Some(for_staff) => serde_json::to_string(&view::shipment(&app, shipment, for_staff).await?),
                None => serde_json::to_string(&followed(&app, &shipment).await?),
            };
            Ok::<_, Internal>(Seen { data: data?, is_over })
        }
    };
    live::stream(app, id.0, headers, version, look)
}

/// A driver may take a delivery back, but nobody waits for that.
fn is_over(state: ShipmentState) -> bool {
    match state {
        ShipmentState::Delivered
        | ShipmentState::Returned
        | ShipmentState::Failed
        | ShipmentState::Cancelled => true,
        ShipmentState::Requested | ShipmentState::Booked | ShipmentState::HandedOver => false,
    }
}

/// What anybody may see who has the address.
#[derive(Debug, Serialize)]
struct Followed {
    reference: String,
    state: ShipmentState,
    arrives: Option<(DateTime<Utc>, DateTime<Utc>)>,
    parcels: Vec<FollowedParcel>,
}

#[derive(Debug, Serialize)]
struct FollowedParcel {
    carrier: Option<String>,
    status: Option<ParcelStatus>,
    tracking_url: Option<String>,
    /// Newest first.
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Step {
    at: DateTime<Utc>,
    status: ParcelStatus,
    place: Option<String>,
}

async fn followed(app: &App, shipment: &Shipment) -> Result<Followed, Internal> {
    let events = store::events(&app.db, shipment.id).await?;
    let parcels = store::parcels(&app.db, shipment.id).await?.into_iter().map(|parcel| {
        let of_parcel = events.iter().rev().filter(|event| event.parcel == parcel.number);
        let step = |event: &store::Event| {
            Some(Step { at: event.occurred_at, status: event.status?, place: event.place.clone() })
        };
        FollowedParcel {
            tracking_url: parcel.tracking_url(&app.carriers),
            steps: of_parcel.filter_map(step).collect(),
            carrier: parcel.carrier,
            status: parcel.status,
        }
    });
    let promised = |name: &str| {
        let choice = shipment.choice.as_ref()?.0.get(name)?.as_str()?;
        DateTime::parse_from_rfc3339(choice).ok().map(|at| at.to_utc())
    };
    Ok(Followed {
        reference: shipment.reference.clone(),
        state: shipment.state,
        arrives: promised("arrives_from").zip(promised("arrives_until")),
        parcels: parcels.collect(),
    })
}

async fn by_code(app: &App, code: &str) -> Result<Shipment, Problem> {
    store::find_by_follow_code(&app.db, code).await?.ok_or_else(|| Error::Unknown.into())
}

/// How far a shipment has come, as a page for whoever has its address. In German where the browser asks for it, else in English.
#[utoipa::path(
    get,
    path = "/follow/{code}",
    tag = "delivery",
    params(("code" = String, Path, description = "The code of a shipment's `follow_url`.")),
    responses(
        (status = 200, description = "The page.", body = String, content_type = "text/html"),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn follow_page(
    State(app): State<App>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let shipment = by_code(&app, &code).await?;
    let seen = followed(&app, &shipment).await.map_err(Problem::internal)?;
    let catalog = app.catalog.view();
    let words = Words::of(&headers);
    let page = page(&seen, catalog.store(&shipment.store), words);
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "private, no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("x-robots-tag"), "noindex"),
    ];
    Ok((headers, page.into_string()).into_response())
}

/// What the page shows, whenever it has changed.
#[utoipa::path(
    get,
    path = "/follow/{code}/events",
    tag = "delivery",
    params(
        ("code" = String, Path, description = "The code of a shipment's `follow_url`."),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was heard: nothing is said again."),
    ),
    responses(
        (status = 200, description = "The stream; it ends when the shipment has, and after a quarter of an hour.", body = String, content_type = "text/event-stream"),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn follow_stream(
    State(app): State<App>,
    Path(code): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = by_code(&app, &code).await?.id;
    Ok(watch(&app, id, &headers, None))
}

/// The page as it was drawn is the first event; with each other one it is drawn anew.
const SCRIPT: &str = "let seen;new EventSource(location.pathname+'/events').onmessage=e=>{if(seen&&seen!==e.data)location.reload();seen=e.data}";

/// Nothing but the page's own style and script runs in it.
const POLICY: &str = concat!(
    "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; script-src 'sha256-",
    "PXXQLnSaG+W9WSd4eFu/AY/NJbqOnfWrvGB6J6KWRsk=",
    "'"
);

const STYLE: &str = "
    body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #f4f4f2; margin: 0; }
    main { max-width: 34rem; margin: 0 auto; padding: 1.5rem; background: #fff; min-height: 100vh; box-sizing: border-box; }
    h1 { font-size: 1.5rem; margin: .25rem 0 1rem; } h2 { font-size: 1.05rem; margin: 1.75rem 0 .25rem; }
    p { margin: .2rem 0; } .quiet { color: #5a5a5a; font-size: .9rem; } a { color: #0b57a4; }
    ol { list-style: none; margin: .75rem 0 0; padding: 0; }
    li { border-left: 3px solid #c9c9c4; padding: 0 0 .9rem 1rem; }
    li:first-child { border-color: #1d7a3a; } li:first-child strong { color: #1d7a3a; }
    time { display: block; }
";

/// The languages of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Words {
    English,
    German,
}

impl Words {
    /// The first of the reader's languages that the page has.
    fn of(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let mut tags = wanted.split(',').map(|tag| tag.trim().to_ascii_lowercase());
        let first = tags.find(|tag| tag.starts_with("de") || tag.starts_with("en"));
        if first.is_some_and(|tag| tag.starts_with("de")) { Self::German } else { Self::English }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    fn say(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::English => english,
            Self::German => german,
        }
    }

    fn state(self, state: ShipmentState) -> &'static str {
        match state {
            ShipmentState::Requested => {
                self.say("Your order is being prepared", "Ihre Bestellung wird vorbereitet")
            }
            ShipmentState::Booked => {
                self.say("Your order is ready to go", "Ihre Bestellung ist bereit für den Versand")
            }
            ShipmentState::HandedOver => {
                self.say("Your order is on its way", "Ihre Bestellung ist unterwegs")
            }
            ShipmentState::Delivered => self.say("Your order has arrived", "Ihre Bestellung ist angekommen"),
            ShipmentState::Returned => {
                self.say("Your order came back to the store", "Ihre Bestellung kam in den Markt zurück")
            }
            ShipmentState::Failed => self.say(
                "Something went wrong; the store is looking into it",
                "Etwas ist schiefgegangen; der Markt kümmert sich darum",
            ),
            ShipmentState::Cancelled => {
                self.say("The delivery was cancelled", "Die Lieferung wurde storniert")
            }
        }
    }

    fn status(self, status: ParcelStatus) -> &'static str {
        match status {
            ParcelStatus::Announced => self.say("Announced to the courier", "Beim Paketdienst angekündigt"),
            ParcelStatus::PickedUp => self.say("With the courier", "Beim Paketdienst"),
            ParcelStatus::InTransit => self.say("On its way", "Unterwegs"),
            ParcelStatus::OutForDelivery => self.say("Out for delivery", "In Zustellung"),
            ParcelStatus::FailedAttempt => {
                self.say("Could not be handed over", "Konnte nicht übergeben werden")
            }
            ParcelStatus::AtPickupPoint => {
                self.say("Waits at the pick-up point", "Liegt zur Abholung bereit")
            }
            ParcelStatus::Delivered => self.say("Delivered", "Zugestellt"),
            ParcelStatus::Returning => self.say("On its way back", "Auf dem Rückweg"),
            ParcelStatus::Returned => self.say("Back at the store", "Zurück im Markt"),
            ParcelStatus::Lost => self.say("Being searched for", "Wird gesucht"),
            ParcelStatus::Exception => self.say("Delayed", "Verzögert"),
            ParcelStatus::Cancelled => self.say("Taken back", "Zurückgenommen"),
        }
    }

    fn time(self, at: DateTime<Utc>, zone: Tz) -> String {
        let local = at.with_timezone(&zone);
        local.format(self.say("%-d %b %Y, %H:%M", "%d.%m.%Y, %H:%M")).to_string()
    }
}

fn page(seen: &Followed, store: Option<&Store>, words: Words) -> Markup {
    let zone = store.map_or(Tz::UTC, Store::zone);
    let many = seen.parcels.len() > 1;
    html! {
        (DOCTYPE)
        html lang=(words.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (words.say("Delivery ", "Lieferung ")) (seen.reference) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                @if let Some(store) = store { p.quiet { (store.name) } }
                h1 { (words.state(seen.state)) }
                p.quiet { (words.say("Delivery ", "Lieferung ")) (seen.reference) }
                @if let (Some((from, until)), false) = (seen.arrives, is_over(seen.state)) {
                    p { (words.say("Expected: ", "Erwartet: ")) (words.time(from, zone)) " – " (words.time(until, zone)) }
                }
                @for (parcel, number) in seen.parcels.iter().zip(1..) {
                    section {
                        @if many { h2 { (words.say("Parcel ", "Paket ")) (number) } }
                        @if let Some(url) = &parcel.tracking_url {
                            p {
                                a href=(url) rel="noreferrer" {
                                    (words.say("Follow it at ", "Verfolgen bei ")) (parcel.carrier.as_deref().unwrap_or("").to_ascii_uppercase())
                                }
                            }
                        }
                        ol aria-label=(words.say("Steps, newest first", "Stationen, neueste zuerst")) {
                            @for step in &parcel.steps {
                                li {
                                    strong { (words.status(step.status)) }
                                    time.quiet datetime=(step.at.to_rfc3339()) {
                                        (words.time(step.at, zone)) @if let Some(place) = &step.place { ", " (place) }
                                    }
                                }
                            }
                            @if let (true, Some(status)) = (parcel.steps.is_empty(), parcel.status) {
                                li { strong { (words.status(status)) } }
                            }
                        }
                    }
                }
            } @if !is_over(seen.state) { script { (PreEscaped(SCRIPT)) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn the_page_s_policy_names_its_script() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, SCRIPT.as_bytes());
        assert!(POLICY.ends_with(&format!("'sha256-{}'", STANDARD.encode(digest))), "{POLICY}");
    }

    #[test]
    fn the_page_speaks_the_first_language_that_it_has() {
        let of = |wanted: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, wanted.parse().expect("a header"));
            Words::of(&headers)
        };
        assert_eq!(of("de-DE,de;q=0.9,en;q=0.8"), Words::German);
        assert_eq!(of("fr, en-GB;q=0.8, de;q=0.5"), Words::English);
        assert_eq!(Words::of(&HeaderMap::new()), Words::English);
    }
}
