//! Who takes part besides the shopper. The first accounts of a service are made on its own machine, as `aisle staff` and
//! `aisle partner` make them; they are kept in a file beside the demo's database, so that the next run has them still.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::sample;
use crate::app::App;
use crate::identity::{Grant, Role, Scope, StaffInput, create_partner_key, create_staff};
use crate::ids::SubscriptionId;

/// Staff and partners, with what they prove themselves by.
#[derive(Clone, Serialize, Deserialize)]
pub struct Accounts {
    /// The retailer's own system: catalogue and events.
    pub erp_key: String,
    /// The gate of the store.
    pub gate_key: String,
    /// Whoever hands parcels to the courier.
    pub clerk: Login,
    /// Whoever may give money back.
    pub supervisor: Login,
    /// The retailer's subscription, as it named it.
    pub subscription: SubscriptionId,
    /// What the subscription's messages are signed with; known once it was made.
    pub subscription_secret: Option<String>,
}

/// A staff member's name and password.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Accounts {
    /// The accounts of an earlier run, or new ones.
    pub async fn of(app: &App, file: &Path, is_new: bool) -> Result<Self, Box<dyn std::error::Error>> {
        if !is_new && file.exists() {
            return Ok(serde_json::from_slice(&tokio::fs::read(file).await?)?);
        }
        let store = sample::STORE.parse()?;
        let (_, erp_key) = create_partner_key(
            app,
            "The retailer's own system",
            &[Scope::CatalogRead, Scope::CatalogWrite, Scope::EventsRead],
            None,
        )
        .await?;
        let (_, gate_key) = create_partner_key(app, "Gate 1", &[Scope::ExitVerify], Some(store)).await?;
        let accounts = Self {
            erp_key: erp_key.expose_secret().to_owned(),
            gate_key: gate_key.expose_secret().to_owned(),
            clerk: login(app, "clerk", Role::Clerk).await?,
            supervisor: login(app, "supervisor", Role::Supervisor).await?,
            subscription: app.ids.next(),
            subscription_secret: None,
        };
        accounts.keep(file)?;
        Ok(accounts)
    }

    /// Writes the accounts to a file that only its owner can read.
    pub fn keep(&self, file: &Path) -> io::Result<()> {
        use std::io::Write;
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(file)?.write_all(&serde_json::to_vec_pretty(self)?)
    }
}

async fn login(app: &App, role_name: &str, role: Role) -> Result<Login, Box<dyn std::error::Error>> {
    let name = format!("demo-{role_name}");
    let password = URL_SAFE_NO_PAD.encode(app.random.bytes::<18>());
    let input = StaffInput {
        login: name.clone(),
        password: Some(password.clone().into()),
        active: true,
        grants: vec![Grant { store: sample::STORE.parse()?, role }],
    };
    create_staff(app, input).await?;
    Ok(Login { name, password })
}
