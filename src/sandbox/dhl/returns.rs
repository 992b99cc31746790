//! Parcel DE Returns: a label for goods that come back to a receiver of the retailer's, with the code of one.
//!
//! There is no other operation of a return: its label is never given again, and nothing takes it back. The parcel itself
//! travels and is tracked as any other.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::Response,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    Shared,
    auth::authorize_shipping,
    fields::{Fields, Message},
    german_time::german,
    label::label_pdf,
    observe::FaultKind,
    order::{Order, Party, RETURN, read_names, read_postal_code},
    orders::book,
    reply::{Query, json_answer, problem_answer},
    state::Shipment,
};
use crate::sandbox::qr;

/// The schema's limit of a `detail`.
const DETAIL_CHARACTERS_MAX: usize = 80;
/// The schema's limit of any parcel.
const WEIGHT_GRAMS_MAX: i64 = 31_500;

/// Where goods can be sent back to, as the retailer has entered it in DHL's portal.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub id: String,
    /// Where goods come from, ISO 3166-1 alpha-3 in small letters.
    pub country: String,
    pub billing_number: String,
    pub name: String,
    pub street: String,
    pub house: String,
    pub postal_code: String,
    pub city: String,
}

impl Receiver {
    /// One in Bonn for goods from Germany.
    pub fn german(id: &str) -> Self {
        Self::new(id, "deu", "33333333330701")
    }

    /// The same for goods from Austria.
    pub fn austrian(id: &str) -> Self {
        Self::new(id, "aut", "33333333338301")
    }

    fn new(id: &str, country: &str, billing_number: &str) -> Self {
        Self {
            id: id.to_owned(),
            country: country.to_owned(),
            billing_number: billing_number.to_owned(),
            name: "Markt Bonn".to_owned(),
            street: "Invalidenstr.".to_owned(),
            house: "117a".to_owned(),
            postal_code: "53113".to_owned(),
            city: "Bonn".to_owned(),
        }
    }

    fn view(&self) -> Value {
        let address = json!({
            "name1": self.name, "addressStreet": self.street, "addressHouse": self.house,
            "postalCode": self.postal_code, "city": self.city,
        });
        json!({
            "receiverId": self.id,
            "shipperCountry": self.country,
            "ekp": self.billing_number.get(..10),
            "billingNumber": self.billing_number,
            "companyName": self.name,
            "numberRange": "00340434XXXXXXXXXXXC",
            "receiverAddress": address,
            "companyAddress": address,
        })
    }

    fn party(&self) -> Party {
        Party {
            names: vec![self.name.clone()],
            street: format!("{} {}", self.street, self.house),
            postal_code: self.postal_code.clone(),
            city: self.city.clone(),
            country: "DEU".to_owned(),
        }
    }
}

pub async fn version() -> Response {
    let amp = json!({ "name": "pp-parcel-returns", "version": "v1.0.9", "rev": "1", "env": "sandbox" });
    json_answer(200, &json!({ "amp": amp }))
}

/// `GET /locations`: the receivers of these kinds.
pub async fn locations(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    try_locations(&shared, &uri, &headers).unwrap_or_else(|refusal| refusal)
}

fn try_locations(shared: &Shared, uri: &Uri, headers: &HeaderMap) -> Result<Response, Response> {
    authorized(shared, headers)?;
    let query = Query::of(uri);
    let most = match query.one("maxResult").map(str::parse) {
        None => usize::MAX,
        Some(Ok(most)) => most,
        Some(Err(_)) => return Err(refusal(400, "maxResult must be an integer")),
    };
    let fits = |name: &str, value: &str| query.one(name).is_none_or(|wanted| wanted == value);
    let receivers = shared.settings.return_receivers.iter().filter(|receiver| {
        fits("countryCode", &receiver.country)
            && fits("postalCode", &receiver.postal_code)
            && fits("receiverId", &receiver.id)
            && fits("billingNumber", &receiver.billing_number)
    });
    Ok(json_answer(200, &receivers.take(most).map(Receiver::view).collect()))
}

/// `POST /orders`: one label.
pub async fn create(
    State(shared): State<Arc<Shared>>,
    fault: Option<Extension<FaultKind>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let without_label = fault.is_some_and(|Extension(kind)| kind == FaultKind::LabelMissing);
    try_create(&shared, without_label, &uri, &headers, &body).unwrap_or_else(|refusal| refusal)
}

fn try_create(
    shared: &Shared,
    without_label: bool,
    uri: &Uri,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<Response, Response> {
    authorized(shared, headers)?;
    let query = Query::of(uri);
    let kinds = ["SHIPMENT_LABEL", "QR_LABEL", "BOTH"];
    let kind = query.one("labelType").unwrap_or("BOTH");
    if !kinds.contains(&kind) {
        return Err(refusal(400, "labelType must be SHIPMENT_LABEL, QR_LABEL or BOTH"));
    }
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("application/json"));
    if !is_json {
        return Err(refusal(422, "The content type must be application/json"));
    }
    let Ok(Value::Object(request)) = serde_json::from_slice::<Value>(body) else {
        return Err(refusal(400, "The body is not a JSON object"));
    };
    let shipment = shared.change(|memory, now| {
        let order = read_order(Fields::root(&request), &shared.settings.return_receivers, now)?;
        Ok(book(memory, now, order, &shared.settings.api_secret))
    })??;
    let document = |wanted: bool, file: Vec<u8>| {
        if wanted && !without_label { json!({ "b64": STANDARD.encode(file) }) } else { json!({}) }
    };
    Ok(json_answer(201, &confirmation(&shipment, kind, document)))
}

/// The schema wants a label in every answer: where none was asked for it is empty.
fn confirmation(shipment: &Shipment, kind: &str, document: impl Fn(bool, Vec<u8>) -> Value) -> Value {
    let mut body = json!({
        "sstatus": { "title": "Created", "status": 201, "detail": "The return label was created." },
        "shipmentNo": shipment.number,
        "label": document(kind != "QR_LABEL", label_pdf(shipment)),
        "routingCode": shipment.routing_code,
    });
    if kind != "SHIPMENT_LABEL" {
        body["qrLabel"] = document(true, qr::png(&shipment.number));
        body["qrLink"] = json!(format!("https://www.dhl.de/retoure?code={}", shipment.number));
    }
    body
}

fn read_order(mut fields: Fields<'_>, receivers: &[Receiver], now: DateTime<Utc>) -> Result<Order, Response> {
    let mut out = Vec::new();
    let id = fields.text("receiverId", true, 1, 50, &mut out).unwrap_or_default();
    let reference = fields.text("customerReference", false, 0, 50, &mut out);
    fields.text("shipmentReference", false, 0, 50, &mut out);
    fields.text("creationSoftware", false, 0, 35, &mut out);
    let shipper = fields.object("shipper", true, &mut out).map(|shipper| read_shipper(shipper, &mut out));
    let weight = fields.object("itemWeight", false, &mut out);
    let weight_grams = weight.and_then(|weight| read_weight(weight, &mut out)).unwrap_or_default();
    if let Some(mut services) = fields.object("services", false, &mut out) {
        services.boolean("goGreenPlus", &mut out);
    }
    let receiver = receivers.iter().find(|receiver| receiver.id == id);
    if receiver.is_none() {
        out.push(Message::error("receiverId", "is not known"));
    }
    if receiver.is_some_and(|receiver| receiver.country == "che") && !fields.has("customsDetails") {
        out.push(Message::error("customsDetails", "is required"));
    }
    if let Some(fault) = out.iter().find(|message| message.is_error()) {
        return Err(refusal(400, &format!("{} {}", fault.property, fault.text)));
    }
    let unreadable = || refusal(400, "The order can't be read");
    let (receiver, mut shipper) = receiver.zip(shipper).ok_or_else(unreadable)?;
    shipper.country = receiver.country.to_uppercase();
    Ok(Order {
        product: RETURN.to_owned(),
        billing_number: receiver.billing_number.clone(),
        reference,
        shipper,
        consignee: receiver.party(),
        weight_grams,
        ship_date: german(now).date_naive(),
        services: Vec::new(),
    })
}

fn read_shipper(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Party {
    let names = read_names(&mut fields, out);
    let street = fields.text("addressStreet", true, 1, 50, out).unwrap_or_default();
    let house = fields.text("addressHouse", true, 1, 10, out).unwrap_or_default();
    let city = fields.text("city", true, 1, 40, out).unwrap_or_default();
    fields.text("email", false, 3, 70, out);
    fields.text("phone", false, 1, 20, out);
    fields.text("state", false, 0, 20, out);
    let postal_code = read_postal_code(&mut fields, true, out);
    Party { names, street: format!("{street} {house}"), postal_code, city, country: String::new() }
}

/// In grams.
fn read_weight(mut fields: Fields<'_>, out: &mut Vec<Message>) -> Option<i64> {
    let unit = fields.text("uom", true, 1, 2, out);
    let value: Option<Decimal> = fields.number("value", out).and_then(|text| text.parse().ok());
    let property = fields.path("value");
    let grams = match unit?.as_str() {
        "g" => value?,
        "kg" => value?.checked_mul(Decimal::ONE_THOUSAND)?,
        _ => {
            out.push(Message::error(property, "the unit must be g or kg"));
            return None;
        }
    };
    if grams <= Decimal::ZERO || grams > Decimal::from(WEIGHT_GRAMS_MAX) {
        out.push(Message::error(property, "must be above zero and at most 31.5 kg"));
    }
    i64::try_from(grams.ceil()).ok()
}

/// Shipping's credentials are good here too; the refusal has another shape.
fn authorized(shared: &Shared, headers: &HeaderMap) -> Result<(), Response> {
    authorize_shipping(shared, headers).map_err(|_| refusal(401, "The credentials are missing or wrong"))
}

fn refusal(code: u16, detail: &str) -> Response {
    let title = StatusCode::from_u16(code).ok().and_then(|code| code.canonical_reason()).unwrap_or("Error");
    let detail: String = detail.chars().take(DETAIL_CHARACTERS_MAX).collect();
    problem_answer(code, &json!({ "title": title, "status": code, "detail": detail }))
}
