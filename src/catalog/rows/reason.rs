//! Why rows are refused, by stable reasons.

use crate::catalog::promotion::PromotionFault;
use crate::catalog::quality::Rule;
use crate::text_enum;

text_enum! {
    /// Why a row was refused.
    pub enum Reason {
        /// The line is longer than a row may be.
        LineTooLong = "line_too_long",
        /// The line is no JSON object.
        Json = "json_invalid",
        /// There is no such kind of row.
        Kind = "kind_unknown",
        /// A field is missing, unknown, or not of its type.
        Field = "field_invalid",
        /// A text is empty or too long where it must say something.
        Text = "text_invalid",
        /// A text has control characters.
        TextUnsafe = "text_unsafe",
        /// The name is missing.
        NameMissing = "name_missing",
        /// The code is empty.
        CodeEmpty = "code_empty",
        /// The code has something else than ASCII digits.
        CodeCharset = "code_charset",
        /// The code has neither 8 nor 12 to 14 digits.
        CodeLength = "code_length",
        /// The code's check digit is wrong.
        CodeCheckDigit = "code_check_digit",
        /// A number for restricted circulation that is not marked as internal, or a global one that is.
        CodeRestricted = "code_restricted",
        /// A coupon or refund receipt, never a product.
        CodeCoupon = "code_coupon",
        /// All zeros.
        CodeZero = "code_zero",
        /// A spreadsheet wrote the code in scientific notation: its last digits are lost.
        CodeDigitsLost = "code_digits_lost",
        /// The code stood in an earlier row of the file.
        CodeDuplicate = "code_duplicate",
        /// The price is not above zero, or beyond belief.
        PriceRange = "price_range",
        /// The currency is not that of the list, or of the store.
        Currency = "currency_differs",
        /// The weight is not above zero, or beyond belief.
        WeightRange = "weight_range",
        /// The price's time is missing, turned round or without an end where it must have one.
        PriceWindow = "price_window",
        /// A measure, a number of pieces or a quantity limit is not above zero, or beyond belief.
        QuantityRange = "quantity_range",
        /// An address that is not https, or with a user's name in it.
        MediaUrl = "media_url",
        /// A language that is no tag of BCP 47, or a time of day that is none.
        Form = "form_invalid",
        /// A template of codes that can't be read.
        TemplateInvalid = "template_invalid",
        /// A store's rules for taxes, fees, vouchers or points that contradict themselves.
        TillRules = "till_rules",
        /// A recall that names lots and lists none, or says nothing.
        RecallForm = "recall_form",
        /// There is no such store.
        StoreUnknown = "store_unknown",
        /// No law knows this age limit.
        AgeInvalid = "age_invalid",
        /// No live product has this SKU.
        SkuUnknown = "sku_unknown",
        /// There is no such price list.
        PriceListUnknown = "price_list_unknown",
        /// There is no such tax class.
        TaxClassUnknown = "tax_class_unknown",
        /// A tax class that is needed has no rate in the store's country or area.
        TaxRateMissing = "tax_rate_missing",
        /// A promotion ends before it begins, or holds longer than any promotion does.
        PromotionWindow = "promotion_window",
        /// A promotion's hours have no days, or times of day that are none.
        PromotionHours = "promotion_hours",
        /// A promotion names amounts and no currency.
        PromotionCurrency = "promotion_currency",
        /// A promotion's amount is not above zero or beyond belief.
        PromotionAmount = "promotion_amount",
        /// A promotion takes nought percent off.
        PromotionPercent = "promotion_percent",
        /// A promotion's terms contradict themselves.
        PromotionTerms = "promotion_terms",
        /// A promotion's goods are named and excepted, or named where a set names its own.
        PromotionGoods = "promotion_goods",
        /// A promotion's limit is not above zero, or another limit makes it void.
        PromotionLimits = "promotion_limits",
        /// There is no such promotion, or it needs no coupon.
        PromotionUnknown = "promotion_unknown",
        /// The price changed by more than is usual.
        PriceJump = "price_jump",
        /// The code was another product's until now, and everything about them differs.
        CodeMoved = "code_moved",
        /// The product has a primary code already.
        CodePrimary = "code_primary",
        /// The deposit is not there, or is none.
        DepositLink = "deposit_link",
    }
}

/// Why one row was refused.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The stable reason.
    pub reason: Reason,
    /// What was wrong, for people.
    pub detail: String,
    /// The rule that the row broke.
    pub rule: Rule,
}

impl Refusal {
    pub(in crate::catalog) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into(), rule: Rule::of(reason) }
    }
}

impl From<(PromotionFault, String)> for Refusal {
    fn from((fault, detail): (PromotionFault, String)) -> Self {
        let reason = match fault {
            PromotionFault::Window => Reason::PromotionWindow,
            PromotionFault::Hours => Reason::PromotionHours,
            PromotionFault::Currency => Reason::PromotionCurrency,
            PromotionFault::Amount => Reason::PromotionAmount,
            PromotionFault::Percent => Reason::PromotionPercent,
            PromotionFault::Terms => Reason::PromotionTerms,
            PromotionFault::Goods => Reason::PromotionGoods,
            PromotionFault::Limits => Reason::PromotionLimits,
        };
        Self::new(reason, detail)
    }
}
