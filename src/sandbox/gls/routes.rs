//! Which operation a method and path mean, and which function does it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    Settings, auth,
    books::State,
    control,
    refusals::{MEDIA_TYPE, fault, gateway, problem},
    shipments, shops, tracking, units,
};
use crate::sandbox::host::{Call, Partner, Reply, ids};

const SHIPIT: &str = "/shipit-farm/v1/backend";
const TRACKING: &str = "/track-and-trace-v1";

/// Method, path and name of every operation; `{}` is an id. A path that is spelt out stands before one with an id.
const ROUTES: [(&str, &str, &str); 21] = [
    ("POST", "/oauth2/v2/token", "token"),
    ("POST", "/shipit-farm/v1/backend/rs/parcelshop/address", "shops.near_address"),
    ("POST", "/shipit-farm/v1/backend/rs/parcelshop/distance", "shops.near_position"),
    ("GET", "/shipit-farm/v1/backend/rs/parcelshop/country/{}", "shops.of_country"),
    ("GET", "/shipit-farm/v1/backend/rs/parcelshop/{}", "shops.one"),
    ("GET", "/shipit-farm/v1/backend/rs/parcelshop/{}/{}", "shops.one"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments", "shipments.create"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/validate", "shipments.validate"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/allowedservices", "shipments.allowed_services"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/endofday", "shipments.end_of_day"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/cancel/{}", "shipments.cancel"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/reprintparcel", "shipments.reprint"),
    ("POST", "/shipit-farm/v1/backend/rs/shipments/updateparcelweight", "shipments.update_weight"),
    ("POST", "/shipit-farm/v1/backend/rs/sporadiccollection", "collections.create"),
    ("POST", "/shipit-farm/v1/backend/rs/tracking/parcels", "parcels.find"),
    ("POST", "/shipit-farm/v1/backend/rs/tracking/parceldetails", "parcels.details"),
    ("POST", "/shipit-farm/v1/backend/rs/tracking/parcelpod", "parcels.proof"),
    ("GET", "/track-and-trace-v1/tracking/simple/trackids/{}", "tracking.numbers"),
    ("GET", "/track-and-trace-v1/tracking/simple/references/{}", "tracking.references"),
    ("GET", "/track-and-trace-v1/tracking/deliveryinfo/parcelid/{}", "tracking.delivery_info"),
    ("GET", "/track-and-trace-v1/tracking/events/codes", "tracking.codes"),
];

/// The partner behind the server.
pub struct Gls {
    pub settings: Settings,
}

impl Partner for Gls {
    type State = State;

    fn find(&self, method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        let fits = |(wanted, template, operation): &(&str, &str, &'static str)| {
            (*wanted == method).then(|| ids(template, path)).flatten().map(|ids| (*operation, ids))
        };
        let is_partner = ["/oauth2/", SHIPIT, TRACKING].iter().any(|start| path.starts_with(start));
        ROUTES.iter().find_map(fits).or_else(|| is_partner.then(|| ("unknown", Vec::new())))
    }

    fn admit(&self, state: &mut State, call: &Call) -> Result<(), Reply> {
        auth::admit(&self.settings, state, call)?;
        if call.path().starts_with(SHIPIT) { media_types(call) } else { Ok(()) }
    }

    fn operate(&self, state: &mut State, call: &Call) -> Reply {
        let settings = &self.settings;
        let outcome = match call.operation {
            "token" => Ok(auth::token(settings, state, call)),
            "shops.near_address" => shops::near_address(call),
            "shops.near_position" => shops::near_position(call),
            "shops.of_country" => shops::of_country(call),
            "shops.one" => shops::one(call),
            "shipments.create" => shipments::create(settings, state, call),
            "shipments.validate" => shipments::validate(settings, call),
            "shipments.allowed_services" => shipments::allowed(settings, call),
            "shipments.end_of_day" => shipments::end_of_day(state, call),
            "shipments.cancel" => units::cancel(state, call),
            "shipments.reprint" => units::reprint(state, call),
            "shipments.update_weight" => units::update_weight(state, call),
            "collections.create" => units::collect(settings, state, call),
            "parcels.find" => units::find(state, call),
            "parcels.details" => units::details(state, call),
            "parcels.proof" => units::proof(state, call),
            "tracking.numbers" | "tracking.references" => tracking::parcels(state, call),
            "tracking.delivery_info" => tracking::delivery_info(state, call),
            "tracking.codes" => Ok(tracking::codes(call)),
            _ => Err(not_found(call)),
        };
        outcome.unwrap_or_else(|refusal| refusal)
    }

    fn bare(&self, operation: &'static str, status: u16) -> Reply {
        match (operation, status) {
            ("token", status) => fault(status, "Planned fault"),
            (_, 429) => auth::quota_exceeded(),
            (_, 401) => gateway(401, "Invalid token: policy(Verify-JWT)", "steps.jwt.InvalidToken"),
            (operation, status) if operation.starts_with("tracking.") => {
                let body = json!({ "type": "about:blank", "title": "Planned fault", "status": status });
                Reply::json(status, &body)
            }
            // 490, the backend that is inactive, as any other: a status and nothing else.
            (_, status) => Reply::nothing(status),
        }
    }

    fn pass_time(&self, state: &mut State, now: DateTime<Utc>) {
        state.pass_time(now, self.settings.moves_every);
    }

    fn books(&self, state: &State, _now: DateTime<Utc>) -> Value {
        json!(state.books())
    }

    fn control(&self, state: &mut State, call: &Call) -> Option<Reply> {
        control::answer(state, call)
    }
}

/// ShipIT speaks its own media type alone, in both directions.
fn media_types(call: &Call) -> Result<(), Reply> {
    let is_ours = |text: &str| {
        text.split(',')
            .any(|one| one.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(MEDIA_TYPE))
    };
    if !call.header("accept").is_some_and(is_ours) {
        return Err(Reply::nothing(406));
    }
    if call.method == axum::http::Method::POST && !is_ours(call.media_type()) {
        return Err(Reply::nothing(415));
    }
    Ok(())
}

fn not_found(call: &Call) -> Reply {
    if call.path().starts_with(TRACKING) {
        let resource = call.path().trim_start_matches("/track-and-trace-v1/");
        return problem(call, 404, "Not Found", &format!("No static resource {resource}."));
    }
    Reply::nothing(404)
}

/// An answer of ShipIT.
pub fn answer(body: &Value) -> Reply {
    Reply::file(200, MEDIA_TYPE, body.to_string())
}

/// An answer of the parcel shops, which say how they are written.
pub fn answer_in_utf8(body: &Value) -> Reply {
    Reply::file(200, &format!("{MEDIA_TYPE}; charset=utf-8"), body.to_string())
}
