//! Every call that the adapter makes, held against PayPal's own files in both directions: none is left out.

use std::collections::BTreeSet;

use aisle::identity::Role;
use aisle::ids::DisputeAnswerId;
use aisle::payments::{self, PaymentState, ProviderName};
use chrono::Duration;
use serde_json::json;

use crate::contract::files::assert_covered;
use crate::contract::paypal::specifications;
use crate::support::payments::{PaidShop, eur};

/// The calls by the sandbox's names. The token endpoint is in no file.
const CALLS: [&str; 24] = [
    "authorizations.capture",
    "authorizations.get",
    "authorizations.reauthorize",
    "authorizations.void",
    "captures.get",
    "captures.refund",
    "disputes.accept",
    "disputes.evidence",
    "disputes.get",
    "oauth.token",
    "orders.authorize",
    "orders.capture",
    "orders.create",
    "orders.get",
    "orders.track",
    "refunds.get",
    "reporting.transactions",
    "vault.setup",
    "vault.setup_get",
    "vault.token",
    "vault.token_delete",
    "vault.token_get",
    "webhooks.list",
    "webhooks.verify",
];

#[tokio::test]
async fn every_call_of_the_adapter_is_held_against_paypals_files() {
    let shop = PaidShop::open_with("AISLE_PAYPAL_WEBHOOK_CHECK", "online").await;
    payments::schedule(&shop.test.app).await.expect("scheduled");
    links_end(&shop).await;
    shoppers_confirm(&shop).await;
    money_is_reviewed(&shop).await;
    debits_are_disputed(&shop).await;
    goods_are_sent(&shop).await;
    let provider = shop.test.app.providers.get(ProviderName::PayPal).expect("PayPal");
    let now = shop.test.app.clock.now();
    provider.statement(now - Duration::days(2), now).await.expect("a statement");
    holds_run_out(&shop).await;

    let exchanges = shop.sandbox.exchanges();
    let made: BTreeSet<&str> = exchanges.iter().map(|exchange| exchange.operation).collect();
    assert_eq!(made, BTreeSet::from(CALLS));
    let targets: Vec<&str> = exchanges.iter().map(|exchange| exchange.target.as_str()).collect();
    assert_eq!(paths_never_called(&targets), Vec::<String>::new());
    shop.check_exchanges();
    assert_covered(specifications(), &exchanges, &["oauth.token"]);
}

/// One link ends here, one at PayPal.
async fn links_end(shop: &PaidShop) {
    let anna = shop.payer("anna@example.com").await;
    let path = format!("/v1/payment-methods/{}", anna.method);
    shop.test.call(reqwest::Method::DELETE, &path).bearer(&anna.actor.token).send().await.expect(204);
    shop.payer("ben@example.com").await;
    let living = shop.sandbox.books().payment_tokens;
    let living =
        living.values().find(|token| token.payer.email == "ben@example.com").expect("a link").id.clone();
    assert!(shop.sandbox.revoke_payment_token(&living));
    shop.sandbox.deliver_webhooks().await;
    shop.test.run_jobs().await;
}

async fn shoppers_confirm(shop: &PaidShop) {
    let cleo = shop.payer("cleo+action@example.com").await;
    for due_now in [1000, 0] {
        let payment = cleo.pay(1000, due_now).await;
        let asked = shop.until_state(payment, PaymentState::ActionRequired).await;
        assert!(shop.sandbox.approve(&asked.action_url.expect("a url"), "cleo+action@example.com"));
        shop.until(payment, |found| found.authorised == eur(1000)).await;
        shop.cancel(payment).await;
        shop.until_state(payment, PaymentState::Cancelled).await;
    }
}

async fn money_is_reviewed(shop: &PaidShop) {
    let dora = shop.payer("dora+pending@example.com").await;
    let payment = dora.pay(1000, 1000).await;
    shop.test.run_jobs().await;
    let captures = shop.sandbox.books().captures;
    let capture = captures.values().find(|one| one.payer.email.contains("pending")).expect("a capture");
    assert!(shop.sandbox.settle_capture(&capture.id, true));
    shop.until_state(payment, PaymentState::Captured).await;
    let fritz = shop.payer("fritz+refundpending@example.com").await;
    let payment = fritz.pay(1000, 1000).await;
    shop.until_state(payment, PaymentState::Captured).await;
    shop.refund(payment, shop.test.app.ids.next(), eur(1000)).await.expect("asked for");
    shop.test.run_jobs().await;
    let refunds = shop.sandbox.books().refunds;
    let refund =
        refunds.values().find(|one| one.amount.minor == 1000 && shop.sandbox.settle_refund(&one.id, true));
    assert!(refund.is_some());
    shop.until(payment, |found| found.refunded == eur(1000)).await;
}

async fn debits_are_disputed(shop: &PaidShop) {
    let gina = shop.payer("gina+disputes@example.com").await;
    let admin = shop.test.staff(Role::Admin, &["*"]).await;
    for action in ["provide_evidence", "accept_claim"] {
        let payment = gina.pay(1000, 1000).await;
        shop.until_state(payment, PaymentState::Captured).await;
        shop.sandbox.deliver_webhooks().await;
        shop.test.run_jobs().await;
        let list = shop.test.get("/v1/payment-disputes").bearer(&admin).send().await.expect(200);
        let disputes = list.json["disputes"].as_array().expect("a list");
        let dispute = disputes.iter().find(|one| one["payment"] == json!(payment)).expect("a dispute");
        let answer: DisputeAnswerId = shop.test.app.ids.next();
        let id = dispute["id"].as_str().expect("an id");
        let wish = json!({"action": action, "note": "Seen at the gate."});
        let path = format!("/v1/payment-disputes/{id}/answers/{answer}");
        shop.test.put(&path, &wish).bearer(&admin).send().await.expect(202);
        shop.test.run_jobs().await;
    }
}

async fn goods_are_sent(shop: &PaidShop) {
    let hans = shop.payer("hans@example.com").await;
    let payment = hans.pay(1000, 0).await;
    shop.until_state(payment, PaymentState::Authorised).await;
    let app = &shop.test.app;
    let mut tx = app.db.begin().await.expect("begun");
    let parcel = ("dhl", "00340434161094000017");
    payments::shipped(&mut tx, &app.ids, app.clock.now(), payment, parcel).await.expect("written");
    tx.commit().await.expect("committed");
    shop.capture(payment, 1, eur(1000), true).await.expect("asked for");
    shop.until_state(payment, PaymentState::Captured).await;
    shop.pass(Duration::minutes(2));
    shop.test.run_jobs().await;
}

async fn holds_run_out(shop: &PaidShop) {
    let ida = shop.payer("ida@example.com").await;
    let payment = ida.pay(1000, 0).await;
    let held = shop.until_state(payment, PaymentState::Authorised).await;
    shop.pass(Duration::days(4));
    let renewed =
        shop.until(payment, |found| found.provider_authorisation != held.provider_authorisation).await;
    assert_eq!(renewed.state, PaymentState::Authorised);
    // Only PayPal knows that it ends, and tells.
    shop.sandbox.advance_seconds(30 * 24 * 3600);
    shop.sandbox.deliver_webhooks().await;
    shop.until_state(payment, PaymentState::Cancelled).await;
}

/// The paths in the adapter's source that no call went to: an argument stands for one part of a path.
fn paths_never_called(targets: &[&str]) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/payments/providers/paypal");
    let mut paths = Vec::new();
    for file in std::fs::read_dir(folder).expect("the adapter") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for start in ["\"/v1/", "\"/v2/", "\"/v3/"] {
            let literals = text.split(start).skip(1).filter_map(|rest| rest.split('"').next());
            paths.extend(literals.map(|rest| format!("{}{rest}", start.trim_start_matches('"'))));
        }
    }
    assert!(paths.len() > 20, "the paths are found: {paths:?}");
    // What ends in a slash is compared with, not called.
    paths.retain(|path| !path.ends_with('/') && !targets.iter().any(|target| is_called(path, target)));
    paths
}

fn is_called(path: &str, target: &str) -> bool {
    let parts =
        |text: &str| text.split('?').next().unwrap_or_default().split('/').map(str::to_owned).collect();
    let (path, target): (Vec<String>, Vec<String>) = (parts(path), parts(target));
    path.len() == target.len()
        && path.iter().zip(&target).all(|(wanted, found)| wanted.starts_with('{') || wanted == found)
}
