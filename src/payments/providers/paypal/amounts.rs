//! Amounts as PayPal writes them: decimal text from integers, by PayPal's own table of decimals.
//!
//! PayPal takes no decimals for HUF, JPY and TWD, though two of them have two in ISO 4217, and two for every other
//! currency. An amount that can't be told exactly is refused, never rounded.

use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};

/// An amount on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// Code of ISO 4217.
    pub currency_code: String,
    /// Decimal text.
    pub value: String,
}

/// An amount that PayPal can't be told exactly, or told us and we can't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the amount can't be told exactly in this currency")]
pub struct NotExpressible;

fn digits(currency: Currency) -> u32 {
    if matches!(currency.code(), "HUF" | "JPY" | "TWD") { 0 } else { 2 }
}

/// The text of an amount.
pub fn value(amount: Money) -> Result<String, NotExpressible> {
    let digits = digits(amount.currency());
    let units = rescale(amount.minor(), amount.currency().digits(), digits)?;
    if units < 0 {
        return Err(NotExpressible);
    }
    if digits == 0 {
        return Ok(units.to_string());
    }
    Ok(format!("{}.{:02}", units / 100, units % 100))
}

impl Amount {
    /// An amount for the wire.
    pub fn new(amount: Money) -> Result<Self, NotExpressible> {
        Ok(Self { currency_code: amount.currency().code().to_owned(), value: value(amount)? })
    }

    /// As [`Amount::money`], of an amount that may be below zero.
    pub fn signed_money(&self) -> Result<Money, NotExpressible> {
        let Some(value) = self.value.strip_prefix('-') else { return self.money() };
        let money = Self { value: value.to_owned(), ..self.clone() }.money()?;
        Ok(Money::new(-money.minor(), money.currency()))
    }

    /// The amount that the text means, exactly.
    pub fn money(&self) -> Result<Money, NotExpressible> {
        let currency: Currency = self.currency_code.parse().map_err(|_| NotExpressible)?;
        let (whole, fraction) = self.value.split_once('.').unwrap_or((&self.value, ""));
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || (whole.is_empty() && fraction.is_empty()) {
            return Err(NotExpressible);
        }
        let scale = u32::try_from(fraction.len()).map_err(|_| NotExpressible)?;
        let units: i64 = format!("{whole}{fraction}").parse().map_err(|_| NotExpressible)?;
        Ok(Money::new(rescale(units, scale, currency.digits())?, currency))
    }
}

fn rescale(units: i64, from: u32, to: u32) -> Result<i64, NotExpressible> {
    let factor = |power: u32| 10_i64.checked_pow(power).ok_or(NotExpressible);
    if from <= to {
        return units.checked_mul(factor(to - from)?).ok_or(NotExpressible);
    }
    let divisor = factor(from - to)?;
    if units % divisor == 0 { Ok(units / divisor) } else { Err(NotExpressible) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::new(minor, currency.parse().expect("a currency"))
    }

    #[test]
    fn amounts_are_written_by_paypals_own_decimals() {
        assert_eq!(value(money(1299, "EUR")), Ok("12.99".to_owned()));
        assert_eq!(value(money(5, "EUR")), Ok("0.05".to_owned()));
        assert_eq!(value(money(1299, "JPY")), Ok("1299".to_owned()));
        assert_eq!(value(money(129_900, "HUF")), Ok("1299".to_owned()));
        assert_eq!(value(money(129_950, "HUF")), Err(NotExpressible));
        assert_eq!(value(money(1_299_990, "KWD")), Ok("1299.99".to_owned()));
        assert_eq!(value(money(1_299_999, "KWD")), Err(NotExpressible));
        assert_eq!(value(money(-1, "EUR")), Err(NotExpressible));
    }

    #[test]
    fn amounts_are_read_exactly_or_not_at_all() {
        let read = |value: &str, currency: &str| {
            Amount { currency_code: currency.to_owned(), value: value.to_owned() }.money()
        };
        assert_eq!(read("12.99", "EUR"), Ok(money(1299, "EUR")));
        assert_eq!(read("12", "EUR"), Ok(money(1200, "EUR")));
        assert_eq!(read(".5", "EUR"), Ok(money(50, "EUR")));
        assert_eq!(read("12.990", "EUR"), Ok(money(1299, "EUR")));
        assert_eq!(read("12.991", "EUR"), Err(NotExpressible));
        assert_eq!(read("1299", "HUF"), Ok(money(129_900, "HUF")));
        for wrong in ["", ".", "-1", "1e3", "1,5", "99999999999999999999"] {
            assert_eq!(read(wrong, "EUR"), Err(NotExpressible), "{wrong}");
        }
        assert_eq!(read("1", "EUX"), Err(NotExpressible));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(minor in 0_i64..1_000_000_000_000, currency in 0_usize..4) {
            let money = money(minor, ["EUR", "JPY", "HUF", "USD"][currency]);
            if let Ok(amount) = Amount::new(money) {
                prop_assert_eq!(amount.money(), Ok(money));
            }
        }
    }
}
