//! The routes of debts: what the shopper owes and pays, and what staff see and write off.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::db;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path};
use crate::http::note::Note;
use crate::http::reply::{Reply, wait};
use crate::identity::{Role, Shopper, Staff};
use crate::ids::{CheckoutId, DebtId, MethodId, PaymentId, ShopperId, StoreId};
use crate::money::Money;
use crate::payments::debts::{self, Debt};
use crate::payments::model::{DebtKind, DebtState, DeclineReason, PaymentState};
use crate::payments::{Error, Payment, store};

/// What a shopper owes, or owed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Debt)]
pub struct DebtBody {
    /// Which debt.
    id: DebtId,
    /// How far it is.
    state: DebtState,
    /// How it came about.
    kind: DebtKind,
    /// How much.
    amount: Money,
    /// The number of the order that it came of.
    reference: String,
    /// Who owes it.
    shopper: ShopperId,
    /// The checkout that it came of.
    checkout: CheckoutId,
    /// The store that the goods are from.
    store: StoreId,
    /// Why, in the provider's terms.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<DeclineReason>,
    /// Since when it is owed.
    since: DateTime<Utc>,
    /// When the account that should have paid is tried again by itself; left out, it is left to the shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    try_at: Option<DateTime<Utc>>,
    /// The last payment of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<DebtPayment>,
    /// Why it was written off.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A payment of a debt.
#[derive(Debug, Serialize, ToSchema)]
struct DebtPayment {
    /// Which payment.
    id: PaymentId,
    /// The account that is debited.
    method: MethodId,
    /// How far it is.
    state: PaymentState,
    /// Where the shopper confirms, while `action_required`: open it in a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_url: Option<String>,
    /// Why it was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<DeclineReason>,
}

impl From<Payment> for DebtPayment {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            method: payment.method,
            state: payment.state,
            action_url: payment.action_url,
            decline_reason: payment.decline_reason,
        }
    }
}

/// Debts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Debts)]
pub struct DebtsBody {
    /// At most 100.
    debts: Vec<DebtBody>,
}

impl DebtBody {
    async fn of(app: &App, debt: Debt) -> Result<Self, db::Error> {
        let payment = match store::payments::last_of_debt(&app.db, debt.id).await? {
            Some(payment) => store::payments::find(&app.db, payment).await?,
            None => None,
        };
        Ok(Self {
            id: debt.id,
            state: debt.state,
            kind: debt.kind,
            amount: debt.amount,
            reference: debt.reference,
            shopper: debt.shopper,
            checkout: debt.checkout,
            store: debt.store,
            reason: debt.reason,
            since: debt.created_at,
            try_at: debt.try_at,
            payment: payment.map(DebtPayment::from),
            note: debt.note,
        })
    }

    async fn list(app: &App, debts: Vec<Debt>) -> Result<DebtsBody, db::Error> {
        let mut bodies = Vec::with_capacity(debts.len());
        for debt in debts {
            bodies.push(Self::of(app, debt).await?);
        }
        Ok(DebtsBody { debts: bodies })
    }
}

/// List what the shopper owes or owed, the latest first. While something is `open` or `being_paid`, no new trip begins.
#[utoipa::path(
    get, path = "/v1/debts", tag = "payments", security(("shopper" = [])),
    responses(
        (status = 200, description = "The debts", body = DebtsBody),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_debts(
    State(app): State<App>,
    shopper: Shopper,
) -> Result<Reply<DebtsBody>, Problem> {
    let debts = store::debts::of_shopper(&app.db, shopper.id).await?;
    Ok(Reply(StatusCode::OK, DebtBody::list(&app, debts).await?))
}

/// Read a debt. With `Prefer: wait=10` the answer waits until nothing is on its way, or the shopper has to confirm.
#[utoipa::path(
    get, path = "/v1/debts/{debt}", tag = "payments", security(("shopper" = [])),
    params(
        ("debt" = DebtId, Path, description = "The debt"),
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS` (RFC 7240), at most 20"),
    ),
    responses(
        (status = 200, description = "The debt", body = DebtBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`debt_unknown`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_debt(
    State(app): State<App>,
    shopper: Shopper,
    Path(debt): Path<DebtId>,
    headers: HeaderMap,
) -> Result<Reply<DebtBody>, Problem> {
    Ok(Reply(StatusCode::OK, outcome(&app, shopper.id, debt, &headers).await?))
}

/// Reads a debt of the shopper's, as long as they want to wait, until its payment waits for nobody but them.
async fn outcome(
    app: &App,
    shopper: ShopperId,
    id: DebtId,
    headers: &HeaderMap,
) -> Result<DebtBody, Problem> {
    let look = || async {
        let debt = store::debts::find(&app.db, id).await?.filter(|debt| debt.shopper == shopper);
        Ok::<_, Problem>(DebtBody::of(app, debt.ok_or(Error::DebtUnknown)?).await?)
    };
    let seen = look().await?;
    let Some(payment) = seen.payment.as_ref().filter(|_| is_on_its_way(&seen)) else { return Ok(seen) };
    app.changes.wait_for(payment.id.0, wait(headers), look, |debt| !is_on_its_way(debt)).await
}

fn is_on_its_way(debt: &DebtBody) -> bool {
    let waits_for_shopper =
        debt.payment.as_ref().is_some_and(|payment| payment.state == PaymentState::ActionRequired);
    debt.state == DebtState::BeingPaid && !waits_for_shopper
}

/// What to pay a debt with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DebtPay {
    /// A linked account, the one that should have paid or another.
    payment_method: MethodId,
}

/// Pay a debt with a linked account. With `Prefer: wait=SECONDS` the answer carries the outcome when it is there in time;
/// otherwise 202, and the debt can be read. Sent twice, it debits once.
#[utoipa::path(
    post, path = "/v1/debts/{debt}/pay", tag = "payments", security(("shopper" = [])),
    params(
        ("debt" = DebtId, Path, description = "The debt"),
        ("Prefer" = Option<String>, Header, description = "`wait=SECONDS` (RFC 7240), at most 20"),
    ),
    request_body = DebtPay,
    responses(
        (status = 200, description = "The outcome is there, or the shopper has to confirm at `payment.action_url`", body = DebtBody),
        (status = 202, description = "The provider has not answered yet", body = DebtBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`debt_unknown`, `payment_method_unknown`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`debt_state`: it is being paid with another account, or was ended otherwise; `debt_let_go`: what was begun with another account is given up for this one, send it again in a moment; `payment_method_inactive`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "`amount_not_payable`, `provider_absent`", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn pay_debt(
    State(app): State<App>,
    shopper: Shopper,
    Path(debt): Path<DebtId>,
    headers: HeaderMap,
    Json(body): Json<DebtPay>,
) -> Result<Reply<DebtBody>, Problem> {
    debts::pay(&app, shopper.id, debt, body.payment_method).await?;
    let debt = outcome(&app, shopper.id, debt, &headers).await?;
    let status = if is_on_its_way(&debt) { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok(Reply(status, debt))
}

/// List what is owed to a store, the longest owed first.
#[utoipa::path(
    get, path = "/v1/stores/{store}/debts", tag = "payments", security(("staff" = [])),
    params(("store" = StoreId, Path, description = "The store")),
    responses(
        (status = 200, description = "The debts; settle these to see later ones", body = DebtsBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no supervisor of the store", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_store_debts(
    State(app): State<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
) -> Result<Reply<DebtsBody>, Problem> {
    staff.must(Role::Supervisor, &store)?;
    let debts = store::debts::of_store(&app.db, &store).await?;
    Ok(Reply(StatusCode::OK, DebtBody::list(&app, debts).await?))
}

/// Why a debt is written off.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WriteOff {
    /// The reason, for the books.
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    note: Note,
}

/// Write a debt off: the shopper owes it no more. Not while a payment of it is on its way.
#[utoipa::path(
    post, path = "/v1/debts/{debt}/write-off", tag = "payments", security(("staff" = [])),
    params(("debt" = DebtId, Path, description = "The debt")),
    request_body = WriteOff,
    responses(
        (status = 200, description = "Written off", body = DebtBody),
        (status = 400, description = "The request can't be read", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no staff", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`debt_unknown`: no such debt of a store that the caller supervises", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`debt_state`: it is being paid, or was ended otherwise", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn write_off_debt(
    State(app): State<App>,
    staff: Staff,
    Path(debt): Path<DebtId>,
    Json(body): Json<WriteOff>,
) -> Result<Reply<DebtBody>, Problem> {
    let may = |store: &StoreId| staff.must(Role::Supervisor, store).map_err(|_| Error::DebtUnknown);
    let note: String = body.note.into();
    let debt = debts::write_off(&app, debt, &note, staff.id, may).await?;
    Ok(Reply(StatusCode::OK, DebtBody::of(&app, debt).await?))
}
