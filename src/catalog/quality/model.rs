//! Rules by their stable codes, how grave each is, and what is known of who sent a row.

use std::fmt;

use super::super::rows::{Kind, Reason};
use crate::ids::{PartnerId, StaffId};
use crate::text_enum;

text_enum! {
    /// How grave a finding is, and so what is done about it.
    pub enum Level {
        /// The delivery itself is wrong; the row is kept aside in any case.
        Fatal = "fatal",
        /// Selling it could be wrong: the row is kept aside, and what was live stays live.
        Quarantine = "quarantine",
        /// The product is found and not sold.
        StopSale = "stop_sale",
        /// Taken; somebody should look.
        Warn = "warn",
        /// Taken and counted.
        Info = "info",
    }
}

text_enum! {
    /// A rule that a delivered row may break.
    pub enum Rule {
        /// The line is longer than a row may be.
        RowLength = "row.length",
        /// The line is no JSON object.
        RowJson = "row.json",
        /// The line is of no known kind.
        RowKind = "row.kind",
        /// A field is missing, unknown or of another type.
        RowField = "row.field",
        /// A value is not of its form: a time of day, a language, a time zone.
        RowForm = "row.form",
        /// A text is empty or too long.
        RowText = "row.text",
        /// The row is about a product that is not there.
        RefProduct = "ref.product",
        /// The row is about a price list that is not there.
        RefPriceList = "ref.price_list",
        /// The row is about a store that is not there.
        RefStore = "ref.store",
        /// Blanks at the ends of texts were taken off.
        RepairTrim = "repair.trim",
        /// No code.
        CodeMissing = "code.missing",
        /// Something else than digits.
        CodeCharset = "code.charset",
        /// A number of another length; a warning where zeros were put back.
        CodeLength = "code.length",
        /// The check digit is wrong.
        CodeCheck = "code.check",
        /// All zeros.
        CodeZero = "code.zero",
        /// A number kept for examples (prefix 952).
        CodeExample = "code.example",
        /// A number for restricted circulation that is not marked as internal.
        CodeRestricted = "code.restricted",
        /// A coupon or a refund.
        CodeCoupon = "code.coupon",
        /// A case by its indicator, sold as one piece.
        CodeCase = "code.case",
        /// A whole message of GS1, or a link, instead of a number.
        CodeMessage = "code.gs1string",
        /// One code, two products, in one delivery.
        CodeDuplicate = "code.duplicate",
        /// The code was another product's until now.
        CodeMoved = "code.moved",
        /// A second primary code of one product.
        CodePrimary = "code.primary",
        /// The number inside the codes is of another kind than what the price is for.
        TemplateUnit = "tpl.unit",
        /// A template of codes that is not valid.
        TemplateInvalid = "tpl.invalid",
        /// Rules of a store's till that contradict themselves.
        TillRules = "till.rules",
        /// No name, or one of less than two letters, such as the code.
        NameMissing = "name.missing",
        /// The name was wrongly decoded by somebody before us.
        NameEncoding = "name.encoding",
        /// The language of a store's receipts is missing.
        NameLanguage = "name.language",
        /// All capitals, double blanks, or too long for a receipt.
        NameForm = "name.form",
        /// No brand.
        BrandMissing = "brand.missing",
        /// The same brand in another spelling in one delivery.
        BrandVariant = "brand.variant",
        /// No category.
        CategoryMissing = "cat.missing",
        /// A category that is in no store's tree.
        CategoryUnknown = "cat.unknown",
        /// A store has goods that it has no price for.
        PriceMissing = "price.missing",
        /// A price that is zero or less.
        PriceNonpositive = "price.nonpositive",
        /// A price far from what others ask, or beyond what a price may be.
        PriceRange = "price.range",
        /// A normal price, of now or ahead, that changed by more than half, or a special one below a tenth of it.
        PriceJump = "price.jump",
        /// More decimals than the currency has.
        PricePrecision = "price.precision",
        /// Not the currency of the price list or the store.
        PriceCurrency = "price.currency",
        /// Nothing to make a unit price of.
        PriceUnit = "price.unit",
        /// Times that contradict each other.
        PriceWindow = "price.window",
        /// A promotion without a price before it.
        PriceLowest = "price.lowest30",
        /// A promotion that costs more than the normal price.
        PromotionBelow = "promo.below",
        /// Times of a promotion that contradict each other.
        PromotionWindow = "promo.window",
        /// Hours of a promotion that are none.
        PromotionHours = "promo.hours",
        /// Amounts of a promotion without a currency.
        PromotionCurrency = "promo.currency",
        /// An amount of a promotion that is out of all bounds.
        PromotionAmount = "promo.amount",
        /// A promotion that takes nought percent off.
        PromotionPercent = "promo.percent",
        /// Terms of a promotion that contradict themselves.
        PromotionTerms = "promo.terms",
        /// Goods of a promotion that are named and excepted.
        PromotionGoods = "promo.goods",
        /// Limits of a promotion that contradict each other.
        PromotionLimits = "promo.limits",
        /// A promotion that is not there, or needs no coupon.
        RefPromotion = "ref.promotion",
        /// No tax class.
        TaxMissing = "tax.missing",
        /// A tax class that is not there.
        TaxUnknown = "tax.unknown",
        /// A tax class without a rate where the store lies: a store's fees and what is eaten in can't be charged so, and what
        /// it has can't be sold.
        TaxRate = "tax.rate",
        /// A unit that is in no table.
        UnitUnknown = "unit.unknown",
        /// A quantity that is out of all bounds, or unusual.
        UnitQuantity = "unit.qty",
        /// The quantity in the name is another one.
        UnitName = "unit.nameqty",
        /// A weight that is out of all bounds.
        UnitWeight = "unit.weight",
        /// Sold by weight without a quantity that the price is for, or by the piece with a weight inside its codes.
        WeighFlag = "weigh.flag",
        /// A set of goods that are not there.
        BundleLink = "bundle.link",
        /// A deposit that is not there, is none, or has one itself.
        DepositLink = "deposit.link",
        /// Goods with an age limit, without the age.
        AgeMissing = "age.missing",
        /// An age that no law uses.
        AgeValue = "age.value",
        /// A price for what is not sold.
        SaleContradiction = "sale.contradiction",
        /// Begins more than half a year ahead.
        TimeFuture = "time.future",
        /// Ended already.
        TimePast = "time.past",
        /// An address of a picture that is not https, or has a user's name.
        MediaUrl = "media.url",
        /// Markup or control characters in a text.
        TextUnsafe = "text.unsafe",
        /// A recall that says nothing.
        RecallForm = "recall.form",
    }
}

impl Rule {
    /// The rule of a refusal's reason.
    pub fn of(reason: Reason) -> Self {
        match reason {
            Reason::LineTooLong => Self::RowLength,
            Reason::Json => Self::RowJson,
            Reason::Kind => Self::RowKind,
            Reason::Field => Self::RowField,
            Reason::Text => Self::RowText,
            Reason::Form => Self::RowForm,
            Reason::TextUnsafe => Self::TextUnsafe,
            Reason::NameMissing => Self::NameMissing,
            Reason::CodeEmpty => Self::CodeMissing,
            // Digits lost to scientific notation are a matter of charset by the contract.
            Reason::CodeCharset | Reason::CodeDigitsLost => Self::CodeCharset,
            Reason::CodeLength => Self::CodeLength,
            Reason::CodeCheckDigit => Self::CodeCheck,
            Reason::CodeRestricted => Self::CodeRestricted,
            Reason::CodeCoupon => Self::CodeCoupon,
            Reason::CodeZero => Self::CodeZero,
            Reason::CodeDuplicate => Self::CodeDuplicate,
            Reason::CodeMoved => Self::CodeMoved,
            Reason::CodePrimary => Self::CodePrimary,
            Reason::PriceRange => Self::PriceRange,
            Reason::PriceJump => Self::PriceJump,
            Reason::Currency => Self::PriceCurrency,
            Reason::PriceWindow => Self::PriceWindow,
            Reason::WeightRange => Self::UnitWeight,
            Reason::QuantityRange => Self::UnitQuantity,
            Reason::MediaUrl => Self::MediaUrl,
            Reason::TemplateInvalid => Self::TemplateInvalid,
            Reason::TillRules => Self::TillRules,
            Reason::RecallForm => Self::RecallForm,
            Reason::StoreUnknown => Self::RefStore,
            Reason::AgeInvalid => Self::AgeValue,
            Reason::SkuUnknown => Self::RefProduct,
            Reason::PriceListUnknown => Self::RefPriceList,
            Reason::TaxClassUnknown => Self::TaxUnknown,
            Reason::TaxRateMissing => Self::TaxRate,
            Reason::DepositLink => Self::DepositLink,
            Reason::PromotionWindow => Self::PromotionWindow,
            Reason::PromotionHours => Self::PromotionHours,
            Reason::PromotionCurrency => Self::PromotionCurrency,
            Reason::PromotionAmount => Self::PromotionAmount,
            Reason::PromotionPercent => Self::PromotionPercent,
            Reason::PromotionTerms => Self::PromotionTerms,
            Reason::PromotionGoods => Self::PromotionGoods,
            Reason::PromotionLimits => Self::PromotionLimits,
            Reason::PromotionUnknown => Self::RefPromotion,
        }
    }

    /// The reason by which a row is refused that breaks this rule of the catalogue.
    pub(super) fn reason(self) -> Reason {
        let of = Reason::ALL.iter().copied().find(|reason| Self::of(*reason) == self);
        of.unwrap_or(Reason::Field)
    }

    /// How grave it is when nothing else is said. A row that could not be read is kept aside whatever this says.
    ///
    /// The levels are those of the contract but for one: it quarantines `code.example`, which here is a warning. GS1 keeps
    /// prefix 952 for demonstrations, and trials of a shop are made with such goods; they can't be marked as internal, as
    /// their numbers are not for restricted circulation. No goods of others carry them, so that they hide nothing.
    pub fn level(self) -> Level {
        match self {
            Self::PriceCurrency => Level::Fatal,
            Self::PriceNonpositive
            | Self::PriceMissing
            | Self::AgeMissing
            | Self::TaxMissing
            | Self::TaxUnknown => Level::StopSale,
            Self::RepairTrim | Self::NameForm | Self::BrandMissing | Self::BrandVariant | Self::UnitName => {
                Level::Info
            }
            Self::CodeExample
            | Self::CodeCase
            | Self::CodeMoved
            | Self::NameEncoding
            | Self::NameLanguage
            | Self::CategoryMissing
            | Self::CategoryUnknown
            | Self::PriceUnit
            | Self::PriceLowest
            | Self::PromotionBelow
            | Self::UnitUnknown
            | Self::SaleContradiction
            | Self::TimeFuture
            | Self::TimePast => Level::Warn,
            _ => Level::Quarantine,
        }
    }

    /// Whether staff may say that the row is right as it is.
    pub fn is_confirmable(self) -> bool {
        matches!(
            self,
            Self::PriceJump
                | Self::PriceRange
                | Self::CodeMoved
                | Self::CodeDuplicate
                | Self::CodePrimary
                | Self::NameMissing
        )
    }

    /// The field of a row of this kind that is wrong.
    pub fn field_in(self, kind: Kind) -> &'static str {
        match (self, kind) {
            (Self::TextUnsafe, Kind::Recall) => "notice",
            (Self::TextUnsafe, Kind::Price) => "promotion",
            (Self::TextUnsafe, Kind::Location) => "aisle",
            (Self::TaxRate, Kind::Store) => "till",
            _ => self.field(),
        }
    }

    /// The field of the row that is wrong.
    pub fn field(self) -> &'static str {
        match self {
            Self::RowLength | Self::RowJson | Self::RowField | Self::RowForm | Self::RowText => "",
            Self::RowKind => "kind",
            Self::RefProduct | Self::RepairTrim | Self::PriceMissing | Self::TaxRate => "sku",
            Self::RefPriceList => "price_list",
            Self::RefStore => "store",
            Self::RefPromotion => "promotion",
            Self::PromotionHours => "hours",
            Self::BundleLink | Self::PromotionAmount | Self::PromotionPercent | Self::PromotionTerms => {
                "terms"
            }
            Self::PromotionGoods => "goods",
            Self::PromotionLimits => "basket_max",
            Self::CodePrimary => "primary",
            Self::TemplateInvalid => "code_templates",
            Self::TillRules => "till",
            Self::NameMissing | Self::NameEncoding | Self::NameForm | Self::UnitName | Self::TextUnsafe => {
                "name"
            }
            Self::NameLanguage => "names",
            Self::BrandMissing | Self::BrandVariant => "brand",
            Self::CategoryMissing | Self::CategoryUnknown => "category",
            Self::TemplateUnit => "encoded_unit",
            Self::PriceNonpositive
            | Self::PriceRange
            | Self::PriceJump
            | Self::PricePrecision
            | Self::PriceLowest
            | Self::PromotionBelow
            | Self::SaleContradiction => "amount",
            Self::PriceCurrency | Self::PromotionCurrency => "currency",
            Self::PriceWindow | Self::TimeFuture | Self::PromotionWindow => "valid_from",
            Self::TimePast => "valid_to",
            Self::TaxMissing | Self::TaxUnknown => "tax_class",
            Self::UnitUnknown => "content",
            Self::PriceUnit | Self::UnitQuantity => "net_content",
            Self::UnitWeight => "weight_grams",
            Self::WeighFlag => "priced_per",
            Self::DepositLink => "deposit",
            Self::AgeMissing | Self::AgeValue => "age_min",
            Self::MediaUrl => "image",
            Self::RecallForm => "notice",
            Self::CodeMissing
            | Self::CodeCharset
            | Self::CodeLength
            | Self::CodeCheck
            | Self::CodeZero
            | Self::CodeExample
            | Self::CodeRestricted
            | Self::CodeCoupon
            | Self::CodeCase
            | Self::CodeMessage
            | Self::CodeDuplicate
            | Self::CodeMoved => "code",
        }
    }
}

text_enum! {
    /// What became of a row that was kept aside.
    pub enum KeptState {
        /// It waits.
        Open = "open",
        /// Staff sent a corrected row.
        Released = "released",
        /// A later row of the same key was right.
        Corrected = "corrected",
        /// Staff said that it is right as it is.
        Confirmed = "confirmed",
        /// Staff decided that nothing follows.
        Dismissed = "dismissed",
    }
}

text_enum! {
    /// Why a shopper could not buy by a code that is right.
    pub enum Cause {
        /// No product has the code.
        CodeUnknown = "code_unknown",
        /// The product has no price in the store.
        PriceMissing = "price_missing",
        /// The product's tax class has no rate in the store's country.
        TaxRateMissing = "tax_rate_missing",
    }
}

text_enum! {
    /// What became of a code that shoppers missed.
    pub enum GapState {
        /// It waits.
        Open = "open",
        /// Staff bound it to a product.
        Bound = "bound",
        /// A delivery closed the gap.
        Found = "found",
        /// Staff decided that nothing follows.
        Dismissed = "dismissed",
    }
}

/// Who sent a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line, on the database at hand.
    Local,
    /// A partner's system.
    Partner(PartnerId),
    /// Staff, who corrected, confirmed or bound something.
    Staff(StaffId),
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => to.write_str("local"),
            Self::Partner(partner) => write!(to, "partner:{partner}"),
            Self::Staff(staff) => write!(to, "staff:{staff}"),
        }
    }
}

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: Rule,
    pub(super) level: Level,
    /// The value that is wrong, as it is shown.
    pub(super) value: String,
    /// What is wrong about it, for people.
    pub(super) detail: String,
}

impl Finding {
    #[expect(clippy::needless_pass_by_value, reason = "values are numbers, texts and keys")]
    pub(super) fn new(rule: Rule, value: impl ToString, detail: impl Into<String>) -> Self {
        Self { rule, level: rule.level(), value: value.to_string(), detail: detail.into() }
    }

    pub(super) fn at(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Whether the row is kept aside for it.
    pub(super) fn keeps_aside(&self) -> bool {
        matches!(self.level, Level::Fatal | Level::Quarantine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_rule_and_only_lost_digits_share_one() {
        let mut rules: Vec<Rule> = Reason::ALL.iter().map(|reason| Rule::of(*reason)).collect();
        rules.sort();
        let count = rules.len();
        rules.dedup();
        assert_eq!(rules.len(), count - 1);
    }
}
