//! What the catalogue of a store of 50,000 products weighs on a phone; and the store that this is measured with.

use crate::catalog::code::Gtin;
use crate::catalog::index::{Change, Snapshot, Timed};
use crate::catalog::model::{Recall, Store, StoreAddress};
use crate::catalog::product::{AgeReason, NetContent, NetUnit, ProductRow, Temperature};
use crate::catalog::rows::PriceKind;
use crate::ids::{PriceListId, Sku, StoreId};

/// Products of a large supermarket.
const PRODUCTS: u64 = 50_000;
/// A phone takes this in a second over a common mobile network.
const BYTES_MAX: usize = 1_050_000;
const NOW: i64 = 1_764_000_000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let place = self.roll(u64::try_from(choices.len()).expect("small"));
        choices[usize::try_from(place).expect("small")]
    }
}

const SYLLABLES: [&str; 24] = [
    "al", "ber", "cor", "dan", "el", "fri", "gol", "hof", "in", "ja", "kel", "lan", "mar", "nor", "o", "pre",
    "ri", "sal", "tor", "u", "vin", "wei", "zen", "bel",
];
const KINDS: [&str; 32] = [
    "Vollmilch",
    "Joghurt",
    "Frischkäse",
    "Butter",
    "Orangensaft",
    "Apfelschorle",
    "Mineralwasser",
    "Kaffee",
    "Espresso",
    "Spaghetti",
    "Penne",
    "Tomatensauce",
    "Olivenöl",
    "Weißwein",
    "Pils",
    "Radler",
    "Schokolade",
    "Gummibärchen",
    "Kekse",
    "Müsli",
    "Haferflocken",
    "Thunfisch",
    "Lachsfilet",
    "Hackfleisch",
    "Salami",
    "Spülmittel",
    "Waschmittel",
    "Shampoo",
    "Duschgel",
    "Zahnpasta",
    "Katzenfutter",
    "Toilettenpapier",
];
const QUALITIES: [&str; 20] = [
    "Bio",
    "Natur",
    "Classic",
    "Light",
    "laktosefrei",
    "mild",
    "extra",
    "fein",
    "zuckerfrei",
    "vegan",
    "Sensitiv",
    "Original",
    "Family Pack",
    "Vanille",
    "Erdbeere",
    "Zitrone",
    "Haselnuss",
    "kräftig",
    "scharf",
    "mit Minze",
];

fn word(dice: &mut Dice) -> String {
    let word: String = (0..2 + dice.roll(2)).map(|_| dice.one_of(&SYLLABLES)).collect();
    word[..1].to_uppercase() + &word[1..]
}

/// A brand and the first digits of its maker's codes.
fn brands(dice: &mut Dice) -> Vec<(String, u64)> {
    (0..1_500).map(|_| (word(dice), 4_000_000 + dice.roll(999_999))).collect()
}

fn product(dice: &mut Dice, number: u64, brand: &str) -> ProductRow {
    let (amount, unit) = match dice.roll(6) {
        0 => (1_000, NetUnit::Millilitre),
        1 => (500, NetUnit::Gram),
        2 => (250, NetUnit::Gram),
        3 => (750, NetUnit::Millilitre),
        4 => (125 + i64::try_from(dice.roll(30)).expect("small") * 5, NetUnit::Gram),
        _ => (330, NetUnit::Millilitre),
    };
    let content = format!("{amount} {}", unit.as_str());
    let own = if dice.roll(3) == 0 { word(dice) } else { dice.one_of(&QUALITIES).to_owned() };
    let (kind, quality) = (dice.one_of(&KINDS), dice.one_of(&QUALITIES));
    let sku: Sku = format!("{}", 10_000_000 + number * 7 + dice.roll(7)).parse().expect("a key");
    let class = if dice.roll(4) == 0 { "standard" } else { "reduced" };
    let mut row = ProductRow::new(
        sku,
        format!("{brand} {kind} {own} {quality} {content}"),
        class.parse().expect("a key"),
    );
    row.brand = Some(brand.to_owned());
    row.category = vec![kind[..1].to_owned(), kind.to_owned()];
    row.content = Some(content);
    row.net_content = Some(NetContent { amount, unit });
    row.age_min = (dice.roll(20) == 0).then_some(16);
    row.deposit = (dice.roll(12) == 0).then(|| "pfand-25".parse().expect("a key"));
    row.deliverable = dice.roll(5) != 0;
    row.weight_grams = Some(amount + 30);
    row.image = Some(format!("https://cdn.example/{number}.webp"));
    row.age_reason = row.age_min.map(|_| AgeReason::Alcohol);
    // Without the dice: what is measured stays comparable.
    row.temperature = if number.is_multiple_of(6) { Temperature::Chilled } else { Temperature::Ambient };
    row.has_tag = number.is_multiple_of(200);
    row.control_hint = (number.is_multiple_of(500)).then(|| "Look inside.".to_owned());
    if number.is_multiple_of(50) {
        row.alternatives = (1..4)
            .map(|step| format!("{}", 10_000_000 + number + step * 7))
            .filter_map(|sku| sku.parse().ok())
            .collect();
    }
    row
}

fn store() -> Store {
    let address = StoreAddress {
        street: "Hauptstraße".to_owned(),
        house_number: "12".to_owned(),
        postal_code: "53111".to_owned(),
        city: "Bonn".to_owned(),
    };
    Store {
        store: "0001".parse().expect("a key"),
        name: "Bonn".to_owned(),
        address,
        country: "DE".to_owned(),
        currency: "EUR".parse().expect("a currency"),
        time_zone: "Europe/Berlin".to_owned(),
        price_lists: vec!["de".parse().expect("a key")],
        languages: vec!["de".to_owned()],
        code_templates: Vec::new(),
        near_date_markdowns: Vec::new(),
        price_promise: crate::catalog::PricePromise::Locked,
        best_before_passed: crate::catalog::BestBeforePassed::Warn,
        categories: Vec::new(),
        till: crate::catalog::TillRules::default(),
    }
}

/// A store that sells so many products: codes of 1,500 makers, 1.2 a product, one price in twenty with a promotion ahead.
pub(in crate::catalog) fn stocked(products: u64) -> (Snapshot, StoreId) {
    let mut dice = Dice(7);
    let brands = brands(&mut dice);
    let list: PriceListId = "de".parse().expect("a key");
    let mut change = Change::of(&Snapshot::empty());
    change.price_list(list.clone(), store().currency, true);
    change.store(store());
    for number in 0..products {
        let (brand, maker) = &brands[usize::try_from(dice.roll(1_500)).expect("small")];
        let row = product(&mut dice, number, brand);
        change.product(&row, true);
        for _ in 0..=u64::from(dice.roll(5) == 0) {
            let body = format!("0{}", maker * 100_000 + dice.roll(100_000));
            let gtin = (0..10).find_map(|check| Gtin::checked(&format!("{body}{check}")).ok());
            change.code(gtin.expect("one digit is right"), &row.sku, 1, true);
        }
        let amount = i64::try_from(dice.roll(40) * 10 + 59 + dice.roll(2) * 600).expect("small");
        change.price(&list, &row.sku, Some(amount));
        if dice.roll(20) == 0 {
            let (from, to) = (NOW + 86_400, NOW + 7 * 86_400);
            let (name, lowest) = (Some("Week 48".into()), Some(amount));
            let kind = PriceKind::Promotion;
            change.timed(&list, &row.sku, vec![Timed { kind, from, to, amount: amount - 20, name, lowest }]);
        }
        if dice.roll(5_000) == 0 {
            let recall =
                Recall { recall: format!("R-{number}"), lots: None, notice: "Bring it back.".to_owned() };
            change.recall(&row.sku, recall, true);
        }
    }
    (change.finish(1), store().store)
}

#[test]
fn a_store_of_fifty_thousand_products_is_small_enough_for_a_phone() {
    let (snapshot, store) = stocked(PRODUCTS);
    let begun = std::time::Instant::now();
    let json = super::document::whole(&snapshot, &store, NOW).expect("a store");
    let gathered = begun.elapsed();
    let begun = std::time::Instant::now();
    let packed = zstd::bulk::compress(&json, super::PACKING_LEVEL).expect("packed");
    // Read by whoever runs this test alone with --no-capture.
    eprintln!(
        "{PRODUCTS} products: {} bytes of JSON in {gathered:?}, packed {} bytes in {:?}",
        json.len(),
        packed.len(),
        begun.elapsed()
    );
    assert!(packed.len() < BYTES_MAX, "{} bytes", packed.len());
}
