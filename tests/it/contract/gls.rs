//! GLS's OpenAPI files, with the repairs they need before they can be held against anything.
//!
//! The files are listed in `couriers/gls-shipit/SOURCE.md` of the folder of specifications: GLS calls its REST
//! documentation binding where they differ, and that is what [`repair_shipit`] and its neighbours put right.

use std::sync::OnceLock;

use aisle::sandbox::gls;
use serde_json::{Map, Value, json};

use super::{Coverage, Exchange, ExtraStatus, NOT_CHECKED, Specification, Violation};

/// What the files leave out; ShipIT's know no error at all.
const STATUSES: &[ExtraStatus] = &[
    ExtraStatus { status: 400, reason: "ShipIT refuses by headers, with an empty body or a text" },
    ExtraStatus { status: 401, reason: "the gateway's word on tokens; ShipIT's file leaves it out" },
    ExtraStatus { status: 404, reason: "no such operation; ShipIT's file leaves it out" },
    ExtraStatus { status: 406, reason: "an answer in another media type is wanted; no file lists it" },
    ExtraStatus { status: 415, reason: "a body of another media type; no file lists it" },
    ExtraStatus { status: 429, reason: "a quota is used up; two files leave it out" },
    ExtraStatus { status: 490, reason: "the backend is inactive, as the documentation has it" },
    ExtraStatus { status: 500, reason: "a second cancellation, or a failure on order" },
    ExtraStatus { status: 502, reason: "a failure on order" },
    ExtraStatus { status: 503, reason: "a failure on order" },
];

/// The three files.
#[derive(Debug)]
pub struct Gls {
    files: Vec<(&'static str, Specification)>,
}

/// GLS's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static Gls> {
    static ALL: OnceLock<Option<Gls>> = OnceLock::new();
    ALL.get_or_init(Gls::load).as_ref()
}

/// Fails when any exchange that the sandbox recorded departs from GLS's files, requests and answers alike.
#[track_caller]
pub fn assert_kept(sandbox: &gls::Sandbox) {
    let Some(files) = specifications() else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    let answered: Vec<_> = sandbox.exchanges().into_iter().filter(|exchange| exchange.answered).collect();
    let listed: Vec<String> = files.check(&answered).iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "the specifications object:\n{}", listed.join("\n"));
}

impl Gls {
    fn load() -> Option<Self> {
        let file = |name: &str, repair: fn(&mut Value)| {
            let path = format!("couriers/gls-shipit/{name}.yaml");
            let file = Specification::load_repaired(&path, repair)?;
            Some(file.strict_both().allowing_statuses(STATUSES))
        };
        Some(Self {
            files: vec![
                ("authentication", file("authentification-service-v2", repair_authentication)?),
                ("shipit-farm", file("shipit-farm", repair_shipit)?),
                ("track and trace", file("ecitrackandtrace", repair_tracking)?),
            ],
        })
    }

    /// Everything the files have against these exchanges. The sandbox's own pages and controls are no exchanges.
    pub fn check(&self, exchanges: &[gls::Exchange]) -> Vec<Violation> {
        exchanges.iter().flat_map(|exchange| self.check_one(&Exchange::from(exchange))).collect()
    }

    fn check_one(&self, exchange: &Exchange) -> Vec<Violation> {
        let file = self.files.iter().find(|(_, file)| file.covers(&exchange.method, &exchange.target));
        file.map_or_else(Vec::new, |(_, file)| {
            // A request that was refused as malformed was wrong on purpose, or the refusal is the finding.
            let was_wrong = matches!(exchange.status, 400 | 406 | 415);
            if was_wrong { file.check_answer(exchange) } else { file.check(exchange) }
        })
    }

    pub fn coverage(&self) -> Vec<(&'static str, Coverage)> {
        self.files.iter().map(|(name, file)| (*name, file.coverage())).collect()
    }
}

/// `expires_in` is a number in the file and a text on the wire, as its own example shows.
fn repair_authentication(root: &mut Value) {
    root["components"]["schemas"]["TokenResponse"]["properties"]["expires_in"]["type"] = json!("string");
}

/// Names as they are on the wire, the shipping date as a date, label data as a list or a text, `Middleware` mandatory.
fn repair_shipit(root: &mut Value) {
    const NAMES: [(&str, &str, &str); 9] = [
        ("Address", "Zipcode", "ZIPCode"),
        ("Address", "Email", "eMail"),
        ("Location", "Zipcode", "ZIPCode"),
        ("ParcelShopSearchLocation", "Zipcode", "ZIPCode"),
        ("CancelParcelResponse", "Result", "result"),
        ("ValidateParcelsResponse", "Success", "success"),
        ("ValidateParcelsResponse", "ValidationResult", "validationResult"),
        ("IdentPINService", "Pin", "PIN"),
        ("HazardousGood", "GlshazNo", "GLSHazNo"),
    ];
    let schemas = &mut root["components"]["schemas"];
    for (schema, from, to) in NAMES {
        rename(&mut schemas[schema], from, to);
    }
    schemas["Shipment"]["properties"]["ShippingDate"]["format"] = json!("date");
    schemas["Shipment"]["required"].as_array_mut().expect("a list").push(json!("Middleware"));
    let data = &mut schemas["Document"]["properties"]["Data"];
    *data = json!({ "anyOf": [{ "type": "string", "format": "byte" }, data.clone()] });
}

fn rename(schema: &mut Value, from: &str, to: &str) {
    if let Some(properties) = schema["properties"].as_object_mut() {
        let renamed = std::mem::take(properties).into_iter();
        *properties = renamed.map(|(name, value)| (swap(name, from, to), value)).collect::<Map<_, _>>();
        assert!(properties.contains_key(to), "{from} is not there to be repaired");
    }
    for required in schema["required"].as_array_mut().into_iter().flatten() {
        *required = json!(swap(required.as_str().unwrap_or_default().to_owned(), from, to));
    }
}

fn swap(name: String, from: &str, to: &str) -> String {
    if name == from { to.to_owned() } else { name }
}

/// A 429 is the gateway's, as the file's own example shows, and not of the shape that the file gives it.
fn repair_tracking(root: &mut Value) {
    root["components"]["responses"]["Response429"]["content"]["application/json"]["schema"] =
        json!({ "$ref": "#/components/schemas/ErrorResponseApigeeDTO" });
}
