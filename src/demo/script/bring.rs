//! The parcel's way: label, hand-over with the capture of the rest, delivery.

use reqwest::Method;
use serde_json::json;

use super::{Placed, Shopper, in_store, shipment_path};
use crate::demo::accounts::Login;
use crate::demo::calls::{Answer, Ask, Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::ids::{OrderId, ShipmentId};

/// From the courier's depot to the door: picked up, in transit, out for delivery, delivered.
const STAGES: usize = 4;

/// Staff sign in by name and password; answers the token.
pub(super) async fn sign_in(caller: &mut Caller, login: &Login, title: &str) -> Result<String, Unexpected> {
    caller.printer.step(title);
    let ask = caller
        .to(Method::POST, "/v1/auth/staff")
        .json(&json!({"login": login.name, "password": login.password}))
        .shown(&format!("login {}, and the password", login.name));
    let answer = caller
        .ask(ask, 200, |answer| {
            Ok(format!(
                "staff {}, access token for {} s",
                answer.text("/staff")?,
                answer.number("/expires_in")?
            ))
        })
        .await?;
    Ok(answer.text("/access_token")?.to_owned())
}

/// Staff see what is to be picked, in the order of the aisles, and say that all of it was there.
pub(super) async fn pick(caller: &mut Caller, clerk: &str, order: OrderId) -> Result<(), Unexpected> {
    caller.printer.step("Staff pick what is delivered, aisle by aisle");
    let ask = caller.to(Method::GET, &in_store("pick-list")).bearer(clerk);
    caller
        .ask(ask, 200, |answer| {
            let items =
                answer.json["items"].as_array().ok_or_else(|| Unexpected("expected items".to_owned()))?;
            make_sure(!items.is_empty(), "something to pick")?;
            let told = items.iter().map(|item| {
                let aisle = item["location"]["aisle"].as_str().unwrap_or("?");
                format!("aisle {aisle}: {}", item["name"].as_str().unwrap_or_default())
            });
            Ok(told.collect::<Vec<_>>().join(", "))
        })
        .await?;
    let ask = caller.to(Method::PUT, &format!("/v1/orders/{order}/picked"));
    let ask = ask.bearer(clerk).json(&json!({"lines": []}));
    caller.ask(ask, 200, |answer| Ok(format!("picked at {}", answer.text("/picked_at")?))).await?;
    Ok(())
}

/// Staff see the shipment and print its label. Answers the parcel's number and where the courier serves the label.
pub(super) async fn label(
    caller: &mut Caller,
    ground: &Ground,
    clerk: &str,
    shipment: ShipmentId,
) -> Result<(String, String), Unexpected> {
    caller.printer.step("Staff pack the parcel and print DHL's label");
    let ask = caller.to(Method::GET, &shipment_path(shipment, "")).bearer(clerk);
    let answer = caller
        .until(
            ask,
            "DHL to have booked the parcel",
            |answer| answer.json["state"] == "booked",
            |answer| Ok(format!("booked, DHL's number {}", tracking_number(answer)?)),
        )
        .await?;
    let number = tracking_number(&answer)?.to_owned();
    let ask = caller.to(Method::GET, &shipment_path(shipment, "/labels/1")).bearer(clerk);
    caller
        .ask(ask, 200, |answer| {
            make_sure(answer.bytes.starts_with(b"%PDF"), "a PDF")?;
            Ok(format!("{}, {} bytes", answer.header("content-type")?, answer.bytes.len()))
        })
        .await?;
    let books = ground.dhl.books();
    let booked = books.shipments.iter().find(|booked| booked.number == number);
    let booked = booked.ok_or_else(|| Unexpected("expected the parcel in DHL's own books".to_owned()))?;
    Ok((number, format!("{}{}", ground.dhl.url(), booked.label_path)))
}

fn tracking_number(shipment: &Answer) -> Result<&str, Unexpected> {
    shipment.text("/parcels/0/tracking_number")
}

/// The courier has the goods: only now the rest is captured.
pub(super) async fn hand_over(
    caller: &mut Caller,
    shopper: &Shopper,
    clerk: &str,
    shipment: ShipmentId,
    order: OrderId,
    placed: &Placed,
) -> Result<(), Unexpected> {
    caller.printer.step("DHL collects the parcel: only now the rest is captured");
    let ask = caller.to(Method::POST, &shipment_path(shipment, "/hand-over")).bearer(clerk);
    caller.ask(ask, 200, |answer| Ok(answer.text("/state")?.to_owned())).await?;
    let ask = caller.to(Method::GET, &format!("/v1/orders/{order}")).bearer(&shopper.token);
    let total = json!(placed.total);
    caller
        .until(
            ask,
            "the whole total to be captured",
            |answer| answer.json["captured"] == total,
            |answer| Ok(format!("{}, captured {}", answer.text("/state")?, answer.money("/captured")?)),
        )
        .await?;
    Ok(())
}

/// DHL's sandbox moves the parcel on; the service learns of it by asking. Answers the address of the page that shows its way.
pub(super) async fn deliver(
    caller: &mut Caller,
    ground: &Ground,
    shopper: &Shopper,
    shipment: ShipmentId,
    tracking_number: &str,
) -> Result<String, Unexpected> {
    caller.printer.step("DHL brings the parcel to the door");
    let events = format!("{}/sandbox/shipments/{tracking_number}/events", ground.dhl.url());
    for _ in 0..STAGES {
        let ask = Ask::new(Method::POST, &events).json(&json!({"code": "advance"}));
        caller.ask(ask, 200, |answer| Ok(format!("the parcel is {}", answer.text("/stage")?))).await?;
    }
    caller.printer.note("The shopper's app asks:");
    let ask = caller.to(Method::GET, &shipment_path(shipment, "")).bearer(&shopper.token);
    let delivered = caller
        .until(
            ask,
            "the shipment to be delivered",
            |answer| answer.json["state"] == "delivered",
            |_| Ok("delivered".to_owned()),
        )
        .await?;
    caller.printer.note("Whoever has its address sees the parcel's way, without an account:");
    let address = delivered.text("/follow_url")?.to_owned();
    caller
        .ask(Ask::new(Method::GET, &address), 200, |page| {
            make_sure(page.bytes.windows(7).any(|seven| seven == b"arrived"), "that it has arrived")?;
            Ok(format!("{}, {} bytes", page.header("content-type")?, page.bytes.len()))
        })
        .await?;
    Ok(address)
}
