//! Which operation a method and path mean, and which function does it.

use axum::http::Method;

use super::call::{Call, Outcome, Refusal};
use super::state::State;
use super::{addresses, alerts, auth, locator, pickups, rating, recovery, ship, tracking, transit, void};

/// Operation names, as faults use them. `{}` is a version, a number or another piece of the path.
const ROUTES: [(&str, &str, &str); 19] = [
    ("POST", "/security/v1/oauth/token", "token"),
    ("POST", "/api/shipments/{}/ship", "ship"),
    ("DELETE", "/api/shipments/{}/void/cancel/{}", "void"),
    ("POST", "/api/labels/{}/recovery", "recovery"),
    ("POST", "/api/rating/{}/{}", "rate"),
    ("POST", "/api/shipments/{}/transittimes", "transit"),
    ("POST", "/api/addressvalidation/{}/{}", "address"),
    ("POST", "/api/pickupcreation/{}/pickup", "pickup.create"),
    ("POST", "/api/shipments/{}/pickup/{}", "pickup.rate"),
    ("GET", "/api/shipments/{}/pickup/{}", "pickup.pending"),
    ("DELETE", "/api/shipments/{}/pickup/{}", "pickup.cancel"),
    ("GET", "/api/track/v1/details/{}", "track"),
    ("GET", "/api/track/v1/reference/details/{}", "track.reference"),
    ("GET", "/api/track/v1/shipment/details/{}", "track.shipment"),
    ("POST", "/api/track/{}/subscription/{}/package", "alert.package"),
    ("POST", "/api/track/{}/subscription/{}/account", "alert.account"),
    ("DELETE", "/api/track/{}/subscription/{}/account", "alert.unsubscribe"),
    ("POST", "/api/locations/{}/search/availabilities/{}", "locator"),
    ("GET", "/api/pickup/{}/countries/{}", "pickup.divisions"),
];

/// The operation and the pieces of its path; `None` for what isn't UPS's API. What would be UPS's but isn't here is the
/// operation `unknown`, which answers 404.
pub fn find(method: &Method, path: &str) -> Option<(&'static str, Vec<String>)> {
    let found = ROUTES
        .iter()
        .filter(|(wanted, _, _)| method.as_str() == *wanted)
        .find_map(|(_, template, operation)| Some((*operation, pieces(template, path)?)));
    let ours = path.starts_with("/api/") || path.starts_with("/security/");
    found.or_else(|| ours.then(|| ("unknown", Vec::new())))
}

pub fn operate(state: &mut State, call: &Call) -> Outcome {
    match call.operation {
        "token" => auth::token(state, call),
        "ship" => ship::create(state, call),
        "void" => void::void(state, call),
        "recovery" => recovery::recover(state, call),
        "rate" => rating::rate(state, call),
        "transit" => transit::times(state, call),
        "address" => addresses::validate(state, call),
        "pickup.create" => pickups::create(state, call),
        "pickup.rate" => pickups::rate(state, call),
        "pickup.pending" => pickups::pending(state, call),
        "pickup.cancel" => pickups::cancel(state, call),
        "pickup.divisions" => pickups::divisions(state, call),
        "track" => tracking::details(state, call),
        "track.reference" => tracking::by_reference(state, call),
        "track.shipment" => tracking::of_shipment(state, call),
        "alert.package" => alerts::subscribe(state, call),
        "alert.account" => alerts::subscribe_account(state, call),
        "alert.unsubscribe" => alerts::unsubscribe_account(state, call),
        "locator" => locator::search(state, call),
        _ => Err(Refusal::bare(404)),
    }
}

/// The pieces of a path that fits the template.
fn pieces(template: &str, path: &str) -> Option<Vec<String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut pieces = Vec::new();
    for (wanted, given) in wanted.into_iter().zip(given) {
        match wanted {
            "{}" if !given.is_empty() => {
                let given = given.replace('+', "%2B");
                let decoded = url::form_urlencoded::parse(given.as_bytes()).next();
                pieces.push(decoded.map(|(piece, _)| piece.into_owned()).unwrap_or_default());
            }
            _ if wanted == given => {}
            _ => return None,
        }
    }
    Some(pieces)
}
