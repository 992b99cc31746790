//! PayPal's own books, as reconciliation reads them: whole, signed as ours, in pages, late, and refused.

use aisle::payments::{LineKind, PaymentState, ProviderName, StatementError, StatementLine};
use aisle::sandbox::paypal::{Ending, Fault, Rule};
use chrono::Duration;

use crate::support::payments::{PaidShop, eur};

async fn lines(shop: &PaidShop) -> Result<Vec<StatementLine>, StatementError> {
    let app = &shop.test.app;
    let provider = app.providers.get(ProviderName::PayPal).expect("PayPal");
    let now = app.clock.now();
    let statement = provider.statement(now - Duration::days(30), now + Duration::hours(1)).await?;
    assert_eq!(statement.unread, []);
    Ok(statement.lines)
}

fn of(lines: &[StatementLine], kind: &LineKind) -> Vec<i64> {
    lines.iter().filter(|line| line.kind == *kind).map(|line| line.gross.minor()).collect()
}

#[tokio::test]
async fn every_movement_is_a_line_with_its_fee_its_capture_and_our_name() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let charged = payer.pay(1299, 1299).await;
    shop.until_state(charged, PaymentState::Captured).await;
    shop.refund(charged, shop.test.app.ids.next(), eur(299)).await.expect("asked for");
    shop.until(charged, |found| found.refunded == eur(299)).await;
    let lost = payer.pay(500, 500).await;
    shop.until_state(lost, PaymentState::Captured).await;
    let books = shop.sandbox.books();
    let capture = books.captures.values().find(|one| one.amount.minor == 500).expect("a capture").id.clone();
    let dispute = shop.sandbox.open_dispute(&capture, "UNAUTHORISED", "CHARGEBACK").expect("opened");
    assert!(shop.sandbox.resolve_dispute(&dispute, Ending::Buyer));
    shop.sandbox.pay_out("EUR", 900);

    let lines = lines(&shop).await.expect("a statement");
    assert_eq!(of(&lines, &LineKind::Captured), [1299, 500]);
    assert_eq!(of(&lines, &LineKind::Refunded), [-299]);
    assert_eq!(of(&lines, &LineKind::DisputeHeld), [-500]);
    assert_eq!(of(&lines, &LineKind::DisputeReleased), [500]);
    assert_eq!(of(&lines, &LineKind::Chargeback), [-500]);
    assert_eq!(of(&lines, &LineKind::Payout), [-900]);
    let captured = lines.iter().find(|line| line.gross == eur(1299)).expect("the capture");
    assert_eq!(captured.fee, Some(eur(67)));
    assert!(captured.operation.is_some() && captured.order.is_some());
    let refund = lines.iter().find(|line| line.kind == LineKind::Refunded).expect("the refund");
    assert_eq!(refund.capture, captured.capture);
    let mut names: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), lines.len(), "names are unique");
    shop.check_exchanges();
}

#[tokio::test]
async fn what_is_pending_moved_no_money_and_what_is_late_shows_later() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("dora+pending@example.com").await;
    let payment = payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    assert_eq!(lines(&shop).await.expect("a statement"), []);
    let capture = shop.sandbox.books().captures.keys().next().expect("a capture").clone();
    assert!(shop.sandbox.settle_capture(&capture, true));
    shop.until_state(payment, PaymentState::Captured).await;
    shop.sandbox.set_reports_late(3 * 3600);
    assert_eq!(lines(&shop).await.expect("a statement"), []);
    shop.pass(Duration::hours(4));
    assert_eq!(lines(&shop).await.expect("a statement").len(), 1);
    let terms = shop.test.app.providers.get(ProviderName::PayPal).expect("PayPal").statement_terms();
    assert_eq!(terms.expect("terms").late_by, Duration::hours(3));
}

#[tokio::test]
async fn books_that_can_not_be_read_say_why() {
    let shop = PaidShop::open().await;
    for (status, refused) in [(403, true), (500, false), (429, false)] {
        shop.sandbox.add_fault(Rule::new("reporting.transactions", Fault::ErrorBefore { status }, 1));
        match lines(&shop).await.expect_err("no statement") {
            StatementError::Refused(_) => assert!(refused, "{status}"),
            StatementError::Unavailable(_) => assert!(!refused, "{status}"),
            other => panic!("{status}: {other}"),
        }
    }
}
