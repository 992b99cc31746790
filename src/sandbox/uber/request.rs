//! The bodies of deliveries, read strictly: a name that the file does not have is wrong.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{
    address::Address,
    books::Status,
    errors::{fields as metadata, with_metadata},
    windows::Windows,
};
use crate::sandbox::host::{Call, Fields, Reply, Report, What};

/// Characters of a note.
const NOTES_MAX: usize = 280;
/// Characters of other texts; the file names no limit.
const TEXT_MAX: usize = 200;

/// What a delivery is made of.
#[derive(Debug)]
pub struct Order {
    pub pickup: Address,
    pub dropoff: Address,
    pub windows: Windows,
    pub quote_id: Option<String>,
    pub manifest_reference: Option<String>,
    pub external_id: Option<String>,
    pub external_store_id: Option<String>,
    pub idempotency_key: Option<String>,
    pub tip: i64,
    pub min_age: Option<i64>,
    pub undeliverable_action: &'static str,
    pub has_pincode: bool,
    pub plan: Plan,
}

/// Who brings it.
#[derive(Debug)]
pub enum Plan {
    Person,
    /// A robot courier that keeps its own pace.
    Auto,
    /// A robot courier that keeps these times.
    At(Vec<(Status, DateTime<Utc>)>),
}

/// The whole body as JSON.
pub fn read_body(call: &Call) -> Result<Value, Reply> {
    let is_json = call.media_type().eq_ignore_ascii_case("application/json");
    let body = if is_json { serde_json::from_slice(&call.body).ok() } else { None };
    body.filter(Value::is_object).ok_or_else(|| with_metadata("invalid_params", None))
}

/// # Errors
/// `invalid_params`, with what is wrong of each field.
pub fn read(body: &Value, now: DateTime<Utc>) -> Result<Order, Reply> {
    let report = Report::default();
    let order = Fields::root(body, &report).map(|fields| read_order(&fields, now));
    let wrongs = report.into_list();
    match order {
        Some(order) if wrongs.is_empty() => Ok(order),
        _ => Err(with_metadata("invalid_params", Some(&metadata(&wrongs)))),
    }
}

fn read_order(body: &Fields<'_>, now: DateTime<Utc>) -> Order {
    for name in ["pickup_name", "dropoff_name"] {
        body.needed_text(name, TEXT_MAX);
    }
    for name in ["pickup_phone_number", "dropoff_phone_number"] {
        body.need(name, phone(body, name));
    }
    for name in ["pickup_business_name", "dropoff_business_name"] {
        body.text(name, TEXT_MAX);
    }
    for name in ["pickup_notes", "dropoff_notes", "dropoff_seller_notes"] {
        body.text(name, NOTES_MAX);
    }
    for name in ["pickup_latitude", "pickup_longitude", "dropoff_latitude", "dropoff_longitude"] {
        body.decimal(name);
    }
    read_items(body);
    body.integer("manifest_total_value");
    for name in ["requires_dropoff_signature", "requires_id"] {
        body.boolean(name);
    }
    body.known(&["external_user_info", "pickup_verification", "return_verification"]);
    let (min_age, has_pincode) = read_verification(body);
    let deliverable = body
        .word("deliverable_action", &["deliverable_action_meet_at_door", "deliverable_action_leave_at_door"]);
    let undeliverable = body.word("undeliverable_action", &["leave_at_door", "return", "discard"]);
    if min_age.is_some() {
        for (name, leaves) in [
            ("deliverable_action", deliverable == Some("deliverable_action_leave_at_door")),
            ("undeliverable_action", undeliverable == Some("leave_at_door")),
        ] {
            if leaves {
                body.wrong(
                    name,
                    What::Value("cannot be leave_at_door when identification is required".to_owned()),
                );
            }
        }
    }
    let tip = body.integer("tip").unwrap_or_default();
    if tip < 0 {
        body.wrong("tip", What::Value("has to be at least 0".to_owned()));
    }
    let text = |name: &'static str| body.text(name, TEXT_MAX).map(str::to_owned);
    Order {
        pickup: Address::read(body, "pickup_address"),
        dropoff: Address::read(body, "dropoff_address"),
        windows: Windows::read(body, now),
        quote_id: text("quote_id"),
        manifest_reference: text("manifest_reference"),
        external_id: text("external_id"),
        external_store_id: text("external_store_id"),
        idempotency_key: text("idempotency_key"),
        tip,
        min_age,
        undeliverable_action: undeliverable.unwrap_or("return"),
        has_pincode,
        plan: read_plan(body),
    }
}

fn read_items(body: &Fields<'_>) {
    let items = body.objects("manifest_items", 500);
    body.need("manifest_items", Some(()));
    if items.is_empty() && body.has("manifest_items") {
        body.wrong("manifest_items", What::Missing);
    }
    for item in &items {
        item.needed_text("name", TEXT_MAX);
        for name in ["quantity", "weight"] {
            if item.integer(name).is_some_and(|number| number < 1) {
                item.wrong(name, What::Value("has to be at least 1".to_owned()));
            }
        }
        item.need("quantity", Some(()));
        item.word("size", &["small", "medium", "large", "xlarge"]);
        item.boolean("must_be_upright");
        for name in ["price", "vat_percentage"] {
            item.integer(name);
        }
        if let Some(dimensions) = item.object("dimensions") {
            for name in ["length", "height", "depth"] {
                dimensions.integer(name);
            }
        }
    }
}

/// The age that has to be proven at the door, and whether a code has to be told.
fn read_verification(body: &Fields<'_>) -> (Option<i64>, bool) {
    let Some(verification) = body.object("dropoff_verification") else { return (None, false) };
    for name in ["signature", "picture"] {
        verification.boolean(name);
    }
    verification.known(&["signature_requirement", "barcodes"]);
    let pincode = verification.object("pincode").is_some_and(|pin| pin.boolean("enabled") == Some(true));
    let age = verification.object("identification").and_then(|identification| {
        let age = identification.integer("min_age");
        if age.is_some_and(|age| !(1..=99).contains(&age)) {
            identification.wrong("min_age", What::Value("has to be an age".to_owned()));
        }
        age
    });
    (age, pincode)
}

/// `test_specifications` of Uber's guide: only a sandbox knows it.
fn read_plan(body: &Fields<'_>) -> Plan {
    let Some(test) = body.object("test_specifications") else { return Plan::Person };
    let Some(robot) = test.need("robo_courier_specification", test.object("robo_courier_specification"))
    else {
        return Plan::Person;
    };
    match robot.need("mode", robot.word("mode", &["auto", "custom"])) {
        Some("custom") => {
            let steps = [
                ("enroute_for_pickup_at", Status::Pickup),
                ("pickup_at", Status::PickupComplete),
                ("dropoff_imminent_at", Status::Dropoff),
                ("dropoff_at", Status::Delivered),
            ];
            robot.known(&["pickup_imminent_at"]);
            let at = |(name, status): (&'static str, Status)| {
                let moment = DateTime::parse_from_rfc3339(&robot.needed_text(name, 40)).ok()?;
                Some((status, moment.with_timezone(&Utc)))
            };
            Plan::At(steps.into_iter().filter_map(at).collect())
        }
        _ => Plan::Auto,
    }
}

/// A telephone number as Uber wants it.
pub fn phone<'a>(body: &Fields<'a>, name: &'static str) -> Option<&'a str> {
    let text = body.text(name, 30)?;
    let is_number = text
        .strip_prefix('+')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_number {
        let words = name.replace('_', " ");
        body.wrong(name, What::Value(format!("{} is not valid.", words.trim_end_matches(" number"))));
    }
    Some(text)
}

/// What may be changed of a delivery; the tip comes back.
///
/// # Errors
/// `invalid_params`.
pub fn read_update(body: &Value) -> Result<Option<i64>, Reply> {
    let report = Report::default();
    let tip = Fields::root(body, &report).map(|fields| {
        for name in ["dropoff_notes", "pickup_notes"] {
            fields.text(name, NOTES_MAX);
        }
        fields.text("manifest_reference", TEXT_MAX);
        for name in ["requires_dropoff_signature", "requires_id"] {
            fields.boolean(name);
        }
        for name in ["dropoff_latitude", "dropoff_longitude"] {
            fields.decimal(name);
        }
        for name in ["dropoff_verification", "pickup_verification"] {
            if let Some(verification) = fields.object(name) {
                verification.known(&["barcodes"]);
            }
        }
        fields.integer("tip_by_customer")
    });
    tip.filter(|_| report.is_empty()).ok_or_else(|| with_metadata("invalid_params", None))
}
