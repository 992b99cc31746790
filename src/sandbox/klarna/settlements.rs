//! Settlements: every sale, fee, return and dispute as a transaction, and the payouts they are settled in.
//!
//! Amounts are positive; a transaction's type says whether it adds to a payout or takes from it. At each midnight (UTC,
//! by the sandbox's clock), or at that of every so many days, what happened until then is paid out, one payout a currency;
//! a control pays out at once. More
//! taken than sold is a debt that later payouts pay back. Fees are 2.99 % and 35 minor units a sale, and 15.00 a dispute.

use chrono::{DateTime, Duration, NaiveDate, NaiveTime, Utc};
use serde_json::{Value, json};

use super::books::{Chargeback, Payout, Totals, Transaction, TransactionType};
use super::call::{Call, Outcome, Reply};
use super::errors::Refusal;
use super::ids;
use super::state::State;

/// The merchant that this sandbox is for.
pub const MERCHANT_ID: &str = "N100042";
const FEE_BASIS_POINTS: i64 = 299;
const FEE_FIXED: i64 = 35;
const DISPUTE_FEE: i64 = 1_500;
const SIZE: usize = 20;
const SIZE_MAX: usize = 500;

/// A capture: the sale and Klarna's fees for it.
pub fn sold(state: &mut State, order_id: &str, capture_id: &str, amount: i64) {
    let percentage = (amount * FEE_BASIS_POINTS + 5_000) / 10_000;
    let parts = [
        (TransactionType::Sale, "PURCHASE", amount),
        (TransactionType::Fee, "PURCHASE_FEE_PERCENTAGE", percentage),
        (TransactionType::Fee, "PURCHASE_FEE_FIXED", FEE_FIXED),
    ];
    for (kind, detailed_type, amount) in parts {
        if let Some(transaction) = transaction(state, order_id, kind, detailed_type, amount) {
            transaction.capture_id = Some(capture_id.to_owned());
        }
    }
}

/// A refund.
pub fn returned(state: &mut State, order_id: &str, refund_id: &str, amount: i64) {
    let made = transaction(state, order_id, TransactionType::Return, "PURCHASE_RETURN", amount);
    if let Some(transaction) = made {
        transaction.refund_id = Some(refund_id.to_owned());
    }
}

/// The shopper takes an amount back by a dispute. The dispute's reference; none when so much was never paid.
pub fn charge_back(state: &mut State, order_id: &str, amount: i64) -> Option<String> {
    let now = state.now();
    let order = state.books.orders.get_mut(order_id)?;
    if amount < 1 || amount > order.captured() - order.refunded() - order.charged_back() {
        return None;
    }
    let reference = ids::dispute_reference();
    order.chargebacks.push(Chargeback { reference: reference.clone(), amount, at: now, won_at: None });
    let parts = [
        (TransactionType::Reversal, "REVERSAL", amount),
        (TransactionType::Charge, "DISPUTE_FEE", DISPUTE_FEE),
    ];
    for (kind, detailed_type, amount) in parts {
        transaction(state, order_id, kind, detailed_type, amount)?.reversal_reference =
            Some(reference.clone());
    }
    Some(reference)
}

/// The shop wins a dispute: amount and fee come back. `false` when there is no such open dispute.
pub fn win(state: &mut State, order_id: &str, reference: &str) -> bool {
    let now = state.now();
    let Some(order) = state.books.orders.get_mut(order_id) else { return false };
    let open = |one: &&mut Chargeback| one.reference == reference && one.won_at.is_none();
    let Some(chargeback) = order.chargebacks.iter_mut().find(open) else { return false };
    chargeback.won_at = Some(now);
    let parts = [
        (TransactionType::ReversalMerchantProtection, "CORRECTION_DISPUTE", chargeback.amount),
        (TransactionType::Credit, "DISPUTE_FEE_REFUND", DISPUTE_FEE),
    ];
    for (kind, detailed_type, amount) in parts {
        if let Some(transaction) = transaction(state, order_id, kind, detailed_type, amount) {
            transaction.reversal_reference = Some(reference.to_owned());
        }
    }
    true
}

fn transaction<'a>(
    state: &'a mut State,
    order_id: &str,
    kind: TransactionType,
    detailed_type: &str,
    amount: i64,
) -> Option<&'a mut Transaction> {
    let currency = state.books.orders.get(order_id)?.currency.clone();
    let at = state.now();
    state.books.transactions.push(Transaction {
        kind,
        detailed_type: detailed_type.to_owned(),
        amount,
        currency,
        order_id: order_id.to_owned(),
        capture_id: None,
        refund_id: None,
        reversal_reference: None,
        at,
        payment_reference: None,
    });
    state.books.transactions.last_mut()
}

/// Pays out what happened before the last midnight that is one of payouts.
pub fn pass_time(state: &mut State, now: DateTime<Utc>) {
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc();
    let days_since = midnight.timestamp().div_euclid(86_400).rem_euclid(state.payout_every_days.max(1));
    pay_out(state, midnight - Duration::days(days_since));
}

/// Pays out what happened before a time; how many payouts that made.
pub fn pay_out(state: &mut State, until: DateTime<Utc>) -> usize {
    let open = |one: &Transaction| one.payment_reference.is_none() && one.at < until;
    let mut currencies: Vec<String> =
        state.books.transactions.iter().filter(|one| open(one)).map(|one| one.currency.clone()).collect();
    currencies.sort();
    currencies.dedup();
    for currency in &currencies {
        let payment_reference = ids::payment_reference();
        let earlier = state.books.payouts.iter().rev().find(|payout| payout.currency == *currency);
        let mut totals = Totals {
            opening_debt: earlier.map_or(0, |payout| payout.totals.closing_debt),
            ..Totals::default()
        };
        let settled =
            state.books.transactions.iter_mut().filter(|one| open(one) && one.currency == *currency);
        for transaction in settled {
            totals.add(transaction.kind, transaction.amount);
            transaction.payment_reference = Some(payment_reference.clone());
        }
        totals.close();
        let payout = Payout { payment_reference, at: until, currency: currency.clone(), totals };
        state.books.payouts.push(payout);
    }
    currencies.len()
}

impl Totals {
    fn add(&mut self, kind: TransactionType, amount: i64) {
        match kind {
            TransactionType::Sale => self.sale += amount,
            TransactionType::Fee => self.fee += amount,
            TransactionType::Return => self.returned += amount,
            TransactionType::Reversal => self.reversal += amount,
            TransactionType::ReversalMerchantProtection => self.reversal -= amount,
            TransactionType::Charge => self.charge += amount,
            TransactionType::Credit => self.credit += amount,
        }
    }

    /// What is left goes to older debt first, then to the bank; what is missing becomes debt.
    fn close(&mut self) {
        let net = self.sale + self.credit - self.fee - self.returned - self.reversal - self.charge;
        self.repay = net.clamp(0, self.opening_debt);
        self.deposit = (-net).max(0);
        self.settlement = net.max(0) - self.repay;
        self.closing_debt = self.opening_debt - self.repay + self.deposit;
    }
}

pub fn payouts(state: &State, call: &Call) -> Outcome {
    let period = period(call, false)?;
    let found: Vec<Value> = in_period(state, call, period).map(|payout| payout_view(state, payout)).collect();
    let (page, pagination) = page(state, call, &found)?;
    Ok(Reply::json(200, &json!({"payouts": page, "pagination": pagination})))
}

pub fn payout(state: &State, call: &Call) -> Outcome {
    Ok(Reply::json(200, &payout_view(state, find(state, call.id(0))?)))
}

pub fn summary(state: &State, call: &Call) -> Outcome {
    let period = period(call, true)?;
    let mut currencies: Vec<&str> =
        in_period(state, call, period).map(|payout| payout.currency.as_str()).collect();
    currencies.sort_unstable();
    currencies.dedup();
    let one = |currency: &str| {
        let of = || in_period(state, call, period).filter(|payout| payout.currency == currency);
        let sum = |part: fn(&Totals) -> i64| of().map(|payout| part(&payout.totals)).sum::<i64>();
        json!({
            "summary_settlement_currency": currency,
            "summary_payout_date_start": period.0.or(of().next().map(|payout| payout.at)).map(ids::time),
            "summary_payout_date_end": period.1.or(of().last().map(|payout| payout.at)).map(ids::time),
            "summary_total_sale_amount": sum(|totals| totals.sale),
            "summary_total_fee_amount": sum(|totals| totals.fee),
            "summary_total_return_amount": sum(|totals| totals.returned),
            "summary_total_reversal_amount": sum(|totals| totals.reversal),
            "summary_total_repay_amount": sum(|totals| totals.repay),
            "summary_total_settlement_amount": sum(|totals| totals.settlement),
            "summary_total_fee_correction_amount": 0,
            "summary_total_release_amount": 0,
            "summary_total_tax_amount": 0,
            "summary_total_holdback_amount": 0,
            "summary_total_commission_amount": 0,
        })
    };
    let all: Vec<Value> = currencies.into_iter().map(one).collect();
    Ok(Reply::json(200, &json!(all)))
}

pub fn transactions(state: &State, call: &Call) -> Outcome {
    let (payment, order) = (call.query("payment_reference"), call.query("order_id"));
    let found: Vec<Value> = state
        .books
        .transactions
        .iter()
        .filter(|one| payment.is_none() || one.payment_reference == payment)
        .filter(|one| order.as_ref().is_none_or(|order| one.order_id == *order))
        .map(|one| transaction_view(state, one))
        .collect();
    let (page, pagination) = page(state, call, &found)?;
    Ok(Reply::json(200, &json!({"transactions": page, "pagination": pagination})))
}

pub fn find<'a>(state: &'a State, payment_reference: &str) -> Result<&'a Payout, Refusal> {
    let found = state.books.payouts.iter().find(|payout| payout.payment_reference == payment_reference);
    found.ok_or_else(|| Refusal::not_found("NOT_FOUND", "Payout", payment_reference))
}

/// From and to.
pub type Period = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// The period a request asks for. A date without a time is the start of that day, at both ends.
pub fn period(call: &Call, required: bool) -> Result<Period, Refusal> {
    let time = |name: &str| {
        let Some(text) = call.query(name) else {
            let missing = required.then(|| Refusal::bad_values(&[format!("{name} is required")]));
            return missing.map_or(Ok(None), Err);
        };
        let whole = DateTime::parse_from_rfc3339(&text).map(|time| time.with_timezone(&Utc));
        let day = || {
            let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d");
            day.map(|day| day.and_time(NaiveTime::MIN).and_utc())
        };
        let time = whole.or_else(|_| day());
        time.map(Some).map_err(|_| Refusal::bad_values(&[format!("{name} has to be an ISO 8601 time")]))
    };
    Ok((time("start_date")?, time("end_date")?))
}

/// The payouts of a period and, when the request names one, of a currency.
pub fn in_period<'a>(state: &'a State, call: &Call, period: Period) -> impl Iterator<Item = &'a Payout> {
    let currency = call.query("currency_code");
    state.books.payouts.iter().filter(move |payout| {
        period.0.is_none_or(|start| payout.at >= start)
            && period.1.is_none_or(|end| payout.at <= end)
            && currency.as_ref().is_none_or(|currency| payout.currency.eq_ignore_ascii_case(currency))
    })
}

fn page(state: &State, call: &Call, all: &[Value]) -> Result<(Vec<Value>, Value), Refusal> {
    let number =
        |name: &str, usual: usize, max: usize| match call.query(name).map(|text| text.parse::<usize>()) {
            None => Ok(usual),
            Some(Ok(number)) if number <= max => Ok(number),
            Some(_) => Err(Refusal::bad_values(&[format!("{name} has to be a whole number up to {max}")])),
        };
    let (size, offset) = (number("size", SIZE, SIZE_MAX)?, number("offset", 0, usize::MAX)?);
    let page: Vec<Value> = all.iter().skip(offset).take(size).cloned().collect();
    let mut pagination = json!({"count": page.len(), "total": all.len(), "offset": offset});
    let at = |offset: usize| {
        let query = call.target.split_once('?').map_or("", |(_, query)| query);
        let mut address = url::form_urlencoded::Serializer::new(String::new());
        let kept = url::form_urlencoded::parse(query.as_bytes());
        address.extend_pairs(kept.filter(|(name, _)| name != "size" && name != "offset"));
        address.append_pair("size", &size.to_string()).append_pair("offset", &offset.to_string());
        format!("{}{}?{}", state.url, call.path(), address.finish())
    };
    if offset + page.len() < all.len() && !page.is_empty() {
        pagination["next"] = json!(at(offset + size));
    }
    if offset > 0 {
        pagination["prev"] = json!(at(offset.saturating_sub(size)));
    }
    Ok((page, pagination))
}

fn payout_view(state: &State, payout: &Payout) -> Value {
    let totals = &payout.totals;
    let reference = &payout.payment_reference;
    json!({
        "payment_reference": reference,
        "payout_date": ids::time(payout.at),
        "currency_code": payout.currency,
        "currency_code_of_registration_country": "EUR",
        "merchant_settlement_type": "NET",
        "merchant_id": MERCHANT_ID,
        "transactions": format!("{}/settlements/v1/transactions?payment_reference={reference}", state.url),
        "totals": {
            "sale_amount": totals.sale,
            "fee_amount": totals.fee,
            "return_amount": totals.returned,
            "reversal_amount": totals.reversal,
            "charge_amount": totals.charge,
            "credit_amount": totals.credit,
            "repay_amount": totals.repay,
            "deposit_amount": totals.deposit,
            "opening_debt_balance_amount": totals.opening_debt,
            "closing_debt_balance_amount": totals.closing_debt,
            "settlement_amount": totals.settlement,
            "commission_amount": 0,
            "holdback_amount": 0,
            "release_amount": 0,
            "tax_amount": 0,
            "tax_refund_amount": 0,
            "fee_correction_amount": 0,
            "fee_refund_amount": 0,
        },
    })
}

/// A transaction as it is read.
pub fn transaction_view(state: &State, one: &Transaction) -> Value {
    let order = state.books.orders.get(&one.order_id);
    let capture = order
        .zip(one.capture_id.as_ref())
        .and_then(|(order, id)| order.captures.iter().find(|capture| capture.id == *id));
    let refund = order
        .zip(one.refund_id.as_ref())
        .and_then(|(order, id)| order.refunds.iter().find(|refund| refund.id == *id));
    let mut answer = json!({
        "type": one.kind,
        "detailed_type": one.detailed_type,
        "amount": one.amount,
        "currency_code": one.currency,
        "order_id": one.order_id,
        // Klarna answers an empty text where there is no capture.
        "capture_id": one.capture_id.as_deref().unwrap_or_default(),
        "sale_date": ids::time(order.map_or(one.at, |order| order.created_at)),
        "capture_date": ids::time(capture.map_or(one.at, |capture| capture.captured_at)),
        "purchase_country": order.map_or("", |order| order.country.as_str()),
        "initial_payment_method_type": "direct_debit",
    });
    let shipped_to = order.and_then(|order| order.request["shipping_address"]["country"].as_str());
    let payout = one.payment_reference.as_ref();
    let optional = [
        ("short_order_id", order.map(|order| order.klarna_reference.clone())),
        ("merchant_reference1", order.and_then(|order| order.merchant_reference1.clone())),
        ("merchant_reference2", order.and_then(|order| order.merchant_reference2.clone())),
        ("merchant_capture_reference", capture.and_then(|capture| capture.reference.clone())),
        ("merchant_refund_reference", refund.and_then(|refund| refund.reference.clone())),
        ("refund_id", one.refund_id.clone()),
        ("reversal_reference", one.reversal_reference.clone()),
        ("shipping_country", shipped_to.map(str::to_ascii_uppercase)),
        ("payment_reference", payout.cloned()),
        ("payout", payout.map(|reference| format!("{}/settlements/v1/payouts/{reference}", state.url))),
    ];
    for (name, text) in optional {
        if let Some(text) = text {
            answer[name] = json!(text);
        }
    }
    if one.kind == TransactionType::Fee {
        answer["vat_rate"] = json!(0);
        answer["vat_amount"] = json!(0);
    }
    answer
}
