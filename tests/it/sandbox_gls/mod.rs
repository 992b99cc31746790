//! The GLS sandbox itself, driven over HTTP. Every exchange is held against GLS's specifications.

mod booking;
mod operations;
mod tracking;
mod troubles;

use aisle::sandbox::gls::{Sandbox, Settings};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

use crate::contract::gls::assert_kept;
use crate::support::{Answer, client, start_of_time};

const MEDIA_TYPE: &str = "application/glsVersion1+json";
const SHIPIT: &str = "/shipit-farm/v1/backend/rs";
const TRACKING: &str = "/track-and-trace-v1/tracking";

/// A sandbox whose clock stands still on a Monday morning, and a shipper with a token. [`Shipper::end`] checks everything that was said.
struct Shipper {
    sandbox: Sandbox,
    client: Client,
    settings: Settings,
    token: String,
}

impl Shipper {
    async fn new() -> Self {
        Self::with(standing_still()).await
    }

    async fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        let mut shipper = Self { sandbox, client: client(), settings, token: String::new() };
        let answer = shipper.ask_for_token().await.expect(200);
        answer.text("/access_token").clone_into(&mut shipper.token);
        shipper
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url()))
    }

    async fn ask_for_token(&self) -> Answer {
        let request = self
            .request(Method::POST, "/oauth2/v2/token")
            .basic_auth(&self.settings.client_id, Some(&self.settings.client_secret));
        answer(request.form(&[("grant_type", "client_credentials")])).await
    }

    /// A call of ShipIT, not sent yet.
    fn shipit(&self, path: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, &format!("{SHIPIT}{path}"))
            .bearer_auth(&self.token)
            .header("accept", MEDIA_TYPE)
            .header("content-type", MEDIA_TYPE)
            .body(body.to_string())
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        answer(self.shipit(path, body)).await
    }

    /// A call of ShipIT without a body.
    async fn ask(&self, method: Method, path: &str) -> Answer {
        let request = self.request(method, &format!("{SHIPIT}{path}")).bearer_auth(&self.token);
        answer(request.header("accept", MEDIA_TYPE).header("content-type", MEDIA_TYPE)).await
    }

    async fn track(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, &format!("{TRACKING}{path}")).bearer_auth(&self.token)).await
    }

    /// Books one parcel; answers its TrackID and its parcel number.
    async fn book(&self, reference: &str) -> (String, String) {
        let booked = self.post("/shipments", &booking(reference)).await.expect(200);
        let part = |name: &str| booked.text(&format!("/CreatedShipment/ParcelData/0/{name}")).to_owned();
        (part("TrackID"), part("ParcelNumber"))
    }

    async fn cancel(&self, track_id: &str) -> Answer {
        self.ask(Method::POST, &format!("/shipments/cancel/{track_id}")).await
    }

    /// A sandbox's own control.
    async fn control(&self, method: Method, path: &str, body: &Value) -> Answer {
        answer(self.request(method, path).body(body.to_string())).await
    }

    /// Ends the sandbox after every answered exchange was held against the specifications.
    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

fn standing_still() -> Settings {
    Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() }
}

async fn answer(request: RequestBuilder) -> Answer {
    Answer::of(request.send().await.expect("the sandbox answers")).await
}

/// What ShipIT says by headers; its body has to be empty.
#[track_caller]
fn refused(answer: &Answer, error: &str) -> Vec<String> {
    assert_eq!(answer.status.as_u16(), 400, "{}", String::from_utf8_lossy(&answer.bytes));
    assert_eq!(answer.bytes, b"", "a refusal has no body");
    let header = |name: &str| answer.headers[name].to_str().expect("ASCII");
    assert_eq!(header("error"), error, "{}", header("message"));
    assert_ne!(header("message"), "");
    serde_json::from_str(header("args")).expect("a list of texts")
}

fn shipment(reference: &str) -> Value {
    json!({
        "ShipmentReference": [reference],
        "ShippingDate": "2026-11-23",
        "Middleware": "Aisle",
        "Product": "PARCEL",
        "Consignee": {
            "Category": "PRIVATE",
            "Address": {
                "Name1": "Mária Müller", "Street": "Kurt-Schumacher-Str.", "StreetNumber": "20", "City": "Bonn",
                "ZIPCode": "53113", "CountryCode": "DE", "eMail": "maria@example.org",
            },
        },
        "Shipper": { "ContactID": "276a45fkqM" },
        "ShipmentUnit": [{ "ShipmentUnitReference": [format!("{reference}-1")], "Weight": 4.2 }],
    })
}

fn booking(reference: &str) -> Value {
    json!({ "Shipment": shipment(reference), "PrintingOptions": labels("PDF", "NONE") })
}

fn labels(format: &str, template: &str) -> Value {
    json!({ "ReturnLabels": { "TemplateSet": template, "LabelFormat": format } })
}
