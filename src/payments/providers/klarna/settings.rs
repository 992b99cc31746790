//! Klarna's settings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::env::Env;
use crate::money::Currency;
use crate::payments::providers::is_loopback;

/// Klarna's settings. Klarna is offered when they are set; setting only some of those that are needed is a mistake.
///
/// - `AISLE_KLARNA_URL`: the region's address, such as `https://api.klarna.com` or `https://api.playground.klarna.com`; plain
///   `http` only for a sandbox on this machine.
/// - `AISLE_KLARNA_API_KEY`, or `AISLE_KLARNA_USERNAME` with `AISLE_KLARNA_PASSWORD`: the merchant's credentials.
/// - `AISLE_KLARNA_COUNTRY`, `AISLE_KLARNA_CURRENCY`: where shoppers buy, and in what, when neither they nor the store say.
/// - `AISLE_KLARNA_LOCALE` (optional): the language of Klarna's pages with the region; English when left out.
/// - `AISLE_KLARNA_CHANNEL` (optional): `ECOMMERCE` (when left out), `IN_STORE` or `TELESALES`, as the contract says.
/// - `AISLE_KLARNA_SESSION_LIMIT`, `AISLE_KLARNA_CALL_LIMIT` (optional): how many sessions a second Klarna lets the merchant
///   begin, and how many other calls it takes; 40 and 200 when left out, 5 and 50 at the playground. Where several instances
///   run, each gets its share.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) url: Url,
    /// What the header `Authorization` says.
    pub(super) authorization: SecretString,
    pub(super) country: String,
    pub(super) currency: Currency,
    pub(super) locale: String,
    pub(super) channel: &'static str,
    pub(super) session_limit: u32,
    pub(super) call_limit: u32,
}

const URL: &str = "AISLE_KLARNA_URL";
const API_KEY: &str = "AISLE_KLARNA_API_KEY";
const USERNAME: &str = "AISLE_KLARNA_USERNAME";
const PASSWORD: &str = "AISLE_KLARNA_PASSWORD";
const COUNTRY: &str = "AISLE_KLARNA_COUNTRY";
const CURRENCY: &str = "AISLE_KLARNA_CURRENCY";
const LOCALE: &str = "AISLE_KLARNA_LOCALE";
const CHANNEL: &str = "AISLE_KLARNA_CHANNEL";
const SESSION_LIMIT: &str = "AISLE_KLARNA_SESSION_LIMIT";
const CALL_LIMIT: &str = "AISLE_KLARNA_CALL_LIMIT";
const ALL: [&str; 10] =
    [URL, API_KEY, USERNAME, PASSWORD, COUNTRY, CURRENCY, LOCALE, CHANNEL, SESSION_LIMIT, CALL_LIMIT];
const CHANNELS: [&str; 3] = ["ECOMMERCE", "IN_STORE", "TELESALES"];

impl Settings {
    /// Reads the settings; nothing when none is set.
    pub fn read(env: &Env) -> Option<Self> {
        if ALL.iter().all(|name| env.text(name).is_none()) {
            return None;
        }
        for name in [URL, COUNTRY, CURRENCY] {
            if env.text(name).is_none() {
                env.mistake(format!("{name} is not set, but other settings of Klarna are"));
            }
        }
        let authorization = authorization(env);
        let url: Option<Url> = env.parsed(URL, "a URL");
        let is_plain = |url: &Url| url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(url));
        if url.as_ref().is_some_and(is_plain) {
            env.mistake(format!("{URL} must begin with https:// (http:// only for this machine)"));
        }
        let country = env.text(COUNTRY).unwrap_or_default();
        if env.text(COUNTRY).is_some() && !is_country(&country) {
            env.mistake(format!("{COUNTRY} must be two capital letters, such as DE"));
        }
        let locale = env.text(LOCALE).unwrap_or_else(|| format!("en-{country}"));
        if env.text(LOCALE).is_some() && !locale.split_once('-').is_some_and(|(_, region)| is_country(region))
        {
            env.mistake(format!("{LOCALE} must be a language and a region, such as de-DE"));
        }
        let channel = env.text(CHANNEL).unwrap_or_else(|| CHANNELS[0].to_owned());
        let channel = CHANNELS.into_iter().find(|each| *each == channel);
        if channel.is_none() {
            env.mistake(format!("{CHANNEL} must be one of {}", CHANNELS.join(", ")));
        }
        let currency: Option<Currency> = env.parsed(CURRENCY, "a currency of ISO 4217");
        let url = url?;
        let is_playground = url.host_str().is_some_and(|host| host.contains("playground"));
        let limit = |name: &str, usual: u32| {
            let limit = env.parsed_or(name, "a whole number", usual);
            if limit == 0 {
                env.mistake(format!("{name} must be above 0"));
            }
            limit.max(1)
        };
        Some(Self {
            session_limit: limit(SESSION_LIMIT, if is_playground { 5 } else { 40 }),
            call_limit: limit(CALL_LIMIT, if is_playground { 50 } else { 200 }),
            authorization: authorization?,
            country,
            currency: currency?,
            locale,
            channel: channel?,
            url,
        })
    }
}

/// HTTP Basic: a key as it is, or a name with a password.
fn authorization(env: &Env) -> Option<SecretString> {
    let (key, name, password) = (env.secret(API_KEY), env.text(USERNAME), env.secret(PASSWORD));
    match (key, name, password) {
        (Some(key), None, None) => Some(format!("Basic {}", key.expose_secret()).into()),
        (None, Some(name), Some(password)) => {
            let pair = format!("{name}:{}", password.expose_secret());
            Some(format!("Basic {}", STANDARD.encode(pair)).into())
        }
        _ => {
            env.mistake(format!("either {API_KEY} must be set, or {USERNAME} and {PASSWORD}"));
            None
        }
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        (URL, "https://api.playground.klarna.com"),
        (API_KEY, "klarna_test_api_x"),
        (COUNTRY, "DE"),
        (CURRENCY, "EUR"),
    ];

    fn with(changes: &[(&'static str, &'static str)]) -> Env {
        let others = GOOD.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        Env::from_pairs(others.chain(changes).copied().filter(|(_, value)| !value.is_empty()))
    }

    #[test]
    fn klarna_is_absent_when_nothing_is_set_and_a_mistake_when_a_part_is() {
        assert!(Settings::read(&Env::default()).is_none());
        for (name, value) in [
            (URL, ""),
            (URL, "http://example.com"),
            (API_KEY, ""),
            (USERNAME, "K1"),
            (COUNTRY, ""),
            (COUNTRY, "Germany"),
            (CURRENCY, ""),
            (CURRENCY, "euro"),
            (LOCALE, "german"),
            (CHANNEL, "MAIL"),
            (CALL_LIMIT, "0"),
        ] {
            let env = with(&[(name, value)]);
            let _ = Settings::read(&env);
            assert!(!env.mistakes().is_empty(), "{name}={value}");
        }
    }

    #[test]
    fn both_kinds_of_credentials_are_taken() {
        let env = with(&[]);
        let settings = Settings::read(&env).expect("settings");
        assert!(env.mistakes().is_empty());
        assert_eq!(settings.authorization.expose_secret(), "Basic klarna_test_api_x");
        assert_eq!((settings.session_limit, settings.call_limit), (5, 50));
        assert_eq!((settings.locale.as_str(), settings.channel), ("en-DE", "ECOMMERCE"));
        let env = with(&[(API_KEY, ""), (USERNAME, "K1"), (PASSWORD, "secret")]);
        let settings = Settings::read(&env).expect("settings");
        assert_eq!(settings.authorization.expose_secret(), "Basic SzE6c2VjcmV0");
    }
}
