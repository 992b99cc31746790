//! Holds: renewed, run out, taken again, gone when they were to be captured.

use super::*;

#[test]
fn a_renewal_replaces_the_hold_and_captures_wait_for_it() {
    let mut world = World::new(1000, 400);
    world.hear(0, &held(eur(1000), "first", 0));
    world.approve(1);
    assert_eq!(world.books.payment.hold_look_at, Some(day(3)));
    let check = world.books.check_hold(day(2));
    assert!(check.change.planned.is_empty() && check.change.news.is_empty());
    let check = world.books.check_hold(day(3));
    world.take(check.change);
    assert_eq!(
        (world.books.operations[2].kind, world.books.operations[2].amount),
        (OperationKind::Renew, eur(600))
    );
    assert!(world.books.check_hold(day(3)).change.planned.is_empty(), "one renewal at a time");
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    assert!(world.books.waits_for_others(&world.books.operations[3]));
    world.hear(2, &held(eur(600), "second", 3));
    assert!(!world.books.waits_for_others(&world.books.operations[3]));
    assert_eq!(world.books.payment.provider_authorisation.as_deref(), Some("second"));
    assert_eq!(world.books.first_hold(), Some("first"));
    world.approve(3);
    assert_eq!(world.books.payment.state, PaymentState::Captured);
}

#[test]
fn staff_are_told_before_a_hold_that_can_not_be_renewed_ends() {
    let mut world = World::new(1000, 0);
    world.hear(0, &held(eur(1000), "first", 0));
    let check = world.books.check_hold(day(4));
    world.take(check.change);
    world.hear(1, &declined());
    assert_eq!(world.books.payment.hold_look_at, Some(day(5)), "asked again a day later");
    let check = world.books.check_hold(day(27));
    world.take(check.change);
    assert!(matches!(world.news.last(), Some(News::HoldEnds { at, .. }) if *at == day(29)));
    assert!(world.books.check_hold(day(29)).is_over);
}

#[test]
fn a_hold_that_ran_out_is_taken_again_and_one_that_was_let_go_of_is_over() {
    for (now, again) in [(day(29), true), (day(10), false)] {
        let mut world = World::new(1000, 400);
        world.hear(0, &held(eur(1000), "first", 0));
        world.approve(1);
        let change = world.books.hold_is_over(now);
        world.take(change);
        assert!(world.books.hold_is_over(now).planned.is_empty(), "once");
        if again {
            world.hear(2, &held(eur(600), "second", 29));
            assert_eq!(world.books.payment.state, PaymentState::Authorised);
            assert_eq!(world.books.first_hold(), Some("second"));
            assert_eq!(world.books.payment.held(), eur(600));
        } else {
            world.approve(2);
            assert_eq!(world.books.payment.state, PaymentState::Captured);
        }
    }
}

#[test]
fn a_hold_that_can_not_be_taken_again_is_told_as_lost() {
    let mut world = World::new(1000, 0);
    world.hear(0, &held(eur(1000), "first", 0));
    let change = world.books.hold_is_over(day(29));
    world.take(change);
    world.hear(1, &declined());
    assert!(
        world.news.iter().any(|news| matches!(news, News::HoldLost { amount, .. } if *amount == eur(1000)))
    );
    assert_eq!(world.books.payment.state, PaymentState::Cancelled);
}

#[test]
fn a_capture_that_finds_its_hold_gone_follows_a_hold_that_is_taken_again() {
    let mut world = World::new(1000, 400);
    world.hear(0, &held(eur(1000), "first", 0));
    world.approve(1);
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    world.hear(2, &gone());
    assert!(!world.news.iter().any(|news| matches!(news, News::CaptureFailed { .. })));
    world.hear(2, &gone());
    assert_eq!(world.books.operations.len(), 4);
    assert_eq!(world.books.effect(&world.books.operations[3]), Effect::HoldAgain);
    world.hear(3, &held(eur(600), "second", 29));
    let again = &world.books.operations[4];
    assert_eq!((again.kind, again.sequence, again.is_last), (OperationKind::Capture, -2, true));
    assert_eq!(world.books.plan_capture(0, eur(600), true), Ok(None), "asked for before");
    world.approve(4);
    assert_eq!(
        (world.books.payment.captured, world.books.payment.state),
        (eur(1000), PaymentState::Captured)
    );
}

#[test]
fn goods_whose_hold_is_gone_and_can_not_be_taken_again_are_not_paid() {
    let mut world = World::new(1000, 400);
    world.hear(0, &held(eur(1000), "first", 0));
    world.approve(1);
    let planned = world.books.plan_capture(0, eur(600), true).expect("allowed").expect("new");
    world.add(planned);
    world.hear(2, &gone());
    world.hear(3, &declined());
    let told = world
        .news
        .iter()
        .filter(|news| matches!(news, News::CaptureFailed { amount, .. } if *amount == eur(600)));
    assert_eq!(told.count(), 1);
    assert_eq!((world.books.payment.captured, world.books.payment.state), (eur(400), PaymentState::Captured));
}

#[test]
fn what_is_held_anew_may_ask_the_shopper_without_undoing_the_purchase() {
    let mut world = World::new(1000, 0);
    world.hear(0, &held(eur(1000), "first", 0));
    let change = world.books.hold_is_over(day(29));
    world.take(change);
    let asks = |order: &str| Outcome::ActionRequired { order: order.to_owned(), url: "u".to_owned() };
    world.hear(1, &asks("again"));
    assert_eq!(world.books.payment.state, PaymentState::Authorised);
    assert_eq!(world.books.order_of(&world.books.operations[1]), Some("again"));
    world.hear(1, &Outcome::Confirmed { order: "again".to_owned() });
    let completion = world.books.operations[2].clone();
    assert_eq!(world.books.effect(&completion), Effect::HoldAgain);
    assert_eq!(world.books.order_of(&completion), Some("again"));
    world.hear(2, &held(eur(1000), "second", 29));
    assert_eq!(world.books.payment.provider_authorisation.as_deref(), Some("second"));
}
