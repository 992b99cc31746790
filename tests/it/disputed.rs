//! Purchases that are disputed or taken back at PayPal, from the order's side; and what the phone says of itself.

use aisle::identity::Role;
use aisle::ids::{DisputeAnswerId, OrderId, RefundId};
use aisle::sandbox::paypal::Ending;
use serde_json::{Value, json};

use crate::support::catalog::{BREAD, MILK, PAN, STORE};
use crate::support::trip::{Shop, Shopper};

async fn told(shop: &Shop) {
    shop.paypal.deliver_webhooks().await;
    shop.test.run_jobs().await;
}

/// A purchase that is taken along and went through the gate.
async fn bought(shop: &Shop, shopper: &Shopper<'_>) -> OrderId {
    let cart = shopper.fill(&[MILK]).await;
    let order = shopper.order(cart, &[]).await;
    let pass = shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(201);
    let gate = shop.test.gate(STORE).await;
    let body = json!({"pass": pass.text("/pass"), "store": STORE});
    shop.test.post("/v1/exit-passes/redeem", &body).bearer(&gate).send().await.expect(200);
    order
}

fn capture(shop: &Shop) -> String {
    shop.paypal.books().captures.keys().next().expect("a capture").clone()
}

/// The evidence that PayPal has, by kind.
fn evidence(shop: &Shop, dispute: &str) -> Vec<(String, Value)> {
    let evidences = shop.paypal.books().disputes[dispute].evidences.clone();
    let kind = |piece: &Value| piece["evidence_type"].as_str().expect("a kind").to_owned();
    evidences.into_iter().map(|piece| (kind(&piece), piece)).collect()
}

/// Answers the one open dispute with evidence.
async fn answer(shop: &Shop, admin: &str) {
    let list = shop.test.get("/v1/payment-disputes").bearer(admin).send().await.expect(200);
    let answer: DisputeAnswerId = shop.test.app.ids.next();
    let path = format!("/v1/payment-disputes/{}/answers/{answer}", list.text("/disputes/0/id"));
    let wish = json!({"action": "provide_evidence", "note": "See what our systems wrote down."});
    shop.test.put(&path, &wish).bearer(admin).send().await.expect(202);
    shop.test.run_jobs().await;
}

#[tokio::test]
async fn a_disputed_purchase_is_answered_with_its_receipt_and_the_gate_that_it_opened() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = bought(&shop, &shopper).await;
    let dispute = shop.paypal.open_dispute(&capture(&shop), "UNAUTHORISED", "CHARGEBACK").expect("opened");
    told(&shop).await;
    assert!(shopper.read_order(order).await.text("/trouble").contains("is disputed"));
    let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let refund: RefundId = shop.test.app.ids.next();
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    let refused = shop.test.put(&path, &json!({"reason": "damaged"})).bearer(&supervisor).send().await;
    refused.problem(409, "payment_disputed");

    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    answer(&shop, &admin).await;
    let pieces = evidence(&shop, &dispute);
    let text_of = |wanted: &str| {
        let found = pieces.iter().find(|(kind, _)| kind == wanted);
        found.unwrap_or_else(|| panic!("{wanted} in {pieces:?}")).1["notes"]
            .as_str()
            .expect("text")
            .to_owned()
    };
    let receipt = text_of("PROOF_OF_RECEIPT_COPY");
    assert!(receipt.contains("Whole milk"), "{receipt}");
    assert!(text_of("PROOF_OF_INSTORE_RECEIPT").contains("opened the gate"));
    assert_eq!(text_of("OTHER"), "See what our systems wrote down.");

    assert!(shop.paypal.resolve_dispute(&dispute, Ending::Seller));
    told(&shop).await;
    let read = shopper.read_order(order).await;
    assert!(read.json["trouble"].is_null(), "{}", read.json);
    assert_eq!(shopper.get("/v1/debts").await.json["debts"], json!([]));
}

#[tokio::test]
async fn a_disputed_delivery_is_answered_with_the_couriers_proof() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let shipment = shopper.read_order(order).await.text("/shipment").to_owned();
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/hand-over");
    shop.test.post(&path, &json!({})).bearer(&staff).send().await.expect(200);
    shop.test.run_jobs().await;
    let captures = shop.paypal.books().captures;
    let sent = captures.values().max_by_key(|capture| capture.amount.minor).expect("a capture").id.clone();
    let reason = "MERCHANDISE_OR_SERVICE_NOT_RECEIVED";
    let dispute = shop.paypal.open_dispute(&sent, reason, "INQUIRY").expect("opened");
    told(&shop).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    answer(&shop, &admin).await;
    let pieces = evidence(&shop, &dispute);
    let (_, delivery) =
        pieces.iter().find(|(kind, _)| kind == "PROOF_OF_FULFILLMENT").expect("the courier's proof");
    let number = &shop.dhl.books().shipments[0].number;
    assert_eq!(delivery["evidence_info"]["tracking_info"][0]["tracking_number"], json!(number));
}

#[tokio::test]
async fn what_a_bank_takes_back_after_the_goods_left_is_owed() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let order = bought(&shop, &shopper).await;
    let amount = shop.paypal.books().captures.values().next().expect("a capture").amount.minor;
    assert!(shop.paypal.reverse_capture(&capture(&shop)));
    for _ in 0..2 {
        told(&shop).await;
    }
    let debts = shopper.get("/v1/debts").await.expect(200);
    assert_eq!(debts.json["debts"].as_array().expect("a list").len(), 1, "{}", debts.json);
    assert_eq!((debts.text("/debts/0/kind"), debts.number("/debts/0/amount/amount")), ("reversed", amount));
    assert!(shopper.read_order(order).await.text("/trouble").contains("taken back"));
    let cart: aisle::ids::CartId = shop.test.app.ids.next();
    let refused = shopper.put(&format!("/v1/carts/{cart}"), &json!({"store": STORE})).await;
    refused.problem(409, "debt_open");
}

#[tokio::test]
async fn a_refund_is_not_called_done_before_paypal_did_it() {
    let shop = Shop::open().await;
    let shopper = shop.payer("fritz+refundpending@example.com").await;
    for completed in [true, false] {
        let cart = shopper.fill(&[MILK]).await;
        let order = shopper.order(cart, &[]).await;
        let supervisor = shop.test.staff(Role::Supervisor, &[STORE]).await;
        let refund: RefundId = shop.test.app.ids.next();
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        let body = json!({"reason": "damaged"});
        shop.test.put(&path, &body).bearer(&supervisor).send().await.expect(202);
        shop.test.run_jobs().await;
        told(&shop).await;
        let read = shopper.read_order(order).await;
        assert_eq!((read.text("/refunds/0/state"), read.number("/refunded/amount")), ("pending", 0));
        let refunds = shop.paypal.books().refunds;
        let pending = refunds.values().find(|one| shop.paypal.settle_refund(&one.id, completed));
        let amount = pending.expect("a pending refund").amount.minor;
        // What is pending was looked at a moment ago.
        shop.test.advance(chrono::Duration::minutes(1));
        told(&shop).await;
        let read = shopper.read_order(order).await;
        let expected = if completed { ("done", amount) } else { ("failed", 0) };
        assert_eq!((read.text("/refunds/0/state"), read.number("/refunded/amount")), expected);
    }
}

#[tokio::test]
async fn the_session_of_the_phone_goes_to_paypal_with_the_debit_alone() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
    let path = format!("/v1/checkouts/{checkout}");
    let mut body = shopper.placement(cart, 2, &[]);
    for wrong in ["", "with a blank", "ümlaut", &"x".repeat(37)] {
        body["device_session"] = json!(wrong);
        shopper.put(&path, &body).await.problem(422, "device_session_invalid");
    }
    let session = "c0ffee00c0ffee00c0ffee00c0ffee00";
    body["device_session"] = json!(session);
    let placed = shopper.put(&path, &body).await.expect(201);
    let total = serde_json::from_value(placed.json["quote"]["total"].clone()).expect("money");
    shopper.pay(checkout, total).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    let told = |exchange: &aisle::sandbox::paypal::Exchange| {
        let header = exchange.request_headers.iter();
        header.clone().any(|(name, value)| name == "paypal-client-metadata-id" && value == session)
    };
    let exchanges = shop.paypal.exchanges();
    let with_it: Vec<&str> =
        exchanges.iter().filter(|exchange| told(exchange)).map(|exchange| exchange.operation).collect();
    assert_eq!(with_it, ["orders.create"]);
}
