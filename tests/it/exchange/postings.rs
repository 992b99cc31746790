//! Sales in the books of a back office: each once, to the cent, whatever gets lost on the way.

use aisle::checkout::Document;
use aisle::exchange::{self, EventKind, Fact, publish};
use aisle::identity::Role;
use aisle::ids::OrderId;
use chrono::Duration;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::tills::{Fault, Sale, Tills};
use crate::support::catalog::{COFFEE, MILK, PAN, SOAP, STORE, price};
use crate::support::trip::Shop;
use crate::support::{Answer, TestApp};

const FILE: &str = r#"
system = "tryton"
url = "URL"
company = "1"
currency = "EUR"
time_zone = "Europe/Berlin"
secrets = { key = "TILLS_KEY", password = "TILLS_PASSWORD" }

[sales]
user = "aisle"
every_ms = 1000
batch = 4
settle_seconds = 90
stores = { 0001 = "11" }
payments = { paypal = "1", klarna = "2", invoice = "3", voucher = "4", points = "5" }
refunds = { paypal = "6", klarna = "6", invoice = "6", voucher = "6", points = "6" }
units = { u = "piece", kg = "1000 gram" }

[sales.products]
deposit = { 19 = "DEPOSIT-19" }
delivery = { 19 = "DELIVERY-19" }
amount = { 7 = "AMOUNT-7", 19 = "AMOUNT-19" }

[[streams]]
name = "products"
table = "product"
watch = [{ table = "product" }]

[[streams.rows]]
kind = "price"
fields = { price_list = "=peer", sku = "code" }
"#;

const ARTICLES: [(&str, &str); 9] = [
    ("milk", "u"),
    ("coffee", "u"),
    ("soap", "u"),
    ("pan", "u"),
    ("ham", "kg"),
    ("DEPOSIT-19", "u"),
    ("DELIVERY-19", "u"),
    ("AMOUNT-7", "u"),
    ("AMOUNT-19", "u"),
];

/// The back office, and the variables of a service that posts into its books.
pub(super) async fn tills() -> (Tills, tempfile::TempDir, Vec<(&'static str, String)>) {
    let tills = Tills::start(&ARTICLES).await;
    let files = tempfile::tempdir().expect("a folder");
    std::fs::write(files.path().join("books.toml"), FILE.replace("URL", &tills.url)).expect("written");
    let folder = files.path().to_str().expect("text").to_owned();
    let secrets = [("TILLS_KEY", "the-key"), ("TILLS_PASSWORD", "the-password")];
    let secrets = secrets.map(|(name, value)| (name, value.to_owned()));
    let variables = secrets.into_iter().chain([("AISLE_CONNECTIONS", folder)]).collect();
    (tills, files, variables)
}

/// A service that posts into the books of a back office.
struct Posting {
    tills: Tills,
    test: TestApp,
    _files: tempfile::TempDir,
}

impl Posting {
    async fn start() -> Self {
        let (tills, files, variables) = tills().await;
        let pairs: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let test = TestApp::with(&pairs).await;
        exchange::schedule_postings(&test.app).await.expect("asked for");
        Self { tills, test, _files: files }
    }

    /// An order of one piece of an article is paid.
    async fn sell(&self, sku: &str) -> OrderId {
        let order = self.test.app.ids.next();
        self.tell(order, "sale", "sale", sku).await;
        order
    }

    async fn tell(&self, order: OrderId, key: &str, kind: &str, sku: &str) {
        let app = &self.test.app;
        let eur = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
        let goods = json!({ "of": "goods", "sku": sku, "quantity": { "amount": 1, "unit": "piece" } });
        let document = json!({
            "key": key, "kind": kind, "order": order, "number": "A1", "store": STORE, "at": app.clock.now(),
            "lines": [{ "item": goods, "name": sku, "rate": "7", "net": eur(121), "tax": eur(8) }],
            "payments": [{ "means": { "means": "account", "provider": "paypal" }, "amount": eur(129) }],
            "total": eur(129),
        });
        let document: Document = serde_json::from_value(document).expect("a document");
        let (store, payload) = (STORE.parse().expect("a key"), Value::Null);
        let fact = Fact { kind: EventKind::OrderPaid, order, store, payload, document: Some(document) };
        let mut tx = app.db.begin().await.expect("a transaction");
        publish(&mut tx, &app.ids, app.clock.now(), &app.connections, &fact).await.expect("published");
        tx.commit().await.expect("committed");
    }

    /// So much later, whatever is due is done.
    async fn after(&self, pause: Duration) {
        self.test.advance(pause);
        self.test.run_jobs().await;
    }

    async fn flow(&self) -> Value {
        let admin = self.test.staff(Role::Admin, &["*"]).await;
        let answer = self.test.get("/v1/exchange/connections").bearer(&admin).send().await.expect(200);
        answer.json["connections"][0]["sales"].clone()
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        list(&self.test, query).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        let admin = self.test.staff(Role::Admin, &["*"]).await;
        let path = format!("/v1/exchange/connections/books/postings{path}");
        self.test.post(&path, body).bearer(&admin).send().await
    }

    /// Whether each of so many documents is in the books once.
    fn assert_posted(&self, documents: usize) {
        let sales = self.tills.sales();
        assert_eq!(sales.len(), documents, "{sales:?}");
        assert!(sales.iter().all(|sale| sale.state == "posted"), "{sales:?}");
        let numbers: std::collections::BTreeSet<_> = sales.iter().map(|sale| &sale.number).collect();
        assert_eq!(numbers.len(), documents);
    }
}

async fn list(test: &TestApp, query: &str) -> Vec<Value> {
    let admin = test.staff(Role::Admin, &["*"]).await;
    let path = format!("/v1/exchange/connections/books/postings{query}");
    let answer = test.get(&path).bearer(&admin).send().await.expect(200);
    answer.json["postings"].as_array().expect("postings").clone()
}

fn euro(minor: i64) -> Decimal {
    Decimal::new(minor, 2)
}

/// Documents, by the order and the name.
async fn posted(shop: &Shop, order: OrderId) -> Vec<(String, String)> {
    let mut found = list(&shop.test, &format!("?order={order}")).await;
    found.reverse();
    let text = |each: &Value, name: &str| each[name].as_str().unwrap_or_default().to_owned();
    let name = |each: &Value| {
        assert_eq!(each["state"], "posted", "{each}");
        text(each, "document").split(' ').next().unwrap_or_default().to_owned()
    };
    found.iter().map(|each| (name(each), text(each, "reference"))).collect()
}

#[tokio::test]
async fn what_is_sold_delivered_given_back_and_cancelled_stands_in_the_books_as_it_was_paid() {
    let (tills, _files, variables) = tills().await;
    let shop = Shop::open_with(&variables).await;
    let rows = [
        json!({"kind": "product", "sku": "deposit-25", "name": "Deposit", "tax_class": "standard", "sale": "deposit"}),
        price("de", "deposit-25", 25),
        json!({"kind": "product", "sku": "soap", "name": "Dish soap 500 ml", "tax_class": "standard", "deposit": "deposit-25"}),
    ];
    assert_eq!(shop.test.apply_rows(&rows).await.quarantined, 0);
    exchange::schedule_postings(&shop.test.app).await.expect("asked for");
    let books = async || {
        for _ in 0..4 {
            shop.test.advance(Duration::seconds(2));
            shop.test.run_jobs().await;
        }
    };
    let shopper = shop.payer("anna@example.com").await;
    let taken = shopper.order(shopper.fill(&[SOAP, SOAP, SOAP, MILK, COFFEE]).await, &[]).await;
    books().await;
    let sale = tills.sales().swap_remove(0);
    // 3 × 1.99 and 3 × 0.25 at 19 %, 1.29 and 6.99 at 7 %; taxes 1.07 and 0.54.
    assert_eq!((sale.gross(), sale.net()), (euro(1500), euro(1500 - 107 - 54)));
    assert_eq!((sale.payments(), &sale.values["point"]), (vec![(1, euro(1500))], &json!(11)));
    assert_eq!(sale.values["date"]["day"], json!(23));
    let lines: Vec<(i64, i64)> = sale.lines().iter().map(article_and_quantity).collect();
    assert_eq!(lines, [(3, 3), (6, 1), (1, 1), (2, 1)], "soap, its deposits, milk, coffee");
    assert_eq!(posted(&shop, taken).await, [("sale".to_owned(), "S1".to_owned())]);

    let staff = shop.test.staff(Role::Supervisor, &[STORE]).await;
    let refund = async |order: OrderId, what: Value| {
        let id: aisle::ids::RefundId = shop.test.app.ids.next();
        let mut body = json!({"reason": "brought back"});
        body.as_object_mut().expect("an object").extend(what.as_object().expect("an object").clone());
        let path = format!("/v1/orders/{order}/refunds/{id}");
        shop.test.put(&path, &body).bearer(&staff).send().await.expect(202);
        books().await;
    };
    refund(taken, json!({"lines": [{"line": 1, "pieces": 1}]})).await;
    refund(taken, json!({"amount": {"amount": 500, "currency": "EUR"}})).await;
    let sales = tills.sales();
    let back: Vec<(Decimal, Vec<(i64, Decimal)>)> =
        sales[1..].iter().map(|sale| (sale.gross(), sale.payments())).collect();
    assert_eq!(back, [(euro(-224), vec![(6, euro(-224))]), (euro(-500), vec![(6, euro(-500))])]);
    assert_eq!(sales[1].lines().iter().map(article_and_quantity).collect::<Vec<_>>(), [(3, -1), (6, -1)]);
    let amounts: Vec<i64> = sales[2].lines().iter().map(|line| article_and_quantity(line).0).collect();
    assert_eq!(amounts, [8, 9], "money alone moves no stock");

    // What is delivered is sold when the courier has it.
    let delivered = shopper.order(shopper.fill(&[MILK, COFFEE, PAN]).await, &[2, 3]).await;
    books().await;
    assert_eq!(tills.sales()[3].gross(), euro(129));
    shopper.hand_over(delivered).await;
    books().await;
    let with_courier = tills.sales().swap_remove(4);
    assert_eq!(with_courier.gross(), euro(699 + 3999 + 499));
    assert_eq!(
        with_courier.lines().iter().map(article_and_quantity).collect::<Vec<_>>(),
        [(2, 1), (4, 1), (7, 1)]
    );
    // Called off before the courier has it: what was taken along comes back.
    let cancelled = shopper.order(shopper.fill(&[MILK, PAN]).await, &[2]).await;
    books().await;
    shop.test
        .post(&format!("/v1/orders/{cancelled}/cancel"), &json!({}))
        .bearer(&staff)
        .send()
        .await
        .expect(200);
    books().await;
    let names: Vec<String> = posted(&shop, cancelled).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["sale", "cancellation"]);
    assert_eq!(tills.sales().iter().skip(5).map(Sale::gross).sum::<Decimal>(), euro(0));
    assert!(tills.sales().iter().all(|sale| sale.state == "posted"));
}

fn article_and_quantity(line: &Value) -> (i64, i64) {
    let quantity = &line["quantity"];
    (line["product"].as_i64().expect("an id"), quantity.as_i64().expect("pieces"))
}

#[tokio::test]
async fn an_answer_that_gets_lost_at_any_step_leaves_each_document_in_the_books_once() {
    for method in ["create", "process", "post", "search_read"] {
        let posting = Posting::start().await;
        for sku in ["milk", "coffee", "milk"] {
            posting.sell(sku).await;
        }
        posting.tills.fail([(method, Fault::Lost)]);
        posting.after(Duration::seconds(2)).await;
        let flow = posting.flow().await;
        assert_eq!((&flow["backlog"], &flow["failures"]), (&json!(3), &json!(1)), "{method}: {flow}");
        assert!(flow["last_error"].as_str().is_some_and(|error| error.contains("504")), "{flow}");
        posting.after(Duration::seconds(30)).await;
        if method == "create" {
            assert_eq!(
                posting.tills.sales().len(),
                3,
                "the call may still be at work: nothing is repeated yet"
            );
        }
        posting.after(Duration::minutes(2)).await;
        posting.assert_posted(3);
        let flow = posting.flow().await;
        assert_eq!(
            (&flow["backlog"], &flow["failures"], &flow["posted_today"]),
            (&json!(0), &json!(0), &json!(3)),
            "{method}"
        );
    }
}

#[tokio::test]
async fn a_document_that_is_refused_is_parked_with_its_cause_and_holds_up_no_other() {
    for method in ["create", "process", "post"] {
        let posting = Posting::start().await;
        posting.tills.refuse(method, "soap", true);
        for sku in ["milk", "coffee", "soap", "milk", "coffee", "milk"] {
            posting.sell(sku).await;
        }
        posting.after(Duration::seconds(2)).await;
        posting.after(Duration::seconds(2)).await;
        let parked = posting.list("?state=parked").await;
        assert_eq!(parked.len(), 1, "{method}: {parked:?}");
        assert_eq!(parked[0]["error"], "Article 3 is refused.");
        assert_eq!(posting.list("?state=posted").await.len(), 5, "{method}");
        let flow = posting.flow().await;
        assert_eq!((&flow["parked"], &flow["backlog"]), (&json!(1), &json!(0)), "{method}");

        // Tried again too early, it is parked again; mended, it goes on from where it was.
        let replay = format!("/{}/replay", parked[0]["id"].as_str().expect("an id"));
        posting.post(&replay, &json!({})).await.expect(202);
        posting.after(Duration::seconds(2)).await;
        posting.tills.refuse(method, "soap", false);
        let span = json!({ "since": "2026-11-23T00:00:00Z" });
        posting.test.advance(Duration::seconds(1));
        assert_eq!(posting.post("/replay", &span).await.expect(202).json["documents"], json!(1), "{method}");
        posting.after(Duration::seconds(2)).await;
        posting.assert_posted(6);
        posting.post(&replay, &json!({})).await.problem(409, "posting_state");
    }
}

#[tokio::test]
async fn the_documents_of_an_order_come_one_after_the_other_and_wait_for_one_that_is_parked() {
    let posting = Posting::start().await;
    posting.tills.refuse("create", "soap", true);
    let order = posting.sell("soap").await;
    posting.tell(order, "refund 1", "return", "milk").await;
    posting.sell("coffee").await;
    posting.after(Duration::seconds(2)).await;
    assert_eq!(posting.tills.sales().len(), 1, "the return waits for its sale");
    let parked = posting.list("?state=parked").await;
    let path = parked[0]["id"].as_str().expect("an id");
    let admin = posting.test.staff(Role::Admin, &["*"]).await;
    let drop = async || {
        let path = format!("/v1/exchange/connections/books/postings/{path}");
        posting.test.call(reqwest::Method::DELETE, &path).bearer(&admin).send().await
    };
    drop().await.expect(204);
    drop().await.problem(409, "posting_state");
    posting.after(Duration::seconds(2)).await;
    posting.assert_posted(2);
}

#[tokio::test]
async fn after_an_hour_without_the_system_what_waits_is_posted_in_batches() {
    let posting = Posting::start().await;
    posting.tills.fail((0..40).map(|_| ("search_read", Fault::Down)));
    for _ in 0..10 {
        posting.sell("milk").await;
    }
    for _ in 0..20 {
        posting.after(Duration::minutes(3)).await;
    }
    let flow = posting.flow().await;
    assert_eq!((&flow["backlog"], &flow["lag_seconds"]), (&json!(10), &json!(3600)), "{flow}");
    assert!(flow.get("connected_since").is_none(), "{flow}");
    assert!(posting.tills.batches().is_empty());
    for _ in 0..40 {
        posting.after(Duration::minutes(6)).await;
    }
    posting.assert_posted(10);
    assert_eq!(posting.tills.batches(), [4, 4, 2]);
}

#[tokio::test]
async fn a_session_that_ended_is_begun_again_and_a_draft_that_somebody_deleted_is_made_again() {
    let posting = Posting::start().await;
    posting.tills.fail([("create", Fault::Ended), ("process", Fault::Down)]);
    posting.sell("milk").await;
    posting.after(Duration::seconds(2)).await;
    assert_eq!(posting.tills.sessions(), 2);
    assert_eq!(posting.list("?state=drafted").await.len(), 1);
    posting.tills.delete_open();
    posting.after(Duration::minutes(1)).await;
    posting.assert_posted(1);
    let posted = posting.list("?state=posted").await;
    assert_eq!(posted[0]["reference"], "S1", "what people there call it");
}

#[tokio::test]
async fn an_article_that_the_system_does_not_have_is_named() {
    let posting = Posting::start().await;
    posting.sell("ham").await;
    posting.sell("bun").await;
    posting.after(Duration::seconds(2)).await;
    let parked = posting.list("?state=parked").await;
    let mut errors: Vec<&str> = parked.iter().filter_map(|each| each["error"].as_str()).collect();
    errors.sort_unstable();
    assert_eq!(errors, ["ham is kept in Gram and was sold in Piece", "there is no article bun"]);
}

#[tokio::test]
async fn only_administrators_see_and_change_what_is_posted() {
    let posting = Posting::start().await;
    let clerk = posting.test.staff(Role::Supervisor, &[STORE]).await;
    let path = "/v1/exchange/connections/books/postings";
    posting.test.get(path).bearer(&clerk).send().await.problem(403, "role_missing");
    let admin = posting.test.staff(Role::Admin, &["*"]).await;
    let other = "/v1/exchange/connections/none/postings";
    posting.test.get(other).bearer(&admin).send().await.problem(404, "connection_unknown");
    let none = format!("{path}/{}/replay", uuid::Uuid::nil());
    posting.test.post(&none, &json!({})).bearer(&admin).send().await.problem(404, "posting_unknown");
}
