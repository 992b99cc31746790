//! What vouchers and points paid comes back with what it paid for: of what was not picked, of what was given back, of an order
//! that was taken back. Never more than was paid, and in the end all of it.

use aisle::identity::Role;
use aisle::ids::{OrderId, RefundId};
use serde_json::{Value, json};

use crate::credits::{TEMPLATE, amounts, apply, offer, pay, points, shop_with, show, slip};
use crate::picked::{hand_over, pick};
use crate::support::Answer;
use crate::support::catalog::{COFFEE, GUM, MILK, PAN, STORE};
use crate::support::trip::{Shop, Shopper};

/// A shop whose points pay a cent each, with a member who has some, and bottle slips.
async fn shop() -> Shop {
    shop_with(
        &json!({"voucher_templates": [TEMPLATE], "points": {"per": 100, "points": 20, "worth": 1}}),
        &[],
    )
    .await
}

/// A member who has earned 780 points with a pan for 39.99.
async fn member(shop: &Shop) -> Shopper<'_> {
    let shopper = shop.payer("anna@example.com").await;
    let member = json!({"kind": "customer", "customer": shopper.actor.id, "is_member": true});
    apply(shop, &[member]).await;
    let cart = shopper.fill(&[PAN]).await;
    shopper.order(cart, &[]).await;
    assert_eq!(points(&shopper).await, (780, 0));
    shopper
}

/// Buys with a slip of so many cents and so many points; what is debited must be so much.
async fn buy(
    shopper: &Shopper<'_>,
    codes: &[&str],
    delivered: &[i64],
    (cents, offered): (u32, i64),
    debited: i64,
) -> OrderId {
    let cart = shopper.fill(codes).await;
    if cents > 0 {
        show(shopper, cart, &slip(7, cents)).await.expect(200);
    }
    offer(shopper, cart, offered).await.expect(200);
    let (checkout, placed) = shopper.place(cart, delivered).await;
    assert_eq!(placed.expect(201).number("/quote/to_pay/amount"), debited);
    let order = pay(shopper, checkout, debited).await;
    shopper.shop.test.run_jobs().await;
    order
}

async fn notes(shopper: &Shopper<'_>) -> Vec<Value> {
    shopper.get("/v1/credit-notes").await.expect(200).json.as_array().expect("notes").clone()
}

async fn refund(shop: &Shop, order: OrderId, amount: Option<i64>) -> Answer {
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let id: RefundId = shop.test.app.ids.next();
    let mut body = json!({"reason": "brought back"});
    if let Some(amount) = amount {
        body["amount"] = json!({"amount": amount, "currency": "EUR"});
    }
    let path = format!("/v1/orders/{order}/refunds/{id}");
    let answer = shop.test.put(&path, &body).bearer(&staff).send().await;
    shop.test.run_jobs().await;
    answer
}

async fn cancel(shop: &Shop, order: OrderId) {
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    shop.test.post(&format!("/v1/orders/{order}/cancel"), &json!({})).bearer(&staff).send().await.expect(200);
    shop.test.run_jobs().await;
}

/// What of a refund goes to the account, comes back as points, and as a credit note.
fn shares(refund: &Answer) -> (i64, i64, i64) {
    let of = |pointer: &str| refund.json.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    (of("/to_account/amount"), of("/points"), of("/credit_note/amount"))
}

#[tokio::test]
async fn what_credits_paid_beyond_what_was_picked_comes_back_and_is_paid_with_again() {
    let shop = shop().await;
    let shopper = member(&shop).await;
    // Milk is taken along; coffee, gum and the courier: 1.29 + 6.99 + 0.89 + 4.99 = 14.16; 10.00 and 400 points pay 14.00.
    let order = buy(&shopper, &[MILK, COFFEE, GUM], &[2, 3], (1_000, 400), 16).await;
    // 9.17 of goods earn 180 points.
    assert_eq!(points(&shopper).await, (780 - 400 + 180, 0));
    let picked = pick(&shop, order, &json!([{"line": 2}])).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 0);
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    // 7.17 were picked, and 14.00 paid: 6.83 too much. 400 points of a cent, then 2.83 of the slip.
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (0, "completed"));
    assert_eq!(
        read.json["credits_back"],
        json!({"points": 400, "credit_note": {"amount": 283, "currency": "EUR"}})
    );
    // 6.99 of 14.16 earned nothing: 180 × 699 ÷ 1416 = 88.9.
    assert_eq!(points(&shopper).await, (780 + 180 - 88, 0));
    let books = shop.paypal.books();
    let held = books.authorizations.values().find(|hold| hold.amount.minor == 16).expect("a hold");
    assert_eq!(held.status, aisle::sandbox::paypal::AuthorizationStatus::Voided);
    let receipt = read.text("/receipt_url").trim_start_matches(shop.test.url()).to_owned();
    let page = String::from_utf8(shop.test.get(&receipt).send().await.expect(200).bytes).expect("text");
    for text in ["Not picked", "−6.99", "Of that given back", "6.83", "400 points, a credit note of 2.83"] {
        assert!(page.contains(text), "{text} in {page}");
    }

    let given = notes(&shopper).await;
    assert_eq!(
        (given.len(), &given[0]["amount"]["amount"], &given[0]["state"]),
        (1, &json!(283), &json!("open"))
    );
    assert_eq!(given[0]["order_number"], read.json["number"]);
    let code = given[0]["code"].as_str().expect("a code").to_owned();
    let stranger = shop.payer("bert@example.com").await;
    let theirs = stranger.fill(&[COFFEE]).await;
    show(&stranger, theirs, &code).await.problem(404, "voucher_unknown");
    let cart = shopper.fill(&[COFFEE]).await;
    show(&shopper, cart, &slip(7, 1_000)).await.problem(409, "voucher_used");
    assert_eq!(amounts(&show(&shopper, cart, &code.to_lowercase()).await.expect(200)), (699, 416));
    let (checkout, placed) = shopper.place(cart, &[]).await;
    placed.expect(201);
    let second = shopper.fill(&[COFFEE]).await;
    show(&shopper, second, &code).await.problem(409, "voucher_used");
    pay(&shopper, checkout, 416).await;
    assert_eq!(notes(&shopper).await[0]["state"], "used");
}

#[tokio::test]
async fn refunds_are_shared_as_was_paid_and_come_to_the_whole() {
    let shop = shop().await;
    let shopper = member(&shop).await;
    // 39.99 with 10.00 of a slip, 780 points and 22.19.
    let order = buy(&shopper, &[PAN], &[], (1_000, 780), 2_219).await;
    assert_eq!(points(&shopper).await, (780, 0), "as many are earned");
    // A third: 1000 × 1333 ÷ 3999 = 333.3; 780 × 1333 ÷ 3999 = 260.0; the account has the rest.
    assert_eq!(shares(&refund(&shop, order, Some(1_333)).await.expect(202)), (740, 260, 333));
    assert_eq!(points(&shopper).await, (780 + 260 - 260, 0), "a third of what was earned goes");
    refund(&shop, order, Some(2_667)).await.problem(422, "refund_too_large");
    assert_eq!(shares(&refund(&shop, order, Some(1)).await.expect(202)), (1, 0, 0));
    let last = refund(&shop, order, None).await.expect(202);
    assert_eq!((last.number("/amount/amount"), shares(&last)), (2_665, (2_219 - 741, 520, 667)));
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.number("/refunded/amount")), (2_219, 2_219));
    // All that was burned is back, all that was earned is gone; and the slip has become notes.
    assert_eq!(points(&shopper).await, (780, 0));
    let given: i64 =
        notes(&shopper).await.iter().map(|note| note["amount"]["amount"].as_i64().expect("cents")).sum();
    assert_eq!(given, 1_000);
    refund(&shop, order, None).await.problem(422, "refund_too_large");
}

#[tokio::test]
async fn what_points_paid_alone_comes_back_without_a_provider() {
    let shop = shop().await;
    let shopper = member(&shop).await;
    let order = buy(&shopper, &[COFFEE], &[], (0, 780), 0).await;
    assert_eq!(points(&shopper).await, (780 - 699 + 120, 0));
    let half = refund(&shop, order, Some(350)).await.expect(202);
    assert_eq!((half.text("/state"), shares(&half)), ("done", (0, 350, 0)));
    // 120 × 350 ÷ 699 = 60.1 of the earned ones go.
    assert_eq!(points(&shopper).await, (201 + 350 - 60, 0));
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(201);
    refund(&shop, order, None).await.expect(202);
    assert_eq!(points(&shopper).await, (780, 0));
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.problem(409, "order_not_paid");
    // Taken back as a whole then, nothing comes back twice.
    cancel(&shop, order).await;
    assert_eq!(points(&shopper).await, (780, 0));
    refund(&shop, order, Some(1)).await.problem(409, "order_state");
}

#[tokio::test]
async fn an_order_that_is_taken_back_after_a_refund_gives_back_the_rest() {
    let shop = shop().await;
    let shopper = member(&shop).await;
    let order = buy(&shopper, &[PAN], &[], (1_000, 780), 2_219).await;
    refund(&shop, order, Some(1_333)).await.expect(202);
    cancel(&shop, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.number("/refunded/amount")), (2_219, 2_219));
    assert_eq!(points(&shopper).await, (780, 0));
    let given: Vec<i64> =
        notes(&shopper).await.iter().map(|note| note["amount"]["amount"].as_i64().expect("cents")).collect();
    assert_eq!(given.iter().sum::<i64>(), 1_000, "{given:?}");
    let cart = shopper.fill(&[PAN]).await;
    show(&shopper, cart, &slip(7, 1_000)).await.problem(409, "voucher_used");
}
