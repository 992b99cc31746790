//! What a code says, as names and texts: for the engineer at the scanner, and for whoever compares.
//!
//! Decimals are texts with as many decimals as were coded, dates and times are ISO 8601. A statement of GS1 without a name
//! here goes by its identifier.

use std::borrow::Cow;

use super::meaning::{Answer, Coupon, Element, Elements, Embedded, Meaning, Number, Press, Price, Value};
use super::pharmacy;

/// Names and texts in their order.
pub type Values = Vec<(Cow<'static, str>, String)>;

impl Answer {
    /// What kind of code it is.
    pub fn kind(&self) -> &'static str {
        match self.meaning {
            Meaning::Item(_) => "gtin",
            Meaning::Measure(..) => "measure",
            Meaning::Restricted(_) => "rcn",
            Meaning::Press(..) => "press",
            Meaning::Coupon(_) => "coupon",
            Meaning::Refund(_) => "refund",
            Meaning::Elements(..) => "elements",
            Meaning::NonProduct(_) => "nonproduct",
            Meaning::Pharmacy(_) => "pzn",
            Meaning::Template(_) => "template",
            Meaning::Foreign => "foreign",
        }
    }

    /// The number of the product as 14 digits, as the code has it; none when it names no product.
    pub fn gtin14(&self) -> Option<String> {
        let gtin = match &self.meaning {
            Meaning::Item(number)
            | Meaning::Measure(number, _)
            | Meaning::Restricted(number)
            | Meaning::Press(number, _) => number.gtin,
            Meaning::Elements(gtin, _) => *gtin,
            Meaning::Pharmacy(pharmacy) => pharmacy.gtin,
            Meaning::Template(found) => found.gtin?,
            Meaning::Coupon(_) | Meaning::Refund(_) | Meaning::NonProduct(_) | Meaning::Foreign => {
                return None;
            }
        };
        Some(gtin.to_string())
    }

    /// Everything that the code says.
    pub fn values(&self) -> Values {
        let mut values = Names(Vec::new());
        match &self.meaning {
            Meaning::Item(number) => {
                values.number(number);
                values.add_some("pzn", pharmacy::pzn_of(number.gtin));
            }
            Meaning::Restricted(number) => values.number(number),
            Meaning::Measure(number, measure) => {
                values.number(number);
                values.add("item", &measure.item);
                values.add("base14", measure.base);
                match measure.embedded {
                    Embedded::Price(price) => values.price("price", price),
                    Embedded::Kilograms(weight) => values.add("weight_kg", weight),
                    Embedded::Pieces(count) => values.add("count", count),
                }
            }
            Meaning::Press(number, press) => {
                values.number(number);
                values.press(press);
            }
            Meaning::Coupon(Coupon::Number(_, Some(coupon))) => {
                values.price("amount", coupon.amount);
                values.add("issuer", &coupon.issuer);
                values.add("reference", &coupon.reference);
                if coupon.is_free {
                    values.add("free", true);
                }
            }
            Meaning::Coupon(Coupon::Number(_, None)) | Meaning::Refund(_) | Meaning::Foreign => {}
            Meaning::Elements(gtin, elements) => {
                values.add("indicator", gtin.indicator());
                values.elements(elements);
                if elements.get("pzn").is_none() {
                    values.add_some("pzn", pharmacy::pzn_of(*gtin));
                }
            }
            Meaning::Coupon(Coupon::Elements(elements)) | Meaning::NonProduct(elements) => {
                values.elements(elements);
            }
            Meaning::Pharmacy(found) => {
                values.add("pzn", &found.pzn);
                values.add_some("lot", found.lot.as_ref());
                values.add_some("serial", found.serial.as_ref());
                values.add_some("use_by", found.use_by);
            }
            Meaning::Template(found) => {
                values.add_some("item", found.code.as_ref());
                values.add_some("embed", found.embed);
                values.add_some("price", found.price);
            }
        }
        values.0
    }
}

/// Values while they are gathered.
struct Names(Values);

impl Names {
    fn add(&mut self, name: &'static str, value: impl std::fmt::Display) {
        self.push(Cow::Borrowed(name), format!("{value}"));
    }

    /// Each name once: of two statements that share one, the first counts.
    fn push(&mut self, name: Cow<'static, str>, value: String) {
        if self.0.iter().all(|(each, _)| *each != name) {
            self.0.push((name, value));
        }
    }

    fn add_some(&mut self, name: &'static str, value: Option<impl std::fmt::Display>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }

    fn price(&mut self, name: &'static str, price: Price) {
        self.add(name, price.amount);
        self.add_some("currency", price.currency);
    }

    fn number(&mut self, number: &Number) {
        if number.has_indicator {
            self.add("indicator", number.gtin.indicator());
        }
        self.add_some("alternative14", number.alternative);
        self.add_some("addon", number.addon);
    }

    fn press(&mut self, press: &Press) {
        self.add("class", press.class);
        self.add_some("issn", press.issn.as_ref());
        if let Some((title, price)) = &press.title {
            self.add("item", title);
            self.price("price", *price);
        }
    }

    fn elements(&mut self, elements: &Elements) {
        // The number of the product stands beside the values.
        for Element { ai, name, value } in elements.list.iter().filter(|element| element.name != "gtin") {
            let name =
                if name.is_empty() { Cow::Owned(ai.as_str().to_owned()) } else { Cow::Borrowed(*name) };
            let text = match value {
                Value::Text(text) => text.clone(),
                Value::Day(day) => day.to_string(),
                Value::Time(day, time) => {
                    let pairs: Vec<&str> =
                        (0..time.len()).step_by(2).filter_map(|at| time.get(at..at + 2)).collect();
                    format!("{day}T{}", pairs.join(":"))
                }
                Value::Days(from, to) => format!("{from}/{to}"),
                Value::Number(number) => number.to_string(),
                Value::Price(price) => {
                    self.add_some("currency", price.currency);
                    price.amount.to_string()
                }
            };
            self.push(name, text);
        }
        if elements.is_partial {
            self.add("partial", true);
        }
    }
}
