//! `/rs/shipments` as a whole: booking, dry run, what services go where, the end of a day.
//!
//! Our choices, because GLS says nothing: with `ShopReturn` the consignee hands the parcel in, the address of `Return` (or else
//! the shipper's) gets it, and there is one label, of that way; an end of day
//! reports what it ended, so a second one reports nothing; a rule's objection to a booking is `INVALID_FIELD_VALUE`.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{
    Settings,
    books::{Parcel, State},
    label::Format,
    order::{self, Issue, Order},
    refusals::{first, shipit, unreadable},
    routes::answer,
    services,
    shops::{self, place},
};
use crate::sandbox::digest::sha256_hex;
use crate::sandbox::host::{Call, Fields, Reply, Report, What};

/// The whole body as JSON.
pub fn body(call: &Call) -> Result<Value, Reply> {
    serde_json::from_slice(&call.body).map_err(|error| unreadable(&format!("The body is no JSON: {error}")))
}

/// `POST /rs/shipments`.
pub fn create(settings: &Settings, state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (read, format, returns) = read_booking(settings, &body, &report, call);
    let order = order::accepted(read, report)?;
    if let Some(issue) = order::issues(&order, shops::exists).first() {
        return Err(shipit("INVALID_FIELD_VALUE", issue.rule, &[&issue.location]));
    }
    let Some(format) = format else {
        return Err(shipit("INVALID_FIELD_VALUE", "This sandbox has no such labels", &["PrintingOptions"]));
    };
    state.shipment_count += 1;
    let mut booked: Vec<Parcel> = Vec::with_capacity(order.units.len());
    for unit in &order.units {
        let (place, track_id, parcel_number) = state.next_parcel();
        let mut parcel = Parcel {
            place,
            track_id,
            parcel_number,
            shipment: state.shipment_count,
            references: order.references.clone(),
            unit_references: unit.references.clone(),
            contact_id: order.contact_id.clone(),
            product: order.product.clone(),
            services: order.services.clone(),
            parcel_shop: order.parcel_shop.clone(),
            consignee: order.consignee.clone(),
            returns_to: order.returns_to.clone(),
            weight_grams: unit.weight_grams,
            shipping_date: order.shipping_date,
            request: order.request.clone(),
            label_sha256: String::new(),
            booked_at: call.now,
            closed_at: None,
            cancellation: None,
            replaced_by: None,
            events: Vec::new(),
        };
        // The code is in the list.
        let _ = parcel.record("INTIAL.PREADVICE", call.now);
        parcel.label_sha256 = sha256_hex(&format.label(&parcel, parcel.kind()));
        booked.push(parcel);
    }
    let created = created(state, &booked, format, returns);
    state.parcels.extend(booked.into_iter().map(|parcel| (parcel.track_id.clone(), parcel)));
    Ok(answer(&json!({ "CreatedShipment": created })))
}

type Booking = (Option<(Order, services::Chosen)>, Option<Format>, bool);

/// The order, its label's format, and whether print data are wanted.
fn read_booking(settings: &Settings, body: &Value, report: &Report, call: &Call) -> Booking {
    let Some(root) = Fields::root(body, report) else { return (None, None, false) };
    let format = root
        .need("PrintingOptions", root.object("PrintingOptions"))
        .and_then(|options| read_format(&options));
    let prints = read_options(&root);
    (order::read(&root, report, &settings.contacts, call.now), format, prints)
}

/// The members that booking and reprint share, but for the label.
pub fn read_options(root: &Fields<'_>) -> bool {
    root.known(&["CustomContent", "PartnerReference"]);
    let Some(options) = root.object("ReturnOptions") else { return true };
    options.boolean("ReturnRoutingInfo");
    options.boolean("ReturnPrintData").unwrap_or(true)
}

/// `ReturnLabels` alone: the other two print on printers at the shipper's.
pub fn read_format(options: &Fields<'_>) -> Option<Format> {
    options.known(&["UseDefault", "DefinePrinter"]);
    let labels = options.need("ReturnLabels", options.object("ReturnLabels"))?;
    let template = labels.needed_text("TemplateSet", 30);
    let formats = ["PDF", "ZEBRA", "INTERMEC", "DATAMAX", "TOSHIBA", "PNG"];
    let format = labels.need("LabelFormat", labels.word("LabelFormat", &formats))?;
    let known = ["NONE", "D_200", "PF_4_I", "PF_4_I_200", "PF_4_I_300", "PF_8_D_200", "T_200_BF", "T_300_BF"];
    if !known.contains(&template.as_str())
        && !template.starts_with("ZPL_200")
        && !template.starts_with("ZPL_300")
    {
        labels.wrong("TemplateSet", What::Value("The template is not known".to_owned()));
    }
    Format::of(format, &template)
}

/// `CreatedShipment` for parcels of one shipment.
pub fn created(state: &mut State, parcels: &[Parcel], format: Format, prints: bool) -> Value {
    let mut print_data = Vec::new();
    for parcel in parcels.iter().filter(|_| prints) {
        print_data.push(print(state, parcel, format));
    }
    let first = parcels.first();
    let references = first.map(|parcel| parcel.references.clone()).unwrap_or_default();
    let contact = first.map(|parcel| parcel.contact_id.clone()).unwrap_or_default();
    let mut created = json!({
        "ShipmentReference": references,
        "ParcelData": parcels.iter().map(parcel_data).collect::<Vec<_>>(),
        "CustomerID": contact,
        "PickupLocation": "DE 300",
    });
    if prints && state.oddities.labels_missing > 0 {
        state.oddities.labels_missing -= 1;
    } else if prints {
        created["PrintData"] = json!(print_data);
    }
    state.oddities.labels_unreadable = state.oddities.labels_unreadable.saturating_sub(1);
    created
}

fn print(state: &State, parcel: &Parcel, format: Format) -> Value {
    let mut data = STANDARD.encode(format.label(parcel, parcel.kind()));
    if state.oddities.labels_unreadable > 0 {
        "no label today".clone_into(&mut data);
    }
    let data = if state.oddities.label_lists { json!([data]) } else { json!(data) };
    json!({ "Data": data, "LabelFormat": format.name() })
}

fn parcel_data(parcel: &Parcel) -> Value {
    let tour = parcel.destination().postal_code.get(..3).unwrap_or("000");
    json!({
        "TrackID": parcel.track_id,
        "ParcelNumber": parcel.parcel_number,
        "ShipmentUnitReference": parcel.unit_references,
        "Barcodes": { "Primary1D": parcel.parcel_number, "Primary1DPrint": true },
        "RoutingInfo": {
            "Tour": tour,
            "InboundSortingFlag": "2",
            "FinalLocationCode": format!("{}{tour}", parcel.destination().country),
            "HubLocation": "E1",
            "LastRoutingDate": format!("{}T00:00:00+01:00", parcel.shipping_date),
        },
    })
}

/// `POST /rs/shipments/validate`: nothing is booked.
pub fn validate(settings: &Settings, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let read = Fields::root(&body, &report)
        .and_then(|root| order::read(&root, &report, &settings.contacts, call.now));
    let order = order::accepted(read, report)?;
    let issues = order::issues(&order, shops::exists);
    let listed: Vec<Value> = issues.iter().map(issue).collect();
    Ok(answer(&json!({ "success": issues.is_empty(), "validationResult": { "Issues": listed } })))
}

fn issue(issue: &Issue) -> Value {
    json!({ "Rule": issue.rule, "Location": issue.location, "Parameters": issue.parameters })
}

/// `POST /rs/shipments/allowedservices`: what may be chosen, not whether a parcel finds its way.
pub fn allowed(settings: &Settings, call: &Call) -> Result<Reply, Reply> {
    let body = body(call)?;
    let report = Report::default();
    let (mut countries, mut contact) = (Vec::new(), None);
    if let Some(root) = Fields::root(&body, &report) {
        for name in ["Source", "Destination"] {
            if let Some(location) = root.need(name, root.object(name)) {
                countries.push(place(&location).0);
            }
        }
        contact = root.text("ContactID", 20).map(str::to_owned);
    }
    if let Some(refusal) = first(report.into_list()) {
        return Err(refusal);
    }
    if contact.is_some_and(|id| !settings.contacts.contains(&id)) {
        return Err(shipit("ACCESS_TO_SHIPPER_DENIED", "The contact is not yours", &["ContactID"]));
    }
    if let Some(country) = countries.iter().find(|country| !order::is_served(country)) {
        return Err(shipit("INVALID_FIELD_VALUE", "The country is not served", &[country]));
    }
    let destination = countries.last().map_or("", String::as_str);
    let allowed: Vec<Value> = services::allowed(destination)
        .into_iter()
        .map(|(product, service)| json!({ "ProductName": product, "ServiceName": service }))
        .collect();
    Ok(answer(&json!({ "AllowedServices": allowed })))
}

/// `POST /rs/shipments/endofday?date=`: transmits what is open for this day, or for one before it.
pub fn end_of_day(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let date = match call.query("date").map(|text| NaiveDate::parse_from_str(&text, "%Y-%m-%d")) {
        Some(Ok(date)) => date,
        Some(Err(_)) => return Err(shipit("INVALID_FIELD_VALUE", "The date can't be read", &["date"])),
        None => call.now.date_naive(),
    };
    let mut shipments: Vec<(u64, Value)> = Vec::new();
    let mut open: Vec<&mut Parcel> = state
        .parcels
        .values_mut()
        .filter(|parcel| {
            parcel.closed_at.is_none() && parcel.cancellation.is_none() && parcel.shipping_date <= date
        })
        .collect();
    open.sort_by_key(|parcel| parcel.place);
    for parcel in open {
        parcel.closed_at = Some(call.now);
        // The data of a parcel that was scanned went with it.
        if !parcel.is_scanned() {
            let _ = parcel.record("INTIAL.E48_DATA", call.now);
        }
        let unit = json!({
            "TrackID": parcel.track_id, "ParcelNumber": parcel.parcel_number,
            "ShipmentUnitReference": parcel.unit_references, "Weight": weight(parcel.weight_grams),
        });
        if let Some((_, shipment)) = shipments.iter_mut().find(|(number, _)| *number == parcel.shipment) {
            shipment["ShipmentUnit"].as_array_mut().into_iter().for_each(|units| units.push(unit.clone()));
            continue;
        }
        let mut shipment = parcel.request.clone();
        shipment["ShipmentUnit"] = json!([unit]);
        shipments.push((parcel.shipment, shipment));
    }
    let listed: Vec<Value> = shipments.into_iter().map(|(_, shipment)| shipment).collect();
    Ok(answer(&json!({ "Shipments": listed })))
}

/// Kilograms as a JSON number.
pub fn weight(grams: i64) -> Value {
    let text = format!("{}.{:02}", grams / 1_000, grams % 1_000 / 10);
    serde_json::from_str(&text).unwrap_or_default()
}
