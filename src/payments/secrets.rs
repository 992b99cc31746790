//! What only providers may see of a linked account, sealed wherever it is kept: whoever reads the database alone, or a copy
//! of it, can debit nobody.
//!
//! A sealed text opens only for what it was sealed for. An account is found by its provider's name through a mark, which
//! tells nothing of the name to those who lack the master key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::model::ProviderName;
use super::store::methods;
use crate::app::App;
use crate::db::Run;
use crate::error::Internal;
use crate::ids::MethodId;

/// What a sealed text is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose<'a> {
    /// Lets the provider's redirect come in once.
    ReturnSecret(MethodId),
    /// The provider's name of a link that waits for the approval.
    SetupToken(MethodId),
    /// The provider's name of a link.
    ProviderToken(MethodId),
    /// The provider's name of the customer.
    ProviderCustomer(MethodId),
    /// The object of an event, which may be a link.
    EventObject(ProviderName, &'a str),
}

impl Purpose<'_> {
    fn text(self) -> String {
        match self {
            Self::ReturnSecret(method) => format!("aisle payment return secret {method}"),
            Self::SetupToken(method) => format!("aisle payment setup token {method}"),
            Self::ProviderToken(method) => format!("aisle payment provider token {method}"),
            Self::ProviderCustomer(method) => format!("aisle payment provider customer {method}"),
            Self::EventObject(provider, event) => format!("aisle payment event object {provider} {event}"),
        }
    }
}

/// The secrets of an account, opened.
#[derive(Clone, Debug)]
pub(super) struct Secrets {
    /// Lets the provider's redirect come in once.
    pub return_secret: Option<SecretString>,
    /// The provider's name of the link while it waits for the approval.
    pub setup_token: Option<SecretString>,
    /// The provider's name of the link.
    pub provider_token: Option<SecretString>,
}

/// Seals a text.
pub(super) fn seal(app: &App, purpose: Purpose<'_>, secret: &str) -> String {
    STANDARD.encode(app.identity.seal(&app.random, purpose.text().as_bytes(), secret.as_bytes()))
}

/// Opens what [`seal`] sealed for this purpose.
pub(super) fn open(app: &App, purpose: Purpose<'_>, sealed: &str) -> Result<SecretString, Internal> {
    let opened = app.identity.unseal(purpose.text().as_bytes(), &STANDARD.decode(sealed)?)?;
    Ok(String::from_utf8(opened).map_err(|_| "what was sealed is no text")?.into())
}

/// The secrets of an account, when there is one.
pub(super) async fn of_method(
    app: &App,
    db: impl Run<'_>,
    id: MethodId,
) -> Result<Option<Secrets>, Internal> {
    let Some(sealed) = methods::secrets(db, id).await? else { return Ok(None) };
    let opened = |purpose: Purpose<'_>, sealed: Option<String>| {
        sealed.map(|sealed| open(app, purpose, &sealed)).transpose()
    };
    Ok(Some(Secrets {
        return_secret: opened(Purpose::ReturnSecret(id), sealed.return_secret)?,
        setup_token: opened(Purpose::SetupToken(id), sealed.setup_token)?,
        provider_token: opened(Purpose::ProviderToken(id), sealed.provider_token)?,
    }))
}

/// What finds an account by the provider's name of its link: the current mark first, then those of earlier master keys.
pub(super) fn marks(app: &App, provider: ProviderName, token: &SecretString) -> Vec<String> {
    app.identity.marks(format!("aisle payment {provider} token {}", token.expose_secret()).as_bytes())
}
