//! What is wrong at the end of the day, seen from outside: our answers against the provider's and the courier's own books.

use std::collections::BTreeMap;

use aisle::sandbox::klarna;
use aisle::sandbox::paypal::{AuthorizationStatus, Books, CaptureStatus, RefundStatus};
use reqwest::Method;
use serde_json::Value;

use super::plan::Delivery;
use super::trip::{Crowd, Trip};

/// What the provider's books say about one checkout, in cents.
#[derive(Debug, Default)]
struct Money {
    /// Orders with a capture or an open hold.
    orders: usize,
    captured: i64,
    refunded: i64,
    /// Held and not captured.
    held: i64,
    /// Under review: will be captured or refunded, or not.
    is_open: bool,
}

/// Everything that does not agree, or has not ended.
pub async fn faults(crowd: &Crowd<'_>, trips: &[Trip<'_>]) -> Vec<String> {
    let mut money = by_checkout(&crowd.shop.paypal.books());
    money.extend(by_reference(&crowd.shop.klarna.books()));
    let parcels = live_parcels(crowd);
    let mut faults = Vec::new();
    for trip in trips {
        let phone = crowd.phone(trip.plan.payer);
        let checkout = read(phone, &format!("/v1/checkouts/{}", trip.checkout)).await;
        // Klarna knows a purchase by what people call it.
        let name = if trip.plan.payer.is_of_klarna() {
            checkout["number"].as_str().unwrap_or_default().to_owned()
        } else {
            trip.checkout.to_string()
        };
        let money = money.get(&name);
        let found = check(crowd, trip, &checkout, money.unwrap_or(&Money::default()), &parcels).await;
        faults.extend(
            found.into_iter().map(|what| format!("trip {}: {what}; {:?}", trip.plan.number, trip.plan)),
        );
    }
    faults
}

async fn check(
    crowd: &Crowd<'_>,
    trip: &Trip<'_>,
    checkout: &Value,
    money: &Money,
    parcels: &BTreeMap<String, usize>,
) -> Vec<String> {
    let phone = crowd.phone(trip.plan.payer);
    let mut faults = Vec::new();
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{what}: {money:?}, checkout {}", checkout["state"]));
        }
    };
    hold(!money.is_open, "something is under review still");
    hold(
        matches!(checkout["state"].as_str(), Some("paid" | "declined" | "cancelled" | "expired")),
        "the checkout has not ended",
    );
    hold(
        (checkout["state"] == "paid") == checkout["order"].is_string(),
        "an order and a paid checkout go together",
    );
    let Some(order) = checkout["order"].as_str() else {
        hold(money.captured == money.refunded && money.held == 0, "unpaid, but money is with us");
        return faults;
    };
    let order = read(phone, &format!("/v1/orders/{order}")).await;
    let cents = |value: &Value| value["amount"].as_i64().unwrap_or(-1);
    let [total, due_now] = ["total", "due_now"].map(|name| cents(&checkout["quote"][name]));
    hold(
        cents(&order["captured"]) == money.captured,
        &format!("captured differs from {}", order["captured"]),
    );
    hold(
        cents(&order["refunded"]) == money.refunded,
        &format!("refunded differs from {}", order["refunded"]),
    );
    hold(money.captured <= total, "debited more than the quote");
    hold(money.refunded <= money.captured, "given back more than was debited");
    hold(money.orders <= 1, "more than one order with money at the provider");
    let number = order["number"].as_str().unwrap_or("(none)");
    let live: usize =
        parcels.iter().filter(|(reference, _)| reference.contains(number)).map(|(_, count)| count).sum();
    if order["state"] == "cancelled" {
        hold(money.captured == money.refunded && money.held == 0, "taken back, but money is with us");
        hold(live == 0, "taken back, but a parcel is live");
        return faults;
    }
    let is_refused = order["trouble"].is_string();
    match trip.plan.delivery {
        Delivery::None => hold(money.captured == total || is_refused, "not all is debited"),
        Delivery::HandedOver => {
            hold(money.captured == total || is_refused, "handed over, but not all is debited");
            hold(live == 1, &format!("{live} live parcels"));
        }
        Delivery::Waits | Delivery::TakenBack => {
            hold(money.captured == due_now || is_refused, "debited something else than what is taken along");
            hold(live == 1, &format!("{live} live parcels"));
        }
    }
    faults
}

async fn read(caller: &crate::support::killable::Caller<'_>, path: &str) -> Value {
    caller.insist(Method::GET, path, &Value::Null).await.1
}

fn live_parcels(crowd: &Crowd<'_>) -> BTreeMap<String, usize> {
    let mut parcels = BTreeMap::new();
    for parcel in crowd.shop.dhl.books().shipments.iter().filter(|parcel| parcel.cancelled_at.is_none()) {
        *parcels.entry(parcel.reference.clone().unwrap_or_default()).or_default() += 1;
    }
    parcels
}

fn by_checkout(books: &Books) -> BTreeMap<String, Money> {
    let mut all: BTreeMap<String, Money> = BTreeMap::new();
    for order in books.orders.values() {
        let Some(checkout) = order.units.iter().find_map(|unit| unit.custom_id.clone()) else { continue };
        let money = all.entry(checkout).or_default();
        let mut moved = false;
        for capture in books.captures.values().filter(|capture| capture.order_id == order.id) {
            match capture.status {
                CaptureStatus::Declined => {}
                CaptureStatus::Pending => money.is_open = true,
                _ => {
                    moved = true;
                    money.captured += capture.amount.minor;
                    let refunds = books.refunds.values().filter(|refund| refund.capture_id == capture.id);
                    for refund in refunds {
                        match refund.status {
                            RefundStatus::Completed => money.refunded += refund.amount.minor,
                            RefundStatus::Pending => money.is_open = true,
                            RefundStatus::Failed => {}
                        }
                    }
                }
            }
        }
        for hold in books.authorizations.values().filter(|hold| hold.order_id == order.id) {
            let is_open =
                matches!(hold.status, AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured);
            if is_open && !hold.expired {
                moved = true;
                money.held += hold.amount.minor - books.captured_minor(hold);
            }
        }
        money.orders += usize::from(moved);
    }
    all
}

/// Klarna's books by our name of the purchase.
fn by_reference(books: &klarna::Books) -> BTreeMap<String, Money> {
    let mut all: BTreeMap<String, Money> = BTreeMap::new();
    for order in books.orders.values() {
        let money = all.entry(order.merchant_reference1.clone().unwrap_or_default()).or_default();
        let (captured, held) = (order.captured(), order.remaining());
        money.is_open |= order.fraud_status == klarna::FraudStatus::Pending;
        // What was rejected is nobody's money; Klarna ends it by itself.
        let held = if order.fraud_status == klarna::FraudStatus::Rejected { 0 } else { held };
        money.captured += captured;
        money.refunded += order.refunded();
        money.held += held;
        money.orders += usize::from(captured + held > 0);
    }
    all
}
