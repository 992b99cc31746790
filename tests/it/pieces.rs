//! What a lookup says of the very piece that carries a code: what it weighs, what it costs, its dates. The cart says the same.

use serde_json::{Value, json};

use crate::support::catalog::{MILK, STORE, price};
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

#[tokio::test]
async fn german_press_has_its_price_in_the_code_and_an_add_on_tells_the_issue() {
    let shop = shop().await;
    let sold = |sku: &str, body: &str| {
        [
            json!({"kind": "product", "sku": sku, "name": sku, "tax_class": "reduced", "sale": "press"}),
            json!({"kind": "code", "code": checked(body), "sku": sku}),
        ]
    };
    let mut rows = sold("daily", "419123450000").to_vec();
    rows.extend(sold("any-press", "419000000000"));
    rows.extend(sold("weekly", "977123456700"));
    rows.extend(sold("novel", "978316148410"));
    rows.extend([price("de", "weekly", 480), price("de", "novel", 1200)]);
    apply(&shop, &rows).await;
    let shopper = shop.shopper().await;
    let (daily, other) = (checked("419123450250"), checked("419543210199"));
    let weekly = format!("{}05", checked("977123456700"));
    let novel = format!("{}52495", checked("978316148410"));
    let one = json!({"amount": 1, "unit": "piece"});
    let fixed = json!({"quantity": one, "amount": eur(250), "is_label_price": true});
    assert_eq!(piece(&shopper, &daily).await, fixed);
    assert_eq!(piece(&shopper, &weekly).await, json!({"quantity": one, "amount": eur(480), "addon": "05"}));
    assert_eq!(
        piece(&shopper, &novel).await,
        json!({"quantity": one, "amount": eur(1200), "addon": "52495"})
    );
    let next = format!("{}06", checked("977123456700"));
    let cart = shopper.fill(&[&daily, &format!("{daily}12"), &other, &weekly, &next, &weekly, &novel]).await;
    let read = shopper.cart(cart).await;
    let line = |place: usize| {
        let line = &read.json["lines"][place];
        (line["sku"].clone(), line["amount"]["amount"].clone(), line["issues"].clone())
    };
    assert_eq!(line(0), (json!("daily"), json!(250), Value::Null));
    assert_eq!(line(1), (json!("daily"), json!(250), json!(["12"])));
    assert_eq!(line(2), (json!("any-press"), json!(199), Value::Null), "a title that nobody has entered");
    assert_eq!(line(3), (json!("weekly"), json!(3 * 480), json!(["05", "06"])));
    assert_eq!(line(4), (json!("novel"), json!(1200), json!(["52495"])), "an add-on is no price");
    let full = shopper.scan(cart, &[&checked("414123450250")]).await.expect(200);
    assert_eq!(full.text("/results/0/reason"), "code_unknown", "another tax rate");
}

#[tokio::test]
async fn the_same_piece_scanned_twice_counts_once_and_the_answer_says_so() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let milk = |serial: &str| format!("(01)0{MILK}(21){serial}");
    let beef = format!("(01){}(3103)000500(21)B1", checked(BEEF));
    let cart = shopper.fill(&[MILK, &milk("S1"), &milk("S2"), &beef]).await;
    let again = shopper.scan(cart, &[&milk("S1"), &milk("S3"), &milk("S3"), &beef]).await.expect(200);
    let told: Vec<(&str, i64)> = (0..4)
        .map(|each| {
            let result = &again.json["results"][each];
            (result["outcome"].as_str().unwrap_or_default(), result["line"].as_i64().unwrap_or_default())
        })
        .collect();
    assert_eq!(told, [("same_piece", 1), ("applied", 1), ("same_piece", 1), ("same_piece", 2)]);
    assert_eq!(shopper.cart(cart).await.number("/lines/0/quantity/amount"), 4);
    // Another instance knows the same pieces from the log.
    let other = shop.test.another().await;
    let body = json!({"events": [crate::support::trip::scanned(shop.test.app.ids.next(), &milk("S2"))]});
    let path = format!("/v1/carts/{cart}/scans");
    let there = other.post(&path, &body).bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(there.text("/results/0/outcome"), "same_piece");
    // Some were put back, nobody knows which: a piece that is scanned again is taken.
    let two = json!({"quantity": {"amount": 2, "unit": "piece"}});
    shopper.put(&format!("/v1/carts/{cart}/lines/1"), &two).await.expect(200);
    let back = shopper.scan(cart, &[&milk("S1"), &milk("S1")]).await.expect(200);
    assert_eq!((back.text("/results/0/outcome"), back.text("/results/1/outcome")), ("applied", "same_piece"));
    let gone = shop.test.call(reqwest::Method::DELETE, &format!("/v1/carts/{cart}/lines/2"));
    gone.bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(shopper.scan(cart, &[&beef]).await.expect(200).text("/results/0/outcome"), "applied");
}
