//! What is no token, and how signing keys change.

use aisle::app::App;
use aisle::clock::Clock;
use aisle::identity::{KEY_LEAD, TOKEN_LIFE_MAX};
use aisle::random::Random;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Duration;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::{STAFF_ROUTE, claims};
use crate::support::TestApp;

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Tokens that differ from a good one in one thing each.
fn malformed(good: &str, jku: &str) -> Vec<(String, String)> {
    let (head, rest) = good.split_once('.').expect("a header");
    let (body, signature) = rest.split_once('.').expect("claims");
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(head).expect("base64url")).expect("JSON");
    let claims = claims(good);
    let mut tokens: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| tokens.push((what.to_owned(), token));
    // Its parts.
    add("no signature", format!("{head}.{body}."));
    add("two parts", format!("{head}.{body}"));
    add("four parts", format!("{good}.{signature}"));
    add("padded", format!("{good}=="));
    add("another's signature", format!("{head}.{body}.{}", URL_SAFE_NO_PAD.encode([7_u8; 64])));
    add("a short signature", format!("{head}.{body}.{}", &signature[..40]));
    add("only dots", "..".to_owned());
    add("a word", "token".to_owned());
    add("an empty header", format!(".{body}.{signature}"));
    add("too long", format!("{head}.{}.{signature}", "A".repeat(9000)));
    let mut changed = claims.clone();
    changed["sub"] = json!(uuid::Uuid::from_u128(5));
    add("another subject", format!("{head}.{}.{signature}", part(&changed)));
    // Its header.
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("HS256")),
        ("alg", json!("RS256")),
        ("alg", json!("")),
        ("kid", json!("../../../dev/null")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", Value::Null),
        ("kid", json!(7)),
        ("typ", json!("JWT")),
        ("typ", json!("pass+jwt")),
        ("typ", Value::Null),
        ("jku", json!(jku)),
        ("x5u", json!(jku)),
        ("crit", json!(["exp"])),
    ] {
        let mut header = header.clone();
        header[name] = value.clone();
        add(&format!("{name} {value}"), format!("{}.{body}.{signature}", part(&header)));
        add(&format!("{name} {value}, unsigned"), format!("{}.{body}.", part(&header)));
    }
    tokens
}

/// Tokens with a signature that one could fall for, and yet no access tokens.
async fn misused(test: &TestApp, good: &str) -> Vec<(String, String)> {
    let claims = claims(good);
    let mut tokens: Vec<(String, String)> = Vec::new();
    let mut add = |what: &str, token: String| tokens.push((what.to_owned(), token));
    // Signed with our public key as if it were a shared secret.
    let keys = test.get("/.well-known/jwks.json").send().await.expect(200);
    let public = URL_SAFE_NO_PAD.decode(keys.text("/keys/0/x")).expect("base64url");
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(keys.text("/keys/0/kid").to_owned()),
        ..Header::new(Algorithm::HS256)
    };
    let forged = jsonwebtoken::encode(&header, &claims, &EncodingKey::from_secret(&public)).expect("encoded");
    add("the public key as a secret", forged);
    // Signed by us, and yet no access token.
    let now = test.app.clock.now().timestamp();
    for (name, value) in [
        ("iss", json!("https://other.example")),
        ("iss", Value::Null),
        ("iss", json!([claims["iss"]])),
        ("aud", json!("aisle:gate")),
        ("aud", Value::Null),
        ("aud", json!([])),
        ("aud", json!(["aisle:shopper", "aisle:staff"])),
        ("aud", json!("aisle:staff")),
        ("exp", json!(now - 31)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("nbf", json!(now + 31)),
        ("nbf", json!("now")),
        ("nbf", json!(1e300)),
        ("iat", json!(now + 3600)),
        ("iat", json!("now")),
        ("sub", json!("not an id")),
        ("sub", Value::Null),
        ("sub", json!(uuid::Uuid::from_u128(9))),
        ("sid", Value::Null),
        ("sid", json!(uuid::Uuid::from_u128(9))),
        ("jti", Value::Null),
    ] {
        let mut claims = claims.clone();
        claims[name] = value.clone();
        let token = test.app.identity.sign(&test.app, "at+jwt", &claims).await.expect("signed");
        add(&format!("{name} {value}"), token);
    }
    let pass = test.app.identity.sign(&test.app, "pass+jwt", &claims).await.expect("signed");
    add("a pass", pass);
    tokens
}

#[tokio::test]
async fn what_is_no_access_token_is_refused() {
    let test = TestApp::new().await;
    let shopper = test.shopper().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let jku = format!("http://{}/keys", listener.local_addr().expect("an address"));
    let mut tokens = malformed(&shopper.token, &jku);
    tokens.extend(misused(&test, &shopper.token).await);
    assert!(tokens.len() >= 60, "{}", tokens.len());
    for (what, token) in tokens {
        let answer = test.get(STAFF_ROUTE).bearer(&token).send().await;
        assert_eq!(answer.status.as_u16(), 401, "{what}");
        assert_eq!(answer.json["code"], "unauthenticated", "{what}");
    }
    // Nobody came to fetch keys from where a token said they were.
    assert!(futures_util::FutureExt::now_or_never(listener.accept()).is_none());
    test.get(STAFF_ROUTE).bearer(&shopper.token).send().await.expect(403);
}

#[tokio::test]
async fn a_token_is_taken_from_one_header_only() {
    let test = TestApp::new().await;
    let token = test.shopper().await.token;
    let bearer = format!("Bearer {token}");
    test.get(STAFF_ROUTE).header("authorization", &bearer).send().await.expect(403);
    test.get(STAFF_ROUTE).header("authorization", &format!("bearer {token}")).send().await.expect(403);
    test.get(&format!("{STAFF_ROUTE}?access_token={token}")).send().await.problem(401, "unauthenticated");
    for header in [token.as_str(), "Bearer", "Bearer ", "Basic dTpw"] {
        test.get(STAFF_ROUTE).header("authorization", header).send().await.problem(401, "unauthenticated");
    }
    let twice = test.get(STAFF_ROUTE).header("authorization", &bearer).header("authorization", &bearer);
    twice.send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn nothing_is_signed_that_has_no_near_end() {
    let test = TestApp::new().await;
    let far = (test.app.clock.now() + TOKEN_LIFE_MAX + Duration::seconds(1)).timestamp();
    for claims in [json!({}), json!({ "exp": far }), json!({ "exp": "soon" })] {
        assert!(test.app.identity.sign(&test.app, "pass+jwt", &claims).await.is_err());
    }
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_ran_out() {
    let test = TestApp::new().await;
    let published = async || -> Vec<String> {
        let answer = test.get("/.well-known/jwks.json").send().await.expect(200);
        assert_eq!(answer.headers["cache-control"], "public, max-age=300");
        answer.json["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .map(|key| key["kid"].as_str().expect("kid").to_owned())
            .collect()
    };
    let kid = |token: &str| jsonwebtoken::decode_header(token).expect("a header").kid.expect("kid");
    let old = published().await;
    assert_eq!(old.len(), 1);
    let (new, _) = test.app.identity.rotate_keys(test.app.clock.now()).await.expect("rotated");
    let (same, _) = test.app.identity.rotate_keys(test.app.clock.now()).await.expect("rotated");
    assert_eq!(new, same);
    assert_eq!(published().await, [old[0].clone(), new.clone()]);
    assert_eq!(kid(&test.shopper().await.token), old[0]);
    test.advance(KEY_LEAD - Duration::minutes(1));
    let last_of_old = test.shopper().await.token;
    assert_eq!(kid(&last_of_old), old[0]);
    test.advance(Duration::minutes(2));
    assert_eq!(kid(&test.shopper().await.token), new);
    // A token that the old key signed is good to its end.
    test.get(STAFF_ROUTE).bearer(&last_of_old).send().await.expect(403);
    assert_eq!(published().await.len(), 2);
    test.advance(TOKEN_LIFE_MAX);
    assert_eq!(published().await, [new]);
}

#[tokio::test]
async fn a_key_that_signed_long_enough_is_followed_by_the_next() {
    let test = TestApp::with(&[("AISLE_KEY_ROTATION_DAYS", "1")]).await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..6 {
        let keys = test.get("/.well-known/jwks.json").send().await.expect(200);
        let keys = keys.json["keys"].as_array().expect("keys").clone();
        assert!(keys.len() <= 2);
        seen.extend(keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()));
        test.shopper().await;
        test.advance(Duration::hours(13));
    }
    assert!(seen.len() >= 3, "{seen:?}");
}

#[tokio::test]
async fn instances_share_their_keys() {
    let test = TestApp::new().await;
    let elsewhere = test.another().await;
    elsewhere.app.identity.rotate_keys(test.app.clock.now()).await.expect("rotated");
    // Signed by a key that this instance has not seen yet; both have one clock, which the lead has not passed here.
    test.advance(KEY_LEAD);
    let token = elsewhere.shopper().await.token;
    test.get(STAFF_ROUTE).bearer(&token).send().await.expect(403);
}

#[tokio::test]
async fn private_keys_are_useless_without_the_master_key() {
    let test = TestApp::new().await;
    let mut config = test.app.config.clone();
    config.identity.master_key = aisle::identity::MasterKey::Given(STANDARD.encode([9_u8; 32]).into());
    let opened =
        App::over(test.app.db.clone(), config, Clock::manual(test.app.clock.now()), Random::seeded(8)).await;
    let message = opened.expect_err("another master key").to_string();
    assert!(message.contains("another master key"), "{message}");
}
