//! What shoppers owe from earlier trips: paid, or written off, before the next trip goes on.

use reqwest::Method;
use serde_json::{Value, json};

use super::plan::{Owed, Payer, Plan};
use super::trip::Crowd;

/// Settles what a refusal names, the way that this trip's plan says. Other trips of the shopper may do the same meanwhile.
pub async fn settle(crowd: &Crowd<'_>, plan: &Plan, refused: &Value) {
    for debt in refused["debts"].as_array().into_iter().flatten() {
        let path = format!("/v1/debts/{}", debt["id"].as_str().unwrap_or_default());
        if plan.owed == Owed::WrittenOff || !pay(crowd, plan, &path).await {
            write_off(crowd, &path).await;
        }
    }
}

/// Pays; says whether that may come to something. An account that is refused again is not asked for ever.
async fn pay(crowd: &Crowd<'_>, plan: &Plan, path: &str) -> bool {
    let wish = json!({"payment_method": crowd.method(plan.payer)});
    let pay = format!("{path}/pay");
    let paying = crowd.phone(plan.payer).insist(Method::POST, &pay, &wish);
    let (status, debt) = crowd.reviewing(plan.payer, paying).await;
    assert!(matches!(status, 200 | 202 | 409), "{status}: {debt}");
    let payment = &debt["payment"];
    if payment["state"] == "action_required" {
        let page = payment["action_url"].as_str().unwrap_or_default();
        crowd.shop.approve(page, plan.payer.email());
    }
    debt["state"] != "open"
}

/// Refused while it is being paid, and when it was settled meanwhile.
async fn write_off(crowd: &Crowd<'_>, path: &str) {
    let note = json!({"note": "the shopper was let go"});
    let (status, body) = crowd.staff.insist(Method::POST, &format!("{path}/write-off"), &note).await;
    assert!(matches!(status, 200 | 409), "{status}: {body}");
}

/// Everything that a shopper owes or owed.
pub async fn all(crowd: &Crowd<'_>, payer: Payer) -> Vec<Value> {
    let (_, body) = crowd.phone(payer).insist(Method::GET, "/v1/debts", &Value::Null).await;
    let debts = body["debts"].as_array().cloned().unwrap_or_default();
    // More are not told.
    assert!(
        debts.len() < 100,
        "too many debts of one shopper for a simulation: fewer trips, or another seed"
    );
    debts
}
