//! The entity tag of a cart: another one whenever anything changes that the cart shows, the same one else, on every instance.
//!
//! What grows with a cart goes into the digest as bytes, not as JSON: a large cart's tag is made with each scan.

use super::pricing::{Discount, Priced};
use super::rules::Standing;
use crate::hash::sha256_hex;
use crate::http::reply;
use crate::ids::PromotionId;
use crate::money::Money;

/// Characters of the digest in an entity tag: 64 bits, for one cart's states.
const DIGEST_LENGTH: usize = 16;
/// What a line and what a discount is in it, about.
const LINE_BYTES: usize = 48;
const DISCOUNT_BYTES: usize = 128;

/// The entity tag of a cart whose lines stand so and that is priced so. All that a cart shows beside what its log says is in
/// it: what the catalogue says of a line, each amount, which change with prices, promotions, taxes and the time of day, and
/// whether an account has to be linked again.
pub(super) fn entity_tag(
    version: i64,
    standings: &[Standing],
    priced: &Priced,
    link_again: bool,
) -> Result<String, serde_json::Error> {
    let Priced {
        currency: _,
        lines,
        deposits,
        surcharges,
        discounts,
        taxes,
        saved,
        total,
        credits,
        to_pay,
        points,
        extra_points,
    } = priced;
    let bytes = LINE_BYTES * (lines.len() + deposits.len()) + DISCOUNT_BYTES * discounts.len() + 1_024;
    let mut shown = Shown(Vec::with_capacity(bytes));
    shown.count(lines.len());
    for line in lines {
        let [full, amount, tax] = [line.full, line.amount, line.tax].map(Money::minor);
        let unit_price = line.unit_price.map_or(-1, Money::minor);
        shown.numbers([line.line, unit_price, full, amount, tax, line.rate.thousandths()]);
    }
    shown.count(deposits.len());
    for deposit in deposits {
        let [amount, tax] = [deposit.amount, deposit.tax].map(Money::minor);
        shown.numbers([deposit.line, deposit.pieces, amount, tax, deposit.rate.thousandths()]);
    }
    shown.count(discounts.len());
    for discount in discounts {
        shown.discount(discount);
    }
    if standings.iter().any(|standing| *standing != Standing::default()) {
        serde_json::to_writer(&mut shown.0, standings)?;
    }
    let beside = (surcharges, taxes, saved, total, credits, to_pay, points, extra_points, link_again);
    serde_json::to_writer(&mut shown.0, &beside)?;
    let digest = sha256_hex(&shown.0);
    Ok(reply::entity_tag_with(version, digest.get(..DIGEST_LENGTH).unwrap_or(&digest)))
}

/// What a cart shows, as bytes that no other content has.
struct Shown(Vec<u8>);

impl Shown {
    fn numbers<const N: usize>(&mut self, numbers: [i64; N]) {
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// How many of something follow.
    fn count(&mut self, count: usize) {
        self.numbers([i64::try_from(count).unwrap_or(i64::MAX)]);
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else { return self.numbers([-1]) };
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn discount(&mut self, discount: &Discount) {
        let Discount { promotion, name, trigger, segment, times, coupons, amount, lines } = discount;
        self.text(promotion.as_ref().map(PromotionId::as_str));
        self.text(Some(name));
        self.text(Some(trigger.as_str()));
        self.text(segment.as_deref());
        self.numbers([*times, *coupons, amount.minor()]);
        self.count(lines.len());
        for share in lines {
            self.numbers([share.line, share.pieces, share.amount.minor()]);
        }
    }
}
