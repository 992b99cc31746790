//! Single coupons of a campaign: each is good once, however many carts show it at the same time, and counts for the campaign.

use serde_json::json;

use crate::credits::{cancel, pay};
use crate::promotions::{apply, half, quoted, show, total};
use crate::support::catalog::{BREAD, COFFEE, MILK};
use crate::support::trip::Shop;
use crate::weighed::checked;

#[tokio::test]
async fn a_single_coupon_of_a_campaign_is_good_once_and_counts_for_it() {
    let shop = Shop::open().await;
    let campaign = checked("952123400001");
    let needs = json!({"needs_coupon": true, "basket_max": 1});
    let rows = [
        half("P1", "milk", &needs),
        json!({"kind": "coupon", "coupon": campaign, "promotion": "P1", "uses_max": 3, "serialised": true}),
    ];
    apply(&shop, &rows).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let (hers, his) = (anna.fill(&[MILK, MILK]).await, bert.fill(&[MILK]).await);
    let single = format!("(255){campaign}00001");
    assert_eq!(total(&show(&anna, hers, &single).await.expect(200)), 64 + 129);
    assert_eq!(total(&show(&bert, his, &format!("]C1255{campaign}00001")).await.expect(200)), 64);
    // Both at once: one of them has it.
    let (first, second) = tokio::join!(anna.place(hers, &[]), bert.place(his, &[]));
    let statuses = [first.1.status.as_u16(), second.1.status.as_u16()];
    assert!(statuses.contains(&201) && statuses.contains(&409), "{statuses:?}");
    let (winner, won) = if statuses[0] == 201 { (&anna, first.0) } else { (&bert, second.0) };
    cancel(winner, won).await;
    // Two more of the campaign with her: two of milk at half price, and both count.
    let shown = show(&anna, hers, &format!("(255){campaign}00002")).await.expect(200);
    assert_eq!(total(&shown), 64 + 64);
    let (checkout, placed) = anna.place(hers, &[]).await;
    assert_eq!(quoted(&placed.expect(201)), 128);
    pay(&anna, checkout, 128).await;
    bert.place(his, &[]).await.1.problem(409, "coupon_used");
    let next = bert.fill(&[MILK]).await;
    show(&bert, next, &single).await.problem(409, "coupon_used");
    show(&bert, next, &format!("(255){campaign}00003")).await.expect(200);
    let (third, placed) = bert.place(next, &[]).await;
    assert_eq!(quoted(&placed.expect(201)), 64);
    // That was the campaign's last one; given up, it is there again.
    let last = anna.fill(&[MILK]).await;
    show(&anna, last, &format!("(255){campaign}00004")).await.problem(409, "coupon_used");
    cancel(&bert, third).await;
    show(&anna, last, &format!("(255){campaign}00004")).await.expect(200);
}

#[tokio::test]
async fn a_serial_number_that_no_campaign_gives_out_is_no_coupon() {
    let shop = Shop::open().await;
    let (whole, serialised) = (checked("952123400001"), checked("952123400002"));
    let rows = [
        half("P1", "milk", &json!({"needs_coupon": true, "basket_max": 1})),
        json!({"kind": "coupon", "coupon": whole, "promotion": "P1", "uses_max": 1000}),
        json!({"kind": "coupon", "coupon": serialised, "promotion": "P1", "uses_max": 1000, "serialised": true}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[MILK, MILK]).await;
    show(&shopper, cart, &whole).await.expect(200);
    // Were these single ones of the campaign, one coupon would be good as often as somebody makes a number up.
    for made_up in [format!("(255){whole}00001"), format!("{whole}00001"), format!("{serialised}00001")] {
        show(&shopper, cart, &made_up).await.problem(404, "coupon_unknown");
    }
    assert_eq!(total(&shopper.cart(cart).await), 64 + 129);
    assert_eq!(total(&show(&shopper, cart, &format!("(255){serialised}00001")).await.expect(200)), 128);
}

#[tokio::test]
async fn a_coupon_is_good_until_its_last_day_by_the_stores_calendar() {
    let shop = Shop::open().await;
    let number = checked("952123400001");
    let rows = [
        half("P1", "milk", &json!({"needs_coupon": true})),
        json!({"kind": "coupon", "coupon": number, "promotion": "P1", "uses_max": 1000}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[MILK]).await;
    let today = shop.test.app.clock.now().date_naive();
    let until = |day: chrono::NaiveDate| format!("(255){number}(17){}", day.format("%y%m%d"));
    let yesterday = today.pred_opt().expect("a day");
    show(&shopper, cart, &until(yesterday)).await.problem(409, "coupon_expired");
    assert_eq!(total(&show(&shopper, cart, &until(today)).await.expect(200)), 64);
}

#[tokio::test]
async fn a_coupon_is_the_same_as_upc_a_and_as_ean_13_however_its_row_was_delivered() {
    let shop = Shop::open().await;
    let rows = [
        half("P1", "milk", &json!({"needs_coupon": true})),
        half("P2", "bread", &json!({"needs_coupon": true})),
        half("P3", "coffee", &json!({"needs_coupon": true})),
        json!({"kind": "coupon", "coupon": "0512345678900", "promotion": "P1", "uses_max": 10}),
        json!({"kind": "coupon", "coupon": "512345000015", "promotion": "P2", "uses_max": 10}),
        json!({"kind": "coupon", "coupon": "123456-123456", "promotion": "P3", "uses_max": 10, "serialised": true}),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[MILK, BREAD, COFFEE]).await;
    assert_eq!(total(&show(&shopper, cart, "512345678900").await.expect(200)), 64 + 249 + 699);
    let shown = show(&shopper, cart, "0512345678900").await.expect(200);
    assert_eq!(shown.json["coupons"], json!(["0512345678900"]));
    assert_eq!(total(&show(&shopper, cart, "0512345000015").await.expect(200)), 64 + 124 + 699);
    let of_america = show(&shopper, cart, "(8112)001234561234560123456").await.expect(200);
    assert_eq!(total(&of_america), 64 + 124 + 349);
    show(&shopper, cart, "(8112)001234561234570123456").await.problem(404, "coupon_unknown");
}

#[tokio::test]
async fn of_two_coupons_of_which_one_is_needed_one_that_is_used_up_is_passed_over() {
    let shop = Shop::open().await;
    let rows = [
        half("P1", "milk", &json!({"needs_coupon": true, "basket_max": 1})),
        json!({"kind": "coupon", "coupon": "A", "promotion": "P1"}),
        json!({"kind": "coupon", "coupon": "B", "promotion": "P1"}),
    ];
    apply(&shop, &rows).await;
    let (anna, bert) = (shop.payer("anna@example.com").await, shop.payer("bert@example.com").await);
    let (hers, his) = (anna.fill(&[MILK]).await, bert.fill(&[MILK]).await);
    for coupon in ["A", "B"] {
        show(&anna, hers, coupon).await.expect(200);
    }
    show(&bert, his, "A").await.expect(200);
    assert_eq!(quoted(&bert.place(his, &[]).await.1.expect(201)), 64);
    let (checkout, placed) = anna.place(hers, &[]).await;
    assert_eq!(quoted(&placed.expect(201)), 64);
    cancel(&anna, checkout).await;
    let next = bert.fill(&[MILK]).await;
    show(&bert, next, "B").await.expect(200);
    assert_eq!(quoted(&bert.place(next, &[]).await.1.expect(201)), 64);
    anna.place(hers, &[]).await.1.problem(409, "coupon_used");
}
