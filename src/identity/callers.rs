//! Callers as arguments: a handler that takes [`Shopper`], [`Staff`], [`Partner`] or [`Caller`] has been authenticated.
//!
//! A token that was checked is remembered by its hash, so that the hot path verifies no signature and asks no database. It is
//! looked at again after a while: an ended session, a closed account or a revoked key stops at once on the instance that
//! wrote it, and on the others after [`SESSION_RECHECK`] or [`GRANT_RECHECK`].

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use chrono::{DateTime, Duration};
use quick_cache::sync::Cache;

use super::accounts;
use super::model::{Grant, Role, Scope, Stores};
use super::store::{self, Holder};
use super::token::{ACCESS_TYPE, Access, SHOPPER_AUDIENCE, STAFF_AUDIENCE, TOKEN_BYTES_MAX, TokenError};
use crate::app::App;
use crate::clock::Moment;
use crate::error::Problem;
use crate::ids::{PartnerId, PartnerKeyId, SessionId, ShopperId, StaffId, StoreId};

/// After this time a shopper's session is looked up again.
pub const SESSION_RECHECK: Duration = Duration::seconds(60);
/// After this time grants of staff and keys of partners are looked up again.
pub const GRANT_RECHECK: Duration = Duration::seconds(30);
/// Callers remembered at once: about 10 MB, more than one instance serves at a time.
const REMEMBERED_MAX: usize = 50_000;

/// Somebody who buys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shopper {
    /// Who.
    pub id: ShopperId,
}

/// Somebody who works for the retailer.
#[derive(Clone, Debug)]
pub struct Staff {
    /// Who.
    pub id: StaffId,
    pub(super) grants: Arc<[Grant]>,
}

/// A system that exchanges data with us, or a gate.
#[derive(Clone, Debug)]
pub struct Partner {
    /// Who.
    pub id: PartnerId,
    /// By which of its keys.
    pub key: PartnerKeyId,
    /// The one store that the key is for; all stores when empty.
    pub store: Option<StoreId>,
    pub(super) scopes: Arc<[Scope]>,
}

/// Anybody who is known.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A shopper.
    Shopper(Shopper),
    /// A staff member.
    Staff(Staff),
    /// A partner.
    Partner(Partner),
}

impl Staff {
    /// Whether they have at least this role in all of these stores.
    pub fn may_in(&self, role: Role, stores: &Stores) -> bool {
        self.grants.iter().any(|grant| grant.gives(role, stores))
    }

    /// Makes sure of at least this role in this store.
    pub fn must(&self, role: Role, store: &StoreId) -> Result<(), Problem> {
        let may = self.grants.iter().any(|grant| grant.role >= role && grant.store.include(store));
        if may { Ok(()) } else { Err(lacks_role(role, "this store")) }
    }

    /// Makes sure of at least this role in all stores.
    pub fn must_everywhere(&self, role: Role) -> Result<(), Problem> {
        if self.may_in(role, &Stores::All) { Ok(()) } else { Err(lacks_role(role, "all stores")) }
    }
}

fn lacks_role(role: Role, place: &str) -> Problem {
    Problem::forbidden("role_missing", format!("This needs the role {role} in {place}; ask an admin for it."))
}

impl Partner {
    /// Makes sure that the key may be used for this.
    pub fn must(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Problem::forbidden("scope_missing", format!("This needs a key with the scope {scope}.")))
    }

    /// Makes sure that the key may be used for this in this store.
    pub fn must_in(&self, scope: Scope, store: &StoreId) -> Result<(), Problem> {
        self.must(scope)?;
        if self.store.as_ref().is_none_or(|own| own == store) {
            return Ok(());
        }
        Err(Problem::forbidden("other_store", "The key is for another store."))
    }
}

/// The callers that were checked lately.
pub(super) struct Callers {
    /// By the hash of the token: the token itself is not kept.
    by_token: Cache<[u8; 32], Known>,
    /// Says of each session in use whether it has ended since; shared by its tokens above.
    ended: Cache<SessionId, Arc<AtomicBool>>,
    /// Grows with each change of an account or a key; what was looked up before counts no more.
    changes: AtomicU64,
}

#[derive(Clone)]
struct Known {
    caller: Caller,
    until: Moment,
    /// Set when the session of the token ends on this instance.
    ended: Arc<AtomicBool>,
    /// The number of changes before the look.
    changes: u64,
}

impl Callers {
    pub(super) fn new() -> Self {
        Self {
            by_token: Cache::new(REMEMBERED_MAX),
            ended: Cache::new(REMEMBERED_MAX),
            changes: AtomicU64::new(0),
        }
    }

    /// Looks at everybody again: an account or a key was changed. Rare, so nothing finer is kept.
    pub(super) fn forget_all(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
    }

    /// Looks again at everybody of this session: it ended.
    pub(super) fn forget(&self, session: SessionId) {
        if let Some((_, ended)) = self.ended.remove(&session) {
            ended.store(true, Ordering::Release);
        }
    }

    fn find(&self, hash: &[u8; 32], now: Moment) -> Option<Caller> {
        let known = self.by_token.get(hash)?;
        let has_ended =
            known.ended.load(Ordering::Acquire) || known.changes != self.changes.load(Ordering::Acquire);
        (now < known.until && !has_ended).then_some(known.caller)
    }

    /// To be asked for before the session is looked up, so that an end just after the look is noticed.
    fn watch(&self, session: SessionId) -> Arc<AtomicBool> {
        self.ended.get_or_insert_with(&session, || Ok::<_, Infallible>(Arc::default())).unwrap_or_default()
    }
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers)?;
        let now = app.clock.now();
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let callers = &app.identity.callers;
        if let Some(caller) = callers.find(&hash, now) {
            return Ok(caller);
        }
        // Apart from the request's own future, which would otherwise carry the room for all of it: most requests end above.
        let known = Box::pin(authenticate(app, token, now)).await?;
        callers.by_token.insert(hash, known.clone());
        Ok(known.caller)
    }
}

macro_rules! caller {
    ($name:ident, $who:literal) => {
        impl FromRequestParts<App> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
                match Caller::from_request_parts(parts, app).await? {
                    Caller::$name(caller) => Ok(caller),
                    _ => Err(Problem::forbidden("other_caller", concat!("This route is for ", $who, "."))),
                }
            }
        }
    };
}

caller!(Shopper, "shoppers; send a shopper's access token");
caller!(Staff, "staff; send an access token from POST /v1/auth/staff");
caller!(Partner, "partners; send a partner's key");

/// The one token of the one `Authorization` header (RFC 6750). Tokens in addresses or bodies are not looked for.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Problem::unauthenticated("Send one header Authorization: Bearer with a token or a key."));
    };
    let parts = value.to_str().ok().and_then(|text| text.split_once(' '));
    let token =
        parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    token.filter(|token| (1..=TOKEN_BYTES_MAX).contains(&token.len())).ok_or_else(refused)
}

fn refused() -> Problem {
    Problem::unauthenticated("The token is not valid, or not any more. Refresh it, or sign in again.")
}

async fn authenticate(app: &App, token: &str, now: Moment) -> Result<Known, Problem> {
    // Read before the look, so that a change just after it is noticed.
    let changes = app.identity.callers.changes.load(Ordering::Acquire);
    let (caller, until, ended) = if token.starts_with(accounts::KEY_PREFIX) {
        let partner = accounts::live_key(&app.db, token).await?.ok_or_else(refused)?;
        (Caller::Partner(partner), now + GRANT_RECHECK, Arc::default())
    } else if let Some(oidc) = app.identity.oidc_of(token) {
        let (shopper, until) = oidc.shopper(app, token, now).await?;
        (Caller::Shopper(shopper), until, Arc::default())
    } else {
        let access: Access =
            app.identity.verify_any(ACCESS_TYPE, &[SHOPPER_AUDIENCE, STAFF_AUDIENCE], token, now).await?;
        let ended = app.identity.callers.watch(access.sid);
        let (caller, recheck) = signed_in(app, &access).await?.ok_or_else(refused)?;
        let expires_at = DateTime::from_timestamp(access.exp, 0).unwrap_or(now);
        (caller, expires_at.min(now + recheck), ended)
    };
    Ok(Known { caller, until, ended, changes })
}

/// The caller of an access token of ours, if the session lives; and after what time to look again.
async fn signed_in(app: &App, access: &Access) -> Result<Option<(Caller, Duration)>, Problem> {
    if access.aud == STAFF_AUDIENCE {
        let id = StaffId(access.sub);
        let grants = accounts::live_grants(&app.db, id, access.sid).await?;
        return Ok(grants.map(|grants| (Caller::Staff(Staff { id, grants: grants.into() }), GRANT_RECHECK)));
    }
    let id = ShopperId(access.sub);
    let is_live = store::is_live(&app.db, access.sid, Holder::Shopper(id)).await?;
    Ok(is_live.then_some((Caller::Shopper(Shopper { id }), SESSION_RECHECK)))
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(reason) => {
                tracing::debug!("token refused: {reason}");
                refused()
            }
            TokenError::Expired => {
                tracing::debug!("token refused: expired");
                refused()
            }
            TokenError::Keys(error) => error.into(),
        }
    }
}
