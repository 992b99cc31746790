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
        let pairs = [
            dhl::Settings::local().for_service(self.dhl.url()),
            gls::Settings::local().for_service(self.gls.url()),
            ups::Settings::local().for_service(self.ups.url()),
        ];
        pairs.into_iter().flatten().map(|(name, value)| (name.to_owned(), value)).collect()
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
