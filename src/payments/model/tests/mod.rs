//! The model under any order of answers.

mod disputes;
mod holds;
mod reconcile;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::money::Currency;

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

/// Books as the store would keep them, with ids by number.
struct World {
    books: Books,
    facts: Vec<Fact>,
    news: Vec<News>,
}

impl World {
    fn new(total: i64, due_now: i64) -> Self {
        let kind = if total == due_now { OperationKind::Charge } else { OperationKind::Authorise };
        Self::beginning(kind, total, due_now)
    }

    /// A payment whose provider holds the total first, always.
    fn held(total: i64, due_now: i64) -> Self {
        Self::beginning(OperationKind::Authorise, total, due_now)
    }

    fn beginning(kind: OperationKind, total: i64, due_now: i64) -> Self {
        let payment = Payment {
            id: Uuid::from_u128(1).into(),
            checkout: Uuid::from_u128(2).into(),
            debt: None,
            is_by_rule: false,
            shopper: Uuid::from_u128(3).into(),
            method: Uuid::from_u128(4).into(),
            provider: ProviderName::PayPal,
            currency: Currency::EUR,
            total: eur(total),
            due_now: eur(due_now),
            authorised: eur(0),
            captured: eur(0),
            refunded: eur(0),
            state: PaymentState::Pending,
            is_closed: false,
            is_given_up: false,
            action_url: None,
            decline_reason: None,
            may_retry: false,
            provider_order: None,
            provider_authorisation: None,
            hold: None,
            hold_look_at: None,
            reference: String::new(),
            country: None,
            return_url: String::new(),
            links_method: false,
            device_session: None,
            created_at: Moment::UNIX_EPOCH,
        };
        let mut world =
            Self { books: Books { payment, operations: Vec::new() }, facts: Vec::new(), news: Vec::new() };
        world.add(Planned::first(kind, eur(total)));
        world
    }

    fn add(&mut self, planned: Planned) {
        let id = Uuid::from_u128(100 + u128::try_from(self.books.operations.len()).expect("small")).into();
        let same = |each: &&Operation| each.kind == planned.kind && each.sequence == planned.sequence;
        assert!(!self.books.operations.iter().any(|each| same(&each)), "{planned:?} twice");
        self.books.operations.push(Operation {
            id,
            payment: self.books.payment.id,
            kind: planned.kind,
            sequence: planned.sequence,
            amount: planned.amount,
            is_last: planned.is_last,
            refund: planned.refund,
            target: planned.target,
            key: String::new(),
            state: OperationState::Sent,
            object: None,
            reason: None,
            reversed: eur(0),
            is_disputed: false,
            trouble: None,
            created_at: Moment::UNIX_EPOCH,
            sent_at: None,
            waits_since: None,
        });
    }

    fn take(&mut self, change: Change) {
        let before =
            (self.books.payment.authorised, self.books.payment.captured, self.books.payment.refunded);
        self.books.payment = change.payment;
        if let Some(changed) = change.operation {
            for each in self.books.operations.iter_mut().filter(|each| each.id == changed.id) {
                assert!(!each.state.is_final(), "an operation that ended changed");
                each.clone_from(&changed);
            }
        }
        for planned in change.planned {
            self.add(planned);
        }
        for fact in &change.facts {
            let same = |each: &&Fact| each.operation == fact.operation && each.kind == fact.kind;
            assert!(!self.facts.iter().any(|each| same(&each)), "{fact:?} twice");
        }
        self.facts.extend(change.facts);
        self.news.extend(change.news);
        self.check(before);
    }

    fn check(&self, before: (Money, Money, Money)) {
        let payment = &self.books.payment;
        assert!(payment.refunded.minor() >= before.2.minor() && payment.captured.minor() >= before.1.minor());
        assert!(payment.authorised.minor() >= before.0.minor());
        assert!(payment.refunded.minor() <= payment.captured.minor());
        assert!(payment.captured.minor() <= payment.authorised.minor());
        assert!(payment.authorised.minor() <= payment.total.minor());
        let mut ledger = Moved::default();
        for fact in &self.facts {
            assert!(fact.amount.is_positive(), "{fact:?}");
            ledger.post(fact.kind, fact.amount.minor());
        }
        assert_eq!(ledger.check(payment), Ok(()));
        let is_over = payment.is_closed && !self.books.has_open_capture();
        let held = ledger.balance(Account::Authorised);
        let free = payment.authorised.minor() - payment.captured.minor();
        assert_eq!(held, if is_over { 0 } else { free }, "what is held, over: {is_over}");
        let told = self.news.iter().filter(|news| matches!(news, News::Authorised { .. })).count();
        assert!(told <= 1, "an authorisation is told once");
        if payment.state == PaymentState::Cancelled {
            assert_eq!(payment.captured, payment.refunded, "nothing stays debited after a cancellation");
        }
        if payment.state == PaymentState::Declined {
            assert_eq!(payment.authorised.minor(), 0, "nothing is held after a decline");
        }
    }

    fn sum(&self, kind: FactKind) -> i64 {
        self.facts.iter().filter(|fact| fact.kind == kind).map(|fact| fact.amount.minor()).sum()
    }

    fn hear(&mut self, index: usize, outcome: &Outcome) {
        let operation = self.books.operations[index].id;
        let change = self.books.apply(operation, outcome);
        self.take(change);
    }

    fn approve(&mut self, index: usize) {
        let amount = self.books.operations[index].amount;
        self.hear(index, &receipt(amount));
    }
}

fn receipt(amount: Money) -> Outcome {
    Outcome::Approved(Receipt { order: Some("O".to_owned()), object: "X".to_owned(), amount, window: None })
}

/// A hold from the beginning of time on: honoured for three days, over after 29.
fn held(amount: Money, object: &str, from_day: i64) -> Outcome {
    let at = |days| Moment::UNIX_EPOCH + chrono::Duration::days(days);
    let window = HoldWindow {
        honoured_until: at(from_day + 3),
        ends_at: at(from_day + 29),
        renew_at: Some(at(from_day + 3)),
    };
    let object = object.to_owned();
    Outcome::Approved(Receipt { order: Some("O".to_owned()), object, amount, window: Some(window) })
}

fn day(days: i64) -> Moment {
    Moment::UNIX_EPOCH + chrono::Duration::days(days)
}

fn declined() -> Outcome {
    Outcome::Declined { reason: DeclineReason::Declined, may_retry: true }
}

fn action() -> Outcome {
    Outcome::ActionRequired { order: "O".to_owned(), url: "u".to_owned() }
}

#[test]
fn a_charge_is_told_as_authorised_and_captured_once() {
    let mut world = World::new(1000, 1000);
    world.approve(0);
    world.approve(0);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
    assert!(matches!(world.news[..], [News::Authorised { .. }, News::Captured { .. }]));
}

#[test]
fn what_is_due_now_is_captured_after_the_hold_and_the_rest_later() {
    let mut world = World::new(1000, 400);
    world.approve(0);
    assert_eq!(world.books.payment.state, PaymentState::Authorised);
    world.approve(1);
    assert_eq!(world.books.payment.captured, eur(400));
    assert_eq!(world.books.plan_capture(0, eur(601), true), Err(PlanError::Amount));
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    assert_eq!(world.books.plan_capture(0, eur(600), true), Ok(None));
    assert_eq!(world.books.plan_capture(0, eur(500), true), Err(PlanError::Used));
    world.approve(2);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
}

#[test]
fn another_amount_than_asked_for_is_parked_and_not_believed() {
    let mut world = World::new(1000, 1000);
    world.hear(0, &receipt(eur(100)));
    assert_eq!(world.books.operations[0].state, OperationState::Parked);
    assert_eq!(world.books.payment.captured, eur(0));
    assert!(world.news.is_empty());
}

#[test]
fn a_confirmation_is_completed_by_an_operation_of_its_own() {
    let mut world = World::new(1000, 1000);
    world.hear(0, &action());
    world.hear(0, &action());
    assert_eq!(world.news.len(), 1);
    world.hear(0, &Outcome::Confirmed { order: "O".to_owned() });
    world.hear(0, &Outcome::Confirmed { order: "O".to_owned() });
    assert_eq!(world.books.operations.len(), 2);
    world.approve(1);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
}

#[test]
fn a_payment_given_up_while_open_ends_with_nothing_debited() {
    let mut world = World::new(1000, 1000);
    world.books.payment.is_given_up = true;
    world.approve(0);
    assert_eq!(world.books.operations[1].kind, OperationKind::Refund);
    assert!(world.news.is_empty(), "nobody is told of money that is on its way back");
    world.hear(1, &declined());
    assert!(world.books.operations[2].target.is_some());
    world.approve(2);
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
    assert!(matches!(world.news[..], [News::Cancelled { .. }]));
}

#[test]
fn a_hold_given_up_is_let_go_of() {
    let mut world = World::new(1000, 400);
    world.books.payment.is_given_up = true;
    world.approve(0);
    assert_eq!(world.books.operations[1].kind, OperationKind::Void);
    world.approve(1);
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
    assert_eq!(world.sum(FactKind::Voided), 1000);
}

#[test]
fn a_refund_is_taken_from_the_captures_in_turn_and_told_when_all_of_it_arrived() {
    let mut world = World::new(1000, 400);
    world.approve(0);
    world.approve(1);
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    world.approve(2);
    let refund = Uuid::from_u128(9).into();
    let parts = world.books.plan_refund(refund, eur(700)).expect("allowed");
    assert_eq!(parts.iter().map(|part| part.amount.minor()).collect::<Vec<_>>(), [400, 300]);
    for part in parts {
        world.add(part);
    }
    assert_eq!(world.books.plan_refund(refund, eur(700)), Ok(Vec::new()));
    assert_eq!(world.books.plan_refund(Uuid::from_u128(8).into(), eur(301)), Err(PlanError::Amount));
    let told = world.news.len();
    world.approve(3);
    assert_eq!(world.news.len(), told);
    world.approve(4);
    assert!(matches!(world.news.last(), Some(News::Refunded { amount, .. }) if *amount == eur(700)));
}

fn not_sent() -> Outcome {
    Outcome::NotSent { detail: "no connection".to_owned() }
}

#[test]
fn what_surely_never_left_is_intended_again_or_abandoned_when_nobody_wants_it_any_more() {
    let mut world = World::new(1000, 1000);
    world.hear(0, &not_sent());
    assert_eq!(world.books.operations[0].state, OperationState::Intended);
    assert_eq!(world.books.abandonable(), [world.books.operations[0].id]);
    world.books.operations[0].state = OperationState::Sent;
    world.books.payment.is_given_up = true;
    world.hear(0, &not_sent());
    assert_eq!(world.books.operations[0].state, OperationState::Abandoned);
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
    // Total: nothing brings it back.
    world.approve(0);
    assert_eq!(world.books.operations[0].state, OperationState::Abandoned);
    assert_eq!(world.books.payment.captured, eur(0));
}

#[test]
fn what_waits_or_pends_is_not_taken_back_by_a_call_that_did_not_leave() {
    let mut world = World::new(1000, 1000);
    world.hear(0, &action());
    world.hear(0, &not_sent());
    assert_eq!(world.books.operations[0].state, OperationState::Waiting);
    assert_eq!(not_sent().after_earlier_calls(), Outcome::unknown("no connection"));
}

#[test]
fn a_refund_of_a_payment_that_was_given_up_is_sent_again_and_never_abandoned() {
    let mut world = World::new(1000, 1000);
    world.books.payment.is_given_up = true;
    world.approve(0);
    world.hear(1, &not_sent());
    assert_eq!(world.books.operations[1].state, OperationState::Intended);
    world.books.operations[1].state = OperationState::Sent;
    world.approve(1);
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
}

#[test]
fn the_last_capture_waits_for_the_others() {
    let mut world = World::new(1000, 400);
    world.approve(0);
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    assert!(world.books.waits_for_others(&world.books.operations[2]));
    assert!(!world.books.waits_for_others(&world.books.operations[1]), "the others don't wait for the last");
    world.approve(1);
    assert!(!world.books.waits_for_others(&world.books.operations[2]));
}

fn gone() -> Outcome {
    Outcome::Declined { reason: DeclineReason::AuthorisationGone, may_retry: false }
}

#[test]
fn a_charge_in_two_calls_is_told_when_it_is_debited() {
    let mut world = World::held(1000, 1000);
    world.approve(0);
    assert_eq!(world.books.payment.state, PaymentState::Authorised);
    assert!(world.news.is_empty(), "what is only held is not paid yet");
    world.approve(1);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
    assert!(matches!(world.news[..], [News::Authorised { .. }, News::Captured { .. }]));
}

#[test]
fn a_charge_whose_second_call_is_refused_is_declined_and_its_hold_goes_back() {
    let mut world = World::held(1000, 1000);
    world.approve(0);
    world.hear(1, &declined());
    assert!(matches!(world.news[..], [News::Declined { may_retry: true, .. }]));
    assert_eq!(world.books.operations[2].kind, OperationKind::Void);
    world.approve(2);
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
    assert_eq!(world.sum(FactKind::Voided), 1000);
}

#[test]
fn a_confirmed_charge_in_two_calls_is_held_and_then_debited() {
    let mut world = World::held(1000, 1000);
    world.hear(0, &action());
    world.hear(0, &Outcome::Confirmed { order: "O".to_owned() });
    world.approve(1);
    assert_eq!(world.books.payment.captured, eur(0));
    world.approve(2);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
}

#[test]
fn what_nothing_can_find_out_is_left_to_people_and_what_never_happened_is_sent_anew() {
    let mut world = World::new(1000, 1000);
    world.hear(0, &Outcome::Absent);
    assert_eq!(world.books.operations[0].state, OperationState::Intended);
    assert_eq!(Outcome::Absent.after_earlier_calls(), Outcome::Absent);
    world.books.operations[0].state = OperationState::Sent;
    world.hear(0, &Outcome::Lost { detail: "gone" });
    assert_eq!(world.books.operations[0].state, OperationState::Parked);
    assert_eq!(world.books.operations[0].trouble.as_deref(), Some("gone"));
}

#[test]
fn a_shopper_is_told_what_may_help() {
    use Remedy::{LinkAgain, OtherMethod, TryAgain};
    assert_eq!(DeclineReason::LinkRevoked.remedies(true), [LinkAgain, OtherMethod]);
    assert_eq!(DeclineReason::Declined.remedies(true), [TryAgain, OtherMethod]);
    assert_eq!(DeclineReason::Refused.remedies(false), [OtherMethod]);
}

#[derive(Clone, Debug)]
enum Step {
    Hear(usize, u8),
    Capture(i64, i64, bool),
    Refund(u128, i64),
    Release,
    GiveUp,
    Look(i64),
    HoldIsOver(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0_usize..12, 0_u8..14).prop_map(|(index, outcome)| Step::Hear(index, outcome)),
        2 => (0_i64..3, 1_i64..900, any::<bool>()).prop_map(|(sequence, amount, last)| Step::Capture(sequence, amount, last)),
        2 => (10_u128..13, 1_i64..900).prop_map(|(refund, amount)| Step::Refund(refund, amount)),
        1 => Just(Step::Release),
        1 => Just(Step::GiveUp),
        1 => (0_i64..40).prop_map(Step::Look),
        1 => (0_i64..40).prop_map(Step::HoldIsOver),
    ];
    proptest::collection::vec(step, 1..60)
}

fn outcome(kind: u8, amount: Money) -> Outcome {
    match kind {
        0..=2 => receipt(amount),
        3 => declined(),
        4 => action(),
        5 => Outcome::Confirmed { order: "O".to_owned() },
        6 => Outcome::Pending { order: Some("O".to_owned()), object: Some("X".to_owned()) },
        7 => not_sent(),
        8 => Outcome::Absent,
        9 => Outcome::Lost { detail: "gone" },
        10 => gone(),
        11 | 12 => held(amount, "Y", 0),
        _ => receipt(eur(amount.minor() + 1)),
    }
}

proptest! {
    #[test]
    fn no_order_of_answers_counts_money_twice_or_beyond_its_bounds(
        total in 2_i64..1000,
        share in 0_i64..=4,
        is_held_first in any::<bool>(),
        steps in steps(),
    ) {
        let due_now = total * share / 4;
        let mut world = if is_held_first { World::held(total, due_now) } else { World::new(total, due_now) };
        for step in steps {
            match step {
                Step::Hear(index, kind) => {
                    let index = index % world.books.operations.len();
                    let amount = world.books.operations[index].amount;
                    world.hear(index, &outcome(kind, amount));
                }
                Step::Capture(sequence, amount, last) => {
                    if let Ok(Some(planned)) = world.books.plan_capture(sequence, eur(amount), last) {
                        world.add(planned);
                    }
                }
                Step::Refund(refund, amount) => {
                    for planned in world.books.plan_refund(Uuid::from_u128(refund).into(), eur(amount)).unwrap_or_default() {
                        world.add(planned);
                    }
                }
                Step::Release => {
                    if let Ok(Some(planned)) = world.books.plan_release() {
                        world.add(planned);
                    }
                }
                Step::Look(days) => {
                    let change = world.books.check_hold(day(days)).change;
                    world.take(change);
                }
                Step::HoldIsOver(days) => {
                    let change = world.books.hold_is_over(day(days));
                    world.take(change);
                }
                Step::GiveUp => {
                    let over = matches!(world.books.payment.state, PaymentState::Cancelled | PaymentState::Declined);
                    world.books.payment.is_given_up |= !over;
                    let change = world.books.wind_down();
                    world.take(change);
                }
            }
        }
    }
}
