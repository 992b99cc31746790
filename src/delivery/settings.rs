//! What the retailer sets, and the couriers that follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::carrier::Carrier;
use super::carriers::dhl::{Dhl, DhlSettings};
use super::carriers::gls::{Gls, GlsSettings};
use super::carriers::ups::{Ups, UpsSettings};
use crate::env::Env;

/// DHL's default quota is 250 tracking calls a day: two hours leave room for some twenty parcels on the way. Raise the
/// quota before you shorten it.
const TRACKING_MINUTES: u32 = 120;

/// The variables that DHL needs, all or none; the address is the first of each courier's.
const DHL_NAMES: [&str; 6] = [
    "AISLE_DHL_URL",
    "AISLE_DHL_API_KEY",
    "AISLE_DHL_API_SECRET",
    "AISLE_DHL_USERNAME",
    "AISLE_DHL_PASSWORD",
    "AISLE_DHL_BILLING_NUMBER",
];

/// The variables that GLS needs, all or none.
const GLS_NAMES: [&str; 4] =
    ["AISLE_GLS_URL", "AISLE_GLS_CLIENT_ID", "AISLE_GLS_CLIENT_SECRET", "AISLE_GLS_CONTACT_ID"];

/// The variables that UPS needs, all or none.
const UPS_NAMES: [&str; 5] = [
    "AISLE_UPS_URL",
    "AISLE_UPS_CLIENT_ID",
    "AISLE_UPS_CLIENT_SECRET",
    "AISLE_UPS_ACCOUNT_NUMBER",
    "AISLE_UPS_COUNTRY",
];

/// Settings of the room.
///
/// | variable | meaning |
/// | --- | --- |
/// | `AISLE_DHL_URL` | `https://api-eu.dhl.com`, or `https://api-sandbox.dhl.com` for tests |
/// | `AISLE_DHL_API_KEY`, `AISLE_DHL_API_SECRET` | of the app in DHL's developer portal |
/// | `AISLE_DHL_USERNAME`, `AISLE_DHL_PASSWORD` | of the user in DHL's business portal |
/// | `AISLE_DHL_BILLING_NUMBER` | 14 characters, for parcels within Germany |
/// | `AISLE_DHL_INTERNATIONAL_BILLING_NUMBER` | 14 characters, for the rest of the European Union; without it Germany only |
/// | `AISLE_DHL_PROFILE` | the user group (default `STANDARD_GRUPPENPROFIL`) |
/// | `AISLE_DHL_PRINT_FORMAT` | one of DHL's paper formats; without it the account's own |
/// | `AISLE_GLS_URL` | `https://api.gls-group.net`, or `https://api-sandbox.gls-group.net` for tests |
/// | `AISLE_GLS_CLIENT_ID`, `AISLE_GLS_CLIENT_SECRET` | of the app in GLS's developer portal |
/// | `AISLE_GLS_CONTACT_ID` | at most 20 characters: the shipper |
/// | `AISLE_UPS_URL` | `https://onlinetools.ups.com`, or `https://wwwcie.ups.com` for tests |
/// | `AISLE_UPS_CLIENT_ID`, `AISLE_UPS_CLIENT_SECRET` | of the application in UPS's developer portal |
/// | `AISLE_UPS_ACCOUNT_NUMBER` | 6 characters: the shipper |
/// | `AISLE_UPS_COUNTRY` | the shipper's country: `US`, or a member of the European Union |
/// | `AISLE_TRACKING_MINUTES` | how often a parcel on its way is asked after (1 to 1440, default 120) |
///
/// The first six of DHL belong together, and so do the four of GLS and the five of UPS: with none of them nothing is
/// delivered by that courier, with some of them the start is refused.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often a parcel on its way is asked after.
    pub tracking_interval: Duration,
    /// DHL's account, when there is one.
    pub dhl: Option<DhlSettings>,
    /// GLS's account, when there is one.
    pub gls: Option<GlsSettings>,
    /// UPS's account, when there is one.
    pub ups: Option<UpsSettings>,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let mut minutes = env.parsed_or("AISLE_TRACKING_MINUTES", "a number of minutes", TRACKING_MINUTES);
        if !(1..=1_440).contains(&minutes) {
            env.mistake("AISLE_TRACKING_MINUTES must be from 1 to 1440".to_owned());
            minutes = TRACKING_MINUTES;
        }
        let tracking_interval = Duration::from_secs(u64::from(minutes) * 60);
        Self { tracking_interval, dhl: dhl(env), gls: gls(env), ups: ups(env) }
    }
}

/// What a courier's account needs; nothing when none of it is set. `names` begins with the courier's address.
fn account<const N: usize>(env: &Env, names: [&str; N]) -> Option<[String; N]> {
    if names.iter().all(|name| env.text(name).is_none()) {
        return None;
    }
    let values = names.map(|name| env.required(name));
    if let (Some(name), Some(url)) = (names.first(), values.first())
        && !url.is_empty()
        && url::Url::parse(url).is_err()
    {
        env.mistake(format!("{name} must be a URL"));
    }
    Some(values)
}

fn dhl(env: &Env) -> Option<DhlSettings> {
    let [base_url, api_key, api_secret, username, password, billing_number] = account(env, DHL_NAMES)?;
    let settings = DhlSettings {
        base_url,
        api_key,
        api_secret: SecretString::from(api_secret),
        username,
        password: SecretString::from(password),
        profile: env.text("AISLE_DHL_PROFILE").unwrap_or_else(|| "STANDARD_GRUPPENPROFIL".to_owned()),
        billing_number,
        international_billing_number: env.text("AISLE_DHL_INTERNATIONAL_BILLING_NUMBER"),
        print_format: env.text("AISLE_DHL_PRINT_FORMAT"),
    };
    let numbers = [
        ("AISLE_DHL_BILLING_NUMBER", Some(&settings.billing_number)),
        ("AISLE_DHL_INTERNATIONAL_BILLING_NUMBER", settings.international_billing_number.as_ref()),
    ];
    for (name, number) in numbers {
        if number.is_some_and(|number| !number.is_empty() && number.len() != 14) {
            env.mistake(format!("{name} must have 14 characters"));
        }
    }
    Some(settings)
}

fn gls(env: &Env) -> Option<GlsSettings> {
    let [base_url, client_id, client_secret, contact_id] = account(env, GLS_NAMES)?;
    if contact_id.len() > 20 {
        env.mistake("AISLE_GLS_CONTACT_ID must have at most 20 characters".to_owned());
    }
    Some(GlsSettings { base_url, client_id, client_secret: SecretString::from(client_secret), contact_id })
}

fn ups(env: &Env) -> Option<UpsSettings> {
    let [base_url, client_id, client_secret, account_number, country] = account(env, UPS_NAMES)?;
    if !account_number.is_empty() && account_number.len() != 6 {
        env.mistake("AISLE_UPS_ACCOUNT_NUMBER must have 6 characters".to_owned());
    }
    let is_country = country.len() == 2 && country.bytes().all(|byte| byte.is_ascii_uppercase());
    if !country.is_empty() && !is_country {
        env.mistake("AISLE_UPS_COUNTRY must be two capital letters, such as US".to_owned());
    }
    Some(UpsSettings {
        base_url,
        client_id,
        client_secret: SecretString::from(client_secret),
        account_number,
        country,
    })
}

/// The couriers that the retailer has an account with, by their keys in our records.
#[derive(Clone, Debug)]
pub struct Carriers(BTreeMap<&'static str, Arc<dyn Carrier>>);

impl Carriers {
    /// The configured couriers.
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        let mut carriers: Vec<Arc<dyn Carrier>> = Vec::new();
        if let Some(dhl) = &settings.dhl {
            carriers.push(Arc::new(Dhl::new(dhl.clone(), http.clone())));
        }
        if let Some(gls) = &settings.gls {
            carriers.push(Arc::new(Gls::new(gls.clone(), http.clone())));
        }
        if let Some(ups) = &settings.ups {
            carriers.push(Arc::new(Ups::new(ups.clone(), http.clone())));
        }
        Self(carriers.into_iter().map(|carrier| (carrier.capabilities().name, carrier)).collect())
    }

    /// Whether any courier brings parcels to this country (ISO 3166-1 alpha-2). Asked before a delivery is offered.
    pub fn serves(&self, country: &str) -> bool {
        self.0.values().any(|carrier| carrier.capabilities().countries.contains(&country))
    }

    /// The courier of a new shipment to this country: of those that serve it the first by name. When none does, the
    /// shipment waits for the one that this was first made with, and that shows as trouble.
    pub(super) fn choose(&self, country: &str) -> &'static str {
        const UNSERVED: &str = "dhl";
        let serves = |carrier: &Arc<dyn Carrier>| carrier.capabilities().countries.contains(&country);
        self.0.iter().find(|(_, carrier)| serves(carrier)).map_or(UNSERVED, |(name, _)| *name)
    }

    pub(super) fn find(&self, name: &str) -> Option<&dyn Carrier> {
        self.0.get(name).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_whole_or_absent() {
        let env = Env::from_pairs([("PATH", "/bin")]);
        let settings = Settings::read(&env);
        assert!(settings.dhl.is_none() && settings.gls.is_none() && settings.ups.is_none());
        assert!(env.mistakes().is_empty());
        let env = Env::from_pairs([
            ("AISLE_DHL_URL", "https://api-eu.dhl.com"),
            ("AISLE_DHL_BILLING_NUMBER", "1"),
            ("AISLE_GLS_URL", "gls"),
            ("AISLE_GLS_CONTACT_ID", "276a45fkqM276a45fkqM2"),
            ("AISLE_UPS_ACCOUNT_NUMBER", "1"),
            ("AISLE_UPS_COUNTRY", "usa"),
            ("AISLE_TRACKING_MINUTES", "0"),
        ]);
        Settings::read(&env);
        let mistakes = env.mistakes().join("\n");
        for name in [
            "AISLE_DHL_API_KEY is not set",
            "AISLE_DHL_API_SECRET is not set",
            "AISLE_DHL_USERNAME is not set",
            "AISLE_DHL_PASSWORD is not set",
            "AISLE_DHL_BILLING_NUMBER must have 14",
            "AISLE_GLS_URL must be a URL",
            "AISLE_GLS_CLIENT_ID is not set",
            "AISLE_GLS_CLIENT_SECRET is not set",
            "AISLE_GLS_CONTACT_ID must have at most 20",
            "AISLE_UPS_URL is not set",
            "AISLE_UPS_CLIENT_ID is not set",
            "AISLE_UPS_CLIENT_SECRET is not set",
            "AISLE_UPS_ACCOUNT_NUMBER must have 6",
            "AISLE_UPS_COUNTRY must be two",
            "AISLE_TRACKING_MINUTES",
        ] {
            assert!(mistakes.contains(name), "{name} in {mistakes}");
        }
    }
}
