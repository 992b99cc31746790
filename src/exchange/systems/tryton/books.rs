//! Sales and returns as sales of Tryton's points of sale: created, processed, which numbers them, and posted, which moves
//! stock and money.
//!
//! Such a sale has no field for a number of ours, so one whose answer got lost can't be found again: sales that our own user
//! left open and that nobody knows are deleted, which Tryton allows until they have a number.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::number;
use super::rpc::Rpc;
use super::sale::{self, Product};
use super::wire::id_of;
use crate::checkout::Document;
use crate::exchange::books::{Books, PostError, Reached};
use crate::exchange::connections::{Connection, Sales};
use crate::exchange::node::Node;
use crate::exchange::system::CallError;

/// Process, and post.
const STEPS: i64 = 2;

/// The books of a company.
#[derive(Debug)]
pub(in crate::exchange::systems) struct TrytonBooks {
    rpc: Rpc,
    company: Value,
    time_zone: chrono_tz::Tz,
    digits: u32,
    sales: Sales,
}

impl TrytonBooks {
    /// The books of a connection that takes sales.
    pub(in crate::exchange::systems) fn new(connection: &Connection, http: reqwest::Client) -> Option<Self> {
        let sales = connection.sales.clone()?;
        let password = connection.secrets.get("password").cloned().unwrap_or_default();
        Some(Self {
            rpc: Rpc::new(connection.url.as_str(), &sales.user, password, http),
            company: connection.company.as_deref().map_or(Value::Null, number),
            time_zone: connection.time_zone,
            digits: connection.currency.digits(),
            sales,
        })
    }

    fn context(&self) -> Value {
        json!({ "company": self.company })
    }

    async fn call(&self, model: &str, method: &str, first: Value) -> Result<Node, PostError> {
        self.rpc.call(&format!("model.{model}.{method}"), json!([first, self.context()])).await
    }

    async fn search(&self, model: &str, domain: Value, fields: &[&str]) -> Result<Vec<Node>, CallError> {
        let params = json!([domain, 0, null, [["id", "ASC"]], fields, self.context()]);
        match self.rpc.call(&format!("model.{model}.search_read"), params).await {
            Ok(Node::List(rows)) => Ok(rows),
            Ok(other) => Err(CallError::Unavailable(format!("the answer is {} and no list", other.kind()))),
            Err(PostError::Call(call)) => Err(call),
            Err(PostError::Refused(why)) => Err(CallError::Schema(why)),
        }
    }

    /// Articles by their codes; those that are not sold any more too, because they were.
    async fn products(&self, codes: BTreeSet<&str>) -> Result<HashMap<String, Product>, CallError> {
        let codes: Vec<&str> = codes.into_iter().collect();
        let domain = json!([["code", "in", codes], ["active", "in", [true, false]]]);
        let rows = self.search("product.product", domain, &["code", "sale_uom.symbol"]).await?;
        let mut products = HashMap::new();
        for row in &rows {
            let symbol = row.get("sale_uom.").and_then(|unit| unit.get("symbol")).and_then(Node::text);
            let (Some(id), Some(code)) = (id_of(row), row.get("code").and_then(Node::text)) else { continue };
            let unit = symbol.and_then(|symbol| self.sales.unit(symbol));
            let symbol = symbol.unwrap_or_default().to_owned();
            let is_double = products.insert(code.to_owned(), Product { id, symbol, unit }).is_some();
            if is_double {
                return Err(CallError::Schema(format!("two articles have the code {code}")));
            }
        }
        Ok(products)
    }
}

#[async_trait]
impl Books for TrytonBooks {
    fn steps(&self) -> i64 {
        STEPS
    }

    async fn draft(&self, documents: &[&Document]) -> Result<Vec<String>, PostError> {
        let codes = documents.iter().flat_map(|document| sale::codes(document, &self.sales));
        let products = self.products(codes.collect()).await?;
        let till = sale::Till {
            company: &self.company,
            time_zone: self.time_zone,
            digits: self.digits,
            sales: &self.sales,
            products: &products,
        };
        let values = documents.iter().map(|document| till.values(document));
        let values = values.collect::<Result<Vec<_>, _>>().map_err(PostError::Refused)?;
        let made = self.call("sale.point.sale", "create", Value::Array(values)).await?;
        Ok(made.items().iter().filter_map(Node::text).map(str::to_owned).collect())
    }

    async fn recover(
        &self,
        _documents: &[&Document],
        known: &[String],
    ) -> Result<Vec<Option<String>>, PostError> {
        let user = self.rpc.user().await?;
        let domain = json!([["state", "=", "open"], ["create_uid", "=", user]]);
        let open = self.search("sale.point.sale", domain, &["id"]).await?;
        let lost = open.iter().filter_map(id_of).filter(|id| !known.contains(id));
        let lost: Vec<Value> = lost.map(|id| number(&id)).collect();
        if !lost.is_empty() {
            tracing::info!(
                sales = lost.len(),
                "sales whose answers got lost are taken back and drafted again"
            );
            self.call("sale.point.sale", "delete", Value::Array(lost)).await?;
        }
        Ok(Vec::new())
    }

    async fn step(&self, step: i64, ids: &[String]) -> Result<(), PostError> {
        let method = if step == 1 { "process" } else { "post" };
        self.call("sale.point.sale", method, ids.iter().map(|id| number(id)).collect()).await?;
        if step > 1 {
            return Ok(());
        }
        // A sale that is not paid to the cent stays open, without an error.
        let reached = self.reached(ids).await?;
        if reached.len() == ids.len() && reached.iter().all(|each| each.steps >= Some(1)) {
            Ok(())
        } else {
            Err(PostError::Refused("its payments do not come to its lines there".to_owned()))
        }
    }

    async fn reached(&self, ids: &[String]) -> Result<Vec<Reached>, CallError> {
        let ids: Vec<Value> = ids.iter().map(|id| number(id)).collect();
        let rows = self.search("sale.point.sale", json!([["id", "in", ids]]), &["state", "number"]).await?;
        let reached = rows.iter().filter_map(|row| {
            let steps = match row.get("state")?.text()? {
                "open" => Some(0),
                "done" => Some(1),
                "posted" => Some(2),
                _ => None,
            };
            let reference = row.get("number").and_then(Node::text).map(str::to_owned);
            Some(Reached { id: id_of(row)?, steps, reference })
        });
        Ok(reached.collect())
    }
}
