//! From check-in to the door: look up, scan, change, place, pay, leave.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Cart, Placed, Shopper, id, in_store};
use crate::demo::calls::{Answer, Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::demo::sample;
use crate::ids::{CartId, CheckoutId, EventId, OrderId, ShipmentId};

/// Milk, which is taken along.
const MILK: &str = "10001";
/// Butter, taken along.
pub(super) const BUTTER: &str = "10016";
/// An oat drink, taken along, at the standard rate.
const OAT_DRINK: &str = "10012";
/// Spaghetti, delivered.
const SPAGHETTI: &str = "10106";
/// Coffee, delivered.
const COFFEE: &str = "10166";
/// Toilet paper, delivered, at the standard rate.
const TOILET_PAPER: &str = "10301";
/// What is scanned, with the number of pieces, and whether a courier shall bring it.
const BASKET: [(&str, i64, bool); 6] = [
    (MILK, 1, false),
    (BUTTER, 1, false),
    (OAT_DRINK, 2, false),
    (SPAGHETTI, 4, true),
    (COFFEE, 2, true),
    (TOILET_PAPER, 1, true),
];
/// A right EAN-13 that this retailer does not sell.
const FOREIGN_CODE: &str = "4006381333931";

/// The shopper says which store this is.
pub(super) async fn check_in(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
) -> Result<Cart, Unexpected> {
    caller.printer.step("The shopper checks in at the store");
    let cart: CartId = ground.app.ids.next();
    let ask = caller
        .to(Method::PUT, &format!("/v1/carts/{cart}"))
        .json(&json!({"store": sample::STORE}))
        .bearer(&shopper.token);
    let answer = caller
        .ask(ask, 201, |answer| {
            Ok(format!(
                "cart {}, {}, total {}",
                answer.text("/id")?,
                answer.text("/state")?,
                answer.money("/total")?
            ))
        })
        .await?;
    Ok(Cart {
        id: cart,
        version: answer.number("/version")?,
        to_deliver: Vec::new(),
        total: answer.money("/total")?,
    })
}

/// A price in two stores, and three different answers to three different bad codes.
pub(super) async fn look_up(caller: &mut Caller, shopper: &Shopper) -> Result<(), Unexpected> {
    caller.printer.step("The shopper looks up prices");
    let code = sample::code(MILK);
    let product = |answer: &Answer| {
        Ok(format!(
            "{}, {}, {} (as GTIN-14: {})",
            answer.text("/name")?,
            answer.money("/price")?,
            answer.text("/tax_class")?,
            answer.text("/gtin")?
        ))
    };
    let ask = |path: &str| caller.to(Method::GET, path).bearer(&shopper.token);
    let here = caller.ask(ask(&in_store(&format!("products/{code}"))), 200, product).await?;
    let there = format!("/v1/stores/{}/products/{code}", sample::OTHER_STORE);
    let there = caller.ask(ask(&there), 200, product).await?;
    make_sure(here.money("/price")? != there.money("/price")?, "each store to have its own price")?;
    let digit = code.chars().last().and_then(|digit| digit.to_digit(10)).unwrap_or_default();
    let misread = format!("{}{}", &code[..code.len() - 1], (digit + 1) % 10);
    let bad = [
        ("Not sold here:", FOREIGN_CODE, 404, "code_unknown"),
        ("Misread, the check digit is wrong:", &misread, 400, "code_check_digit"),
        ("No code at all:", "95200ABC", 400, "code_malformed"),
    ];
    for (remark, code, status, problem) in bad {
        caller.printer.note(remark);
        caller
            .ask(ask(&in_store(&format!("products/{code}"))), status, |answer| {
                make_sure(answer.text("/code")? == problem, format!("the problem {problem}"))?;
                Ok(format!("{problem}: {}", answer.text("/detail")?))
            })
            .await?;
    }
    Ok(())
}

/// A batch of scans, sent twice as a phone does that got no answer: it counts once.
pub(super) async fn scan(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
    cart: Cart,
) -> Result<Cart, Unexpected> {
    caller.printer.step("The shopper scans six products; the phone sends the batch twice");
    let events = BASKET.map(|(sku, pieces, _)| {
        let event: EventId = ground.app.ids.next();
        json!({"type": "scan", "id": event, "code": sample::code(sku), "quantity": {"amount": pieces, "unit": "piece"}})
    });
    let body = json!({"events": events});
    let mut totals = Vec::new();
    for outcome in ["applied", "repeated"] {
        let ask = caller
            .to(Method::POST, &format!("/v1/carts/{}/scans", cart.id))
            .json(&body)
            .shown(&format!(
                "{} scans, the first: {}",
                BASKET.len(),
                body["events"][0].to_string().replace(",\"", ", \"")
            ))
            .bearer(&shopper.token);
        let answer = caller
            .ask(ask, 200, |answer| {
                let results = answer.list("/results")?;
                make_sure(
                    results.iter().all(|result| result["outcome"] == outcome),
                    format!("every event {outcome}"),
                )?;
                Ok(format!("{} events {outcome}, total {}", results.len(), answer.money("/total")?))
            })
            .await?;
        totals.push(answer.money("/total")?);
    }
    make_sure(totals.windows(2).all(|pair| pair[0] == pair[1]), "the second batch to change nothing")?;
    let ask = caller.to(Method::GET, &format!("/v1/carts/{}", cart.id)).bearer(&shopper.token);
    let answer = caller.ask(ask, 200, described).await?;
    let is_to_be_delivered =
        |line: &&Value| BASKET.iter().any(|(sku, _, is_delivered)| *is_delivered && line["sku"] == *sku);
    let to_deliver =
        answer.list("/lines")?.iter().filter(is_to_be_delivered).filter_map(|line| line["line"].as_i64());
    Ok(Cart {
        version: answer.number("/version")?,
        to_deliver: to_deliver.collect(),
        total: answer.money("/total")?,
        ..cart
    })
}

pub(super) fn described(answer: &Answer) -> Result<String, Unexpected> {
    let taxes: Vec<String> = answer
        .list("/taxes")?
        .iter()
        .map(|tax| format!("{} %", tax["rate"].as_str().unwrap_or_default()))
        .collect();
    Ok(format!(
        "{} lines, total {}, VAT at {}, ETag {}",
        answer.list("/lines")?.len(),
        answer.money("/total")?,
        taxes.join(" and "),
        answer.header("etag")?
    ))
}

/// More milk. The `ETag` makes sure that the shopper changes what they see.
pub(super) async fn change_quantity(
    caller: &mut Caller,
    shopper: &Shopper,
    cart: Cart,
) -> Result<Cart, Unexpected> {
    caller.printer.step("The shopper takes three of the milk");
    let ask = |version: i64| {
        caller
            .to(Method::PUT, &format!("/v1/carts/{}/lines/1", cart.id))
            .json(&json!({"quantity": {"amount": 3, "unit": "piece"}}))
            .header("if-match", format!("\"{version}\""))
            .bearer(&shopper.token)
    };
    let answer = caller.ask(ask(cart.version), 200, described).await?;
    make_sure(answer.money("/total")? != cart.total, "the total to change")?;
    caller.printer.note("Another phone on the same cart still shows the old one, and is told so:");
    caller
        .ask(ask(cart.version), 412, |answer| {
            Ok(format!("{}: {}", answer.text("/code")?, answer.text("/detail")?))
        })
        .await?;
    Ok(Cart { version: answer.number("/version")?, total: answer.money("/total")?, ..cart })
}

/// The quote: what is taken along, what a courier brings, and what each way costs.
pub(super) async fn place(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
    cart: &Cart,
) -> Result<Placed, Unexpected> {
    caller.printer.step("The shopper places the checkout: half is taken along, DHL brings the rest");
    let checkout: CheckoutId = ground.app.ids.next();
    let body = json!({
        "cart": cart.id, "cart_version": cart.version, "payment_method": shopper.method,
        "deliver": {"lines": cart.to_deliver, "recipient": {
            "name": "Anna Schmidt", "street": "Torstraße", "house_number": "85", "postal_code": "10119",
            "city": "Berlin", "country": "DE",
        }},
    });
    let path = format!("/v1/checkouts/{checkout}");
    let ask = caller.to(Method::PUT, &path).json(&body).bearer(&shopper.token);
    let answer = caller
        .ask(ask, 201, |answer| {
            Ok(format!(
                "{}: total {}, of it {} at once and {} for the courier",
                answer.text("/state")?,
                answer.money("/quote/total")?,
                answer.money("/quote/due_now")?,
                answer.money("/quote/delivery_fee/amount")?
            ))
        })
        .await?;
    caller.printer.note("From now on the cart is locked:");
    let late = json!({"events": [{"type": "scan", "id": ground.app.ids.next::<EventId>(), "code": sample::code(MILK)}]});
    let ask =
        caller.to(Method::POST, &format!("/v1/carts/{}/scans", cart.id)).json(&late).bearer(&shopper.token);
    caller
        .ask(ask, 409, |answer| Ok(format!("{}: {}", answer.text("/code")?, answer.text("/detail")?)))
        .await?;
    Ok(Placed { checkout, total: answer.money("/quote/total")?, due_now: answer.money("/quote/due_now")? })
}

/// The shopper's yes; the debit itself needs nothing more.
pub(super) async fn pay(
    caller: &mut Caller,
    shopper: &Shopper,
    placed: &Placed,
) -> Result<OrderId, Unexpected> {
    caller.printer.step("The shopper says yes; the linked account is debited automatically");
    let ask = caller
        .to(Method::POST, &format!("/v1/checkouts/{}/pay", placed.checkout))
        .json(&json!({"total": placed.total}))
        .header("prefer", "wait=15")
        .bearer(&shopper.token);
    let answer = caller
        .ask(ask, 200, |answer| {
            make_sure(answer.text("/state")? == "paid", "the checkout to be paid")?;
            Ok(format!("paid, order {}", answer.text("/order")?))
        })
        .await?;
    id(&answer, "/order")
}

/// The order; what is taken along is captured a moment after the whole was set aside.
pub(super) async fn read_order(
    caller: &mut Caller,
    shopper: &Shopper,
    order: OrderId,
    placed: &Placed,
) -> Result<ShipmentId, Unexpected> {
    caller.printer.step("The order: what is taken along is captured, the rest is set aside");
    let ask = caller.to(Method::GET, &format!("/v1/orders/{order}")).bearer(&shopper.token);
    let due_now = json!(placed.due_now);
    let answer = caller
        .until(
            ask,
            "the share of what is taken along to be captured",
            |answer| answer.json["captured"] == due_now,
            |answer| {
                Ok(format!(
                    "number {}, {}, captured {} of {}",
                    answer.text("/number")?,
                    answer.text("/state")?,
                    answer.money("/captured")?,
                    answer.money("/quote/total")?
                ))
            },
        )
        .await?;
    id(&answer, "/shipment")
}

/// The pass opens the gate once. Says how often it did.
pub(super) async fn leave(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
    order: OrderId,
) -> Result<usize, Unexpected> {
    caller.printer.step("The shopper leaves: the pass opens the gate, once");
    let ask = caller.to(Method::POST, &format!("/v1/orders/{order}/exit-pass")).bearer(&shopper.token);
    let pass = caller
        .ask(ask, 201, |answer| {
            Ok(format!(
                "a signed pass for {} pieces, good until {}",
                answer.number("/pieces")?,
                answer.text("/expires_at")?
            ))
        })
        .await?;
    let body = json!({"pass": pass.text("/pass")?, "store": sample::STORE});
    let ask = caller
        .to(Method::POST, "/v1/exit-passes/redeem")
        .json(&body)
        .shown(&format!("the pass, store {}", sample::STORE))
        .bearer(&ground.accounts.gate_key);
    let mut openings = 0;
    caller
        .ask(ask.clone(), 200, |answer| Ok(format!("open, for {} pieces", answer.number("/pieces")?)))
        .await?;
    openings += 1;
    caller.printer.note("A friend tries the same pass:");
    caller
        .ask(ask, 409, |answer| {
            make_sure(answer.text("/code")? == "pass_used", "the problem pass_used")?;
            Ok(format!("pass_used: {}", answer.text("/detail")?))
        })
        .await?;
    Ok(openings)
}
