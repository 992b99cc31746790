//! Pieces of which none costs what the next one does: weighed at the counter, or close to their dates.

use chrono::Days;
use reqwest::Method;
use serde_json::json;

use super::shop::{BUTTER, described};
use super::{Cart, Shopper, in_store};
use crate::demo::calls::{Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::demo::sample;
use crate::ids::EventId;
use crate::money::{Money, in_proportion};

/// What the scale at the counter shows.
const CHEESE_GRAMS: u32 = 385;

/// A label with a weight and a pack whose date is near: first looked up, then put into the cart at the price that was shown.
pub(super) async fn scan(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
    cart: Cart,
) -> Result<Cart, Unexpected> {
    caller.printer.step("The cheese counter weighs a piece, and the last butter is close to its date");
    let today = ground.app.clock.now().with_timezone(&chrono_tz::Europe::Berlin).date_naive();
    let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
    let label = sample::label(CHEESE_GRAMS);
    let butter = format!("(01)0{}(17){}", sample::code(BUTTER), tomorrow.format("%y%m%d"));
    let mut shown = Vec::new();
    for code in [&label, &butter] {
        let ask = caller.to(Method::GET, &in_store(&format!("products/{code}"))).bearer(&shopper.token);
        let answer = caller
            .ask(ask, 200, |answer| {
                let piece = &answer.json["piece"];
                let off = piece["reduction"]["percent"].as_i64();
                Ok(format!(
                    "{}, {} {}, {}{}",
                    answer.text("/name")?,
                    answer.number("/piece/quantity/amount")?,
                    answer.text("/piece/quantity/unit")?,
                    answer.money("/piece/amount")?,
                    off.map_or_else(String::new, |percent| format!(", {percent} % off"))
                ))
            })
            .await?;
        shown.push(answer.money("/piece/amount")?);
    }
    let by_weight = in_proportion(sample::CHEESE.2, i64::from(CHEESE_GRAMS), 1000).unwrap_or_default();
    make_sure(shown.first().map(|money| money.minor()) == Some(by_weight), "the price of 385 g")?;
    let events = [&label, &butter].map(|code| {
        let event: EventId = ground.app.ids.next();
        json!({"type": "scan", "id": event, "code": code})
    });
    let body = json!({"events": events});
    let path = format!("/v1/carts/{}", cart.id);
    let ask = caller
        .to(Method::POST, &format!("{path}/scans"))
        .json(&body)
        .shown(&format!("2 scans: {label} and {butter}"))
        .bearer(&shopper.token);
    caller
        .ask(ask, 200, |answer| {
            let lines = answer.list("/lines")?;
            let amounts: Vec<Money> =
                lines.iter().filter_map(|line| serde_json::from_value(line["amount"].clone()).ok()).collect();
            make_sure(amounts == shown, "each piece to cost what was shown")?;
            Ok(format!("{} lines of their own, total {}", lines.len(), answer.money("/total")?))
        })
        .await?;
    let ask = caller.to(Method::GET, &path).bearer(&shopper.token);
    let answer = caller.ask(ask, 200, described).await?;
    Ok(Cart { version: answer.number("/version")?, total: answer.money("/total")?, ..cart })
}
