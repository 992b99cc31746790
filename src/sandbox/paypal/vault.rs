//! Vault v3: setup tokens, which the payer approves, and the payment tokens made of them.
//!
//! Chosen by us, because no specification says: a setup token lives three days; one that isn't approved or was used is
//! refused with 422 `TOKEN_NOT_APPROVED` and `TOKEN_ALREADY_TOKENIZED`. Without `permit_multiple_payment_tokens`, the
//! same payer and customer get their living payment token again instead of a second one.

use chrono::Duration;
use serde_json::{Value, json};

use super::books::{Object, OrderStatus, Payer, PaymentToken, SetupStatus, SetupToken};
use super::call::{Answer, Call, Outcome};
use super::checks::Checks;
use super::errors::Refusal;
use super::state::State;
use super::{ids, views, webhooks};

const SETUP_TOKEN_LIFETIME_DAYS: i64 = 3;
const CUSTOMER_ID_CHARACTERS_MAX: usize = 22;
/// Fields of the request that its answer repeats.
const REPEATED: [&str; 5] =
    ["description", "shipping", "permit_multiple_payment_tokens", "usage_type", "customer_type"];
/// Most tokens of one customer in one answer, and the customary number.
const PAGE_SIZE_MAX: usize = 64;
const PAGE_SIZE: usize = 5;

pub fn create_setup_token(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    let customer = check_customer(&mut checks, &body, "");
    let paypal = &body["payment_source"]["paypal"];
    if !paypal.is_object() {
        checks.require(&body["payment_source"], "/payment_source", "paypal");
    }
    check_wallet(&mut checks, paypal);
    checks.finish()?;

    let id = ids::setup_token_id();
    let token = SetupToken {
        id: id.clone(),
        status: SetupStatus::PayerActionRequired,
        customer,
        paypal: paypal.clone(),
        payer: None,
        create_time: state.now(),
    };
    state.books.setup_tokens.insert(id.clone(), token);
    Ok(Answer::full(201, Object::SetupToken(id)))
}

pub fn get_setup_token(state: &State, call: &Call) -> Outcome {
    match state.books.setup_tokens.get(&call.id) {
        Some(token) if lives(state, token) => Ok(Answer::full(200, Object::SetupToken(call.id.clone()))),
        _ => Err(call.unknown_resource("id")),
    }
}

pub fn create_payment_token(state: &mut State, call: &Call) -> Outcome {
    let body = call.object()?;
    let mut checks = Checks::new(call.operation);
    check_customer(&mut checks, &body, "");
    let token = &body["payment_source"]["token"];
    checks.require(token, "/payment_source/token", "id");
    checks.require(token, "/payment_source/token", "type");
    checks.word(token, "/payment_source/token", "type", &["SETUP_TOKEN"]);
    checks.pattern(token, "/payment_source/token", "id", 1..=255, |character| {
        character.is_ascii_digit() || character.is_ascii_uppercase() || character == '_' || character == '-'
    });
    checks.finish()?;

    let setup_id = token["id"].as_str().unwrap_or_default();
    let setup = state.books.setup_tokens.get(setup_id).filter(|setup| lives(state, setup)).cloned();
    let Some(setup) = setup else {
        return Err(Refusal::unknown_resource(call.operation, "/payment_source/token/id", setup_id));
    };
    let payer = match (setup.status, setup.payer) {
        (SetupStatus::Approved, Some(payer)) => payer,
        (SetupStatus::Tokenized, _) => return Err(call.unprocessable("TOKEN_ALREADY_TOKENIZED")),
        _ => return Err(call.unprocessable("TOKEN_NOT_APPROVED")),
    };
    if let Some(setup) = state.books.setup_tokens.get_mut(setup_id) {
        setup.status = SetupStatus::Tokenized;
    }
    let several = setup.paypal["permit_multiple_payment_tokens"] == json!(true);
    let living = state.books.payment_tokens.values().find(|token| {
        token.deleted_at.is_none() && token.payer == payer && token.customer["id"] == setup.customer["id"]
    });
    if let Some(token) = living.filter(|_| !several) {
        return Ok(Answer::full(201, Object::PaymentToken(token.id.clone())));
    }
    let id = insert_payment_token(state, (setup.customer, setup.paypal), payer, None);
    Ok(Answer::full(201, Object::PaymentToken(id)))
}

pub fn get_payment_token(state: &State, call: &Call) -> Outcome {
    match state.books.payment_tokens.get(&call.id) {
        Some(token) if token.deleted_at.is_none() => {
            Ok(Answer::full(200, Object::PaymentToken(call.id.clone())))
        }
        _ => Err(call.unknown_resource("id")),
    }
}

pub fn list_payment_tokens(state: &State, call: &Call) -> Outcome {
    let mut checks = Checks::new(call.operation);
    let Some(customer_id) = call.query("customer_id") else {
        checks.malformed("MISSING_REQUIRED_PARAMETER", "customer_id", None);
        checks.finish()?;
        return Err(Refusal::bare(400));
    };
    let mut number = |name: &str, usual: usize| match call.query(name).map(|text| text.parse::<usize>()) {
        Some(Ok(number)) if number > 0 => number,
        None => usual,
        Some(_) => {
            checks.malformed("INVALID_PARAMETER_VALUE", name, None);
            usual
        }
    };
    let (page, size) = (number("page", 1), number("page_size", PAGE_SIZE).min(PAGE_SIZE_MAX));
    checks.finish()?;
    let all: Vec<&PaymentToken> = state
        .books
        .payment_tokens
        .values()
        .filter(|token| token.deleted_at.is_none() && token.customer["id"] == customer_id.as_str())
        .collect();
    let tokens: Vec<Value> = all
        .iter()
        .skip((page - 1).saturating_mul(size))
        .take(size)
        .map(|token| views::payment_token(state, token))
        .collect();
    let mut answer = json!({
        "customer": {"id": customer_id},
        "payment_tokens": tokens,
        "links": [views::link(
            &format!("{}/v3/vault/payment-tokens?customer_id={customer_id}&page={page}&page_size={size}", state.url),
            "self",
            "GET",
        )],
    });
    if call.query("total_required").as_deref() == Some("true") && !all.is_empty() {
        answer["total_items"] = json!(all.len());
        answer["total_pages"] = json!(all.len().div_ceil(size));
    }
    Ok(Answer::json(200, answer))
}

/// 204 for an unknown token too: the specification lists no 404 here.
pub fn delete_payment_token(state: &mut State, call: &Call) -> Answer {
    remove(state, &call.id);
    Answer::nothing()
}

/// Ends a token, whoever asked for it: the shop, or the payer at PayPal. Tells whether it was alive.
pub fn remove(state: &mut State, id: &str) -> bool {
    let now = state.now();
    let Some(token) = state.books.payment_tokens.get_mut(id).filter(|token| token.deleted_at.is_none())
    else {
        return false;
    };
    token.deleted_at = Some(now);
    webhooks::record(state, "VAULT.PAYMENT-TOKEN.DELETED", &Object::PaymentToken(id.to_owned()));
    true
}

/// Whether a setup token can still be read and used.
pub fn lives(state: &State, token: &SetupToken) -> bool {
    token.create_time + Duration::days(SETUP_TOKEN_LIFETIME_DAYS) > state.now()
}

/// Saves the account of a completed order that wished it; `false` when there is none, or it was saved.
pub fn save_with_purchase(state: &mut State, order_id: &str) -> bool {
    let Some(order) = state.books.orders.get(order_id) else { return false };
    if order.status != OrderStatus::Completed {
        return false;
    }
    let (Some(saving), Some(payer)) = (order.saving.clone(), order.payer.clone()) else { return false };
    if saving.token.is_some() {
        return false;
    }
    let order = Some(order_id.to_owned());
    let token = insert_payment_token(state, (saving.customer, saving.instruction), payer, order);
    if let Some(saving) = state.books.orders.get_mut(order_id).and_then(|order| order.saving.as_mut()) {
        saving.token = Some(token);
    }
    true
}

fn insert_payment_token(
    state: &mut State,
    (customer, paypal): (Value, Value),
    payer: Payer,
    order_id: Option<String>,
) -> String {
    let id = ids::payment_token_id();
    let create_time = state.now();
    let token =
        PaymentToken { id: id.clone(), customer, paypal, payer, create_time, deleted_at: None, order_id };
    state.books.payment_tokens.insert(id.clone(), token);
    webhooks::record(state, "VAULT.PAYMENT-TOKEN.CREATED", &Object::PaymentToken(id.clone()));
    id
}

pub fn check_customer(checks: &mut Checks, body: &Value, at: &str) -> Value {
    let id_characters =
        |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '-';
    let customer = &body["customer"];
    let at = format!("{at}/customer");
    checks.pattern(customer, &at, "id", 1..=CUSTOMER_ID_CHARACTERS_MAX, id_characters);
    checks.text(customer, &at, "merchant_customer_id", 1..=64);
    let id = customer["id"].as_str().map_or_else(ids::customer_id, str::to_owned);
    json!({"id": id})
}

fn check_wallet(checks: &mut Checks, paypal: &Value) {
    check_instruction(checks, paypal, "/payment_source/paypal");
    let context = &paypal["experience_context"];
    let at = "/payment_source/paypal/experience_context";
    checks.require(context, at, "return_url");
    checks.require(context, at, "cancel_url");
    checks.web_address(context, at, "return_url");
    checks.web_address(context, at, "cancel_url");
    checks.text(context, at, "brand_name", 1..=300);
    checks.text(context, at, "locale", 2..=10);
    checks.word(
        context,
        at,
        "shipping_preference",
        &["GET_FROM_FILE", "NO_SHIPPING", "SET_PROVIDED_ADDRESS"],
    );
    checks.word(context, at, "vault_instruction", &["ON_CREATE_PAYMENT_TOKENS", "ON_PAYER_APPROVAL"]);
}

/// What is said of an account that is to be saved, by itself or with a purchase.
pub fn check_instruction(checks: &mut Checks, paypal: &Value, at: &str) {
    checks.pattern(paypal, at, "description", 1..=128, |character| {
        character.is_ascii_alphanumeric() || "_'-., :;!?\"".contains(character)
    });
    checks.word(paypal, at, "usage_type", &["MERCHANT", "PLATFORM"]);
    checks.word(paypal, at, "customer_type", &["CONSUMER", "BUSINESS"]);
    checks.word(
        paypal,
        at,
        "usage_pattern",
        &[
            "IMMEDIATE",
            "DEFERRED",
            "RECURRING_PREPAID",
            "RECURRING_POSTPAID",
            "THRESHOLD_PREPAID",
            "THRESHOLD_POSTPAID",
        ],
    );
    checks.flag(paypal, at, "permit_multiple_payment_tokens");
}

/// The wallet as it is answered: what the request said of it, and the payer once known.
pub fn wallet(paypal: &Value, payer: Option<&Payer>) -> Value {
    let mut wallet = json!({});
    for name in REPEATED {
        if let Some(value) = paypal.get(name) {
            wallet[name] = value.clone();
        }
    }
    if let Some(payer) = payer {
        wallet["email_address"] = json!(payer.email);
        wallet["payer_id"] = json!(payer.account_id);
        wallet["account_id"] = json!(payer.account_id);
        wallet["name"] = views::name(payer);
    }
    wallet
}
