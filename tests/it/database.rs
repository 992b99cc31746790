//! The database's two engines under one face: what was told is kept, whoever gave up beside it.

use std::time::Duration;

use aisle::db::{Db, Options, Run};

use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_beginning_that_nobody_waited_for_leaves_no_transaction_to_those_that_come_after() {
    let database = TestDatabase::new().await;
    // One connection, so that whoever comes next gets the very one.
    let alone = Options { connections_max: 1, ..database.options.clone() };
    let db = Db::open(&alone).await.expect("the database opens");
    let others = Db::open(&database.options).await.expect("the database opens");
    db.sql("CREATE TABLE told (it BIGINT NOT NULL)").execute().await.expect("made");
    for round in 1..=8_i64 {
        // No time at all: the first wait for the database ends it.
        let begun = tokio::time::timeout(Duration::ZERO, db.begin()).await;
        drop(begun);
        let looked = tokio::time::timeout(Duration::ZERO, db.snapshot()).await;
        drop(looked);
        db.sql("INSERT INTO told (it) VALUES ($1)").bind(round).execute().await.expect("written");
        let (kept,): (i64,) = others.sql("SELECT COUNT(*) FROM told").fetch_one().await.expect("counted");
        assert_eq!(kept, round, "what was written is to be seen by all");
    }
}
