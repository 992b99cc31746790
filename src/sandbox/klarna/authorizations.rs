//! What an authorization token is good for: one order, a customer token, or nothing, when it is given back.
//!
//! Placing an order is idempotent per authorization token, errors included: whatever the first attempt came to, a
//! later one comes to the same. Whether a customer token can be asked for twice isn't documented; here the second
//! attempt finds nothing, the worse case for a client whose first answer was lost.

use serde_json::{Value, json};

use super::books::{Authorization, CustomerToken, Intent, TokenStatus};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::sessions::refuse;
use super::shoppers::Shopper;
use super::state::State;
use super::{bodies, cart, ids, orders};
use crate::sandbox::fields::mistakes;

pub fn cancel(state: &mut State, call: &Call) -> Outcome {
    let now = state.now();
    find(state, call.id(0))?;
    if let Some(authorization) = state.books.authorizations.get_mut(call.id(0)) {
        authorization.released_at = Some(now);
    }
    Ok(Reply::nothing(204))
}

pub fn place(state: &mut State, call: &Call) -> Outcome {
    let token = call.id(0);
    if let Some(first) = state.books.authorizations.get(token).and_then(|one| one.placed.clone()) {
        return Ok(first);
    }
    let authorization = find(state, token)?.clone();
    let reply = try_to_place(state, call, &authorization)
        .unwrap_or_else(|refusal| refusal.reply(&call.correlation_id));
    if let Some(authorization) = state.books.authorizations.get_mut(token) {
        authorization.placed = Some(reply.clone());
    }
    Ok(reply)
}

fn try_to_place(state: &mut State, call: &Call, authorization: &Authorization) -> Outcome {
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::AUTHORIZED_ORDER))?;
    refuse(&cart::mistakes(&body, body["purchase_country"].as_str().unwrap_or_default()))?;
    if authorization.intent == Intent::Tokenize {
        return Err(Refusal::new(
            403,
            "INVALID_OPERATION",
            "The session was opened to make a customer token alone",
        ));
    }
    let differences = cart::differences(&body, &authorization.request);
    if !differences.is_empty() {
        let text = format!("Not matching fields: [{}]", differences.join(", "));
        return Err(Refusal::new(409, "BAD_VALUE", &text));
    }
    let order_id = place_of(state, authorization, &body);
    Ok(Reply::json(200, &orders::answer(state, &order_id)))
}

/// Makes the order of an authorization, whose session it completes. What the request leaves out is the session's.
pub fn place_of(state: &mut State, authorization: &Authorization, body: &Value) -> String {
    let mut request = authorization.request.clone();
    for (name, value) in body.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    let shopper = authorization.shopper.clone();
    let order_id = orders::place(
        state,
        orders::New {
            planned: shopper.order(),
            country: request["purchase_country"].as_str().unwrap_or_default().to_owned(),
            shopper: shopper.clone(),
            session_id: Some(authorization.session_id.clone()),
            customer_token: None,
            request,
        },
    );
    if let Some(session) = state.books.sessions.get_mut(&authorization.session_id) {
        session.complete = true;
    }
    if let Some(authorization) = state.books.authorizations.get_mut(&authorization.token) {
        authorization.order_id = Some(order_id.clone());
    }
    repair(state, &shopper, authorization.request["step_up_id"].as_str());
    order_id
}

/// The shopper came and paid: their tokens that waited for it work again, and so does the one that the session named.
fn repair(state: &mut State, shopper: &Shopper, step_up_id: Option<&str>) {
    let waits = |token: &&mut CustomerToken| {
        token.shopper == *shopper || (step_up_id.is_some() && token.step_up_id.as_deref() == step_up_id)
    };
    for token in state.books.customer_tokens.values_mut().filter(waits) {
        if token.step_up_id.take().is_some() || token.status == TokenStatus::Suspended {
            token.repaired = true;
        }
        if token.status == TokenStatus::Suspended {
            token.status = TokenStatus::Active;
        }
    }
}

pub fn make_token(state: &mut State, call: &Call) -> Outcome {
    let authorization = find(state, call.id(0))?.clone();
    let body = call.object()?;
    refuse(&mistakes(&body, bodies::CUSTOMER_TOKEN))?;
    if authorization.intent == Intent::Buy {
        return Err(Refusal::new(
            400,
            "INVALID_OPERATION",
            "The session was not opened to make a customer token",
        ));
    }
    let same = |name: &str| {
        let pair = body[name].as_str().zip(authorization.request[name].as_str());
        pair.is_some_and(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs))
    };
    let names = ["purchase_country", "purchase_currency"];
    let differing: Vec<&str> = names.into_iter().filter(|name| !same(name)).collect();
    if !differing.is_empty() {
        let text = format!("Not matching fields: [{}]", differing.join(", "));
        return Err(Refusal::new(409, "BAD_VALUE", &text));
    }
    if authorization.customer_token.is_some() {
        return Err(Refusal::not_found("NOT_FOUND", "Authorization", call.id(0)));
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let id = ids::uuid();
    let token = CustomerToken {
        id: id.clone(),
        status: TokenStatus::Active,
        shopper: authorization.shopper.clone(),
        country: text("purchase_country"),
        currency: text("purchase_currency").to_ascii_uppercase(),
        locale: text("locale"),
        description: text("description"),
        created_at: state.now(),
        cancelled_from: None,
        planned: Vec::new(),
        step_up_id: None,
        repaired: false,
    };
    state.books.customer_tokens.insert(id.clone(), token);
    if let Some(authorization) = state.books.authorizations.get_mut(call.id(0)) {
        authorization.customer_token = Some(id.clone());
    }
    let mut billing = match &body["billing_address"] {
        Value::Null => authorization.request["billing_address"].clone(),
        sent => sent.clone(),
    };
    if billing.is_null() {
        billing = json!({});
    }
    billing["email"] = json!(authorization.shopper.email);
    let answer = json!({
        "token_id": id,
        "payment_method_reference": ids::uuid(),
        "redirect_url": format!("{}/redirect/{}", state.pages_url(), authorization.session_id),
        "billing_address": billing,
        "customer": {"date_of_birth": body["customer"]["date_of_birth"].as_str().unwrap_or("1978-12-31")},
    });
    Ok(Reply::json(200, &answer))
}

/// An authorization that can still be used.
fn find<'a>(state: &'a State, token: &str) -> Result<&'a Authorization, Refusal> {
    let usable = |one: &&Authorization| {
        one.released_at.is_none()
            && one.expires_at > state.now()
            && (one.order_id.is_none() || one.customer_token.is_none())
    };
    let found = state.books.authorizations.get(token).filter(usable);
    found.ok_or_else(|| Refusal::not_found("NOT_FOUND", "Authorization", token))
}
