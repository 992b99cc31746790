//! The section `[sales]` of a connection's file: into which books sales and returns go, and what our words are there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::read::Mistakes;
use crate::checkout::{DocumentLine, Item, Means};
use crate::ids::StoreId;
use crate::money::Rate;
use crate::payments::ProviderName;
use crate::quantity::Unit;

/// The name under which the flow of sales stands beside the streams.
pub const SALES: &str = "sales";

/// The section as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SalesFile {
    /// The user that documents are made as: of Aisle alone, because drafts of it that nobody knows are taken back.
    user: String,
    /// Milliseconds between two looks for what is to be posted.
    #[serde(default = "every_ms")]
    every_ms: u64,
    /// Documents of one call.
    #[serde(default = "batch")]
    batch: usize,
    /// How long a call whose answer got lost may still be at work in the system.
    #[serde(default = "settle_seconds")]
    settle_seconds: u32,
    /// Stores and the system's tills.
    stores: BTreeMap<String, String>,
    /// What pays, and the system's ways to pay.
    payments: BTreeMap<String, String>,
    /// The same for money that goes back, where it is another.
    #[serde(default)]
    refunds: BTreeMap<String, String>,
    /// The system's articles for what is no goods, by the rate of its tax.
    products: BTreeMap<String, BTreeMap<String, String>>,
    /// The system's units, and how much one of them is: `piece`, or `1000 gram`.
    units: BTreeMap<String, String>,
}

fn every_ms() -> u64 {
    1_000
}

fn batch() -> usize {
    100
}

fn settle_seconds() -> u32 {
    90
}

/// Into which books sales and returns go.
#[derive(Clone, Debug)]
pub struct Sales {
    /// The user that documents are made as.
    pub user: String,
    /// Between two looks for what is to be posted.
    pub every: Duration,
    /// Documents of one call.
    pub batch: usize,
    /// How long a call whose answer got lost may still be at work in the system.
    pub settle: chrono::Duration,
    /// The system's tills; what other stores sell does not go into these books.
    pub stores: BTreeMap<StoreId, String>,
    payments: BTreeMap<String, String>,
    refunds: BTreeMap<String, String>,
    products: BTreeMap<(String, Rate), String>,
    units: BTreeMap<String, (Unit, i64)>,
}

/// What an article of the system's stands for that is no goods.
const PRODUCTS: [&str; 4] = ["deposit", "delivery", "fee", "amount"];

impl Sales {
    /// The system's way to pay with these means, or to pay back.
    pub fn method(&self, means: &Means, is_back: bool) -> Option<&str> {
        let name = word(means);
        let back = self.refunds.get(name).filter(|_| is_back);
        back.or_else(|| self.payments.get(name)).map(String::as_str)
    }

    /// The code of the system's article for a line, or why there is none: that of the goods, or the file's for a deposit, a
    /// delivery, a fee, or money alone.
    pub fn code<'a>(&'a self, line: &'a DocumentLine) -> Result<&'a str, String> {
        let of = match &line.item {
            Item::Goods { sku, .. } => return Ok(sku.as_str()),
            Item::Deposit => "deposit",
            Item::Delivery => "delivery",
            Item::Fee => "fee",
            Item::Amount => "amount",
        };
        let code = self.products.get(&(of.to_owned(), line.rate)).map(String::as_str);
        code.ok_or_else(|| format!("{of} at {} has no article in the file", line.rate))
    }

    /// How much one of the system's units is.
    pub fn unit(&self, symbol: &str) -> Option<(Unit, i64)> {
        self.units.get(symbol).copied()
    }
}

/// What pays, in the words of the file.
fn word(means: &Means) -> &'static str {
    match means {
        Means::Account(provider) => provider.as_str(),
        Means::Voucher => "voucher",
        Means::Points => "points",
    }
}

/// Every word that the file has to have a way to pay for.
fn words() -> impl Iterator<Item = &'static str> {
    let providers = ProviderName::ALL.iter().map(|provider| provider.as_str());
    providers.chain([word(&Means::Voucher), word(&Means::Points)])
}

/// Checks the section.
pub(super) fn read(mistakes: &mut Mistakes, file: SalesFile) -> Sales {
    let mut within = |name: &str, is_right: bool, bounds: &str| {
        if !is_right {
            mistakes.note(&format!("sales.{name}"), format!("must be from {bounds}"));
        }
    };
    within("every_ms", (10..=3_600_000).contains(&file.every_ms), "10 to 3600000");
    within("batch", (1..=1_000).contains(&file.batch), "1 to 1000");
    within("settle_seconds", file.settle_seconds <= 3_600, "0 to 3600");
    let mut stores = BTreeMap::new();
    for (store, till) in file.stores {
        let found = mistakes.take(&format!("sales.stores.{store}"), store.parse::<StoreId>());
        stores.extend(found.map(|store| (store, till)));
    }
    if stores.is_empty() {
        mistakes.note("sales.stores", "are missing: which store is which till");
    }
    for word in words().filter(|word| !file.payments.contains_key(*word)) {
        mistakes.note(&format!("sales.payments.{word}"), "is missing: which way to pay it is in the system");
    }
    for (key, given) in [("payments", &file.payments), ("refunds", &file.refunds)] {
        for unknown in given.keys().filter(|given| !words().any(|word| word == given.as_str())) {
            mistakes.note(&format!("sales.{key}.{unknown}"), "is nothing that pays");
        }
    }
    let mut products = BTreeMap::new();
    for (of, by_rate) in file.products {
        if !PRODUCTS.contains(&of.as_str()) {
            mistakes.note(&format!("sales.products.{of}"), format!("must be one of {}", PRODUCTS.join(", ")));
        }
        for (rate, product) in by_rate {
            let key = format!("sales.products.{of}.{rate}");
            let found = mistakes.take(&key, rate.parse::<Rate>());
            products.extend(found.map(|rate| ((of.clone(), rate), product)));
        }
    }
    let mut units = BTreeMap::new();
    for (symbol, text) in file.units {
        match unit(&text) {
            Some(unit) => drop(units.insert(symbol, unit)),
            None => mistakes.note(&format!("sales.units.{symbol}"), "must be like piece or 1000 gram"),
        }
    }
    Sales {
        user: file.user,
        every: Duration::from_millis(file.every_ms),
        batch: file.batch,
        settle: chrono::Duration::seconds(i64::from(file.settle_seconds)),
        stores,
        payments: file.payments,
        refunds: file.refunds,
        products,
        units,
    }
}

/// `piece`, or `1000 gram`.
fn unit(text: &str) -> Option<(Unit, i64)> {
    let (amount, name) = text.split_once(' ').unwrap_or(("1", text));
    let unit = match name {
        "piece" => Unit::Piece,
        "gram" => Unit::Gram,
        "millilitre" => Unit::Millilitre,
        "millimetre" => Unit::Millimetre,
        _ => return None,
    };
    amount.parse().ok().filter(|amount| (1..=1_000_000).contains(amount)).map(|amount| (unit, amount))
}
