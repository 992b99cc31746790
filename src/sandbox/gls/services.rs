//! The services of this contract: names (case matters), which member of a `Service` entry holds each, and where it goes.
//!
//! The names follow GLS's documentation as far as it is public; which product and country takes which is our choice
//! where it says nothing.

use super::order::Issue;
use crate::sandbox::host::{Fields, What};

/// One service.
struct Kind {
    name: &'static str,
    /// The member of the entry that holds it.
    member: &'static str,
    /// Only with this product; any otherwise.
    product: Option<&'static str>,
    /// Only within Germany.
    domestic: bool,
}

const fn kind(
    name: &'static str,
    member: &'static str,
    product: Option<&'static str>,
    domestic: bool,
) -> Kind {
    Kind { name, member, product, domestic }
}

const PARCEL: Option<&str> = Some("PARCEL");
const EXPRESS: Option<&str> = Some("EXPRESS");

const KINDS: [Kind; 21] = [
    kind("service_flexdelivery", "Service", PARCEL, false),
    kind("service_addresseeonly", "Service", None, false),
    kind("service_signature", "Service", None, false),
    kind("service_guaranteed24", "Service", PARCEL, true),
    kind("service_Saturday", "Service", EXPRESS, true),
    kind("service_0800", "Service", EXPRESS, true),
    kind("service_0900", "Service", EXPRESS, true),
    kind("service_1000", "Service", EXPRESS, true),
    kind("service_1200", "Service", EXPRESS, true),
    kind("service_1300", "Service", EXPRESS, true),
    kind("service_shopdelivery", "ShopDelivery", PARCEL, false),
    kind("service_shopreturn", "ShopReturn", PARCEL, false),
    kind("service_intercompany", "Intercompany", PARCEL, false),
    kind("service_exchange", "Exchange", PARCEL, true),
    kind("service_deliveryatwork", "DeliveryAtWork", PARCEL, true),
    kind("service_deposit", "Deposit", PARCEL, true),
    kind("service_identpin", "IdentPin", PARCEL, true),
    kind("service_ident", "Ident", PARCEL, true),
    kind("service_pickandship", "PickAndShip", PARCEL, true),
    kind("service_pickandreturn", "PickAndReturn", PARCEL, true),
    kind("service_addonliability", "AddonLiability", None, false),
];

/// Services that leave the parcel with whoever is there, against those that want one person.
const LEAVES: [&str; 3] = ["service_deposit", "service_shopdelivery", "service_flexdelivery"];
const ONE_PERSON: [&str; 3] = ["service_addresseeonly", "service_ident", "service_identpin"];

/// What the services of a shipment come to.
#[derive(Debug, Default)]
pub struct Chosen {
    pub names: Vec<String>,
    pub parcel_shop: Option<String>,
    /// A name that isn't in the list, or in the wrong member of its entry.
    pub unknown: Option<String>,
}

/// Reads `Service` of a shipment.
pub fn read(shipment: &Fields<'_>) -> Chosen {
    let mut chosen = Chosen::default();
    for entry in shipment.objects("Service", 20) {
        let members = KINDS.iter().map(|kind| kind.member).filter(|member| *member != "AddonLiability");
        let mut found = None;
        for member in members {
            if found.is_none()
                && let Some(service) = entry.object(member)
            {
                read_one(member, &service, &mut chosen);
                found = Some(member);
            }
        }
        if found.is_none() {
            entry.wrong("Service", What::Missing);
        }
    }
    chosen
}

fn read_one(member: &'static str, service: &Fields<'_>, chosen: &mut Chosen) {
    let name = service.needed_text("ServiceName", 40);
    match member {
        "ShopDelivery" => chosen.parcel_shop = Some(service.needed_text("ParcelShopID", 20)),
        "Deposit" => drop(service.needed_text("PlaceOfDeposit", 121)),
        "IdentPin" => {
            service.needed_text("PIN", 4);
            service.text("Birthdate", 10);
        }
        "Ident" => {
            for field in ["Birthdate", "Firstname", "Lastname"] {
                service.needed_text(field, 40);
            }
            if let Some(nationality) = service.need("Nationality", service.object("Nationality")) {
                nationality.needed_text("CountryCode", 2);
            }
        }
        "ShopReturn" => drop(service.integer("NumberOfLabels")),
        "PickAndShip" | "PickAndReturn" => {
            service.needed_text("PickupDate", 40);
            service.known(&["SendEMailToShipper", "SendEMailToConsignee", "SendSMSToShipper"]);
        }
        "Intercompany" | "Exchange" => {
            service.known(&["NumberOfLabels", "ExpectedWeight"]);
            service.need("Address", service.get("Address"));
        }
        "DeliveryAtWork" => {
            for field in ["RecipientName", "Building", "Floor"] {
                service.needed_text(field, 40);
            }
            service.known(&["AlternateRecipientName", "Room", "Phonenumber"]);
        }
        _ => {}
    }
    add(&name, member, chosen);
}

/// Reads `Service` of one unit: only added liability is in this contract.
pub fn read_of_unit(unit: &Fields<'_>, chosen: &mut Chosen) {
    for entry in unit.objects("Service", 5) {
        let Some(liability) = entry.need("AddonLiability", entry.object("AddonLiability")) else { continue };
        let name = liability.needed_text("ServiceName", 40);
        liability.need("Amount", liability.decimal("Amount"));
        liability.needed_text("Currency", 3);
        liability.text("ParcelContent", 255);
        add(&name, "AddonLiability", chosen);
    }
}

fn add(name: &str, member: &str, chosen: &mut Chosen) {
    if KINDS.iter().any(|kind| kind.name == name && kind.member == member) {
        chosen.names.push(name.to_owned());
    } else if !name.is_empty() {
        chosen.unknown.get_or_insert_with(|| name.to_owned());
    }
}

/// What of the services doesn't go with the product, the country, or one another.
pub fn issues(product: &str, country: &str, names: &[String]) -> Vec<Issue> {
    let mut issues = Vec::new();
    for kind in names.iter().filter_map(|name| KINDS.iter().find(|kind| kind.name == name)) {
        if kind.product.is_some_and(|only| only != product) {
            issues.push(Issue::new("ARTICLE_COMBINATIONS", "Shipment.Service", &[product, kind.name]));
        }
        if kind.domestic && country != "DE" {
            issues.push(Issue::new(
                "ARTICLES_DESTINATION_EXCLUSIONS",
                "Shipment.Service",
                &[country, kind.name],
            ));
        }
    }
    let among = |list: &[&'static str]| list.iter().copied().find(|one| names.iter().any(|name| name == one));
    if let (Some(leaves), Some(one_person)) = (among(&LEAVES), among(&ONE_PERSON)) {
        issues.push(Issue::new("ARTICLE_COMBINATIONS", "Shipment.Service", &[leaves, one_person]));
    }
    issues
}

/// Product and service of everything that goes to this country.
pub fn allowed(country: &str) -> Vec<(&'static str, &'static str)> {
    let products = if country == "DE" { &["PARCEL", "EXPRESS"][..] } else { &["PARCEL"][..] };
    let mut allowed = Vec::new();
    for product in products {
        let fits = |kind: &&Kind| {
            kind.product.is_none_or(|only| only == *product) && (country == "DE" || !kind.domestic)
        };
        allowed.extend(KINDS.iter().filter(fits).map(|kind| (*product, kind.name)));
    }
    allowed
}
