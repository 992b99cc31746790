//! What is wrong at the end of the day, seen from outside: our answers against the provider's and the courier's own books.

use std::collections::BTreeMap;

use aisle::sandbox::klarna;
use aisle::sandbox::paypal::{AuthorizationStatus, Books, CaptureStatus, RefundStatus};
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::Value;

use super::owed;
use super::plan::{Delivery, Payer};
use super::trip::{Crowd, Trip};

/// Trips that are looked at at the same time.
const AT_ONCE: usize = 4;

/// What the provider's books say about one checkout, in cents.
#[derive(Debug, Default)]
struct Money {
    /// Orders with a capture or an open hold.
    orders: usize,
    captured: i64,
    refunded: i64,
    /// Held and not captured.
    held: i64,
    /// Taken back behind our back.
    reversed: i64,
    /// Captures that were refused.
    refused: Vec<i64>,
    /// Debited later for what was owed, and not given back.
    paid_later: i64,
    /// Under review: will be captured or refunded, or not.
    is_open: bool,
}

/// What is owed of one checkout, or was, in cents.
#[derive(Debug, Default)]
struct Debts {
    /// Could not be captured; without what is not owed any more.
    refused: Vec<i64>,
    /// Was taken back.
    reversed: i64,
    paid: i64,
    is_being_paid: bool,
}

impl Debts {
    fn of(debts: &[Value], checkout: &str) -> Self {
        let mut all = Self::default();
        for debt in debts.iter().filter(|debt| debt["checkout"] == checkout) {
            let amount = debt["amount"]["amount"].as_i64().unwrap_or_default();
            let (state, kind) = (debt["state"].as_str(), debt["kind"].as_str());
            all.is_being_paid |= state == Some("being_paid");
            all.paid += if state == Some("paid") { amount } else { 0 };
            match (kind, state) {
                (Some("reversed"), _) => all.reversed += amount,
                (_, Some("withdrawn")) => {}
                _ => all.refused.push(amount),
            }
        }
        all
    }

    fn faults(&self, payer: Payer, money: &Money) -> impl Iterator<Item = &'static str> {
        // What is refused late leaves no capture in PayPal's books.
        let was_refused = |owed: &i64| payer == Payer::PayPalRefusesLate || money.refused.contains(owed);
        let rules = [
            (!self.is_being_paid, "a debt is being paid still"),
            (self.paid == money.paid_later, "what was paid later differs from the debts that are paid"),
            (self.refused.iter().all(was_refused), "owed, and no capture was refused"),
        ];
        rules.into_iter().filter(|(holds, _)| !holds).map(|(_, what)| what)
    }
}

/// Whether lines that a provider was told are those of a debt: they say so.
pub fn is_of_debt(lines: &Value) -> bool {
    lines[0]["name"].as_str().is_some_and(|name| name.starts_with("Owed for purchase"))
}

/// Everything that does not agree, or has not ended. What was taken back behind our back is asked for once all of it can be
/// known.
pub async fn faults(crowd: &Crowd<'_>, trips: &[Trip<'_>], is_all_told: bool) -> Vec<String> {
    let mut money = by_checkout(&crowd.shop.paypal.books());
    money.extend(by_reference(&crowd.shop.klarna.books()));
    let parcels: Vec<String> = crowd.shop.live_parcels().into_values().flatten().collect();
    let mut debts: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for payer in Payer::ALL {
        debts.insert(payer.email(), owed::all(crowd, payer).await);
    }
    let (money, debts, parcels) = (&money, &debts, &parcels);
    let looks = stream::iter(trips).map(|trip| async move {
        let phone = crowd.phone(trip.plan.payer);
        let checkout = read(phone, &format!("/v1/checkouts/{}", trip.checkout)).await;
        // Klarna knows a purchase by what people call it.
        let name = if trip.plan.payer.is_of_klarna() {
            checkout["number"].as_str().unwrap_or_default().to_owned()
        } else {
            trip.checkout.to_string()
        };
        let money = money.get(&name);
        let none = Money::default();
        let money = money.unwrap_or(&none);
        let debts = Debts::of(&debts[trip.plan.payer.email()], &trip.checkout.to_string());
        let mut found = check(crowd, trip, &checkout, (money, &debts), parcels).await;
        // Klarna's are for people to look at: its books don't name the capture.
        let is_known = debts.reversed == money.reversed || trip.plan.payer.is_of_klarna();
        if is_all_told && !is_known {
            found.push(format!("taken back, and not owed: {money:?}, {debts:?}"));
        }
        let named =
            found.into_iter().map(|what| format!("trip {}: {what}; {:?}", trip.plan.number, trip.plan));
        named.collect::<Vec<_>>()
    });
    looks.buffered(AT_ONCE).concat().await
}

async fn check(
    crowd: &Crowd<'_>,
    trip: &Trip<'_>,
    checkout: &Value,
    (money, debts): (&Money, &Debts),
    parcels: &[String],
) -> Vec<String> {
    let phone = crowd.phone(trip.plan.payer);
    let mut faults = Vec::new();
    let mut hold = |holds: bool, what: &str| {
        if !holds {
            faults.push(format!("{what}: {money:?}, {debts:?}, checkout {}", checkout["state"]));
        }
    };
    hold(!money.is_open, "something is under review still");
    for what in debts.faults(trip.plan.payer, money) {
        hold(false, what);
    }
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
    let mut live: Vec<&str> =
        parcels.iter().filter(|reference| reference.contains(number)).map(|each| package(each)).collect();
    live.sort_unstable();
    if order["state"] == "cancelled" {
        let given_back = money.refunded + money.reversed;
        hold(money.captured == given_back && money.held == 0, "taken back, but money is with us");
        hold(live.is_empty(), "taken back, but a parcel is live");
        return faults;
    }
    if let Some(shipment) = order["shipment"].as_str() {
        // Seen from outside each package is booked once, and what is not sent any more not at all.
        let shipment = read(&crowd.staff, &format!("/v1/shipments/{shipment}")).await;
        let numbers = shipment["parcels"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut sent: Vec<String> = numbers.iter().map(|parcel| parcel["number"].to_string()).collect();
        sent.sort_unstable();
        hold(!sent.is_empty() && live == sent, &format!("live are {live:?}, to be sent {sent:?}"));
    }
    let total = total - trip.picked_less;
    // What could not be captured is owed, paid later or written off.
    let debited = money.captured + debts.refused.iter().sum::<i64>();
    match trip.plan.delivery {
        Delivery::None => hold(debited == total, "not all is debited"),
        Delivery::HandedOver => {
            // What could not be handed over in time may have been, or not.
            let is_open = !trip.is_handed_over;
            hold(debited == total || is_open && debited == due_now, "handed over, but not all is debited");
            hold(money.held == 0 || is_open, "handed over, and something is held still");
        }
        Delivery::Waits | Delivery::TakenBack => {
            hold(debited == due_now, "debited something else than what is taken along");
        }
    }
    faults
}

async fn read(caller: &crate::support::killable::Caller<'_>, path: &str) -> Value {
    caller.insist(Method::GET, path, &Value::Null).await.1
}

/// The package that a booking is of, by our name of it: order, chance, package, attempt.
fn package(reference: &str) -> &str {
    reference.rsplit('-').nth(1).unwrap_or_default()
}

fn by_checkout(books: &Books) -> BTreeMap<String, Money> {
    let mut all: BTreeMap<String, Money> = BTreeMap::new();
    for order in books.orders.values() {
        let Some(checkout) = order.units.iter().find_map(|unit| unit.custom_id.clone()) else { continue };
        let money = all.entry(checkout).or_default();
        let is_of_debt = order.units.iter().any(|unit| is_of_debt(&unit.request["items"]));
        let mut moved = false;
        for capture in books.captures.values().filter(|capture| capture.order_id == order.id) {
            if capture.status == CaptureStatus::Pending {
                money.is_open = true;
                continue;
            }
            if capture.status == CaptureStatus::Declined && capture.reversal.is_none() {
                money.refused.push(capture.amount.minor);
                continue;
            }
            moved = true;
            let mut refunded = 0;
            for refund in books.refunds.values().filter(|refund| refund.capture_id == capture.id) {
                match refund.status {
                    RefundStatus::Completed => refunded += refund.amount.minor,
                    RefundStatus::Pending => money.is_open = true,
                    RefundStatus::Failed => {}
                }
            }
            money.reversed += capture.reversal.as_ref().map_or(0, |reversal| reversal.minor);
            if is_of_debt {
                money.paid_later += capture.amount.minor - refunded;
            } else {
                money.captured += capture.amount.minor;
                money.refunded += refunded;
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
        money.orders += usize::from(moved && !is_of_debt);
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
        money.held += held;
        money.reversed += order.charged_back();
        if is_of_debt(&order.request["order_lines"]) {
            money.paid_later += captured - order.refunded();
        } else {
            money.captured += captured;
            money.refunded += order.refunded();
            money.orders += usize::from(captured + held > 0);
        }
    }
    all
}
