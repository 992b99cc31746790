//! The providers that are configured.

pub mod paypal;

use std::sync::Arc;

use super::Settings;
use super::model::ProviderName;
use super::provider::Provider;

/// The configured payment providers.
#[derive(Clone, Debug, Default)]
pub struct Providers {
    paypal: Option<Arc<paypal::PayPal>>,
}

impl Providers {
    /// The configured providers.
    pub fn new(settings: &Settings, http: &reqwest::Client) -> Self {
        let paypal = settings.paypal.as_ref().map(|settings| Arc::new(paypal::PayPal::new(settings, http)));
        Self { paypal }
    }

    /// A provider; nothing when it is not configured.
    pub fn get(&self, name: ProviderName) -> Option<&dyn Provider> {
        match name {
            ProviderName::PayPal => self.paypal.as_deref().map(|paypal| -> &dyn Provider { paypal }),
        }
    }
}
