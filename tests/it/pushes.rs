//! What couriers tell by themselves: subscribed to, proven, a hint and no more, and never relied on without a look.

use std::time::Duration as Time;

use aisle::delivery;
use aisle::ids::ShipmentId;
use aisle::sandbox::{dhl, ups};
use chrono::Duration;
use serde_json::{Value, json};

use crate::contract;
use crate::support::courier::{Courier, Depot, and};
use crate::support::{Answer, start_of_time};

const KEY: &str = "a-key-of-ours-that-nobody-guesses-1";
const TOKEN: &str = "a-token-of-ours-that-nobody-guesses";
const DHL: &str = "/v1/webhooks/delivery/dhl";
const UPS: &str = "/v1/webhooks/delivery/ups";

impl Courier for dhl::Sandbox {
    fn pass(&self, seconds: i64) {
        self.advance_clock(seconds).expect("time passes");
    }

    fn live(&self) -> Vec<String> {
        let shipments = self.books().shipments.into_iter();
        shipments.filter(|one| one.cancelled_at.is_none()).map(|one| one.number).collect()
    }
}

async fn ups_depot() -> Depot<ups::Sandbox> {
    let settings = ups::Settings {
        clock_stands_at: Some(start_of_time()),
        recoverable_after: Time::ZERO,
        ..ups::Settings::local()
    };
    let sandbox = ups::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = and(settings.for_service(sandbox.url()), &[("AISLE_UPS_ALERT_KEY", KEY)]);
    let depot = Depot::new(sandbox, &variables).await;
    depot.courier.set_alert_controls(ups::Controls { hold: true, ..ups::Controls::default() });
    depot.courier.set_webhook(Some(ups::AlertTarget {
        url: format!("{}{UPS}", depot.test.url()),
        credentials: ups::AlertCredentials::ApiKey(KEY.to_owned()),
    }));
    depot
}

/// A service that DHL tells with this token.
fn told_by(dhl: &dhl::Sandbox, settings: &dhl::Settings, token: &str) -> Vec<(&'static str, String)> {
    let push = [("AISLE_DHL_PUSH_ACCOUNT", "3333333333"), ("AISLE_DHL_PUSH_TOKEN", token)];
    and(settings.for_service(dhl.url()), &push)
}

/// A courier of which the account is subscribed to.
async fn dhl_depot() -> Depot<dhl::Sandbox> {
    let settings = dhl::Settings {
        clock_stands_at: Some(start_of_time()),
        known_after: Time::ZERO,
        ..dhl::Settings::local()
    };
    let sandbox = dhl::Sandbox::start(settings.clone()).await.expect("a sandbox");
    let variables = told_by(&sandbox, &settings, TOKEN);
    let depot = Depot::new(sandbox, &variables).await;
    hold(&depot, dhl::Controls::default());
    delivery::schedule(&depot.test.app).await.expect("the account is looked after");
    depot
}

/// Nothing is sent but on order.
fn hold(depot: &Depot<dhl::Sandbox>, mut controls: dhl::Controls) {
    controls.hold = true;
    depot.courier.set_push_controls(controls).expect("controls");
}

/// A depot whose account's subscription was confirmed.
async fn subscribed_dhl() -> Depot<dhl::Sandbox> {
    let depot = dhl_depot().await;
    depot.test.run_jobs().await;
    assert_eq!(depot.courier.deliver_pushes().await, 1, "the subscription is made sure of");
    assert!(depot.courier.books().pushes.subscriptions[0].active);
    depot
}

async fn status<C: Courier>(depot: &Depot<C>, shipment: ShipmentId) -> String {
    depot.see(shipment).await.text("/parcels/0/status").to_owned()
}

async fn number<C: Courier>(depot: &Depot<C>, shipment: ShipmentId) -> String {
    depot.see(shipment).await.text("/parcels/0/tracking_number").to_owned()
}

fn asked(depot: &Depot<dhl::Sandbox>) -> u64 {
    depot.courier.books().calls.get("tracking.get").copied().unwrap_or_default()
}

/// A message about parcels, as DHL sends them.
async fn tell_dhl(depot: &Depot<dhl::Sandbox>, token: &str, numbers: &[&str]) -> Answer {
    let shipments: Vec<Value> = numbers.iter().map(|number| json!({ "id": number })).collect();
    let body = json!({ "scope": "subscription.push", "shipments": shipments });
    depot.test.post(DHL, &body).header("x-aisle-token", token).send().await
}

#[tokio::test]
async fn a_parcel_of_ups_is_subscribed_to_and_its_messages_are_followed_to_the_door() {
    let depot = ups_depot().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    assert!(depot.courier.books().subscriptions.contains_key(&number));
    for expected in ["picked_up", "in_transit", "out_for_delivery", "delivered"] {
        depot.pass(Duration::minutes(10)).await;
        depot.courier.advance(&number).expect("the parcel moves");
        assert_eq!(depot.courier.deliver_alerts().await, 1);
        depot.test.run_jobs().await;
        assert_eq!(status(&depot, shipment).await, expected);
    }
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    contract::ups::assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_subscription_at_ups_is_renewed_before_it_ends_and_made_again_when_the_answer_was_lost() {
    let depot = ups_depot().await;
    let lost = ups::FaultKind::Network(ups::Fault::NoAnswerAfter { hold: false });
    depot.courier.add_fault(ups::Rule::new("alert.package", lost, 1));
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    depot.pass(Duration::minutes(5)).await;
    for _ in 0..40 {
        depot.pass(Duration::days(1)).await;
        assert!(depot.courier.books().subscriptions.contains_key(&number), "at {}", depot.courier.now());
    }
    let made = |one: &&ups::Exchange| one.operation == "alert.package" && one.status == 200;
    let asked = depot.courier.exchanges().iter().filter(made).count();
    assert!((4..=6).contains(&asked), "{asked} times in 40 days");
}

#[tokio::test]
async fn a_message_without_our_secret_is_refused_and_nothing_is_asked() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    depot.courier.advance(&number).expect("the parcel moves");
    let before = asked(&depot);
    for token in ["", "a-token-of-ours-that-nobody-guesse", &TOKEN.to_uppercase(), KEY] {
        tell_dhl(&depot, token, &[&number]).await.problem(400, "notice_unproven");
    }
    let body = json!({ "scope": "subscription.push", "shipments": [{ "id": number }] });
    depot.test.post(DHL, &body).send().await.problem(400, "notice_unproven");
    depot.test.post(UPS, &body).header("x-api-key", KEY).send().await.problem(404, "courier_absent");
    let secret = json!({ "scope": "subscription.validate", "self": "https://a/b", "secret": "s" });
    depot.test.post(DHL, &secret).send().await.problem(400, "notice_unproven");
    depot.test.run_jobs().await;
    assert_eq!(asked(&depot), before);
    assert_eq!(depot.courier.books().calls["push.activate"], 1);
    assert_eq!(status(&depot, shipment).await, "announced");
    let at_ups = ups_depot().await;
    let message = json!({ "trackingNumber": "1ZA1B2C30000000001" });
    for key in ["", TOKEN] {
        let call = at_ups.test.post(UPS, &message).header("x-api-key", key);
        call.send().await.problem(400, "notice_unproven");
    }
}

#[tokio::test]
async fn dhl_tells_of_the_account_once_its_secret_came_back() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    assert_eq!(depot.courier.deliver_pushes().await, 1, "of the booking");
    depot.test.run_jobs().await;
    for expected in ["picked_up", "in_transit", "out_for_delivery", "delivered"] {
        depot.pass(Duration::minutes(10)).await;
        depot.courier.advance(&number).expect("the parcel moves");
        assert_eq!(depot.courier.deliver_pushes().await, 1);
        depot.test.run_jobs().await;
        assert_eq!(status(&depot, shipment).await, expected);
    }
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    // Looked after once a day, and left alone as long as it works.
    depot.pass(Duration::days(2)).await;
    let calls = depot.courier.books().calls;
    assert_eq!((calls["push.subscribe"], calls["push.activate"]), (1, 1));
    assert!(calls["push.list"] >= 2);
    contract::dhl::assert_kept(&depot.courier);
}

#[tokio::test]
async fn a_confirmation_that_does_not_arrive_is_asked_for_again_by_the_courier() {
    let depot = dhl_depot().await;
    depot.test.run_jobs().await;
    depot.courier.plan_fault("push.activate", dhl::FaultKind::ErrorBefore { status: 503 }, 1);
    assert_eq!(depot.courier.deliver_pushes().await, 0);
    let books = depot.courier.books().pushes;
    assert_eq!((books.messages[0].answered, books.subscriptions[0].active), (Some(503), false));
    assert_eq!(depot.courier.deliver_pushes().await, 1);
    assert!(depot.courier.books().pushes.subscriptions[0].active);
}

#[tokio::test]
async fn a_subscription_that_was_never_confirmed_or_has_another_token_is_made_anew() {
    let depot = dhl_depot().await;
    hold(&depot, dhl::Controls { drop_next: 1, ..dhl::Controls::default() });
    depot.courier.plan_fault("push.subscribe", dhl::FaultKind::NoAnswerAfter, 1);
    depot.test.run_jobs().await;
    hold(&depot, dhl::Controls { drop_next: 1, ..dhl::Controls::default() });
    depot.pass(Duration::minutes(5)).await;
    assert_eq!(depot.courier.books().pushes.subscriptions.len(), 1, "the one whose answer was lost is gone");
    assert_eq!(depot.courier.deliver_pushes().await, 0, "both validations were lost");
    depot.pass(Duration::days(1)).await;
    assert_eq!(depot.courier.deliver_pushes().await, 1);
    let first = depot.courier.books().pushes.subscriptions;
    assert!(first.len() == 1 && first[0].active);
    let token = "another-token-that-nobody-guesses";
    let variables = told_by(&depot.courier, &dhl::Settings::local(), token);
    let another = depot.test.another_with(&variables).await;
    delivery::schedule(&another.app).await.expect("the account is looked after");
    another.run_jobs().await;
    let second = depot.courier.books().pushes.subscriptions;
    assert!(second.len() == 1 && second[0].id != first[0].id && !second[0].active);
}

#[tokio::test]
async fn messages_that_come_doubled_late_and_shuffled_tell_nothing_wrong() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    hold(&depot, dhl::Controls { duplicate_next: 3, reverse: true, ..dhl::Controls::default() });
    for code in ["advance", "advance", "advance", "DLVRD_OTHER_ZU", "STORN", "NTDEL_CNCNR_ZN"] {
        depot.courier.record_event(&number, code).expect("an event");
        depot.courier.advance_clock(60).expect("time passes");
        depot.test.advance(Duration::minutes(1));
    }
    // The booking's own message comes doubled too, and last.
    assert_eq!(depot.courier.deliver_pushes().await, 7 + 3);
    depot.pass(Duration::minutes(3)).await;
    assert_eq!(status(&depot, shipment).await, "failed_attempt", "the delivery was taken back");
    depot.courier.advance(&number).expect("out again");
    depot.courier.advance(&number).expect("delivered");
    depot.courier.deliver_pushes().await;
    depot.pass(Duration::minutes(30)).await;
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    let events = depot.see(shipment).await.json["parcels"][0]["events"].as_array().map_or(0, Vec::len);
    assert_eq!(events, 7, "each once, without what was taken back");
}

#[tokio::test]
async fn messages_by_whoever_has_seen_one_do_not_use_up_what_the_courier_lets_us_ask() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    tell_dhl(&depot, TOKEN, &[&number]).await.expect(200);
    depot.test.run_jobs().await;
    let before = asked(&depot);
    for _ in 0..6 * 60 {
        // Many a minute, for six hours.
        for _ in 0..3 {
            tell_dhl(&depot, TOKEN, &[&number, "00340000000000000000"]).await.expect(200);
        }
        depot.pass(Duration::minutes(1)).await;
    }
    let made = asked(&depot) - before;
    assert!(made <= 12, "asked {made} times, where it would have been 3 without any message");
    // What really happens is learned all the same, and then messages are followed at once again.
    depot.courier.advance(&number).expect("the parcel moves");
    tell_dhl(&depot, TOKEN, &[&number]).await.expect(200);
    depot.pass(Duration::hours(2)).await;
    assert_eq!(status(&depot, shipment).await, "picked_up");
    depot.pass(Duration::minutes(5)).await;
    depot.courier.advance(&number).expect("the parcel moves");
    tell_dhl(&depot, TOKEN, &[&number]).await.expect(200);
    depot.test.run_jobs().await;
    assert_eq!(status(&depot, shipment).await, "in_transit");
}

#[tokio::test]
async fn who_tells_is_asked_seldom_and_silence_is_noticed_by_asking() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    // Of the booking DHL tells; the first look finds nothing that it did not tell.
    depot.pass(Duration::minutes(5)).await;
    depot.courier.deliver_pushes().await;
    depot.test.run_jobs().await;
    let before = asked(&depot);
    for _ in 0..23 {
        depot.pass(Duration::hours(1)).await;
    }
    let told = asked(&depot) - before;
    assert!((2..=3).contains(&told), "asked {told} times a day of a parcel that is told of");
    hold(&depot, dhl::Controls { drop_next: 100, ..dhl::Controls::default() });
    depot.courier.advance(&number).expect("the parcel moves");
    for _ in 0..8 {
        depot.pass(Duration::hours(1)).await;
    }
    assert_eq!(status(&depot, shipment).await, "picked_up", "found by asking");
    let before = asked(&depot);
    for _ in 0..12 {
        depot.pass(Duration::hours(1)).await;
    }
    assert_eq!(asked(&depot) - before, 6, "as often as without messages");
    // A day later the account is subscribed to anew, and messages count again.
    hold(&depot, dhl::Controls::default());
    depot.pass(Duration::hours(12)).await;
    depot.pass(Duration::hours(12)).await;
    depot.courier.deliver_pushes().await;
    let books = depot.courier.books();
    assert_eq!(books.calls["push.subscribe"], 2);
    assert!(books.pushes.subscriptions.len() == 1 && books.pushes.subscriptions[0].active);
    depot.courier.advance(&number).expect("the parcel moves");
    depot.courier.deliver_pushes().await;
    depot.pass(Duration::minutes(5)).await;
    assert_eq!(status(&depot, shipment).await, "in_transit");
}

#[tokio::test]
async fn a_message_whose_asking_is_not_answered_is_not_forgotten() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    depot.pass(Duration::minutes(5)).await;
    depot.courier.advance(&number).expect("the parcel moves");
    depot.courier.plan_fault("tracking.get", dhl::FaultKind::ErrorBefore { status: 503 }, 2);
    depot.courier.deliver_pushes().await;
    depot.test.run_jobs().await;
    assert_eq!(status(&depot, shipment).await, "announced");
    for _ in 0..3 {
        depot.pass(Duration::minutes(4)).await;
    }
    assert_eq!(status(&depot, shipment).await, "picked_up");
}

#[tokio::test]
async fn messages_about_what_has_ended_are_taken_and_ask_nothing() {
    let depot = subscribed_dhl().await;
    let shipment = depot.request().await;
    let number = number(&depot, shipment).await;
    for _ in 0..4 {
        depot.courier.advance(&number).expect("the parcel moves");
    }
    for _ in 0..10 {
        depot.pass(Duration::hours(12)).await;
    }
    assert_eq!(depot.see(shipment).await.text("/state"), "delivered");
    let before = asked(&depot);
    tell_dhl(&depot, TOKEN, &[&number]).await.expect(200);
    depot.pass(Duration::days(1)).await;
    assert_eq!(asked(&depot), before);
}
