//! Later: money back, the receipt, and what the retailer's own system was told.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{Shopper, bring};
use crate::demo::calls::{Ask, Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::ids::{OrderId, RefundId};
use crate::money::{Currency, Money};

/// What is given back: one oat drink.
const REFUND_CENTS: i64 = 229;
/// What the retailer's system is told, in this order.
const EVENTS: [&str; 4] = ["order.paid", "shipment.handed_over", "shipment.delivered", "order.refunded"];
/// The messages have this long to arrive.
const EVENTS_TIMEOUT: Duration = Duration::from_secs(10);
/// How often the retailer's system is looked at.
const EVENTS_PAUSE: Duration = Duration::from_millis(20);

/// A supervisor gives money back.
pub(super) async fn refund(
    caller: &mut Caller,
    ground: &Ground,
    order: OrderId,
) -> Result<Money, Unexpected> {
    let supervisor =
        bring::sign_in(caller, &ground.accounts.supervisor, "One oat drink leaked; a supervisor signs in")
            .await?;
    caller.printer.step("The supervisor gives its price back");
    let amount = Money::new(REFUND_CENTS, Currency::EUR);
    let refund: RefundId = ground.app.ids.next();
    let path = format!("/v1/orders/{order}/refunds/{refund}");
    let body = json!({"amount": amount, "reason": "leaked"});
    let ask = caller.to(Method::PUT, &path).json(&body).bearer(&supervisor);
    caller
        .ask(ask.clone(), 202, |answer| {
            Ok(format!("{} of {}", answer.text("/state")?, answer.money("/amount")?))
        })
        .await?;
    caller.printer.note("Sent again, it is the same refund:");
    caller.ask(ask, 200, |answer| Ok(answer.text("/state")?.to_owned())).await?;
    let ask = caller.to(Method::GET, &format!("/v1/orders/{order}")).bearer(&supervisor);
    let expected = json!(amount);
    caller
        .until(
            ask,
            "the refund to be done",
            |answer| answer.json["refunded"] == expected,
            |answer| {
                Ok(format!(
                    "captured {}, refunded {}",
                    answer.money("/captured")?,
                    answer.money("/refunded")?
                ))
            },
        )
        .await?;
    Ok(amount)
}

/// The receipt, by an address that works in any browser for a day. Answers the order, the address and the page.
pub(super) async fn receipt(
    caller: &mut Caller,
    shopper: &Shopper,
    order: OrderId,
    refunded: Money,
) -> Result<(Value, String, String), Unexpected> {
    caller.printer.step("The receipt, for the shopper's browser");
    let ask = caller.to(Method::GET, &format!("/v1/orders/{order}")).bearer(&shopper.token);
    let view = caller
        .ask(ask, 200, |answer| {
            make_sure(answer.money("/refunded")? == refunded, format!("{refunded} to be refunded"))?;
            Ok(format!(
                "{}, captured {}, and the receipt's address",
                answer.text("/state")?,
                answer.money("/captured")?
            ))
        })
        .await?;
    let address = view.text("/receipt_url")?;
    let page = caller
        .ask(Ask::new(Method::GET, address).secret_query(), 200, |answer| {
            Ok(format!("{}, {} bytes", answer.header("content-type")?, answer.bytes.len()))
        })
        .await?;
    let text = String::from_utf8_lossy(&page.bytes).into_owned();
    Ok((view.json.clone(), address.to_owned(), text))
}

/// The retailer's own system was told of everything, in order, by signed messages. Answers the events it should know.
pub(super) async fn events(
    caller: &mut Caller,
    ground: &Ground,
    order: OrderId,
) -> Result<Vec<&'static str>, Unexpected> {
    caller.printer.step("The retailer's own system was told by signed messages (Standard Webhooks)");
    let begun = Instant::now();
    let order = order.to_string();
    while ground.subscriber.messages_about(&order).len() < EVENTS.len() {
        if begun.elapsed() > EVENTS_TIMEOUT {
            let arrived = ground.subscriber.messages_about(&order).len();
            return Err(Unexpected(format!("expected {} messages, {arrived} arrived", EVENTS.len())));
        }
        tokio::time::sleep(EVENTS_PAUSE).await;
    }
    for message in ground.subscriber.messages_about(&order) {
        let body = &message.body;
        caller.printer.note(&format!(
            "{}. {}  message {}, signature verified",
            body["sequence"],
            body["type"].as_str().unwrap_or_default(),
            message.id,
        ));
    }
    Ok(EVENTS.to_vec())
}
