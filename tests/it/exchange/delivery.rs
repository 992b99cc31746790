//! Delivery: signed, in order, again until it is taken, and again when it is asked for.

use aisle::exchange::{EventKind, Fact, publish};
use aisle::ids::OrderId;
use chrono::Duration;
use serde_json::{Value, json};

use super::{Receiver, Subscriber, happen, path, start};

#[tokio::test]
async fn a_subscriber_is_told_of_an_order_and_can_verify_it() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    assert!(secret.starts_with("whsec_"));
    let order = test.app.ids.next();
    let message_id = happen(&test, EventKind::OrderPaid, order).await;
    happen(&test, EventKind::OrderRefunded, order).await;
    assert_eq!(test.run_jobs().await, 1);

    let messages = receiver.take();
    assert_eq!(messages.len(), 1);
    let message = &messages[0];
    assert_eq!(message.id, message_id.to_string());
    assert_eq!(message.timestamp, test.app.clock.now().timestamp());
    assert!(message.is_signed_with(&secret));
    assert!(!message.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    let body = message.json();
    assert_eq!(body["type"], "order.paid");
    assert_eq!(body["timestamp"], "2026-11-23T09:00:00Z");
    assert_eq!(
        (body["order"].as_str(), body["store"].as_str()),
        (Some(order.to_string().as_str()), Some("0001"))
    );
    assert_eq!(body["data"], json!({ "note": "as it was" }));
    let log = partner.get(id, "/dispatches").await.expect(200);
    assert_eq!(log.text("/dispatches/0/state"), "delivered");
    assert_eq!(log.number("/dispatches/0/last_status"), 204);
}

#[tokio::test]
async fn a_subscriber_that_is_down_is_tried_again_by_the_schedule_until_the_event_is_dead_and_can_be_replayed()
 {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, secret) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.will_answer([500, 503, 429, 404, 302, 500, 500, 500]);
    let message = happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    let mut messages = receiver.take();
    assert_eq!(messages.len(), 1);
    for seconds in [5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] {
        test.advance(Duration::seconds(seconds - 1));
        assert_eq!(test.run_jobs().await, 0, "not before {seconds} s");
        test.advance(Duration::seconds(1));
        assert_eq!(test.run_jobs().await, 1, "after {seconds} s");
        messages.append(&mut receiver.take());
    }
    assert_eq!(messages.len(), 8);
    // A repeat can be told by its id, and each is signed for its own time.
    assert!(messages.iter().all(|each| each.id == message.to_string() && each.body == messages[0].body));
    assert!(messages.iter().all(|each| each.is_signed_with(&secret)));
    test.advance(Duration::days(2));
    assert_eq!(test.run_jobs().await, 0, "given up");

    let dead = partner.dispatches(id, "dead").await;
    assert_eq!((dead.len(), partner.dispatches(id, "waiting").await.len()), (1, 0));
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    let again = receiver.take();
    assert_eq!((again.len(), &*again[0].id, &again[0].body), (1, &*message.to_string(), &messages[0].body));
    assert_eq!(partner.dispatches(id, "delivered").await, dead);
    partner.post(id, &format!("/dispatches/{message}/replay")).await.problem(404, "dispatch_unknown");
}

#[tokio::test]
async fn events_of_one_order_keep_their_order_and_delay_no_other_order() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    partner.subscribe(&receiver, &["order.paid", "shipment.handed_over", "shipment.delivered"]).await;
    let (order, other) = (test.app.ids.next(), test.app.ids.next());
    receiver.will_answer([500]);
    happen(&test, EventKind::OrderPaid, order).await;
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.paid".to_owned(), 1)]);
    happen(&test, EventKind::ShipmentHandedOver, order).await;
    happen(&test, EventKind::ShipmentDelivered, order).await;
    happen(&test, EventKind::OrderPaid, other).await;
    test.run_jobs().await;
    let came = receiver.take();
    assert_eq!((came.len(), came[0].json()["order"].as_str()), (1, Some(&*other.to_string())));
    test.advance(Duration::seconds(5));
    test.run_jobs().await;
    let came = receiver.take_sequences();
    let kinds = ["order.paid", "shipment.handed_over", "shipment.delivered"].map(str::to_owned);
    assert_eq!(came, kinds.into_iter().zip(1..).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_behind_a_dead_one_goes_on_when_that_is_replayed_or_skipped() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid", "order.refunded"]).await;
    let orders: [OrderId; 2] = [test.app.ids.next(), test.app.ids.next()];
    receiver.will_answer([500; 16]);
    for order in orders {
        happen(&test, EventKind::OrderPaid, order).await;
    }
    for seconds in [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 36_000] {
        test.advance(Duration::seconds(seconds));
        test.run_jobs().await;
    }
    assert_eq!(receiver.take().len(), 16);
    for order in orders {
        happen(&test, EventKind::OrderRefunded, order).await;
    }
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0, "behind the dead");
    let dead = partner.dispatches(id, "dead").await;
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.paid".to_owned(), 1), ("order.refunded".to_owned(), 2)]);
    for _ in 0..2 {
        partner.delete(id, &format!("/dispatches/{}", dead[1])).await.expect(204);
    }
    test.run_jobs().await;
    assert_eq!(receiver.take_sequences(), [("order.refunded".to_owned(), 2)]);
    partner.delete(id, &format!("/dispatches/{}", dead[0])).await.problem(409, "dispatch_closed");
}

#[tokio::test]
async fn a_subscriber_that_says_gone_is_told_nothing_more_until_it_subscribes_again() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid"]).await;
    receiver.will_answer([410]);
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
    assert_eq!(partner.get(id, "").await.expect(200).text("/state"), "off");
    happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.advance(Duration::days(1));
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 0);
    let dead = partner.dispatches(id, "dead").await;
    assert_eq!(dead.len(), 1);
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.problem(409, "subscription_off");
    let body = json!({ "url": receiver.url, "kinds": ["order.paid"] });
    assert_eq!(partner.put(id, &body).await.expect(200).text("/state"), "active");
    partner.post(id, &format!("/dispatches/{}/replay", dead[0])).await.expect(202);
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
}

#[tokio::test]
async fn everything_since_a_moment_is_sent_again_also_what_was_before_the_subscription() {
    let test = start().await;
    let receiver = Receiver::new().await;
    let partner = Subscriber::new(&test).await;
    let early = happen(&test, EventKind::OrderPaid, test.app.ids.next()).await;
    test.advance(Duration::minutes(1));
    let since = test.app.clock.now();
    let order = test.app.ids.next();
    let before = happen(&test, EventKind::OrderPaid, order).await;
    let (id, _) = partner.subscribe(&receiver, &["order.paid", "shipment.booked"]).await;
    happen(&test, EventKind::OrderRefunded, order).await;
    let after = happen(&test, EventKind::ShipmentBooked, order).await;
    test.run_jobs().await;
    assert_eq!(receiver.take().len(), 1);
    let replay = |since: chrono::DateTime<chrono::Utc>| {
        test.post(&path(id, "/replay"), &json!({ "since": since })).bearer(&partner.key).send()
    };
    let replayed = replay(since).await.expect(202);
    assert_eq!((replayed.number("/events"), replayed.json.get("next_since")), (2, None));
    test.run_jobs().await;
    let ids: Vec<String> = receiver.take().into_iter().map(|message| message.id).collect();
    assert_eq!(ids, [before.to_string(), after.to_string()]);
    assert!(!ids.contains(&early.to_string()));
    replay(since - Duration::days(31)).await.problem(422, "since_too_early");
}

#[tokio::test]
async fn a_fact_that_was_rolled_back_is_told_to_nobody() {
    let test = start().await;
    let receiver = Receiver::new().await;
    Subscriber::new(&test).await.subscribe(&receiver, &["order.paid"]).await;
    let app = &test.app;
    let store = "0001".parse().expect("a key");
    let fact = Fact {
        kind: EventKind::OrderPaid,
        order: app.ids.next(),
        store,
        payload: Value::Null,
        document: None,
    };
    let mut tx = app.db.begin().await.expect("begun");
    publish(&mut tx, &app.ids, app.clock.now(), &app.connections, &fact).await.expect("published");
    tx.rollback().await.expect("rolled back");
    assert_eq!((test.run_jobs().await, receiver.take().len()), (0, 0));
}
