//! What happens to a delivery on its way, and who is told.
//!
//! Our choices: while goods come back, the delivery stays `dropoff` with a reason why it could not be handed over and a
//! second delivery `ret_…`; when they are back, both are `returned`. A robot courier that keeps its own pace needs five
//! minutes a stage.

use chrono::{DateTime, Duration, Utc};

use super::{
    ControlError,
    books::{Delivery, Related, State, Status},
    request::Plan,
    webhooks,
};

/// Words for what tests and people want to happen.
pub const WORDS: [&str; 6] =
    ["advance", "age_check_failed", "nobody_there", "no_courier", "lost", "courier_update"];

/// A stage of a robot courier.
const ROBOT_STEP: Duration = Duration::minutes(5);
/// How often a moving courier is told of.
const COURIER_UPDATE: Duration = Duration::seconds(20);

/// What a robot courier will do.
pub fn plan(plan: Plan, now: DateTime<Utc>) -> Vec<(Status, DateTime<Utc>)> {
    match plan {
        Plan::Person => Vec::new(),
        Plan::At(steps) => steps,
        Plan::Auto => {
            let stages = [Status::Pickup, Status::PickupComplete, Status::Dropoff, Status::Delivered];
            let step = |(status, place): (Status, i32)| (status, now + ROBOT_STEP * place);
            stages.into_iter().zip(1..).map(step).collect()
        }
    }
}

/// Makes something happen.
pub fn happen(state: &mut State, id: &str, word: &str, now: DateTime<Utc>) -> Result<Status, ControlError> {
    if !WORDS.contains(&word) {
        return Err(ControlError::UnknownWord);
    }
    let delivery = state.deliveries.get_mut(id).ok_or(ControlError::UnknownDelivery)?;
    let status = delivery.status;
    match word {
        "advance" => {
            let next = next(delivery).ok_or(ControlError::NotNow)?;
            arrive(state, id, next, now);
        }
        "age_check_failed" | "nobody_there" if status == Status::Dropoff && delivery.related.is_none() => {
            let reason =
                if word == "nobody_there" { "CUSTOMER_UNAVAILABLE" } else { "AGE_VERIFICATION_FAILED" };
            fail(state, id, reason, now);
        }
        "no_courier" if status.is_before_pickup() => {
            delivery.cancelation_reason = Some("NO_COURIER_AVAILABLE".to_owned());
            set(state, id, Status::Canceled, now);
        }
        "lost" if !status.is_before_pickup() && !status.is_end() => {
            delivery.cancelation_reason = Some("COURIER_LOST_ITEMS".to_owned());
            set(state, id, Status::Canceled, now);
        }
        "courier_update" if !status.is_end() && status != Status::Pending => {
            tell(state, id, "event.courier_update", now);
        }
        _ => return Err(ControlError::NotNow),
    }
    state.deliveries.get(id).map(|delivery| delivery.status).ok_or(ControlError::UnknownDelivery)
}

/// The next status; of goods that come back the way back has to go on, not the way there.
fn next(delivery: &Delivery) -> Option<Status> {
    match delivery.status {
        Status::Dropoff if delivery.is_way_back() => Some(Status::Returned),
        Status::Dropoff if delivery.related.is_some() => None,
        status => status.next(),
    }
}

/// Comes to a status, and with the end of a way back ends the way there too.
fn arrive(state: &mut State, id: &str, status: Status, now: DateTime<Utc>) {
    set(state, id, status, now);
    let related = state.deliveries.get(id).and_then(|delivery| delivery.related.clone());
    if let Some(original) =
        related.filter(|related| status == Status::Returned && related.relationship == "original")
    {
        set(state, &original.id, Status::Returned, now);
    }
}

/// The goods can't be handed over: they are thrown away, left or brought back, as was asked for.
fn fail(state: &mut State, id: &str, reason: &str, now: DateTime<Utc>) {
    let Some(delivery) = state.deliveries.get_mut(id) else { return };
    delivery.undeliverable_reason = Some(reason.to_owned());
    match delivery.undeliverable_action.as_str() {
        "leave_at_door" => return set(state, id, Status::Delivered, now),
        "discard" => return set(state, id, Status::Canceled, now),
        _ => {}
    }
    let mut back = delivery.clone();
    let back_id = state.next_id("ret_");
    state.delivery_count += 1;
    back.place = state.delivery_count;
    back.id.clone_from(&back_id);
    back.uuid = state.next_id("");
    (back.quote_id, back.idempotency_key, back.plan) = (None, None, Vec::new());
    (back.fee, back.tip) = (0, 0);
    back.related = Some(Related { id: id.to_owned(), relationship: "original".to_owned() });
    back.history = vec![(Status::Dropoff, now)];
    if let Some(delivery) = state.deliveries.get_mut(id) {
        delivery.related = Some(Related { id: back_id.clone(), relationship: "return".to_owned() });
        delivery.plan.clear();
    }
    state.deliveries.insert(back_id.clone(), back);
    tell(state, id, "event.delivery_status", now);
    tell(state, &back_id, "event.delivery_status", now);
}

/// Sets a status and tells of it.
pub fn set(state: &mut State, id: &str, status: Status, now: DateTime<Utc>) {
    let Some(delivery) = state.deliveries.get_mut(id) else { return };
    delivery.status = status;
    delivery.history.push((status, now));
    tell(state, id, "event.delivery_status", now);
}

pub fn tell(state: &mut State, id: &str, kind: &str, now: DateTime<Utc>) {
    if let Some(delivery) = state.deliveries.get(id).cloned() {
        webhooks::make(state, &delivery, kind, now);
    }
}

/// Moves couriers along: robots by their plan, others every so often when they move by themselves at all.
pub fn pass_time(state: &mut State, now: DateTime<Utc>, moves_every: Option<std::time::Duration>) {
    let step =
        moves_every.and_then(|step| Duration::from_std(step).ok()).filter(|step| *step > Duration::zero());
    let under_way: Vec<String> =
        state.deliveries.values().filter(|one| !one.status.is_end()).map(|one| one.id.clone()).collect();
    for id in under_way {
        while let Some((status, at)) = state.deliveries.get(&id).and_then(|one| due(one, step, now)) {
            arrive(state, &id, status, at);
        }
        let Some(delivery) = state.deliveries.get_mut(&id) else { continue };
        let rides = !delivery.status.is_end() && delivery.status != Status::Pending;
        let told = delivery.courier_told_at.unwrap_or_else(|| delivery.updated());
        // Only couriers that move have news of themselves; of a long pause the latest is told.
        if rides && (step.is_some() || !delivery.plan.is_empty()) && told + COURIER_UPDATE <= now {
            delivery.courier_told_at = Some(now);
            tell(state, &id, "event.courier_update", now);
        }
    }
}

/// The next status that is due by now, and since when.
fn due(delivery: &Delivery, step: Option<Duration>, now: DateTime<Utc>) -> Option<(Status, DateTime<Utc>)> {
    let next = next(delivery)?;
    let planned = delivery.plan.iter().find(|(status, _)| *status == next).map(|(_, at)| *at);
    let at = planned.or_else(|| Some(delivery.updated().max(delivery.windows.pickup_ready) + step?))?;
    (at <= now).then_some((next, at.max(delivery.updated())))
}
