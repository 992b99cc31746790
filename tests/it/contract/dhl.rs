//! DHL's OpenAPI files. XML tracking has none, so its exchanges are passed over.
//!
//! The files are listed in `couriers/dhl-parcel-de/SOURCE.md` of the folder of specifications.

use std::sync::OnceLock;

use aisle::sandbox::dhl;
use serde_json::{Value, json};

use super::{Coverage, Exchange, ExtraStatus, NOT_CHECKED, Specification, Violation};

const STATUSES: &[ExtraStatus] = &[
    ExtraStatus {
        status: 400,
        reason: "a request without a tracking number; the tracking file lists 200 and 404",
    },
    ExtraStatus { status: 401, reason: "wrong credentials; the tracking file lists 200 and 404" },
    ExtraStatus { status: 503, reason: "a gateway that is down; no file lists it" },
];

/// The five files whose operations we use.
#[derive(Debug)]
pub struct Dhl {
    files: Vec<(&'static str, Specification)>,
}

/// DHL's files, read once per process; `None` when they are not on this machine.
pub fn specifications() -> Option<&'static Dhl> {
    static ALL: OnceLock<Option<Dhl>> = OnceLock::new();
    ALL.get_or_init(Dhl::load).as_ref()
}

/// Fails when any exchange that the sandbox recorded departs from DHL's files.
#[track_caller]
pub fn assert_kept(sandbox: &dhl::Sandbox) {
    let Some(files) = specifications() else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    let violations = files.check(&sandbox.exchanges());
    let listed: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(listed.is_empty(), "{}", listed.join("\n"));
}

impl Dhl {
    fn load() -> Option<Self> {
        let file = |name: &'static str, repair: fn(&mut Value)| {
            let path = format!("couriers/dhl-parcel-de/{name}.yaml");
            let file = Specification::load_repaired(&path, repair)?;
            Some((name, file.strict_both().allowing_statuses(STATUSES)))
        };
        let whole = |_: &mut Value| ();
        let files = vec![
            file("parcel-de-shipping-v2_2", whole)?,
            file("parcel-de-pickup-v3", repair_pickup)?,
            file("pp-parcel-returns", repair_returns)?,
            file("auth-ropc-2.0.5", whole)?,
            file("track-unified-1.5.8", whole)?,
        ];
        Some(Self { files })
    }

    /// Everything the files have against these exchanges; one that broke off has nothing to check but its request.
    pub fn check(&self, exchanges: &[dhl::Exchange]) -> Vec<Violation> {
        exchanges
            .iter()
            .filter(|exchange| exchange.status != 0)
            .flat_map(|each| self.check_one(each))
            .collect()
    }

    /// How much of a file was seen.
    pub fn coverage(&self, name: &str) -> Option<Coverage> {
        self.files.iter().find(|(each, _)| *each == name).map(|(_, file)| file.coverage())
    }

    fn check_one(&self, exchange: &dhl::Exchange) -> Vec<Violation> {
        let exchange = Exchange {
            method: exchange.method.clone(),
            target: exchange.path.clone(),
            request_headers: exchange.request_headers.clone(),
            request_body: exchange.request_body.clone(),
            status: exchange.status,
            response_headers: exchange.response_headers.clone(),
            response_body: exchange.response_body.clone(),
        };
        let mut files = self.files.iter().map(|(_, file)| file);
        let Some(file) = files.find(|file| file.covers(&exchange.method, &exchange.target)) else {
            return Vec::new();
        };
        // A request that was refused as malformed was wrong on purpose, or the refusal is the finding.
        if matches!(exchange.status, 400 | 422) {
            file.check_answer(&exchange)
        } else {
            file.check(&exchange)
        }
    }
}

/// Which form an object has is said by its `type`, as the discriminators map it; the forms themselves leave it open.
fn repair_pickup(root: &mut Value) {
    const TYPES: [(&str, &str); 6] = [
        ("FixedDate", "Date"),
        ("PickupASAP", "ASAP"),
        ("PickupLocationIdType", "Id"),
        ("PickupAddressType", "Address"),
        ("OrderPickupResponse", "ORDERPICKUP"),
        ("ValideOrderResponse", "VALIDATION"),
    ];
    for (schema, word) in TYPES {
        let kind = &mut root["components"]["schemas"][schema]["properties"]["type"];
        assert!(kind.is_object(), "{schema} has no type to be repaired");
        kind["enum"] = json!([word]);
    }
}

/// The pattern of versions forgets to escape its points and ends in one sign of a class: its own example does not fit.
fn repair_returns(root: &mut Value) {
    let schema = &mut root["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    let pattern = &mut schema["properties"]["amp"]["properties"]["version"]["pattern"];
    assert!(pattern.is_string(), "there is no pattern to be repaired");
    *pattern = json!(r"^v\d{1,2}\.\d{1,2}(\.\d{1,5})?$");
}
