//! The UPS sandbox itself, driven over HTTP. Every exchange is held against UPS's specifications.

mod alerts;
mod booking;
mod faults;
mod finding;
mod moving;
mod operations;
mod refusals;
mod services;

use aisle::sandbox::ups::{Sandbox, Settings};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::contract::ups::assert_kept;
use crate::support::client;

/// A sandbox whose clock stands still on a Monday morning in New York, and a shipper who calls it.
struct Shipper {
    sandbox: Sandbox,
    client: Client,
    token: String,
}

/// Status and body of one answer.
#[derive(Debug)]
struct Said {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Said {
    fn text(&self, pointer: &str) -> &str {
        self.body.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// The code of the first error.
    fn code(&self) -> &str {
        self.text("/response/errors/0/code")
    }

    /// The message of the first error.
    fn message(&self) -> &str {
        self.text("/response/errors/0/message")
    }
}

impl Shipper {
    async fn new() -> Shipper {
        Shipper::with(standing_still()).await
    }

    async fn with(settings: Settings) -> Shipper {
        let (id, secret) = (settings.client_id.clone(), settings.client_secret.clone());
        let sandbox = Sandbox::start(settings).await.expect("a sandbox");
        let mut shipper = Shipper { sandbox, client: client(), token: String::new() };
        let said = shipper.ask_for_token(&id, &secret).await;
        said.text("/access_token").clone_into(&mut shipper.token);
        shipper
    }

    async fn ask_for_token(&self, id: &str, secret: &str) -> Said {
        let request = self.client.post(format!("{}/security/v1/oauth/token", self.sandbox.url()));
        said(request.basic_auth(id, Some(secret)).form(&[("grant_type", "client_credentials")]))
            .await
            .expect("an answer")
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<Said> {
        let request = self
            .client
            .request(method, format!("{}/api{path}", self.sandbox.url()))
            .bearer_auth(&self.token)
            .header("transId", "test-call-1")
            .header("transactionSrc", "tests");
        said(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    async fn post(&self, path: &str, body: &Value) -> Said {
        self.send(Method::POST, path, Some(body)).await.expect("an answer")
    }

    async fn get(&self, path: &str) -> Said {
        self.send(Method::GET, path, None).await.expect("an answer")
    }

    async fn delete(&self, path: &str) -> Said {
        self.send(Method::DELETE, path, None).await.expect("an answer")
    }

    async fn ship(&self, body: &Value) -> Said {
        self.post("/shipments/v2409/ship", body).await
    }

    /// Books one parcel; its number.
    async fn book(&self, reference: &str) -> String {
        let said = self.ship(&shipment(reference)).await;
        assert_eq!(said.status, 200, "{said:?}");
        said.text("/ShipmentResponse/ShipmentResults/ShipmentIdentificationNumber").to_owned()
    }

    async fn recover(&self, reference: &str) -> Said {
        self.post("/labels/v1/recovery", &recovery(reference, "PDF")).await
    }

    async fn void(&self, shipment: &str) -> Said {
        self.delete(&format!("/shipments/v2409/void/cancel/{shipment}")).await
    }

    async fn track(&self, number: &str) -> Said {
        self.get(&format!("/track/v1/details/{number}")).await
    }

    async fn control(&self, method: Method, path: &str, body: &Value) -> u16 {
        let request = self.client.request(method, format!("{}{path}", self.sandbox.url())).json(body);
        request.send().await.expect("an answer").status().as_u16()
    }

    /// Ends the sandbox after every answered exchange was held against the specifications.
    async fn end(self) {
        assert_kept(&self.sandbox);
        self.sandbox.stop().await;
    }
}

async fn said(request: reqwest::RequestBuilder) -> reqwest::Result<Said> {
    let answer = request.send().await?;
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let bytes = answer.bytes().await?;
    Ok(Said { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() })
}

/// With tokens that outlive whatever a test does to the clock.
fn standing_still() -> Settings {
    Settings {
        clock_stands_at: Some("2026-11-23T14:00:00Z".parse().expect("a moment")),
        token_seconds: 100 * 86_400,
        ..Settings::local()
    }
}

fn account() -> String {
    Settings::local().account_number
}

/// One parcel from Albany to New York by Ground.
fn shipment(reference: &str) -> Value {
    json!({"ShipmentRequest": {
        "Request": {
            "RequestOption": "nonvalidate",
            "TransactionReference": {"CustomerContext": reference},
        },
        "Shipment": {
            "Shipper": {
                "Name": "Store 12",
                "ShipperNumber": account(),
                "Address": address("100 Main St", "Albany", "NY", "12207"),
            },
            "ShipTo": {
                "Name": "A. Shopper",
                "Phone": {"Number": "5555555556"},
                "Address": address("20 W 34th St", "New York", "NY", "10001"),
            },
            "Service": {"Code": "03"},
            "PaymentInformation": {
                "ShipmentCharge": [{"Type": "01", "BillShipper": {"AccountNumber": account()}}],
            },
            "Package": [package("9.3", reference)],
        },
        "LabelSpecification": {
            "LabelImageFormat": {"Code": "ZPL"},
            "LabelStockSize": {"Height": "6", "Width": "4"},
        },
    }})
}

fn address(street: &str, city: &str, state: &str, code: &str) -> Value {
    json!({
        "AddressLine": [street], "City": city, "StateProvinceCode": state, "PostalCode": code, "CountryCode": "US",
    })
}

fn package(pounds: &str, reference: &str) -> Value {
    json!({
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "LBS"}, "Weight": pounds},
        "Dimensions": {"UnitOfMeasurement": {"Code": "IN"}, "Length": "16", "Width": "12", "Height": "8"},
        "ReferenceNumber": [{"Code": "01", "Value": reference}],
    })
}

/// The same parcel within Germany, where references stand on the shipment.
fn german_shipment(reference: &str) -> Value {
    let mut body = shipment(reference);
    let shipment = &mut body["ShipmentRequest"]["Shipment"];
    let german = |street: &str, city: &str, code: &str| json!({"AddressLine": [street], "City": city, "PostalCode": code, "CountryCode": "DE"});
    shipment["Shipper"]["Address"] = german("Hauptstr. 1", "Bonn", "53113");
    shipment["ShipTo"]["Address"] = german("Invalidenstr. 117", "Berlin", "10115");
    shipment["Service"]["Code"] = json!("11");
    shipment["ReferenceNumber"] = json!([{"Value": reference}]);
    shipment["Package"] = json!([{
        "Packaging": {"Code": "02"},
        "PackageWeight": {"UnitOfMeasurement": {"Code": "KGS"}, "Weight": "4.2"},
    }]);
    body
}

fn recovery(reference: &str, format: &str) -> Value {
    json!({"LabelRecoveryRequest": {
        "Request": {"TransactionReference": {"CustomerContext": "find a label"}},
        "LabelSpecification": {"LabelImageFormat": {"Code": format}},
        "ReferenceValues": {"ReferenceNumber": {"Value": reference}, "ShipperNumber": account()},
    }})
}

/// The request of one service's price, or of all.
fn rate() -> Value {
    let whole = shipment("rate");
    let shipment = &whole["ShipmentRequest"]["Shipment"];
    let mut package = shipment["Package"][0].clone();
    package["PackagingType"] = package["Packaging"].take();
    package["PackageWeight"]["UnitOfMeasurement"]["Description"] = json!("Pounds");
    package["Dimensions"]["UnitOfMeasurement"]["Description"] = json!("Inches");
    let fields = package.as_object_mut().expect("an object");
    fields.retain(|name, _| name != "Packaging" && name != "ReferenceNumber");
    json!({"RateRequest": {
        "Request": {"TransactionReference": {"CustomerContext": "rate"}},
        "Shipment": {
            "Shipper": shipment["Shipper"],
            "ShipTo": {"Name": "A. Shopper", "Address": shipment["ShipTo"]["Address"]},
            "Service": {"Code": "03", "Description": "Ground"},
            "Package": [package],
            "DeliveryTimeInformation": {"PackageBillType": "03"},
        },
    }})
}
