//! The pages a shopper sees at PayPal: approve or cancel, for a saved account and for one order.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use url::Url;

use super::books::{Amount, Payer, SetupStatus};
use super::server::Shared;
use super::state::State;
use super::{orders, vault};

/// Longest address PayPal takes.
const EMAIL_CHARACTERS_MAX: usize = 254;

/// What the page asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// `/agreements/approve?approval_session_id=`: a setup token.
    SavedAccount(String),
    /// `/checkoutnow?token=`: an order.
    Order(String),
}

pub const STYLE: &str = "
:root { color-scheme: light; font-family: system-ui, sans-serif; color: #1f2933; }
body { margin: 0; background: #f2f5f9; }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
.wide { max-width: 64rem; }
.card { background: #fff; border-radius: .75rem; padding: 1.25rem; margin: 1rem 0; box-shadow: 0 1px 4px #0002; overflow-x: auto; }
h1 { font-size: 1.3rem; color: #003087; } h2 { font-size: 1.05rem; }
label { display: block; font-weight: 600; margin-bottom: .35rem; }
input { box-sizing: border-box; width: 100%; font-size: 1.05rem; padding: .75rem; border: 1px solid #9fb0c3; border-radius: .5rem; }
button { width: 100%; font-size: 1.1rem; padding: .85rem; border: 0; border-radius: 2rem; margin-top: .9rem; cursor: pointer; }
.approve { background: #0070e0; color: #fff; } .cancel { background: #e4eaf1; color: #1f2933; }
.amount { font-size: 1.8rem; font-weight: 700; margin: .3rem 0; } .quiet { color: #52606d; font-size: .9rem; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; } td, th { text-align: left; padding: .3rem .5rem; border-bottom: 1px solid #e4eaf1; }
code { background: #eef2f6; padding: .1rem .3rem; border-radius: .25rem; }
";

pub fn page(title: &str, wide: bool, content: &Markup) -> Html<String> {
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { main class=[wide.then_some("wide")] { (content) } }
        }
    };
    Html(markup.into_string())
}

/// The page for a subject, or a friendly word when there is nothing to decide.
pub fn show(shared: &Shared, subject: &Subject) -> Response {
    let state = shared.state();
    let Some(question) = question(&state, subject) else {
        return (StatusCode::NOT_FOUND, nothing_to_decide()).into_response();
    };
    drop(state);
    let content = html! {
        h1 { "PayPal sandbox" }
        div class="card" {
            @match &question.amount {
                Some(amount) => { p { "Pay" } p class="amount" { (amount) } },
                None => { p { "Save this account for automatic payments" } },
            }
            @if let Some(text) = &question.description { p class="quiet" { (text) } }
        }
        form method="post" class="card" {
            label for="email" { "E-mail address of the PayPal account" }
            input id="email" name="email" type="email" autocomplete="email" required
                maxlength=(EMAIL_CHARACTERS_MAX) placeholder="anna@example.com" value=[question.email.as_ref()];
            button class="approve" name="decision" value="approve" { "Approve" }
            button class="cancel" name="decision" value="cancel" formnovalidate { "Cancel" }
        }
        p class="quiet" {
            "No real money, no password. Words in the address decide what charges come to: "
            code { "+declined" } ", " code { "+action" } ", " code { "+pending" } ", " code { "+revoked" } ", "
            code { "+latedecline" } ", " code { "+refundpending" } " before the @."
        }
    };
    page("PayPal sandbox", false, &content).into_response()
}

/// The shopper's decision, and the way back to the shop.
pub fn decide(shared: &Shared, subject: &Subject, form: &[u8]) -> Response {
    let field = |name: &str| {
        url::form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    let approves = match field("decision").as_deref() {
        Some("approve") => true,
        Some("cancel") => false,
        _ => return (StatusCode::BAD_REQUEST, nothing_to_decide()).into_response(),
    };
    let email = field("email").unwrap_or_default().trim().to_owned();
    if approves && !plausible(&email) {
        return show(shared, subject);
    }
    let decided = shared.change(|state| {
        let question = question(state, subject)?;
        let payer = Payer::new(&email);
        let account_id = payer.account_id.clone();
        if approves && !approve(state, subject, payer) {
            return None;
        }
        Some((question, account_id))
    });
    let Ok(Some((question, account_id))) = decided else {
        return (StatusCode::NOT_FOUND, nothing_to_decide()).into_response();
    };
    let way_back = if approves { question.return_url } else { question.cancel_url };
    match way_back.and_then(|address| Url::parse(&address).ok()) {
        Some(address) => Redirect::to(back(address, subject, approves.then_some(&account_id)).as_str()).into_response(),
        None => page(
            "PayPal sandbox",
            false,
            &html! { h1 { "PayPal sandbox" } div class="card" { p { "Done. You may go back to the shop." } } },
        )
        .into_response(),
    }
}

struct Question {
    amount: Option<Amount>,
    description: Option<String>,
    email: Option<String>,
    return_url: Option<String>,
    cancel_url: Option<String>,
}

fn question(state: &State, subject: &Subject) -> Option<Question> {
    match subject {
        Subject::SavedAccount(id) => {
            let token = state.books.setup_tokens.get(id)?;
            if token.status != SetupStatus::PayerActionRequired || !vault::lives(state, token) {
                return None;
            }
            let text = |pointer: &str| {
                token.paypal.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned)
            };
            Some(Question {
                amount: None,
                description: text("/experience_context/brand_name").or_else(|| text("/description")),
                email: None,
                return_url: text("/experience_context/return_url"),
                cancel_url: text("/experience_context/cancel_url"),
            })
        }
        Subject::Order(id) => {
            let order = state.books.orders.get(id)?;
            if !matches!(
                order.status,
                super::books::OrderStatus::Created | super::books::OrderStatus::PayerActionRequired
            ) {
                return None;
            }
            let minor = order.units.iter().map(|unit| unit.amount.minor).sum();
            Some(Question {
                amount: order.units.first().map(|unit| unit.amount.with(minor)),
                description: order.units.first().and_then(|unit| unit.custom_id.clone()),
                email: order.payer.as_ref().map(|payer| payer.email.clone()),
                return_url: order.return_url.clone(),
                cancel_url: order.cancel_url.clone(),
            })
        }
    }
}

fn approve(state: &mut State, subject: &Subject, payer: Payer) -> bool {
    match subject {
        Subject::Order(id) => orders::approve(state, id, payer),
        Subject::SavedAccount(id) => match state.books.setup_tokens.get_mut(id) {
            Some(token) => {
                token.status = SetupStatus::Approved;
                token.payer = Some(payer);
                true
            }
            None => false,
        },
    }
}

/// The shop's address with what PayPal adds to it.
fn back(mut address: Url, subject: &Subject, payer: Option<&String>) -> Url {
    let mut query = address.query_pairs_mut();
    match subject {
        Subject::SavedAccount(id) => {
            query.append_pair("approval_token_id", id).append_pair("approval_session_id", id);
        }
        Subject::Order(id) => {
            query.append_pair("token", id);
            if let Some(payer) = payer {
                query.append_pair("PayerID", payer);
            }
        }
    }
    drop(query);
    address
}

fn plausible(email: &str) -> bool {
    let characters =
        |part: &str| !part.is_empty() && part.chars().all(|one| one.is_ascii_graphic() && one != '@');
    email.len() <= EMAIL_CHARACTERS_MAX
        && email
            .split_once('@')
            .is_some_and(|(local, host)| characters(local) && characters(host) && host.contains('.'))
}

fn nothing_to_decide() -> Html<String> {
    page(
        "PayPal sandbox",
        false,
        &html! {
            h1 { "PayPal sandbox" }
            div class="card" { p { "There is nothing to decide here: the page was used already, or its time is over." } }
        },
    )
}

/// Approves what a page at this address would ask about. `false` when there is nothing to decide.
pub fn approve_directly(shared: &Shared, approve_url: &str, email: &str) -> bool {
    let Ok(address) = Url::parse(approve_url) else {
        return false;
    };
    let Some(subject) = super::control::subject(address.path(), address.query().unwrap_or_default()) else {
        return false;
    };
    let approved = shared
        .change(|state| question(state, &subject).is_some() && approve(state, &subject, Payer::new(email)));
    approved.unwrap_or(false)
}
