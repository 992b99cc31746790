//! A phone without a network: checks a store's catalogue by the published keys, keeps it, applies changes to it and reads
//! prices from it, all by what the README says of the format and by nothing of the program.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// What a phone keeps of one store.
#[derive(Clone, Debug, PartialEq)]
pub struct Phone {
    pub revision: i64,
    pub store: Value,
    /// Products by SKU.
    pub items: BTreeMap<String, Map<String, Value>>,
    /// SKU and pieces by code.
    pub codes: BTreeMap<i64, (String, i64)>,
}

/// What the signature says, when one of the keys made it for these bytes and it is in date.
pub fn verified(keys: &Value, signature: &str, bytes: &[u8], now_seconds: i64) -> Option<Value> {
    let (signed, mark) = signature.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
    if header["typ"] != "catalog+jwt" || header["alg"] != "EdDSA" {
        return None;
    }
    let keys = keys["keys"].as_array()?;
    let key = keys.iter().find(|key| key["kid"] == header["kid"] && key["crv"] == "Ed25519")?;
    let key = URL_SAFE_NO_PAD.decode(key["x"].as_str()?).ok()?;
    let mark = URL_SAFE_NO_PAD.decode(mark).ok()?;
    UnparsedPublicKey::new(&ED25519, key).verify(signed.as_bytes(), &mark).ok()?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
    let hash = digest(&SHA256, bytes);
    let hash = aisle::hash::hex(hash.as_ref());
    let is_good = claims["aud"] == "catalog" && claims["sha256"] == hash.as_str();
    (is_good && claims["exp"].as_i64().is_some_and(|end| now_seconds < end)).then_some(claims)
}

/// The document in the bytes.
pub fn unpacked(bytes: &[u8]) -> Value {
    let json = zstd::stream::decode_all(bytes).expect("zstd");
    serde_json::from_slice(&json).expect("JSON")
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Numbers from the first one and the steps to the next ones.
fn sums(steps: &[Value]) -> Vec<i64> {
    let mut sum = 0;
    let add = |step: &Value| {
        sum += step.as_i64().expect("a whole number");
        sum
    };
    steps.iter().map(add).collect()
}

fn place(number: i64) -> usize {
    usize::try_from(number).expect("a place")
}

/// Products from their columns.
fn rows(items: &Value) -> Vec<Map<String, Value>> {
    let count = place(items["count"].as_i64().expect("a count"));
    let mut rows = vec![Map::new(); count];
    for (name, column) in items["columns"].as_object().expect("columns") {
        let values: Vec<Value> = if column.get("words").is_some() {
            let words = list(column, "words");
            list(column, "is").iter().map(|is| words[place(is.as_i64().expect("a place"))].clone()).collect()
        } else {
            let own = list(column, "of").to_vec();
            let around: Vec<&str> = list(column, "around").iter().filter_map(Value::as_str).collect();
            match around[..] {
                [before, behind] => own
                    .into_iter()
                    .map(|text| format!("{before}{}{behind}", text.as_str().expect("a text")).into())
                    .collect(),
                _ => own,
            }
        };
        let places: Vec<usize> = match column.get("at") {
            Some(_) => sums(list(column, "at")).into_iter().map(place).collect(),
            None => (0..count).collect(),
        };
        assert_eq!(places.len(), values.len(), "{name}");
        for (place, value) in places.into_iter().zip(values) {
            rows[place].insert(name.clone(), value);
        }
    }
    rows
}

impl Phone {
    /// A phone that has taken all of a catalogue.
    pub fn of(bytes: &[u8]) -> Self {
        let document = unpacked(bytes);
        assert_eq!(document["from"], Value::Null);
        let (items, codes) = (BTreeMap::new(), BTreeMap::new());
        let mut phone = Self { revision: 0, store: Value::Null, items, codes };
        phone.take(&document);
        phone
    }

    /// Applies what changed since the phone's revision.
    pub fn apply(&mut self, bytes: &[u8]) {
        let document = unpacked(bytes);
        assert_eq!(document["from"], self.revision, "changes of another revision");
        self.take(&document);
    }

    fn take(&mut self, document: &Value) {
        assert_eq!(document["format"], 2);
        for sku in list(&document["gone"], "items") {
            self.items.remove(sku.as_str().expect("a SKU"));
        }
        for code in list(&document["gone"], "codes") {
            self.codes.remove(&code.as_i64().expect("a code"));
        }
        let rows = rows(&document["items"]);
        let skus: Vec<String> =
            rows.iter().map(|row| row["sku"].as_str().expect("a SKU").to_owned()).collect();
        self.items.extend(skus.iter().cloned().zip(rows));
        let codes = &document["codes"];
        let several = &codes["pieces"];
        let pieces: BTreeMap<i64, i64> = sums(list(several, "at"))
            .into_iter()
            .zip(list(several, "of").iter().map(|pieces| pieces.as_i64().expect("pieces")))
            .collect();
        let owners = sums(list(codes, "item"));
        for (index, code) in (0_i64..).zip(sums(list(codes, "code"))) {
            let owner = skus[place(owners[place(index)])].clone();
            self.codes.insert(code, (owner, pieces.get(&index).copied().unwrap_or(1)));
        }
        self.drop_what_is_over(document["at"].as_i64().expect("a second"));
        self.revision = document["revision"].as_i64().expect("a revision");
        self.store = document["store"].clone();
    }

    /// Prices that are over, products without a price, codes without a product.
    fn drop_what_is_over(&mut self, at: i64) {
        for item in self.items.values_mut() {
            let Some(Value::Array(timed)) = item.get_mut("timed") else { continue };
            timed.retain(|price| price[3].as_i64().is_none_or(|to| to > at));
            if timed.is_empty() {
                item.remove("timed");
            }
        }
        self.items.retain(|_, item| item.contains_key("price") || item.contains_key("timed"));
        self.codes.retain(|_, (sku, _)| self.items.contains_key(sku));
    }

    /// The product of a code and what everybody pays for it at a second.
    pub fn find(&self, code: &str, now: i64) -> Option<(String, i64, i64)> {
        let (sku, pieces) = self.codes.get(&code.parse().expect("a number"))?;
        let item = &self.items[sku];
        let timed = item.get("timed").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let number = |value: &Value| value.as_i64();
        let open = item.get("price").and_then(number);
        let open_list = item.get("list").and_then(number).unwrap_or(0);
        let mut asked: (Option<i64>, Option<i64>) = (None, None);
        for place in 0..=8_i64 {
            let of = |kind: &str| -> Vec<&Value> {
                let holds = |price: &&Value| {
                    price[0] == place
                        && price[1] == kind
                        && number(&price[2]).is_some_and(|from| from <= now)
                        && number(&price[3]).is_none_or(|to| now < to)
                };
                timed.iter().filter(holds).collect()
            };
            let youngest = of("regular").into_iter().max_by_key(|price| number(&price[2]));
            let regular =
                youngest.and_then(|price| number(&price[4])).or(open.filter(|_| open_list == place));
            let promotion = of("promotion").into_iter().filter_map(|price| number(&price[4])).min();
            asked = (asked.0.or(regular), asked.1.or(promotion));
        }
        let to_pay = match asked {
            (Some(regular), Some(promotion)) => Some(regular.min(promotion)),
            (regular, promotion) => regular.or(promotion),
        };
        Some((sku.clone(), to_pay?, *pieces))
    }
}
