//! Following a delivery: the shopper's stream and page, and what becomes of parcels that do not arrive.

use std::time::Duration as Time;

use aisle::identity::Role;
use aisle::ids::{OrderId, ShipmentId};
use aisle::sandbox::dhl::FaultKind;
use chrono::Duration;
use serde_json::{Value, json};

use crate::credits::{apply, store_with};
use crate::support::Answer;
use crate::support::catalog::{BREAD, PAN, STORE};
use crate::support::trip::{Shop, Shopper};

/// An order of a pan that is delivered and of bread that is taken along, its shipment, and the courier's number of the parcel.
async fn sent(shop: &Shop, shopper: &Shopper<'_>) -> (OrderId, ShipmentId, String) {
    let cart = shopper.fill(&[BREAD, PAN]).await;
    let order = shopper.order(cart, &[2]).await;
    shop.test.run_jobs().await;
    let shipment = shopper.read_order(order).await.text("/shipment").parse().expect("a shipment");
    let number = shop.dhl.books().shipments[0].number.clone();
    (order, shipment, number)
}

/// The courier says what happened, and is asked.
async fn happens(shop: &Shop, number: &str, codes: &[&str]) {
    for code in codes {
        shop.dhl.record_event(number, code).expect("an event");
        shop.dhl.advance_clock(7_200).expect("time passes");
        shop.test.advance(Duration::hours(2));
        shop.test.run_jobs().await;
    }
}

async fn clerk(shop: &Shop) -> String {
    shop.test.staff(Role::Clerk, &[STORE]).await
}

async fn tasks(shop: &Shop) -> Answer {
    let path = format!("/v1/stores/{STORE}/delivery-tasks");
    shop.test.get(&path).bearer(&clerk(shop).await).send().await.expect(200)
}

/// The events of an answer that is still open, one after the other.
struct Stream(reqwest::Response, String);

impl Stream {
    async fn open(shop: &Shop, path: &str, token: &str) -> Self {
        let url = format!("{}{path}", shop.test.url());
        let response = crate::support::client().get(url).bearer_auth(token).send().await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(response, String::new())
    }

    /// The data of the next event.
    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let rest = self.1.split_off(end + 2);
                let event = std::mem::replace(&mut self.1, rest);
                if let Some(data) = event.lines().find_map(|line| line.strip_prefix("data: ")) {
                    return serde_json::from_str(data).expect("JSON");
                }
                continue;
            }
            let chunk = tokio::time::timeout(Time::from_secs(20), self.0.chunk()).await.expect("in time");
            let chunk = chunk.expect("a chunk").expect("the stream goes on");
            self.1.push_str(std::str::from_utf8(&chunk).expect("text"));
        }
    }
}

#[tokio::test]
async fn a_stream_tells_the_shopper_each_change_and_ends_with_the_travel() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (_, shipment, number) = sent(&shop, &shopper).await;
    let path = format!("/v1/shipments/{shipment}/events");
    let mut stream = Stream::open(&shop, &path, &shopper.actor.token).await;
    let first = stream.next().await;
    assert_eq!((&first["state"], &first["parcels"][0]["status"]), (&json!("booked"), &json!("announced")));
    happens(&shop, &number, &["advance"]).await;
    let second = stream.next().await;
    assert_eq!(
        (&second["state"], &second["parcels"][0]["status"]),
        (&json!("handed_over"), &json!("picked_up"))
    );
    // It ends with the travel: the whole of it is one answer.
    happens(&shop, &number, &["DLVRD_NRQRD_ZU"]).await;
    let last = stream.next().await;
    assert_eq!(last["state"], "delivered");
    let staff = clerk(&shop).await;
    let all = shop.test.get(&path).bearer(&staff).send().await.expect(200);
    let text = String::from_utf8(all.bytes).expect("text");
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect("an id").to_owned();
    assert_eq!(text.matches("data: ").count(), 1, "{text}");
    // Whoever knows it hears nothing twice.
    let known = shop.test.get(&path).bearer(&staff).header("last-event-id", &id).send().await.expect(200);
    assert!(!String::from_utf8(known.bytes).expect("text").contains("data: "));
    let other = shop.test.shopper().await;
    shop.test.get(&path).bearer(&other.token).send().await.problem(404, "shipment_unknown");
    shop.test.get(&path).send().await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_page_shows_whoever_has_its_address_how_far_the_parcels_are_and_not_whose_they_are() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (_, shipment, number) = sent(&shop, &shopper).await;
    happens(&shop, &number, &["advance"]).await;
    let staff = clerk(&shop).await;
    let seen = shop.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200);
    let path = seen.text("/follow_url").trim_start_matches(shop.test.url()).to_owned();
    let page = async |language: &str| {
        let answer = shop.test.get(&path).header("accept-language", language).send().await.expect(200);
        String::from_utf8(answer.bytes).expect("text")
    };
    let (english, german) = (page("en-GB").await, page("de-DE,de;q=0.9,en;q=0.8").await);
    assert!(
        english.contains("Your order is on its way") && english.contains("With the courier"),
        "{english}"
    );
    assert!(german.contains("Ihre Bestellung ist unterwegs") && german.contains("lang=\"de\""), "{german}");
    let recipient = &seen.json["recipient"];
    for secret in [&recipient["name"], &recipient["street"], &recipient["postal_code"]] {
        let secret = secret.as_str().expect("text");
        assert!(!english.contains(secret), "{secret}");
    }
    shop.test.get("/follow/AAAAAAAAAAAAAAAAAAAA").send().await.problem(404, "shipment_unknown");
    happens(&shop, &number, &["DLVRD_NRQRD_ZU"]).await;
    assert!(page("en").await.contains("Your order has arrived"));
    let stream = shop.test.get(&format!("{path}/events")).send().await.expect(200);
    let stream = String::from_utf8(stream.bytes).expect("text");
    assert!(stream.contains("\"state\":\"delivered\"") && !stream.contains("Invalidenstr"), "{stream}");
}

#[tokio::test]
async fn what_comes_back_is_a_task_until_somebody_saw_to_it() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (order, shipment, number) = sent(&shop, &shopper).await;
    shopper.hand_over(order).await;
    happens(&shop, &number, &["SRTED_NRQRD_PO", "NTDEL_CNCNR_ZN"]).await;
    assert_eq!(tasks(&shop).await.json["tasks"], json!([]), "the courier tries again");
    happens(&shop, &number, &["return_to_sender"]).await;
    let open = tasks(&shop).await;
    assert_eq!(
        (open.text("/tasks/0/kind"), open.text("/tasks/0/shipment")),
        ("check_returned", &*shipment.to_string())
    );
    assert_eq!((open.number("/tasks/0/parcel"), open.text("/tasks/0/order_id")), (1, &*order.to_string()));
    let done = format!("/v1/delivery-tasks/{}/done", open.text("/tasks/0/id"));
    let elsewhere = shop.test.staff(Role::Clerk, &["0002"]).await;
    let note = json!({"note": "Unopened, back on the shelf"});
    shop.test.post(&done, &note).bearer(&elsewhere).send().await.problem(403, "role_missing");
    let staff = clerk(&shop).await;
    shop.test.post(&done, &note).bearer(&staff).send().await.expect(200);
    let again = shop.test.post(&done, &json!({"note": "Twice"})).bearer(&staff).send().await.expect(200);
    assert_eq!(again.text("/note"), "Unopened, back on the shelf");
    assert_eq!(tasks(&shop).await.json["tasks"], json!([]));
    // Nothing came back by itself: the store has no rule.
    let mut shopper = shopper;
    shopper.sign_in_again().await;
    assert_eq!(shopper.read_order(order).await.number("/refunded/amount"), 0);
}

#[tokio::test]
async fn what_happens_again_after_somebody_saw_to_it_is_another_task() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (order, _, number) = sent(&shop, &shopper).await;
    shopper.hand_over(order).await;
    let mut seen = Vec::new();
    for _ in 0..2 {
        happens(&shop, &number, &["SRTED_NRQRD_PO", "EXPHD_MVMTV_AN", "EXPHD_MVMTV_AN"]).await;
        let open = tasks(&shop).await;
        assert_eq!(open.json["tasks"].as_array().map(Vec::len), Some(1));
        assert_eq!(open.text("/tasks/0/kind"), "look_into");
        let id = open.text("/tasks/0/id").to_owned();
        let done = format!("/v1/delivery-tasks/{id}/done");
        let note = json!({"note": "Asked the courier"});
        shop.test.post(&done, &note).bearer(&clerk(&shop).await).send().await.expect(200);
        seen.push(id);
    }
    assert_ne!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_store_s_rule_gives_back_what_never_arrived_once_with_or_without_the_fee() {
    for (rule, codes, back) in [
        (json!({"when_returned": "refund_goods"}), ["SRTED_NRQRD_PO", "return_to_sender"], 3_999),
        (json!({"when_returned": "refund_all"}), ["SRTED_NRQRD_PO", "return_to_sender"], 3_999 + 499),
        (json!({"when_lost": "refund_all"}), ["LDTMV_MVMTV_AA", "lost"], 3_999 + 499),
        (json!({"when_returned": "refund_all"}), ["LDTMV_MVMTV_AA", "lost"], 0),
    ] {
        let shop = Shop::open().await;
        let mut terms = json!({"amount": 499, "tax_class": "standard"});
        terms.as_object_mut().expect("an object").extend(rule.as_object().expect("an object").clone());
        apply(&shop, &[store_with(&json!({"delivery": terms}))]).await;
        let shopper = shop.payer("anna@example.com").await;
        let (order, _, number) = sent(&shop, &shopper).await;
        shopper.hand_over(order).await;
        shop.test.run_jobs().await;
        happens(&shop, &number, &codes).await;
        let mut shopper = shopper;
        shopper.sign_in_again().await;
        happens(&shop, &number, &["LDTMV_MVMTV_AA"]).await;
        shopper.sign_in_again().await;
        let read = shopper.read_order(order).await;
        assert_eq!(read.number("/refunded/amount"), back, "{rule} {codes:?}: {}", read.json);
        let refunds = read.json["refunds"].as_array().map_or(0, Vec::len);
        assert_eq!(refunds, usize::from(back > 0));
        // Whatever the rule gives back, somebody looks.
        assert_eq!(tasks(&shop).await.json["tasks"].as_array().map(Vec::len), Some(1));
    }
}

#[tokio::test]
async fn a_shipment_that_is_held_back_is_not_handed_over_until_a_supervisor_lets_it_go() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (order, shipment, _) = sent(&shop, &shopper).await;
    let (staff, supervisor) = (clerk(&shop).await, shop.test.staff(Role::Supervisor, &[STORE]).await);
    let path = format!("/v1/shipments/{shipment}/held-back");
    let kept = shop.test.put(&path, &json!({"reason": "The age check failed"})).bearer(&staff).send().await;
    assert_eq!(kept.expect(200).text("/held_back"), "The age check failed");
    let own = shopper.get(&format!("/v1/shipments/{shipment}")).await.expect(200);
    assert!(own.json["held_back"].is_null());
    let hand_over = format!("/v1/shipments/{shipment}/hand-over");
    let refused = shop.test.post(&hand_over, &json!({})).bearer(&staff).send().await;
    refused.problem(409, "shipment_held_back");
    let call = || shop.test.call(reqwest::Method::DELETE, &path);
    call().bearer(&staff).send().await.problem(403, "role_missing");
    call().bearer(&supervisor).send().await.expect(200);
    shopper.hand_over(order).await;
    shop.test
        .put(&path, &json!({"reason": "Too late"}))
        .bearer(&staff)
        .send()
        .await
        .problem(409, "shipment_state");
}

/// Days go by in which the courier is asked, and says nothing new.
async fn days_pass(shop: &Shop, days: i64) {
    for _ in 0..days {
        shop.dhl.advance_clock(86_400).expect("time passes");
        shop.test.advance(Duration::days(1));
        shop.test.run_jobs().await;
    }
}

#[tokio::test]
async fn a_parcel_that_was_given_and_never_scanned_is_a_task_once_and_its_first_scan_ends_the_trouble() {
    let shop = Shop::open().await;
    let shopper = shop.payer("anna@example.com").await;
    let (order, shipment, number) = sent(&shop, &shopper).await;
    shopper.hand_over(order).await;
    days_pass(&shop, 2).await;
    assert_eq!(tasks(&shop).await.json["tasks"], json!([]));
    days_pass(&shop, 2).await;
    let open = tasks(&shop).await;
    assert_eq!(open.text("/tasks/0/kind"), "look_into");
    assert!(open.text("/tasks/0/detail").contains("never scanned"), "{}", open.json);
    let done = format!("/v1/delivery-tasks/{}/done", open.text("/tasks/0/id"));
    shop.test
        .post(&done, &json!({"note": "It is not here"}))
        .bearer(&clerk(&shop).await)
        .send()
        .await
        .expect(200);
    days_pass(&shop, 2).await;
    assert_eq!(tasks(&shop).await.json["tasks"], json!([]), "staff know");
    let see = async || {
        let staff = clerk(&shop).await;
        shop.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200)
    };
    assert!(see().await.text("/trouble").contains("never scanned"));
    shop.dhl.record_event(&number, "SRTED_NRQRD_PO").expect("an event");
    days_pass(&shop, 1).await;
    assert!(see().await.json["trouble"].is_null());
}

#[tokio::test]
async fn a_parcel_that_nothing_is_heard_of_is_asked_about_and_then_lost_until_it_is_found() {
    let shop = Shop::open().await;
    apply(
        &shop,
        &[store_with(
            &json!({"delivery": {"amount": 499, "tax_class": "standard", "when_lost": "refund_all"}}),
        )],
    )
    .await;
    let mut shopper = shop.payer("anna@example.com").await;
    let (order, shipment, number) = sent(&shop, &shopper).await;
    shopper.hand_over(order).await;
    happens(&shop, &number, &["SRTED_NRQRD_PO"]).await;
    // Who does not answer at all is not silent about a parcel.
    shop.dhl.plan_fault("tracking.get", FaultKind::ErrorBefore { status: 503 }, 1_000);
    days_pass(&shop, 8).await;
    assert_eq!(tasks(&shop).await.json["tasks"], json!([]));
    shop.dhl.clear_faults();
    days_pass(&shop, 1).await;
    assert_eq!(tasks(&shop).await.text("/tasks/0/kind"), "look_into");
    days_pass(&shop, 13).await;
    let see = async || {
        let staff = clerk(&shop).await;
        shop.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200)
    };
    assert_eq!((see().await.text("/state"), see().await.text("/parcels/0/status")), ("failed", "lost"));
    let kinds = tasks(&shop).await.json["tasks"].clone();
    assert!(kinds.as_array().expect("tasks").iter().any(|task| task["kind"] == "decide_on_lost"), "{kinds}");
    shopper.sign_in_again().await;
    assert_eq!(
        shopper.read_order(order).await.number("/refunded/amount"),
        3_999 + 499,
        "by the store's rule"
    );
    // It turns up after all: nothing is given back or captured again.
    shop.dhl.record_event(&number, "DLVRD_NRQRD_ZU").expect("an event");
    days_pass(&shop, 1).await;
    assert_eq!(see().await.text("/state"), "delivered");
    shopper.sign_in_again().await;
    assert_eq!(shopper.read_order(order).await.number("/refunded/amount"), 3_999 + 499);
}

#[tokio::test]
async fn a_courier_is_asked_no_more_than_its_quota_a_day_and_goes_on_the_next() {
    let shop = Shop::open_with(&[("AISLE_DHL_ASKS_A_DAY", "2")]).await;
    let shopper = shop.payer("anna@example.com").await;
    let (order, shipment, number) = sent(&shop, &shopper).await;
    shopper.hand_over(order).await;
    let asked = || {
        let exchanges = shop.dhl.exchanges().into_iter();
        exchanges.filter(|exchange| exchange.path.starts_with("/track/shipments")).count()
    };
    shop.dhl.record_event(&number, "SRTED_NRQRD_PO").expect("an event");
    for _ in 0..6 {
        shop.dhl.advance_clock(7_200).expect("time passes");
        shop.test.advance(Duration::hours(2));
        shop.test.run_jobs().await;
    }
    assert!((1..=2).contains(&asked()), "{}", asked());
    let before = asked();
    days_pass(&shop, 1).await;
    assert!(asked() > before);
    let staff = clerk(&shop).await;
    let seen = shop.test.get(&format!("/v1/shipments/{shipment}")).bearer(&staff).send().await.expect(200);
    assert_eq!(seen.text("/parcels/0/status"), "out_for_delivery");
}
