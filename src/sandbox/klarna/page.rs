//! The hosted payment page: a shopper approves, goes back, or refuses.

use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use url::Url;

use super::books::{HostedSession, HostedStatus, Intent, PlaceOrderMode};
use super::hosted::is_open;
use super::server::Shared;
use super::sessions::{self, Unauthorized};
use super::shoppers::{self, Shopper};
use super::state::State;
use super::{authorizations, callbacks, captures, cart, qr};

/// Lines shown of a cart; the sum counts all.
const LINES_SHOWN_MAX: usize = 20;

const STYLE: &str = "
:root { color-scheme: light; font-family: system-ui, sans-serif; color: #0b051d; }
body { margin: 0; background: #f9f8f5; }
main { max-width: 26rem; margin: 0 auto; padding: 1.25rem; }
.wide { max-width: 64rem; }
.card { background: #fff; border-radius: 1rem; padding: 1.25rem; margin: 1rem 0; box-shadow: 0 1px 4px #0002; overflow-x: auto; }
h1 { font-size: 1.3rem; } h1 span { background: #ffa8cd; border-radius: .5rem; padding: .15rem .55rem; } h2 { font-size: 1.05rem; }
label { display: block; font-weight: 600; margin: .9rem 0 .35rem; }
input { box-sizing: border-box; width: 100%; font-size: 1.05rem; padding: .75rem; border: 1px solid #aaa89f; border-radius: .6rem; }
input[type=checkbox] { width: auto; margin-right: .5rem; }
button { width: 100%; font-size: 1.1rem; padding: .85rem; border: 0; border-radius: .8rem; margin-top: .9rem; cursor: pointer; }
.approve { background: #0b051d; color: #fff; } .plain { background: #efecec; color: #0b051d; }
.amount { font-size: 1.8rem; font-weight: 700; margin: .3rem 0; } .quiet { color: #5f5b6b; font-size: .9rem; } .wrong { color: #a3001b; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } td, th { text-align: left; padding: .3rem .4rem; border-bottom: 1px solid #efecec; }
td.number { text-align: right; white-space: nowrap; } code { background: #f1eeee; padding: .1rem .3rem; border-radius: .25rem; }
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

/// What a shopper does on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    Approve {
        email: String,
        code: String,
        signs_up: bool,
    },
    /// Back to the shop; the page can be opened again.
    Back,
    /// For good.
    Cancel,
}

/// What a decision led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// The address of the shop to go to; none when it named none.
    Leave(Option<String>),
    /// The form was filled in wrong.
    Again(&'static str),
    NothingToDecide,
}

/// The page, opened: whoever looks at it is in progress.
pub fn show(shared: &Shared, id: &str) -> Response {
    let opened = shared.change(|state| {
        let session = open(state, id)?;
        if session.status != HostedStatus::InProgress {
            callbacks::set_hosted_status(state, id, HostedStatus::InProgress);
        }
        form(state, &session, None)
    });
    match opened {
        Ok(Some(content)) => page("Klarna sandbox", false, &content).into_response(),
        _ => (StatusCode::NOT_FOUND, nothing_to_decide()).into_response(),
    }
}

/// The page's address as a QR code.
pub fn picture(state: &State, id: &str) -> Response {
    let address = open(state, id).map(|session| format!("{}/hpp/payments/{}", state.pages_url(), session.id));
    match address.and_then(|address| qr::svg(&address)) {
        Some(picture) => ([(header::CONTENT_TYPE, "image/svg+xml")], picture).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The page's form, sent.
pub fn answer(shared: &Shared, id: &str, body: &[u8]) -> Response {
    let field = |name: &str| {
        let mut fields = url::form_urlencoded::parse(body);
        fields.find(|(key, _)| key == name).map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let decision = match field("decision").as_str() {
        "approve" => Decision::Approve {
            email: field("email"),
            code: field("code"),
            signs_up: field("signs_up") == "yes",
        },
        "back" => Decision::Back,
        "cancel" => Decision::Cancel,
        _ => return (StatusCode::BAD_REQUEST, nothing_to_decide()).into_response(),
    };
    let decided = shared.change(|state| {
        let decided = decide(state, id, &decision);
        let again = match &decided {
            Decided::Again(text) => open(state, id).and_then(|session| form(state, &session, Some(text))),
            _ => None,
        };
        (decided, again)
    });
    match decided {
        Ok((Decided::Again(_), Some(content))) => page("Klarna sandbox", false, &content).into_response(),
        Ok((Decided::Leave(Some(address)), _)) if Url::parse(&address).is_ok() => {
            Redirect::to(&address).into_response()
        }
        Ok((Decided::Leave(_), _)) => page(
            "Klarna sandbox",
            false,
            &html! { h1 { span { "Klarna" } " sandbox" } div class="card" { p { "Done. You may go back to the shop." } } },
        )
        .into_response(),
        _ => (StatusCode::NOT_FOUND, nothing_to_decide()).into_response(),
    }
}

/// What the shopper's decision does, and where it leads.
pub fn decide(state: &mut State, id: &str, decision: &Decision) -> Decided {
    let Some(session) = open(state, id) else {
        return Decided::NothingToDecide;
    };
    match decision {
        Decision::Back => leave(state, &session, HostedStatus::Back, "back"),
        Decision::Cancel => leave(state, &session, HostedStatus::Cancelled, "cancel"),
        Decision::Approve { email, code, signs_up } => {
            let Some(shopper) = Shopper::of(email) else {
                return Decided::Again("This is no e-mail address.");
            };
            if !shoppers::is_right_code(code) {
                return Decided::Again("The code is wrong.");
            }
            if shopper.must_sign_up() && !signs_up {
                return Decided::Again("This address needs a new account first.");
            }
            approve(state, &session, shopper)
        }
    }
}

fn approve(state: &mut State, session: &HostedSession, shopper: Shopper) -> Decided {
    let token = match sessions::authorize(state, &session.session_id, shopper) {
        Ok(token) => token,
        Err(Unauthorized::NoSession) => return leave(state, session, HostedStatus::Error, "error"),
        Err(Unauthorized::Denied | Unauthorized::NothingOffered) => {
            return leave(state, session, HostedStatus::Failed, "failure");
        }
    };
    let mut order_id = None;
    if session.place_order_mode != PlaceOrderMode::None
        && let Some(authorization) = state.books.authorizations.get(&token).cloned()
        && authorization.intent != Intent::Tokenize
    {
        let id = authorizations::place_of(state, &authorization, &Value::Null);
        if session.place_order_mode == PlaceOrderMode::CaptureOrder {
            captures::capture_all(state, &id);
        }
        order_id = Some(id);
    }
    if let Some(hosted) = state.books.hosted_sessions.get_mut(&session.id) {
        hosted.authorization_token = Some(token);
        hosted.order_id = order_id;
    }
    leave(state, session, HostedStatus::Completed, "success")
}

fn leave(state: &mut State, session: &HostedSession, status: HostedStatus, address: &str) -> Decided {
    callbacks::set_hosted_status(state, &session.id, status);
    let session = state.books.hosted_sessions.get(&session.id).unwrap_or(session);
    let address = session.merchant_urls[address].as_str();
    Decided::Leave(address.map(|address| callbacks::hosted_placed(address, session, state)))
}

fn open(state: &State, id: &str) -> Option<HostedSession> {
    let session = state.books.hosted_sessions.get(id)?;
    (is_open(session.status) && session.expires_at > state.now()).then(|| session.clone())
}

fn form(state: &State, hosted: &HostedSession, wrong: Option<&str>) -> Option<Markup> {
    let session = state.books.sessions.get(&hosted.session_id)?;
    let request = &session.request;
    let currency = request["purchase_currency"].as_str().unwrap_or_default();
    let email = request["billing_address"]["email"].as_str();
    let lines = cart::lines(request);
    let signs_up =
        email.and_then(Shopper::of).is_some_and(|shopper| shopper.must_sign_up()) || wrong.is_some();
    Some(html! {
        h1 { span { "Klarna" } " sandbox" }
        div class="card" {
            @match session.intent {
                Intent::Tokenize => { p { "Save your account for automatic payments" } },
                Intent::Buy => { p { "Pay" } },
                Intent::BuyAndTokenize => { p { "Pay, and save your account for automatic payments" } },
            }
            @if session.intent != Intent::Tokenize || cart::number(request, "order_amount") > 0 {
                p class="amount" { (money(cart::number(request, "order_amount"), currency)) }
                table {
                    @for line in lines.iter().take(LINES_SHOWN_MAX) {
                        tr {
                            td { (line["quantity"]) " × " (line["name"].as_str().unwrap_or_default()) }
                            td class="number" { (money(cart::number(line, "total_amount"), currency)) }
                        }
                    }
                }
                @if lines.len() > LINES_SHOWN_MAX { p class="quiet" { "and " (lines.len() - LINES_SHOWN_MAX) " more" } }
            }
        }
        form method="post" class="card" {
            @if let Some(wrong) = wrong { p class="wrong" role="alert" { (wrong) } }
            label for="email" { "E-mail address" }
            input id="email" name="email" type="email" autocomplete="email" required maxlength="99"
                placeholder="anna@example.com" value=[email];
            label for="code" { "Code from the text message" }
            input id="code" name="code" inputmode="numeric" autocomplete="one-time-code" required
                pattern="[0-9]{6}" value="123456";
            @if signs_up { label { input type="checkbox" name="signs_up" value="yes"; "Open a new account" } }
            button class="approve" name="decision" value="approve" { "Agree and continue" }
            button class="plain" name="decision" value="back" formnovalidate { "Back to the shop" }
            button class="plain" name="decision" value="cancel" formnovalidate { "Refuse" }
        }
        p class="quiet" {
            "No real money. Any six digits but 999999 are the right code. Words in the address decide: "
            code { "+denied" } ", " code { "+red" } ", " code { "+pend-accept-05" } ", " code { "+pend-reject-05" } ", "
            code { "+step-up" } ", " code { "+charge-failed" } " before the @."
        }
    })
}

fn nothing_to_decide() -> Html<String> {
    page(
        "Klarna sandbox",
        false,
        &html! {
            h1 { span { "Klarna" } " sandbox" }
            div class="card" { p { "There is nothing to decide here: the page was used already, or its time is over." } }
        },
    )
}

/// Minor units with two decimals and the currency, for people.
pub fn money(minor: i128, currency: &str) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}.{:02} {currency}", minor.unsigned_abs() / 100, minor.unsigned_abs() % 100)
}

/// The hosted session behind the address of its page.
pub fn id_of(redirect_url: &str) -> Option<String> {
    let url = Url::parse(redirect_url).ok()?;
    let id = url.path().strip_prefix("/hpp/payments/")?;
    (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
}
