//! Refunds of lines and pieces, and the taxes in each: the books learn what of which rate was given back.

use aisle::identity::Role;
use aisle::ids::{OrderId, RefundId};
use serde_json::{Value, json};

use crate::exchange::{Receiver, Subscriber};
use crate::support::Answer;
use crate::support::catalog::{COFFEE, MILK, SOAP, STORE, price};
use crate::support::trip::Shop;

async fn refund(shop: &Shop, order: OrderId, what: &Value) -> Answer {
    let id: RefundId = shop.test.app.ids.next();
    refund_as(shop, order, id, what).await
}

async fn refund_as(shop: &Shop, order: OrderId, id: RefundId, what: &Value) -> Answer {
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let mut body = json!({"reason": "brought back"});
    body.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
    let answer =
        shop.test.put(&format!("/v1/orders/{order}/refunds/{id}"), &body).bearer(&staff).send().await;
    shop.test.run_jobs().await;
    answer
}

fn eur(minor: i64) -> Value {
    json!({"amount": minor, "currency": "EUR"})
}

/// Rate, gross, tax.
fn taxes(refund: &Value) -> Vec<(String, i64, i64)> {
    let cents = |tax: &Value, member: &str| tax[member]["amount"].as_i64().expect("cents");
    let told = |tax: &Value| {
        assert_eq!(cents(tax, "net") + cents(tax, "tax"), cents(tax, "gross"));
        (tax["rate"].as_str().expect("a rate").to_owned(), cents(tax, "gross"), cents(tax, "tax"))
    };
    refund["taxes"].as_array().expect("taxes").iter().map(told).collect()
}

fn told(rate: &str, gross: i64, tax: i64) -> (String, i64, i64) {
    (rate.to_owned(), gross, tax)
}

/// Three soaps with a deposit of 0.25 (19 %) and a milk and a coffee (7 %).
async fn bought(shop: &Shop) -> OrderId {
    let rows = [
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        price("de", "deposit-25", 25),
        json!({"kind": "product", "sku": "soap", "name": "Dish soap 500 ml", "tax_class": "standard", "deposit": "deposit-25"}),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[SOAP, SOAP, SOAP, MILK, COFFEE]).await;
    let order = shopper.order(cart, &[]).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    // 3 × 1.99 and 3 × 0.25 at 19 %: 6.72, tax 1.07; 1.29 and 6.99 at 7 %: 8.28, tax 0.54.
    assert_eq!(
        (read.number("/captured/amount"), read.json["quote"]["taxes"][0]["tax"].clone()),
        (1500, eur(54))
    );
    order
}

#[tokio::test]
async fn pieces_come_back_with_their_deposits_and_taxes_and_all_of_them_come_to_the_order() {
    let shop = Shop::open().await;
    let order = bought(&shop).await;
    let first = json!({"lines": [{"line": 1, "pieces": 1}]});
    let id: RefundId = shop.test.app.ids.next();
    let one = refund_as(&shop, order, id, &first).await.expect(202);
    // A soap and its deposit: 2.24; 19/119 of it are 0.357.
    assert_eq!((one.number("/to_account/amount"), taxes(&one.json)), (224, vec![told("19", 224, 36)]));
    assert_eq!(one.json["lines"], json!([{"line": 1, "pieces": 1}]));
    refund_as(&shop, order, id, &first).await.expect(200);
    refund_as(&shop, order, id, &json!({"lines": [{"line": 1, "pieces": 2}]}))
        .await
        .problem(422, "id_reused");
    let rest = refund(&shop, order, &json!({"lines": [{"line": 2}, {"line": 1}]})).await.expect(202);
    assert_eq!(rest.number("/to_account/amount"), 448 + 129);
    assert_eq!(taxes(&rest.json), [told("7", 129, 8), told("19", 448, 107 - 36)]);
    for (wrong, at) in [
        (json!({"lines": [{"line": 1}]}), 0),
        (json!({"lines": [{"line": 3, "pieces": 1}, {"line": 9}]}), 1),
        (json!({"lines": [{"line": 3, "pieces": 2}]}), 0),
        (json!({"lines": [{"line": 3}, {"line": 3}]}), 1),
    ] {
        let problem = refund(&shop, order, &wrong).await.problem(422, "refund_lines");
        assert_eq!(problem.text("/errors/0/pointer"), format!("/lines/{at}"), "{wrong}");
    }
    let both = json!({"lines": [{"line": 3}], "amount": eur(100)});
    refund(&shop, order, &both).await.problem(422, "refund_ambiguous");
    let last = refund(&shop, order, &json!({})).await.expect(202);
    assert_eq!((last.number("/amount/amount"), taxes(&last.json)), (699, vec![told("7", 699, 46)]));
}

#[tokio::test]
async fn an_amount_takes_its_part_of_each_rate_and_the_event_tells_it() {
    let shop = Shop::open_with(&[("AISLE_EXCHANGE_ALLOW_INTERNAL", "true")]).await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&shop.test).await;
    partner.subscribe(&receiver, &["order.refunded"]).await;
    let order = bought(&shop).await;
    let part = refund(&shop, order, &json!({"amount": eur(500)})).await.expect(202);
    // 5.00 of 15.00: 2.76 of 8.28 and 2.24 of 6.72; 0.54 and 1.07 are a third of each: 0.18 and 0.357.
    assert_eq!(taxes(&part.json), [told("7", 276, 18), told("19", 224, 36)]);
    // 5.00 went back already: the coffee comes back for what is left of all, which is 10.00, and of its rate, which is 5.52.
    let coffee = refund(&shop, order, &json!({"lines": [{"line": 3}]})).await.expect(202);
    assert_eq!(taxes(&coffee.json), [told("7", 552, 36), told("19", 147, 23)]);
    let last = refund(&shop, order, &json!({})).await.expect(202);
    assert_eq!(taxes(&last.json), [told("19", 672 - 224 - 147, 107 - 36 - 23)]);
    shop.test.run_jobs().await;
    let events: Vec<Value> = receiver.take().iter().map(|message| message.json()["data"].clone()).collect();
    let told: Vec<&Value> = events.iter().map(|data| &data["refund"]["id"]).collect();
    assert_eq!(told, [&part.json["id"], &coffee.json["id"], &last.json["id"]]);
    for (data, answer) in events.iter().zip([&part, &coffee, &last]) {
        assert_eq!(data["refund"]["taxes"], answer.json["taxes"]);
        assert_eq!(
            (&data["refund"]["to_account"], &data["refund"]["state"]),
            (&answer.json["to_account"], &json!("done"))
        );
    }
    assert_eq!(events[2]["refunds"].as_array().map(Vec::len), Some(3));
    assert_eq!(events[2]["refunded"], eur(1500));
}
