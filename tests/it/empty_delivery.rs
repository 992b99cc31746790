//! A delivery of which nothing was there: nothing is sent, nothing of it is charged, and the order ends.

use aisle::identity::Role;
use aisle::sandbox::paypal::AuthorizationStatus;
use serde_json::json;

use crate::credits::shop_with;
use crate::picked::{hand_over, pick};
use crate::support::catalog::{BREAD, COFFEE, GUM, MILK, SOAP, STORE};
use crate::support::trip::Shop;

#[tokio::test]
async fn a_delivery_of_which_nothing_was_there_is_called_off_and_not_charged() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE, GUM]).await;
    let order = shopper.order(cart, &[2, 3]).await;
    shop.test.run_jobs().await;
    let live = || shop.dhl.books().shipments.iter().filter(|parcel| parcel.cancelled_at.is_none()).count();
    assert_eq!(live(), 1, "the parcel is booked");
    let missing = json!([{"line": 2}, {"line": 3}]);
    let picked = pick(&shop, order, &missing).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 129, "no courier is paid");
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (129, "completed"));
    assert!(read.json.get("trouble").is_none(), "{}", read.json);
    assert_eq!(live(), 0, "no parcel is left at the courier");
    let shipment = read.text("/shipment").to_owned();
    assert_eq!(
        shopper.get(&format!("/v1/shipments/{shipment}")).await.expect(200).text("/state"),
        "cancelled"
    );
    let books = shop.paypal.books();
    let hold = books.authorizations.values().next().expect("a hold");
    assert_eq!((books.captured_minor(hold), hold.status), (129, AuthorizationStatus::Voided));
    // The same again changes nothing; anything else is too late.
    assert_eq!(pick(&shop, order, &missing).await.expect(200).text("/state"), "completed");
    pick(&shop, order, &json!([{"line": 2}])).await.problem(409, "order_state");
    let staff = shop.test.staff(Role::Clerk, &[STORE]).await;
    let path = format!("/v1/shipments/{shipment}/hand-over");
    shop.test.post(&path, &json!({})).bearer(&staff).send().await.problem(409, "shipment_state");
    shopper.post(&format!("/v1/orders/{order}/exit-pass"), &json!({})).await.expect(201);
}

#[tokio::test]
async fn where_all_of_it_was_to_be_delivered_nothing_is_debited_at_all() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let order = shopper.order(cart, &[1]).await;
    // Before any worker came to book the parcel.
    let picked = pick(&shop, order, &json!([{"line": 1}])).await.expect(200);
    assert_eq!((picked.number("/due/amount"), picked.text("/state")), (0, "completed"));
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (0, "completed"));
    assert!(read.json.get("trouble").is_none(), "{}", read.json);
    assert!(shop.dhl.books().shipments.iter().all(|parcel| parcel.cancelled_at.is_some()));
    let books = shop.paypal.books();
    assert!(books.captures.is_empty());
    assert!(books.authorizations.values().all(|hold| hold.status == AuthorizationStatus::Voided));
}

#[tokio::test]
async fn fees_for_the_delivery_go_with_it_and_others_stay() {
    let till = json!({"fees": [
        {"name": "Small basket", "amount": 50, "tax_class": "standard", "below": 500},
        {"name": "Packing", "amount": 30, "tax_class": "reduced", "delivery_only": true},
    ]});
    let shop = shop_with(&till, &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, GUM]).await;
    let order = shopper.order(cart, &[2]).await;
    assert_eq!(shopper.read_order(order).await.number("/due/amount"), 129 + 89 + 499 + 50 + 30);
    let picked = pick(&shop, order, &json!([{"line": 2}])).await.expect(200);
    assert_eq!(picked.number("/due/amount"), 129 + 50);
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (179, "completed"));
}

#[tokio::test]
async fn tax_on_top_of_what_was_picked_is_that_of_its_lines() {
    let rate = |class: &str, rate: &str| json!({"kind": "tax_rate", "country": "DE-X-1", "tax_class": class, "valid_from": "2020-01-01", "rate": rate});
    let till = json!({"tax_area": "DE-X-1", "tax_on_top": true, "rounds_tax_per_line": true});
    let shop = shop_with(&till, &[rate("reduced", "8.875"), rate("standard", "4")]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, BREAD, COFFEE, SOAP]).await;
    let order = shopper.order(cart, &[3, 4]).await;
    // By line: milk 11.45, bread 22.10, coffee 62.04; soap 7.96, the courier 19.96.
    let agreed = 129 + 11 + 249 + 22 + 699 + 62 + 199 + 8 + 499 + 20;
    assert_eq!(shopper.read_order(order).await.number("/due/amount"), agreed);
    let picked = pick(&shop, order, &json!([{"line": 3}])).await.expect(200);
    // 8.875 % of milk and bread together would be 33.55, but their lines have 11 and 22.
    let due = 129 + 11 + 249 + 22 + 199 + 8 + 499 + 20;
    assert_eq!(picked.number("/due/amount"), due);
    let taxes = picked.json["taxes"].as_array().expect("taxes");
    let told: Vec<_> =
        taxes.iter().map(|tax| (&tax["rate"], &tax["net"]["amount"], &tax["tax"]["amount"])).collect();
    let expected = [(json!("4"), json!(698), json!(28)), (json!("8.875"), json!(378), json!(33))];
    assert_eq!(told, expected.iter().map(|(rate, net, tax)| (rate, net, tax)).collect::<Vec<_>>());
    hand_over(&shopper, order).await;
    let read = shopper.read_order(order).await;
    assert_eq!((read.number("/captured/amount"), read.text("/state")), (due, "completed"));
    let books = shop.paypal.books();
    let hold = books.authorizations.values().next().expect("a hold");
    assert_eq!(books.captured_minor(hold), due);
}
