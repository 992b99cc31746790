//! What the command line does for the room: accounts without an account, keys without a key.

use secrecy::{ExposeSecret, SecretString};

use super::accounts::{self, AccountError, StaffInput, create_partner_key};
use super::keys::KeyError;
use super::model::{Grant, Role, Scope, Stores};
use super::sessions;
use crate::app::App;
use crate::ids::StoreId;

/// `aisle staff`: makes an account, or resets the one that has the login. Without a password one is made up and told.
pub async fn staff_command(
    app: &App,
    login: String,
    role: Role,
    stores: Vec<Stores>,
    password: Option<SecretString>,
) -> Result<String, AccountError> {
    let stores = if stores.is_empty() { vec![Stores::All] } else { stores };
    let grants = stores.into_iter().map(|store| Grant { store, role }).collect();
    let made_up = password.is_none().then(|| SecretString::from(sessions::new_secret(app)));
    let password = password.or_else(|| made_up.clone());
    let input = StaffInput { login: login.clone(), password, active: true, grants };
    let id = accounts::reset_staff(app, input).await?;
    let told = made_up.map(|password| format!("\npassword {}", password.expose_secret()));
    Ok(format!("staff {id}\nlogin {login}{}", told.unwrap_or_default()))
}

/// `aisle partner`: makes a partner with one key, which is told this once.
pub async fn partner_command(
    app: &App,
    name: &str,
    scopes: &[Scope],
    store: Option<StoreId>,
) -> Result<String, AccountError> {
    let (id, key) = create_partner_key(app, name, scopes, store).await?;
    Ok(format!("partner {id}\nkey {}", key.expose_secret()))
}

/// `aisle keys rotate`: makes the next signing key.
pub async fn rotate_command(app: &App) -> Result<String, KeyError> {
    let (id, signs_from) = app.identity.rotate_keys(app.clock.now()).await?;
    Ok(format!("key {id} signs from {signs_from}"))
}
