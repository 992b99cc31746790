//! What a lookup says of the very piece that carries a code: what it weighs, what it costs, its dates. The cart says the same.

use serde_json::{Value, json};

use crate::support::catalog::{MILK, STORE};
use crate::support::trip::{Shop, Shopper};
use crate::weighed::{BEEF, GOUDA, PIE, ROLLS, SALAMI, apply, checked, label, shop, store_with};

async fn piece(shopper: &Shopper<'_>, code: &str) -> Value {
    let answer = shopper.get(&format!("/v1/stores/{STORE}/products/{code}")).await.expect(200);
    answer.json["piece"].clone()
}

fn eur(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

#[tokio::test]
async fn a_lookup_shows_what_the_label_says_and_what_that_costs_as_the_cart_then_does() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let beef = format!("(01){}(3103)000500", checked(BEEF));
    let expected = [
        (label(GOUDA, 385), json!({"quantity": {"amount": 385, "unit": "gram"}, "amount": eur(500)})),
        (
            label(SALAMI, 499),
            json!({"quantity": {"amount": 1, "unit": "piece"}, "amount": eur(499), "is_label_price": true}),
        ),
        // Without a price in the list: the label is enough.
        (
            label(PIE, 350),
            json!({"quantity": {"amount": 1, "unit": "piece"}, "amount": eur(350), "is_label_price": true}),
        ),
        (label(ROLLS, 6), json!({"quantity": {"amount": 6, "unit": "piece"}, "amount": eur(270)})),
        (beef, json!({"quantity": {"amount": 500, "unit": "gram"}, "amount": eur(995)})),
    ];
    for (code, expected) in &expected {
        assert_eq!(piece(&shopper, code).await, *expected, "{code}");
    }
    assert_eq!(piece(&shopper, MILK).await, Value::Null, "it says only which product it is");
    assert_eq!(piece(&shopper, &format!("(01)0{MILK}")).await, Value::Null);
    let codes: Vec<&str> = expected.iter().map(|(code, _)| code.as_str()).collect();
    let cart = shopper.fill(&codes).await;
    let read = shopper.cart(cart).await;
    for (line, (code, expected)) in expected.iter().enumerate() {
        let amount = &read.json["lines"][line]["amount"];
        assert_eq!(*amount, expected["amount"], "{code}");
    }
}

#[tokio::test]
async fn a_lookup_shows_lot_dates_and_the_markdown_that_will_apply() {
    let shop = shop().await;
    let rules = json!({"near_date_markdowns": [{"days_left_max": 3, "percent": 20}]});
    apply(&shop, &[store_with(&rules)]).await;
    let shopper = shop.shopper().await;
    let near = piece(&shopper, &format!("(01)0{MILK}(17)261126(10)L1(21)S1")).await;
    let expected = json!({
        "quantity": {"amount": 1, "unit": "piece"}, "amount": eur(103), "lot": "L1", "serial": "S1", "use_by": "2026-11-26",
        "reduction": {"percent": 20, "full_price": eur(129), "date": "2026-11-26"},
    });
    assert_eq!(near, expected);
    let far = piece(&shopper, &format!("(01)0{MILK}(15)261231")).await;
    assert_eq!(
        (&far["amount"], &far["best_before"], &far["reduction"]),
        (&eur(129), &json!("2026-12-31"), &Value::Null)
    );
    let partial = piece(&shopper, &format!("010{MILK}10L 1%1D17261130")).await;
    assert_eq!(partial["check_date"], true);
}

#[tokio::test]
async fn a_lookup_says_why_a_piece_would_be_refused_as_the_scan_does() {
    let shop = shop().await;
    let recall =
        json!({"kind": "recall", "recall": "R-7", "sku": "milk", "lots": ["L1"], "notice": "Bring it back."});
    apply(&shop, &[recall]).await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    for (code, expected) in [
        (label(GOUDA, 0), "measure_zero"),
        (checked(BEEF), "measure_missing"),
        (format!("(01){}(3153)000500", checked(BEEF)), "measure_unknown"),
        (format!("(01)0{MILK}(30)1(3922)1"), "label_price_unexpected"),
        (format!("(01)0{MILK}(17)261122"), "use_by_passed"),
        (format!("(01)0{MILK}(10)l1"), "recalled"),
    ] {
        let scanned = shopper.scan(cart, &[&code]).await.expect(200);
        assert_eq!(scanned.text("/results/0/reason"), expected, "{code}");
        let shown = piece(&shopper, &code).await;
        // A plain number of weighed goods says nothing of a piece: the product says that it must be weighed.
        if code.starts_with('(') || code == label(GOUDA, 0) {
            assert_eq!((&shown["refused"], &shown["amount"]), (&json!(expected), &Value::Null), "{code}");
        }
    }
}

#[tokio::test]
async fn another_store_of_no_such_rules_shows_another_piece() {
    let shop: Shop = shop().await;
    let shopper = shop.shopper().await;
    let other = crate::support::catalog::STORE_WITH_OWN_PRICES;
    let path = format!("/v1/stores/{other}/products/(01)0{MILK}(17)261126");
    let answer = shopper.get(&path).await.expect(200);
    assert_eq!((&answer.json["piece"]["amount"], &answer.json["price"]), (&eur(119), &eur(119)));
}
