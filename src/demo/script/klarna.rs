//! A second, small trip, paid through Klarna: the same calls, another provider.

use reqwest::Method;
use serde_json::json;

use super::shop::BUTTER;
use super::{Shopper, id};
use crate::demo::calls::{Ask, Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::demo::sample;
use crate::ids::{CartId, CheckoutId, EventId, MethodId};
use crate::money::Money;

/// Who the shopper is at Klarna.
const PAYER: &str = "anna@example.com";

/// What the checks need to know of it.
#[derive(Clone, Debug)]
pub struct Bought {
    /// What people call the purchase, at Klarna too.
    pub number: String,
    /// What it cost.
    pub total: Money,
}

/// The shopper agrees on Klarna's own page that purchases are debited from now on.
pub(super) async fn link(caller: &mut Caller, ground: &Ground, token: &str) -> Result<MethodId, Unexpected> {
    caller.printer.step("The shopper links a Klarna account too");
    let method: MethodId = ground.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    let ask = caller.to(Method::PUT, &path).json(&json!({"provider": "klarna"})).bearer(token);
    let linking = caller
        .ask(ask.header("prefer", "wait=10"), 200, |answer| {
            make_sure(answer.text("/approve_url")?.starts_with("http"), "an address to approve at")?;
            Ok(format!("{}, with the address of Klarna's page", answer.text("/state")?))
        })
        .await?;
    let page = linking.text("/approve_url")?;
    caller.printer.note("The shopper's browser opens Klarna's page and agrees:");
    let form = format!("decision=approve&code=123456&email={}", PAYER.replace('@', "%40"));
    let approve =
        Ask::new(Method::POST, page).body("application/x-www-form-urlencoded", form.clone()).shown(&form);
    caller.ask(approve, 303, |_| Ok("sends the browser back to the service".to_owned())).await?;
    let ask = caller.to(Method::GET, &path).bearer(token).header("prefer", "wait=10");
    caller
        .ask(ask, 200, |answer| {
            make_sure(answer.text("/state")? == "active", "the account to be active")?;
            Ok(format!("active, shown as {}", answer.text("/label").unwrap_or("Klarna")))
        })
        .await?;
    Ok(method)
}

/// One more thing is scanned and debited through Klarna: held and captured at once.
pub(super) async fn buy(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
) -> Result<Bought, Unexpected> {
    caller.printer.step("A second trip, debited through Klarna");
    let (cart, checkout): (CartId, CheckoutId) = (ground.app.ids.next(), ground.app.ids.next());
    let event: EventId = ground.app.ids.next();
    let path = format!("/v1/carts/{cart}");
    let ask = caller.to(Method::PUT, &path).json(&json!({"store": sample::STORE})).bearer(&shopper.token);
    caller.ask(ask, 201, |answer| Ok(format!("cart {}", answer.text("/id")?))).await?;
    let body = json!({"events": [{"type": "scan", "id": event, "code": sample::code(BUTTER)}]});
    let ask = caller.to(Method::POST, &format!("{path}/scans")).json(&body).bearer(&shopper.token);
    let scanned = caller.ask(ask, 200, |answer| Ok(format!("total {}", answer.money("/total")?))).await?;
    let body = json!({
        "cart": cart, "cart_version": scanned.number("/version")?, "payment_method": shopper.method,
    });
    let path = format!("/v1/checkouts/{checkout}");
    let ask = caller.to(Method::PUT, &path).json(&body).bearer(&shopper.token);
    let placed = caller
        .ask(ask, 201, |answer| Ok(format!("{}, {}", answer.text("/state")?, answer.money("/quote/total")?)))
        .await?;
    let total = placed.money("/quote/total")?;
    let ask = caller
        .to(Method::POST, &format!("{path}/pay"))
        .json(&json!({"total": total}))
        .header("prefer", "wait=15")
        .bearer(&shopper.token);
    let paid = caller
        .ask(ask, 200, |answer| {
            make_sure(answer.text("/state")? == "paid", "the checkout to be paid")?;
            Ok(format!("paid, order {}", answer.text("/order")?))
        })
        .await?;
    let order: crate::ids::OrderId = id(&paid, "/order")?;
    let ask = caller.to(Method::GET, &format!("/v1/orders/{order}")).bearer(&shopper.token);
    let order = caller
        .ask(ask, 200, |answer| {
            make_sure(answer.money("/captured")? == total, "the whole to be captured")?;
            Ok(format!("number {}, captured {}", answer.text("/number")?, answer.money("/captured")?))
        })
        .await?;
    Ok(Bought { number: order.text("/number")?.to_owned(), total })
}
