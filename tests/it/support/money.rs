//! What the rooms above may ask of a payment, and how it is read, at whichever provider it is.

use aisle::db::Run;
use aisle::ids::{PaymentId, RefundId};
use aisle::money::Money;
use aisle::payments::{self, Payment};

use super::TestApp;

/// Rounds of jobs, a second apart, after which an open payment counts as stuck: longer than every quick pause.
const ROUNDS_MAX: usize = 60;

impl TestApp {
    /// Works jobs off, a second apart, until the payment is as far as meant.
    pub async fn until_payment(&self, payment: PaymentId, is_far: impl Fn(&Payment) -> bool) -> Payment {
        for _ in 0..ROUNDS_MAX {
            self.run_jobs().await;
            let found = self.read_payment(payment).await;
            if is_far(&found) {
                return found;
            }
            self.advance(chrono::Duration::seconds(1));
        }
        panic!("the payment is stuck: {:?}", self.read_payment(payment).await)
    }

    pub async fn read_payment(&self, payment: PaymentId) -> Payment {
        payments::find(&self.app.db, payment).await.expect("read").expect("a payment")
    }

    /// Gives a payment up.
    pub async fn cancel(&self, payment: PaymentId) {
        let mut tx = self.app.db.begin().await.expect("begun");
        let now = self.app.clock.now();
        payments::cancel(&mut tx, &self.app.ids, now, payment).await.expect("cancelled");
        tx.commit().await.expect("committed");
    }

    pub async fn capture(
        &self,
        payment: PaymentId,
        sequence: i64,
        amount: Money,
        last: bool,
    ) -> Result<(), payments::Error> {
        let (ids, now) = (&self.app.ids, self.app.clock.now());
        let mut tx = self.app.db.begin().await?;
        payments::capture(&mut tx, ids, now, payment, sequence, amount, last).await?;
        Ok(tx.commit().await?)
    }

    pub async fn refund(
        &self,
        payment: PaymentId,
        refund: RefundId,
        amount: Money,
    ) -> Result<(), payments::Error> {
        let (ids, now) = (&self.app.ids, self.app.clock.now());
        let mut tx = self.app.db.begin().await?;
        payments::refund(&mut tx, ids, now, payment, refund, (amount, &[])).await?;
        Ok(tx.commit().await?)
    }

    /// What stands on an account of the ledger, in minor units: debits less credits.
    pub async fn balance(&self, account: &str) -> i64 {
        let balance: (i64,) = self
            .app
            .db
            .sql(
                "SELECT CAST(COALESCE(SUM(CASE WHEN debit = $1 THEN amount ELSE -amount END), 0) AS BIGINT)
                 FROM ledger_postings
                 WHERE debit = $1 OR credit = $1",
            )
            .bind(account)
            .fetch_one()
            .await
            .expect("a balance");
        balance.0
    }

    /// The ledger's entries of a payment: kind and minor units, sorted.
    pub async fn facts_of(&self, payment: PaymentId) -> Vec<(String, i64)> {
        self.app
            .db
            .sql(
                "SELECT kind, MAX(amount) FROM ledger_transactions
                 JOIN ledger_postings ON transaction_id = id
                 WHERE payment = $1
                 GROUP BY id, kind
                 ORDER BY kind, MAX(amount)",
            )
            .bind(payment)
            .fetch_all()
            .await
            .expect("facts")
    }
}
