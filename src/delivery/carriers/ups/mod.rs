//! UPS: shipping, label recovery, void and tracking of its REST interface, with one token for all of them.
//!
//! UPS keeps no duplicate check and has no dry run: a booking that may have arrived is never sent again from here. Whether
//! it was made is asked of label recovery and, should that know nothing, of tracking by reference. `wire.rs` maps
//! shipments, `pickups.rs` orders of a driver, `rating.rs` prices, `tracking.rs` activities, `status.rs` the numbers of statuses,
//! `alerts.rs` what UPS tells by itself.

mod addresses;
mod alerts;
mod pickups;
mod points;
mod rating;
mod status;
mod tracking;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{Days, NaiveDate};
use reqwest::{Method, RequestBuilder};
use secrecy::SecretString;
use uuid::Uuid;

use super::call::Reply;
use super::countries::EUROPEAN_UNION;
use super::tokens::{Grant, Tokens};
use crate::delivery::carrier::{
    Address, AddressQuestion, AddressVerdict, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome,
    Capabilities, Carrier, ClosedShipment, FoundPoint, Label, LabelFormat, LiveQuote, Notice, NoticeError,
    PickupConfirmation, PickupOutcome, PickupPoint, PickupRequest, Pickups, PointAbilities, PointFault,
    PointKind, PointQuestion, Pushes, QuoteRequest, Reference, Returns, SizeLimits, Subject, Subscribed,
    Tracking,
};

/// UPS's page for recipients.
const PUBLIC_TRACKING: &str = "https://www.ups.com/track";
/// Who calls, as every call has to say.
const SOURCE: &str = "aisle";

/// Booking renders a label and is the slowest call; a longer silence is a failure.
const BOOK_DEADLINE: Duration = Duration::from_secs(25);
/// Every other call.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// What UPS's tokens live, should an answer not say.
const TOKEN_LIFETIME: Duration = Duration::from_secs(14_399);
/// 150 lb in the United States, 70 kg elsewhere: the lower of the two.
const WEIGHT_GRAMS_MAX: i64 = 68_000;
/// The longest side, and length with girth: 108 and 165 inches in the United States, 270 and 330 cm elsewhere. Sides are told in
/// whole inches and centimetres, rounded up, so the sum has five of them less.
const AMERICAN_SIZE: SizeLimits = limits(2_743, 4_191 - 5 * 26);
const OTHER_SIZE: SizeLimits = limits(2_700, 3_300 - 5 * 10);

const fn limits(side: i64, length_and_girth: i64) -> SizeLimits {
    SizeLimits { sides_mm: Some([side; 3]), length_and_girth_mm: Some(length_and_girth), litres: None }
}

/// What the adapter needs to know. Test system: `https://wwwcie.ups.com`; live: `https://onlinetools.ups.com`.
#[derive(Clone, Debug)]
pub struct UpsSettings {
    /// Scheme and host, without a path.
    pub base_url: String,
    /// Of the application in UPS's developer portal.
    pub client_id: String,
    /// That application's secret.
    pub client_secret: SecretString,
    /// Six letters or digits: the shipper, who pays.
    pub account_number: String,
    /// The shipper's country, ISO 3166-1 alpha-2. Parcels go within the United States from there, and within the European
    /// Union from any of its members.
    pub country: String,
    /// Whom a driver calls who finds no parcels; without it no driver is ordered.
    pub pickup_phone: Option<String>,
    /// What Track Alert's messages prove themselves with, as UPS's portal has it; without it none is believed.
    pub alert_key: Option<SecretString>,
}

/// UPS.
#[derive(Debug)]
pub struct Ups {
    settings: UpsSettings,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Ups {
    /// An adapter over the program's one client.
    pub fn new(settings: UpsSettings, http: reqwest::Client) -> Self {
        let grant = Grant {
            address: format!("{}/security/v1/oauth/token", settings.base_url.trim_end_matches('/')),
            basic: Some((settings.client_id.clone(), settings.client_secret.clone())),
            form: vec![("grant_type", SecretString::from("client_credentials"))],
            usual_lifetime: TOKEN_LIFETIME,
        };
        let tokens = Tokens::new(grant, http.clone());
        Self { settings, http, tokens }
    }

    /// Every call has an id of its own, of 32 characters, by which UPS finds it again.
    fn request(&self, method: Method, path: &str, deadline: Duration) -> RequestBuilder {
        let base = self.settings.base_url.trim_end_matches('/');
        let request = self.http.request(method, format!("{base}/api{path}")).timeout(deadline);
        #[expect(clippy::disallowed_methods, reason = "names a call in UPS's log and nothing of ours")]
        let id = Uuid::now_v7().simple().to_string();
        request.header("transId", id).header("transactionSrc", SOURCE)
    }

    async fn recover(&self, body: &serde_json::Value) -> Result<Reply, CallError> {
        let path = "/labels/v1/recovery";
        self.tokens.send(|| self.request(Method::POST, path, CALL_DEADLINE).json(body)).await
    }

    /// Tracking by our reference: the second witness, for parcels that label recovery does not know.
    async fn tracked_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError> {
        // A day on either side: UPS's day is the sender's, ours is whoever asks; and a label may wait for its collection.
        let from = (booked_on - Days::new(1)).format("%Y%m%d").to_string();
        let to = (booked_on + Days::new(7)).format("%Y%m%d").to_string();
        let query = [
            ("shipperNum", self.settings.account_number.as_str()),
            ("fromPickUpDate", &from),
            ("toPickUpDate", &to),
        ];
        let path = format!("/track/v1/reference/details/{}", reference.as_str());
        let reply =
            self.tokens.send(|| self.request(Method::GET, &path, CALL_DEADLINE).query(&query)).await?;
        if reply.status == 404 {
            return Ok(Vec::new());
        }
        tracking::live_parcels(&reply.expect_success()?.body)
    }

    async fn label(&self, number: &str, format: LabelFormat) -> Result<Option<Label>, CallError> {
        let reply = self.recover(&wire::recovery_of_number(number, format)).await?;
        // Void and unknown shipments are both refused: there is no label to be had any more.
        if matches!(reply.status, 400 | 404) {
            return Ok(None);
        }
        wire::recovered_label(&reply.expect_success()?, format).map(Some)
    }
}

#[async_trait]
impl Carrier for Ups {
    fn capabilities(&self) -> Capabilities {
        let american = self.settings.country == "US";
        let countries = if american { vec!["US"] } else { EUROPEAN_UNION.to_vec() };
        Capabilities {
            name: "ups",
            is_booking_idempotent: false,
            finds_by_reference: true,
            gives_labels: true,
            refetches_labels: true,
            reissues_labels: false,
            closing: None,
            pickups: self
                .settings
                .pickup_phone
                .is_some()
                .then_some(Pickups { are_found: true, are_cancelled: true }),
            carries_chilled: false,
            is_local: false,
            preparation: chrono::Duration::zero(),
            calls_recipients: false,
            follow_every: None,
            returns: Some(Returns { from: countries.clone(), are_cancelled: true }),
            // An adult signature means 21 years in the United States; elsewhere no age is promised.
            age_checks: if american { &[18, 21] } else { &[] },
            weight_grams_max: WEIGHT_GRAMS_MAX,
            size: if american { AMERICAN_SIZE } else { OTHER_SIZE },
            // An adult signature is for the door.
            pickup: PointAbilities {
                kinds: &[PointKind::Locker, PointKind::Shop],
                is_searchable: true,
                age_checks: &[],
            },
            checks_addresses: if american { vec!["US"] } else { Vec::new() },
            countries,
        }
    }

    fn tracking_url(&self, tracking_number: &str) -> String {
        format!("{PUBLIC_TRACKING}?tracknum={tracking_number}")
    }

    async fn quote(&self, request: &QuoteRequest) -> Result<Option<LiveQuote>, CallError> {
        let question = rating::question(request, &self.settings)
            .ok_or_else(|| CallError::Refused("UPS brings no parcels there".to_owned()))?;
        let path = "/rating/v2409/Ratetimeintransit";
        let sent =
            self.tokens.send(|| self.request(Method::POST, path, CALL_DEADLINE).json(&question)).await?;
        Ok(rating::quote(&sent.expect_success()?.body))
    }

    async fn check_address(&self, question: &AddressQuestion) -> Result<Option<AddressVerdict>, CallError> {
        if question.recipient.country != "US" {
            return Ok(None);
        }
        let question = addresses::question(&question.recipient);
        let path = addresses::PATH;
        let sent =
            self.tokens.send(|| self.request(Method::POST, path, CALL_DEADLINE).json(&question)).await?;
        addresses::verdict(sent).map(Some)
    }

    fn pickup_fault(&self, point: &PickupPoint, address: &Address) -> Option<PointFault> {
        points::fault(point, &address.street)
    }

    async fn pickup_points(&self, near: &PointQuestion) -> Result<Vec<FoundPoint>, CallError> {
        let question = points::question(near);
        let path = points::PATH;
        let sent =
            self.tokens.send(|| self.request(Method::POST, path, CALL_DEADLINE).json(&question)).await?;
        points::points(sent)
    }

    async fn book(&self, booking: &Booking) -> BookOutcome {
        let shipment = match wire::shipment(booking, &self.settings) {
            Ok(shipment) => shipment,
            Err(rejection) => return BookOutcome::Rejected(rejection),
        };
        let path = "/shipments/v2409/ship";
        let sent = self.tokens.send(|| self.request(Method::POST, path, BOOK_DEADLINE).json(&shipment)).await;
        let outcome = match sent {
            Ok(reply) => wire::book_outcome(&reply),
            Err(error) => error.into(),
        };
        match outcome {
            // UPS gives PDF only afterwards. Without it the booking is good all the same.
            BookOutcome::Confirmed(mut confirmation) if booking.label_format == LabelFormat::Pdf => {
                confirmation.label =
                    self.label(&confirmation.tracking_number, LabelFormat::Pdf).await.ok().flatten();
                BookOutcome::Confirmed(confirmation)
            }
            outcome => outcome,
        }
    }

    async fn find_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError> {
        let reply = self.recover(&wire::recovery_of_reference(reference, &self.settings)).await?;
        // A refusal says that there is no label, or that something was wrong with the question: tracking knows.
        let found = match reply.status {
            400 | 404 => Vec::new(),
            _ => wire::recovered_parcels(&reply.expect_success()?)?,
        };
        if found.is_empty() { self.tracked_by_reference(reference, booked_on).await } else { Ok(found) }
    }

    async fn fetch_label(
        &self,
        carrier_shipment_id: &str,
        format: LabelFormat,
    ) -> Result<Option<Label>, CallError> {
        // One parcel a booking: the shipment's number is its parcel's.
        self.label(carrier_shipment_id, format).await
    }

    async fn cancel(&self, carrier_shipment_id: &str, _is_repeat: bool) -> Result<CancelOutcome, CallError> {
        // UPS says of what was voided before that it is void: a repetition needs no other reading.
        let path = format!("/shipments/v2409/void/cancel/{carrier_shipment_id}");
        let reply = self.tokens.send(|| self.request(Method::DELETE, &path, CALL_DEADLINE)).await?;
        wire::cancel_outcome(reply)
    }

    async fn track(
        &self,
        parcel: &BookedParcel,
        _recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError> {
        let tracking_number = parcel.tracking_number.as_str();
        let path = format!("/track/v1/details/{tracking_number}");
        let query = [("locale", "en_US")];
        let reply =
            self.tokens.send(|| self.request(Method::GET, &path, CALL_DEADLINE).query(&query)).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        tracking::read(&reply.expect_success()?.body, tracking_number)
    }

    async fn close_day(&self, _carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError> {
        Err(CallError::Refused("UPS closes no days".to_owned()))
    }

    async fn book_pickup(&self, request: &PickupRequest) -> PickupOutcome {
        let phone = self.settings.pickup_phone.as_deref().unwrap_or_default();
        let order = match pickups::order(request, &self.settings, phone) {
            Ok(order) => order,
            Err(rejection) => return PickupOutcome::Rejected(rejection),
        };
        let path = "/pickupcreation/v2409/pickup";
        let build = || self.request(Method::POST, path, CALL_DEADLINE).json(&order);
        match self.tokens.send(build).await {
            Ok(reply) => pickups::outcome(reply, request),
            Err(error) => error.into(),
        }
    }

    async fn find_pickup(&self, request: &PickupRequest) -> Result<Option<PickupConfirmation>, CallError> {
        let build = || {
            self.request(Method::GET, "/shipments/v2409/pickup/oncall", CALL_DEADLINE)
                .header("AccountNumber", &self.settings.account_number)
        };
        pickups::found(self.tokens.send(build).await?, request)
    }

    async fn cancel_pickup(
        &self,
        carrier_pickup_id: &str,
        is_repeat: bool,
    ) -> Result<CancelOutcome, CallError> {
        let build = || {
            self.request(Method::DELETE, "/shipments/v2409/pickup/02", CALL_DEADLINE)
                .header("Prn", carrier_pickup_id)
        };
        pickups::cancel_outcome(self.tokens.send(build).await?, is_repeat)
    }

    fn pushes(&self) -> Option<Pushes> {
        self.settings.alert_key.as_ref()?;
        let subscribed = Subscribed::Parcels { lives: alerts::LIVES };
        Some(Pushes { are_signed: false, subscribed })
    }

    async fn subscribe_parcels(&self, tracking_numbers: &[String]) -> Result<Vec<String>, CallError> {
        let body = alerts::subscription(tracking_numbers, &self.settings.country);
        let path = "/track/v2/subscription/standard/package";
        let sent = self.tokens.send(|| self.request(Method::POST, path, CALL_DEADLINE).json(&body)).await?;
        alerts::subscribed(sent)
    }

    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
        let key = self.settings.alert_key.as_ref().ok_or(NoticeError::NotOffered)?;
        let number = alerts::read(key, headers, body)?;
        Ok(Notice::Happened(number.map(Subject::Parcel).into_iter().collect()))
    }
}
