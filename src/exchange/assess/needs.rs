//! What each step of the process needs of master data, and what happens at the till without it. The one table that the
//! assessment judges by.

use serde::Serialize;

use crate::catalog::Kind;

/// How bad it is when data is missing, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing can be sold.
    Stops,
    /// What is sold is wrong in price, tax or law.
    Wrong,
    /// It can be sold, and something that was promised can't be done.
    Hinders,
    /// It would be nicer with it.
    Lacks,
}

/// A step of the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// What happens in it.
    pub(super) what: &'static str,
    pub(super) needs: &'static [Need],
}

/// A field that a step needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) kind: Kind,
    pub(super) field: &'static str,
    /// The share of rows, in percent, that must have it; none where some rows rightly have nothing.
    pub(super) percent: u32,
    pub(super) severity: Severity,
    /// What happens without it.
    pub(super) breaks: &'static str,
}

const fn need(
    kind: Kind,
    field: &'static str,
    percent: u32,
    severity: Severity,
    breaks: &'static str,
) -> Need {
    Need { kind, field, percent, severity, breaks }
}

use Severity::{Hinders, Lacks, Stops, Wrong};

/// The process, in the order in which a shopper goes through it.
pub(super) const STEPS: [Step; 10] = [
    Step {
        name: "Check in",
        what: "The shopper's phone reads the store's QR code, and a trip begins there.",
        needs: &[
            need(Kind::Store, "store", 100, Stops, "no store can be entered"),
            need(Kind::Store, "country", 100, Stops, "no tax is known, so nothing is priced"),
            need(Kind::Store, "currency", 100, Stops, "nothing has a price"),
            need(Kind::Store, "price_lists", 100, Stops, "nothing has a price"),
            need(
                Kind::Store,
                "time_zone",
                100,
                Wrong,
                "prices and promotions begin and end at the wrong hour",
            ),
            need(Kind::Store, "address", 100, Hinders, "no receipt says where, and no courier is sent"),
        ],
    },
    Step {
        name: "Scan",
        what: "A barcode is looked up in the index, and the line appears with name and price.",
        needs: &[
            need(Kind::Code, "code", 100, Stops, "the scan finds nothing"),
            need(Kind::Code, "sku", 100, Stops, "the scan finds nothing"),
            need(Kind::Product, "name", 100, Stops, "the shopper does not see what they scanned"),
            need(Kind::Product, "sale", 0, Wrong, "goods by weight are sold by the piece"),
            need(Kind::Product, "priced_per", 0, Wrong, "goods by weight have a price for the wrong amount"),
            need(Kind::Product, "age_min", 0, Wrong, "alcohol and tobacco are sold to minors"),
            need(Kind::Recall, "sku", 0, Wrong, "what was recalled is sold on"),
            need(Kind::Product, "image", 0, Lacks, "the shopper sees no picture"),
        ],
    },
    Step {
        name: "Price the cart",
        what: "Each change prices all of the cart: prices, promotions, deposits, taxes.",
        needs: &[
            need(Kind::Price, "amount", 100, Stops, "what is scanned can't be bought with the phone"),
            need(Kind::Price, "currency", 100, Stops, "what is scanned can't be bought with the phone"),
            need(Kind::Product, "tax_class", 100, Stops, "no tax is known, so it can't be sold"),
            need(Kind::TaxRate, "rate", 100, Stops, "no tax is known, so nothing can be sold"),
            need(Kind::Product, "deposit", 0, Wrong, "bottles are sold without their deposits"),
            need(Kind::Price, "valid_to", 0, Wrong, "offers don't end by themselves"),
            need(Kind::Promotion, "promotion", 0, Wrong, "the shelf promises what the phone does not give"),
            need(Kind::Product, "content", 0, Lacks, "no price per kilogram or litre is shown"),
        ],
    },
    Step {
        name: "Check out and debit",
        what: "The quote is locked, the shopper says yes, PayPal or Klarna is debited.",
        needs: &[
            need(Kind::TaxRate, "valid_from", 100, Wrong, "a new rate holds too early or too late"),
            need(Kind::Customer, "is_member", 0, Hinders, "members pay the price of everybody"),
        ],
    },
    Step {
        name: "Leave",
        what: "A pass opens the gate; some baskets are looked at.",
        needs: &[
            need(Kind::Product, "has_tag", 0, Hinders, "goods with a tag set off the alarm at the gate"),
            need(Kind::Product, "control_hint", 0, Lacks, "checks don't know which goods are lost most"),
        ],
    },
    Step {
        name: "Deliver",
        what: "Goods are picked, packed and handed to a courier.",
        needs: &[
            need(Kind::Product, "deliverable", 0, Hinders, "nothing may be sent, or too much"),
            need(
                Kind::Product,
                "weight_grams",
                80,
                Hinders,
                "parcels are planned with a guess of 500 g a piece",
            ),
            need(Kind::Product, "size", 0, Lacks, "parcels are planned without their volume"),
            need(Kind::Product, "temperature", 0, Wrong, "frozen goods go into a parcel"),
            need(Kind::Location, "aisle", 0, Lacks, "pickers have no route through the store"),
        ],
    },
    Step {
        name: "Keep stock",
        what: "What is sold leaves the stock of its store; shops beside it see what is left.",
        needs: &[
            need(Kind::Stock, "amount", 100, Hinders, "orders are taken for what is not there"),
            need(Kind::Stock, "sku", 100, Hinders, "orders are taken for what is not there"),
        ],
    },
    Step {
        name: "Substitute",
        what: "What is not there when it is picked is replaced by something alike.",
        needs: &[
            need(Kind::Product, "category", 0, Lacks, "nothing alike is found"),
            need(Kind::Product, "alternatives", 0, Lacks, "what goes in its place is guessed"),
        ],
    },
    Step {
        name: "Serve each shopper",
        what: "Segments of the CRM decide which offers a shopper sees.",
        needs: &[need(Kind::Customer, "segments", 0, Lacks, "every shopper sees the same offers")],
    },
    Step {
        name: "Book",
        what: "Each sale and return goes into the ERP's books, with lines, taxes and payments.",
        needs: &[],
    },
];
