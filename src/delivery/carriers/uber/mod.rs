//! Uber Direct: quotes, deliveries and signed webhooks, with one token for all of them.
//!
//! A courier comes for the goods at once and brings them within the hour, so each booking begins with a quote: it says
//! whether anybody rides there now, and books nothing. The delivery itself carries our reference as its idempotency key,
//! which lives an hour, and as its external id, by which it is found in the list. There is no label and no end of a day.
//! What can't be handed over comes back as a second delivery. `wire.rs` maps bookings and refusals, `tracking.rs` statuses,
//! `notices.rs` webhooks.

mod addresses;
mod notices;
mod tracking;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::NaiveDate;
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use serde_json::Value;

use super::call::Reply;
use super::tokens::{Grant, Tokens};
use crate::delivery::carrier::{
    AddressFinding, AddressQuestion, AddressVerdict, BookOutcome, BookedParcel, Booking, CallError,
    CancelOutcome, Capabilities, Carrier, ClosedShipment, Label, LabelFormat, LiveQuote, Notice, NoticeError,
    PointAbilities, Pushes, QuoteRequest, Reference, SizeLimits, Subject, Subscribed, Tracking,
};

pub use wire::is_phone;

/// Uber's page for recipients.
const PUBLIC_TRACKING: &str = "https://www.ubereats.com/orders";
/// What the token is for.
const SCOPE: &str = "eats.deliveries";

/// Booking looks for a courier and is the slowest call; a longer silence is a failure.
const BOOK_DEADLINE: Duration = Duration::from_secs(20);
/// Every other call.
const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// What Uber's tokens live, should an answer not say.
const TOKEN_LIFETIME: Duration = Duration::from_hours(720);
/// Uber names no limit; one person carries this much.
const WEIGHT_GRAMS_MAX: i64 = 22_000;
/// Uber names none: what goes into the boot of a small car.
const SIDES_MM_MAX: [i64; 3] = [1_000, 800, 500];
const LITRES_MAX: i64 = 200;
/// A delivery is over within the hour: webhooks tell of it, and where one is lost this is how late we learn.
const FOLLOW_EVERY: Duration = Duration::from_mins(5);
/// Deliveries of one page of the list.
const PAGE: usize = 100;
/// Where an account may be whose addresses can be told: Canada's and Australia's have a province, which ours don't.
pub const COUNTRIES: [&str; 7] = ["DE", "ES", "FR", "GB", "IT", "NL", "US"];
/// Most pages that are looked through.
const PAGES_MAX: usize = 50;

/// What the adapter needs to know. Live: `https://api.uber.com` and `https://login.uber.com`; Uber's own test customers
/// use the same hosts.
#[derive(Clone, Debug)]
pub struct UberSettings {
    /// Scheme and host of the API, without a path.
    pub base_url: String,
    /// Scheme and host of the login, without a path.
    pub login_url: String,
    /// The retailer's account.
    pub customer_id: String,
    /// Of the application in Uber's dashboard.
    pub client_id: String,
    /// That application's secret.
    pub client_secret: SecretString,
    /// Where couriers ride, ISO 3166-1 alpha-2.
    pub country: String,
    /// Whom a courier calls who does not find the goods, in international form (ITU E.164).
    pub pickup_phone: String,
    /// How long a store needs to pick and pack after a booking.
    pub preparation: chrono::Duration,
    /// What webhooks are signed with; without it none is believed.
    pub webhook_key: Option<SecretString>,
}

/// Uber Direct.
#[derive(Debug)]
pub struct Uber {
    settings: UberSettings,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Uber {
    /// An adapter over the program's one client.
    pub fn new(settings: UberSettings, http: reqwest::Client) -> Self {
        let grant = Grant {
            address: format!("{}/oauth/v2/token", settings.login_url.trim_end_matches('/')),
            basic: None,
            form: vec![
                ("grant_type", SecretString::from("client_credentials")),
                ("client_id", SecretString::from(settings.client_id.as_str())),
                ("client_secret", settings.client_secret.clone()),
                ("scope", SecretString::from(SCOPE)),
            ],
            usual_lifetime: TOKEN_LIFETIME,
        };
        let tokens = Tokens::new(grant, http.clone());
        Self { settings, http, tokens }
    }

    fn request(&self, method: Method, path: &str, deadline: Duration) -> RequestBuilder {
        let base = self.settings.base_url.trim_end_matches('/');
        let customer = &self.settings.customer_id;
        self.http.request(method, format!("{base}/v1/customers/{customer}{path}")).timeout(deadline)
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Reply, CallError> {
        self.tokens.send(|| self.request(Method::POST, path, BOOK_DEADLINE).json(body)).await
    }

    /// A delivery as it stands; none when Uber does not know it.
    async fn delivery(&self, id: &str) -> Result<Option<Value>, CallError> {
        let path = format!("/deliveries/{id}");
        let reply = self.tokens.send(|| self.request(Method::GET, &path, CALL_DEADLINE)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        reply.expect_success()?.json().map(Some)
    }

    /// The delivery that Uber says it has under our key already.
    async fn booked_before(&self, id: &str) -> BookOutcome {
        match self.delivery(id).await {
            Ok(Some(delivery)) => wire::booked(&delivery),
            Ok(None) => BookOutcome::Unknown { detail: format!("{id} is there and can't be found") },
            Err(error) => BookOutcome::Unknown { detail: error.to_string() },
        }
    }
}

#[async_trait]
impl Carrier for Uber {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            name: "uber",
            // For an hour.
            is_booking_idempotent: true,
            finds_by_reference: true,
            gives_labels: false,
            refetches_labels: false,
            reissues_labels: false,
            closing: None,
            pickups: None,
            carries_chilled: false,
            returns: None,
            age_checks: &[16, 18, 21],
            is_local: true,
            preparation: self.settings.preparation,
            calls_recipients: true,
            follow_every: Some(FOLLOW_EVERY),
            weight_grams_max: WEIGHT_GRAMS_MAX,
            size: SizeLimits {
                sides_mm: Some(SIDES_MM_MAX),
                length_and_girth_mm: None,
                litres: Some(LITRES_MAX),
            },
            pickup: PointAbilities::NONE,
            checks_addresses: COUNTRIES
                .into_iter()
                .filter(|country| *country == self.settings.country)
                .collect(),
            countries: COUNTRIES.into_iter().filter(|country| *country == self.settings.country).collect(),
        }
    }

    fn tracking_url(&self, tracking_number: &str) -> String {
        format!("{PUBLIC_TRACKING}/{tracking_number}")
    }

    /// Each parcel is a delivery of its own.
    async fn quote(&self, request: &QuoteRequest) -> Result<Option<LiveQuote>, CallError> {
        let question =
            wire::price_question((&request.sender, &request.recipient), request.asked_at, &self.settings)
                .ok_or_else(|| CallError::Refused("Uber does not ride there".to_owned()))?;
        let reply = self.post("/delivery_quotes", &question).await?.expect_success()?;
        let parcels = i64::try_from(request.parcels.len()).unwrap_or(i64::MAX);
        Ok(wire::price(&reply.json()?, parcels))
    }

    async fn check_address(&self, question: &AddressQuestion) -> Result<Option<AddressVerdict>, CallError> {
        let places = (&question.sender, &question.recipient);
        let Some(question) = wire::price_question(places, question.asked_at, &self.settings) else {
            return Ok(Some(AddressVerdict::of(AddressFinding::NotServed, Vec::new())));
        };
        addresses::verdict(self.post("/delivery_quotes", &question).await?).map(Some)
    }

    async fn book(&self, booking: &Booking) -> BookOutcome {
        let mut delivery = match wire::delivery(booking, &self.settings) {
            Ok(delivery) => delivery,
            Err(rejection) => return BookOutcome::Rejected(rejection),
        };
        let quoted = match self.post("/delivery_quotes", &wire::quote(&delivery)).await {
            Ok(reply) => wire::quoted(&reply),
            // A quote books nothing, whatever became of it.
            Err(CallError::Unauthorised) => return CallError::Unauthorised.into(),
            Err(error) => return BookOutcome::NotSent { detail: error.to_string() },
        };
        match quoted {
            Ok(quote) => delivery["quote_id"] = quote.into(),
            Err(outcome) => return outcome,
        }
        let reply = match self.post("/deliveries", &delivery).await {
            Ok(reply) => reply,
            Err(error) => return error.into(),
        };
        match wire::duplicate_of(&reply) {
            Some(id) => self.booked_before(&id).await,
            None => wire::book_outcome(&reply),
        }
    }

    async fn find_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError> {
        let mut found = Vec::new();
        for page in 0..PAGES_MAX {
            let query = [("limit", PAGE.to_string()), ("Offset", (page * PAGE).to_string())];
            let reply = self
                .tokens
                .send(|| self.request(Method::GET, "/deliveries", CALL_DEADLINE).query(&query))
                .await?;
            let listed = wire::listed(&reply.expect_success()?)?;
            found.extend(listed.iter().filter_map(|one| wire::live_parcel(one, reference)));
            if listed.len() < PAGE || listed.iter().all(|one| wire::is_older(one, booked_on)) {
                return Ok(found);
            }
        }
        if found.is_empty() {
            return Err(CallError::NoAnswer("the list is too long to look through".to_owned()));
        }
        Ok(found)
    }

    async fn fetch_label(
        &self,
        _carrier_shipment_id: &str,
        _format: LabelFormat,
    ) -> Result<Option<Label>, CallError> {
        Ok(None)
    }

    async fn cancel(&self, carrier_shipment_id: &str, _is_repeat: bool) -> Result<CancelOutcome, CallError> {
        let path = format!("/deliveries/{carrier_shipment_id}/cancel");
        let reply = self.tokens.send(|| self.request(Method::POST, &path, CALL_DEADLINE)).await?;
        match reply.status {
            // Also what was cancelled before can't be cancelled, and only its status tells the one from the other.
            400 | 409 => {
                let delivery = self.delivery(carrier_shipment_id).await?;
                Ok(wire::refused_cancel(delivery.as_ref(), &reply))
            }
            404 => Ok(wire::refused_cancel(None, &reply)),
            _ => reply.expect_success().map(|_| CancelOutcome::Cancelled),
        }
    }

    async fn track(
        &self,
        parcel: &BookedParcel,
        _recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError> {
        let delivery = self.delivery(&parcel.carrier_shipment_id).await?;
        Ok(delivery.map(|delivery| tracking::read(&delivery, &parcel.carrier_shipment_id)))
    }

    async fn close_day(&self, _carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError> {
        Err(CallError::Refused("Uber closes no days".to_owned()))
    }

    fn pushes(&self) -> Option<Pushes> {
        self.settings.webhook_key.as_ref()?;
        Some(Pushes { are_signed: true, subscribed: Subscribed::Elsewhere })
    }

    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
        let key = self.settings.webhook_key.as_ref().ok_or(NoticeError::NotOffered)?;
        let booking = notices::read(key, headers, body)?;
        Ok(Notice::Happened(booking.map(Subject::Booking).into_iter().collect()))
    }
}
