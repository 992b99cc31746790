//! The routes of the room: what shoppers and staff see of shipments, labels, hand-over, and corrected addresses.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::address::{Address, AddressFault};
use super::carrier::{CallError, LabelFormat};
use super::model::{Direction, ShipmentState};
use super::request::Error;
use super::store::{self, Shipment};
use super::view::{self, ShipmentList, ShipmentView};
use super::{correct, labels, notice, reissue, terms};
use crate::app::App;
use crate::error::{Problem, ProblemBody};
use crate::http::extract::{Json, Path, Query, Raw};
use crate::http::reply::Reply;
use crate::identity::{Caller, Role, Staff};
use crate::ids::{ShipmentId, StoreId};

/// Shipments of one page: a screen to scroll, small enough to send at once.
const PAGE: usize = 100;
/// When a courier that did not answer is recalled again.
const RECALL_AGAIN_SECONDS: u32 = 30;

/// The routes of the room.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(get_shipment))
        .routes(routes!(get_label))
        .routes(routes!(get_qr_label))
        .routes(routes!(post_reissue))
        .routes(routes!(list_shipments))
        .routes(routes!(put_recipient))
        .routes(routes!(receive_notice))
        .merge(super::closing::http::routes())
        .merge(super::pickups::http::routes())
        .merge(super::returns::http::routes())
        .merge(super::places::routes())
        .merge(super::follow::routes())
        .merge(super::hand_over::http::routes())
        .merge(super::hold_back::routes())
        .merge(super::repack::http::routes())
        .merge(super::tasks::http::routes())
}

/// A shipment: its state, its parcels with their numbers, and what the courier told. For its shopper and the store's staff.
#[utoipa::path(
    get,
    path = "/v1/shipments/{id}",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    responses(
        (status = 200, description = "The shipment.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or a partner.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or it is another shopper's.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn get_shipment(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<ShipmentId>,
) -> Result<Reply<ShipmentView>, Problem> {
    let (shipment, for_staff) = visible(&app, &caller, id).await?;
    Ok(Reply(StatusCode::OK, view::shipment(&app, shipment, for_staff).await?))
}

/// Which form of a label.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelQuery {
    format: Option<LabelFormat>,
}

/// The label of a parcel, to print and stick on it: the one that is kept, or the same in another form from the courier. For the
/// store's staff, and of a return for its shopper.
#[utoipa::path(
    get,
    path = "/v1/shipments/{id}/labels/{parcel}",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment."),
        ("parcel" = i64, Path, description = "Which of its parcels, from 1."),
        ("format" = Option<LabelFormat>, Query, description = "The form; without it the one that is kept."),
    ),
    responses(
        (status = 200, description = "The label.", content((Vec<u8> = "application/pdf"), (Vec<u8> = "application/zpl"))),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff and it is no return.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or no label (yet): not every courier gives one.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The courier gives the label in the form that is kept, and in no other (any more).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "Another form was asked for, and the courier does not answer.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn get_label(
    State(app): State<App>,
    caller: Caller,
    Path((id, parcel)): Path<(ShipmentId, i64)>,
    Query(query): Query<LabelQuery>,
) -> Result<Response, Problem> {
    may_print(&app, &caller, id).await?;
    Ok(paper(labels::label(&app, (id, parcel), query.format).await?))
}

/// A code that a shop of the courier prints the label from, for whoever has no printer: where `has_qr_label` says so (DHL's
/// returns).
#[utoipa::path(
    get,
    path = "/v1/shipments/{id}/labels/{parcel}/qr",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment."),
        ("parcel" = i64, Path, description = "Which of its parcels, from 1."),
    ),
    responses(
        (status = 200, description = "The picture of the code.", body = Vec<u8>, content_type = "image/png"),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff and it is no return.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or no code of its label (yet).", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("shopper" = []), ("staff" = []))
)]
async fn get_qr_label(
    State(app): State<App>,
    caller: Caller,
    Path((id, parcel)): Path<(ShipmentId, i64)>,
) -> Result<Response, Problem> {
    may_print(&app, &caller, id).await?;
    let code = labels::qr_label(&app, (id, parcel)).await?;
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::OK, headers, code).into_response())
}

fn paper(printed: labels::Printed) -> Response {
    let headers = [
        (header::CONTENT_TYPE, printed.label.format.media_type().to_owned()),
        // A label is a name and an address.
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::ETAG, format!("\"{}\"", printed.sha256)),
    ];
    (StatusCode::OK, headers, printed.label.bytes).into_response()
}

/// In which form to make a label anew.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reissue {
    format: LabelFormat,
}

/// Have a label made anew where the courier gives the same one never again (GLS): the parcel has another number then, and the
/// old label must not be used.
#[utoipa::path(
    post,
    path = "/v1/shipments/{id}/labels/{parcel}/reissue",
    tag = "delivery",
    params(
        ("id" = ShipmentId, Path, description = "The shipment."),
        ("parcel" = i64, Path, description = "Which of its parcels, from 1."),
    ),
    request_body = Reissue,
    responses(
        (status = 200, description = "The new label.", content((Vec<u8> = "application/pdf"), (Vec<u8> = "application/zpl"))),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment, or no label (yet).", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The courier gives the same label again, has the parcel already, or refused; the old label stays good.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The courier was not heard; or its answer was lost, and which label is good is being found out.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn post_reissue(
    State(app): State<App>,
    staff: Staff,
    Path((id, parcel)): Path<(ShipmentId, i64)>,
    Json(wanted): Json<Reissue>,
) -> Result<Response, Problem> {
    of_store(&app, &staff, Role::Clerk, id).await?;
    reissue::reissue(&app, id, parcel, wanted.format).await?;
    Ok(paper(labels::label(&app, (id, parcel), None).await?))
}

/// Staff print what leaves the store, shoppers what they send back.
async fn may_print(app: &App, caller: &Caller, id: ShipmentId) -> Result<(), Problem> {
    let (shipment, for_staff) = visible(app, caller, id).await?;
    if for_staff || shipment.direction == Direction::Return {
        return Ok(());
    }
    Err(Problem::forbidden("other_caller", "The label is for the store's staff."))
}

/// Which shipments to list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    direction: Option<Direction>,
    state: Option<ShipmentState>,
    after: Option<ShipmentId>,
}

/// Shipments of a store, oldest first: with `state=booked` those that wait to be handed over.
#[utoipa::path(
    get,
    path = "/v1/stores/{store}/shipments",
    tag = "delivery",
    params(
        ("store" = StoreId, Path, description = "The store."),
        ("direction" = Option<Direction>, Query, description = "Only those that go this way: with `return` and `state=delivered` those whose goods are to be looked at."),
        ("state" = Option<ShipmentState>, Query, description = "Only those in this state."),
        ("after" = Option<ShipmentId>, Query, description = "Go on after this one: `next` of the page before."),
    ),
    responses(
        (status = 200, description = "A page of shipments.", body = ShipmentList),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is of another store, or no staff.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn list_shipments(
    State(app): State<App>,
    staff: Staff,
    Path(store): Path<StoreId>,
    Query(query): Query<ListQuery>,
) -> Result<Reply<ShipmentList>, Problem> {
    staff.must(Role::Clerk, &store)?;
    let limit = i64::try_from(PAGE + 1).unwrap_or(i64::MAX);
    let rows = store::of_store(&app.db, &store, (query.state, query.direction), query.after, limit).await?;
    Ok(Reply(StatusCode::OK, view::list(rows, PAGE)))
}

/// Correct where a shipment goes, before it is handed over; what was refused or booked for the old address is booked anew. What the
/// courier says of the address is shown, and changes nothing.
#[utoipa::path(
    put,
    path = "/v1/shipments/{id}/recipient",
    tag = "delivery",
    params(("id" = ShipmentId, Path, description = "The shipment.")),
    request_body = Address,
    responses(
        (status = 200, description = "Corrected; the booking goes on.", body = ShipmentView),
        (status = 400, description = "The request can't be read.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "The caller is not known.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 403, description = "The caller is no supervisor of the store.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such shipment.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The shipment was handed over or cancelled.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "The address has faults; see errors.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(("staff" = []))
)]
async fn put_recipient(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<ShipmentId>,
    Json(recipient): Json<Address>,
) -> Result<Reply<ShipmentView>, Problem> {
    of_store(&app, &staff, Role::Supervisor, id).await?;
    let shipment = correct::correct(&app, id, recipient).await?;
    // Staff know better than a courier's map, so they are told and not stopped.
    let address = correct::checked(&app, &shipment).await;
    let Reply(status, mut view) = seen_by_staff(&app, id).await?;
    view.address = address;
    Ok(Reply(status, view))
}

/// Take in a message of a courier, proven by its signature or, where the courier signs nothing, by the secret that it bears.
/// What it says is only a hint: the courier is asked.
#[utoipa::path(
    post,
    path = "/v1/webhooks/delivery/{courier}",
    tag = "delivery",
    params(("courier" = String, Path, description = "The courier: dhl, uber or ups.")),
    request_body(content = String, description = "The message as it was sent", content_type = "application/json"),
    responses(
        (status = 200, description = "Taken."),
        (status = 400, description = "The message is not proven to be the courier's.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The courier is not configured, or sends no messages that can be proven.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 413, description = "The message is too large.", body = ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The courier could not be answered: send the message again.", body = ProblemBody, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn receive_notice(
    State(app): State<App>,
    Path(courier): Path<String>,
    headers: HeaderMap,
    Raw(body): Raw,
) -> Result<StatusCode, Problem> {
    match notice::receive(&app, &courier, &headers, &body).await {
        Ok(()) => Ok(StatusCode::OK),
        Err(notice::Refused::Absent) => {
            Err(Problem::not_found("courier_absent", "No courier of this name sends messages here."))
        }
        Err(notice::Refused::Forged(reason)) => {
            metrics::counter!("aisle_delivery_notices_refused_total", "carrier" => courier).increment(1);
            tracing::warn!("a courier's message was refused: {reason}");
            Err(Problem::bad_request(
                "notice_unproven",
                "The message does not prove that it comes from the courier.",
            ))
        }
        Err(notice::Refused::Unanswered(error)) => {
            tracing::warn!("a courier could not be answered: {error}");
            Err(Problem::unavailable(
                "courier_unanswered",
                "The courier could not be answered; send it again.",
                60,
            ))
        }
        Err(notice::Refused::Failed(error)) => Err(Problem::internal(error)),
    }
}

/// Which day of a store's.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayQuery {
    day: Option<NaiveDate>,
}

impl DayQuery {
    /// The day that was named, or else today by the store's clock.
    pub(super) fn or_today(&self, app: &App, at: &StoreId) -> NaiveDate {
        self.day.unwrap_or_else(|| terms::local(app, at, app.clock.now()).date())
    }
}

/// The shipment, if the caller may see it, and whether they see what staff see.
pub(super) async fn visible(app: &App, caller: &Caller, id: ShipmentId) -> Result<(Shipment, bool), Problem> {
    let shipment = store::find(&app.db, id).await?.ok_or(Error::Unknown)?;
    match caller {
        Caller::Shopper(shopper) if shopper.id == shipment.shopper => Ok((shipment, false)),
        Caller::Shopper(_) => Err(Error::Unknown.into()),
        Caller::Staff(staff) => {
            staff.must(Role::Clerk, &shipment.store)?;
            Ok((shipment, true))
        }
        Caller::Partner(_) => {
            Err(Problem::forbidden("other_caller", "This route is for shoppers and staff."))
        }
    }
}

/// The shipment, if the caller has this role in its store.
pub(super) async fn of_store(
    app: &App,
    staff: &Staff,
    role: Role,
    id: ShipmentId,
) -> Result<Shipment, Problem> {
    let shipment = store::find(&app.db, id).await?.ok_or(Error::Unknown)?;
    staff.must(role, &shipment.store)?;
    Ok(shipment)
}

pub(super) async fn seen_by_staff(app: &App, id: ShipmentId) -> Result<Reply<ShipmentView>, Problem> {
    let shipment = store::find(&app.db, id).await?.ok_or(Error::Unknown)?;
    Ok(Reply(StatusCode::OK, view::shipment(app, shipment, true).await?))
}

impl From<reissue::Error> for Problem {
    fn from(error: reissue::Error) -> Self {
        match error {
            reissue::Error::NotNeeded => Self::conflict(
                "reissue_not_needed",
                "This courier gives the same label again: GET it, with the format that you want.",
            ),
            reissue::Error::Missing => labels::Error::Missing.into(),
            reissue::Error::State(state) => Error::State(state).into(),
            reissue::Error::Refused(words) => {
                Self::conflict("reissue_refused", format!("The old label stays good: {words}."))
            }
            reissue::Error::Unheard(words) => labels::Error::Unheard(CallError::NotSent(words)).into(),
            reissue::Error::Unsettled(words) => {
                tracing::info!("what became of a label is being found out: {words}");
                Self::unavailable(
                    "reissue_unsettled",
                    "Which label is good is being found out: wait until the shipment is booked, and print then.",
                    60,
                )
            }
            reissue::Error::News(source) => Self::internal(source),
            reissue::Error::Database(error) => error.into(),
        }
    }
}

impl From<labels::Error> for Problem {
    fn from(error: labels::Error) -> Self {
        match error {
            labels::Error::Missing => {
                Self::not_found("label_missing", "The parcel has no label (yet); see its shipment.")
            }
            labels::Error::NotGiven => Self::not_found(
                "label_not_given",
                "This courier's parcels bear no label: hand it over as it is.",
            ),
            labels::Error::Only(kept) => Self::conflict(
                "label_form_unavailable",
                format!(
                    "The courier gives this label in no other form (any more): print it as {kept}, or have it made anew."
                ),
            ),
            labels::Error::Unheard(error) => {
                tracing::info!("a label was not had again: {error}");
                Self::unavailable("courier_unheard", "The courier does not answer; ask again.", 30)
            }
            labels::Error::Database(error) => error.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unknown => Self::not_found("shipment_unknown", "There is no such shipment."),
            Error::State(state) => {
                let next = match state {
                    ShipmentState::Requested => "it must be booked first; wait, or see its trouble",
                    ShipmentState::Cancelled => "it was cancelled and stays here",
                    _ => "the courier has it already",
                };
                Self::conflict("shipment_state", format!("The shipment is {state}: {next}."))
            }
            Error::Return => Self::conflict(
                "shipment_is_return",
                "The shipment is a return: the shopper gives it to the courier, and it goes to the store.",
            ),
            Error::PartlyGiven => Self::conflict(
                "shipment_partly_given",
                "A part of the shipment is with its courier. Hand the rest over, or say that it was packed without it.",
            ),
            Error::HeldBack(reason) => Self::conflict(
                "shipment_held_back",
                format!(
                    "The shipment is held back: {reason}. A supervisor lets it go, or the order is cancelled."
                ),
            ),
            Error::CalledOff(parcel) => Self::conflict(
                "parcel_called_off",
                format!("The courier called the booking of parcel {parcel} off, and does not bring it."),
            ),
            Error::BeingPicked => Self::conflict(
                "order_being_picked",
                "Somebody is picking the goods of the shipment. Let them say what they picked, or put the order down.",
            ),
            Error::Kept { .. } => Self::conflict(
                "courier_keeps",
                format!("Not taken back: {error}. Its goods can come back as a return."),
            ),
            Error::Unheard(_) => Self::unavailable(
                "courier_unreachable",
                format!("Not taken back: {error}. Ask again."),
                RECALL_AGAIN_SECONDS,
            ),
            Error::Address(faults) => {
                let problem = Self::unprocessable("address_invalid", "Correct the address; see errors.");
                faults.into_iter().fold(problem, AddressFault::told)
            }
            Error::Parcels => Self::unprocessable("parcels_invalid", error.to_string()),
            Error::News(source) => Self::internal(source),
            Error::Database(error) => error.into(),
        }
    }
}
