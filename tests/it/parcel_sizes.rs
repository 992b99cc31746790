//! Parcels by weight and size: how many, in which carton, what couriers are told, and what is too large for them.

use aisle::sandbox::ups::{Sandbox, Settings};
use serde_json::{Value, json};

use crate::contract::ups::assert_kept;
use crate::credits::{apply, store_with};
use crate::support::catalog::{COFFEE, MILK, PAN};
use crate::support::courier::and;
use crate::support::trip::Shop;
use crate::support::{Answer, start_of_time};

/// Kitchen rolls: a kilogram and 24 litres.
fn rolls() -> Value {
    json!({"kind": "product", "sku": "pan", "name": "Kitchen rolls", "tax_class": "standard", "deliverable": true,
        "weight_grams": 1000, "size": {"length_mm": 400, "width_mm": 300, "height_mm": 200}})
}

/// A shop with UPS beside DHL, whose store has these terms.
async fn shop(terms: &Value) -> (Shop, Sandbox) {
    let settings = Settings { clock_stands_at: Some(start_of_time()), ..Settings::local() };
    let ups = Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(ups.url()), &[("AISLE_DELIVERY_QUOTE_MS", "10000")]);
    let shop = Shop::open_with(&variables).await;
    let mut delivery = json!({"amount": 499, "tax_class": "standard"});
    delivery.as_object_mut().expect("an object").extend(terms.as_object().expect("an object").clone());
    apply(&shop, &[store_with(&json!({"delivery": delivery})), rolls()]).await;
    (shop, ups)
}

fn place(cart: impl std::fmt::Display) -> String {
    format!("/v1/carts/{cart}/delivery-options?country=DE&postal_code=10117&city=Berlin")
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).expect("JSON")
}

fn of<'a>(answer: &'a Answer, carrier: &str) -> &'a Value {
    let options = answer.json["options"].as_array().expect("options");
    options.iter().find(|option| option["carrier"] == carrier).expect("an option")
}

#[tokio::test]
async fn light_and_large_goods_go_in_as_many_cartons_as_hold_them_and_couriers_are_told_their_sizes() {
    let (shop, ups) = shop(&json!({})).await;
    let shopper = shop.payer("anna@example.com").await;
    // Three of 24 litres and a small one: two fill a large carton.
    let cart = shopper.fill(&[PAN, PAN, PAN, COFFEE]).await;
    let found = shopper.get(&place(cart)).await.expect(200);
    assert_eq!((&of(&found, "dhl")["parcels"], &of(&found, "ups")["parcels"]), (&json!(2), &json!(2)));
    let exchanges = ups.exchanges();
    let asked = exchanges.iter().find(|exchange| exchange.operation == "rate").expect("a question");
    let asked = json_of(&asked.request_body);
    let packages = &asked["RateRequest"]["Shipment"]["Package"];
    let sides = json!({"UnitOfMeasurement": {"Code": "CM", "Description": "Centimetres"},
        "Length": "59", "Width": "39", "Height": "39"});
    assert_eq!(packages[0]["Dimensions"], sides);
    let order = shopper.order(cart, &[1, 2]).await;
    shop.until(async || shop.dhl.books().shipments.len() == 2).await;
    let exchanges = shop.dhl.exchanges();
    let books =
        |method: &str, path: &str| method == "POST" && path.starts_with("/parcel/de/shipping/v2/orders");
    let booked = exchanges.iter().find(|each| books(&each.method, &each.path)).expect("a booking");
    let dim = json_of(&booked.request_body)["shipments"][0]["details"]["dim"].take();
    assert_eq!(dim, json!({"uom": "mm", "length": 590, "width": 390, "height": 390}));
    let read = shopper.get(&format!("/v1/orders/{order}")).await.expect(200);
    assert_eq!(read.json["quote"]["packed"].as_array().map(Vec::len), Some(2));
    let shipment = shopper.get(&format!("/v1/shipments/{}", read.text("/shipment"))).await.expect(200);
    let parcels = &shipment.json["parcels"];
    assert_eq!((&parcels[0]["carton"], &parcels[0]["weight_grams"]), (&json!("L"), &json!(3_420)));
    assert_eq!(parcels[0]["size"], json!({"length_mm": 590, "width_mm": 390, "height_mm": 390}));
    assert_kept(&ups);
    crate::contract::dhl::assert_kept(&shop.dhl);
}

#[tokio::test]
async fn a_stores_own_cartons_count_and_a_piece_that_fits_none_goes_by_itself() {
    let cartons = json!([{"name": "Kiste 7", "weight_grams": 650,
        "inner": {"length_mm": 300, "width_mm": 390, "height_mm": 300}}]);
    let (shop, _ups) = shop(&json!({"cartons": cartons})).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[PAN, MILK]).await;
    let order = shopper.order(cart, &[1, 2]).await;
    shop.until(async || shop.dhl.books().shipments.len() == 2).await;
    let read = shopper.get(&format!("/v1/orders/{order}")).await.expect(200);
    let shipment = shopper.get(&format!("/v1/shipments/{}", read.text("/shipment"))).await.expect(200);
    let seen: Vec<(&Value, &Value)> = shipment.json["parcels"]
        .as_array()
        .expect("parcels")
        .iter()
        .map(|parcel| (&parcel["carton"], &parcel["weight_grams"]))
        .collect();
    assert_eq!(seen, [(&Value::Null, &json!(1_000)), (&json!("Kiste 7"), &json!(1_050 + 650))]);
    let wrong = json!({"delivery": {"amount": 1, "tax_class": "standard",
        "cartons": [{"name": "", "weight_grams": 1, "inner": {"length_mm": 1, "width_mm": 1, "height_mm": 1}}]}});
    let report = shop.test.apply_rows(&[store_with(&wrong)]).await;
    assert_eq!(report.refusals[0].reason.as_str(), "till_rules");
}

#[tokio::test]
async fn a_piece_that_is_too_large_for_a_courier_is_said_by_line_and_never_quoted() {
    let (shop, _ups) = shop(&json!({})).await;
    let shopper = shop.payer("anna@example.com").await;
    let resize = async |sides: [i64; 3]| {
        let mut row = rolls();
        row["size"] = json!({"length_mm": sides[0], "width_mm": sides[1], "height_mm": sides[2]});
        apply(&shop, &[row]).await;
    };
    let hindered = |found: &Answer| {
        let lines = found.json["lines"].as_array().expect("lines").clone();
        lines.iter().map(|line| format!("{} {}", line["carrier"], line["reason"])).collect::<Vec<_>>()
    };
    // Longer than DHL takes; UPS does.
    resize([2_000, 100, 100]).await;
    let cart = shopper.fill(&[MILK, PAN]).await;
    let found = shopper.get(&place(cart)).await.expect(200);
    assert_eq!(hindered(&found), ["\"dhl\" \"too_large\""]);
    let option = of(&found, "ups")["id"].clone();
    let (_, refused) = shopper.place(cart, &[1, 2]).await;
    refused.problem(422, "line_too_large");
    // Too much around it for both; and what was offered before is over.
    resize([2_000, 500, 400]).await;
    let found = shopper.get(&format!("{}&street=", place(cart))).await.expect(200);
    assert_eq!(hindered(&found), ["\"dhl\" \"too_large\"", "\"ups\" \"too_large\""]);
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1, 2]);
    body["deliver"]["option"] = option;
    let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
    shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await.problem(409, "delivery_option_over");
}

#[tokio::test]
async fn goods_that_must_be_cold_stay_so_when_their_price_is_gone_or_their_cold_is_learned_late() {
    let (shop, _ups) = shop(&json!({})).await;
    let shopper = shop.payer("anna@example.com").await;
    let cart = shopper.fill(&[PAN]).await;
    let found = shopper.get(&place(cart)).await.expect(200);
    let option = of(&found, "dhl")["id"].clone();
    let mut frozen = rolls();
    frozen["temperature"] = json!("frozen");
    apply(&shop, &[frozen]).await;
    // What was offered before that was known is not taken.
    let version = shopper.cart(cart).await.number("/version");
    let mut body = shopper.placement(cart, version, &[1]);
    body["deliver"]["option"] = option;
    let checkout: aisle::ids::CheckoutId = shop.test.app.ids.next();
    shopper.put(&format!("/v1/checkouts/{checkout}"), &body).await.problem(409, "delivery_option_over");
    apply(&shop, &[json!({"kind": "price", "price_list": "de", "sku": "pan", "deleted": true})]).await;
    let found = shopper.get(&format!("{}&street=A", place(cart))).await.expect(200);
    let reasons: Vec<&Value> =
        found.json["lines"].as_array().expect("lines").iter().map(|line| &line["reason"]).collect();
    assert_eq!(reasons, [&json!("cold_chain"), &json!("cold_chain")]);
    // Nor when the product itself is.
    apply(&shop, &[json!({"kind": "product", "sku": "pan", "deleted": true})]).await;
    let found = shopper.get(&format!("{}&street=B", place(cart))).await.expect(200);
    assert_eq!(found.json["lines"][0]["reason"], "cold_chain");
}
