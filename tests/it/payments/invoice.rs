//! The retailer's own invoice: a provider without an outside system, paid later.

use aisle::ids::{CartId, MethodId};
use aisle::sandbox::paypal::Controls;
use serde_json::json;

use crate::support::catalog::MILK;
use crate::support::trip::Shop;

const LIMITS: (&str, &str) = ("AISLE_INVOICE_LIMITS", "EUR:2000");

#[tokio::test]
async fn an_invoice_is_linked_at_once_and_debits_within_its_limit() {
    let shop = Shop::open().await;
    shop.paypal.set_webhook_controls(Controls { hold: true, ..Controls::default() });
    let with_invoice = shop.test.another_with(&shop.variables_with(LIMITS.0, LIMITS.1)).await;
    let anna = shop.shopper().await;
    let bearer = anna.actor.token.as_str();
    let method: MethodId = anna.method;
    let path = format!("/v1/payment-methods/{method}");
    let body = json!({"provider": "invoice"});
    shop.test.put(&path, &body).bearer(bearer).send().await.problem(422, "provider_absent");
    with_invoice.put(&path, &body).bearer(bearer).send().await.expect(202);
    with_invoice.run_jobs().await;
    let linked = with_invoice.get(&path).bearer(bearer).send().await.expect(200);
    assert_eq!((linked.text("/state"), linked.text("/label")), ("active", "Invoice, payable within 14 days"));
    assert!(linked.json["approve_url"].is_null(), "nobody has to approve");

    let buy = async |pieces: usize| {
        let cart: CartId = anna.fill(&vec![MILK; pieces]).await;
        let version = anna.cart(cart).await.number("/version");
        let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
        let placed = with_invoice
            .put(&format!("/v1/checkouts/{checkout}"), &anna.placement(cart, version, &[]))
            .bearer(bearer)
            .send()
            .await
            .expect(201);
        let total = placed.json["quote"]["total"].clone();
        let path = format!("/v1/checkouts/{checkout}");
        with_invoice.post(&format!("{path}/pay"), &json!({"total": total})).bearer(bearer).send().await;
        with_invoice.run_jobs().await;
        with_invoice.get(&path).bearer(bearer).send().await.expect(200)
    };
    let paid = buy(2).await;
    assert_eq!(paid.text("/state"), "paid");
    let order = with_invoice
        .get(&format!("/v1/orders/{}", paid.text("/order")))
        .bearer(bearer)
        .send()
        .await
        .expect(200);
    assert_eq!(order.json["captured"], order.json["due"]);
    let receipt =
        order.text("/receipt_url").strip_prefix(shop.test.url()).expect("our own address").to_owned();
    let page = with_invoice.get(&receipt).send().await.expect(200);
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(page.contains("On invoice, to be paid by 20") && !page.contains("Debited from"), "{page}");

    let declined = buy(30).await;
    assert_eq!((declined.text("/state"), declined.text("/reason")), ("declined", "limit_exceeded"));
    assert_eq!(declined.json["remedies"], json!(["other_method"]));
}
