//! What the comparison with a provider's books finds.

use std::collections::HashSet;

use proptest::prelude::*;
use uuid::Uuid;

use super::super::OperationState;
use super::super::reconcile::*;
use crate::clock::Moment;
use crate::ids::OperationId;
use crate::money::{Currency, Money};
use crate::payments::statement::{LineKind, StatementLine};

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn hour(hour: i64) -> Moment {
    Moment::UNIX_EPOCH + chrono::Duration::hours(hour)
}

fn operation(number: u128) -> OperationId {
    Uuid::from_u128(number).into()
}

/// A debit, or a refund when below zero, at this hour.
fn ours(number: u128, minor: i64, at: i64) -> Movement {
    let kind = if minor < 0 { MovementKind::Refund } else { MovementKind::Debit };
    Movement {
        operation: operation(number),
        kind,
        payment: Uuid::from_u128(number).into(),
        reference: format!("R{number}"),
        object: Some(format!("O{number}")),
        amount: eur(minor.abs()),
        sent_at: hour(at),
        at: hour(at),
        in_books: false,
    }
}

/// The provider's line of that.
fn theirs(number: u128, minor: i64, at: i64) -> StatementLine {
    let (kind, object) = if minor < 0 {
        (LineKind::Refunded, (None, Some(format!("O{number}"))))
    } else {
        (LineKind::Captured, (Some(format!("O{number}")), None))
    };
    StatementLine {
        id: format!("L{number}"),
        kind,
        order: None,
        capture: object.0,
        refund: object.1,
        operation: Some(operation(number)),
        reference: None,
        gross: eur(minor),
        fee: None,
        at: hour(at),
        payout: None,
    }
}

/// A day is compared, of which the last three hours may be late.
fn day(lines: &[StatementLine], ours: &[Movement], undone: &[Undone]) -> Compared {
    compare(&Compare {
        from: hour(0),
        to: hour(24),
        whole_until: hour(21),
        read_from: hour(-24),
        lines,
        unread: &[],
        ours,
        undone,
    })
}

fn kinds(compared: &Compared) -> Vec<FindingKind> {
    compared.findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn what_is_on_both_sides_agrees_even_when_we_learned_of_it_later() {
    let lines = [theirs(1, 500, 23), theirs(2, -200, -1)];
    let compared = day(&lines, &[ours(1, 500, 30), ours(2, -200, 1)], &[]);
    assert_eq!(compared.findings, []);
    assert_eq!((compared.lines, compared.movements, compared.matched), (1, 1, 1));
}

#[test]
fn what_is_on_one_side_alone_is_found() {
    let compared = day(&[theirs(1, 500, 5), theirs(2, -200, 5)], &[ours(3, 700, 5), ours(4, -100, 5)], &[]);
    assert_eq!(
        kinds(&compared),
        [
            FindingKind::UnknownDebit,
            FindingKind::UnknownRefund,
            FindingKind::MissingDebit,
            FindingKind::MissingRefund
        ]
    );
    assert!(compared.findings[0].kind.is_alarm() && compared.findings[2].certainty == Certainty::Likely);
}

#[test]
fn what_the_provider_need_not_know_yet_is_not_missed() {
    assert_eq!(day(&[], &[ours(1, 500, 21)], &[]).findings, []);
    assert_eq!(kinds(&day(&[], &[ours(1, 500, 20)], &[])), [FindingKind::MissingDebit]);
}

#[test]
fn what_was_sent_long_before_we_learned_of_it_is_missed_with_a_doubt() {
    let late = Movement { sent_at: hour(-100), ..ours(1, 500, 5) };
    assert_eq!(day(&[], &[late], &[]).findings[0].certainty, Certainty::Unsure);
}

#[test]
fn what_stood_in_the_books_before_is_not_missing_in_those_of_another_time() {
    let found_before = Movement { in_books: true, ..ours(1, 500, 5) };
    assert!(day(&[], &[found_before], &[]).findings.is_empty());
    assert_eq!(day(&[theirs(1, 500, 5)], &[ours(1, 500, 5)], &[]).in_books, [operation(1)]);
}

#[test]
fn a_second_debit_under_the_same_name_is_one_that_nobody_asked_for() {
    let twice = StatementLine { id: "L9".to_owned(), capture: Some("O9".to_owned()), ..theirs(1, 500, 6) };
    let compared = day(&[theirs(1, 500, 5), twice], &[ours(1, 500, 5)], &[]);
    assert_eq!(kinds(&compared), [FindingKind::UnknownDebit]);
    assert_eq!(compared.findings[0].line.as_ref().map(|line| line.id.as_str()), Some("L9"));
}

#[test]
fn another_amount_or_currency_is_told_with_both() {
    let compared = day(&[theirs(1, 600, 5), theirs(2, -200, 5)], &[ours(1, 500, 5), ours(2, -300, 5)], &[]);
    assert_eq!(kinds(&compared), [FindingKind::AmountDiffers, FindingKind::AmountDiffers]);
    let finding = &compared.findings[1];
    assert_eq!((finding.ours, finding.theirs), (Some(eur(300)), Some(eur(200))));
    let dollars =
        StatementLine { gross: Money::new(500, "USD".parse().expect("a currency")), ..theirs(1, 500, 5) };
    assert_eq!(kinds(&day(&[dollars], &[ours(1, 500, 5)], &[])), [FindingKind::AmountDiffers]);
}

#[test]
fn what_an_operation_did_that_is_not_settled_is_told_with_its_state() {
    let undone = Undone {
        operation: operation(1),
        state: OperationState::Parked,
        payment: Uuid::from_u128(1).into(),
        reference: "R1".to_owned(),
        amount: eur(500),
    };
    let compared = day(&[theirs(1, 500, 5)], &[], &[undone]);
    assert_eq!(kinds(&compared), [FindingKind::NotSettled]);
    assert_eq!(compared.findings[0].detail.as_deref(), Some("our operation is parked"));
}

#[test]
fn what_nobody_knows_the_meaning_of_is_told_in_the_providers_word() {
    let odd = StatementLine { kind: LineKind::Other("T9900".to_owned()), ..theirs(1, 5, 5) };
    let compared = day(&[odd], &[], &[]);
    assert_eq!(kinds(&compared), [FindingKind::Unclassified]);
    assert_eq!(compared.findings[0].line.as_ref().map(|line| line.kind.as_str()), Some("T9900"));
}

proptest! {
    #[test]
    fn every_planted_difference_is_found_once_and_nothing_else(
        entries in proptest::collection::vec((1_i64..10_000, any::<bool>(), 0_i64..21, 0_u8..5), 0..60),
    ) {
        let (mut lines, mut books, mut planted) = (Vec::new(), Vec::new(), 0_usize);
        for (index, (amount, is_refund, at, fate)) in entries.into_iter().enumerate() {
            let number = u128::try_from(index).expect("small") + 1;
            let minor = if is_refund { -amount } else { amount };
            match fate {
                0 => lines.push(theirs(number, minor, at)),
                1 => books.push(ours(number, minor, at)),
                2 => {
                    lines.push(theirs(number, minor.signum() * (amount + 1), at));
                    books.push(ours(number, minor, at));
                }
                _ => {
                    lines.push(theirs(number, minor, at));
                    books.push(ours(number, minor, at));
                }
            }
            planted += usize::from(fate < 3);
        }
        let compared = day(&lines, &books, &[]);
        prop_assert_eq!(compared.findings.len(), planted);
        let subjects: HashSet<&str> = compared.findings.iter().map(|finding| finding.subject.as_str()).collect();
        prop_assert_eq!(subjects.len(), planted, "each has a name of its own");
        prop_assert_eq!((compared.lines, compared.movements), (lines.len(), books.len()));
    }
}
