//! Debts: goods left and the money did not come. The shopper is told, shops no more until it is paid, and pays once.

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::{MethodId, OrderId};
use aisle::money::{Currency, Money};
use aisle::payments::reversal::{self, Noted, Teller, Told};
use aisle::payments::{DebtState, ProviderName};
use aisle::sandbox::paypal::{CaptureStatus, Controls, Fault, Rule};
use chrono::Duration;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{BREAD, MILK, PAN, STORE};
use crate::support::trip::{Shop, Shopper};

/// What bread costs, in cents: it is taken along, and its capture is refused in most of these tests.
const BREAD_CENTS: i64 = 249;

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// An order whose first capture PayPal refused: a debt of [`BREAD_CENTS`].
async fn unpaid_order(shop: &Shop, shopper: &Shopper<'_>) -> OrderId {
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    assert!(shopper.read_order(order).await.text("/trouble").starts_with("capture failed"));
    order
}

async fn debts(shopper: &Shopper<'_>) -> Vec<Value> {
    shopper.get("/v1/debts").await.expect(200).json["debts"].as_array().expect("debts").clone()
}

/// The one debt that the shopper has.
async fn debt(shopper: &Shopper<'_>) -> Value {
    let debts = debts(shopper).await;
    assert_eq!(debts.len(), 1, "{debts:?}");
    debts.into_iter().next().expect("a debt")
}

/// The debt that came of an order.
async fn debt_of(shopper: &Shopper<'_>, order: OrderId) -> Value {
    let number = shopper.read_order(order).await.json["number"].clone();
    debts(shopper).await.into_iter().find(|debt| debt["reference"] == number).expect("a debt of the order")
}

fn path(debt: &Value) -> String {
    format!("/v1/debts/{}", debt["id"].as_str().expect("an id"))
}

async fn pay(shopper: &Shopper<'_>, debt: &Value, method: MethodId) -> Answer {
    shopper.post(&format!("{}/pay", path(debt)), &json!({"payment_method": method})).await
}

async fn begin_trip(shopper: &Shopper<'_>) -> Answer {
    let cart: aisle::ids::CartId = shopper.shop.test.app.ids.next();
    shopper.put(&format!("/v1/carts/{cart}"), &json!({"store": STORE})).await
}

/// What PayPal's books say was debited and not given back, in cents.
fn debited(shop: &Shop) -> i64 {
    let books = shop.paypal.books();
    let money = books.captures.values().filter(|capture| capture.status != CaptureStatus::Declined);
    money.map(|capture| capture.amount.minor - books.refunded_minor(&capture.id)).sum()
}

#[tokio::test]
async fn what_was_not_captured_is_owed_and_no_new_trip_begins_until_it_is_paid() {
    let shop = Shop::open().await;
    let shopper = shop.payer("finn+latedecline@example.com").await;
    let begun = shopper.fill(&[MILK]).await;
    let order = unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    assert_eq!((&owed["state"], &owed["kind"]), (&json!("open"), &json!("capture_refused")));
    assert_eq!((&owed["amount"], &owed["reason"]), (&json!(eur(BREAD_CENTS)), &json!("declined")));
    assert_eq!(owed["reference"], shopper.read_order(order).await.json["number"]);
    let refused = begin_trip(&shopper).await.problem(409, "debt_open");
    assert_eq!(refused.json["debts"][0]["id"], owed["id"]);
    assert_eq!(refused.json["debts"][0]["amount"], json!(eur(BREAD_CENTS)));
    // The trip that had begun goes on, but is not paid for before.
    shopper.put(&format!("/v1/carts/{begun}"), &json!({"store": STORE})).await.expect(200);
    shopper.scan(begun, &[MILK]).await.expect(200);
    shopper.place(begun, &[]).await.1.problem(409, "debt_open");
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.problem(409, "order_not_paid");
    assert_eq!((shop.test.balance("debt").await, shop.test.balance("receivable").await), (BREAD_CENTS, 0));

    let other = shopper.link("ben@example.com").await;
    let stranger = shop.payer("anna@example.com").await;
    pay(&stranger, &owed, stranger.method).await.problem(404, "debt_unknown");
    pay(&shopper, &owed, stranger.method).await.problem(404, "payment_method_unknown");
    pay(&shopper, &owed, other).await.expect(202);
    pay(&shopper, &owed, other).await.expect(202);
    pay(&shopper, &owed, shopper.method).await.problem(409, "debt_state");
    begin_trip(&shopper).await.problem(409, "debt_open");
    shop.test.run_jobs().await;
    let paid = shopper.get(&path(&owed)).await.expect(200);
    assert_eq!((paid.text("/state"), paid.text("/payment/state")), ("paid", "captured"));
    pay(&shopper, &owed, other).await.expect(200);
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), BREAD_CENTS, "paid once");
    assert_eq!((shop.test.balance("debt").await, shop.test.balance("receivable").await), (0, BREAD_CENTS));
    assert_eq!(shop.test.balance("sales").await, -BREAD_CENTS);
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/made_good/amount"), read.number("/captured/amount")), (BREAD_CENTS, 0));
    assert!(read.json["trouble"].is_null(), "{}", read.json);
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(201);
    begin_trip(&shopper).await.expect(201);
}

#[tokio::test]
async fn a_debt_that_may_pass_is_tried_again_by_rule_with_the_account_that_should_have_paid() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    let order = unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    shop.test.advance(Duration::minutes(59));
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), 0, "an hour is waited");
    shop.test.advance(Duration::minutes(2));
    shop.until(async || debited(&shop) == BREAD_CENTS).await;
    shopper.sign_in_again().await;
    let paid = shopper.get(&path(&owed)).await.expect(200);
    assert_eq!(
        (paid.text("/state"), paid.json["payment"]["method"].clone()),
        ("paid", json!(shopper.method))
    );
    assert!(shopper.read_order(order).await.json["trouble"].is_null());
    begin_trip(&shopper).await.expect(201);
}

#[tokio::test]
async fn a_debt_is_tried_by_rule_three_times_and_then_left_to_the_shopper() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    unpaid_order(&shop, &shopper).await;
    shop.paypal.add_fault(Rule::new("orders.create", Fault::ErrorBefore { status: 403 }, 100));
    let tried = async || {
        let db = &shop.test.app.db;
        let count: (i64,) = db
            .sql("SELECT COUNT(*) FROM payments WHERE debt IS NOT NULL AND is_by_rule AND state = 'declined'")
            .fetch_one()
            .await
            .expect("a count");
        count.0
    };
    for (pause, tries) in [(Duration::hours(1), 1), (Duration::days(1), 2), (Duration::days(3), 3)] {
        shop.test.advance(pause - Duration::minutes(1));
        shop.test.run_jobs().await;
        assert_eq!(tried().await, tries - 1, "before its time");
        shop.test.advance(Duration::minutes(1));
        shop.until(async || tried().await == tries).await;
    }
    shop.test.advance(Duration::days(30));
    shop.test.run_jobs().await;
    assert_eq!(tried().await, 3);
    shopper.sign_in_again().await;
    let owed = debt(&shopper).await;
    assert_eq!((&owed["state"], &owed["try_at"]), (&json!("open"), &Value::Null));
    assert_eq!(owed["payment"]["decline_reason"], "refused");
    shop.paypal.clear_faults();
    pay(&shopper, &owed, shopper.method).await.expect(202);
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
    assert_eq!(debited(&shop), BREAD_CENTS);
}

#[tokio::test]
async fn a_debt_whose_account_was_removed_is_left_to_the_shopper() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    unpaid_order(&shop, &shopper).await;
    let method = format!("/v1/payment-methods/{}", shopper.method);
    shop.test.call(reqwest::Method::DELETE, &method).bearer(&shopper.actor.token).send().await.expect(204);
    shop.test.advance(Duration::hours(2));
    shop.test.run_jobs().await;
    shopper.sign_in_again().await;
    let owed = debt(&shopper).await;
    assert_eq!(
        (&owed["state"], &owed["try_at"], &owed["payment"]),
        (&json!("open"), &Value::Null, &Value::Null)
    );
    pay(&shopper, &owed, shopper.method).await.problem(409, "payment_method_inactive");
    let other = shopper.link("ben@example.com").await;
    pay(&shopper, &owed, other).await.expect(202);
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
}

#[tokio::test]
async fn a_debt_that_two_instances_are_asked_to_pay_while_a_rule_tries_it_is_paid_once() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    let other = shop.test.another().await;
    shop.test.advance(Duration::minutes(61));
    shopper.sign_in_again().await;
    let body = json!({"payment_method": shopper.method});
    let pay = async |test: &crate::support::TestApp| {
        let call = test.post(&format!("{}/pay", path(&owed)), &body).bearer(&shopper.actor.token);
        call.send().await.status.as_u16()
    };
    let (first, second, ..) =
        tokio::join!(pay(&shop.test), pay(&other), shop.test.run_jobs(), other.run_jobs(), pay(&other));
    assert!([200, 202].contains(&first) && [200, 202].contains(&second), "{first} {second}");
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
    assert_eq!(debited(&shop), BREAD_CENTS);
}

#[tokio::test]
async fn a_shopper_who_has_to_confirm_the_payment_of_a_debt_is_sent_there() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    let cleo = shopper.link("cleo+action@example.com").await;
    pay(&shopper, &owed, cleo).await.expect(202);
    shop.test.run_jobs().await;
    let asked = pay(&shopper, &owed, cleo).await.expect(200);
    assert_eq!((asked.text("/state"), asked.text("/payment/state")), ("being_paid", "action_required"));
    // Not confirmed in time: it is open again, and another account may pay.
    shop.test.advance(Duration::minutes(16));
    shopper.sign_in_again().await;
    shop.until(async || debt(&shopper).await["state"] == "open").await;
    assert_eq!(debt(&shopper).await["payment"]["decline_reason"], "not_confirmed");
    pay(&shopper, &owed, cleo).await.expect(202);
    shop.test.run_jobs().await;
    let asked = shopper.get(&path(&owed)).await.expect(200);
    assert!(shop.paypal.approve(asked.text("/payment/action_url"), "cleo+action@example.com"));
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
    assert_eq!(debited(&shop), BREAD_CENTS);
}

#[tokio::test]
async fn an_account_that_waits_for_a_confirmation_makes_room_for_another() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("finn+latedecline@example.com").await;
    unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    let (cleo, anna) =
        (shopper.link("cleo+action@example.com").await, shopper.link("anna@example.com").await);
    pay(&shopper, &owed, cleo).await.expect(202);
    shop.test.run_jobs().await;
    let asked = shopper.get(&path(&owed)).await.expect(200);
    let page = asked.text("/payment/action_url");
    // The later of two payments is the debt's.
    shop.test.advance(Duration::seconds(1));
    pay(&shopper, &owed, anna).await.problem(409, "debt_let_go");
    shop.until(async || pay(&shopper, &owed, anna).await.status == 202).await;
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
    // Confirmed all the same, by a page that was left open: nothing is debited for it.
    shop.paypal.approve(page, "cleo+action@example.com");
    shop.test.run_jobs().await;
    shop.test.advance(Duration::hours(1));
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), BREAD_CENTS);
    shopper.sign_in_again().await;
    let paid = debt(&shopper).await;
    assert_eq!((&paid["state"], &paid["payment"]["method"]), (&json!("paid"), &json!(anna)));
}

#[tokio::test]
async fn staff_of_the_store_write_a_debt_off_with_a_reason() {
    let shop = Shop::open().await;
    let shopper = shop.payer("finn+latedecline@example.com").await;
    let order = unpaid_order(&shop, &shopper).await;
    let owed = debt(&shopper).await;
    let list = format!("/v1/stores/{STORE}/debts");
    let write_off = format!("{}/write-off", path(&owed));
    for (role, store) in [(Role::Clerk, STORE), (Role::Admin, "0002")] {
        let staff = shop.test.staff(role, &[store]).await;
        shop.test.get(&list).bearer(&staff).send().await.problem(403, "role_missing");
        let call = shop.test.post(&write_off, &json!({"note": "never mind"})).bearer(&staff);
        call.send().await.problem(404, "debt_unknown");
    }
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let listed = shop.test.get(&list).bearer(&supervisor).send().await.expect(200);
    assert_eq!(listed.json["debts"][0]["id"], owed["id"]);
    let send = async |note: &str| {
        shop.test.post(&write_off, &json!({"note": note})).bearer(&supervisor).send().await
    };
    // Not while it is being paid.
    shop.paypal.add_fault(Rule::new("orders.create", Fault::ErrorBefore { status: 403 }, 1));
    pay(&shopper, &owed, shopper.method).await.expect(202);
    send("goodwill").await.problem(409, "debt_state");
    shop.until(async || debt(&shopper).await["state"] == "open").await;
    send(" ").await.problem(400, "invalid_value");
    assert_eq!(send("goodwill").await.expect(200).text("/state"), "written_off");
    send("goodwill").await.expect(200);
    send("another reason").await.problem(409, "debt_state");
    assert_eq!(debt(&shopper).await["note"], "goodwill");
    assert_eq!((shop.test.balance("debt").await, shop.test.balance("written_off").await), (0, BREAD_CENTS));
    assert_eq!(shopper.read_order(order).await.number("/made_good/amount"), BREAD_CENTS);
    begin_trip(&shopper).await.expect(201);
    // The rule has nothing to try any more.
    shop.test.advance(Duration::hours(2));
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), 0);
    pay(&shopper, &owed, shopper.method).await.expect(401);
}

#[tokio::test]
async fn an_order_that_is_taken_back_takes_its_debt_along_and_gives_back_what_paid_it() {
    let shop = Shop::open().await;
    let shopper = shop.payer("finn+latedecline@example.com").await;
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let cancel = async |order: OrderId| {
        let path = format!("/v1/orders/{order}/cancel");
        shop.test.post(&path, &json!({})).bearer(&supervisor).send().await.expect(200);
        shop.test.run_jobs().await;
    };
    // Open.
    let order = unpaid_order(&shop, &shopper).await;
    cancel(order).await;
    assert_eq!(debt_of(&shopper, order).await["state"], "withdrawn");
    // On its way to be paid: the answer is lost, so nobody knows yet.
    let order = unpaid_order(&shop, &shopper).await;
    let owed = debt_of(&shopper, order).await;
    shop.paypal.add_fault(Rule::new("orders.create", Fault::NoAnswerAfter { hold: false }, 1));
    pay(&shopper, &owed, shopper.method).await.expect(202);
    shop.test.run_jobs().await;
    cancel(order).await;
    shop.until(async || debt_of(&shopper, order).await["state"] == "withdrawn").await;
    // Paid.
    let order = unpaid_order(&shop, &shopper).await;
    let owed = debt_of(&shopper, order).await;
    pay(&shopper, &owed, shopper.method).await.expect(202);
    shop.until(async || debt_of(&shopper, order).await["state"] == "paid").await;
    cancel(order).await;
    shop.until(async || debited(&shop) == 0).await;
    assert_eq!((shop.test.balance("debt").await, shop.test.balance("receivable").await), (0, 0));
    begin_trip(&shopper).await.expect(201);
}

#[tokio::test]
async fn goods_that_left_after_their_hold_had_ended_are_owed() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.until(async || shop.dhl.books().shipments.len() == 1).await;
    shop.test.run_jobs().await;
    shop.paypal.set_webhook_controls(Controls::default());
    shop.paypal.advance_seconds(30 * 24 * 3600);
    shop.paypal.deliver_webhooks().await;
    shop.test.run_jobs().await;
    shopper.sign_in_again().await;
    shopper.hand_over(order).await;
    shop.test.run_jobs().await;
    assert_eq!((debited(&shop), shop.test.balance("debt").await), (BREAD_CENTS, 4498));
    shop.test.advance(Duration::minutes(61));
    shop.until(async || debited(&shop) == BREAD_CENTS + 4498).await;
    shopper.sign_in_again().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.text("/state"), read.number("/made_good/amount")), ("completed", 4498));
    assert!(read.json["trouble"].is_null());
}

/// PayPal says that a capture was taken back, or came again.
async fn told(shop: &Shop, capture: &str, came_again: bool) -> Noted {
    let app = &shop.test.app;
    let told = Told {
        provider: ProviderName::PayPal,
        capture: capture.to_owned(),
        amount: eur(BREAD_CENTS),
        at: app.clock.now(),
        by: Teller::Line(format!("line of {capture}")),
    };
    let mut tx = app.db.begin().await.expect("begun");
    let noted = if came_again {
        reversal::reinstated(app, &mut tx, app.clock.now(), &told).await
    } else {
        reversal::reversed(app, &mut tx, app.clock.now(), &told).await
    };
    tx.commit().await.expect("committed");
    noted.expect("noted")
}

/// The capture that PayPal made last.
fn last_capture(shop: &Shop, but: &[&str]) -> String {
    let books = shop.paypal.books();
    books.captures.keys().find(|id| !but.contains(&id.as_str())).expect("a capture").clone()
}

#[tokio::test]
async fn what_a_bank_takes_back_is_owed_and_never_debited_again_by_rule() {
    let shop = Shop::open().await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD]).await;
    let order = shopper.order(cart, &[]).await;
    let capture = last_capture(&shop, &[]);
    assert_eq!(told(&shop, "another", false).await, Noted::NotOurs);
    assert!(matches!(told(&shop, &capture, false).await, Noted::New(_)));
    assert!(matches!(told(&shop, &capture, false).await, Noted::Known(_)));
    let owed = debt(&shopper).await;
    assert_eq!((&owed["kind"], &owed["amount"]), (&json!("reversed"), &json!(eur(BREAD_CENTS))));
    assert!(owed["try_at"].is_null());
    assert!(shopper.read_order(order).await.text("/trouble").contains("taken back"));
    begin_trip(&shopper).await.problem(409, "debt_open");
    let stands = async |account: &str| shop.test.balance(account).await;
    assert_eq!(
        (stands("receivable").await, stands("reversed").await, stands("debt").await),
        (0, 0, BREAD_CENTS)
    );
    shop.test.advance(Duration::days(5));
    shop.test.run_jobs().await;
    assert_eq!(debited(&shop), BREAD_CENTS, "the first debit alone");
    shopper.sign_in_again().await;
    pay(&shopper, &owed, shopper.method).await.expect(202);
    shop.until(async || debt(&shopper).await["state"] == "paid").await;
    assert!(shopper.read_order(order).await.json["trouble"].is_null());
    assert_eq!((stands("receivable").await, stands("sales").await), (BREAD_CENTS, -BREAD_CENTS));
    // What paid the debt is taken back too.
    let second = last_capture(&shop, &[&capture]);
    assert!(matches!(told(&shop, &second, false).await, Noted::New(_)));
    let debts = debts(&shopper).await;
    assert_eq!(debts.iter().filter(|debt| debt["state"] == "open").count(), 1, "{debts:?}");
    begin_trip(&shopper).await.problem(409, "debt_open");
}

#[tokio::test]
async fn what_comes_again_after_it_was_taken_back_is_not_owed_any_more() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD]).await;
    let order = shopper.order(cart, &[]).await;
    let capture = last_capture(&shop, &[]);
    told(&shop, &capture, false).await;
    assert!(matches!(told(&shop, &capture, true).await, Noted::New(_)));
    assert!(matches!(told(&shop, &capture, true).await, Noted::Known(_)));
    assert_eq!(debt(&shopper).await["state"], "withdrawn");
    assert!(shopper.read_order(order).await.json["trouble"].is_null());
    let stands = async |account: &str| shop.test.balance(account).await;
    assert_eq!(
        (stands("receivable").await, stands("reversed").await, stands("debt").await),
        (BREAD_CENTS, 0, 0)
    );
    begin_trip(&shopper).await.expect(201);
}

#[tokio::test]
async fn what_comes_again_after_its_debt_was_paid_is_for_people_to_give_back() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD]).await;
    shopper.order(cart, &[]).await;
    let capture = last_capture(&shop, &[]);
    told(&shop, &capture, false).await;
    let owed = debt(&shopper).await;
    pay(&shopper, &owed, shopper.method).await.expect(202);
    shop.test.run_jobs().await;
    assert_eq!(debt(&shopper).await["state"], "paid");
    let noted = told(&shop, &capture, true).await;
    assert!(matches!(noted, Noted::NotCleared(_, DebtState::Paid)), "{noted:?}");
    assert!(matches!(told(&shop, &capture, true).await, Noted::Known(_)));
    assert_eq!(shop.test.balance("receivable").await, 2 * BREAD_CENTS, "the shopper paid twice");
}

#[tokio::test]
async fn what_comes_again_while_its_debt_is_paid_clears_it_when_that_payment_fails() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD]).await;
    let order = shopper.order(cart, &[]).await;
    let capture = last_capture(&shop, &[]);
    told(&shop, &capture, false).await;
    let declined = shopper.link("ben+declined@example.com").await;
    pay(&shopper, &debt(&shopper).await, declined).await.expect(202);
    let noted = told(&shop, &capture, true).await;
    assert!(matches!(noted, Noted::NotCleared(_, DebtState::BeingPaid)), "{noted:?}");
    shop.test.run_jobs().await;
    assert_eq!(debt(&shopper).await["state"], "withdrawn");
    assert!(shopper.read_order(order).await.json["trouble"].is_null());
    let stands = async |account: &str| shop.test.balance(account).await;
    assert_eq!(
        (stands("receivable").await, stands("reversed").await, stands("debt").await),
        (BREAD_CENTS, 0, 0)
    );
    begin_trip(&shopper).await.expect(201);
}
