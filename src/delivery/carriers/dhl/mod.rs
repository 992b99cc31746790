//! DHL Parcel DE: shipping v2 with a bearer token, unified tracking, and XML tracking to find a booking by our reference.
//!
//! DHL keeps no duplicate check: an order that may have arrived is never sent again from here. Whether a shipment was
//! booked is read from its item, never from the HTTP status, because an item may be an error inside a 200. `wire.rs` maps
//! orders, `tracking.rs` events, `xml.rs` the search by reference, `pickups.rs` orders of a driver, `returns.rs` goods that come
//! back, `push.rs` what DHL tells by itself.

mod addresses;
mod countries;
mod pickups;
mod points;
mod push;
mod returns;
mod tracking;
mod wire;
mod xml;

use std::time::Duration;

use async_trait::async_trait;
use axum::http::HeaderMap;
use chrono::{DateTime, Days, NaiveDate, Utc};
use chrono_tz::Europe::Berlin;
use reqwest::{Method, RequestBuilder};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::call::{self, Reply};
use super::countries::EUROPEAN_UNION;
use super::tokens::{Grant, Tokens};
use crate::delivery::carrier::{
    Address, AddressQuestion, AddressVerdict, BookOutcome, BookedParcel, Booking, CallError, CancelOutcome,
    Capabilities, Carrier, ClosedShipment, Closing, Label, LabelFormat, Notice, NoticeError,
    PickupConfirmation, PickupOutcome, PickupPoint, PickupRequest, Pickups, PointAbilities, PointFault,
    PointKind, Pushes, Reference, Returns, SizeLimits, Subscribed, Tracking, Validation,
};

const SHIPPING: &str = "/parcel/de/shipping/v2";
const PICKUP_ORDERS: &str = "/parcel/de/transportation/pickup/v3/orders";
const TRACKING: &str = "/track/shipments";
/// DHL's page for recipients.
const PUBLIC_TRACKING: &str = "https://www.dhl.de/de/privatkunden/pakete-empfangen/verfolgen.html";
const PUSH: &str = "/tracking/push/v1";
const XML_TRACKING: &str = "/parcel/de/tracking/v0/shipments";

/// Booking renders a label and is DHL's slowest call; integrators report seconds, so a longer silence is a failure.
const BOOK_DEADLINE: Duration = Duration::from_secs(25);
/// Every other call.
const CALL_DEADLINE: Duration = Duration::from_secs(15);
/// What DHL documents ("about 30 min"), should an answer not say.
const TOKEN_LIFETIME: Duration = Duration::from_secs(1_799);
/// DHL's limit for one manifest request.
const SHIPMENTS_PER_REQUEST_MAX: usize = 30;
/// Schema limit of any parcel.
const WEIGHT_GRAMS_MAX: i64 = 31_500;
/// Of a parcel that is no bulky one (V01PAK; V53WPAK has the same).
const SIDES_MM_MAX: [i64; 3] = [1_200, 600, 600];

/// What the adapter needs to know. Test system: `https://api-sandbox.dhl.com`; live: `https://api-eu.dhl.com`.
#[derive(Clone, Debug)]
pub struct DhlSettings {
    /// Scheme and host, without a path.
    pub base_url: String,
    /// The app's key: `client_id` of the token, `dhl-api-key` of tracking.
    pub api_key: String,
    /// The app's secret.
    pub api_secret: SecretString,
    /// The user of the business portal.
    pub username: String,
    /// That user's password.
    pub password: SecretString,
    /// The user group of the portal; `STANDARD_GRUPPENPROFIL` unless the contract says otherwise.
    pub profile: String,
    /// Fourteen characters, for V01PAK: parcels within Germany.
    pub billing_number: String,
    /// Fourteen characters, for V53WPAK: parcels to the rest of the European Union. Without it Germany only.
    pub international_billing_number: Option<String>,
    /// One of DHL's paper formats; without it the account's own.
    pub print_format: Option<String>,
    /// What it takes to bring goods back; without it DHL brings none.
    pub returns: Option<DhlReturns>,
    /// What it takes to be told by DHL; without it DHL is only asked.
    pub push: Option<DhlPush>,
}

/// DHL's returns.
#[derive(Clone, Debug)]
pub struct DhlReturns {
    /// Fourteen characters, of the product DHL Retoure.
    pub billing_number: String,
    /// The receiver, as DHL's portal names it, that all goods go back to; without it each store is a receiver by its address.
    pub receiver: Option<String>,
}

/// A subscription of the whole account.
#[derive(Clone, Debug)]
pub struct DhlPush {
    /// The customer number that DHL has the parcels under.
    pub account: String,
    /// What messages prove themselves with.
    pub token: SecretString,
}

/// DHL Parcel DE.
#[derive(Debug)]
pub struct Dhl {
    settings: DhlSettings,
    http: reqwest::Client,
    tokens: Tokens,
}

impl Dhl {
    /// An adapter over the program's one client.
    pub fn new(settings: DhlSettings, http: reqwest::Client) -> Self {
        let text = |text: &str| SecretString::from(text);
        let grant = Grant {
            address: format!(
                "{}/parcel/de/account/auth/ropc/v1/token",
                settings.base_url.trim_end_matches('/')
            ),
            basic: None,
            form: vec![
                ("grant_type", text("password")),
                ("client_id", text(&settings.api_key)),
                ("client_secret", settings.api_secret.clone()),
                ("username", text(&settings.username)),
                ("password", settings.password.clone()),
            ],
            usual_lifetime: TOKEN_LIFETIME,
        };
        let tokens = Tokens::new(grant, http.clone());
        Self { settings, http, tokens }
    }

    fn request(&self, method: Method, path: &str, deadline: Duration) -> RequestBuilder {
        let base = self.settings.base_url.trim_end_matches('/');
        self.http.request(method, format!("{base}{path}")).timeout(deadline)
    }

    /// A call of the service that tells: it takes the key alone.
    async fn push(
        &self,
        method: Method,
        path: &str,
        more: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Reply, CallError> {
        let request = self.request(method, &format!("{PUSH}{path}"), CALL_DEADLINE);
        call::send(more(request.header("dhl-api-key", &self.settings.api_key))).await
    }

    fn document_query(&self, format: LabelFormat) -> Vec<(&'static str, &str)> {
        let format = match format {
            LabelFormat::Pdf => "PDF",
            LabelFormat::Zpl => "ZPL2",
        };
        let mut query = vec![("includeDocs", "include"), ("docFormat", format)];
        query.extend(self.settings.print_format.as_deref().map(|name| ("printFormat", name)));
        query
    }
}

#[async_trait]
impl Carrier for Dhl {
    fn capabilities(&self) -> Capabilities {
        let countries = match self.settings.international_billing_number {
            Some(_) => EUROPEAN_UNION.to_vec(),
            None => vec!["DE"],
        };
        Capabilities {
            name: "dhl",
            is_booking_idempotent: false,
            finds_by_reference: true,
            gives_labels: true,
            refetches_labels: true,
            reissues_labels: false,
            // DHL closes each day by itself, at an hour of the contract.
            closing: Some(Closing { by_itself_after: chrono::Duration::days(1), gives_manifest: true }),
            pickups: Some(Pickups { are_found: true, are_cancelled: true }),
            carries_chilled: false,
            is_local: false,
            preparation: chrono::Duration::zero(),
            calls_recipients: false,
            follow_every: None,
            // An unused label of a return is not billed, and the interface takes none back.
            returns: self
                .settings
                .returns
                .as_ref()
                .map(|_| Returns { from: returns::COUNTRIES.to_vec(), are_cancelled: false }),
            age_checks: &[16, 18],
            weight_grams_max: WEIGHT_GRAMS_MAX,
            size: SizeLimits { sides_mm: Some(SIDES_MM_MAX), ..SizeLimits::NONE },
            // Neither at a Packstation nor for a parcel that lies in a post office anybody looks at an age for us.
            pickup: PointAbilities {
                kinds: &[PointKind::Locker, PointKind::Shop],
                is_searchable: false,
                age_checks: &[],
            },
            // What can be route-coded: German addresses only.
            checks_addresses: vec!["DE"],
            countries,
        }
    }

    fn tracking_url(&self, tracking_number: &str) -> String {
        format!("{PUBLIC_TRACKING}?piececode={tracking_number}")
    }

    async fn check_address(&self, question: &AddressQuestion) -> Result<Option<AddressVerdict>, CallError> {
        let order = match wire::order(&question.trial()?, &self.settings) {
            Ok(order) => order,
            Err(rejection) => return rejection.try_into().map(Some),
        };
        let build = || {
            let request = self.request(Method::POST, &format!("{SHIPPING}/orders"), CALL_DEADLINE);
            request.query(&[("validate", "true"), ("mustEncode", "true")]).json(&order)
        };
        addresses::verdict(self.tokens.send(build).await?).map(Some)
    }

    fn pickup_fault(&self, point: &PickupPoint, address: &Address) -> Option<PointFault> {
        points::fault(point, &address.country)
    }

    async fn book(&self, booking: &Booking) -> BookOutcome {
        if booking.is_return {
            return self.book_return(booking).await;
        }
        let order = match wire::order(booking, &self.settings) {
            Ok(order) => order,
            Err(rejection) => return BookOutcome::Rejected(rejection),
        };
        let query = self.document_query(booking.label_format);
        let sent = self
            .tokens
            .send(|| {
                let request = self.request(Method::POST, &format!("{SHIPPING}/orders"), BOOK_DEADLINE);
                request.query(&query).json(&order)
            })
            .await;
        match sent {
            Ok(reply) => wire::book_outcome(&reply, booking.label_format),
            Err(error) => error.into(),
        }
    }

    async fn find_by_reference(
        &self,
        reference: &Reference,
        booked_on: NaiveDate,
    ) -> Result<Vec<BookedParcel>, CallError> {
        let settings = &self.settings;
        // A day on either side: DHL's day is Germany's, ours is whoever asks.
        let from = booked_on - Days::new(1);
        let to = booked_on + Days::new(1);
        let question =
            xml::question(&settings.username, settings.password.expose_secret(), reference, from, to);
        let request = self
            .request(Method::GET, XML_TRACKING, CALL_DEADLINE)
            .query(&[("xml", question)])
            .header("dhl-api-key", &settings.api_key)
            .basic_auth(&settings.api_key, Some(settings.api_secret.expose_secret()));
        let reply = call::send(request).await?.expect_success()?;
        xml::read_answer(&reply.body, reference)
    }

    async fn fetch_label(
        &self,
        carrier_shipment_id: &str,
        format: LabelFormat,
    ) -> Result<Option<Label>, CallError> {
        let query = self.document_query(format);
        let reply = self
            .tokens
            .send(|| {
                let request = self.request(Method::GET, &format!("{SHIPPING}/orders"), CALL_DEADLINE);
                request.query(&[("shipment", carrier_shipment_id)]).query(&query)
            })
            .await?;
        // Closed, deleted and unknown shipments are all refused: there is no label to be had any more.
        if matches!(reply.status, 400 | 404) {
            return Ok(None);
        }
        wire::label(&reply.expect_success()?, format)
    }

    async fn cancel(&self, carrier_shipment_id: &str, is_repeat: bool) -> Result<CancelOutcome, CallError> {
        let reply = self
            .tokens
            .send(|| {
                let request = self.request(Method::DELETE, &format!("{SHIPPING}/orders"), CALL_DEADLINE);
                request
                    .query(&[("profile", self.settings.profile.as_str()), ("shipment", carrier_shipment_id)])
            })
            .await?;
        wire::cancel_outcome(reply, is_repeat)
    }

    async fn track(
        &self,
        parcel: &BookedParcel,
        recipient_postal_code: &str,
    ) -> Result<Option<Tracking>, CallError> {
        let tracking_number = parcel.tracking_number.as_str();
        let query = [
            ("trackingNumber", tracking_number),
            ("service", "parcel-de"),
            ("recipientPostalCode", recipient_postal_code),
        ];
        // The gateway refuses a key beside a token, so this service never gets one.
        let request = self
            .request(Method::GET, TRACKING, CALL_DEADLINE)
            .query(&query)
            .header("dhl-api-key", &self.settings.api_key);
        let reply = call::send(request).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        tracking::read(&reply.expect_success()?.body, tracking_number)
    }

    async fn close_day(&self, carrier_shipment_ids: &[String]) -> Result<Vec<ClosedShipment>, CallError> {
        let mut closed = Vec::with_capacity(carrier_shipment_ids.len());
        for numbers in carrier_shipment_ids.chunks(SHIPMENTS_PER_REQUEST_MAX) {
            let body = json!({ "profile": self.settings.profile, "shipmentNumbers": numbers });
            let reply = self
                .tokens
                .send(|| {
                    self.request(Method::POST, &format!("{SHIPPING}/manifests"), CALL_DEADLINE).json(&body)
                })
                .await?;
            closed.extend(wire::closed(&reply.expect_success()?, numbers)?);
        }
        Ok(closed)
    }

    async fn fetch_manifest(&self, closed_at: DateTime<Utc>) -> Result<Option<Vec<u8>>, CallError> {
        // DHL's day is Germany's.
        let day = closed_at.with_timezone(&Berlin).date_naive().to_string();
        let reply = self
            .tokens
            .send(|| {
                let request = self.request(Method::GET, &format!("{SHIPPING}/manifests"), CALL_DEADLINE);
                request.query(&[("date", day.as_str()), ("includeDocs", "include")])
            })
            .await?;
        if reply.status == 404 {
            return Ok(None);
        }
        wire::manifest(&reply.expect_success()?)
    }

    async fn book_pickup(&self, request: &PickupRequest) -> PickupOutcome {
        let order = match pickups::order(request, &self.settings) {
            Ok(order) => order,
            Err(rejection) => return PickupOutcome::Rejected(rejection),
        };
        let build = || self.request(Method::POST, PICKUP_ORDERS, CALL_DEADLINE).json(&order);
        match self.tokens.send(build).await {
            Ok(reply) => pickups::outcome(reply),
            Err(error) => error.into(),
        }
    }

    async fn find_pickup(&self, request: &PickupRequest) -> Result<Option<PickupConfirmation>, CallError> {
        let query = [("pickupDate", request.day.to_string())];
        let build = || self.request(Method::GET, PICKUP_ORDERS, CALL_DEADLINE).query(&query);
        pickups::found(self.tokens.send(build).await?, &request.reference)
    }

    async fn cancel_pickup(
        &self,
        carrier_pickup_id: &str,
        is_repeat: bool,
    ) -> Result<CancelOutcome, CallError> {
        let query = [("orderID", carrier_pickup_id)];
        let build = || self.request(Method::DELETE, PICKUP_ORDERS, CALL_DEADLINE).query(&query);
        pickups::cancel_outcome(self.tokens.send(build).await?, is_repeat)
    }

    fn pushes(&self) -> Option<Pushes> {
        let push = self.settings.push.as_ref()?;
        Some(Pushes { are_signed: false, subscribed: Subscribed::Account { mark: push::mark(push) } })
    }

    async fn subscribe_account(&self, address: &str, anew: bool) -> Result<(), CallError> {
        let none = || CallError::Refused("DHL was not told to push".to_owned());
        let settings = self.settings.push.as_ref().ok_or_else(none)?;
        let listed = self.push(Method::GET, "/subscriptions", |request| request).await?;
        let standing = push::standing(listed, address)?;
        if !anew && !standing.is_empty() {
            return Ok(());
        }
        for id in standing {
            let ended = self.push(Method::DELETE, &format!("/subscription/{id}"), |request| request).await?;
            if ended.status != 404 {
                ended.expect_success()?;
            }
        }
        let body = push::subscription(address, settings);
        let asked = self.push(Method::POST, "/subscription", |request| request.json(&body)).await?;
        asked.expect_success().map(|_| ())
    }

    async fn confirm_subscription(&self, validation: &Validation) -> Result<(), CallError> {
        let path = format!("/subscription/{}", validation.subscription);
        let secret = validation.secret.expose_secret();
        let sent = self.push(Method::POST, &path, |request| request.header("dhl-api-hook-secret", secret));
        sent.await?.expect_success().map(|_| ())
    }

    fn read_notice(&self, headers: &HeaderMap, body: &[u8]) -> Result<Notice, NoticeError> {
        let settings = self.settings.push.as_ref().ok_or(NoticeError::NotOffered)?;
        push::read(&settings.token, headers, body)
    }
}
