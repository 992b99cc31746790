//! Our books held against PayPal's: what both have agrees, and every difference that is planted is found, once, with what to do.

use std::sync::Mutex;

use aisle::db::Run;
use aisle::identity::Role;
use aisle::ids::{OperationId, PaymentId};
use aisle::payments::reconcile::{self, Difference, Reconciliation, Wish};
use aisle::payments::{
    LineKind, PaymentState, ProviderName, Statement, StatementError, StatementLine, StatementTerms,
    UnreadLine,
};
use aisle::sandbox::paypal::{CaptureStatus, RefundStatus, Rule};
use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::LOST;
use crate::support::payments::{PaidShop, eur};

const TERMS: StatementTerms = StatementTerms {
    span_max: Duration::days(31),
    late_by: Duration::hours(3),
    kept_for: Duration::days(1095),
    tells_fees: true,
    tells_payouts: true,
};

/// A line about a capture, of this kind and amount in cents.
fn line(id: &str, kind: LineKind, capture: Option<&str>, minor: i64, at: DateTime<Utc>) -> StatementLine {
    StatementLine {
        id: id.to_owned(),
        kind,
        order: None,
        capture: capture.map(str::to_owned),
        refund: None,
        operation: None,
        reference: None,
        gross: eur(minor),
        fee: None,
        at,
        payout: None,
    }
}

/// PayPal's books as its statement tells them: a line for each capture and each refund that is money.
fn lines(shop: &PaidShop) -> Vec<StatementLine> {
    let (books, now) = (shop.sandbox.books(), shop.test.app.clock.now());
    let is_money = |status| !matches!(status, CaptureStatus::Declined | CaptureStatus::Pending);
    let captures = books.captures.iter().filter(|(_, capture)| is_money(capture.status));
    let captures = captures.map(|(id, capture)| {
        line(&format!("T{id}"), LineKind::Captured, Some(id), capture.amount.minor, now)
    });
    let refunds = books.refunds.iter().filter(|(_, refund)| refund.status == RefundStatus::Completed);
    let refunds = refunds.map(|(id, refund)| StatementLine {
        refund: Some(id.clone()),
        ..line(&format!("T{id}"), LineKind::Refunded, Some(&refund.capture_id), -refund.amount.minor, now)
    });
    captures.chain(refunds).collect()
}

/// Compares the last two days with these lines.
async fn compare(shop: &PaidShop, lines: &[StatementLine]) -> (Reconciliation, Vec<Difference>) {
    let statement = Statement { lines: lines.to_vec(), unread: Vec::new(), whole_until: None };
    compare_with(shop, move || Ok(statement.clone())).await
}

async fn compare_with(
    shop: &PaidShop,
    statement: impl Fn() -> Result<Statement, StatementError>,
) -> (Reconciliation, Vec<Difference>) {
    let app = &shop.test.app;
    let now = app.clock.now();
    let wish = Wish {
        id: app.ids.next(),
        provider: ProviderName::PayPal,
        from: now - Duration::days(2),
        to: now + Duration::hours(1),
        staff: None,
    };
    let (_, run) = reconcile::begin(app, &wish, false).await.expect("begun");
    let run =
        reconcile::run_with(app, run, TERMS, |_, _| std::future::ready(statement())).await.expect("compared");
    let found = reconcile::differences(&app.db, &run).await.expect("read");
    (run, found)
}

fn kinds(differences: &[Difference]) -> Vec<&str> {
    let mut kinds: Vec<&str> = differences.iter().map(|each| each.finding.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds
}

async fn balance(shop: &PaidShop, account: &str) -> i64 {
    super::ledger::balance(shop, account).await
}

/// A charge and a hold of which a part is captured, with a refund: three lines.
async fn trade(shop: &PaidShop) -> [PaymentId; 2] {
    let payer = shop.payer("anna@example.com").await;
    let charged = payer.pay(1299, 1299).await;
    shop.until_state(charged, PaymentState::Captured).await;
    let held = payer.pay(1000, 400).await;
    shop.until(held, |found| found.captured == eur(400)).await;
    shop.refund(charged, shop.test.app.ids.next(), eur(299)).await.expect("asked for");
    shop.until(charged, |found| found.refunded == eur(299)).await;
    // Later than what may be told late.
    shop.test.advance(Duration::hours(4));
    [charged, held]
}

fn capture_of(lines: &[StatementLine], minor: i64) -> StatementLine {
    lines.iter().find(|line| line.gross == eur(minor)).expect("a line").clone()
}

#[tokio::test]
async fn books_that_agree_have_no_difference_and_fees_and_payouts_are_noted_once() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let mut lines = lines(&shop);
    for line in &mut lines {
        line.fee = Some(eur(if line.gross.is_positive() { 35 } else { -5 }));
    }
    let now = shop.test.app.clock.now();
    lines.push(line("TPAYOUT", LineKind::Payout, None, -1000, now));
    for _ in 0..2 {
        let (run, found) = compare(&shop, &lines).await;
        assert_eq!(kinds(&found), Vec::<&str>::new());
        assert_eq!((run.lines, run.movements, run.matched), (3, 3, 3));
        assert_eq!((balance(&shop, "fees").await, balance(&shop, "bank").await), (65, 1000));
        // What PayPal has of ours: all lines, less its fees.
        let at_paypal: i64 = lines
            .iter()
            .map(|line| line.gross.minor() - line.fee.map_or(0, aisle::money::Money::minor))
            .sum();
        assert_eq!(balance(&shop, "receivable").await, at_paypal);
    }
}

#[tokio::test]
async fn a_debit_behind_our_back_and_a_refund_on_paypals_pages_are_found() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    // Before the first capture's refund is asked for again: by hand, on the pages.
    let by_hand = shop.refund_by_hand(50).await;
    let mut lines = lines(&shop);
    let now = shop.test.app.clock.now();
    lines.push(line("TALIEN", LineKind::Captured, Some("9ALIEN"), 7777, now));
    let (run, found) = compare(&shop, &lines).await;
    assert_eq!(kinds(&found), ["unknown_debit", "unknown_refund"]);
    assert_eq!((run.lines, run.matched), (5, 3));
    let alien = found.iter().find(|each| each.finding.kind.is_alarm()).expect("an alarm");
    assert_eq!((alien.finding.theirs, alien.finding.ours), (Some(eur(7777)), None));
    let refund = found.iter().find(|each| !each.finding.kind.is_alarm()).expect("the refund");
    let told = refund.finding.line.as_ref().and_then(|line| line.refund.as_deref());
    assert_eq!(told, Some(by_hand.as_str()));
    // Found again, they are the same differences.
    let (_, again) = compare(&shop, &lines).await;
    assert_eq!(
        again.iter().map(|each| each.id).collect::<Vec<_>>(),
        found.iter().map(|each| each.id).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_paypals_statement_lacks_is_looked_up_by_name_and_gone_when_it_shows_up() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let all = lines(&shop);
    let without: Vec<_> = all.iter().filter(|line| line.gross != eur(1299)).cloned().collect();
    let (_, found) = compare(&shop, &without).await;
    assert_eq!(kinds(&found), ["missing_debit"]);
    let finding = &found[0].finding;
    assert_eq!((finding.certainty.as_str(), finding.ours), ("unsure", Some(eur(1299))));
    assert!(
        finding.detail.as_deref().is_some_and(|detail| detail.contains("is there when asked for by name"))
    );
    let (_, found) = compare(&shop, &all).await;
    assert_eq!(kinds(&found), Vec::<&str>::new(), "gone");
}

#[tokio::test]
async fn what_paypal_may_tell_late_is_not_missed_yet() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(500, 500).await;
    shop.until_state(payment, PaymentState::Captured).await;
    let (_, found) = compare(&shop, &[]).await;
    assert_eq!(kinds(&found), Vec::<&str>::new());
    shop.test.advance(Duration::hours(3) + Duration::minutes(1));
    let (_, found) = compare(&shop, &[]).await;
    assert_eq!(kinds(&found), ["missing_debit"]);
}

#[tokio::test]
async fn another_amount_is_found_with_both() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let mut lines = lines(&shop);
    for line in lines.iter_mut().filter(|line| line.gross == eur(400)) {
        line.gross = eur(401);
    }
    let (_, found) = compare(&shop, &lines).await;
    assert_eq!(kinds(&found), ["amount_differs"]);
    assert_eq!((found[0].finding.ours, found[0].finding.theirs), (Some(eur(400)), Some(eur(401))));
}

#[tokio::test]
async fn a_debit_whose_outcome_we_lost_is_told_with_our_operation() {
    let shop = PaidShop::open().await;
    shop.test.expects_dead_jobs();
    let payer = shop.payer("anna@example.com").await;
    shop.sandbox.add_fault(Rule::new("orders.create", LOST, 1));
    payer.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    shop.test.advance(Duration::hours(7));
    shop.test.run_jobs().await;
    let operation: (OperationId,) = shop
        .test
        .app
        .db
        .sql("SELECT id FROM payment_operations WHERE kind = 'charge'")
        .fetch_one()
        .await
        .expect("an operation");
    let mut lines = lines(&shop);
    lines[0].operation = Some(operation.0);
    let (_, found) = compare(&shop, &lines).await;
    assert_eq!(kinds(&found), ["not_settled"]);
    assert_eq!(found[0].finding.operation, Some(operation.0));
    assert!(found[0].finding.detail.as_deref().is_some_and(|detail| detail.contains("parked")));
}

#[tokio::test]
async fn a_chargeback_and_a_dispute_go_into_the_ledger_and_are_found() {
    let shop = PaidShop::open().await;
    let [charged, _] = trade(&shop).await;
    let mut lines = lines(&shop);
    let now = shop.test.app.clock.now();
    let (first, second) = (capture_of(&lines, 1299), capture_of(&lines, 400));
    lines.push(line("THELD", LineKind::DisputeHeld, second.capture.as_deref(), -400, now));
    lines.push(line("TBACK", LineKind::Chargeback, first.capture.as_deref(), -1000, now));
    let odd = line("TODD", LineKind::Other("T9800".to_owned()), None, -3, now);
    lines.push(odd);
    for _ in 0..2 {
        let (_, found) = compare(&shop, &lines).await;
        assert_eq!(kinds(&found), ["disputed", "taken_back", "unclassified"]);
        assert_eq!((balance(&shop, "reversed").await, balance(&shop, "disputed").await), (1000, 400));
    }
    assert!(shop.facts(charged).await.contains(&("reversed".to_owned(), 1000)));
    // The dispute ends for us, and the chargeback is undone.
    lines.push(line("TFREE", LineKind::DisputeReleased, second.capture.as_deref(), 400, now));
    lines.push(line("TAGAIN", LineKind::Reversed, first.capture.as_deref(), 1000, now));
    compare(&shop, &lines).await;
    assert_eq!((balance(&shop, "reversed").await, balance(&shop, "disputed").await), (0, 0));
    assert_eq!(balance(&shop, "receivable").await, 1299 + 400 - 299);
}

#[tokio::test]
async fn a_line_that_can_not_be_read_is_no_reason_to_miss_the_others() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let unread = UnreadLine { id: "TX".to_owned(), detail: "no such currency: QQQ".to_owned() };
    let statement = Statement { lines: lines(&shop), unread: vec![unread], whole_until: None };
    let (run, found) = compare_with(&shop, move || Ok(statement.clone())).await;
    assert_eq!((kinds(&found), run.matched), (vec!["unread"], 3));
}

#[tokio::test]
async fn spans_are_asked_for_in_parts_that_the_provider_can_answer() {
    let shop = PaidShop::open().await;
    let app = &shop.test.app;
    let now = app.clock.now();
    let wish = Wish {
        id: app.ids.next(),
        provider: ProviderName::PayPal,
        from: now - Duration::days(80),
        to: now,
        staff: None,
    };
    let (_, run) = reconcile::begin(app, &wish, false).await.expect("begun");
    let asked: Mutex<Vec<(DateTime<Utc>, DateTime<Utc>)>> = Mutex::default();
    let read = |from: DateTime<Utc>, to: DateTime<Utc>| {
        asked.lock().expect("a lock").push((from, to));
        // Too many lines in more than ten days.
        let is_long = to - from > Duration::days(10);
        let nothing = Statement { lines: Vec::new(), unread: Vec::new(), whole_until: None };
        std::future::ready(if is_long { Err(StatementError::TooMuch) } else { Ok(nothing) })
    };
    let run = reconcile::run_with(app, run, TERMS, read).await.expect("compared");
    assert_eq!(run.state.as_str(), "done");
    let asked = asked.lock().expect("a lock").clone();
    assert!(asked.iter().all(|(from, to)| *to - *from <= Duration::days(31)));
    let answered: Vec<_> = asked.iter().filter(|(from, to)| *to - *from <= Duration::days(10)).collect();
    assert_eq!(answered.first().map(|(from, _)| *from), Some(now - Duration::days(81)));
    assert_eq!(answered.last().map(|(_, to)| *to), Some(now));
    assert!(answered.windows(2).all(|pair| pair[0].1 == pair[1].0), "without gaps");
}

#[tokio::test]
async fn a_provider_that_refuses_makes_a_comparison_that_failed_and_says_why() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let refused = || Err(StatementError::Refused("no permission".to_owned()));
    let (run, found) = compare_with(&shop, refused).await;
    assert_eq!((run.state.as_str(), found.len()), ("failed", 0));
    assert!(run.trouble.as_deref().is_some_and(|trouble| trouble.contains("no permission")));
}

#[tokio::test]
async fn staff_explain_a_difference_and_it_stays_explained() {
    let shop = PaidShop::open().await;
    trade(&shop).await;
    let mut lines = lines(&shop);
    lines.push(line("TALIEN", LineKind::Captured, Some("9ALIEN"), 7777, shop.test.app.clock.now()));
    let (run, found) = compare(&shop, &lines).await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    let open = "/v1/reconciliation-differences";
    for (role, store) in [(Role::Supervisor, "*"), (Role::Admin, "0001")] {
        let other = shop.test.staff(role, &[store]).await;
        for path in [open, "/v1/reconciliations"] {
            shop.test.get(path).bearer(&other).send().await.problem(403, "role_missing");
        }
    }
    let listed = shop.test.get(open).bearer(&admin).send().await.expect(200);
    assert_eq!(listed.json["differences"][0]["id"], json!(found[0].id));
    assert_eq!(
        (&listed.json["differences"][0]["is_alarm"], listed.text("/differences/0/kind")),
        (&json!(true), "unknown_debit")
    );
    let explain = format!("{open}/{}/explain", found[0].id);
    let send =
        async |note: &str| shop.test.post(&explain, &json!({"note": note})).bearer(&admin).send().await;
    assert_eq!(send("an invoice of the head office").await.expect(200).text("/state"), "explained");
    send("an invoice of the head office").await.expect(200);
    send("something else").await.problem(409, "difference_state");
    let nothing: uuid::Uuid = shop.test.app.ids.next();
    let call = shop.test.post(&format!("{open}/{nothing}/explain"), &json!({"note": "x"})).bearer(&admin);
    call.send().await.problem(404, "difference_unknown");
    let (_, again) = compare(&shop, &lines).await;
    assert_eq!(again[0].state.as_str(), "explained");
    assert_eq!(shop.test.get(open).bearer(&admin).send().await.expect(200).json["differences"], json!([]));
    let report =
        shop.test.get(&format!("/v1/reconciliations/{}", run.id)).bearer(&admin).send().await.expect(200);
    assert_eq!(report.text("/reconciliation/state"), "done");
    assert_eq!(report.text("/differences/0/note"), "an invoice of the head office");
    let runs = shop.test.get("/v1/reconciliations").bearer(&admin).send().await.expect(200);
    assert_eq!(runs.json["reconciliations"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_comparison_is_asked_for_once_and_only_of_a_span_that_can_be() {
    let shop = PaidShop::open().await;
    let app = &shop.test.app;
    let now = app.clock.now();
    let wish = |from: DateTime<Utc>, to: DateTime<Utc>| Wish {
        id: app.ids.next(),
        provider: ProviderName::PayPal,
        from,
        to,
        staff: None,
    };
    let week = Duration::days(7);
    for (from, to) in [(now, now), (now, now - week), (now + week, now + week * 2), (now - week * 20, now)] {
        assert!(reconcile::begin(app, &wish(from, to), false).await.is_err(), "{from} {to}");
    }
    let right = wish(now - week, now);
    assert!(reconcile::begin(app, &right, false).await.expect("begun").0);
    assert!(!reconcile::begin(app, &right, false).await.expect("begun before").0);
    let other = Wish { to: now - Duration::days(1), ..right };
    assert!(reconcile::begin(app, &other, false).await.is_err(), "the same name for another span");
}
