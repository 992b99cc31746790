//! Problem: what a refused request is told (RFC 9457).
//!
//! A problem has a stable `code` that programs may switch on, a text for people, pointers to what was wrong in the body,
//! and says whether the same request may succeed later. What went wrong inside goes into the request's log line,
//! never to the caller.

use std::error::Error as StdError;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::{DebtId, Sku};
use crate::money::Money;
use crate::quantity::Quantity;

/// One thing that was wrong in a request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body, or the name of a parameter.
    pub pointer: String,
    /// What was wrong, for people.
    pub detail: String,
}

/// A product that may be bought instead of another one, in the store that was asked about, at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    /// The retailer's number of the product.
    pub sku: Sku,
    /// The product's name.
    pub name: String,
    /// What everybody pays now for one piece, or for `priced_per`, tax included.
    pub price: Money,
    /// What `price` is for when it is not for a piece.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priced_per: Option<Quantity>,
}

/// Something that the shopper owes, and has to pay before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwedDebt {
    /// Which debt: pay it with `POST /v1/debts/{id}/pay`.
    pub id: DebtId,
    /// How much.
    pub amount: Money,
    /// The number of the order that it came of.
    pub reference: String,
    /// Since when it is owed.
    pub since: DateTime<Utc>,
}

/// A problem as it is sent (RFC 9457), media type `application/problem+json`.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI that names the kind of problem: `urn:aisle:problem:` and the code.
    pub r#type: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code that programs switch on.
    pub code: String,
    /// What went wrong this time and what to do next.
    pub detail: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What was wrong in the request, one by one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// What the store sells instead of a product that it does not sell, the best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<Alternative>,
    /// From when on the same request would succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What the shopper owes and has to pay before, the longest owed first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub debts: Vec<OwedDebt>,
}

/// Why a request was not done.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: Box<str>,
    faults: Vec<Fault>,
    // Boxed, because every fallible function returns a problem, and few have any of it.
    more: Option<Box<More>>,
    retry_after_seconds: Option<u32>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What only some problems say.
#[derive(Debug, Default)]
struct More {
    alternatives: Vec<Alternative>,
    debts: Vec<OwedDebt>,
    until: Option<DateTime<Utc>>,
}

impl Problem {
    /// A problem with a status, a stable code in `snake_case` and a text for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into().into_boxed_str(),
            faults: Vec::new(),
            more: None,
            retry_after_seconds: None,
            source: None,
        }
    }

    /// 400: the request can't be read.
    pub fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 401: the caller is not known.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
    }

    /// 403: the caller is known and may not do this.
    pub fn forbidden(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    /// 404: there is no such thing, or it is not the caller's.
    pub fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, detail)
    }

    /// 409: the state of the thing does not allow it.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    /// 422: the request can be read and makes no sense.
    pub fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// 503: not now; the same request may succeed after a while.
    pub fn unavailable(code: &'static str, detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
        Self { retry_after_seconds: Some(retry_after_seconds), ..problem }
    }

    /// 500: a mistake of ours; the source is logged and never sent.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let problem = Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong on our side. The request may be sent again.",
        );
        Self { source: Some(source.into()), ..problem }
    }

    /// Adds what was wrong in the request, by JSON pointer or parameter name.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        self.faults.push(Fault { pointer: pointer.into(), detail: detail.into() });
        self
    }

    /// Adds what may be bought instead.
    #[must_use]
    pub fn offering(mut self, alternatives: Vec<Alternative>) -> Self {
        self.more().alternatives = alternatives;
        self
    }

    /// Adds from when on the same request would succeed, where that is known.
    #[must_use]
    pub fn until(mut self, moment: Option<DateTime<Utc>>) -> Self {
        self.more().until = moment;
        self
    }

    /// Adds what has to be paid before.
    #[must_use]
    pub fn owing(mut self, debts: Vec<OwedDebt>) -> Self {
        self.more().debts = debts;
        self
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    fn body(self) -> ProblemBody {
        let More { alternatives, debts, until } = *self.more.unwrap_or_default();
        ProblemBody {
            r#type: format!("urn:aisle:problem:{}", self.code),
            title: self.code.replace('_', " "),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            retryable: self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS,
            detail: self.detail.into_string(),
            errors: self.faults,
            alternatives,
            debts,
            until,
        }
    }
}

/// What a refused request's log line says, carried by the response to the one who writes that line (`http/trace.rs`).
#[derive(Clone, Debug)]
pub struct Reason {
    /// The stable code.
    pub code: &'static str,
    /// What went wrong inside.
    pub source: Option<String>,
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let source = self.source.take().map(|source| source.to_string());
        let reason = Reason { code: self.code, source };
        let status = self.status;
        let retry_after = self.retry_after_seconds;
        let body = serde_json::to_vec(&self.body()).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.extensions_mut().insert(reason);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self {
                source: Some(error.into()),
                ..Self::unavailable("overloaded", "The database is busy. Try again shortly.", 1)
            },
            sqlx::Error::Database(error) if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) => Self {
                source: Some(sqlx::Error::Database(error).into()),
                ..Self::unavailable("overloaded", "The database is busy. Try again shortly.", 1)
            },
            error => Self::internal(error),
        }
    }
}

/// PostgreSQL's code of a wait for a lock that took too long.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Something that went wrong inside and has no meaning for the caller: it rolls the transaction back and is logged where
/// it is answered.
pub type Internal = Box<dyn StdError + Send + Sync>;
