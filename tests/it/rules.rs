//! What must not be sold is refused at the scan, told by every cart that holds it, and never paid for.

use aisle::ids::CartId;
use serde_json::{Value, json};

use crate::support::catalog::{BREAD, COFFEE, MILK, price};
use crate::support::trip::{Shop, Shopper};

fn milk(more: &Value) -> Value {
    let mut row = json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced", "deliverable": true});
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

fn recall(lots: &Value) -> Value {
    json!({"kind": "recall", "recall": "R-7", "sku": "milk", "lots": lots, "notice": "Bring it back."})
}

async fn refused(shopper: &Shopper<'_>, cart: CartId, code: &str) -> (String, String) {
    let answer = shopper.scan(cart, &[code]).await.expect(200);
    let text = |member: &str| answer.json["results"][0][member].as_str().unwrap_or_default().to_owned();
    (text("reason"), text("notice"))
}

fn pair(reason: &str, notice: &str) -> (String, String) {
    (reason.to_owned(), notice.to_owned())
}

/// The tag of the cart as it is, and why its first line is blocked.
async fn state(shopper: &Shopper<'_>, cart: CartId) -> (String, Value) {
    let read = shopper.cart(cart).await;
    (read.headers["etag"].to_str().expect("a tag").to_owned(), read.json["lines"][0]["blocked"].clone())
}

#[tokio::test]
async fn a_recall_reaches_every_open_cart_and_nothing_is_paid_until_the_line_is_gone() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let other = shop.payer("bert@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD]).await;
    let others = other.fill(&[MILK]).await;
    let (before, blocked) = state(&shopper, cart).await;
    assert_eq!(blocked, Value::Null);
    shop.test.apply_rows(&[recall(&Value::Null)]).await;
    let expected = json!({"reason": "recalled", "notice": "Bring it back."});
    let (after, blocked) = state(&shopper, cart).await;
    assert_eq!(blocked, expected);
    assert_eq!(state(&other, others).await.1, expected);
    assert_ne!(before, after, "the entity tag changes with the catalogue");
    let path = format!("/v1/carts/{cart}");
    let known = |tag: String| shop.test.get(&path).bearer(&shopper.actor.token).header("if-none-match", &tag);
    known(before.clone()).send().await.expect(200);
    known(after.clone()).send().await.expect(304);
    assert_eq!(refused(&shopper, cart, MILK).await, pair("recalled", "Bring it back."));
    let answer = shopper.scan(cart, &[COFFEE]).await.expect(200);
    assert_eq!(answer.json["lines"][0]["blocked"], expected, "a scan of something else says it too");
    let (_, placed) = shopper.place(cart, &[]).await;
    assert_eq!(placed.json["errors"][0]["pointer"], "/lines/1");
    placed.problem(409, "lines_blocked");
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
    // The tag that the app has, digest and all, is good for a change.
    let tag = state(&shopper, cart).await.0;
    let remove = shop.test.call(reqwest::Method::DELETE, &format!("{path}/lines/1"));
    remove.bearer(&shopper.actor.token).header("if-match", &tag).send().await.expect(200);
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
    shop.test.apply_rows(&[json!({"kind": "recall", "recall": "R-7", "sku": "milk", "deleted": true})]).await;
    assert_eq!(state(&other, others).await.1, Value::Null);
    assert_eq!(other.buy(others, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn a_recalled_lot_is_refused_and_an_unknown_lot_is_to_be_looked_at() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    shop.test.apply_rows(&[recall(&json!(["L 1", "L2"]))]).await;
    let cart = shopper.check_in().await;
    let lot = |lot: &str| format!("(01)0{MILK}(10){lot}");
    assert_eq!(refused(&shopper, cart, &lot("l1")).await, pair("recalled", "Bring it back."));
    assert_eq!(refused(&shopper, cart, &lot("L3")).await, pair("", ""));
    let line = |read: crate::support::Answer| read.json["lines"][0].clone();
    let known = line(shopper.cart(cart).await);
    assert_eq!((&known["check_lots"], &known["blocked"]), (&Value::Null, &Value::Null));
    shopper.scan(cart, &[MILK]).await.expect(200);
    let unknown = line(shopper.cart(cart).await);
    assert_eq!(
        unknown["check_lots"],
        json!([{"recall": "R-7", "lots": ["L 1", "L2"], "notice": "Bring it back."}])
    );
    let second =
        json!({"kind": "recall", "recall": "R-8", "sku": "milk", "lots": ["M9"], "notice": "Glass."});
    shop.test.apply_rows(&[second]).await;
    let both = line(shopper.cart(cart).await);
    let recalls: Vec<&Value> =
        both["check_lots"].as_array().expect("two").iter().map(|each| &each["recall"]).collect();
    assert_eq!(recalls, [&json!("R-7"), &json!("R-8")], "a second recall of lots is told too");
    assert_eq!((&unknown["quantity"]["amount"], &unknown["blocked"]), (&json!(2), &Value::Null));
    shop.test.apply_rows(&[recall(&json!(["L3"]))]).await;
    assert_eq!(line(shopper.cart(cart).await)["blocked"]["reason"], "recalled");
    let (_, placed) = shopper.place(cart, &[]).await;
    placed.problem(409, "lines_blocked");
}

#[tokio::test]
async fn a_recall_between_quote_and_yes_gives_the_cart_back_and_debits_nothing() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    let total = serde_json::from_value(placed.expect(201).json["quote"]["total"].clone()).expect("money");
    shop.test.apply_rows(&[recall(&Value::Null)]).await;
    shopper.pay(checkout, total).await.problem(409, "lines_blocked");
    assert_eq!(shopper.checkout(checkout).await.text("/state"), "cancelled");
    assert_eq!(shopper.cart(cart).await.text("/state"), "open");
    shop.test.run_jobs().await;
    assert!(shop.paypal.books().captures.is_empty());
}

#[tokio::test]
async fn a_use_by_date_counts_by_the_stores_own_day() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.check_in().await;
    let passed = refused(&shopper, cart, &format!("(01)0{MILK}(17)261122")).await;
    assert_eq!(passed, pair("use_by_passed", "It was to be used by 2026-11-22."));
    assert_eq!(
        refused(&shopper, cart, &format!("(01)0{MILK}(15)261122")).await.0,
        "",
        "best before is no use by"
    );
    let today = format!("(01)0{MILK}(17)261123");
    assert_eq!(refused(&shopper, cart, &today).await.0, "");
    // 23:30 in Berlin, 22:30 in UTC; an hour later it is tomorrow there.
    shop.test.advance(chrono::Duration::minutes(13 * 60 + 30));
    let mut shopper = shopper;
    shopper.sign_in_again().await;
    assert_eq!(refused(&shopper, cart, &today).await.0, "");
    shop.test.advance(chrono::Duration::minutes(45));
    shopper.sign_in_again().await;
    assert_eq!(refused(&shopper, cart, &today).await.0, "use_by_passed");
    assert_eq!(state(&shopper, cart).await.1["reason"], "use_by_passed");
    let (_, placed) = shopper.place(cart, &[]).await;
    placed.problem(409, "lines_blocked");
}

#[tokio::test]
async fn a_sale_stop_a_ban_and_a_deletion_block_what_is_in_the_cart_already() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let ban = |days: Value| milk(&json!({"sale_bans": [{"days": days, "from": "09:30", "to": "11:00"}]}));
    for (row, reason, notice) in [
        (milk(&json!({"sale_stop": "Cooling has failed."})), "sale_stopped", "Cooling has failed."),
        (ban(json!([1])), "sale_banned", "It is not sold from 09:30 to 11:00."),
    ] {
        shop.test.apply_rows(&[row]).await;
        assert_eq!(refused(&shopper, cart, MILK).await, pair(reason, notice));
        assert_eq!(state(&shopper, cart).await.1, json!({"reason": reason, "notice": notice}));
        let (_, placed) = shopper.place(cart, &[]).await;
        placed.problem(409, "lines_blocked");
    }
    // Ten o'clock in Berlin is nine in UTC: a ban that ended by then does not hold, nor one of another day.
    shop.test.apply_rows(&[ban(json!([2]))]).await;
    assert_eq!(state(&shopper, cart).await.1, Value::Null);
    shop.test.apply_rows(&[json!({"kind": "product", "sku": "milk", "deleted": true})]).await;
    assert_eq!(state(&shopper, cart).await.1["reason"], "product_withdrawn");
    assert_eq!(refused(&shopper, cart, MILK).await.0, "code_unknown");
    let (_, placed) = shopper.place(cart, &[]).await;
    placed.problem(409, "lines_blocked");
    shop.test.apply_rows(&[milk(&json!({}))]).await;
    assert_eq!(state(&shopper, cart).await.1, Value::Null);
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn one_trip_holds_no_more_than_the_limit_however_it_is_asked() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    shop.test.apply_rows(&[milk(&json!({"quantity_max": 3}))]).await;
    let cart = shopper.check_in().await;
    let answer = shopper.scan(cart, &[MILK, MILK, MILK, MILK]).await.expect(200);
    assert_eq!(answer.json["results"][3]["reason"], "quantity_limit");
    let path = format!("/v1/carts/{cart}/lines/1");
    let set = |amount: i64| json!({"quantity": {"amount": amount, "unit": "piece"}});
    shopper.put(&path, &set(4)).await.problem(422, "quantity_limit");
    shop.test.apply_rows(&[milk(&json!({"quantity_max": 1}))]).await;
    let (_, blocked) = state(&shopper, cart).await;
    assert_eq!(blocked, json!({"reason": "quantity_limit", "notice": "One trip may hold 1 of it."}));
    shopper.put(&path, &set(2)).await.expect(200);
    let (_, placed) = shopper.place(cart, &[]).await;
    placed.problem(409, "lines_blocked");
    shopper.put(&path, &set(1)).await.expect(200);
    assert_eq!(shopper.buy(cart, &[]).await.text("/state"), "paid");
}

#[tokio::test]
async fn a_deposit_is_not_sold_alone() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let rows = [
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        json!({"kind": "code", "code": "9520000009908", "sku": "deposit-25"}),
        price("de", "deposit-25", 25),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    let cart = shopper.check_in().await;
    assert_eq!(refused(&shopper, cart, "9520000009908").await.0, "deposit_alone");
}

#[tokio::test]
async fn a_store_says_what_becomes_of_goods_past_their_best() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let code = format!("(01)0{MILK}(15)261122");
    let store = |passed: &str| {
        let mut row =
            crate::support::catalog::rows().into_iter().find(|row| row["store"] == "0001").expect("a store");
        row["best_before_passed"] = json!(passed);
        row
    };
    let cart = shopper.check_in().await;
    assert_eq!(refused(&shopper, cart, &code).await.0, "");
    let line = async || shopper.cart(cart).await.json["lines"][0].clone();
    assert_eq!(line().await["best_before_passed"], "2026-11-22", "told when nothing else is said");
    shop.test.apply_rows(&[store("sell")]).await;
    assert_eq!(line().await["best_before_passed"], Value::Null);
    shop.test.apply_rows(&[store("block")]).await;
    let expected = json!({"reason": "best_before_passed", "notice": "It was best before 2026-11-22."});
    assert_eq!(line().await["blocked"], expected);
    assert_eq!(
        refused(&shopper, cart, &code).await,
        pair("best_before_passed", "It was best before 2026-11-22.")
    );
    assert_eq!(refused(&shopper, cart, &format!("(01)0{MILK}(15)261123")).await.0, "", "on the day itself");
    let (_, placed) = shopper.place(cart, &[]).await;
    placed.problem(409, "lines_blocked");
}
