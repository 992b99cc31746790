//! Why a code is refused: one class for every way of being wrong, the same in the service, in files and for the engineer
//! at the scanner.

use super::gtin::CodeError;
use crate::text_enum;

text_enum! {
    /// The class of a refusal.
    pub enum Refusal {
        /// A check digit or a pair of check characters does not fit: misread or mistyped.
        CheckDigit = "check_digit",
        /// The check digit of the weight or price inside a number does not fit.
        MeasureCheckDigit = "measure_check_digit",
        /// Too short, too long, or of a length that no such number has.
        Length = "length",
        /// A character that can't stand there: only ASCII digits are digits.
        Charset = "charset",
        /// Nothing but blanks and separators.
        Empty = "empty",
        /// A UPC-E of a number system other than 0 and 1.
        NumberSystem = "number_system",
        /// A number that is kept free and names nothing.
        Reserved = "reserved",
        /// No day, or no time, that there is.
        Date = "date",
        /// No application identifier of GS1.
        AiUnknown = "ai_unknown",
        /// Two statements that exclude each other.
        Conflict = "conflict",
        /// No currency of ISO 4217.
        Currency = "currency",
        /// A message of GS1 without a product in it.
        NoGtin = "no_gtin",
        /// A statement without the one that it needs beside it.
        Requisite = "requisite",
        /// A coupon that is not built as coupons are.
        Coupon = "coupon",
        /// Not built as the form that it announces.
        Syntax = "syntax",
    }
}

impl Refusal {
    /// What is wrong, for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::CheckDigit => "the check digit is wrong",
            Self::MeasureCheckDigit => "the check digit of the weight or price inside is wrong",
            Self::Length => "the length is wrong",
            Self::Charset => "a character can't stand there",
            Self::Empty => "the code is empty",
            Self::NumberSystem => "a UPC-E begins with 0 or 1",
            Self::Reserved => "the number is reserved and names nothing",
            Self::Date => "there is no such day or time",
            Self::AiUnknown => "an application identifier is unknown",
            Self::Conflict => "two statements exclude each other",
            Self::Currency => "the currency is unknown",
            Self::NoGtin => "no product is in this code",
            Self::Requisite => "a statement lacks the one that it needs",
            Self::Coupon => "the coupon is not built as coupons are",
            Self::Syntax => "the code is not built as it announces",
        }
    }
}

impl From<CodeError> for Refusal {
    fn from(error: CodeError) -> Self {
        match error {
            CodeError::Empty => Self::Empty,
            CodeError::Charset => Self::Charset,
            CodeError::Length => Self::Length,
            CodeError::CheckDigit => Self::CheckDigit,
        }
    }
}
