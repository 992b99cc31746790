//! Whoever scans what can't be bought is led to what can: successors, what the retailer names, goods of the same kind.

use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::catalog::{BREAD, CHEESE_WITHOUT_PRICE, MILK, STORE, price};
use crate::support::trip::{Shop, Shopper};

fn product(sku: &str, more: &Value) -> Value {
    let mut row =
        json!({"kind": "product", "sku": sku, "name": format!("The {sku}"), "tax_class": "reduced"});
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

async fn apply(shop: &Shop, rows: &[Value]) {
    let report = shop.test.apply_rows(rows).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
    shop.test.app.catalog.refresh_search().await;
}

async fn look(shopper: &Shopper<'_>, code: &str) -> Answer {
    shopper.get(&format!("/v1/stores/{STORE}/products/{code}")).await
}

fn skus(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|each| each["sku"].as_str()).collect()
}

#[tokio::test]
async fn what_is_gone_leads_to_its_successor_first_and_then_to_what_the_retailer_names() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let named =
        json!({"replaced_by": "oat", "alternatives": ["soap", "cheese", "nothing", "oat-2", "bread"]});
    apply(
        &shop,
        &[
            product("milk", &named),
            product("oat", &json!({"replaced_by": "oat-2"})),
            product(
                "oat-2",
                &json!({"replaced_by": "milk", "priced_per": {"amount": 1000, "unit": "millilitre"}}),
            ),
            price("de", "oat-2", 199),
            json!({"kind": "product", "sku": "oat", "deleted": true}),
        ],
    )
    .await;
    let route = format!("/v1/stores/{STORE}/alternatives/milk");
    let offered = ["oat-2", "soap", "bread"];
    assert_eq!(skus(&shopper.get(&route).await.expect(200).json["alternatives"]), offered);
    assert_eq!(look(&shopper, MILK).await.expect(200).json["instead"], Value::Null, "it is sold itself");
    apply(&shop, &[json!({"kind": "product", "sku": "milk", "deleted": true})]).await;
    let gone = look(&shopper, MILK).await;
    let first = json!({
        "sku": "oat-2", "name": "The oat-2", "price": {"amount": 199, "currency": "EUR"},
        "priced_per": {"amount": 1000, "unit": "millilitre"},
    });
    assert_eq!((skus(&gone.json["alternatives"]), &gone.json["alternatives"][0]), (offered.to_vec(), &first));
    gone.problem(404, "code_unknown");
    // Its code goes too, as in a full delivery, and another instance reads all of it from the database.
    apply(&shop, &[json!({"kind": "code", "code": MILK, "deleted": true})]).await;
    assert_eq!(skus(&look(&shopper, MILK).await.json["alternatives"]), offered);
    let other = aisle::catalog::Catalog::load(&shop.test.app.db).await.expect("loaded");
    let there = other.alternatives_to_code(STORE, MILK, None, shop.test.app.clock.now());
    assert_eq!(there.iter().map(|each| each.sku.as_str()).collect::<Vec<_>>(), offered);
    // The code goes to another product: what it was before is forgotten.
    apply(&shop, &[json!({"kind": "code", "code": MILK, "sku": "bread"})]).await;
    assert_eq!(look(&shopper, MILK).await.expect(200).text("/sku"), "bread");
    shopper.get(&format!("/v1/stores/{STORE}/alternatives/never")).await.problem(404, "sku_unknown");
    shopper.get("/v1/stores/9999/alternatives/milk").await.problem(404, "store_unknown");
}

#[tokio::test]
async fn only_what_can_be_bought_here_and_now_is_offered() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let all = ["stopped", "banned", "recalled", "deposit", "elsewhere", "gone", "good"];
    let always = json!([{"days": [1, 2, 3, 4, 5, 6, 7], "from": "00:00", "to": "00:00"}]);
    let mut rows = vec![
        product("cheese", &json!({"alternatives": all})),
        product("stopped", &json!({"sale_stop": "Sold out."})),
        product("banned", &json!({"sale_bans": always})),
        product("recalled", &json!({})),
        product("deposit", &json!({"sale": "deposit"})),
        product("elsewhere", &json!({})),
        product("gone", &json!({})),
        product("good", &json!({"quantity_max": 3})),
        price("bonn", "elsewhere", 100),
    ];
    rows.extend(
        ["stopped", "banned", "recalled", "deposit", "gone", "good"].map(|sku| price("de", sku, 100)),
    );
    rows.push(json!({"kind": "recall", "recall": "R-1", "sku": "recalled", "lots": ["L1"], "notice": "?"}));
    rows.push(json!({"kind": "product", "sku": "gone", "deleted": true}));
    apply(&shop, &rows).await;
    let unpriced = look(&shopper, CHEESE_WITHOUT_PRICE).await;
    assert_eq!(skus(&unpriced.json["alternatives"]), ["good"]);
    unpriced.problem(404, "price_missing");
    let cart = shopper.check_in().await;
    let refused = shopper.scan(cart, &[CHEESE_WITHOUT_PRICE, "4006381333931"]).await.expect(200);
    assert_eq!(skus(&refused.json["results"][0]["alternatives"]), ["good"]);
    assert_eq!(refused.json["results"][1]["alternatives"], Value::Null, "never heard of");
}

#[tokio::test]
async fn a_line_that_is_recalled_shows_what_to_take_instead_as_long_as_that_is_sold() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    apply(&shop, &[product("milk", &json!({"alternatives": ["bread"]}))]).await;
    let cart = shopper.fill(&[MILK]).await;
    let recall = json!({"kind": "recall", "recall": "R-7", "sku": "milk", "notice": "Bring it back."});
    apply(&shop, &[recall]).await;
    let read = shopper.cart(cart).await;
    let line = &read.json["lines"][0];
    assert_eq!(
        (&line["blocked"]["reason"], skus(&line["alternatives"])),
        (&json!("recalled"), vec!["bread"])
    );
    assert_eq!(line["alternatives"][0]["price"]["amount"], 249);
    let scanned = shopper.scan(cart, &[MILK]).await.expect(200);
    assert_eq!(skus(&scanned.json["results"][0]["alternatives"]), ["bread"]);
    assert_eq!(skus(&look(&shopper, MILK).await.expect(200).json["instead"]), ["bread"]);
    let tag = |answer: &Answer| answer.headers["etag"].to_str().expect("a tag").to_owned();
    apply(&shop, &[price("de", "bread", 259)]).await;
    assert_ne!(tag(&shopper.cart(cart).await), tag(&read), "what is offered is part of what the cart shows");
    apply(&shop, &[product("milk", &json!({"sale_stop": "Not today.", "alternatives": ["bread"]}))]).await;
    apply(&shop, &[json!({"kind": "recall", "recall": "R-7", "sku": "milk", "deleted": true})]).await;
    assert_eq!(skus(&look(&shopper, MILK).await.expect(200).json["instead"]), ["bread"], "stopped");
    assert_eq!(look(&shopper, BREAD).await.expect(200).json["instead"], Value::Null);
}

#[tokio::test]
async fn where_nothing_is_named_goods_of_the_category_with_about_as_much_in_them_are_offered() {
    let shop = Shop::open().await;
    let shopper = shop.shopper().await;
    let of = |amount: i64, unit: &str, leaf: &str| json!({"category": ["Food", "Dairy", leaf], "net_content": {"amount": amount, "unit": unit}});
    let mut rows = vec![
        product("milk", &of(1000, "ml", "Milk")),
        product("half", &of(500, "ml", "Milk")),
        product("large", &of(1500, "ml", "Milk")),
        product("cup", &of(200, "ml", "Milk")),
        product("powder", &of(1000, "g", "Milk")),
        product("yoghurt", &of(1000, "ml", "Yoghurt")),
        product("same-b", &of(1000, "ml", "Milk")),
        product("same-a", &of(1000, "ml", "Milk")),
        product("near", &of(950, "ml", "Milk")),
        product("next", &of(1100, "ml", "Milk")),
    ];
    let priced = ["half", "large", "cup", "powder", "yoghurt", "same-b", "same-a", "near", "next"];
    rows.extend(priced.map(|sku| price("de", sku, 100)));
    for (number, sku) in priced.iter().enumerate() {
        let gtin: aisle::catalog::Gtin = (0..10)
            .find_map(|check| format!("40063810001{number}{check}").parse().ok())
            .expect("one digit of ten fits");
        rows.push(json!({"kind": "code", "code": gtin.to_string(), "sku": sku}));
    }
    apply(&shop, &rows).await;
    apply(&shop, &[json!({"kind": "product", "sku": "milk", "deleted": true})]).await;
    let offered = look(&shopper, MILK).await.json["alternatives"].clone();
    assert_eq!(skus(&offered), ["same-a", "same-b", "near", "next", "large"]);
    // One changes, one goes: the words follow, and what is offered with them.
    apply(
        &shop,
        &[
            product("same-a", &of(1000, "ml", "Cream")),
            json!({"kind": "product", "sku": "near", "deleted": true}),
        ],
    )
    .await;
    let offered = look(&shopper, MILK).await.json["alternatives"].clone();
    assert_eq!(skus(&offered), ["same-b", "next", "large", "half"]);
    // What is named comes before what is alike.
    apply(
        &shop,
        &[product("milk", &json!({"category": ["Food", "Dairy", "Milk"], "alternatives": ["cup"]}))],
    )
    .await;
    let route = format!("/v1/stores/{STORE}/alternatives/milk");
    assert_eq!(skus(&shopper.get(&route).await.json["alternatives"]), ["cup"]);
}

#[tokio::test]
async fn a_product_that_is_its_own_alternative_or_names_too_many_is_refused() {
    let shop = Shop::open().await;
    let many: Vec<String> = (0..13).map(|number| format!("other-{number}")).collect();
    let rows = [
        product("milk", &json!({"replaced_by": "milk"})),
        product("milk", &json!({"alternatives": ["bread", "milk"]})),
        product("milk", &json!({"alternatives": ["bread", "bread"]})),
        product("milk", &json!({"alternatives": many})),
        product("milk", &json!({"alternatives": many[..12]})),
    ];
    let report = shop.test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!((reasons, report.applied), (vec!["field_invalid"; 4], 1));
}
