//! GLS: ShipIT and Track And Trace, with one token for both.
//!
//! ShipIT keeps no duplicate check: a booking that may have arrived is never sent again from here. Whether it was made is
//! asked of the details by our reference. It refuses by headers, with an empty body; `wire.rs` reads them. A label is given
//! once: a reprint is another parcel, so a booking without its label is taken back and made anew. A cancellation may stay
//! pending, and asking twice is an error: what became of it is read from the details, whose parcel is gone, scanned or as it
//! was, and sent again is only one whose answer was lost. `tracking.rs` maps statuses and events.

mod addresses;
mod pickups;
mod points;
mod tracking;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{Days, NaiveDate};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::call::Reply;
use super::countries::EUROPEAN_UNION;
use super::tokens::{Grant, Tokens};
use crate::delivery::carrier::{
    Address, AddressQuestion, AddressVerdict, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome,
    Capabilities, Carrier, ClosedShipment, Closing, FoundPoint, Label, LabelFormat, PickupOutcome,
    PickupPoint, PickupRequest, Pickups, PointAbilities, PointFault, PointKind, PointQuestion, Reference,
    Returns, SizeLimits, Tracking,
};

const SHIPIT: &str = "/shipit-farm/v1/backend/rs";
const TRACKING: &str = "/track-and-trace-v1/tracking/simple/trackids";
/// GLS's page for recipients.
const PUBLIC_TRACKING: &str = "https://gls-group.eu/EU/en/parcel-tracking";
/// ShipIT takes and gives nothing else.
const MEDIA_TYPE: &str = "application/glsVersion1+json";

/// Booking renders a label and is the slowest call; a longer silence is a failure.
const BOOK_DEADLINE: Duration = Duration::from_secs(25);
/// Every other call.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// What GLS's tokens live, should an answer not say.
const TOKEN_LIFETIME: Duration = Duration::from_hours(4);
/// GLS publishes no limits by country; this much is carried in all of them.
const WEIGHT_GRAMS_MAX: i64 = 31_500;
/// GLS's file has no sizes at all. These are what its terms name for parcels in Europe: 2 m long, 80 cm wide, 60 cm high, and
/// 3 m of length and girth.
const SIDES_MM_MAX: [i64; 3] = [2_000, 800, 600];
const LENGTH_AND_GIRTH_MM_MAX: i64 = 3_000;

/// What the adapter needs to know. Test system: `https://api-sandbox.gls-group.net`; live: `https://api.gls-group.net`.
#[derive(Clone, Debug)]
pub struct GlsSettings {
    /// Scheme and host, without a path.
    pub base_url: String,
    /// Of the app in GLS's developer portal.
    pub client_id: String,
    /// That app's secret.
    pub client_secret: SecretString,
    /// The shipper of the contract, at most 20 characters, for stores that name none of their own. Labels name the store of each
    /// parcel beside it.
    pub contact_id: String,
}

/// GLS.
#[derive(Debug)]
pub struct Gls {
    settings: GlsSettings,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Gls {
    /// An adapter over the program's one client.
    pub fn new(settings: GlsSettings, http: reqwest::Client) -> Self {
        let grant = Grant {
            address: format!("{}/oauth2/v2/token", settings.base_url.trim_end_matches('/')),
            basic: Some((settings.client_id.clone(), settings.client_secret.clone())),
            form: vec![("grant_type", SecretString::from("client_credentials"))],
            usual_lifetime: TOKEN_LIFETIME,
        };
        let tokens = Tokens::new(grant, http.clone());
        Self { settings, http, tokens }
    }

    fn request(&self, method: Method, path: &str, deadline: Duration) -> RequestBuilder {
        let base = self.settings.base_url.trim_end_matches('/');
        self.http.request(method, format!("{base}{path}")).timeout(deadline)
    }

    /// A call of ShipIT, in its own media type.
    async fn shipit(&self, path: &str, body: Option<&Value>, deadline: Duration) -> Result<Reply, CallError> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let build = || {
            self.request(Method::POST, &format!("{SHIPIT}{path}"), deadline)
                .header("accept", MEDIA_TYPE)
                .header("content-type", MEDIA_TYPE)
                .body(text.clone())
        };
        self.tokens.send(build).await
    }

    /// The details of what bears this name; `None` when ShipIT holds nothing under it.
    async fn details(&self, name: &Value) -> Result<Option<wire::Details>, CallError> {
        wire::details(self.shipit("/tracking/parceldetails", Some(name), CALL_DEADLINE).await?)
    }
}

#[async_trait]
impl Carrier for Gls {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "gls",
            is_booking_idempotent: false,
            finds_by_reference: true,
            gives_labels: true,
            refetches_labels: false,
            reissues_labels: true,
            // GLS ends the day of a parcel by itself four days after its label was made.
            closing: Some(Closing { by_itself_after: chrono::Duration::days(4), gives_manifest: false }),
            pickups: Some(Pickups { are_found: false, are_cancelled: false }),
            carries_chilled: false,
            is_local: false,
            preparation: chrono::Duration::zero(),
            calls_recipients: false,
            follow_every: None,
            // In the shopper's parcel shop; where the contract has no such service, GLS refuses it as any other.
            returns: Some(Returns { from: EUROPEAN_UNION.to_vec(), are_cancelled: true }),
            age_checks: &[],
            weight_grams_max: WEIGHT_GRAMS_MAX,
            size: SizeLimits {
                sides_mm: Some(SIDES_MM_MAX),
                length_and_girth_mm: Some(LENGTH_AND_GIRTH_MM_MAX),
                litres: None,
            },
            pickup: PointAbilities { kinds: &[PointKind::Shop], is_searchable: true, age_checks: &[] },
            checks_addresses: EUROPEAN_UNION.to_vec(),
            countries: EUROPEAN_UNION.to_vec(),
        }
    }

    fn tracking_url(&self, tracking_number: &str) -> String {
        format!("{PUBLIC_TRACKING}?match={tracking_number}")
    }

    async fn check_address(&self, question: &AddressQuestion) -> Result<Option<AddressVerdict>, CallError> {
        let mut order = match wire::order(&question.trial()?, &self.settings) {
            Ok(order) => order,
            Err(rejection) => return rejection.try_into().map(Some),
        };
        let shipment = json!({ "Shipment": order["Shipment"].take() });
        let reply = self.shipit("/shipments/validate", Some(&shipment), CALL_DEADLINE).await?;
        addresses::verdict(reply).map(Some)
    }

    fn pickup_fault(&self, point: &PickupPoint, address: &Address) -> Option<PointFault> {
        points::fault(point, &address.street)
    }

    async fn pickup_points(&self, near: &PointQuestion) -> Result<Vec<FoundPoint>, CallError> {
        let question = points::question(near);
        points::shops(self.shipit("/parcelshop/address", Some(&question), CALL_DEADLINE).await?)
    }

    async fn book(&self, booking: &Booking) -> BookOutcome {
        let order = match wire::order(booking, &self.settings) {
            Ok(order) => order,
            Err(rejection) => return BookOutcome::Rejected(rejection),
        };
        match self.shipit("/shipments", Some(&order), BOOK_DEADLINE).await {
            Ok(reply) => wire::book_outcome(&reply, booking.label_format),
            Err(error) => error.into(),
        }
    }

    async fn find_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError> {
        let Some(details) = self.details(&json!({ "ShipmentReference": reference.as_str() })).await? else {
            return Ok(Vec::new());
        };
        // The details know neither the number that the shopper follows nor more than one parcel: the list does.
        let from = booked_on - Days::new(1);
        let to = booked_on + Days::new(2);
        let question = json!({
            "ShipmentReference": reference.as_str(),
            "DateFrom": format!("{from}T00:00:00Z"),
            "DateTo": format!("{to}T00:00:00Z"),
        });
        let listed = self.shipit("/tracking/parcels", Some(&question), CALL_DEADLINE).await?;
        let found = wire::listed(&wire::understood(listed)?)?;
        match details {
            wire::Details::One { track_id, .. } if found.is_empty() => {
                Ok(vec![BookedParcel { carrier_shipment_id: track_id.clone(), tracking_number: track_id }])
            }
            wire::Details::Several if found.is_empty() => {
                Err(CallError::NoAnswer("several parcels bear the reference, and none is listed".to_owned()))
            }
            _ => Ok(found),
        }
    }

    async fn fetch_label(
        &self,
        _carrier_shipment_id: &str,
        _format: LabelFormat,
    ) -> Result<Option<Label>, CallError> {
        Ok(None)
    }

    async fn reissue_label(&self, carrier_shipment_id: &str, format: LabelFormat) -> BookOutcome {
        let question = wire::reprint(carrier_shipment_id, format);
        match self.shipit("/shipments/reprintparcel", Some(&question), BOOK_DEADLINE).await {
            Ok(reply) => wire::book_outcome(&reply, format),
            Err(error) => error.into(),
        }
    }

    async fn cancel(&self, carrier_shipment_id: &str, is_repeat: bool) -> Result<CancelOutcome, CallError> {
        if is_repeat {
            match self.cancellation(carrier_shipment_id).await? {
                CancelOutcome::Pending => {}
                decided => return Ok(decided),
            }
        }
        let path = format!("/shipments/cancel/{carrier_shipment_id}");
        let reply = self.shipit(&path, None, CALL_DEADLINE).await?;
        if is_repeat && reply.status == wire::ASKED_TWICE {
            return Ok(CancelOutcome::Pending);
        }
        wire::cancel_outcome(reply)
    }

    async fn cancellation(&self, carrier_shipment_id: &str) -> Result<CancelOutcome, CallError> {
        let details = self.details(&json!({ "TrackID": carrier_shipment_id })).await?;
        Ok(wire::after_cancellation(details.as_ref()))
    }

    async fn track(
        &self,
        parcel: &BookedParcel,
        _recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError> {
        let tracking_number = parcel.tracking_number.as_str();
        let path = format!("{TRACKING}/{tracking_number}");
        let reply = self.tokens.send(|| self.request(Method::GET, &path, CALL_DEADLINE)).await?;
        tracking::read(&reply.expect_success()?.body, tracking_number)
    }

    async fn book_pickup(&self, request: &PickupRequest) -> PickupOutcome {
        let order = pickups::order(request, &self.settings);
        match self.shipit("/sporadiccollection", Some(&order), CALL_DEADLINE).await {
            Ok(reply) => pickups::outcome(reply),
            Err(error) => error.into(),
        }
    }

    /// Ends the day of the whole contract: GLS has no smaller one. What it does not report was ended before, unless it
    /// does not know it at all.
    async fn close_day(&self, carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError> {
        let reply = self.shipit("/shipments/endofday", None, CALL_DEADLINE).await?;
        let ended = wire::ended(&wire::understood(reply)?)?;
        let mut closed = Vec::with_capacity(carrier_shipment_ids.len());
        for id in carrier_shipment_ids {
            let is_known = ended.contains(id) || self.details(&json!({ "TrackID": id })).await?.is_some();
            let result = if is_known { Ok(()) } else { Err("GLS does not know the parcel".to_owned()) };
            closed.push(ClosedShipment { carrier_shipment_id: id.clone(), result });
        }
        Ok(closed)
    }
}
