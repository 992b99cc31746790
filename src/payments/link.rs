//! Linking an account, and ending the link.
//!
//! The shopper approves on the provider's page and comes back by a redirect, which proves nothing: the job asks the
//! provider. It asks by itself now and then, and at once when the shopper came back or the app says so.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::model::{MethodState, ProviderName};
use super::operate::pause_since;
use super::provider::{LinkBegun, LinkError, LinkProgress, LinkRequest, Linked, Market, Provider};
use super::secrets::{self, Purpose, Secrets};
use super::start::key;
use super::store::methods::{self, Method, SealedLink};
use super::{Error, callback, store};
use crate::app::App;
use crate::clock::Moment;
use crate::db::{self, Tx};
use crate::ids::{Ids, MethodId, ShopperId};
use crate::jobs::{self, Failure, Job, Lease};
use crate::money::Currency;

/// A link that was not approved in this time is given up: within the time that providers remember the keys.
const LINK_TIME_MAX: chrono::Duration = chrono::Duration::hours(2);
/// An account that is to be linked with a purchase has this time for it, and the provider to make the link.
const PURCHASE_TIME_MAX: chrono::Duration = chrono::Duration::hours(24);
/// The first pause and the longest before the approval is looked for again.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// The first pause and the longest before the link that a purchase makes is looked for: an event tells of it too.
const PURCHASE_PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(15));
/// The pause of an unlink while a debit may still be on its way.
const IN_USE: Duration = Duration::from_secs(5);

/// The job that brings a link further.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Link {
    method: MethodId,
}

impl Link {
    pub(super) const fn of(method: MethodId) -> Self {
        Self { method }
    }
}

impl Job for Link {
    const KIND: &'static str = "payments.link";

    fn subject(&self) -> String {
        self.method.to_string()
    }
}

/// The job that ends a link at the provider.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Unlink {
    method: MethodId,
}

impl Job for Unlink {
    const KIND: &'static str = "payments.unlink";

    fn subject(&self) -> String {
        self.method.to_string()
    }
}

/// What a shopper wants to link.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    /// Where the account is.
    pub provider: ProviderName,
    /// Where the page after the approval leads back to.
    pub return_url: Option<String>,
    /// Where the shopper buys.
    pub country: Option<String>,
    /// What the shopper pays in.
    pub currency: Option<Currency>,
    /// The shopper's language and region.
    pub locale: Option<String>,
    /// Whether it is linked with its first purchase instead of before.
    pub with_purchase: bool,
}

/// Begins to link an account under a name of the shopper's choice; again with the same contents, it is the same link.
pub(super) async fn begin(app: &App, shopper: ShopperId, id: MethodId, wish: Wish) -> Result<Method, Error> {
    let provider = app.providers.get(wish.provider).ok_or(Error::ProviderAbsent)?;
    if wish.with_purchase && !provider.links_with_purchase() {
        return Err(Error::WithPurchase);
    }
    if wish.return_url.as_deref().is_some_and(|url| !app.config.payments.may_lead_to(url)) {
        return Err(Error::ReturnUrl);
    }
    let now = app.clock.now();
    let method = Method {
        id,
        shopper,
        provider: wish.provider,
        state: MethodState::Linking,
        label: None,
        return_url: wish.return_url,
        approve_url: None,
        country: wish.country,
        currency: wish.currency,
        locale: wish.locale,
        with_purchase: wish.with_purchase,
        created_at: now,
    };
    let secret = URL_SAFE_NO_PAD.encode(app.random.bytes::<32>());
    let secret = secrets::seal(app, Purpose::ReturnSecret(id), &secret);
    let mut tx = app.db.begin().await?;
    if methods::insert(&mut tx, now, &method, &secret).await? {
        jobs::enqueue(&mut tx, &app.ids, now, &Link { method: id }).await?;
        tx.commit().await?;
        app.jobs.wake();
        return Ok(method);
    }
    let known = methods::find(&mut tx, id).await?;
    let is_same = |known: &Method| {
        known.shopper == shopper
            && known.provider == method.provider
            && known.return_url == method.return_url
            && (&known.country, known.currency, &known.locale, known.with_purchase)
                == (&method.country, method.currency, &method.locale, method.with_purchase)
    };
    known.filter(is_same).ok_or(Error::MethodTaken)
}

/// Has a link looked at that a purchase made.
pub(super) async fn enqueue(tx: &mut Tx, ids: &Ids, now: Moment, method: MethodId) -> Result<(), db::Error> {
    jobs::enqueue(tx, ids, now, &Link { method }).await
}

/// Has the provider asked now whether the shopper approved.
pub(super) async fn look(app: &App, method: MethodId) -> Result<(), Error> {
    let mut tx = app.db.begin().await?;
    jobs::enqueue(&mut tx, &app.ids, app.clock.now(), &Link { method }).await?;
    tx.commit().await?;
    app.jobs.wake();
    Ok(())
}

/// Lets the provider's redirect come in, once: answers the account when the secret is right.
pub(super) async fn come_back(app: &App, id: MethodId, secret: &str) -> Result<Option<Method>, Error> {
    let secrets = secrets::of_method(app, &app.db, id).await.map_err(Error::Sealed)?;
    let expected = secrets.and_then(|secrets| secrets.return_secret);
    let is_right = expected.is_some_and(|expected| {
        let expected = expected.expose_secret().as_bytes();
        aws_lc_rs::constant_time::verify_slices_are_equal(expected, secret.as_bytes()).is_ok()
    });
    if !is_right {
        return Ok(None);
    }
    methods::use_secret(&app.db, app.clock.now(), id).await?;
    look(app, id).await?;
    Ok(methods::find(&app.db, id).await?)
}

/// Removes an account for its shopper; the provider is told by a job. Removed twice, it is removed.
pub(super) async fn remove(app: &App, shopper: ShopperId, id: MethodId) -> Result<(), Error> {
    let now = app.clock.now();
    let mut tx = app.db.begin().await?;
    if methods::unlink(&mut tx, now, id, shopper).await? {
        jobs::enqueue(&mut tx, &app.ids, now, &Unlink { method: id }).await?;
    } else if methods::find(&mut tx, id).await?.is_none_or(|method| method.shopper != shopper) {
        return Err(Error::MethodUnknown);
    }
    tx.commit().await?;
    app.changes.changed(id.0);
    app.jobs.wake();
    Ok(())
}

/// Does [`Link`].
pub async fn link(app: &App, lease: &Lease) -> jobs::Outcome {
    let Link { method: id } = lease.payload()?;
    let Some(method) = methods::find(&app.db, id).await? else {
        return Err(Failure::never("there is no such payment method"));
    };
    let secrets = secrets::of_method(app, &app.db, id).await?;
    let (MethodState::Linking, Some(secrets)) = (method.state, secrets) else { return Ok(()) };
    let Some(provider) = app.providers.get(method.provider) else {
        return Err(Failure::later("the provider is not configured"));
    };
    let now = app.clock.now();
    if secrets.setup_token.is_some() {
        // Hints may come in any number.
        if let Some(rest) = callback::too_soon(methods::looked_at(&app.db, id).await?, now) {
            return Err(Failure::after(rest, "it was looked at a moment ago"));
        }
        methods::set_looked_at(&app.db, id, now).await?;
    }
    let result = match &secrets.setup_token {
        None if method.with_purchase => take_from_purchase(app, lease, provider, &method, now).await?,
        None => ask_for_approval(app, lease, provider, &method, &secrets, now).await?,
        Some(setup_token) => finish(app, lease, provider, &method, setup_token, now).await?,
    };
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(pause(&method, now, "the shopper has to approve")),
        Err(LinkError::Unknown(detail)) => Err(pause(&method, now, &detail)),
        Err(LinkError::Refused(detail)) => fail(app, lease, id, now, &detail).await,
    }
}

/// Begins the link at the provider; answers whether there is nothing left to do, because nobody has to approve.
async fn ask_for_approval(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    method: &Method,
    secrets: &Secrets,
    now: Moment,
) -> Result<Result<bool, LinkError>, Failure> {
    let Some(secret) = &secrets.return_secret else {
        return Ok(Err(LinkError::Refused("the return secret is gone".to_owned())));
    };
    let path = format!("/v1/payment-methods/{}/return?state={}", method.id, secret.expose_secret());
    let request = LinkRequest {
        key: &key(&format!("{}/setup", method.id)),
        market: Market { country: method.country.as_deref(), locale: method.locale.as_deref() },
        currency: method.currency,
        return_url: &app.config.public(&path),
        callback_url: &callback::url(app, callback::Subject::Method(method.id)),
    };
    let (setup_token, approve_url) = match provider.begin_link(&request).await {
        Ok(LinkBegun::Asked { setup_token, approve_url }) => (setup_token, approve_url),
        Ok(LinkBegun::Linked(linked)) => return Ok(Ok(keep(app, lease, method, &linked, now).await?)),
        Err(error) => return Ok(Err(error)),
    };
    let mut tx = app.db.begin().await?;
    let setup_token = secrets::seal(app, Purpose::SetupToken(method.id), setup_token.expose_secret());
    methods::set_begun(&mut tx, now, method.id, &setup_token, &approve_url).await?;
    lease.commit(tx).await?;
    app.changes.changed(method.id.0);
    Ok(Ok(false))
}

/// Takes the link that a purchase made, once there was one; answers whether there is nothing left to do.
async fn take_from_purchase(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    method: &Method,
    now: Moment,
) -> Result<Result<bool, LinkError>, Failure> {
    let Some(order) = store::payments::linking_order(&app.db, method.id).await? else {
        let is_late = now - method.created_at >= PURCHASE_TIME_MAX;
        let detail = "nothing was bought with it in time".to_owned();
        return Ok(if is_late { Err(LinkError::Refused(detail)) } else { Ok(false) });
    };
    match provider.linked_with(&order).await {
        Ok(Some(linked)) => Ok(Ok(keep(app, lease, method, &linked, now).await?)),
        Ok(None) if now - method.created_at < PURCHASE_TIME_MAX => Ok(Ok(false)),
        Ok(None) => Ok(Err(LinkError::Refused("the provider made no link of the purchase".to_owned()))),
        Err(error) => Ok(Err(error)),
    }
}

/// Makes an approved link one that can be debited; answers whether there is nothing left to do.
async fn finish(
    app: &App,
    lease: &Lease,
    provider: &dyn Provider,
    method: &Method,
    setup_token: &SecretString,
    now: Moment,
) -> Result<Result<bool, LinkError>, Failure> {
    match provider.read_link(setup_token).await {
        Ok(LinkProgress::Approved) => {}
        Ok(LinkProgress::Waiting) if now - method.created_at < LINK_TIME_MAX => return Ok(Ok(false)),
        Ok(LinkProgress::Waiting | LinkProgress::Gone) => {
            return Ok(Err(LinkError::Refused("not approved in time".to_owned())));
        }
        Err(error) => return Ok(Err(error)),
    }
    match provider.finish_link(&key(&format!("{}/token", method.id)), setup_token).await {
        Ok(linked) => Ok(Ok(keep(app, lease, method, &linked, now).await?)),
        Err(error) => Ok(Err(error)),
    }
}

/// Keeps a finished link; answers that there is nothing left to do.
async fn keep(
    app: &App,
    lease: &Lease,
    method: &Method,
    linked: &Linked,
    now: Moment,
) -> Result<bool, Failure> {
    let mut tx = app.db.begin().await?;
    let sealed = seal_link(app, method, linked)?;
    if !methods::set_linked(&mut tx, now, method.id, &sealed, linked.label.as_deref()).await? {
        // Removed meanwhile: what was just made at the provider is ended there too.
        jobs::enqueue(&mut tx, &app.ids, now, &Unlink { method: method.id }).await?;
    }
    lease.commit(tx).await?;
    app.changes.changed(method.id.0);
    app.jobs.wake();
    Ok(true)
}

fn seal_link(app: &App, method: &Method, linked: &Linked) -> Result<SealedLink, Failure> {
    let marks = secrets::marks(app, method.provider, &linked.token);
    Ok(SealedLink {
        token: secrets::seal(app, Purpose::ProviderToken(method.id), linked.token.expose_secret()),
        mark: marks.into_iter().next().ok_or("there is no master key")?,
        customer: linked
            .customer
            .as_deref()
            .map(|customer| secrets::seal(app, Purpose::ProviderCustomer(method.id), customer)),
    })
}

async fn fail(app: &App, lease: &Lease, id: MethodId, now: Moment, detail: &str) -> jobs::Outcome {
    let mut tx = app.db.begin().await?;
    methods::set_state(&mut tx, now, id, MethodState::Linking, MethodState::Failed).await?;
    methods::forget(&mut tx, now, id).await?;
    lease.commit(tx).await?;
    tracing::info!(method.id = %id, "a link failed: {detail}");
    app.changes.changed(id.0);
    Ok(())
}

/// Does [`Unlink`].
pub async fn unlink(app: &App, lease: &Lease) -> jobs::Outcome {
    let Unlink { method: id } = lease.payload()?;
    // Locked: a debit that is just beginning is seen, and none begins any more with a link that is removed.
    let mut tx = app.db.begin().await?;
    let Some(method) = methods::lock(&mut tx, id).await? else { return Ok(()) };
    // A debit whose outcome is unknown is found out by the same call, which needs the link.
    let is_in_use = store::payments::uses_method(&mut tx, id).await?;
    let secrets = secrets::of_method(app, &mut tx, id).await?;
    tx.rollback().await?;
    if is_in_use {
        return Err(Failure::after(IN_USE, "a debit may still be on its way"));
    }
    if let Some(token) = secrets.and_then(|secrets| secrets.provider_token) {
        let Some(provider) = app.providers.get(method.provider) else {
            return Err(Failure::later("the provider is not configured"));
        };
        match provider.unlink(&key(&format!("{id}/unlink")), &token).await {
            Ok(()) => {}
            Err(LinkError::Unknown(detail)) => return Err(Failure::after(PAUSES.1, detail)),
            Err(LinkError::Refused(detail)) => {
                return Err(Failure::later(format!("unlink refused: {detail}")));
            }
        }
    }
    let mut tx = app.db.begin().await?;
    methods::forget(&mut tx, app.clock.now(), id).await?;
    lease.commit(tx).await?;
    Ok(())
}

fn pause(method: &Method, now: Moment, reason: &str) -> Failure {
    let pauses = if method.with_purchase { PURCHASE_PAUSES } else { PAUSES };
    Failure::after(pause_since(method.created_at, now, pauses), reason)
}
