//! Every operation of Klarna's five files, once and with success, each way held against its file.

use reqwest::Method;
use serde_json::json;

use super::{Shop, authorized_order, line, token_order, token_request};
use crate::contract::NOT_CHECKED;
use crate::contract::klarna::specifications;

#[tokio::test]
async fn no_operation_of_the_five_files_is_missing() {
    let shop = Shop::open().await;
    let token = payments_and_pages(&shop).await;
    let order = orders(&shop, &token).await;
    settlements(&shop, &order).await;
    let served = shop.sandbox.exchanges();
    assert!(served.iter().all(|one| (200..300).contains(&one.status)), "{served:#?}");
    shop.end().await;
    let Some(files) = specifications() else {
        eprintln!("{NOT_CHECKED}");
        return;
    };
    for (file, coverage) in files.coverage() {
        eprintln!("{file}: {coverage}");
        assert_eq!(coverage.seen.len(), coverage.operations, "{file}: an operation was left out");
    }
}

/// Sessions, authorizations, hosted pages and tokens; an active token is left.
async fn payments_and_pages(shop: &Shop) -> String {
    let session = shop.session("buy").await;
    let path = format!("/payments/v1/sessions/{session}");
    shop.post(&path, &json!({"merchant_reference2": "till 4"})).await;
    shop.get(&path).await;
    let token = shop.sandbox.authorize(&session, "anna@example.com").expect("an authorization");
    shop.delete(&format!("/payments/v1/authorizations/{token}")).await;
    let token = shop.sandbox.authorize(&session, "anna@example.com").expect("an authorization");
    shop.post(&format!("/payments/v1/authorizations/{token}/order"), &authorized_order()).await;

    let page = shop.hosted(&shop.session("tokenize").await, "NONE").await;
    let path = format!("/hpp/v1/sessions/{}", page.text("/session_id"));
    let contact =
        json!({"method": "sms", "contact_information": {"phone": "0301234", "phone_country": "DE"}});
    shop.post(&format!("{path}/distribution"), &contact).await;
    shop.get(&path).await;
    shop.delete(&path).await;

    let given_up = shop.link("ben@example.com").await;
    shop.patch(&format!("/customer-token/v1/tokens/{given_up}/status"), &json!({"status": "CANCELLED"}))
        .await;
    let token = shop.link("anna@example.com").await;
    shop.get(&format!("/customer-token/v1/tokens/{token}")).await;
    token
}

/// Every call of order management; the order that was captured is left.
async fn orders(shop: &Shop, token: &str) -> String {
    let mut request = token_order("A-18", 10_000);
    request["merchant_reference2"] = json!("till 4");
    request["shipping_address"] = json!({"given_name": "Anna", "country": "DE", "phone": "0301234"});
    let placed = shop.keyed(&format!("/customer-token/v1/tokens/{token}/order"), "o1", &request).await;
    let order = placed.text("/order_id");
    let path = format!("/ordermanagement/v1/orders/{order}");
    shop.ask(&format!("{path}/acknowledge")).await;
    shop.ask(&format!("{path}/extend-authorization-time")).await;
    let less = json!({"order_amount": 9000, "description": "Out of stock", "order_lines": [line("Rice", 9000, 700)]});
    shop.patch(&format!("{path}/authorization"), &less).await;
    shop.patch(&format!("{path}/merchant-references"), &json!({"merchant_reference2": "till 5"})).await;
    let address =
        json!({"shipping_address": {"street_address": "Hauptstr. 1", "city": "Berlin", "country": "DE"}});
    shop.patch(&format!("{path}/customer-details"), &address).await;
    let shipping = json!({"shipping_info": [{"shipping_company": "DHL", "shipping_method": "Home", "tracking_number": "1"}]});
    shop.post(&format!("{path}/shipping-info"), &shipping).await;

    let captures = format!("{path}/captures");
    let part = json!({"captured_amount": 4000, "reference": "parcel 1", "description": "Parcel",
        "order_lines": [line("Rice", 4000, 700)], "shipping_info": shipping["shipping_info"]});
    let capture = shop.keyed(&captures, "c1", &part).await.header("capture-id");
    shop.get(&captures).await;
    let capture = format!("{captures}/{capture}");
    shop.get(&capture).await;
    shop.get(&format!("{capture}/extend-due-date-options")).await;
    shop.patch(&format!("{capture}/extend-due-date"), &json!({"number_of_days": 14})).await;
    shop.post(&format!("{capture}/shipping-info"), &shipping).await;
    shop.ask(&format!("{capture}/trigger-send-out")).await;
    shop.ask(&format!("{path}/release-remaining-authorization")).await;
    let back =
        json!({"refunded_amount": 1500, "reference": "return 1", "order_lines": [line("Rice", 1500, 700)]});
    let refund = shop.keyed(&format!("{path}/refunds"), "r1", &back).await.header("refund-id");
    shop.get(&format!("{path}/refunds/{refund}")).await;
    let read = shop.get(&path).await;
    assert_eq!((read.number("captured_amount"), read.number("refunded_amount")), (4000, 1500));
    assert_eq!(read.body["captures"][0]["refunded_amount"], 1500);

    let other = shop.charge(token, "o2", 700).await.text("/order_id");
    shop.ask(&format!("/ordermanagement/v1/orders/{other}/cancel")).await;
    order
}

async fn settlements(shop: &Shop, order: &str) {
    assert!(shop.sandbox.charge_back(order, 500).is_some());
    assert_eq!(shop.control("/sandbox/payouts", &json!({})).await, 200);
    let payouts = shop.get("/settlements/v1/payouts?size=20&offset=0&currency_code=EUR").await;
    let reference = payouts.text("/payouts/0/payment_reference");
    shop.get(&format!("/settlements/v1/payouts/{reference}")).await;
    let period = "start_date=2026-11-01T00:00:00Z&end_date=2026-12-31T23:59:59Z";
    shop.get(&format!("/settlements/v1/payouts/summary?{period}")).await;
    let transactions = shop.get(&format!("/settlements/v1/transactions?payment_reference={reference}")).await;
    assert_eq!(transactions.body["pagination"]["total"], 6, "sale, two fees, return, reversal, charge");
    for report in [
        format!("payout-with-transactions?payment_reference={reference}"),
        format!("payout?payment_reference={reference}"),
        format!("payouts-summary-with-transactions?{period}"),
        format!("payouts-summary?{period}"),
    ] {
        let path = format!("/settlements/v1/reports/{report}");
        let said = shop.send(Method::GET, &path, None, None).await.expect("an answer");
        assert_eq!(said.status, 200, "{report}");
    }
}

#[tokio::test]
async fn an_address_that_no_file_knows_is_not_found() {
    let shop = Shop::open().await;
    for path in ["/payments/v1/nothing", "/ordermanagement/v1/orders", "/settlements/v1/payouts/a/b"] {
        let said = shop.get(path).await;
        assert_eq!((said.status, said.code()), (404, "NOT_FOUND"), "{path}");
    }
    assert_eq!(
        shop.get(&format!("/customer-token/v1/tokens/{}", token_request()["locale"])).await.status,
        404
    );
    shop.end().await;
}
