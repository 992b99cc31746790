//! Sales as invoices and returns as credit memos: each with its lines in one call, with a number of ours
//! (`externalDocumentNumber`) by which it is looked for when an answer got lost, and posted by one action.
//!
//! What the connection's file calls a till is a customer of the books, for sales of which no account was debited; a provider's
//! way to pay is the customer that owes what the provider collected, and that of vouchers and points is a ledger account.

use std::collections::BTreeSet;

use async_trait::async_trait;
use reqwest::Method;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::{BusinessCentral, text};
use crate::checkout::{Document, DocumentKind, Item, Means};
use crate::exchange::books::{Books, PostError, Reached};
use crate::exchange::connections::Sales;
use crate::exchange::system::CallError;

/// Digits of a unit price.
const PRICE_DIGITS: u32 = 5;

/// The table of a kind of document.
fn table(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Sale => "salesInvoices",
        DocumentKind::Return => "salesCreditMemos",
    }
}

/// Our number of a document, of at most 35 characters: that of the order, and which of its documents it is.
fn our_number(document: &Document) -> String {
    let (name, id) = document.key.split_once(' ').unwrap_or((&document.key, ""));
    let end = id.rsplit('-').next().unwrap_or_default();
    format!("{}-{name}{end}", document.number).chars().take(35).collect()
}

impl BusinessCentral {
    fn sales(&self) -> Result<&Sales, PostError> {
        self.sales.as_ref().ok_or_else(|| PostError::Refused("the file has no section [sales]".to_owned()))
    }

    fn amount(&self, minor: i64) -> Decimal {
        Decimal::new(minor, self.digits)
    }

    /// The lines of a document, prices with tax.
    async fn lines(&self, document: &Document, sales: &Sales) -> Result<Vec<Value>, PostError> {
        let numbers = document.lines.iter().map(|line| sales.code(line).map_err(PostError::Refused));
        let numbers = numbers.collect::<Result<BTreeSet<_>, _>>()?;
        let items = self.by_number("items", numbers, &["number", "baseUnitOfMeasure"]).await?;
        let mut lines = Vec::new();
        for line in &document.lines {
            let number = sales.code(line).map_err(PostError::Refused)?;
            let refused = |why: &str| PostError::Refused(format!("{why} {number}"));
            let (id, unit) = items.get(number).ok_or_else(|| refused("there is no article"))?;
            let quantity = match &line.item {
                Item::Goods { quantity, .. } => match sales.unit(unit) {
                    Some((unit, each)) if unit == quantity.unit() => {
                        Decimal::from(quantity.amount()) / Decimal::from(each)
                    }
                    _ => return Err(refused("the unit there is another than it was sold in:")),
                },
                _ => Decimal::ONE,
            };
            let gross = line.gross().map_err(|error| PostError::Refused(error.to_string()))?;
            let price = (self.amount(gross.minor()) / quantity)
                .round_dp_with_strategy(PRICE_DIGITS, RoundingStrategy::MidpointNearestEven);
            lines.push(json!({
                "lineType": "Item", "itemId": id, "description": line.name.chars().take(100).collect::<String>(),
                "quantity": number_of(quantity)?, "unitPrice": number_of(price)?,
            }));
        }
        Ok(lines)
    }

    /// What vouchers and points paid, as lines of their accounts that lessen the document.
    async fn credits(&self, document: &Document, sales: &Sales) -> Result<Vec<Value>, PostError> {
        let is_back = document.kind == DocumentKind::Return;
        let mut paid = Vec::new();
        for payment in &document.payments {
            if !matches!(payment.means, Means::Account(_)) {
                let account = sales.method(&payment.means, is_back);
                let none = || PostError::Refused(format!("{:?} has no account in the file", payment.means));
                paid.push((account.ok_or_else(none)?, payment.amount));
            }
        }
        if paid.is_empty() {
            return Ok(Vec::new());
        }
        let numbers = paid.iter().map(|(number, _)| *number).collect();
        let accounts = self.by_number("accounts", numbers, &["number"]).await?;
        let mut lines = Vec::new();
        for (number, amount) in paid {
            let none = || PostError::Refused(format!("there is no account {number}"));
            let (id, _) = accounts.get(number).ok_or_else(none)?;
            lines.push(json!({
                "lineType": "Account", "accountId": id, "quantity": -1,
                "unitPrice": number_of(self.amount(amount.minor()))?,
            }));
        }
        Ok(lines)
    }

    /// Who owes what was debited: the customer of the provider, or of the store where nothing was.
    fn customer<'a>(document: &Document, sales: &'a Sales) -> Option<&'a str> {
        let is_back = document.kind == DocumentKind::Return;
        let account = document.payments.iter().find(|payment| matches!(payment.means, Means::Account(_)));
        match account {
            Some(payment) => sales.method(&payment.means, is_back),
            None => sales.stores.get(&document.store).map(String::as_str),
        }
    }

    async fn draft_one(&self, document: &Document) -> Result<String, PostError> {
        let sales = self.sales()?;
        let customer = Self::customer(document, sales);
        let customer =
            customer.ok_or_else(|| PostError::Refused("no customer in the file owes it".to_owned()))?;
        let mut lines = self.lines(document, sales).await?;
        lines.extend(self.credits(document, sales).await?);
        let (table, day) = (table(document.kind), document.at.with_timezone(&self.time_zone).date_naive());
        let (date, list) = match document.kind {
            DocumentKind::Sale => ("invoiceDate", "salesInvoiceLines"),
            DocumentKind::Return => ("creditMemoDate", "salesCreditMemoLines"),
        };
        // The contract has a moment where the product keeps a day.
        let mut body = json!({ "externalDocumentNumber": our_number(document), "customerNumber": customer });
        body[date] = json!(format!("{day}T00:00:00Z"));
        body[list] = Value::Array(lines);
        let made = self.call(Method::POST, &format!("{}/{table}", self.base), &[], Some(&body)).await?;
        let id = text(&made, "id").ok_or_else(|| CallError::Schema("a new document has no id".to_owned()))?;
        let id = format!("{table}({id})");
        // Vouchers and points lessen it; what is left is what the customer owes.
        let paid = document.payments.iter().filter(|payment| matches!(payment.means, Means::Account(_)));
        let owed = self.amount(paid.map(|payment| payment.amount.minor()).sum());
        let told = text(&made, "totalAmountIncludingTax").and_then(|amount| amount.parse::<Decimal>().ok());
        if told.is_some_and(|told| told != owed) {
            self.call(Method::DELETE, &format!("{}/{id}", self.base), &[], None).await?;
            let told = told.unwrap_or_default().normalize();
            return Err(PostError::Refused(format!("it comes to {told} there and to {owed} here")));
        }
        Ok(id)
    }
}

/// A number as it is written, without a float on the way.
fn number_of(value: Decimal) -> Result<Value, PostError> {
    let text = value.normalize().to_string();
    let number: Result<serde_json::Number, _> = text.parse();
    number.map(Value::Number).map_err(|_| PostError::Refused(format!("{text} is no number")))
}

#[async_trait]
impl Books for BusinessCentral {
    fn steps(&self) -> i64 {
        1
    }

    fn together(&self) -> usize {
        1
    }

    async fn draft(&self, documents: &[&Document]) -> Result<Vec<String>, PostError> {
        let mut ids = Vec::new();
        for document in documents {
            ids.push(self.draft_one(document).await?);
        }
        Ok(ids)
    }

    async fn recover(&self, documents: &[&Document], _: &[String]) -> Result<Vec<Option<String>>, PostError> {
        let mut found = Vec::new();
        for document in documents {
            let (table, number) = (table(document.kind), our_number(document));
            let filter = format!("externalDocumentNumber eq '{number}'");
            let rows = self.search(table, filter, &[]).await?;
            found.push(rows.first().and_then(|row| Some(format!("{table}({})", text(row, "id")?))));
        }
        Ok(found)
    }

    async fn step(&self, _: i64, ids: &[String]) -> Result<(), PostError> {
        for id in ids {
            self.call(Method::POST, &format!("{}/{id}/Microsoft.NAV.post", self.base), &[], None).await?;
        }
        Ok(())
    }

    async fn reached(&self, ids: &[String]) -> Result<Vec<Reached>, CallError> {
        if ids.is_empty() {
            // Whether it lets us in at all.
            self.get(&format!("{}/companies", self.url), &[]).await?;
        }
        let mut reached = Vec::new();
        for id in ids {
            let Some((table, key)) = id.trim_end_matches(')').split_once('(') else { continue };
            let rows = self.search(table, format!("id eq {key}"), &["number", "status"]).await?;
            let Some(row) = rows.first() else { continue };
            let steps = match text(row, "status").as_deref() {
                Some("Draft" | "In Review") => Some(0),
                Some("Open" | "Paid") => Some(1),
                _ => None,
            };
            reached.push(Reached { id: id.clone(), steps, reference: text(row, "number") });
        }
        Ok(reached)
    }
}
