//! One trip: what the phone and staff do, insisting on answers as real ones do.

use std::collections::BTreeMap;
use std::time::Duration;

use aisle::sandbox::paypal::{CaptureStatus, RefundStatus, Rule};
use aisle::sandbox::{klarna, paypal};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::handling::{self, STAFF_EVERY};
use super::plan::{Delivery, Events, Payer, Plan, Shelf};
use super::{contest, owed};
use crate::support::catalog::STORE;
use crate::support::killable::{Answer, Caller, Shop, within, within_at};

/// A checkout or parcel that is not further in this time is left as it is: the end of the day looks again.
const STEP_TIMEOUT: Duration = Duration::from_secs(45);
/// How often reviews are decided while somebody waits for one.
const REVIEWS_EVERY: Duration = Duration::from_millis(300);

/// Everybody who is in the shop.
pub struct Crowd<'a> {
    pub shop: &'a Shop,
    pub staff: Caller<'a>,
    shoppers: BTreeMap<&'static str, (Caller<'a>, Uuid)>,
}

impl<'a> Crowd<'a> {
    /// A shopper for each way to pay, with a linked account, and a supervisor.
    pub async fn gather(shop: &'a Shop) -> Self {
        let mut shoppers = BTreeMap::new();
        for payer in Payer::ALL {
            let phone = shop.shopper().await;
            let method = phone.link_at(payer.provider(), payer.email()).await;
            shoppers.insert(payer.email(), (phone, method));
        }
        Self { shop, staff: shop.supervisor().await, shoppers }
    }

    pub fn phone(&self, payer: Payer) -> &Caller<'a> {
        &self.shoppers[payer.email()].0
    }

    pub fn method(&self, payer: Payer) -> Uuid {
        self.shoppers[payer.email()].1
    }

    /// Does what may wait for a review, while reviews end.
    pub async fn reviewing<T>(&self, payer: Payer, work: impl Future<Output = T>) -> T {
        let reviews = async {
            let mut ticks = tokio::time::interval(REVIEWS_EVERY);
            loop {
                ticks.tick().await;
                if payer.is_reviewed() {
                    self.settle_reviews();
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = reviews => unreachable!("reviews go on"),
        }
    }

    /// Ends every review at the provider: what is to be debited goes through or not by a digit of its name, refunds go through.
    pub fn settle_reviews(&self) {
        let books = self.shop.paypal.books();
        for capture in books.captures.values().filter(|each| each.status == CaptureStatus::Pending) {
            self.shop
                .paypal
                .settle_capture(&capture.id, capture.id.bytes().map(u32::from).sum::<u32>() % 3 > 0);
        }
        for refund in books.refunds.values().filter(|each| each.status == RefundStatus::Pending) {
            self.shop.paypal.settle_refund(&refund.id, true);
        }
        let is_reviewed = |order: &klarna::Order| order.fraud_status == klarna::FraudStatus::Pending;
        if self.shop.klarna.books().orders.values().any(is_reviewed) {
            // Each is decided a minute after it was placed, by Klarna's clock.
            self.shop.klarna.advance_seconds(61);
        }
    }
}

/// A trip and how it ended.
#[derive(Debug)]
pub struct Trip<'p> {
    pub plan: &'p Plan,
    pub cart: Uuid,
    pub checkout: Uuid,
    /// The state in which the shopper left the checkout.
    pub end: String,
    /// The courier of the option that the shopper took.
    pub chosen: Option<String>,
    /// How much less the order costs than was quoted, in cents, by what was picked.
    pub picked_less: i64,
    /// Whether the parcels were handed over in time.
    pub is_handed_over: bool,
    /// Refunds that were taken on.
    pub refunds: usize,
    /// Whether money of it was disputed or taken back.
    pub is_contested: bool,
}

impl<'p> Trip<'p> {
    pub async fn make(crowd: &Crowd<'_>, plan: &'p Plan) -> Self {
        let ids = &crowd.shop.ids;
        let mut trip = Self {
            plan,
            cart: ids.next(),
            checkout: ids.next(),
            end: "quoted".to_owned(),
            chosen: None,
            picked_less: 0,
            is_handed_over: false,
            refunds: 0,
            is_contested: false,
        };
        if let Some((operation, fault)) = plan.fault {
            let rule = Rule::new(operation, fault, 1);
            if plan.payer.is_of_klarna() {
                crowd.shop.klarna.add_fault(rule);
            } else {
                crowd.shop.paypal.add_fault(rule);
            }
        }
        plan.couriers.iter().for_each(|trouble| trouble.order(&crowd.shop.couriers));
        if let Some(Events { drop_next, duplicate_next, reverse, delay_ms }) = plan.events {
            let hold = false;
            let delay_seconds = delay_ms / 1_000;
            crowd.shop.paypal.set_webhook_controls(paypal::Controls {
                hold,
                drop_next,
                duplicate_next,
                reverse,
                delay_ms,
            });
            crowd.shop.klarna.set_callback_controls(klarna::Controls {
                hold,
                drop_next,
                duplicate_next,
                reverse,
                delay_seconds,
            });
        }
        if plan.forgets_token {
            crowd.shop.forget_tokens().await;
        }
        trip.fill(crowd).await;
        trip.place(crowd).await;
        trip.pay(crowd).await;
        trip.end = trip.see_through(crowd).await;
        if trip.end == "paid" {
            trip.fulfil(crowd).await;
            let contested = contest::begin(crowd, plan, trip.checkout).await;
            trip.give_back(crowd).await;
            if let Some(contested) = contested {
                contested.end(crowd);
                trip.is_contested = true;
            }
        }
        trip
    }

    fn phone<'c>(&self, crowd: &'c Crowd<'_>) -> &'c Caller<'c> {
        crowd.phone(self.plan.payer)
    }

    fn path(&self) -> String {
        format!("/v1/checkouts/{}", self.checkout)
    }

    /// A step that is refused while something of an earlier trip is owed: that is settled, and the trip goes on.
    async fn begin(&self, crowd: &Crowd<'_>, path: &str, body: &Value) -> Answer {
        let mut answer = (0, Value::Null);
        within(STEP_TIMEOUT, async || {
            answer = self.phone(crowd).insist(Method::PUT, path, body).await;
            let owes = answer.0 == 409 && answer.1["code"] == "debt_open";
            if owes {
                owed::settle(crowd, self.plan, &answer.1).await;
            }
            !owes
        })
        .await;
        answer
    }

    async fn fill(&self, crowd: &Crowd<'_>) {
        let cart = format!("/v1/carts/{}", self.cart);
        let (status, body) = self.begin(crowd, &cart, &json!({"store": STORE})).await;
        assert!(matches!(status, 200 | 201), "{status}: {body}");
        let event = |code: &&str| json!({"type": "scan", "id": crowd.shop.ids.next::<Uuid>(), "code": code});
        let events: Vec<Value> = self.plan.codes.iter().map(event).collect();
        let (status, body) = self
            .phone(crowd)
            .insist(Method::POST, &format!("{cart}/scans"), &json!({"events": events}))
            .await;
        assert_eq!(status, 200, "{body}");
    }

    /// An option for a line, of those that are offered to somebody who lives near the store.
    async fn option(&mut self, crowd: &Crowd<'_>, line: &Value, place: usize) -> Value {
        let address = "country=DE&postal_code=53111&city=Bonn&street=Sternstr.&house_number=7";
        let path = format!("/v1/carts/{}/delivery-options?{address}&lines={line}", self.cart);
        let (status, offered) = self.phone(crowd).insist(Method::GET, &path, &Value::Null).await;
        let options = offered["options"].as_array().filter(|options| !options.is_empty());
        let options = options.unwrap_or_else(|| panic!("{status}, nobody offers anything: {offered}"));
        let option = options[place % options.len()].clone();
        self.chosen = option["carrier"].as_str().map(str::to_owned);
        option
    }

    async fn place(&mut self, crowd: &Crowd<'_>) {
        let phone = self.phone(crowd);
        let (_, cart) = phone.insist(Method::GET, &format!("/v1/carts/{}", self.cart), &Value::Null).await;
        let mut wish = json!({"cart": self.cart, "cart_version": cart["version"],
            "payment_method": crowd.method(self.plan.payer)});
        if self.plan.delivery != Delivery::None {
            // The first line is delivered; the others, where there are some, are taken along.
            wish["deliver"] = json!({"lines": [cart["lines"][0]["line"]], "recipient": {
                "name": "Anna Schmidt", "street": "Torstraße", "house_number": "85", "postal_code": "10119",
                "city": "Berlin", "country": "DE",
            }});
        }
        if self.plan.delivery != Delivery::None && self.plan.handling.shelf == Shelf::Replaced {
            wish["deliver"]["if_missing"] = json!("replace");
        }
        let mut price = Value::Null;
        if let Some(place) = self.plan.chooses {
            let option = self.option(crowd, &cart["lines"][0]["line"], place).await;
            price.clone_from(&option["price"]);
            wish["deliver"]["option"] = option["id"].clone();
            wish["deliver"]["recipient"] = json!({
                "name": "Mária Müller", "street": "Sternstr.", "house_number": "7", "postal_code": "53111",
                "city": "Bonn", "country": "DE", "phone": "+4922854321",
            });
        }
        let (status, body) = self.begin(crowd, &self.path(), &wish).await;
        assert!(matches!(status, 200 | 201), "{status}: {body}");
        if !price.is_null() {
            assert_eq!(body["quote"]["delivery_fee"]["amount"], price, "it costs what was shown");
        }
    }

    /// The yes, and the change of mind where there is one, while the debit is on its way.
    async fn pay(&self, crowd: &Crowd<'_>) {
        let phone = self.phone(crowd);
        let (_, quoted) = phone.insist(Method::GET, &self.path(), &Value::Null).await;
        let yes = json!({"total": quoted["quote"]["total"]});
        let pay = format!("{}/pay", self.path());
        let paying = crowd.reviewing(self.plan.payer, phone.insist(Method::POST, &pay, &yes));
        let Some(after) = self.plan.gives_up_after else {
            paying.await;
            return;
        };
        let change_of_mind = async {
            let moment = std::time::Instant::now() + Duration::from_millis(after);
            within(Duration::from_secs(1), async || std::time::Instant::now() >= moment).await;
            self.give_up(crowd).await;
        };
        tokio::join!(paying, change_of_mind);
    }

    async fn give_up(&self, crowd: &Crowd<'_>) {
        let cancel = format!("{}/cancel", self.path());
        let (status, body) = self.phone(crowd).insist(Method::POST, &cancel, &Value::Null).await;
        // It may be paid already.
        assert!(matches!(status, 200 | 409), "{status}: {body}");
    }

    /// Waits until the checkout has ended; confirms or gives up where that is what it waits for.
    async fn see_through(&self, crowd: &Crowd<'_>) -> String {
        let phone = self.phone(crowd);
        let mut state = String::new();
        let has_ended = async || {
            let (_, checkout) = phone.insist(Method::GET, &self.path(), &Value::Null).await;
            checkout["state"].as_str().unwrap_or_default().clone_into(&mut state);
            match state.as_str() {
                "action_required" if self.plan.confirms => {
                    let page = checkout["action_url"].as_str().unwrap_or_default();
                    crowd.shop.approve(page, self.plan.payer.email());
                }
                "action_required" => self.give_up(crowd).await,
                // The yes was lost with its answer, or a first one was refused because nothing was known of it.
                "quoted" => self.pay(crowd).await,
                "paying" => crowd.settle_reviews(),
                _ => return true,
            }
            false
        };
        if !within(STEP_TIMEOUT, has_ended).await {
            self.give_up(crowd).await;
        }
        state
    }

    async fn order(&self, crowd: &Crowd<'_>) -> Option<Value> {
        let (_, checkout) = self.phone(crowd).insist(Method::GET, &self.path(), &Value::Null).await;
        let order = format!("/v1/orders/{}", checkout["order"].as_str()?);
        Some(crowd.staff.insist(Method::GET, &order, &Value::Null).await.1)
    }

    async fn fulfil(&mut self, crowd: &Crowd<'_>) {
        let Some(order) = self.order(crowd).await else { return };
        match self.plan.delivery {
            Delivery::None => {}
            Delivery::Waits => {
                self.picked_less = handling::pick(crowd, self, &order).await;
                handling::prepare(crowd, self, order["shipment"].as_str().unwrap_or_default()).await;
            }
            Delivery::TakenBack => {
                handling::take_back(crowd, &order).await;
            }
            Delivery::HandedOver => {
                let shipment = order["shipment"].as_str().unwrap_or_default();
                self.picked_less = handling::pick(crowd, self, &order).await;
                handling::prepare(crowd, self, shipment).await;
                self.is_handed_over = handling::hand_over(crowd, self, shipment).await;
            }
        }
    }

    /// Asks for every refund twice, all at once.
    async fn give_back(&mut self, crowd: &Crowd<'_>) {
        if self.plan.refunds.is_empty() {
            return;
        }
        // What is taken along is captured a moment after the order.
        let mut captured = 0;
        let mut order = Value::Null;
        let may_wait = self.plan.delivery == Delivery::Waits
            || self.plan.delivery == Delivery::HandedOver && !self.is_handed_over;
        within_at(STAFF_EVERY, STEP_TIMEOUT, async || {
            order = self.order(crowd).await.unwrap_or_default();
            captured = order["captured"]["amount"].as_i64().unwrap_or_default();
            captured > 0 || order["state"] == "cancelled" || may_wait
        })
        .await;
        let wishes = self.plan.refunds.iter().filter(|_| captured > 0).map(|percent| {
            let refund: Uuid = crowd.shop.ids.next();
            let path = format!("/v1/orders/{}/refunds/{refund}", order["id"].as_str().unwrap_or_default());
            let amount = json!({"amount": (captured * percent / 100).max(1), "currency": "EUR"});
            let body = json!({"amount": amount, "reason": "brought back"});
            async move {
                let once = || crowd.staff.insist(Method::PUT, &path, &body);
                let (first, second) = tokio::join!(once(), once());
                assert!(matches!(first.0, 200..=202 | 409 | 422), "{first:?}");
                usize::from(first.0 < 300 || second.0 < 300)
            }
        });
        self.refunds = futures_util::future::join_all(wishes).await.into_iter().sum();
    }
}
