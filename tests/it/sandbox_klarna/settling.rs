//! Settlements: transactions, payouts, debts, reports.

use serde_json::{Value, json};

use super::Shop;

impl Shop {
    /// Captures an order of this amount for a reference; its id.
    async fn sell(&self, token: &str, reference: &str, amount: i64) -> String {
        let order = self.charge(token, reference, amount).await.text("/order_id");
        let path = format!("/ordermanagement/v1/orders/{order}/captures");
        let body = json!({"captured_amount": amount, "reference": format!("{reference}-capture")});
        assert_eq!(self.keyed(&path, &format!("{reference}-capture"), &body).await.status, 201);
        order
    }

    async fn give_back(&self, order: &str, amount: i64) {
        let path = format!("/ordermanagement/v1/orders/{order}/refunds");
        let body = json!({"refunded_amount": amount, "reference": "return"});
        assert_eq!(self.post(&path, &body).await.status, 201);
    }

    async fn totals(&self, place: usize) -> Value {
        self.get("/settlements/v1/payouts").await.body["payouts"][place]["totals"].clone()
    }
}

#[tokio::test]
async fn a_payout_is_the_exact_sum_of_its_transactions() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let order = shop.sell(&token, "A", 10_000).await;
    shop.give_back(&order, 2500).await;
    let dispute = shop.sandbox.charge_back(&order, 1000).expect("a dispute");
    assert_eq!(shop.sandbox.charge_back(&order, 6501), None, "so much isn't left");
    let refund = json!({"refunded_amount": 6501});
    let refused = shop.post(&format!("/ordermanagement/v1/orders/{order}/refunds"), &refund).await;
    assert_eq!((refused.status, refused.code()), (403, "REFUND_NOT_ALLOWED"));
    assert_eq!(shop.get("/settlements/v1/payouts").await.body["pagination"]["total"], 0);

    shop.sandbox.advance_seconds(86_400);
    let payout = shop.get("/settlements/v1/payouts").await.body["payouts"][0].clone();
    assert_eq!(payout["payout_date"], "2026-11-24T00:00:00.000Z", "at midnight");
    let reference = payout["payment_reference"].as_str().unwrap().to_owned();
    let path = format!("/settlements/v1/transactions?payment_reference={reference}");
    let transactions = shop.get(&path).await.body["transactions"].as_array().unwrap().clone();
    let sum = |kind: &str| {
        let of = transactions.iter().filter(|one| one["type"] == kind);
        of.map(|one| one["amount"].as_i64().unwrap()).sum::<i64>()
    };
    let (sale, fee, back, reversal, charge) =
        (sum("SALE"), sum("FEE"), sum("RETURN"), sum("REVERSAL"), sum("CHARGE"));
    assert_eq!((sale, fee, back, reversal, charge), (10_000, 299 + 35, 2500, 1000, 1500));
    let totals = &payout["totals"];
    assert_eq!(totals["settlement_amount"], sale - fee - back - reversal - charge);
    let returned = transactions.iter().find(|one| one["type"] == "RETURN").unwrap();
    assert_eq!(returned["merchant_refund_reference"], "return");
    let sold = transactions.iter().find(|one| one["type"] == "SALE").unwrap();
    assert_eq!(
        (&sold["merchant_reference1"], &sold["merchant_capture_reference"], &sold["order_id"]),
        (&json!("A"), &json!("A-capture"), &json!(order))
    );

    assert!(shop.sandbox.win_dispute(&order, &dispute) && !shop.sandbox.win_dispute(&order, &dispute));
    assert_eq!(shop.sandbox.pay_out(), 1);
    assert_eq!(shop.totals(1).await["settlement_amount"], 2500, "amount and fee come back");
    shop.end().await;
}

#[tokio::test]
async fn more_taken_than_sold_is_a_debt_that_later_sales_pay_back() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    let order = shop.sell(&token, "A", 10_000).await;
    shop.sandbox.pay_out();
    shop.give_back(&order, 10_000).await;
    shop.sandbox.pay_out();
    let totals = shop.totals(1).await;
    assert_eq!((&totals["settlement_amount"], &totals["deposit_amount"]), (&json!(0), &json!(10_000)));
    shop.sell(&token, "B", 4000).await;
    shop.sandbox.pay_out();
    let net = 4000 - (120 + 35);
    let totals = shop.totals(2).await;
    assert_eq!(
        (&totals["opening_debt_balance_amount"], &totals["repay_amount"]),
        (&json!(10_000), &json!(net))
    );
    assert_eq!(totals["closing_debt_balance_amount"], 10_000 - net);
    let period = "start_date=2026-11-23T00:00:00Z&end_date=2026-11-24T00:00:00Z";
    let summary = shop.get(&format!("/settlements/v1/payouts/summary?{period}")).await;
    assert_eq!(summary.body[0]["summary_total_sale_amount"], 14_000);
    shop.end().await;
}

#[tokio::test]
async fn long_lists_come_in_pages() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    for reference in ["A", "B", "C"] {
        shop.sell(&token, reference, 100).await;
    }
    let mut path = "/settlements/v1/transactions?size=4".to_owned();
    let (mut seen, mut pages) = (0, 0);
    loop {
        let page = shop.get(&path).await;
        seen += page.body["transactions"].as_array().unwrap().len();
        pages += 1;
        let next = page.text("/pagination/next");
        match next.strip_prefix(&shop.sandbox.url()) {
            Some(next) => path = next.to_owned(),
            None => break,
        }
    }
    assert_eq!((seen, pages), (9, 3));
    for wrong in ["size=501", "size=a", "offset=-1"] {
        let said = shop.get(&format!("/settlements/v1/transactions?{wrong}")).await;
        assert_eq!((said.status, said.code()), (400, "BAD_VALUE"), "{wrong}");
    }
    shop.end().await;
}

#[tokio::test]
async fn reports_are_files_of_the_same_sums() {
    let shop = Shop::open().await;
    let token = shop.link("anna@example.com").await;
    shop.sell(&token, "A", 12_345).await;
    shop.sandbox.pay_out();
    let payout = shop.get("/settlements/v1/payouts").await.text("/payouts/0/payment_reference");
    let file = async |report: &str| {
        let address = format!("{}/settlements/v1/reports/{report}", shop.sandbox.url());
        let request = shop.client.get(address).basic_auth(super::USERNAME, Some(super::PASSWORD));
        let answer = request.send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.bytes().await.unwrap())
    };
    let (status, kind, csv) = file(&format!("payout-with-transactions?payment_reference={payout}")).await;
    assert_eq!((status, kind.as_str()), (200, "text/csv"));
    let text = String::from_utf8(csv.to_vec()).unwrap();
    assert!(text.contains("SALE;PURCHASE;123.45;EUR;"), "{text}");
    let (status, kind, pdf) = file(&format!("payout?payment_reference={payout}")).await;
    assert_eq!((status, kind.as_str()), (200, "application/pdf"));
    assert!(pdf.starts_with(b"%PDF-") && pdf.ends_with(b"%%EOF\n"));
    let (status, kind, body) = file("payout-with-transactions?payment_reference=NONE").await;
    assert_eq!((status, kind.as_str()), (404, "text/csv"));
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error_code"], "NOT_FOUND");
    assert_eq!(file("payouts-summary").await.0, 400, "the period is required");
    shop.end().await;
}
