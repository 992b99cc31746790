//! Calls about one parcel of ShipIT: cancel, reprint, weight, lookup, proof of delivery; and ordering a pickup.
//!
//! A cancelled parcel's data are deleted, so nothing here finds it. The details have no parcel number: that is GLS's
//! schema, not an omission.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Datelike, Days, NaiveDate, Utc, Weekday};
use serde_json::{Value, json};

use super::{
    Settings,
    books::{CANCELLATION_PENDING, Cancellation, Collection, Parcel, State},
    events::{self, Status},
    label,
    order::read_weight,
    refusals::{first, shipit},
    routes::answer,
    shipments::{body, created, read_format, read_options, weight},
};
use crate::sandbox::digest::sha256_hex;
use crate::sandbox::host::{Call, Fields, Reply, Report, What};

/// Members that name a parcel.
const NAMES: [&str; 5] =
    ["TrackID", "ShipmentReference", "ShipmentUnitReference", "ParcelNumber", "PartnerParcelNumber"];

/// `POST /rs/shipments/cancel/{trackID}`.
pub fn cancel(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let pending_on_order = state.oddities.cancellations_pending > 0;
    let Some(parcel) = state.parcels.get_mut(call.id(0)) else {
        return Err(shipit("INVALID_SHIPMENT_ID", "There is no such parcel", &[call.id(0)]));
    };
    if parcel.cancellation.is_some() {
        // As the live servers do with whoever asks twice.
        return Err(Reply::nothing(500));
    }
    let result = if parcel.is_scanned() {
        "SCANNED"
    } else if parcel.closed_at.is_some() || pending_on_order {
        parcel.cancellation = Some(Cancellation::Pending { until: call.now + CANCELLATION_PENDING });
        state.oddities.cancellations_pending = state.oddities.cancellations_pending.saturating_sub(1);
        "CANCELLATION_PENDING"
    } else {
        parcel.cancel(call.now);
        "CANCELLED"
    };
    Ok(answer(&json!({ "TrackID": call.id(0), "result": result })))
}

/// `POST /rs/shipments/reprintparcel`: a new parcel, and the old one is cancelled.
pub fn reprint(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (named, format, prints) = match Fields::root(&body, &report) {
        Some(root) => {
            root.text("CreationDate", 40);
            let format = root.object("PrintingOptions").and_then(|options| read_format(&options));
            (names(&root), format, read_options(&root))
        }
        None => (Vec::new(), None, false),
    };
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let old = one(state, &named)?.clone();
    if old.is_scanned() {
        return Err(shipit("INVALID_FIELD_VALUE", "The parcel was scanned", &[&old.track_id]));
    }
    let format = format.unwrap_or(label::Format::Pdf);
    let (place, track_id, parcel_number) = state.next_parcel();
    let mut new =
        Parcel { place, track_id, parcel_number, booked_at: call.now, events: Vec::new(), ..old.clone() };
    let _ = new.record("INTIAL.PREADVICE", call.now);
    new.label_sha256 = sha256_hex(&format.label(&new, new.kind()));
    if let Some(old) = state.parcels.get_mut(&old.track_id) {
        old.cancel(call.now);
        old.replaced_by = Some(new.track_id.clone());
    }
    let created = created(state, std::slice::from_ref(&new), format, prints);
    state.parcels.insert(new.track_id.clone(), new);
    Ok(answer(&json!({ "CreatedShipment": created })))
}

/// `POST /rs/shipments/updateparcelweight`.
pub fn update_weight(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (mut named, mut grams) = (Vec::new(), 0);
    if let Some(root) = Fields::root(&body, &report) {
        named = names(&root);
        if let Some(kilograms) = root.need("Weight", root.decimal("Weight")) {
            grams = read_weight(&root, kilograms);
        }
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let track_id = one(state, &named)?.track_id.clone();
    let parcel = state.parcels.get_mut(&track_id).filter(|parcel| !parcel.is_scanned());
    let Some(parcel) = parcel else {
        return Err(shipit("INVALID_FIELD_VALUE", "The parcel was scanned", &[&track_id]));
    };
    parcel.weight_grams = grams;
    Ok(answer(&json!({ "UpdatedWeight": weight(grams) })))
}

/// `POST /rs/tracking/parceldetails`.
pub fn details(state: &State, call: &Call) -> Result<Reply, Reply> {
    let parcel = one(state, &read_names(call)?)?;
    let shipment = &parcel.request;
    let mut detail = json!({
        "TrackID": parcel.track_id,
        "ShipmentReference": parcel.references,
        "ShipmentUnitReference": parcel.unit_references,
        "Weight": weight(parcel.weight_grams),
        "Product": parcel.product,
        "Consignee": shipment["Consignee"],
        "Shipper": shipment["Shipper"],
        "History": parcel.events.iter().rev().map(history).collect::<Vec<_>>(),
    });
    if shipment["Service"].is_array() {
        detail["ShipmentService"] = shipment["Service"].clone();
    }
    if let Some(delivered) = parcel.events.iter().find(|event| event.status == Status::Delivered) {
        detail["DeliveryDate"] = json!(delivered.at.to_rfc3339());
        detail["Signature"] = json!(parcel.destination().names.first());
    }
    Ok(answer(&json!({ "UnitDetail": detail })))
}

fn history(event: &events::Event) -> Value {
    json!({
        "Date": event.at.to_rfc3339(),
        "LocationCode": format!("{} 300", event.country),
        "Location": event.city,
        "Country": event.country,
        "StatusCode": event.code,
        "Description": events::find(&event.code).map_or("", |kind| kind.english),
    })
}

/// `POST /rs/tracking/parcels`: what was booked in a time.
pub fn find(state: &State, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (mut named, mut window) = (Vec::new(), None);
    if let Some(root) = Fields::root(&body, &report) {
        named = names(&root);
        window = Some((moment(&root, "DateFrom"), moment(&root, "DateTo")));
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let Some((Some(from), Some(to))) = window else {
        return Err(shipit("MANDATORY_PARAMETER_NOT_SET", "A mandatory parameter is not set", &["DateFrom"]));
    };
    let mut found: Vec<&Parcel> = matching(state, &named)
        .into_iter()
        .filter(|parcel| (from..=to).contains(&parcel.booked_at))
        .collect();
    found.sort_by_key(|parcel| parcel.place);
    let items: Vec<Value> = found
        .iter()
        .map(|parcel| {
            json!({
                "TrackID": parcel.track_id,
                "ParcelNumber": parcel.parcel_number,
                "ShipmentReference": parcel.references,
                "ShipmentUnitReference": parcel.unit_references,
                "InitialDate": parcel.booked_at.to_rfc3339(),
                "Status": parcel.status().as_str(),
            })
        })
        .collect();
    Ok(answer(&json!({ "UnitItems": items })))
}

/// `POST /rs/tracking/parcelpod`.
pub fn proof(state: &State, call: &Call) -> Result<Reply, Reply> {
    let parcel = one(state, &read_names(call)?)?;
    if !parcel.events.iter().any(|event| event.status == Status::Delivered) {
        return Err(shipit("INVALID_SHIPMENT_ID", "The parcel was not delivered", &[&parcel.track_id]));
    }
    let image = STANDARD.encode(label::proof(parcel));
    Ok(answer(&json!({ "Poditem": { "TrackID": parcel.track_id, "ImageData": [image] } })))
}

/// `POST /rs/sporadiccollection`: the driver comes on the next working day on or after the wanted one, never today.
pub fn collect(settings: &Settings, state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let mut read = None;
    if let Some(root) = Fields::root(&body, &report) {
        let contact = root.needed_text("ContactID", 20);
        let wanted = root.needed_text("PreferredPickUpDate", 40);
        let date = wanted.get(..10).and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
        match date {
            None if !wanted.is_empty() => root.wrong("PreferredPickUpDate", What::Kind("a date")),
            Some(date) if date < call.now.date_naive() => {
                root.wrong("PreferredPickUpDate", What::Value("The date is in the past".to_owned()));
            }
            _ => {}
        }
        let products = ["PARCEL", "EXPRESS", "FREIGHT", "PHARMA", "PHARMAPLUS"];
        let product = root.need("Product", root.word("Product", &products)).unwrap_or_default();
        let parcels = root.integer("NumberOfParcels");
        root.decimal("ExpectedTotalWeight");
        root.boolean("ContainsHazGoods");
        root.text("AdditionalInformation", 80);
        read = date.map(|date| (contact, date, product.to_owned(), parcels));
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    let Some((contact_id, wanted, product, parcels)) = read else {
        return Err(shipit("INVALID_FIELD_VALUE", "The date can't be read", &["PreferredPickUpDate"]));
    };
    if !settings.contacts.contains(&contact_id) {
        return Err(shipit("ACCESS_TO_SHIPPER_DENIED", "The contact is not yours", &["ContactID"]));
    }
    let mut estimated = wanted.max(call.now.date_naive() + Days::new(1));
    while matches!(estimated.weekday(), Weekday::Sat | Weekday::Sun) {
        estimated = estimated + Days::new(1);
    }
    state.collections.push(Collection { contact_id, product, parcels, estimated, ordered_at: call.now });
    Ok(answer(&json!({ "EstimatedPickUpDate": format!("{estimated}T00:00:00+01:00") })))
}

fn read_names(call: &Call) -> Result<Vec<(&'static str, String)>, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let named = Fields::root(&body, &report).map(|root| names(&root)).unwrap_or_default();
    first(report.into_list()).map_or(Ok(named), Err)
}

fn names(root: &Fields<'_>) -> Vec<(&'static str, String)> {
    NAMES.into_iter().filter_map(|name| Some((name, root.text(name, 40)?.to_owned()))).collect()
}

fn moment(root: &Fields<'_>, name: &'static str) -> Option<DateTime<Utc>> {
    let text = root.needed_text(name, 40);
    let moment = DateTime::parse_from_rfc3339(&text).ok().map(|moment| moment.with_timezone(&Utc));
    if moment.is_none() && !text.is_empty() {
        root.wrong(name, What::Kind("a moment"));
    }
    moment
}

/// The parcels that bear every name that was given and were not cancelled.
fn matching<'a>(state: &'a State, named: &[(&'static str, String)]) -> Vec<&'a Parcel> {
    let bears = |parcel: &Parcel, name: &str, value: &String| match name {
        "TrackID" => parcel.track_id == *value,
        "ShipmentReference" => parcel.references.contains(value),
        "ShipmentUnitReference" => parcel.unit_references.contains(value),
        "ParcelNumber" => parcel.parcel_number == *value,
        _ => false,
    };
    let fits = |parcel: &&Parcel| {
        !parcel.is_cancelled() && named.iter().all(|(name, value)| bears(parcel, name, value))
    };
    state.parcels.values().filter(fits).collect()
}

fn one<'a>(state: &'a State, named: &[(&'static str, String)]) -> Result<&'a Parcel, Reply> {
    if named.is_empty() {
        return Err(shipit("MANDATORY_PARAMETER_NOT_SET", "A mandatory parameter is not set", &["TrackID"]));
    }
    let given: Vec<&str> = named.iter().map(|(_, value)| value.as_str()).collect();
    match matching(state, named).as_slice() {
        [parcel] => Ok(parcel),
        [] => Err(shipit("INVALID_SHIPMENT_ID", "There is no such parcel", &given)),
        _ => Err(shipit("MORE_THAN_ONE_RESULT", "More than one parcel was found", &given)),
    }
}
