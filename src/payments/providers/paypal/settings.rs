//! PayPal's settings.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use secrecy::SecretString;
use url::Url;

use crate::env::Env;
use crate::payments::providers::is_loopback;

/// PayPal's settings. PayPal is offered when they are set; setting only some of the first four is a mistake.
///
/// - `AISLE_PAYPAL_URL`: `https://api-m.paypal.com` or `https://api-m.sandbox.paypal.com`; plain `http` only for a
///   sandbox on this machine.
/// - `AISLE_PAYPAL_CLIENT_ID`, `AISLE_PAYPAL_CLIENT_SECRET`: the credentials of the merchant's app.
/// - `AISLE_PAYPAL_WEBHOOK_ID`: the id of the subscription whose events come here.
/// - `AISLE_PAYPAL_WEBHOOK_ROOTS` (optional): PEM certificates that the certificate of webhooks must lead to; without
///   it the roots of the system.
/// - `AISLE_PAYPAL_CERT_HOSTS` (optional): hosts that the certificate of webhooks may be fetched from, by comma, with a
///   port when it is not the usual one; without it PayPal's own.
/// - `AISLE_PAYPAL_WEBHOOK_CHECK` (optional): `offline` (the default) checks webhooks here, `online` has PayPal check each.
/// - `AISLE_PAYPAL_SOFT_DESCRIPTOR` (optional): up to 22 characters that the payer's statement shows beside PayPal's own.
/// - `AISLE_PAYPAL_USAGE_PATTERN`, `AISLE_PAYPAL_LATER_USAGE_PATTERN` (optional): what PayPal is told of debits of a saved account
///   while the shopper is there (`IMMEDIATE`) and of those that are made good for later (`UNSCHEDULED_POSTPAID`). Ask PayPal.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) url: Url,
    pub(super) client_id: String,
    pub(super) client_secret: SecretString,
    pub(super) webhook_id: String,
    /// Roots that the certificate of webhooks must lead to; nothing for the system's.
    pub(super) webhook_roots: Option<Arc<Vec<CertificateDer<'static>>>>,
    /// `host` or `host:port`, in lower case.
    pub(super) certificate_hosts: Vec<String>,
    /// Whether PayPal itself checks webhooks.
    pub(super) checks_online: bool,
    /// What statements show.
    pub(super) soft_descriptor: Option<String>,
    /// How debits of saved accounts are used: with the shopper there, and later.
    pub(super) usage_patterns: [String; 2],
}

const REQUIRED: [&str; 4] =
    ["AISLE_PAYPAL_URL", "AISLE_PAYPAL_CLIENT_ID", "AISLE_PAYPAL_CLIENT_SECRET", "AISLE_PAYPAL_WEBHOOK_ID"];
const OPTIONAL: [&str; 6] = [
    "AISLE_PAYPAL_WEBHOOK_ROOTS",
    "AISLE_PAYPAL_CERT_HOSTS",
    "AISLE_PAYPAL_WEBHOOK_CHECK",
    "AISLE_PAYPAL_SOFT_DESCRIPTOR",
    "AISLE_PAYPAL_USAGE_PATTERN",
    "AISLE_PAYPAL_LATER_USAGE_PATTERN",
];
/// What `stored_credential.usage_pattern` may be.
const USAGE_PATTERNS: [&str; 12] = [
    "IMMEDIATE",
    "DEFERRED",
    "RECURRING_PREPAID",
    "RECURRING_POSTPAID",
    "THRESHOLD_PREPAID",
    "THRESHOLD_POSTPAID",
    "SUBSCRIPTION_PREPAID",
    "SUBSCRIPTION_POSTPAID",
    "UNSCHEDULED_PREPAID",
    "UNSCHEDULED_POSTPAID",
    "INSTALLMENT_PREPAID",
    "INSTALLMENT_POSTPAID",
];
/// Longest text that statements show.
const SOFT_DESCRIPTOR_MAX: usize = 22;
/// Where PayPal serves the certificates of its webhooks.
const LIVE_HOSTS: [&str; 2] = ["api.paypal.com", "api-m.paypal.com"];
const SANDBOX_HOSTS: [&str; 2] = ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"];

impl Settings {
    /// Reads the settings; nothing when none is set.
    pub fn read(env: &Env) -> Option<Self> {
        if REQUIRED.iter().chain(&OPTIONAL).all(|name| env.text(name).is_none()) {
            return None;
        }
        for name in REQUIRED.iter().filter(|name| env.text(name).is_none()) {
            env.mistake(format!("{name} is not set, but other settings of PayPal are"));
        }
        let url: Url = env.parsed("AISLE_PAYPAL_URL", "a URL")?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            env.mistake(
                "AISLE_PAYPAL_URL must begin with https:// (http:// only for this machine)".to_owned(),
            );
        }
        let hosts = env.text("AISLE_PAYPAL_CERT_HOSTS").map_or_else(
            || usual_hosts(&url),
            |text| {
                text.split(',')
                    .map(|host| host.trim().to_ascii_lowercase())
                    .filter(|host| !host.is_empty())
                    .collect()
            },
        );
        let webhook_roots = env.text("AISLE_PAYPAL_WEBHOOK_ROOTS").map(|text| {
            let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
            let roots = read.unwrap_or_default();
            if roots.is_empty() {
                env.mistake("AISLE_PAYPAL_WEBHOOK_ROOTS must hold certificates in PEM".to_owned());
            }
            Arc::new(roots)
        });
        Some(Self {
            url,
            client_id: env.text("AISLE_PAYPAL_CLIENT_ID")?,
            client_secret: env.secret("AISLE_PAYPAL_CLIENT_SECRET")?,
            webhook_id: env.text("AISLE_PAYPAL_WEBHOOK_ID")?,
            webhook_roots,
            certificate_hosts: hosts,
            checks_online: checks_online(env),
            soft_descriptor: soft_descriptor(env),
            usage_patterns: [
                usage_pattern(env, "AISLE_PAYPAL_USAGE_PATTERN", "IMMEDIATE"),
                usage_pattern(env, "AISLE_PAYPAL_LATER_USAGE_PATTERN", "UNSCHEDULED_POSTPAID"),
            ],
        })
    }
}

fn checks_online(env: &Env) -> bool {
    match env.text("AISLE_PAYPAL_WEBHOOK_CHECK").as_deref() {
        None | Some("offline") => false,
        Some("online") => true,
        Some(_) => {
            env.mistake("AISLE_PAYPAL_WEBHOOK_CHECK must be offline or online".to_owned());
            false
        }
    }
}

fn soft_descriptor(env: &Env) -> Option<String> {
    let text = env.text("AISLE_PAYPAL_SOFT_DESCRIPTOR")?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || " .-*".contains(character);
    if text.len() > SOFT_DESCRIPTOR_MAX || !text.chars().all(is_plain) {
        env.mistake(format!(
            "AISLE_PAYPAL_SOFT_DESCRIPTOR must have at most {SOFT_DESCRIPTOR_MAX} letters, digits, blanks and .-*"
        ));
    }
    Some(text)
}

fn usage_pattern(env: &Env, name: &str, usual: &str) -> String {
    let text = env.text(name).unwrap_or_else(|| usual.to_owned());
    if !USAGE_PATTERNS.contains(&text.as_str()) {
        env.mistake(format!("{name} must be one of {}", USAGE_PATTERNS.join(", ")));
    }
    text
}

fn usual_hosts(url: &Url) -> Vec<String> {
    let is_sandbox = url.host_str().is_some_and(|host| host.ends_with(".sandbox.paypal.com"));
    let hosts = if is_sandbox { SANDBOX_HOSTS } else { LIVE_HOSTS };
    hosts.iter().map(|host| (*host).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_optional_is_checked_too() {
        let with = |name: &'static str, value: &'static str| {
            let env = Env::from_pairs([
                ("AISLE_PAYPAL_URL", "https://api-m.paypal.com"),
                ("AISLE_PAYPAL_CLIENT_ID", "x"),
                ("AISLE_PAYPAL_CLIENT_SECRET", "x"),
                ("AISLE_PAYPAL_WEBHOOK_ID", "x"),
                (name, value),
            ]);
            let settings = Settings::read(&env).expect("settings");
            (settings, env.mistakes().len())
        };
        let (settings, mistakes) = with("AISLE_PAYPAL_WEBHOOK_CHECK", "online");
        assert!(settings.checks_online && mistakes == 0);
        assert_eq!(settings.usage_patterns, ["IMMEDIATE", "UNSCHEDULED_POSTPAID"]);
        for (name, wrong) in [
            ("AISLE_PAYPAL_WEBHOOK_CHECK", "never"),
            ("AISLE_PAYPAL_SOFT_DESCRIPTOR", "more than twenty-two letters"),
            ("AISLE_PAYPAL_USAGE_PATTERN", "WHENEVER"),
        ] {
            assert_eq!(with(name, wrong).1, 1, "{name}");
        }
    }

    #[test]
    fn paypal_is_absent_when_nothing_is_set_and_a_mistake_when_a_part_is() {
        let none = Env::default();
        assert!(Settings::read(&none).is_none());
        assert!(none.mistakes().is_empty());
        let part =
            Env::from_pairs([("AISLE_PAYPAL_URL", "http://example.com"), ("AISLE_PAYPAL_CLIENT_ID", "x")]);
        assert!(Settings::read(&part).is_none());
        let mistakes = part.mistakes().join("\n");
        assert!(
            mistakes.contains("CLIENT_SECRET")
                && mistakes.contains("WEBHOOK_ID")
                && mistakes.contains("https://")
        );
    }
}
