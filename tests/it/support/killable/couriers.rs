//! The couriers of a shop: DHL, which comes first, GLS, UPS, and Uber near the store.

use std::collections::BTreeMap;

use aisle::sandbox::{dhl, gls, uber, ups};

use super::Shop;

/// All of them.
pub struct Couriers {
    pub dhl: dhl::Sandbox,
    pub gls: gls::Sandbox,
    pub ups: ups::Sandbox,
    pub uber: uber::Sandbox,
}

impl Couriers {
    pub async fn start() -> Self {
        Self {
            dhl: dhl::Sandbox::start(dhl::Settings::local()).await.expect("a sandbox"),
            gls: gls::Sandbox::start(gls::Settings::local()).await.expect("a sandbox"),
            ups: ups::Sandbox::start(ups::Settings::local()).await.expect("a sandbox"),
            uber: uber::Sandbox::start(uber::Settings::local()).await.expect("a sandbox"),
        }
    }

    /// What the service knows them by.
    pub fn variables(&self) -> Vec<(String, String)> {
        let pairs = [
            dhl::Settings::local().for_service(self.dhl.url()),
            gls::Settings::local().for_service(self.gls.url()),
            ups::Settings::local().for_service(self.ups.url()),
            uber::Settings::local().for_service(self.uber.url()),
            // As long as a busy machine may need.
            vec![("AISLE_DELIVERY_QUOTE_MS", "10000".to_owned())],
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
        let uber = self.couriers.uber.books().deliveries.into_iter();
        let uber = uber.filter(|one| one.status != uber::Status::Canceled && !one.is_way_back());
        let uber = uber.map(|one| one.external_id.unwrap_or_default());
        BTreeMap::from([
            ("dhl", dhl.collect()),
            ("gls", gls.collect()),
            ("ups", ups.collect()),
            ("uber", uber.collect()),
        ])
    }
}
