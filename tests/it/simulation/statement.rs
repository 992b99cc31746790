//! Our books held against the providers' own, as `aisle reconcile` does it.

use std::collections::BTreeSet;

use aisle::clock::{Clock, Moment};
use aisle::payments::ProviderName;
use aisle::payments::reconcile::{self, Difference, Wish};
use chrono::Duration;

use crate::support::killable::Shop;

/// Later than any provider's books may be.
const LATER: Duration = Duration::days(60);
/// Clocks of sandboxes that were moved on are not further than this.
const AHEAD: Duration = Duration::days(30);

fn yesterday() -> Moment {
    Clock::System.now() - Duration::days(1)
}

/// Has the service learn what its providers' books say, by the command that staff use. What was taken back behind our back and
/// told by an event that was lost is known then.
pub async fn learn(shop: &Shop) {
    let tomorrow = yesterday() + Duration::days(2);
    let arguments = ["reconcile", "--from", &yesterday().to_rfc3339(), "--to", &tomorrow.to_rfc3339()];
    let (text, code) = shop.command(arguments.map(str::to_owned).to_vec()).await;
    assert!(matches!(code, Some(0 | 1)), "{code:?}: {text}");
}

/// What does not agree although the providers' books are whole by now, without what payers did behind our back: that is for
/// people to look at.
pub async fn differences(shop: &Shop) -> Vec<String> {
    shop.klarna.pay_out();
    let app = shop.app_at(Clock::System.now() + LATER).await;
    let contested = contested(shop);
    let mut found = Vec::new();
    for provider in [ProviderName::PayPal, ProviderName::Klarna] {
        let (from, to) = (yesterday(), Clock::System.now() + AHEAD);
        let wish = Wish { id: app.ids.next(), provider, from, to, staff: None };
        let (_, run) = reconcile::begin(&app, &wish, false).await.expect("begun");
        let books = app.providers.get(provider).expect("a provider");
        let terms = books.statement_terms().expect("it shows its books");
        let run = reconcile::run_with(&app, run, terms, |from, to| books.statement(from, to)).await;
        let run = run.expect("compared");
        if run.state.as_str() != "done" || run.matched != run.lines || run.matched != run.movements {
            found.push(format!("{run:?}"));
        }
        let differences = reconcile::differences(&app.db, &run).await.expect("read");
        let unexplained = differences.iter().filter(|each| !is_explained(each, &contested));
        found.extend(unexplained.map(|each| format!("{:?}", each.finding)));
    }
    app.db.close().await;
    found
}

/// The captures at PayPal and orders at Klarna that payers disputed, or that were taken back.
fn contested(shop: &Shop) -> BTreeSet<String> {
    let paypal = shop.paypal.books();
    let disputed = paypal.disputes.values().map(|dispute| dispute.capture_id.clone());
    let reversed = paypal.captures.values().filter(|capture| capture.reversal.is_some());
    let klarna = shop.klarna.books();
    let charged_back = klarna.orders.values().filter(|order| !order.chargebacks.is_empty());
    disputed
        .chain(reversed.map(|capture| capture.id.clone()))
        .chain(charged_back.map(|order| order.id.clone()))
        .collect()
}

fn is_explained(difference: &Difference, contested: &BTreeSet<String>) -> bool {
    let finding = &difference.finding;
    let names = finding.line.iter().flat_map(|line| [&line.order, &line.capture]).flatten();
    let is_of_contest = matches!(finding.kind.as_str(), "taken_back" | "disputed");
    is_of_contest && names.into_iter().any(|name| contested.contains(name))
}
