//! A whole checkout through Klarna over HTTP: paid, or refused with what may help, and with every kind of line.

use aisle::identity::Role;
use aisle::ids::{CartId, CheckoutId, EventId, RefundId};
use aisle::sandbox::klarna::{OrderStatus, Planned};
use serde_json::{Value, json};

use crate::support::catalog::{BREAD, MILK, SOAP, STORE};
use crate::support::klarna_shop::{KlarnaShop, Payer};

/// Fills a cart, quotes it, says yes and works jobs off; the checkout as it is then.
async fn buy(payer: &Payer<'_>, codes: &[&str]) -> Value {
    let test = &payer.shop.test;
    let token = payer.actor.token.as_str();
    let (cart, checkout): (CartId, CheckoutId) = (test.app.ids.next(), test.app.ids.next());
    let path = format!("/v1/carts/{cart}");
    test.put(&path, &json!({"store": STORE})).bearer(token).send().await.expect(201);
    let scan = |code: &&str| {
        let event: EventId = test.app.ids.next();
        json!({"type": "scan", "id": event, "code": code})
    };
    let body = json!({"events": codes.iter().map(scan).collect::<Vec<_>>()});
    test.post(&format!("{path}/scans"), &body).bearer(token).send().await.expect(200);
    let version = test.get(&path).bearer(token).send().await.expect(200).number("/version");
    let body = json!({"cart": cart, "cart_version": version, "payment_method": payer.method});
    let path = format!("/v1/checkouts/{checkout}");
    let placed = test.put(&path, &body).bearer(token).send().await.expect(201);
    let body = json!({"total": placed.json["quote"]["total"]});
    test.post(&format!("{path}/pay"), &body).bearer(token).send().await;
    for _ in 0..5 {
        test.run_jobs().await;
    }
    test.get(&path).bearer(token).send().await.expect(200).json
}

#[tokio::test]
async fn a_cart_of_several_tax_rates_is_paid_and_klarnas_arithmetic_holds() {
    let shop = KlarnaShop::open().await;
    shop.test.seed_catalog().await;
    let payer = shop.payer("anna@example.com").await;
    let paid = buy(&payer, &[MILK, MILK, BREAD, SOAP]).await;
    assert_eq!(paid["state"], "paid");
    let order = shop.order();
    assert_eq!(order.status, OrderStatus::Captured);
    assert_eq!(json!(order.order_amount), paid["quote"]["total"]["amount"]);
    let taxes: i64 = paid["quote"]["taxes"]
        .as_array()
        .expect("taxes")
        .iter()
        .map(|tax| tax["tax"]["amount"].as_i64().expect("an amount"))
        .sum();
    assert_eq!(order.request["order_tax_amount"].as_i64(), Some(taxes), "the receipt's tax is Klarna's");
    assert_eq!(order.merchant_reference1.as_deref(), paid["number"].as_str());
    shop.check_exchanges();
}

#[tokio::test]
async fn what_comes_back_of_an_order_is_named_in_klarnas_books() {
    let shop = KlarnaShop::open().await;
    shop.test.seed_catalog().await;
    let payer = shop.payer("anna@example.com").await;
    let paid = buy(&payer, &[MILK, MILK, BREAD, SOAP]).await;
    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let order = paid["order"].as_str().expect("an order");
    let refund = async |body: &Value| {
        let refund: RefundId = shop.test.app.ids.next();
        let path = format!("/v1/orders/{order}/refunds/{refund}");
        shop.test.put(&path, body).bearer(&staff).send().await.expect(202);
        shop.test.run_jobs().await;
    };
    refund(&json!({"reason": "sour", "lines": [{"line": 1, "pieces": 1}]})).await;
    refund(&json!({"reason": "all of it"})).await;
    let refunds = shop.order().refunds;
    let named = |at: usize| refunds[at].lines.iter().map(|line| line["name"].clone()).collect::<Vec<_>>();
    assert_eq!(named(0), [paid["quote"]["lines"][0]["name"].clone()]);
    assert_eq!(named(1), [json!("Given back"), json!("Given back")], "a line a rate");
    assert_eq!(shop.debited(), 0);
    shop.check_exchanges();
}

#[tokio::test]
async fn a_refused_checkout_opens_the_cart_and_says_what_may_help() {
    let shop = KlarnaShop::open().await;
    shop.test.seed_catalog().await;
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.plan_charges(&shop.token(), Planned::Fail, 1);
    let declined = buy(&payer, &[MILK]).await;
    assert_eq!((&declined["state"], &declined["reason"]), (&json!("declined"), &json!("declined")));
    assert_eq!(declined["remedies"], json!(["try_again", "other_method"]));
    assert_eq!(buy(&payer, &[MILK]).await["state"], "paid", "and it does help");
    shop.sandbox.plan_charges(&shop.token(), Planned::Cancel, 1);
    let declined = buy(&payer, &[MILK]).await;
    assert_eq!((&declined["state"], &declined["reason"]), (&json!("declined"), &json!("link_revoked")));
    assert_eq!(declined["remedies"], json!(["link_again", "other_method"]));
}
