//! German medicine numbers: PZN8 on Code 39, as NTIN in the space of GTINs, and as PPN in a data matrix that is not GS1's.

use chrono::NaiveDate;

use super::dates;
use super::gtin::Gtin;
use super::meaning::Pharmacy;
use super::refusal::Refusal;

/// Digits of a number since 2020; seven-digit ones are invalid.
const PZN_DIGITS: usize = 8;
/// What stands in front of a PZN in the space of GTINs.
const NTIN: &str = "04150";
/// How a message in the format of ASC MH10 begins that carries data identifiers.
const ENVELOPE: &str = "[)>\u{1e}06\u{1d}";

/// The PZN of a text as Code 39 carries it: a minus and digits; nothing for other texts.
pub(super) fn read_pzn(text: &str) -> Option<Result<Pharmacy, Refusal>> {
    let digits = text.strip_prefix('-')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(if digits.len() == PZN_DIGITS { pharmacy(digits) } else { Err(Refusal::Length) })
}

/// The PZN inside a GTIN, when it is one (IFA, Coding of Medicines: NTIN).
pub(super) fn pzn_of(gtin: Gtin) -> Option<String> {
    let fourteen = gtin.to_string();
    let digits = fourteen.strip_prefix(NTIN)?.get(..PZN_DIGITS)?;
    is_pzn(digits).then(|| digits.to_owned())
}

/// A PPN in its envelope, with lot, serial and date; nothing for other texts.
pub(super) fn read_ppn(text: &str, today: NaiveDate) -> Option<Result<Pharmacy, Refusal>> {
    let body = text.strip_prefix(ENVELOPE)?;
    let body = body.trim_end_matches(['\u{4}', '\u{1e}', '\u{1d}']);
    let field = |name: &str| body.split('\u{1d}').find_map(|field| field.strip_prefix(name));
    let ppn = field("9N")?;
    Some(read_fields(ppn, field("1T"), field("S"), field("D"), today))
}

fn read_fields(
    ppn: &str,
    lot: Option<&str>,
    serial: Option<&str>,
    date: Option<&str>,
    today: NaiveDate,
) -> Result<Pharmacy, Refusal> {
    if !ppn.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Refusal::Charset);
    }
    // 11 says that a PZN follows; two digits check the whole.
    let Some((body, check)) =
        ppn.split_at_checked(10).filter(|(body, check)| body.starts_with("11") && check.len() == 2)
    else {
        return Err(Refusal::Length);
    };
    let sum: u32 = body.bytes().zip(2..).map(|(byte, weight): (u8, u32)| u32::from(byte) * weight).sum();
    if check.parse() != Ok(sum % 97) {
        return Err(Refusal::CheckDigit);
    }
    let use_by =
        date.map(|six| if six.len() == 6 { dates::day(six, true, today) } else { Err(Refusal::Date) });
    let found = pharmacy(body.get(2..).unwrap_or_default())?;
    Ok(Pharmacy {
        lot: lot.map(str::to_owned),
        serial: serial.map(str::to_owned),
        use_by: use_by.transpose()?,
        ..found
    })
}

fn pharmacy(digits: &str) -> Result<Pharmacy, Refusal> {
    if !is_pzn(digits) {
        return Err(Refusal::CheckDigit);
    }
    let gtin = Gtin::completed(&format!("{NTIN}{digits}")).ok_or(Refusal::Length)?;
    Ok(Pharmacy { gtin, pzn: digits.to_owned(), lot: None, serial: None, use_by: None })
}

/// Seven digits weighted 1 to 7, modulo 11; a remainder of 10 is never issued, so no digit fits it.
fn is_pzn(digits: &str) -> bool {
    let digits: Vec<u32> = digits.bytes().map(|byte| u32::from(byte.wrapping_sub(b'0'))).collect();
    let sum: u32 = digits.iter().take(7).zip(1..).map(|(digit, weight)| digit * weight).sum();
    digits.len() == PZN_DIGITS && digits.last() == Some(&(sum % 11))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ppn_brings_lot_serial_and_date() {
        let today = "2026-11-23".parse().expect("a day");
        let text = "[)>\u{1e}06\u{1d}9N110375286414\u{1d}1TABC\u{1d}D281200\u{1d}S123\u{1e}\u{4}";
        let found = read_ppn(text, today).expect("a PPN").expect("right");
        assert_eq!(
            (found.pzn.as_str(), found.lot.as_deref(), found.serial.as_deref()),
            ("03752864", Some("ABC"), Some("123"))
        );
        assert_eq!(found.use_by.map(|day| day.to_string()).as_deref(), Some("2028-12-31"));
        assert_eq!(found.gtin.to_string().get(..13), Some("0415003752864"));
        let wrong =
            |ppn: &str| read_ppn(&format!("{ENVELOPE}9N{ppn}"), today).expect("a PPN").expect_err("wrong");
        assert_eq!(wrong("110375286415"), Refusal::CheckDigit);
        assert_eq!(wrong("11037528641"), Refusal::Length);
        assert_eq!(wrong("11O375286414"), Refusal::Charset);
        assert_eq!(read_ppn("[)>\u{1e}05\u{1d}01", today), None);
    }
}
