//! What follows from a code in a cart: weights, prices of labels, several pieces, dates, and the store's own templates.

use aisle::catalog::code::{self, Profile};
use aisle::ids::CartId;
use serde_json::{Value, json};

use crate::support::catalog::{MILK, STORE, UNKNOWN, price};
use crate::support::trip::{Shop, Shopper, scanned};

/// A number with its check digit.
pub fn checked(body: &str) -> String {
    let digits = body.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = digits.map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

/// A German label: prefix and article, the inner check digit that fits, five digits of value.
pub fn label(article: &str, value: u32) -> String {
    let german: Profile = "de".parse().expect("a profile");
    let today = "2026-11-23".parse().expect("a day");
    (0..10)
        .map(|inner| checked(&format!("{article}{inner}{value:05}")))
        .find(|code| code::interpret(code, None, &german, today).is_ok())
        .expect("one digit of ten fits")
}

/// Gouda by weight, 12.99 EUR a kilogram.
pub const GOUDA: &str = "281234";
/// Salami with a price on the label; 25.00 EUR a kilogram.
pub const SALAMI: &str = "225678";
/// A pie with a price on the label and none in the list.
pub const PIE: &str = "225679";
/// Rolls, counted on the label.
pub const ROLLS: &str = "251111";
/// Beef with a weight beside its GTIN, 19.90 EUR a kilogram.
pub const BEEF: &str = "9952000000200";

fn by_weight(sku: &str, name: &str) -> Value {
    json!({
        "kind": "product", "sku": sku, "name": name, "tax_class": "reduced", "sale": "weighed", "deliverable": true,
        "priced_per": {"amount": 1000, "unit": "gram"},
    })
}

fn own_code(article: &str, sku: &str) -> Value {
    json!({"kind": "code", "code": label(article, 0), "sku": sku, "internal": true})
}

fn rows() -> Vec<Value> {
    vec![
        by_weight("gouda", "Gouda"),
        by_weight("salami", "Salami"),
        by_weight("beef", "Beef"),
        json!({"kind": "product", "sku": "pie", "name": "Pie", "tax_class": "reduced"}),
        json!({"kind": "product", "sku": "rolls", "name": "Rolls", "tax_class": "reduced"}),
        own_code(GOUDA, "gouda"),
        own_code(SALAMI, "salami"),
        own_code(PIE, "pie"),
        own_code(ROLLS, "rolls"),
        json!({"kind": "code", "code": checked(BEEF), "sku": "beef"}),
        price("de", "gouda", 1299),
        price("de", "salami", 2500),
        price("de", "beef", 1990),
        price("de", "rolls", 45),
    ]
}

pub async fn shop() -> Shop {
    let shop = Shop::open().await;
    apply(&shop, &rows()).await;
    shop
}

pub async fn apply(shop: &Shop, rows: &[Value]) {
    let report = shop.test.apply_rows(rows).await;
    assert_eq!(report.quarantined, 0, "{:?}", report.refusals);
}

/// The store as it is, with these members beside.
pub fn store_with(more: &Value) -> Value {
    let mut row = json!({
        "kind": "store", "store": STORE, "name": "Bonn, Hauptstraße", "country": "DE", "currency": "EUR",
        "time_zone": "Europe/Berlin", "price_lists": ["de"],
        "address": {"street": "Hauptstraße", "house_number": "12", "postal_code": "53111", "city": "Bonn"},
    });
    row.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    row
}

/// Scans one code and answers what became of it: the reason, or nothing when it was taken.
async fn reason(shopper: &Shopper<'_>, cart: CartId, code: &str) -> Option<String> {
    let answer = shopper.scan(cart, &[code]).await.expect(200);
    answer.json["results"][0]["reason"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn a_weighed_item_costs_what_it_weighs_and_each_has_its_line() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[&label(GOUDA, 385), &label(GOUDA, 1000), &label(GOUDA, 385)]).await;
    let read = shopper.cart(cart).await;
    let line = &read.json["lines"][0];
    assert_eq!(line["quantity"], json!({"amount": 385, "unit": "gram"}));
    assert_eq!(line["priced_per"], json!({"amount": 1000, "unit": "gram"}));
    // 12.99 × 0.385 = 5.00115
    assert_eq!((&line["unit_price"]["amount"], &line["amount"]["amount"]), (&json!(1299), &json!(500)));
    assert_eq!(read.json["lines"].as_array().map(Vec::len), Some(3));
    assert_eq!(read.number("/total/amount"), 500 + 1299 + 500);
    let path = format!("/v1/carts/{cart}/lines/1");
    let two = json!({"quantity": {"amount": 2, "unit": "piece"}});
    shopper.put(&path, &two).await.problem(422, "quantity_fixed");
    let gone = shop.test.call(reqwest::Method::DELETE, &path).bearer(&shopper.actor.token);
    assert_eq!(gone.send().await.expect(200).number("/total/amount"), 1799);
}

#[tokio::test]
async fn the_same_label_sent_twice_counts_once_and_another_instance_folds_the_same() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let body = json!({"events": [scanned(shop.test.app.ids.next(), &label(GOUDA, 385))]});
    let path = format!("/v1/carts/{cart}/scans");
    shopper.post(&path, &body).await.expect(200);
    assert_eq!(shopper.post(&path, &body).await.expect(200).text("/results/0/outcome"), "repeated");
    shopper.scan(cart, &[&label(SALAMI, 499), &label(ROLLS, 6), "(01)09520000000103(17)261130(10)L1"]).await;
    let here = shopper.cart(cart).await;
    let other = shop.test.another().await;
    let there = other.get(&format!("/v1/carts/{cart}")).bearer(&shopper.actor.token).send().await.expect(200);
    assert_eq!(here.json, there.json, "folded from the log");
    assert_eq!(here.number("/total/amount"), 500 + 499 + 6 * 45 + 129);
    assert_eq!(
        (&here.json["lines"][3]["lots"], here.text("/lines/3/use_by")),
        (&json!(["L1"]), "2026-11-30")
    );
}

#[tokio::test]
async fn a_label_keeps_its_price_with_and_without_one_in_the_list() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[&label(SALAMI, 499), &label(PIE, 350)]).await;
    let read = shopper.cart(cart).await;
    assert_eq!(
        (read.number("/lines/0/amount/amount"), read.number("/lines/0/unit_price/amount")),
        (499, 2500)
    );
    assert_eq!(read.json["lines"][0]["is_label_price"], true);
    assert_eq!(
        (read.number("/lines/1/amount/amount"), read.number("/lines/1/unit_price/amount")),
        (350, 350)
    );
    assert_eq!(read.json["lines"][1]["priced_per"], Value::Null);
    apply(&shop, &[price("de", "salami", 2990)]).await;
    assert_eq!(shopper.cart(cart).await.number("/total/amount"), 849);
}

#[tokio::test]
async fn a_count_on_the_label_and_a_code_for_six_bring_their_pieces() {
    let shop = shop().await;
    let six = [json!({"kind": "code", "code": UNKNOWN, "sku": "milk", "quantity": 6})];
    apply(&shop, &six).await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[&label(ROLLS, 6), &label(ROLLS, 4), UNKNOWN, MILK]).await;
    let read = shopper.cart(cart).await;
    assert_eq!((read.number("/lines/0/quantity/amount"), read.number("/lines/0/amount/amount")), (10, 450));
    assert_eq!((read.number("/lines/1/quantity/amount"), read.number("/lines/1/amount/amount")), (7, 903));
    assert_eq!(reason(&shopper, cart, &label(ROLLS, 995)).await.as_deref(), Some("quantity_out_of_range"));
    let id = shop.test.app.ids.next::<aisle::ids::EventId>();
    let three = json!({"events": [{"type": "scan", "id": id, "code": UNKNOWN, "quantity": {"amount": 3, "unit": "piece"}}]});
    shopper.post(&format!("/v1/carts/{cart}/scans"), &three).await.expect(200);
    assert_eq!(shopper.cart(cart).await.number("/lines/1/quantity/amount"), 25);
}

#[tokio::test]
async fn a_case_is_not_its_unit() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let case = checked("1952000000010");
    assert_eq!(reason(&shopper, cart, &case).await.as_deref(), Some("code_unknown"));
    let rows = [
        json!({"kind": "product", "sku": "milk-case", "name": "Milk, 12 packs", "tax_class": "reduced"}),
        json!({"kind": "code", "code": case, "sku": "milk-case"}),
        price("de", "milk-case", 1399),
    ];
    apply(&shop, &rows).await;
    shopper.scan(cart, &[&case, MILK]).await.expect(200);
    assert_eq!(shopper.cart(cart).await.number("/total/amount"), 1399 + 129);
}

#[tokio::test]
async fn measures_that_are_missing_nought_or_of_another_kind_are_refused_with_their_reason() {
    let shop = shop().await;
    let rows = [
        json!({"kind": "product", "sku": "oil", "name": "Oil", "tax_class": "reduced", "sale": "weighed",
            "priced_per": {"amount": 1000, "unit": "millilitre"}}),
        own_code("281235", "oil"),
        price("de", "oil", 899),
        own_code("281236", "bread"),
    ];
    apply(&shop, &rows).await;
    let shopper = shop.shopper().await;
    let cart = shopper.check_in().await;
    let beef = checked(BEEF);
    let gtin = format!("(01){beef}");
    for (code, expected) in [
        (label(GOUDA, 0), "measure_zero"),
        (label(SALAMI, 0), "measure_zero"),
        (label(ROLLS, 0), "measure_zero"),
        (beef.clone(), "measure_missing"),
        (format!("{gtin}(3103)000000"), "measure_zero"),
        (format!("{gtin}(3153)000500"), "measure_unknown"),
        (label("281235", 500), "measure_unknown"),
        (label("281236", 500), "measure_unknown"),
        (format!("{gtin}(3103)000500(3932)8400499"), "currency_other"),
        (format!("{gtin}(3103)000500(3923)12345"), "label_price_invalid"),
        (format!("(01)0{MILK}(30)1(3922)1"), "label_price_unexpected"),
        ("2812345003859".replacen("2812345", "2812346", 1), "code_check_digit"),
    ] {
        assert_eq!(reason(&shopper, cart, &code).await.as_deref(), Some(expected), "{code}");
    }
    assert_eq!(reason(&shopper, cart, &format!("{gtin}(3103)000500")).await, None);
    assert_eq!(shopper.cart(cart).await.number("/total/amount"), 995);
    let id = shop.test.app.ids.next::<aisle::ids::EventId>();
    let two = json!({"events": [{"type": "scan", "id": id, "code": label(GOUDA, 385), "quantity": {"amount": 2, "unit": "piece"}}]});
    let answer = shopper.post(&format!("/v1/carts/{cart}/scans"), &two).await.expect(200);
    assert_eq!(answer.text("/results/0/reason"), "quantity_fixed");
}

#[tokio::test]
async fn a_store_reads_its_own_templates_before_its_country_and_no_other_store_does() {
    let shop = shop().await;
    let templates = json!({"code_templates": [
        "21{code:5}{embed:5}{ec}", "97{code:ean13}{embed:6}{_}", "S{_:4}{embed:2.3}{code:*}",
        "96{code:ean13}{embed:7}{price:5}{_}",
    ]});
    let nuts = json!({"kind": "product", "sku": "54321", "name": "Nuts", "tax_class": "reduced", "sale": "weighed",
        "priced_per": {"amount": 100, "unit": "gram"}});
    let base = json!({"kind": "code", "code": checked("211234500000"), "sku": "gouda", "internal": true});
    apply(&shop, &[store_with(&templates), nuts, base, price("de", "54321", 199)]).await;
    let shopper = shop.shopper().await;
    let discounted = format!("97{MILK}0000990");
    let by_article = "S00001234554321";
    let globus = format!("96{MILK}0000500009990");
    let cart = shopper.fill(&[&checked("211234500385"), &discounted, by_article]).await;
    let read = shopper.cart(cart).await;
    let amounts: Vec<i64> = (0..3).map(|line| read.number(&format!("/lines/{line}/amount/amount"))).collect();
    // 385 g of gouda; milk for the sticker's price; 12.345 kg of nuts at 1.99 for 100 g.
    assert_eq!(amounts, [500, 99, 24567]);
    assert_eq!((read.text("/lines/2/code"), read.text("/lines/2/sku")), ("54321", "54321"));
    assert_eq!(reason(&shopper, cart, &label(GOUDA, 1000)).await, None, "its country's labels go on");
    assert_eq!(reason(&shopper, cart, MILK).await, None);
    assert_eq!(reason(&shopper, cart, &globus).await, None, "a sticker of a piece: its number is a price");
    let other = crate::support::catalog::STORE_WITH_OWN_PRICES.parse().expect("a store");
    let now = shop.test.app.clock.now();
    assert!(shop.test.app.catalog.view().find(&other, &discounted, now).is_err());
    let path = format!("/v1/stores/{STORE}/products/{}", checked("211234500385"));
    assert_eq!(shopper.get(&path).await.expect(200).text("/sku"), "gouda");
}

#[tokio::test]
async fn a_near_date_makes_a_piece_cheaper_and_the_line_says_why() {
    let shop = shop().await;
    let rules = json!({"near_date_markdowns": [
        {"days_left_max": 3, "percent": 20}, {"days_left_max": 0, "percent": 50},
        {"days_left_max": 9, "percent": 90, "category": ["Flowers"]},
    ]});
    apply(&shop, &[store_with(&rules)]).await;
    let shopper = shop.shopper().await;
    let milk = |day: &str| format!("(01)0{MILK}(17){day}");
    let codes = [milk("261127"), milk("261126"), milk("261123"), MILK.to_owned()];
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let cart = shopper.fill(&codes).await;
    let read = shopper.cart(cart).await;
    let amounts: Vec<i64> = (0..3).map(|line| read.number(&format!("/lines/{line}/amount/amount"))).collect();
    // 129 × 0.8 = 103.2; 129 × 0.5 = 64.5
    assert_eq!(amounts, [258, 103, 65]);
    let why = json!({"percent": 20, "full_price": {"amount": 129, "currency": "EUR"}, "date": "2026-11-26"});
    assert_eq!(read.json["lines"][1]["reduction"], why);
    assert_eq!(read.json["lines"][0]["reduction"], Value::Null);
    let wrong = [store_with(&json!({"near_date_markdowns": [{"days_left_max": 1, "percent": 100}]}))];
    assert_eq!(shop.test.apply_rows(&wrong).await.quarantined, 1);
}

#[tokio::test]
async fn a_partial_code_is_taken_and_says_that_its_date_must_be_looked_at() {
    let shop = shop().await;
    let shopper = shop.shopper().await;
    let cart = shopper.fill(&[&format!("010{MILK}10L 1\u{1d}17261130")]).await;
    assert_eq!(shopper.cart(cart).await.json["lines"][0]["check_date"], true);
}

#[tokio::test]
async fn mixed_lines_are_quoted_paid_delivered_and_stand_on_the_receipt() {
    let shop = shop().await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[&label(GOUDA, 385), &label(SALAMI, 499), &label(ROLLS, 3), MILK]).await;
    let order = shopper.order(cart, &[1, 2]).await;
    shop.test.run_jobs().await;
    let read = shopper.read_order(order).await;
    assert_eq!(read.number("/quote/total/amount"), 500 + 499 + 135 + 129 + 499);
    assert_eq!(read.number("/captured/amount"), 264);
    let line = &read.json["quote"]["lines"][0];
    assert_eq!((&line["measure"], &line["pieces"]), (&json!({"amount": 385, "unit": "gram"}), &json!(1)));
    // What was weighed, and what 4.99 EUR are at 25 EUR a kilogram.
    assert_eq!(
        (&line["weight_grams"], &read.json["quote"]["lines"][1]["weight_grams"]),
        (&json!(385), &json!(200))
    );
    let gross: i64 =
        (0..2).filter_map(|place| read.json["quote"]["taxes"][place]["gross"]["amount"].as_i64()).sum();
    assert_eq!(gross, read.number("/quote/total/amount"));
    let url = read.text("/receipt_url").to_owned();
    let page = reqwest::get(url).await.expect("a page").text().await.expect("text");
    assert!(page.contains("0.385 kg × 12.99 EUR/kg"), "{page}");
    assert!(page.contains("Price of the label"), "{page}");
}
