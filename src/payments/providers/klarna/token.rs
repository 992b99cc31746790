//! Customer tokens: an account that the shopper linked once, to be charged later.
//!
//! A session with the intent to tokenise and its page; then the approval is turned into a token. Klarna lists no key for that
//! last call: when its answer is lost and the approval is used up, the link fails and the shopper links again. The token that
//! nobody knows the name of debits nobody.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{Call, Client};
use super::errors::{link_lost, link_refusal};
use super::pages::{self, Failed, Progress, Ways};
use super::{Settings, wire};
use crate::payments::provider::{LinkBegun, LinkError, LinkOutcome, LinkProgress, LinkRequest, Linked};

/// What the token is for, as the shopper reads it on Klarna's page and in its app.
const PURPOSE: &str = "Automatic payment of what you take along";

/// What is kept of a link until it is finished.
#[derive(Serialize, Deserialize)]
struct Setup {
    page: String,
    country: String,
    currency: String,
    locale: String,
}

impl Setup {
    fn of(token: &SecretString) -> LinkOutcome<Self> {
        serde_json::from_str(token.expose_secret())
            .map_err(|_| LinkError::Refused("what was kept of the link can't be read".to_owned()))
    }
}

/// Asks the shopper to approve that purchases are debited from now on.
pub async fn begin(client: &Client, settings: &Settings, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun> {
    let country = link.market.country.unwrap_or(&settings.country);
    let currency = link.currency.unwrap_or(settings.currency);
    let locale = link.market.locale.unwrap_or(&settings.locale);
    let session = json!({
        "intent": "tokenize",
        "acquiring_channel": settings.channel,
        "purchase_country": country,
        "purchase_currency": currency.code(),
        "locale": locale,
        "order_amount": 0,
        "order_tax_amount": 0,
        // Klarna wants a line even where nothing is bought. Without a `subscription` on it, purchases come when they come.
        "order_lines": [{
            "type": "digital",
            "name": PURPOSE,
            "quantity": 1,
            "unit_price": 0,
            "tax_rate": 0,
            "total_amount": 0,
            "total_tax_amount": 0,
        }],
        "merchant_urls": {"confirmation": link.return_url, "authorization": link.callback_url},
    });
    let ways = Ways { return_url: link.return_url, callback_url: link.callback_url };
    let begun = pages::begin(client, &session, ways).await.map_err(|failed| match failed {
        Failed::Refused(answer) => link_refusal(&answer),
        Failed::Lost(lost) => link_lost(lost),
    })?;
    let setup = Setup {
        page: begun.page,
        country: country.to_owned(),
        currency: currency.code().to_owned(),
        locale: locale.to_owned(),
    };
    let setup = serde_json::to_string(&setup).map_err(|error| LinkError::Refused(error.to_string()))?;
    Ok(LinkBegun::Asked { setup_token: setup.into(), approve_url: begun.url })
}

/// Whether the shopper approved.
pub async fn progress(client: &Client, setup: &SecretString) -> LinkOutcome<LinkProgress> {
    let setup = Setup::of(setup)?;
    Ok(match pages::read(client, &setup.page).await.map_err(link_lost)? {
        Progress::Waiting => LinkProgress::Waiting,
        Progress::Approved(_) => LinkProgress::Approved,
        Progress::Over => LinkProgress::Gone,
    })
}

/// Makes the token of the approval.
pub async fn finish(client: &Client, setup: &SecretString) -> LinkOutcome<Linked> {
    let setup = Setup::of(setup)?;
    let Progress::Approved(approval) = pages::read(client, &setup.page).await.map_err(link_lost)? else {
        return Err(LinkError::Unknown("the approval is not there yet".to_owned()));
    };
    let body = json!({
        "purchase_country": setup.country,
        "purchase_currency": setup.currency,
        "locale": setup.locale,
        "description": PURPOSE,
        // The one use that Klarna's specification names.
        "intended_use": "SUBSCRIPTION",
    });
    let path = format!("/payments/v1/authorizations/{approval}/customer-token");
    let answer = client.begin("create customer token", &path, &body).await.map_err(link_lost)?;
    if !answer.status.is_success() {
        return Err(link_refusal(&answer));
    }
    let made: wire::TokenMade = answer.read().map_err(link_lost)?;
    if made.token_id.is_empty() {
        return Err(LinkError::Unknown("a customer token without an id".to_owned()));
    }
    let label = match read(client, &made.token_id).await {
        Ok(Some(token)) => label(&token),
        // What the shopper recognises the account by is no reason to lose the link.
        Ok(None) | Err(_) => None,
    };
    Ok(Linked { token: made.token_id.into(), customer: None, label })
}

/// Whether the token can be charged. A status that is not known says nothing.
pub async fn is_linked(client: &Client, token: &SecretString) -> LinkOutcome<bool> {
    let Some(token) = read(client, token.expose_secret()).await? else { return Ok(false) };
    match token.status.as_str() {
        "ACTIVE" => Ok(true),
        "SUSPENDED" | "CANCELLED" => Ok(false),
        other => Err(LinkError::Unknown(format!("a customer token that is {other:?}"))),
    }
}

/// Ends the token; one that ended has ended. Klarna does it in its own time and says only that it will.
pub async fn unlink(client: &Client, token: &SecretString) -> LinkOutcome<()> {
    let path = format!("/customer-token/v1/tokens/{}/status", token.expose_secret());
    let body = json!({"status": "CANCELLED"});
    let call = Call {
        method: &Method::PATCH,
        name: "cancel customer token",
        path: &path,
        key: None,
        body: Some(&body),
        begins_session: false,
    };
    let answer = client.call(call).await.map_err(link_lost)?;
    if answer.status.is_success() {
        return Ok(());
    }
    // Refused, perhaps because it ended before.
    match read(client, token.expose_secret()).await? {
        None => Ok(()),
        Some(token) if token.status == "CANCELLED" => Ok(()),
        Some(_) => Err(link_refusal(&answer)),
    }
}

/// A token; nothing when Klarna has none of that name.
async fn read(client: &Client, token: &str) -> LinkOutcome<Option<wire::Token>> {
    let path = format!("/customer-token/v1/tokens/{token}");
    let answer = client.get("read customer token", &path).await.map_err(link_lost)?;
    let refusal = wire::Refusal::of(&answer);
    match answer.status.as_u16() {
        200 => Ok(Some(answer.read().map_err(link_lost)?)),
        404 if refusal.is_klarnas() => Ok(None),
        _ => Err(LinkError::Unknown(refusal.describe(answer.status))),
    }
}

/// A card or bank account, masked by Klarna: enough to recognise one's own.
fn label(token: &wire::Token) -> Option<String> {
    let masked = token.card.as_ref().or(token.direct_debit.as_ref())?;
    let end: String = masked.masked_number.chars().filter(char::is_ascii_digit).collect();
    let brand = masked.brand.as_deref().unwrap_or("Bank account");
    (!end.is_empty() && end.len() <= 4).then(|| format!("{brand} ***{end}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_shown_masked() {
        let shown = |text: &str| label(&serde_json::from_str(text).expect("parses"));
        let card = r#"{"card":{"brand":"VISA","expiry_date":"12/2030","masked_number":"************1234"}}"#;
        assert_eq!(shown(card).as_deref(), Some("VISA ***1234"));
        let bank = r#"{"direct_debit":{"masked_number":"**********124"}}"#;
        assert_eq!(shown(bank).as_deref(), Some("Bank account ***124"));
        // A number that is not masked is shown to nobody.
        assert_eq!(shown(r#"{"card":{"brand":"VISA","masked_number":"4111111111111111"}}"#), None);
        assert_eq!(shown("{}"), None);
    }
}
