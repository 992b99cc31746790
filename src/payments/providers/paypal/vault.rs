//! Vault v3: linking an account in three steps, and ending the link.

use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::client::{Body, Call, Client, Lost};
use super::errors::{Verdict, verdict};
use super::orders;
use super::wire::{Token, action_link};
use crate::payments::provider::{LinkBegun, LinkError, LinkOutcome, LinkProgress, LinkRequest, Linked};

/// Asks for a setup token, which the shopper approves.
pub async fn begin(client: &Client, link: &LinkRequest<'_>) -> LinkOutcome<LinkBegun> {
    let body = json!({"payment_source": {"paypal": {
        "description": "Automatic payment of what you take along",
        "usage_type": "MERCHANT",
        "usage_pattern": "IMMEDIATE",
        // Each link of ours is a token of its own: ending one must not end another shopper's.
        "permit_multiple_payment_tokens": true,
        "experience_context": {
            "return_url": link.return_url,
            "cancel_url": link.return_url,
            "shipping_preference": "NO_SHIPPING",
        },
    }}});
    let answer = client.post("create setup token", "/v3/vault/setup-tokens", link.key, &body).await?;
    if !answer.status.is_success() {
        return Err(refusal(&verdict(&answer)));
    }
    let token: Token = answer.read()?;
    match action_link(&token.links) {
        Some(url) if !token.id.is_empty() => {
            Ok(LinkBegun::Asked { setup_token: token.id.clone().into(), approve_url: url.to_owned() })
        }
        _ => Err(LinkError::Unknown("a setup token without an id or a link".to_owned())),
    }
}

/// Whether the shopper approved. The redirect proves nothing; this does.
pub async fn read(client: &Client, setup_token: &SecretString) -> LinkOutcome<LinkProgress> {
    let answer = client
        .get("read setup token", &format!("/v3/vault/setup-tokens/{}", setup_token.expose_secret()))
        .await?;
    match answer.status.as_u16() {
        200 => {}
        404 => return Ok(LinkProgress::Gone),
        status => return Err(LinkError::Unknown(format!("PayPal answered {status}"))),
    }
    let token: Token = answer.read()?;
    Ok(match token.status.as_str() {
        // TOKENIZED and VAULTED: our own call to finish was heard, and its repeat gives the same answer.
        "APPROVED" | "VAULTED" | "TOKENIZED" => LinkProgress::Approved,
        _ => LinkProgress::Waiting,
    })
}

/// Makes the payment token; a repeat with the same key gives the same one.
pub async fn finish(client: &Client, key: &str, setup_token: &SecretString) -> LinkOutcome<Linked> {
    let body =
        json!({"payment_source": {"token": {"id": setup_token.expose_secret(), "type": "SETUP_TOKEN"}}});
    let answer = client.post("create payment token", "/v3/vault/payment-tokens", key, &body).await?;
    if !answer.status.is_success() {
        return Err(refusal(&verdict(&answer)));
    }
    let token: Token = answer.read()?;
    if token.id.is_empty() {
        return Err(LinkError::Unknown("a payment token without an id".to_owned()));
    }
    let email = token.payment_source.and_then(|source| source.paypal).and_then(|wallet| wallet.email_address);
    Ok(Linked {
        token: token.id.into(),
        customer: token.customer.and_then(|customer| customer.id),
        label: email.map(|email| mask(&email)),
    })
}

/// The link that an order made with its purchase; nothing while PayPal has yet to make it.
pub async fn linked_with(client: &Client, order: &str) -> LinkOutcome<Option<Linked>> {
    let order = match orders::fetch(client, order).await {
        Ok(Some(order)) => order,
        Ok(None) => return Err(LinkError::Refused("PayPal does not know the order".to_owned())),
        Err(_) => return Err(LinkError::Unknown("the order can't be read".to_owned())),
    };
    let wallet = order.payment_source.and_then(|source| source.paypal).unwrap_or_default();
    let vault = wallet.attributes.and_then(|attributes| attributes.vault).unwrap_or_default();
    // APPROVED without an id: it comes later.
    if vault.id.is_empty() || vault.status == "APPROVED" {
        return Ok(None);
    }
    Ok(Some(Linked {
        token: vault.id.into(),
        customer: vault.customer.and_then(|customer| customer.id),
        label: wallet.email_address.map(|email| mask(&email)),
    }))
}

/// Whether the link still lives.
pub async fn is_linked(client: &Client, token: &SecretString) -> LinkOutcome<bool> {
    let path = format!("/v3/vault/payment-tokens/{}", token.expose_secret());
    match client.get("read payment token", &path).await?.status.as_u16() {
        200 => Ok(true),
        404 => Ok(false),
        status => Err(LinkError::Unknown(format!("PayPal answered {status}"))),
    }
}

/// Ends the link; one that is not there has ended.
pub async fn unlink(client: &Client, key: &str, token: &SecretString) -> LinkOutcome<()> {
    let path = format!("/v3/vault/payment-tokens/{}", token.expose_secret());
    let call = Call {
        method: &Method::DELETE,
        name: "delete payment token",
        path: &path,
        key: Some(key),
        device: None,
        body: Body::Nothing,
    };
    let answer = client.call(call).await?;
    match answer.status.as_u16() {
        200..=299 | 404 => Ok(()),
        _ => Err(refusal(&verdict(&answer))),
    }
}

fn refusal(verdict: &Verdict) -> LinkError {
    match verdict {
        Verdict::Again(detail) => LinkError::Unknown(detail.clone()),
        Verdict::Declined(reason) => LinkError::Refused(reason.to_string()),
        Verdict::Action(_) | Verdict::Before | Verdict::Ended => LinkError::Refused("refused".to_owned()),
    }
}

impl From<Lost> for LinkError {
    fn from(lost: Lost) -> Self {
        Self::Unknown(lost.detail())
    }
}

/// `s***@example.com`: enough to recognise one's own account, too little to learn an address from.
fn mask(email: &str) -> String {
    let (name, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    if domain.is_empty() { format!("{first}***") } else { format!("{first}***@{domain}") }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn an_account_is_shown_masked() {
        assert_eq!(mask("shopper+declined@example.com"), "s***@example.com");
        assert_eq!(mask("nothing"), "n***");
        assert_eq!(mask(""), "***");
    }
}
