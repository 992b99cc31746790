//! Search by words and by category: what is found, in which order, and that it follows the catalogue.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::catalog::{STORE, STORE_WITH_OWN_PRICES, ean13, price};
use crate::support::identity::ShopperActor;
use crate::support::{Answer, TestApp};

/// A product with a code of its own and a price in both stores.
fn goods(sku: &str, number: usize, more: &Value) -> Vec<Value> {
    let mut product = json!({"kind": "product", "sku": sku, "tax_class": "reduced"});
    let members = more.as_object().expect("members").clone();
    product.as_object_mut().expect("an object").extend(members);
    vec![product, json!({"kind": "code", "code": code(number), "sku": sku}), price("de", sku, 100)]
}

/// The EAN-13 of a number.
fn code(number: usize) -> String {
    ean13(&format!("40000000{number:04}"))
}

struct Shop {
    test: TestApp,
    shopper: ShopperActor,
}

impl Shop {
    async fn with(rows: &[Value]) -> Self {
        let test = TestApp::new().await;
        test.seed_catalog().await;
        test.apply_rows(rows).await;
        test.app.catalog.refresh_search().await;
        let shopper = test.shopper().await;
        Self { test, shopper }
    }

    async fn ask(&self, store: &str, query: &[(&str, &str)]) -> Answer {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        let path = format!("/v1/stores/{store}/search?{query}");
        self.test.get(&path).bearer(&self.shopper.token).send().await
    }

    async fn skus(&self, query: &[(&str, &str)]) -> Vec<String> {
        let found = self.ask(STORE, query).await.expect(200);
        let products = found.json["products"].as_array().expect("products");
        products.iter().map(|product| product["sku"].as_str().expect("a SKU").to_owned()).collect()
    }

    async fn words(&self, words: &str) -> Vec<String> {
        self.skus(&[("q", words)]).await
    }

    async fn deliver(&self, rows: &[Value]) {
        self.test.apply_rows(rows).await;
        self.test.app.catalog.refresh_search().await;
    }

    async fn categories(&self, store: &str) -> Vec<(String, i64, String)> {
        let path = format!("/v1/stores/{store}/categories");
        let answer = self.test.get(&path).bearer(&self.shopper.token).send().await.expect(200);
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let one = |each: &Value| {
            (text(&each["name"]), each["products"].as_i64().expect("a count"), text(&each["category"]))
        };
        answer.json["categories"].as_array().expect("categories").iter().map(one).collect()
    }
}

#[tokio::test]
async fn a_whole_word_comes_before_a_beginning_that_before_a_part_and_that_before_a_mistake() {
    let mut rows = Vec::new();
    let names = ["Birn Likör", "Birnensaft", "Williamsbirne", "Firn Wasser", "Apfel"];
    for (number, name) in names.iter().enumerate() {
        rows.extend(goods(&format!("p{number}"), number, &json!({"name": name})));
    }
    rows.extend(goods("brand", 10, &json!({"name": "Sirup", "brand": "Birn"})));
    rows.extend(goods("category", 11, &json!({"name": "Mus", "category": ["Obst", "Birn"]})));
    rows.extend(goods("long", 12, &json!({"name": "Birn Likör in der großen Flasche"})));
    let shop = Shop::with(&rows).await;
    assert_eq!(shop.words("birn").await, ["p0", "long", "brand", "category", "p1", "p2", "p3"]);
    assert_eq!(shop.words("birn likör").await, ["p0", "long"]);
    assert_eq!(shop.words("likör birnensaft").await, Vec::<String>::new());
    assert_eq!(shop.words("williambsirne").await, ["p2"], "two letters are swapped");
    // Three letters are too few for a part of a word and for a mistake.
    assert_eq!(shop.words("irn").await, Vec::<String>::new());
}

#[tokio::test]
async fn capitals_accents_and_umlauts_do_not_matter() {
    let mut rows = goods("cheese-1", 1, &json!({"name": "KÄSE am Stück"}));
    rows.extend(goods("creme", 2, &json!({"name": "Crème fraîche"})));
    rows.extend(goods("beer", 3, &json!({"name": "Weißbier"})));
    rows.extend(goods("cheese-2", 4, &json!({"name": "Kaese, gerieben"})));
    let shop = Shop::with(&rows).await;
    assert_eq!(shop.words("käse").await, ["cheese-2", "cheese-1"]);
    assert_eq!(shop.words("kaese").await, ["cheese-2", "cheese-1"]);
    assert_eq!(shop.words("KASE STUCK").await, ["cheese-1"]);
    assert_eq!(shop.words("creme FRAICHE").await, ["creme"]);
    assert_eq!(shop.words("weissbier").await, ["beer"]);
    assert_eq!(shop.words("Weiß").await, ["beer"]);
}

#[tokio::test]
async fn only_what_the_store_has_a_price_for_is_found_at_the_price_of_now() {
    let shop = Shop::with(&[price("bonn", "cheese", 277)]).await;
    assert_eq!(shop.words("gouda").await, Vec::<String>::new());
    let found = shop.ask(STORE_WITH_OWN_PRICES, &[("q", "gouda")]).await.expect(200);
    assert_eq!((found.text("/products/0/sku"), found.number("/products/0/price/amount")), ("cheese", 277));
    assert_eq!(found.text("/products/0/gtin"), "09520000000806");
    // A price needs no new words.
    shop.test.apply_rows(&[price("de", "cheese", 299)]).await;
    let found = shop.ask(STORE, &[("q", "gouda")]).await.expect(200);
    assert_eq!(found.number("/products/0/price/amount"), 299);
    shop.test.apply_rows(&[json!({"kind": "product", "sku": "cheese", "deleted": true})]).await;
    assert_eq!(shop.words("gouda").await, Vec::<String>::new());
}

#[tokio::test]
async fn names_are_looked_through_in_the_languages_of_the_store_or_in_the_one_that_is_asked_for() {
    let mut rows =
        goods("milk-2", 1, &json!({"name": "Drink", "names": {"de": "Vollmilch", "fr-CH": "Lait entier"}}));
    rows.push(json!({
        "kind": "store", "store": STORE, "name": "Bonn", "country": "DE", "currency": "EUR", "languages": ["de-DE"],
        "time_zone": "Europe/Berlin", "price_lists": ["de"],
        "address": {"street": "Hauptstraße", "house_number": "12", "postal_code": "53111", "city": "Bonn"},
    }));
    let shop = Shop::with(&rows).await;
    assert_eq!(shop.words("vollmilch").await, ["milk-2"]);
    assert_eq!(shop.words("entier").await, Vec::<String>::new());
    assert_eq!(shop.skus(&[("q", "entier"), ("language", "fr")]).await, ["milk-2"]);
    assert_eq!(shop.skus(&[("q", "vollmilch"), ("language", "fr")]).await, Vec::<String>::new());
    assert_eq!(shop.skus(&[("q", "drink"), ("language", "fr")]).await, ["milk-2"]);
}

#[tokio::test]
async fn the_tree_of_goods_counts_what_the_store_sells_and_leads_to_it() {
    let mut rows = Vec::new();
    let goods_of = [
        ("a", "Gouda", &["Kühlung", "Käse"][..]),
        ("b", "Brie", &["Kühlung", "Käse"]),
        ("c", "Butter", &["Kühlung"]),
        ("d", "Äpfel", &["Obst"]),
    ];
    for (number, (sku, name, category)) in goods_of.iter().enumerate() {
        rows.extend(goods(sku, number, &json!({"name": name, "category": category})));
    }
    rows.push(json!({"kind": "price", "price_list": "de", "sku": "d", "deleted": true, "amount": 1, "currency": "EUR"}));
    let shop = Shop::with(&rows).await;
    let tree = shop.categories(STORE).await;
    let counts: Vec<(&str, i64)> = tree.iter().map(|(name, count, _)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("Kühlung", 3), ("Käse", 2)]);
    assert_eq!(shop.skus(&[("category", &tree[0].2)]).await, ["b", "c", "a"], "by name");
    assert_eq!(shop.skus(&[("category", &tree[1].2)]).await, ["b", "a"]);
    assert_eq!(shop.skus(&[("category", &tree[1].2), ("q", "gouda")]).await, ["a"]);
    assert_eq!(shop.skus(&[("category", "nothing")]).await, Vec::<String>::new());
    shop.deliver(&[price("de", "d", 99)]).await;
    let mut moved = goods("c", 2, &json!({"name": "Butter", "category": ["Obst", "Nüsse"]}));
    moved.truncate(1);
    shop.deliver(&moved).await;
    let tree = shop.categories(STORE).await;
    let counts: Vec<(&str, i64)> = tree.iter().map(|(name, count, _)| (name.as_str(), *count)).collect();
    assert_eq!(counts, [("Kühlung", 2), ("Käse", 2), ("Obst", 2), ("Nüsse", 1)]);
    assert_eq!(shop.skus(&[("category", &tree[2].2)]).await, ["d", "c"]);
}

#[tokio::test]
async fn pages_lead_through_everything_once() {
    let mut rows = Vec::new();
    for number in 0..23 {
        rows.extend(goods(
            &format!("tea-{number:02}"),
            number,
            &json!({"name": format!("Tee Sorte {number:02}")}),
        ));
    }
    let shop = Shop::with(&rows).await;
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let page = shop.ask(STORE, &[("q", "tee"), ("limit", "5"), ("cursor", &cursor)]).await.expect(200);
        let products = page.json["products"].as_array().expect("products").clone();
        seen.extend(products.iter().map(|product| product["sku"].as_str().expect("a SKU").to_owned()));
        let Some(next) = page.json.get("next") else { break };
        assert_eq!(products.len(), 5);
        cursor = next.to_string();
    }
    let expected: Vec<String> = (0..23).map(|number| format!("tea-{number:02}")).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_question_that_asks_nothing_or_too_much_is_refused() {
    let test = TestApp::new().await;
    test.seed_catalog().await;
    let shopper = test.shopper().await;
    let path = format!("/v1/stores/{STORE}/search?q=milk");
    // The words are gathered in the background, and nobody waits for them.
    test.get(&path).bearer(&shopper.token).send().await.problem(503, "search_not_ready");
    test.get(&path).send().await.problem(401, "unauthenticated");
    let shop = Shop { test, shopper };
    shop.test.app.catalog.refresh_search().await;
    assert_eq!(shop.words("milk").await, ["milk"]);
    shop.ask(STORE, &[("q", " -- ")]).await.problem(400, "search_empty");
    shop.ask(STORE, &[("q", &"x".repeat(101))]).await.problem(400, "invalid_query");
    shop.ask("9999", &[("q", "milk")]).await.problem(404, "store_unknown");
    shop.ask(STORE, &[("q", "milk"), ("cursor", "99999999"), ("limit", "999")]).await.expect(200);
}

#[tokio::test]
async fn what_was_renamed_is_found_by_its_new_name_soon_and_without_anybody_asking() {
    let shop = Shop::with(&[]).await;
    let ending = tokio_util::sync::CancellationToken::new();
    let following = aisle::catalog::follow_search(shop.test.app.clone(), ending.clone());
    let row = json!({"kind": "product", "sku": "milk", "name": "Hafertrunk", "tax_class": "reduced"});
    shop.test.apply_rows(&[row]).await;
    let seen = async {
        while shop.words("hafertrunk").await != ["milk"] {
            tokio::task::yield_now().await;
        }
        assert_eq!(shop.words("whole milk").await, Vec::<String>::new());
        ending.cancel();
    };
    let both = async { tokio::join!(following, seen) };
    tokio::time::timeout(Duration::from_secs(5), both).await.expect("seen, and ended when told to");
}

#[tokio::test]
async fn words_that_followed_batch_by_batch_find_what_words_gathered_anew_find() {
    let shop = Shop::with(&[]).await;
    let nouns = ["Milch", "Käse", "Brot", "Milchbrot", "Kasten"];
    for round in 0..12_usize {
        let mut rows = Vec::new();
        for each in 0..5_usize {
            let number = (round * 7 + each * 3) % 20;
            let name = format!("{} {}", nouns[(round + each) % 5], nouns[(round * each) % 5]);
            let category = [nouns[number % 3], nouns[round % 5]];
            rows.extend(goods(&format!("s{number}"), number, &json!({"name": name, "category": category})));
        }
        let number = round % 20;
        if round % 3 == 0 {
            rows.push(json!({"kind": "product", "sku": format!("s{number}"), "deleted": true}));
        }
        if round % 4 == 0 {
            rows.push(json!({"kind": "code", "code": code(number + 1), "sku": format!("s{number}"), "deleted": true}));
        }
        shop.deliver(&rows).await;
    }
    let anew = Shop { test: shop.test.another().await, shopper: shop.test.shopper().await };
    anew.test.app.catalog.refresh_search().await;
    for words in ["milch", "kas", "brot milch", "rot", "kaste", "mlich", "kasten kase"] {
        assert_eq!(shop.words(words).await, anew.words(words).await, "{words}");
    }
    let tree = shop.categories(STORE).await;
    assert_eq!(tree, anew.categories(STORE).await);
    for (_, _, category) in tree {
        assert_eq!(shop.skus(&[("category", &category)]).await, anew.skus(&[("category", &category)]).await);
    }
}
