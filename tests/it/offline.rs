//! Catalogues for phones without a network: what they say, who signed them, and that changes add up.

use aisle::identity::Scope;
use aisle::ids::StoreId;
use chrono::Duration;
use reqwest::header::{CACHE_CONTROL, ETAG};
use serde_json::{Value, json};

use crate::support::catalog::{BREAD, MILK, STORE, STORE_WITH_OWN_PRICES, WINE, price};
use crate::support::phone::{Phone, unpacked, verified};
use crate::support::{Answer, TestApp};

async fn whole(test: &TestApp, token: &str, store: &str) -> Answer {
    test.get(&format!("/v1/stores/{store}/catalog")).bearer(token).send().await
}

async fn changes(test: &TestApp, token: &str, store: &str, since: i64) -> Answer {
    test.get(&format!("/v1/stores/{store}/catalog/changes?since={since}")).bearer(token).send().await
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers[name].to_str().expect("a text").to_owned()
}

fn timed(list: &str, sku: &str, kind: &str, amount: i64, from: i64, to: Option<i64>) -> Value {
    let moment = |seconds| chrono::DateTime::from_timestamp(seconds, 0).expect("a moment").to_rfc3339();
    json!({
        "kind": "price", "price_list": list, "sku": sku, "amount": amount, "currency": "EUR", "price_kind": kind,
        "valid_from": moment(from), "valid_to": to.map(moment), "promotion": "Week 48",
    })
}

#[tokio::test]
async fn a_phone_verifies_a_catalogue_by_the_published_keys_alone_and_notices_a_flipped_bit() {
    let test = TestApp::new().await;
    let report = test.seed_catalog().await;
    let shopper = test.shopper().await;
    let keys = test.get("/.well-known/jwks.json").send().await.expect(200).json;
    let answer = whole(&test, &shopper.token, STORE).await.expect(200);
    assert_eq!(header(&answer, "content-type"), "application/zstd");
    assert_eq!(header(&answer, CACHE_CONTROL.as_str()), "private, no-cache");
    let (signature, now) = (header(&answer, "catalog-signature"), test.app.clock.now().timestamp());
    let claims = verified(&keys, &signature, &answer.bytes, now).expect("signed");
    assert_eq!((&claims["store"], &claims["revision"]), (&json!(STORE), &json!(report.revision)));
    assert_eq!(claims["from"], Value::Null);
    for (byte, bit) in [(0, 1_u8), (answer.bytes.len() / 2, 16), (answer.bytes.len() - 1, 128)] {
        let mut flipped = answer.bytes.clone();
        flipped[byte] ^= bit;
        assert_eq!(verified(&keys, &signature, &flipped, now), None, "byte {byte}");
    }
    assert_eq!(verified(&keys, &signature, &answer.bytes[1..], now), None);
    assert_eq!(verified(&keys, &signature, &answer.bytes, now + 3600), None, "out of date");
    assert_eq!(verified(&keys, &shopper.token, &answer.bytes, now), None, "another type of token");
    let other = whole(&test, &shopper.token, STORE_WITH_OWN_PRICES).await.expect(200);
    assert_eq!(verified(&keys, &header(&other, "catalog-signature"), &answer.bytes, now), None);
    // Changes are signed too, also when there are none.
    let none = changes(&test, &shopper.token, STORE, report.revision).await.expect(200);
    let claims = verified(&keys, &header(&none, "catalog-signature"), &none.bytes, now).expect("signed");
    assert_eq!((&claims["from"], &claims["revision"]), (&json!(report.revision), &json!(report.revision)));
    assert_eq!(unpacked(&none.bytes)["items"]["count"], 0);
}

#[tokio::test]
async fn a_phone_without_a_network_asks_what_the_service_asks_at_every_minute() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let now = test.app.clock.now().timestamp();
    test.apply_rows(&[
        timed("de", "milk", "promotion", 99, now + 60, Some(now + 120)),
        timed("bonn", "milk", "regular", 125, now + 90, None),
        timed("de", "bread", "regular", 239, now + 60, None),
        timed("bonn", "bread", "promotion", 229, now + 150, Some(now + 180)),
        timed("de", "wine", "promotion", 1, now - 60, Some(now - 30)),
        timed("de", "cheese", "promotion", 299, now + 100, Some(now + 110)),
        timed("de", "bread", "member", 199, now, None),
        json!({"kind": "code", "code": "4006381333931", "sku": "milk", "quantity": 6}),
        json!({"kind": "recall", "recall": "R-7", "sku": "milk", "lots": ["L1"], "notice": "Bring it back."}),
    ])
    .await;
    let shopper = test.shopper().await;
    for store in [STORE, STORE_WITH_OWN_PRICES] {
        let phone = Phone::of(&whole(&test, &shopper.token, store).await.expect(200).bytes);
        let id: StoreId = store.parse().expect("a store");
        for code in phone.codes.keys().map(|code| format!("{code:014}")) {
            for seconds in [0, 59, 60, 89, 90, 100, 109, 110, 119, 120, 149, 150, 180, 86_400] {
                let moment = test.app.clock.now() + Duration::seconds(seconds);
                let there = test.app.catalog.view().find(&id, &code, moment).ok();
                let there =
                    there.map(|found| (found.sku.to_string(), found.price.amount.minor(), found.pieces));
                assert_eq!(phone.find(&code, now + seconds), there, "{store} {code} after {seconds} s");
            }
        }
        assert_eq!(phone.find("4006381333931", now).map(|found| found.2), Some(6));
        assert_eq!(phone.items["milk"]["recalls"], json!([["R-7", ["L1"], "Bring it back."]]));
        assert_eq!((&phone.items["wine"]["age_min"], phone.items["wine"].get("timed")), (&json!(18), None));
        assert_eq!(phone.items["bread"]["tax_class"], "reduced");
        assert_eq!((&phone.store["country"], &phone.store["currency"]), (&json!("DE"), &json!("EUR")));
    }
}

#[tokio::test]
async fn whoever_has_the_revision_is_sent_nothing() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let shopper = test.shopper().await;
    let path = format!("/v1/stores/{STORE}/catalog");
    let ask = async |path: &str, tag: &str| {
        test.get(path).bearer(&shopper.token).header("if-none-match", tag).send().await
    };
    let first = whole(&test, &shopper.token, STORE).await.expect(200);
    let tag = header(&first, ETAG.as_str());
    assert_eq!(header(&ask(&path, &tag).await.expect(304), ETAG.as_str()), tag);
    let since = Phone::of(&first.bytes).revision;
    let changed = changes(&test, &shopper.token, STORE, since).await.expect(200);
    let tag_of_changes = header(&changed, ETAG.as_str());
    let path_of_changes = format!("{path}/changes?since={since}");
    ask(&path_of_changes, &tag_of_changes).await.expect(304);
    test.apply_rows(&[price("de", "milk", 131)]).await;
    assert_ne!(header(&ask(&path, &tag).await.expect(200), ETAG.as_str()), tag);
    let changed = ask(&path_of_changes, &tag_of_changes).await.expect(200);
    let mut phone = Phone::of(&first.bytes);
    phone.apply(&changed.bytes);
    let now = test.app.clock.now().timestamp();
    assert_eq!(phone.find(MILK, now), Some(("milk".to_owned(), 131, 1)));
    assert_eq!(phone.find(BREAD, now), Some(("bread".to_owned(), 249, 1)));
}

#[tokio::test]
async fn what_is_asked_at_once_is_made_once() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let shopper = test.shopper().await;
    let asked = (0..8).map(|_| whole(&test, &shopper.token, STORE));
    let answers = futures_util::future::join_all(asked).await;
    let first = answers[0].bytes.clone();
    assert!(answers.into_iter().all(|answer| answer.expect(200).bytes == first));
    // The same bytes a while later, although they are signed anew: nothing was made again.
    test.advance(Duration::minutes(10));
    let later = whole(&test, &shopper.token, STORE).await.expect(200);
    assert_eq!(unpacked(&later.bytes)["at"], unpacked(&first)["at"]);
}

#[tokio::test]
async fn revisions_that_nobody_can_go_on_from_are_answered_as_gone() {
    let test = TestApp::new().await;
    let seeded = test.seed_catalog().await.revision;
    let shopper = test.shopper().await;
    let gone = async |store: &str, since: i64| {
        changes(&test, &shopper.token, store, since).await.problem(410, "catalog_too_old");
    };
    gone(STORE, 0).await;
    gone(STORE, -1).await;
    gone(STORE, seeded + 1).await;
    changes(&test, &shopper.token, "9999", seeded).await.problem(404, "store_unknown");
    whole(&test, &shopper.token, "9999").await.problem(404, "store_unknown");
    // A store that has other price lists is another store to a phone.
    let row = json!({
        "kind": "store", "store": STORE, "name": "Bonn", "country": "DE", "currency": "EUR",
        "time_zone": "Europe/Berlin", "price_lists": ["bonn"],
        "address": {"street": "Hauptstraße", "house_number": "12", "postal_code": "53111", "city": "Bonn"},
    });
    test.apply_rows(&[row]).await;
    gone(STORE, seeded).await;
    changes(&test, &shopper.token, STORE_WITH_OWN_PRICES, seeded).await.expect(200);
    let phone = Phone::of(&whole(&test, &shopper.token, STORE).await.expect(200).bytes);
    assert_eq!(phone.items.keys().collect::<Vec<_>>(), ["milk"]);
    test.apply_rows(&[json!({"kind": "price_list", "price_list": "bonn", "deleted": true})]).await;
    gone(STORE, seeded + 1).await;
    gone(STORE_WITH_OWN_PRICES, seeded).await;
}

#[tokio::test]
async fn changes_of_most_of_a_store_send_the_phone_to_the_whole() {
    const COUNT: i64 = 700;
    let rows = |amount: i64, upto: i64| -> Vec<Value> {
        let of = |each: i64| {
            let sku = format!("many-{each}");
            [
                json!({"kind": "product", "sku": sku, "name": format!("Thing {each}"), "tax_class": "reduced"}),
                price("de", &sku, amount),
            ]
        };
        (0..upto).flat_map(of).collect()
    };
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let before = test.apply_rows(&rows(1, COUNT)).await.revision;
    let shopper = test.shopper().await;
    test.apply_rows(&rows(2, 100)).await;
    changes(&test, &shopper.token, STORE, before).await.expect(200);
    test.apply_rows(&rows(3, COUNT)).await;
    changes(&test, &shopper.token, STORE, before).await.problem(410, "catalog_too_old");
}

#[tokio::test]
async fn a_partner_needs_a_key_for_reading_the_catalogue_of_the_store() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let reader = test.partner_of(&[Scope::CatalogRead], Some(STORE.parse().expect("a store"))).await;
    whole(&test, &reader, STORE).await.expect(200);
    whole(&test, &reader, STORE_WITH_OWN_PRICES).await.problem(403, "other_store");
    let gate = test.partner(&[Scope::ExitVerify]).await;
    whole(&test, &gate, STORE).await.problem(403, "scope_missing");
    changes(&test, &gate, STORE, 1).await.problem(403, "scope_missing");
    test.get(&format!("/v1/stores/{STORE}/catalog")).send().await.problem(401, "unauthenticated");
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % sides
    }

    fn one_of<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.roll(choices.len())]
    }

    /// A row about anything that a phone may see, among few enough things that they meet.
    fn row(&mut self, now: i64) -> Value {
        let skus = ["milk", "bread", "wine", "cheese", "bun", "r-1", "r-2"];
        let codes = [MILK, BREAD, WINE, "4006381333931", "4006381333948", "96385074", "2000000001234"];
        let list = self.one_of(&["de", "bonn"]);
        let sku = self.one_of(&skus);
        let amount = 100 + i64::try_from(self.roll(5)).expect("small");
        let deleted = self.roll(3) == 0;
        match self.roll(8) {
            0 | 1 => {
                json!({"kind": "price", "price_list": list, "sku": sku, "amount": amount, "currency": "EUR", "deleted": deleted})
            }
            2 | 3 => {
                let from = now - 600 + i64::try_from(self.roll(4) * 600).expect("small");
                let kind = self.one_of(&["regular", "promotion", "member"]);
                let mut row = timed(list, sku, kind, amount, from, Some(from + 900));
                row["deleted"] = deleted.into();
                row
            }
            4 => {
                json!({"kind": "product", "sku": sku, "name": format!("Name {amount}"), "tax_class": "reduced"})
            }
            5 if deleted => json!({"kind": "product", "sku": sku, "deleted": true}),
            5 | 6 => {
                let (code, quantity) = (self.one_of(&codes), 1 + self.roll(2));
                json!({"kind": "code", "code": code, "sku": sku, "quantity": quantity, "internal": code.starts_with('2'), "deleted": deleted})
            }
            _ => {
                json!({"kind": "recall", "recall": "R-1", "sku": sku, "notice": format!("{amount}"), "deleted": deleted})
            }
        }
    }
}

#[tokio::test]
async fn changes_turn_the_old_catalogue_exactly_into_the_new_one_whatever_was_delivered() {
    let mut applied = 0;
    for seed in 1..=4_u64 {
        let test = TestApp::new().await;
        test.seed_catalog().await;
        // A key does not run out when the clock goes on.
        let reader = test.partner(&[Scope::CatalogRead]).await;
        let stores = [STORE, STORE_WITH_OWN_PRICES];
        let mut dice = Dice(seed);
        let mut phones = Vec::new();
        for store in stores {
            let phone = Phone::of(&whole(&test, &reader, store).await.expect(200).bytes);
            // One that asks after every batch and one that asks seldom.
            phones.push((store, 1, phone.clone()));
            phones.push((store, 7, phone));
        }
        for round in 1..=21 {
            let now = test.app.clock.now().timestamp();
            let rows: Vec<Value> = (0..=dice.roll(6)).map(|_| dice.row(now)).collect();
            applied += test.apply_rows(&rows).await.applied;
            if dice.roll(3) == 0 {
                // So that no document of before is at hand and prices are over in between.
                test.advance(Duration::minutes(7));
                test.apply_rows(&[price("de", "gum", 90 + round)]).await;
            }
            for (store, every, phone) in &mut phones {
                if round % *every == 0 {
                    let since = phone.revision;
                    phone.apply(&changes(&test, &reader, store, since).await.expect(200).bytes);
                    let all = Phone::of(&whole(&test, &reader, store).await.expect(200).bytes);
                    assert_eq!(*phone, all, "seed {seed}, round {round}, store {store}: {rows:?}");
                }
            }
        }
    }
    assert!(applied > 100, "{applied} rows did something");
}
