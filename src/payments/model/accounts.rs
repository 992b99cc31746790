//! The accounts of the ledger, and what each kind of fact moves between them. Pure.
//!
//! | account | what stands there | |
//! | --- | --- | --- |
//! | `authorised` | held for us at the provider: not money | memo, against `authorised_contra` |
//! | `receivable` | what the provider owes us: debited, and not yet paid out, given back or taken | asset |
//! | `disputed` | what the provider holds back while a dispute is open | asset |
//! | `bank` | what was paid out to us | asset |
//! | `debt` | what shoppers owe us: goods that left, for money that did not come or was taken back | asset |
//! | `sales` | what was sold; of what it is made is the orders' matter | income |
//! | `refunds` | given back by us | against income |
//! | `reversed` | taken back from us by shoppers, their banks or providers, and not owed as a debt | loss |
//! | `fees` | the providers' prices | cost |
//! | `written_off` | debts that nobody will pay | cost |
//!
//! What a fact moves follows from its kind alone, so that nobody can post what a kind does not mean.

use std::collections::BTreeMap;

use super::Payment;
use crate::text_enum;

text_enum! {
    /// An account of the ledger.
    pub enum Account {
        /// Held for us at the provider.
        Authorised = "authorised",
        /// The other side of what is held.
        AuthorisedContra = "authorised_contra",
        /// What the provider owes us.
        Receivable = "receivable",
        /// What was sold.
        Sales = "sales",
        /// Given back by us.
        Refunds = "refunds",
        /// The providers' prices.
        Fees = "fees",
        /// Held back while a dispute is open.
        Disputed = "disputed",
        /// Taken back from us.
        Reversed = "reversed",
        /// Paid out to us.
        Bank = "bank",
        /// What shoppers owe us.
        Debt = "debt",
        /// Debts that nobody will pay.
        WrittenOff = "written_off",
    }
}

text_enum! {
    /// What can happen to money.
    pub enum FactKind {
        /// Held for us.
        Authorised = "authorised",
        /// Debited.
        Captured = "captured",
        /// Given back.
        Refunded = "refunded",
        /// No longer held.
        Voided = "voided",
        /// The provider kept its price.
        Fee = "fee",
        /// The provider gave its price back.
        FeeReturned = "fee_returned",
        /// Held back, because the shopper disputes the debit.
        Disputed = "disputed",
        /// A dispute ended for us.
        DisputeWon = "dispute_won",
        /// A dispute ended against us.
        DisputeLost = "dispute_lost",
        /// Taken back without us: a bank's reversal, a chargeback.
        Reversed = "reversed",
        /// What was taken back came again.
        Reinstated = "reinstated",
        /// Paid out to our bank.
        Settled = "settled",
        /// Goods left for which no money came: the shopper owes it.
        DebtOpened = "debt_opened",
        /// Money was taken back after the goods had left: the shopper owes it.
        DebtOfReversal = "debt_of_reversal",
        /// A debt was paid, by a debit that is a sale of its own in the books until then.
        DebtPaid = "debt_paid",
        /// A debt is no longer owed: the goods came back.
        DebtWithdrawn = "debt_withdrawn",
        /// A debt is no longer owed: what was taken back came again.
        DebtCleared = "debt_cleared",
        /// A debt was given up.
        DebtWrittenOff = "debt_written_off",
    }
}

impl FactKind {
    /// What the fact moves: the account that is debited, and the one that is credited, each time the whole amount.
    pub const fn postings(self) -> &'static [(Account, Account)] {
        use Account::{
            Authorised, AuthorisedContra, Bank, Debt, Disputed, Fees, Receivable, Refunds, Reversed, Sales,
            WrittenOff,
        };
        match self {
            Self::Authorised => &[(Authorised, AuthorisedContra)],
            Self::Captured => &[(Receivable, Sales), (AuthorisedContra, Authorised)],
            Self::Refunded => &[(Refunds, Receivable)],
            Self::Voided => &[(AuthorisedContra, Authorised)],
            Self::Fee => &[(Fees, Receivable)],
            Self::FeeReturned => &[(Receivable, Fees)],
            Self::Disputed => &[(Disputed, Receivable)],
            Self::DisputeWon => &[(Receivable, Disputed)],
            Self::DisputeLost => &[(Reversed, Disputed)],
            Self::Reversed => &[(Reversed, Receivable)],
            Self::Reinstated => &[(Receivable, Reversed)],
            Self::Settled => &[(Bank, Receivable)],
            Self::DebtOpened => &[(Debt, Sales)],
            Self::DebtOfReversal => &[(Debt, Reversed)],
            Self::DebtPaid | Self::DebtWithdrawn => &[(Sales, Debt)],
            Self::DebtCleared => &[(Reversed, Debt)],
            Self::DebtWrittenOff => &[(WrittenOff, Debt)],
        }
    }
}

/// What was moved between each two accounts, in minor units of one currency: the ledger of a payment, or of more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved(BTreeMap<(Account, Account), i64>);

/// Books that contradict each other: nothing of what led there may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// The payment says another sum than the ledger.
    #[error("{what} is {of_payment} in the payment and {of_ledger} in the ledger")]
    Differs {
        /// Which sum.
        what: &'static str,
        /// What the payment says, in minor units.
        of_payment: i64,
        /// What the ledger says, in minor units.
        of_ledger: i64,
    },
    /// More ended of a hold than was held.
    #[error("{0} is held, which can't be")]
    Held(i64),
}

impl Moved {
    /// Adds what was moved from the account that is credited to the one that is debited.
    pub fn add(&mut self, debit: Account, credit: Account, amount: i64) {
        let moved = self.0.entry((debit, credit)).or_default();
        *moved = moved.saturating_add(amount);
    }

    /// Adds a whole fact.
    #[cfg(test)]
    pub fn post(&mut self, kind: FactKind, amount: i64) {
        for (debit, credit) in kind.postings() {
            self.add(*debit, *credit, amount);
        }
    }

    /// What stands on an account: debits less credits.
    pub fn balance(&self, account: Account) -> i64 {
        self.0.iter().fold(0_i64, |sum, ((debit, credit), amount)| {
            let sum = if *debit == account { sum.saturating_add(*amount) } else { sum };
            if *credit == account { sum.saturating_sub(*amount) } else { sum }
        })
    }

    /// The sum of the facts of a kind, by the one movement that no other kind makes.
    fn of(&self, kind: FactKind) -> i64 {
        kind.postings().first().and_then(|pair| self.0.get(pair)).copied().unwrap_or_default()
    }

    /// Whether a payment says what its ledger says: what was authorised, captured and refunded, and no more ended of a hold
    /// than there was.
    pub fn check(&self, payment: &Payment) -> Result<(), Imbalance> {
        for (what, of_payment, kind) in [
            ("authorised", payment.authorised, FactKind::Authorised),
            ("captured", payment.captured, FactKind::Captured),
            ("refunded", payment.refunded, FactKind::Refunded),
        ] {
            let (of_payment, of_ledger) = (of_payment.minor(), self.of(kind));
            if of_payment != of_ledger {
                return Err(Imbalance::Differs { what, of_payment, of_ledger });
            }
        }
        let held = self.balance(Account::Authorised);
        if held < 0 { Err(Imbalance::Held(held)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_read_back_by_kind_is_moved_by_no_other_kind() {
        for kind in [FactKind::Authorised, FactKind::Captured, FactKind::Refunded] {
            for other in FactKind::ALL.iter().filter(|other| **other != kind) {
                assert!(!other.postings().contains(&kind.postings()[0]), "{kind} and {other}");
            }
        }
    }

    #[test]
    fn what_is_held_and_what_is_money_never_mix() {
        let memo = [Account::Authorised, Account::AuthorisedContra];
        for (debit, credit) in FactKind::ALL.iter().flat_map(|kind| kind.postings()) {
            assert_eq!(memo.contains(debit), memo.contains(credit), "{debit} and {credit}");
        }
    }

    #[test]
    fn a_debt_that_is_opened_and_paid_leaves_one_sale() {
        let mut ledger = Moved::default();
        for kind in [FactKind::DebtOpened, FactKind::Captured, FactKind::DebtPaid] {
            ledger.post(kind, 700);
        }
        assert_eq!(ledger.balance(Account::Debt), 0);
        assert_eq!(ledger.balance(Account::Sales), -700);
        assert_eq!(ledger.balance(Account::Receivable), 700);
    }

    #[test]
    fn a_lost_dispute_that_becomes_a_debt_is_no_loss_until_it_is_written_off() {
        let mut ledger = Moved::default();
        for kind in [FactKind::Captured, FactKind::Disputed, FactKind::DisputeLost, FactKind::DebtOfReversal]
        {
            ledger.post(kind, 700);
        }
        assert_eq!((ledger.balance(Account::Reversed), ledger.balance(Account::Debt)), (0, 700));
        ledger.post(FactKind::DebtWrittenOff, 700);
        assert_eq!((ledger.balance(Account::WrittenOff), ledger.balance(Account::Debt)), (700, 0));
    }

    proptest! {
        #[test]
        fn all_accounts_together_are_nought_whatever_happens(
            facts in proptest::collection::vec((0..FactKind::ALL.len(), 1_i64..1_000_000), 0..50),
        ) {
            let mut ledger = Moved::default();
            for (kind, amount) in facts {
                ledger.post(FactKind::ALL[kind], amount);
            }
            let sum: i64 = Account::ALL.iter().map(|account| ledger.balance(*account)).sum();
            prop_assert_eq!(sum, 0);
            let memo = ledger.balance(Account::Authorised) + ledger.balance(Account::AuthorisedContra);
            prop_assert_eq!(memo, 0, "what is held is apart from what is money");
        }
    }
}
