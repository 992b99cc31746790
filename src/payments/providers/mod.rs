//! The providers: a module each, and one line each in the registry below. The line, the module and the name in
//! [`ProviderName`] are all that another provider needs.
//!
//! A module has `Settings::read`, which answers nothing when the provider is not configured, and `open`, which makes the
//! adapter of them. `call.rs` has what calls over HTTP share.

mod call;
pub mod invoice;
pub mod klarna;
pub mod paypal;

use std::sync::Arc;

use url::Url;

use super::model::ProviderName;
use super::provider::Provider;
use crate::clock::Clock;
use crate::env::Env;

macro_rules! registry {
    ($($name:ident => $module:ident,)*) => {
        /// The settings of every provider.
        #[derive(Clone, Debug, Default)]
        pub struct Settings {
            $($module: Option<$module::Settings>,)*
        }

        impl Settings {
            /// Reads the settings of every provider.
            pub fn read(env: &Env) -> Self {
                Self { $($module: $module::Settings::read(env),)* }
            }
        }

        /// The configured payment providers.
        #[derive(Clone, Debug, Default)]
        pub struct Providers {
            $($module: Option<Arc<dyn Provider>>,)*
        }

        impl Providers {
            /// The configured providers.
            pub fn new(settings: &super::Settings, http: &reqwest::Client, clock: &Clock) -> Self {
                let settings = &settings.providers;
                Self {
                    $($module: settings.$module.as_ref().map(|settings| $module::open(settings, http, clock)),)*
                }
            }

            /// A provider; nothing when it is not configured.
            pub fn get(&self, name: ProviderName) -> Option<&dyn Provider> {
                match name {
                    $(ProviderName::$name => self.$module.as_deref(),)*
                }
            }
        }
    };
}

/// Whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

registry! {
    Invoice => invoice,
    Klarna => klarna,
    PayPal => paypal,
}
