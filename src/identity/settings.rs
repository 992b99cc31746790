//! What the retailer sets: the master key, how often keys change, and its own OIDC issuer.

use std::path::PathBuf;

use jsonwebtoken::Algorithm;
use secrecy::SecretString;
use url::{Host, Url};

use super::seal::Master;
use crate::env::Env;

/// Settings of the room.
///
/// | variable | meaning |
/// | --- | --- |
/// | `AISLE_MASTER_KEY` | 32 bytes in base64 that seal what is secret in the database: signing keys, links of accounts, subscribers' secrets. Needed on PostgreSQL; on SQLite a key is otherwise made once in a file beside the database (`….key`, mode 0600) |
/// | `AISLE_MASTER_KEYS_BEFORE` | earlier master keys, by comma: they open what they sealed and seal nothing new |
/// | `AISLE_KEY_ROTATION_DAYS` | days that a key signs before the next one does (1 to 366, default 30) |
/// | `AISLE_OIDC_ISSUER`, `AISLE_OIDC_AUDIENCE`, `AISLE_OIDC_JWKS_URL` | the retailer's own issuer of shoppers' tokens; all three or none |
/// | `AISLE_OIDC_ALGORITHMS` | what that issuer signs with, of RS256, ES256, EdDSA, separated by commas (default RS256) |
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who issues our tokens, and whom a device's proof is for: `AISLE_PUBLIC_URL` without a slash at the end.
    pub issuer: String,
    /// What seals the signing keys.
    pub master_key: MasterKey,
    /// Earlier master keys, which still open what they sealed.
    pub master_keys_before: Vec<SecretString>,
    /// How long a key signs.
    pub key_rotation: chrono::Duration,
    /// The retailer's own issuer.
    pub oidc: Option<OidcSettings>,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKey {
    /// It was given.
    Given(SecretString),
    /// It is in this file, which is made when it is not there.
    File(PathBuf),
}

impl MasterKey {
    /// Where the key comes from, for people; never the key.
    pub fn describe(&self) -> String {
        match self {
            Self::Given(_) => "given by AISLE_MASTER_KEY".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }
}

/// The retailer's own issuer of tokens.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// The `iss` of its tokens, letter by letter.
    pub issuer: String,
    /// The `aud` that its tokens for us have.
    pub audience: String,
    /// Where its keys are.
    pub jwks_url: Url,
    /// What it signs with.
    pub algorithms: Vec<Algorithm>,
}

impl Settings {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        let bind = env.text("AISLE_BIND").unwrap_or_else(|| "127.0.0.1:8080".to_owned());
        let public_url = env.text("AISLE_PUBLIC_URL").unwrap_or_else(|| format!("http://{bind}"));
        Self {
            // The same form that Config keeps: a URL as its parser writes it.
            issuer: Url::parse(&public_url).map_or(public_url, String::from).trim_end_matches('/').to_owned(),
            master_key: master_key(env),
            master_keys_before: master_keys_before(env),
            key_rotation: chrono::Duration::days(env.within(
                "AISLE_KEY_ROTATION_DAYS",
                "a number of days",
                1..=366,
                30,
            )),
            oidc: oidc(env),
        }
    }
}

fn master_key(env: &Env) -> MasterKey {
    if let Some(text) = env.secret("AISLE_MASTER_KEY") {
        if let Err(error) = Master::parse(&text) {
            env.mistake(format!("AISLE_MASTER_KEY: {error}"));
        }
        return MasterKey::Given(text);
    }
    if env.text("DATABASE_URL").is_some() {
        env.mistake(
            "AISLE_MASTER_KEY is not set: all instances on one PostgreSQL need the same key (openssl rand -base64 32)".to_owned(),
        );
    }
    let database = env.text("AISLE_DATABASE_FILE").unwrap_or_else(|| "aisle-data/aisle.db".to_owned());
    MasterKey::File(format!("{database}.key").into())
}

fn master_keys_before(env: &Env) -> Vec<SecretString> {
    let text = env.text("AISLE_MASTER_KEYS_BEFORE").unwrap_or_default();
    let keys = text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(SecretString::from);
    keys.inspect(|key| {
        if let Err(error) = Master::parse(key) {
            env.mistake(format!("AISLE_MASTER_KEYS_BEFORE: {error}"));
        }
    })
    .collect()
}

fn oidc(env: &Env) -> Option<OidcSettings> {
    const NAMES: [&str; 3] = ["AISLE_OIDC_ISSUER", "AISLE_OIDC_AUDIENCE", "AISLE_OIDC_JWKS_URL"];
    if NAMES.iter().all(|name| env.text(name).is_none()) {
        return None;
    }
    let [issuer, audience, _] = NAMES.map(|name| env.required(name));
    let jwks_url: Url = env.parsed("AISLE_OIDC_JWKS_URL", "a URL")?;
    if jwks_url.scheme() != "https" && !is_loopback(&jwks_url) {
        env.mistake("AISLE_OIDC_JWKS_URL must begin with https://".to_owned());
    }
    let names = env.text("AISLE_OIDC_ALGORITHMS").unwrap_or_else(|| "RS256".to_owned());
    let algorithms = names.split(',').filter_map(|name| {
        let algorithm = match name.trim() {
            "RS256" => Some(Algorithm::RS256),
            "ES256" => Some(Algorithm::ES256),
            "EdDSA" => Some(Algorithm::EdDSA),
            _ => None,
        };
        if algorithm.is_none() {
            env.mistake("AISLE_OIDC_ALGORITHMS may name RS256, ES256 and EdDSA".to_owned());
        }
        algorithm
    });
    Some(OidcSettings { issuer, audience, jwks_url, algorithms: algorithms.collect() })
}

/// Keys fetched without TLS could be anybody's, except on this very machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_needs_a_master_key_and_a_half_named_issuer_is_a_mistake() {
        let env = Env::from_pairs([
            ("DATABASE_URL", "postgres://db/aisle"),
            ("AISLE_OIDC_ISSUER", "https://id.example"),
            ("AISLE_OIDC_JWKS_URL", "http://id.example/jwks"),
            ("AISLE_OIDC_ALGORITHMS", "HS256"),
        ]);
        Settings::read(&env);
        let mistakes = env.mistakes().join("\n");
        for name in [
            "AISLE_MASTER_KEY is not set",
            "AISLE_OIDC_AUDIENCE is not set",
            "https://",
            "AISLE_OIDC_ALGORITHMS",
        ] {
            assert!(mistakes.contains(name), "{name} in {mistakes}");
        }
    }

    #[test]
    fn sqlite_keeps_its_key_beside_the_database() {
        let env = Env::from_pairs([
            ("AISLE_DATABASE_FILE", "/x/shop.db"),
            ("AISLE_PUBLIC_URL", "https://shop.example/"),
        ]);
        let settings = Settings::read(&env);
        assert!(matches!(settings.master_key, MasterKey::File(path) if path.as_os_str() == "/x/shop.db.key"));
        assert_eq!(settings.issuer, "https://shop.example");
        assert!(env.mistakes().is_empty());
    }
}
