//! Deposit vouchers are known by what identifies them, however their codes are written, and a cart takes only so many.

use aisle::db::Run;
use aisle::ids::CartId;
use serde_json::json;

use crate::credits::{TEMPLATE, amounts, pay, shop_with, show, slip};
use crate::support::Answer;
use crate::support::catalog::{COFFEE, MILK};
use crate::support::trip::Shopper;
use crate::weighed::checked;

async fn put_away(shopper: &Shopper<'_>, cart: CartId, voucher: &str) -> Answer {
    let path = format!("/v1/carts/{cart}/vouchers/{voucher}");
    shopper.shop.test.call(reqwest::Method::DELETE, &path).bearer(&shopper.actor.token).send().await
}

#[tokio::test]
async fn two_texts_of_one_voucher_are_one_voucher_and_pay_once() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let slip = slip(123, 100);
    let texts = [slip.clone(), format!("0{slip}"), format!("]E0{slip}"), format!(" {slip}\r\n")];
    let cart = anna.fill(&[MILK]).await;
    for text in &texts {
        let shown = show(&anna, cart, text).await.expect(200);
        assert_eq!(
            (amounts(&shown), shown.json["vouchers"].as_array().map(Vec::len)),
            ((129, 29), Some(1)),
            "{text}"
        );
        let scanned = anna.scan(cart, &[text]).await.expect(200);
        assert_eq!(scanned.text("/results/0/reason"), "voucher", "{text}");
    }
    // A slip with the same number and another value is a forgery, or the same one read wrongly.
    assert_eq!(amounts(&show(&anna, cart, &self::slip(123, 120)).await.expect(200)), (129, 29));
    let (checkout, placed) = anna.place(cart, &[]).await;
    placed.expect(201);
    pay(&anna, checkout, 29).await;
    let others = bert.fill(&[COFFEE]).await;
    for text in texts.iter().chain([&self::slip(123, 120)]) {
        show(&bert, others, text).await.problem(409, "voucher_used");
    }
    let shown = show(&bert, others, &self::slip(124, 120)).await.expect(200);
    let name = shown.text("/vouchers/0/voucher").to_owned();
    assert_eq!(amounts(&put_away(&bert, others, &name).await.expect(200)), (699, 699));
}

#[tokio::test]
async fn a_voucher_that_paid_under_its_whole_text_is_used_under_its_name_too() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE]}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let slip = slip(7, 100);
    let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
    shop.test
        .app
        .db
        .sql("INSERT INTO voucher_claims (store, voucher, checkout_id, amount, state) VALUES ($1, $2, $3, 100, 'used')")
        .bind(crate::support::catalog::STORE)
        .bind(slip.as_str())
        .bind(checkout)
        .execute()
        .await
        .expect("written");
    show(&shopper, cart, &slip).await.problem(409, "voucher_used");
    show(&shopper, cart, &format!("0{slip}")).await.problem(409, "voucher_used");
}

#[tokio::test]
async fn a_voucher_of_gs1_is_its_serial_number_in_any_order_until_its_last_day() {
    let shop = shop_with(&json!({"voucher_numbers": [checked("952123400001")]}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let number = format!("{}00042", checked("952123400001"));
    let cart = shopper.fill(&[MILK]).await;
    for text in [
        format!("(255){number}(3902)100"),
        format!("(3902)100(255){number}"),
        format!("]C1255{number}\u{1d}3902100"),
        format!("]d23902000100\u{1d}17271231255{number}"),
    ] {
        let shown = show(&shopper, cart, &text).await.expect(200);
        assert_eq!(
            (amounts(&shown), shown.text("/vouchers/0/voucher")),
            ((129, 29), number.as_str()),
            "{text}"
        );
        assert_eq!(shown.json["vouchers"].as_array().map(Vec::len), Some(1));
    }
    let other = format!("{}00043", checked("952123400001"));
    show(&shopper, cart, &format!("(255){other}(3902)20(17)261031")).await.problem(409, "voucher_expired");
    show(&shopper, cart, &format!("(255){}(3902)20", checked("952123400001")))
        .await
        .problem(404, "voucher_unknown");
    let of_others = format!("{}00001", checked("952123400002"));
    show(&shopper, cart, &format!("(255){of_others}(3902)20")).await.problem(404, "voucher_unknown");
}

#[tokio::test]
async fn a_cart_takes_so_many_vouchers_worth_so_much_and_says_so() {
    let shop = shop_with(&json!({"voucher_templates": [TEMPLATE, "97{code:5}{price:5}{ec}"]}), &[]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let large = |number: u32, cents: u32| checked(&format!("97{number:05}{cents:05}"));
    show(&shopper, cart, &large(1, 50_001)).await.problem(422, "voucher_too_large");
    show(&shopper, cart, &large(2, 49_972)).await.expect(200);
    for number in 0..28 {
        show(&shopper, cart, &slip(number, 1)).await.expect(200);
    }
    show(&shopper, cart, &slip(98, 1)).await.problem(422, "vouchers_too_large");
    assert!(put_away(&shopper, cart, "9700002").await.status.is_success());
    for number in 28..30 {
        show(&shopper, cart, &slip(number, 1)).await.expect(200);
    }
    show(&shopper, cart, &slip(99, 1)).await.problem(422, "vouchers_full");
    // What is there already is no more than before.
    show(&shopper, cart, &slip(29, 1)).await.expect(200);
}
