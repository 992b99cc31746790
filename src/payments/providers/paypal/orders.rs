//! Orders v2: charge or hold on a linked account, read, complete after the shopper confirmed.

use serde_json::{Value, json};

use super::amounts::{Amount, NotExpressible};
use super::client::{Answer, Body, Call, Client};
use super::errors::{Verdict, declined, lost, refused, verdict};
use super::wire::{self, Order};
use super::{Settings, holds};
use crate::ids::OperationId;
use crate::money::Money;
use crate::payments::model::{DeclineReason, Outcome, PaymentLine, Receipt};
use crate::payments::provider::{ChargeRequest, Intent};
use reqwest::Method;
use secrecy::ExposeSecret;

/// Longest name of an item.
const NAME_CHARACTERS_MAX: usize = 127;

/// Our name of an operation in PayPal's books: unique for each attempt, and readable.
pub(super) fn invoice(reference: &str, operation: OperationId) -> String {
    // Longest invoice id: 127 characters.
    let reference: String = reference.chars().filter(char::is_ascii_graphic).take(80).collect();
    format!("{reference}-{operation}")
}

/// The operation that an invoice id names, when it is one of ours.
pub(super) fn operation_of(invoice: &str) -> Option<OperationId> {
    let start = invoice.len().checked_sub(36)?;
    invoice.get(start..)?.parse().ok()
}

/// What every order says beside the purchase.
#[derive(Clone, Debug)]
pub struct Terms {
    soft_descriptor: Option<String>,
    usage_patterns: [String; 2],
}

impl Terms {
    pub fn new(settings: &Settings) -> Self {
        Self {
            soft_descriptor: settings.soft_descriptor.clone(),
            usage_patterns: settings.usage_patterns.clone(),
        }
    }

    /// How the debit of a saved account came to be: by the shopper who is there, or made good for later by us.
    fn stored_credential(&self, is_shopper_present: bool) -> Value {
        let [present, later] = &self.usage_patterns;
        json!({
            "payment_initiator": if is_shopper_present { "CUSTOMER" } else { "MERCHANT" },
            "usage": "SUBSEQUENT",
            "usage_pattern": if is_shopper_present { present } else { later },
        })
    }
}

/// Charges or holds; the answer already carries the outcome.
pub async fn create(client: &Client, terms: &Terms, charge: &ChargeRequest<'_>) -> Outcome {
    let Ok(body) = create_body(terms, charge) else { return declined(DeclineReason::Refused) };
    let call = Call {
        method: &Method::POST,
        name: "create order",
        path: "/v2/checkout/orders",
        key: Some(charge.key),
        device: charge.device_session,
        body: Body::Json(&body),
    };
    match client.call(call).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => read_answer(client, &answer, charge.intent).await,
        Ok(answer) => match verdict(&answer) {
            Verdict::Declined(reason) => refused(reason),
            // Without an order there is nothing to confirm: the shopper tries again or chooses another account.
            Verdict::Action(_) | Verdict::Ended => declined(DeclineReason::Declined),
            Verdict::Before => Outcome::unknown("PayPal knows the invoice already"),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

/// What became of an order.
pub async fn read(client: &Client, order: &str, intent: Intent) -> Outcome {
    match fetch(client, order).await {
        Ok(Some(order)) => outcome(&order, intent),
        Ok(None) => Outcome::unknown("PayPal does not know the order"),
        Err(unknown) => unknown,
    }
}

/// Charges or holds what the shopper confirmed.
pub async fn complete(client: &Client, key: &str, order: &str, intent: Intent) -> Outcome {
    let verb = match intent {
        Intent::Capture => "capture",
        Intent::Authorise => "authorize",
    };
    let path = format!("/v2/checkout/orders/{order}/{verb}");
    match client.post("complete order", &path, key, &json!({})).await {
        Err(error) => lost(error),
        Ok(answer) if answer.status.is_success() => read_answer(client, &answer, intent).await,
        Ok(answer) => match verdict(&answer) {
            Verdict::Declined(reason) => refused(reason),
            Verdict::Action(links) => match wire::action_link(&links) {
                Some(url) => Outcome::ActionRequired { order: order.to_owned(), url: url.to_owned() },
                None => ask_again(read(client, order, intent).await),
            },
            Verdict::Before => read(client, order, intent).await,
            Verdict::Ended => declined(DeclineReason::AuthorisationGone),
            Verdict::Again(detail) => Outcome::unknown(detail),
        },
    }
}

/// An order that PayPal just refused to complete is not confirmed, whatever its status says.
fn ask_again(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Confirmed { .. } => declined(DeclineReason::NotConfirmed),
        other => other,
    }
}

/// Reads an order; nothing when PayPal does not know it.
pub(super) async fn fetch(client: &Client, order: &str) -> Result<Option<Order>, Outcome> {
    let answer = client.get("read order", &format!("/v2/checkout/orders/{order}")).await?;
    match answer.status.as_u16() {
        200 => Ok(Some(answer.read()?)),
        404 => Ok(None),
        status => Err(Outcome::unknown(format!("PayPal answered {status}"))),
    }
}

/// Reads the order of a successful answer; one that lacks the payment is read again in full.
async fn read_answer(client: &Client, answer: &Answer, intent: Intent) -> Outcome {
    let order: Order = match answer.read() {
        Ok(order) => order,
        Err(lost) => return lost.into(),
    };
    let found = outcome(&order, intent);
    if matches!(found, Outcome::Unknown { .. }) && !order.id.is_empty() {
        return read(client, &order.id, intent).await;
    }
    found
}

/// What an order says of the payment. A completed order whose capture is pending is not money.
pub(super) fn outcome(order: &Order, intent: Intent) -> Outcome {
    let payment = match intent {
        Intent::Capture => order.capture(),
        Intent::Authorise => order.authorization(),
    };
    if let Some(payment) = payment {
        return payment_outcome(Some(&order.id), payment, intent);
    }
    match order.status.as_str() {
        "APPROVED" => Outcome::Confirmed { order: order.id.clone() },
        "VOIDED" => declined(DeclineReason::Declined),
        _ => match wire::action_link(&order.links) {
            Some(url) if !order.id.is_empty() => {
                Outcome::ActionRequired { order: order.id.clone(), url: url.to_owned() }
            }
            _ => Outcome::unknown("an order without a payment and without a link"),
        },
    }
}

/// What a capture or an authorization says.
pub(super) fn payment_outcome(order: Option<&str>, payment: &wire::Payment, intent: Intent) -> Outcome {
    let order = order.map(str::to_owned);
    let happened = match intent {
        Intent::Capture => ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"].contains(&payment.status.as_str()),
        Intent::Authorise => ["CREATED", "PARTIALLY_CAPTURED", "CAPTURED"].contains(&payment.status.as_str()),
    };
    if happened {
        return match (receipt(order, payment), intent) {
            (Outcome::Approved(receipt), Intent::Authorise) => {
                Outcome::Approved(Receipt { window: holds::window(payment), ..receipt })
            }
            (outcome, _) => outcome,
        };
    }
    match payment.status.as_str() {
        "DECLINED" | "FAILED" | "DENIED" | "VOIDED" => declined(DeclineReason::Declined),
        // PENDING, and whatever PayPal invents next: known there, not money yet.
        _ => Outcome::Pending { order, object: Some(payment.id.clone()).filter(|id| !id.is_empty()) },
    }
}

/// Proof of what PayPal made; an answer without a name or an amount proves nothing.
pub(super) fn receipt(order: Option<String>, payment: &wire::Payment) -> Outcome {
    match payment.money() {
        Some(amount) if !payment.id.is_empty() => {
            Outcome::Approved(Receipt { order, object: payment.id.clone(), amount, window: None })
        }
        _ => Outcome::unknown("an answer without an id or an amount"),
    }
}

fn create_body(terms: &Terms, charge: &ChargeRequest<'_>) -> Result<Value, NotExpressible> {
    let intent = match charge.intent {
        Intent::Capture => "CAPTURE",
        Intent::Authorise => "AUTHORIZE",
    };
    let mut amount = json!(Amount::new(charge.amount)?);
    let mut unit = json!({
        "invoice_id": invoice(charge.reference, charge.operation),
        "custom_id": charge.checkout,
        "description": cut(charge.reference),
    });
    if let Some((items, breakdown)) = items(charge.lines, charge.amount)? {
        amount["breakdown"] = breakdown;
        unit["items"] = items;
    }
    unit["amount"] = amount;
    if let Some(text) = &terms.soft_descriptor {
        unit["soft_descriptor"] = json!(text);
    }
    Ok(json!({
        "intent": intent,
        "purchase_units": [unit],
        "payment_source": {"paypal": wallet(terms, charge)},
    }))
}

/// The saved account, or the wish to have one saved with this purchase.
fn wallet(terms: &Terms, charge: &ChargeRequest<'_>) -> Value {
    let mut wallet = json!({
        "experience_context": {
            "return_url": charge.return_url,
            "cancel_url": charge.return_url,
            "shipping_preference": "NO_SHIPPING",
            "user_action": "PAY_NOW",
            "payment_method_preference": "IMMEDIATE_PAYMENT_REQUIRED",
        },
    });
    match charge.token {
        Some(token) => {
            wallet["vault_id"] = json!(token.expose_secret());
            wallet["stored_credential"] = terms.stored_credential(charge.is_shopper_present);
        }
        None => {
            wallet["attributes"] = json!({"vault": {
                "store_in_vault": "ON_SUCCESS",
                "usage_type": "MERCHANT",
                "permit_multiple_payment_tokens": true,
            }});
        }
    }
    wallet
}

/// The lines as items with gross prices before discounts, and how they add up: what was taken off, and what else pays, is the
/// discount. Nothing when a part can't be told exactly: the total alone says enough.
fn items(lines: &[PaymentLine], total: Money) -> Result<Option<(Value, Value)>, NotExpressible> {
    if lines.is_empty() {
        return Ok(None);
    }
    let mut items = Vec::new();
    let mut item_total = 0_i64;
    let mut discount = 0_i64;
    for line in lines {
        let full = line.full_amount().map_err(|_| NotExpressible)?.minor();
        let less = if full < 0 { -full } else { line.discount.map_or(0, Money::minor) };
        discount = discount.checked_add(less).ok_or(NotExpressible)?;
        if full < 0 {
            continue;
        }
        item_total = item_total.checked_add(full).ok_or(NotExpressible)?;
        let Some(item) = item(line) else { return Ok(None) };
        items.push(item);
    }
    let of = |minor| Amount::new(Money::new(minor, total.currency()));
    let (Ok(item_total), Ok(discounted)) = (of(item_total), of(discount)) else { return Ok(None) };
    let mut breakdown = json!({"item_total": item_total});
    if discount > 0 {
        breakdown["discount"] = json!(discounted);
    }
    Ok(Some((Value::Array(items), breakdown)))
}

/// A line as an item: so many pieces at a price each when that is exact, else one piece at the line's price.
fn item(line: &PaymentLine) -> Option<Value> {
    let price = line.unit_price().and_then(|each| Amount::new(each).ok());
    let (name, quantity, price) = match price {
        Some(price) => (line.name.clone(), line.quantity, price),
        None => {
            (format!("{} × {}", line.quantity, line.name), 1, Amount::new(line.full_amount().ok()?).ok()?)
        }
    };
    Some(json!({"name": cut(&name), "quantity": quantity.to_string(), "unit_amount": price}))
}

fn cut(text: &str) -> String {
    let text: String = text.chars().take(NAME_CHARACTERS_MAX).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payments::model::PaymentLineKind;

    fn eur(minor: i64) -> Money {
        Money::new(minor, Currency::EUR)
    }

    #[test]
    fn lines_add_up_to_the_amount_and_uneven_ones_become_one_piece() {
        let line =
            |name, quantity, minor| PaymentLine::new(PaymentLineKind::Goods, name, quantity, eur(minor));
        let milk = line("Milk", 3, 297).with_discount(eur(20)).expect("fits");
        let voucher = PaymentLine::new(PaymentLineKind::GiftCard, "Deposit voucher", 1, eur(-80));
        let older = PaymentLine { quantity: 3, ..line("Cheese", 1, 1000) };
        let (items, breakdown) = items(&[milk, older, voucher], eur(1197)).expect("exact").expect("items");
        assert_eq!(
            items[0],
            json!({"name": "Milk", "quantity": "3", "unit_amount": {"currency_code": "EUR", "value": "0.99"}})
        );
        assert_eq!(items[1]["name"], "3 × Cheese");
        assert_eq!(items[1]["unit_amount"]["value"], "10.00");
        assert_eq!(breakdown["item_total"]["value"], "12.97");
        assert_eq!(breakdown["discount"]["value"], "1.00");
    }

    #[test]
    fn statuses_that_are_not_known_are_not_money() {
        let read = |text: &str| outcome(&serde_json::from_str(text).expect("parses"), Intent::Capture);
        let capture = |status: &str| {
            read(&format!(
                r#"{{"id":"O","status":"COMPLETED","purchase_units":[{{"payments":{{"captures":[
                    {{"id":"C","status":"{status}","amount":{{"currency_code":"EUR","value":"1.00"}}}}]}}}}]}}"#
            ))
        };
        assert!(matches!(capture("COMPLETED"), Outcome::Approved(_)));
        assert!(matches!(capture("PENDING"), Outcome::Pending { .. }));
        assert!(matches!(capture("SOMETHING_NEW"), Outcome::Pending { .. }));
        assert!(matches!(capture("DECLINED"), Outcome::Declined { .. }));
        assert!(matches!(read(r#"{"id":"O","status":"COMPLETED"}"#), Outcome::Unknown { .. }));
        assert!(matches!(
            read(r#"{"id":"O","status":"NEW","links":[{"rel":"approve","href":"u"}]}"#),
            Outcome::ActionRequired { .. }
        ));
    }

    #[test]
    fn an_invoice_id_names_its_operation() {
        let operation: OperationId = "0199d3a0-0000-7000-8000-000000000001".parse().expect("an id");
        assert_eq!(operation_of(&invoice("A-17", operation)), Some(operation));
        assert_eq!(operation_of("somebody else's"), None);
        assert!(invoice(&"x".repeat(500), operation).len() <= 127);
    }
}
