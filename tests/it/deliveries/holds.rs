//! Holds can't be gone around: by shape, by age, by who decides, by rows that nobody can tell, by many senders at once.

use aisle::catalog::FindError;
use aisle::identity::Scope;
use aisle::ids::BatchId;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Sender, article, assortment, code, find, with_assortment};
use crate::support::catalog::{self as sample, STORE, price};

#[tokio::test]
async fn a_held_batch_that_was_overtaken_can_not_be_released_any_more() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let prices =
        |cents| -> Vec<Value> { (0..40).map(|number| price("de", &format!("p{number}"), cents)).collect() };
    let held = sender.rows("?sequence=1", &prices(10_000)).await.expect(202);
    sender.rows("?sequence=2", &[price("de", "p1", 105)]).await.expect(200);
    sender.decide(held.text("/batch"), "release").await.problem(409, "batch_late");
    assert_eq!(find(&test, &code(1)), Ok(105));
}

#[tokio::test]
async fn a_held_batch_goes_over_what_came_since_only_when_that_is_said() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let held = sender.rows("?mode=full", &assortment(20, 100)).await.expect(202).text("/batch").to_owned();
    sender.rows("", &article(100, 250)).await.expect(200);
    let outdated = sender.decide(&held, "release").await;
    outdated.problem(409, "batch_outdated");
    assert_eq!(find(&test, &code(30)), Ok(100));
    let path = format!("/v1/catalog/batches/{held}/release");
    let over = json!({"note": "the new one is not sold", "over_newer": true});
    test.post(&path, &over).bearer(&sender.admin).send().await.expect(200);
    assert_eq!(find(&test, &code(100)), Err(FindError::UnknownCode));
}

#[tokio::test]
async fn no_way_around_a_hold_empties_the_shop() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let gone = |kind: &str, more: Value| {
        let mut row = json!({"kind": kind, "deleted": true});
        row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        row
    };
    let products: Vec<Value> =
        (0..40).map(|number| gone("product", json!({"sku": format!("p{number}")}))).collect();
    let mut with_class = vec![json!({"kind": "tax_class", "tax_class": "reduced", "name": "Reduced"})];
    with_class.extend(products.clone());
    sender.rows("?mode=full", &with_class).await.expect(202);
    sender.rows("?mode=full&kinds=stock", &products).await.expect(202);
    let mut prices: Vec<Value> = (0..39)
        .map(|number| gone("price", json!({"price_list": "de", "sku": format!("p{number}")})))
        .collect();
    prices.push(price("de", "p39", 100));
    sender.rows("?mode=full", &prices).await.expect(202);
    sender.rows("", &[gone("price_list", json!({"price_list": "de"}))]).await.expect(202);
    let store = sender.rows("", &[gone("store", json!({"store": STORE}))]).await.expect(202);
    assert_eq!(store.text("/holds/0/rule"), "b.shrink");
    sender.rows("", &[gone("tax_class", json!({"tax_class": "reduced"}))]).await.expect(202);
    assert_eq!((find(&test, &code(1)), find(&test, &code(39))), (Ok(100), Ok(100)));
}

#[tokio::test]
async fn a_row_that_nobody_can_tell_takes_nothing_back() {
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    let mut lines = sample::lines(&assortment(39, 100));
    lines.push_str("\n{\"kind\":\"product\",\"sku\":39\n");
    let put =
        |query: &'static str| sender.put(test.app.ids.next(), query, "application/x-ndjson", lines.clone());
    let held = put("?mode=full").await.expect(202);
    assert_eq!(held.text("/holds/0/rule"), "b.badshare");
    assert_eq!(find(&test, &code(39)), Ok(100));
    let released = sender.decide(held.text("/batch"), "release").await.expect(200);
    assert_eq!(released.number("/removed"), 3, "a person has seen which row it was");
    // A number whose zeros a spreadsheet took is told by its right form.
    let test = with_assortment(40).await;
    let sender = Sender::new(&test).await;
    test.apply_rows(&[json!({"kind": "code", "code": "036000291452", "sku": "p1"})]).await;
    let mut rows = assortment(40, 100);
    rows.push(json!({"kind": "code", "code": "36000291452", "sku": "p1", "quantity": 0}));
    let full = sender.rows("?mode=full", &rows).await.expect(200);
    assert_eq!((full.number("/quarantined"), full.number("/removed")), (1, 0));
    assert_eq!(find(&test, "036000291452"), Ok(100));
}

#[tokio::test]
async fn a_partner_sees_no_other_partners_batches() {
    let test = with_assortment(10).await;
    let sender = Sender::new(&test).await;
    let id: BatchId = test.app.ids.next();
    let bad = sample::lines(&[price("de", "p1", 0)]);
    sender.put(id, "", "application/x-ndjson", bad).await.expect(200);
    let other = test.partner(&[Scope::CatalogWrite, Scope::CatalogRead]).await;
    for path in ["", "/refusals", "/outcomes"] {
        let path = format!("/v1/catalog/batches/{id}{path}");
        test.get(&path).bearer(&sender.key).send().await.expect(200);
        test.get(&path).bearer(&other).send().await.problem(404, "batch_unknown");
    }
    let reject = format!("/v1/catalog/batches/{id}/reject");
    test.post(&reject, &json!({"note": "x"})).bearer(&other).send().await.problem(404, "batch_unknown");
    let list = test.get("/v1/catalog/batches").bearer(&other).send().await.expect(200);
    assert_eq!(list.json["batches"].as_array().map(Vec::len), Some(0));
}

#[tokio::test]
async fn senders_beyond_the_places_of_an_instance_are_told_to_come_again() {
    let test = with_assortment(10).await;
    let sender = Sender::new(&test).await;
    let address = test.url().trim_start_matches("http://").to_owned();
    let mut slow = Vec::new();
    for _ in 0..4 {
        let id: BatchId = test.app.ids.next();
        let mut connection = tokio::net::TcpStream::connect(&address).await.expect("connected");
        let head = format!(
            "PUT /v1/catalog/batches/{id} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
             expect: 100-continue\r\ncontent-length: 9\r\n\r\n",
            sender.key
        );
        connection.write_all(head.as_bytes()).await.expect("sent");
        // The server asks for the body as soon as the delivery has its place.
        let mut asked = [0; 12];
        connection.read_exact(&mut asked).await.expect("asked for");
        assert_eq!(&asked, b"HTTP/1.1 100");
        slow.push(connection);
    }
    let more = sender.rows("", &[price("de", "p1", 101)]).await;
    more.problem(503, "overloaded");
    let mut first = slow.remove(0);
    first.write_all(b"not JSON\n").await.expect("sent");
    let mut answered = [0; 40];
    first.read_exact(&mut answered).await.expect("answered");
    assert!(String::from_utf8_lossy(&answered).contains("HTTP/1.1 200"));
    sender.rows("", &[price("de", "p1", 101)]).await.expect(200);
}
