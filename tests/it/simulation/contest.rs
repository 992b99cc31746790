//! Payers who take their money back at the provider, behind our back.

use aisle::sandbox::paypal::{CaptureStatus, Ending};
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use super::plan::{Contest, Plan};
use super::trip::Crowd;

/// A debit that is disputed, until the dispute ends.
pub enum Contested {
    /// Nothing is left to decide.
    Over,
    /// A dispute at PayPal.
    Disputed { dispute: String, ending: Ending },
    /// What was charged back at Klarna is won back.
    ChargedBack { order: String, reference: String },
}

/// Does what the plan says about a trip's first debit; nothing when there is no such money, or nothing is planned.
pub async fn begin(crowd: &Crowd<'_>, plan: &Plan, checkout: Uuid) -> Option<Contested> {
    match plan.contest? {
        Contest::Reversed => {
            let capture = debit(crowd, checkout)?;
            crowd.shop.paypal.reverse_capture(&capture).then_some(Contested::Over)
        }
        Contest::Disputed(ending) => {
            let capture = debit(crowd, checkout)?;
            let dispute = crowd.shop.paypal.open_dispute(&capture, "UNAUTHORISED", "CHARGEBACK")?;
            Some(Contested::Disputed { dispute, ending })
        }
        Contest::ChargedBack => charge_back(crowd, plan, checkout).await.map(|_| Contested::Over),
        Contest::ChargedBackAndWon => {
            let (order, reference) = charge_back(crowd, plan, checkout).await?;
            Some(Contested::ChargedBack { order, reference })
        }
    }
}

impl Contested {
    /// Ends it.
    pub fn end(self, crowd: &Crowd<'_>) {
        match self {
            Self::Over => {}
            Self::Disputed { dispute, ending } => {
                assert!(crowd.shop.paypal.resolve_dispute(&dispute, ending), "{dispute} was open");
            }
            Self::ChargedBack { order, reference } => {
                assert!(crowd.shop.klarna.win_dispute(&order, &reference), "{reference} was open");
            }
        }
    }
}

/// A capture at PayPal that paid for this checkout itself.
fn debit(crowd: &Crowd<'_>, checkout: Uuid) -> Option<String> {
    let books = crowd.shop.paypal.books();
    let checkout = checkout.to_string();
    let is_of_it = |order: &aisle::sandbox::paypal::Order| {
        let of_it = |unit: &aisle::sandbox::paypal::Unit| {
            unit.custom_id.as_ref() == Some(&checkout) && !super::books::is_of_debt(&unit.request["items"])
        };
        order.units.iter().any(of_it)
    };
    let found = books.captures.values().find(|capture| {
        capture.status == CaptureStatus::Completed
            && books.orders.get(&capture.order_id).is_some_and(is_of_it)
    });
    found.map(|capture| capture.id.clone())
}

/// Half of what was captured; the order and the dispute.
async fn charge_back(crowd: &Crowd<'_>, plan: &Plan, checkout: Uuid) -> Option<(String, String)> {
    let path = format!("/v1/checkouts/{checkout}");
    let (_, checkout) = crowd.phone(plan.payer).insist(Method::GET, &path, &Value::Null).await;
    let number = checkout["number"].as_str()?;
    let books = crowd.shop.klarna.books();
    let order = books.orders.values().find(|order| {
        order.merchant_reference1.as_deref() == Some(number)
            && order.captured() > 1
            && !super::books::is_of_debt(&order.request["order_lines"])
    })?;
    let reference = crowd.shop.klarna.charge_back(&order.id, order.captured() / 2)?;
    Some((order.id.clone(), reference))
}
