//! Tokens of the retailer's own issuer, which is a small server on loopback here.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use aisle::db::Run;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::Duration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::STAFF_ROUTE;
use crate::support::{TestApp, start_of_time};

const ISSUER: &str = "https://id.example/realm";
const AUDIENCE: &str = "shop";

/// An issuer with an EC and an Ed25519 key.
struct Issuer {
    url: String,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
    ec: EncodingKey,
    ed: Ed25519KeyPair,
}

impl Issuer {
    async fn start() -> Self {
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let point = ec.public_key().as_ref();
        let ed = Ed25519KeyPair::generate().expect("a key");
        let [x, y, ed_x] = [&point[1..33], &point[33..65], ed.public_key().as_ref()]
            .map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        let keys = json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "ec", "alg": "ES256", "use": "sig" },
            { "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "encryption", "use": "enc" },
            { "kty": "OKP", "crv": "Ed25519", "x": ed_x, "kid": "ed", "alg": "EdDSA" },
            { "kty": "oct", "k": "c2VjcmV0", "kid": "shared", "alg": "HS256" },
            { "kty": "strange", "kid": "strange" },
        ]});
        let (asked, down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, fails) = (asked.clone(), down.clone());
        let route = axum::routing::get(move || async move {
            count.fetch_add(1, Ordering::SeqCst);
            if fails.load(Ordering::SeqCst) { Err(StatusCode::BAD_GATEWAY) } else { Ok(keys.to_string()) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        #[expect(clippy::disallowed_methods, reason = "ends with the test's own runtime")]
        tokio::spawn(async move { axum::serve(listener, axum::Router::new().route("/jwks", route)).await });
        let ec = EncodingKey::from_ec_der(ec.to_pkcs8v1().expect("DER").as_ref());
        Self { url, asked, down, ec, ed }
    }

    async fn service(&self) -> TestApp {
        TestApp::with(&[
            ("AISLE_OIDC_ISSUER", ISSUER),
            ("AISLE_OIDC_AUDIENCE", AUDIENCE),
            ("AISLE_OIDC_JWKS_URL", &self.url),
            ("AISLE_OIDC_ALGORITHMS", "ES256, EdDSA"),
        ])
        .await
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn token(&self, kid: &str, claims: &Value) -> String {
        let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.ec).expect("encoded")
    }

    /// A token whose claims are this very text.
    fn raw(&self, claims: &str) -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"EdDSA","kid":"ed","typ":"JWT"}"#);
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.ed.sign(message.as_bytes())))
    }
}

fn good() -> Value {
    let expires = (start_of_time() + Duration::hours(10)).timestamp();
    json!({ "iss": ISSUER, "aud": [AUDIENCE, "other"], "sub": "customer-1", "exp": expires, "iat": start_of_time().timestamp() })
}

async fn status(test: &TestApp, token: &str) -> u16 {
    test.get(STAFF_ROUTE).bearer(token).send().await.status.as_u16()
}

#[tokio::test]
async fn a_subject_of_the_issuer_is_one_shopper() {
    let issuer = Issuer::start().await;
    let test = issuer.service().await;
    assert_eq!(status(&test, &issuer.token("ec", &good())).await, 403);
    assert_eq!(status(&test, &issuer.raw(&good().to_string())).await, 403);
    let mut other = good();
    other["sub"] = json!("customer-2");
    assert_eq!(status(&test, &issuer.token("ec", &other)).await, 403);
    assert_eq!(issuer.asked(), 1);
    let (count,): (i64,) =
        test.app.db.sql("SELECT COUNT(*) FROM shoppers").fetch_one().await.expect("counted");
    assert_eq!(count, 2);
    // Guests go on beside them.
    assert_eq!(status(&test, &test.shopper().await.token).await, 403);
}

#[tokio::test]
async fn a_token_that_is_not_for_us_is_refused() {
    let issuer = Issuer::start().await;
    let test = issuer.service().await;
    let now = start_of_time().timestamp();
    for (name, value) in [
        ("iss", json!("https://id.example/other")),
        ("iss", json!("https://id.example/realm/")),
        ("aud", json!("other")),
        ("aud", Value::Null),
        ("exp", json!(now - 31)),
        ("exp", json!("2027-01-01")),
        ("exp", json!(now.to_string())),
        ("exp", Value::Null),
        ("exp", json!(1e12)),
        ("nbf", json!(now + 31)),
        ("nbf", json!("x")),
        ("sub", json!("")),
        ("sub", Value::Null),
        ("sub", json!(7)),
        ("sub", json!("x".repeat(256))),
    ] {
        let mut claims = good();
        claims[name] = value.clone();
        assert_eq!(status(&test, &issuer.token("ec", &claims)).await, 401, "{name} {value}");
    }
    let expires = now + 60;
    let whole = good().to_string();
    let doubled = [
        whole.replacen('{', &format!(r#"{{"exp":{expires},"#), 1),
        whole.replacen('{', r#"{"sub":"customer-9","#, 1),
        whole.replacen('{', r#"{"iss":"https://other.example","#, 1),
        format!("{whole} more"),
        format!("[{whole}]"),
        String::new(),
    ];
    for claims in doubled {
        assert_eq!(status(&test, &issuer.raw(&claims)).await, 401, "{claims}");
    }
    // A key for encryption, a shared secret, a key of another kind, another type, an algorithm that is not set.
    assert_eq!(status(&test, &issuer.token("encryption", &good())).await, 401);
    assert_eq!(status(&test, &issuer.token("ed", &good())).await, 401);
    let secret = EncodingKey::from_secret(b"secret");
    let header = Header { kid: Some("shared".to_owned()), ..Header::new(Algorithm::HS256) };
    assert_eq!(status(&test, &jsonwebtoken::encode(&header, &good(), &secret).expect("encoded")).await, 401);
    let header = Header {
        kid: Some("ec".to_owned()),
        typ: Some("logout+jwt".to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    assert_eq!(
        status(&test, &jsonwebtoken::encode(&header, &good(), &issuer.ec).expect("encoded")).await,
        401
    );
    assert_eq!(status(&test, &issuer.token("ec", &good())).await, 403);
}

#[tokio::test]
async fn the_issuer_is_asked_once_a_minute_whatever_comes() {
    let issuer = Issuer::start().await;
    let test = issuer.service().await;
    for number in 0..20 {
        assert_eq!(status(&test, &issuer.token(&format!("unknown-{number}"), &good())).await, 401);
    }
    assert_eq!(issuer.asked(), 1);
    test.advance(Duration::seconds(60));
    for number in 0..5 {
        assert_eq!(status(&test, &issuer.token(&format!("later-{number}"), &good())).await, 401);
    }
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn keys_in_hand_go_on_while_the_issuer_is_down() {
    let issuer = Issuer::start().await;
    let test = issuer.service().await;
    issuer.down.store(true, Ordering::SeqCst);
    assert_eq!(status(&test, &issuer.token("ec", &good())).await, 401);
    issuer.down.store(false, Ordering::SeqCst);
    test.advance(Duration::minutes(1));
    assert_eq!(status(&test, &issuer.token("ec", &good())).await, 403);
    issuer.down.store(true, Ordering::SeqCst);
    test.advance(Duration::hours(2));
    let mut other = good();
    other["sub"] = json!("customer-3");
    assert_eq!(status(&test, &issuer.token("ec", &other)).await, 403);
    assert_eq!(issuer.asked(), 3);
}
