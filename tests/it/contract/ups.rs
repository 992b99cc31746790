//! UPS's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `couriers/ups/SOURCE.md` of the folder of specifications, with their known faults. Tabs are
//! replaced on reading; everything else is below, in [`load`] and the functions that it names.

use std::sync::OnceLock;

use aisle::sandbox::ups;
use serde_json::{Value, json};

use super::files::{self, Files};
use super::{Exchange, ExtraStatus, Specification, Violation};

const STATUSES: &[ExtraStatus] = &[
    ExtraStatus { status: 401, reason: "wrong credentials; tracking lists none" },
    ExtraStatus { status: 404, reason: "an unknown version in the path; most files list none" },
    ExtraStatus { status: 429, reason: "too many calls; tracking and Track Alert list none" },
    ExtraStatus { status: 500, reason: "a failure of the machine; most files list none" },
    ExtraStatus { status: 503, reason: "a gateway that is down; most files list none" },
];

/// Where a push stands among the paths of the repaired Track Alert file.
const PUSH_TARGET: &str = "/api/track/v2/webhooks/TrackingEvent";

/// UPS's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static Files> {
    static ALL: OnceLock<Option<Files>> = OnceLock::new();
    ALL.get_or_init(load).as_ref()
}

/// Fails when any exchange that the sandbox recorded, or any push that it sent, departs from UPS's files.
#[track_caller]
pub fn assert_kept(sandbox: &ups::Sandbox) {
    files::assert_kept(specifications(), sandbox.exchanges());
    if let Some(files) = specifications() {
        files::assert_none(&check_pushes(files, &sandbox.pushes_sent()));
    }
}

fn load() -> Option<Files> {
    let file = |name: &str, repair: fn(&mut Value)| {
        let path = format!("couriers/ups/{name}.yaml");
        let file = Specification::load_repaired(&path, |root| {
            drop_deprecated(root);
            mend_schemas(root);
            repair(root);
        })?;
        Some(file.strict_both().allowing_statuses(STATUSES))
    };
    let whole = |_: &mut Value| ();
    let files = vec![
        ("OAuth", file("OAuthClientCredentials", whole)?),
        ("shipping", file("Shipping", repair_shipping)?),
        ("rating", file("Rating", repair_rating)?),
        ("time in transit", file("TimeInTransit", repair_transit)?),
        ("address validation", file("AddressValidation", whole)?),
        ("pickup", file("Pickup", repair_pickup)?),
        ("tracking", file("Tracking", whole)?),
        ("Track Alert", file("UPSTrackAlert", repair_alerts)?),
        ("locator", file("Locator", repair_locator)?),
    ];
    Some(Files::new(files, was_refused))
}

/// Whole or in part.
fn was_refused(exchange: &Exchange) -> bool {
    exchange.status == 400
        || String::from_utf8_lossy(&exchange.response_body).contains("invalidTrackingNumbers")
}

/// As [`Files::check`], for pushes: what the listener answered is no matter of UPS's.
fn check_pushes(files: &Files, pushes: &[ups::Exchange]) -> Vec<Violation> {
    let as_described = |push: &ups::Exchange| Exchange {
        target: PUSH_TARGET.to_owned(),
        status: 200,
        response_body: Vec::new(),
        ..Exchange::from(push)
    };
    pushes.iter().flat_map(|push| files.check_one(&as_described(push))).collect()
}

/// Every operation stands twice, the second time under a version that UPS no longer wants.
fn drop_deprecated(root: &mut Value) {
    if let Some(paths) = root["paths"].as_object_mut() {
        paths.retain(|path, _| !path.contains("{deprecatedVersion}"));
    }
}

/// `maximum: 1` is meant as "at most once", and so stands at numbers whose value it would bound. `const` is younger than
/// the drafts that OpenAPI 3.0 knows. And some objects require what they don't describe: `RequestOption` of rating, which
/// stands in the path, `saturdayDeliveryIndicator` of time in transit.
fn mend_schemas(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(mend_schemas),
        Value::Object(object) => {
            object.remove("maximum");
            if let Some(only) = object.remove("const") {
                object.insert("enum".to_owned(), json!([only]));
            }
            if let Some(described) = object.get("properties").and_then(Value::as_object).cloned()
                && let Some(required) = object.get_mut("required").and_then(Value::as_array_mut)
            {
                required.retain(|name| name.as_str().is_some_and(|name| described.contains_key(name)));
            }
            object.values_mut().for_each(mend_schemas);
        }
        _ => {}
    }
}

/// Sets a word of the schema at a pointer below `/components/schemas`.
#[track_caller]
fn set(root: &mut Value, pointer: &str, word: &str, value: Value) {
    let schema = root.pointer_mut(&format!("/components/schemas/{pointer}"));
    schema.unwrap_or_else(|| panic!("no schema at {pointer}"))[word] = value;
}

/// The lengths of a text, where the file's own words or examples are longer or shorter.
#[track_caller]
fn set_length(root: &mut Value, pointer: &str, shortest: u64, longest: u64) {
    set(root, pointer, "minLength", json!(shortest));
    set(root, pointer, "maxLength", json!(longest));
}

/// A label is recovered by one number or by a reference, never by both and a list of another service's numbers; its forms
/// have three letters, `PDF` among them; a weight need not have eight digits.
fn repair_shipping(root: &mut Value) {
    set(root, "LabelRecoveryRequest", "required", json!(["Request"]));
    set_length(root, "LabelRecovery_LabelSpecification_LabelImageFormat/properties/Code", 3, 3);
    set_length(root, "LabelImage_LabelImageFormat/properties/Code", 3, 3);
    set_length(root, "ShipmentResults_BillingWeight/properties/Weight", 1, 8);
}

/// Services have two characters in the file's own list, and `Shoptimeintransit` has seventeen.
fn repair_rating(root: &mut Value) {
    set_length(root, "Shipment_Service/properties/Code", 2, 3);
    let parameters = root.pointer_mut("/paths/~1rating~1{version}~1{requestoption}/post/parameters");
    for parameter in parameters.and_then(Value::as_array_mut).into_iter().flatten() {
        if parameter["name"] == "requestoption" {
            parameter["schema"]["maxLength"] = json!(17);
        }
    }
}

/// Dates are described as `YYYY-MM-DD`, and services such as `1DA` have three characters.
fn repair_transit(root: &mut Value) {
    set_length(root, "emsResponse/properties/shipDate", 10, 10);
    set_length(root, "services/properties/serviceLevel", 2, 3);
}

/// Dates are described as `yyyyMMdd`, options have two digits, and amounts and weights need not have eight.
fn repair_pickup(root: &mut Value) {
    set_length(root, "PickupCreationRequest_PickupDateInfo/properties/PickupDate", 8, 8);
    set_length(root, "PickupCreationRequest_TotalWeight/properties/Weight", 1, 6);
    set_length(root, "RateResult_ChargeDetail/properties/ChargeAmount", 1, 8);
    set_length(root, "PickupCreationResponse_RateResult/properties/GrandTotalOfAllCharge", 1, 8);
    set_length(root, "PickupRateResponse_RateResult/properties/GrandTotalOfAllCharge", 1, 8);
    set_length(root, "PickupRateRequest/properties/ServiceDateOption", 2, 2);
}

/// The version stands in the server's address, where it is no parameter, and the pushes stand under a word that is
/// younger than OpenAPI 3.0. Their examples have a `descriptionCode` that their schema leaves out.
fn repair_alerts(root: &mut Value) {
    root["servers"] = json!([{"url": "https://wwwcie.ups.com/api/track/v2"}]);
    let push = root["webhooks"]["TrackingEvent"].take();
    for operation in root["paths"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        for described in operation.as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
            if let Some(parameters) = described["parameters"].as_array_mut() {
                parameters.retain(|parameter| parameter["name"] != "version");
            }
        }
    }
    root["paths"]["/webhooks/TrackingEvent"] = push;
    set(
        root,
        "TrackingEventRequest/properties/activityStatus/properties",
        "descriptionCode",
        json!({"type": "string"}),
    );
}

/// The only value that is described, `Locator`, has seven characters.
fn repair_locator(root: &mut Value) {
    set_length(root, "LocatorRequest_Request/properties/RequestAction", 7, 7);
}
