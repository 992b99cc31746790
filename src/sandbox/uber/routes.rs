//! Which operation a method and path mean, and which function does it.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    Settings, auth,
    books::State,
    control, courier, deliveries,
    errors::{bare, refusal},
    quotes,
};
use crate::sandbox::host::{Call, Partner, Reply, ids};

/// Method, path and name of every operation; `{}` is an id.
const ROUTES: [(&str, &str, &str); 8] = [
    ("POST", "/oauth/v2/token", "token"),
    ("POST", "/v1/customers/{}/delivery_quotes", "quotes.create"),
    ("POST", "/v1/customers/{}/deliveries", "deliveries.create"),
    ("GET", "/v1/customers/{}/deliveries", "deliveries.list"),
    ("GET", "/v1/customers/{}/deliveries/{}", "deliveries.get"),
    ("POST", "/v1/customers/{}/deliveries/{}", "deliveries.update"),
    ("POST", "/v1/customers/{}/deliveries/{}/cancel", "deliveries.cancel"),
    ("POST", "/v1/customers/{}/deliveries/{}/proof-of-delivery", "deliveries.proof"),
];

/// The partner behind the server.
pub struct Uber {
    pub settings: Settings,
    /// The server's own address.
    pub url: String,
    /// One delivery of webhooks at a time.
    pub delivering: Mutex<()>,
}

impl Partner for Uber {
    type State = State;

    fn find(&self, method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        let fits = |(wanted, template, operation): &(&str, &str, &'static str)| {
            (*wanted == method).then(|| ids(template, path)).flatten().map(|ids| (*operation, ids))
        };
        let is_partner = path.starts_with("/v1/") || path.starts_with("/oauth/");
        ROUTES.iter().find_map(fits).or_else(|| is_partner.then(|| ("unknown", Vec::new())))
    }

    fn admit(&self, state: &mut State, call: &Call) -> Result<(), Reply> {
        if call.operation == "unknown" {
            return Err(Reply::nothing(404));
        }
        auth::admit(&self.settings, state, call)
    }

    fn operate(&self, state: &mut State, call: &Call) -> Reply {
        let outcome = match call.operation {
            "token" => Ok(auth::token(&self.settings, state, call)),
            "quotes.create" => quotes::create(state, call),
            "deliveries.create" => deliveries::create(state, call, &self.url),
            "deliveries.list" => deliveries::list(state, call, &self.url),
            "deliveries.get" => deliveries::get(state, call, &self.url),
            "deliveries.update" => deliveries::update(state, call, &self.url),
            "deliveries.cancel" => deliveries::cancel(state, call, &self.url),
            "deliveries.proof" => deliveries::proof(state, call),
            _ => Err(refusal("delivery_not_found")),
        };
        outcome.unwrap_or_else(|refusal| refusal)
    }

    fn bare(&self, _operation: &'static str, status: u16) -> Reply {
        bare(status)
    }

    fn pass_time(&self, state: &mut State, now: DateTime<Utc>) {
        courier::pass_time(state, now, self.settings.moves_every);
    }

    fn books(&self, state: &State, _now: DateTime<Utc>) -> Value {
        json!(state.books())
    }

    fn control(&self, state: &mut State, call: &Call) -> Option<Reply> {
        control::answer(state, call)
    }
}
