//! Disputed debits.

use super::*;

#[test]
fn a_disputed_debit_of_a_payment_that_is_given_up_goes_back_when_the_dispute_is_over() {
    let mut world = World::new(1000, 1000);
    world.approve(0);
    world.books.operations[0].is_disputed = true;
    world.books.payment.is_given_up = true;
    let change = world.books.wind_down();
    assert_eq!((change.planned.len(), change.payment.state), (0, PaymentState::Captured));
    world.books.operations[0].is_disputed = false;
    let change = world.books.wind_down();
    world.take(change);
    world.approve(1);
    assert_eq!((world.books.payment.state, world.sum(FactKind::Refunded)), (PaymentState::Cancelled, 1000));
}
