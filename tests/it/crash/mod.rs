//! `kill -9` at many moments of many checkouts: each ends as paid with an order or unpaid without one, PayPal's own books
//! agree to the cent, and no scan that was acknowledged is lost.
//!
//! The moments are drawn from a seed; those around a call to PayPal are met exactly, by faults of the sandbox.

mod money;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use aisle::random::Random;
use aisle::sandbox::paypal::{Books, Fault, Rule};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::catalog::{BATTERIES, COFFEE, MILK, SOAP, STORE};
use money::Money;

use crate::support::killable::{Caller, Shop, within};

/// Draws the order of the moments, the baskets, and what the shopper does next. Another seed is another test.
const SEED: u64 = 20_261_123;
/// Scan batches of a trip.
const BATCHES: usize = 4;
/// A moment that was not met in this time is not coming; the service is killed all the same.
const MOMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long PayPal works on a call that outlives its caller.
const LATE: u64 = 400;
/// Everything is final by then: a job in the hands of a killed worker waits for the end of its lease first.
const FINAL_TIMEOUT: Duration = Duration::from_secs(90);

const CREATE: &str = "orders.create";
const CAPTURE: &str = "authorizations.capture";

/// When the service is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strike {
    /// So many milliseconds after the first batch of scans was sent.
    Scanning(u64),
    /// So many milliseconds after the checkout was sent.
    Placing(u64),
    /// So many milliseconds after the shopper's yes was sent.
    Paying(u64),
    /// While the call to PayPal is open, of which nothing was done.
    Open(&'static str),
    /// After PayPal did it, before its answer.
    Done(&'static str),
    /// While PayPal is at work; it is done when the caller is dead.
    Working(&'static str),
    /// As soon as PayPal's answer has left.
    Answered(&'static str),
}

const STRIKES: [Strike; 19] = [
    Strike::Scanning(3),
    Strike::Scanning(12),
    Strike::Placing(2),
    Strike::Placing(9),
    Strike::Paying(1),
    Strike::Paying(5),
    Strike::Paying(12),
    Strike::Paying(30),
    Strike::Paying(70),
    Strike::Open(CREATE),
    Strike::Open(CREATE),
    Strike::Done(CREATE),
    Strike::Done(CREATE),
    Strike::Working(CREATE),
    Strike::Answered(CREATE),
    Strike::Open(CAPTURE),
    Strike::Done(CAPTURE),
    Strike::Working(CAPTURE),
    Strike::Answered(CAPTURE),
];

/// What the shopper does when the service is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Says yes once more, as an app does that got no answer.
    Again,
    /// Only looks.
    Look,
    /// Gives up.
    GiveUp,
}

/// One trip, and what is known of it outside the service.
#[derive(Debug)]
struct Trip {
    strike: Strike,
    next: Next,
    is_delivered: bool,
    cart: Uuid,
    checkout: Uuid,
    /// Batches of scans: each event's own id and code.
    batches: Vec<Vec<(Uuid, &'static str)>>,
    /// How many batches were acknowledged.
    acknowledged: RefCell<usize>,
    /// The request for the checkout, once it was made.
    placement: RefCell<Option<Value>>,
}

#[tokio::test]
async fn every_checkout_ends_paid_with_an_order_or_unpaid_without_one_whenever_the_service_is_killed() {
    let random = Random::seeded(SEED);
    let shop = Shop::open().await;
    let anna = Anna::of(&shop).await;
    let mut trips: Vec<Trip> = Vec::new();
    for strike in shuffled(&random) {
        let trip = Trip::new(&anna, &random, strike);
        let is_met = trip.until_killed(&anna).await;
        shop.kill();
        shop.paypal.clear_faults();
        shop.restart().await;
        let is_exact =
            matches!(strike, Strike::Open(_) | Strike::Done(_) | Strike::Working(_) | Strike::Answered(_));
        assert!(is_met || !is_exact, "seed {SEED}: the moment {strike:?} was not met");
        trip.go_on(&anna).await;
        trips.push(trip);
    }
    let end = Instant::now() + FINAL_TIMEOUT;
    for trip in &trips {
        trip.see_through(&anna, end).await;
    }
    let mut faults = Vec::new();
    let agree = within(end.saturating_duration_since(Instant::now()), async || {
        faults.clear();
        for trip in &trips {
            faults.extend(trip.faults(&anna).await);
        }
        faults.is_empty()
    });
    assert!(agree.await, "seed {SEED}: {faults:#?}\n{}", shop.log());
    let (dead, wrong) = shop.database.left_behind();
    assert!(dead.is_empty() && wrong.is_empty(), "seed {SEED}: {dead:#?}, {wrong:#?}");
}

/// A shopper with a linked account.
struct Anna<'a> {
    shop: &'a Shop,
    phone: Caller<'a>,
    method: Uuid,
}

impl<'a> Anna<'a> {
    async fn of(shop: &'a Shop) -> Self {
        let phone = shop.shopper().await;
        let method = phone.link("anna@example.com").await;
        Self { shop, phone, method }
    }
}

/// Every strike once, in an order that the seed decides.
fn shuffled(random: &Random) -> Vec<Strike> {
    let mut strikes = STRIKES.to_vec();
    for last in (1..strikes.len()).rev() {
        strikes.swap(last, draw(random, last + 1));
    }
    strikes
}

fn draw(random: &Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).expect("a small number");
    usize::try_from(random.below(bound)).expect("a small number")
}

impl Trip {
    fn new(anna: &Anna<'_>, random: &Random, strike: Strike) -> Self {
        let codes = [MILK, COFFEE, SOAP, BATTERIES];
        let batches = (0..BATCHES).map(|_| {
            let events = 1 + draw(random, 3);
            (0..events).map(|_| (anna.shop.ids.next(), codes[draw(random, codes.len())])).collect()
        });
        let captures = matches!(
            strike,
            Strike::Open(CAPTURE)
                | Strike::Done(CAPTURE)
                | Strike::Working(CAPTURE)
                | Strike::Answered(CAPTURE)
        );
        Self {
            strike,
            next: [Next::Again, Next::Look, Next::GiveUp][draw(random, 3)],
            is_delivered: captures || draw(random, 2) == 0,
            cart: anna.shop.ids.next(),
            checkout: anna.shop.ids.next(),
            batches: batches.collect(),
            acknowledged: RefCell::new(0),
            placement: RefCell::new(None),
        }
    }

    fn cart_path(&self) -> String {
        format!("/v1/carts/{}", self.cart)
    }

    fn checkout_path(&self) -> String {
        format!("/v1/checkouts/{}", self.checkout)
    }

    /// Goes shopping until the moment of the strike; says whether it was met.
    async fn until_killed(&self, anna: &Anna<'_>) -> bool {
        anna.phone.must(Method::PUT, &self.cart_path(), &json!({"store": STORE}), 201).await;
        if let Strike::Scanning(after) = self.strike {
            return interrupted(after, self.scan(anna)).await;
        }
        self.scan(anna).await;
        assert_eq!(*self.acknowledged.borrow(), BATCHES);
        if let Strike::Placing(after) = self.strike {
            return interrupted(after, self.place(anna)).await;
        }
        self.place(anna).await;
        match self.strike {
            Strike::Open(operation) => {
                self.pay_until(anna, operation, Fault::NoAnswerBefore { hold: true }, async || {
                    anna.shop.is_fault_taken().await
                })
                .await
            }
            Strike::Done(operation) => {
                self.pay_until(anna, operation, Fault::NoAnswerAfter { hold: true }, async || {
                    anna.shop.is_fault_taken().await && self.is_done(operation, &anna.shop.paypal.books())
                })
                .await
            }
            Strike::Working(operation) => {
                self.pay_until(anna, operation, Fault::DelayMs { delay_ms: LATE }, async || {
                    anna.shop.is_fault_taken().await
                })
                .await
            }
            Strike::Answered(operation) => {
                let answered = || {
                    let exchanges = anna.shop.paypal.exchanges();
                    exchanges.iter().filter(|exchange| exchange.operation == operation).count()
                };
                let before = answered();
                tokio::select! {
                    // The answer may be at the service and with the phone before it is seen here.
                    () = self.pay(anna) => true,
                    met = within(MOMENT_TIMEOUT, async || answered() > before) => met,
                }
            }
            Strike::Paying(after) => interrupted(after, self.pay(anna)).await,
            Strike::Scanning(_) | Strike::Placing(_) => unreachable!("killed before"),
        }
    }

    /// Pays with a fault of PayPal's waiting, until the moment has come.
    async fn pay_until(
        &self,
        anna: &Anna<'_>,
        operation: &str,
        fault: Fault,
        has_come: impl AsyncFnMut() -> bool,
    ) -> bool {
        anna.shop.paypal.add_fault(Rule::new(operation, fault, 1));
        let paying = async {
            self.pay(anna).await;
            // The phone may have its answer before: what is taken along is captured when the order exists already.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            met = within(MOMENT_TIMEOUT, has_come) => met,
            () = paying => false,
        }
    }

    /// Whether PayPal has done this for the checkout.
    fn is_done(&self, operation: &str, books: &Books) -> bool {
        let orders = self.paypal_orders(books);
        match operation {
            CREATE => !orders.is_empty(),
            _ => books.captures.values().any(|capture| orders.contains(&capture.order_id)),
        }
    }

    fn paypal_orders(&self, books: &Books) -> Vec<String> {
        let checkout = self.checkout.to_string();
        books
            .orders
            .values()
            .filter(|order| order.units.iter().any(|unit| unit.custom_id.as_deref() == Some(&checkout)))
            .map(|order| order.id.clone())
            .collect()
    }

    /// Sends the batches one after the other, as far as the connection holds.
    async fn scan(&self, anna: &Anna<'_>) {
        for (count, batch) in self.batches.iter().enumerate() {
            match anna.phone.call(Method::POST, &format!("{}/scans", self.cart_path()), &events(batch)).await
            {
                Some((200, _)) => *self.acknowledged.borrow_mut() = count + 1,
                Some((status, body)) => panic!("{status}: {body}"),
                None => return,
            }
        }
    }

    /// Places the checkout: the app sends the same request until it has an answer.
    async fn place(&self, anna: &Anna<'_>) {
        let known = self.placement.borrow().clone();
        let body = match known {
            Some(body) => body,
            None => self.placement_of(anna).await,
        };
        *self.placement.borrow_mut() = Some(body.clone());
        if let Some((status, body)) = anna.phone.call(Method::PUT, &self.checkout_path(), &body).await {
            assert!(matches!(status, 200 | 201), "{status}: {body}");
        }
    }

    async fn placement_of(&self, anna: &Anna<'_>) -> Value {
        let cart = anna.phone.must(Method::GET, &self.cart_path(), &Value::Null, 200).await;
        let mut body =
            json!({"cart": self.cart, "cart_version": cart["version"], "payment_method": anna.method});
        let lines = cart["lines"].as_array().expect("lines");
        if self.is_delivered {
            // The first line is delivered; the others, where there are some, are taken along.
            body["deliver"] = json!({"lines": [lines[0]["line"]], "recipient": {
                "name": "Anna Schmidt", "street": "Torstraße", "house_number": "85", "postal_code": "10119",
                "city": "Berlin", "country": "DE",
            }});
        }
        body
    }

    async fn pay(&self, anna: &Anna<'_>) {
        let Some((200, checkout)) = anna.phone.call(Method::GET, &self.checkout_path(), &Value::Null).await
        else {
            return;
        };
        let yes = json!({"total": checkout["quote"]["total"]});
        anna.phone.call(Method::POST, &format!("{}/pay", self.checkout_path()), &yes).await;
    }

    /// The service is back: acknowledged scans are there, and the trip goes on.
    async fn go_on(&self, anna: &Anna<'_>) {
        if matches!(self.strike, Strike::Scanning(_)) {
            let acknowledged = *self.acknowledged.borrow();
            for (count, batch) in self.batches.iter().enumerate() {
                let path = format!("{}/scans", self.cart_path());
                let answer = anna.phone.must(Method::POST, &path, &events(batch), 200).await;
                let results = answer["results"].as_array().expect("results");
                let is_kept = results.iter().all(|result| result["outcome"] == "repeated");
                assert!(
                    is_kept || count >= acknowledged,
                    "seed {SEED}: an acknowledged batch is lost: {answer}"
                );
            }
        }
        if matches!(self.strike, Strike::Scanning(_) | Strike::Placing(_)) {
            self.place(anna).await;
        }
        match self.next {
            Next::Again => {
                let checkout = anna.phone.must(Method::GET, &self.checkout_path(), &Value::Null, 200).await;
                if checkout["state"] == "quoted" {
                    self.pay(anna).await;
                }
            }
            Next::Look => {}
            Next::GiveUp => {
                let path = format!("{}/cancel", self.checkout_path());
                let answer = anna.phone.call(Method::POST, &path, &Value::Null).await;
                // It may be paid already.
                assert!(matches!(answer, Some((200 | 409, _))), "seed {SEED}: {answer:?}");
            }
        }
    }

    /// Waits until the checkout is final; one whose yes never arrived gets it now.
    async fn see_through(&self, anna: &Anna<'_>, end: Instant) {
        loop {
            let checkout = anna.phone.must(Method::GET, &self.checkout_path(), &Value::Null, 200).await;
            match checkout["state"].as_str().expect("a state") {
                "paid" | "declined" | "cancelled" => return,
                "quoted" => self.pay(anna).await,
                state => {
                    assert!(
                        Instant::now() < end,
                        "seed {SEED}: {self:?} is still {state}\n{}",
                        anna.shop.log()
                    );
                }
            }
        }
    }

    /// What is wrong with the trip at its end, if anything.
    async fn faults(&self, anna: &Anna<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        let checkout = anna.phone.must(Method::GET, &self.checkout_path(), &Value::Null, 200).await;
        let cart = anna.phone.must(Method::GET, &self.cart_path(), &Value::Null, 200).await;
        let books = Money::of(self, &anna.shop.paypal.books());
        let is_paid = checkout["state"] == "paid";
        let mut hold = |holds: bool, what: String| {
            if !holds {
                faults.push(format!("{:?}, {:?}: {what}", self.strike, self.next));
            }
        };
        hold(
            is_paid == checkout["order"].is_string(),
            format!("{} with order {}", checkout["state"], checkout["order"]),
        );
        hold(
            self.pieces() == pieces_of(&cart),
            format!("scanned {:?}, in the cart {:?}", self.pieces(), pieces_of(&cart)),
        );
        if is_paid {
            let order = format!("/v1/orders/{}", checkout["order"].as_str().unwrap_or_default());
            let order = anna.phone.must(Method::GET, &order, &Value::Null, 200).await;
            let [total, due_now] =
                ["total", "due_now"].map(|name| checkout["quote"][name]["amount"].as_i64());
            hold(cart["state"] == "closed", format!("the cart is {}", cart["state"]));
            hold(books.orders == 1, format!("{} PayPal orders with money", books.orders));
            hold(Some(books.captured) == due_now, format!("{due_now:?} due, {} captured", books.captured));
            let set_aside = if self.is_delivered { total } else { Some(0) };
            hold(
                Some(books.set_aside) == set_aside,
                format!("{set_aside:?} to be set aside, {} is", books.set_aside),
            );
            hold(
                order["captured"]["amount"] == books.captured,
                format!("{} in the order, {books:?}", order["captured"]),
            );
            hold(books.refunded == 0, format!("{books:?}"));
            let number = order["number"].as_str().unwrap_or("(none)");
            let parcels = anna.shop.couriers.dhl.books().shipments;
            let live = parcels.iter().filter(|parcel| {
                let reference = parcel.reference.as_deref().unwrap_or_default();
                parcel.cancelled_at.is_none() && reference.contains(number)
            });
            hold(live.count() <= usize::from(self.is_delivered), "more than one parcel".to_owned());
        } else {
            hold(cart["state"] == "open", format!("the cart is {}", cart["state"]));
            hold(books.captured == books.refunded && books.set_aside == 0, format!("unpaid, but {books:?}"));
        }
        faults
    }

    /// Every scan of the trip, by code.
    fn pieces(&self) -> BTreeMap<String, i64> {
        let mut pieces = BTreeMap::new();
        for (_, code) in self.batches.iter().flatten() {
            *pieces.entry(format!("{code:0>14}")).or_default() += 1;
        }
        pieces
    }
}

fn events(batch: &[(Uuid, &str)]) -> Value {
    let events: Vec<Value> =
        batch.iter().map(|(id, code)| json!({"type": "scan", "id": id, "code": code})).collect();
    json!({"events": events})
}

fn pieces_of(cart: &Value) -> BTreeMap<String, i64> {
    let lines = cart["lines"].as_array().into_iter().flatten();
    lines
        .filter_map(|line| Some((line["code"].as_str()?.to_owned(), line["quantity"]["amount"].as_i64()?)))
        .collect()
}

/// Does something for so many milliseconds at most; says that it was broken off.
async fn interrupted(after: u64, work: impl Future<Output = ()>) -> bool {
    tokio::time::timeout(Duration::from_millis(after), work).await.is_err()
}
