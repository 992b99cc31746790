//! The providers: a module each, and one line each in the registry below. The line, the module and the name in
//! [`ProviderName`] are all that another provider needs.
//!
//! A module has `Settings::read`, which answers nothing when the provider is not configured, and `open`, which makes the
//! adapter of them.

pub mod invoice;
pub mod paypal;

use std::sync::Arc;

use super::model::ProviderName;
use super::provider::Provider;
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
            pub fn new(settings: &super::Settings, http: &reqwest::Client) -> Self {
                let settings = &settings.providers;
                Self { $($module: settings.$module.as_ref().map(|settings| $module::open(settings, http)),)* }
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

registry! {
    Invoice => invoice,
    PayPal => paypal,
}
