//! Limits of automatic debits: of one, and of a shopper within a day. Pure but for [`check`].
//!
//! Below a limit the debit begins by itself. Above it staff have to look first, as with everything that is held; above the
//! maximum it is refused, and the shopper is told from when on it would fit. What counts are debits of all linked accounts that
//! are held, on their way or done; what was declined or went back counts no more.

use super::error::Error;
use super::model::{Checkout, Hold};
use crate::app::App;
use crate::catalog::DebitLimits;
use crate::clock::Moment;
use crate::db::Tx;
use crate::env::Env;
use crate::ids::StoreId;
use crate::money::{Currency, Money};
use crate::payments::{self, Spent};

/// The service's own limits, for stores that set none.
///
/// Amounts are minor units of the store's currency, one for all (`30000`) or one for each (`EUR:30000,HUF:12000000`); a currency
/// that is not named has no limit. `AISLE_CHECKOUT_LIMIT` (default 30000): above this staff look before a debit.
/// `AISLE_DEBIT_MAX`: above this none is made. `AISLE_DAY_LIMIT` and `AISLE_DAY_DEBITS`: what a shopper may be debited within 24
/// hours, as a sum and as a number, before staff look. `AISLE_DAY_MAX`: the sum above which none is made.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    look_above: Amounts,
    debit_max: Amounts,
    day_look_above: Amounts,
    day_debits: Option<i64>,
    day_max: Amounts,
}

/// An amount for each currency.
#[derive(Clone, Debug, Default)]
struct Amounts {
    all: Option<i64>,
    each: Vec<(Currency, i64)>,
}

impl Amounts {
    fn read(env: &Env, name: &str, otherwise: Option<i64>) -> Self {
        let Some(text) = env.text(name) else { return Self { all: otherwise, each: Vec::new() } };
        if let Ok(all) = text.parse() {
            return Self { all: Some(all), each: Vec::new() };
        }
        let one = |part: &str| {
            let (currency, minor) = part.trim().split_once(':')?;
            Some((currency.parse().ok()?, minor.parse().ok()?))
        };
        let each: Option<Vec<_>> = text.split(',').map(one).collect();
        if each.is_none() {
            env.mistake(format!(
                "{name} must be an amount in minor units, or currencies with theirs, such as EUR:30000"
            ));
        }
        Self { all: None, each: each.unwrap_or_default() }
    }

    fn of(&self, currency: Currency) -> Option<i64> {
        self.each.iter().find(|(each, _)| *each == currency).map(|(_, minor)| *minor).or(self.all)
    }
}

impl Limits {
    /// Reads the settings.
    pub fn read(env: &Env) -> Self {
        Self {
            look_above: Amounts::read(env, "AISLE_CHECKOUT_LIMIT", Some(30_000)),
            debit_max: Amounts::read(env, "AISLE_DEBIT_MAX", None),
            day_look_above: Amounts::read(env, "AISLE_DAY_LIMIT", None),
            day_debits: env.parsed("AISLE_DAY_DEBITS", "a whole number"),
            day_max: Amounts::read(env, "AISLE_DAY_MAX", None),
        }
    }

    /// What holds in a store: its own limits, and these where it sets none.
    pub(super) fn of(&self, own: Option<DebitLimits>, currency: Currency) -> DebitLimits {
        let own = own.unwrap_or_default();
        DebitLimits {
            look_above: own.look_above.or(self.look_above.of(currency)),
            debit_max: own.debit_max.or(self.debit_max.of(currency)),
            day_look_above: own.day_look_above.or(self.day_look_above.of(currency)),
            day_debits: own.day_debits.or(self.day_debits),
            day_max: own.day_max.or(self.day_max.of(currency)),
        }
    }
}

/// What limits say of a debit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// It may begin.
    Fits,
    /// Staff look first; from then on it would fit by itself, if ever within a day.
    Look(Option<Moment>),
    /// It is not made; from then on it would be, if ever within a day.
    Refuse(Option<Moment>),
}

/// Judges a debit by what was debited within a day, the oldest first.
fn judge(limits: &DebitLimits, spent: &[Spent], amount: Money) -> Verdict {
    let all = |_: &Spent| true;
    let same = |each: &Spent| each.amount.currency() == amount.currency();
    let fits_max = |rest: &[Spent]| limits.day_max.is_none_or(|max| sum(rest, amount) <= max);
    if !fits_max(spent) {
        return Verdict::Refuse(first_fit(spent, same, fits_max));
    }
    let fits = |rest: &[Spent]| {
        let debits = i64::try_from(rest.len()).unwrap_or(i64::MAX);
        limits.day_look_above.is_none_or(|limit| sum(rest, amount) <= limit)
            && limits.day_debits.is_none_or(|most| debits < most)
    };
    if fits(spent) { Verdict::Fits } else { Verdict::Look(first_fit(spent, all, fits)) }
}

/// What was debited in the currency of an amount, with that amount.
fn sum(spent: &[Spent], amount: Money) -> i64 {
    let same = spent.iter().filter(|each| each.amount.currency() == amount.currency());
    same.map(|each| each.amount.minor()).fold(amount.minor(), i64::saturating_add)
}

/// When enough of the oldest debits count no more.
fn first_fit(
    spent: &[Spent],
    counts: impl Fn(&Spent) -> bool,
    fits: impl Fn(&[Spent]) -> bool,
) -> Option<Moment> {
    let ends = (1..=spent.len()).find(|gone| counts(&spent[gone - 1]) && fits(&spent[*gone..]))?;
    Some(spent[ends - 1].at + payments::DAY)
}

/// The limits of a store; one that was closed since has the service's own.
pub(super) fn of_store(app: &App, store: &StoreId, currency: Currency) -> DebitLimits {
    let own = app.catalog.view().store(store).and_then(|store| store.till.limits);
    app.config.checkout.limits.of(own, currency)
}

/// Holds a checkout that the shopper said yes to against the limits of a day: refused above the maximum, held for staff above
/// the limit. What follows in this transaction is counted before anybody else looks.
pub(super) async fn check(app: &App, tx: &mut Tx, checkout: &mut Checkout, now: Moment) -> Result<(), Error> {
    let of_a_day =
        |limits: &DebitLimits| limits.day_look_above.or(limits.day_debits).or(limits.day_max).is_some();
    match verdict(app, tx, checkout, now, of_a_day).await? {
        Verdict::Fits => Ok(()),
        Verdict::Refuse(until) => Err(Error::DayLimit(until)),
        Verdict::Look(until) => {
            checkout.holds.push(Hold::DayLimit);
            checkout.limit_ends_at = until;
            Ok(())
        }
    }
}

/// Holds a checkout that staff let pass against the maximum of a day: others may have been paid while it was held.
pub(super) async fn check_max(app: &App, tx: &mut Tx, checkout: &Checkout, now: Moment) -> Result<(), Error> {
    match verdict(app, tx, checkout, now, |limits| limits.day_max.is_some()).await? {
        Verdict::Refuse(until) => Err(Error::DayLimit(until)),
        Verdict::Fits | Verdict::Look(_) => Ok(()),
    }
}

/// What the limits of a day say of a checkout; nothing is counted where no limit of that kind is set.
async fn verdict(
    app: &App,
    tx: &mut Tx,
    checkout: &Checkout,
    now: Moment,
    is_set: impl FnOnce(&DebitLimits) -> bool,
) -> Result<Verdict, Error> {
    let amount = checkout.quote.to_pay();
    let limits = of_store(app, &checkout.store, amount.currency());
    if !is_set(&limits) || checkout.is_free() {
        return Ok(Verdict::Fits);
    }
    Ok(judge(&limits, &payments::spent(tx, now, checkout.shopper).await?, amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn hour(hour: i64) -> Moment {
        Moment::UNIX_EPOCH + chrono::Duration::hours(hour)
    }

    fn spent(debits: &[(i64, i64)]) -> Vec<Spent> {
        debits.iter().map(|(at, minor)| Spent { at: hour(*at), amount: eur(*minor) }).collect()
    }

    #[test]
    fn a_debit_fits_up_to_the_limit_and_staff_look_above_it() {
        let limits = DebitLimits { day_look_above: Some(1_000), ..DebitLimits::default() };
        let day = spent(&[(0, 300), (2, 400)]);
        assert_eq!(judge(&limits, &day, eur(300)), Verdict::Fits);
        assert_eq!(judge(&limits, &day, eur(301)), Verdict::Look(Some(hour(24))));
        assert_eq!(judge(&limits, &day, eur(601)), Verdict::Look(Some(hour(26))));
        assert_eq!(judge(&limits, &day, eur(1_001)), Verdict::Look(None), "never by itself");
    }

    #[test]
    fn debits_are_counted_whatever_their_currency_and_summed_each_by_its_own() {
        let dollars = |minor| Money::new(minor, "USD".parse().expect("a currency"));
        let limits =
            DebitLimits { day_debits: Some(2), day_look_above: Some(1_000), ..DebitLimits::default() };
        let mut day = spent(&[(0, 300)]);
        day.push(Spent { at: hour(3), amount: dollars(5_000) });
        assert_eq!(judge(&limits, &day[..1], eur(700)), Verdict::Fits);
        assert_eq!(judge(&limits, &day, eur(1)), Verdict::Look(Some(hour(24))));
    }

    #[test]
    fn above_the_maximum_a_debit_is_refused_until_enough_is_a_day_old() {
        let limits =
            DebitLimits { day_look_above: Some(500), day_max: Some(1_000), ..DebitLimits::default() };
        let day = spent(&[(0, 300), (2, 400)]);
        assert_eq!(judge(&limits, &day, eur(300)), Verdict::Look(Some(hour(26))));
        assert_eq!(judge(&limits, &day, eur(400)), Verdict::Refuse(Some(hour(24))));
        assert_eq!(judge(&limits, &day, eur(1_001)), Verdict::Refuse(None));
    }

    #[test]
    fn settings_name_amounts_for_all_currencies_or_for_each() {
        let env = Env::from_pairs([("AISLE_DAY_LIMIT", "EUR:60000, HUF:24000000"), ("AISLE_DAY_MAX", "9")]);
        let limits = Limits::read(&env);
        assert!(env.mistakes().is_empty());
        let huf: Currency = "HUF".parse().expect("a currency");
        assert_eq!(limits.of(None, Currency::EUR).day_look_above, Some(60_000));
        assert_eq!(
            (limits.of(None, huf).day_look_above, limits.of(None, huf).day_max),
            (Some(24_000_000), Some(9))
        );
        assert_eq!(limits.of(None, "CHF".parse().expect("a currency")).day_look_above, None);
        let own = DebitLimits { day_max: Some(5), ..DebitLimits::default() };
        let own = limits.of(Some(own), Currency::EUR);
        assert_eq!(
            (own.day_max, own.look_above),
            (Some(5), Some(30_000)),
            "what a store leaves out is the service's"
        );
        let env = Env::from_pairs([("AISLE_DAY_LIMIT", "EUR=5")]);
        Limits::read(&env);
        assert_eq!(env.mistakes().len(), 1);
    }
}
