//! Jobs: what was asked for in a committed transaction is done, once or more, and never silently lost.

use aisle::db::Run;
use aisle::ids::OperationId;
use aisle::jobs::{self, Job};
use aisle::payments::{Operate, PaymentState};
use aisle::sandbox::paypal::{Fault, Rule};
use serde::{Deserialize, Serialize};

use crate::support::TestApp;
use crate::support::payments::PaidShop;

#[derive(Serialize, Deserialize)]
struct Unheard {
    of: String,
}

impl Job for Unheard {
    const KIND: &'static str = "unheard_of";

    fn subject(&self) -> String {
        self.of.clone()
    }
}

/// A job of a kind that is known, with a payload that can't be read.
#[derive(Serialize, Deserialize)]
struct Unreadable {
    of: String,
}

impl Job for Unreadable {
    const KIND: &'static str = Operate::KIND;

    fn subject(&self) -> String {
        self.of.clone()
    }
}

/// Asks for a job that nobody can do.
pub async fn ask(test: &TestApp, of: &str) {
    enqueue(test, &Unreadable { of: of.to_owned() }).await;
}

async fn enqueue(test: &TestApp, job: &impl Job) {
    let mut tx = test.app.db.begin().await.expect("begun");
    jobs::enqueue(&mut tx, &test.app.ids, test.app.clock.now(), job).await.expect("asked");
    tx.commit().await.expect("committed");
}

#[tokio::test]
async fn a_job_of_an_unknown_kind_waits_for_an_instance_of_another_release() {
    let test = TestApp::new().await;
    enqueue(&test, &Unheard { of: "a".to_owned() }).await;
    assert_eq!(test.run_jobs().await, 0);
    let counts = jobs::counts(&test.app.db).await.expect("counted");
    assert_eq!((counts.waiting, counts.dead), (1, 0));
}

#[tokio::test]
async fn a_job_that_nobody_can_do_becomes_a_dead_letter_that_can_be_replayed_and_dropped() {
    let test = TestApp::new().await;
    ask(&test, "a").await;
    assert_eq!(test.run_jobs().await, 1);
    let dead = jobs::dead(&test.app.db).await.expect("listed");
    assert_eq!((dead.len(), dead[0].subject.as_str()), (1, "a"));
    assert!(jobs::replay(&test.app.db, dead[0].id, test.app.clock.now()).await.expect("replayed"));
    assert_eq!(test.run_jobs().await, 1);
    assert!(jobs::drop_dead(&test.app.db, dead[0].id).await.expect("dropped"));
    assert_eq!(jobs::counts(&test.app.db).await.expect("counted"), jobs::Counts::default());
}

#[tokio::test]
async fn a_job_asked_for_twice_waits_once() {
    let test = TestApp::new().await;
    ask(&test, "a").await;
    ask(&test, "a").await;
    ask(&test, "b").await;
    assert_eq!(jobs::counts(&test.app.db).await.expect("counted").waiting, 2);
}

#[tokio::test]
async fn a_job_of_a_transaction_that_was_rolled_back_is_never_done() {
    let test = TestApp::new().await;
    let mut tx = test.app.db.begin().await.expect("begun");
    let job = Unheard { of: "a".to_owned() };
    jobs::enqueue(&mut tx, &test.app.ids, test.app.clock.now(), &job).await.expect("asked");
    tx.rollback().await.expect("rolled back");
    assert_eq!(test.run_jobs().await, 0);
}

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let test = TestApp::new().await;
    test.get("/v1/nothing").send().await.problem(404, "no_such_route");
    test.get("/health/ready").send().await.expect(204);
}

#[tokio::test]
async fn a_job_that_is_asked_for_while_it_fails_for_good_runs_once_more_instead_of_dying() {
    let shop = PaidShop::open().await;
    let payer = shop.payer("anna@example.com").await;
    let payment = payer.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    // The void is refused for good, slowly; the second time it goes through.
    shop.sandbox.add_fault(Rule::new("authorizations.get", Fault::DelayMs { delay_ms: 500 }, 1));
    shop.sandbox.add_fault(Rule::new("authorizations.void", Fault::ErrorBefore { status: 403 }, 1));
    shop.cancel(payment).await;
    let db = &shop.test.app.db;
    let meanwhile = async {
        loop {
            let running: Option<(OperationId,)> = db
                .sql("SELECT id FROM payment_operations WHERE kind = 'void' AND state = 'sent'")
                .fetch_optional()
                .await
                .expect("read");
            let Some((operation,)) = running else { continue };
            let job = Operate { operation };
            let mut tx = db.begin().await.expect("begun");
            jobs::enqueue(&mut tx, &shop.test.app.ids, shop.test.app.clock.now(), &job).await.expect("asked");
            return tx.commit().await.expect("committed");
        }
    };
    tokio::join!(shop.test.run_jobs(), meanwhile);
    shop.until_state(payment, PaymentState::Cancelled).await;
    assert!(jobs::dead(db).await.expect("listed").is_empty());
    assert_eq!(shop.open_holds(), 0);
}
