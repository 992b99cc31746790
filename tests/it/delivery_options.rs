//! Ways to have goods delivered: who offers what, what keeps a courier from it, and a checkout that takes one.

use aisle::ids::{CartId, CheckoutId};
use aisle::sandbox::ups::{Fault, FaultKind, Rule, Sandbox, Settings};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract::ups::assert_kept;
use crate::credits::{apply, store_with};
use crate::support::catalog::{BREAD, COFFEE, MILK, PAN, WINE};
use crate::support::courier::and;
use crate::support::trip::{Shop, Shopper};
use crate::support::{Answer, start_of_time};

/// A shop with DHL and UPS, whose store delivers by these terms. Couriers are waited for as long as a busy machine may need.
async fn shop(delivery: &Value) -> (Shop, Sandbox) {
    shop_that_waits(delivery, "10000").await
}

/// The same; couriers have so many milliseconds.
async fn shop_that_waits(delivery: &Value, milliseconds: &str) -> (Shop, Sandbox) {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let ups = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(ups.url()), &[("AISLE_DELIVERY_QUOTE_MS", milliseconds)]);
    let shop = Shop::open_with(&variables).await;
    let mut terms = json!({"amount": 499, "tax_class": "standard"});
    terms.as_object_mut().expect("an object").extend(delivery.as_object().expect("an object").clone());
    apply(&shop, &[store_with(&json!({"delivery": terms}))]).await;
    (shop, ups)
}

/// DHL by the store's table, UPS by its own word.
fn tariffs() -> Value {
    json!({"tariffs": [
        {"carrier": "dhl", "up_to_grams": 5000, "amount": 490, "days": [1, 2], "emits_grams": 600},
        {"carrier": "dhl", "amount": 890, "days": [1, 2], "emits_grams": 900},
        {"carrier": "ups", "countries": ["DE", "AT"], "emits_grams": 500},
    ]})
}

async fn options(shopper: &Shopper<'_>, cart: CartId, query: &str) -> Answer {
    let path = format!("/v1/carts/{cart}/delivery-options?country=DE&postal_code=10117&city=Berlin{query}");
    shopper.get(&path).await
}

pub fn carriers(answer: &Answer) -> Vec<&str> {
    let options = answer.json["options"].as_array().expect("options");
    options.iter().map(|option| option["carrier"].as_str().expect("a courier")).collect()
}

/// Places a checkout with this option; DHL's own place and goods unless changed.
async fn place(shopper: &Shopper<'_>, cart: CartId, lines: &[i64], option: &Value) -> (CheckoutId, Answer) {
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, lines);
    body["deliver"]["option"] = option.clone();
    let checkout: CheckoutId = shopper.shop.test.app.ids.next();
    (checkout, shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await)
}

#[tokio::test]
async fn each_courier_offers_by_its_own_word_or_by_the_stores_table() {
    let (shop, ups) = shop(&tariffs()).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    let of = |carrier: &str| {
        let options = found.json["options"].as_array().expect("options");
        options.iter().find(|option| option["carrier"] == carrier).expect("an option").clone()
    };
    let (dhl, live) = (of("dhl"), of("ups"));
    assert_eq!(
        (&dhl["price"]["amount"], &dhl["is_live"], &dhl["emits_grams"]),
        (&json!(490), &json!(false), &json!(600))
    );
    // Ordered on a Monday morning: it goes out the same day, and arrives on Tuesday or Wednesday by the store's clock.
    assert_eq!(dhl["leaves_by"], "2026-11-23T15:00:00Z");
    assert_eq!(
        (&dhl["arrives_from"], &dhl["arrives_until"]),
        (&json!("2026-11-23T23:00:00Z"), &json!("2026-11-25T22:59:59Z"))
    );
    assert_eq!(
        (&live["is_live"], &live["price"]["currency"], &live["parcels"]),
        (&json!(true), &json!("EUR"), &json!(1))
    );
    assert!(live["price"]["amount"].as_i64().is_some_and(|price| price > 0) && live["service"].is_string());
    // The cheaper one comes first, and says so.
    let first = &found.json["options"][0];
    assert_eq!(first["rank"], json!({"prefer": "cheapest", "place": 1, "of": 2}));
    assert!(first["price"]["amount"].as_i64() <= found.json["options"][1]["price"]["amount"].as_i64());
    assert_eq!((&found.json["lines"], &found.json["left_out"]), (&json!([]), &json!([])));
    // The same question again asks no courier.
    let again = options(&shopper, cart, "").await.expect(200);
    assert_eq!(again.json, found.json);
    let asked = ups.exchanges().iter().filter(|exchange| exchange.operation == "rate").count();
    assert_eq!(asked, 1);
    assert_kept(&ups);
}

#[tokio::test]
async fn what_a_store_prefers_comes_first() {
    for (prefer, first) in [("fastest", "ups"), ("greenest", "ups"), ("cheapest", "dhl")] {
        let mut terms = json!({"prefer": prefer, "tariffs": [
            {"carrier": "dhl", "amount": 490, "days": [3, 5], "emits_grams": 900},
            {"carrier": "ups", "amount": 990, "days": [1, 2], "emits_grams": 500},
        ]});
        terms["hand_over"] = json!({"by": "16:00", "on": ["Mon", "Tue", "Wed", "Thu", "Fri"]});
        let (shop, _ups) = shop(&terms).await;
        let shopper = shop.payer("anna@example.com").await;
        let cart = shopper.fill(&[MILK]).await;
        let found = options(&shopper, cart, "").await.expect(200);
        assert_eq!(carriers(&found)[0], first, "{prefer}");
    }
}

/// The parts of the parcels that the first and second option's couriers were promised and had, in percent.
fn parts(answer: &Answer) -> [(&str, i64, i64); 2] {
    [0, 1].map(|at| {
        let option = &answer.json["options"][at];
        let percent = |name: &str| option["rank"]["share"][name].as_i64().expect("percent");
        let carrier = option["carrier"].as_str().expect("a courier");
        (carrier, percent("wanted_percent"), percent("had_percent"))
    })
}

#[tokio::test]
async fn the_courier_that_is_farthest_behind_its_share_of_the_last_thirty_days_comes_first() {
    let terms = |shares: &Value| {
        json!({"amount": 499, "tax_class": "standard", "prefer": "share", "shares": shares, "tariffs": [
            {"carrier": "dhl", "amount": 490, "days": [1, 2]},
            {"carrier": "ups", "amount": 990, "days": [1, 2]},
        ]})
    };
    let both = json!([{"carrier": "dhl", "percent": 70}, {"carrier": "ups", "percent": 30}]);
    let (shop, _ups) = shop(&terms(&both)).await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(parts(&found), [("dhl", 70, 0), ("ups", 30, 0)], "nothing went out yet");
    let (checkout, placed) = place(&shopper, cart, &[1], &found.json["options"][0]["id"]).await;
    let total = serde_json::from_value(placed.expect(201).json["quote"]["total"].clone()).expect("money");
    shopper.pay(checkout, total).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    shop.test.run_jobs().await;
    assert_eq!(shop.dhl.books().shipments.len(), 1);
    let cart = shopper.fill(&[MILK]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(parts(&found), [("ups", 30, 0), ("dhl", 70, 100)], "the one parcel went with DHL");
    assert_eq!(found.text("/options/0/rank/prefer"), "share");
    // Who was promised nothing comes last, whatever it costs.
    let one = json!([{"carrier": "ups", "percent": 1}]);
    apply(&shop, &[store_with(&json!({"delivery": terms(&one)}))]).await;
    let cart = shopper.fill(&[MILK]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(carriers(&found), ["ups", "dhl"]);
    assert_eq!(found.json["options"][1]["rank"], json!({"prefer": "share", "place": 2, "of": 2}));
    // After thirty days a parcel does not count any more.
    apply(&shop, &[store_with(&json!({"delivery": terms(&both)}))]).await;
    shop.test.advance(Duration::days(31));
    shopper.sign_in_again().await;
    let cart = shopper.fill(&[MILK]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(parts(&found), [("dhl", 70, 0), ("ups", 30, 0)]);
}

#[tokio::test]
async fn a_courier_that_hangs_is_left_out_and_named_and_one_with_a_table_is_not_waited_for_in_vain() {
    let (shop, ups) = shop_that_waits(&tariffs(), "300").await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let hangs = || Rule::new("rate", FaultKind::Network(Fault::NoAnswerBefore { hold: true }), 9);
    ups.add_fault(hangs());
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(carriers(&found), ["dhl"]);
    assert_eq!(found.json["left_out"], json!([{"carrier": "ups", "reason": "no_answer_in_time"}]));
    ups.clear_faults();
    ups.add_fault(Rule::new("rate", FaultKind::Network(Fault::ErrorBefore { status: 503 }), 9));
    let other = shopper.fill(&[COFFEE]).await;
    let found = options(&shopper, other, "").await.expect(200);
    assert_eq!(found.json["left_out"], json!([{"carrier": "ups", "reason": "no_answer_in_time"}]));
}

#[tokio::test]
async fn what_can_not_be_sent_is_said_by_line_before_anything_is_debited() {
    let (shop, _ups) = shop(&tariffs()).await;
    let heavy = json!({"kind": "product", "sku": "pan", "name": "Cast iron pan", "tax_class": "standard", "deliverable": true, "weight_grams": 40_000});
    let cold = json!({"kind": "product", "sku": "coffee", "name": "Iced coffee", "tax_class": "reduced", "deliverable": true, "weight_grams": 500, "temperature": "chilled"});
    let wine = json!({"kind": "product", "sku": "wine", "name": "Riesling", "tax_class": "standard", "deliverable": true, "weight_grams": 1300, "age_min": 18});
    apply(&shop, &[heavy, cold, wine]).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[BREAD, COFFEE, PAN, WINE, MILK]).await;
    let found = options(&shopper, cart, "").await.expect(200);
    assert_eq!(carriers(&found), [""; 0]);
    let reasons: Vec<(i64, &str, &str)> = found.json["lines"]
        .as_array()
        .expect("lines")
        .iter()
        .map(|line| {
            (
                line["line"].as_i64().expect("a number"),
                line["carrier"].as_str().expect("a courier"),
                line["reason"].as_str().expect("a reason"),
            )
        })
        .collect();
    let expected = [
        (1, "dhl", "not_deliverable"),
        (2, "dhl", "cold_chain"),
        (3, "dhl", "too_heavy"),
        (1, "ups", "not_deliverable"),
        (2, "ups", "cold_chain"),
        (4, "ups", "age_check"),
    ];
    assert_eq!(reasons, expected);
    assert_eq!(found.json["left_out"][0], json!({"carrier": "dhl", "reason": "lines"}));
    // Without these lines there is a way; wine goes with who looks at the door.
    let found = options(&shopper, cart, "&lines=4,5").await.expect(200);
    assert_eq!(carriers(&found), ["dhl"]);
    // Nobody goes there at all.
    let path = format!("/v1/carts/{cart}/delivery-options?country=US&postal_code=12207");
    let found = shopper.get(&path).await.expect(200);
    let nobody = [
        json!({"carrier": "dhl", "reason": "area_not_served"}),
        json!({"carrier": "ups", "reason": "area_not_served"}),
    ];
    assert_eq!(found.json["left_out"], json!(nobody));
}

#[tokio::test]
async fn a_question_that_can_not_be_read_says_why() {
    let (shop, _ups) = shop(&json!({})).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    let ask = async |query: &str| shopper.get(&format!("/v1/carts/{cart}/delivery-options?{query}")).await;
    let wrong = ask("country=DE&postal_code=1").await.problem(422, "address_invalid");
    assert_eq!(wrong.text("/errors/0/pointer"), "/postal_code");
    ask("country=de&postal_code=10117").await.problem(422, "address_invalid");
    ask("country=DE").await.problem(400, "invalid_query");
    ask("country=DE&postal_code=10117&lines=one").await.problem(400, "invalid_query");
    ask("country=DE&postal_code=10117&lines=9").await.problem(422, "line_unknown");
    ask("country=DE&postal_code=10117&colour=red").await.problem(400, "invalid_query");
    let other = shop.payer("ben@example.com").await;
    other
        .get(&format!("/v1/carts/{cart}/delivery-options?country=DE&postal_code=10117"))
        .await
        .problem(404, "cart_unknown");
    // Without tariffs each courier costs what a delivery costs, and who says when it arrives comes first.
    let found = ask("country=DE&postal_code=10117").await.expect(200);
    assert_eq!((carriers(&found), found.number("/options/1/price/amount")), (vec!["ups", "dhl"], 499));
}

#[tokio::test]
async fn a_checkout_takes_the_option_that_was_shown_and_its_courier_brings_the_goods() {
    let (shop, ups) = shop(&tariffs()).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let found = options(&shopper, cart, "&lines=2").await.expect(200);
    let at = carriers(&found).iter().position(|carrier| *carrier == "ups").expect("UPS offers");
    let option = found.json["options"][at].clone();
    let (checkout, placed) = place(&shopper, cart, &[2], &option["id"]).await;
    let placed = placed.expect(201);
    assert_eq!(placed.json["quote"]["delivery_fee"]["amount"], option["price"]);
    assert_eq!(placed.json["quote"]["delivery"]["id"], option["id"]);
    let total = serde_json::from_value(placed.json["quote"]["total"].clone()).expect("money");
    shopper.pay(checkout, total).await;
    shop.until(async || shopper.checkout(checkout).await.text("/state") == "paid").await;
    shop.test.run_jobs().await;
    let live = ups.books().shipments.iter().filter(|one| one.is_live()).count();
    assert_eq!((live, shop.dhl.books().shipments.len()), (1, 0), "the courier that was chosen, and no other");
    let order = shopper.checkout(checkout).await.text("/order").to_owned();
    let read = shopper.get(&format!("/v1/orders/{order}")).await.expect(200);
    let shipment = shopper.get(&format!("/v1/shipments/{}", read.text("/shipment"))).await.expect(200);
    assert_eq!((shipment.text("/carrier"), shipment.text("/choice/rank/prefer")), ("ups", "cheapest"));
}

#[tokio::test]
async fn an_option_holds_for_its_goods_and_its_place_and_until_its_end() {
    let (shop, _ups) = shop(&tariffs()).await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK, COFFEE]).await;
    let option = options(&shopper, cart, "&lines=2").await.expect(200).json["options"][0]["id"].clone();
    place(&shopper, cart, &[1, 2], &option).await.1.problem(409, "delivery_option_over");
    let unknown = json!("0199d3a0-0000-7000-8000-000000000001");
    let refused = place(&shopper, cart, &[2], &unknown).await.1.problem(422, "delivery_option_unknown");
    assert_eq!(refused.text("/errors/0/pointer"), "/deliver/option");
    // Another question does not end what was shown before.
    options(&shopper, cart, "&lines=1,2").await.expect(200);
    place(&shopper, cart, &[2], &option).await.1.expect(201);
    let other = shopper.fill(&[MILK]).await;
    place(&shopper, other, &[1], &option).await.1.problem(422, "delivery_option_unknown");
    let option = options(&shopper, other, "").await.expect(200).json["options"][0]["id"].clone();
    shop.test.advance(Duration::minutes(16));
    shopper.sign_in_again().await;
    place(&shopper, other, &[1], &option).await.1.problem(409, "delivery_option_over");
    // Asked again, the couriers offer anew.
    let anew = options(&shopper, other, "").await.expect(200).json["options"][0]["id"].clone();
    assert_ne!(anew, option);
    place(&shopper, other, &[1], &anew).await.1.expect(201);
}

#[tokio::test]
async fn terms_of_a_delivery_that_contradict_themselves_are_refused_at_import() {
    let shop = Shop::open().await;
    let terms = |tariff: &Value| {
        store_with(&json!({"delivery": {"amount": 499, "tax_class": "standard", "tariffs": [tariff]}}))
    };
    let also = |change: &Value| {
        let mut delivery = json!({"amount": 499, "tax_class": "standard"});
        delivery.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        store_with(&json!({"delivery": delivery}))
    };
    let rows = [
        terms(&json!({"carrier": "DHL", "amount": 1})),
        terms(&json!({"carrier": "dhl", "days": [3, 1]})),
        also(&json!({"prefer": "share"})),
        also(&json!({"shares": [{"carrier": "dhl", "percent": 60}, {"carrier": "ups", "percent": 41}]})),
        also(&json!({"open": [{"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "20:00"}]})),
    ];
    let report = shop.test.apply_rows(&rows).await;
    let reasons: Vec<&str> = report.refusals.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons, ["till_rules"; 5]);
}

/// The day of collection that UPS was last asked for.
fn asked_for(ups: &Sandbox) -> String {
    let asked = ups.exchanges().into_iter().rev().find(|exchange| exchange.target.contains("/rating/"));
    let body: Value = serde_json::from_slice(&asked.expect("a question").request_body).expect("JSON");
    let day = &body["RateRequest"]["Shipment"]["DeliveryTimeInformation"]["Pickup"]["Date"];
    day.as_str().expect("a day").to_owned()
}

#[tokio::test]
async fn a_courier_is_asked_for_the_day_on_which_the_goods_go_out() {
    let (shop, ups) = shop(&tariffs()).await;
    let mut shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    options(&shopper, cart, "").await.expect(200);
    assert_eq!(asked_for(&ups), "20261123");
    // After the hour of the hand-over, by the store's clock.
    shop.test.advance(Duration::hours(8));
    shopper.sign_in_again().await;
    options(&shopper, cart, "").await.expect(200);
    assert_eq!(asked_for(&ups), "20261124");
}

#[tokio::test]
async fn couriers_are_asked_so_often_a_minute_for_a_shopper_and_what_is_known_is_answered_still() {
    let (shop, ups) = shop(&tariffs()).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[MILK]).await;
    for number in 0..30 {
        options(&shopper, cart, &format!("&street=Gasse&house_number={number}")).await.expect(200);
    }
    let asked = ups.exchanges().len();
    options(&shopper, cart, "&street=Gasse&house_number=99").await.problem(429, "too_many_questions");
    options(&shopper, cart, "&street=Gasse&house_number=29").await.expect(200);
    assert_eq!(ups.exchanges().len(), asked);
    shop.test.advance(Duration::minutes(1));
    options(&shopper, cart, "&street=Gasse&house_number=99").await.expect(200);
}
