//! Proof that a webhook came from PayPal, made offline over the bytes as they came.
//!
//! The certificate's address comes with the event, so it decides nothing: it must be on the list of hosts, the certificate
//! must lead to a trusted root, be valid now and bear PayPal's name. Only then does its key check the signature over
//! transmission id, time, our subscription's id and the body's checksum. Repeats are told by the event's id, not its age.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use tokio::sync::Semaphore;
use url::Url;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage, anchor_from_trusted_cert};

use super::client::Client;
use super::{Settings, events, orders, wire};
use crate::clock::Moment;
use crate::payments::provider::EventError;
use crate::payments::providers::is_loopback;
use crate::payments::store::events::{Hint, Topic};

/// PayPal waits for our answer meanwhile.
const FETCH_TIMEOUT: Duration = Duration::from_secs(4);
/// A chain of three RSA certificates is about 6 kB.
const CHAIN_BYTES_MAX: usize = 64 * 1024;
/// Certificates in a chain, more than any real one has.
const CHAIN_LENGTH_MAX: usize = 8;
/// Certificates kept: PayPal uses one or two at a time.
const CERTIFICATES_MAX: usize = 16;
/// Fetches at once: strangers can make us fetch, so they get few.
const FETCHES_MAX: usize = 4;
const PATH: &str = "/v1/notifications/certs/";

/// Checks webhooks for one subscription.
pub struct Verifier {
    http: reqwest::Client,
    webhook_id: String,
    hosts: Vec<String>,
    anchors: Vec<TrustAnchor<'static>>,
    certificates: RwLock<HashMap<String, Arc<Certificate>>>,
    fetches: Semaphore,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// A certificate that passed every check but time's.
#[derive(Debug)]
struct Certificate {
    /// PKCS #1.
    public_key: Vec<u8>,
    not_before_seconds: i64,
    not_after_seconds: i64,
}

impl Certificate {
    fn is_valid_at(&self, now: Moment) -> bool {
        (self.not_before_seconds..=self.not_after_seconds).contains(&now.timestamp())
    }
}

struct Proof<'a> {
    transmission_id: &'a str,
    transmission_time: &'a str,
    signature: Vec<u8>,
    certificate_url: Url,
}

impl Verifier {
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        let system;
        let roots: &[CertificateDer<'static>] = if let Some(roots) = &settings.webhook_roots {
            roots
        } else {
            system = rustls_native_certs::load_native_certs().certs;
            &system
        };
        let anchors: Vec<_> = roots
            .iter()
            .filter_map(|root| anchor_from_trusted_cert(root).ok().map(|anchor| anchor.to_owned()))
            .collect();
        if anchors.is_empty() {
            tracing::error!("no trusted root for PayPal's webhooks: all of them will be refused");
        }
        Self {
            http: http.clone(),
            webhook_id: settings.webhook_id.clone(),
            hosts: settings.certificate_hosts.clone(),
            anchors,
            certificates: RwLock::default(),
            fetches: Semaphore::new(FETCHES_MAX),
        }
    }

    /// Proves an event's origin and says where it tells to look.
    pub async fn verify(&self, headers: &HeaderMap, body: &[u8], now: Moment) -> Result<Hint, EventError> {
        let proof = self.read_proof(headers)?;
        let certificate = self.certificate(&proof.certificate_url, now).await?;
        let text = format!(
            "{}|{}|{}|{}",
            proof.transmission_id,
            proof.transmission_time,
            self.webhook_id,
            crc32fast::hash(body),
        );
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &certificate.public_key)
            .verify(text.as_bytes(), &proof.signature)
            .map_err(|_| EventError::Forged("the signature does not match"))?;
        read_hint(body)
    }

    /// As [`Verifier::verify`], by PayPal's own word. What is plainly not PayPal's is not even asked about.
    pub async fn verify_online(
        &self,
        client: &Client,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Hint, EventError> {
        let proof = self.read_proof(headers)?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let transmission = events::Transmission {
            id: proof.transmission_id,
            time: proof.transmission_time,
            signature: text("paypal-transmission-sig"),
            certificate_url: text("paypal-cert-url"),
            algorithm: text("paypal-auth-algo"),
            webhook_id: &self.webhook_id,
        };
        events::verify(client, transmission, body).await?;
        read_hint(body)
    }

    fn read_proof<'a>(&self, headers: &'a HeaderMap) -> Result<Proof<'a>, EventError> {
        let header = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .ok_or(EventError::Forged("a header is missing"))
        };
        if !header("paypal-auth-algo")?.eq_ignore_ascii_case("SHA256withRSA") {
            return Err(EventError::Forged("the algorithm is another"));
        }
        let signature = STANDARD
            .decode(header("paypal-transmission-sig")?)
            .map_err(|_| EventError::Forged("the signature can't be read"))?;
        let certificate_url = Url::parse(header("paypal-cert-url")?)
            .ok()
            .filter(|url| self.is_allowed(url))
            .ok_or(EventError::Forged("the certificate's address is not on the list"))?;
        Ok(Proof {
            transmission_id: header("paypal-transmission-id")?,
            transmission_time: header("paypal-transmission-time")?,
            signature,
            certificate_url,
        })
    }

    /// The certificate's address decides which key is fetched: only PayPal's own places, and nothing clever in it.
    fn is_allowed(&self, url: &Url) -> bool {
        let scheme = match url.scheme() {
            "https" => true,
            "http" => is_loopback(url),
            _ => false,
        };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        let place = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let name = url.path().strip_prefix(PATH).unwrap_or_default();
        let plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        scheme && bare && plain && self.hosts.contains(&place)
    }

    async fn certificate(&self, url: &Url, now: Moment) -> Result<Arc<Certificate>, EventError> {
        let known =
            self.certificates.read().unwrap_or_else(PoisonError::into_inner).get(url.as_str()).cloned();
        if let Some(certificate) = known.filter(|certificate| certificate.is_valid_at(now)) {
            return Ok(certificate);
        }
        let permit = self
            .fetches
            .try_acquire()
            .map_err(|_| EventError::Unavailable("too many certificates at once"))?;
        let chain = self.fetch(url).await?;
        drop(permit);
        let certificate = Arc::new(self.check_chain(&chain, now)?);
        let mut kept = self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CERTIFICATES_MAX {
            kept.clear();
        }
        kept.insert(url.as_str().to_owned(), certificate.clone());
        Ok(certificate)
    }

    async fn fetch(&self, url: &Url) -> Result<Vec<u8>, EventError> {
        let unavailable = || EventError::Unavailable("the certificate can't be fetched");
        let read = async {
            // The client follows no redirects.
            let response = self.http.get(url.clone()).send().await.map_err(|_| unavailable())?;
            match response.status().as_u16() {
                200 => {}
                400..=499 => return Err(EventError::Forged("there is no such certificate")),
                _ => return Err(unavailable()),
            }
            let mut bytes = Vec::new();
            let mut chunks = response.bytes_stream();
            while let Some(chunk) = chunks.next().await {
                bytes.extend_from_slice(&chunk.map_err(|_| unavailable())?);
                if bytes.len() > CHAIN_BYTES_MAX {
                    return Err(EventError::Forged("the certificate is beyond all limits"));
                }
            }
            Ok(bytes)
        };
        tokio::time::timeout(FETCH_TIMEOUT, read).await.unwrap_or_else(|_| Err(unavailable()))
    }

    /// Follows the chain to a trusted root, and checks validity and name.
    fn check_chain(&self, pem: &[u8], now: Moment) -> Result<Certificate, EventError> {
        let unreadable = EventError::Forged("the certificate can't be read");
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
            .take(CHAIN_LENGTH_MAX)
            .collect::<Result<_, _>>()
            .map_err(|_| unreadable.clone())?;
        let (leaf, intermediates) = chain.split_first().ok_or(unreadable.clone())?;
        let end_entity = EndEntityCert::try_from(leaf).map_err(|_| unreadable.clone())?;
        let seconds = u64::try_from(now.timestamp()).map_err(|_| unreadable.clone())?;
        end_entity
            .verify_for_usage(
                ALL_VERIFICATION_ALGS,
                &self.anchors,
                intermediates,
                UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
                KeyUsage::server_auth(),
                None,
                None,
            )
            .map_err(|_| EventError::Forged("the certificate does not lead to a trusted root now"))?;
        let (_, parsed) = x509_parser::parse_x509_certificate(leaf).map_err(|_| unreadable)?;
        let name = parsed
            .subject()
            .iter_common_name()
            .next()
            .and_then(|name| name.as_str().ok())
            .unwrap_or_default();
        if !(name.starts_with("messageverificationcerts") && name.ends_with(".paypal.com")) {
            return Err(EventError::Forged("the certificate bears another name"));
        }
        Ok(Certificate {
            public_key: parsed.public_key().subject_public_key.data.to_vec(),
            not_before_seconds: parsed.validity().not_before.timestamp(),
            not_after_seconds: parsed.validity().not_after.timestamp(),
        })
    }
}

/// What the event of a body tells. Nothing else of it is believed.
fn read_hint(body: &[u8]) -> Result<Hint, EventError> {
    let event: wire::Event =
        serde_json::from_slice(body).map_err(|_| EventError::Forged("the body can't be read"))?;
    if event.id.is_empty() {
        return Err(EventError::Forged("the event has no id"));
    }
    Ok(hint(event))
}

/// Where an event tells to look.
pub(super) fn hint(event: wire::Event) -> Hint {
    let topic = topic(&event.kind);
    let resource = event.resource;
    let mut invoices = resource
        .invoice_id
        .iter()
        .chain(resource.purchase_units.iter().filter_map(|unit| unit.invoice_id.as_ref()));
    let operation = invoices.find_map(|invoice| orders::operation_of(invoice));
    let related = resource.supplementary_data.and_then(|data| data.related_ids).or(resource.metadata);
    let order = related.and_then(|ids| ids.order_id);
    let object = match topic {
        Topic::Dispute => resource.dispute_id.or(resource.id),
        // What takes back is told by a capture, or by an object below it.
        Topic::Reversal => wire::capture_above(&resource.links).or(resource.id),
        _ => resource.id,
    };
    Hint { event_id: event.id, event_type: event.kind, topic, object, order, operation }
}

fn topic(kind: &str) -> Topic {
    match kind {
        "CHECKOUT.ORDER.APPROVED"
        | "CHECKOUT.ORDER.COMPLETED"
        | "PAYMENT.AUTHORIZATION.CREATED"
        | "PAYMENT.CAPTURE.COMPLETED"
        | "PAYMENT.CAPTURE.PENDING"
        | "PAYMENT.CAPTURE.REFUNDED"
        | "PAYMENT.REFUND.PENDING"
        | "PAYMENT.REFUND.FAILED" => Topic::Payment,
        "PAYMENT.AUTHORIZATION.VOIDED" => Topic::HoldEnded,
        // A capture that was pending is refused, or one that was money is no longer.
        "PAYMENT.CAPTURE.DECLINED" | "PAYMENT.CAPTURE.DENIED" | "PAYMENT.CAPTURE.REVERSED" => Topic::Reversal,
        "VAULT.PAYMENT-TOKEN.CREATED"
        | "VAULT.PAYMENT-TOKEN.DELETED"
        | "VAULT.PAYMENT-TOKEN.DELETION-INITIATED" => Topic::Link,
        "CUSTOMER.DISPUTE.CREATED" | "CUSTOMER.DISPUTE.UPDATED" | "CUSTOMER.DISPUTE.RESOLVED" => {
            Topic::Dispute
        }
        _ => Topic::Unknown,
    }
}
