//! Money that is gone again without us: what was taken back of a debit, and what came again of it. Pure.
//!
//! A debit may be taken back more than once: in parts, or anew after it came again. Each time counts once, however many tell
//! of it. A line of the provider's books is one movement of money, so it tells of one reversal; so does a dispute. They are
//! held for the same when they are of one amount. What the provider says of the debit itself is how it stands, and tells of
//! nothing new as soon as anything is known.

use uuid::Uuid;

use super::{Books, Change, News, Operation, OperationKind, OperationState};
use crate::ids::OperationId;
use crate::money::Money;

/// What was taken back of a debit, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversal {
    /// What the ledger and a debt of it know it by.
    pub cause: Uuid,
    /// How much.
    pub amount: Money,
    /// How much of it came again.
    pub returned: Money,
    /// The lost dispute that told of it.
    pub dispute: Option<String>,
    /// The line of the provider's books that told of it.
    pub line: Option<String>,
}

/// Who tells that money is gone, or came again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teller {
    /// The provider's view of the debit.
    Debit,
    /// A dispute that is lost, by the provider's name of it.
    Dispute(String),
    /// A line of the provider's books, by its name there.
    Line(String),
}

/// What is heard of a debit that was taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The reversal with this index.
    Known(usize),
    /// Nothing that was not known, or nothing that is left of the debit.
    Nothing,
    /// So much is gone.
    New(Money),
    /// More would be gone than was debited, or the same line told of another amount before.
    Contradiction,
}

impl Reversal {
    /// How much of it did not come again.
    fn left(&self) -> i64 {
        self.amount.minor().saturating_sub(self.returned.minor())
    }

    /// Whether all of it came again.
    pub fn is_returned(&self) -> bool {
        self.left() <= 0
    }

    /// Takes in who told of it too.
    pub fn told_by(&mut self, teller: &Teller) {
        match teller {
            Teller::Debit => {}
            Teller::Dispute(name) => self.dispute = Some(name.clone()),
            Teller::Line(name) => self.line = Some(name.clone()),
        }
    }

    fn is_of(&self, teller: &Teller) -> bool {
        match teller {
            Teller::Debit => false,
            Teller::Dispute(name) => self.dispute.as_ref() == Some(name),
            Teller::Line(name) => self.line.as_ref() == Some(name),
        }
    }

    fn is_free_for(&self, teller: &Teller) -> bool {
        match teller {
            Teller::Debit => false,
            Teller::Dispute(_) => self.dispute.is_none(),
            Teller::Line(_) => self.line.is_none(),
        }
    }
}

/// How much of a debit is gone, in minor units.
pub fn gone(known: &[Reversal]) -> i64 {
    known.iter().map(Reversal::left).fold(0, i64::saturating_add)
}

/// What is meant by somebody who tells that a debit was taken back, of which so much still stands. Only lines are movements:
/// what others tell is never more than what stands.
pub fn hear(known: &[Reversal], teller: &Teller, amount: Money, (debit, stands): (Money, i64)) -> Heard {
    if let Some(index) = known.iter().position(|each| each.is_of(teller)) {
        let is_other =
            matches!(teller, Teller::Line(_)) && known.get(index).map(|each| each.amount) != Some(amount);
        return if is_other { Heard::Contradiction } else { Heard::Known(index) };
    }
    if let Some(index) = known.iter().position(|each| each.is_free_for(teller) && each.amount == amount) {
        return Heard::Known(index);
    }
    match teller {
        Teller::Debit if !known.is_empty() => Heard::Nothing,
        Teller::Debit | Teller::Dispute(_) if stands <= 0 => Heard::Nothing,
        Teller::Debit | Teller::Dispute(_) => {
            Heard::New(Money::new(amount.minor().min(stands), debit.currency()))
        }
        Teller::Line(_) if gone(known).saturating_add(amount.minor()) > debit.minor() => Heard::Contradiction,
        Teller::Line(_) => Heard::New(amount),
    }
}

/// Takes in that an amount came again, on what was of this amount, else on the oldest; answers the indices of what changed,
/// or nothing when more came than was gone.
pub fn come_again(known: &mut [Reversal], amount: Money) -> Option<Vec<usize>> {
    let mut open = amount.minor();
    if open > gone(known) {
        return None;
    }
    let same = known.iter().position(|each| each.left() == open);
    let mut changed = Vec::new();
    for (index, each) in known.iter_mut().enumerate() {
        let part = each.left().min(open);
        if part > 0 && same.is_none_or(|same| same == index) {
            each.returned = Money::new(each.returned.minor().saturating_add(part), amount.currency());
            open = open.saturating_sub(part);
            changed.push(index);
        }
    }
    Some(changed)
}

impl Books {
    /// What stands of a debit, in minor units: neither given back by us nor taken back.
    pub fn stands(&self, operation: OperationId) -> i64 {
        let debits = self.captures(|state| state == OperationState::Done);
        debits.into_iter().find(|(debit, _)| debit.id == operation).map_or(0, |(_, rest)| rest)
    }

    /// A refund of this debit that may have happened. How much of the debit can be taken back besides is not known before it is
    /// found out.
    pub fn refund_on_its_way(&self, debit: OperationId) -> Option<&Operation> {
        use OperationState::{Parked, Pending, Sent, Waiting};
        self.operations.iter().find(|each| {
            each.kind == OperationKind::Refund
                && each.target == Some(debit)
                && matches!(each.state, Sent | Pending | Waiting | Parked)
        })
    }

    /// Takes in that so much of a debit was taken back without us. Of what we gave back before nothing is owed: it is lost.
    pub fn reverse(&self, operation: OperationId, cause: Uuid, amount: Money) -> Change {
        let mut change = self.unchanged();
        let owed = amount.minor().min(self.stands(operation));
        let Some(debit) = self.operations.iter().find(|each| each.id == operation && owed > 0) else {
            return change;
        };
        let mut debit = debit.clone();
        let currency = self.payment.currency;
        debit.reversed = Money::new(debit.reversed.minor().saturating_add(owed), currency);
        change.operation = Some(debit);
        let (payment, checkout, amount) =
            (self.payment.id, self.payment.checkout, Money::new(owed, currency));
        change.news.push(News::Reversed { payment, checkout, cause, amount });
        change
    }

    /// Takes in that something came again of what was taken back of a debit, of which so much is still gone. What was lost
    /// beyond the debit is made good first.
    pub fn reinstate(&self, operation: OperationId, still_gone: i64) -> Change {
        let mut change = self.unchanged();
        let Some(debit) = self.operations.iter().find(|each| each.id == operation) else { return change };
        let mut debit = debit.clone();
        debit.reversed = Money::new(debit.reversed.minor().min(still_gone), self.payment.currency);
        change.operation = Some(debit);
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    fn line(name: &str) -> Teller {
        Teller::Line(name.to_owned())
    }

    fn lost(name: &str) -> Teller {
        Teller::Dispute(name.to_owned())
    }

    /// What is known of a debit of 1000, as it is told.
    #[derive(Default)]
    struct Told(Vec<Reversal>);

    impl Told {
        fn hear(&mut self, teller: &Teller, minor: i64) -> Heard {
            let stands = 1000 - gone(&self.0);
            let heard = hear(&self.0, teller, eur(minor), (eur(1000), stands));
            match heard {
                Heard::Known(index) => self.0[index].told_by(teller),
                Heard::New(amount) => {
                    let cause = Uuid::from_u128(u128::try_from(self.0.len()).expect("small"));
                    let mut new = Reversal { cause, amount, returned: eur(0), dispute: None, line: None };
                    new.told_by(teller);
                    self.0.push(new);
                }
                Heard::Nothing | Heard::Contradiction => {}
            }
            heard
        }
    }

    #[test]
    fn event_dispute_and_line_of_the_same_count_once_in_any_order() {
        let tellers = [Teller::Debit, lost("D"), line("L")];
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut told = Told::default();
            for index in order.iter().chain(&order) {
                told.hear(&tellers[*index], 1000);
            }
            assert_eq!((told.0.len(), gone(&told.0)), (1, 1000), "{order:?}");
        }
    }

    #[test]
    fn what_is_taken_back_anew_after_it_came_again_counts_again() {
        let mut told = Told::default();
        assert_eq!(told.hear(&line("A"), 1000), Heard::New(eur(1000)));
        assert_eq!(come_again(&mut told.0, eur(1000)), Some(vec![0]));
        assert_eq!(told.hear(&line("C"), 1000), Heard::New(eur(1000)));
        assert_eq!(told.hear(&line("A"), 1000), Heard::Known(0));
        assert_eq!(gone(&told.0), 1000);
    }

    #[test]
    fn parts_count_each_until_more_would_be_gone_than_was_debited() {
        let mut told = Told::default();
        assert_eq!(told.hear(&line("A"), 400), Heard::New(eur(400)));
        assert_eq!(told.hear(&line("B"), 400), Heard::New(eur(400)));
        assert_eq!(told.hear(&line("B"), 300), Heard::Contradiction);
        assert_eq!(told.hear(&line("C"), 201), Heard::Contradiction);
        assert_eq!(told.hear(&lost("D"), 400), Heard::Known(0));
        assert_eq!(told.hear(&lost("E"), 999), Heard::New(eur(200)), "no more than what stands");
        assert_eq!(told.hear(&Teller::Debit, 1000), Heard::Nothing);
    }

    #[test]
    fn what_comes_again_is_of_what_had_its_amount_and_never_more_than_was_gone() {
        let mut told = Told::default();
        told.hear(&line("A"), 300);
        told.hear(&line("B"), 400);
        assert_eq!(come_again(&mut told.0, eur(701)), None);
        assert_eq!(come_again(&mut told.0, eur(400)), Some(vec![1]));
        assert_eq!(come_again(&mut told.0, eur(100)), Some(vec![0]));
        assert_eq!((told.0[0].is_returned(), told.0[1].is_returned(), gone(&told.0)), (false, true, 200));
    }
}
