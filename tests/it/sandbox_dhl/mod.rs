//! The DHL sandbox, driven as a caller would: what it books, refuses, forgets and repeats. `pickups.rs` has drivers,
//! `push.rs` who is told of what happens, `returns.rs` goods that come back.

mod pickups;
mod push;
mod returns;

use std::time::Duration;

use aisle::sandbox::dhl::{FaultKind, Sandbox, Settings, Stage};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::{
    contract::dhl::assert_kept,
    support::{Answer, client},
};

const SHIPPING: &str = "/parcel/de/shipping/v2";

/// A sandbox whose clock stands still on a Monday morning, and a caller of it.
struct Caller {
    sandbox: Sandbox,
    client: reqwest::Client,
    settings: Settings,
}

impl Caller {
    async fn new() -> Self {
        Self::with(standing_still()).await
    }

    async fn with(settings: Settings) -> Self {
        let sandbox = Sandbox::start(settings.clone()).await.expect("a sandbox");
        Self { sandbox, client: client(), settings }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.url()))
    }

    /// A call to the shipping service with the app's key and the portal user.
    async fn shipping(&self, method: reqwest::Method, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .request(method, &format!("{SHIPPING}{path}"))
            .header("dhl-api-key", &self.settings.api_key)
            .basic_auth(&self.settings.username, Some(&self.settings.password));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        answer(request).await
    }

    async fn order(&self, query: &str, shipments: Value) -> Answer {
        let body = json!({ "profile": "STANDARD_GRUPPENPROFIL", "shipments": shipments });
        self.shipping(reqwest::Method::POST, &format!("/orders{query}"), Some(body)).await
    }

    /// Books one parcel; answers its number.
    async fn book(&self, reference: &str) -> String {
        let answer = self.order("", json!([parcel(reference)])).await.expect(200);
        answer.text("/items/0/shipmentNo").to_owned()
    }

    async fn close(&self, numbers: &[&str]) -> Answer {
        let body = json!({ "profile": "STANDARD_GRUPPENPROFIL", "shipmentNumbers": numbers });
        self.shipping(reqwest::Method::POST, "/manifests", Some(body)).await
    }

    async fn track(&self, number: &str) -> Answer {
        let path =
            format!("/track/shipments?trackingNumber={number}&service=parcel-de&recipientPostalCode=10115");
        let request = self.request(reqwest::Method::GET, &path).header("dhl-api-key", &self.settings.api_key);
        answer(request).await
    }

    async fn ask_xml(&self, attributes: &str) -> String {
        let user = &self.settings;
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><data appname=\"{}\" password=\"{}\" language-code=\"de\" \
             request=\"d-get-piece-detail\" {attributes}/>",
            user.username, user.password
        );
        let request = self
            .request(reqwest::Method::GET, "/parcel/de/tracking/v0/shipments")
            .query(&[("xml", &xml)])
            .header("dhl-api-key", &user.api_key)
            .basic_auth(&user.api_key, Some(&user.api_secret));
        let answer = answer(request).await.expect(200);
        String::from_utf8(answer.bytes).expect("XML is text")
    }

    async fn token(&self, password: &str) -> Answer {
        let form = [
            ("grant_type", "password"),
            ("client_id", &self.settings.api_key),
            ("client_secret", &self.settings.api_secret),
            ("username", &self.settings.username),
            ("password", password),
        ];
        answer(self.request(reqwest::Method::POST, "/parcel/de/account/auth/ropc/v1/token").form(&form)).await
    }
}

fn standing_still() -> Settings {
    Settings { clock_stands_at: Some("2026-11-23T09:00:00Z".parse().expect("a moment")), ..Settings::local() }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    Answer::of(request.send().await.expect("the sandbox answers")).await
}

fn parcel(reference: &str) -> Value {
    json!({
        "product": "V01PAK",
        "billingNumber": "33333333330102",
        "refNo": reference,
        "shipper": {
            "name1": "Markt Bonn", "addressStreet": "Sträßchensweg", "addressHouse": "10", "postalCode": "53113",
            "city": "Bonn", "country": "DEU",
        },
        "consignee": {
            "name1": "Mária Müller (Büro)", "addressStreet": "Invalidenstr.", "addressHouse": "117",
            "postalCode": "10115", "city": "Berlin", "country": "DEU",
        },
        "details": { "weight": { "uom": "g", "value": 4200 } },
    })
}

#[tokio::test]
async fn a_parcel_is_booked_with_a_real_label_and_a_checked_number() {
    let caller = Caller::new().await;
    let booked = caller.order("", json!([parcel("AISLE-0001")])).await.expect(200);
    let number = booked.text("/items/0/shipmentNo");
    assert!(number.len() == 20 && number.bytes().all(|byte| byte.is_ascii_digit()), "{number}");
    let label = STANDARD.decode(booked.text("/items/0/label/b64")).unwrap();
    let text = String::from_utf8(label).unwrap();
    assert!(text.starts_with("%PDF-1.4") && text.ends_with("%%EOF\n"));
    for part in [
        number,
        "AISLE-0001",
        "4,200 kg",
        "M\\341ria M\\374ller \\(B\\374ro\\)",
        "/MediaBox [0 0 283.46 425.2]",
    ] {
        assert!(text.contains(part), "{part}");
    }
    let books = caller.sandbox.books();
    assert_eq!(books.shipments[0].stage, Stage::Announced);
    assert_eq!(books.calls["orders.create"], 1);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn the_offsets_of_a_label_point_at_its_objects() {
    let caller = Caller::new().await;
    let booked = caller.order("", json!([parcel("AISLE-0001")])).await.expect(200);
    let text = String::from_utf8(STANDARD.decode(booked.text("/items/0/label/b64")).unwrap()).unwrap();
    let start: usize = text.lines().rev().nth(1).unwrap().parse().unwrap();
    assert!(text[start..].starts_with("xref\n"));
    let entries: Vec<&str> =
        text[start..].lines().skip(3).take_while(|line| line.contains(" 00000 n")).collect();
    assert_eq!(entries.len(), 7);
    for (index, entry) in entries.iter().enumerate() {
        let offset: usize = entry[..10].parse().unwrap();
        assert!(text[offset..].starts_with(&format!("{} 0 obj", index + 1)));
    }
}

#[tokio::test]
async fn the_same_reference_sent_twice_books_twice() {
    let caller = Caller::new().await;
    let first = caller.book("AISLE-0001").await;
    let second = caller.book("AISLE-0001").await;
    assert_ne!(first, second);
    assert_eq!(caller.sandbox.books().live_with_reference("AISLE-0001").len(), 2);
}

#[tokio::test]
async fn several_shipments_are_answered_one_by_one() {
    let caller = Caller::new().await;
    let mut wrong = parcel("AISLE-0002");
    wrong["billingNumber"] = json!("33333333335301");
    let answer =
        caller.order("", json!([parcel("AISLE-0001"), wrong, parcel("AISLE-0003")])).await.expect(207);
    assert_eq!(answer.number("/items/0/sstatus/status"), 200);
    assert_eq!(answer.number("/items/1/sstatus/status"), 400);
    assert_eq!(answer.text("/items/1/validationMessages/0/property"), "billingNumber");
    assert_eq!(answer.number("/items/2/sstatus/status"), 200);
    assert_eq!(caller.sandbox.books().shipments.len(), 2);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn every_broken_rule_has_its_own_message() {
    let caller = Caller::new().await;
    let broken = [
        ("/refNo", json!("SHORT"), "refNo"),
        ("/refNo", json!("X".repeat(36)), "refNo"),
        ("/product", json!("V99"), "product"),
        ("/product", json!("V62WP"), "product"),
        ("/billingNumber", json!("333333333301"), "billingNumber"),
        ("/billingNumber", json!("33333333335301"), "billingNumber"),
        ("/billingNumber", json!("44444444440102"), "billingNumber"),
        ("/shipDate", json!("2026-11-22"), "shipDate"),
        ("/shipDate", json!("2026-12-24"), "shipDate"),
        ("/consignee/name1", json!("N".repeat(51)), "consignee.name1"),
        ("/consignee/name1", json!(17), "consignee.name1"),
        ("/consignee/addressHouse", json!("12345678901"), "consignee.addressHouse"),
        ("/consignee/city", Value::Null, "consignee.city"),
        ("/consignee/country", json!("DE"), "consignee.country"),
        ("/consignee/country", json!("FRA"), "consignee.country"),
        ("/consignee/postalCode", json!("1 - 2"), "consignee.postalCode"),
        ("/shipper", Value::Null, "shipper"),
        ("/details/weight/value", json!(0), "details.weight.value"),
        ("/details/weight/value", json!("4200"), "details.weight.value"),
        ("/details/weight/uom", json!("lb"), "details.weight.value"),
        ("/details", json!({ "weight": { "uom": "kg", "value": 31.501 } }), "details.weight.value"),
        ("/consignee", json!({ "name": "P", "lockerID": 99, "city": "B" }), "consignee.lockerID"),
    ];
    for (pointer, value, property) in broken {
        let mut shipment = parcel("AISLE-0001");
        if let Some(place) = shipment.pointer_mut(pointer) {
            *place = value.clone();
        } else {
            shipment[&pointer[1..]] = value.clone();
        }
        let answer = caller.order("", json!([shipment])).await.expect(400);
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let messages = answer.json["items"][0]["validationMessages"].as_array().unwrap().clone();
        let named =
            |message: &Value| message["property"] == property && message["validationState"] == "Error";
        assert!(messages.iter().any(named), "{pointer} {value}: {messages:?}");
    }
    assert!(caller.sandbox.books().shipments.is_empty());
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn a_request_that_is_no_order_is_refused_as_a_whole() {
    let caller = Caller::new().await;
    caller.order("", json!([])).await.expect(400);
    caller.order("", Value::Array(vec![parcel("AISLE-0001"); 31])).await.expect(400);
    caller.order("?docFormat=TIFF", json!([parcel("AISLE-0001")])).await.expect(400);
    let body = json!({ "profile": "SOMEONE_ELSE", "shipments": [parcel("AISLE-0001")] });
    caller.shipping(reqwest::Method::POST, "/orders", Some(body)).await.expect(400);
    assert!(caller.sandbox.books().shipments.is_empty());
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn a_dry_run_books_nothing_and_an_odd_address_is_only_refused_on_demand() {
    let caller = Caller::new().await;
    let valid = caller.order("?validate=true", json!([parcel("AISLE-0001")])).await.expect(200);
    assert!(valid.json["items"][0]["shipmentNo"].is_null());
    assert!(caller.sandbox.books().shipments.is_empty());
    let mut odd = parcel("AISLE-0001");
    odd["consignee"]["postalCode"] = json!("00999");
    odd["consignee"]["adressHouse"] = json!("misspelt");
    caller.order("?mustEncode=true", json!([odd])).await.expect(400);
    let warned = caller.order("", json!([odd])).await.expect(200);
    let messages = warned.json["items"][0]["validationMessages"].as_array().unwrap().clone();
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|message| message["validationState"] == "Warning"));
}

#[tokio::test]
async fn a_label_can_be_fetched_in_each_form_until_the_day_is_closed() {
    let caller = Caller::new().await;
    let number = caller.book("AISLE-0001").await;
    let path = format!("/orders?shipment={number}&includeDocs=URL");
    let by_url = caller.shipping(reqwest::Method::GET, &path, None).await.expect(200);
    let url = by_url.text("/items/0/label/url");
    let served = answer(caller.client.get(url)).await.expect(200);
    assert_eq!(served.headers["content-type"], "application/pdf");
    let path = format!("/orders?shipment={number}&docFormat=ZPL2");
    let zpl = caller.shipping(reqwest::Method::GET, &path, None).await.expect(200);
    assert!(zpl.text("/items/0/label/zpl2").starts_with("^XA"));
    let closed = caller.close(&[&number, "00340434999999999999"]).await.expect(207);
    assert_eq!(closed.number("/items/0/sstatus/status"), 200);
    assert_eq!(closed.number("/items/1/sstatus/status"), 400);
    assert_eq!(caller.close(&[&number]).await.expect(207).text("/items/0/sstatus/title"), "Warning");
    caller.shipping(reqwest::Method::GET, &path, None).await.expect(400);
    let path = format!("/orders?profile=STANDARD_GRUPPENPROFIL&shipment={number}");
    caller.shipping(reqwest::Method::DELETE, &path, None).await.expect(400);
    let manifest =
        caller.shipping(reqwest::Method::GET, "/manifests?date=2026-11-23", None).await.expect(200);
    assert!(STANDARD.decode(manifest.text("/manifest/0/b64")).unwrap().starts_with(b"%PDF"));
    caller.shipping(reqwest::Method::GET, "/manifests?date=2026-11-22", None).await.expect(404);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn a_deletion_works_once_and_the_day_closes_itself_in_the_evening() {
    let caller = Caller::new().await;
    let (first, second) = (caller.book("AISLE-0001").await, caller.book("AISLE-0002").await);
    let path = |number: &str| format!("/orders?profile=STANDARD_GRUPPENPROFIL&shipment={number}");
    caller.shipping(reqwest::Method::DELETE, &path(&first), None).await.expect(200);
    let again = caller.shipping(reqwest::Method::DELETE, &path(&first), None).await.expect(400);
    assert_eq!(again.number("/items/0/sstatus/status"), 400);
    caller.sandbox.advance_clock(8 * 3_600 - 1).unwrap();
    assert!(caller.sandbox.books().shipments[1].closed_at.is_none());
    caller.sandbox.advance_clock(1).unwrap();
    assert!(caller.sandbox.books().shipments[1].closed_at.is_some());
    caller.shipping(reqwest::Method::DELETE, &path(&second), None).await.expect(400);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn a_bearer_token_works_alone_and_until_it_expires() {
    let caller = Caller::new().await;
    let granted = caller.token(&caller.settings.password).await.expect(200);
    let token = granted.text("/access_token").to_owned();
    caller.token("wrong").await.expect(401);
    let fetch =
        || caller.request(reqwest::Method::GET, &format!("{SHIPPING}/orders?shipment=x")).bearer_auth(&token);
    answer(fetch()).await.expect(404);
    answer(fetch().header("dhl-api-key", &caller.settings.api_key)).await.expect(401);
    answer(caller.request(reqwest::Method::GET, &format!("{SHIPPING}/orders?shipment=x"))).await.expect(401);
    caller.sandbox.advance_clock(1_799).unwrap();
    answer(fetch()).await.expect(401);
    answer(caller.request(reqwest::Method::GET, &format!("{SHIPPING}/"))).await.expect(200);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn tracking_learns_late_shows_the_newest_first_and_takes_an_event_back() {
    let caller = Caller::new().await;
    let number = caller.book("AISLE-0001").await;
    caller.track(&number).await.expect(404);
    caller.sandbox.advance_clock(600).unwrap();
    assert_eq!(caller.track(&number).await.expect(200).text("/shipments/0/status/statusCode"), "pre-transit");
    for stage in [Stage::PickedUp, Stage::InTransit, Stage::OutForDelivery, Stage::Delivered] {
        caller.sandbox.advance_clock(3_600).unwrap();
        assert_eq!(caller.sandbox.advance(&number).unwrap(), stage);
    }
    assert!(caller.sandbox.advance(&number).is_err());
    let delivered = caller.track(&number).await.expect(200);
    assert_eq!(delivered.text("/shipments/0/events/0/statusDetailed"), "DLVRD_OTHER_ZU");
    assert_eq!(delivered.text("/shipments/0/events/0/timestamp"), "2026-11-23T14:10:00+01:00");
    assert_eq!(delivered.text("/shipments/0/events/4/statusDetailed"), "PARCV_NRQRD_VA");
    assert_eq!(caller.sandbox.record_event(&number, "STORN").unwrap(), Stage::OutForDelivery);
    let retracted = caller.track(&number).await.expect(200);
    assert_eq!(retracted.text("/shipments/0/status/statusCode"), "transit");
    assert_eq!(caller.sandbox.record_event(&number, "return_to_sender").unwrap(), Stage::Returned);
    let returned = caller.track(&number).await.expect(200);
    assert_eq!(returned.text("/shipments/0/status/statusCode"), "delivered");
    assert_eq!(returned.json["shipments"][0]["returnFlag"], true);
    let path = format!("/track/shipments?trackingNumber={number}");
    answer(caller.request(reqwest::Method::GET, &path)).await.expect(401);
    assert_kept(&caller.sandbox);
}

#[tokio::test]
async fn xml_tracking_finds_a_piece_by_number_and_by_our_reference() {
    let caller = Caller::new().await;
    let number = caller.book("AISLE-0001").await;
    assert!(caller.ask_xml("piece-customer-reference=\"AISLE-0001\"").await.contains("code=\"100\""));
    caller.sandbox.advance_clock(600).unwrap();
    let by_reference =
        "piece-customer-reference=\"AISLE-0001\" from-date=\"2026-11-23\" to-date=\"2026-11-23\"";
    let found = caller.ask_xml(by_reference).await;
    assert!(found.contains(&format!("piece-code=\"{number}\"")) && found.contains("code=\"0\""), "{found}");
    assert!(found.contains("event-timestamp=\"23.11.2026 10:00\""), "{found}");
    assert_eq!(caller.ask_xml(&format!("piece-code=\"{number};1\"")).await, found);
    let other_day = "piece-customer-reference=\"AISLE-0001\" from-date=\"2026-11-24\"";
    assert!(caller.ask_xml(other_day).await.contains("code=\"100\""));
}

#[tokio::test]
async fn planned_faults_strike_before_or_after_the_work_and_run_out() {
    let caller = Caller::new().await;
    let order = || caller.order("", json!([parcel("AISLE-0001")]));
    let booked = || caller.sandbox.books().shipments.len();
    caller.sandbox.plan_fault("orders.create", FaultKind::ErrorBefore { status: 503 }, 1);
    order().await.expect(503);
    assert_eq!(booked(), 0);
    caller.sandbox.plan_fault("orders.create", FaultKind::ErrorAfter { status: 500 }, 1);
    order().await.expect(500);
    assert_eq!(booked(), 1);
    caller.sandbox.plan_fault("orders.create", FaultKind::ItemError, 1);
    assert_eq!(order().await.expect(200).number("/items/0/sstatus/status"), 400);
    caller.sandbox.plan_fault("orders.create", FaultKind::LabelMissing, 1);
    assert!(order().await.expect(200).json["items"][0]["label"].is_null());
    assert_eq!(booked(), 2);
    for (kind, booked_after) in [(FaultKind::NoAnswerBefore, 2), (FaultKind::NoAnswerAfter, 3)] {
        caller.sandbox.plan_fault("orders.create", kind, 1);
        let request = caller
            .request(reqwest::Method::POST, &format!("{SHIPPING}/orders"))
            .header("dhl-api-key", &caller.settings.api_key)
            .basic_auth(&caller.settings.username, Some(&caller.settings.password))
            .json(&json!({ "profile": "STANDARD_GRUPPENPROFIL", "shipments": [parcel("AISLE-0001")] }));
        assert!(request.send().await.is_err());
        assert_eq!(booked(), booked_after);
        assert_eq!(caller.sandbox.exchanges().last().unwrap().status, 0);
    }
    order().await.expect(200);
}

#[tokio::test]
async fn controls_work_over_http_and_the_page_lists_the_parcels() {
    let caller = Caller::new().await;
    let number = caller.book("AISLE-0001").await;
    let post = |path: &str, body: Value| answer(caller.request(reqwest::Method::POST, path).json(&body));
    let fault = json!({ "operation": "orders.create", "kind": "error_before", "status": 429, "times": 2 });
    post("/sandbox/faults", fault).await.expect(201);
    caller.order("", json!([parcel("AISLE-0002")])).await.expect(429);
    answer(caller.request(reqwest::Method::DELETE, "/sandbox/faults")).await.expect(200);
    caller.order("", json!([parcel("AISLE-0002")])).await.expect(200);
    assert_eq!(
        post("/sandbox/clock", json!({ "advance_seconds": 60 })).await.text("/now"),
        "2026-11-23T09:01:00Z"
    );
    let path = format!("/sandbox/shipments/{number}/events");
    assert_eq!(post(&path, json!({ "code": "advance" })).await.expect(200).text("/stage"), "picked_up");
    post(&path, json!({ "code": "nonsense" })).await.expect(400);
    post("/sandbox/shipments/0/events", json!({ "code": "advance" })).await.expect(404);
    let books = answer(caller.request(reqwest::Method::GET, "/sandbox/books")).await.expect(200);
    assert_eq!(books.text("/shipments/0/stage"), "picked_up");
    let page = answer(caller.request(reqwest::Method::GET, "/")).await.expect(200);
    let page = String::from_utf8(page.bytes).unwrap();
    assert!(
        page.contains(&number) && page.contains(&caller.sandbox.books().shipments[0].label_path),
        "{page}"
    );
    let pressed = answer(caller.request(reqwest::Method::POST, &path).form(&[("code", "advance")])).await;
    pressed.expect(303);
}

#[tokio::test]
async fn the_books_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { state_file: Some(folder.path().join("dhl.json")), ..standing_still() };
    let caller = Caller::with(settings.clone()).await;
    let token = caller.token(&settings.password).await.expect(200).text("/access_token").to_owned();
    let first = caller.book("AISLE-0001").await;
    caller.sandbox.advance_clock(600).unwrap();
    caller.sandbox.advance(&first).unwrap();
    let before = serde_json::to_value(caller.sandbox.books().shipments).unwrap();
    caller.sandbox.stop().await;
    let caller = Caller::with(settings).await;
    assert_eq!(serde_json::to_value(caller.sandbox.books().shipments).unwrap(), before);
    let path = format!("{SHIPPING}/orders?shipment={first}");
    answer(caller.request(reqwest::Method::GET, &path).bearer_auth(token)).await.expect(200);
    assert_ne!(caller.book("AISLE-0002").await, first);
}

#[tokio::test]
async fn a_demo_parcel_moves_by_itself_once_it_is_closed() {
    let settings = Settings { auto_progress: Some(Duration::from_mins(1)), ..standing_still() };
    let caller = Caller::with(settings).await;
    let number = caller.book("AISLE-0001").await;
    caller.sandbox.advance_clock(3_600).unwrap();
    assert_eq!(caller.sandbox.books().shipments[0].stage, Stage::Announced);
    caller.close(&[&number]).await.expect(207);
    caller.sandbox.advance_clock(120).unwrap();
    assert_eq!(caller.sandbox.books().shipments[0].stage, Stage::InTransit);
    caller.sandbox.advance_clock(120).unwrap();
    assert_eq!(caller.sandbox.books().shipments[0].stage, Stage::Delivered);
}
