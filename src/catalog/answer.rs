//! The answer to a lookup: the product's prepared bytes with store, number, prices and revision around them.
//!
//! It is written by hand, because it is written for every lookup: texts are copied and only numbers are formatted.
//! [`ProductInStore`] describes it, and a test reads each answer by that description.

use std::borrow::Cow;
use std::io::Write;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::Serialize;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::index::Hit;
use super::label::Label;
use super::model::{Found, Store};
use super::piece::{Piece, PieceFault, Reduction};
use super::product::ProductRow;
use crate::error::Alternative;
use crate::ids::StoreId;
use crate::money::{Money, in_proportion};
use crate::quantity::Quantity;

/// A product as a shopper sees it in a store: the product's facts, and what the store says of it, side by side.
#[derive(Debug)]
pub(super) struct ProductInStore;

/// What a store says of a product.
#[derive(Debug, Serialize, ToSchema)]
struct InStore {
    /// The store.
    store: StoreId,
    /// The code as the number of 14 digits that it was read as.
    #[schema(pattern = "^[0-9]{14}$")]
    gtin: String,
    /// How many pieces the code stands for, where that is not one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pieces: Option<i64>,
    /// What everybody pays now for one piece, or for `priced_per`, tax included.
    price: Money,
    /// What it costs without the promotion.
    #[serde(skip_serializing_if = "Option::is_none")]
    regular_price: Option<Money>,
    /// The promotion that makes it cheaper.
    #[serde(skip_serializing_if = "Option::is_none")]
    promotion: Option<PromotionInStore>,
    /// What members of the retailer's club pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    member_price: Option<Money>,
    /// The price for a kilogram, a litre, a metre, a square metre or a piece (directive 98/6/EC).
    #[serde(skip_serializing_if = "Option::is_none")]
    unit_price: Option<UnitPrice>,
    /// What must not be sold of it any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recalls: Vec<RecallInStore>,
    /// What the code says of the piece that carries it, and what that piece costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    piece: Option<PieceInStore>,
    /// What can be bought here at this moment instead of a product that is recalled or not sold for now, the best first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instead: Vec<Alternative>,
    /// The revision of the catalogue in which this is so.
    revision: i64,
}

impl PartialSchema for ProductInStore {
    /// The members of both, in one object: a row of a batch must have no member beside its own, an answer may.
    fn schema() -> RefOr<Schema> {
        match (ProductRow::schema(), InStore::schema()) {
            (RefOr::T(Schema::Object(mut product)), RefOr::T(Schema::Object(store))) => {
                product.properties.remove("deleted");
                product.properties.extend(store.properties);
                product.required.extend(store.required);
                product.additional_properties = None;
                product.description = Some("A product as a shopper sees it in a store".to_owned());
                RefOr::T(Schema::Object(product))
            }
            (product, _) => product,
        }
    }
}

impl ToSchema for ProductInStore {
    fn name() -> Cow<'static, str> {
        "ProductInStore".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        ProductRow::schemas(schemas);
        InStore::schemas(schemas);
    }
}

/// A promotion as a shopper sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Promotion)]
pub(super) struct PromotionInStore {
    /// The retailer's own name of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The first second after it.
    until: DateTime<Utc>,
    /// The lowest price of the 30 days before it (directive 98/6/EC, article 6a).
    #[serde(skip_serializing_if = "Option::is_none")]
    lowest_30_days: Option<Money>,
}

/// A price for a unit of measure.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnitPrice)]
pub(super) struct UnitPrice {
    /// The price.
    price: Money,
    /// For how much: `kg`, `l`, `m`, `m2` or `piece`.
    per: &'static str,
}

/// A recall as a shopper sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recall)]
pub(super) struct RecallInStore {
    /// The retailer's own number of it.
    recall: String,
    /// The lots as they are printed; all of them when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    lots: Option<Vec<String>>,
    /// What shoppers are told.
    notice: String,
}

/// The piece that carries a code which says more than which product it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ScannedPiece)]
pub(super) struct PieceInStore {
    /// How much it is: what was weighed or measured, else pieces. Left out when it can't be sold so.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<Quantity>,
    /// What it costs: what the label says, else the price for so much, less the reduction.
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<Money>,
    /// Whether `amount` is the price on the label.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_label_price: bool,
    /// Why it costs less than others: its date is near.
    #[serde(skip_serializing_if = "Option::is_none")]
    reduction: Option<Reduction>,
    /// Why it can't be put into a cart; a scan would be refused for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<PieceFault>,
    /// The lot.
    #[serde(skip_serializing_if = "Option::is_none")]
    lot: Option<String>,
    /// The serial number.
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<String>,
    /// The two or five digits beside the code: the issue of a newspaper or magazine.
    #[serde(skip_serializing_if = "Option::is_none")]
    addon: Option<String>,
    /// The last day of use.
    #[serde(skip_serializing_if = "Option::is_none")]
    use_by: Option<NaiveDate>,
    /// The last day of best quality.
    #[serde(skip_serializing_if = "Option::is_none")]
    best_before: Option<NaiveDate>,
    /// Whether the code could be read in part only: somebody should look at the date on the pack.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    check_date: bool,
}

impl PieceInStore {
    /// What is shown of a found code on a day of its store; nothing when it says only which product it is.
    pub(super) fn of(found: Found, store: &Store, today: NaiveDate) -> Option<Self> {
        if found.label == Label::default() {
            return None;
        }
        let piece = Piece::of(&found, store, today);
        let amount = piece.as_ref().ok().and_then(|piece| piece.amount().ok());
        let (portion, reduction, refused) = match piece {
            Ok(piece) => (Some(piece.portion), piece.reduction, None),
            Err(fault) => (None, None, Some(fault)),
        };
        let Label { lot, serial, addon, use_by, best_before, is_partial, .. } = found.label;
        Some(Self {
            quantity: portion.and_then(|portion| portion.quantity().ok()),
            amount,
            is_label_price: portion.is_some_and(|portion| portion.label_price.is_some()),
            reduction,
            refused,
            lot,
            serial,
            addon,
            use_by,
            best_before,
            check_date: is_partial,
        })
    }
}

/// Room for what stands around the product's prepared bytes.
const AROUND_BYTES: usize = 384;

/// The answer. Stores and currencies are keys without a character that JSON would escape.
pub(super) fn write(hit: &Hit<'_>, revision: i64) -> Vec<u8> {
    let members = hit.record.members();
    let mut body = Vec::with_capacity(members.len() + AROUND_BYTES);
    // Writing to a Vec can't fail.
    body.extend_from_slice(b"{\"store\":\"");
    body.extend_from_slice(hit.store.store.as_str().as_bytes());
    let _ = write!(body, "\",\"gtin\":\"{}\",", hit.gtin);
    if hit.pieces != 1 {
        let _ = write!(body, "\"pieces\":{},", hit.pieces);
    }
    body.extend_from_slice(members);
    prices(&mut body, hit);
    if !hit.recalls.is_empty() {
        recalls(&mut body, hit);
    }
    let _ = write!(body, ",\"revision\":{revision}}}");
    body
}

/// Adds a member to an answer that was written.
pub(super) fn add(body: &mut Vec<u8>, name: &str, value: &impl Serialize) {
    // The brace at its end.
    body.pop();
    let _ = write!(body, ",\"{name}\":");
    let _ = serde_json::to_writer(&mut *body, value);
    body.push(b'}');
}

fn prices(body: &mut Vec<u8>, hit: &Hit<'_>) {
    money(body, "price", hit.amount, hit);
    if let Some(promotion) = hit.asked.reduction() {
        if let Some(regular) = hit.asked.regular {
            money(body, "regular_price", regular, hit);
        }
        let until = DateTime::from_timestamp(promotion.to, 0).unwrap_or_default();
        let _ = write!(
            body,
            ",\"promotion\":{{\"until\":\"{}\"",
            until.to_rfc3339_opts(SecondsFormat::Secs, true)
        );
        if let Some(name) = &promotion.name {
            body.extend_from_slice(b",\"name\":");
            let _ = serde_json::to_writer(&mut *body, name);
        }
        if let Some(lowest) = promotion.lowest {
            money(body, "lowest_30_days", lowest, hit);
        }
        body.push(b'}');
    }
    if let Some(member) = hit.asked.member {
        money(body, "member_price", member.amount, hit);
    }
    let unit_price = hit.record.net_of_price().and_then(|net| {
        let (per, count) = net.unit.of_price();
        Some((per, in_proportion(hit.amount, count, net.amount).ok()?))
    });
    if let Some((per, amount)) = unit_price {
        body.extend_from_slice(b",\"unit_price\":{\"per\":\"");
        body.extend_from_slice(per.as_bytes());
        body.push(b'"');
        money(body, "price", amount, hit);
        body.push(b'}');
    }
}

/// A member that is an amount in the store's currency, with a comma before it.
fn money(body: &mut Vec<u8>, name: &str, minor: i64, hit: &Hit<'_>) {
    let _ = write!(body, ",\"{name}\":{{\"amount\":{minor},\"currency\":\"");
    body.extend_from_slice(hit.store.currency.code().as_bytes());
    body.extend_from_slice(b"\"}");
}

fn recalls(body: &mut Vec<u8>, hit: &Hit<'_>) {
    let told = |recall: &super::model::Recall| RecallInStore {
        recall: recall.recall.clone(),
        lots: recall.lots.clone(),
        notice: recall.notice.clone(),
    };
    body.extend_from_slice(b",\"recalls\":");
    let _ = serde_json::to_writer(body, &hit.recalls.iter().map(told).collect::<Vec<_>>());
}
