//! What the retailer sets, and the couriers that follow from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::address::Address;
use super::carrier::{Carrier, SizeLimits};
use super::carriers::dhl::{Dhl, DhlPush, DhlReturns, DhlSettings};
use super::carriers::gls::{Gls, GlsSettings};
use super::carriers::uber::{self, Uber, UberSettings};
use super::carriers::ups::{Ups, UpsSettings};
use super::needs::{Needs, Unable};
use super::pack::Packing;
use crate::catalog::Carton;
use crate::env::Env;

/// DHL's default quota is 250 tracking calls a day: two hours leave room for some twenty parcels on the way. Raise the
/// quota before you shorten it.
const TRACKING_MINUTES: u32 = 120;

/// The variables that say how many questions after parcels a courier answers a day (UTC), whom they are about, and what is usual:
/// what DHL and GLS give to whoever has not asked for more.
const ASKS_A_DAY: [(&str, &str, i64); 2] =
    [("AISLE_DHL_ASKS_A_DAY", "dhl", 250), ("AISLE_GLS_ASKS_A_DAY", "gls", 500)];

/// What the least of our couriers that go everywhere carries.
const LIFTED_GRAMS_MAX: i64 = 31_500;

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

/// The variables that Uber needs, all or none.
const UBER_NAMES: [&str; 6] = [
    "AISLE_UBER_URL",
    "AISLE_UBER_CUSTOMER_ID",
    "AISLE_UBER_CLIENT_ID",
    "AISLE_UBER_CLIENT_SECRET",
    "AISLE_UBER_COUNTRY",
    "AISLE_UBER_PICKUP_PHONE",
];

/// What a store needs to pick and pack an order before a courier stands at its counter.
const PREPARATION_MINUTES: u32 = 30;

/// The variables that UPS needs, all or none.
const UPS_NAMES: [&str; 5] = [
    "AISLE_UPS_URL",
    "AISLE_UPS_CLIENT_ID",
    "AISLE_UPS_CLIENT_SECRET",
    "AISLE_UPS_ACCOUNT_NUMBER",
    "AISLE_UPS_COUNTRY",
];

/// Messages that are not signed are as safe as the secret that they bear.
const PUSH_SECRET_LENGTH_MIN: usize = 32;

/// How long couriers are waited for while a shopper wants to know who can bring the goods.
const QUOTE_DEADLINE_MS: u64 = 1_500;

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
/// | `AISLE_DHL_RETURN_BILLING_NUMBER` | 14 characters, of DHL Retoure; without it DHL brings nothing back |
/// | `AISLE_DHL_RETURN_RECEIVER` | the receiver in DHL's returns portal that all goods go back to; without it the one at the store's address |
/// | `AISLE_DHL_PUSH_ACCOUNT`, `AISLE_DHL_PUSH_TOKEN` | the customer number whose parcels DHL tells of by itself, and what its messages prove themselves with (32 characters or more); without them it is only asked |
/// | `AISLE_DHL_ASKS_A_DAY`, `AISLE_GLS_ASKS_A_DAY` | questions after parcels that the courier answers a day (1 to 1000000, default 250 and 500) |
/// | `AISLE_GLS_URL` | `https://api.gls-group.net`, or `https://api-sandbox.gls-group.net` for tests |
/// | `AISLE_GLS_CLIENT_ID`, `AISLE_GLS_CLIENT_SECRET` | of the app in GLS's developer portal |
/// | `AISLE_GLS_CONTACT_ID` | at most 20 characters: the shipper |
/// | `AISLE_UBER_URL` | `https://api.uber.com` |
/// | `AISLE_UBER_LOGIN_URL` | where tokens are had (default `https://login.uber.com`) |
/// | `AISLE_UBER_CUSTOMER_ID` | the retailer's account |
/// | `AISLE_UBER_CLIENT_ID`, `AISLE_UBER_CLIENT_SECRET` | of the application in Uber's dashboard |
/// | `AISLE_UBER_COUNTRY` | where couriers ride: `DE`, `ES`, `FR`, `GB`, `IT`, `NL` or `US` |
/// | `AISLE_UBER_PICKUP_PHONE` | whom a courier calls who does not find the goods: `+49` and so on |
/// | `AISLE_UBER_PREPARATION_MINUTES` | what a store needs to pick and pack before a courier comes (0 to 1440, default 30) |
/// | `AISLE_UBER_WEBHOOK_KEY` | what webhooks are signed with; without it none is taken |
/// | `AISLE_UPS_URL` | `https://onlinetools.ups.com`, or `https://wwwcie.ups.com` for tests |
/// | `AISLE_UPS_CLIENT_ID`, `AISLE_UPS_CLIENT_SECRET` | of the application in UPS's developer portal |
/// | `AISLE_UPS_ACCOUNT_NUMBER` | 6 characters: the shipper |
/// | `AISLE_UPS_COUNTRY` | the shipper's country: `US`, or a member of the European Union |
/// | `AISLE_UPS_PICKUP_PHONE` | whom a driver calls who finds no parcels: `+49` and so on; without it no driver is ordered |
/// | `AISLE_UPS_ALERT_KEY` | what Track Alert's messages prove themselves with (32 characters or more), as UPS's portal has it; without it none is asked for |
/// | `AISLE_DELIVERY_QUOTE_MS` | milliseconds that couriers have to say what a delivery costs (50 to 10000, default 1500) |
/// | `AISLE_TRACKING_MINUTES` | how often a parcel on its way is asked after (1 to 1440, default 120) |
///
/// The first six of DHL belong together, and so do the four of GLS, the five of UPS, and of Uber those without a default
/// but the webhooks' key: with none of them nothing is delivered by that courier, with some of them the start is refused.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often a parcel on its way is asked after.
    pub tracking_interval: Duration,
    /// How many questions after parcels couriers answer a day (UTC), by their keys; of others any number.
    pub asks_a_day: BTreeMap<&'static str, i64>,
    /// How long couriers are waited for while a shopper wants to know who can bring the goods.
    pub quote_deadline: Duration,
    /// DHL's account, when there is one.
    pub dhl: Option<DhlSettings>,
    /// GLS's account, when there is one.
    pub gls: Option<GlsSettings>,
    /// Uber's account, when there is one.
    pub uber: Option<UberSettings>,
    /// UPS's account, when there is one.
    pub ups: Option<UpsSettings>,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let minutes =
            env.within("AISLE_TRACKING_MINUTES", "a number of minutes", 1..=1_440, TRACKING_MINUTES);
        let tracking_interval = Duration::from_secs(u64::from(minutes) * 60);
        let quote_ms = env.within("AISLE_DELIVERY_QUOTE_MS", "milliseconds", 50..=10_000, QUOTE_DEADLINE_MS);
        let quote_deadline = Duration::from_millis(quote_ms);
        let asks = |(name, carrier, usual)| (carrier, env.within(name, "a number", 1..=1_000_000, usual));
        Self {
            tracking_interval,
            asks_a_day: ASKS_A_DAY.map(asks).into(),
            quote_deadline,
            dhl: dhl(env),
            gls: gls(env),
            uber: uber(env),
            ups: ups(env),
        }
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
        returns: dhl_returns(env),
        push: dhl_push(env),
    };
    let returns = settings.returns.as_ref().map(|returns| &returns.billing_number);
    let numbers = [
        ("AISLE_DHL_RETURN_BILLING_NUMBER", returns),
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

/// DHL's returns; nothing without a billing number of theirs.
fn dhl_returns(env: &Env) -> Option<DhlReturns> {
    let number = env.text("AISLE_DHL_RETURN_BILLING_NUMBER");
    let receiver = env.text("AISLE_DHL_RETURN_RECEIVER");
    if number.is_none() && receiver.is_some() {
        env.mistake("AISLE_DHL_RETURN_RECEIVER needs AISLE_DHL_RETURN_BILLING_NUMBER".to_owned());
    }
    if receiver.as_ref().is_some_and(|receiver| receiver.chars().count() > 50) {
        env.mistake("AISLE_DHL_RETURN_RECEIVER must have at most 50 characters".to_owned());
    }
    Some(DhlReturns { billing_number: number?, receiver })
}

/// DHL's account to be told of; nothing when none of it is set.
fn dhl_push(env: &Env) -> Option<DhlPush> {
    let (account, token) = (env.text("AISLE_DHL_PUSH_ACCOUNT"), push_secret(env, "AISLE_DHL_PUSH_TOKEN"));
    if account.is_some() != token.is_some() {
        env.mistake("AISLE_DHL_PUSH_ACCOUNT and AISLE_DHL_PUSH_TOKEN belong together".to_owned());
    }
    Some(DhlPush { account: account?, token: token? })
}

/// What a courier's messages prove themselves with: it stands in a header, and nobody guesses it.
fn push_secret(env: &Env, name: &str) -> Option<SecretString> {
    let text = env.text(name)?;
    if text.len() < PUSH_SECRET_LENGTH_MIN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        env.mistake(format!(
            "{name} must have {PUSH_SECRET_LENGTH_MIN} characters or more, letters, digits and signs"
        ));
    }
    Some(SecretString::from(text))
}

fn gls(env: &Env) -> Option<GlsSettings> {
    let [base_url, client_id, client_secret, contact_id] = account(env, GLS_NAMES)?;
    if contact_id.len() > 20 {
        env.mistake("AISLE_GLS_CONTACT_ID must have at most 20 characters".to_owned());
    }
    Some(GlsSettings { base_url, client_id, client_secret: SecretString::from(client_secret), contact_id })
}

fn uber(env: &Env) -> Option<UberSettings> {
    let [base_url, customer_id, client_id, client_secret, country, pickup_phone] = account(env, UBER_NAMES)?;
    if !country.is_empty() && !uber::COUNTRIES.contains(&country.as_str()) {
        env.mistake(format!("AISLE_UBER_COUNTRY must be one of {}", uber::COUNTRIES.join(", ")));
    }
    if !pickup_phone.is_empty() && !uber::is_phone(&pickup_phone) {
        env.mistake("AISLE_UBER_PICKUP_PHONE must be + and digits, without spaces".to_owned());
    }
    let name = "AISLE_UBER_PREPARATION_MINUTES";
    let minutes = env.within(name, "a number of minutes", 0..=1_440, PREPARATION_MINUTES);
    Some(UberSettings {
        base_url,
        login_url: env.text("AISLE_UBER_LOGIN_URL").unwrap_or_else(|| "https://login.uber.com".to_owned()),
        customer_id,
        client_id,
        client_secret: SecretString::from(client_secret),
        country,
        pickup_phone,
        preparation: chrono::Duration::minutes(i64::from(minutes)),
        webhook_key: env.text("AISLE_UBER_WEBHOOK_KEY").map(SecretString::from),
    })
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
    let pickup_phone = env.text("AISLE_UPS_PICKUP_PHONE");
    if pickup_phone.as_deref().is_some_and(|phone| !uber::is_phone(phone)) {
        env.mistake("AISLE_UPS_PICKUP_PHONE must be + and digits, without spaces".to_owned());
    }
    Some(UpsSettings {
        base_url,
        client_id,
        client_secret: SecretString::from(client_secret),
        account_number,
        country,
        pickup_phone,
        alert_key: push_secret(env, "AISLE_UPS_ALERT_KEY"),
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
        if let Some(uber) = &settings.uber {
            carriers.push(Arc::new(Uber::new(uber.clone(), http.clone())));
        }
        if let Some(ups) = &settings.ups {
            carriers.push(Arc::new(Ups::new(ups.clone(), http.clone())));
        }
        Self(carriers.into_iter().map(|carrier| (carrier.capabilities().name, carrier)).collect())
    }

    /// Whether any courier can bring goods with these needs there. Asked before a delivery is promised.
    pub fn can_bring(&self, recipient: &Address, needs: Needs) -> Result<(), Unable> {
        let able = self.0.values().map(|carrier| carrier.capabilities());
        let serving: Vec<_> = able.filter(|able| able.serves(recipient)).collect();
        let meeting: Vec<_> = serving.iter().filter(|able| needs.are_met_by(able, recipient)).collect();
        match () {
            () if serving.is_empty() => Err(Unable::Area),
            () if meeting.is_empty() => Err(Unable::Needs),
            () if !meeting.iter().any(|able| able.goes_to(recipient)) => Err(Unable::Phone),
            () => Ok(()),
        }
    }

    /// The courier of a new shipment: of those that serve the recipient's country, or pick-up point, the first by name that goes everywhere in
    /// it and meets the goods' needs, before one that rides near its store only or that lacks the recipient's phone. When none
    /// serves it, the shipment waits for the one that this was first made with, and that shows as trouble.
    pub(super) fn choose(&self, recipient: &Address, needs: Needs) -> &'static str {
        const UNSERVED: &str = "dhl";
        let able = self.0.values().map(|carrier| carrier.capabilities());
        let serving = able.filter(|able| able.serves(recipient));
        serving
            .min_by_key(|able| (!needs.are_met_by(able, recipient), !able.goes_to(recipient), able.is_local))
            .map_or(UNSERVED, |able| able.name)
    }

    /// Whether a courier rides near its store only.
    pub fn is_local(&self, name: &str) -> bool {
        self.find(name).is_some_and(|carrier| carrier.capabilities().is_local)
    }

    /// Whether a courier calls whoever gets the goods: without a phone number it brings nothing.
    pub fn calls_recipients(&self, name: &str) -> bool {
        self.find(name).is_some_and(|carrier| carrier.capabilities().calls_recipients)
    }

    /// What goes with the courier of a delivery, the one that was chosen or else that which `choose` names, in these
    /// cartons. What a courier takes that went out of use is not known any more: then only that parcels can be lifted counts.
    pub fn packing(
        &self,
        chosen: Option<&str>,
        (recipient, needs): (&Address, Needs),
        cartons: Vec<Carton>,
    ) -> Packing {
        match self.find(chosen.unwrap_or_else(|| self.choose(recipient, needs))) {
            Some(carrier) => Packing::new(&carrier.capabilities(), cartons),
            None => Packing::within(LIFTED_GRAMS_MAX, SizeLimits::NONE, cartons),
        }
    }

    /// All of them, by their names.
    pub(super) fn all(&self) -> impl Iterator<Item = &dyn Carrier> {
        self.0.values().map(AsRef::as_ref)
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
        assert!(settings.dhl.is_none() && settings.gls.is_none());
        assert!(settings.uber.is_none() && settings.ups.is_none());
        assert!(env.mistakes().is_empty());
        let env = Env::from_pairs([
            ("AISLE_DHL_URL", "https://api-eu.dhl.com"),
            ("AISLE_DHL_BILLING_NUMBER", "1"),
            ("AISLE_DHL_PUSH_ACCOUNT", "3333333333"),
            ("AISLE_DHL_RETURN_RECEIVER", "deu"),
            ("AISLE_GLS_URL", "gls"),
            ("AISLE_GLS_CONTACT_ID", "276a45fkqM276a45fkqM2"),
            ("AISLE_UBER_COUNTRY", "AQ"),
            ("AISLE_UBER_PICKUP_PHONE", "0228 12345"),
            ("AISLE_UBER_PREPARATION_MINUTES", "9999"),
            ("AISLE_UPS_ACCOUNT_NUMBER", "1"),
            ("AISLE_UPS_ALERT_KEY", "short"),
            ("AISLE_UPS_COUNTRY", "usa"),
            ("AISLE_UPS_PICKUP_PHONE", "0228"),
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
            "AISLE_DHL_RETURN_RECEIVER needs AISLE_DHL_RETURN_BILLING_NUMBER",
            "AISLE_DHL_PUSH_ACCOUNT and AISLE_DHL_PUSH_TOKEN belong together",
            "AISLE_GLS_URL must be a URL",
            "AISLE_GLS_CLIENT_ID is not set",
            "AISLE_GLS_CLIENT_SECRET is not set",
            "AISLE_GLS_CONTACT_ID must have at most 20",
            "AISLE_UBER_URL is not set",
            "AISLE_UBER_CUSTOMER_ID is not set",
            "AISLE_UBER_COUNTRY must be one of DE, ES",
            "AISLE_UBER_PICKUP_PHONE must be + and digits",
            "AISLE_UBER_PREPARATION_MINUTES must be from 0",
            "AISLE_UPS_URL is not set",
            "AISLE_UPS_CLIENT_ID is not set",
            "AISLE_UPS_CLIENT_SECRET is not set",
            "AISLE_UPS_ACCOUNT_NUMBER must have 6",
            "AISLE_UPS_COUNTRY must be two",
            "AISLE_UPS_PICKUP_PHONE must be +",
            "AISLE_UPS_ALERT_KEY must have 32",
            "AISLE_TRACKING_MINUTES",
        ] {
            assert!(mistakes.contains(name), "{name} in {mistakes}");
        }
    }

    #[test]
    fn a_courier_that_goes_everywhere_comes_before_one_that_rides_near_its_store() {
        #[expect(clippy::disallowed_methods, reason = "no app exists here")]
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let ups = UPS_NAMES.map(|name| (name, if name.ends_with("COUNTRY") { "US" } else { "https://a" }));
        let uber = UBER_NAMES.map(|name| (name, if name.ends_with("COUNTRY") { "US" } else { "https://a" }));
        let chosen = |pairs: &[(&'static str, &'static str)], country: &str| {
            let carriers = Carriers::new(&Settings::read(&Env::from_pairs(pairs.iter().copied())), &http);
            let recipient = serde_json::json!({
                "name": "A", "street": "B", "house_number": "1", "postal_code": "10001", "city": "C", "country": country,
            });
            carriers.choose(&serde_json::from_value(recipient).unwrap(), Needs::default())
        };
        assert_eq!(chosen(&[ups.as_slice(), &uber].concat(), "US"), "ups");
        assert_eq!(chosen(&uber, "US"), "uber", "that a phone is missing shows as trouble");
        assert_eq!(chosen(&uber, "DE"), "dhl", "nobody goes there");
    }
}
