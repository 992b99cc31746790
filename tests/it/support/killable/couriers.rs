//! The couriers of a shop: DHL, which comes first, GLS and UPS.

use std::collections::BTreeMap;

use aisle::sandbox::{dhl, gls, ups};

use super::Shop;

/// The three of them.
pub struct Couriers {
    pub dhl: dhl::Sandbox,
    pub gls: gls::Sandbox,
    pub ups: ups::Sandbox,
}

impl Couriers {
    pub async fn start() -> Self {
        Self {
            dhl: dhl::Sandbox::start(dhl::Settings::local()).await.expect("a sandbox"),
            gls: gls::Sandbox::start(gls::Settings::local()).await.expect("a sandbox"),
            ups: ups::Sandbox::start(ups::Settings::local()).await.expect("a sandbox"),
        }
    }

    /// What the service knows them by.
    pub fn variables(&self) -> Vec<(String, String)> {
        let (of_dhl, of_gls, of_ups) =
            (dhl::Settings::local(), gls::Settings::local(), ups::Settings::local());
        let pairs = [
            ("AISLE_DHL_URL", self.dhl.url().to_owned()),
            ("AISLE_DHL_API_KEY", of_dhl.api_key),
            ("AISLE_DHL_API_SECRET", of_dhl.api_secret),
            ("AISLE_DHL_USERNAME", of_dhl.username),
            ("AISLE_DHL_PASSWORD", of_dhl.password),
            ("AISLE_DHL_BILLING_NUMBER", of_dhl.billing_number),
            ("AISLE_GLS_URL", self.gls.url().to_owned()),
            ("AISLE_GLS_CLIENT_ID", of_gls.client_id),
            ("AISLE_GLS_CLIENT_SECRET", of_gls.client_secret),
            ("AISLE_GLS_CONTACT_ID", of_gls.contacts[0].clone()),
            ("AISLE_UPS_URL", self.ups.url().to_owned()),
            ("AISLE_UPS_CLIENT_ID", of_ups.client_id),
            ("AISLE_UPS_CLIENT_SECRET", of_ups.client_secret),
            ("AISLE_UPS_ACCOUNT_NUMBER", of_ups.account_number),
            ("AISLE_UPS_COUNTRY", "DE".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Shop {
    /// The references of the parcels that are live, by courier.
    pub fn live_parcels(&self) -> BTreeMap<&'static str, Vec<String>> {
        let dhl = self.couriers.dhl.books().shipments.into_iter();
        let dhl = dhl.filter(|one| one.cancelled_at.is_none()).map(|one| one.reference.unwrap_or_default());
        let gls = self.couriers.gls.books().parcels.into_iter();
        let gls = gls.filter(|one| !one.is_cancelled()).map(|one| one.references.concat());
        let ups = self.couriers.ups.books().shipments.into_iter();
        let ups = ups.filter(|one| one.packages.iter().any(|package| package.voided_at.is_none()));
        let ups = ups.map(|one| {
            let of_packages = one.packages.iter().flat_map(|package| &package.references);
            one.references.iter().chain(of_packages).next().cloned().unwrap_or_default()
        });
        BTreeMap::from([("dhl", dhl.collect()), ("gls", gls.collect()), ("ups", ups.collect())])
    }
}
