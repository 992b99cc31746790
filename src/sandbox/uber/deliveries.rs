//! `/customers/{id}/deliveries`: create, list, get, update, cancel, proof.
//!
//! Our choices, because the file says nothing: a key that is repeated is a duplicate whatever became of its delivery; a
//! reference and external id only while the delivery is under way, and without a key also a reference alone; a tip is at
//! most a hundred units of the currency and given once.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Duration;
use serde_json::{Value, json};

use super::{
    address,
    books::{Delivery, Quote, State, Status},
    courier,
    errors::{refusal, with_metadata},
    png,
    quotes::courier_is_there,
    request::{self, Order, read_body, read_update},
    view::view,
};
use crate::sandbox::host::{Call, Fields, Reply, Report};

/// How long an idempotency key lives.
const KEY_LIVES: Duration = Duration::minutes(60);
const TIP_MAX: i64 = 10_000;
/// Deliveries of a page, when nobody says how many.
const PAGE: usize = 50;

pub fn create(state: &mut State, call: &Call, url: &str) -> Result<Reply, Reply> {
    let body = read_body(call)?;
    let order = request::read(&body, call.now)?;
    if let Some(duplicate) = duplicate(state, &order, call) {
        return Err(with_metadata("duplicate_delivery", Some(&json!({ "delivery_id": duplicate }))));
    }
    order.windows.check(call.now)?;
    let quote = quote(state, &order, call)?;
    address::reach(&order.pickup, &order.dropoff)?;
    courier_is_there(state)?;
    let (fee, quote_id) = match quote {
        Some(quote) => (quote.fee, Some(quote.id)),
        None => (address::fee(&order.pickup, &order.dropoff), None),
    };
    let (id, uuid) = (state.next_id("del_"), state.next_id(""));
    if let Some(quote) = quote_id.as_ref().and_then(|id| state.quotes.get_mut(id)) {
        quote.used_by = Some(id.clone());
    }
    state.delivery_count += 1;
    let pincode = order.has_pincode.then(|| format!("{:04}", 1_000 + state.delivery_count * 7_919 % 9_000));
    let delivery = Delivery {
        place: state.delivery_count,
        id: id.clone(),
        uuid,
        quote_id,
        status: Status::Pending,
        manifest_reference: order.manifest_reference,
        external_id: order.external_id,
        idempotency_key: order.idempotency_key,
        fee: fee + order.tip,
        tip: order.tip,
        currency: order.pickup.currency().to_owned(),
        pickup: order.pickup,
        dropoff: order.dropoff,
        windows: order.windows,
        min_age: order.min_age,
        undeliverable_action: order.undeliverable_action.to_owned(),
        request: body,
        pincode,
        undeliverable_reason: None,
        cancelation_reason: None,
        related: None,
        history: vec![(Status::Pending, call.now)],
        plan: courier::plan(order.plan, call.now),
        courier_told_at: None,
    };
    let answer = Reply::json(200, &view(&delivery, url));
    state.deliveries.insert(id.clone(), delivery);
    courier::tell(state, &id, "event.delivery_status", call.now);
    Ok(answer)
}

/// The delivery that this one would repeat.
fn duplicate(state: &State, order: &Order, call: &Call) -> Option<String> {
    let by_key = |one: &&Delivery| {
        order.idempotency_key.is_some()
            && one.idempotency_key == order.idempotency_key
            && one.created() + KEY_LIVES > call.now
    };
    let by_reference = |one: &&Delivery| {
        let says_enough = order.external_id.is_some() || order.idempotency_key.is_none();
        says_enough
            && order.manifest_reference.is_some()
            && one.manifest_reference == order.manifest_reference
            && one.external_id == order.external_id
            && !one.status.is_end()
    };
    let found = state.deliveries.values().find(by_key);
    found.or_else(|| state.deliveries.values().find(by_reference)).map(|one| one.id.clone())
}

/// The quote that was named, if it may be used for this.
fn quote(state: &State, order: &Order, call: &Call) -> Result<Option<Quote>, Reply> {
    let Some(id) = &order.quote_id else { return Ok(None) };
    let Some(quote) = state.quotes.get(id) else { return Err(refusal("mismatched_price_quote")) };
    if quote.used_by.is_some() {
        return Err(refusal("used_quote"));
    }
    if quote.expires <= call.now {
        return Err(refusal("expired_quote"));
    }
    let is_another_store =
        order.external_store_id.is_some() && quote.external_store_id != order.external_store_id;
    if is_another_store || quote.pickup != order.pickup || quote.dropoff != order.dropoff {
        return Err(refusal("mismatched_price_quote"));
    }
    Ok(Some(quote.clone()))
}

/// `GET …/deliveries`: the newest first.
pub fn list(state: &State, call: &Call, url: &str) -> Result<Reply, Reply> {
    let number = |name: &str| match call.query(name).map(|text| text.parse::<usize>()) {
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(_)) => Err(refusal("invalid_params")),
        None => Ok(None),
    };
    let limit = number("limit")?.unwrap_or(PAGE);
    let offset = number("Offset")?.or(number("offset")?).unwrap_or_default();
    let filter = call.query("filter").unwrap_or_default();
    let all = [
        "",
        "ongoing",
        "pending",
        "pickup",
        "pickup_complete",
        "dropoff",
        "delivered",
        "canceled",
        "returned",
    ];
    if !all.contains(&filter.as_str()) || limit == 0 || limit > 1_000 {
        return Err(refusal("invalid_params"));
    }
    let fits = |one: &&Delivery| match filter.as_str() {
        "" => true,
        "ongoing" => !one.status.is_end(),
        status => one.status.as_str() == status,
    };
    let mut found: Vec<&Delivery> = state.deliveries.values().filter(fits).collect();
    found.sort_by_key(|one| std::cmp::Reverse(one.place));
    let page: Vec<Value> = found.iter().skip(offset).take(limit).map(|one| view(one, url)).collect();
    let mut body = json!({ "data": page, "total_count": -1 });
    if found.len() > offset.saturating_add(limit) {
        let next = offset + limit;
        let filter = if filter.is_empty() { String::new() } else { format!("&filter={filter}") };
        body["next_href"] = json!(format!("{}?limit={limit}&Offset={next}{filter}", call.path()));
    }
    Ok(Reply::json(200, &body))
}

fn one<'a>(state: &'a mut State, call: &Call) -> Result<&'a mut Delivery, Reply> {
    state.deliveries.get_mut(call.id(1)).ok_or_else(|| refusal("delivery_not_found"))
}

pub fn get(state: &mut State, call: &Call, url: &str) -> Result<Reply, Reply> {
    one(state, call).map(|delivery| Reply::json(200, &view(delivery, url)))
}

/// Notes, reference, verification, tip: into the request, from which the answers are made.
pub fn update(state: &mut State, call: &Call, url: &str) -> Result<Reply, Reply> {
    let body = read_body(call)?;
    let tip = read_update(&body)?;
    let delivery = one(state, call)?;
    if let Some(tip) = tip {
        let refused = match tip {
            _ if matches!(delivery.status, Status::Canceled | Status::Returned) => {
                Some("invalid_tipping_state")
            }
            tip if tip <= 0 => Some("no_tip"),
            tip if tip > TIP_MAX => Some("max_tip_exceeded"),
            _ if delivery.tip > 0 => Some("tip_already_recorded_error"),
            _ => None,
        };
        if let Some(code) = refused {
            return Err(refusal(code));
        }
        delivery.tip = tip;
        delivery.fee += tip;
    }
    let others = body.as_object().into_iter().flatten().filter(|(name, _)| *name != "tip_by_customer");
    for (name, value) in others {
        if delivery.status.is_end() {
            return Err(refusal("invalid_params"));
        }
        match (name.as_str(), value) {
            ("manifest_reference", Value::String(reference)) => {
                delivery.manifest_reference = Some(reference.clone());
            }
            ("dropoff_verification" | "pickup_verification", value) => {
                delivery.request[name.as_str()]["barcodes"] = value["barcodes"].clone();
            }
            _ => delivery.request[name.as_str()] = value.clone(),
        }
    }
    Ok(Reply::json(200, &view(delivery, url)))
}

/// Until a courier has the goods.
pub fn cancel(state: &mut State, call: &Call, url: &str) -> Result<Reply, Reply> {
    let delivery = one(state, call)?;
    if !delivery.status.is_before_pickup() {
        return Err(refusal("noncancelable_delivery"));
    }
    delivery.cancelation_reason = Some("CUSTOMER_CANCEL".to_owned());
    courier::set(state, call.id(1), Status::Canceled, call.now);
    one(state, call).map(|delivery| Reply::json(200, &view(delivery, url)))
}

/// A picture of what was asked for, once the courier was there.
pub fn proof(state: &mut State, call: &Call) -> Result<Reply, Reply> {
    let body = read_body(call)?;
    let delivery = one(state, call)?;
    let report = Report::default();
    let wanted = Fields::root(&body, &report).map(|fields| {
        let waypoint = fields.need("waypoint", fields.word("waypoint", &["pickup", "dropoff", "return"]));
        let kind = fields.need("type", fields.word("type", &["picture", "signature", "pincode"]));
        (waypoint.unwrap_or_default(), kind.unwrap_or_default())
    });
    let (waypoint, kind) = wanted.filter(|_| report.is_empty()).ok_or_else(|| refusal("invalid_params"))?;
    let asked = &delivery.request[format!("{waypoint}_verification").as_str()][kind];
    let is_asked = asked.as_bool() == Some(true) || asked["enabled"].as_bool() == Some(true);
    let reached = match waypoint {
        "pickup" => delivery.since(Status::PickupComplete),
        "dropoff" => delivery.since(Status::Delivered),
        _ => delivery.since(Status::Returned),
    };
    if !is_asked || reached.is_none() {
        return Err(refusal("invalid_params"));
    }
    let image = png::squiggle(&format!("{}{waypoint}{kind}", delivery.id));
    Ok(Reply::json(200, &json!({ "document": STANDARD.encode(image) })))
}
