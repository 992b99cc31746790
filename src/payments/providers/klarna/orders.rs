//! Orders: held on a linked account, or by what the shopper confirmed on a page.
//!
//! A token order is only ever a hold: Klarna captures by itself only where the contract says so, and a capture of ours has a
//! key and a name. Where a debit is asked for as one, because a hold ran out, both calls are made. Klarna may ask for the shopper (step-up); then a page stands where the order will: its name begins with
//! [`PAGE`], and the order is placed by what the shopper approved on it.

use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::errors::{Verdict, declined, lost, verdict};
use super::lines::{self, Cart, NotExpressible};
use super::pages::{self, Failed, Progress, Ways};
use super::{Klarna, manage, token, wire};
use crate::ids::OperationId;
use crate::money::{Currency, Money};
use crate::payments::model::{DeclineReason, Outcome, Receipt};
use crate::payments::provider::{
    CaptureRequest, ChargeRequest, CompleteRequest, Intent, Market, OrderRequest,
};

/// What the name of a page begins with where an order's would stand.
const PAGE: &str = "page-";
/// Longest reference of ours.
const REFERENCE_CHARACTERS_MAX: usize = 255;

/// What Klarna is told of a purchase, to hold its total or to have it confirmed.
struct Purchase<'a> {
    cart: Cart,
    currency: Currency,
    reference: &'a str,
    operation: OperationId,
    market: Market<'a>,
    ways: Ways<'a>,
}

impl Purchase<'_> {
    /// The fields that every message about it has; the cart of a confirmed purchase must be the one that was confirmed.
    fn body(&self) -> Value {
        json!({
            "purchase_currency": self.currency.code(),
            "order_amount": self.cart.amount,
            "order_tax_amount": self.cart.tax,
            "order_lines": self.cart.lines,
            "merchant_reference1": cut(self.reference),
            // In the settlements too: our name of the attempt.
            "merchant_reference2": self.operation,
        })
    }

    /// The same with where it is bought, which a token order knows by itself.
    fn body_with_market(&self, klarna: &Klarna) -> Value {
        let mut body = self.body();
        body["purchase_country"] = json!(klarna.country(self.market));
        body["locale"] = json!(self.market.locale.unwrap_or(&klarna.settings.locale));
        body
    }
}

fn purchase_of<'a>(klarna: &Klarna, charge: &ChargeRequest<'a>) -> Result<Purchase<'a>, NotExpressible> {
    Ok(Purchase {
        cart: lines::cart(charge.lines, charge.amount, klarna.country(charge.market))?,
        currency: charge.amount.currency(),
        reference: charge.reference,
        operation: charge.operation,
        market: charge.market,
        ways: Ways { return_url: charge.return_url, callback_url: charge.callback_url },
    })
}

/// Holds an amount on a linked account. Klarna may ask for the shopper where they just said yes.
pub async fn charge(klarna: &Klarna, charge: &ChargeRequest<'_>) -> Outcome {
    let Ok(purchase) = purchase_of(klarna, charge) else { return declined(DeclineReason::Refused) };
    let mut body = purchase.body();
    body["auto_capture"] = json!(false);
    if charge.is_shopper_present {
        body["step_up"] = json!("SUPPORTED");
    }
    body["merchant_urls"] = json!({"confirmation": charge.return_url, "push": charge.callback_url});
    let Some(token) = charge.token else { return declined(DeclineReason::Refused) };
    let path = format!("/customer-token/v1/tokens/{}/order", token.expose_secret());
    let answer = match klarna.client.post("create token order", &path, Some(charge.key), Some(&body)).await {
        Err(error) => return lost(error),
        Ok(answer) => answer,
    };
    if answer.status.is_success() {
        let held = placed(&answer, charge.amount);
        return match charge.intent {
            Intent::Authorise => held,
            Intent::Capture => captured_at_once(klarna, charge, held).await,
        };
    }
    match verdict(&answer) {
        Verdict::StepUp(step_up) => ask_shopper(klarna, &purchase, &step_up).await,
        Verdict::Missing(_) => declined(DeclineReason::LinkRevoked),
        // Klarna may call a token that ended a wrong value.
        Verdict::Declined(outcome) if answer.status.as_u16() == 400 => {
            match token::is_linked(&klarna.client, token).await {
                Ok(false) => declined(DeclineReason::LinkRevoked),
                Ok(true) | Err(_) => outcome,
            }
        }
        Verdict::Declined(outcome) => outcome,
        Verdict::Look(detail) | Verdict::Again(detail) => Outcome::unknown(detail),
    }
}

/// Captures what was just held: the second call of a debit that was asked for as one. Both are repeatable by keys of their own,
/// so that the whole is: until the capture is known to have happened, nothing is.
async fn captured_at_once(klarna: &Klarna, charge: &ChargeRequest<'_>, held: Outcome) -> Outcome {
    let Outcome::Approved(Receipt { order: Some(order), .. }) = held else { return held };
    let capture = CaptureRequest {
        key: &format!("{}-capture", charge.key),
        operation: charge.operation,
        reference: charge.reference,
        order: Some(&order),
        authorisation: &order,
        amount: charge.amount,
        held: charge.amount,
        is_last: true,
        lines: charge.lines,
        market: charge.market,
    };
    in_order(manage::capture(klarna, &capture).await.after_earlier_calls(), &order)
}

/// The outcome of a capture that is all of its order.
fn in_order(outcome: Outcome, order: &str) -> Outcome {
    match outcome {
        Outcome::Approved(receipt) => Outcome::Approved(Receipt { order: Some(order.to_owned()), ..receipt }),
        other => other,
    }
}

/// Opens a page on which the shopper confirms the same purchase.
async fn ask_shopper(klarna: &Klarna, purchase: &Purchase<'_>, step_up: &str) -> Outcome {
    let mut session = purchase.body_with_market(klarna);
    session["intent"] = json!("buy");
    session["acquiring_channel"] = json!(klarna.settings.channel);
    session["merchant_urls"] = json!({
        "confirmation": purchase.ways.return_url,
        "authorization": purchase.ways.callback_url,
    });
    name_step_up(&mut session, step_up);
    match pages::begin(&klarna.client, &session, purchase.ways).await {
        Ok(begun) => Outcome::ActionRequired { order: format!("{PAGE}{}", begun.page), url: begun.url },
        // The charge was refused, and is again by its key: the page can be asked for another time.
        Err(Failed::Lost(lost)) => lost.into(),
        Err(Failed::Refused(answer)) => match verdict(&answer) {
            Verdict::Look(detail) | Verdict::Again(detail) => Outcome::unknown(detail),
            Verdict::Declined(_) | Verdict::StepUp(_) | Verdict::Missing(_) => {
                declined(DeclineReason::Declined)
            }
        },
    }
}

/// Names the refused charge in the session that confirms it. How Klarna wants it is documented by its name alone: this is the
/// one place that knows.
fn name_step_up(session: &mut Value, step_up: &str) {
    session["step_up_id"] = json!(step_up);
}

/// What became of an order, or of the page that stands for it.
pub async fn read(klarna: &Klarna, request: &OrderRequest<'_>) -> Outcome {
    let Some(page) = request.order.strip_prefix(PAGE) else {
        return match fetch(&klarna.client, request.order).await {
            Ok(order) if request.intent == Intent::Capture => debited(&order),
            Ok(order) => held(&order),
            Err(outcome) => outcome,
        };
    };
    let Some(url) = request.action_url else {
        // It was confirmed, an order was asked for, and Klarna can't be asked for orders by our name of them.
        return Outcome::Lost { detail: "Klarna can't tell whether the confirmed order was placed" };
    };
    let order = request.order.to_owned();
    match pages::read(&klarna.client, page).await {
        Ok(Progress::Waiting) => Outcome::ActionRequired { order, url: url.to_owned() },
        Ok(Progress::Approved(_)) => Outcome::Confirmed { order },
        Ok(Progress::Over) => declined(DeclineReason::NotConfirmed),
        Err(lost) => lost.into(),
    }
}

/// Places the order that the shopper confirmed. Klarna remembers an approval, not a key: the same one places the same order,
/// for an hour.
pub async fn complete(klarna: &Klarna, complete: &CompleteRequest<'_>) -> Outcome {
    let Some(page) = complete.order.strip_prefix(PAGE) else {
        return complete_accepted(klarna, complete).await;
    };
    let Ok(cart) = lines::cart(complete.lines, complete.amount, klarna.country(complete.market)) else {
        return declined(DeclineReason::Refused);
    };
    let ways = Ways { return_url: complete.return_url, callback_url: complete.callback_url };
    let purchase = Purchase {
        cart,
        currency: complete.amount.currency(),
        reference: complete.reference,
        operation: complete.operation,
        market: complete.market,
        ways,
    };
    let gone = || {
        if complete.is_repeat {
            Outcome::Lost { detail: "the approval ended, and Klarna can't tell whether its order was placed" }
        } else {
            declined(DeclineReason::NotConfirmed)
        }
    };
    let approval = match pages::read(&klarna.client, page).await {
        Ok(Progress::Approved(approval)) => approval,
        Ok(Progress::Waiting | Progress::Over) => return gone(),
        Err(lost) => return lost.into(),
    };
    let mut body = purchase.body_with_market(klarna);
    body["auto_capture"] = json!(false);
    body["merchant_urls"] = json!({"confirmation": ways.return_url, "notification": ways.callback_url});
    let path = format!("/payments/v1/authorizations/{approval}/order");
    match klarna.client.post("create order", &path, None, Some(&body)).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => {
            let held = placed(&answer, complete.amount);
            match (complete.intent, held) {
                // Accepted: debited by an operation of its own.
                (Intent::Capture, Outcome::Approved(Receipt { object: order, .. })) => {
                    Outcome::Confirmed { order }
                }
                (_, held) => held,
            }
        }
        Ok(answer) => match verdict(&answer) {
            Verdict::Missing(_) => gone(),
            Verdict::Declined(outcome) => outcome,
            // The data are not those that were confirmed.
            Verdict::Look(_) => declined(DeclineReason::Refused),
            Verdict::StepUp(_) => declined(DeclineReason::Declined),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

/// Debits an order that was held, or was under review, when its debit was asked for as one.
async fn complete_accepted(klarna: &Klarna, complete: &CompleteRequest<'_>) -> Outcome {
    let order = complete.order;
    if complete.intent == Intent::Authorise {
        return read(klarna, &OrderRequest { order, intent: Intent::Authorise, action_url: None }).await;
    }
    let capture = CaptureRequest {
        key: complete.key,
        operation: complete.operation,
        reference: complete.reference,
        order: Some(order),
        authorisation: order,
        amount: complete.amount,
        held: complete.amount,
        is_last: true,
        lines: complete.lines,
        market: complete.market,
    };
    in_order(manage::capture(klarna, &capture).await, order)
}

/// An order that was just placed. Klarna repeats no amount: an order is placed for what was asked, or not at all.
fn placed(answer: &Answer, amount: Money) -> Outcome {
    let order: wire::Placed = match answer.read() {
        Ok(order) => order,
        Err(lost) => return lost.into(),
    };
    if order.order_id.is_empty() {
        return Outcome::unknown("an order without an id");
    }
    let name = Some(order.order_id.clone());
    match order.fraud_status.as_str() {
        "ACCEPTED" => {
            Outcome::Approved(Receipt { order: name, object: order.order_id, amount, window: None })
        }
        "REJECTED" => declined(DeclineReason::Declined),
        // PENDING, and whatever Klarna invents next: known there, and not money yet.
        _ => Outcome::Pending { order: name, object: None },
    }
}

/// What an order says of the hold that it is.
pub fn held(order: &wire::Order) -> Outcome {
    let name = Some(order.id.clone()).filter(|id| !id.is_empty());
    match (order.status.as_str(), order.fraud_status.as_str()) {
        (_, "REJECTED") | ("CANCELLED" | "EXPIRED", _) => declined(DeclineReason::Declined),
        ("AUTHORIZED" | "PART_CAPTURED" | "CAPTURED" | "CLOSED", "ACCEPTED") => {
            let amount = order.money(order.original_amount.unwrap_or(order.amount));
            match (name, amount) {
                (Some(name), Some(amount)) => Outcome::Approved(Receipt {
                    order: Some(name.clone()),
                    object: name,
                    amount,
                    window: order.window(),
                }),
                _ => Outcome::unknown("an order without an id or a currency"),
            }
        }
        _ => Outcome::Pending { order: name, object: None },
    }
}

/// What an order says of the debit that it was placed for: accepted and not captured, it is to be completed.
fn debited(order: &wire::Order) -> Outcome {
    match (held(order), order.captures.first()) {
        (Outcome::Approved(receipt), Some(capture)) => match order.money(capture.amount) {
            Some(amount) => {
                let object = manage::capture_name(&receipt.object, &capture.id);
                Outcome::Approved(Receipt { object, amount, ..receipt })
            }
            None => Outcome::unknown("an order without a currency"),
        },
        (Outcome::Approved(receipt), None) => Outcome::Confirmed { order: receipt.object },
        (outcome, _) => outcome,
    }
}

/// Reads an order; one that is not there is a hold that is gone.
pub async fn fetch(client: &Client, order: &str) -> Result<wire::Order, Outcome> {
    let answer = client.get("read order", &format!("/ordermanagement/v1/orders/{order}")).await?;
    let refusal = wire::Refusal::of(&answer);
    match answer.status.as_u16() {
        200 => Ok(answer.read()?),
        404 if refusal.is_klarnas() => Err(declined(DeclineReason::AuthorisationGone)),
        _ => Err(Outcome::unknown(refusal.describe(answer.status))),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(REFERENCE_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_a_hold_only_when_it_is_accepted_and_lives() {
        let order = |status: &str, fraud: &str| {
            held(
                &serde_json::from_value(json!({
                    "order_id": "o", "status": status, "fraud_status": fraud, "purchase_currency": "eur",
                    "order_amount": 700, "original_order_amount": 1000,
                }))
                .expect("parses"),
            )
        };
        let euros = Money::new(1000, Currency::EUR);
        for status in ["AUTHORIZED", "PART_CAPTURED", "CAPTURED", "CLOSED"] {
            assert!(
                matches!(order(status, "ACCEPTED"), Outcome::Approved(receipt) if receipt.amount == euros)
            );
        }
        assert!(matches!(order("AUTHORIZED", "PENDING"), Outcome::Pending { .. }));
        assert!(matches!(order("AUTHORIZED", "SOMETHING_NEW"), Outcome::Pending { .. }));
        assert!(matches!(order("SOMETHING_NEW", "ACCEPTED"), Outcome::Pending { .. }));
        assert!(matches!(order("AUTHORIZED", "REJECTED"), Outcome::Declined { .. }));
        assert!(matches!(order("CANCELLED", "PENDING"), Outcome::Declined { .. }));
        assert!(matches!(order("EXPIRED", "ACCEPTED"), Outcome::Declined { .. }));
    }
}
