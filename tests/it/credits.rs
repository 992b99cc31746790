//! What pays beside the debit, and what stores ask beside their prices: deposit vouchers and points that nobody spends twice,
//! fees, areas of taxes, goods that are eaten in the store.

use aisle::identity::Role;
use aisle::ids::{CartId, CheckoutId, OrderId, RefundId};
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{COFFEE, MILK, PAN, STORE};
use crate::support::trip::{Shop, Shopper};
use crate::weighed::checked;

pub const TEMPLATE: &str = "98{code:6}{price:4}{ec}";

/// The slip of a bottle machine.
pub fn slip(number: u32, cents: u32) -> String {
    checked(&format!("98{number:06}{cents:04}"))
}

pub fn store_with(till: &Value) -> Value {
    let rows = crate::support::catalog::rows();
    let mut row =
        rows.into_iter().find(|row| row["kind"] == "store" && row["store"] == STORE).expect("the store");
    row["till"] = till.clone();
    row
}

pub async fn shop_with(till: &Value, more: &[Value]) -> Shop {
    let shop = Shop::open().await;
    let mut rows = vec![store_with(till)];
    rows.extend_from_slice(more);
    apply(&shop, &rows).await;
    shop
}

pub async fn apply(shop: &Shop, rows: &[Value]) {
    let report = shop.test.apply_rows(rows).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
}

pub fn amounts(answer: &Answer) -> (i64, i64) {
    (answer.number("/total/amount"), answer.number("/to_pay/amount"))
}

pub async fn show(shopper: &Shopper<'_>, cart: CartId, code: &str) -> Answer {
    shopper.post(&format!("/v1/carts/{cart}/vouchers"), &json!({"code": code})).await
}

pub async fn offer(shopper: &Shopper<'_>, cart: CartId, points: i64) -> Answer {
    shopper.put(&format!("/v1/carts/{cart}/points"), &json!({"points": points})).await
}

pub async fn points(shopper: &Shopper<'_>) -> (i64, i64) {
    let answer = shopper.get("/v1/points").await.expect(200);
    let entries = answer.json["entries"].as_array().expect("entries");
    let sum: i64 = entries.iter().map(|entry| entry["points"].as_i64().expect("points")).sum();
    let (points, owed) = (answer.number("/points"), answer.number("/owed"));
    assert_eq!(sum, points - owed, "the balance is what the ledger comes to");
    (points, owed)
}

pub async fn cancel(shopper: &Shopper<'_>, checkout: CheckoutId) {
    shopper.post(&format!("/v1/checkouts/{checkout}/cancel"), &json!({})).await.expect(200);
}

/// Says yes to what is debited, and waits for the order.
pub async fn pay(shopper: &Shopper<'_>, checkout: CheckoutId, minor: i64) -> OrderId {
    let body = json!({"total": {"amount": minor, "currency": "EUR"}});
    shopper.post(&format!("/v1/checkouts/{checkout}/pay"), &body).await;
    shopper.shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    shopper.checkout(checkout).await.text("/order").parse().expect("an order")
}

#[tokio::test]
async fn rules_of_a_till_that_can_not_be_are_refused_at_import() {
    let shop = Shop::open().await;
    let fee =
        |class: &str, amount: i64| json!({"fees": [{"name": "Bag", "amount": amount, "tax_class": class}]});
    let rows = [
        store_with(&json!({"voucher_templates": ["98{code:6}{_:4}{ec}"]})),
        store_with(&json!({"points": {"per": 0, "points": 1}})),
        store_with(&fee("standard", 0)),
        store_with(&fee("luxury", 10)),
        store_with(&json!({"tax_area": "de-by"})),
        store_with(&json!({"eat_in": [{"tax_class": "reduced", "instead": "luxury"}]})),
    ];
    let report = shop.test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["till_rules", "till_rules", "till_rules", "tax_class_unknown", "till_rules", "tax_class_unknown"]
    );
}

#[tokio::test]
async fn a_deposit_voucher_pays_once_however_many_carts_show_it() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let slip = slip(123, 250);
    let mut shoppers = Vec::new();
    for name in ["anna", "bert", "carl"] {
        let shopper = shop.payer(&format!("{name}@example.com")).await;
        let cart = shopper.fill(&[MILK, MILK]).await;
        assert_eq!(amounts(&show(&shopper, cart, &slip).await.expect(200)), (258, 8));
        show(&shopper, cart, &slip).await.expect(200);
        shoppers.push((shopper, cart));
    }
    let (anna, cart) = &shoppers[0];
    show(anna, *cart, MILK).await.problem(404, "voucher_unknown");
    let scanned = anna.scan(*cart, &[&slip]).await.expect(200);
    assert_eq!(scanned.text("/results/0/reason"), "voucher", "the app learns where it belongs");

    let asked = shoppers.iter().map(|(shopper, cart)| shopper.place(*cart, &[]));
    let placed = futures_util::future::join_all(asked).await;
    let won: Vec<usize> = (0..3).filter(|at| placed[*at].1.status == 201).collect();
    assert_eq!(won.len(), 1, "one voucher pays one checkout");
    for (at, (_, answer)) in placed.into_iter().enumerate() {
        if at == won[0] {
            let answer = answer.expect(201);
            let quote = &answer.json["quote"];
            assert_eq!(
                (quote["total"]["amount"].as_i64(), quote["to_pay"]["amount"].as_i64()),
                (Some(258), Some(8))
            );
            // 2.58 × 7 ÷ 107: a voucher changes no tax.
            assert_eq!(quote["taxes"][0]["tax"]["amount"], 17);
            let (shopper, _) = &shoppers[at];
            let checkout = answer.text("/id").parse().expect("an id");
            let body = json!({"total": quote["total"]});
            shopper.post(&format!("/v1/checkouts/{checkout}/pay"), &body).await.problem(422, "total_differs");
            cancel(shopper, checkout).await;
        } else {
            answer.problem(409, "voucher_used");
        }
    }
    // Free again: another one has it, pays with it, and it is gone for good.
    let (shopper, cart) = &shoppers[(won[0] + 1) % 3];
    let (checkout, placed) = shopper.place(*cart, &[]).await;
    placed.expect(201);
    let order = pay(shopper, checkout, 8).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (8, "completed"));
    let debited =
        serde_json::to_value(&shop.paypal.books().orders.values().next().expect("one").units[0].amount);
    assert_eq!(debited.expect("an amount")["minor"], 8);
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = String::from_utf8(shop.test.get(&receipt).send().await.expect(200).bytes).expect("text");
    assert!(page.contains("Deposit voucher") && page.contains("−2.50"), "{page}");
    let (other, others) = &shoppers[(won[0] + 2) % 3];
    other.place(*others, &[]).await.1.problem(409, "voucher_used");
    let name = other.cart(*others).await.text("/vouchers/0/voucher").to_owned();
    let path = format!("/v1/carts/{others}/vouchers/{name}");
    let away = shop.test.call(reqwest::Method::DELETE, &path).bearer(&other.actor.token).send().await;
    assert_eq!(amounts(&away.expect(200)), (258, 258));
    show(other, *others, &slip).await.problem(409, "voucher_used");
}

#[tokio::test]
async fn where_vouchers_pay_everything_nothing_is_debited_and_the_gate_opens() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    show(&shopper, cart, &slip(7, 500)).await.expect(200);
    assert_eq!(amounts(&show(&shopper, cart, &slip(8, 129)).await.expect(200)), (129, 0));
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    let order = pay(&shopper, checkout, 0).await;
    shop.test.run_jobs().await;
    assert!(shop.paypal.books().orders.is_empty());
    assert_eq!(shopper.read_order(order).await.text("/state"), "completed");
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(201);
    // The larger one did not fit: it is as good as before. The smaller one is, once the order was taken back.
    let next = shopper.fill(&[COFFEE]).await;
    show(&shopper, next, &slip(7, 500)).await.expect(200);
    show(&shopper, next, &slip(8, 129)).await.problem(409, "voucher_used");
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let path = format!("/v1/orders/{order}/cancel");
    shop.test.post(&path, &json!({})).bearer(&staff).send().await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(amounts(&show(&shopper, next, &slip(8, 129)).await.expect(200)), (699, 699 - 629));
}

#[tokio::test]
async fn a_cart_that_costs_nothing_is_paid_without_a_debit() {
    let free = json!({
        "kind": "promotion", "promotion": "P1", "name": "Free milk", "currency": "EUR",
        "valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z",
        "terms": {"type": "percent_off", "percent": "100"}, "goods": {"skus": ["milk"]},
    });
    let shop = shop_with(&json!({}), &[free]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let (checkout, placed) = shopper.place(cart, &[]).await;
    assert_eq!(placed.expect(201).number("/quote/total/amount"), 0);
    let order = pay(&shopper, checkout, 0).await;
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.text("/state"), "completed");
    assert!(shop.paypal.books().orders.is_empty());
}

#[tokio::test]
async fn points_are_earned_once_burned_once_and_come_back() {
    let till = json!({"points": {"per": 100, "points": 10, "worth": 1}});
    let shop = shop_with(&till, &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let member = json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true});
    apply(&shop, &[member]).await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    assert_eq!(shopper.cart(cart).await.number("/points_earned"), 80, "ten for each full euro of 8.28");
    let first = shopper.order(cart, &[]).await;
    shop.test.run_jobs().await;
    assert_eq!(points(&shopper).await, (80, 0));

    // Two carts burn the same points at once: one of them gets them.
    let (one, two) = (shopper.fill(&[PAN]).await, shopper.fill(&[PAN]).await);
    offer(&shopper, one, 81).await.problem(409, "points_short");
    for cart in [one, two] {
        assert_eq!(amounts(&offer(&shopper, cart, 80).await.expect(200)), (3999, 3919));
    }
    let (first_try, second_try) = tokio::join!(shopper.place(one, &[]), shopper.place(two, &[]));
    let statuses = [first_try.1.status, second_try.1.status];
    assert!(
        statuses.contains(&reqwest::StatusCode::CREATED) && statuses.contains(&reqwest::StatusCode::CONFLICT)
    );
    assert_eq!(points(&shopper).await, (0, 0), "never below none");
    let (won, cart) = if statuses[0] == 201 { (first_try.0, one) } else { (second_try.0, two) };
    cancel(&shopper, won).await;
    cancel(&shopper, won).await;
    assert_eq!(points(&shopper).await, (80, 0), "given up once");

    // Paid with 80 points, and 10 for each full euro of 39.99 are earned.
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    let second = pay(&shopper, checkout, 3919).await;
    shop.test.run_jobs().await;
    assert_eq!(points(&shopper).await, (390, 0));
    assert_eq!(shopper.read_order(second).await.number("/captured/amount"), 3919);

    // Half of the first order given back: half of its points. Then the second as a whole: its points go, those that it
    // burned come back.
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let refund: RefundId = shop.test.app.ids.next();
    let body = json!({"amount": {"amount": 414, "currency": "EUR"}, "reason": "broken"});
    let path = format!("/v1/orders/{first}/refunds/{refund}");
    shop.test.put(&path, &body).bearer(&staff).send().await.expect(202);
    shop.until(async || shopper.read_order(first).await.number("/refunded/amount") == 414).await;
    assert_eq!(points(&shopper).await, (350, 0));
    let path = format!("/v1/orders/{second}/cancel");
    for _ in 0..2 {
        shop.test.post(&path, &json!({})).bearer(&staff).send().await.expect(200);
    }
    assert_eq!(points(&shopper).await, (40, 0));
}

#[tokio::test]
async fn points_that_were_spent_and_are_taken_back_come_off_the_next_ones() {
    let till = json!({"points": {"per": 100, "points": 10, "worth": 1}});
    let shop = shop_with(&till, &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let member = json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true});
    apply(&shop, &[member]).await;
    let cart = shopper.fill(&[COFFEE]).await;
    let first = shopper.order(cart, &[]).await;
    assert_eq!(points(&shopper).await, (60, 0));
    let cart = shopper.fill(&[MILK]).await;
    offer(&shopper, cart, 60).await.expect(200);
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    pay(&shopper, checkout, 69).await;
    assert_eq!(points(&shopper).await, (10, 0));
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    shop.test.post(&format!("/v1/orders/{first}/cancel"), &json!({})).bearer(&staff).send().await.expect(200);
    assert_eq!(points(&shopper).await, (0, 50));
    let cart = shopper.fill(&[COFFEE]).await;
    shopper.order(cart, &[]).await;
    assert_eq!(points(&shopper).await, (10, 0));
}

#[tokio::test]
async fn fees_of_the_store_are_quoted_taxed_and_debited() {
    let till = json!({"fees": [
        {"name": "Small basket", "amount": 50, "tax_class": "standard", "below": 500},
        {"name": "Packing", "amount": 30, "tax_class": "reduced", "delivery_only": true},
    ]});
    let shop = shop_with(&till, &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let small = shopper.fill(&[MILK]).await;
    let read = shopper.cart(small).await;
    assert_eq!(amounts(&read), (179, 179));
    assert_eq!(read.text("/fees/0/name"), "Small basket");
    // 0.50 × 19 ÷ 119 = 0.0798.
    assert_eq!(read.number("/fees/0/tax/amount"), 8);
    let order = shopper.order(small, &[]).await;
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 179);
    let large = shopper.fill(&[COFFEE, MILK]).await;
    assert_eq!(amounts(&shopper.cart(large).await), (828, 828));
    let (_, placed) = shopper.place(large, &[1]).await;
    let placed = placed.expect(201);
    assert_eq!(placed.number("/quote/total/amount"), 828 + 499 + 30);
    assert_eq!((placed.number("/quote/due_now/amount"), placed.text("/quote/fees/0/name")), (129, "Packing"));
}

#[tokio::test]
async fn what_is_eaten_in_the_store_has_its_own_rate() {
    let till = json!({"eat_in": [{"tax_class": "reduced", "instead": "standard"}]});
    let shop = shop_with(&till, &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[COFFEE]).await;
    let tax =
        |answer: &Answer| (answer.text("/taxes/0/rate").to_owned(), answer.number("/taxes/0/tax/amount"));
    assert_eq!(tax(&shopper.cart(cart).await), ("7".to_owned(), 46));
    let path = format!("/v1/carts/{cart}/consumption");
    let eaten = shopper.put(&path, &json!({"eat_in": true})).await.expect(200);
    // 6.99 × 19 ÷ 119 = 1.116.
    assert_eq!((tax(&eaten), amounts(&eaten)), (("19".to_owned(), 112), (699, 699)));
    let order = shopper.order(cart, &[]).await;
    assert_eq!(shopper.read_order(order).await.text("/quote/lines/0/tax_rate"), "19");
}

#[tokio::test]
async fn a_store_is_taxed_by_its_area_and_its_row_says_whether_on_top() {
    let rate = |area: &str, rate: &str| json!({"kind": "tax_rate", "country": area, "tax_class": "reduced", "valid_from": "2020-01-01", "rate": rate});
    let half = json!({
        "kind": "promotion", "promotion": "P1", "name": "Half", "currency": "EUR",
        "valid_from": "2026-11-01T00:00:00Z", "valid_to": "2026-12-01T00:00:00Z",
        "terms": {"type": "percent_off", "percent": "50"}, "goods": {"skus": ["coffee"]},
    });
    let till = json!({"tax_area": "DE-X-1", "tax_on_top": true});
    let shop = shop_with(&till, &[rate("DE-X-1", "8.875"), rate("DE-X", "5"), half]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[COFFEE]).await;
    // 6.99 less 3.50 is 3.49; 3.49 × 0.08875 = 0.3097: on the discounted price.
    assert_eq!(amounts(&shopper.cart(cart).await), (349 + 31, 380));
    let order = shopper.order(cart, &[]).await;
    shop.test.run_jobs().await;
    assert_eq!(shopper.read_order(order).await.number("/captured/amount"), 380);
    let books = shop.paypal.books();
    let unit = &books.orders.values().next().expect("an order").units[0];
    assert_eq!(serde_json::to_value(&unit.amount).expect("an amount")["minor"], 380);
}

#[tokio::test]
async fn a_deposit_is_taxed_at_the_rate_of_the_day_of_the_sale_too() {
    let rows = [
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        crate::support::catalog::price("de", "deposit-25", 25),
        json!({"kind": "product", "sku": "milk", "name": "Milk", "tax_class": "reduced", "deliverable": true, "deposit": "deposit-25"}),
    ];
    let shop = shop_with(&json!({}), &rows).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let rate = |answer: &Answer| answer.text("/lines/0/deposit/rate").to_owned();
    assert_eq!(rate(&shopper.cart(cart).await), "19");
    let sixteen = json!({"kind": "tax_rate", "country": "DE", "tax_class": "standard", "valid_from": "2026-11-01", "rate": "16"});
    apply(&shop, &[sixteen]).await;
    assert_eq!(rate(&shopper.cart(cart).await), "16");
    let order = shopper.order(cart, &[]).await;
    // 0.25 × 16 ÷ 116 = 0.034.
    let deposit = shopper.read_order(order).await.json["quote"]["lines"][0]["deposit"].clone();
    assert_eq!((&deposit["rate"], &deposit["tax"]["amount"]), (&json!("16"), &json!(3)));
}
