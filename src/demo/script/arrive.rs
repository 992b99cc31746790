//! Before the first scan: the catalogue, the retailer's subscription, sign-in, a linked account.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::id;
use crate::demo::calls::{Ask, Caller, Unexpected, make_sure};
use crate::demo::ground::Ground;
use crate::demo::sample;
use crate::identity::device::DeviceKey;
use crate::ids::MethodId;

/// The account that is linked; any address will do at the sandbox.
const PAYER: &str = "anna.schmidt@example.com";

/// The retailer's own system delivers its catalogue. The batch is named after its content, so that a second run sends the
/// very same batch, which changes nothing.
pub(super) async fn bring_in_catalogue(caller: &mut Caller, ground: &Ground) -> Result<(), Unexpected> {
    caller.printer.step("The retailer's own system brings in its catalogue");
    let (products, batch) = sample::batch();
    let lines = batch.lines().count();
    let name = Uuid::new_v5(&Uuid::NAMESPACE_OID, batch.as_bytes());
    let path = format!("/v1/catalog/batches/{name}");
    for remark in ["", "The same batch again is answered as before:"] {
        if !remark.is_empty() {
            caller.printer.note(remark);
        }
        let ask = caller
            .to(Method::PUT, &path)
            .body("application/x-ndjson", batch.clone())
            .shown(&format!("{lines} rows of NDJSON, {products} products"))
            .bearer(&ground.accounts.erp_key);
        caller
            .ask(ask, 200, |answer| {
                let [applied, unchanged, quarantined, revision] =
                    ["/applied", "/unchanged", "/quarantined", "/revision"].map(|name| answer.number(name));
                let (applied, unchanged, quarantined) = (applied?, unchanged?, quarantined?);
                make_sure(quarantined == 0, "no quarantined row")?;
                let rows = i64::try_from(lines).unwrap_or(i64::MAX);
                make_sure(applied + unchanged == rows, "every row applied or unchanged")?;
                Ok(format!(
                    "applied {applied}, unchanged {unchanged}, quarantined {quarantined}, revision {}",
                    revision?
                ))
            })
            .await?;
    }
    Ok(())
}

/// The retailer's own system wants to be told of orders.
pub(super) async fn subscribe(caller: &mut Caller, ground: &Ground) -> Result<(), Unexpected> {
    caller.printer.step("It subscribes to what happens to orders");
    let accounts = &ground.accounts;
    let body = json!({
        "url": ground.subscriber.url,
        "kinds": ["order.paid", "order.refunded", "shipment.handed_over", "shipment.delivered"],
        "stores": [sample::STORE],
    });
    let known = accounts.subscription_secret.as_ref();
    let ask = caller
        .to(Method::PUT, &format!("/v1/exchange/subscriptions/{}", accounts.subscription))
        .json(&body)
        .bearer(&accounts.erp_key);
    let status = if known.is_some() { 200 } else { 201 };
    let answer = caller
        .ask(ask, status, |answer| Ok(format!("{}, signs with a secret of its own", answer.text("/state")?)))
        .await?;
    if let Some(secret) = known {
        ground.subscriber.trust(secret);
    } else {
        let secret = answer.text("/secret")?;
        ground.keep_secret(secret)?;
        ground.subscriber.trust(secret);
    }
    Ok(())
}

/// The phone's key is the account: no password, no form.
pub(super) async fn sign_in(caller: &mut Caller, ground: &Ground) -> Result<String, Unexpected> {
    caller.printer.step("A shopper signs in as a guest, by a key that the phone has just made");
    let device = DeviceKey::generate(&ground.app.random);
    let body = device.sign_in(&caller.url, ground.app.clock.now());
    let ask = caller
        .to(Method::POST, "/v1/auth/guest")
        .json(&body)
        .shown(&format!("the device's public key and its signature of {}", body["issued_at"]));
    let answer = caller
        .ask(ask, 200, |answer| {
            Ok(format!(
                "shopper {}, access token for {} s",
                answer.text("/shopper")?,
                answer.number("/expires_in")?
            ))
        })
        .await?;
    Ok(answer.text("/access_token")?.to_owned())
}

/// The shopper approves at PayPal, on PayPal's own page, that purchases are debited from now on.
pub(super) async fn link_paypal(
    caller: &mut Caller,
    ground: &Ground,
    token: &str,
) -> Result<MethodId, Unexpected> {
    caller.printer.step("The shopper links a PayPal account, once for all purchases");
    let method: MethodId = ground.app.ids.next();
    let path = format!("/v1/payment-methods/{method}");
    let ask = caller.to(Method::PUT, &path).json(&json!({"provider": "paypal"})).bearer(token);
    let linking = caller
        .ask(ask.header("prefer", "wait=10"), 200, |answer| {
            make_sure(answer.text("/approve_url")?.starts_with("http"), "an address to approve at")?;
            Ok(format!("{}, with the address of PayPal's approval page", answer.text("/state")?))
        })
        .await?;
    let page = linking.text("/approve_url")?;
    caller.printer.note("The shopper's browser opens PayPal's page and approves:");
    caller
        .ask(Ask::new(Method::GET, page), 200, |_| Ok("PayPal asks whether to save the account".to_owned()))
        .await?;
    let form = format!("decision=approve&email={}", PAYER.replace('@', "%40"));
    let approve =
        Ask::new(Method::POST, page).body("application/x-www-form-urlencoded", form.clone()).shown(&form);
    let sent_back = caller
        .ask(approve, 303, |answer| {
            let way_back = answer.header("location")?;
            Ok(format!("sends the browser back to {}", way_back.split('?').next().unwrap_or_default()))
        })
        .await?;
    let way_back = sent_back.header("location")?;
    make_sure(way_back.starts_with(&caller.url), "PayPal to lead back to the service")?;
    caller
        .ask(Ask::new(Method::GET, way_back).secret_query(), 200, |_| {
            Ok("a page: you can go back to the app".to_owned())
        })
        .await?;
    let ask = caller.to(Method::POST, &format!("{path}/confirm")).bearer(token).header("prefer", "wait=10");
    let linked = caller
        .ask(ask, 200, |answer| {
            make_sure(answer.text("/state")? == "active", "the account to be active")?;
            Ok(format!("active, shown as {}", answer.text("/label").unwrap_or("PayPal")))
        })
        .await?;
    id(&linked, "/id")
}
