//! Every code a phone can deliver, brought to its meaning by one pure function: [`interpret`].
//!
//! It is total: any text gets a meaning or a [`Refusal`] of one class, never a panic, and the same text always the same.
//! Texts may be hostile: they are cut off at [`CODE_BYTES_MAX`] bytes before any work, never opened and never echoed.
//!
//! The order of interpretation is in [`interpret`]. Below it: `scan.rs` frees a text of what surrounds it, `link.rs` reads
//! Digital Links, `elements.rs` messages of GS1 by the table of `identifiers.rs` and `checks.rs`, `number.rs` bar codes of
//! digits by `gtin.rs`, `rcn.rs`, `press.rs` and `coupon.rs`, `template.rs` what a store defines itself. `meaning.rs` is what
//! comes out, `values.rs` the same as texts.

mod checks;
mod coupon;
mod dates;
mod elements;
mod gtin;
mod identifiers;
mod inner;
mod iso;
mod link;
mod meaning;
mod number;
mod pharmacy;
mod press;
mod profile;
mod rcn;
mod refusal;
mod scan;
mod template;
#[cfg(test)]
mod tests;
mod values;

pub use coupon::{Offered, coupon_number, offered};
pub use gtin::{Circulation, CodeError, Gtin};
pub use identifiers::Ai;
pub use meaning::{
    AddOn, Answer, Coupon, Element, Elements, Embedded, EuroCoupon, Meaning, Measure, Number, Pharmacy,
    Press, PressClass, Price, Value, Warning,
};
pub use profile::{Country, NotAProfile, Profile, StoreProfile};
pub use refusal::Refusal;
pub use scan::CODE_BYTES_MAX;
pub use template::{Match, NotATemplate, Template};
pub use values::Values;

use chrono::NaiveDate;

use crate::text_enum;

text_enum! {
    /// What the scanner saw, when it says so.
    pub enum Symbology {
        /// EAN-13.
        Ean13 = "ean13",
        /// EAN-8.
        Ean8 = "ean8",
        /// UPC-A.
        UpcA = "upca",
        /// UPC-E, eight digits.
        UpcE = "upce",
        /// ITF-14.
        Itf14 = "itf14",
        /// Code 128 without a mark of GS1.
        Code128 = "code128",
        /// GS1-128.
        Gs1Code128 = "gs1_128",
        /// Code 39.
        Code39 = "code39",
        /// Data Matrix.
        DataMatrix = "datamatrix",
        /// QR code.
        Qr = "qr",
        /// GS1 DataBar that holds a GTIN alone.
        Databar = "databar",
        /// GS1 DataBar Expanded.
        DatabarExpanded = "databar_expanded",
    }
}

impl Symbology {
    /// Whether it carries nothing but the digits of a GTIN.
    const fn has_digits_only(self) -> bool {
        matches!(self, Self::Ean13 | Self::Ean8 | Self::UpcA | Self::UpcE | Self::Itf14 | Self::Databar)
    }
}

/// A text as a decoder delivered it, freed of what surrounds the code: blanks, separators at the ends, a symbology identifier.
/// Nothing for one that is too long.
pub fn cleaned(delivered: &str) -> Option<std::borrow::Cow<'_, str>> {
    scan::clean(delivered, None).ok().map(|scan| scan.text)
}

/// What a code means: as a decoder delivered it, with what it saw, by a store's profile, on a day.
pub fn interpret(
    delivered: &str,
    symbology: Option<Symbology>,
    profile: &Profile,
    today: NaiveDate,
) -> Result<Answer, Refusal> {
    let scan = scan::clean(delivered, symbology)?;
    let text: &str = &scan.text;
    if let Some(answer) = standard(&scan, today) {
        return answer;
    }
    let templated = match profile {
        Profile::Template(template) => template.read(text),
        Profile::None | Profile::Country(_) => None,
    };
    if let Some(Ok(found)) = templated {
        return Ok(Meaning::Template(found).into());
    }
    plain(&scan, profile, templated.and_then(Result::err))
}

/// What a code means in a store. The store's templates may have several readings: the first that `known` knows counts, then
/// the one without a template. Says what `known` made of it.
pub fn interpret_in_store<T>(
    delivered: &str,
    symbology: Option<Symbology>,
    profile: &StoreProfile,
    today: NaiveDate,
    mut known: impl FnMut(&Answer) -> Option<T>,
) -> Result<(Answer, Option<T>), Refusal> {
    let scan = scan::clean(delivered, symbology)?;
    let mut asked = |answer: Answer| {
        let found = known(&answer);
        (answer, found)
    };
    if let Some(answer) = standard(&scan, today) {
        return answer.map(asked);
    }
    let (mut wrong, mut unknown) = (None, None);
    for read in profile.matches(&scan.text) {
        match read.map(|found| asked(Meaning::Template(found).into())) {
            Ok(found @ (_, Some(_))) => return Ok(found),
            Ok(found) => unknown = unknown.or(Some(found)),
            Err(refusal) => wrong = wrong.or(Some(refusal)),
        }
    }
    let plain = plain(&scan, &profile.country, wrong);
    // A chain may use a number as it stands whose inner digit is wrong by a template or by its country's rules: those are of
    // help where the catalogue has no such number.
    if plain.is_err()
        && let Some(exact) = number::exact(&scan.text, scan.symbology)
        && let found @ (_, Some(_)) = asked(Meaning::Restricted(exact).into())
    {
        return Ok(found);
    }
    match (plain.map(asked), unknown) {
        // Read by a template, and nothing else: the store's own code of a product that it does not have.
        (Err(_) | Ok((Answer { meaning: Meaning::Foreign, .. }, _)), Some(unknown)) => Ok(unknown),
        (answer, _) => answer,
    }
}

/// What is the same in every store: links, messages of GS1, medicines. Nothing for what goes by a store's rules.
fn standard(scan: &scan::Scan<'_>, today: NaiveDate) -> Option<Result<Answer, Refusal>> {
    let text: &str = &scan.text;
    if text.is_empty() {
        return Some(Err(Refusal::Empty));
    }
    if link::is_address(text) {
        return Some(link::read(text, today));
    }
    if elements::is_bracketed(text) {
        return Some(elements::read_bracketed(text, today));
    }
    let pharmacy = |found: Result<_, _>| found.map(Meaning::Pharmacy).map(Answer::from);
    pharmacy::read_ppn(text, today)
        .map(pharmacy)
        .or_else(|| message(scan, today))
        .or_else(|| pharmacy::read_pzn(text).map(pharmacy))
}

/// A number by its prefix and a country's rules, when no template knew better; `wrong` is what was wrong by a template.
fn plain(scan: &scan::Scan<'_>, profile: &Profile, wrong: Option<Refusal>) -> Result<Answer, Refusal> {
    let answer =
        number::read(&scan.text, scan.symbology, profile).unwrap_or_else(|| Ok(Meaning::Foreign.into()));
    match (wrong, answer) {
        // It has the shape of the store's own codes and is nothing better: the wrong digit there is what is wrong.
        (Some(refusal), Err(_)) => Err(refusal),
        (Some(refusal), Ok(answer))
            if matches!(answer.meaning, Meaning::Restricted(_) | Meaning::Foreign) =>
        {
            Err(refusal)
        }
        (_, answer) => answer,
    }
}

impl From<Meaning> for Answer {
    fn from(meaning: Meaning) -> Self {
        Self { meaning, warnings: Vec::new() }
    }
}

/// The shortest message without a mark that is taken for one: AI 01 with its GTIN.
const UNMARKED_MIN: usize = 16;

/// The text as a message of GS1: because something marks it as one, or because it begins with AI 01 and a right GTIN, or
/// because all of it is one and names a product or a pallet. Nothing when it is no such message.
fn message(scan: &scan::Scan<'_>, today: NaiveDate) -> Option<Result<Answer, Refusal>> {
    let text: &str = &scan.text;
    if scan.is_marked {
        return Some(elements::read_plain(text, today));
    }
    let digits_only = scan.symbology.is_some_and(|each| each.has_digits_only() && each != Symbology::Databar);
    if text.len() < UNMARKED_MIN || digits_only || !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    // 18 digits: an EAN-13 with five beside it. Behind AI 01 two digits would be no statement.
    if text.len() == 18 && text.get(..13).is_some_and(|number| Gtin::checked(number).is_ok()) {
        return None;
    }
    let gtin = text.strip_prefix("01").and_then(|rest| rest.get(..14));
    let is_led = gtin.is_some_and(|digits| Gtin::checked(digits).is_ok());
    match elements::read_plain(text, today) {
        Ok(answer) if answer.is_convincing(text) || is_led => Some(Ok(answer)),
        Err(refusal) if is_led => Some(Err(refusal)),
        _ => misread(gtin, text, today),
    }
}

/// A message that would be one but for the check digit of its GTIN.
fn misread(gtin: Option<&str>, text: &str, today: NaiveDate) -> Option<Result<Answer, Refusal>> {
    let gtin = gtin.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    let right = Gtin::completed(gtin.get(..13)?)?;
    let mended = format!("01{right}{}", text.get(UNMARKED_MIN..)?);
    elements::read_plain(&mended, today).is_ok().then_some(Err(Refusal::CheckDigit))
}

impl Answer {
    /// Whether a text that nothing marks may be taken for this message: chance makes no right check digit beside lengths
    /// that all fit.
    fn is_convincing(&self, text: &str) -> bool {
        match &self.meaning {
            Meaning::Elements(_, elements) => !elements.is_partial,
            Meaning::NonProduct(elements) => {
                !elements.is_partial && (text.starts_with("00") || text.starts_with("02"))
            }
            _ => false,
        }
    }
}
